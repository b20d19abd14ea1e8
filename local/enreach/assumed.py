"""The names of fields and states that the simulator uses, in one place, and what it fills in where an item lacks them.

No public text gives the whole of them: only those of `CallId`/`CallID`, `ANum`, `BNum`, `TimeStamp`/`StartTime`,
`Direction`, `Duration`, `EndResult`, `CallTypeString`, `UserName`, `RecordingIds`, and of users and queues what the
endpoint table lists are confirmed. The rest is assumed, and may be renamed by the switches `field_names` and
`field_values`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from local.enreach.moments import iso_z, read_moment

type Item = dict[str, Any]
type Kind = Literal["users", "queues", "calls", "servicecalls", "callbacklists", "callbacks"]

KINDS: tuple[Kind, ...] = ("users", "queues", "calls", "servicecalls", "callbacklists", "callbacks")
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "users": ("Id", "UserName", "FirstName", "LastName", "MobileNumber", "WorkNumber", "OrganizationID"),
    "queues": ("Id", "Name", "TypeId", "Numbers", "Status"),
    "calls": (
        "CallId",
        "UserId",
        "UserName",
        "ANum",
        "BNum",
        "TimeStamp",
        "Duration",
        "Direction",
        "EndResult",
        "CallTypeString",
        "QueueId",
        "QueueName",
        "Privacy",
        "ModifiedAt",
        "RecordingIds",
        "TranscriptIds",
    ),
    "servicecalls": (
        "CallId",
        "ANum",
        "QueueId",
        "QueueName",
        "QueueNumber",
        "ArrivalTime",
        "AnswerTime",
        "EndTime",
        "UserId",
        "Result",
        "ModifiedAt",
    ),
    "callbacklists": ("Id", "Name"),
    "callbacks": (
        "Id",
        "CallbackListId",
        "Number",
        "Created",
        "DueTime",
        "State",
        "AssigneeId",
        "Note",
        "RecordingId",
        "ModifiedAt",
    ),
}
# Other spellings of a field (facts 3.2); an item may come with either.
ALIASES = {"CallId": ("CallID",), "TimeStamp": ("StartTime",)}
MOMENTS: Mapping[str, tuple[str, ...]] = {
    "calls": ("TimeStamp", "StartTime", "ModifiedAt"),
    "servicecalls": ("ArrivalTime", "AnswerTime", "EndTime", "TimeStamp", "StartTime", "ModifiedAt"),
    "callbacks": ("Created", "DueTime", "ModifiedAt"),
}
NUMBERS = ("ANum", "BNum", "QueueNumber", "Number")

DIRECT, QUEUED = "DirectCall", "ServiceCall"
IN, OUT = 0, 1
ANSWERED, NOT_ANSWERED = 0, 1
WORK, PRIVATE, UNDEFINED = "Work", "Private", "Undefined"
RESULT_ANSWERED, RESULT_UNANSWERED, RESULT_OVERFLOW = "Answered", "Unanswered", "Overflow"
OPEN, CLOSED_STATES = "Open", frozenset({"ClosedSuccessfully", "Expired"})
CALLBACK_STATES = frozenset({OPEN, "Reserved", "Busy"}) | CLOSED_STATES
CALLBACK_CHANGEABLE = frozenset({"State", "AssigneeId", "Note"})
# Queue types (facts 6.1): 1 UserDirect, 2 PersonalWork, 4 ServiceQueue, 5 IvrQueue, 6 ShortNumber, 7 Technical.
PERSONAL_WORK, SERVICE_QUEUE = 2, 4
TALK_S = 60


@dataclass(frozen=True)
class Known:
    """What the organisation knows while an item is filled in."""

    now: float
    organization_id: str = ""
    users: Mapping[str, Item] = field(default_factory=dict)  # by id
    queues: Mapping[str, Item] = field(default_factory=dict)  # by id
    first_list: str | None = None


def filled(kind: Kind, raw: Item, known: Known) -> Item:
    """Returns the item with every missing field filled in; what is there, null too, stays as it is."""
    missing = [name for name in FIELDS[kind] if name not in raw and not _has(raw, name)]
    if not missing:
        return dict(raw)
    defaults = DEFAULTS[kind](raw, known)
    return {name: defaults[name] for name in missing} | raw


def value_of(item: Item, name: str) -> Any:
    """Returns a field in whichever spelling the item has it; None where it has none."""
    return next((item[spelling] for spelling in (name, *ALIASES.get(name, ())) if spelling in item), None)


def canonical_id(value: Any) -> str:
    """Returns an id in lower case and without braces; empty where there is none."""
    return value.strip("{}").lower() if isinstance(value, str) else ""


def _has(item: Item, name: str) -> bool:
    return any(spelling in item for spelling in (name, *ALIASES.get(name, ())))


def _user(raw: Item, known: Known) -> Item:
    user_id = raw.get("Id") or str(uuid4())
    return {
        "Id": user_id,
        "UserName": f"user-{canonical_id(user_id)[:8]}@enreach.example",
        "FirstName": "",
        "LastName": "",
        "MobileNumber": None,
        "WorkNumber": None,
        "OrganizationID": known.organization_id,
    }


def _queue(raw: Item, known: Known) -> Item:
    queue_id = raw.get("Id") or str(uuid4())
    name = f"Queue {canonical_id(queue_id)[:8]}"
    return {"Id": queue_id, "Name": name, "TypeId": SERVICE_QUEUE, "Numbers": [], "Status": None}


def _call(raw: Item, known: Known) -> Item:
    """An event without a result is an answered call of a minute, unless its duration is 0."""
    duration, result = raw.get("Duration"), raw.get("EndResult")
    answered = not result if "EndResult" in raw else duration is None or bool(duration)
    user = known.users.get(canonical_id(raw.get("UserId")), {})
    own = user.get("WorkNumber") or ""
    outgoing = bool(raw.get("Direction", IN))
    queue = known.queues.get(canonical_id(raw.get("QueueId")), {})
    return {
        "CallId": str(uuid4()),
        "UserId": None,
        "UserName": user.get("UserName"),
        "ANum": own if outgoing else "",
        "BNum": "" if outgoing else own,
        "TimeStamp": iso_z(known.now),
        "Duration": TALK_S if answered else 0,
        "Direction": IN,
        "EndResult": ANSWERED if answered else NOT_ANSWERED,
        "CallTypeString": QUEUED if raw.get("QueueId") else DIRECT,
        "QueueId": None,
        "QueueName": queue.get("Name"),
        "Privacy": WORK,
        "ModifiedAt": iso_z(known.now),
        "RecordingIds": [],
        "TranscriptIds": [],
    }


def _service_call(raw: Item, known: Known) -> Item:
    """A service call with a user or an answer time was answered; else it was not."""
    queue = known.queues.get(canonical_id(raw.get("QueueId")), {})
    arrived = read_moment(value_of(raw, "ArrivalTime")) or known.now
    answered = raw.get("Result", RESULT_ANSWERED if raw.get("UserId") or raw.get("AnswerTime") else RESULT_UNANSWERED)
    is_answered = answered == RESULT_ANSWERED
    answer = read_moment(raw.get("AnswerTime")) or arrived
    numbers = queue.get("Numbers") or [None]
    return {
        "CallId": str(uuid4()),
        "ANum": "",
        "QueueId": None,
        "QueueName": queue.get("Name"),
        "QueueNumber": numbers[0],
        "ArrivalTime": iso_z(known.now),
        "AnswerTime": iso_z(answer) if is_answered else None,
        "EndTime": iso_z(answer + TALK_S if is_answered else arrived),
        "UserId": None,
        "Result": answered,
        "ModifiedAt": iso_z(known.now),
    }


def _callback_list(raw: Item, known: Known) -> Item:
    list_id = raw.get("Id") or str(uuid4())
    return {"Id": list_id, "Name": f"Callbacks {canonical_id(list_id)[:8]}"}


def _callback(raw: Item, known: Known) -> Item:
    return {
        "Id": str(uuid4()),
        "CallbackListId": known.first_list,
        "Number": "",
        "Created": iso_z(known.now),
        "DueTime": None,
        "State": OPEN,
        "AssigneeId": None,
        "Note": None,
        "RecordingId": None,
        "ModifiedAt": iso_z(known.now),
    }


DEFAULTS: Mapping[Kind, Callable[[Item, Known], Item]] = {
    "users": _user,
    "queues": _queue,
    "calls": _call,
    "servicecalls": _service_call,
    "callbacklists": _callback_list,
    "callbacks": _callback,
}
