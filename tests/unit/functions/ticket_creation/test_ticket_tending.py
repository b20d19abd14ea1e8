"""What is done every few minutes: the poison queue is told of, what the host gave up comes back, old rows go."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from functions.ticket_creation.use_case.parking import GIVEN_UP, HIDDEN, RefusedMessage
from functions.ticket_creation.use_case.tending import (
    KEPT,
    MANY_PARKED,
    MOST_REDRIVES,
    REDRIVE_AGAIN,
    TicketTending,
    parked_finding,
    waiting_finding,
)
from shared.health import Status
from shared.storage.errors import StorageError
from shared.ticket_queue import CONTAINER, POISON_QUEUE, QUEUE
from shared.ticket_request import Delivery, TicketRequest, as_message, stored_as
from shared.tickets.records import ParkedMessage, TicketOutcome, WaitingTickets
from shared.tickets.slots import Slots
from tests.memory_storage import MemoryFiles, MemoryMessages, MemoryTables
from tests.unit.functions.ticket_creation.ticket_host import START, Site
from tests.unit.shared.tickets.tickets import a_record, a_slot, a_waiting_record, call_id

TICK = timedelta(minutes=5)


class Tended(Site):
    """A site whose clock a test moves, and its tending."""

    def __init__(self) -> None:
        self.time = START
        self.caught_up = 0
        super().__init__(MemoryTables(self.clock), MemoryMessages(self.clock), MemoryFiles(self.clock), self.clock)
        self.slots = Slots(self.tables)
        self.tending = self.another()

    def clock(self) -> datetime:
        return self.time

    def another(self) -> TicketTending:
        """That of a new process."""
        return TicketTending(
            self.ledger,
            self.slots,
            self.messages,
            self.files,
            self.parking,
            self.clock,
            catch_up_regarding=self._catch_up,
        )

    async def _catch_up(self) -> None:
        self.caught_up += 1

    async def later(self, passed: timedelta = TICK) -> None:
        """Time passes, and then comes the timer."""
        self.time += passed
        await self.tending.tick()

    async def give_up(self) -> None:
        """The host moves all of the queue to the poison queue."""
        for message in await self.messages.receive(QUEUE, hidden=HIDDEN):
            await self.messages.send(POISON_QUEUE, message.body)
            await self.messages.delete(QUEUE, message)


@pytest.fixture
def site() -> Tended:
    return Tended()


def message(number: int, **values: Any) -> bytes:
    return as_message(TicketRequest(version=1, call_id=call_id(number), **values))


def refused(number: int) -> RefusedMessage:
    return RefusedMessage(message(number), "rejected", "no")


async def test_what_the_host_gave_up_gets_a_record_and_three_more_chances(site: Tended) -> None:
    copy = TicketRequest(version=1, call_id=call_id(1)).sent_anew(Delivery(attempts=9, since=START, token="0a"))
    await site.messages.send(POISON_QUEUE, as_message(copy))
    await site.ledger.write([a_waiting_record(1)])
    await site.later()
    assert (await site.ledger.waiting()).count == 1
    assert site.messages.queued(QUEUE) == [message(1)]
    assert site.poisoned() == []
    sent = [site.time]
    for _ in range(60):
        await site.give_up()
        (row,) = await site.ledger.parked()
        await site.later()
        if site.messages.queued(QUEUE):
            sent.append(site.time)
    assert len(sent) == MOST_REDRIVES
    assert all(later - before >= REDRIVE_AGAIN for before, later in pairwise(sent))
    assert site.poisoned() == [message(1)]
    (row,) = await site.parking.parked()
    assert (row.call_id, row.code, row.redrives) == (call_id(1), GIVEN_UP, MOST_REDRIVES)
    record = (await site.ledger.read([call_id(1)]))[call_id(1)]
    assert (record.outcome, record.reason) == (TicketOutcome.PARKED, row.reason)
    assert (await site.ledger.waiting()).count == 0
    found, _ = await site.tending.health()
    assert (found.status, found.reason) == (Status.AMBER, "1 wait for somebody to look: given-up 1")


async def test_a_message_that_is_no_base64_is_sent_back_so_that_it_can_be_read(site: Tended) -> None:
    await site.messages.send(POISON_QUEUE, b'{"version": 1, "callId": "x"}')
    await site.later()
    assert site.messages.queued(QUEUE) == [b'{"version": 1, "callId": "x"}']


async def test_what_was_parked_with_a_reason_stays_and_is_not_looked_at_again(site: Tended) -> None:
    await site.parking.park([refused(1), refused(2)])
    before = await site.parking.parked()
    requests = site.messages.requests
    for _ in range(30):
        await site.later()
    assert await site.parking.parked() == before
    assert site.messages.queued(QUEUE) == []
    # How many there are is all that is asked.
    assert site.messages.requests - requests <= 30 + 5


async def test_a_redrive_that_was_cut_off_is_told_of_again(site: Tended) -> None:
    await site.parking.park([refused(1)])
    (row,) = await site.ledger.parked()
    await site.ledger.park([replace(row, redrives=1, redriven_at=site.time)])
    assert await site.parking.parked() == []
    await site.later()
    (again,) = await site.parking.parked()
    assert (again.code, again.redrives, again.parked_at) == ("rejected", 1, site.time)


@pytest.mark.parametrize(
    ("outcome", "minutes", "is_forgotten"),
    [
        (TicketOutcome.CREATED, 11, True),
        (TicketOutcome.NO_TRIGGER, 11, True),
        (TicketOutcome.CREATED, 1, False),
        (TicketOutcome.WAITING, 11, False),
        (TicketOutcome.PARKED, 11, False),
        (None, 11, False),
        (None, 61 * 24 * 60, True),
    ],
)
async def test_what_was_sent_back_is_forgotten_when_it_came_to_an_end(
    site: Tended, outcome: TicketOutcome | None, minutes: int, is_forgotten: bool
) -> None:
    await site.parking.park([refused(1)])
    await site.parking.redrive()
    site.time += timedelta(seconds=10)
    if outcome is not None:
        await site.ledger.write([a_record(1, outcome=outcome, updated=site.time, done=False)])
    await site.later(timedelta(minutes=minutes))
    assert (await site.ledger.parked() == []) is is_forgotten


async def test_what_somebody_removed_by_hand_is_forgotten_after_a_day(site: Tended) -> None:
    await site.parking.park([refused(1), refused(2)])
    first, _ = await site.messages.receive(POISON_QUEUE, hidden=HIDDEN)
    await site.messages.delete(POISON_QUEUE, first)
    await site.later()
    assert len(await site.ledger.parked()) == 2
    await site.later(timedelta(days=1))
    assert [row.call_id for row in await site.ledger.parked()] == [call_id(2)]
    site.time += HIDDEN
    for each in await site.messages.receive(POISON_QUEUE, hidden=HIDDEN):
        await site.messages.delete(POISON_QUEUE, each)
    await site.later()
    assert await site.ledger.parked() == []


async def test_what_another_one_holds_at_the_moment_is_not_forgotten(site: Tended) -> None:
    await site.parking.park([refused(1), refused(2)])
    await site.messages.send(POISON_QUEUE, message(3))
    site.time += timedelta(days=2)
    await site.messages.receive(POISON_QUEUE, hidden=HIDDEN, most=2)
    await site.later(timedelta(seconds=1))
    assert {row.call_id for row in await site.parking.parked()} == {call_id(1), call_id(2)}


async def test_rows_slots_and_blobs_of_60_days_go_once_a_day(site: Tended) -> None:
    large = [TicketRequest(version=1, call_id=call_id(number), variables={"a": "x" * 60_000}) for number in range(4)]
    for request in large:
        name, content = stored_as(request)
        await site.files.write(CONTAINER, name, content, "application/json")
    await site.ledger.write([a_record(8), a_waiting_record(1)])
    await site.slots.claim("a" * 64, a_slot(1), None)
    await site.parking.park([refused(2)])
    await site.send(message(1))
    await site.later(KEPT - timedelta(days=1))
    assert len([name async for name in site.files.names(CONTAINER)]) == 4
    await site.ledger.write([a_waiting_record(1, updated=site.time)])
    young = stored_as(large[3])
    await site.files.write(CONTAINER, *young, "application/json")
    await site.later(timedelta(days=2))
    left = [name.split("/")[0] async for name in site.files.names(CONTAINER)]
    assert sorted(left) == sorted(call_id(number) for number in (1, 2, 3)), "waiting, parked, young"
    assert set(await site.ledger.read([call_id(1), call_id(8)])) == {call_id(1)}
    assert await site.slots.read(["a" * 64]) == {}


async def test_no_blob_goes_while_requests_are_in_the_queue_that_nobody_has_seen(site: Tended) -> None:
    request = TicketRequest(version=1, call_id=call_id(1), variables={"a": "x" * 60_000})
    name, content = stored_as(request)
    await site.files.write(CONTAINER, name, content, "application/json")
    await site.send(TicketRequest(version=1, call_id=call_id(1), body=name))
    await site.later(KEPT + timedelta(days=1))
    assert len([each async for each in site.files.names(CONTAINER)]) == 1
    (got,) = await site.messages.receive(QUEUE, hidden=HIDDEN)
    await site.messages.delete(QUEUE, got)
    await site.later()
    assert [each async for each in site.files.names(CONTAINER)] == []


async def test_each_tick_catches_up_and_an_outage_is_told(site: Tended) -> None:
    await site.later()
    await site.later()
    assert site.caught_up == 2
    site.messages.down = True
    with pytest.raises(StorageError):
        await site.later()


async def test_two_at_a_time_do_no_harm(site: Tended) -> None:
    for number in range(50):
        await site.messages.send(POISON_QUEUE, message(number))
    await asyncio.gather(site.tending.tick(), site.another().tick(), site.parking.redrive())
    assert sorted(site.messages.queued(QUEUE)) == sorted(message(number) for number in range(50))
    assert site.poisoned() == []


# --------------------------------------------------------------------------------------------------- findings


def parked(code: str, hours: int = 0) -> ParkedMessage:
    return ParkedMessage(digest="a" * 64, code=code, reason="no", parked_at=START + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("rows", "status", "reason"),
    [
        ([], Status.GREEN, "none"),
        ([parked("malformed", 1), parked("rejected"), parked("malformed", 2)], Status.AMBER,
         "3 wait for somebody to look: malformed 2, rejected 1"),
        ([parked("malformed")] * MANY_PARKED, Status.RED, "100 wait for somebody to look: malformed 100"),
    ],
)  # fmt: skip
def test_parked_requests_are_an_alarm(rows: list[ParkedMessage], status: Status, reason: str) -> None:
    found = parked_finding(rows)
    assert (found.status, found.reason) == (status, reason)
    assert found.since == (START if rows else None)


@pytest.mark.parametrize(
    ("waiting", "status", "reason"),
    [
        (WaitingTickets(0), Status.GREEN, "0 come again"),
        (WaitingTickets(3, START - timedelta(minutes=10)), Status.GREEN, "3 come again"),
        (WaitingTickets(3, START - timedelta(minutes=11)), Status.AMBER, "3 come again, the oldest for 11 minutes"),
        (WaitingTickets(5_000, START - timedelta(days=1)), Status.AMBER,
         "5000 or more come again, the oldest for 1440 minutes"),
    ],
)  # fmt: skip
def test_requests_that_wait_for_long_are_told(waiting: WaitingTickets, status: Status, reason: str) -> None:
    found = waiting_finding(waiting, START)
    assert (found.status, found.reason) == (status, reason)
