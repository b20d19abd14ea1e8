"""What Dataverse is asked about a caller: customers by every spelling of the number, and what hangs on them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from shared.customers.document import LEAST_REST, CustomerMatching, MatchKind, OrderKey
from shared.customers.matching import (
    ACCOUNT_OF_LEAD,
    ACTIVITIES,
    CONTACT_OF_LEAD,
    OPEN_CASES,
    OWNER,
    PARENT_OF_ACCOUNT,
    PARENT_OF_CONTACT,
    PRIMARY_CONTACT,
    TABLES,
    CustomerColumns,
    parent_alias,
    searched,
)
from shared.dataverse.odata import (
    ById,
    ByText,
    Choice,
    Chosen,
    Condition,
    Expand,
    Fetch,
    Filled,
    Link,
    Query,
    Question,
    Search,
    Texts,
)
from shared.dataverse.tables import (
    ACCOUNT,
    ACTIVE,
    ACTIVITY_POINTER,
    CONTACT,
    INCIDENT,
    SYSTEM_USER,
    Table,
)
from shared.phone_numbers import SpellingPattern, country_of, e164, likely_spellings, spelling_pattern

MOST_CANDIDATES = 50
"""Rows asked for of each kind. Two are ambiguous already; the rest is room for rows that turn out to differ."""

_MOST_FACTS = 500
"""Open cases or activities of all candidates of a kind, the newest first."""
_OLDEST_FIRST = "createdon"
_ACTIVE = Condition("statecode", "eq", ACTIVE)


type Ids = Mapping[MatchKind, Sequence[str]]
"""Primary keys of customers, by kind."""


def caller_number(text: str | None, matching: CustomerMatching, own: frozenset[str] = frozenset()) -> str | None:
    """The number (E.164) by which a caller may be a customer.

    None for a withheld caller (no text, `anonymous`, ...), for text that is no complete number, such as an internal
    one, and for our own lines: those of the document and `own`.
    """
    number = e164(text, matching.default_region) if text else None
    return None if number in own or number in matching.own_numbers else number


def search_texts(number: str, matching: CustomerMatching) -> Texts:
    """What this number (E.164) may look like in a column, with an extension too, and after `NumbersToCut`."""
    cut = matching.numbers_to_cut
    pattern, digits = spelling_pattern(number, matching.default_region)
    if not cut or len(number) - cut < LEAST_REST:
        return Filled(_search_texts(pattern, None, 0), digits)
    # What was cut is the country code, as a rule: what is left of it is the number as its own country writes it.
    own, _ = spelling_pattern(number, country_of(number))
    return Filled(_search_texts(pattern, own, cut), digits)


@lru_cache(maxsize=1024)
def _search_texts(pattern: SpellingPattern, own: SpellingPattern | None, cut: int) -> ByText:
    texts, rest = pattern.equal, None
    if own is not None:
        texts, rest = tuple(dict.fromkeys((*texts, *own.equal))), pattern.whole[cut:]
    # What begins so needs not be asked for again as a whole: every text travels once for each column.
    return ByText(tuple([text for text in texts if text not in pattern.begins]), pattern.begins, rest)


def join_choice(kind: MatchKind, ids: Ids | None, joined: Texts) -> Choice:
    """The parameter of a joining read, named by the kind: ids where those are known, else texts."""
    return joined if ids is None else ById(tuple(ids[kind]))


def customer_questions(
    number: str,
    matching: CustomerMatching,
    wanted: CustomerColumns,
    *,
    ids: Ids | None = None,
    joined: Texts | None = None,
) -> dict[str, Question]:
    """What has to be asked to know whose number (E.164) this is, by the keys that `matched` knows.

    With `ids`, as the number index gives them, rows are read by primary key, and a kind without ids is not asked.
    `joined` are the spellings that joins ask for, the likely ones where absent.
    """
    joined = joined or ByText(likely_spellings(number, matching.default_region))
    columns = searched(matching)
    if ids is not None:
        columns = {kind: names for kind, names in columns.items() if ids.get(kind)}
    order = matching.order if matching.multiple_matches_pick_first else None
    shapes = _shapes(tuple(columns.items()), wanted, order)
    questions: dict[str, Question] = {
        kind: search.ask(search_texts(number, matching) if ids is None else ById(tuple(ids[kind])))
        for kind, search in shapes.kinds.items()
    }
    for key, (kind, fetch) in shapes.fetches.items():
        questions[key] = fetch.ask({kind: join_choice(kind, ids, joined)})
    return questions


@lru_cache(maxsize=64)
def rows_search(kind: MatchKind, columns: tuple[str, ...], wanted: CustomerColumns, top: int) -> Search:
    """The rows of a kind and what is expanded of them, the oldest first, without what picks one of several."""
    return replace(_search(kind, columns, wanted, None), top=top)


# --------------------------------------------------------------------------------------------------------- shapes


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The questions without a number: the same for every call until a document changes."""

    kinds: Mapping[MatchKind, Search]
    fetches: Mapping[str, tuple[MatchKind, Fetch]]


@lru_cache(maxsize=64)
def _shapes(
    columns_by_kind: tuple[tuple[MatchKind, tuple[str, ...]], ...],
    wanted: CustomerColumns,
    order: tuple[OrderKey, ...] | None,
) -> _Shapes:
    """`order` is None where none of several is picked."""
    facts = order or ()
    fetches: dict[str, tuple[MatchKind, Fetch]] = {}
    for kind, columns in columns_by_kind:
        if kind is MatchKind.CONTACT and wanted.primary_contact:
            fetches[PRIMARY_CONTACT] = kind, _accounts_of_primary_contact(columns, wanted)
        if kind is not MatchKind.LEAD and "openCase" in facts:
            fetches[OPEN_CASES[kind]] = kind, _open_cases(kind, columns)
        if kind is not MatchKind.LEAD and "lastActivity" in facts:
            fetches[ACTIVITIES[kind]] = kind, _activities(kind, columns)
    return _Shapes({kind: _search(kind, columns, wanted, order) for kind, columns in columns_by_kind}, fetches)


def _search(
    kind: MatchKind, columns: tuple[str, ...], wanted: CustomerColumns, order: tuple[OrderKey, ...] | None
) -> Search:
    extra = {MatchKind.CONTACT: wanted.contact, MatchKind.ACCOUNT: wanted.account, MatchKind.LEAD: wanted.lead}[kind]
    table, select = _selecting(TABLES[kind], {*columns, *extra, *(() if order is None else (_OLDEST_FIRST,))})
    return Search(
        table=table,
        select=select,
        columns=columns,
        where=table.eq("statecode", ACTIVE),
        order_by=(_OLDEST_FIRST, table.primary_id),
        top=MOST_CANDIDATES,
        expand=_expand(kind, table, wanted, order or ()),
    )


def _selecting(table: Table, columns: "set[str] | frozenset[str]") -> tuple[Table, tuple[str, ...]]:
    """The table with those columns that a configuration may have named, and what to select of it."""
    further = [name for name in columns if name not in table.readable]
    table = table.with_columns(further) if further else table
    return table, (table.primary_id, *sorted(columns - {table.primary_id}))


def _expand(kind: MatchKind, table: Table, wanted: CustomerColumns, order: tuple[OrderKey, ...]) -> tuple[Expand, ...]:
    found: list[Expand] = []
    if kind is MatchKind.CONTACT:
        found += _parent_of_contact(table, wanted, "primaryContact" in order)
    elif kind is MatchKind.ACCOUNT:
        found += _parent_of_account(table, wanted, wanted.parent_levels)
    elif wanted.lead_customer:
        contact, select = _selecting(CONTACT, wanted.contact)
        behind = Query(table=contact, select=select, expand=_parent_of_contact(contact, wanted, False))
        found += [
            table.expand(ACCOUNT_OF_LEAD, _account(wanted, wanted.parent_levels)),
            table.expand(CONTACT_OF_LEAD, behind),
        ]
    if kind is not MatchKind.LEAD and "owner" in order:
        found.append(table.expand(OWNER, Query(table=SYSTEM_USER, select=("systemuserid", "isdisabled"))))
    return tuple(found)


def _parent_of_contact(contact: Table, wanted: CustomerColumns, with_primary_contact: bool) -> tuple[Expand, ...]:
    if not wanted.need_parent_account and not with_primary_contact:
        return ()
    extra = ("_primarycontactid_value",) if with_primary_contact else ()
    return (contact.expand(PARENT_OF_CONTACT, _account(wanted, wanted.parent_levels, extra)),)


def _account(wanted: CustomerColumns, levels: int, extra: tuple[str, ...] = ()) -> Query:
    """An account, and so many levels of its parents."""
    account, select = _selecting(ACCOUNT, {*wanted.account, *extra})
    return Query(table=account, select=select, expand=_parent_of_account(account, wanted, levels))


def _parent_of_account(account: Table, wanted: CustomerColumns, levels: int) -> tuple[Expand, ...]:
    return (account.expand(PARENT_OF_ACCOUNT, _account(wanted, levels - 1)),) if levels else ()


# ------------------------------------------------------------------------------- what hangs on candidates the other way


def _accounts_of_primary_contact(columns: tuple[str, ...], wanted: CustomerColumns) -> Fetch:
    account, select = _selecting(ACCOUNT, wanted.account)
    return Fetch(
        table=account,
        select=tuple(dict.fromkeys((*select, "_primarycontactid_value"))),
        where=(_ACTIVE,),
        links=(
            _candidates(MatchKind.CONTACT, columns, "_primarycontactid_value"),
            *_linked_parents(account, select, 1, wanted.parent_levels),
        ),
        top=MOST_CANDIDATES,
    )


def _linked_parents(account: Table, select: tuple[str, ...], level: int, levels: int) -> tuple[Link, ...]:
    if level > levels:
        return ()
    return (
        Link(
            table=account,
            from_column=ACCOUNT.primary_id,
            to_column="_parentaccountid_value",
            alias=parent_alias(level),
            select=select,
            links=_linked_parents(account, select, level + 1, levels),
        ),
    )


def _open_cases(kind: MatchKind, columns: tuple[str, ...]) -> Fetch:
    return Fetch(
        table=INCIDENT,
        select=(INCIDENT.primary_id, "_customerid_value"),
        where=(_ACTIVE,),
        links=(_candidates(kind, columns, "_customerid_value"),),
        newest_first="createdon",
        top=_MOST_FACTS,
    )


def _activities(kind: MatchKind, columns: tuple[str, ...]) -> Fetch:
    return Fetch(
        table=ACTIVITY_POINTER,
        select=(ACTIVITY_POINTER.primary_id, "_regardingobjectid_value", "createdon"),
        links=(_candidates(kind, columns, "_regardingobjectid_value"),),
        newest_first="createdon",
        top=_MOST_FACTS,
    )


def _candidates(kind: MatchKind, columns: tuple[str, ...], to_column: str) -> Link:
    """The active rows with the caller's number: only what hangs on one of them is asked for."""
    table, _ = _selecting(TABLES[kind], frozenset(columns))
    return Link(
        table=table,
        from_column=table.primary_id,
        to_column=to_column,
        alias="candidate",
        outer=False,
        where=(_ACTIVE, Chosen(columns, kind)),
    )
