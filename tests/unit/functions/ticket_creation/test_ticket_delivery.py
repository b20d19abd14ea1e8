"""A message until it is settled: whatever fails, and wherever a worker is killed, one message of a call goes on."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.ticket_creation.decide.delays import LONGEST
from functions.ticket_creation.use_case.delivery import TicketDelivery
from functions.ticket_creation.use_case.parking import HIDDEN, call_of, digest_of, plain
from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from shared.calls.ids import canonical_call_id
from shared.dataverse.errors import UnavailableError
from shared.storage.errors import StorageError
from shared.sync_runs import UnusableError
from shared.ticket_queue import CONTAINER, POISON_QUEUE, QUEUE, send_copy
from shared.ticket_request import Delivery, TicketRequest, as_message, read_message, stored_as
from shared.tickets.layout import TABLE, ticket_place
from shared.tickets.records import TicketOutcome
from tests.memory_storage import DequeuedMessage, MemoryFiles, MemoryMessages, MemoryTables
from tests.unit.functions.ticket_creation.ticket_host import START, Site
from tests.unit.shared.tickets.tickets import a_record, call_id


class Clock:
    """Stands, until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Scripted:
    """Gives the results that a test wants, by call; DONE for others. What is an exception is raised."""

    def __init__(self) -> None:
        self.results: dict[str, Result | Exception] = {}
        self.taken: list[list[str]] = []

    async def take(self, requests: Sequence[TicketRequest]) -> list[Result]:
        await asyncio.sleep(0)
        self.taken.append([each.call_id for each in requests])
        found = [self.results.get(each.call_id, DONE) for each in requests]
        for each in found:
            if isinstance(each, Exception):
                raise each
        return [each for each in found if not isinstance(each, Exception)]


class Place(Site):
    """A site whose clock stands."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(MemoryTables(self.clock), MemoryMessages(self.clock), MemoryFiles(self.clock), self.clock)
        self.scripted = Scripted()

    def delivery(self) -> TicketDelivery:
        return TicketDelivery(
            self.scripted, self.ledger, self.messages, self.files, self.parking, self.now, chance=lambda: 0.0
        )

    async def got(self) -> list[DequeuedMessage]:
        """What a host gets now."""
        return await self.messages.receive(QUEUE, hidden=timedelta(minutes=10))

    async def settled(self, delivery: TicketDelivery, message: DequeuedMessage) -> None:
        """What a host does."""
        await delivery.deliver(message.body, message.dequeued)
        await self.messages.delete(QUEUE, message)

    async def work_off(self) -> None:
        """All that can be got now is delivered, by one process."""
        delivery = self.delivery()
        while got := await self.got():
            await asyncio.gather(*(self.settled(delivery, message) for message in got))

    def copies(self) -> list[TicketRequest]:
        return [read_message(body) for body in self.messages.queued(QUEUE)]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("functions.ticket_creation.use_case.gathering.MOMENT_SECONDS", 0.0)
    return Place()


def request_of(number: int, **values: Any) -> TicketRequest:
    return TicketRequest(version=1, call_id=call_id(number), **values)


DOWN = Later("UnavailableError: Dataverse did not answer")


# --------------------------------------------------------------------------------------------------- results


async def test_what_is_done_is_gone(place: Place) -> None:
    await place.send(request_of(1))
    await place.work_off()
    assert place.messages.queued(QUEUE) == []
    assert place.messages.sent[QUEUE] == [as_message(request_of(1))]
    assert place.tables.requests == 0, "the usual way costs the delivery nothing"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (DOWN, DOWN.reason),
        (UnavailableError("Dataverse did not answer"), "UnavailableError: Dataverse did not answer"),
        (UnusableError("ticket-triggers.json: it is broken"), "ticket-triggers.json: it is broken"),
        (StorageError("table storage failed: 500"), "StorageError: table storage failed: 500"),
    ],
    ids=str,
)
async def test_what_may_pass_comes_again_later_and_later(place: Place, result: Result | Exception, reason: str) -> None:
    place.scripted.results[call_id(1)] = result
    await place.send(request_of(1, queue="Sales"))
    waits: list[float] = []
    for attempts in range(1, 12):
        await place.work_off()
        (copy,) = place.copies()
        assert copy.delivery is not None
        assert (copy.delivery.attempts, copy.delivery.since) == (attempts, START)
        assert copy.sent_anew(None) == request_of(1, queue="Sales")
        (record,) = (await place.ledger.read([call_id(1)])).values()
        assert (record.outcome, record.reason, record.attempts) == (TicketOutcome.WAITING, reason, attempts)
        due = place.messages.next_visible(QUEUE)
        assert record.due == due is not None
        waits.append((due - place.clock.now).total_seconds())
        place.clock.now = due
    assert waits == [30, 60, 120, 240, 480, 960, 1_920, *[LONGEST.total_seconds()] * 4]
    place.scripted.results = {}
    await place.work_off()
    assert place.copies() == []
    assert place.poisoned() == []


async def test_trouble_that_is_known_to_pass_soon_waits_no_longer(place: Place) -> None:
    place.scripted.results[call_id(1)] = Later("another call opens the case", timedelta(seconds=5))
    await place.send(request_of(1))
    await place.work_off()
    assert place.messages.next_visible(QUEUE) == START + timedelta(seconds=5)


async def test_what_is_refused_is_parked_at_once_and_unchanged(place: Place) -> None:
    body = b'{"callId": "' + call_id(1).encode() + b'", "version": 1, "unknown": "k\xc3\xb6ln"}'
    place.scripted.results[call_id(1)] = Refused("rejected", "Dynamics refuses the case")
    await place.send(body)
    await place.work_off()
    assert place.copies() == []
    assert place.poisoned() == [body]
    (parked,) = await place.parking.parked()
    assert (parked.digest, parked.code, parked.reason) == (digest_of(body), "rejected", "Dynamics refuses the case")
    assert (parked.call_id, parked.attempts, parked.redrives) == (call_id(1), 1, 0)
    record = (await place.ledger.read([call_id(1)]))[call_id(1)]
    assert (record.outcome, record.reason) == (TicketOutcome.PARKED, "rejected: Dynamics refuses the case")


@pytest.mark.parametrize(
    ("body", "call", "reason"),
    [
        (b"", None, "the message"),
        (b"\xff\xfe", None, "the message"),
        (b"[" * 10_000, None, "the message"),
        (b'{"version": 2, "callId": "x"}', canonical_call_id("x"), "version: must be 1"),
        (b'{"version": 1, "callId": " "}', None, "callId"),
        (b'{"version": 1, "callId": 7}', None, "callId"),
        (b'{"version": 1, "callId": "x", "startTime": "+358401234567"}', canonical_call_id("x"), "startTime"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_malformed_message_is_parked_with_its_reason_and_the_next_go_on(
    place: Place, body: bytes, call: str | None, reason: str
) -> None:
    for each in (request_of(1), body, request_of(2)):
        await place.send(each)
    await place.work_off()
    assert place.poisoned() == [body]
    (parked,) = await place.parking.parked()
    assert (parked.code, parked.call_id) == ("malformed", call)
    assert parked.reason.startswith(reason)
    assert "358" not in parked.reason
    assert sorted(each for group in place.scripted.taken for each in group) == sorted([call_id(1), call_id(2)])


async def test_one_that_breaks_the_work_stands_alone_and_the_others_are_done(place: Place) -> None:
    place.scripted.results[call_id(13)] = LookupError("+358401234567")
    for number in range(20):
        await place.send(request_of(number))
    await place.work_off()
    assert place.copies() == []
    (parked,) = await place.parking.parked()
    assert (parked.call_id, parked.code, parked.reason) == (call_id(13), "unexpected", "LookupError")
    assert sum(len(group) for group in place.scripted.taken) <= 20 * 6


async def test_a_row_that_cannot_be_read_is_the_trouble_of_its_call_alone(place: Place) -> None:
    await place.tables.put(TABLE, *ticket_place(call_id(13)), {"outcome": "created"})
    for number in range(20):
        delivery = Delivery(attempts=2, since=START, token="0a")
        await place.send(request_of(number).sent_anew(delivery))
    await place.work_off()
    assert place.copies() == []
    (parked,) = await place.parking.parked()
    assert (parked.call_id, parked.code, parked.reason) == (call_id(13), "unexpected", "KeyError")
    assert {each for group in place.scripted.taken for each in group} >= {call_id(n) for n in range(20) if n != 13}


async def test_a_large_request_is_taken_whole_and_sent_again_by_its_name(place: Place) -> None:
    large = request_of(1, variables={"transcript": "x" * 60_000})
    place.scripted.results[call_id(1)] = DOWN
    await send_copy(place.messages, place.files, large, timedelta(0))
    await place.work_off()
    (copy,) = place.copies()
    assert copy.body == stored_as(large)[0]
    place.files.down = True
    place.clock.now += timedelta(minutes=1)
    await place.work_off()
    place.files.down = False
    (copy,) = place.copies()
    assert copy.delivery is not None
    assert (copy.body, copy.delivery.attempts) == (stored_as(large)[0], 2)
    # Its blob is gone: that is no trouble that passes.
    name = stored_as(large)[0]
    await place.files.delete(CONTAINER, name, etag=await place.files.version(CONTAINER, name))
    place.clock.now += timedelta(minutes=5)
    await place.work_off()
    (parked,) = await place.parking.parked()
    assert (parked.code, parked.reason, parked.attempts) == ("malformed", "body: there is no such blob", 3)
    assert (await place.ledger.waiting()).count == 0


# -------------------------------------------------------------------------------------------------- duplicates


async def test_of_messages_of_one_call_one_copy_goes_on(place: Place) -> None:
    place.scripted.results[call_id(1)] = DOWN
    for _ in range(3):
        await place.send(request_of(1))
    await place.send(request_of(1, queue="Sales"))
    await place.work_off()
    (copy,) = place.copies()
    assert copy.queue == "Sales"
    # One that comes later takes the place of the copy.
    await place.send(request_of(1))
    await place.work_off()
    assert len(place.copies()) == 2
    place.clock.now += timedelta(minutes=5)
    await place.work_off()
    assert len(place.copies()) == 1


async def test_a_copy_that_was_succeeded_is_dropped_without_work(place: Place) -> None:
    await place.ledger.write([replace(a_record(1), token="0b 0c", done=False, outcome=TicketOutcome.WAITING)])
    for token, is_taken in [("0a", False), ("0b", True), ("0c", True), ("", True)]:
        place.scripted.taken.clear()
        await place.send(request_of(1).sent_anew(Delivery(attempts=1, since=START, token=token)))
        await place.work_off()
        assert bool(place.scripted.taken) is is_taken, token
    assert place.copies() == []


# ------------------------------------------------------------------------------------------------- storage down


async def test_while_the_ledger_is_down_copies_go_on_and_do_not_grow(place: Place) -> None:
    place.scripted.results[call_id(1)] = DOWN
    await place.send(request_of(1))
    await place.work_off()
    place.tables.down = True
    await place.send(request_of(2))
    place.scripted.results[call_id(2)] = DOWN
    for _ in range(30):
        place.clock.now += timedelta(hours=1)
        await place.work_off()
        assert len(place.copies()) == 2
    place.tables.down = False
    place.scripted.results = {}
    place.clock.now += timedelta(hours=1)
    await place.work_off()
    assert place.copies() == []
    assert place.poisoned() == []


async def test_a_ledger_that_is_read_but_not_written_loses_no_copy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.scripted.results[call_id(1)] = DOWN
    await place.send(request_of(1))
    await place.work_off()

    async def refuse(*_args: object, **_options: object) -> None:
        raise StorageError("table storage failed: 403")

    with monkeypatch.context() as patched:
        patched.setattr(place.tables, "write_many", refuse)
        for _ in range(5):
            place.clock.now += timedelta(hours=1)
            await place.work_off()
            assert len(place.copies()) == 1
    place.scripted.results = {}
    place.clock.now += timedelta(hours=1)
    await place.work_off()
    assert place.scripted.taken[-1] == [call_id(1)]
    assert place.copies() == []


async def test_what_can_be_neither_sent_nor_parked_is_kept_by_the_host(place: Place) -> None:
    place.scripted.results = {call_id(1): DOWN, call_id(2): Refused("rejected", "no")}
    for each in (request_of(1), request_of(2), b"malformed"):
        await place.send(each)
    got, delivery = await place.got(), place.delivery()
    place.messages.down = True
    found = await asyncio.gather(*(delivery.deliver(each.body, 1) for each in got), return_exceptions=True)
    assert [type(each) for each in found] == [StorageError] * 3
    place.messages.down = False
    assert len(place.messages.queued(QUEUE)) == 3


async def test_a_message_whose_workers_were_killed_is_exchanged_before_the_host_gives_it_up(place: Place) -> None:
    await place.send(request_of(1))
    for _ in range(2):
        await place.got()
        place.clock.now += timedelta(minutes=11)
    await place.work_off()
    assert place.scripted.taken == []
    (copy,) = place.copies()
    assert copy.delivery is not None
    assert copy.delivery.attempts == 1
    place.clock.now += timedelta(minutes=1)
    (message,) = await place.got()
    assert message.dequeued == 1
    await place.settled(place.delivery(), message)
    assert place.scripted.taken == [[call_id(1)]]


# ---------------------------------------------------------------------------------------------------- kills


async def killed_after(
    requests: int, place: Place, story: Coroutine[Any, Any, None], groups: Callable[[], Any]
) -> bool:
    """Whether the story was cut off by this many requests to storage."""

    def asked() -> int:
        return place.tables.requests + place.messages.requests

    limit, task = asked() + requests, asyncio.ensure_future(story)
    while not task.done() and asked() < limit:  # noqa: ASYNC110 - it steps through the requests
        await asyncio.sleep(0)
    was_cut = not task.done()
    task.cancel()
    await groups()
    await asyncio.wait([task])
    return was_cut


@pytest.mark.parametrize("is_copy", [False, True], ids=["sent", "copy"])
@pytest.mark.parametrize("result", [DOWN, Refused("rejected", "no"), DONE, "malformed"], ids=str)
async def test_a_worker_may_be_killed_between_any_two_steps(
    monkeypatch: pytest.MonkeyPatch, result: Result | str, is_copy: bool
) -> None:
    monkeypatch.setattr("functions.ticket_creation.use_case.gathering.MOMENT_SECONDS", 0.0)
    kills = 0
    for requests in range(1, 60):
        place = Place()
        body = b'{"callId": "x"}' if result == "malformed" else as_message(request_of(1))
        if is_copy and result != "malformed":
            place.scripted.results[call_id(1)] = DOWN
            await place.send(body)
            await place.work_off()
            place.clock.now += timedelta(minutes=1)
        else:
            await place.send(body)
        if not isinstance(result, str):
            place.scripted.results[call_id(1)] = result
        (message,) = await place.got()
        delivery = place.delivery()
        was_cut = await killed_after(requests, place, place.settled(delivery, message), delivery.groups.stop)
        for _ in range(4):
            place.clock.now += timedelta(minutes=30)
            await place.work_off()
        if result == DOWN:
            assert len(place.copies()) == 1, requests
            place.scripted.results = {}
            place.clock.now += timedelta(hours=1)
            await place.work_off()
        assert place.copies() == []
        parked = await place.parking.parked()
        if isinstance(result, Refused) or result == "malformed":
            assert set(place.poisoned()) == {body}
            assert [each.digest for each in parked] == [digest_of(body)]
        else:
            assert (place.poisoned(), parked) == ([], [])
            assert place.scripted.taken[-1] == [call_id(1)]
        if not was_cut:
            break
        kills += 1
    assert not was_cut
    assert kills >= (0 if result == DONE else 3)


async def test_a_redrive_may_be_cut_off_between_any_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.ticket_creation.use_case.gathering.MOMENT_SECONDS", 0.0)

    async def nothing() -> None:
        return

    async def redrive(place: Place) -> None:
        await place.parking.redrive()

    for requests in range(1, 60):
        place = Place()
        for number in range(3):
            place.scripted.results[call_id(number)] = Refused("rejected", "no")
            await place.send(request_of(number))
        await place.work_off()
        assert len(place.poisoned()) == 3
        place.scripted.results = {}
        was_cut = await killed_after(requests, place, redrive(place), nothing)
        place.clock.now += HIDDEN
        await place.parking.redrive()
        await place.work_off()
        assert place.poisoned() == []
        assert place.copies() == []
        assert {each for group in place.scripted.taken for each in group} == {call_id(number) for number in range(3)}
        if not was_cut:
            break
    assert requests > 8


# -------------------------------------------------------------------------------------------------- re-drives


async def parked_site(place: Place, count: int) -> None:
    for number in range(count):
        place.scripted.results[call_id(number)] = Refused("rejected", "no")
        await place.send(request_of(number))
    await place.work_off()


async def test_one_call_or_all_are_sent_back_and_counted(place: Place) -> None:
    await parked_site(place, 40)
    assert await place.parking.redrive(call_id(99)) == await place.parking.redrive(call_id(98))
    place.clock.now += HIDDEN
    done = await place.parking.redrive(call_id(7))
    assert (done.sent, done.left) == (1, 39)
    assert place.messages.queued(QUEUE) == [as_message(request_of(7))]
    await place.work_off()
    place.clock.now += HIDDEN
    # It is refused once more, and the record knows.
    again = {each.call_id: each.redrives for each in await place.parking.parked()}
    assert again[call_id(7)] == 1
    done = await place.parking.redrive(most=35)
    assert (done.sent, done.left) == (35, 5)
    place.clock.now += HIDDEN
    done = await place.parking.redrive()
    assert (done.sent, done.left) == (5, 0)
    assert await place.parking.parked() == []
    assert len(place.messages.queued(QUEUE)) == 40


async def test_a_message_that_is_twice_in_the_poison_queue_is_sent_back_once(place: Place) -> None:
    await parked_site(place, 1)
    await place.messages.send(POISON_QUEUE, place.poisoned()[0])
    done = await place.parking.redrive()
    assert (done.sent, done.left) == (1, 0)
    assert len(place.messages.queued(QUEUE)) == 1


async def test_a_copy_is_sent_back_as_its_sender_sent_it(place: Place) -> None:
    place.scripted.results[call_id(1)] = DOWN
    await place.send(request_of(1))
    await place.work_off()
    place.scripted.results[call_id(1)] = Refused("rejected", "no")
    place.clock.now += timedelta(minutes=1)
    await place.work_off()
    assert place.poisoned() == [as_message(request_of(1))]
    (parked,) = await place.parking.parked()
    assert parked.attempts == 2
    place.scripted.results = {}
    await place.parking.redrive()
    assert place.messages.queued(QUEUE) == [as_message(request_of(1))]
    await place.work_off()
    assert place.scripted.taken[-1] == [call_id(1)]


def test_a_message_and_its_copy_are_one() -> None:
    request = request_of(1)
    copy = as_message(request.sent_anew(Delivery(attempts=3, since=START, token="0a")))
    assert plain(copy) == as_message(request)
    assert plain(b'{"x": 1}') == b'{"x": 1}'
    assert call_of(json.dumps({"callId": call_id(1).upper()}).encode()) == call_id(1)
    assert [call_of(body) for body in (b"", b"[]", b"{}", b"\xff", b'{"callId": " "}')] == [None] * 5


def test_no_row_holds_what_stands_in_a_request(place: Place) -> None:
    canary = "+358401234567"

    async def story() -> None:
        place.scripted.results[call_id(1)] = Refused("rejected", "no")
        place.scripted.results[call_id(2)] = DOWN
        for number in (1, 2):
            await place.send(request_of(number, caller_number=canary, agent_email=canary, variables={"a": canary}))
        await place.send(b'{"version": 1, "callId": "x", "startTime": "' + canary.encode() + b'"}')
        await place.work_off()

    asyncio.run(story())
    assert len(place.tables.rows(TABLE)) >= 5
    assert canary not in str(place.tables.rows(TABLE))
