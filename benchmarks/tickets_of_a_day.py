"""Ticket requests: whose they are, under which configuration, and their phone calls in Dynamics. Pure.

Everything follows from a request's number, so that what becomes of each is known beforehand.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from benchmarks.calls_of_a_day import AGENTS, MATCHED_OF_TEN, QUEUE_NUMBER, email, number_of
from benchmarks.contact_centre import CUSTOMERS
from shared.calls.ids import phone_call_id

PLAIN, ADDED = "Plain", "Added"
"""Configurations, and names of the queues that calls come in by: each call has a case of its own, or a customer's next
call is noted on the open case."""
CALLS_A_CUSTOMER = 2
"""So many calls of each number are of `ADDED`."""
TALKED = timedelta(seconds=90)

_CALLS = UUID("71c4e700-0000-4000-8000-000000000000")
_QUEUES = UUID("71c4e700-0000-4000-8000-000000000001")
_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    PLAIN: {"caseType": "Problem", "priority": "Normal", "notifyAgent": True},
    ADDED: {"attach": {"policy": "newestOpenCase"}},
}


def documents() -> dict[str, bytes]:
    """The configuration, by the names of its documents."""
    triggers = [
        {
            "name": f"calls of {name}",
            "all": [
                {"field": "queue", "operator": "equals", "value": name},
                {"field": "duration", "operator": "greater", "value": 30},
            ],
            "configuration": name,
        }
        for name in _CONFIGURATIONS
    ]
    configurations = {
        name: {
            "title": "Call of ${customerNumber|somebody} to ${queue}",
            "description": "${agentName|nobody} took it at ${startTime}.\n${note}",
            "queue": queue_id(name),
            "fallbackOwner": "queueOwner",
            **more,
        }
        for name, more in _CONFIGURATIONS.items()
    }
    return {
        "ticket-triggers.json": json.dumps({"triggers": triggers, "configurations": configurations}).encode(),
        "customer-matching.json": json.dumps({"defaultRegion": "FI"}).encode(),
    }


def queue_id(name: str) -> str:
    """The queue in Dynamics into which the cases go."""
    return str(uuid5(_QUEUES, name))


def queues() -> list[dict[str, Any]]:
    """The queues as Dynamics has them."""
    return [{"queueid": queue_id(name), "name": f"Cases {name}"} for name in _CONFIGURATIONS]


def call_id(request: int) -> str:
    """The call of a request, in any of the spellings that Enreach uses."""
    return str(uuid5(_CALLS, str(request)))


def is_unknown(request: int, calls_a_customer: int = 1) -> bool:
    """Whether nobody in Dynamics has the number."""
    return request // calls_a_customer % 10 >= MATCHED_OF_TEN


def messages(
    requests: Sequence[int], name: str, now: datetime, customers: int = CUSTOMERS, calls_a_customer: int = 1
) -> list[bytes]:
    """What a sender puts into the queue for these requests; `calls_a_customer` in a row are of the same number."""
    start = now - timedelta(minutes=10)
    moments = {"startTime": start, "answerTime": start, "endTime": start + TALKED}
    return [
        json.dumps(
            {
                "version": 1,
                "callId": call_id(request),
                "direction": "incoming",
                "queue": name,
                "callStatus": "answered",
                "agentEmail": email(request % AGENTS),
                "callerNumber": number_of(request // calls_a_customer, customers),
                "calledNumber": QUEUE_NUMBER,
                **{key: _text(moment) for key, moment in moments.items()},
                "durationSeconds": TALKED.seconds,
                "variables": {"note": f"Request {request}"},
            }
        ).encode()
        for request in requests
    ]


def phone_calls(requests: Sequence[int]) -> list[dict[str, Any]]:
    """What call sync has made of these calls."""
    return [
        {"activityid": str(phone_call_id(call_id(request))), "subject": f"Call {request}", "statecode": 1}
        for request in requests
    ]


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
