"""Phone calls that came later than their cases: they come under the case as soon as they are there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from functions.ticket_creation.decide.attach import may_come, regards
from functions.ticket_creation.decide.cases import PhoneCall, regarding_part
from functions.ticket_creation.queries import cases_there, phone_calls_there
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.ids import phone_call_id
from shared.calls.records import CallRecord
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.odata import ChangeSet
from shared.dataverse.tables import JsonRow
from shared.tickets.records import Ticket, TicketRecord

OFTEN_FOR = timedelta(hours=2)
"""So long a phone call is looked for each time; call sync has made it by then, as a rule."""
GIVEN_UP_AFTER = timedelta(hours=26)
"""The night's pass of call sync has looked at the call by then: there is none, and will be none."""
_SELDOM_MINUTES = 5
"""In the first minutes of each hour those that wait longer are looked for, too."""
_MOST = 20_000


async def catch_up(worlds: TicketGateways) -> int:
    """Put phone calls under the cases of their calls; returns how many tickets need nothing more. Two requests and the
    writes where some wait. Raises DataverseError, StorageError."""
    now = worlds.now()
    records = [each for each in await worlds.ledger.pending(_MOST) if _is_due(each, now)]
    if not records:
        return 0
    known = await worlds.calls.read([each.call_id for each in records])
    keys = _keys(records, known)
    cases = {each.case_id for record in records for each in record.tickets if each.phone_call_pending and each.case_id}
    calls_asked, cases_asked = phone_calls_there(sorted(set(keys.values()))), cases_there(sorted(cases))
    answers = await worlds.dynamics.query_packed([*calls_asked, *cases_asked])
    calls = _by_id((row for rows in answers[: len(calls_asked)] for row in rows), "activityid")
    there = _by_id((row for rows in answers[len(calls_asked) :] for row in rows), "incidentid")
    settled = await _settled(worlds, records, keys, calls, there)
    given_up = {
        each.call_id
        for each in records
        if now - each.first_seen >= GIVEN_UP_AFTER or not may_come(known.get(each.call_id))
    }
    changed = [_without_pending(each, now) for each in records if each.call_id in settled | given_up]
    if changed:
        await worlds.ledger.write(changed, before={each.call_id: each for each in records})
    return len(changed)


def _is_due(record: TicketRecord, now: datetime) -> bool:
    age = now - record.first_seen
    return age < OFTEN_FOR or age >= GIVEN_UP_AFTER or now.minute < _SELDOM_MINUTES


def _keys(records: Sequence[TicketRecord], known: Mapping[str, CallRecord]) -> dict[str, UUID]:
    """The keys of the phone calls: that of an agent's client where call sync took that one."""
    keys = {}
    for each in records:
        call = known.get(each.call_id)
        adopted = call.phone_call_id if call is not None else None
        keys[each.call_id] = adopted or phone_call_id(each.call_id)
    return keys


async def _settled(
    worlds: TicketGateways,
    records: Sequence[TicketRecord],
    keys: dict[str, UUID],
    calls: dict[UUID, JsonRow],
    cases: dict[UUID, JsonRow],
) -> set[str]:
    """The calls of which nothing is left to do."""
    settled: set[str] = set()
    sets: list[tuple[str, ChangeSet]] = []
    for record in records:
        # A phone call is under one case alone: the last of those that the call went onto.
        ticket = [each for each in record.tickets if each.phone_call_pending][-1]
        row, case = calls.get(keys[record.call_id]), _case(ticket, cases)
        if case is None:
            settled.add(record.call_id)  # a user deleted it
            continue
        match regards(row, UUID(str(case["incidentid"])), UUID(str(case["_customerid_value"]))):
            case "set" | "user's":
                settled.add(record.call_id)
            case "settable":
                assert row is not None
                call = PhoneCall(keys[record.call_id], str(row["@odata.etag"]))
                part = regarding_part(call, UUID(str(case["incidentid"])))
                sets.append((record.call_id, ChangeSet((part,))))
    errors = await SetSender(worlds.dynamics, "regard case").send([each for _, each in sets])
    return settled | {call_id for (call_id, _), error in zip(sets, errors, strict=True) if error is None}


def _case(ticket: Ticket, cases: dict[UUID, JsonRow]) -> JsonRow | None:
    return None if ticket.case_id is None else cases.get(ticket.case_id)


def _without_pending(record: TicketRecord, now: datetime) -> TicketRecord:
    tickets = tuple(replace(each, phone_call_pending=False) for each in record.tickets)
    return replace(record, tickets=tickets, updated=now)


def _by_id(rows: Iterable[Any], column: str) -> dict[UUID, JsonRow]:
    return {UUID(str(row[column])): row for row in rows}
