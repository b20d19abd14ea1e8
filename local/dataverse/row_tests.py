"""What a compiled filter is made of: tests of one row, and the rows that an index can offer."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from odata_query import ast

from local.dataverse.candidates import SCAN_SHARE, Offer, in_order_of_table, offered_ids
from local.dataverse.errors import bad_query
from local.dataverse.indexes import index_key
from local.dataverse.likeness import has_wildcard, like
from local.dataverse.literals import NUMERIC
from local.dataverse.metadata import Column
from local.dataverse.store import Row, Table

type Test = Callable[[Row], bool]
type Getter = Callable[[Row], Any]

COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MIRRORED: dict[type, type] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
BLUNTED: dict[type, type] = {ast.GtE: ast.Gt, ast.Lt: ast.LtE}


class Filter(NamedTuple):
    """A compiled filter. `offer` None means that every row must be looked at."""

    test: Test
    offer: Offer | None

    def rows(self, table: Table) -> list[Row]:
        """Returns the rows of the table that pass, in the order of the table."""
        test = self.test
        ids = None if self.offer is None else offered_ids(table, self.offer, len(table.rows) // SCAN_SHARE)
        return [row for row in (table.rows.values() if ids is None else in_order_of_table(table, ids)) if test(row)]


@dataclass(frozen=True)
class Path:
    """A column, perhaps behind navigation properties, and how to get its value from a row."""

    get: Getter
    column: Column
    slot: int | None  # None when it lies behind a navigation property


def all_of(tests: tuple[Test, ...]) -> Test:
    """Returns the test that all parts pass, spared calls for two and three."""
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) and second(row)
    if len(tests) == 3:
        first, second, third = tests
        return lambda row: first(row) and second(row) and third(row)
    return lambda row: all(test(row) for test in tests)


def any_of(tests: tuple[Test, ...]) -> Test:
    """Returns the test that one part passes."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) or second(row)
    return lambda row: any(test(row) for test in tests)


def compare_order(path: Path, value: Any, comparator: type, *, sharp: bool) -> Filter:
    """Compares a column with a value by order."""
    if isinstance(value, bool) or (value is not None and path.column.edm_type == "Edm.Guid"):
        raise bad_query(f"'{path.column.property}' has no order.")
    if not sharp:  # stored moments are whole seconds: x >= 8:00:00.5 is x > 8:00:00
        comparator = BLUNTED.get(comparator, comparator)
    get, compare = path.get, COMPARISONS[comparator]
    if value is None:
        return Filter(lambda _: False, None)
    if path.column.edm_type == "Edm.String":
        folded = value.casefold()
        return Filter(lambda row: (v := get(row)) is not None and compare(v.casefold(), folded), None)
    slot = path.slot
    if slot is not None:  # the common case, spared one call a row
        return Filter(lambda row: (v := row[slot]) is not None and compare(v, value), None)
    return Filter(lambda row: (v := get(row)) is not None and compare(v, value), None)


def compare_columns(left: Path, right: Path, comparator: type) -> Filter:
    """Compares two columns of one type."""
    kinds = [("number" if path.column.edm_type in NUMERIC else path.column.edm_type) for path in (left, right)]
    if kinds[0] != kinds[1]:
        raise bad_query(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{left.column.edm_type}' and '{right.column.edm_type}'."
        )
    first, second = left.get, right.get
    if comparator is ast.Eq:
        return Filter(lambda row: index_key(first(row)) == index_key(second(row)), None)
    if comparator is ast.NotEq:
        return Filter(lambda row: index_key(first(row)) != index_key(second(row)), None)
    compare: Callable[[Any, Any], bool] = COMPARISONS[comparator]

    def test(row: Row) -> bool:
        a, b = index_key(first(row)), index_key(second(row))
        return a is not None and b is not None and compare(a, b)

    return Filter(test, None)


def text_equals(get: Getter, text: str) -> Test:
    """Compares text without regard to case, with LIKE wildcards."""
    if has_wildcard(text):
        is_like = like(text)
        return lambda row: (v := get(row)) is not None and is_like(v.casefold())
    folded = text.casefold()
    return lambda row: (v := get(row)) is not None and v.casefold() == folded


def text_test(get: Getter, function: str, texts: Sequence[str]) -> Test:
    """Looks for one of the texts inside, at the start or at the end."""
    plain, patterns = _plain_and_patterns(tuple(texts))
    if not patterns:
        return _plain_text_test(get, function, plain)
    before = "" if function == "startswith" else "%"
    after = "" if function == "endswith" else "%"
    tests = [text_equals(get, f"{before}{pattern}{after}") for pattern in patterns]
    if plain:
        tests.append(_plain_text_test(get, function, plain))
    return any_of(tuple(tests))


@lru_cache(maxsize=128)
def _plain_and_patterns(texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the case-folded texts, and apart from them those with wildcards."""
    plain = tuple([text.casefold() for text in texts if not has_wildcard(text)])
    return plain, tuple(filter(has_wildcard, texts))


def _plain_text_test(get: Getter, function: str, folded: tuple[str, ...]) -> Test:
    if function == "startswith":
        return lambda row: (v := get(row)) is not None and v.casefold().startswith(folded)
    if function == "endswith":
        return lambda row: (v := get(row)) is not None and v.casefold().endswith(folded)
    if len(folded) == 1:
        only = folded[0]
        return lambda row: (v := get(row)) is not None and only in v.casefold()

    def contains(row: Row) -> bool:
        value = get(row)
        if value is None:
            return False
        value = value.casefold()
        return any(text in value for text in folded)

    return contains
