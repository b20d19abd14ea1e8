"""FetchXML as values: one read over tables that are joined by any columns, which OData cannot ask in one request.

A `Fetch` is checked and encoded once; what differs from call to call (texts, ids, moments) are parameters, so that a
path costs a joining of finished pieces. Source: "Query data using FetchXml", "Join tables using FetchXml".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID
from xml.sax.saxutils import quoteattr

from shared.dataverse.odata.choices import Choice, encoded_attribute
from shared.dataverse.odata.filters import Scalar, encoded
from shared.dataverse.odata.parts import EncodedPath
from shared.dataverse.odata.table import Table
from shared.dataverse.odata.values import utc_text

MOST_LINKS = 10
"""Link entities of a query ("Number of link entities in query exceeded maximum limit", 0x8004430D)."""

type Operator = Literal["eq", "ne", "gt", "ge", "lt", "le"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is given with each call, by this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A column compared with a value."""

    column: str
    operator: Operator
    value: Scalar | Parameter


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows that a parameter chooses: `ByText` in one of these columns, or `ById`."""

    columns: tuple[str, ...]
    parameter: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """Rows of another table whose `from_column` equals the parent's `to_column`. Columns come as `<alias>.<column>`."""

    table: Table
    from_column: str
    to_column: str
    alias: str
    outer: bool = True
    """An inner link drops the parent's row when there is no linked one."""
    select: tuple[str, ...] = ()
    where: tuple[Condition | Chosen, ...] = ()
    links: tuple["Link", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """One read of a table and of those that hang on it. Every condition has to hold.

    The path raises UnknownNameError for a name that a table lacks.
    """

    table: Table
    select: tuple[str, ...]
    where: tuple[Condition | Chosen, ...] = ()
    links: tuple[Link, ...] = ()
    newest_first: str | None = None
    top: int | None = None

    def ask(self, values: Mapping[str, Scalar | Choice]) -> "BoundFetch":
        """This read with these parameters."""
        return BoundFetch(self, values)

    @cached_property
    def pieces(self) -> tuple["_Piece", ...]:
        """The path below `/api/data/v9.2/`, finished but for the parameters."""
        links = sum(1 for _ in _all_links(self.links))
        if links > MOST_LINKS:
            raise ValueError(f"a FetchXML query takes {MOST_LINKS} links, not {links}")
        # `top` and `no-lock` as attributes of <fetch>; a read that a caller waits for must not queue behind writes.
        top = "" if self.top is None else f' top="{self.top}"'
        pieces: list[_Piece] = [f"<fetch{top}><entity name={quoteattr(self.table.logical_name)}>"]
        pieces += _content(self.table, self.select, self.where)
        for link in self.links:
            pieces += _link(link, self.table)
        if self.newest_first is not None:
            self.table.require_readable((self.newest_first,))
            pieces.append(f'<order attribute="{attribute(self.newest_first)}" descending="true"/>')
        pieces.append("</entity></fetch>")
        return (f"{self.table.entity_set}?fetchXml=", *_encoded_pieces(pieces))


@dataclass(frozen=True)
class BoundFetch:
    """A `Fetch` with its parameters: what a client sends."""

    fetch: Fetch
    values: Mapping[str, Scalar | Choice] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The table whose rows come back."""
        return self.fetch.table

    def path(self) -> str:
        """The URL below `/api/data/v9.2/`, encoded. Raises UnknownNameError, or KeyError for a missing parameter."""
        return EncodedPath(
            "".join(
                [
                    piece if isinstance(piece, str) else piece.text(self.values[piece.parameter])
                    for piece in self.fetch.pieces
                ]
            )
        )


def attribute(column: str) -> str:
    """The logical name of a column: a lookup is read as `_ownerid_value` and named `ownerid`."""
    return column.removeprefix("_").removesuffix("_value") if column.startswith("_") else column


# --------------------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True, slots=True)
class _ScalarPlace:
    parameter: str

    def text(self, value: Any) -> str:
        return encoded_attribute(_plain(value))


@dataclass(frozen=True, slots=True)
class _ChoicePlace:
    parameter: str
    columns: tuple[str, ...]
    primary_id: str

    def text(self, value: Any) -> str:
        return str(value.condition(self.columns, self.primary_id))


type _Place = _ScalarPlace | _ChoicePlace
type _Piece = str | _Place


def _content(table: Table, select: tuple[str, ...], where: tuple[Condition | Chosen, ...]) -> Iterator[_Piece]:
    table.require_readable(select)
    yield "".join(f'<attribute name="{attribute(column)}"/>' for column in select)
    if not where:
        return
    yield "<filter>"
    for condition in where:
        if isinstance(condition, Chosen):
            table.require_readable(condition.columns)
            columns = tuple(attribute(column) for column in condition.columns)
            yield '<filter type="or">'
            yield _ChoicePlace(condition.parameter, columns, table.primary_id)
            yield "</filter>"
        else:
            yield from _comparison(table, condition)
    yield "</filter>"


def _comparison(table: Table, condition: Condition) -> Iterator[_Piece]:
    table.require_readable((condition.column,))
    name = attribute(condition.column)
    if isinstance(condition.value, Parameter):
        yield f'<condition attribute="{name}" operator="{condition.operator}" value="'
        yield _ScalarPlace(condition.value.name)
        yield '"/>'
    elif condition.value is None:
        operator = {"eq": "null", "ne": "not-null"}[condition.operator]
        yield f'<condition attribute="{name}" operator="{operator}"/>'
    else:
        value = quoteattr(_plain(condition.value))
        yield f'<condition attribute="{name}" operator="{condition.operator}" value={value}/>'


def _link(link: Link, parent: Table) -> Iterator[_Piece]:
    link.table.require_readable((link.from_column,))
    parent.require_readable((link.to_column,))
    yield (
        f'<link-entity name="{link.table.logical_name}" from="{attribute(link.from_column)}"'
        f' to="{attribute(link.to_column)}" alias="{link.alias}" link-type="{"outer" if link.outer else "inner"}">'
    )
    yield from _content(link.table, link.select, link.where)
    for inner in link.links:
        yield from _link(inner, link.table)
    yield "</link-entity>"


def _all_links(links: tuple[Link, ...]) -> Iterator[Link]:
    for link in links:
        yield link
        yield from _all_links(link.links)


def _encoded_pieces(pieces: list[_Piece]) -> Iterator[_Piece]:
    """Neighbouring texts as one, encoded."""
    waiting = ""
    for piece in pieces:
        if isinstance(piece, str):
            waiting += piece
        else:
            yield encoded(waiting)
            yield piece
            waiting = ""
    yield encoded(waiting)


def _plain(value: Scalar) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case datetime():
            return utc_text(value)
        case UUID() | str() | int():
            return str(value)
        case _:
            return format(value, "f") if value is not None else ""
