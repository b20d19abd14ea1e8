"""Which of the calls that were read have news, and what the ledger keeps of each. Pure."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from functions.call_sync.decide.calls import NOTHING, Call, Records, from_bytes, merge, read_call, to_bytes
from functions.call_sync.decide.outcome import Site, is_never_logged, is_private, ticket_due
from shared.calls.ids import phone_call_id
from shared.calls.records import CallRecord, Glance, Outcome, digest_of
from shared.calls.search_keys import SearchKey
from shared.phone_numbers import e164

MOST_LEGS: Final = 256 * 1024
"""Bytes of the records of one call that the ledger keeps: some 500 legs. Of more the first ones are kept."""

_UNTIL_TOMORROW: Final = frozenset({
    Outcome.NO_MATCH, Outcome.SEVERAL_MATCHES, Outcome.SWITCHED_OFF, Outcome.TOO_SHORT, Outcome.FAILED,
    Outcome.SKIPPED_PRIVATE, Outcome.NEVER_LOG, Outcome.WAITING,
})  # fmt: skip
"""What the nightly run looks at once more: a customer may have been added, a setting changed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A call with what is known of it."""

    call: Call
    legs: bytes
    """Of its records, for the ledger; empty where nothing may be kept."""
    before: CallRecord | None

    @property
    def is_deleted_by_user(self) -> bool:
        """Whether its phone call was found deleted before."""
        return self.before is not None and self.before.outcome is Outcome.DELETED_BY_USER

    @property
    def written_before(self) -> UUID | None:
        """The phone call that was written whole and was there when the call was last looked at."""
        before = self.before
        is_there = before is not None and before.done and before.outcome is not Outcome.DELETED_BY_USER
        return before.phone_call_id if is_there and before is not None else None


def seen_of(new: Records, before: CallRecord | None, site: Site, now: datetime, there: Container[UUID] = ()) -> Seen:
    """The call that the remembered and the new records tell of. `there` are keys of phone calls that are in Dynamics
    though the ledger may have lost them."""
    records = merge(_remembered(before), new)
    call = read_call(records, now)
    if before is None and phone_call_id(call.id) in there:
        before = found_in_dynamics(call, now)
    return Seen(call, _kept(call, records, site), before)


def waiting_of(before: CallRecord, site: Site, now: datetime) -> Seen | None:
    """A call as it is remembered; None where its records cannot be read any more."""
    records = _remembered(before)
    return None if records == NOTHING else seen_of(NOTHING, before, site, now)


def _remembered(before: CallRecord | None) -> Records:
    try:
        return from_bytes(before.legs) if before is not None else NOTHING
    except ValueError:
        return NOTHING  # of another version; the nightly run reads the whole call


def _kept(call: Call, records: Records, site: Site) -> bytes:
    if is_private(call, site.rules) or is_never_logged(call, site):
        return b""
    legs = to_bytes(records)
    count = len(records.events)
    while len(legs) > MOST_LEGS and count:
        count //= 2
        legs = to_bytes(replace(records, events=records.events[:count]))
    return legs


def has_news(seen: Seen, site: Site, *, again: bool) -> bool:
    """Whether a call is to be decided. `again`: the nightly run, which also takes up what may end otherwise today."""
    before = seen.before
    if before is None or before.legs != seen.legs:
        return True
    if before.ticket_offered is None and ticket_due(seen.call, site):
        return True
    return again and before.outcome in _UNTIL_TOMORROW


def record_of(
    seen: Seen,
    site: Site,
    key: SearchKey | None,
    now: datetime,
    *,
    outcome: Outcome,
    reason: str,
    phone_call_id: UUID | None,
    written: bytes,
    ticket_offered: datetime | None,
) -> CallRecord:
    """What the ledger is to say of this call."""
    before, call = seen.before, seen.call
    return CallRecord(
        call_id=call.id,
        outcome=outcome,
        reason=reason,
        started=call.started,
        first_seen=now if before is None else before.first_seen,
        updated=now,
        phone_call_id=phone_call_id,
        done=phone_call_id is not None,
        ticket_offered=ticket_offered,
        legs=seen.legs,
        written=written,
        found_by=frozenset() if key is None or not seen.legs else key.found_by(_numbers(call, site), _agents(call)),
    )


def _numbers(call: Call, site: Site) -> Iterable[str]:
    texts = [call.customer_number, *(text for leg in call.legs for text in (leg.caller, leg.called))]
    read = (e164(text, site.region) for text in texts if text)
    return {number for number in read if number}


def _agents(call: Call) -> Iterable[str]:
    agents = {text for leg in call.legs for text in (leg.user_id, leg.user_name) if text}
    return agents | ({call.owner.user_id} if call.owner is not None and call.owner.user_id else set())


def is_settled(seen: Glance, records: Records, site: Site, now: datetime, *, again: bool) -> bool:
    """Whether a glance tells that these records say nothing new of a call. `again` as in `has_news`."""
    if again and seen.outcome in _UNTIL_TOMORROW:
        return False
    call = read_call(records, now)
    if not seen.ticket_offered and ticket_due(call, site):
        return False
    return digest_of(_kept(call, records, site)) == seen.legs_digest


def found_in_dynamics(call: Call, now: datetime) -> CallRecord:
    """The record of a call of which nothing is remembered, but whose phone call is there. What was written to it is not
    known, so all of it counts as a user's from now on."""
    return CallRecord(
        call_id=call.id,
        outcome=Outcome.LOGGED,
        reason="its phone call was in Dynamics already",
        started=call.started,
        first_seen=now,
        updated=now,
        phone_call_id=phone_call_id(call.id),
        done=True,
    )


def says_more(record: CallRecord, before: CallRecord | None) -> bool:
    """Whether a record says anything that the one before does not, but that the call was looked at."""
    return before is None or replace(record, updated=before.updated) != before
