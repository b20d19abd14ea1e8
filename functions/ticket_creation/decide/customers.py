"""Whose case it is. Dynamics takes no case without a customer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID, uuid5

from functions.ticket_creation.decide.targets import Target
from shared.customers import CustomerMatching, Match, MatchKind, unknown_caller_id
from shared.customers.matching import ACCOUNT_OF_LEAD, CONTACT_OF_LEAD
from shared.dataverse.tables import JsonRow
from shared.number_index.keys import NumberKey
from shared.phone_numbers import e164
from shared.ticket_request import CallDirection, TicketRequest

NS_CONTACT_BY_EMAIL: Final = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a22")
"""Part of every customer's data: it never changes (architecture, decision 1)."""

_LONGEST_EMAIL = 100

type CustomerKind = Literal[MatchKind.CONTACT, MatchKind.ACCOUNT]


@dataclass(frozen=True, slots=True)
class Customer:
    """A contact or an account of Dynamics."""

    kind: CustomerKind
    id: UUID
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewContact:
    """Somebody to be made before the case."""

    id: UUID
    number: str | None = field(repr=False)
    """E.164."""
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NoCustomer:
    """Nobody, so there is no case."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Something has to be known or set first."""

    reason: str


type Whose = Customer | NewContact | NoCustomer | NotYet


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request says of the customer."""

    number: str | None = field(default=None, repr=False)
    """E.164; None when withheld, unreadable, or one of ours."""
    is_own: bool = False
    """Whether the number is one of ours."""
    shown: str | None = field(default=None, repr=False)
    """As the request has it."""
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known beside the match."""

    by_email: Mapping[str, tuple[Customer, ...]] = field(default_factory=dict, repr=False)
    """Contacts, else accounts, with an address (in lower case), the oldest first."""
    customer_key: NumberKey | None = None
    own_numbers_known: bool = True
    """Whether it is known which numbers are ours."""


def customer_text(request: TicketRequest) -> str | None:
    """The customer's number as the request has it."""
    return request.called_number if request.direction is CallDirection.OUTGOING else request.caller_number


def caller_of(request: TicketRequest, matching: CustomerMatching, own: Collection[str], email_variable: str) -> Caller:
    """What the request says of the customer. `own`: lines of ours (E.164) beside those of the document."""
    text = customer_text(request)
    number = e164(text, matching.default_region) if text else None
    ours = number is not None and (number in own or number in matching.own_numbers)
    email = (request.variables.get(email_variable) or "").strip().casefold()
    is_email = "@" in email and len(email) <= _LONGEST_EMAIL and not any(sign.isspace() for sign in email)
    return Caller(None if ours else number, ours, text, email if is_email else None)


def customer_of(caller: Caller, match: Match, known: Knowledge, target: Target) -> Whose:
    """Whose case it is: who has the number, else who has the e-mail, else what the configuration says of unknown
    callers. `match`: of several customers the first, where the configuration wants that."""
    found = _matched(match)
    if found is not None:
        return found
    if match.kind is MatchKind.AMBIGUOUS:
        return _several(target, "several customers have the number")
    by_email = known.by_email.get(caller.email, ()) if caller.email is not None else ()
    if len(by_email) == 1 or (by_email and target.rules.several_matches == "first"):
        return by_email[0]
    if by_email:
        return _several(target, "several customers have the e-mail")
    return _unknown(caller, known, target)


def _matched(match: Match) -> Customer | None:
    if match.row is None:
        return None
    match match.kind:
        case MatchKind.CONTACT:
            return _contact(match.row)
        case MatchKind.ACCOUNT:
            return _account(match.row)
        case MatchKind.LEAD:
            # A lead is no customer of a case; the contact or account behind it is.
            for navigation, read in ((CONTACT_OF_LEAD, _contact), (ACCOUNT_OF_LEAD, _account)):
                if isinstance(row := match.row.get(navigation), dict):
                    return read(row)
    return None


def _contact(row: JsonRow) -> Customer:
    return Customer(MatchKind.CONTACT, UUID(str(row["contactid"])), row.get("fullname"))


def _account(row: JsonRow) -> Customer:
    return Customer(MatchKind.ACCOUNT, UUID(str(row["accountid"])), row.get("name"))


def _several(target: Target, reason: str) -> Whose:
    if target.rules.several_matches != "noCase" and target.fallback_account is not None:
        return Customer(MatchKind.ACCOUNT, target.fallback_account)
    return NoCustomer(reason)


def _unknown(caller: Caller, known: Knowledge, target: Target) -> Whose:
    fallback = target.fallback_account
    match target.rules.unknown_caller:
        case "noCase":
            return NoCustomer("the caller is unknown")
        case "fallbackAccount" if fallback is not None:
            return Customer(MatchKind.ACCOUNT, fallback)
    if caller.is_own:
        return NoCustomer("the number is one of ours") if fallback is None else Customer(MatchKind.ACCOUNT, fallback)
    if caller.number is None and caller.email is None:
        if fallback is not None:
            return Customer(MatchKind.ACCOUNT, fallback)
        return NoCustomer("the caller shows no number, and there is no fallbackAccount")
    if known.customer_key is None:
        return NotYet("CUSTOMER_ID_KEY is not set: no contact is made for an unknown caller")
    if caller.number is not None and not known.own_numbers_known:
        return NotYet("it is not known yet which numbers are ours")
    return new_contact(caller, known.customer_key)


def new_contact(caller: Caller, key: NumberKey) -> NewContact:
    """The contact of an unknown caller: the same one for the same number, whoever makes it, else for the same
    e-mail."""
    if caller.number is not None:
        return NewContact(unknown_caller_id(MatchKind.CONTACT, caller.number, key), caller.number, caller.email)
    assert caller.email is not None
    return NewContact(uuid5(NS_CONTACT_BY_EMAIL, key.digest(f"mailto:{caller.email}")), None, caller.email)
