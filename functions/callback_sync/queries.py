"""What callback sync asks of Dynamics. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import batched
from uuid import UUID

from functions.callback_sync.rules import CallbackProfile
from shared.callbacks.ids import repeat_note_id
from shared.calls.ids import canonical_guid
from shared.dataverse.odata import BoundFetch, ByText, Chosen, Condition, Fetch, Link, Parameter, Query
from shared.dataverse.tables import ACTIVE, ANNOTATION, PHONE_CALL, PHONE_CALL_OPEN, QUEUE, QUEUE_ITEM

_NUMBERS_A_FETCH = 400

_QUEUE_COLUMNS = ("queueid", "name", "statecode", "_ownerid_value", "_owninguser_value", "_owningteam_value")


def queues_of(profiles: Collection[CallbackProfile]) -> list[Query]:
    """The queues that these profiles name, by name and by id; one request."""
    texts = {profile.queue for profile in profiles}
    ids = [guid for text in texts if (guid := canonical_guid(text)) is not None]
    names = QUEUE.in_chunks("name", texts)
    return [
        Query(table=QUEUE, select=_QUEUE_COLUMNS, where=where) for where in (*names, *QUEUE.in_chunks("queueid", ids))
    ]


def phone_calls_there(keys: Collection[UUID]) -> list[Query]:
    """How these phone calls stand."""
    select = ("activityid", "subject", "statecode", "statuscode")
    return [
        Query(table=PHONE_CALL, select=select, where=where)
        for where in PHONE_CALL.in_chunks("activityid", map(str, keys))
    ]


def queue_items_of(keys: Collection[UUID]) -> list[Query]:
    """The queue items of these phone calls."""
    select = ("queueitemid", "_objectid_value", "_queueid_value", "statecode")
    return [
        Query(table=QUEUE_ITEM, select=select, where=where)
        for where in QUEUE_ITEM.in_chunks("_objectid_value", map(str, keys))
    ]


def notes_there(callback_ids: Iterable[str]) -> list[Query]:
    """Which notes of repeats are there."""
    keys = [str(repeat_note_id(each)) for each in callback_ids]
    return [
        Query(table=ANNOTATION, select=("annotationid",), where=where)
        for where in ANNOTATION.in_chunks("annotationid", keys)
    ]


_OPEN_COLUMNS = (
    "activityid", "subject", "phonenumber", "description", "createdon", "statecode",
)  # fmt: skip
_OPEN = (
    Condition("statecode", "eq", PHONE_CALL_OPEN),
    Condition("directioncode", "eq", False),
    Condition("_createdby_value", "eq", Parameter("app")),
)
_IN_QUEUES = Link(
    table=QUEUE_ITEM,
    from_column="_objectid_value",
    to_column="activityid",
    alias="item",
    outer=False,
    select=("_queueid_value",),
    where=(Condition("statecode", "eq", ACTIVE), Chosen(("_queueid_value",), "queues")),
)
QUEUE_OF_ROW = "item.queueid"
"""The queue of a row, under the link's alias."""

_OF_NUMBERS = Fetch(
    table=PHONE_CALL,
    select=_OPEN_COLUMNS,
    where=(*_OPEN, Chosen(("phonenumber",), "numbers")),
    links=(_IN_QUEUES,),
)
_DUE_BEFORE = Fetch(
    table=PHONE_CALL,
    select=_OPEN_COLUMNS,
    where=(*_OPEN, Condition("scheduledend", "lt", Parameter("due"))),
    links=(_IN_QUEUES,),
)


def open_calls_of_numbers(own_user: UUID, queues: Collection[UUID], numbers: Iterable[str]) -> list[BoundFetch]:
    """The open incoming phone calls of the app in these queues, from these numbers (as we write them: E.164)."""
    chosen = ByText(tuple(sorted(map(str, queues))))
    return [
        _OF_NUMBERS.ask({"app": own_user, "queues": chosen, "numbers": ByText(few)})
        for few in batched(sorted(set(numbers)), _NUMBERS_A_FETCH, strict=False)
    ]


def open_calls_due_before(own_user: UUID, queue: UUID, due: datetime) -> BoundFetch:
    """The open incoming phone calls of the app in this queue that were due before this moment."""
    return _DUE_BEFORE.ask({"app": own_user, "queues": ByText((str(queue),)), "due": due})
