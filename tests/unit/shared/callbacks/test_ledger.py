"""The ledger of callback requests in memory: what is written is found, what is unfinished is listed, nobody writes over
a later holder.

tests/integration/test_callback_ledger.py has the same on Azurite, with thousands of requests and with kills.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest

from shared.callbacks.layout import OPEN_PARTITION, TABLE, read_record, record_values
from shared.callbacks.ledger import CallbackLedger
from shared.callbacks.records import CallbackOutcome, CallbackRecord, Unfinished
from shared.storage.entities import Row
from shared.storage.errors import StaleFenceError, StorageError
from tests.memory_storage import MemoryTables
from tests.unit.shared.callbacks.callbacks import START, a_callback, a_closed_callback, callback_id


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def ledger(tables: MemoryTables) -> CallbackLedger:
    return CallbackLedger(tables)


def rows(tables: MemoryTables) -> set[tuple[str, str]]:
    """All rows but that of the fence."""
    return {place for place in tables.rows(TABLE) if place[0] != "callbacks-fence"}


def in_one_partition(most: int) -> list[str]:
    ids = (callback_id(number) for number in count())
    found: list[str] = []
    while len(found) < most:
        found += [each for each in [next(ids)] if each.startswith("a")]
    return found


# --------------------------------------------------------------------------------------------- reading


async def test_records_are_read_by_ids_in_any_spelling(ledger: CallbackLedger) -> None:
    one, two = a_callback(1), a_closed_callback(2)
    await ledger.write([one, two])
    found = await ledger.read(
        [f"{{{one.callback_id.upper()}}}", two.callback_id, one.callback_id.replace("-", ""), callback_id(3)]
    )
    assert found == {one.callback_id: one, two.callback_id: two}


@pytest.mark.parametrize("outcome", CallbackOutcome)
@pytest.mark.parametrize("done", [True, False])
async def test_a_record_comes_back_as_it_was(ledger: CallbackLedger, outcome: CallbackOutcome, done: bool) -> None:
    whole = a_callback(outcome=outcome, done=done, closed=done, enreach_id="CB-4711")
    bare = a_callback(1, outcome=outcome, done=done, list_id=None, phone_call_id=None, queue_id=None)
    await ledger.write([whole, bare])
    assert await ledger.read([callback_id(0), callback_id(1)]) == {callback_id(0): whole, callback_id(1): bare}
    assert (whole.id_in_enreach, bare.id_in_enreach) == ("CB-4711", callback_id(1))


def test_an_outcome_of_a_later_version_is_read_as_failed() -> None:
    record = a_callback()
    read = read_record(record.callback_id, {**record_values(record), "outcome": "transcribed"})
    assert read == replace(record, outcome=CallbackOutcome.FAILED)


async def test_moments_are_read_in_utc(ledger: CallbackLedger) -> None:
    in_helsinki = datetime(2027, 3, 22, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    await ledger.write([a_callback(created=in_helsinki)])
    (read,) = await ledger.unfinished()
    assert (read.created, read.created.tzinfo) == (in_helsinki, UTC)


@pytest.mark.parametrize("text", ["", "  "])
async def test_a_blank_id_is_an_error(ledger: CallbackLedger, text: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        await ledger.read([text])


async def test_an_id_that_is_not_canonical_is_not_written(ledger: CallbackLedger, tables: MemoryTables) -> None:
    with pytest.raises(ValueError, match="canonical"):
        await ledger.write([a_callback(), a_callback(1, callback_id=callback_id(1).upper())])
    assert rows(tables) == set()


async def test_storage_that_is_down_is_told(ledger: CallbackLedger, tables: MemoryTables) -> None:
    tables.down = True
    attempts = (ledger.read([callback_id(0)]), ledger.write([a_callback()]), ledger.unfinished(), ledger.sweep(START))
    for attempt in attempts:
        with pytest.raises(StorageError):
            await attempt


@pytest.mark.parametrize("asked", [1, 49, 50, 120, 300])
@pytest.mark.parametrize("there", [0, 1, 150, 1_200])
async def test_many_records_are_found_whether_they_are_listed_or_read_one_by_one(
    ledger: CallbackLedger, tables: MemoryTables, asked: int, there: int
) -> None:
    ids = in_one_partition(1_200)
    await ledger.write([a_closed_callback(callback_id=each) for each in ids[:there]])
    wanted = ids[:: len(ids) // asked]
    before = tables.requests
    assert (await ledger.read(wanted)).keys() == set(wanted) & set(ids[:there])
    if asked >= 120:
        assert tables.requests == before + 1


async def test_a_partition_that_holds_far_more_is_not_listed_to_its_end(
    ledger: CallbackLedger, tables: MemoryTables
) -> None:
    ids = in_one_partition(2_000)
    await ledger.write([a_closed_callback(callback_id=each) for each in ids])
    wanted = [*sorted(ids)[:40], *sorted(ids)[-20:]]
    before = tables.requests
    assert (await ledger.read(wanted)).keys() == set(wanted)
    assert tables.requests == before + 1 + 20


# ---------------------------------------------------------------------------------------------- memory


async def test_under_one_fence_or_the_next_nothing_is_read_twice(ledger: CallbackLedger, tables: MemoryTables) -> None:
    await ledger.write([a_callback(1)], fence=7)
    await CallbackLedger(tables).write([a_callback(2)])
    await ledger.read([callback_id(2)], fence=7)
    before = tables.requests
    assert (await ledger.read([callback_id(1), callback_id(2)], fence=8)).keys() == {callback_id(1), callback_id(2)}
    assert tables.requests == before


@pytest.mark.parametrize("fence", [9, 100, 6, 1, None])
async def test_whoever_came_in_between_is_seen(ledger: CallbackLedger, tables: MemoryTables, fence: int | None) -> None:
    await ledger.write([a_callback()], fence=7)
    await CallbackLedger(tables).write([a_closed_callback()], fence=8)
    assert (await ledger.read([callback_id(0)], fence=fence))[callback_id(0)].closed


async def test_memory_is_bounded(tables: MemoryTables) -> None:
    ledger = CallbackLedger(tables, most_remembered=5)
    await ledger.write([a_callback(number) for number in range(10)], fence=1)
    before = tables.requests
    assert len(await ledger.read([callback_id(number) for number in range(10)], fence=1)) == 10
    assert tables.requests == before + 5


# ---------------------------------------------------------------------------------------------- fences


async def test_nobody_writes_over_what_a_later_holder_wrote(ledger: CallbackLedger, tables: MemoryTables) -> None:
    frozen = CallbackLedger(tables)
    await frozen.write([a_callback()], fence=5)
    await ledger.write([a_closed_callback()], fence=6)
    before = rows(tables)
    with pytest.raises(StaleFenceError):
        await frozen.write([a_callback(outcome=CallbackOutcome.WAITING), a_callback(1)], fence=5)
    assert rows(tables) == before
    assert await CallbackLedger(tables).read([callback_id(0)]) == {callback_id(0): a_closed_callback()}
    await ledger.write([a_callback(1)], fence=6)


async def test_a_write_of_nothing_costs_nothing(ledger: CallbackLedger, tables: MemoryTables) -> None:
    await ledger.write([], fence=3)
    assert tables.requests == 0


# ------------------------------------------------------------------------------------------ unfinished


async def test_what_is_not_closed_is_listed_the_oldest_first_until_it_is(
    ledger: CallbackLedger, tables: MemoryTables
) -> None:
    unfinished = [a_callback(number, minutes=-number, done=number == 1) for number in range(3)]
    await ledger.write([*unfinished, a_closed_callback(9)], fence=1)
    assert await ledger.unfinished(fence=1) == unfinished[::-1]
    assert await ledger.unfinished(most=2) == [unfinished[2], unfinished[1]]
    await ledger.write([replace(unfinished[1], closed=True)], fence=1)
    assert await ledger.unfinished(fence=1) == [unfinished[2], unfinished[0]]
    assert len([row for partition, row in rows(tables) if partition == OPEN_PARTITION]) == 2


async def test_without_anything_unfinished_it_costs_one_request(ledger: CallbackLedger, tables: MemoryTables) -> None:
    await ledger.write([a_closed_callback(number) for number in range(5)], fence=1)
    before = tables.requests
    assert await ledger.unfinished(fence=2) == []
    assert tables.requests == before + 1


async def test_those_who_look_on_count_what_is_unfinished_by_reason(
    ledger: CallbackLedger, tables: MemoryTables
) -> None:
    waiting = {"outcome": CallbackOutcome.WAITING, "reason": "The queue is gone.", "done": False}
    await ledger.write([a_callback(number, minutes=1, **waiting) for number in range(30)], fence=1)
    await ledger.write([a_callback(number) for number in range(30, 70)], fence=1)
    await ledger.write([a_callback(number, minutes=1) for number in range(5)], fence=1)
    await ledger.write([a_closed_callback(number, minutes=1) for number in range(5, 10)], fence=1)
    before = tables.requests
    waits = Unfinished("Sales", CallbackOutcome.WAITING, "The queue is gone.", done=False)
    queued = Unfinished("Sales", CallbackOutcome.QUEUED, "A phone call was queued.", done=True)
    assert await ledger.count_unfinished() == {waits: 20, queued: 45}
    assert await ledger.count_unfinished(most=40) == {queued: 40}
    assert tables.requests == before + 2


@pytest.mark.parametrize("knows", [True, False])
async def test_a_request_that_is_closed_by_a_process_that_did_not_open_it_is_listed_no_more(
    ledger: CallbackLedger, tables: MemoryTables, knows: bool
) -> None:
    await ledger.write([a_callback(number) for number in range(300)], fence=1)
    other = CallbackLedger(tables)
    if knows:
        await other.read([callback_id(number) for number in range(300)], fence=2)
    before = tables.requests
    await other.write([a_closed_callback(number) for number in range(0, 300, 2)], fence=2)
    # The fence twice, a batch for each partition, two for the rows that are removed; and these looked up by who does
    # not know them.
    assert tables.requests - before <= 2 + 16 + 2 + 1
    assert {each.callback_id for each in await other.unfinished()} == {callback_id(each) for each in range(1, 300, 2)}
    assert len([row for partition, row in rows(tables) if partition == OPEN_PARTITION]) == 150


async def test_what_is_closed_already_is_written_without_looking_for_its_row(
    ledger: CallbackLedger, tables: MemoryTables
) -> None:
    closed = [a_closed_callback(number) for number in range(40)]
    await ledger.write(closed, fence=1)
    before = tables.requests
    await ledger.write([replace(each, outcome=CallbackOutcome.EXPIRED) for each in closed], fence=1)
    assert tables.requests - before == 1 + len({each.callback_id[0] for each in closed})


class StopsAfter(MemoryTables):
    """Takes so many writes, and then the process ends."""

    left = 0

    def _count(self) -> None:
        if self.left == 0:
            raise StorageError("the process has ended")
        self.left -= 1

    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None:
        self._count()
        await super().write_many(table, partition, rows)

    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None:
        self._count()
        await super().delete_many(table, partition, rows)


def half_closed() -> list[CallbackRecord]:
    return [a_callback(number, closed=number % 2 == 0) for number in range(30)]


@pytest.mark.parametrize("writes", range(15))
async def test_whatever_is_not_closed_is_listed_wherever_its_writer_was_ended(writes: int) -> None:
    tables = StopsAfter()
    tables.left = 100
    await CallbackLedger(tables).write([a_callback(number) for number in range(0, 30, 2)], fence=1)
    tables.left = writes
    with pytest.raises(StorageError):
        await CallbackLedger(tables).write(half_closed(), fence=1)
    tables.left = 1_000
    fresh = CallbackLedger(tables)
    records = await fresh.read(map(callback_id, range(30)))
    listed = await fresh.unfinished(fence=2)
    assert {each.callback_id for each in listed} == {each for each, record in records.items() if not record.closed}
    await fresh.write(half_closed(), fence=2)
    whole = MemoryTables()
    await CallbackLedger(whole).write(half_closed())
    assert rows(tables) == rows(whole)
    assert await fresh.read(map(callback_id, range(30))) == {each.callback_id: each for each in half_closed()}


async def test_what_may_not_have_arrived_is_asked_for() -> None:
    tables = StopsAfter()
    tables.left = 100
    ledger = CallbackLedger(tables)
    await ledger.write([a_callback()], fence=7)
    tables.left = 1
    with pytest.raises(StorageError):
        await ledger.write([a_callback(reason="another")], fence=7)
    await MemoryTables.write_many(
        tables, TABLE, "callback-" + callback_id(0)[0], [(callback_id(0), record_values(a_callback(reason="another")))]
    )
    assert (await ledger.read([callback_id(0)], fence=7))[callback_id(0)].reason == "another"


async def test_rows_left_over_of_closed_requests_are_removed_by_the_holder_alone(tables: MemoryTables) -> None:
    ledger = CallbackLedger(tables)
    await ledger.write([a_callback(0), a_callback(1)])
    left_over: dict[str, dict[str, str]] = {row: {} for partition, row in rows(tables) if partition == OPEN_PARTITION}
    await ledger.write([a_closed_callback(0), a_callback(1, minutes=5)])
    await tables.write_many(TABLE, OPEN_PARTITION, left_over.items())
    with_them = rows(tables)
    assert await ledger.unfinished() == [a_callback(1, minutes=5)]
    assert rows(tables) == with_them
    assert await ledger.unfinished(fence=4) == [a_callback(1, minutes=5)]
    assert len([row for partition, row in rows(tables) if partition == OPEN_PARTITION]) == 1
    with pytest.raises(StaleFenceError):
        await CallbackLedger(tables).write([a_callback(0)], fence=3)


# ------------------------------------------------------------------------------------------- forgetting


async def test_the_sweep_removes_what_is_closed_and_old_and_leaves_the_rest(
    ledger: CallbackLedger, tables: MemoryTables
) -> None:
    limit = START + timedelta(days=60)
    kept = [a_callback(1), a_closed_callback(2, updated=limit), a_closed_callback(3, minutes=70 * 1440)]
    await ledger.write(kept, fence=1)
    left = rows(tables)
    await ledger.write([a_closed_callback(number) for number in range(10, 60)], fence=1)
    assert await ledger.sweep(limit) == 50
    assert rows(tables) == left
    assert await ledger.sweep(limit) == 0
    assert await ledger.unfinished() == [kept[0]]
    assert await ledger.read([callback_id(10)], fence=1) == {}
