"""What the queue of tickets is told of a call. Which call makes a ticket is not decided here. Pure."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from shared.calls.call import Call
from shared.enreach.models import Direction, ServiceResult
from shared.phone_numbers import e164
from shared.ticket_request import (
    ALL_VARIABLES,
    LONGEST_NAME,
    MOST_VARIABLES,
    CallDirection,
    CallStatus,
    TicketRequest,
    fitting,
)

OF_CALLS: Final = "call."
OF_SERVICE_CALLS: Final = "servicecall."


def ticket_request(call: Call, region: str | None, recordings_url: str | None) -> TicketRequest:
    """The request of this call, with all that Enreach said of it; the customer's number in E.164 where it is complete
    in this region (ISO 3166)."""
    is_outgoing = call.direction is Direction.OUT
    customer = _short(_international(call.customer_number, region) or call.customer_number)
    own = _short(call.own_number)
    service = call.records.service
    talks = [leg for leg in call.legs if leg.answered and leg.direction is call.direction]
    moments = (service.answered_at if service else None, *(leg.started for leg in talks))
    return TicketRequest(
        version=1,
        call_id=call.id,
        direction=CallDirection.OUTGOING if is_outgoing else CallDirection.INCOMING,
        queue=_short(call.queue_name),
        call_status=_status(call),
        agent_email=_short(_agent_email(call)),
        caller_number=own if is_outgoing else customer,
        called_number=customer if is_outgoing else own,
        start_time=call.started,
        answer_time=min(filter(None, moments), default=None) if call.answered else None,
        end_time=call.ended,
        duration_seconds=call.talk_seconds,
        outbound_route=None,
        recording_url=_recording(call, recordings_url),
        variables=_variables(call),
    )


def _status(call: Call) -> CallStatus:
    if call.answered:
        return CallStatus.ANSWERED
    service = call.records.service
    is_overflow = service is not None and service.result is ServiceResult.OVERFLOW
    return CallStatus.OVERFLOW if is_overflow else CallStatus.UNANSWERED


def _agent_email(call: Call) -> str | None:
    """The login of who made or took the call (Enreach's `UserName` is an e-mail)."""
    if call.owner is None or call.owner.user_id is None:
        return None
    return next((leg.user_name for leg in call.legs if leg.user_id == call.owner.user_id and leg.user_name), None)


def _variables(call: Call) -> dict[str, str]:
    """What Enreach said, by its own names: of the leg of the call's owner, else of the first one, and of the queue. As
    much as a request takes, the same for the same call in whatever order Enreach said it."""
    leg, service = call.owners_leg or next(iter(call.legs), None), call.records.service
    of_leg = _said(OF_CALLS, {} if leg is None else leg.received)
    of_queue = _said(OF_SERVICE_CALLS, {} if service is None else service.received)
    found: dict[str, str] = {}
    characters = 0
    for name, value in chain(of_leg, of_queue):
        size = len(name) + len(value)
        if len(found) < MOST_VARIABLES and characters + size <= ALL_VARIABLES:
            found[name] = value
            characters += size
    return found


def _said(prefix: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The plain values of an item as text: numbers and truth values as JSON writes them. Lists and objects are none."""
    for name in sorted(item):
        value, named = item[name], prefix + name
        text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool | int | float) else None
        short = fitting(text)
        if short is not None and len(named) <= LONGEST_NAME and fitting(named) == named:
            yield named, short


def _recording(call: Call, recordings_url: str | None) -> str | None:
    return f"{recordings_url}{call.recording_ids[0]}" if recordings_url and call.recording_ids else None


def _international(number: str | None, region: str | None) -> str | None:
    return e164(number, region) if number else None


def _short(text: str | None) -> str | None:
    return fitting(text) if text else None
