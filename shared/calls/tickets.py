"""What the queue of tickets is told of a call. Which call makes a ticket is not decided here."""

from shared.calls.call import Call
from shared.enreach.models import Direction, ServiceResult
from shared.phone_numbers import e164
from shared.ticket_request import CallDirection, CallStatus, TicketRequest, fitting


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
        variables={},
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


def _recording(call: Call, recordings_url: str | None) -> str | None:
    return f"{recordings_url}{call.recording_ids[0]}" if recordings_url and call.recording_ids else None


def _international(number: str | None, region: str | None) -> str | None:
    return e164(number, region) if number else None


def _short(text: str | None) -> str | None:
    return fitting(text) if text else None
