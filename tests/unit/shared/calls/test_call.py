"""Who was on a call, how long, and which kind it is, out of what both feeds say under one id."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from local.enreach.traffic.day import generate_day
from local.enreach.traffic.items import arrivals
from local.enreach.traffic.order import Order
from local.enreach.traffic.stories import Story
from shared.calls.call import (
    NOTHING,
    Agent,
    Call,
    Kind,
    Records,
    by_call,
    from_bytes,
    legs_text,
    merge,
    read_call,
    received_of,
    records_of,
    to_bytes,
)
from shared.enreach.document import EnreachDocument
from shared.enreach.models import CallEvent, Privacy, ServiceCall, ServiceResult
from shared.enreach.reading import Reader
from tests.unit.shared.calls.feeds import (
    AINO,
    BERT,
    CALL,
    CARLA,
    CUSTOMER,
    IN,
    LATER,
    MOBILE,
    OTHER,
    OUT,
    POOL,
    QUEUE,
    WORK_NUMBER,
    at,
    call,
    direct,
    leg,
    queued,
    service,
)

RING_ALL = (leg(BERT, talk=None), leg(AINO), leg(CARLA, after=8, talk=None))
TRANSFER = (leg(AINO, talk=30), leg(BERT, after=40, talk=60))
INTERNAL = (
    leg(AINO, direction=OUT, caller=WORK_NUMBER, called="+35891234502"),
    leg(BERT, caller=WORK_NUMBER, called="+35891234502"),
)
NAMELESS = service(queue_name=None, queue_number=WORK_NUMBER)
INTO_QUEUE = (leg(AINO, talk=30), leg(BERT, after=40, talk=60, queue_id=QUEUE, queue_name="Support", called=POOL))

# -------------------------------------------------------------------------------- kind, direction, people

PEOPLE = [
    pytest.param(direct(), Kind.DIRECT, IN, True, AINO, id="direct in"),
    pytest.param(direct(talk=None), Kind.DIRECT, IN, False, AINO, id="missed: whose phone rang"),
    pytest.param(direct(direction=OUT), Kind.DIRECT, OUT, True, AINO, id="direct out"),
    pytest.param(direct(direction=OUT, talk=None), Kind.DIRECT, OUT, False, AINO, id="out, nobody there"),
    pytest.param(
        direct(direction=OUT, queue_id=QUEUE, queue_name="Support"), Kind.DIRECT, OUT, True, AINO,
        id="out with a queue's number shown is direct",
    ),
    pytest.param(queued(), Kind.QUEUE, IN, True, AINO, id="queue"),
    pytest.param(queued(talk=None), Kind.QUEUE, IN, False, None, id="abandoned in the queue: nobody's"),
    pytest.param(call(queue=service()), Kind.QUEUE, IN, True, AINO, id="the queue alone, with its user"),
    pytest.param(call(queue=service(user_id=None)), Kind.QUEUE, IN, True, None, id="answered by nobody who is told"),
    pytest.param(call(*RING_ALL, queue=service()), Kind.QUEUE, IN, True, AINO, id="ring-all: who answered"),
    pytest.param(
        call(*RING_ALL[::2], queue=service(None)), Kind.QUEUE, IN, False, None, id="ring-all, nobody answered"
    ),
    pytest.param(call(*RING_ALL[::2]), Kind.DIRECT, IN, False, None, id="direct, two phones rang: nobody's"),
    pytest.param(call(*TRANSFER), Kind.DIRECT, IN, True, BERT, id="transfer: with whom the customer ended up"),
    pytest.param(call(*TRANSFER, queue=service()), Kind.QUEUE, IN, True, BERT, id="queue, then transferred"),
    pytest.param(
        call(leg(AINO, talk=30), leg(BERT, after=40, talk=None)), Kind.DIRECT, IN, True, AINO,
        id="transfer that nobody took",
    ),
    pytest.param(
        call(leg(AINO, direction=OUT), leg(BERT, after=99, talk=60)), Kind.DIRECT, OUT, True, AINO,
        id="out, then transferred: who made it",
    ),
    pytest.param(call(*INTERNAL), Kind.DIRECT, OUT, True, AINO, id="internal: who called"),
    pytest.param(call(leg(), queue=NAMELESS), Kind.DIRECT, IN, True, AINO, id="a queue without a name is direct"),
    pytest.param(
        call(queue=replace(NAMELESS, result=ServiceResult.UNANSWERED, answered_at=None)), Kind.DIRECT, IN, False, AINO,
        id="missed on the work number, the service call alone",
    ),
    pytest.param(call(*INTO_QUEUE, queue=service()), Kind.QUEUE, IN, True, BERT, id="sent on into a queue"),
    pytest.param(call(*INTO_QUEUE), Kind.QUEUE, IN, True, BERT, id="a leg alone names the queue"),
    pytest.param(
        call(leg(talk=None), queue=service(None, result=ServiceResult.OVERFLOW)), Kind.QUEUE, IN, False, None,
        id="overflow that nobody took",
    ),
    pytest.param(
        call(leg(talk=None), leg(BERT, after=21), queue=service(None, result=ServiceResult.OVERFLOW)),
        Kind.QUEUE, IN, True, BERT, id="overflow that somebody took",
    ),
    pytest.param(
        call(leg(AINO, direction=OUT, talk=20, called=OTHER), queue=service(None)), Kind.QUEUE, IN, False, None,
        id="an answered outgoing leg answers no incoming call",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("read", "kind", "direction", "answered", "owner"), PEOPLE)
def test_kind_direction_and_owner(read: Call, kind: Kind, direction: object, answered: bool, owner: str | None) -> None:
    assert (read.kind, read.direction, read.answered) == (kind, direction, answered)
    assert read.owner == (Agent(owner) if owner else None)


@pytest.mark.parametrize("direction", [IN, OUT])
def test_a_mobile_call_belongs_to_the_number_of_our_side(direction: Any) -> None:
    assert direct(user=None, direction=direction).owner == Agent(None, MOBILE)


def test_two_mobile_phones_that_ring_at_once_are_two_legs() -> None:
    legs = call(leg(None, talk=None), leg(None, called="+358407770002")).legs
    assert len(legs) == 2


NUMBERS = [
    pytest.param(direct(), CUSTOMER, WORK_NUMBER, id="in"),
    pytest.param(direct(direction=OUT), CUSTOMER, WORK_NUMBER, id="out"),
    pytest.param(queued(), CUSTOMER, POOL, id="queue: its own number"),
    pytest.param(queued(caller=""), CUSTOMER, POOL, id="a caller whom only the leg tells"),
    pytest.param(call(*TRANSFER[:1], leg(BERT, after=40, caller=WORK_NUMBER)), CUSTOMER, WORK_NUMBER,
                 id="a transfer shows a colleague's number later"),
    pytest.param(call(leg(caller=OTHER), queue=service()), CUSTOMER, POOL, id="the queue tells before the leg"),
    pytest.param(direct(caller=""), None, WORK_NUMBER, id="withheld"),
    pytest.param(call(leg(caller="", talk=30), leg(BERT, after=40, caller=WORK_NUMBER)), None, WORK_NUMBER,
                 id="withheld, then transferred by a colleague"),
    pytest.param(direct(caller="Anonymous"), None, WORK_NUMBER, id="withheld, by a word"),
    pytest.param(direct(caller="anonymous@10.0.0.1"), None, WORK_NUMBER, id="withheld, as a SIP address"),
    pytest.param(direct(caller="0504545641"), "0504545641", WORK_NUMBER, id="as it is written"),
    pytest.param(direct(direction=OUT, called=""), None, WORK_NUMBER, id="out to nowhere"),
    pytest.param(call(queue=service(queue_number=None)), CUSTOMER, None, id="no number of ours"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "customer", "own"), NUMBERS)
def test_numbers(read: Call, customer: str | None, own: str | None) -> None:
    assert (read.customer_number, read.own_number) == (customer, own)


@pytest.mark.parametrize(
    ("read", "internal"),
    [
        pytest.param(call(*INTERNAL), True, id="both legs show the same two numbers"),
        pytest.param(call(*INTERNAL[:1]), False, id="one leg tells nothing"),
        pytest.param(
            call(leg(AINO, direction=OUT), leg(BERT, after=99)), False, id="a customer who was called and transferred"
        ),
        pytest.param(call(*TRANSFER), False, id="a transfer"),
    ],
)
def test_between_users(read: Call, internal: bool) -> None:
    assert read.is_between_users is internal


# ------------------------------------------------------------------------------------------------- times

TIMES = [
    pytest.param(direct(), 0, 95, 95, id="a leg alone: start and talk"),
    pytest.param(direct(talk=None), 0, 0, 0, id="nobody answered"),
    pytest.param(queued(), 0, 105, 95, id="queue: from answer to end"),
    pytest.param(queued(talk=None), 0, 10, 0, id="abandoned"),
    pytest.param(call(leg(after=5), queue=service(100, 90)), 0, 100, 0, id="ended before it was answered"),
    pytest.param(call(*TRANSFER), 0, 100, 90, id="transfer: both talks"),
    pytest.param(call(*TRANSFER, queue=service(5, 130)), 0, 130, 125, id="transfer in a queue: the ringing in between"),
    pytest.param(
        call(*INTO_QUEUE, queue=service(arrived=at(40), answered=45, ended=105)), 0, 105, 90,
        id="what was talked before the queue counts",
    ),
    pytest.param(call(*RING_ALL), 0, 95, 95, id="ring-all: one talk"),
    pytest.param(
        call(leg(AINO, direction=OUT, talk=50), leg(BERT, after=60, talk=40)), 0, 100, 50,
        id="out, then transferred: the talk of who made it",
    ),
    pytest.param(call(leg(talk=30), queue=service(answered_at=None)), 0, 105, 30, id="no moment of the answer: legs"),
    pytest.param(call(leg(after=3, talk=400), queue=service()), 0, 403, 95, id="a leg that outlasts its queue"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "started", "ended", "talk"), TIMES)
def test_times(read: Call, started: float, ended: float, talk: int) -> None:
    assert (read.started, read.ended, read.talk_seconds) == (at(started), at(ended), talk)


WAITING_IN_QUEUE = service(None, None)
ENDINGS = [
    pytest.param([leg(talk=None)], None, 119, False, id="it may still ring"),
    pytest.param([leg(talk=None)], None, 120, True, id="it rings no more"),
    pytest.param([leg(talk=None, modified_at=at(2))], None, 3600, False, id="only its first ring is known"),
    pytest.param([leg(talk=None, modified_at=at(2))], None, 4 * 3600, True, id="which nobody takes for ever"),
    pytest.param([leg(talk=None, modified_at=at(3))], None, 120, True, id="it rang for a while, says Enreach"),
    pytest.param([leg(talk=0)], None, 3600, False, id="somebody talks"),
    pytest.param([leg(talk=0)], None, 4 * 3600, True, id="nobody talks so long"),
    pytest.param([leg()], None, 96, True, id="a duration: it is over"),
    pytest.param(RING_ALL, None, 96, True, id="the other phones stopped ringing"),
    pytest.param([leg(talk=30), leg(BERT, 40, None)], None, 60, False, id="it rings at the next one"),
    pytest.param([leg(talk=30), leg(BERT, 30, None)], None, 60, False, id="it rings at the next one at once"),
    pytest.param([leg(talk=30), leg(BERT, 40, None)], None, 160, True, id="who did not take it"),
    pytest.param([leg(talk=30), leg(BERT, 40, 0)], None, 600, False, id="the next one talks"),
    pytest.param(TRANSFER, None, 101, True, id="both have talked"),
    pytest.param([], WAITING_IN_QUEUE, 3600, False, id="the caller waits in the queue"),
    pytest.param([leg(talk=None)], WAITING_IN_QUEUE, 3600, False, id="and phones rang meanwhile"),
    pytest.param([], WAITING_IN_QUEUE, 4 * 3600, True, id="nobody waits so long"),
    pytest.param([leg(after=5)], WAITING_IN_QUEUE, 101, True, id="the talk is over, though the queue says no end"),
    pytest.param([], service(None, 10), 11, True, id="the queue says when"),
    pytest.param([leg(talk=None)], service(None, 10), 11, True, id="the queue says when, before phones stop"),
]


@pytest.mark.parametrize(("events", "queue", "now", "has_ended"), ENDINGS)
def test_whether_a_call_has_ended(
    events: Sequence[CallEvent], queue: ServiceCall | None, now: float, has_ended: bool
) -> None:
    assert call(*events, queue=queue, now=at(now)).has_ended is has_ended


def test_a_call_tells_its_queue_privacy_and_recordings() -> None:
    events = (
        leg(recording_ids=("r2", "r1")),
        leg(BERT, after=120, recording_ids=("r3", "r1"), privacy=Privacy.PRIVATE, queue_id=QUEUE, queue_name="Support"),
    )
    read = call(*events)
    assert read.recording_ids == ("r2", "r1", "r3")
    assert read.privacy == {Privacy.WORK, Privacy.PRIVATE}
    assert (read.queue_id, read.queue_name) == (QUEUE, "Support")
    assert call(queue=service()).privacy == frozenset()
    assert (call(*events, queue=NAMELESS).queue_name, call(queue=NAMELESS).queue_id) == ("Support", QUEUE)


# --------------------------------------------------------------------------------------- doubles and merging


def version(minutes: int | None, **fields: Any) -> CallEvent:
    return leg(modified_at=None if minutes is None else at(60 * minutes), **fields)


@pytest.mark.parametrize(
    ("doubled", "counts"),
    [
        pytest.param([version(1), version(1)], version(1), id="the same twice"),
        pytest.param([version(1, talk=None), version(2)], version(2), id="modified last"),
        pytest.param([version(None, talk=None), version(2)], version(2), id="one without its moment is older"),
        pytest.param(
            [version(1), version(1, recording_ids=("r1",))], version(1, recording_ids=("r1",)), id="the more complete"
        ),
    ],
)
def test_of_doubled_events_one_counts_in_any_order(doubled: list[CallEvent], counts: CallEvent) -> None:
    assert records_of(doubled).events == records_of(reversed(doubled)).events == (counts,)


def test_of_doubled_service_calls_the_one_that_was_modified_last_counts() -> None:
    early, late = service(None, None, modified_at=at(1)), service(modified_at=at(2))
    assert records_of([], [late, early]).service == records_of([], [early, late]).service == late


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        pytest.param(version(1, talk=None), version(2), version(2), id="a later change"),
        pytest.param(version(2), version(1, talk=None), version(2), id="an earlier one that comes late"),
        pytest.param(version(1), version(1, privacy=Privacy.PRIVATE), version(1, privacy=Privacy.PRIVATE),
                     id="seen later, though it says the same moment"),
        pytest.param(version(None, recording_ids=("r1",)), version(None, privacy=Privacy.PRIVATE),
                     version(None, privacy=Privacy.PRIVATE), id="seen later, and nobody says when it changed"),
    ],
)  # fmt: skip
def test_what_is_new_is_merged_with_what_is_remembered(old: CallEvent, new: CallEvent, counts: CallEvent) -> None:
    other = leg(BERT, after=40)
    assert merge(records_of([other, old]), records_of([new])).events == (counts, other)


def test_a_leg_that_comes_alone_leaves_the_rest_as_it_was() -> None:
    remembered = records_of([TRANSFER[0]], [service()])
    assert merge(remembered, records_of([TRANSFER[1]])) == records_of(TRANSFER, [service()])
    assert merge(NOTHING, remembered) == merge(remembered, NOTHING) == remembered
    later = service(5, 130, modified_at=at(300))
    assert merge(remembered, records_of([], [later])).service == later


def test_answers_are_taken_apart_by_call() -> None:
    other = "11111111-2222-4333-8444-555555555555"
    found = by_call([leg(), leg(BERT, after=5), leg(call_id=other)], [service(), service(call_id=other.upper())])
    assert {call_id: (len(each.events), each.service is not None) for call_id, each in found.items()} == {
        CALL: (2, True), other: (1, True),
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ as bytes


def test_records_come_back_from_their_bytes() -> None:
    odd = {"Name": "\ud800 Ä\n", "Deep": {"b": [1, None, True], "a": 1.5}}
    records = records_of([*TRANSFER, leg(CARLA, modified_at=None, received=odd)], [service(None, None)])
    assert from_bytes(to_bytes(records)) == records
    assert from_bytes(b"") == NOTHING
    assert to_bytes(records_of(reversed(records.events), [service(None, None)])) == to_bytes(records)
    assert to_bytes(records) != to_bytes(records_of(records.events))


UNREADABLE = [b"{", b"[]", b"null", b"{}", b"\xff", b'{"v":2,"e":[],"s":null}', b'{"v":1,"e":[[1]],"s":null}']


@pytest.mark.parametrize("data", [*UNREADABLE, b'{"v":1,"e":7,"s":null}'])
def test_bytes_of_another_version_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        from_bytes(data)


def test_nothing_is_no_call() -> None:
    with pytest.raises(ValueError, match="no records"):
        read_call(NOTHING, LATER)


def test_no_number_and_no_name_is_shown() -> None:
    read = call(*TRANSFER, queue=service())
    for secret in (CUSTOMER, WORK_NUMBER, POOL, "enreach.example", "Support"):
        assert secret not in repr(read)


def test_all_that_was_received_is_there_by_feed() -> None:
    assert json.dumps(received_of(call(leg(), queue=service()).records)) == json.dumps(
        {"calls": [leg().received], "servicecall": [service().received]}
    )


# ------------------------------------------------------------------------------------------------- legs as text


def test_legs_are_told_where_there_are_several() -> None:
    names = {Agent(AINO): "Aino  Aalto\n"}
    assert legs_text(call(*RING_ALL), names.get).split("\n") == [
        "Leg 1: Aino Aalto, answered, 95 s",
        "Leg 2: not answered",
        "Leg 3: not answered, 8 s after the start",
    ]
    assert legs_text(call(*INTERNAL), names.get).startswith("Leg 1: Aino Aalto, outgoing, answered, 95 s\nLeg 2: ")
    assert legs_text(direct(), names.get) == legs_text(call(queue=service()), names.get) == ""


# --------------------------------------------------------------------------------- a generated contact centre


@cache
def told_day() -> dict[str, tuple[Story, Records]]:
    """A day of the simulator's traffic, each call in the version after its last change, read as the client reads."""
    day = generate_day(Order(60, date(2026, 3, 2), seed=7))
    reader = Reader(EnreachDocument())
    last = {arrival.call_id: arrival for arrival in sorted(arrivals(day), key=lambda each: each.moment)}
    return {
        story.call_id: (
            story,
            records_of(
                reader.calls(last[story.call_id].calls).items,
                reader.service_calls(last[story.call_id].service_calls).items,
            ),
        )
        for story in day.stories
    }


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def test_every_generated_call_is_read_as_it_truly_was() -> None:
    shapes = set()
    for story, records in told_day().values():
        read = read_call(records, moment(story.reported) + timedelta(days=2))
        shapes.add(story.shape)
        talks = [each for each in story.legs if each.talk_s]
        assert read.started == moment(story.arrived), story
        assert read.has_ended
        assert read.direction is (IN if story.is_incoming else OUT)
        assert read.is_between_users is story.is_internal
        assert read.answered is bool(talks)
        assert (read.kind is Kind.QUEUE) is (story.service is not None and story.shape != "work-number")
        assert sum(each.talk_s for each in (talks if story.is_incoming else talks[:1])) <= read.talk_seconds
        assert read.talk_seconds <= story.ended - story.arrived
        if story.is_internal or story.marks.withheld is not None:
            assert read.customer_number is None or story.is_internal
        else:
            assert read.customer_number is not None
            assert read.customer_number.removeprefix("+") == story.customer.removeprefix("+")
        if talks and not story.is_mobile:
            assert read.owner == Agent((talks[-1] if story.is_incoming else story.legs[0]).agent.id)
        if story.is_mobile:
            assert read.owner == Agent(None, story.legs[0].agent.mobile)
    assert len(shapes) == 15


def test_every_generated_call_is_the_same_however_its_versions_come() -> None:
    dice = random.Random(1)  # noqa: S311 - repeatable dice
    day, reader = generate_day(Order(20, date(2026, 3, 2), seed=3)), Reader(EnreachDocument())
    versions: dict[str, list[Records]] = {}
    for arrival in arrivals(day):
        for events, services in ((arrival.calls, ()), ((), arrival.service_calls)):
            known = by_call(reader.calls(events).items, reader.service_calls(services).items)
            versions.setdefault(arrival.call_id, []).extend(known.values())
    several = [found for found in versions.values() if len(found) > 2]
    assert len(several) > 50
    for found in several:
        ends = set()
        for _ in range(4):
            dice.shuffle(found)
            records = NOTHING
            for each in found:
                records = from_bytes(to_bytes(merge(records, each)))
            ends.add(to_bytes(records))
        assert len(ends) == 1
