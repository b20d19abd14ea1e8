"""Whose case it is."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from functions.ticket_creation.decide.customers import (
    Caller,
    Customer,
    Knowledge,
    NewContact,
    NoCustomer,
    NotYet,
    Whose,
    caller_of,
    customer_of,
)
from functions.ticket_creation.decide.targets import Target
from functions.ticket_creation.rules import TicketConfiguration
from shared.customers import AMBIGUOUS, NOBODY, CustomerMatching, Match, MatchKind, unknown_caller_id
from shared.number_index.keys import NumberKey
from shared.ticket_request import CallDirection, TicketRequest

ELINA, CONTOSO, FALLBACK, MAIL = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
NUMBER, OWN = "+358507654321", "+358985000001"
KEY = NumberKey("a key of customers that is never rotated")
MATCHING = CustomerMatching.model_validate({"defaultRegion": "FI", "ownNumbers": (OWN,)}, by_alias=True)
BY_MAIL = {"mail@x.example": (Customer(MatchKind.CONTACT, MAIL),), "two@x.example": (
    Customer(MatchKind.CONTACT, MAIL), Customer(MatchKind.CONTACT, ELINA))}  # fmt: skip


def target(**rules: Any) -> Target:
    fallback = {"fallbackAccount": "x"} if rules.pop("fallback", False) else {}
    account = FALLBACK if fallback else None
    configuration = TicketConfiguration.model_validate(rules | fallback, by_alias=True)
    return Target("c", configuration, fallback_account=account)


def matched(kind: MatchKind, row: Mapping[str, Any]) -> Match:
    return Match(kind, dict(row))


CONTACT = matched(MatchKind.CONTACT, {"contactid": str(ELINA), "fullname": "Elina"})
ACCOUNT = matched(MatchKind.ACCOUNT, {"accountid": str(CONTOSO), "name": "Contoso"})
LEAD = matched(MatchKind.LEAD, {"leadid": str(UUID(int=9))})
LEAD_OF_CONTACT = matched(
    MatchKind.LEAD, {"leadid": str(UUID(int=9)), "customerid_contact": {"contactid": str(ELINA), "fullname": "Elina"}}
)
LEAD_OF_ACCOUNT = matched(
    MatchKind.LEAD,
    {"leadid": str(UUID(int=9)), "customerid_contact": None, "customerid_account": {"accountid": str(CONTOSO)}},
)
CALLER = Caller(NUMBER, shown=NUMBER)
NEW = NewContact(unknown_caller_id(MatchKind.CONTACT, NUMBER, KEY), NUMBER)


@pytest.mark.parametrize(
    ("caller", "match", "rules", "whose"),
    [
        pytest.param(CALLER, CONTACT, {}, Customer(MatchKind.CONTACT, ELINA, "Elina"), id="a contact"),
        pytest.param(CALLER, ACCOUNT, {}, Customer(MatchKind.ACCOUNT, CONTOSO, "Contoso"), id="an account"),
        pytest.param(CALLER, LEAD_OF_CONTACT, {}, Customer(MatchKind.CONTACT, ELINA, "Elina"), id="a lead's contact"),
        pytest.param(CALLER, LEAD_OF_ACCOUNT, {}, Customer(MatchKind.ACCOUNT, CONTOSO), id="a lead's account"),
        pytest.param(CALLER, LEAD, {}, NEW, id="a lead alone is no customer"),
        pytest.param(CALLER, NOBODY, {}, NEW, id="unknown"),
        pytest.param(CALLER, NOBODY, {"unknownCaller": "noCase"}, NoCustomer("the caller is unknown"), id="no case"),
        pytest.param(
            CALLER, NOBODY, {"unknownCaller": "fallbackAccount", "fallback": True},
            Customer(MatchKind.ACCOUNT, FALLBACK), id="fallback",
        ),
        pytest.param(
            Caller(None, is_own=True), NOBODY, {}, NoCustomer("the number is one of ours"), id="nobody is made of us"
        ),
        pytest.param(
            Caller(None, is_own=True), NOBODY, {"fallback": True}, Customer(MatchKind.ACCOUNT, FALLBACK), id="us"
        ),
        pytest.param(
            Caller(), NOBODY, {}, NoCustomer("the caller shows no number, and there is no fallbackAccount"),
            id="withheld",
        ),
        pytest.param(
            Caller(), NOBODY, {"fallback": True}, Customer(MatchKind.ACCOUNT, FALLBACK), id="withheld and a fallback"
        ),
        pytest.param(
            CALLER, AMBIGUOUS, {}, NoCustomer("several customers have the number"), id="several, and none is first"
        ),
        pytest.param(
            CALLER, AMBIGUOUS, {"severalMatches": "fallbackAccount", "fallback": True},
            Customer(MatchKind.ACCOUNT, FALLBACK), id="several, fallback",
        ),
        pytest.param(
            CALLER, AMBIGUOUS, {"severalMatches": "noCase", "fallback": True},
            NoCustomer("several customers have the number"), id="several, no case",
        ),
        pytest.param(
            Caller(NUMBER, email="mail@x.example"), NOBODY, {}, Customer(MatchKind.CONTACT, MAIL), id="by e-mail"
        ),
        pytest.param(
            Caller(NUMBER, email="mail@x.example"), CONTACT, {}, Customer(MatchKind.CONTACT, ELINA, "Elina"),
            id="the number goes first",
        ),
        pytest.param(
            Caller(None, email="two@x.example"), NOBODY, {}, Customer(MatchKind.CONTACT, MAIL), id="first of an e-mail"
        ),
        pytest.param(
            Caller(None, email="two@x.example"), NOBODY, {"severalMatches": "noCase"},
            NoCustomer("several customers have the e-mail"), id="several of an e-mail",
        ),
    ],
)  # fmt: skip
def test_customer_of(caller: Caller, match: Match, rules: dict[str, Any], whose: Whose) -> None:
    assert customer_of(caller, match, Knowledge(BY_MAIL, KEY), target(**rules)) == whose


def test_nobody_is_made_before_all_is_known() -> None:
    without_key = customer_of(CALLER, NOBODY, Knowledge(), target())
    assert isinstance(without_key, NotYet)
    assert "CUSTOMER_ID_KEY" in without_key.reason
    assert isinstance(customer_of(CALLER, NOBODY, Knowledge({}, KEY, own_numbers_known=False), target()), NotYet)


def test_an_unknown_e_mail_is_one_contact_whoever_makes_it() -> None:
    made = [customer_of(Caller(None, email="new@x.example"), NOBODY, Knowledge({}, KEY), target()) for _ in range(2)]
    assert made[0] == made[1]
    assert isinstance(made[0], NewContact)
    assert (made[0].number, made[0].email) == (None, "new@x.example")


@pytest.mark.parametrize(
    ("keys", "caller"),
    [
        ({"caller_number": "050 765 4321"}, Caller(NUMBER, shown="050 765 4321")),
        ({"caller_number": NUMBER, "called_number": OWN}, Caller(NUMBER, shown=NUMBER)),
        (
            {"direction": CallDirection.OUTGOING, "caller_number": OWN, "called_number": NUMBER},
            Caller(NUMBER, shown=NUMBER),
        ),
        ({"caller_number": OWN}, Caller(None, is_own=True, shown=OWN)),
        ({"caller_number": "+358985000002"}, Caller(None, is_own=True, shown="+358985000002")),
        ({"caller_number": "anonymous"}, Caller(None, shown="anonymous")),
        ({"caller_number": None, "variables": {"email": " Mail@X.Example "}}, Caller(None, email="mail@x.example")),
        ({"caller_number": None, "variables": {"email": "no e-mail"}}, Caller()),
    ],
)  # fmt: skip
def test_caller_of(keys: dict[str, Any], caller: Caller) -> None:
    request = TicketRequest(version=1, call_id="one", **keys)
    assert caller_of(request, MATCHING, {"+358985000002"}, "email") == caller
