"""Which of the calls that were read have news, and what the ledger keeps of each. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from functions.call_sync.decide.moments import OVERLAP
from functions.call_sync.decide.outcome import Site
from shared.calls.call import NOTHING, Call, Records, from_bytes, merge, read_call, to_bytes
from shared.calls.ids import phone_call_id
from shared.calls.privacy import may_be_known, ticket_due
from shared.calls.records import CallRecord, Glance, Outcome, digest_of
from shared.calls.search_keys import SearchKey
from shared.enreach.models import CallEvent, ServiceCall
from shared.phone_numbers import e164

MOST_LEGS: Final = 256 * 1024
"""Bytes of the records of one call that the ledger keeps: some 500 legs. Of more the first ones are kept."""

_UNTIL_TOMORROW: Final = frozenset({
    Outcome.NO_MATCH, Outcome.SEVERAL_MATCHES, Outcome.SWITCHED_OFF, Outcome.TOO_SHORT, Outcome.FAILED,
    Outcome.SKIPPED_PRIVATE, Outcome.NEVER_LOG, Outcome.WAITING,
})  # fmt: skip
"""What the nightly run looks at once more: a customer may have been added, a setting changed."""
_HAS_A_ROW: Final = frozenset({Outcome.LOGGED, Outcome.ADOPTED, Outcome.MERGED})
_TAKEN_AWAY: Final = frozenset({Outcome.REMOVED_PRIVATE, Outcome.NEVER_LOG})


@dataclass(frozen=True, slots=True)
class There:
    """What the nightly run saw before it read the calls of a slice."""

    keys: frozenset[UUID]
    """Of the phone calls of ours that are in Dynamics."""
    without_customer: frozenset[UUID] = frozenset()
    """Those of them that are regarding nobody."""
    stamps_without_customer: frozenset[str] = frozenset()
    """The call ids on phone calls of others that are regarding nobody."""
    glances: Mapping[str, Glance] = field(default_factory=dict)
    """Of the calls that started since then, by call id."""
    since: datetime | None = None

    def is_out_of_sight(self, record: CallRecord) -> bool:
        """Whether the glance at a call is lost, so that it would be read each night."""
        return self.since is not None and record.started >= self.since and record.call_id not in self.glances

    def lacks_customer(self, call_id: str) -> bool:
        """Whether there is a phone call of this call that is regarding nobody."""
        return call_id in self.stamps_without_customer or phone_call_id(call_id) in self.without_customer


@dataclass(frozen=True, slots=True)
class Seen:
    """A call with what is known of it."""

    call: Call
    legs: bytes
    """Of its records, for the ledger; empty where nothing may be kept."""
    before: CallRecord | None
    known: CallRecord | None = None
    """What the ledger says, where `before` says more."""

    @property
    def in_ledger(self) -> CallRecord | None:
        """What is to be written over."""
        return self.before if self.known is None else self.known

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

    @property
    def must_go(self) -> bool:
        """Whether its phone call still tells of a call of which nothing may be kept."""
        is_away = self.before is not None and self.before.outcome in _TAKEN_AWAY
        return not self.legs and self.written_before is not None and not is_away


def without_row(seen: Seen, stamped: UUID | None) -> Seen:
    """A call whose phone call is not there any more. `stamped`: the one of a client that bears its id.

    A run that was cut off may have joined the two, or have taken away what must go; else somebody deleted it.
    """
    before = seen.before
    assert before is not None
    if before.outcome is Outcome.WAITING:
        gone = replace(before, outcome=Outcome.REMOVED_PRIVATE, phone_call_id=None, done=False, written=b"")
        return replace(seen, before=gone, known=before)
    if stamped is not None:
        joined = replace(before, outcome=Outcome.MERGED, phone_call_id=stamped, written=b"")
        return replace(seen, before=joined, known=before)
    return seen


def seen_of(new: Records, before: CallRecord | None, site: Site, now: datetime, there: There | None = None) -> Seen:
    """The call that the remembered and the new records tell of. `there` (None: nobody looked) tells of phone calls and
    of done work that the ledger has lost."""
    records = merge(_remembered(before), new)
    call = read_call(records, now)
    if there is not None:
        before = _recalled(call, before, there, now)
    return Seen(call, _kept(call, records, site), before)


def _recalled(call: Call, before: CallRecord | None, there: There, now: datetime) -> CallRecord | None:
    glance = there.glances.get(call.id)
    if before is None and glance is not None and glance.done and glance.outcome is Outcome.LOGGED:
        # Of what was done at least so much is still known: a user's deletion stays one, and tickets are offered once.
        offered = glance.updated if glance.ticket_offered else None
        return replace(found_in_dynamics(call, glance.updated), ticket_offered=offered)
    if phone_call_id(call.id) in there.keys and (before is None or before.phone_call_id is None):
        return found_in_dynamics(call, now, before)
    return before


def is_known_in_part(new: Records, before: CallRecord | None, site: Site, now: datetime) -> bool:
    """Whether these records may be less than all of a call of which nothing was kept: a change brings one leg, and the
    others may be what kept the call out."""
    if before is None or before.legs:
        return False
    call = read_call(new, now)
    return may_be_known(call, site.privacy)


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
    if not may_be_known(call, site.privacy):
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
    if before is None or before.legs != seen.legs or seen.must_go:
        return True
    if before.outcome in _HAS_A_ROW and not before.done:
        return True  # it was to be written, and nobody knows whether it was
    if before.ticket_offered is None and ticket_due(seen.call, site.privacy):
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


def is_of_changes(records: Records, read_until: datetime | None, now: datetime) -> bool:
    """Whether the feed of changes, which was read until then, will soon tell of this call: it tells of all legs that
    changed, where a look at one quarter of an hour may see one of them alone. It is not waited for where it is behind.
    """
    soon = now - OVERLAP if read_until is None else max(read_until, now - OVERLAP)
    known: tuple[CallEvent | ServiceCall | None, ...] = (*records.events, records.service)
    moments = [each.modified_at for each in known if each is not None and each.modified_at is not None]
    return any(moment > soon for moment in moments)


def is_settled(seen: Glance, records: Records, site: Site, now: datetime, *, again: bool) -> bool:
    """Whether a glance tells that these records say nothing new of a call. `again` as in `has_news`."""
    if (again and seen.outcome in _UNTIL_TOMORROW) or (seen.outcome in _HAS_A_ROW and not seen.done):
        return False
    call = read_call(records, now)
    if not seen.ticket_offered and ticket_due(call, site.privacy):
        return False
    return digest_of(_kept(call, records, site)) == seen.legs_digest


def found_in_dynamics(call: Call, now: datetime, before: CallRecord | None = None) -> CallRecord:
    """The record of a call whose phone call is there though nothing is remembered of that. What was written to it is
    not known."""
    return CallRecord(
        call_id=call.id,
        outcome=Outcome.LOGGED,
        reason="its phone call was in Dynamics already",
        started=call.started,
        first_seen=now if before is None else before.first_seen,
        updated=now if before is None else before.updated,
        phone_call_id=phone_call_id(call.id),
        done=True,
        ticket_offered=None if before is None else before.ticket_offered,
    )


def says_more(record: CallRecord, before: CallRecord | None) -> bool:
    """Whether a record says anything that the one before does not, but that the call was looked at."""
    return before is None or replace(record, updated=before.updated) != before
