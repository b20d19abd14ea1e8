"""Compiles a `$filter` to a Python closure, and finds the rows that an index can offer it."""

import operator
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from local.dataverse.candidates import any_offer, equal_to, like_pattern, narrowest
from local.dataverse.conditions import ODATA_FUNCTIONS, value_test
from local.dataverse.errors import bad_query, not_built, unknown_attribute, unknown_query_property
from local.dataverse.functions import ESCAPED_WORD, NAMESPACE, Call, prepare
from local.dataverse.indexes import index_key
from local.dataverse.likeness import has_wildcard
from local.dataverse.literals import read_literal, read_text_value
from local.dataverse.messages import NOBODY, Caller
from local.dataverse.metadata import Column
from local.dataverse.row_tests import (
    COMPARISONS,
    MIRRORED,
    Filter,
    Path,
    all_of,
    any_of,
    compare_columns,
    compare_order,
    text_equals,
    text_test,
)
from local.dataverse.store import ID_SLOT, Row, Store, Table

TEXT_FUNCTIONS = frozenset({"contains", "startswith", "endswith"})


class FilterCompiler:
    """Compiles the filters of one table."""

    def __init__(
        self,
        store: Store,
        table: Table,
        calls: Sequence[Call] = (),
        literals: Sequence[str] = (),
        caller: Caller = NOBODY,
        variable: str = "",
    ) -> None:
        self._store = store
        self._table = table
        self._calls = calls
        self._literals = literals
        self._caller = caller
        self._variable = variable
        self._paths: dict[str, Path] = {}

    def compile(self, node: Any) -> Filter:
        """Returns the closure for one node of the syntax tree."""
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.BoolOp):
            return self._both(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.compile(node.operand).test
            return Filter(lambda row: not inner(row), None)
        if isinstance(node, ast.Compare):
            return self._compare(node)
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
            return Filter(all_of(tests), narrowest(self._table, (part.offer for part in parts)))
        return Filter(any_of(tests), any_offer(part.offer for part in parts))

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
            return compare_columns(path, self.path(right), comparator)
        value, sharp = read_literal(path.column, self._filled(right))
        if comparator in COMPARISONS:
            return compare_order(path, value, comparator, sharp=sharp)
        return self._compare_equal(path, value if sharp else object(), negated=comparator is ast.NotEq)

    def _compare_equal(self, path: Path, value: Any, *, negated: bool) -> Filter:
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
            return Filter(test, equal_to(self._table, path.column, (index_key(value),)))
        return Filter(test, None)

    def _filled(self, node: Any) -> Any:
        """Puts the text into a string literal, of which the syntax tree holds the number only."""
        return ast.String(self._literals[int(node.val)]) if isinstance(node, ast.String) else node

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
        text = self._literals[int(literal.val)]
        offer = None
        if name == "startswith" and path.slot is not None:
            offer = like_pattern(self._table, path.column, text)
        return Filter(text_test(path.get, name, text), offer)

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
        if column.edm_type == "Edm.String":
            keys: frozenset[Hashable] = frozenset(map(str.casefold, values))
            return Filter(
                lambda row: (v := row[slot]) is not None and v.casefold() in keys, equal_to(self._table, column, keys)
            )
        keys = frozenset(index_key(read_text_value(column, value)) for value in values)
        return Filter(lambda row: row[slot] in keys, equal_to(self._table, column, keys))

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
            FilterCompiler(self._store, child, self._calls, self._literals, self._caller, variable)
            .compile(node.lambda_.expression)
            .test
        )
        quantifier = any if isinstance(node.operator, ast.Any) else all
        return Filter(lambda row: quantifier(inner(each) for each in children(row)), None)

    def path(self, node: Any) -> Path:
        """Returns the column that an identifier or a path names."""
        if not isinstance(node, ast.Identifier):
            return self._path(node)
        path = self._paths.get(node.name)
        if path is None:
            path = self._paths[node.name] = self._path(node)
        return path

    def _path(self, node: Any) -> Path:
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
        tree = _parsed(prepared.text)
    except ODataException as error:
        raise bad_query(f"The $filter '{text[:200]}' cannot be parsed: {error}") from error
    if tree is None:
        raise bad_query("The $filter is empty.")
    return FilterCompiler(store, table, prepared.calls, prepared.literals, caller).compile(tree)


@lru_cache(maxsize=1000)
def _parsed(shape: str) -> Any:
    """Returns the syntax tree of a filter without its texts: filters that differ in those only share the tree."""
    return ODataParser().parse(ODataLexer().tokenize(shape))


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


def _full_name(node: Any) -> str:
    return str(node.full_name())


def _names(node: Any) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.owner
    names.append(_full_name(node))
    return [name.removeprefix(ESCAPED_WORD) for name in reversed(names)]
