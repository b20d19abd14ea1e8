"""A checkpoint only moves forward, and only for the newest holder, however calls interleave and answers get lost."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.storage.checkpoints import Checkpoint
from shared.storage.entities import Entity, Value
from shared.storage.errors import StaleFenceError, StorageError
from tests.memory_storage import MemoryTables

START = datetime(2027, 3, 22, 9, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


async def test_before_the_first_moment_there_is_none(tables: MemoryTables) -> None:
    assert await Checkpoint(tables, "calls").read() is None


async def test_it_stands_where_it_was_moved_to_by_name(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    assert await checkpoint.advance(at(1), fence=1) == await checkpoint.read() == at(1)
    assert await checkpoint.advance(at(2), fence=1) == await Checkpoint(tables, "calls").read() == at(2)
    assert await Checkpoint(tables, "callbacks").read() is None


async def test_it_never_moves_back(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    await checkpoint.advance(at(5), fence=1)
    assert await checkpoint.advance(at(4), fence=1) == at(5)
    assert await checkpoint.advance(at(4), fence=2) == at(5)
    assert await checkpoint.read() == at(5)


async def test_the_same_once_more_writes_nothing(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    await checkpoint.advance(at(5), fence=1)
    before = tables.requests
    await checkpoint.advance(at(5), fence=1)
    await checkpoint.advance(at(3), fence=1)
    assert tables.requests - before == 2  # both looked


async def test_who_was_succeeded_moves_nothing(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    await checkpoint.advance(at(1), fence=1)
    await checkpoint.advance(at(2), fence=2)
    with pytest.raises(StaleFenceError, match="calls was moved under fence 2; ours is 1"):
        await checkpoint.advance(at(9), fence=1)
    assert await checkpoint.read() == at(2)


async def test_a_successor_keeps_the_one_before_out_even_where_it_did_not_move_the_moment(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    await checkpoint.advance(at(5), fence=1)
    await checkpoint.advance(at(5), fence=2)
    with pytest.raises(StaleFenceError):
        await checkpoint.advance(at(6), fence=1)


async def test_moments_of_other_zones_are_the_same_instant(tables: MemoryTables) -> None:
    checkpoint = Checkpoint(tables, "calls")
    await checkpoint.advance(at(0).astimezone(timezone(timedelta(hours=2))), fence=1)
    assert str(await checkpoint.read()) == "2027-03-22 09:00:00+00:00"
    with pytest.raises(ValueError, match="zone"):
        await checkpoint.advance(datetime(2027, 3, 22), fence=1)  # noqa: DTZ001


async def test_storage_that_is_down_is_told(tables: MemoryTables) -> None:
    tables.down = True
    with pytest.raises(StorageError):
        await Checkpoint(tables, "calls").advance(at(1), fence=1)
    with pytest.raises(StorageError):
        await Checkpoint(tables, "calls").read()


class LosesAnswers(MemoryTables):
    """Every other write arrives, and its answer does not."""

    writes = 0

    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        return self._lose(await super().insert(table, partition, row, values))

    async def replace(self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str) -> Entity:
        return self._lose(await super().replace(table, partition, row, values, etag=etag))

    def _lose(self, entity: Entity) -> Entity:
        self.writes += 1
        if self.writes % 2:
            raise StorageError("the answer is lost")
        return entity


async def test_a_move_whose_answer_was_lost_may_be_repeated() -> None:
    tables = LosesAnswers()
    checkpoint = Checkpoint(tables, "calls")
    for minute in range(1, 6):
        try:
            await checkpoint.advance(at(minute), fence=1)
        except StorageError:
            assert await checkpoint.advance(at(minute), fence=1) == at(minute)
    assert (await checkpoint.read(), tables.writes) == (at(5), 5)


class Yields(MemoryTables):
    """Lets others in for a random while before each request."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self._draw = draw

    async def _request(self) -> None:
        for _ in range(self._draw.randrange(6)):
            await asyncio.sleep(0)
        await super()._request()


@pytest.mark.parametrize("seed", range(60))
async def test_of_holders_at_once_no_older_one_moves_after_a_newer_one(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same interleaving each time
    tables = Yields(draw)
    done: list[tuple[int, datetime]] = []

    async def hold(fence: int) -> None:
        checkpoint = Checkpoint(tables, "calls")
        for _ in range(6):
            before = await checkpoint.read()
            began = len(done)
            try:
                reached = await checkpoint.advance(at(draw.randrange(60)), fence)
            except StaleFenceError:
                assert fence < 4
                return
            assert before is None or reached >= before
            assert all(other <= fence for other, _ in done[:began])
            done.append((fence, reached))

    await asyncio.gather(*(hold(fence) for fence in (1, 2, 3, 4)))
    assert await Checkpoint(tables, "calls").read() == max(moment for _, moment in done)
