"""Whose number it is, among the rows that were found for it. Pure.

A number belongs to a contact before an account before a lead. Dataverse is asked by texts, and each row that it gives
is read again here: a customer matches only when a stored number means the very number that calls.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final

from shared.customers.document import LEAST_REST, CustomerMatching, MatchKind, OrderKey
from shared.dataverse.tables import ACCOUNT, CONTACT, LEAD, JsonRow, Table, utc_moment
from shared.phone_numbers import is_number, is_rest_of

MOST_PARENT_LEVELS = 3


TABLES: Final[Mapping[MatchKind, Table]] = {
    MatchKind.CONTACT: CONTACT,
    MatchKind.ACCOUNT: ACCOUNT,
    MatchKind.LEAD: LEAD,
}
"""The searched kinds; the first with a match decides."""

# The questions of a look-up beside those of the kinds, which have the kinds' names.
PRIMARY_CONTACT: Final = "accounts whose primary contact it is"
OPEN_CASES: Final = {kind: f"open cases of {kind}" for kind in (MatchKind.CONTACT, MatchKind.ACCOUNT)}
ACTIVITIES: Final = {kind: f"activities of {kind}" for kind in (MatchKind.CONTACT, MatchKind.ACCOUNT)}

PARENT_OF_CONTACT: Final = "parentcustomerid_account"
PARENT_OF_ACCOUNT: Final = "parentaccountid"
ACCOUNT_OF_LEAD: Final = "customerid_account"
CONTACT_OF_LEAD: Final = "customerid_contact"
OWNER: Final = "owninguser"


def parent_alias(level: int) -> str:
    """What the parent so many levels above an account is called in a FetchXML answer."""
    return f"parent{level}"


@dataclass(frozen=True)
class CustomerColumns:
    """What somebody wants to read of a matched customer, beside the searched columns."""

    contact: frozenset[str] = frozenset()
    """Of the matched contact, and of the contact that a matched lead is linked to."""
    account: frozenset[str] = frozenset()
    """Of every related account."""
    lead: frozenset[str] = frozenset()
    parent_account: bool = False
    """The parent account of a matched contact; columns of accounts ask for it too."""
    parent_levels: int = 0
    """Levels of parents above each related account, at most 3."""
    primary_contact: bool = False
    """The accounts whose primary contact the matched contact is."""
    lead_customer: bool = False
    """The account or contact that a matched lead is linked to."""

    def __post_init__(self) -> None:
        if not 0 <= self.parent_levels <= MOST_PARENT_LEVELS:
            raise ValueError(f"an account has 0 to {MOST_PARENT_LEVELS} levels of parents, not {self.parent_levels}")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Each call looks up the questions that were made for the same columns.
        return hash(tuple(getattr(self, each.name) for each in fields(self)))

    @property
    def need_parent_account(self) -> bool:
        """Whether the account that a contact belongs to is to be read."""
        return self.parent_account or bool(self.account) or self.parent_levels > 0


@dataclass(frozen=True, slots=True)
class Match:
    """Who a number belongs to."""

    kind: MatchKind
    row: JsonRow | None = None
    """The matched contact, account or lead."""
    contact: JsonRow | None = None
    """The matched contact, or the contact that the matched lead is linked to."""
    accounts: tuple[JsonRow, ...] = ()
    """Related accounts as far as they were asked for, nearest first, none twice: the matched account, the contact's
    or the lead's one, its parents; then those whose primary contact calls, and their parents."""
    candidate_kind: MatchKind = field(default=MatchKind.NONE, compare=False)
    """Contact, account or lead: of which kind the rows are that have the number, also where they are ambiguous. Leads
    are among several only where all of them are: a contact or account goes before every lead."""
    candidates: tuple[str, ...] = field(default=(), compare=False)
    """The ids of those rows, sorted: one, or several where they are ambiguous or the first of them was picked."""

    @property
    def lead(self) -> JsonRow | None:
        """The matched lead."""
        return self.row if self.kind is MatchKind.LEAD else None


NOBODY = Match(MatchKind.NONE)
AMBIGUOUS = Match(MatchKind.AMBIGUOUS)


def matched(number: str, matching: CustomerMatching, answers: Mapping[str, Sequence[JsonRow]]) -> Match:
    """Who the number belongs to, among the answers to `customer_questions` (others beside them do not matter).

    Several of the deciding kind are ambiguous, so a contact whose own parent account has the same number is the
    contact. `MultipleMatchesPickFirst` picks the first contact or account by `order`, never a lead (the vendor's
    option speaks of accounts and contacts only). A row that holds only what `NumbersToCut` leaves of the number
    counts where no row of any kind holds the number itself.
    """
    return match_of(*candidate_rows(number, matching, answers), matching, answers)


def match_of(
    kind: MatchKind, rows: Sequence[JsonRow], matching: CustomerMatching, answers: Mapping[str, Sequence[JsonRow]]
) -> Match:
    """The verdict on these rows, which all have the number and are of this kind (NONE without rows)."""
    if not rows:
        return NOBODY
    ids = tuple(sorted(str(row[TABLES[kind].primary_id]) for row in rows))
    if is_ambiguous(kind, rows, matching):
        return Match(MatchKind.AMBIGUOUS, candidate_kind=kind, candidates=ids)
    row = rows[0] if len(rows) == 1 else first_by_order(kind, rows, matching.order, answers)
    return replace(_match(kind, row, answers), candidate_kind=kind, candidates=ids)


def deciding_rows(
    number: str, matching: CustomerMatching, answers: Mapping[str, Sequence[JsonRow]]
) -> tuple[MatchKind, list[JsonRow]]:
    """The rows with this number of the kind that decides; of the kind AMBIGUOUS when nothing picks one of several."""
    kind, rows = candidate_rows(number, matching, answers)
    return (MatchKind.AMBIGUOUS if is_ambiguous(kind, rows, matching) else kind), rows


def candidate_rows(
    number: str, matching: CustomerMatching, answers: Mapping[str, Sequence[JsonRow]]
) -> tuple[MatchKind, list[JsonRow]]:
    """The rows with this number of the kind that decides, and that kind; NONE without rows."""
    for holds in (_holds_number, _holds_rest) if matching.numbers_to_cut else (_holds_number,):
        for kind, columns in searched(matching).items():
            rows = [row for row in answers.get(kind, ()) if holds(row, columns, number, matching)]
            if rows:
                return kind, rows
    return MatchKind.NONE, []


def is_ambiguous(kind: MatchKind, rows: Sequence[JsonRow], matching: CustomerMatching) -> bool:
    """Whether nothing picks one of these rows of one kind."""
    return len(rows) > 1 and (kind is MatchKind.LEAD or not matching.multiple_matches_pick_first)


def searched(matching: CustomerMatching) -> dict[MatchKind, tuple[str, ...]]:
    """The columns with phone numbers of each kind that has any, none twice."""
    return {kind: names for kind in TABLES if (names := matching.columns.of(kind))}


def _holds_number(row: JsonRow, columns: Iterable[str], number: str, matching: CustomerMatching) -> bool:
    region = matching.default_region
    return any(is_number(text, number, region) for text in searched_texts(row, columns))


def _holds_rest(row: JsonRow, columns: Iterable[str], number: str, matching: CustomerMatching) -> bool:
    cut, region = matching.numbers_to_cut, matching.default_region
    if len(number) - cut < LEAST_REST:
        return False
    return any(is_rest_of(text, number, cut, region) for text in searched_texts(row, columns))


def searched_texts(row: JsonRow, columns: Iterable[str]) -> Iterator[str]:
    """The texts that stand in these columns."""
    return (text for column in columns if isinstance(text := row.get(column), str))


# ------------------------------------------------------------------------------------------- the first of several


def first_by_order(
    kind: MatchKind, rows: Sequence[JsonRow], order: Sequence[OrderKey], answers: Mapping[str, Sequence[JsonRow]]
) -> JsonRow:
    """The row that comes first: by each key of `order` in turn, then the oldest, then by id."""
    primary_id = TABLES[kind].primary_id
    facts = _Facts(
        kind=kind,
        with_case=frozenset(row.get("_customerid_value") for row in answers.get(OPEN_CASES[kind], ())),
        last_activity=_last_activities(answers.get(ACTIVITIES[kind], ())),
    )

    def key(row: JsonRow) -> tuple[float | str, ...]:
        return (*(_RANKS[name](row, facts) for name in order), str(row.get("createdon") or "~"), str(row[primary_id]))

    return min(rows, key=key)


@dataclass(frozen=True, slots=True)
class _Facts:
    kind: MatchKind
    with_case: frozenset[Any]
    last_activity: Mapping[str, float]

    def row_id(self, row: JsonRow) -> str:
        return str(row[TABLES[self.kind].primary_id])


def _last_activities(rows: Iterable[JsonRow]) -> dict[str, float]:
    """The moment of the latest activity by the id of the row that it is about."""
    latest: dict[str, float] = {}
    for row in rows:
        about, created = row.get("_regardingobjectid_value"), row.get("createdon")
        if about and created:
            latest[about] = max(latest.get(about, 0.0), utc_moment(created).timestamp())
    return latest


def _is_primary_contact(row: JsonRow, facts: _Facts) -> bool:
    account = row.get(PARENT_OF_CONTACT)
    return isinstance(account, dict) and account.get("_primarycontactid_value") == facts.row_id(row)


def _is_owned_by_an_enabled_user(row: JsonRow) -> bool:
    owner = row.get(OWNER)
    return isinstance(owner, dict) and owner.get("isdisabled") is False


# Lower comes first. Only active rows are asked for, so the first key is always met.
_RANKS: Mapping[OrderKey, Callable[[JsonRow, _Facts], float]] = {
    "active": lambda row, facts: 0,
    "openCase": lambda row, facts: facts.row_id(row) not in facts.with_case,
    "lastActivity": lambda row, facts: -facts.last_activity.get(facts.row_id(row), 0.0),
    "primaryContact": lambda row, facts: not _is_primary_contact(row, facts),
    "owner": lambda row, facts: not _is_owned_by_an_enabled_user(row),
}


# -------------------------------------------------------------------------------------------------- related rows


def _match(kind: MatchKind, row: JsonRow, answers: Mapping[str, Sequence[JsonRow]]) -> Match:
    if kind is MatchKind.ACCOUNT:
        return Match(kind, row, None, _none_twice(_with_parents(row)))
    if kind is MatchKind.CONTACT:
        by_primary_contact = [
            account
            for found in answers.get(PRIMARY_CONTACT, ())
            if found.get("_primarycontactid_value") == row[CONTACT.primary_id]
            for account in _with_linked_parents(found)
        ]
        accounts = [*_with_parents(row.get(PARENT_OF_CONTACT)), *by_primary_contact]
        return Match(kind, row, row, _none_twice(accounts))
    contact = row.get(CONTACT_OF_LEAD)
    contact = contact if isinstance(contact, dict) else None
    accounts = [*_with_parents(row.get(ACCOUNT_OF_LEAD)), *_with_parents((contact or {}).get(PARENT_OF_CONTACT))]
    return Match(kind, row, contact, _none_twice(accounts))


def _with_parents(account: object) -> Iterator[JsonRow]:
    """An expanded account and those above it."""
    while isinstance(account, dict):
        yield account
        account = account.get(PARENT_OF_ACCOUNT)


def _with_linked_parents(row: JsonRow) -> Iterator[JsonRow]:
    """An account of a FetchXML answer and those above it, whose columns stand in the same row (`parent1.name`)."""
    yield {name: value for name, value in row.items() if "." not in name}
    for level in range(1, MOST_PARENT_LEVELS + 1):
        start = f"{parent_alias(level)}."
        parent = {name.removeprefix(start): value for name, value in row.items() if name.startswith(start)}
        if ACCOUNT.primary_id not in parent:
            return
        yield parent


def _none_twice(accounts: Iterable[JsonRow]) -> tuple[JsonRow, ...]:
    found: dict[str, JsonRow] = {}
    for account in accounts:
        found.setdefault(account[ACCOUNT.primary_id], account)
    return tuple(found.values())
