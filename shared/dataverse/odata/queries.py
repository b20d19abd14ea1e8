"""Reads as values: one query of one table, and the path that asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.dataverse.odata.filters import Filter, encoded
from shared.dataverse.odata.table import Descending, Expand, Table

_SHAPES_KEPT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Query[Read: str = Any, Navigation: str = Any]:
    """One read of one table. Column and navigation names are checked against the table when the path is made."""

    table: Table[Read, Any, Navigation, Any]
    select: tuple[Read, ...]
    where: Filter[Read] | None = None
    order_by: tuple[Read | Descending[Read], ...] = ()
    top: int | None = None
    expand: tuple[Expand[Navigation], ...] = ()

    def path(self) -> str:
        """The URL below `/api/data/v9.2/`, encoded. Raises UnknownNameError for a name that the table lacks."""
        head, tail = _around_the_filter(self.table, self.select, self.order_by, self.top, self.expand)
        if self.where is None:
            return head + tail
        if not self.where.columns <= self.table.readable:
            self.table.require_readable(self.where.columns)
        condition, aliases = self.where.render()
        options = "".join(f"&@p{number}={text}" for number, text in enumerate(aliases, 1))
        return f"{head}&$filter={condition}{options}{tail}"


@lru_cache(maxsize=_SHAPES_KEPT)
def _around_the_filter(
    table: Table,
    select: tuple[str, ...],
    order_by: tuple[str | Descending, ...],
    top: int | None,
    expand: tuple[Expand, ...],
) -> tuple[str, str]:
    """What a path has before and after its filter: no values, so the same for every call of one place."""
    head = f"{table.entity_set}?{_select_option(table, select)}"
    tail = ""
    if order_by:
        tail += f"&$orderby={','.join(_order_term(table, term) for term in order_by)}"
    if top is not None:
        tail += f"&$top={top:d}"
    return head, tail + _expand_option("&", table, expand)


def _select_option(table: Table, select: Sequence[str]) -> str:
    if not select:
        raise ValueError(f"a query of {table.logical_name} selects no column: Dataverse would send them all")
    table.require_readable(select)
    return f"$select={','.join(select)}"


def _order_term(table: Table, term: str | Descending) -> str:
    if isinstance(term, Descending):
        table.require_readable((term.column,))
        return encoded(f"{term.column} desc")
    table.require_readable((term,))
    return term


def _expand_option(separator: str, table: Table, expand: Sequence[Expand]) -> str:
    if not expand:
        return ""
    return f"{separator}$expand={','.join(_expanded(table, inner) for inner in expand)}"


def _expanded(table: Table, inner: Expand) -> str:
    table.lookup(inner.navigation)
    query = inner.query
    if query.where is not None or query.order_by or query.top is not None:
        raise ValueError("a single-valued navigation property is expanded by columns alone")
    nested = _expand_option(";", query.table, query.expand)
    return f"{inner.navigation}({_select_option(query.table, query.select)}{nested})"
