"""What is written for a call, and what is then remembered: what stories over the simulators do not tell apart."""

import json
from dataclasses import replace
from typing import Any

import pytest

from functions.call_sync.decide.adoption import Adopt, AlreadyThere
from functions.call_sync.decide.fields import Texts, Written, create_row, phone_call, written_of
from functions.call_sync.decide.news import Seen, record_of, seen_of
from functions.call_sync.decide.outcome import Log, Site, Skip, Withdraw, site_of
from functions.call_sync.decide.plans import Found, Plan, plan, written_ahead
from functions.call_sync.rules import CallSync
from shared.calls.call import records_of
from shared.calls.ids import phone_call_id
from shared.calls.records import Outcome
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.dataverse.tables import JsonRow
from tests.unit.shared.calls.feeds import AINO, BERT, CALL, CUSTOMER, LATER, leg

KEY = phone_call_id(CALL)
LOG = Log("logged", AINO)
RECORDS = records_of([leg()])
CLIENTS_KEY = BERT


def site(**keys: Any) -> Site:
    return site_of(json_document(CallSync)(json.dumps(keys).encode()), CustomerMatching())


SITE = site()


def logged(outcome: Outcome = Outcome.LOGGED) -> Seen:
    """A call whose phone call stands in Dynamics as we wrote it."""
    new = seen_of(RECORDS, None, SITE, LATER)
    written = written_of(phone_call(new.call, SITE, LOG), LOG).to_bytes()
    before = record_of(
        new, SITE, None, LATER, outcome=outcome, reason="x", phone_call_id=KEY, written=written, ticket_offered=LATER
    )
    return replace(new, before=before)


def planned(seen: Seen, decision: Any, found: Found | None = None, at: Site = SITE) -> Plan:
    return plan(seen, decision, found or Found(), at, Texts(), None)


def row_there(seen: Seen, **edits: Any) -> JsonRow:
    found = phone_call(seen.call, SITE, LOG)
    row = {**found.columns, "activityid": str(KEY), "statecode": 1, "statuscode": 4, "_regardingobjectid_value": None}
    return {**row, "_ownerid_value": AINO, **edits}


def client_row(**columns: Any) -> JsonRow:
    read = dict.fromkeys(create_row(phone_call(logged().call, SITE, LOG)))
    return {
        **read, "_ownerid_value": AINO, "_regardingobjectid_value": None, "activityid": CLIENTS_KEY, "statecode": 0,
        "statuscode": 1, "@odata.etag": 'W/"1"', "description": None, "phonenumber": CUSTOMER, **columns,
    }  # fmt: skip


def test_what_is_as_it_should_be_is_not_written() -> None:
    seen = logged()
    same = planned(seen, LOG, Found(row=row_there(seen)))
    assert (same.writes, same.key, same.written) == (None, KEY, seen.before.written if seen.before else None)
    assert written_ahead(same) is None


def test_a_new_phone_call_needs_nothing_written_ahead() -> None:
    new = planned(seen_of(RECORDS, None, SITE, LATER), LOG)
    assert (new.outcome, new.key) == (Outcome.LOGGED, KEY)
    assert new.writes is not None
    assert written_ahead(new) is None


def test_a_change_is_written_ahead_as_intended() -> None:
    later = seen_of(records_of([leg(talk=400)]), logged().before, SITE, LATER)
    change = planned(later, LOG, Found(row=row_there(logged())))
    ahead = written_ahead(change)
    assert ahead is not None
    assert later.before is not None
    known = Written.from_bytes(ahead.written)
    assert known.intended == Written.from_bytes(change.written)
    assert replace(known, intended=None) == Written.from_bytes(later.before.written)
    assert replace(ahead, written=later.before.written) == later.before


def test_a_removal_is_written_ahead_as_one() -> None:
    removal = planned(logged(), Withdraw(Outcome.REMOVED_PRIVATE, "private", "remove"))
    ahead = written_ahead(removal)
    assert ahead is not None
    assert (removal.key, ahead.outcome, ahead.phone_call_id, ahead.done) == (None, Outcome.WAITING, KEY, True)


def test_a_blank_phone_call_is_remembered_as_ours() -> None:
    blank = planned(logged(), Withdraw(Outcome.REMOVED_PRIVATE, "private", "blank"))
    assert blank.key == KEY
    assert Written.from_bytes(blank.written).columns["phonenumber"] is None
    left = planned(replace(logged(Outcome.REMOVED_PRIVATE)), Skip(Outcome.REMOVED_PRIVATE, "private"))
    assert (left.key, left.writes, bool(left.written)) == (KEY, None, True)


@pytest.mark.parametrize(("typed", "is_ours"), [("She asked for an offer.", False), ("", True), (None, True)])
def test_the_description_of_an_adopted_row_is_ours_where_nobody_typed_one(typed: str | None, is_ours: bool) -> None:
    seen = seen_of(RECORDS, None, SITE, LATER)
    adopted = planned(seen, LOG, Found(adoption=Adopt(CALL, CLIENTS_KEY), client_row=client_row(description=typed)))
    assert (adopted.outcome, str(adopted.key), adopted.joins_rows) == (Outcome.ADOPTED, CLIENTS_KEY, True)
    assert ("description" in Written.from_bytes(adopted.written).columns) is is_ours


@pytest.mark.parametrize(("state", "writes"), [((0, 1), True), ((1, 4), False)], ids=["open", "closed"])
def test_a_row_that_was_stamped_while_the_call_went_on_is_completed(state: tuple[int, int], writes: bool) -> None:
    stamped = client_row(description=f"CallId is {CALL}", statecode=state[0], statuscode=state[1])
    found = Found(adoption=AlreadyThere(CALL, CLIENTS_KEY), client_row=stamped)
    assert (planned(seen_of(RECORDS, None, SITE, LATER), LOG, found).writes is not None) is writes
