"""A process that ends at any step of any run: the next one goes on, nothing is lost or doubled, and the checkpoint
never passes a call that is not written.

Each tick of a generated day is killed at another step, before it, in the middle, or after it took effect, and repeated
by a new process when the lease is over. Some 80 runs are killed; CALLS_KILLS=1000 kills about so many,
CALLS_SEED=7 others.
"""

import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from functions.call_sync.use_case.run import Run
from functions.call_sync.use_case.running import CallSyncRuns
from shared.dataverse.client import DataverseClient
from tests.integration.enreach import Enreach
from tests.integration.generated_day import BEGIN, EVENING, NEXT_NOON, SWITCHES_ON, DaySite, day_site, steps
from tests.integration.struck import Fate, Killed, Moment, mortal

KILLS = int(os.environ.get("CALLS_KILLS", "60"))
SEED = int(os.environ.get("CALLS_SEED", "6"))
SETTINGS = {**SWITCHES_ON, "UnmatchedCallers": "contact"}
PHASES = (
    "Enreach read", "ledger read", "Dataverse read", "Dataverse write", "tickets", "ledger write", "checkpoint",
    "Dataverse write", "ledger write", "lease", "documents", "users read",
)  # fmt: skip
MOMENTS: tuple[Moment, ...] = ("before", "half", "after")
LEASE_IS_OVER = timedelta(seconds=65)


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[DaySite]:
    async with day_site(dataverse, simulator, enreach.address) as site:
        yield site


class Reaper:
    """Kills runs at random steps, each phase in its turn."""

    def __init__(self, site: DaySite, seed: int) -> None:
        self.site = site
        self.kills: Counter[str] = Counter()
        self._dice = random.Random(seed)  # noqa: S311 - repeatable dice
        self._usual: Counter[str] = Counter(dict.fromkeys(PHASES, 1))
        self._turn = 0

    def fate(self) -> Fate:
        phase, moment = PHASES[self._turn % len(PHASES)], MOMENTS[self._turn // len(PHASES) % len(MOMENTS)]
        self._turn += 1
        return Fate(phase, self._dice.randint(1, max(1, self._usual[phase])), moment)

    async def run(self, run: Callable[[CallSyncRuns], Awaitable[Run]]) -> None:
        """This run, which is killed now and then, until it comes to its end."""
        done: Run | None = None
        ends = {"done"}
        while done is None:
            fate = self.fate() if self._dice.random() < 0.8 else Fate()
            done = await self._unless_killed(run, fate)
            if done is None:
                # All may have been done when it was killed.
                ends.add("idle")
                await self.site.assert_that_the_checkpoint_passed_nothing()
                self.site.turn(seconds=LEASE_IS_OVER.total_seconds())
        assert done.outcome in ends, done.reason

    async def _unless_killed(self, run: Callable[[CallSyncRuns], Awaitable[Run]], fate: Fate) -> Run | None:
        site = self.site
        worlds = mortal(
            fate,
            tables=site.tables,
            dynamics=site.dataverse,
            enreach=site.enreach,
            documents=site.documents,
            offer=site.offer,
        )
        with contextlib.suppress(Killed):  # of a group too
            done = await run(site.process(**worlds))
            assert not fate.is_dead, "a handler kept a dead process alive"
            self._usual = fate.steps
            return done
        self.kills[f"{fate.phase}, {fate.moment}"] += 1
        return None


async def test_a_day_on_which_runs_are_killed(site: DaySite) -> None:
    site.open(12, SETTINGS, calls_per_agent=25)
    reaper = Reaper(site, SEED)
    length = timedelta(hours=8, minutes=30)
    for moment in steps(BEGIN, BEGIN + length, seconds=length.total_seconds() / KILLS * 2):
        site.turn_to(max(moment, site.now()))
        await reaper.run(CallSyncRuns.every_minute)
    await site.walk(steps(site.now(), EVENING, minutes=55))
    await reaper.run(CallSyncRuns.at_night)
    await site.walk(steps(site.now(), NEXT_NOON, minutes=55))
    counts = [f"{what}: {count}" for what, count in sorted(reaper.kills.items())]
    print(f"\n{reaper.kills.total()} killed", *counts, sep="\n  ")  # noqa: T201 - for who asks (-s)
    assert {what.split(",")[0] for what in reaper.kills} == set(PHASES)
    assert reaper.kills.total() > 0.6 * KILLS
    site.assert_phone_calls()
    site.assert_tickets()
