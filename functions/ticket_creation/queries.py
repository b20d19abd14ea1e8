"""What ticket creation asks of Dynamics. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from functions.ticket_creation.decide.targets import Found
from functions.ticket_creation.rules import TicketTriggers
from shared.calls.ids import canonical_guid
from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import (
    ACCOUNT,
    ACTIVE,
    ANNOTATION,
    CONTACT,
    INCIDENT,
    PHONE_CALL,
    PRODUCT,
    QUEUE,
    SUBJECT,
    SYSTEM_USER,
    JsonRow,
    Table,
)

_MOST_CASES = 20
"""Open cases of the app that a customer may have within the hours of a missed-call case, and more are not looked at."""
_MOST_WITH_AN_EMAIL = 2
_USER_COLUMNS = ("systemuserid", "fullname", "internalemailaddress", "domainname", "isdisabled")


@dataclass(frozen=True, slots=True)
class References:
    """The questions about all that the configurations name, by table; `found` reads the answers."""

    queries: tuple[Query, ...]
    _ends: tuple[int, ...]

    def found(self, answers: Sequence[Sequence[JsonRow]]) -> Found:
        """The rows, by table, from the answers in the order of the questions."""
        parts, first = [], 0
        for end in self._ends:
            parts.append([row for answer in answers[first:end] for row in answer])
            first = end
        return Found(*parts)


def references(document: TicketTriggers) -> References:
    """What the configurations name, by id and by name."""
    rules = [*document.configurations.values()]
    owners = {each.fallback_owner for each in rules} - {None, "queueOwner"}
    asked: tuple[list[Query], ...] = (
        _named(SUBJECT, ("subjectid", "title"), {each.subject for each in rules}, ("title",)),
        _named(
            PRODUCT,
            ("productid", "name", "productnumber", "statecode"),
            {each.product for each in rules},
            ("productnumber", "name"),
        ),
        _named(
            QUEUE,
            ("queueid", "name", "statecode", "_owninguser_value", "_owningteam_value"),
            {each.queue for each in rules},
            ("name",),
        ),
        _named(
            ACCOUNT,
            ("accountid", "name", "accountnumber", "statecode"),
            {each.fallback_account for each in rules},
            ("accountnumber", "name"),
        ),
        _named(SYSTEM_USER, _USER_COLUMNS, owners, ("internalemailaddress", "domainname")),
    )
    ends, end = [], 0
    for queries in asked:
        end += len(queries)
        ends.append(end)
    return References(tuple(query for queries in asked for query in queries), tuple(ends))


def _named(table: Table, select: tuple[str, ...], texts: Collection[str | None], names: Iterable[str]) -> list[Query]:
    wanted = sorted({text for text in texts if text is not None})
    ids = [guid for text in wanted if (guid := canonical_guid(text)) is not None]
    by_name = [where for name in names for where in table.in_chunks(name, wanted)]
    return [
        Query(table=table, select=select, where=where) for where in (*by_name, *table.in_chunks(table.primary_id, ids))
    ]


def users_by_email(emails: Collection[str]) -> list[Query]:
    """Who has one of these addresses, as e-mail or as sign-in name, in any case."""
    return [
        Query(table=SYSTEM_USER, select=_USER_COLUMNS, where=where)
        for column in ("internalemailaddress", "domainname")
        for where in SYSTEM_USER.in_chunks(column, emails)
    ]


def contacts_by_email(emails: Collection[str]) -> list[Query]:
    """The active contacts with each of these addresses, the oldest first; a question for each address."""
    return _by_email(CONTACT, ("contactid", "fullname", "emailaddress1"), emails)


def accounts_by_email(emails: Collection[str]) -> list[Query]:
    """The active accounts likewise."""
    return _by_email(ACCOUNT, ("accountid", "name", "emailaddress1"), emails)


def _by_email(table: Table, select: tuple[str, ...], emails: Collection[str]) -> list[Query]:
    return [
        Query(
            table=table,
            select=select,
            where=all_of(table.eq("emailaddress1", email), table.eq("statecode", ACTIVE)),
            order_by=("createdon", table.primary_id),
            top=_MOST_WITH_AN_EMAIL,
        )
        for email in emails
    ]


def cases_there(keys: Iterable[UUID]) -> list[Query]:
    """How these cases stand."""
    select = ("incidentid", "statecode", "_customerid_value")
    return [Query(table=INCIDENT, select=select, where=where) for where in INCIDENT.in_chunks("incidentid", keys)]


def notes_there(keys: Iterable[UUID]) -> list[Query]:
    """Which of these notes are there, and on which case."""
    select = ("annotationid", "_objectid_value")
    return [Query(table=ANNOTATION, select=select, where=where) for where in ANNOTATION.in_chunks("annotationid", keys)]


def phone_calls_there(keys: Iterable[UUID]) -> list[Query]:
    """What these phone calls regard."""
    select = ("activityid", "_regardingobjectid_value", "statecode")
    return [Query(table=PHONE_CALL, select=select, where=where) for where in PHONE_CALL.in_chunks("activityid", keys)]


def newest_open_case(customer: UUID) -> Query:
    """The newest open case of a customer. A question for each: a fallback account may have thousands."""
    return Query(
        table=INCIDENT,
        select=("incidentid", "createdon", "statecode", "_customerid_value"),
        where=all_of(INCIDENT.eq("_customerid_value", customer), INCIDENT.eq("statecode", ACTIVE)),
        order_by=(INCIDENT.descending("createdon"), "incidentid"),
        top=1,
    )


def open_cases_of_app(customer: UUID, own_user: UUID, since: datetime) -> Query:
    """The open cases of a customer that the app made since then, the newest first."""
    where = all_of(
        INCIDENT.eq("_customerid_value", customer),
        INCIDENT.eq("statecode", ACTIVE),
        INCIDENT.eq("_createdby_value", own_user),
        INCIDENT.ge("createdon", since),
    )
    return Query(
        table=INCIDENT,
        select=("incidentid", "title", "createdon", "statecode", "_customerid_value"),
        where=where,
        order_by=(INCIDENT.descending("createdon"), "incidentid"),
        top=_MOST_CASES,
    )
