"""Whose number it is: the verdicts of the match policy, and what Dataverse is asked for them."""

import json
from collections.abc import Sequence
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
    customer_questions,
    find_customer,
    matched,
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


def test_national_spellings_are_asked_for_in_the_default_region_only() -> None:
    at_home = customer_questions(CALLER, matching(), CustomerColumns())[MatchKind.LEAD].path()
    without = customer_questions(CALLER, CustomerMatching(), CustomerColumns())[MatchKind.LEAD].path()
    assert "0504545641" in at_home
    assert '"0504545641"' not in unquote(without)


def test_defaults_match_international_numbers_and_pick_nobody() -> None:
    assert CustomerMatching() == json_document(CustomerMatching)(b"{}")
    assert CustomerMatching().default_region is None
    assert not CustomerMatching().multiple_matches_pick_first


BROKEN = [
    pytest.param({"defaultregion": "FI"}, "defaultregion", id="an unknown key"),
    pytest.param({"defaultRegion": "Finland"}, "ISO 3166", id="a region by its name"),
    pytest.param({"defaultRegion": "fi"}, "capitals", id="a region in small letters"),
    pytest.param({"MultipleMatchesPickFirst": "yes"}, "MultipleMatchesPickFirst", id="text for a switch"),
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
