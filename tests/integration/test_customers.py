"""Whose number it is, asked of the simulator through our client: stored spellings, relations, the first of several."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.customers import (
    AMBIGUOUS,
    NOBODY,
    CustomerColumns,
    CustomerMatching,
    Match,
    MatchKind,
    customer_questions,
    find_customer,
    matched,
)
from shared.dataverse.client import DataverseClient
from shared.phone_numbers import likely_spellings
from tests.unit.shared.stored_numbers import COUNTRIES, Stored, other_numbers, stored_numbers

CALLER = "+358504545600"
LOCAL = "050 454 5600"
NOTHING_MORE = CustomerColumns()


def matching(region: str | None = "FI", **keys: Any) -> CustomerMatching:
    return CustomerMatching.model_validate({"defaultRegion": region, **keys}, strict=False)


def row_id(number: int) -> str:
    return str(UUID(int=number + 1))


def plant(control: httpx.Client, **rows: Sequence[Mapping[str, Any]]) -> None:
    answer = control.post("rows", json=rows)
    assert answer.is_success, answer.text


# ------------------------------------------------------------------------------------------- stored spellings


async def found_alone(
    dataverse: DataverseClient, control: httpx.Client, stored: Sequence[Stored], policy: Callable[[str], Any]
) -> list[Stored]:
    """Those of the texts that lead to the contact that has it, when nobody else has the number."""
    # All countries at once, so that each region is asked among the texts of the others.
    plant(control, contacts=[{"contactid": row_id(n), "telephone1": each.text} for n, each in enumerate(stored)])
    asked = sorted({(each.region, each.number) for each in stored})
    questions = [customer_questions(number, policy(region), NOTHING_MORE)["contact"] for region, number in asked]
    answers = dict(zip(asked, await dataverse.query_many(questions), strict=True))
    found = []
    for n, each in enumerate(stored):
        rows = [row for row in answers[each.region, each.number] if row["contactid"] == row_id(n)]
        if matched(each.number, policy(each.region), {"contact": rows}).kind is MatchKind.CONTACT:
            found.append(each)
    return found


async def test_a_number_as_people_store_it_is_found_in_its_country(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    stored = stored_numbers()
    assert len(stored) >= 1000
    # In two halves: more than 50 spellings of one number at a time are not read.
    for half in (stored[::2], stored[1::2]):
        found = await found_alone(dataverse, control, half, matching)
        assert [each for each in half if each not in found] == []


@pytest.mark.parametrize("cut", [0, 3, 4])
async def test_a_number_that_only_looks_like_the_callers_is_not_found(
    dataverse: DataverseClient, control: httpx.Client, cut: int
) -> None:
    # What is left of a number that was cut may stand without its country: that is what cutting is for.
    others = other_numbers(national_forms=cut == 0)
    assert len(others) >= 200
    found = await found_alone(dataverse, control, others, lambda region: matching(region, NumbersToCut=cut))
    assert found == []


async def test_an_international_number_is_found_without_a_default_region(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    codes = {country.region: f"+{country.code}" for country in COUNTRIES}
    stored = [each for each in stored_numbers() if each.text.startswith((codes[each.region], "00"))]
    assert len(stored) > 500
    found = await found_alone(dataverse, control, stored, lambda _: matching(None))
    assert [each for each in stored if each not in found] == []


CUT = [
    pytest.param("0504545600", True, id="local"),
    pytest.param("504545600", True, id="local without its zero"),
    pytest.param("050 454 5600", True, id="local in groups"),
    pytest.param("0504545600 x12", True, id="local with an extension"),
    pytest.param("+46504545600", False, id="another country"),
    pytest.param("15045456000", False, id="a longer number"),
    pytest.param("050454560", False, id="a shorter number"),
]


@pytest.mark.parametrize(("text", "is_found"), CUT)
async def test_the_rest_of_a_number_is_found_where_no_region_is_known(
    dataverse: DataverseClient, control: httpx.Client, text: str, is_found: bool
) -> None:
    plant(control, contacts=[{"contactid": row_id(0), "mobilephone": text}])
    off = await find_customer(dataverse, CALLER, matching(None), NOTHING_MORE)
    found = await find_customer(dataverse, CALLER, matching(None, NumbersToCut=4), NOTHING_MORE)
    assert off is NOBODY
    assert found.kind is (MatchKind.CONTACT if is_found else MatchKind.NONE)


async def test_the_number_itself_goes_before_its_rest_in_every_kind(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    plant(
        control,
        contacts=[{"contactid": row_id(0), "mobilephone": "0504545600"}],
        leads=[{"leadid": row_id(1), "mobilephone": "00358 50 454 5600"}],
    )
    match = await find_customer(dataverse, CALLER, matching(None, NumbersToCut=4), NOTHING_MORE)
    assert match.kind is MatchKind.LEAD


# -------------------------------------------------------------------------------------------------- relations

COLUMNS = CustomerColumns(
    contact=frozenset({"jobtitle"}),
    account=frozenset({"customertypecode"}),
    lead=frozenset({"leadqualitycode"}),
    parent_account=True,
    parent_levels=2,
    primary_contact=True,
    lead_customer=True,
)
DIRECT, PARENT, GRANDPARENT, LED, ABOVE_LED = (
    {"accountid": row_id(10 + n), "name": f"Account {n}", "customertypecode": n + 1} for n in range(5)
)
TREE = [
    GRANDPARENT,
    PARENT | {"parentaccountid@odata.bind": f"/accounts({GRANDPARENT['accountid']})"},
    DIRECT | {"parentaccountid@odata.bind": f"/accounts({PARENT['accountid']})"},
    ABOVE_LED,
]
PERSON = {"contactid": row_id(1), "mobilephone": LOCAL, "jobtitle": "Manager"}
OTHER = {"contactid": row_id(2), "mobilephone": "+358401111111", "jobtitle": "Director"}
PROSPECT = {"leadid": row_id(3), "telephone2": f"{LOCAL} ext. 12", "leadqualitycode": 1}
LED_ACCOUNT = LED | {
    "primarycontactid@odata.bind": f"/contacts({PERSON['contactid']})",
    "parentaccountid@odata.bind": f"/accounts({ABOVE_LED['accountid']})",
}


def bound(row: Mapping[str, Any], **navigation: Mapping[str, Any]) -> dict[str, Any]:
    sets = {"accountid": "accounts", "contactid": "contacts"}
    return dict(row) | {
        f"{name}@odata.bind": f"/{sets[next(iter(target))]}({next(iter(target.values()))})"
        for name, target in navigation.items()
    }


RELATIONS = [
    pytest.param(
        {"contacts": [PERSON]}, MatchKind.CONTACT, "Manager", [], id="a contact of no account"
    ),
    pytest.param(
        {"contacts": [bound(PERSON, parentcustomerid_account=GRANDPARENT)]},
        MatchKind.CONTACT, "Manager", [3], id="a contact's parent account",
    ),
    pytest.param(
        {"contacts": [bound(PERSON, parentcustomerid_account=PARENT)]},
        MatchKind.CONTACT, "Manager", [2, 3], id="the parent of a contact's parent account",
    ),
    pytest.param(
        {"contacts": [bound(PERSON, parentcustomerid_account=DIRECT)]},
        MatchKind.CONTACT, "Manager", [1, 2, 3], id="two levels above a contact's parent account",
    ),
    pytest.param(
        {"contacts": [PERSON], "accounts": [LED_ACCOUNT]},
        MatchKind.CONTACT, "Manager", [4, 5], id="an account whose primary contact calls, and its parent",
    ),
    pytest.param(
        {"contacts": [PERSON | {"mobilephone": f"{LOCAL} x7"}], "accounts": [LED_ACCOUNT]},
        MatchKind.CONTACT, "Manager", [4, 5], id="a primary contact's number with an extension",
    ),
    pytest.param(
        {"contacts": [bound(PERSON, parentcustomerid_account=DIRECT)],
         "accounts": [bound(LED_ACCOUNT, parentaccountid=PARENT)]},
        MatchKind.CONTACT, "Manager", [1, 2, 3, 4], id="both, each account once and the nearest first",
    ),
    pytest.param(
        {"contacts": [PERSON], "accounts": [LED_ACCOUNT | {"statecode": 1, "statuscode": 2}]},
        MatchKind.CONTACT, "Manager", [], id="an inactive account whose primary contact calls",
    ),
    pytest.param(
        {"contacts": [PERSON | {"mobilephone": "+358402222222"}, OTHER | {"mobilephone": LOCAL}],
         "accounts": [LED_ACCOUNT]},
        MatchKind.CONTACT, "Director", [], id="an account whose primary contact is somebody else",
    ),
    pytest.param(
        {"accounts": [bound(LED | {"telephone1": "(050) 454 5600"}, parentaccountid=PARENT)]},
        MatchKind.ACCOUNT, None, [4, 2, 3], id="an account and its parents",
    ),
    pytest.param({"leads": [PROSPECT]}, MatchKind.LEAD, None, [], id="a lead of nobody"),
    pytest.param(
        {"leads": [bound(PROSPECT, customerid_account=DIRECT)]},
        MatchKind.LEAD, None, [1, 2, 3], id="a lead's account",
    ),
    pytest.param(
        {"contacts": [bound(OTHER, parentcustomerid_account=PARENT)],
         "leads": [bound(PROSPECT, customerid_contact=OTHER)]},
        MatchKind.LEAD, "Director", [2, 3], id="a lead's contact, and that one's account",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "kind", "job", "types"), RELATIONS)
async def test_who_is_related_to_a_caller(
    dataverse: DataverseClient,
    control: httpx.Client,
    rows: dict[str, list[dict[str, Any]]],
    kind: MatchKind,
    job: str | None,
    types: list[int],
) -> None:
    plant(control, accounts=TREE)
    for entity_set, each in rows.items():
        # An account and its primary contact name each other: the accounts wait.
        if entity_set != "accounts":
            plant(control, **{entity_set: each})
    plant(control, accounts=rows.get("accounts", []))
    before = dataverse.meter.requests
    match = await find_customer(dataverse, CALLER, matching(), COLUMNS)
    # Joins find likely spellings; what hangs on a number with an extension is asked for by the row's id.
    assert dataverse.meter.requests - before == (2 if "x7" in str(rows) else 1)
    assert match.kind is kind
    assert (match.contact or {}).get("jobtitle") == job
    assert [account["customertypecode"] for account in match.accounts] == types
    assert (match.lead or {}).get("leadqualitycode") == (1 if kind is MatchKind.LEAD else None)


async def test_what_nobody_wants_is_not_read(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, accounts=TREE, contacts=[bound(PERSON, parentcustomerid_account=DIRECT)])
    match = await find_customer(dataverse, CALLER, matching(), NOTHING_MORE)
    assert match.accounts == ()
    assert "jobtitle" not in (match.row or {})
    no_parents = await find_customer(dataverse, CALLER, matching(), CustomerColumns(parent_account=True))
    assert [account["accountid"] for account in no_parents.accounts] == [DIRECT["accountid"]]


async def test_rows_that_an_index_names_are_read_by_their_ids(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    # A spelling that no query by text would find.
    plant(control, contacts=[PERSON | {"mobilephone": "0 5 0 4 5 4 5 6 0 0"}, OTHER], accounts=[*TREE, LED_ACCOUNT])
    assert (await find_customer(dataverse, CALLER, matching(), COLUMNS)) is NOBODY
    ids = {MatchKind.CONTACT: [PERSON["contactid"]], MatchKind.ACCOUNT: []}
    questions = customer_questions(CALLER, matching(), COLUMNS, ids=ids)
    answers = dict(zip(questions, await dataverse.query_many(list(questions.values())), strict=True))
    assert set(questions) & set(MatchKind) == {"contact"}
    match = matched(CALLER, matching(), answers)
    assert match.kind is MatchKind.CONTACT
    assert [account["customertypecode"] for account in match.accounts] == [4, 5]
    # A row that has lost the number since the index saw it is nobody's.
    plant(control, contacts=[PERSON | {"mobilephone": "+358403333333"}])
    answers = dict(zip(questions, await dataverse.query_many(list(questions.values())), strict=True))
    assert matched(CALLER, matching(), answers) is NOBODY


# ------------------------------------------------------------------------------------------- several of a kind

USER, DISABLED, TEAM = row_id(20), row_id(21), row_id(22)


def first(match: Match) -> int:
    row = match.row or {}
    return UUID(row.get("contactid") or row.get("accountid")).int - 1


def contacts(**by_position: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Three contacts with the number; the first is the oldest unless something else is said."""
    each = [by_position.get(f"c{n}", {}) for n in range(3)]
    return {
        "contacts": [
            {"contactid": row_id(n), "telephone1": LOCAL, "createdon": f"2024-0{n + 1}-01T08:00:00Z", **more}
            for n, more in enumerate(each)
        ]
    }


def case(number: int, contact: int, **more: Any) -> dict[str, Any]:
    bind = {"customerid_contact@odata.bind": f"/contacts({row_id(contact)})"}
    return {"incidentid": row_id(30 + number), "title": "Case", **bind, **more}


def call(number: int, contact: int, moment: str) -> dict[str, Any]:
    bind = {"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({row_id(contact)})"}
    return {"activityid": row_id(40 + number), "subject": "Call", "createdon": moment, **bind}


PRIMARY = {"parentcustomerid_account@odata.bind": f"/accounts({row_id(50)})"}
ORDERS = [
    pytest.param([], contacts(), {}, 0, id="nothing: the oldest"),
    pytest.param(["openCase"], contacts(), {"incidents": [case(0, 2)]}, 2, id="an open case"),
    pytest.param(
        ["openCase"], contacts(), {"incidents": [case(0, 2, statecode=1, statuscode=5)]}, 0, id="a resolved case"
    ),
    pytest.param(
        ["lastActivity"], contacts(),
        {"phonecalls": [call(0, 0, "2026-01-01T08:00:00Z"), call(1, 2, "2026-02-01T08:00:00Z"),
                        call(2, 1, "2026-01-15T08:00:00Z")]},
        2, id="the latest call",
    ),
    pytest.param(["lastActivity"], contacts(), {"phonecalls": [call(0, 1, "2026-01-01T08:00:00Z")]}, 1, id="any call"),
    pytest.param(
        ["primaryContact"], contacts(c0=PRIMARY, c1=PRIMARY),
        {"accounts": [{"accountid": row_id(50), "primarycontactid@odata.bind": f"/contacts({row_id(1)})"}]},
        1, id="its account's primary contact",
    ),
    pytest.param(
        ["owner"],
        contacts(
            c0={"ownerid@odata.bind": f"/systemusers({DISABLED})"},
            c1={"ownerid@odata.bind": f"/teams({TEAM})"},
            c2={"ownerid@odata.bind": f"/systemusers({USER})"},
        ),
        {}, 2, id="an enabled user's",
    ),
    pytest.param(
        ["openCase", "lastActivity"], contacts(),
        {"incidents": [case(0, 1)], "phonecalls": [call(0, 2, "2026-01-01T08:00:00Z")]},
        1, id="the earlier key counts first",
    ),
    pytest.param(
        ["lastActivity", "openCase"], contacts(),
        {"incidents": [case(0, 1)], "phonecalls": [call(0, 2, "2026-01-01T08:00:00Z")]},
        2, id="and the other way round",
    ),
    pytest.param(
        ["openCase", "lastActivity"], contacts(),
        {"incidents": [case(0, 1), case(1, 2)], "phonecalls": [call(0, 2, "2026-01-01T08:00:00Z")]},
        2, id="a later key decides between equals",
    ),
    pytest.param(["active"], contacts(c0={"statecode": 1, "statuscode": 2}), {}, 1, id="an inactive one is none"),
    pytest.param([], contacts(c2={"createdon": "2020-01-01T08:00:00Z"}), {}, 2, id="older than the others"),
]  # fmt: skip


@pytest.mark.parametrize(("order", "candidates", "facts", "expected"), ORDERS)
async def test_the_first_of_several_contacts(
    dataverse: DataverseClient,
    control: httpx.Client,
    order: list[str],
    candidates: dict[str, list[dict[str, Any]]],
    facts: dict[str, list[dict[str, Any]]],
    expected: int,
) -> None:
    plant(control, systemusers=[{"systemuserid": USER, "isdisabled": False, "fullname": "A"},
                                {"systemuserid": DISABLED, "isdisabled": True, "fullname": "B"}],
          teams=[{"teamid": TEAM, "name": "Team"}], accounts=[{"accountid": row_id(50)}])  # fmt: skip
    plant(control, **candidates)
    plant(control, **facts)
    on = matching(MultipleMatchesPickFirst=True, order=order)
    before = dataverse.meter.requests
    match = await find_customer(dataverse, CALLER, on, NOTHING_MORE)
    assert dataverse.meter.requests - before == 1
    assert match.kind is MatchKind.CONTACT
    assert first(match) == expected
    off = await find_customer(dataverse, CALLER, matching(order=order), NOTHING_MORE)
    assert off == AMBIGUOUS or len([row for row in candidates["contacts"] if not row.get("statecode")]) == 1


async def test_the_first_of_several_accounts(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, accounts=[{"accountid": row_id(n), "telephone2": LOCAL} for n in range(3)])
    bind = {"customerid_account@odata.bind": f"/accounts({row_id(1)})"}
    plant(control, incidents=[{"incidentid": row_id(30), "title": "Case", **bind}])
    match = await find_customer(dataverse, CALLER, matching(MultipleMatchesPickFirst=True), COLUMNS)
    assert match.kind is MatchKind.ACCOUNT
    assert first(match) == 1
    assert match.accounts == (match.row,)


async def test_two_leads_stay_ambiguous(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, leads=[{"leadid": row_id(n), "mobilephone": LOCAL} for n in range(2)])
    on = matching(MultipleMatchesPickFirst=True)
    assert await find_customer(dataverse, CALLER, on, NOTHING_MORE) == AMBIGUOUS


# ----------------------------------------------------------------------------------------------------- joins

RARE = "+358-50-454-56-00"


@pytest.mark.parametrize("text", [*likely_spellings(CALLER, "FI"), RARE, f"{LOCAL} x12"])
async def test_what_hangs_on_a_customer_is_found_whatever_the_spelling(
    dataverse: DataverseClient, control: httpx.Client, text: str
) -> None:
    account, contact = row_id(1), row_id(2)
    plant(control, contacts=[{"contactid": contact, "telephone3": text}])
    bind = {"primarycontactid@odata.bind": f"/contacts({contact})"}
    plant(control, accounts=[{"accountid": account, "name": "Caller Oy", **bind}])
    before = dataverse.meter.requests
    match = await find_customer(dataverse, CALLER, matching(), COLUMNS)
    assert [found["accountid"] for found in match.accounts] == [account]
    is_likely = text in likely_spellings(CALLER, "FI")
    assert dataverse.meter.requests - before == (1 if is_likely else 2)


async def test_the_first_of_several_is_chosen_by_what_hangs_on_each_of_them(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    plant(control, contacts=[{"contactid": row_id(n), "mobilephone": text} for n, text in enumerate((CALLER, RARE))])
    bind = {"customerid_contact@odata.bind": f"/contacts({row_id(1)})"}
    plant(control, incidents=[{"title": "Outage", **bind}])
    on = matching(MultipleMatchesPickFirst=True, order=["openCase"])
    match = await find_customer(dataverse, CALLER, on, NOTHING_MORE)
    assert match.row is not None
    assert match.row["contactid"] == row_id(1)


async def test_several_that_are_ambiguous_are_asked_for_once(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, contacts=[{"contactid": row_id(n), "mobilephone": text} for n, text in enumerate((LOCAL, RARE))])
    before = dataverse.meter.requests
    assert await find_customer(dataverse, CALLER, matching(), COLUMNS) == AMBIGUOUS
    assert dataverse.meter.requests - before == 1
