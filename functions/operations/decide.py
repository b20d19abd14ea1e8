"""What the state of Dataverse and of storage means for the app's health, and how calls and callback requests are told.
Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.callbacks.records import CallbackRecord
from shared.calls.records import CallHistory
from shared.health import Finding, Status
from shared.tickets.records import Ticket, TicketRecord

LONGEST_BACK = timedelta(days=100)
"""How far back calls are searched. They are kept for at least 60 days; the sweep may come late."""
_CLOCKS_DIFFER = timedelta(days=1)
_NOT_SEEN = "call sync has not seen the call"

_BREAKER = {
    "open": (Status.RED, "it does not answer: callers keep their default route"),
    "half-open": (Status.AMBER, "it is being tried again after a failure"),
}


def dataverse_finding(breaker: str, since: datetime | None, failure: str | None) -> Finding:
    """`breaker` is the client's state, `failure` the type of error that a question met just now, if one was asked."""
    if breaker in _BREAKER:
        status, reason = _BREAKER[breaker]
        return Finding("Dataverse", status, reason, since)
    if failure is not None:
        return Finding("Dataverse", Status.RED, f"it did not answer just now ({failure})")
    return Finding("Dataverse", Status.GREEN, "it answers", since)


def broken_document_finding(name: str, problem: str) -> Finding:
    """A document whose newest version is not in force."""
    return Finding(name, Status.AMBER, problem)


def storage_finding(failure: str | None) -> Finding:
    """`failure` is the type of error that a request met just now."""
    if failure is not None:
        return Finding("storage", Status.RED, f"it did not answer just now ({failure})")
    return Finding("storage", Status.GREEN, "it answers")


@dataclass(frozen=True, slots=True)
class KnownCall:
    """What both ledgers say of a call: either may say nothing."""

    call_id: str
    history: CallHistory | None
    tickets: TicketRecord | None


def told(known: KnownCall) -> dict[str, Any]:
    """What became of a call, as `CallHistory` of docs/openapi/calls.yaml."""
    record = None if known.history is None else known.history.record
    cases = {} if known.history is None else {case.id: case.link for case in known.history.cases}
    tickets = () if known.tickets is None else known.tickets.tickets
    cases |= {each.case_id: each.link for each in tickets if each.case_id is not None and each.link is not None}
    return {
        "callId": known.call_id,
        "outcome": None if record is None else record.outcome.value,
        "reason": _NOT_SEEN if record is None else record.reason,
        "phoneCallId": None if record is None else _id(record.phone_call_id),
        "cases": [{"id": str(case), "link": link} for case, link in sorted(cases.items())],
        "ticketRequest": None if known.tickets is None else _told_request(known.tickets),
        "tickets": [_told_ticket(ticket) for ticket in tickets],
        "updated": None if record is None else _moment(record.updated),
    }


def _told_request(record: TicketRecord) -> dict[str, Any]:
    return {
        "outcome": record.outcome.value,
        "reason": record.reason,
        "due": None if record.due is None else _moment(record.due),
        "updated": _moment(record.updated),
    }


def _told_ticket(ticket: Ticket) -> dict[str, Any]:
    return {
        "configuration": ticket.configuration,
        "outcome": ticket.outcome.value,
        "reason": ticket.reason,
        "caseId": _id(ticket.case_id),
        "link": ticket.link,
    }


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def told_callback(record: CallbackRecord) -> dict[str, Any]:
    """What became of a callback request, as `CallbackHistory` of docs/openapi/callbacks.yaml."""
    return {
        "callbackId": record.callback_id,
        "profile": record.profile,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "phoneCallId": _id(record.phone_call_id),
        "queueId": _id(record.queue_id),
        "closed": record.closed,
        "updated": _moment(record.updated),
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def searched_stretch(since: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """From when to when calls are searched."""
    earliest = now - LONGEST_BACK
    # A call that began by another clock is found too.
    return (earliest if since is None else max(since, earliest)), now + _CLOCKS_DIFFER
