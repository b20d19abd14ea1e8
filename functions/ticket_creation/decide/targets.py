"""What the configurations of tickets name in Dynamics; one that names what is not there is off, with the reason."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.ticket_creation.decide.columns import problem_of
from functions.ticket_creation.rules import TicketConfiguration, TicketTriggers
from shared.calls.ids import canonical_guid
from shared.dataverse.definitions import Column
from shared.dataverse.owners import Owner, owner_of_queue
from shared.dataverse.tables import ACTIVE, JsonRow


@dataclass(frozen=True, slots=True)
class Target:
    """A configuration and what it names, all of which is there."""

    name: str
    rules: TicketConfiguration
    subject_id: UUID | None = None
    product_id: UUID | None = None
    queue_id: UUID | None = None
    fallback_owner: Owner | None = None
    """None: the app's own user."""
    fallback_account: UUID | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    """What the further columns take."""


@dataclass(frozen=True, slots=True)
class Off:
    """A configuration that cannot be carried out; its requests wait until somebody mends it."""

    name: str
    reason: str


type Resolved = Mapping[str, Target | Off]
"""By the configuration's name."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that the names of all configurations brought, by what was asked for."""

    subjects: Sequence[JsonRow] = ()
    products: Sequence[JsonRow] = ()
    queues: Sequence[JsonRow] = ()
    accounts: Sequence[JsonRow] = ()
    users: Sequence[JsonRow] = ()


def resolved(document: TicketTriggers, found: Found, columns: Mapping[str, Column]) -> Resolved:
    """What each configuration means. `columns` are those of the case in this environment."""
    targets: dict[str, Target | Off] = {}
    for name, rules in document.configurations.items():
        try:
            targets[name] = _target(name, rules, found, columns)
        except _MissingError as error:
            targets[name] = Off(name, str(error))
    return targets


class _MissingError(Exception):
    """What a configuration names is not there; `str` says what."""


def _target(name: str, rules: TicketConfiguration, found: Found, columns: Mapping[str, Column]) -> Target:
    _check_choices(rules, columns)
    queue = _row("queue", rules.queue, found.queues, "queueid", ("name",))
    account = _row("fallbackAccount", rules.fallback_account, found.accounts, "accountid", ("accountnumber", "name"))
    return Target(
        name,
        rules,
        _id(_row("subject", rules.subject, found.subjects, "subjectid", ("title",)), "subjectid"),
        _id(_row("product", rules.product, found.products, "productid", ("productnumber", "name")), "productid"),
        _id(queue, "queueid"),
        _fallback_owner(rules, queue, found.users),
        _id(account, "accountid"),
        {column: _column(column, raw, columns) for column, raw in rules.columns.items()},
    )


def _check_choices(rules: TicketConfiguration, columns: Mapping[str, Column]) -> None:
    codes = {
        "caseType": ("casetypecode", rules.case_type_code),
        "origin": ("caseorigincode", rules.origin_code),
        "priority": ("prioritycode", rules.priority_code),
    }
    for key, (name, code) in codes.items():
        column = columns.get(name)
        if code is not None and column is not None and (reason := problem_of(column, code)) is not None:
            raise _MissingError(f"its {key} {reason}")


def _column(name: str, raw: str | float | bool, columns: Mapping[str, Column]) -> Column:
    column = columns.get(name)
    if column is None:
        raise _MissingError(f"the case has no column {name}")
    if not column.can_create:
        raise _MissingError(f"the column {name} cannot be written when a case is created")
    # What a template gives is known only when it is filled.
    is_template = isinstance(raw, str) and "$" in raw
    if (reason := problem_of(column, "" if is_template else raw)) is not None:
        raise _MissingError(f"its column {name} {reason}")
    return column


def _fallback_owner(rules: TicketConfiguration, queue: JsonRow | None, users: Sequence[JsonRow]) -> Owner | None:
    wanted = rules.fallback_owner
    if wanted is None:
        return None
    if wanted == "queueOwner":
        if queue is None:
            raise _MissingError("its fallbackOwner is queueOwner, and it has no queue")
        return owner_of_queue(queue)
    user = _row("fallbackOwner", wanted, users, "systemuserid", ("internalemailaddress", "domainname"))
    if user is not None and user.get("isdisabled") is True:
        raise _MissingError("the user of its fallbackOwner is disabled")
    return None if user is None else Owner("user", UUID(str(user["systemuserid"])))


def _row(key: str, text: str | None, rows: Sequence[JsonRow], primary_id: str, names: Iterable[str]) -> JsonRow | None:
    """The one active row with this id, else with this text in the first of these columns that has it."""
    if text is None:
        return None
    guid = canonical_guid(text)
    ways: list[Callable[[JsonRow], bool]] = [lambda row: guid is not None and str(row[primary_id]).lower() == guid]
    ways += [_has_text(name, text) for name in names]
    for way in ways:
        found = {row[primary_id]: row for row in rows if way(row)}
        active = [row for row in found.values() if row.get("statecode", ACTIVE) == ACTIVE]
        if len(active) > 1:
            raise _MissingError(f"several rows in Dynamics are what its {key} says: write the id")
        if active:
            return active[0]
        if found:
            raise _MissingError(f"its {key} is not active in Dynamics")
    raise _MissingError(f"its {key} is not in Dynamics")


def _has_text(name: str, text: str) -> Callable[[JsonRow], bool]:
    wanted = text.strip().casefold()
    return lambda row: str(row.get(name) or "").strip().casefold() == wanted


def _id(row: JsonRow | None, primary_id: str) -> UUID | None:
    return None if row is None else UUID(str(row[primary_id]))
