"""Leases in virtual time: never two holders that both may write, whatever clocks, outages and deaths do."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.storage.entities import Entity, Value
from shared.storage.errors import StorageError
from shared.storage.leases import Lease, LeaseBusyError, LeaseLostError, lease
from tests.memory_storage import MemoryTables
from tests.unit.shared.dataverse.virtual_time import play

SECONDS = 60.0
LATEST_END = SECONDS + 4  # the skew that is allowed to the service, and its whole seconds


class Killed(BaseException):
    """The process ends here."""


def clock(skew_minutes: float = 0) -> datetime:
    moment = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())
    return moment + timedelta(minutes=skew_minutes)


def skewed(minutes: float) -> Callable[[], datetime]:
    return lambda: clock(minutes)


class Line:
    """One instance's way to storage: cut, it hangs; deaf, what is written arrives but no answer comes back."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self.cut = False
        self.down = False
        self.deaf = False

    async def _carry(self, call: Awaitable[Any]) -> Any:
        if self.cut:
            asyncio.ensure_future(call).cancel()
            await asyncio.Event().wait()
        if self.down:
            asyncio.ensure_future(call).cancel()
            raise StorageError("no way to storage")
        answer = await call
        if self.deaf:
            raise StorageError("the answer is lost")
        return answer

    async def get(self, table: str, partition: str, row: str) -> Entity | None:
        found: Entity | None = await self._carry(self._tables.get(table, partition, row))
        return found

    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        entity: Entity = await self._carry(self._tables.insert(table, partition, row, values))
        return entity

    async def replace(self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str) -> Entity:
        entity: Entity = await self._carry(self._tables.replace(table, partition, row, values, etag=etag))
        return entity


class World:
    def __init__(self) -> None:
        self.tables = MemoryTables(clock)

    def line(self) -> Line:
        return Line(self.tables)

    def lease(self, holder: str, line: Line | None = None, *, skew: float = 0, wait: float = 0) -> Any:
        return lease(line or self.line(), "checkpoints", "lease", "import", holder=holder, seconds=SECONDS,
                     now=skewed(skew), wait=wait)  # fmt: skip

    async def is_free(self) -> bool:
        try:
            async with self.lease("probe"):
                return True
        except LeaseBusyError:
            return False


def story(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        async def tell() -> None:
            await test(World())

        play(tell())

    run.__name__ = test.__name__
    return run


async def until_lost(held: Lease) -> float:
    started = asyncio.get_running_loop().time()
    while True:
        try:
            held.check()
        except LeaseLostError:
            return asyncio.get_running_loop().time() - started
        await asyncio.sleep(0.5)


async def until_taken(world: World, skew: float = 0) -> tuple[float, Lease]:
    started = asyncio.get_running_loop().time()
    while True:
        try:
            async with world.lease("next", skew=skew) as held:
                return asyncio.get_running_loop().time() - started, held
        except LeaseBusyError:
            await asyncio.sleep(0.5)


# ------------------------------------------------------------------------------------------ one after the other


@story
async def test_each_holder_has_a_larger_fence_and_none_is_taken_over_when_all_give_back(world: World) -> None:
    for expected in (1, 2, 3):
        async with world.lease("a") as held:
            held.check()
            assert (held.fence, held.taken_over) == (expected, False)
        with pytest.raises(LeaseLostError):
            held.check()


@story
async def test_a_second_one_is_refused_and_told_by_whom_and_for_how_long(world: World) -> None:
    async with world.lease("a"):
        with pytest.raises(LeaseBusyError, match="held by a for 62 s") as raised:
            async with world.lease("b"):
                raise AssertionError
        assert raised.value.holder == "a"


@story
async def test_a_lease_is_held_for_as_long_as_it_takes(world: World) -> None:
    async with world.lease("a") as held:
        for _ in range(1000):
            await asyncio.sleep(1)
            held.check()
            assert not await world.is_free()
    assert await world.is_free()


@story
async def test_who_waits_gets_it_soon_after_it_is_given_back(world: World) -> None:
    async def hold() -> None:
        async with world.lease("a"):
            await asyncio.sleep(10)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0.1)
    started = asyncio.get_running_loop().time()
    async with world.lease("b", wait=30) as held:
        assert 9.9 <= asyncio.get_running_loop().time() - started <= 12
        assert (held.fence, held.taken_over) == (2, False)
    await holding


@story
async def test_who_waits_for_too_short_a_time_is_refused_in_time(world: World) -> None:
    async with world.lease("a"):
        started = asyncio.get_running_loop().time()
        with pytest.raises(LeaseBusyError):
            async with world.lease("b", wait=30):
                raise AssertionError
        assert 30 <= asyncio.get_running_loop().time() - started <= 30.1


@story
async def test_of_32_at_once_one_holds_it(world: World) -> None:
    async def hold(number: int) -> int:
        try:
            async with world.lease(str(number)) as held:
                await asyncio.sleep(1)
                held.check()
                return 1
        except LeaseBusyError:
            return 0

    for round_ in range(3):
        assert sum(await asyncio.gather(*map(hold, range(32)))) == 1
        async with world.lease("next") as held:
            assert held.fence == 2 * round_ + 2


# ------------------------------------------------------------------------------------------ ends


@story
async def test_an_error_gives_the_lease_back(world: World) -> None:
    with pytest.raises(ValueError, match="work"):
        async with world.lease("a"):
            raise ValueError("work")
    async with world.lease("b") as held:
        assert (held.fence, held.taken_over) == (2, False)


@story
async def test_a_killed_holders_lease_runs_out_and_the_next_one_is_told(world: World) -> None:
    async def die() -> None:
        async with world.lease("a"):
            await asyncio.sleep(SECONDS * 1.5)
            raise Killed

    with pytest.raises(Killed):
        await die()
    taken, held = await until_taken(world)
    # Renewed for the last time a third of a life ago, at most.
    assert SECONDS * 2 / 3 <= taken <= LATEST_END
    assert (held.fence, held.taken_over) == (2, True)
    async with world.lease("c") as third:
        assert (third.fence, third.taken_over) == (3, False)


@story
async def test_a_cancelled_holders_lease_runs_out_too_for_its_last_request_may_still_arrive(world: World) -> None:
    async def hold() -> None:
        async with world.lease("a"):
            await asyncio.sleep(1000)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(1)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    taken, held = await until_taken(world)
    assert SECONDS - 1 <= taken <= LATEST_END
    assert held.taken_over


@story
async def test_storage_that_is_down_at_the_end_does_not_hide_what_the_work_ended_in(world: World) -> None:
    line = world.line()
    async with world.lease("a", line):
        line.down = True
    _taken, held = await until_taken(world)
    assert (held.fence, held.taken_over) == (2, True)


# ------------------------------------------------------------------------------------------ outages


@pytest.mark.parametrize("skews", [(0, 0), (10, -10), (-10, 10)])
@pytest.mark.parametrize("way", ["cut", "down"])
def test_a_holder_without_storage_stops_before_the_next_one_begins(skews: tuple[float, float], way: str) -> None:
    async def tell() -> None:
        world = World()
        line = world.line()
        async with world.lease("a", line, skew=skews[0]) as held:
            await asyncio.sleep(50)
            setattr(line, way, True)
            lost, (taken, after) = await asyncio.gather(until_lost(held), until_taken(world, skews[1]))
        assert SECONDS * 2 / 3 - 1 <= lost <= SECONDS
        assert lost < taken <= LATEST_END
        assert (after.fence, after.taken_over) == (2, True)

    play(tell())


@story
async def test_a_short_outage_costs_nothing(world: World) -> None:
    line = world.line()
    async with world.lease("a", line) as held:
        for _ in range(20):
            line.down = True
            await asyncio.sleep(SECONDS / 2)
            held.check()
            line.down = False
            await asyncio.sleep(SECONDS / 3)
            assert not await world.is_free()
        held.check()


@story
async def test_a_renewal_whose_answer_was_lost_is_known_as_ones_own(world: World) -> None:
    line = world.line()
    async with world.lease("a", line) as held:
        line.deaf = True
        await asyncio.sleep(SECONDS / 2)
        line.deaf = False
        await asyncio.sleep(SECONDS * 3)
        held.check()
    async with world.lease("b") as after:
        assert (after.fence, after.taken_over) == (2, False)


@story
async def test_a_lease_is_lost_with_its_table(world: World) -> None:
    async with world.lease("a") as held:
        world.tables.empty()
        assert await until_lost(held) <= SECONDS / 3 + 1
        async with world.lease("b"):
            await asyncio.sleep(SECONDS * 2)
            with pytest.raises(LeaseLostError):
                held.check()


@story
async def test_a_lease_that_somebody_else_wrote_over_is_lost(world: World) -> None:
    async with world.lease("a") as held:
        found = await world.tables.get("checkpoints", "lease", "import")
        assert found is not None
        other = {**found.values, "token": "another", "fence": 2}
        await world.tables.put("checkpoints", "lease", "import", other)
        assert await until_lost(held) <= SECONDS / 3 + 1
    kept = await world.tables.get("checkpoints", "lease", "import")
    assert kept is not None
    assert kept.values == other


@story
async def test_a_wall_clock_that_is_set_back_lengthens_nothing(world: World) -> None:
    back = timedelta()
    line = world.line()
    async with lease(line, "checkpoints", "lease", "import", holder="a", seconds=SECONDS,
                     now=lambda: clock() + back) as held:  # fmt: skip
        back = timedelta(hours=-1)
        line.down = True
        assert await until_lost(held) <= SECONDS


@story
async def test_a_machine_that_slept_knows_by_the_wall_clock(world: World) -> None:
    slept = timedelta()
    async with lease(world.tables, "checkpoints", "lease", "import", holder="a", seconds=SECONDS,
                     now=lambda: clock() + slept) as held:  # fmt: skip
        held.check()
        slept = timedelta(seconds=SECONDS)
        with pytest.raises(LeaseLostError):
            held.check()
        slept = timedelta()
        with pytest.raises(LeaseLostError):  # once over, over
            held.check()


@story
async def test_storage_that_is_down_gives_no_lease(world: World) -> None:
    line = world.line()
    line.down = True
    with pytest.raises(StorageError, match="no way"):
        async with world.lease("a", line, wait=10):
            raise AssertionError


# ------------------------------------------------------------------------------------------ any order of all that


@pytest.mark.parametrize("seed", range(60))
def test_no_two_holders_may_write_at_once_and_fences_only_grow(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a seed replays it
    working: set[str] = set()
    fences: list[int] = []

    async def instance(world: World, name: str) -> None:
        for _ in range(12):
            line = world.line()
            await asyncio.sleep(chance.uniform(0, 40))
            try:
                async with world.lease(name, line, skew=chance.uniform(-10, 10), wait=chance.choice([0, 100])) as held:
                    fences.append(held.fence)
                    fate = chance.choice(["well", "well", "cut", "down", "killed", "fails", "deaf"])
                    for step in range(chance.randrange(1, 150)):
                        held.check()
                        working.add(name)
                        assert working == {name}, f"seed {seed}"
                        await asyncio.sleep(0)
                        working.discard(name)
                        if step == 5 and fate in {"cut", "down", "deaf"}:
                            setattr(line, fate, True)
                        if step == 20 and fate == "killed":
                            raise Killed
                        if step == 20 and fate == "fails":
                            raise ValueError
                        await asyncio.sleep(1)
                    line.cut = False
            except (LeaseBusyError, LeaseLostError, ValueError, Killed, StorageError):
                working.discard(name)

    async def tell() -> None:
        world = World()
        await asyncio.gather(*(instance(world, name) for name in "abc"))

    play(tell())
    assert fences == sorted(set(fences)), f"seed {seed}"
    assert len(fences) > 5
