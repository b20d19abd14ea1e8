"""Compiles a `$filter` to a Python closure, and finds the rows that an index can offer it."""

import operator
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from local.dataverse.conditions import ODATA_FUNCTIONS, value_test
from local.dataverse.errors import bad_query, not_built, unknown_attribute, unknown_query_property
from local.dataverse.functions import ESCAPED_WORD, NAMESPACE, Call, prepare
from local.dataverse.likeness import has_wildcard, like
from local.dataverse.literals import NUMERIC, read_literal, read_text_value
from local.dataverse.messages import NOBODY, Caller
from local.dataverse.metadata import Column
from local.dataverse.store import ID_SLOT, Row, Store, Table, index_key

type Test = Callable[[Row], bool]
type Getter = Callable[[Row], Any]

COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MIRRORED: dict[type, type] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
# Reading rows one by one out of an index costs more than a scan when it offers a large share of the table.
SCAN_SHARE = 8
BLUNTED: dict[type, type] = {ast.GtE: ast.Gt, ast.Lt: ast.LtE}
TEXT_FUNCTIONS = frozenset({"contains", "startswith", "endswith"})


@dataclass(frozen=True)
class Candidates:
    """Rows that an index offers: `keys` in `slot`."""

    slot: int
    keys: tuple[Hashable, ...]


@dataclass(frozen=True)
class Filter:
    """A compiled filter. `candidates` None means that every row must be looked at."""

    test: Test
    candidates: tuple[Candidates, ...] | None

    def rows(self, table: Table) -> list[Row]:
        """Returns the rows of the table that pass."""
        test = self.test
        if self.candidates is None or self._offered(table) > len(table.rows) // SCAN_SHARE:
            return [row for row in table.rows.values() if test(row)]
        rows = table.rows
        if len(self.candidates) == 1:  # different keys of one column cannot offer the same row
            slot, keys = self.candidates[0].slot, self.candidates[0].keys
            return [row for key in keys for row_id in table.ids_where(slot, key) if test(row := rows[row_id])]
        ids: dict[str, None] = {}
        for candidate in self.candidates:
            for key in candidate.keys:
                ids.update(dict.fromkeys(table.ids_where(candidate.slot, key)))
        return [row for row_id in ids if test(row := rows[row_id])]

    def _offered(self, table: Table) -> int:
        return sum(table.count_where(candidate.slot, candidate.keys) for candidate in self.candidates or ())


@dataclass(frozen=True)
class Path:
    """A column, perhaps behind navigation properties, and how to get its value from a row."""

    get: Getter
    column: Column
    slot: int | None  # None when it lies behind a navigation property


class FilterCompiler:
    """Compiles the filters of one table."""

    def __init__(
        self, store: Store, table: Table, calls: list[Call], caller: Caller = NOBODY, variable: str = ""
    ) -> None:
        self._store = store
        self._table = table
        self._calls = calls
        self._caller = caller
        self._variable = variable

    def compile(self, node: Any) -> Filter:
        """Returns the closure for one node of the syntax tree."""
        if isinstance(node, ast.BoolOp):
            return self._both(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.compile(node.operand).test
            return Filter(lambda row: not inner(row), None)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.CollectionLambda):
            return self._lambda(node)
        if isinstance(node, ast.Boolean):
            return Filter(lambda _: node.py_val, None)
        if isinstance(node, ast.Identifier | ast.Attribute):
            path = self.path(node)
            if path.column.edm_type == "Edm.Boolean":
                return Filter(lambda row: path.get(row) is True, None)
        raise bad_query("The $filter expression must evaluate to a boolean.")

    def _both(self, node: Any) -> Filter:
        """A chain of one operator is flattened: thousands of `or` must not nest thousands of calls."""
        parts = [self.compile(operand) for operand in _chain(node)]
        tests = tuple(part.test for part in parts)
        if isinstance(node.op, ast.And):
            return Filter(_all_of(tests), self._narrowest(parts))
        offers = [part.candidates for part in parts]
        if None in offers:
            return Filter(_any_of(tests), None)
        return Filter(_any_of(tests), tuple(candidate for offer in offers if offer for candidate in offer))

    def _narrowest(self, parts: list[Filter]) -> tuple[Candidates, ...] | None:
        offers = [part.candidates for part in parts if part.candidates is not None]
        return min(offers, key=self._size) if len(offers) > 1 else next(iter(offers), None)

    def _size(self, offer: tuple[Candidates, ...]) -> int:
        return sum(self._table.count_where(candidate.slot, candidate.keys) for candidate in offer)

    def _compare(self, node: Any) -> Filter:
        comparator: type = type(node.comparator)
        left, right = node.left, node.right
        if not isinstance(left, ast.Identifier | ast.Attribute):
            left, right = right, left
            comparator = MIRRORED.get(comparator, comparator)
        if not isinstance(left, ast.Identifier | ast.Attribute):
            if isinstance(left, ast.Call):
                raise not_built(f"the filter function {_full_name(left.func)}")
            raise bad_query("A comparison needs a column on one side.")
        path = self.path(left)
        if isinstance(right, ast.Identifier | ast.Attribute):
            return _compare_columns(path, self.path(right), comparator)
        value, sharp = read_literal(path.column, right)
        if comparator in COMPARISONS:
            return _compare_order(path, value, comparator, sharp=sharp)
        return self._compare_equal(path, value if sharp else object(), negated=comparator is ast.NotEq)

    def _compare_equal(self, path: Path, value: Any, *, negated: bool) -> Filter:
        get = path.get
        if isinstance(value, str) and path.column.edm_type == "Edm.String":
            test, indexable = _text_equals(get, value), not has_wildcard(value)
        elif value is None:
            test, indexable = (lambda row: get(row) is None), False
        else:
            test, indexable = (lambda row: get(row) == value), path.column.edm_type == "Edm.Guid"
        if negated:
            # SQL written by Dataverse for "not equal" lets rows without a value through.
            return Filter(lambda row: not test(row), None)
        if indexable and path.slot is not None:
            return Filter(test, (Candidates(path.slot, (index_key(value),)),))
        return Filter(test, None)

    def _call(self, node: Any) -> Filter:
        name = _full_name(node.func)
        if name.startswith(NAMESPACE):
            return self._query_function(self._calls[node.args[0].py_val])
        if name not in TEXT_FUNCTIONS:
            raise not_built(f"the filter function {name}")
        path = self._text_path(node.args[0])
        literal = node.args[1]
        if not isinstance(literal, ast.String):
            raise bad_query(f"The second argument of {name} must be a string literal.")
        text = literal.py_val
        return Filter(_text_test(path.get, name, text), None)

    def _text_path(self, node: Any) -> Path:
        if not isinstance(node, ast.Identifier | ast.Attribute):
            raise bad_query("A text function needs a column as its first argument.")
        path = self.path(node)
        if path.column.edm_type != "Edm.String":
            raise bad_query(f"A text function cannot be applied to '{path.column.property}'.")
        return path

    def _query_function(self, call: Call) -> Filter:
        # Query functions know attributes, not OData properties: a lookup goes by `userid`, and `_userid_value` is
        # refused (seen on a live environment, and told in a public project diary, September 2026).
        column = self._table.definition.columns.get(call.column)
        if column is None:
            raise unknown_attribute(self._table.definition.name, call.column)
        if call.function == "In":
            return self._in(column, call.values)
        slot = self._table.slots[column.property]
        test = value_test(column, ODATA_FUNCTIONS[call.function], call.values, *self._caller)
        return Filter(lambda row: test(row[slot]), None)

    def _in(self, column: Column, values: list[str]) -> Filter:
        slot = self._table.slots[column.property]
        keys = frozenset(index_key(read_text_value(column, value)) for value in values)
        if column.edm_type == "Edm.String":
            return Filter(
                lambda row: (v := row[slot]) is not None and v.casefold() in keys, (Candidates(slot, tuple(keys)),)
            )
        offer = (Candidates(slot, tuple(keys)),) if column.edm_type == "Edm.Guid" else None
        return Filter(lambda row: row[slot] in keys, offer)

    def _lambda(self, node: Any) -> Filter:
        get_owner, table, name = self._walk(_names(node.owner), self._variable)
        collection = table.definition.collections.get(name)
        if collection is None:
            raise unknown_query_property(table.definition.name, name)
        child = self._store.by_name[collection.child]
        slot = child.slots[child.definition.columns[child.definition.navigation[collection.partner].lookup].property]

        def children(row: Row) -> Iterable[Row]:
            owner = get_owner(row)
            return () if owner is None else (child.rows[i] for i in child.ids_where(slot, owner[ID_SLOT]))

        if node.lambda_ is None:
            return Filter(lambda row: any(True for _ in children(row)), None)
        variable = node.lambda_.identifier.name
        inner = (
            FilterCompiler(self._store, child, self._calls, self._caller, variable)
            .compile(node.lambda_.expression)
            .test
        )
        quantifier = any if isinstance(node.operator, ast.Any) else all
        return Filter(lambda row: quantifier(inner(each) for each in children(row)), None)

    def path(self, node: Any) -> Path:
        """Returns the column that an identifier or a path names."""
        names = _names(node)
        get_owner, table, name = self._walk(names, self._variable)
        column = table.columns_by_property.get(name)
        if column is None:
            raise unknown_query_property(table.definition.name, name)
        slot = table.slots[name]
        if len(names) - (1 if self._variable else 0) == 1:
            return Path(operator.itemgetter(slot), column, slot)

        def get(row: Row) -> Any:
            owner = get_owner(row)
            return None if owner is None else owner[slot]

        return Path(get, column, None)

    def _walk(self, names: list[str], variable: str) -> tuple[Callable[[Row], Row | None], Table, str]:
        """Follows the navigation properties of a path up to its last name."""
        if variable:
            if names[0] != variable or len(names) == 1:
                raise bad_query(f"Inside a lambda a path starts with the variable '{variable}'.")
            names = names[1:]
        table = self._table
        steps: list[tuple[int, Mapping[str, Row]]] = []
        for name in names[:-1]:
            navigation = table.definition.navigation.get(name)
            target = None if navigation is None else self._store.by_name.get(navigation.targets[0])
            if navigation is None or target is None:
                raise unknown_query_property(table.definition.name, name)
            column = table.definition.columns[navigation.lookup]
            steps.append((table.slots[column.property], target.rows))
            table = target

        def follow(row: Row) -> Row | None:
            current: Row | None = row
            for slot, rows in steps:
                if current is None:
                    return None
                current = rows.get(current[slot])
            return current

        return follow, table, names[-1]


def compile_filter(
    store: Store, table: Table, text: str, aliases: Mapping[str, str], caller: Caller = NOBODY
) -> Filter:
    """Returns the closure for a `$filter`, or refuses the text."""
    prepared = prepare(text, aliases)
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(prepared.text))
    except ODataException as error:
        raise bad_query(f"The $filter '{text[:200]}' cannot be parsed: {error}") from error
    if tree is None:
        raise bad_query("The $filter is empty.")
    return FilterCompiler(store, table, prepared.calls, caller).compile(tree)


def _chain(node: Any) -> list[Any]:
    operands: list[Any] = []
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ast.BoolOp) and type(current.op) is type(node.op):
            waiting += [current.right, current.left]
        else:
            operands.append(current)
    return operands


def _all_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) and second(row)
    if len(tests) == 3:
        first, second, third = tests
        return lambda row: first(row) and second(row) and third(row)
    return lambda row: all(test(row) for test in tests)


def _any_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) or second(row)
    return lambda row: any(test(row) for test in tests)


def _full_name(node: Any) -> str:
    return str(node.full_name())


def _names(node: Any) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.owner
    names.append(_full_name(node))
    return [name.removeprefix(ESCAPED_WORD) for name in reversed(names)]


def _compare_order(path: Path, value: Any, comparator: type, *, sharp: bool) -> Filter:
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


def _compare_columns(left: Path, right: Path, comparator: type) -> Filter:
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


def _text_equals(get: Getter, text: str) -> Test:
    if has_wildcard(text):
        is_like = like(text)
        return lambda row: (v := get(row)) is not None and is_like(v.casefold())
    folded = text.casefold()
    return lambda row: (v := get(row)) is not None and v.casefold() == folded


def _text_test(get: Getter, function: str, text: str) -> Test:
    if has_wildcard(text):
        before = "" if function == "startswith" else "%"
        after = "" if function == "endswith" else "%"
        return _text_equals(get, f"{before}{text}{after}")
    folded = text.casefold()
    if function == "startswith":
        return lambda row: (v := get(row)) is not None and v.casefold().startswith(folded)
    if function == "endswith":
        return lambda row: (v := get(row)) is not None and v.casefold().endswith(folded)
    return lambda row: (v := get(row)) is not None and folded in v.casefold()
