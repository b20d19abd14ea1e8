"""What the state of Dataverse and of storage means for the app's health, and how calls and callback requests are told.
Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.callbacks.records import CallbackRecord
from shared.calls.records import CallHistory
from shared.health import Finding, Status

LONGEST_BACK = timedelta(days=100)
"""How far back calls are searched. They are kept for at least 60 days; the sweep may come late."""
_CLOCKS_DIFFER = timedelta(days=1)

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


def told(history: CallHistory) -> dict[str, Any]:
    """What became of a call, as `CallHistory` of docs/openapi/calls.yaml."""
    call = history.record
    return {
        "callId": call.call_id,
        "outcome": call.outcome.value,
        "reason": call.reason,
        "phoneCallId": None if call.phone_call_id is None else str(call.phone_call_id),
        "cases": [{"id": str(case.id), "link": case.link} for case in history.cases],
        "updated": _moment(call.updated),
    }


def told_callback(record: CallbackRecord) -> dict[str, Any]:
    """What became of a callback request, as `CallbackHistory` of docs/openapi/callbacks.yaml."""
    return {
        "callbackId": record.callback_id,
        "profile": record.profile,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "phoneCallId": None if record.phone_call_id is None else str(record.phone_call_id),
        "queueId": None if record.queue_id is None else str(record.queue_id),
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
