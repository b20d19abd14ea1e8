"""The runs of call sync: which time they look at, under one lease, and how far they got.

Every minute: what was changed since the checkpoint, slice by slice; the look-back every 15 minutes; calls that waited;
and the rows that agents' clients made late. Once a night: `use_case.night`.
"""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from functions.call_sync.decide.moments import OVERLAP, debug_windows, look_back, look_back_due, slices
from functions.call_sync.decide.news import waiting_of
from functions.call_sync.decide.outcome import assignee_problem, owner_of, status_problem
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.late_rows import LateRows
from functions.call_sync.use_case.night import Night
from functions.call_sync.use_case.premises import PremisesReader
from functions.call_sync.use_case.run import Run
from functions.call_sync.use_case.slices import Slices
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.enreach.windows import Window
from shared.health import Finding, Status
from shared.storage.checkpoints import Checkpoint
from shared.storage.leases import Lease
from shared.sync_runs import BUDGET, Sync, UnusableError

_NAME = "call sync"


class CallSyncRuns:
    """Call sync of one process."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds
        self._sync = Sync(_NAME, worlds.tables, "calls", worlds.now)
        self._progress = Checkpoint(worlds.tables, "calls")
        self._looked_back = Checkpoint(worlds.tables, "calls-look-back")
        self._late_rows = LateRows(worlds)
        self._late_rows_seen = Checkpoint(worlds.tables, "calls-late-rows")
        self._to_look_back: deque[Window] = deque()
        self._looking_back_since = datetime.min.replace(tzinfo=UTC)
        self._premises = PremisesReader(worlds)
        self._slices = Slices(worlds)
        self._night = Night(worlds, self._slices, self._progress)

    async def every_minute(self) -> Run:
        """One tick of `sync_calls`."""
        return await self._sync.carry_out(Run("sync"), self._minute, due=self._at_any_time)

    async def at_night(self) -> Run:
        """One tick of `sync_calls_retroactively`: most of them have nothing to do, and hold nobody up."""
        return await self._sync.carry_out(
            Run("retroactive"), self._nightly, due=lambda: self._night.turn(self._worlds.now())
        )

    async def health(self) -> Sequence[Finding]:
        """How far the sync got, and what keeps calls from being logged as the document says."""
        try:
            premises = await self._premises.read()
        except UnusableError as error:
            return (Finding(_NAME, Status.RED, f"no call is logged: {error}"),)
        reached = await self._progress.read()
        users = await self._worlds.users.read_users(premises.site.region)
        found = [self._sync.progress(reached, "every call is looked at")]
        if (problem := assignee_problem(premises.rules, users)) is not None:
            reason = f"{problem}: calls of users who are not in Dynamics wait"
            found.append(Finding("DefaultCrmAssignee", Status.RED, reason))
        if (problem := status_problem(premises.site)) is not None:
            found.append(Finding("MultipleMatchPhoneCallStatus", Status.AMBER, problem))
        return found

    # ------------------------------------------------------------------------------------------------- runs

    async def _at_any_time(self) -> None:
        """The lease alone decides."""

    async def _nightly(self, run: Run, held: Lease) -> None:
        await self._night.pass_again(run, await self._premises.read(), held)

    async def _minute(self, run: Run, held: Lease) -> None:
        premises = await self._premises.read()
        handling = Handling(self._worlds, premises, held)
        now = self._worlds.now()
        stop = now + BUDGET
        began = checkpoint = await self._progress.read()
        interval = timedelta(minutes=premises.rules.execution_interval)
        try:
            for window in slices(checkpoint, now, interval):
                await self._slices.take(run, handling, window)
                checkpoint = await self._progress.advance(window.end, held.fence)
                if self._worlds.now() >= stop:
                    return
            handling.changes_read_until = checkpoint
            await self._second_looks(run, handling, held, began or now, stop)
        finally:
            run.count(handling)

    async def _second_looks(self, run: Run, handling: Handling, held: Lease, began: datetime, stop: datetime) -> None:
        """What the feed of changes does not tell. `began` is where the run started."""
        now = self._worlds.now()
        await self._take_up_waiting(handling, held)
        # Those of a run that ended before this have their turn too.
        seen = await self._late_rows_seen.read()
        await self._late_rows.take_up(handling, handling.site, (began if seen is None else seen) - OVERLAP)
        await self._late_rows_seen.advance(now, held.fence)
        if handling.site.rules.run_in_debug_mode:
            for window in debug_windows(now):
                await self._slices.take(run, handling, window)
        else:
            await self._look_back(run, handling, held, began, stop)

    async def _look_back(self, run: Run, handling: Handling, held: Lease, began: datetime, stop: datetime) -> None:
        """The past `ExecutionInterval`, which may be a month: the next tick goes on where this one stopped."""
        if not self._to_look_back:
            now = self._worlds.now()
            if not look_back_due(await self._looked_back.read(), began, now):
                return
            interval = timedelta(minutes=handling.site.rules.execution_interval)
            self._to_look_back.extend(look_back(now, interval))
            self._looking_back_since = now
        while self._to_look_back:
            await self._slices.take(run, handling, self._to_look_back[0])
            self._to_look_back.popleft()
            if self._worlds.now() >= stop:
                return
        await self._looked_back.advance(self._looking_back_since, held.fence)

    async def _take_up_waiting(self, handling: Handling, held: Lease) -> None:
        """Calls that waited for somebody who can own them, and have one now."""
        waiting = await self._worlds.ledger.waiting(fence=held.fence)
        if not waiting:
            return
        site, now = handling.site, self._worlds.now()
        users = await self._worlds.users.read_users(site.region)
        remembered = [seen for record in waiting if (seen := waiting_of(record, site, now)) is not None]
        await handling.settle([seen for seen in remembered if owner_of(seen.call, site, users) is not None])
        await handling.take_away(record for record in waiting if not record.legs)
