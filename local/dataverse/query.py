"""The query options of a GET: what they may be, and the rows that they choose."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from odata_query import ast

from local.dataverse.errors import DataverseError, bad_query, not_built, unknown_query_property
from local.dataverse.filters import FilterCompiler, compile_filter
from local.dataverse.indexes import index_key
from local.dataverse.messages import NOBODY, Caller
from local.dataverse.metadata import CollectionNavigation, Navigation
from local.dataverse.row_tests import Filter
from local.dataverse.store import Row, Store, Table
from local.dataverse.url_text import form_fields

KNOWN = frozenset({"$select", "$filter", "$orderby", "$top", "$expand", "$count", "$skiptoken", "$deltatoken"})
NOT_BUILT = frozenset({"$apply", "savedquery", "userquery"})
EXPANSION = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL | re.ASCII)
# Functions other than In may depend on the caller or on the moment of the question.
DEPENDENT = re.compile(r"Microsoft\.Dynamics\.CRM\.(?!In\b)")
# Long questions are about so many values that they hardly ever come again, and keeping them is not free.
LONGEST_COMPILED = 2000
ORDER = re.compile(r"\s*([\w/]+)(?:\s+(asc|desc))?\s*", re.ASCII)


@dataclass(frozen=True)
class Expansion:
    """One navigation property to follow, and the query on the other side."""

    name: str
    navigation: Navigation | None
    collection: CollectionNavigation | None
    target: Table
    query: "Query"


@dataclass
class Query:
    """The options of one table's query, checked against the table."""

    table: Table
    select: tuple[str, ...] | None = None
    filter: Filter | None = None
    order: Callable[[list[Row]], list[Row]] | None = None
    top: int | None = None
    count: bool = False
    expand: list[Expansion] = field(default_factory=list)
    skip_token: str | None = None
    delta_token: str | None = None

    def choose(self) -> list[Row]:
        """Returns all rows of the table that the query asks for, in order."""
        rows = list(self.table.rows.values()) if self.filter is None else self.filter.rows(self.table)
        return rows if self.order is None else self.order(rows)


def read_query(store: Store, table: Table, query_string: str, caller: Caller = NOBODY) -> Query:
    """Returns the query of a URL. The text is decoded as a form: a raw `+` is a space."""
    query: Query | None = store.queries.get(table.definition.name, query_string)
    if query is not None:
        return replace(query)
    options = _options(query_string)
    aliases = {name: value for name, value in options.items() if name.startswith("@")}
    query = _framed(store, table, options, aliases, caller)
    if len(query_string) <= LONGEST_COMPILED and not any(DEPENDENT.search(value) for value in options.values()):
        store.queries.keep(replace(query), table.definition.name, query_string)
    return query


def _options(query_string: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in form_fields(query_string):
        if name in options and name.startswith("$"):
            raise bad_query(f"Query option '{name}' was specified more than once.")
        options[name] = value
    for name in options:
        if name.lower() in NOT_BUILT:
            raise not_built(f"the query option {name}")
        if name == "$skip":
            raise bad_query("The query parameter $skip is not supported. Follow @odata.nextLink instead.")
        if name.startswith("$") and name not in KNOWN:
            raise bad_query(f"The query parameter {name} is not supported.")
    return options


def _framed(store: Store, table: Table, options: dict[str, str], aliases: dict[str, str], caller: Caller) -> Query:
    """Builds the query. All but its filter is kept: what is asked with other values each time differs in that only."""
    others = [item for item in options.items() if item[0] != "$filter" and item[0] not in aliases]
    if "$filter" in options.get("$expand", ""):
        return _build(store, table, options, aliases, caller)
    key = (table.definition.name, *chain.from_iterable(others))
    frame: Query | None = store.frames.get(*key)
    if frame is None:
        query = _build(store, table, options, aliases, caller)
        store.frames.keep(replace(query, filter=None), *key)
        return query
    text = options.get("$filter")
    return replace(frame, filter=None if text is None else compile_filter(store, table, text, aliases, caller))


def _build(store: Store, table: Table, options: dict[str, str], aliases: dict[str, str], caller: Caller) -> Query:
    query = Query(table, skip_token=options.get("$skiptoken"), delta_token=options.get("$deltatoken"))
    if "$select" in options:
        query.select = _select(table, options["$select"])
    if "$filter" in options:
        query.filter = compile_filter(store, table, options["$filter"], aliases, caller)
    if "$orderby" in options:
        query.order = _order(store, table, options["$orderby"])
    if "$top" in options:
        query.top = _whole_number("$top", options["$top"])
    if "$count" in options:
        if options["$count"] not in {"true", "false"}:
            raise bad_query(f"Invalid value '{options['$count']}' for $count.")
        query.count = options["$count"] == "true"
    if "$expand" in options:
        query.expand = [_expansion(store, table, part, aliases, caller) for part in _split(options["$expand"], ",")]
    return query


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise bad_query(f"Invalid value '{text}' for {name} query option found. It requires a non-negative integer.")
    return int(text)


def _select(table: Table, text: str) -> tuple[str, ...] | None:
    names = [name.strip() for name in text.split(",")]
    if names == ["*"]:
        return None
    for name in names:
        if name not in table.columns_by_property:
            raise unknown_query_property(table.definition.name, name)
    return tuple(dict.fromkeys(names))


def _order(store: Store, table: Table, text: str) -> Callable[[list[Row]], list[Row]]:
    steps: list[tuple[Callable[[Row], Any], bool]] = []
    compiler = FilterCompiler(store, table)
    for part in text.split(","):
        match = ORDER.fullmatch(part)
        if match is None:
            raise bad_query(f"The $orderby item '{part}' cannot be read.")
        getter = compiler.path(_as_path(match[1])).get
        steps.append((getter, match[2] == "desc"))

    def sort(rows: list[Row]) -> list[Row]:
        ordered = rows
        for getter, descending in reversed(steps):
            ordered = sorted(ordered, key=_sort_key(getter), reverse=descending)
        return ordered

    return sort


def _as_path(text: str) -> Any:
    first, *rest = text.split("/")
    node: Any = ast.Identifier(first)
    for name in rest:
        node = ast.Attribute(node, name)
    return node


def _sort_key(getter: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """Null sorts before every value, as in SQL."""

    def key(row: Row) -> Any:
        value = getter(row)
        return (False, 0) if value is None else (True, index_key(value))

    return key


def _split(text: str, separator: str) -> list[str]:
    """Splits outside parentheses and string literals."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == separator and depth == 0:
                parts.append(text[start:position])
                start = position + 1
    return [part for part in [*parts, text[start:]] if part.strip()]


def _expansion(store: Store, table: Table, text: str, aliases: dict[str, str], caller: Caller) -> Expansion:
    match = EXPANSION.fullmatch(text)
    if match is None:
        raise bad_query(f"The $expand item '{text}' cannot be read.")
    name = match[1]
    navigation = table.definition.navigation.get(name)
    collection = table.definition.collections.get(name)
    if navigation is None and collection is None:
        raise unknown_query_property(table.definition.name, name)
    target_name = navigation.targets[0] if navigation is not None else collection.child if collection else ""
    target = store.by_name.get(target_name)
    if target is None:
        raise not_built(f"$expand of {name}: the simulator has no table {target_name}")
    options: dict[str, str] = {}
    for part in _split(match[2] or "", ";"):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or key not in KNOWN - {"$skiptoken", "$deltatoken", "$count"}:
            raise bad_query(f"The option '{part}' is not supported inside $expand.")
        if navigation is not None and key not in {"$select", "$expand"}:
            raise bad_query(f"The option {key} is not supported on the single-valued navigation property '{name}'.")
        options[key] = value
    return Expansion(name, navigation, collection, target, _build(store, target, options, aliases, caller))


def fetch_xml(query_string: str) -> str | None:
    """Returns the FetchXML of a URL, None when it has none."""
    if "fetchxml=" not in query_string.lower():
        return None
    return {name.lower(): value for name, value in form_fields(query_string)}.get("fetchxml")


def page_size(preference: str | None) -> int | None:
    """Returns the page size that the Prefer header asks for, None when it asks for none."""
    if preference is None:
        return None
    if not preference.isdigit() or not 1 <= int(preference) <= 5000:
        raise DataverseError(400, "0x80060888", f"odata.maxpagesize takes 1 to 5000, not '{preference}'.")
    return int(preference)
