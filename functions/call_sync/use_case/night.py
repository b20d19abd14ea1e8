"""The nightly run: the past 24 hours again (guide 1.5.3). What is missing or came later is made good."""

from datetime import UTC, datetime, time, timedelta

from functions.call_sync.decide.moments import Turn, nightly_moment, nightly_slices, nightly_turn, slices
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.premises import Premises
from functions.call_sync.use_case.run import Run
from functions.call_sync.use_case.slices import Slices
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.storage.checkpoints import Checkpoint
from shared.storage.leases import Lease
from shared.sync_runs import BUDGET, GOES_ON, NotNowError

KEPT = timedelta(days=60)
"""How long the ledger remembers a call (architecture, decision 2)."""
FOLLOWED_EVERY = timedelta(minutes=1, seconds=30)
"""The night's run looks at what is new so often; the clock's safety margin is in it."""
_A_SLICE = timedelta(minutes=1)


class Night:
    """The nightly runs of one process. `progress` is the checkpoint of the runs of each minute."""

    def __init__(self, worlds: CallSyncGateways, slices: Slices, progress: Checkpoint) -> None:
        self._worlds, self._slices, self._progress = worlds, slices, progress
        self._done = Checkpoint(worlds.tables, "calls-night")
        self._reached = Checkpoint(worlds.tables, "calls-night-reached")

    async def turn(self, now: datetime) -> Turn:
        """What a tick of the night's timer is for. Raises NotNowError where it is for nothing."""
        last = await self._done.read()
        turn = nightly_turn(now, self._worlds.site_id, None if last is None else last.astimezone(UTC).date())
        if turn is Turn.WAIT:
            raise NotNowError("the moment of this night has not come, or its run is done")
        return turn

    async def pass_again(self, run: Run, premises: Premises, held: Lease) -> None:
        """The past 24 hours, slice by slice; the night's run goes on with the next tick when its time is over."""
        now = self._worlds.now()
        is_night = await self.turn(now) is Turn.NIGHT
        handling = Handling(self._worlds, premises, held, again=True)
        handling.changes_read_until = await self._progress.read()
        own_user = await self._worlds.dynamics.own_user_id()
        today = now.astimezone(UTC).date()
        # What the night's run looks at hangs on the night, not on the tick: it goes on where the tick before stopped.
        until = nightly_moment(self._worlds.site_id, today) if is_night else now
        # How many slices are done stands there as minutes of the day: those of the night before count no more.
        midnight = datetime.combine(today, time(), UTC)
        reached = await self._reached.read() if is_night else None
        done = 0 if reached is None or reached < midnight else int((reached - midnight) / _A_SLICE)
        try:
            for number, window in enumerate(nightly_slices(until), 1):
                if number <= done:
                    continue
                await self._slices.take(run, handling, window, own_user=own_user)
                if is_night:
                    await self._reached.advance(midnight + number * _A_SLICE, held.fence)
                    if self._worlds.now() - now >= BUDGET:
                        run.reason = GOES_ON
                        return
                await self._follow(run, premises, held)
        finally:
            run.count(handling)
        await self._worlds.ledger.sweep(now - KEPT)
        if is_night:
            await self._done.advance(midnight, held.fence)

    async def _follow(self, run: Run, premises: Premises, held: Lease) -> None:
        """New calls do not wait for the end of the night's run, which holds the lease that both need."""
        now = self._worlds.now()
        reached = await self._progress.read()
        if reached is None or now - reached < FOLLOWED_EVERY:
            return
        handling = Handling(self._worlds, premises, held)
        for window in slices(reached, now, timedelta(minutes=premises.rules.execution_interval)):
            await self._slices.take(run, handling, window)
            await self._progress.advance(window.end, held.fence)
            if self._worlds.now() - now >= BUDGET:
                break
        run.add(handling)
