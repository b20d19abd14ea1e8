"""The runs of call sync: which time they look at, under one lease, and how far they got.

Every minute: what was changed since the checkpoint, slice by slice; the look-back every 15 minutes; calls that waited;
and the rows that agents' clients made late. Once a night: the past 24 hours again.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

from functions.call_sync.decide.calls import Records, by_call
from functions.call_sync.decide.fields import call_id_in
from functions.call_sync.decide.moments import (
    LONGEST_SLICE,
    OVERLAP,
    Turn,
    debug_windows,
    look_back,
    look_back_due,
    nightly_moment,
    nightly_slices,
    nightly_turn,
    sliced,
    slices,
)
from functions.call_sync.decide.news import There, is_of_changes, is_settled, waiting_of
from functions.call_sync.decide.outcome import (
    assignee_problem,
    owner_of,
    status_problem,
)
from functions.call_sync.queries import keys_of_own_rows, rows_without_customer
from functions.call_sync.rules import CallSync
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.late_rows import LateRows
from functions.call_sync.use_case.premises import Premises, PremisesReader, UnusableError
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.ids import phone_call_id
from shared.calls.records import Glance, Outcome
from shared.dataverse.errors import DataverseError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.tables import PHONE_CALL
from shared.enreach.errors import EnreachError
from shared.enreach.windows import By, Window
from shared.health import Finding, Status
from shared.long_work import aside, many_objects
from shared.storage.checkpoints import TABLE, Checkpoint
from shared.storage.errors import StorageError
from shared.storage.leases import Lease, LeaseBusyError, lease

LEASE_SECONDS = 60.0
BUDGET = timedelta(minutes=4)
"""How long a run takes on new slices: the next tick goes on where it stopped (reliability, A13)."""
KEPT = timedelta(days=60)
"""How long the ledger remembers a call (architecture, decision 2)."""
FOLLOWED_EVERY = timedelta(minutes=1, seconds=30)
"""The night's run looks at what is new so often; the clock's safety margin is in it."""
_A_SLICE = timedelta(minutes=1)
_NAME = "call sync"
_MANY = 1_000
LATE = timedelta(minutes=5)
STOPPED = timedelta(minutes=15)

_log = logging.getLogger(__name__)


class NotNowError(Exception):
    """The run has nothing to do now; `str` says why."""


@dataclass(slots=True)
class Run:
    """What a run did: counts and reasons, nothing personal."""

    kind: str
    outcome: str = "failed"
    reason: str = ""
    slices: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    written: int = 0
    tickets: int = 0
    unreadable: int = 0
    requests: int = 0
    """To Dataverse."""
    milliseconds: int = 0


class CallSyncRuns:
    """Call sync of one process."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds
        self._progress = Checkpoint(worlds.tables, "calls")
        self._looked_back = Checkpoint(worlds.tables, "calls-look-back")
        self._night = Checkpoint(worlds.tables, "calls-night")
        self._night_reached = Checkpoint(worlds.tables, "calls-night-reached")
        self._late_rows = LateRows(worlds)
        self._late_rows_seen = Checkpoint(worlds.tables, "calls-late-rows")
        self._to_look_back: deque[Window] = deque()
        self._looking_back_since = datetime.min.replace(tzinfo=UTC)
        self._premises = PremisesReader(worlds)

    async def every_minute(self) -> Run:
        """One tick of `sync_calls`."""
        return await self._run("sync", self._minute)

    async def at_night(self) -> Run:
        """One tick of `sync_calls_retroactively`: most of them have nothing to do, and hold nobody up."""
        return await self._run("retroactive", self._nightly, self._turn)

    async def health(self) -> Sequence[Finding]:
        """How far the sync got, and what keeps calls from being logged as the document says."""
        now = self._worlds.now()
        try:
            premises = await self._premises.read()
        except UnusableError as error:
            return (Finding(_NAME, Status.RED, f"no call is logged: {error}"),)
        reached = await self._progress.read()
        users = await self._worlds.users.read_users(premises.site.region)
        found = [_progress_finding(reached, now)]
        if (problem := assignee_problem(premises.rules, users)) is not None:
            reason = f"{problem}: calls of users who are not in Dynamics wait"
            found.append(Finding("DefaultCrmAssignee", Status.RED, reason))
        if (problem := status_problem(premises.site)) is not None:
            found.append(Finding("MultipleMatchPhoneCallStatus", Status.AMBER, problem))
        return found

    # ------------------------------------------------------------------------------------------------- runs

    async def _run(
        self,
        kind: str,
        work: Callable[[Run, Lease], Awaitable[None]],
        turn: Callable[[datetime], Awaitable[Turn]] | None = None,
    ) -> Run:
        loop = asyncio.get_running_loop()
        started, run = loop.time(), Run(kind)
        with count_requests() as meter:
            try:
                if turn is not None:
                    await turn(self._worlds.now())
                async with self._held() as held:
                    await work(run, held)
                run.outcome = "done"
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

    def _report(self, run: Run) -> None:
        if run.outcome == "idle":
            return
        level = logging.WARNING if run.outcome == "failed" else logging.INFO
        _log.log(level, "Call sync %s", json.dumps({name: getattr(run, name) for name in run.__slots__}))

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[Lease]:
        holder = f"call-sync-{uuid4()}"
        async with lease(
            self._worlds.tables, TABLE, "lease", "calls", holder=holder, seconds=LEASE_SECONDS, now=self._worlds.now
        ) as held:
            yield held

    async def _minute(self, run: Run, held: Lease) -> None:
        premises = await self._premises.read()
        handling = Handling(self._worlds, premises, held)
        now = self._worlds.now()
        stop = now + BUDGET
        began = checkpoint = await self._progress.read()
        interval = timedelta(minutes=premises.rules.execution_interval)
        try:
            for window in slices(checkpoint, now, interval):
                await self._slice(run, handling, window)
                checkpoint = await self._progress.advance(window.end, held.fence)
                if self._worlds.now() >= stop:
                    return
            handling.changes_read_until = checkpoint
            await self._second_looks(run, handling, held, began or now, stop)
        finally:
            _count(run, handling)

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
                await self._slice(run, handling, window)
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
            await self._slice(run, handling, self._to_look_back[0])
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

    async def _nightly(self, run: Run, held: Lease) -> None:
        now = self._worlds.now()
        turn = await self._turn(now)
        premises = await self._premises.read()
        handling = Handling(self._worlds, premises, held, again=True)
        handling.changes_read_until = await self._progress.read()
        own_user = await self._worlds.dynamics.own_user_id()
        is_night = turn is Turn.NIGHT
        today = now.astimezone(UTC).date()
        # The night's run goes on where the tick before stopped: what it looks at hangs on the night, not on the tick.
        until = nightly_moment(self._worlds.site_id, today) if is_night else now
        # How many slices are done stands there as minutes of the day: those of the night before count no more.
        midnight = datetime.combine(today, time(), UTC)
        reached = await self._night_reached.read() if is_night else None
        done = 0 if reached is None or reached < midnight else int((reached - midnight) / _A_SLICE)
        try:
            for number, window in enumerate(nightly_slices(until), 1):
                if number <= done:
                    continue
                await self._slice(run, handling, window, own_user=own_user)
                if is_night:
                    await self._night_reached.advance(midnight + number * _A_SLICE, held.fence)
                    if self._worlds.now() - now >= BUDGET:
                        run.reason = "it goes on with the next tick"
                        return
                await self._follow(run, premises, held)
        finally:
            _count(run, handling)
        await self._worlds.ledger.sweep(now - KEPT)
        if is_night:
            await self._night.advance(midnight, held.fence)

    async def _turn(self, now: datetime) -> Turn:
        """What a tick of the night's timer is for. Raises NotNowError where it is for nothing."""
        last = await self._night.read()
        turn = nightly_turn(now, self._worlds.site_id, None if last is None else last.astimezone(UTC).date())
        if turn is Turn.WAIT:
            raise NotNowError("the moment of this night has not come, or its run is done")
        return turn

    async def _follow(self, run: Run, premises: Premises, held: Lease) -> None:
        """New calls do not wait for the end of the night's run, which holds the lease that both need."""
        now = self._worlds.now()
        reached = await self._progress.read()
        if reached is None or now - reached < FOLLOWED_EVERY:
            return
        handling = Handling(self._worlds, premises, held)
        for window in slices(reached, now, timedelta(minutes=premises.rules.execution_interval)):
            await self._slice(run, handling, window)
            await self._progress.advance(window.end, held.fence)
            if self._worlds.now() - now >= BUDGET:
                break
        run.written += handling.rows_written
        run.tickets += handling.tickets

    # ------------------------------------------------------------------------------------------------ slices

    async def _slice(self, run: Run, handling: Handling, window: Window, *, own_user: UUID | None = None) -> None:
        """`own_user` (the app in Dynamics): whether the phone calls are still there is looked at too."""
        calls, services = await asyncio.gather(
            self._worlds.enreach.calls(window), self._worlds.enreach.service_calls(window)
        )
        run.slices += 1
        run.unreadable += len(calls.unreadable) + len(services.unreadable)
        if not calls.items and not services.items:
            return
        # Its search through everything at the end costs more than a few objects do.
        with many_objects() if len(calls.items) > _MANY else nullcontext():
            news = await aside(by_call, calls.items, services.items)
            if window.by is By.CHANGE:
                await handling.handle(news)
                return
            for part, few in await aside(_parted, news, window):
                await handling.handle(*await self._worth_a_look(few, part, handling, own_user))

    async def _worth_a_look(
        self, news: Mapping[str, Records], window: Window, handling: Handling, own_user: UUID | None
    ) -> tuple[dict[str, Records], There | None]:
        """Those of the calls whose records have to be read, and what of them is in Dynamics.

        Most calls of a second look are settled: the ledger's glances say so, a thousand in a request.
        """
        # What began to ring before the window may have a leg in it.
        first = window.start - LONGEST_SLICE
        glances = await self._worlds.ledger.glance(first, window.end)
        there = None
        if own_user is not None:
            there = await self._there(handling.site.rules, own_user, Window(By.START, first, window.end), glances)
        return await aside(_unsettled, news, glances, there, handling, self._worlds.now()), there

    async def _there(self, rules: CallSync, own_user: UUID, window: Window, glances: Mapping[str, Glance]) -> There:
        """What Dynamics holds of calls that started then. One request, or one for each 5,000."""
        questions = [keys_of_own_rows(own_user, window.start, window.end)]
        if rules.unmatched_callers == "log":
            questions.append(rows_without_customer(rules, own_user, window.start, window.end))
        own, *others = await self._worlds.dynamics.query_many(questions)
        keys = {UUID(str(row[PHONE_CALL.primary_id])): row["_regardingobjectid_value"] for row in own}
        if not others:
            return There(frozenset(keys), glances=glances, since=window.start)
        column = rules.own_audit_column or "description"
        stamps = (call_id_in(str(row.get(column) or "")) for row in others[0])
        return There(
            frozenset(keys),
            frozenset(key for key, regarding in keys.items() if regarding is None),
            frozenset(stamp for stamp in stamps if stamp is not None),
            glances,
            window.start,
        )


def _progress_finding(reached: datetime | None, now: datetime) -> Finding:
    if reached is None:
        return Finding(_NAME, Status.AMBER, "it has not come to the end of a run yet")
    if now - reached > LATE:
        minutes = int((now - reached).total_seconds() // 60)
        status = Status.RED if now - reached > STOPPED else Status.AMBER
        return Finding(_NAME, status, f"it is {minutes} minutes behind", reached)
    return Finding(_NAME, Status.GREEN, "every call is looked at", reached)


def _parted(news: Mapping[str, Records], window: Window) -> list[tuple[Window, dict[str, Records]]]:
    """The calls by the slices of the window in which they started; of those without any, no slice."""
    parts = list(sliced(window))
    found: dict[int, dict[str, Records]] = {}
    for call_id, records in news.items():
        number = int((records.started - window.start) / LONGEST_SLICE)
        found.setdefault(min(max(number, 0), len(parts) - 1), {})[call_id] = records
    return [(parts[number], found[number]) for number in sorted(found)]


def _count(run: Run, handling: Handling) -> None:
    run.outcomes = dict(handling.outcomes)
    run.written += handling.rows_written
    run.tickets += handling.tickets


def _unsettled(
    news: Mapping[str, Records],
    glances: Mapping[str, Glance],
    there: There | None,
    handling: Handling,
    now: datetime,
) -> dict[str, Records]:
    def is_settled_here(call_id: str, records: Records) -> bool:
        known = glances.get(call_id)
        if known is None or not is_settled(known, records, handling.site, now, again=handling.again):
            return False
        if there is None:
            return True
        is_gone = known.done and known.outcome is Outcome.LOGGED and phone_call_id(call_id) not in there.keys
        return not is_gone and not there.lacks_customer(call_id)

    return {
        call_id: records
        for call_id, records in news.items()
        if not is_of_changes(records, handling.changes_read_until, now) and not is_settled_here(call_id, records)
    }
