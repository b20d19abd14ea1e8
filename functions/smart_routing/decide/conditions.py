"""Whether the conditions of a rule hold. Each function names the one that failed, without any value of the call."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fnmatch import translate
from functools import lru_cache
from typing import Any

from functions.smart_routing.decide.call import Call
from functions.smart_routing.decide.facts import Facts, OpenCase
from functions.smart_routing.rules import ColumnTest, Comparison, Conditions, Value
from shared.dataverse.tables import JsonRow, utc_moment
from shared.opening_hours import OpeningHours, is_open

_ORDERS: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def failed_at_the_door(when: Conditions, call: Call, hours: Mapping[str, OpeningHours]) -> str | None:
    """The first condition that fails by what Enreach sent and by the clock; pools and tags are the plan's."""
    if when.internal is not None and when.internal != call.is_internal:
        return "the caller is internal" if call.is_internal else "the caller is not internal"
    for key, patterns in (when.extradata or {}).items():
        if key not in call.extradata:
            return f"extradata.{key} is absent"
        if not any(_fits(call.extradata[key], pattern) for pattern in patterns):
            return f"extradata.{key} differs"
    if when.country is not None and call.country not in when.country:
        return "the caller's country differs"
    if when.open is not None and not any(is_open(hours[name], call.now) for name in when.open):
        return f"{', '.join(when.open)}: closed"
    if when.closed is not None and all(is_open(hours[name], call.now) for name in when.closed):
        return f"{', '.join(when.closed)}: open"
    return None


def failed_by_the_caller(when: Conditions, facts: Facts) -> str | None:
    """The first condition that fails by what Dynamics knows of the caller."""
    caller = facts.caller
    if when.match is not None and caller.kind not in when.match:
        return f"match is {caller.kind}"
    for name, wanted, rows in (
        ("contact", when.contact, _rows(caller.contact)),
        ("account", when.account, caller.accounts),
        ("lead", when.lead, _rows(caller.lead)),
    ):
        if wanted is not None and (failed := _failed_columns(name, wanted, rows)):
            return failed
    if when.open_case is False:
        return "there is an open case" if facts.cases else None
    if when.open_case is not None and not cases_that_count(when, facts.cases):
        return "no open case like this" if facts.cases else "there is no open case"
    return None


def cases_that_count(when: Conditions, cases: Sequence[OpenCase]) -> Sequence[OpenCase]:
    """The open cases that the rule is about, newest first: those with its columns, else all."""
    wanted = when.open_case
    if wanted is None or isinstance(wanted, bool):
        return cases
    return [case for case in cases if _has(case.row, wanted)]


def _rows(row: JsonRow | None) -> tuple[JsonRow, ...]:
    return () if row is None else (row,)


def _failed_columns(name: str, wanted: Mapping[str, ColumnTest], rows: Sequence[JsonRow]) -> str | None:
    if not rows:
        return f"there is no {name}"
    if any(_has(row, wanted) for row in rows):
        return None
    if len(rows) > 1:
        return f"no {name} like this"
    differs = next(column for column, test in wanted.items() if not _holds(test, rows[0].get(column)))
    return f"{name}.{differs} differs"


def _has(row: JsonRow, wanted: Mapping[str, ColumnTest]) -> bool:
    return all(_holds(test, row.get(column)) for column, test in wanted.items())


def _holds(test: ColumnTest, stored: object) -> bool:
    return all(_compare(name, stored, values) for name, values in test.comparisons)


def _compare(name: Comparison, stored: object, values: Sequence[Value]) -> bool:
    match name:
        case "=":
            return any(_is_equal(stored, value) for value in values)
        case "!=":
            return not any(_is_equal(stored, value) for value in values)
        case _:
            return _is_ordered(_ORDERS[name], stored, values[0])


def _is_equal(stored: object, wanted: Value) -> bool:
    """Equality as an administrator means it: text whatever the case, 3 equals 3.0, but 1 is not true."""
    if isinstance(stored, str) and isinstance(wanted, str):
        return stored.strip().casefold() == wanted.strip().casefold()
    if isinstance(stored, bool) or isinstance(wanted, bool):
        return stored is wanted
    return stored == wanted


def _is_ordered(order: Callable[[Any, Any], bool], stored: object, bound: Value) -> bool:
    """Numbers and moments have an order; an empty column is neither more nor less than anything."""
    if isinstance(stored, bool) or isinstance(bound, bool):
        return False
    if isinstance(stored, int | float) and isinstance(bound, int | float):
        return order(stored, bound)
    if isinstance(stored, str) and isinstance(bound, str):
        moments = _moment(stored), _moment(bound)
        return None not in moments and order(*moments)
    return False


def _moment(text: str) -> datetime | None:
    try:
        return utc_moment(text)
    except ValueError:
        return None


def _fits(sent: object, pattern: Value) -> bool:
    if isinstance(pattern, str):
        text = str(sent).lower() if isinstance(sent, bool) else str(sent)
        return isinstance(sent, str | int | float) and _wildcard(pattern).fullmatch(text) is not None
    return _is_equal(sent, pattern)


@lru_cache(maxsize=1024)
def _wildcard(pattern: str) -> re.Pattern[str]:
    # A square bracket is an ordinary sign here, not fnmatch's set of signs.
    return re.compile(translate(pattern.replace("[", "[[]")), re.IGNORECASE)
