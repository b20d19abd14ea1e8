"""A customer in an activity: whom a phone call is regarding, and who takes part in it. Pure.

Columns: table reference of the phone call and of the activity party.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from shared.customers.document import MatchKind
from shared.customers.matching import TABLES, Match
from shared.dataverse.tables import ACTIVITY_PARTY, JsonRow, PhoneCallNavigation

type CustomerKind = Literal[MatchKind.CONTACT, MatchKind.ACCOUNT, MatchKind.LEAD]
type _PartyNavigation = Literal["partyid_account", "partyid_contact", "partyid_lead", "partyid_systemuser"]

REGARDING: Final[Mapping[CustomerKind, PhoneCallNavigation]] = {
    MatchKind.CONTACT: "regardingobjectid_contact_phonecall",
    MatchKind.ACCOUNT: "regardingobjectid_account_phonecall",
    MatchKind.LEAD: "regardingobjectid_lead_phonecall",
}
"""What a phone call is bound by to whom it is regarding."""
_PARTY: Final[Mapping[CustomerKind, _PartyNavigation]] = {
    MatchKind.CONTACT: "partyid_contact",
    MatchKind.ACCOUNT: "partyid_account",
    MatchKind.LEAD: "partyid_lead",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of Dynamics."""

    kind: CustomerKind
    id: UUID


def matched_customer(match: Match) -> Customer | None:
    """The customer whom the match policy found or picked; None for nobody and for several."""
    kind = match.kind
    if match.row is None or kind is MatchKind.NONE or kind is MatchKind.AMBIGUOUS:
        return None
    return Customer(kind, UUID(str(match.row[TABLES[kind].primary_id])))


def customer_party(customer: Customer, side: int) -> JsonRow:
    """The customer as a party on this side (`participationtypemask`), to be made with its activity."""
    bind: dict[_PartyNavigation, UUID | str] = {_PARTY[customer.kind]: customer.id}
    return ACTIVITY_PARTY.part_of_row({"participationtypemask": side}, bind)


def user_party(user_id: UUID | str, side: int) -> JsonRow:
    """A user (systemuserid) as a party on this side, likewise."""
    bind: dict[_PartyNavigation, UUID | str] = {"partyid_systemuser": user_id}
    return ACTIVITY_PARTY.part_of_row({"participationtypemask": side}, bind)
