"""Groups of what comes within a moment, one at a time, whoever is cancelled in between."""

import asyncio
from collections.abc import Sequence

import pytest

from functions.ticket_creation.use_case.gathering import Gathering


class Worker:
    """Doubles numbers, and remembers in which groups they came."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.most_at_once = self.at_once = 0

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append([*numbers])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        if 113 in numbers:
            raise LookupError("113")
        return [2 * number for number in numbers]


@pytest.fixture
def worker() -> Worker:
    return Worker()


async def test_what_comes_within_a_moment_is_one_group_and_each_gets_its_own(worker: Worker) -> None:
    gathering = Gathering(worker, moment=0.02)
    assert await asyncio.gather(*map(gathering.add, range(100))) == [2 * number for number in range(100)]
    assert worker.groups == [[*range(100)]]
    assert await gathering.add(7) == 14


async def test_a_full_group_does_not_wait(worker: Worker) -> None:
    gathering = Gathering(worker, moment=60, most=10)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*map(gathering.add, range(20))) == [2 * number for number in range(20)]
    assert [len(group) for group in worker.groups] == [10, 10]


async def test_one_group_at_a_time_and_the_next_gathers_meanwhile(worker: Worker) -> None:
    gathering = Gathering(worker, moment=0.01, most=10)
    worker.go.clear()
    first = [asyncio.create_task(gathering.add(number)) for number in range(3)]
    await asyncio.sleep(0.05)
    rest = [asyncio.create_task(gathering.add(number)) for number in range(3, 15)]
    await asyncio.sleep(0.05)
    assert worker.groups == [[0, 1, 2]]
    worker.go.set()
    assert await asyncio.gather(*first, *rest) == [2 * number for number in range(15)]
    assert [len(group) for group in worker.groups] == [3, 10, 2]
    assert worker.most_at_once == 1


async def test_a_failure_is_that_of_its_group_alone(worker: Worker) -> None:
    gathering = Gathering(worker, moment=0.01, most=5)
    found = await asyncio.gather(*map(gathering.add, range(110, 120)), return_exceptions=True)
    assert [isinstance(each, LookupError) for each in found] == [True] * 5 + [False] * 5
    assert await gathering.add(1) == 2


async def test_who_is_cancelled_keeps_nobody_from_going_on(worker: Worker) -> None:
    gathering = Gathering(worker, moment=0.05)
    before, kept = [asyncio.create_task(gathering.add(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    before.cancel()
    assert await kept == 4
    assert worker.groups == [[2]]
    worker.go.clear()
    during, other = [asyncio.create_task(gathering.add(number)) for number in (3, 4)]
    await asyncio.sleep(0.1)
    during.cancel()
    await asyncio.sleep(0)
    worker.go.set()
    assert await other == 8
    assert await gathering.add(5) == 10


async def test_stopping_ends_the_group_and_who_waits(worker: Worker) -> None:
    gathering = Gathering(worker, moment=0.01, most=2)
    worker.go.clear()
    waiting = [asyncio.create_task(gathering.add(number)) for number in range(3)]
    await asyncio.sleep(0.05)
    await gathering.stop()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in found)
    worker.go.set()
    assert await gathering.add(4) == 8
