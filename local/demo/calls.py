"""The calls of the last chapter, as Enreach's `/calls` and `/servicecall` report them. All people are invented.

Agents are those of local/enreach/seed.py, customers those of local/dataverse/seed.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

type Json = dict[str, Any]

POOL = "+35840675644"
REPORTED = timedelta(seconds=45)
"""How long ago Enreach reported them: call sync reads what is half a minute old."""
OUT, ANSWERED = 1, 0


@dataclass(frozen=True)
class Leg:
    """What one agent's phone did. `mobile`: Enreach knows the agent by the mobile number alone."""

    agent: str
    talk_s: int
    after_s: int = 0
    mobile: bool = False


@dataclass(frozen=True)
class Told:
    """One call of the day."""

    what: str
    minutes_ago: int
    customer: str
    """The number on the other side; of an internal call that of the colleague's phone."""
    legs: tuple[Leg, ...]
    outgoing: bool = False
    queued: bool = False
    privacy: str = "Work"
    outcome: str = "logged"
    owner: str | None = None
    """The agent whose phone call it is to be."""

    @property
    def kind(self) -> str:
        return "queue" if self.queued else "direct"

    @property
    def direction(self) -> str:
        return "out" if self.outgoing else "in"


PAIVI, ASA, ANNA = "paivi.makela", "asa.lindqvist", "anna.virtanen"
CALLS = (
    Told("Elina calls Päivi", 110, "+358504545641", (Leg(PAIVI, 125),), owner="Päivi Mäkelä"),
    Told("Åsa calls Outi", 95, "+358501230195", (Leg(ASA, 340),), outgoing=True, owner="Åsa Lindqvist"),
    # Hanna's number stands in Dynamics as 050 123 4567.
    Told(
        "Åsa calls Hanna from her mobile",
        80,
        "+358501234567",
        (Leg(ASA, 61, mobile=True),),
        outgoing=True,
        owner="Åsa Lindqvist",
    ),
    Told(
        "Mikko: Anna hands over to Päivi",
        65,
        "+358504545652",
        (Leg(ANNA, 40), Leg(PAIVI, 180, after_s=45)),
        owner="Päivi Mäkelä",
    ),
    Told("a number that nobody has", 50, "+358401110000", (Leg(PAIVI, 75),), outcome="no-match"),
    Told(
        "Elina calls Päivi in private",
        40,
        "+358504545641",
        (Leg(PAIVI, 300),),
        privacy="Private",
        outcome="skipped-private",
    ),
    Told("Åsa calls Päivi (internal)", 30, "+35898550044", (Leg(ASA, 20),), outgoing=True, outcome="no-match"),
    Told("Elina calls the VIP queue", 20, "+358504545641", (Leg(ANNA, 90),), queued=True, outcome="switched-off"),
)


def events(
    calls: Sequence[Told], users: Mapping[str, Json], queue: Json, now: datetime
) -> tuple[list[str], list[Json], list[Json]]:
    """The ids of the calls, the events of users, and the service calls. `users` by login without its domain."""
    ids = [str(uuid4()) for _ in calls]
    told = list(zip(ids, calls, strict=True))
    return (
        ids,
        [_event(call_id, call, leg, users[leg.agent], queue, now) for call_id, call in told for leg in call.legs],
        [_service(call_id, call, users[call.legs[0].agent], queue, now) for call_id, call in told if call.queued],
    )


def _event(call_id: str, call: Told, leg: Leg, user: Json, queue: Json, now: datetime) -> Json:
    own = user["MobileNumber"] if leg.mobile else POOL if call.queued else user["WorkNumber"]
    queued = {"QueueId": queue["Id"], "QueueName": queue["Name"], "CallTypeString": "ServiceCall"}
    return {
        "CallId": call_id,
        "UserId": None if leg.mobile else user["Id"],
        "UserName": None if leg.mobile else user["UserName"],
        "ANum": own if call.outgoing else call.customer,
        "BNum": call.customer if call.outgoing else own,
        "TimeStamp": _iso(now - timedelta(minutes=call.minutes_ago) + timedelta(seconds=leg.after_s)),
        "Duration": leg.talk_s,
        "Direction": OUT if call.outgoing else 0,
        "EndResult": ANSWERED,
        "Privacy": call.privacy,
        "ModifiedAt": _iso(now - REPORTED),
        **(queued if call.queued else {}),
    }


def _service(call_id: str, call: Told, user: Json, queue: Json, now: datetime) -> Json:
    arrived = now - timedelta(minutes=call.minutes_ago)
    return {
        "CallId": call_id,
        "ANum": call.customer,
        "QueueId": queue["Id"],
        "QueueName": queue["Name"],
        "QueueNumber": POOL,
        "ArrivalTime": _iso(arrived),
        "AnswerTime": _iso(arrived),
        "EndTime": _iso(arrived + timedelta(seconds=call.legs[0].talk_s)),
        "UserId": user["Id"],
        "Result": "Answered",
        "ModifiedAt": _iso(now - REPORTED),
    }


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
