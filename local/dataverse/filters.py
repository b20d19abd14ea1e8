"""Compiles a `$filter` to a Python closure, and finds the rows that an index can offer it.

Filters of one shape share a plan, which needs their values only.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from local.dataverse.candidates import any_offer, narrowest
from local.dataverse.errors import bad_query, not_built, unknown_query_property
from local.dataverse.filter_plans import (
    NOTHING,
    Given,
    Plan,
    TextPlan,
    compare_equal,
    query_function,
    texts_together,
    with_text,
)
from local.dataverse.functions import ESCAPED_WORD, NAMESPACE, prepare
from local.dataverse.literals import read_literal
from local.dataverse.messages import NOBODY, Caller
from local.dataverse.row_tests import (
    COMPARISONS,
    MIRRORED,
    Filter,
    Path,
    all_of,
    any_of,
    compare_columns,
    compare_order,
)
from local.dataverse.store import ID_SLOT, Row, Store, Table

TEXT_FUNCTIONS = frozenset({"contains", "startswith", "endswith"})


class FilterCompiler:
    """Plans the filters of one table. What is wrong with the values given first is refused in the order of the text."""

    def __init__(self, store: Store, table: Table, given: Given = NOTHING, variable: str = "") -> None:
        self._store = store
        self._table = table
        self._given = given
        self._variable = variable
        self._paths: dict[str, Path] = {}

    def compile(self, node: Any) -> Plan:
        """Returns the plan of one node of the syntax tree."""
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.BoolOp):
            return self._both(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._not(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.CollectionLambda):
            return self._lambda(node)
        if isinstance(node, ast.Boolean):
            constant = Filter(lambda _: node.py_val, None)
            return lambda _: constant
        if isinstance(node, ast.Identifier | ast.Attribute):
            path = self.path(node)
            if path.column.edm_type == "Edm.Boolean":
                is_true = Filter(lambda row: path.get(row) is True, None)
                return lambda _: is_true
        raise bad_query("The $filter expression must evaluate to a boolean.")

    def _tried(self, plan: Plan) -> Plan:
        plan(self._given)
        return plan

    def _not(self, node: Any) -> Plan:
        plan = self.compile(node.operand)

        def bind(given: Given) -> Filter:
            inner = plan(given).test
            return Filter(lambda row: not inner(row), None)

        return bind

    def _both(self, node: Any) -> Plan:
        """A chain of one operator is flattened: thousands of `or` must not nest thousands of calls."""
        plans = [self.compile(operand) for operand in _chain(node)]
        table = self._table
        if isinstance(node.op, ast.And):

            def bind_all(given: Given) -> Filter:
                parts = [plan(given) for plan in plans]
                return Filter(all_of(tuple(test for test, _ in parts)), narrowest(table, [offer for _, offer in parts]))

            return bind_all
        plans = texts_together(plans)

        def bind_any(given: Given) -> Filter:
            parts = [plan(given) for plan in plans]
            return Filter(any_of(tuple(test for test, _ in parts)), any_offer([offer for _, offer in parts]))

        return plans[0] if len(plans) == 1 else bind_any

    def _compare(self, node: Any) -> Plan:
        comparator: type = type(node.comparator)
        left, right = node.left, node.right
        if not isinstance(left, ast.Identifier | ast.Attribute):
            left, right = right, left
            comparator = MIRRORED.get(comparator, comparator)
        if not isinstance(left, ast.Identifier | ast.Attribute):
            if isinstance(left, ast.Call):
                raise not_built(f"the filter function {_full_name(left.func)}")
            raise bad_query("A comparison needs a column on one side.")
        table, path = self._table, self.path(left)
        if isinstance(right, ast.Identifier | ast.Attribute):
            of_columns = compare_columns(path, self.path(right), comparator)
            return lambda _: of_columns

        def bind(given: Given) -> Filter:
            value, sharp = read_literal(path.column, with_text(right, given))
            if comparator in COMPARISONS:
                return compare_order(path, value, comparator, sharp=sharp)
            return compare_equal(table, path, value if sharp else object(), negated=comparator is ast.NotEq)

        return self._tried(bind)

    def _call(self, node: Any) -> Plan:
        name = _full_name(node.func)
        if name.startswith(NAMESPACE):
            table, number = self._table, node.args[0].py_val
            return self._tried(lambda given: query_function(table, given.calls[number], given.caller))
        if name not in TEXT_FUNCTIONS:
            raise not_built(f"the filter function {name}")
        path = self._text_path(node.args[0])
        literal = node.args[1]
        if not isinstance(literal, ast.String):
            raise bad_query(f"The second argument of {name} must be a string literal.")
        return TextPlan(self._table, path, name, (int(literal.val),))

    def _text_path(self, node: Any) -> Path:
        if not isinstance(node, ast.Identifier | ast.Attribute):
            raise bad_query("A text function needs a column as its first argument.")
        path = self.path(node)
        if path.column.edm_type != "Edm.String":
            raise bad_query(f"A text function cannot be applied to '{path.column.property}'.")
        return path

    def _lambda(self, node: Any) -> Plan:
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
            has_children = Filter(lambda row: any(True for _ in children(row)), None)
            return lambda _: has_children
        compiler = FilterCompiler(self._store, child, self._given, node.lambda_.identifier.name)
        plan = compiler.compile(node.lambda_.expression)
        quantifier = any if isinstance(node.operator, ast.Any) else all

        def bind(given: Given) -> Filter:
            inner = plan(given).test
            return Filter(lambda row: quantifier(inner(each) for each in children(row)), None)

        return bind

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
    given = Given(prepared.calls, prepared.literals, caller)
    plan: Plan | None = store.filters.get(table.definition.name, prepared.text)
    if plan is None:
        plan = _planned(store, table, text, prepared.text, given)
        store.filters.keep(plan, table.definition.name, prepared.text)
    return plan(given)


def _planned(store: Store, table: Table, text: str, shape: str, given: Given) -> Plan:
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(shape))
    except ODataException as error:
        raise bad_query(f"The $filter '{text[:200]}' cannot be parsed: {error}") from error
    if tree is None:
        raise bad_query("The $filter is empty.")
    return FilterCompiler(store, table, given).compile(tree)


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
