"""Whom a match makes known, and how he stands in an activity."""

from uuid import UUID

import pytest

from shared.customers.activities import REGARDING, Customer, CustomerKind, customer_party, matched_customer, user_party
from shared.customers.document import MatchKind
from shared.customers.matching import AMBIGUOUS, NOBODY, Match
from shared.dataverse.tables import PARTY_FROM, PARTY_TO, PHONE_CALL

SOMEBODY = UUID(int=42)
KINDS: list[tuple[CustomerKind, str, str]] = [
    (MatchKind.CONTACT, "contactid", "contacts"),
    (MatchKind.ACCOUNT, "accountid", "accounts"),
    (MatchKind.LEAD, "leadid", "leads"),
]


@pytest.mark.parametrize("match", [NOBODY, AMBIGUOUS, Match(MatchKind.CONTACT)])
def test_nobody_and_several_are_no_customer(match: Match) -> None:
    assert matched_customer(match) is None


@pytest.mark.parametrize(("kind", "key", "table"), KINDS)
def test_a_customer_is_a_party_and_regarded_by_his_own_table(kind: CustomerKind, key: str, table: str) -> None:
    customer = matched_customer(Match(kind, {key: str(SOMEBODY)}))
    assert customer == Customer(kind, SOMEBODY)
    assert customer is not None
    party = f"partyid_{kind.value}@odata.bind"
    assert customer_party(customer, PARTY_FROM) == {"participationtypemask": 1, party: f"/{table}({SOMEBODY})"}
    row = PHONE_CALL.row(UUID(int=1), {}, {REGARDING[kind]: customer.id})
    assert row[f"regardingobjectid_{kind.value}_phonecall@odata.bind"] == f"/{table}({SOMEBODY})"


def test_a_user_is_a_party() -> None:
    wanted = {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({SOMEBODY})"}
    assert user_party(SOMEBODY, PARTY_TO) == user_party(str(SOMEBODY), PARTY_TO) == wanted
