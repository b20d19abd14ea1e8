"""Two workers over one storage: one is at work, the other is busy or too late, and each call is there once."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from functions.call_sync.use_case.run import Run
from shared.dataverse.client import DataverseClient
from shared.storage.checkpoints import Checkpoint
from tests.integration.enreach import Enreach
from tests.integration.generated_day import BEGIN, EVENING, NEXT_NOON, SWITCHES_ON, DaySite, day_site, steps
from tests.integration.struck import Fate, mortal

SEED = int(os.environ.get("CALLS_SEED", "8"))
SETTINGS = {**SWITCHES_ON, "UnmatchedCallers": "contact"}
STEPS = ("Dataverse write", "tickets", "ledger write", "checkpoint", "Enreach read", "Dataverse read")
LEASE_IS_OVER = timedelta(seconds=65)


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[DaySite]:
    async with day_site(dataverse, simulator, enreach.address) as site:
        yield site


async def test_two_workers_that_tick_at_once(site: DaySite) -> None:
    site.open(8, SETTINGS, calls_per_agent=20)
    one, other = site.process(), site.process()
    for number, moment in enumerate(steps(BEGIN, BEGIN + timedelta(hours=10), minutes=20)):
        site.turn_to(moment)
        first, second = (one, other) if number % 2 else (other, one)
        runs = await asyncio.gather(first.every_minute(), second.every_minute())
        assert sorted(run.outcome for run in runs) == ["busy", "done"]
    for moment in (EVENING, NEXT_NOON):
        site.turn_to(moment)
        runs = await asyncio.gather(one.every_minute(), other.every_minute())
        assert sorted(run.outcome for run in runs) == ["busy", "done"]
    site.assert_phone_calls()
    site.assert_tickets()
    assert len(site.tickets) == len(site.offered())


class Freeze(Fate):
    """The process stands still before one step is sent, as on a machine that is moved elsewhere."""

    def __init__(self, phase: str, at: int) -> None:
        super().__init__()
        self.frozen, self.thaw = asyncio.Event(), asyncio.Event()
        self._place = phase, at

    async def pause(self, phase: str) -> None:
        if (phase, self.steps[phase]) == self._place:
            self.frozen.set()
            await self.thaw.wait()


async def test_a_worker_that_is_frozen_and_overtaken(site: DaySite) -> None:
    site.open(8, SETTINGS, calls_per_agent=25)
    dice = random.Random(SEED)  # noqa: S311 - repeatable dice
    usual: Counter[str] = Counter(dict.fromkeys(STEPS, 1))
    frozen: Counter[str] = Counter()
    for number, moment in enumerate(steps(BEGIN, BEGIN + timedelta(hours=8, minutes=30), minutes=12)):
        site.turn_to(max(moment, site.now()))
        phase = STEPS[number % len(STEPS)]
        fate = Freeze(phase, dice.randint(1, max(1, usual[phase])))
        slow = asyncio.create_task(run_of(site, fate))
        await asyncio.wait({slow, asyncio.create_task(fate.frozen.wait())}, return_when=asyncio.FIRST_COMPLETED)
        usual = fate.steps.copy()
        if slow.done():
            fate.frozen.set()
            continue
        frozen[phase] += 1
        site.turn(seconds=LEASE_IS_OVER.total_seconds())
        assert (await site.process().every_minute()).outcome == "done"
        reached = await Checkpoint(site.tables, "calls").read()
        fate.thaw.set()
        assert (await slow).outcome == "failed"
        assert await Checkpoint(site.tables, "calls").read() == reached
        await site.assert_that_the_checkpoint_passed_nothing()
    assert min(frozen[phase] for phase in STEPS) > 2
    await site.walk(steps(site.now(), EVENING, minutes=55))
    assert (await site.runs.at_night()).outcome == "done"
    await site.walk(steps(site.now(), NEXT_NOON, minutes=55))
    site.assert_phone_calls()
    site.assert_tickets()


async def run_of(site: DaySite, fate: Fate) -> Run:
    worlds = mortal(
        fate,
        tables=site.tables,
        dynamics=site.dataverse,
        enreach=site.enreach,
        documents=site.documents,
        offer=site.offer,
    )
    done: Run = await site.process(**worlds).every_minute()
    return done
