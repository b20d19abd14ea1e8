"""The operators of FetchXML conditions; the query functions of OData are the same ones under other names."""

import operator as comparison
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from local.dataverse.errors import bad_query, invalid_argument, not_built
from local.dataverse.indexes import index_key
from local.dataverse.likeness import like
from local.dataverse.literals import read_text_value
from local.dataverse.metadata import Column
from local.dataverse.periods import DAY, period, takes_count

type ValueTest = Callable[[Any], bool]

ORDERS = {"gt": comparison.gt, "ge": comparison.ge, "lt": comparison.lt, "le": comparison.le}
NEGATIONS = {
    "ne": "eq",
    "neq": "eq",
    "not-in": "in",
    "not-null": "null",
    "not-between": "between",
    "not-like": "like",
    "not-begin-with": "begins-with",
    "not-end-with": "ends-with",
    "not-contain-values": "contain-values",
    "ne-userid": "eq-userid",
    "ne-businessid": "eq-businessid",
}
# SQL written by Dataverse for these lets rows without a value through; for the other negations it does not.
NULL_PASSES = frozenset({"ne", "neq", "ne-userid", "ne-businessid"})
MEMBERSHIPS = frozenset({"eq", "in"})
PATTERNS = {"like": "{}", "begins-with": "{}%", "ends-with": "%{}"}
ODATA_FUNCTIONS = {
    "In": "in",
    "NotIn": "not-in",
    "Between": "between",
    "NotBetween": "not-between",
    "On": "on",
    "OnOrAfter": "on-or-after",
    "OnOrBefore": "on-or-before",
    "ContainValues": "contain-values",
    "DoesNotContainValues": "not-contain-values",
    "EqualUserId": "eq-userid",
    "NotEqualUserId": "ne-userid",
    "EqualBusinessId": "eq-businessid",
    "NotEqualBusinessId": "ne-businessid",
    "Today": "today",
    "Yesterday": "yesterday",
    "Tomorrow": "tomorrow",
    "Last7Days": "last-seven-days",
    "Next7Days": "next-seven-days",
    **{f"{when}{unit}": f"{when.lower()}-{unit.lower()}" for when in ("Last", "This", "Next")
       for unit in ("Week", "Month", "Year")},
    **{f"{when}X{unit}": f"{when.lower()}-x-{unit.lower()}" for when in ("Last", "Next")
       for unit in ("Hours", "Days", "Weeks", "Months", "Years")},
    **{f"OlderThanX{unit}": f"older-than-x-{unit.lower()}"
       for unit in ("Minutes", "Hours", "Days", "Weeks", "Months", "Years")},
}  # fmt: skip


def value_test(column: Column, name: str, values: Sequence[str], caller: str, business_unit: str) -> ValueTest:
    """Returns the test of one operator on a column's value, or refuses operator, number of values or their form."""
    plain = _plain_test(column, name, values)
    if plain is not None:
        return plain
    positive = NEGATIONS.get(name)
    if positive is not None:
        test, passes = value_test(column, positive, values, caller, business_unit), name in NULL_PASSES
        if positive == "null":
            return lambda value: value is not None
        return lambda value: passes if value is None else not test(value)
    if name in {"eq-userid", "eq-businessid"}:
        own = caller if name == "eq-userid" else business_unit
        _expect(name, values, 0)
        return lambda value: value == own
    test_of_time = _time_test(column, name, values)
    if test_of_time is None:
        raise not_built(f"the condition operator '{name}'")
    return test_of_time


def _plain_test(column: Column, name: str, values: Sequence[str]) -> ValueTest | None:
    if name == "null":
        _expect(name, values, 0)
        return lambda value: value is None
    if name in MEMBERSHIPS:
        return membership(keys_of(column, name, values))
    if name == "contain-values":
        return _contains(column, name, values)
    if name == "between":
        _expect(name, values, 2)
        low, high = (_ordered(read_text_value(column, value)) for value in values)
        return lambda value: value is not None and low <= _ordered(value) <= high
    if name in ORDERS:
        _expect(name, values, 1)
        compare, bound = ORDERS[name], _ordered(read_text_value(column, values[0]))
        return lambda value: value is not None and compare(_ordered(value), bound)
    if name in PATTERNS:
        _expect(name, values, 1)
        if column.edm_type != "Edm.String":
            raise bad_query(f"The operator '{name}' needs a text column, not '{column.name}'.")
        is_like = like(PATTERNS[name].format(values[0]))
        return lambda value: value is not None and is_like(value.casefold())
    return None


def keys_of(column: Column, name: str, values: Sequence[str]) -> frozenset[Hashable]:
    """Returns the keys of the values that `eq` or `in` lets through, or refuses their number or form."""
    _expect(name, values, 1, None if name != "eq" else 1)
    if column.edm_type == "Edm.String":
        return folded(tuple(values))
    return frozenset(index_key(read_text_value(column, value)) for value in values)


@lru_cache(maxsize=128)
def folded(values: tuple[str, ...]) -> frozenset[Hashable]:
    """Returns the keys of texts; a query often asks for the same ones of several columns."""
    return frozenset(map(str.casefold, values))


def membership(keys: frozenset[Hashable]) -> ValueTest:
    """Returns the test whether a value's key is one of these."""
    return lambda value: value is not None and index_key(value) in keys


def _contains(column: Column, name: str, values: Sequence[str]) -> ValueTest:
    _expect(name, values, 1, None)
    if column.type != "MultiSelectPicklist":
        raise bad_query(f"The operator '{name}' needs a multi-select column, not '{column.name}'.")
    return lambda value: value is not None and not set(values).isdisjoint(value.split(","))


def _time_test(column: Column, name: str, values: Sequence[str]) -> ValueTest | None:
    now = datetime.now(UTC).replace(microsecond=0)
    if name in {"on", "on-or-after", "on-or-before"}:
        _expect(name, values, 1)
        day = datetime.fromisoformat(f"{str(read_text_value(_as_moment(column), values[0]))[:10]}T00:00:00+00:00")
        bounds = {"on": (day, day + DAY), "on-or-after": (day, None), "on-or-before": (None, day + DAY)}[name]
    else:
        counted = takes_count(name)
        span = period(name, _count(name, values) if counted else 0, now)
        if span is None:
            return None
        _expect(name, values, 1 if counted else 0)
        _as_moment(column)
        bounds = span
    form = "%Y-%m-%d" if column.edm_type == "Edm.Date" else "%Y-%m-%dT%H:%M:%SZ"
    start, end = (None if bound is None else bound.strftime(form) for bound in bounds)
    return lambda value: value is not None and (start is None or value >= start) and (end is None or value < end)


def _as_moment(column: Column) -> Column:
    if column.edm_type not in {"Edm.DateTimeOffset", "Edm.Date"}:
        raise bad_query(f"A condition of time needs a column of time, not '{column.name}'.")
    return column


def _count(name: str, values: Sequence[str]) -> int:
    if len(values) != 1 or not values[0].isascii() or not values[0].isdigit() or not 0 < int(values[0]) < 10_000:
        raise invalid_argument(f"The operator '{name}' needs one positive whole number.")
    return int(values[0])


def _expect(name: str, values: Sequence[str], least: int, most: int | None = -1) -> None:
    top = least if most == -1 else most
    if len(values) < least or (top is not None and len(values) > top):
        raise invalid_argument(f"The operator '{name}' takes {least if top == least else 'at least 1'} value(s).")


def _ordered(value: Any) -> Any:
    return index_key(value)
