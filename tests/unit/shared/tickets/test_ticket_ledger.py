"""The ledger of tickets in memory: what is written is read, and nothing is left of what a record no longer is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from shared.tickets.layout import PENDING_PARTITION, TABLE, WAITING_PARTITION, day_partition
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import ParkedMessage, TicketOutcome, TicketRecord, WaitingTickets
from tests.memory_storage import MemoryTables
from tests.unit.shared.tickets.tickets import START, a_record, a_ticket, a_waiting_record, call_id

RECORDS = [
    a_record(),
    a_record(started=None, tickets=(), outcome=TicketOutcome.NO_TRIGGER),
    a_record(tickets=(a_ticket(), a_ticket(1, case_id=None, link=None, done=False, configuration="Müller"))),
    a_record(tickets=(a_ticket(phone_call_pending=True),)),
    a_waiting_record(),
    a_waiting_record(due=None, token=None, started=START),
]


class Clock:
    """The storage's."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def partitions(tables: MemoryTables, record: TicketRecord) -> set[str]:
    """Where anything is of this call."""
    return {partition for partition, row in tables.rows(TABLE) if row == record.call_id}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.outcome)
async def test_what_is_written_is_read(record: TicketRecord) -> None:
    ledger = TicketLedger(MemoryTables())
    await ledger.write([record])
    assert await ledger.read([record.call_id.upper(), f"{{{record.call_id}}}"]) == {record.call_id: record}
    assert await ledger.read([call_id(99)]) == {}


@pytest.mark.parametrize("after", RECORDS, ids=lambda record: record.outcome)
@pytest.mark.parametrize("before", RECORDS, ids=lambda record: record.outcome)
@pytest.mark.parametrize("is_known", [False, True], ids=["read", "known"])
async def test_a_record_leaves_nothing_of_the_one_before(
    before: TicketRecord, after: TicketRecord, is_known: bool
) -> None:
    tables, alone = MemoryTables(), MemoryTables()
    after = replace(after, updated=START + timedelta(days=2))
    await TicketLedger(tables).write([before])
    await TicketLedger(tables).write([after], before={before.call_id: before} if is_known else None)
    await TicketLedger(alone).write([after])
    assert tables.rows(TABLE) == alone.rows(TABLE)


async def test_an_id_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(ValueError, match="canonical"):
        await TicketLedger(MemoryTables()).write([replace(a_record(), call_id=call_id(0).upper())])


async def test_waiting_requests_are_counted_and_the_oldest_is_told() -> None:
    ledger = TicketLedger(MemoryTables())
    assert await ledger.waiting() == WaitingTickets(0)
    await ledger.write([a_waiting_record(number, minutes=number) for number in range(5)] + [a_record(9)])
    assert await ledger.waiting() == WaitingTickets(5, START)
    assert (await ledger.waiting(most=3)).count == 3
    assert await ledger.waiting_calls() == {call_id(number) for number in range(5)}
    await ledger.write([a_record(0)])
    assert await ledger.waiting() == WaitingTickets(4, START + timedelta(minutes=1))


async def left_by_two_processes(tables: MemoryTables, one: TicketRecord, other: TicketRecord) -> None:
    """Both have read that nothing is there."""
    await TicketLedger(tables).write([one], before={})
    await TicketLedger(tables).write([other], before={})


async def test_rows_left_by_two_processes_at_a_time_go_later() -> None:
    clock = Clock()
    tables = MemoryTables(clock)
    ledger = TicketLedger(tables)
    await left_by_two_processes(tables, a_waiting_record(0), a_record(0))
    await left_by_two_processes(tables, a_record(1, tickets=(a_ticket(phone_call_pending=True),)), a_record(1))
    await ledger.write([a_waiting_record(2), a_record(3, tickets=(a_ticket(phone_call_pending=True),))])
    # A moment ago: its record may be about to be written.
    assert [record.call_id for record in await ledger.pending()] == [call_id(3)]
    assert await ledger.mend_waiting(START + timedelta(hours=1)) == 0
    assert PENDING_PARTITION in partitions(tables, a_record(1))
    clock.now += timedelta(minutes=10)
    assert [record.call_id for record in await ledger.pending()] == [call_id(3)]
    assert await ledger.mend_waiting(START) == 0
    assert await ledger.mend_waiting(START + timedelta(hours=1)) == 1
    assert PENDING_PARTITION not in partitions(tables, a_record(1))
    assert WAITING_PARTITION not in partitions(tables, a_record(0))
    assert await ledger.waiting_calls() == {call_id(2)}


async def test_the_sweep_removes_all_of_what_has_not_changed() -> None:
    tables = MemoryTables()
    ledger, limit = TicketLedger(tables), START + timedelta(days=3)
    old = [a_record(0), a_record(1, days=2, tickets=(a_ticket(phone_call_pending=True),)), a_waiting_record(2)]
    changed, young = a_record(3), a_record(4, days=3)
    await ledger.write([*old, changed, young])
    await ledger.write([replace(changed, updated=START + timedelta(days=4))])
    assert await ledger.sweep(limit) == 3
    assert set(await ledger.read(call_id(number) for number in range(5))) == {call_id(3), call_id(4)}
    assert all(row in {call_id(3), call_id(4)} for _, row in tables.rows(TABLE))
    assert await ledger.sweep(limit) == 0


async def test_sweeps_that_failed_for_days_are_made_up_for() -> None:
    ledger = TicketLedger(MemoryTables())
    await ledger.write([a_record(0), a_record(1, days=-70)])
    assert await ledger.sweep(START + timedelta(days=60)) == 1
    assert set(await ledger.read([call_id(0), call_id(1)])) == {call_id(1)}


async def killed_after(requests: int, tables: MemoryTables, work: Callable[[], Awaitable[None]]) -> bool:
    """Whether the work was cut off by this many requests to storage."""
    limit = tables.requests + requests
    task = asyncio.ensure_future(work())
    while not task.done() and tables.requests < limit:  # noqa: ASYNC110 - it steps through the requests
        await asyncio.sleep(0)
    was_cut = not task.done()
    task.cancel()
    await asyncio.wait([task])
    return was_cut


async def test_a_write_that_was_killed_anywhere_and_repeated_leaves_the_same_rows() -> None:
    before = [a_waiting_record(0), a_record(1, tickets=(a_ticket(phone_call_pending=True),)), a_record(2)]
    after = [a_record(0, days=1), a_record(1, days=1), a_waiting_record(2), a_record(3)]
    clean = MemoryTables()
    await TicketLedger(clean).write(after)
    kills = 0
    for requests in range(1, 100):
        tables = MemoryTables()
        ledger = TicketLedger(tables)
        await ledger.write(before)
        was_cut = await killed_after(requests, tables, lambda ledger=ledger: ledger.write(after))  # type: ignore[misc]
        await ledger.write(after)
        left = {place: values for place, values in tables.rows(TABLE).items() if not place[0].startswith("tickets-day")}
        wanted = {
            place: values for place, values in clean.rows(TABLE).items() if not place[0].startswith("tickets-day")
        }
        assert left == wanted
        # A record is always found by the sweep.
        days = {place for place in tables.rows(TABLE) if place[0].startswith("tickets-day")}
        assert days >= {(day_partition(record.updated), record.call_id) for record in after}
        if not was_cut:
            break
        kills += 1
    assert kills >= 8


async def test_parked_messages_are_kept_until_they_are_forgotten() -> None:
    ledger = TicketLedger(MemoryTables())
    one = ParkedMessage(digest="a" * 64, code="malformed", reason="callId: must not be blank", parked_at=START)
    other = ParkedMessage(
        digest="b" * 64,
        code="refused",
        reason="The queue is not in Dynamics.",
        call_id=str(UUID(int=1)),
        parked_at=START,
        attempts=3,
        redrives=2,
        redriven_at=START + timedelta(hours=1),
    )
    assert await ledger.parked() == []
    await ledger.park([other, one])
    assert await ledger.parked() == [one, other]
    assert await ledger.parked(most=1) == [one]
    assert await ledger.parked_one("b" * 64) == other
    assert (one.is_parked, other.is_parked) == (True, False)
    await ledger.unpark(["a" * 64, "c" * 64])
    assert await ledger.parked() == [other]
    assert await ledger.parked_one("a" * 64) is None
