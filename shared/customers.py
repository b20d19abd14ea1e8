"""Who is behind a phone number: the match policy of `customer-matching.json`, one for the whole app.

A number belongs to a contact before an account before a lead. Dataverse is asked by exact spellings, and each row
that it gives is read again here: a customer matches only when a stored number means the very number that calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import ACCOUNT, ACTIVE, CONTACT, LEAD, JsonRow, Table, UnknownNameError
from shared.phone_numbers import e164, is_region, spellings

MOST_CANDIDATES = 50
"""Rows asked for of each kind. Two are ambiguous already; the rest is room for rows that turn out to differ."""

_OLDEST_FIRST = "createdon"
_PARENT_ACCOUNT = "parentcustomerid_account"


class MatchKind(StrEnum):
    """What a caller turned out to be. Rules name these."""

    CONTACT = "contact"
    ACCOUNT = "account"
    LEAD = "lead"
    NONE = "none"
    AMBIGUOUS = "ambiguous"


_TABLES: Mapping[MatchKind, Table] = {
    MatchKind.CONTACT: CONTACT,
    MatchKind.ACCOUNT: ACCOUNT,
    MatchKind.LEAD: LEAD,
}
"""The searched kinds; the first with a match decides."""


# ----------------------------------------------------------------------------------------------- the document


def column_name(name: str) -> str:
    """The name as it is, which a configuration gives. Raises ValueError when no column can have it."""
    try:
        CONTACT.with_columns([name])
    except UnknownNameError:
        raise ValueError("must be the logical name of a column, such as telephone1 or new_vip") from None
    return name


type ColumnName = Annotated[str, AfterValidator(column_name)]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class SearchedColumns(_Model):
    """The columns with phone numbers, by kind. A kind without columns is not searched."""

    contact: tuple[ColumnName, ...] = ("mobilephone", "telephone1", "telephone2", "telephone3")
    account: tuple[ColumnName, ...] = ("telephone1", "telephone2", "telephone3")
    lead: tuple[ColumnName, ...] = ("mobilephone", "telephone1", "telephone2", "telephone3")

    def of(self, kind: MatchKind) -> tuple[str, ...]:
        """The searched columns of this kind, none twice."""
        by_kind = {MatchKind.CONTACT: self.contact, MatchKind.ACCOUNT: self.account, MatchKind.LEAD: self.lead}
        return tuple(dict.fromkeys(by_kind[kind]))


class CustomerMatching(_Model):
    """`customer-matching.json`. Without a default region only numbers with a country code match."""

    default_region: str | None = None
    # The vendor's own name for it (Voice for Dynamics 365 guide 1.5.3).
    multiple_matches_pick_first: bool = Field(False, alias="MultipleMatchesPickFirst")
    columns: SearchedColumns = SearchedColumns()
    own_numbers: tuple[str, ...] = ()
    """Our queues and switchboards as E.164: they call, but they are nobody's customer."""

    @field_validator("default_region")
    @classmethod
    def _check_region(cls, code: str | None) -> str | None:
        if code is not None and not is_region(code):
            raise ValueError("must be an ISO 3166 country code in capitals, such as FI")
        return code

    @field_validator("own_numbers")
    @classmethod
    def _read_own_numbers(cls, numbers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region = info.data.get("default_region")
        read = [(position, e164(text, region)) for position, text in enumerate(numbers)]
        unreadable = [str(position) for position, number in read if number is None]
        if unreadable:
            raise ValueError(
                f"item {', '.join(unreadable)} (counted from 0) is no complete phone number; "
                "write it with its country code or set defaultRegion"
            )
        return tuple(number for _, number in read if number)


# -------------------------------------------------------------------------------------------------- the match


@dataclass(frozen=True, slots=True)
class CustomerColumns:
    """The columns that somebody wants to read of a matched customer, beside the searched ones."""

    contact: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    """Of the matched account, or of the matched contact's parent account."""


@dataclass(frozen=True, slots=True)
class Match:
    """Who a number belongs to. `account` is the matched account or the contact's parent account, if there is one."""

    kind: MatchKind
    row: JsonRow | None = None
    account: JsonRow | None = None


NOBODY = Match(MatchKind.NONE)
AMBIGUOUS = Match(MatchKind.AMBIGUOUS)


class RowReader(Protocol):
    """What a look-up needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    async def query_many(self, queries: Sequence[Query], *, within: float | None = None) -> list[list[JsonRow]]: ...


async def find_customer(
    rows: RowReader,
    caller: str,
    matching: CustomerMatching,
    wanted: CustomerColumns,
    *,
    within: float | None = None,
) -> Match:
    """Whose number this is. Costs one request, or none for text that is no number and for our own numbers.

    A withheld caller (empty text, `anonymous`, ...) is no number and so nobody. Raises DataverseError, with `within`
    in so many seconds at the latest.
    """
    number = e164(caller, matching.default_region)
    if number is None or number in matching.own_numbers:
        return NOBODY
    queries = customer_queries(number, matching, wanted)
    if not queries:
        return NOBODY
    answers = await rows.query_many(list(queries.values()), within=within)
    return matched(number, matching, dict(zip(queries, answers, strict=True)))


def customer_queries(number: str, matching: CustomerMatching, wanted: CustomerColumns) -> dict[MatchKind, Query]:
    """One query for each searched kind: the active rows that hold the number in any common spelling."""
    texts = spellings(number, matching.default_region)
    extra = {MatchKind.CONTACT: wanted.contact, MatchKind.ACCOUNT: wanted.account}
    queries = {}
    for kind in _TABLES:
        if searched := matching.columns.of(kind):
            shape = _shape(kind, searched, extra.get(kind, frozenset()), wanted.account)
            holds_number = shape.table.any_in(searched, texts)
            queries[kind] = replace(shape, where=all_of(shape.table.eq("statecode", ACTIVE), holds_number))
    return queries


@lru_cache(maxsize=16)
def _shape(
    kind: MatchKind, searched: tuple[str, ...], extra: frozenset[str], parent: frozenset[str]
) -> Query[str, str]:
    """What a query of this kind has without a number: the same for every call until a document changes."""
    columns = sorted({*searched, *extra})
    table = _TABLES[kind].with_columns(columns)
    account = ACCOUNT.with_columns(parent)
    behind = Query(table=account, select=(account.primary_id, *sorted(parent)))
    return Query(
        table=table,
        select=(table.primary_id, *columns),
        order_by=(_OLDEST_FIRST, table.primary_id),
        top=MOST_CANDIDATES,
        expand=(table.expand(_PARENT_ACCOUNT, behind),) if kind is MatchKind.CONTACT and parent else (),
    )


def matched(number: str, matching: CustomerMatching, found: Mapping[MatchKind, Sequence[JsonRow]]) -> Match:
    """Who the number belongs to, among the rows found for it. Several of the deciding kind are ambiguous.

    So a contact whose own parent account has the same number is the contact. `MultipleMatchesPickFirst` picks the
    oldest contact or account, never a lead (the vendor's option speaks of accounts and contacts only).
    """
    for kind in _TABLES:
        columns = matching.columns.of(kind)
        rows = [row for row in found.get(kind, ()) if _holds(row, columns, number, matching.default_region)]
        if not rows:
            continue
        if len(rows) > 1 and (kind is MatchKind.LEAD or not matching.multiple_matches_pick_first):
            return AMBIGUOUS
        return Match(kind, rows[0], _account(kind, rows[0]))
    return NOBODY


def _holds(row: JsonRow, columns: Iterable[str], number: str, region: str | None) -> bool:
    stored = (row.get(column) for column in columns)
    return any(isinstance(text, str) and (text == number or e164(text, region) == number) for text in stored)


def _account(kind: MatchKind, row: JsonRow) -> JsonRow | None:
    match kind:
        case MatchKind.ACCOUNT:
            return row
        case MatchKind.CONTACT:
            parent = row.get(_PARENT_ACCOUNT)
            return parent if isinstance(parent, dict) else None
        case _:
            return None
