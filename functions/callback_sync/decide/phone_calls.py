"""What the phone call of a callback request holds, and the note of a request that was merged into another one.

Columns: table reference of the phone call and of the activity party.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal
from uuid import UUID

from functions.callback_sync.decide.requests import Request
from shared.callbacks.ids import repeat_note_id
from shared.customers.activities import REGARDING, Customer, customer_party, user_party
from shared.dataverse.odata import ChangeSet, Part, action_part, create_part, entity_parameter, update_part
from shared.dataverse.owners import Owner, own
from shared.dataverse.tables import (
    ACTIVITY_PARTY,
    ANNOTATION,
    PARTY_FROM,
    PARTY_TO,
    PHONE_CALL,
    PHONE_CALL_CANCELED,
    PHONE_CALL_COMPLETED,
    QUEUE,
    JsonRow,
    PhoneCallColumn,
    PhoneCallNavigation,
    utc_text,
)
from shared.dataverse.texts import cut, units

# Lengths of the columns, in UTF-16 code units (table reference).
LONGEST_SUBJECT: Final = 200
LONGEST_NUMBER: Final = 200
LONGEST_DESCRIPTION: Final = 2_000
LONGEST_NOTE: Final = 10_000
_LONGEST_LIST_NAME: Final = 200

STATUS_MADE: Final = 2
STATUS_CANCELED: Final = 3

NOTE_SUBJECT: Final = "Callback requested again"

_STAMP = re.compile(r"^CallbackId is ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class State:
    """Both are written together: a status reason belongs to one state."""

    statecode: int
    statuscode: int


COMPLETED: Final = State(PHONE_CALL_COMPLETED, STATUS_MADE)
CANCELED: Final = State(PHONE_CALL_CANCELED, STATUS_CANCELED)


# ------------------------------------------------------------------------------------------------------ creation


WAYS: Final = 3
"""In how many ways a phone call may be created."""


def creation(request: Request, customer: Customer | None, own_user: UUID, way: int) -> ChangeSet:
    """The phone call with its queue item, in the first way (0) that Dataverse takes.

    All of it; without parties, since nothing documents that a phone call takes an unresolved one; and without the
    customer too, who may have gone.
    """
    parties = _parties(request, customer, own_user) if way == 0 else []
    row = _row(request, customer if way < WAYS - 1 else None, parties)
    return ChangeSet((create_part(PHONE_CALL, row), _add_to_queue(request.phone_call_id, request.target.queue_id)))


def queueing(key: UUID, queue_id: UUID, row: JsonRow) -> ChangeSet:
    """Puts a phone call that is there into the queue, once: sent again after an answer that got lost, it is refused,
    since the phone call was changed with it. `row` has its subject and its `@odata.etag`."""
    touch = update_part(PHONE_CALL, PHONE_CALL.row(key, {"subject": row["subject"]}), str(row["@odata.etag"]))
    return ChangeSet((touch, _add_to_queue(key, queue_id)))


def ending(key: UUID, state: State, row: JsonRow) -> ChangeSet:
    """Ends a phone call as long as nobody changed it since it was read."""
    columns: dict[PhoneCallColumn, object] = {"statecode": state.statecode, "statuscode": state.statuscode}
    return ChangeSet((update_part(PHONE_CALL, PHONE_CALL.row(key, columns), str(row["@odata.etag"])),))


def _add_to_queue(key: UUID, queue_id: UUID) -> Part:
    target = entity_parameter(PHONE_CALL, {PHONE_CALL.primary_id: str(key)})
    return action_part("AddToQueue", {"Target": target}, (QUEUE, queue_id))


def _row(request: Request, customer: Customer | None, parties: list[JsonRow]) -> JsonRow:
    due = request.due or request.created
    columns: dict[PhoneCallColumn, object] = {
        "subject": cut(_clean(request.target.subject), LONGEST_SUBJECT),
        "directioncode": False,
        "phonenumber": cut(_clean(request.shown), LONGEST_NUMBER),
        # A time ends when it begins, or later.
        "scheduledstart": utc_text(min(request.created, due)),
        "scheduledend": utc_text(due),
        "description": description(request),
    }
    binds: dict[PhoneCallNavigation, UUID | str] = {}
    if customer is not None:
        binds[REGARDING[customer.kind]] = customer.id
    nested: Mapping[Literal["phonecall_activity_parties"], list[JsonRow]] = (
        {"phonecall_activity_parties": parties} if parties else {}
    )
    return own(PHONE_CALL.row(request.phone_call_id, columns, binds, nested), request.target.owner)


def _parties(request: Request, customer: Customer | None, own_user: UUID) -> list[JsonRow]:
    """From the customer, else from the number as an unresolved party; to who owns it, unless that is a team, which
    is no party."""
    rows: list[JsonRow] = []
    if customer is not None:
        rows.append(customer_party(customer, PARTY_FROM))
    elif request.shown:
        number = cut(_clean(request.shown), LONGEST_NUMBER)
        rows.append(ACTIVITY_PARTY.part_of_row({"participationtypemask": PARTY_FROM, "addressused": number}))
    owner = request.target.owner or Owner("user", own_user)
    if owner.kind == "user":
        rows.append(user_party(owner.id, PARTY_TO))
    return rows


# -------------------------------------------------------------------------------------------------- descriptions


def description(request: Request) -> str:
    """What the caller left, the list, and in the last line the id by which the phone call is known again."""
    name = request.target.list_name
    end = [] if name is None else [f"Callback list: {cut(_clean(name), _LONGEST_LIST_NAME)}"]
    end.append(f"CallbackId is {request.id}")
    last = "\n".join(end)
    room = LONGEST_DESCRIPTION - units(last) - len("\n")
    note = cut(_lines(request.note), room).rstrip()
    return f"{note}\n{last}" if note else last


def callback_id_in(text: str | None) -> str | None:
    """The id (canonical) in the last line of a description; None without."""
    found = _STAMP.findall(text or "")
    return str(found[-1]) if found else None


def note_row(request: Request, phone_call_id: UUID) -> JsonRow:
    """The note of a repeat on the phone call that is open for its number."""
    created = request.created.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    lines = [f"The caller asked again to be called back, at {created} UTC."]
    if request.due is not None:
        lines.append(f"Due {request.due.astimezone(UTC).strftime('%Y-%m-%d %H:%M')} UTC.")
    last = f"CallbackId is {request.id}"
    front = "\n".join([*lines, _lines(request.note)]).rstrip()
    text = f"{cut(front, LONGEST_NOTE - units(last) - 1)}\n{last}"
    return ANNOTATION.row(
        repeat_note_id(request.id),
        {"subject": NOTE_SUBJECT, "notetext": text, "isdocument": False},
        {"objectid_phonecall": phone_call_id},
    )


def _clean(text: str) -> str:
    """One line."""
    return " ".join(_lines(text).split())


def _lines(text: str | None) -> str:
    """The text without signs that cannot be sent or shown: control characters, and half of a pair of UTF-16."""
    whole = (text or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    kept = (sign for sign in whole.replace("\r\n", "\n").replace("\r", "\n") if sign == "\n" or sign.isprintable())
    return "".join(kept).strip()
