"""What filters are before and after a request gives its values to them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from odata_query import ast

from local.dataverse.candidates import equal_to, like_one_of
from local.dataverse.conditions import ODATA_FUNCTIONS, folded, value_test
from local.dataverse.errors import unknown_attribute
from local.dataverse.functions import Call
from local.dataverse.indexes import index_key
from local.dataverse.likeness import has_wildcard
from local.dataverse.literals import read_text_value
from local.dataverse.messages import NOBODY, Caller
from local.dataverse.metadata import Column
from local.dataverse.row_tests import Filter, Path, text_equals, text_test
from local.dataverse.store import Table


class Given(NamedTuple):
    """What one request adds to a plan: calls and string literals by their numbers, and who asks."""

    calls: Sequence[Call]
    literals: Sequence[str]
    caller: Caller


NOTHING = Given((), (), NOBODY)

type Plan = Callable[[Given], Filter]
"""A filter without its values. Plans are kept, so that none may hold what is given by one request."""


@dataclass(frozen=True, slots=True)
class TextPlan:
    """A text function of one column with one of these literals."""

    table: Table
    path: Path
    function: str
    literals: tuple[int, ...]

    def __call__(self, given: Given) -> Filter:
        texts = [given.literals[number] for number in self.literals]
        offer = None
        if self.function == "startswith" and self.path.slot is not None:
            offer = like_one_of(self.table, self.path.column, texts)
        return Filter(text_test(self.path.get, self.function, texts), offer)


def texts_together(plans: Sequence[Plan]) -> list[Plan]:
    """Makes one plan of all that look for a text in the same column in the same way; one of them has to hold."""
    groups: dict[Hashable, list[TextPlan]] = {}
    others: list[Plan] = []
    for plan in plans:
        if isinstance(plan, TextPlan):
            groups.setdefault((id(plan.path), plan.function), []).append(plan)
        else:
            others.append(plan)
    return others + [
        replace(group[0], literals=tuple(number for plan in group for number in plan.literals))
        for group in groups.values()
    ]


def with_text(node: Any, given: Given) -> Any:
    """Puts its text into a string literal, of which the syntax tree holds the number only."""
    return ast.String(given.literals[int(node.val)]) if isinstance(node, ast.String) else node


def compare_equal(table: Table, path: Path, value: Any, *, negated: bool) -> Filter:
    """Compares a column with a value, without regard to case and with LIKE wildcards where it is text."""
    get = path.get
    if isinstance(value, str) and path.column.edm_type == "Edm.String":
        test, indexable = text_equals(get, value), not has_wildcard(value)
    elif value is None:
        test, indexable = (lambda row: get(row) is None), False
    else:
        test, indexable = (lambda row: get(row) == value), True
    if negated:
        # SQL written by Dataverse for "not equal" lets rows without a value through.
        return Filter(lambda row: not test(row), None)
    if indexable and path.slot is not None:
        return Filter(test, equal_to(table, path.column, (index_key(value),)))
    return Filter(test, None)


def query_function(table: Table, call: Call, caller: Caller) -> Filter:
    """Returns the filter of one query function, or refuses its column or values."""
    # Query functions know attributes, not OData properties: a lookup goes by `userid`, and `_userid_value` is
    # refused (seen on a live environment, and told in a public project diary, September 2026).
    column = table.definition.columns.get(call.column)
    if column is None:
        raise unknown_attribute(table.definition.name, call.column)
    if call.function == "In":
        return _in(table, column, call.values)
    slot = table.slots[column.property]
    test = value_test(column, ODATA_FUNCTIONS[call.function], call.values, *caller)
    return Filter(lambda row: test(row[slot]), None)


def _in(table: Table, column: Column, values: Sequence[str]) -> Filter:
    slot = table.slots[column.property]
    if column.edm_type == "Edm.String":
        keys = folded(tuple(values))
        return Filter(lambda row: (v := row[slot]) is not None and v.casefold() in keys, equal_to(table, column, keys))
    keys = frozenset(index_key(read_text_value(column, value)) for value in values)
    return Filter(lambda row: row[slot] in keys, equal_to(table, column, keys))
