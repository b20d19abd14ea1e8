"""Who of the people in Dynamics a request means: the agent, and the customer with an e-mail. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.ticket_creation.decide.customers import Customer
from shared.customers import MatchKind
from shared.dataverse.tables import JsonRow


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent's user. Without an id the fallback owns the case."""

    id: UUID | None = None
    """systemuserid."""
    name: str | None = field(default=None, repr=False)
    why_not: str | None = None
    """Why nobody is meant."""


def agent_of(email: str | None, users: Iterable[JsonRow]) -> Agent:
    """The enabled user with this e-mail, in any case, else with this sign-in name ("Agent's email must be equal to the
    Agent's email registered on Dynamics365 Account", XCALLY's guide). Of several none is guessed."""
    if email is None:
        return Agent(why_not="no agent took the call")
    wanted = email.strip().casefold()
    for column in ("internalemailaddress", "domainname"):
        found = {
            str(row["systemuserid"]): row for row in users if str(row.get(column) or "").strip().casefold() == wanted
        }
        enabled = [row for row in found.values() if row.get("isdisabled") is not True]
        if len(enabled) == 1:
            return Agent(UUID(str(enabled[0]["systemuserid"])), enabled[0].get("fullname"))
        if len(enabled) > 1:
            return Agent(why_not="several users of Dynamics have the agent's e-mail")
        if found:
            return Agent(why_not="the agent's user is disabled")
    return Agent(why_not="the agent is no user of Dynamics")


def customers_by_email(contacts: Sequence[JsonRow], accounts: Sequence[JsonRow]) -> dict[str, tuple[Customer, ...]]:
    """The contacts, else the accounts, by e-mail in lower case, in the order of the rows."""
    found: dict[str, tuple[Customer, ...]] = {}
    for row in contacts:
        _add(found, row, Customer(MatchKind.CONTACT, UUID(str(row["contactid"])), row.get("fullname")))
    for row in accounts:
        known: Mapping[str, tuple[Customer, ...]] = found
        before = known.get(_email(row), ())
        if not before or before[0].kind is MatchKind.ACCOUNT:
            _add(found, row, Customer(MatchKind.ACCOUNT, UUID(str(row["accountid"])), row.get("name")))
    return found


def _add(found: dict[str, tuple[Customer, ...]], row: JsonRow, customer: Customer) -> None:
    found[_email(row)] = (*found.get(_email(row), ()), customer)


def _email(row: JsonRow) -> str:
    return str(row.get("emailaddress1") or "").strip().casefold()
