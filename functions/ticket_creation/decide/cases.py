"""What is written for a ticket: the case with its queue item, or a note on a case, the phone call under it, and the
notification of the agent.

Columns: table references of the case, the note and the notification. Notifications: "Send in-app notifications within
model-driven apps".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from functions.ticket_creation.decide.columns import BadValueError, value_for
from functions.ticket_creation.decide.customers import Customer, NewContact
from functions.ticket_creation.decide.targets import Target
from functions.ticket_creation.decide.templates import render
from shared.customers import MatchKind
from shared.dataverse.odata import ChangeSet, Part, action_part, create_part, entity_parameter, update_part
from shared.dataverse.owners import Owner, own
from shared.dataverse.tables import (
    ANNOTATION,
    APP_NOTIFICATION,
    CONTACT,
    INCIDENT,
    PHONE_CALL,
    QUEUE,
    ContactColumn,
    IncidentNavigation,
    JsonRow,
)
from shared.dataverse.texts import cut

# Lengths of the columns, in UTF-16 code units (table references).
LONGEST_TITLE: Final = 200
LONGEST_DESCRIPTION: Final = 2_000
LONGEST_SUBJECT_OF_NOTE: Final = 500
LONGEST_NOTE: Final = 100_000
LONGEST_FIRST_NAME: Final = 50
LONGEST_LAST_NAME: Final = 50
LONGEST_BODY: Final = 500

_BLANK_TITLE: Final = "Call"
_UTC_NAMES: Final = frozenset({"startTimeUtc", "answerTimeUtc", "endTimeUtc"})
_TIMED: Final = 200_000_000
"""Toast type: it shows for some seconds and stays in the notification centre."""
_INFO: Final = 100_000_000
_NOTIFIED_FOR_SECONDS: Final = 14 * 86_400


class BadTicketError(ValueError):
    """A value of this call does not fit a column of the case. `str` says which column and what it takes."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The filled templates of a ticket."""

    title: str = field(repr=False)
    description: str = field(repr=False)
    columns: Mapping[str, object] = field(repr=False)
    missing: tuple[str, ...]
    """Names of variables that the call does not have and no default stands for."""


def texts_of(target: Target, values: Mapping[str, str]) -> Texts:
    """The texts of a ticket, its templates filled with these values (`templates.values_of`). Raises BadTicketError."""
    title = render(target.rules.title, values)
    description = render(target.rules.description, values)
    missing = [*title.missing, *description.missing]
    columns: dict[str, object] = {}
    for name, raw in target.rules.columns.items():
        value = raw
        if isinstance(raw, str):
            # A column is left out rather than filled with the name of what is missing.
            is_moment = target.columns[name].kind in ("moment", "date")
            filled = render(raw, {**values, **_in_utc(values)} if is_moment else values)
            missing += filled.missing
            value = "" if filled.missing else filled.text
        try:
            taken = value_for(target.columns[name], value)
        except BadValueError as error:
            raise BadTicketError(f"column {name} {error}") from None
        if taken is not None:
            columns[name] = taken
    return Texts(
        cut(" ".join(title.text.split()) or _BLANK_TITLE, LONGEST_TITLE),
        cut(description.text.strip(), LONGEST_DESCRIPTION),
        columns,
        tuple(dict.fromkeys(missing)),
    )


def _in_utc(values: Mapping[str, str]) -> dict[str, str]:
    """The moments of the call as a column of moments takes them, under the names that are local in texts."""
    return {name.removesuffix("Utc"): text for name, text in values.items() if name in _UTC_NAMES}


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """The phone call of a call, as it was read."""

    id: UUID
    etag: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case to be made."""

    id: UUID
    target: Target
    customer: Customer | NewContact
    texts: Texts
    agent: UUID | None
    """systemuserid of the agent; None where the e-mail is nobody's."""


def creation(case: Case, phone_call: PhoneCall | None, *, for_agent: bool) -> ChangeSet:
    """The case, its queue item, and the phone call under it: all or nothing. Not `for_agent`: Dynamics does not let the
    agent own cases."""
    parts: list[Part] = [create_part(INCIDENT, _case_row(case, for_agent=for_agent))]
    if case.target.queue_id is not None:
        target = entity_parameter(INCIDENT, {INCIDENT.primary_id: str(case.id)})
        parts.append(action_part("AddToQueue", {"Target": target}, (QUEUE, case.target.queue_id)))
    if phone_call is not None:
        parts.append(regarding_part(phone_call, case.id))
    return ChangeSet(tuple(parts))


def regarding_part(phone_call: PhoneCall, case_id: UUID) -> Part:
    """Puts the phone call under the case, as long as nobody changed it since it was read."""
    row = PHONE_CALL.row(phone_call.id, {}, {"regardingobjectid_incident_phonecall": case_id})
    return update_part(PHONE_CALL, row, phone_call.etag)


def owner_of(case: Case, *, for_agent: bool) -> Owner | None:
    """The agent, else the fallback; None for the app's own user."""
    if for_agent and case.agent is not None:
        return Owner("user", case.agent)
    return case.target.fallback_owner


def _case_row(case: Case, *, for_agent: bool) -> JsonRow:
    rules = case.target.rules
    columns: dict[str, object] = {
        "title": case.texts.title,
        "description": case.texts.description or None,
        "caseorigincode": rules.origin_code,
        "casetypecode": rules.case_type_code,
        "prioritycode": rules.priority_code,
        **case.texts.columns,
    }
    binds: dict[IncidentNavigation, UUID | str] = {}
    is_contact = isinstance(case.customer, NewContact) or case.customer.kind is MatchKind.CONTACT
    binds["customerid_contact" if is_contact else "customerid_account"] = case.customer.id
    if case.target.subject_id is not None:
        binds["subjectid"] = case.target.subject_id
    if case.target.product_id is not None:
        binds["productid"] = case.target.product_id
    table = INCIDENT.with_columns(case.texts.columns)
    row = table.row(case.id, {name: value for name, value in columns.items() if value is not None}, binds)
    return own(row, owner_of(case, for_agent=for_agent))


def appending(note_id: UUID, case_id: UUID, texts: Texts, phone_call: PhoneCall | None) -> ChangeSet:
    """The note of a call on an open case, and the phone call under that case."""
    note = ANNOTATION.row(
        note_id,
        {
            "subject": cut(texts.title, LONGEST_SUBJECT_OF_NOTE),
            "notetext": cut(texts.description or texts.title, LONGEST_NOTE),
            "isdocument": False,
        },
        {"objectid_incident": case_id},
    )
    parts = [create_part(ANNOTATION, note)]
    if phone_call is not None:
        parts.append(regarding_part(phone_call, case_id))
    return ChangeSet(tuple(parts))


def contact_creation(contact: NewContact, target: Target, values: Mapping[str, str]) -> ChangeSet:
    """The contact of an unknown caller, with the number in E.164 where agents look for it."""
    first = render(target.rules.contact_first_name, values).text if target.rules.contact_first_name else ""
    last = render(target.rules.contact_last_name, values).text
    columns: dict[ContactColumn, object] = {
        "firstname": cut(" ".join(first.split()), LONGEST_FIRST_NAME) or None,
        "lastname": cut(" ".join(last.split()), LONGEST_LAST_NAME) or contact.number or contact.email,
        "telephone1": contact.number,
        "emailaddress1": contact.email,
    }
    given = {name: value for name, value in columns.items() if value is not None}
    return ChangeSet((create_part(CONTACT, CONTACT.row(contact.id, given)),))


def notification(notification_id: UUID, agent: UUID, texts: Texts, link: str) -> ChangeSet:
    """What tells the agent in the model-driven app, with the link to the case."""
    action = {"title": "Open case", "data": {"type": "url", "url": link, "navigationTarget": "newWindow"}}
    row = APP_NOTIFICATION.row(
        notification_id,
        {
            "title": texts.title,
            "body": cut(texts.description, LONGEST_BODY),
            "icontype": _INFO,
            "toasttype": _TIMED,
            "ttlinseconds": _NOTIFIED_FOR_SECONDS,
            "data": json.dumps({"actions": [action]}),
        },
        {"ownerid": agent},
    )
    return ChangeSet((create_part(APP_NOTIFICATION, row),))


def case_link(environment: str, app_id: UUID | None, case_id: UUID) -> str:
    """What opens the case ("Open apps, forms, views and dialogs with a URL"). `environment`: the address alone."""
    query = {"appid": str(app_id)} if app_id is not None else {}
    query |= {"pagetype": "entityrecord", "etn": "incident", "id": str(case_id)}
    return f"{environment}/main.aspx?{urlencode(query)}"
