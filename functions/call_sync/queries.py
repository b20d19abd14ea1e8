"""What call sync asks of Dynamics about phone calls. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from functions.call_sync.decide.rows import phone_calls
from functions.call_sync.rules import CallSync
from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import ACTIVITY_PARTY, ANNOTATION, PHONE_CALL

_COLUMNS = (
    "subject", "description", "phonenumber", "directioncode", "scheduledstart", "scheduledend", "actualstart",
    "actualend", "actualdurationminutes", "statecode", "statuscode", "createdon", "modifiedon", "_createdby_value",
    "_modifiedby_value", "_ownerid_value", "_regardingobjectid_value",
)  # fmt: skip


def _query(rules: CallSync, **rest: Any) -> Query:
    table = phone_calls(rules)
    further = (rules.own_audit_column,) if rules.own_audit_column else ()
    return Query(table=table, select=(table.primary_id, *_COLUMNS, *further), **rest)


def rows_by_id(rules: CallSync, keys: Iterable[UUID]) -> Iterator[Query]:
    """These phone calls, with all that is compared before anything is written over them."""
    return (_query(rules, where=where) for where in PHONE_CALL.in_chunks(PHONE_CALL.primary_id, keys))


def keys_there(keys: Iterable[UUID]) -> Iterator[Query]:
    """Which of these phone calls are there."""
    return (
        Query(table=PHONE_CALL, select=(PHONE_CALL.primary_id,), where=where)
        for where in PHONE_CALL.in_chunks(PHONE_CALL.primary_id, keys)
    )


def rows_of_others(rules: CallSync, own_user: UUID, since: datetime, until: datetime | None = None) -> Query:
    """Phone calls that somebody else than the app created in `[since, until)`: agents' clients, and people."""
    where = all_of(PHONE_CALL.ge("createdon", since), PHONE_CALL.ne("_createdby_value", own_user))
    return _query(rules, where=where if until is None else all_of(where, PHONE_CALL.lt("createdon", until)))


def rows_without_customer(rules: CallSync, own_user: UUID, start: datetime, end: datetime) -> Query:
    """Phone calls of others that start in `[start, end)` and regard nobody, with the text that may name a call."""
    table = phone_calls(rules)
    where = all_of(
        PHONE_CALL.ge("scheduledstart", start),
        PHONE_CALL.lt("scheduledstart", end),
        PHONE_CALL.ne("_createdby_value", own_user),
        PHONE_CALL.eq("_regardingobjectid_value", None),
    )
    return Query(table=table, select=(table.primary_id, rules.own_audit_column or "description"), where=where)


def keys_of_own_rows(own_user: UUID, start: datetime, end: datetime) -> Query:
    """The keys of the phone calls that the app created, of calls that started in `[start, end)`, and whom they are
    regarding."""
    where = all_of(
        PHONE_CALL.ge("scheduledstart", start),
        PHONE_CALL.lt("scheduledstart", end),
        PHONE_CALL.eq("_createdby_value", own_user),
    )
    select = (PHONE_CALL.primary_id, "_regardingobjectid_value")
    return Query(table=PHONE_CALL, select=select, where=where)


def notes_on(keys: Iterable[str]) -> Iterator[Query]:
    """Which of these rows have notes."""
    return (
        Query(table=ANNOTATION, select=("annotationid", "_objectid_value"), where=where)
        for where in ANNOTATION.in_chunks("_objectid_value", keys)
    )


def parties_of(keys: Iterable[UUID]) -> Iterator[Query]:
    """Who takes part in these phone calls."""
    select = ("activitypartyid", "participationtypemask", "_partyid_value", "_activityid_value")
    return (
        Query(table=ACTIVITY_PARTY, select=select, where=where)
        for where in ACTIVITY_PARTY.in_chunks("_activityid_value", keys)
    )
