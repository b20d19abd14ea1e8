"""The calls that are synced, and whose they are: agents in both systems, customers, and what Enreach reports. Pure.

Everything follows from a call's number, so that what becomes of each is known beforehand.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from benchmarks.contact_centre import CUSTOMERS, caller, stored

AGENTS = 200
MATCHED_OF_TEN = 6
"""Of ten calls so many are of a number that a customer has."""
QUEUE_NUMBER = "+35898555000"
REPORTED_S = (60, 120)
"""So many seconds ago calls were reported: call sync reads what is older than half a minute, and the five minutes
before its checkpoint again."""
WRITES_A_CALL = 2
MOST_OPERATIONS = 1_000
"""Of one `$batch` (Dataverse, "Execute batch operations using the Web API")."""

_QUEUE_ID = "7e5c0000-0000-4000-8000-000000000001"
_CALLS = UUID("ca110000-0000-4000-8000-000000000000")
"""Ids of calls begin with any digit, as Enreach's do: the ledger's partitions go by it."""
_COLUMNS = ("mobilephone", "telephone1")

RULES: dict[str, Any] = {
    "DefaultCrmAssignee": f"a9e70000-0000-4000-8000-{0:012x}",
    "EnableAudit": True,
    "EnableMultipleMatchCreate": True,
    "ProcessDirectCalls": True,
    "ProcessDirectCallsUnanswered": True,
    "ProcessServiceCalls": True,
    "ProcessServiceCallsUnanswered": True,
    "UnmatchedCallers": "log",
}
"""All switches on: every call becomes a phone call."""


def documents() -> dict[str, bytes]:
    """The configuration, by the names of its documents."""
    return {
        "call-sync.json": json.dumps(RULES).encode(),
        "customer-matching.json": json.dumps({"defaultRegion": "FI"}).encode(),
    }


# ---------------------------------------------------------------------------------------------------- people


def users() -> list[dict[str, Any]]:
    """The agents in Dynamics."""
    return [
        {
            "systemuserid": f"a9e80000-0000-4000-8000-{agent:012x}",
            "fullname": f"Agent {agent}",
            "domainname": email(agent),
            "internalemailaddress": email(agent),
            "isdisabled": False,
        }
        for agent in range(AGENTS)
    ]


def enreach_users() -> list[dict[str, Any]]:
    """The same in Enreach."""
    return [
        {"Id": enreach_id(agent), "UserName": email(agent), "WorkNumber": work_number(agent)} for agent in range(AGENTS)
    ]


def queues() -> list[dict[str, Any]]:
    """The queue that calls come through."""
    return [{"Id": _QUEUE_ID, "Name": "Support", "TypeId": 4, "Numbers": [QUEUE_NUMBER]}]


def contacts(customers: int = CUSTOMERS) -> Iterator[list[dict[str, Any]]]:
    """The customers, some thousand at a time; people typed their numbers."""
    for first in range(0, customers, 5_000):
        yield [
            {
                "contactid": f"c0470000-0000-4000-8000-{customer:012x}",
                "lastname": f"Customer {customer}",
                _COLUMNS[customer % len(_COLUMNS)]: stored(customer),
            }
            for customer in range(first, min(first + 5_000, customers))
        ]


def email(agent: int) -> str:
    """By which the two know each other."""
    return f"agent{agent:04}@calls.example"


def enreach_id(agent: int) -> str:
    """An agent's id in Enreach."""
    return f"a9e70000-0000-4000-8000-{agent:012x}"


def work_number(agent: int) -> str:
    """The number at which an agent is called."""
    return f"+358985{agent:05}"


# ------------------------------------------------------------------------------------------------------ calls


def number_of(call: int, customers: int = CUSTOMERS) -> str:
    """The number on the other side of a call: no two within 100,000 calls have the same."""
    if call % 10 < MATCHED_OF_TEN:
        return caller((call // 10 * MATCHED_OF_TEN + call % 10) % customers)
    return f"+35845{7_000_000 + call % 1_000_000}"


def events(
    calls: Sequence[int], first: datetime, length: timedelta, now: datetime, customers: int = CUSTOMERS
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What Enreach reports of these calls: events of users, and service calls. They began within `length` from `first`
    on, and none goes on."""
    feeds: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for position, call in enumerate(calls):
        started = first + length * (position / len(calls))
        user_event, service_call = _reported(call, started, now, number_of(call, customers))
        if user_event:
            feeds[0].append(user_event)
        if service_call:
            feeds[1].append(service_call)
    return feeds


def _reported(call: int, started: datetime, now: datetime, number: str) -> tuple[Any, Any]:
    """Of twenty calls seven come in, six go out, four come by the queue, and three of the first two and of the last
    kind nobody answers."""
    kind, agent = call % 20, call % AGENTS
    answered = kind not in (7, 13, 18, 19)
    first, last = REPORTED_S
    base = {
        "CallId": str(uuid5(_CALLS, str(call))),
        "ModifiedAt": _iso(now - timedelta(seconds=first + call % (last - first))),
    }
    talk_s = 30 + call % 300 if answered else 0
    event: dict[str, Any] = {
        **base,
        "UserId": enreach_id(agent),
        "UserName": email(agent),
        "ANum": number,
        "BNum": work_number(agent),
        "TimeStamp": _iso(started),
        "Duration": talk_s,
        "Direction": 0,
        "EndResult": 0 if answered else 1,
        "CallTypeString": "DirectCall",
        "QueueId": None,
        "QueueName": None,
        "Privacy": "Work",
        "RecordingIds": [],
        "TranscriptIds": [],
    }
    if kind < 8:
        return event, None
    if kind < 14:
        return {**event, "ANum": work_number(agent), "BNum": number, "Direction": 1}, None
    service = {
        **base,
        "ANum": number,
        "QueueId": _QUEUE_ID,
        "QueueName": "Support",
        "QueueNumber": QUEUE_NUMBER,
        "ArrivalTime": _iso(started),
        "AnswerTime": _iso(started + timedelta(seconds=12)) if answered else None,
        "EndTime": _iso(started + timedelta(seconds=12 + talk_s)),
        "UserId": enreach_id(agent) if answered else None,
        "Result": "Answered" if answered else "Unanswered",
    }
    queued = {"QueueId": _QUEUE_ID, "QueueName": "Support", "BNum": QUEUE_NUMBER, "CallTypeString": "ServiceCall"}
    return ({**event, **queued} if answered else None), service


def least_requests(calls: int) -> int:
    """The fewest requests that so many new calls can cost: their writes, each request as full as Dataverse takes it,
    one question whose numbers these are, and one for the phone calls that agents' own clients made."""
    return -(-calls * WRITES_A_CALL // MOST_OPERATIONS) + 2


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
