"""What is written for each call, and what the ledger says of it once that is done. Pure.

All that is written for one call is one change set: it happens or it does not, so no run can be cut off in between.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, assert_never
from uuid import UUID

from functions.call_sync.decide.adoption import (
    Adopt,
    AdoptInstead,
    AlreadyThere,
    KeepOurs,
    LeaveBoth,
    RemoveOurs,
    adopted_columns,
)
from functions.call_sync.decide.adoption import Decision as AdoptionDecision
from functions.call_sync.decide.fields import (
    Party,
    PhoneCall,
    Texts,
    Written,
    audit_in,
    blank_phone_call,
    changes,
    create_row,
    phone_call,
    state_row,
    written_at_creation,
    written_of,
)
from functions.call_sync.decide.news import Seen
from functions.call_sync.decide.outcome import (
    Decision,
    Log,
    NewCustomer,
    PresentRow,
    Site,
    Skip,
    Wait,
    Withdraw,
)
from functions.call_sync.decide.rows import phone_calls
from shared.calls.records import CallRecord, Outcome
from shared.customers.activities import Customer
from shared.customers.unknown_callers import unknown_caller_id
from shared.dataverse.odata import (
    ChangeSet,
    Part,
    create_part,
    delete_part,
    update_part,
    update_with_parties_part,
)
from shared.dataverse.tables import PHONE_CALL, PHONE_CALL_OPEN, JsonRow
from shared.number_index.keys import NumberKey

_DELETED: Final = "somebody deleted its phone call in Dynamics; it is not made again"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a call."""

    seen: Seen
    outcome: Outcome
    reason: str
    key: UUID | None
    """Of its phone call afterwards."""
    written: bytes = b""
    """What we then wrote to it, for the ledger."""
    writes: ChangeSet | None = None
    """None: nothing is to be written."""
    without_parties: ChangeSet | None = None
    """The same for a Dataverse that does not take parties with an update."""
    new_customer: tuple[UUID, NewCustomer] | None = None
    """Who has to be there first."""
    joins_rows: bool = False
    """Whether the writes hang on a row of a client, which may go or change meanwhile."""


@dataclass(frozen=True, slots=True)
class Found:
    """What Dynamics holds of a call."""

    row: JsonRow | None = None
    """The phone call that was written before."""
    parties: tuple[Party, ...] | None = None
    """Of it; None where they were not read."""
    adoption: AdoptionDecision | None = None
    client_row: JsonRow | None = None
    """The one that the adoption is about."""


def plan(
    seen: Seen, decision: Decision, found: Found, site: Site, texts: Texts, customer_key: NumberKey | None
) -> Plan:
    """What to write, and what is then to be remembered."""
    key = seen.written_before
    match decision:
        case Skip() | Wait():
            return _left_alone(seen, decision)
        case Withdraw():
            assert key is not None
            return _withdrawn(seen, decision, key, site)
        case Log() if key is not None:
            assert found.row is not None
            return _changed(seen, decision, found, key, site, texts)
        case Log():
            return _logged(seen, decision, found, site, texts, customer_key)
        case _:
            assert_never(decision)


def written_ahead(each: Plan) -> CallRecord | None:
    """What the ledger is to say before a phone call that is there is changed: what it holds then is known even where
    the run is cut off right behind it. None for what needs no such care."""
    before = each.seen.before
    if before is None or each.writes is None or each.joins_rows or each.seen.written_before is None:
        return None
    if each.key is None:
        return replace(before, outcome=Outcome.WAITING, reason="its phone call is being taken away")
    if each.key != each.seen.written_before:
        return None
    try:
        known = Written.from_bytes(before.written)
        return replace(before, written=replace(known, intended=Written.from_bytes(each.written)).to_bytes())
    except ValueError:
        return None


def present_row(seen: Seen, rows: Mapping[UUID, JsonRow]) -> PresentRow | None:
    """What is there of the call, as deciding sees it; None where nothing was written before."""
    key = seen.written_before
    if key is None or seen.before is None:
        return None
    several: bool | None = None
    with suppress(ValueError):
        several = Written.from_bytes(seen.before.written).several
    return PresentRow(has_customer=rows[key].get("_regardingobjectid_value") is not None, several=several)


def deleted_by_user() -> Skip:
    """Of a call whose phone call is gone: user deletions are not revived (architecture, decision 2)."""
    return Skip(Outcome.DELETED_BY_USER, _DELETED)


def _left_alone(seen: Seen, decision: Skip | Wait) -> Plan:
    before = seen.before
    stays = decision.outcome is Outcome.DELETED_BY_USER or seen.written_before is not None
    if before is not None and stays:
        # Deleted, which is to be remembered, or blank already.
        return Plan(seen, decision.outcome, decision.reason, before.phone_call_id, before.written)
    return Plan(seen, decision.outcome, decision.reason, None)


def _withdrawn(seen: Seen, decision: Withdraw, key: UUID, site: Site) -> Plan:
    if decision.how == "remove":
        return Plan(seen, decision.outcome, decision.reason, None, writes=ChangeSet((delete_part(PHONE_CALL, key),)))
    # Made anew, since who was on the phone stands in parties and lookups too, and notes may tell of it.
    blank = blank_phone_call(key, seen.call, _owner_before(seen), site.rules)
    parts = [delete_part(PHONE_CALL, key), create_part(PHONE_CALL, create_row(blank))]
    parts.append(update_part(PHONE_CALL, state_row(key, blank.state)))
    written = Written(blank.columns, blank.owner, None, blank.state, blank.is_outgoing).to_bytes()
    return Plan(seen, decision.outcome, decision.reason, key, written, ChangeSet(tuple(parts)))


def _owner_before(seen: Seen) -> str | None:
    try:
        return Written.from_bytes(seen.before.written).owner if seen.before is not None else None
    except ValueError:
        return None


def _changed(seen: Seen, log: Log, found: Found, key: UUID, site: Site, texts: Texts) -> Plan:
    before = seen.before
    assert before is not None
    assert found.row is not None
    kept = before.outcome if before.outcome in (Outcome.ADOPTED, Outcome.MERGED) else Outcome.LOGGED
    reason = before.reason if kept is before.outcome else log.reason
    wanted = phone_call(seen.call, site, log, texts)
    try:
        known = Written.from_bytes(before.written)
    except ValueError:
        # Lost, or of another version.
        recalled = written_at_creation(found.row, wanted)
        if recalled is None:
            # What we wrote is not known, so all of it counts as a user's.
            return Plan(seen, kept, reason, key, before.written)
        known = replace(recalled, several=log.several)
    after = changes(known, found.row, wanted, found.parties)
    if not after:
        return Plan(seen, kept, reason, key, after.written.to_bytes())
    row = after.row(key)
    table = phone_calls(site.rules)
    plain = {name: value for name, value in row.items() if name not in PHONE_CALL.nested}
    has_parties = plain != row
    return Plan(
        seen, kept, reason, key, after.written.to_bytes(),
        writes=ChangeSet((update_with_parties_part(table, row),)),
        without_parties=ChangeSet((update_part(table, plain),)) if has_parties and len(plain) > 1 else None,
    )  # fmt: skip


def _logged(seen: Seen, log: Log, found: Found, site: Site, texts: Texts, customer_key: NumberKey | None) -> Plan:
    new = None
    if log.new_customer is not None and customer_key is not None:
        kind, number = log.new_customer.kind, log.new_customer.number
        new = unknown_caller_id(kind, number, customer_key), log.new_customer
        log = replace(log, customer=Customer(kind, new[0]))
    wanted = phone_call(seen.call, site, log, texts)
    planned = _created(seen, log, wanted)
    if found.adoption is not None and found.client_row is not None:
        adopted = _adopted(seen, log, wanted, found.adoption, found.client_row, site)
        planned = planned if adopted is None else replace(adopted, joins_rows=True)
    return replace(planned, new_customer=new)


def _created(seen: Seen, log: Log, wanted: PhoneCall) -> Plan:
    parts = [create_part(PHONE_CALL, create_row(wanted))]
    if wanted.needs_state:
        parts.append(update_part(PHONE_CALL, state_row(wanted.id, wanted.state)))
    written = written_of(wanted, log).to_bytes()
    return Plan(seen, Outcome.LOGGED, log.reason, wanted.id, written, ChangeSet(tuple(parts)))


def _adopted(
    seen: Seen, log: Log, wanted: PhoneCall, decision: AdoptionDecision, row: JsonRow, site: Site
) -> Plan | None:
    """None where the call is to have a row of ours all the same."""
    key = UUID(decision.row_id)
    match decision:
        case Adopt() | AdoptInstead():
            parts, written = _completed(key, wanted, row, log, site)
            reason = "the agent's own client had made a phone call of it"
            if isinstance(decision, AdoptInstead):
                parts.append(delete_part(PHONE_CALL, decision.own_id))
                return Plan(seen, Outcome.MERGED, f"{reason} later", key, written, ChangeSet(tuple(parts)))
            writes = ChangeSet(tuple(parts)) if parts else None
            return Plan(seen, Outcome.ADOPTED, reason, key, written, writes)
        case AlreadyThere() if row["statecode"] == PHONE_CALL_OPEN and wanted.needs_state:
            # It was stamped while the call went on, and the run was cut off.
            parts, written = _completed(key, wanted, row, log, site)
            reason = "a phone call bears its id already"
            return Plan(seen, Outcome.ADOPTED, reason, key, written, ChangeSet(tuple(parts)))
        case AlreadyThere():
            return Plan(seen, Outcome.ADOPTED, "a phone call bears its id already", key, _nothing_written(wanted))
        case RemoveOurs():
            gone = ChangeSet((delete_part(PHONE_CALL, decision.own_id),))
            return Plan(seen, Outcome.MERGED, "a phone call bore its id already", key, _nothing_written(wanted), gone)
        case KeepOurs() | LeaveBoth():
            return None
        case _:
            assert_never(decision)


def adopted_later(
    seen: Seen,
    decision: AdoptionDecision,
    client_row: JsonRow,
    own_row: JsonRow,
    written: Written,
    site: Site,
    texts: Texts,
) -> Plan | None:
    """How the row of a client that came after ours and ours become one; None where both have to stay."""
    reason = "the agent's own client made a phone call of it later"
    match decision:
        case AdoptInstead():
            log = Log(reason, written.owner, written.customer, several=written.several)
            wanted = phone_call(seen.call, site, log, texts)
            key = UUID(decision.row_id)
            parts, now_written = _completed(key, wanted, client_row, log, site)
            parts.append(delete_part(PHONE_CALL, decision.own_id, str(own_row["@odata.etag"])))
            return Plan(seen, Outcome.MERGED, reason, key, now_written, ChangeSet(tuple(parts)), joins_rows=True)
        case KeepOurs():
            table = phone_calls(site.rules)
            gone = delete_part(PHONE_CALL, decision.row_id, str(client_row["@odata.etag"]))
            kept = {table.primary_id: decision.own_id, "description": decision.description}
            parts = [] if decision.description is None else [update_part(table, kept, str(own_row["@odata.etag"]))]
            key = UUID(decision.own_id)
            sets = ChangeSet((*parts, gone))
            return Plan(seen, Outcome.MERGED, reason, key, written.to_bytes(), sets, joins_rows=True)
        case _:
            return None


def _completed(key: UUID, wanted: PhoneCall, row: JsonRow, log: Log, site: Site) -> tuple[list[Part], bytes]:
    """What makes a client's row the call's, and what of it is ours then."""
    table = phone_calls(site.rules)
    columns = adopted_columns(row, create_row(wanted), audit_in(wanted), site.rules.own_audit_column)
    if row["statecode"] == PHONE_CALL_OPEN and wanted.needs_state:
        columns |= {"statecode": wanted.state.statecode, "statuscode": wanted.state.statuscode}
    typed = str(row["description"] or "").strip()
    # What holds an agent's own words is the agent's.
    ours = {
        name: value
        for name, value in columns.items()
        if name in wanted.columns and not (name == "description" and typed)
    }
    there = row["statecode"], row["statuscode"]
    written = Written(
        columns=ours,
        owner=str(row.get("_ownerid_value") or "").lower() or None,
        customer=wanted.customer if any(name.startswith("regarding") for name in columns) else None,
        state=wanted.state if "statecode" in columns else type(wanted.state)(*there),
        is_outgoing=wanted.is_outgoing,
        several=log.several,
    )
    etag = str(row["@odata.etag"])
    parts = [update_part(table, {table.primary_id: str(key), **columns}, etag)] if columns else []
    return parts, written.to_bytes()


def _nothing_written(wanted: PhoneCall) -> bytes:
    """Of a row whose columns are not ours to change any more."""
    return Written({}, wanted.owner, None, wanted.state, wanted.is_outgoing).to_bytes()
