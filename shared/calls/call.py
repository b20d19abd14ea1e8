"""What both feeds say under one call id, put together: legs of users (`/calls`) and the queue (`/servicecall`).

One call has several events: agents that rang, transfers (facts on Enreach, 8.1 and 8.3). What is known of a call is
kept as `Records`, since a later change brings one leg only.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from shared.calls.ids import canonical_call_id
from shared.enreach.models import CallEvent, Direction, Privacy, ServiceCall, ServiceResult

RINGING_LIMIT = timedelta(seconds=120)
"""A phone that began to ring so long ago rings no more."""
FIRST_REPORT = timedelta(seconds=3)
"""A leg that was changed so soon after its start, and not since, was reported when the phone began to ring."""
LONGEST_CALL = timedelta(hours=4)
"""A call that Enreach never reported the end of has ended by then."""

_FORMAT = 1


class Kind(StrEnum):
    """The vendor's split: to or by one user, or through a queue."""

    DIRECT = "direct"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Agent:
    """Our side of a call: an Enreach user id, or for a mobile call the number that stands for the user."""

    user_id: str | None
    number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Records:
    """What is known of one call, in one order whatever the order in which it came, nothing twice."""

    events: tuple[CallEvent, ...] = ()
    service: ServiceCall | None = None

    @property
    def call_id(self) -> str:
        """Canonical. Raises ValueError where nothing is known."""
        if self.events:
            return canonical_call_id(self.events[0].call_id)
        if self.service is not None:
            return canonical_call_id(self.service.call_id)
        raise ValueError("no records of a call")

    @property
    def started(self) -> datetime:
        """The first moment that they tell of. Raises ValueError where nothing is known."""
        return min([event.started for event in self.events] + ([self.service.arrived] if self.service else []))


NOTHING = Records()


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Moments are in UTC; `ended` is None while it goes on."""

    id: str
    kind: Kind
    direction: Direction
    customer_number: str | None = field(repr=False)
    """As Enreach wrote it; None when withheld."""
    own_number: str | None = field(repr=False)
    answered: bool
    owner: Agent | None
    """Who made or took it; None where nobody did, or nobody can be told."""
    started: datetime
    ended: datetime | None
    talk_seconds: int
    privacy: frozenset[Privacy]
    """How its users classed it; empty where there is a service call alone."""
    is_between_users: bool
    """Whether a user's phone called another user's."""
    queue_name: str | None = field(repr=False)
    queue_id: str | None
    recording_ids: tuple[str, ...]
    records: Records = field(repr=False)

    @property
    def has_ended(self) -> bool:
        return self.ended is not None

    @property
    def legs(self) -> tuple[CallEvent, ...]:
        """The earliest first."""
        return self.records.events

    @property
    def owners_leg(self) -> CallEvent | None:
        """The leg of who made or took it, of several the last one that was answered; None where its owner has none."""
        legs = [leg for leg in self.legs if _agent(leg) == self.owner]
        return next((leg for leg in reversed(legs) if leg.answered), legs[0] if legs else None)


# -------------------------------------------------------------------------------------------- putting together


def records_of(events: Iterable[CallEvent], services: Iterable[ServiceCall] = ()) -> Records:
    """What one answer says of one call. Of doubles the one that was modified last counts, then the more complete."""
    legs: dict[tuple[Any, ...], CallEvent] = {}
    for event in events:
        known = legs.get(key := _leg_key(event))
        legs[key] = event if known is None else max(known, event, key=_rank)
    found: ServiceCall | None = None
    for service in services:
        found = service if found is None else max(found, service, key=_rank)
    return Records(tuple(sorted(legs.values(), key=_leg_order)), found)


def merge(remembered: Records, new: Records) -> Records:
    """Both together. Of a leg that both have the one modified last counts; where that does not decide, the new one:
    it was seen later."""
    legs = {_leg_key(event): event for event in remembered.events}
    for event in new.events:
        known = legs.get(key := _leg_key(event))
        legs[key] = event if known is None else _later(known, event)
    service = remembered.service
    if new.service is not None:
        service = new.service if service is None else _later(service, new.service)
    return Records(tuple(sorted(legs.values(), key=_leg_order)), service)


def by_call(events: Iterable[CallEvent], services: Iterable[ServiceCall]) -> dict[str, Records]:
    """What an answer of both feeds says, by canonical call id."""
    legs: dict[str, list[CallEvent]] = {}
    queued: dict[str, list[ServiceCall]] = {}
    for event in events:
        legs.setdefault(canonical_call_id(event.call_id), []).append(event)
    for service in services:
        queued.setdefault(canonical_call_id(service.call_id), []).append(service)
    return {call_id: records_of(legs.get(call_id, ()), queued.get(call_id, ())) for call_id in legs | queued}


def _leg_key(event: CallEvent) -> tuple[Any, ...]:
    """Which leg it is. Mobile calls have no user: their own number stands for one."""
    return event.user_id or ("", _own_number(event)), event.started, event.direction


def _leg_order(event: CallEvent) -> tuple[Any, ...]:
    # Of a call between two users both legs may start at once: who called comes first.
    return event.started, event.direction is Direction.IN, event.user_id or "", _own_number(event)


def _later[T: (CallEvent, ServiceCall)](known: T, new: T) -> T:
    if known.modified_at is not None and new.modified_at is not None and known.modified_at > new.modified_at:
        return known
    return new


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _rank(record: CallEvent | ServiceCall) -> tuple[Any, ...]:
    packed = _packed_event(record) if isinstance(record, CallEvent) else _packed_service(record)
    filled = sum(value not in (None, "", [], 0, False) for value in packed)
    return record.modified_at or _LONG_AGO, filled, json.dumps(packed, sort_keys=True)


def _own_number(event: CallEvent) -> str:
    return event.called if event.direction is Direction.IN else event.caller


# ------------------------------------------------------------------------------------------------ reading them


def read_call(records: Records, now: datetime) -> Call:
    """The call that these records tell of. Raises ValueError where there are none."""
    events, service = records.events, records.service
    call_id = records.call_id
    direction = Direction.IN if service is not None else events[0].direction
    queue = _queue(records) if direction is Direction.IN else None
    talks = [event for event in events if event.direction is direction and event.answered]
    answered = bool(talks) or (service is not None and service.result is ServiceResult.ANSWERED)
    customer, own = _numbers(records, direction)
    return Call(
        id=call_id,
        kind=Kind.QUEUE if queue is not None and queue.name else Kind.DIRECT,
        direction=direction,
        customer_number=customer,
        own_number=own,
        answered=answered,
        owner=_owner(records, direction, talks, answered=answered),
        started=records.started,
        ended=_ended(records, now),
        talk_seconds=_talk_seconds(service, talks),
        privacy=frozenset(event.privacy for event in events),
        is_between_users=_is_between_users(events),
        queue_name=queue.name if queue else None,
        queue_id=queue.id if queue else None,
        recording_ids=tuple(dict.fromkeys(each for event in events for each in event.recording_ids)),
        records=records,
    )


class _Queue(NamedTuple):
    id: str | None
    name: str | None


def _queue(records: Records) -> _Queue | None:
    """The queue that a call came through: one with a name before one without. The queue that serves a user's work
    number has none (facts on Enreach, 8.1)."""
    named: list[ServiceCall | CallEvent] = [each for each in (records.service, *records.events) if each is not None]
    queues = [_Queue(each.queue_id, each.queue_name) for each in named if each.queue_id or each.queue_name]
    return next((queue for queue in queues if queue.name), queues[0] if queues else None)


def _numbers(records: Records, direction: Direction) -> tuple[str | None, str | None]:
    """The customer's number and ours."""
    legs = [event for event in records.events if event.direction is direction]
    if direction is Direction.OUT:
        return _shown(legs[0].called), _shown(legs[0].caller)
    callers = [event.caller for event in legs[:1]]
    called = [event.called for event in legs[:1]]
    if records.service is not None:
        callers.insert(0, records.service.caller)
        called.insert(0, records.service.queue_number or "")
    return _first_shown(callers), _first_shown(called)


def _first_shown(texts: Iterable[str]) -> str | None:
    return next((shown for text in texts if (shown := _shown(text)) is not None), None)


def _shown(text: str) -> str | None:
    """A number that somebody shows. Withheld is what has no digit: nothing, or a word such as `anonymous`, also as a
    SIP address (RFC 3323, 4.1.1.3), whose host may be all digits."""
    address = re.split("[@;]", text, maxsplit=1)[0]
    return text if any(sign.isdecimal() for sign in address) else None


def _owner(records: Records, direction: Direction, talks: Sequence[CallEvent], *, answered: bool) -> Agent | None:
    if direction is Direction.OUT:
        return _agent(records.events[0])
    if talks:
        # A transfer moves the call to whom the customer ended up with.
        return _agent(talks[-1])
    service = records.service
    if answered:
        return Agent(service.user_id) if service is not None and service.user_id else None
    if service is not None and service.queue_name:
        return None
    agents = {_agent(event) for event in records.events}
    if not agents and service is not None and service.user_id:
        agents = {Agent(service.user_id)}
    return agents.pop() if len(agents) == 1 else None


def _agent(event: CallEvent) -> Agent:
    return Agent(event.user_id) if event.user_id else Agent(None, _shown(_own_number(event)))


def _talk_seconds(service: ServiceCall | None, talks: Sequence[CallEvent]) -> int:
    """From answer to end in the queue, beside what was talked before the call came there; without a queue, or where
    Enreach does not say when it answered and ended, the talks of the legs."""
    if service is None or service.answered_at is None or service.ended is None:
        return sum(event.duration_seconds for event in talks)
    queued = max(0, int((service.ended - service.answered_at).total_seconds()))
    return queued + sum(event.duration_seconds for event in talks if event.started < service.arrived)


def _ended(records: Records, now: datetime) -> datetime | None:
    """When the call ended; None while it goes on."""
    events, service = records.events, records.service
    legs_end = max((event.started + timedelta(seconds=event.duration_seconds) for event in events), default=None)
    if service is not None and service.ended is not None:
        return service.ended if legs_end is None else max(service.ended, legs_end)
    talks = [each.started + timedelta(seconds=each.duration_seconds) for each in events if each.duration_seconds]
    if talks:
        # Phones that rang beside the one that answered ring no more; those to which the call was then transferred may.
        is_over = all(_is_over(event, now) for event in events if event.started >= max(talks))
    elif service is not None:
        is_over = service.arrived + LONGEST_CALL <= now
    else:
        is_over = all(_is_over(event, now) for event in events)
    if not is_over:
        return None
    return legs_end if legs_end is not None else service.arrived if service is not None else None


def _is_over(event: CallEvent, now: datetime) -> bool:
    if event.duration_seconds:
        return True
    if event.answered or _was_reported_at_its_start(event):
        return event.started + LONGEST_CALL <= now
    return event.started + RINGING_LIMIT <= now


def _was_reported_at_its_start(event: CallEvent) -> bool:
    """Whether all that is known of a phone is that it began to ring. Somebody may have answered: Enreach says nothing
    more of a leg before its end, and nothing tells that from a caller who hangs up so soon."""
    return event.modified_at is not None and event.modified_at - event.started < FIRST_REPORT


def _is_between_users(events: Sequence[CallEvent]) -> bool:
    """Whether one user's outgoing leg is another one's incoming: both show the same two numbers."""
    made = {(event.caller, event.called) for event in events if event.direction is Direction.OUT}
    return any((event.caller, event.called) in made for event in events if event.direction is Direction.IN)


# ------------------------------------------------------------------------------------------------ as text


def legs_text(call: Call, name_of: Callable[[Agent], str | None]) -> str:
    """A line for each leg, the earliest first; empty for a call with one leg at most.

    `name_of` gives the full name of an agent's user in Dynamics, None where nobody knows one.
    """
    if len(call.legs) < 2:
        return ""
    return "\n".join(
        f"Leg {number}: {_leg_words(event, name_of(_agent(event)), call.started)}"
        for number, event in enumerate(call.legs, 1)
    )


def _leg_words(event: CallEvent, name: str | None, started: datetime) -> str:
    who = f"{' '.join(name.split())}, " if name else ""
    what = "outgoing, " if event.direction is Direction.OUT else ""
    talk = f"answered, {event.duration_seconds} s" if event.answered else "not answered"
    after = int((event.started - started).total_seconds())
    return f"{who}{what}{talk}" + (f", {after} s after the start" if after else "")


# ---------------------------------------------------------------------------------------------- as bytes


def to_bytes(records: Records) -> bytes:
    """The records for the ledger, the same bytes for the same records. `from_bytes` reads them."""
    document = {
        "v": _FORMAT,
        "e": [_packed_event(event) for event in records.events],
        "s": _packed_service(records.service) if records.service else None,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Records:
    """The records in a row of the ledger; none for a call of which nothing was kept.

    Raises ValueError for bytes that this version did not write: the call is then to be read anew.
    """
    if not data:
        return NOTHING
    try:
        document = json.loads(data)
        if document["v"] != _FORMAT:
            raise ValueError("another format")
        service = document["s"]
        return Records(
            tuple(_unpacked_event(packed) for packed in document["e"]),
            None if service is None else _unpacked_service(service),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        raise ValueError("the stored records of a call cannot be read") from None


def _packed_event(event: CallEvent) -> list[Any]:
    return [
        event.call_id, event.user_id, event.user_name, event.caller, event.called, _written(event.started),
        event.duration_seconds, event.direction.value, event.answered, event.call_type, event.queue_id,
        event.queue_name, event.privacy.value, _written(event.modified_at), list(event.recording_ids),
        list(event.transcript_ids), dict(event.received),
    ]  # fmt: skip


def _unpacked_event(packed: Sequence[Any]) -> CallEvent:
    (
        call_id, user_id, user_name, caller, called, started, duration, direction, answered, call_type, queue_id,
        queue_name, privacy, modified_at, recording_ids, transcript_ids, received,
    ) = packed  # fmt: skip
    return CallEvent(
        call_id, user_id, user_name, caller, called, _moment(started), duration, Direction(direction), answered,
        call_type, queue_id, queue_name, Privacy(privacy), _moment_or_none(modified_at), tuple(recording_ids),
        tuple(transcript_ids), received,
    )  # fmt: skip


def _packed_service(service: ServiceCall) -> list[Any]:
    return [
        service.call_id, service.caller, service.queue_id, service.queue_name, service.queue_number,
        _written(service.arrived), _written(service.answered_at), _written(service.ended), service.user_id,
        service.result.value, _written(service.modified_at), dict(service.received),
    ]  # fmt: skip


def _unpacked_service(packed: Sequence[Any]) -> ServiceCall:
    (
        call_id, caller, queue_id, queue_name, queue_number, arrived, answered_at, ended, user_id, result, modified_at,
        received,
    ) = packed  # fmt: skip
    return ServiceCall(
        call_id, caller, queue_id, queue_name, queue_number, _moment(arrived), _moment_or_none(answered_at),
        _moment_or_none(ended), user_id, ServiceResult(result), _moment_or_none(modified_at), received,
    )  # fmt: skip


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_or_none(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)


def received_of(records: Records) -> dict[str, list[Mapping[str, Any]]]:
    """Everything that Enreach said of the call, by feed."""
    return {
        "calls": [event.received for event in records.events],
        "servicecall": [records.service.received] if records.service else [],
    }
