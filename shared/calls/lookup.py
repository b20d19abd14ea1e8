"""The ticket requests of calls of which a sender told the id alone: the rest is asked of Enreach."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from shared.at_once import at_once
from shared.calls.call import LONGEST_CALL, NOTHING, Records, by_call, merge, read_call
from shared.calls.privacy import PrivacyRules, why_not_ours
from shared.calls.tickets import ticket_request
from shared.enreach.models import CallEvent, Reading, ServiceCall
from shared.enreach.windows import Window
from shared.ticket_request import TicketRequest

LONGEST_WAIT = timedelta(hours=1)
"""How long before its first leg the queue may have taken a call."""
SOON = timedelta(minutes=2)
"""How long after its last leg it may have, of a call that was passed on into a queue; and how far clocks differ."""
_PART = timedelta(hours=1)
"""Of service calls at once: of a large contact centre some thousands."""
_AT_ONCE = 8

UNKNOWN = "Enreach does not know the call"
GOES_ON = "the call goes on"
UNREADABLE = "Enreach says something of the call that cannot be read"


class CallSource(Protocol):
    """What this needs of Enreach; `shared.enreach.client.EnreachClient` has it. Each method raises EnreachError."""

    async def calls_of(self, call_id: str) -> Reading[CallEvent]: ...
    async def service_calls(self, window: Window) -> Reading[ServiceCall]: ...
    async def recordings_address(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NotYet:
    """There is no telling now; later there may be. The reason has no personal data."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Nothing of the call may be kept: it is private, or has a number that is never logged. The reason has no personal
    data. A user may class it otherwise within 14 days; call sync then sends the request of it."""

    reason: str


type Answer = TicketRequest | NotYet | NotOurs


async def requests_of_calls(
    enreach: CallSource, asked: Mapping[str, datetime], privacy: PrivacyRules, now: datetime
) -> dict[str, Answer]:
    """The requests of these calls, by the canonical id under which each is asked.

    The moment beside an id is when the call started, or, where nobody knows, when its id was told. Raises EnreachError.

    A request for the legs of each call, 8 at once, and one for the service calls of each hour in which one of the calls
    may have reached its queue: Enreach does not give those by call id.
    """
    readings: dict[str, Reading[CallEvent]] = {}

    async def read_legs(call_id: str) -> None:
        readings[call_id] = await enreach.calls_of(call_id)

    await at_once(_AT_ONCE, asked, read_legs)
    legs = by_call((event for reading in readings.values() for event in reading.items), ())
    readable = {call_id: legs.get(call_id, NOTHING) for call_id in asked if not readings[call_id].unreadable}
    queued = await _queued(enreach, {call_id: _span(readable[call_id], asked[call_id]) for call_id in readable})
    whole = {call_id: merge(known, queued.get(call_id, NOTHING)) for call_id, known in readable.items()}
    has_recordings = any(event.recording_ids for records in whole.values() for event in records.events)
    recordings_url = await enreach.recordings_address() if has_recordings else None
    return {
        call_id: _answer(whole[call_id], privacy, recordings_url, now) if call_id in whole else NotYet(UNREADABLE)
        for call_id in asked
    }


def _answer(records: Records, privacy: PrivacyRules, recordings_url: str | None, now: datetime) -> Answer:
    if records == NOTHING:
        return NotYet(UNKNOWN)
    call = read_call(records, now)
    if not call.has_ended:
        return NotYet(GOES_ON)
    reason = why_not_ours(call, privacy)
    return NotOurs(reason) if reason is not None else ticket_request(call, privacy.region, recordings_url)


async def _queued(enreach: CallSource, spans: Mapping[str, tuple[datetime, datetime]]) -> dict[str, Records]:
    """What the queues say of these calls, of each within its span."""
    found: list[ServiceCall] = []
    for start, end in stretches(spans.values()):
        reading = await enreach.service_calls(Window.started(start, end))
        found += [each for each in reading.items if each.call_id in spans]
    return by_call((), found)


def _span(legs: Records, asked: datetime) -> tuple[datetime, datetime]:
    """When a queue may have taken a call."""
    if not legs.events:
        return asked - LONGEST_CALL, asked + SOON
    end = max(event.started + timedelta(seconds=event.duration_seconds) for event in legs.events)
    return legs.started - LONGEST_WAIT, end + SOON


def stretches(spans: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """The same time in order, nothing twice, in equal parts of an hour at most."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    for start, end in joined:
        count = -(-(end - start) // _PART)
        yield from pairwise([*(start + (end - start) * part / count for part in range(count)), end])
