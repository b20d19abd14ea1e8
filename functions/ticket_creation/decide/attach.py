"""Onto which case a call goes: its own, or one that is open already."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from functions.ticket_creation.decide.targets import Target
from shared.calls.records import CallRecord, Outcome
from shared.dataverse.tables import ACTIVE, JsonRow
from shared.number_index.keys import NumberKey
from shared.tickets.records import Slot

ABANDONED = timedelta(hours=2)
"""After so long without a try of its call, the opening of a case is taken over. No request waits longer than an hour,
and no function runs longer than half an hour (host.json)."""

_NEVER_LOGGED = frozenset({
    Outcome.SKIPPED_PRIVATE, Outcome.NEVER_LOG, Outcome.TOO_SHORT, Outcome.SWITCHED_OFF, Outcome.DELETED_BY_USER,
    Outcome.REMOVED_PRIVATE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Open:
    """A case of its own."""


@dataclass(frozen=True, slots=True)
class Append:
    """A note on this case."""

    case_id: UUID


@dataclass(frozen=True, slots=True)
class TakeOver:
    """A case of its own, in the place of the one that the slot names."""


@dataclass(frozen=True, slots=True)
class WaitForCase:
    """Another call opens the case at this moment."""


type Attachment = Open | Append | TakeOver | WaitForCase


def slot_key(target: Target, customer: UUID, number: str | None, key: NumberKey | None) -> str | None:
    """Of which opening the calls are one at a time; None where each call has a case of its own.

    The newest open case is one for all configurations. A missed-call case is one for a number and a configuration,
    under the key that numbers are hashed with; a withheld number repeats nobody's call.
    """
    match target.rules.attach.policy:
        case "alwaysNew":
            return None
        case "newestOpenCase":
            return _digest("newest open case", str(customer))
        case "missedCallCase":
            if number is None or key is None:
                return None
            return _digest("missed-call case", target.name.casefold(), key.digest(number))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_within(target: Target, opened: datetime, started: datetime) -> bool:
    """Whether a call that started then still repeats the one that a missed-call case was opened for."""
    return abs(started - opened) <= timedelta(hours=target.rules.attach.within_hours)


def attachment(
    slot: Slot,
    mine: UUID,
    case: JsonRow | None,
    target: Target,
    customer: UUID,
    started: datetime,
    now: datetime,
) -> Attachment:
    """What the slot says to a call whose own case would have the key `mine`. `case`: the slot's case as it stands,
    None where it is not there."""
    if slot.case_id == mine:
        return Open()
    is_missed = target.rules.attach.policy == "missedCallCase"
    if is_missed and not is_within(target, slot.opened, started):
        return TakeOver()
    if case is not None:
        # Somebody may have given it to another customer.
        is_theirs = is_missed or str(case["_customerid_value"]) == str(customer)
        return Append(slot.case_id) if case["statecode"] == ACTIVE and is_theirs else TakeOver()
    if slot.made or now - slot.touched >= ABANDONED:
        # A user deleted it, or whoever was to make it is gone.
        return TakeOver()
    return WaitForCase()


def found_without_slot(cases: Sequence[JsonRow], title: str, target: Target, started: datetime) -> UUID | None:
    """The open missed-call case among the customer's open cases that the app made, where storage does not remember
    one: it bears the title that this call would give it."""
    for row in cases:
        created = row["createdon"]
        moment = created if isinstance(created, datetime) else datetime.fromisoformat(str(created))
        if row.get("title") == title and is_within(target, moment, started):
            return UUID(str(row["incidentid"]))
    return None


def regards(row: JsonRow | None, case_id: UUID, customer: UUID) -> Literal["absent", "set", "settable", "user's"]:
    """How the phone call of a call stands to its case: what a user made it regard stays. One that regards the customer,
    as call sync writes it, or nobody comes under the case."""
    if row is None:
        return "absent"
    now = row.get("_regardingobjectid_value")
    if now is not None and UUID(str(now)) == case_id:
        return "set"
    return "settable" if now is None or UUID(str(now)) == customer else "user's"


def may_come(record: CallRecord | None) -> bool:
    """Whether call sync may still make a phone call of this call: it was not looked at yet, or something is missing
    that somebody may add, such as the contact that a ticket makes."""
    return record is None or record.outcome not in _NEVER_LOGGED


def newest(cases: Mapping[UUID, Sequence[JsonRow]], customer: UUID) -> UUID | None:
    """The newest open case of the customer."""
    rows = cases.get(customer) or ()
    return UUID(str(rows[0]["incidentid"])) if rows else None
