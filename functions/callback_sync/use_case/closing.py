"""Requests that are safely in Dynamics are closed in Enreach. Closing twice does no harm."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import batched

from functions.callback_sync.use_case.run import Run
from functions.callback_sync.use_case.worlds import CallbackGateways
from shared.callbacks.records import CallbackRecord
from shared.enreach.errors import DeniedError, EnreachError, NotFoundError, UnavailableError
from shared.storage.leases import Lease

AT_ONCE = 4
"""As many connections as the client of Enreach has."""
_REMEMBERED_EVERY = 500
"""Requests after which it is written down which are closed."""
_STILL_OPEN = "; it is still open in Enreach"


class Closing:
    """Closes requests for one run."""

    def __init__(self, worlds: CallbackGateways, held: Lease, run: Run, stop: datetime) -> None:
        self._worlds = worlds
        self._held = held
        self._run = run
        self._stop = stop
        self.failure: EnreachError | None = None
        """Why no further request is closed in this run: Enreach does not answer, or does not let us."""

    async def close(self, records: Sequence[CallbackRecord]) -> None:
        """Close these in Enreach, and remember which. What cannot be closed stays unfinished, with the reason, and so
        does what this run has no time for.

        Raises StorageError.
        """
        for few in batched(records, _REMEMBERED_EVERY, strict=False):
            if self.failure is not None or self._worlds.now() >= self._stop:
                return
            self._held.check()
            changed = await self._closed(few)
            await self._worlds.ledger.write(changed, fence=self._held.fence)

    async def _closed(self, records: Sequence[CallbackRecord]) -> list[CallbackRecord]:
        left = list(reversed(records))
        found: list[CallbackRecord] = []

        async def work() -> None:
            while left and self.failure is None:
                record = left.pop()
                found.append(await self._close_one(record))

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(AT_ONCE, len(left))):
                workers.create_task(work())
        # Those after which Enreach stopped answering are tried with the next run.
        return found

    async def _close_one(self, record: CallbackRecord) -> CallbackRecord:
        now, reason = self._worlds.now(), record.reason.partition(_STILL_OPEN)[0]
        try:
            await self._worlds.enreach.close_callback(record.id_in_enreach)
        except NotFoundError:
            pass  # gone there: nobody waits for it
        except EnreachError as error:
            if isinstance(error, UnavailableError | DeniedError):
                self.failure = self.failure or error
            return replace(record, reason=f"{reason}{_STILL_OPEN}: {type(error).__name__}", updated=now)
        self._run.closed += 1
        return replace(record, reason=reason, closed=True, updated=now)
