"""Whose number it is: the verdicts of the match policy, and what Dataverse is asked for them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from shared.config_documents import BadDocumentError, json_document
from shared.customers import (
    AMBIGUOUS,
    NOBODY,
    CustomerColumns,
    CustomerMatching,
    Match,
    MatchKind,
    caller_number,
    customer_questions,
    find_customer,
    matched,
    search_texts,
)
from shared.dataverse.odata import Question
from shared.dataverse.tables import JsonRow

CALLER = "+358504545641"
ACCOUNT = {"accountid": "a1", "customertypecode": 3}


def matching(**keys: Any) -> CustomerMatching:
    return json_document(CustomerMatching)(json.dumps({"defaultRegion": "FI", **keys}).encode())


class Rows:
    """Dataverse with these answers for contact, account and lead; it remembers what it was asked."""

    def __init__(self, *answers: list[JsonRow]) -> None:
        self.answers = list(answers)
        self.asked: list[Sequence[Question]] = []

    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]:
        self.asked.append(queries)
        return self.answers


def contact(row_id: str = "c1", phone: object = CALLER, **columns: Any) -> JsonRow:
    return {"contactid": row_id, "mobilephone": phone, **columns}


def account(row_id: str = "a1", phone: object = CALLER) -> JsonRow:
    return {"accountid": row_id, "telephone1": phone}


def lead(row_id: str = "l1", phone: object = CALLER) -> JsonRow:
    return {"leadid": row_id, "telephone2": phone}


def the_contact(row: JsonRow, *accounts: JsonRow) -> Match:
    return Match(MatchKind.CONTACT, row, row, accounts)


OFF, ON = {"MultipleMatchesPickFirst": False}, {"MultipleMatchesPickFirst": True}
WITH_PARENT = contact(parentcustomerid_account=ACCOUNT)

VERDICTS = [
    pytest.param([], [], [], OFF, NOBODY, id="nobody"),
    pytest.param([contact()], [], [], OFF, the_contact(contact()), id="a contact without an account"),
    pytest.param([WITH_PARENT], [], [], OFF, the_contact(WITH_PARENT, ACCOUNT), id="a contact's account"),
    pytest.param(
        [contact(parentcustomerid_account=None)],
        [], [], OFF,
        the_contact(contact(parentcustomerid_account=None)),
        id="a contact whose parent is no account",
    ),
    pytest.param([], [account()], [], OFF, Match(MatchKind.ACCOUNT, account(), None, (account(),)), id="an account"),
    pytest.param([], [], [lead()], OFF, Match(MatchKind.LEAD, lead()), id="a lead"),
    pytest.param(
        [WITH_PARENT], [account()], [], OFF, the_contact(WITH_PARENT, ACCOUNT),
        id="a contact and its own parent account",
    ),
    pytest.param(
        [contact()], [account("a1"), account("a2")], [lead()], OFF, the_contact(contact()),
        id="one contact among several others",
    ),
    pytest.param([contact("c1"), contact("c2")], [], [], OFF, AMBIGUOUS, id="two contacts"),
    pytest.param([contact("c1"), contact("c2")], [account()], [], OFF, AMBIGUOUS, id="two contacts and an account"),
    pytest.param([], [account("a1"), account("a2")], [], OFF, AMBIGUOUS, id="two accounts"),
    pytest.param([], [], [lead("l1"), lead("l2")], OFF, AMBIGUOUS, id="two leads"),
    pytest.param(
        [contact("c1"), contact("c2")], [], [], ON, the_contact(contact("c1")), id="the first contact"
    ),
    pytest.param(
        [], [account("a1"), account("a2")], [], ON, Match(MatchKind.ACCOUNT, account("a1"), None, (account("a1"),)),
        id="the first account",
    ),
    pytest.param([], [], [lead("l1"), lead("l2")], ON, AMBIGUOUS, id="a lead is never picked"),
    pytest.param([contact(phone="050 454 5641")], [], [], OFF, the_contact(contact(phone="050 454 5641")),
                 id="stored in local form"),
    pytest.param([contact(phone="+358504545642")], [], [], OFF, NOBODY, id="a row that holds another number"),
    pytest.param([contact(phone="0046504545641")], [], [], OFF, NOBODY, id="a row with the number of another country"),
    pytest.param([contact(phone=None)], [], [], OFF, NOBODY, id="a row without a number"),
    pytest.param([contact(phone=358504545641)], [], [], OFF, NOBODY, id="a column that is no text"),
    pytest.param([contact("c1"), contact("c2", "+358504545642")], [], [], OFF, the_contact(contact("c1")),
                 id="a look-alike does not make it ambiguous"),
    pytest.param([{"contactid": "c1", "fax": CALLER}], [], [], OFF, NOBODY, id="a column that is not searched"),
]  # fmt: skip


@pytest.mark.parametrize(("contacts", "accounts", "leads", "keys", "verdict"), VERDICTS)
def test_verdict(
    contacts: list[JsonRow], accounts: list[JsonRow], leads: list[JsonRow], keys: dict[str, Any], verdict: Match
) -> None:
    found: dict[str, Sequence[JsonRow]] = {"contact": contacts, "account": accounts, "lead": leads}
    assert matched(CALLER, matching(**keys), found) == verdict


SEVERAL = [
    pytest.param([], [], [], OFF, MatchKind.NONE, MatchKind.NONE, (), id="nobody"),
    pytest.param([contact("c1")], [account()], [lead()], OFF, MatchKind.CONTACT, MatchKind.CONTACT, ("c1",), id="one"),
    pytest.param(
        [contact("c2"), contact("c1")], [account()], [lead()], OFF, MatchKind.AMBIGUOUS, MatchKind.CONTACT,
        ("c1", "c2"), id="several contacts",
    ),
    pytest.param(
        [contact("c2"), contact("c1"), contact("c3", "+358401111111")], [], [], ON, MatchKind.CONTACT,
        MatchKind.CONTACT, ("c1", "c2"), id="the first of several contacts",
    ),
    pytest.param(
        [], [account("a1"), account("a2")], [lead()], OFF, MatchKind.AMBIGUOUS, MatchKind.ACCOUNT, ("a1", "a2"),
        id="several accounts",
    ),
    pytest.param(
        [], [], [lead("l1"), lead("l2")], OFF, MatchKind.AMBIGUOUS, MatchKind.LEAD, ("l1", "l2"), id="several leads",
    ),
    pytest.param(
        [], [], [lead("l1"), lead("l2")], ON, MatchKind.AMBIGUOUS, MatchKind.LEAD, ("l1", "l2"),
        id="several leads, of which none is picked",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("contacts", "accounts", "leads", "keys", "kind", "candidate_kind", "candidates"), SEVERAL)
def test_who_the_several_are(
    contacts: list[JsonRow],
    accounts: list[JsonRow],
    leads: list[JsonRow],
    keys: dict[str, Any],
    kind: MatchKind,
    candidate_kind: MatchKind,
    candidates: tuple[str, ...],
) -> None:
    found: dict[str, Sequence[JsonRow]] = {"contact": contacts, "account": accounts, "lead": leads}
    match = matched(CALLER, matching(**keys), found)
    assert (match.kind, match.candidate_kind, match.candidates) == (kind, candidate_kind, candidates)


CUT = {"NumbersToCut": 4, "defaultRegion": None}
BY_REST, BY_NUMBER = contact("c1", "0504545641"), contact("c2", "+358 50 454 5641")
RESTS = [
    pytest.param([BY_REST], [], {"defaultRegion": None}, NOBODY, id="nothing is cut"),
    pytest.param([BY_REST], [], CUT, the_contact(BY_REST), id="the rest of the number"),
    pytest.param([BY_REST, BY_NUMBER], [], CUT, the_contact(BY_NUMBER), id="the number goes before the rest"),
    pytest.param([BY_REST], [account()], CUT, Match(MatchKind.ACCOUNT, account(), None, (account(),)),
                 id="an account with the number before a contact with the rest"),
    pytest.param([BY_REST, contact("c3", "504545641")], [], CUT, AMBIGUOUS, id="two with the rest"),
    pytest.param([BY_REST], [], CUT | {"NumbersToCut": 8}, NOBODY, id="too little is left to go by"),
]  # fmt: skip


@pytest.mark.parametrize(("contacts", "accounts", "keys", "verdict"), RESTS)
def test_verdict_by_what_is_left_of_a_number(
    contacts: list[JsonRow], accounts: list[JsonRow], keys: dict[str, Any], verdict: Match
) -> None:
    assert matched(CALLER, matching(**keys), {"contact": contacts, "account": accounts}) == verdict


WITHHELD = ["", " ", "anonymous", "Anonymous", "unknown", "withheld", "private", "restricted", "1234", "+"]


@pytest.mark.parametrize("caller", [pytest.param(text, id=repr(text)) for text in WITHHELD])
async def test_a_withheld_or_unreadable_caller_is_nobody_and_costs_nothing(caller: str) -> None:
    rows = Rows()
    assert await find_customer(rows, caller, matching(), CustomerColumns()) is NOBODY
    assert rows.asked == []


async def test_our_own_numbers_are_nobody_and_cost_nothing() -> None:
    rows = Rows()
    policy = matching(ownNumbers=["050 454 5641", "+35840675644"])
    assert await find_customer(rows, CALLER, policy, CustomerColumns()) is NOBODY
    assert rows.asked == []


OWN = [
    pytest.param("+358504545641", id="E.164"),
    pytest.param("358504545641", id="without plus"),
    pytest.param("00358504545641", id="00"),
    pytest.param("+358 (0)50 454 5641", id="a trunk zero"),
    pytest.param("050-4545641", id="local"),
    pytest.param("050 4545641 ext. 12", id="an extension"),
    pytest.param("0401234567", id="own for this call"),
    pytest.param("+358 40 123 4567", id="own for this call, in another spelling"),
]


@pytest.mark.parametrize("caller", OWN)
async def test_our_own_numbers_are_nobody_in_any_spelling(caller: str) -> None:
    policy, own = matching(ownNumbers=["(050) 454 56 41"]), frozenset({"+358401234567"})
    assert caller_number(caller, policy, own) is None
    rows = Rows()
    assert await find_customer(rows, caller, policy, CustomerColumns(), own=own) is NOBODY
    assert rows.asked == []


def test_anybody_else_has_a_number() -> None:
    assert caller_number("050 4545642", matching(ownNumbers=[CALLER])) == "+358504545642"
    assert caller_number(None, matching()) is None


async def test_a_caller_is_found_in_whatever_form_enreach_sends() -> None:
    rows = Rows([contact()], [], [])
    for caller in (CALLER, "358504545641", "00358504545641", " +358 50 4545641\n"):
        assert (await find_customer(rows, caller, matching(), CustomerColumns())).kind is MatchKind.CONTACT


async def test_a_policy_without_columns_finds_nobody_and_costs_nothing() -> None:
    rows = Rows()
    policy = matching(columns={"contact": [], "account": [], "lead": []})
    assert await find_customer(rows, CALLER, policy, CustomerColumns()) is NOBODY
    assert rows.asked == []


def test_a_query_selects_the_searched_and_the_wanted_columns_only() -> None:
    wanted = CustomerColumns(frozenset({"new_language"}), frozenset({"customertypecode"}), parent_account=True)
    queries = customer_questions(CALLER, matching(columns={"contact": ["mobilephone"], "lead": []}), wanted)
    assert list(queries) == [MatchKind.CONTACT, MatchKind.ACCOUNT]
    path = unquote(queries[MatchKind.CONTACT].path())
    assert path.startswith("contacts?$select=contactid,mobilephone,new_language&$filter=(statecode eq 0) and (")
    assert path.endswith(
        "&$orderby=createdon,contactid&$top=50&$expand=parentcustomerid_account($select=accountid,customertypecode)"
    )
    assert "$select=accountid,customertypecode,telephone1,telephone2,telephone3&" in unquote(
        queries[MatchKind.ACCOUNT].path()
    )


def test_a_query_expands_the_account_only_for_a_column_of_it() -> None:
    queries = customer_questions(CALLER, matching(), CustomerColumns())
    assert all("$expand" not in query.path() for query in queries.values())


def test_parents_primary_contacts_and_customers_of_leads_are_asked_for_only_where_wanted() -> None:
    wanted = CustomerColumns(account=frozenset({"new_tier"}), parent_levels=2, primary_contact=True, lead_customer=True)
    questions = customer_questions(CALLER, matching(), wanted)
    paths = {key: unquote(question.path()) for key, question in questions.items()}
    above = "parentaccountid($select=accountid,new_tier;$expand=parentaccountid($select=accountid,new_tier))"
    assert paths["contact"].endswith(f"$expand=parentcustomerid_account($select=accountid,new_tier;$expand={above})")
    assert paths["account"].endswith(f"&$expand={above}")
    assert "customerid_account($select=accountid,new_tier;" in paths["lead"]
    assert "customerid_contact($select=contactid;$expand=parentcustomerid_account(" in paths["lead"]
    (key,) = paths.keys() - {"contact", "account", "lead"}
    assert paths[key].startswith("accounts?fetchXml=")
    assert paths[key].count("<link-entity") == 3


FACTS = [
    pytest.param([], 3, [], id="nothing"),
    pytest.param(["active"], 3, [], id="active: every row that comes"),
    pytest.param(["openCase"], 5, ["incidents?", "incidents?"], id="open cases"),
    pytest.param(["lastActivity"], 5, ["activitypointers?", "activitypointers?"], id="activities"),
    pytest.param(["primaryContact"], 3, ["_primarycontactid_value"], id="the account's primary contact"),
    pytest.param(["owner"], 3, ["owninguser($select=systemuserid,isdisabled)"] * 2, id="the owner"),
]


@pytest.mark.parametrize(("order", "count", "asked"), FACTS)
def test_only_what_the_order_names_is_asked_for(order: list[str], count: int, asked: list[str]) -> None:
    on = customer_questions(CALLER, matching(MultipleMatchesPickFirst=True, order=order), CustomerColumns())
    text = " ".join(unquote(question.path()) for question in on.values())
    assert len(on) == count
    for each in set(asked):
        assert text.count(each) == asked.count(each)
    if not asked:
        assert "owninguser" not in text
        assert "$expand" not in text
    off = customer_questions(CALLER, matching(order=order), CustomerColumns())
    assert list(off) == ["contact", "account", "lead"]


def test_a_kind_that_the_index_does_not_name_is_not_asked() -> None:
    row_id = "00000000-0000-0000-0000-000000000001"
    on = matching(MultipleMatchesPickFirst=True)
    wanted = CustomerColumns(primary_contact=True)
    questions = customer_questions(CALLER, on, wanted, ids={MatchKind.LEAD: [row_id], MatchKind.CONTACT: []})
    assert list(questions) == ["lead"]
    assert f'["{row_id}"]' in unquote(questions["lead"].path())
    assert CALLER not in unquote(questions["lead"].path())
    assert len(customer_questions(CALLER, on, wanted, ids={MatchKind.CONTACT: [row_id]})) == 4
    assert customer_questions(CALLER, on, wanted, ids={}) == {}


def test_an_account_has_so_many_levels_of_parents() -> None:
    for levels in (-1, 4):
        with pytest.raises(ValueError, match="0 to 3 levels"):
            CustomerColumns(parent_levels=levels)


CHOICES = [
    pytest.param(0, None, id="off"),
    pytest.param(3, "8504545641", id="three signs"),
    pytest.param(4, "504545641", id="four signs"),
    pytest.param(7, "545641", id="six digits are left"),
    pytest.param(8, None, id="fewer are left"),
]


@pytest.mark.parametrize(("cut", "rest"), CHOICES)
def test_what_stored_columns_are_searched_for(cut: int, rest: str | None) -> None:
    choice = search_texts(CALLER, matching(NumbersToCut=cut))
    assert choice.contains == rest
    assert choice.begins[0] == CALLER
    assert {"050 4545641", "00358 50 454 5641", "050 454 56 41"} <= {*choice.equal, *choice.begins}
    assert set(choice.equal).isdisjoint(choice.begins)
    abroad = search_texts(CALLER, matching(defaultRegion=None, NumbersToCut=cut))
    assert ("050 4545641" in abroad.equal) is (rest is not None)


def test_a_question_fits_into_a_batch_and_a_url() -> None:
    for country, number in (("FI", CALLER), ("US", "+14155552671"), ("AT", "+436641234567")):
        policy = matching(defaultRegion=country, NumbersToCut=4, MultipleMatchesPickFirst=True)
        wanted = CustomerColumns(account=frozenset({"name"}), parent_levels=3, primary_contact=True, lead_customer=True)
        for question in customer_questions(number, policy, wanted).values():
            assert len(question.path()) < 20_000


def test_national_spellings_are_asked_for_in_the_default_region_only() -> None:
    at_home = customer_questions(CALLER, matching(), CustomerColumns())[MatchKind.LEAD].path()
    without = customer_questions(CALLER, CustomerMatching(), CustomerColumns())[MatchKind.LEAD].path()
    assert "0504545641" in at_home
    assert '"0504545641"' not in unquote(without)


def test_defaults_match_international_numbers_and_pick_nobody() -> None:
    assert CustomerMatching() == json_document(CustomerMatching)(b"{}")
    assert CustomerMatching().default_region is None
    assert not CustomerMatching().multiple_matches_pick_first
    assert CustomerMatching().numbers_to_cut == 0
    assert CustomerMatching().order == ("active", "openCase", "lastActivity", "primaryContact", "owner")


BROKEN = [
    pytest.param({"defaultregion": "FI"}, "defaultregion", id="an unknown key"),
    pytest.param({"defaultRegion": "Finland"}, "ISO 3166", id="a region by its name"),
    pytest.param({"defaultRegion": "fi"}, "capitals", id="a region in small letters"),
    pytest.param({"MultipleMatchesPickFirst": "yes"}, "MultipleMatchesPickFirst", id="text for a switch"),
    pytest.param({"NumbersToCut": -1}, "NumbersToCut", id="less than nothing is cut"),
    pytest.param({"NumbersToCut": 11}, "NumbersToCut", id="so much is cut that nearly everybody matches"),
    pytest.param({"NumbersToCut": "4"}, "NumbersToCut", id="text for a number"),
    pytest.param({"numbersToCut": 4}, "numbersToCut", id="not the vendor's spelling"),
    pytest.param({"order": ["openCase", "owner", "openCase"]}, "twice", id="a key twice"),
    pytest.param({"order": ["oldest"]}, "order.0", id="an unknown key of the order"),
    pytest.param({"columns": {"contacts": []}}, "columns.contacts", id="an unknown kind"),
    pytest.param({"columns": {"contact": ["mobilephone desc"]}}, "logical name of a column", id="no column name"),
    pytest.param({"columns": {"lead": ["a,b"]}}, "columns.lead.0", id="two columns in one"),
    pytest.param({"ownNumbers": ["+358501234567", "hello"]}, "item 1", id="an own number that is none"),
    pytest.param({"ownNumbers": ["050 1234567"]}, "defaultRegion", id="a national own number without a region"),
]


@pytest.mark.parametrize(("document", "named"), BROKEN)
def test_a_broken_document_is_refused_with_its_place(document: dict[str, Any], named: str) -> None:
    with pytest.raises(BadDocumentError, match=named) as refusal:
        json_document(CustomerMatching)(json.dumps(document).encode())
    assert "hello" not in str(refusal.value)


def test_own_numbers_are_read_in_the_default_region() -> None:
    assert matching(ownNumbers=["050 1234567"]).own_numbers == ("+358501234567",)


def test_the_document_that_is_described_has_the_defaults() -> None:
    text = (Path(__file__).parents[3] / "docs" / "customer-matching.md").read_text(encoding="utf-8")
    example = text.partition("```json\n")[2].partition("```")[0]
    assert json_document(CustomerMatching)(example.encode()) == matching()
    for key in CustomerMatching().order:
        assert f"| `{key}` |" in text
