"""The ledger in memory: what is written is found, what is removed is gone, and memory is believed only while it may be.

tests/integration/test_call_ledger.py has the same on Azurite, with thousands of calls and with kills.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.calls import ledger as ledger_module
from shared.calls.layout import TABLE
from shared.calls.ledger import CallLedger
from shared.calls.records import CallHistory, CaseLink, LinkedCase, Outcome
from shared.clock import utc_now
from shared.storage.entities import Row
from shared.storage.errors import StorageError
from tests.memory_storage import MemoryTables
from tests.unit.shared.calls.calls import AGENT, KEY, NUMBER, START, a_call, call_id

CASE = LinkedCase(UUID(int=5), "https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id=5")
OTHER_CASE = LinkedCase(UUID(int=6), "https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id=6")
LINK = CaseLink(call_id(0), START, CASE, KEY.found_by([NUMBER], [AGENT]))
EARLY, LATE = START - timedelta(days=100), START + timedelta(days=100)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def ledger(tables: MemoryTables) -> CallLedger:
    return CallLedger(tables)


def rows(tables: MemoryTables) -> set[tuple[str, str]]:
    return set(tables.rows(TABLE))


# --------------------------------------------------------------------------------------------- reading


async def test_records_are_read_by_ids_in_any_spelling(ledger: CallLedger) -> None:
    one, two = a_call(1), a_call(2)
    await ledger.write([one, two])
    found = await ledger.read([f"{{{one.call_id.upper()}}}", two.call_id, one.call_id.replace("-", ""), call_id(3)])
    assert found == {one.call_id: one, two.call_id: two}


async def test_an_id_that_is_not_canonical_is_not_written(ledger: CallLedger, tables: MemoryTables) -> None:
    with pytest.raises(ValueError, match="canonical"):
        await ledger.write([a_call(), replace(a_call(1), call_id=call_id(1).upper())])
    assert rows(tables) == set()


async def test_a_write_ahead_changes_what_was_written_alone(ledger: CallLedger, tables: MemoryTables) -> None:
    one, two = a_call(1), a_call(2)
    await ledger.write([one, two], fence=1)
    before = rows(tables)
    ahead = replace(one, written=b"more")
    await ledger.write_ahead([ahead], fence=1)
    assert rows(tables) == before
    for reader in (ledger, CallLedger(tables)):
        assert await reader.read([one.call_id, two.call_id], fence=1) == {one.call_id: ahead, two.call_id: two}


async def test_the_last_write_wins(ledger: CallLedger) -> None:
    await ledger.write([a_call(outcome=Outcome.WAITING)])
    await ledger.write([a_call()])
    assert (await ledger.read([call_id(0)]))[call_id(0)].outcome is Outcome.LOGGED


async def test_storage_that_is_down_is_told(ledger: CallLedger, tables: MemoryTables) -> None:
    tables.down = True
    for attempt in (
        ledger.read([call_id(0)]), ledger.write([a_call()]), ledger.glance(START, LATE), ledger.waiting(),
        ledger.find([KEY.number(NUMBER)], EARLY, LATE, 5), ledger.history(call_id(0)), ledger.sweep(LATE, days=1),
        ledger.link_cases([LINK]),
    ):  # fmt: skip
        with pytest.raises(StorageError):
            await attempt


# ---------------------------------------------------------------------------------------------- memory


async def test_under_one_fence_or_the_next_nothing_is_read_twice(ledger: CallLedger, tables: MemoryTables) -> None:
    await ledger.write([a_call(1)], fence=7)
    await CallLedger(tables).write([a_call(2)])
    await ledger.read([call_id(2)], fence=7)
    before = tables.requests
    assert (await ledger.read([call_id(1), call_id(2)], fence=8)).keys() == {call_id(1), call_id(2)}
    assert tables.requests == before


@pytest.mark.parametrize("fence", [9, 100, 6, 1, None])
async def test_whoever_came_in_between_is_seen(ledger: CallLedger, tables: MemoryTables, fence: int | None) -> None:
    await ledger.write([a_call(outcome=Outcome.WAITING)], fence=7)
    await CallLedger(tables).write([a_call()], fence=8)
    assert (await ledger.read([call_id(0)], fence=fence))[call_id(0)].outcome is Outcome.LOGGED


async def test_what_may_not_have_arrived_is_asked_for(ledger: CallLedger, tables: MemoryTables) -> None:
    await ledger.write([a_call(outcome=Outcome.WAITING)], fence=7)
    tables.down = True
    with pytest.raises(StorageError):
        await ledger.write([a_call()], fence=7)
    tables.down = False
    assert (await ledger.read([call_id(0)], fence=7))[call_id(0)].outcome is Outcome.WAITING


async def test_what_this_process_writes_without_a_lease_or_removes_is_not_remembered(ledger: CallLedger) -> None:
    await ledger.write([a_call(1), a_call(2)], fence=7)
    await ledger.write([a_call(1, outcome=Outcome.DELETED_BY_USER)])
    await ledger.forget([call_id(2)])
    found = await ledger.read([call_id(1), call_id(2)], fence=7)
    assert {each: record.outcome for each, record in found.items()} == {call_id(1): Outcome.DELETED_BY_USER}


async def test_memory_is_bounded_and_keeps_what_was_touched_last(tables: MemoryTables) -> None:
    ledger = CallLedger(tables, most_remembered=10)
    await ledger.write([a_call(number) for number in range(20)], fence=1)
    await ledger.read([call_id(10)], fence=1)  # touched again, so it outlives the next one
    await ledger.write([a_call(20)], fence=1)
    before = tables.requests
    await ledger.read([call_id(number) for number in (*range(12, 21), 10)], fence=1)
    assert tables.requests == before
    await ledger.read([call_id(11)], fence=1)
    assert tables.requests == before + 1


# ------------------------------------------------------------------------------------------- searching


async def found(
    ledger: CallLedger, *keys: str, since: datetime = EARLY, until: datetime = LATE, most: int = 500
) -> list[str]:
    return [each.call_id for each in await ledger.find(keys, since, until, most)]


async def test_a_search_gives_the_newest_first_over_the_months(ledger: CallLedger) -> None:
    days = [0, 5, 9, 10, 25, 40, 41]
    await ledger.write([a_call(day, minutes=day * 1440) for day in days])
    wanted = [call_id(day) for day in reversed(days)]
    assert await found(ledger, KEY.number(NUMBER)) == wanted
    assert await found(ledger, KEY.agent(AGENT.upper())) == wanted
    assert await found(ledger, KEY.number("+358501231234")) == []
    assert await found(ledger, KEY.number(NUMBER), most=3) == wanted[:3]
    assert await found(ledger, KEY.number(NUMBER), since=START + timedelta(days=10)) == wanted[:4]
    assert await found(ledger, KEY.number(NUMBER), until=START + timedelta(days=10)) == wanted[3:]


async def test_a_search_by_number_and_agent_gives_what_has_both(ledger: CallLedger) -> None:
    number, agent = KEY.number(NUMBER), KEY.agent(AGENT)
    keys = {0: [number], 1: [agent], 2: [number, agent], 3: [number], 4: [number, agent], 5: [agent]}
    await ledger.write(
        [a_call(each, minutes=each % 3 * 40_000, found_by=frozenset(some)) for each, some in keys.items()]
    )
    assert await found(ledger, number, agent) == await found(ledger, agent, number) == [call_id(2), call_id(4)]
    assert await found(ledger, number, agent, most=1) == [call_id(2)]


async def test_many_calls_of_both_at_the_same_moment_are_all_found(ledger: CallLedger) -> None:
    number, agent = KEY.number(NUMBER), KEY.agent(AGENT)
    some = [[number], [agent], [number, agent]]
    await ledger.write([a_call(each, found_by=frozenset(some[each % 3])) for each in range(90)])
    assert set(await found(ledger, number, agent)) == {call_id(each) for each in range(2, 90, 3)}


async def test_a_row_of_the_search_that_was_left_over_finds_nothing(ledger: CallLedger, tables: MemoryTables) -> None:
    await ledger.write([a_call()])
    await ledger.write([a_call(found_by=frozenset())])  # without telling what was before
    assert await found(ledger, KEY.number(NUMBER)) == []


async def test_a_call_that_turned_private_is_not_found_and_has_no_rows_of_the_search(
    ledger: CallLedger, tables: MemoryTables
) -> None:
    before = a_call()
    await ledger.write([before])
    await ledger.write(
        [replace(before, outcome=Outcome.REMOVED_PRIVATE, found_by=frozenset())], before={before.call_id: before}
    )
    assert await found(ledger, KEY.number(NUMBER)) == []
    assert {partition.rsplit("-", 1)[0] for partition, _ in rows(tables)} == {"call", "calls-started-20270322"}


async def test_what_waits_is_listed_oldest_first_until_it_is_done(ledger: CallLedger, tables: MemoryTables) -> None:
    waiting = [a_call(number, minutes=-number, outcome=Outcome.WAITING) for number in range(3)]
    await ledger.write([*waiting, a_call(9)])
    assert await ledger.waiting() == waiting[::-1]
    await ledger.write([replace(waiting[1], outcome=Outcome.LOGGED)], before={waiting[1].call_id: waiting[1]})
    assert await ledger.waiting() == [waiting[2], waiting[0]]
    assert await ledger.waiting(most=1) == [waiting[2]]
    assert len([row for partition, row in rows(tables) if partition == "calls-waiting"]) == 2


# -------------------------------------------------------------------------------------------- glancing


async def test_a_glance_gives_what_started_in_the_slice(ledger: CallLedger, tables: MemoryTables) -> None:
    await ledger.write([a_call(number, minutes=number) for number in range(60)])
    slice_start = START + timedelta(minutes=20)
    await ledger.link_cases([CaseLink(call_id(25), START + timedelta(minutes=25), CASE)])
    seen = await ledger.glance(slice_start, slice_start + timedelta(minutes=15))
    assert seen.keys() == {call_id(number) for number in range(20, 35)}
    assert all(each.done and each.outcome is Outcome.LOGGED for each in seen.values())


async def test_a_call_that_started_elsewhen_after_all_is_seen_there_alone(ledger: CallLedger) -> None:
    before = a_call()
    after = replace(before, started=START + timedelta(hours=2))
    await ledger.write([before])
    await ledger.write([after], before={before.call_id: before})
    assert await ledger.glance(START, START + timedelta(minutes=1)) == {}
    assert (await ledger.glance(START, LATE - timedelta(days=99))).keys() == {call_id(0)}


class StopsAfter(MemoryTables):
    """Takes so many writes of batches, and then the process ends."""

    left = 0

    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None:
        if self.left == 0:
            raise StorageError("the process has ended")
        self.left -= 1
        await super().write_many(table, partition, rows)


@pytest.mark.parametrize("writes", range(20))
async def test_whatever_a_glance_knows_is_there_whole(writes: int) -> None:
    tables = StopsAfter()
    tables.left = writes
    calls = [a_call(number) for number in range(30)]
    with pytest.raises(StorageError):
        await CallLedger(tables).write(calls)
    tables.left = 1_000
    fresh = CallLedger(tables)
    seen = await fresh.glance(START, START + timedelta(seconds=1))
    assert seen.keys() <= (await fresh.read(call.call_id for call in calls)).keys()
    assert seen.keys() <= set(await found(fresh, KEY.number(NUMBER)))
    await fresh.write(calls)
    whole = MemoryTables()
    await CallLedger(whole).write(calls)
    assert rows(tables) == rows(whole)


# -------------------------------------------------------------------------------------------- histories


async def test_a_history_has_the_cases_of_its_call_whoever_writes_the_call_later(ledger: CallLedger) -> None:
    assert await ledger.history(call_id(0)) is None
    await ledger.write([a_call()])
    await ledger.link_cases([CaseLink(call_id(0).upper(), START, OTHER_CASE)])
    await ledger.link_cases([CaseLink(call_id(0), START, CASE)])
    await ledger.link_cases([CaseLink(call_id(0), START, CASE)])
    await ledger.write([a_call(outcome=Outcome.ADOPTED)])
    adopted = a_call(outcome=Outcome.ADOPTED)
    wanted = CallHistory(call_id(0), adopted, (CASE, OTHER_CASE), START, adopted.found_by)
    assert await ledger.history(f"{{{call_id(0)}}}") == wanted
    assert await ledger.find([KEY.number(NUMBER)], EARLY, LATE, 5) == [wanted]


async def test_a_call_that_call_sync_never_saw_is_found_by_the_keys_of_its_cases(ledger: CallLedger) -> None:
    other = replace(LINK, call_id=call_id(1), started=START + timedelta(hours=1), found_by=KEY.found_by([NUMBER], []))
    await ledger.link_cases([replace(LINK, call_id=call_id(0).upper()), other])
    first = CallHistory(call_id(0), None, (CASE,), START, LINK.found_by)
    second = CallHistory(call_id(1), None, (CASE,), other.started, other.found_by)
    assert await ledger.history(call_id(0)) == first
    assert await ledger.read([call_id(0)]) == {}
    assert await ledger.find([KEY.number(NUMBER)], EARLY, LATE, 5) == [second, first]
    assert await ledger.find([KEY.number(NUMBER), KEY.agent(AGENT.upper())], EARLY, LATE, 5) == [first]
    assert await ledger.find([KEY.number(NUMBER)], START + timedelta(minutes=1), LATE, 5) == [second]
    assert await ledger.glance(START, LATE - timedelta(days=99)) == {}


async def test_a_call_is_found_by_what_its_record_and_its_cases_say_together(ledger: CallLedger) -> None:
    await ledger.write([a_call(found_by=KEY.found_by([NUMBER], []))])
    await ledger.link_cases([LINK])
    found = await ledger.find([KEY.agent(AGENT)], EARLY, LATE, 5)
    assert [(each.call_id, each.cases) for each in found] == [(call_id(0), (CASE,))]


async def test_a_call_that_turns_private_is_found_by_its_cases_no_more(ledger: CallLedger) -> None:
    await ledger.write([a_call(found_by=KEY.found_by([NUMBER], []))])
    await ledger.link_cases([LINK])
    private = a_call(outcome=Outcome.REMOVED_PRIVATE, found_by=frozenset(), legs=b"")
    await ledger.write([private], before={private.call_id: a_call()})
    for key in LINK.found_by:
        assert await ledger.find([key], EARLY, LATE, 5) == []
    assert await ledger.history(call_id(0)) == CallHistory(call_id(0), private, (CASE,), START)


async def test_a_link_that_was_cut_off_is_said_again_and_leaves_what_the_sweep_finds() -> None:
    wanted = MemoryTables()
    await CallLedger(wanted).link_cases([LINK])
    for writes in range(3):
        tables = StopsAfter()
        tables.left = writes
        ledger = CallLedger(tables)
        with pytest.raises(StorageError):
            await ledger.link_cases([LINK])
        assert await ledger.find([KEY.number(NUMBER)], EARLY, LATE, 5) == []
        swept = tables.copy_of(utc_now)
        await CallLedger(swept).sweep(LATE, days=110)
        assert rows(swept) == set()
        tables.left = 10
        await ledger.link_cases([LINK])
        assert rows(tables) == rows(wanted)


# ------------------------------------------------------------------------------------------- forgetting


async def test_a_forgotten_call_leaves_nothing(ledger: CallLedger, tables: MemoryTables) -> None:
    await ledger.write([a_call(1)])
    left = rows(tables)
    await ledger.link_cases([replace(LINK, call_id=call_id(2))])
    await ledger.write([a_call(0, outcome=Outcome.WAITING)])
    await ledger.link_cases([CaseLink(call_id(0), START, CASE)])
    await ledger.forget([call_id(0).upper(), call_id(2), call_id(5)])
    assert rows(tables) == left


@pytest.mark.parametrize("piece", [1, 7, 2_000])
async def test_the_sweep_removes_what_is_old_and_unchanged_with_all_its_rows(
    ledger: CallLedger, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(ledger_module, "_SWEEP_PIECE", piece)
    limit = START + timedelta(days=30)
    young = [a_call(number, minutes=30 * 1440 + number) for number in range(5)]
    changed = a_call(50, updated=limit)
    await ledger.write([*young, changed])
    await ledger.link_cases([replace(LINK, call_id=call_id(60), started=limit)])
    await ledger.link_cases([CaseLink(changed.call_id, changed.started, CASE)])
    await ledger.link_cases([CaseLink(young[0].call_id, young[0].started, CASE)])
    left = rows(tables)
    old = [a_call(number, minutes=number, outcome=Outcome.WAITING) for number in range(100, 120)]
    await ledger.write(old)
    await ledger.link_cases([CaseLink(old[3].call_id, old[3].started, CASE)])
    await ledger.link_cases([replace(LINK, call_id=call_id(number)) for number in (103, 200, 201)])
    assert rows(tables) > left
    assert await ledger.sweep(limit) == 20
    assert rows(tables) == left
    assert await ledger.sweep(limit) == 0


async def test_a_sweep_that_was_ended_is_made_up_for(ledger: CallLedger, tables: MemoryTables) -> None:
    calls = [a_call(number, minutes=number) for number in range(50)]
    await ledger.write(calls)
    await ledger.link_cases([CaseLink(calls[0].call_id, calls[0].started, CASE)])
    sweep = asyncio.create_task(ledger.sweep(LATE, days=110))
    for _ in range(30):
        await asyncio.sleep(0.0005)
    sweep.cancel()
    await asyncio.gather(sweep, return_exceptions=True)
    await ledger.sweep(LATE, days=110)
    assert rows(tables) == set()


async def test_moments_are_read_in_utc(ledger: CallLedger) -> None:
    await ledger.write([a_call()])
    assert (await ledger.read([call_id(0)]))[call_id(0)].started.tzinfo is UTC
