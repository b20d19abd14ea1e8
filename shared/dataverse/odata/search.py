"""A query for the rows of which one of some columns holds a text. What does not depend on the texts is made once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.dataverse.odata.choices import ById, Choice, Texts
from shared.dataverse.odata.filters import Filter, encoded, literal
from shared.dataverse.odata.parts import EncodedPath
from shared.dataverse.odata.queries import Query
from shared.dataverse.odata.table import Descending, Expand, Table

_OR = "%20or%20"
_IN = "(Microsoft.Dynamics.CRM.In(PropertyName={name},PropertyValues=@p1))"


@dataclass(frozen=True, kw_only=True)
class Search:
    """One read of one table: rows that meet `where`, and of which a column of `columns` has a text that is asked for.

    `where` has no query function in it. Names are checked when the first path is made.
    """

    table: Table
    select: tuple[str, ...]
    columns: tuple[str, ...]
    where: Filter
    order_by: tuple[str | Descending[Any], ...] = ()
    top: int | None = None
    expand: tuple[Expand[Any], ...] = ()

    def ask(self, choice: Choice) -> "BoundSearch":
        """This search for these texts, or for rows whose keys are known already."""
        return BoundSearch(self, choice)

    @cached_property
    def ready(self) -> "_Ready":
        """The pieces of every path. Raises UnknownNameError for a name that the table lacks."""
        self.table.require_readable(self.columns)
        query = Query(
            table=self.table,
            select=self.select,
            where=self.where,
            order_by=self.order_by,
            top=self.top,
            expand=self.expand,
        )
        condition, aliases = self.where.render()
        if aliases:
            raise ValueError("a search takes a plain condition beside its texts")
        head, _, tail = query.path().partition(f"&$filter={condition}")
        return _Ready(
            head=f"{head}&$filter=({condition})%20and%20(",
            tail=tail,
            # An alias that stands in several places travels once.
            equal=_OR.join([_IN.format(name=f"@p{number}") for number, _ in enumerate(self.columns, 2)]),
            names="".join([f"&@p{number}={_name(column)}" for number, column in enumerate(self.columns, 2)]),
            key=_name(self.table.primary_id),
        )


@dataclass(frozen=True, slots=True)
class BoundSearch:
    """A `Search` for certain texts: what a client sends."""

    search: Search
    choice: Choice

    @property
    def table(self) -> Table:
        """The table whose rows come back."""
        return self.search.table

    def path(self) -> str:
        """The URL below `/api/data/v9.2/`, encoded. Raises UnknownNameError."""
        ready, choice = self.search.ready, self.choice
        if isinstance(choice, ById):
            return EncodedPath(f"{ready.head}{_IN.format(name='@p2')})&@p1={choice.array}&@p2={ready.key}{ready.tail}")
        conditions = [f"({ready.equal})", *self._text_functions(choice)]
        return EncodedPath(f"{ready.head}{_OR.join(conditions)})&@p1={choice.array}{ready.names}{ready.tail}")

    def _text_functions(self, choice: Texts) -> list[str]:
        found: list[str] = []
        columns = self.search.columns
        if choice.begins:
            found.append(f"({choice.starts(columns)})")
        if choice.contains is not None:
            text = encoded(literal(choice.contains))
            found.append(f"({_OR.join([f'contains({column},{text})' for column in columns])})")
        return found


@dataclass(frozen=True, slots=True)
class _Ready:
    head: str
    tail: str
    equal: str
    names: str
    key: str


def _name(column: str) -> str:
    # Query functions know attributes only: a lookup is read as `_ownerid_value` and named `ownerid`.
    return encoded(literal(column.removeprefix("_").removesuffix("_value") if column.startswith("_") else column))
