"""A table as a type: a column or navigation property that it lacks is an error of the type checker, not of a request.

`Read`, `Written`, `Navigation` and `Nested` are Literal types of the names that may be read, written, bound and
created along. The same names are checked again when a path or a row is made: those that come from a configuration
(`with_columns`) are known only then. A bare `Table` stands for any table, with the check at run time alone.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.dataverse.odata import filters
from shared.dataverse.odata.filters import Filter, Scalar
from shared.dataverse.odata.values import guid_text, utc_text

if TYPE_CHECKING:
    from shared.dataverse.odata.queries import Query

type JsonRow = dict[str, Any]

_LOGICAL_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class UnknownNameError(LookupError):
    """A column or navigation property that the table does not have: a mistake of ours or of a configuration."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a navigation property points: `column` is read as `_<column>_value`, `target_set` is bound to."""

    column: str
    target_set: str

    @property
    def value_property(self) -> str:
        return f"_{self.column}_value"


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that an earlier request of the same change set makes, by that request's Content-ID."""

    content_id: int

    def __str__(self) -> str:
        return f"${self.content_id}"


@dataclass(frozen=True, slots=True)
class Descending[Read: str = Any]:
    """A column to order by, highest first."""

    column: Read


@dataclass(frozen=True, slots=True)
class Expand[Navigation: str = Any]:
    """The row behind a single-valued navigation property: columns of it, and further rows behind it."""

    navigation: Navigation
    query: "Query"


# Two tables are one only if they are the same object: comparing names would cost more than a request's whole path.
@dataclass(frozen=True, slots=True, eq=False)
class Table[Read: str = Any, Written: str = Any, Navigation: str = Any, Nested: str = Any]:
    """Names of one table. `bulk` says that it takes CreateMultiple, UpdateMultiple and UpsertMultiple.

    `nested` are the collections that may be created along with a row, by name, with the entity set of their rows.
    """

    logical_name: str
    entity_set: str
    primary_id: Read
    readable: frozenset[Read]
    columns: frozenset[Written]
    navigation: Mapping[Navigation, Lookup] = field(default_factory=dict)
    nested: Mapping[Nested, str] = field(default_factory=dict)
    bulk: bool = False

    def with_columns(self, names: Iterable[str]) -> "Table[str, str, Navigation, Nested]":
        """The same table with further columns, which an administrator's configuration names (custom ones too).

        Raises UnknownNameError for text that cannot be a logical name, so that no configuration reaches a URL raw.
        """
        extra = frozenset(names)
        for name in extra:
            if not _LOGICAL_NAME.fullmatch(name):
                raise UnknownNameError(f"{name!r} cannot be the logical name of a column of {self.logical_name}")
        table: Table[Any, Any, Navigation, Nested] = self
        return replace(table, readable=self.readable | extra, columns=self.columns | extra)

    def require_readable(self, names: Iterable[str]) -> None:
        """Raise UnknownNameError for the first name that cannot be selected, filtered or ordered by."""
        for name in names:
            if name not in self.readable:
                raise UnknownNameError(f"{self.logical_name} has no readable column {name!r}")

    def lookup(self, navigation: Navigation) -> Lookup:
        """Where this navigation property points. Raises UnknownNameError; the case of the name counts."""
        try:
            return self.navigation[navigation]
        except KeyError:
            raise UnknownNameError(f"{self.logical_name} has no navigation property {navigation!r}") from None

    # ------------------------------------------------------------------------------------------- queries

    def eq(self, column: Read, value: Scalar) -> Filter[Read]:
        """Rows whose column equals the value (text: whatever the case)."""
        return filters.eq(column, value)

    def ne(self, column: Read, value: bool | int | Decimal | UUID | datetime | None) -> Filter[Read]:
        """Rows whose column has another value."""
        return filters.ne(column, value)

    def ge(self, column: Read, value: Scalar) -> Filter[Read]:
        """Rows whose column is at least the value."""
        return filters.ge(column, value)

    def lt(self, column: Read, value: Scalar) -> Filter[Read]:
        """Rows whose column is below the value."""
        return filters.lt(column, value)

    def is_in(self, column: Read, values: Iterable[str | UUID]) -> Filter[Read]:
        """Rows whose column is one of the values."""
        return filters.is_in(column, values)

    def in_chunks(self, column: Read, values: Iterable[str | UUID]) -> Iterator[Filter[Read]]:
        """`is_in` over any number of values, in filters that keep to the limits of a URL."""
        return filters.in_chunks(column, values)

    def descending(self, column: Read) -> Descending[Read]:
        """Order by this column, highest first."""
        return Descending(column)

    def expand(self, navigation: Navigation, query: "Query") -> Expand[Navigation]:
        """Read along the row behind a navigation property. Raises UnknownNameError when it leads elsewhere."""
        if self.lookup(navigation).target_set != query.table.entity_set:
            raise UnknownNameError(f"{navigation} of {self.logical_name} does not lead to {query.table.entity_set}")
        return Expand(navigation, query)

    # ---------------------------------------------------------------------------------------------- rows

    def row(
        self,
        row_id: UUID | str,
        columns: Mapping[Written, object],
        binds: Mapping[Navigation, UUID | str | Reference] | None = None,
        nested: Mapping[Nested, Sequence[JsonRow]] | None = None,
    ) -> JsonRow:
        """One row as Dataverse takes it: primary key, columns, `<navigation>@odata.bind` for each lookup, nested rows.

        Raises UnknownNameError for a name that the table lacks, ValueError for an id that is no GUID, a moment
        without a zone and a number that is none.
        """
        body: JsonRow = {self.primary_id: guid_text(row_id, self.primary_id)}
        self._fill(body, columns, binds, nested)
        return body

    def part_of_row(
        self,
        columns: Mapping[Written, object],
        binds: Mapping[Navigation, UUID | str | Reference] | None = None,
        nested: Mapping[Nested, Sequence[JsonRow]] | None = None,
    ) -> JsonRow:
        """A row without a key of its own: one that is nested in another row, whose key stands for both."""
        body: JsonRow = {}
        self._fill(body, columns, binds, nested)
        return body

    def _fill(
        self,
        body: JsonRow,
        columns: Mapping[Written, object],
        binds: Mapping[Navigation, UUID | str | Reference] | None,
        nested: Mapping[Nested, Sequence[JsonRow]] | None,
    ) -> None:
        for name, value in columns.items():
            if name not in self.columns:
                raise UnknownNameError(f"{self.logical_name} has no column {name!r} to write")
            body[name] = value if type(value) in _PLAIN else _json_value(name, value)
        for navigation, target in (binds or {}).items():
            body[_bind_name(navigation)] = _bind(navigation, self.lookup(navigation), target)
        for collection, rows in (nested or {}).items():
            if collection not in self.nested:
                raise UnknownNameError(f"{self.logical_name} has no collection {collection!r} to create along")
            body[collection] = list(rows)


_PLAIN = frozenset({str, int, bool, type(None)})


def _bind(navigation: str, lookup: Lookup, target: UUID | str | Reference) -> str:
    return str(target) if isinstance(target, Reference) else _bound(navigation, lookup.target_set, target)


# Thousands of rows on their way point at the same few others: the same texts, one object each.
@lru_cache(maxsize=256)
def _bind_name(navigation: str) -> str:
    return f"{navigation}@odata.bind"


@lru_cache(maxsize=4096)
def _bound(navigation: str, target_set: str, target: UUID | str) -> str:
    return f"/{target_set}({guid_text(target, navigation)})"


def _json_value(column: str, value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{column} takes a number")
    return value
