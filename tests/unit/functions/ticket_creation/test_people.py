"""Which user an agent's e-mail means, and which customers an e-mail has."""

from typing import Any
from uuid import UUID

import pytest

from functions.ticket_creation.decide.people import agent_of, customers_by_email
from shared.customers import MatchKind

ANN, BEN, CEM = UUID(int=1), UUID(int=2), UUID(int=3)
USERS: list[dict[str, Any]] = [
    {"systemuserid": str(ANN), "fullname": "Ann X", "internalemailaddress": "Ann@X.example", "domainname": "ann@o"},
    {"systemuserid": str(BEN), "internalemailaddress": "shared@x.example", "domainname": "ben@x.example"},
    {"systemuserid": str(CEM), "internalemailaddress": "shared@x.example", "domainname": "cem@x.example"},
    {"systemuserid": str(UUID(int=4)), "internalemailaddress": "gone@x.example", "isdisabled": True},
    {"systemuserid": str(UUID(int=5)), "internalemailaddress": "back@x.example", "isdisabled": True},
    {"systemuserid": str(UUID(int=6)), "internalemailaddress": "back@x.example"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("email", "user", "why_not"),
    [
        ("ann@x.example", ANN, None),
        (" ANN@X.EXAMPLE ", ANN, None),
        ("ben@x.example", BEN, None),
        ("shared@x.example", None, "several users of Dynamics have the agent's e-mail"),
        ("gone@x.example", None, "the agent's user is disabled"),
        ("back@x.example", UUID(int=6), None),
        ("nobody@x.example", None, "the agent is no user of Dynamics"),
        (None, None, "no agent took the call"),
    ],
)
def test_agent_of(email: str | None, user: UUID | None, why_not: str | None) -> None:
    found = agent_of(email, USERS)
    assert (found.id, found.why_not) == (user, why_not)


def test_an_agent_has_a_name() -> None:
    assert agent_of("ann@x.example", USERS).name == "Ann X"


def test_a_contact_goes_before_an_account_with_the_same_e_mail() -> None:
    contact = {"contactid": str(ANN), "fullname": "Ann", "emailaddress1": "A@x.example"}
    other = {"contactid": str(BEN), "fullname": "Ben", "emailaddress1": "a@x.example"}
    accounts = [
        {"accountid": str(CEM), "name": "C", "emailaddress1": "a@x.example"},
        {"accountid": str(CEM), "name": "C", "emailaddress1": "c@x.example"},
    ]
    found = customers_by_email([contact, other], accounts)
    assert [each.id for each in found["a@x.example"]] == [ANN, BEN]
    assert [(each.kind, each.name) for each in found["c@x.example"]] == [(MatchKind.ACCOUNT, "C")]
