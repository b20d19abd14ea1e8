"""What the runs of a sync have in common: one lease with a fence, a line in the log of what each did, and how far they
got in health."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import uuid4

from shared.dataverse.errors import DataverseError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.enreach.errors import EnreachError
from shared.health import Finding, Status
from shared.storage.checkpoints import TABLE
from shared.storage.errors import StorageError
from shared.storage.leases import Lease, LeaseBusyError, LeaseRows, lease

BUDGET = timedelta(minutes=4)
"""How long a run takes on new slices: the next tick goes on where it stopped (reliability, A13)."""
LEASE_SECONDS = 60.0
LATE = timedelta(minutes=5)
STOPPED = timedelta(minutes=15)
GOES_ON = "it goes on with the next tick"

_log = logging.getLogger(__name__)


class NotNowError(Exception):
    """The run has nothing to do now; `str` says why."""


class UnusableError(Exception):
    """A document says something that cannot be carried out; `str` says what. Nothing is written until it is mended."""


@dataclass(slots=True)
class SyncRun:
    """What a run did: counts and reasons, nothing personal."""

    kind: str
    outcome: str = "failed"
    reason: str = ""
    slices: int = 0
    unreadable: int = 0
    requests: int = 0
    """To Dataverse."""
    milliseconds: int = 0

    def ended(self) -> None:
        """It came to its end."""
        self.outcome = "done"


@dataclass(frozen=True, slots=True)
class Sync:
    """One of the syncs, of which one run at a time is at work."""

    name: str
    """Such as "call sync"."""
    tables: LeaseRows
    lease: str
    """Row of its lease."""
    now: Callable[[], datetime]

    async def carry_out[R: SyncRun](
        self,
        run: R,
        work: Callable[[R, Lease], Awaitable[None]],
        *,
        due: Callable[[], Awaitable[object]],
    ) -> R:
        """Do the work of a run, and say how it ended: done, idle, busy, or failed with the reason.

        `due` raises NotNowError where there is nothing to take the lease for, `work` where there turns out to be
        nothing. Raises what Dataverse refuses: somebody has to look at that.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        with count_requests() as meter:
            try:
                await due()
                async with self._held() as held:
                    await work(run, held)
                run.ended()
            except NotNowError as error:
                run.outcome, run.reason = "idle", str(error)
            except UnusableError as error:
                run.reason = str(error)
            except LeaseBusyError:
                run.outcome, run.reason = "busy", "another run is at work"
            except (UnavailableError, EnreachError, StorageError) as error:
                run.reason = f"{type(error).__name__}: {error}"
            except DataverseError as error:
                run.reason = f"{type(error).__name__}: {error}"
                raise
            finally:
                run.requests = meter.requests
                run.milliseconds = round((loop.time() - started) * 1000)
                self._report(run)
        return run

    def progress(self, reached: datetime | None, well: str) -> Finding:
        """How far its runs got, for health. `well` says what is so while they are in time."""
        if reached is None:
            return Finding(self.name, Status.AMBER, "it has not come to the end of a run yet")
        behind = self.now() - reached
        if behind > LATE:
            status = Status.RED if behind > STOPPED else Status.AMBER
            return Finding(self.name, status, f"it is {int(behind.total_seconds() // 60)} minutes behind", reached)
        return Finding(self.name, Status.GREEN, well, reached)

    def _report(self, run: SyncRun) -> None:
        if run.outcome == "idle":
            return
        level = logging.WARNING if run.outcome == "failed" else logging.INFO
        said = json.dumps({field.name: getattr(run, field.name) for field in fields(run)})
        _log.log(level, "%s %s", self.name.capitalize(), said)

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[Lease]:
        holder = f"{self.name.replace(' ', '-')}-{uuid4()}"
        async with lease(
            self.tables, TABLE, "lease", self.lease, holder=holder, seconds=LEASE_SECONDS, now=self.now
        ) as held:
            yield held
