"""Onto which case a call goes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.ticket_creation.decide.attach import (
    ABANDONED,
    Append,
    Attachment,
    Open,
    TakeOver,
    WaitForCase,
    attachment,
    found_without_slot,
    is_within,
    newest,
    regards,
    slot_key,
)
from functions.ticket_creation.decide.targets import Target
from functions.ticket_creation.rules import TicketConfiguration
from shared.number_index.keys import NumberKey
from shared.tickets.records import Slot

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINE, THEIRS, ELINA, KAISA = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
KEY = NumberKey("a key of customers that is never rotated")
NUMBER = "+358507654321"


def target(policy: str = "newestOpenCase", name: str = "c", hours: int = 24) -> Target:
    attach = {"policy": policy} | ({"withinHours": hours} if policy == "missedCallCase" else {})
    return Target(name, TicketConfiguration.model_validate({"attach": attach}, by_alias=True))


def slot(
    case: UUID = THEIRS, *, made: bool = False, touched: timedelta = timedelta(0), opened: timedelta = timedelta(0)
) -> Slot:
    return Slot(case_id=case, call_id="x", opened=NOON - opened, touched=NOON - touched, made=made)


def case(statecode: int = 0, customer: UUID = ELINA) -> dict[str, Any]:
    return {"incidentid": str(THEIRS), "statecode": statecode, "_customerid_value": str(customer)}


@pytest.mark.parametrize(
    ("policy", "there", "row", "found"),
    [
        pytest.param("newestOpenCase", slot(MINE), None, Open(), id="mine"),
        pytest.param("newestOpenCase", slot(), case(), Append(THEIRS), id="theirs is open"),
        pytest.param("newestOpenCase", slot(made=True), case(1), TakeOver(), id="theirs was resolved"),
        pytest.param("newestOpenCase", slot(made=True), case(customer=KAISA), TakeOver(), id="another customer's now"),
        pytest.param("missedCallCase", slot(made=True), case(customer=KAISA), Append(THEIRS), id="the number counts"),
        pytest.param("newestOpenCase", slot(), None, WaitForCase(), id="it is being opened"),
        pytest.param("newestOpenCase", slot(made=True), None, TakeOver(), id="a user deleted it"),
        pytest.param("newestOpenCase", slot(touched=ABANDONED), None, TakeOver(), id="nobody opens it any more"),
        pytest.param("missedCallCase", slot(opened=timedelta(hours=25)), case(), TakeOver(), id="the hours are over"),
        pytest.param("newestOpenCase", slot(opened=timedelta(hours=25)), case(), Append(THEIRS), id="no hours"),
    ],
)  # fmt: skip
def test_attachment(policy: str, there: Slot, row: dict[str, Any] | None, found: Attachment) -> None:
    assert attachment(there, MINE, row, target(policy), ELINA, NOON, NOON) == found


def test_each_policy_has_slots_of_its_own() -> None:
    assert slot_key(target("alwaysNew"), ELINA, NUMBER, KEY) is None
    newest_of = slot_key(target(), ELINA, NUMBER, KEY)
    assert newest_of == slot_key(target(name="another"), ELINA, None, None), "the newest open case is one for all"
    assert newest_of != slot_key(target(), KAISA, NUMBER, KEY)
    missed = slot_key(target("missedCallCase"), ELINA, NUMBER, KEY)
    assert missed == slot_key(target("missedCallCase", "C"), KAISA, NUMBER, KEY), "the number counts"
    assert missed != slot_key(target("missedCallCase", "another"), ELINA, NUMBER, KEY)
    assert missed != slot_key(target("missedCallCase"), ELINA, "+358501111111", KEY)
    assert slot_key(target("missedCallCase"), ELINA, None, KEY) is None, "a withheld number repeats nobody's call"
    assert missed is not None
    assert NUMBER not in missed
    assert len(missed) == 64


@pytest.mark.parametrize(("hours", "within"), [(0, True), (24, True), (24.1, False), (-24, True), (-24.1, False)])
def test_is_within(hours: float, within: bool) -> None:
    assert is_within(target("missedCallCase"), NOON, NOON + timedelta(hours=hours)) is within


@pytest.mark.parametrize(
    ("regarding", "found"),
    [(None, "settable"), (ELINA, "settable"), (MINE, "set"), (KAISA, "user's"), (THEIRS, "user's")],
)
def test_what_a_user_made_a_phone_call_regard_stays(regarding: UUID | None, found: str) -> None:
    row = {"_regardingobjectid_value": None if regarding is None else str(regarding)}
    assert regards(row, MINE, ELINA) == found
    assert regards(None, MINE, ELINA) == "absent"


def test_a_missed_call_case_is_known_by_its_title_where_storage_forgot_it() -> None:
    rows = [
        {"incidentid": str(KAISA), "title": "Another", "createdon": "2027-03-01T11:00:00Z"},
        {"incidentid": str(THEIRS), "title": "Missed", "createdon": "2027-03-01T10:00:00Z"},
        {"incidentid": str(MINE), "title": "Missed", "createdon": "2027-02-01T10:00:00Z"},
    ]
    assert found_without_slot(rows, "Missed", target("missedCallCase"), NOON) == THEIRS
    assert found_without_slot(rows[2:], "Missed", target("missedCallCase"), NOON) is None


def test_newest() -> None:
    assert newest({ELINA: [case()]}, ELINA) == THEIRS
    assert newest({ELINA: []}, ELINA) is None
    assert newest({}, ELINA) is None
