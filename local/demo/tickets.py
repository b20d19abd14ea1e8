"""The calls of the last chapter, which make tickets, as Enreach reports them. All people are invented.

What makes one, and how it looks, says local/config/ticket-triggers.json. Customers are those of
local/dataverse/seed.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from local.demo.calls import REPORTED

type Json = dict[str, Any]


@dataclass(frozen=True)
class Called:
    """One call of a queue. `agent`: the login of who took it, without its domain."""

    what: str
    minutes_ago: int
    customer: str
    queue: str
    agent: str | None = None
    talk_s: int = 0
    outcome: str = "created"
    same_case_as: int | None = None
    """The position of the call whose case it goes onto."""


CALLS = (
    Called("a new number, missed", 28, "+358401119900", "Support"),
    Called("the same number again", 22, "+358401119900", "Support", outcome="appended", same_case_as=0),
    Called("Hanna on the VIP line", 16, "+358501234567", "VIP support", "anna.virtanen", 95),
    Called(
        "Hanna once more",
        9,
        "+358501234567",
        "VIP support",
        "anna.virtanen",
        40,
        outcome="appended",
        same_case_as=2,
    ),
    Called("Mikko in Support", 5, "+358504545652", "Support", "paivi.makela", 60, "no-trigger"),
)


def events(
    calls: Sequence[Called], users: Mapping[str, Json], queues: Mapping[str, Json], now: datetime
) -> tuple[list[str], list[Json], list[Json]]:
    """The ids of the calls, the events of users, and the service calls. `users` by login without its domain, `queues`
    by name."""
    ids = [str(uuid4()) for _ in calls]
    told = list(zip(ids, calls, strict=True))
    return (
        ids,
        [_event(call_id, call, users[call.agent], queues[call.queue], now) for call_id, call in told if call.agent],
        [_service(call_id, call, users, queues[call.queue], now) for call_id, call in told],
    )


def _event(call_id: str, call: Called, user: Json, queue: Json, now: datetime) -> Json:
    return {
        "CallId": call_id,
        "UserId": user["Id"],
        "UserName": user["UserName"],
        "ANum": call.customer,
        "BNum": queue["Numbers"][0],
        "TimeStamp": _iso(now - timedelta(minutes=call.minutes_ago)),
        "Duration": call.talk_s,
        "Direction": 0,
        "EndResult": 0,
        "CallTypeString": "ServiceCall",
        "QueueId": queue["Id"],
        "QueueName": queue["Name"],
        "Privacy": "Work",
        "ModifiedAt": _iso(now - REPORTED),
    }


def _service(call_id: str, call: Called, users: Mapping[str, Json], queue: Json, now: datetime) -> Json:
    arrived = now - timedelta(minutes=call.minutes_ago)
    return {
        "CallId": call_id,
        "ANum": call.customer,
        "QueueId": queue["Id"],
        "QueueName": queue["Name"],
        "QueueNumber": queue["Numbers"][0],
        "ArrivalTime": _iso(arrived),
        "AnswerTime": _iso(arrived) if call.agent else None,
        "EndTime": _iso(arrived + timedelta(seconds=call.talk_s or 30)),
        "UserId": users[call.agent]["Id"] if call.agent else None,
        "Result": "Answered" if call.agent else "Unanswered",
        "ModifiedAt": _iso(now - REPORTED),
    }


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
