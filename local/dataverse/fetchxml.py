"""Reads a FetchXML query and compiles it: attributes, filters, orders, inner and outer links. No aggregates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from local.dataverse.candidates import Offer, any_offer, equal_to, like_pattern, narrowest
from local.dataverse.conditions import MEMBERSHIPS, keys_of, membership, value_test
from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, invalid_argument, not_built, unknown_attribute
from local.dataverse.messages import Request
from local.dataverse.metadata import Column
from local.dataverse.safe_xml import DEEPEST, NotWellFormedError, read_plain_xml
from local.dataverse.store import Row, Store, Table

type Joined = Mapping[str, Row | None]
type Test = Callable[[Joined], bool]
type Condition = tuple[Test, Offer | None]

ROOT = ""
LARGEST_PAGE = 5000
FETCH = frozenset(
    {"top", "count", "page", "paging-cookie", "returntotalrecordcount", "distinct", "version", "mapping",
     "output-format", "no-lock", "useraworderby", "latematerialize", "aggregate"}
)  # fmt: skip
LINK = frozenset({"name", "from", "to", "alias", "link-type", "intersect", "visible"})
CONDITION_ATTRIBUTES = frozenset({"attribute", "operator", "value", "entityname"})


@dataclass
class Source:
    """The queried table or a linked one: what to return from it and how it hangs on its parent."""

    alias: str
    table: Table
    attributes: list[tuple[Column, str]] = field(default_factory=list)  # with the alias of the attribute, or nothing
    tests: list[Test] = field(default_factory=list)
    links: list["Link"] = field(default_factory=list)
    offer: Offer | None = None  # the rows that indexes offer to the tests, None for every row


@dataclass
class Link:
    """A join: rows of `source` whose `from` column holds what the parent's `to` column holds."""

    source: Source
    from_slot: int
    to_slot: int
    outer: bool


@dataclass
class Fetch:
    """A whole query. `orders` are (alias, slot, descending) in the order in which they count."""

    root: Source
    orders: list[tuple[str, int, bool]] = field(default_factory=list)
    top: int | None = None
    count: int = LARGEST_PAGE
    page: int = 1
    cookie: str | None = None
    total: bool = False
    distinct: bool = False


def malformed(message: str) -> DataverseError:
    """Builds the answer to FetchXML that cannot be read."""
    return invalid_argument(f"Invalid XML. {message}")


class FetchReader:
    """Reads one query for one caller."""

    def __init__(self, store: Store, environment: Environment, request: Request) -> None:
        self._store = store
        self._environment = environment
        self._caller = request.caller
        self._may_read = request.may_read
        self._sources: dict[str, Source] = {}
        self._orders: list[tuple[str, int, bool]] = []
        self._links = self._counted = 0  # link-entity elements, and these with the conditions
        self._offers = True  # below an outer link no index can help, so none is built for it

    def read(self, text: str, table: Table) -> Fetch:
        """Returns the query of the table, or refuses the text."""
        try:
            element = read_plain_xml(text)
        except NotWellFormedError as error:
            raise malformed(str(error)) from error
        if element.tag != "fetch":
            raise malformed("The root must be 'fetch'.")
        _check(element, FETCH)
        if element.get("aggregate", "false") == "true":
            raise not_built("FetchXML aggregates")
        entities = list(element)
        if len(entities) != 1 or entities[0].tag != "entity":
            raise malformed("'fetch' holds one 'entity'.")
        _check(entities[0], frozenset({"name"}))
        if entities[0].get("name") != table.definition.name:
            raise invalid_argument(
                f"The entity '{entities[0].get('name')}' of the query is not that of '{table.definition.entity_set}'."
            )
        fetch = Fetch(self._source(entities[0], ROOT, table))
        fetch.orders = self._orders
        self._page(element, fetch)
        return fetch

    def _count(self, *, links: int = 0) -> None:
        """Counts a link-entity or a condition, or refuses it as one too many."""
        self._links += links
        self._counted += 1
        if self._links > self._environment.fetch_links:
            raise DataverseError(400, "0x8004430d", "Number of link entities in query exceeded maximum limit.")
        if self._counted > self._environment.fetch_conditions:
            raise DataverseError(400, "0x8004430c", "Number of conditions in query exceeded maximum limit.")

    def _page(self, element: Element, fetch: Fetch) -> None:
        fetch.top = _whole(element, "top", 1, LARGEST_PAGE)
        fetch.count = _whole(element, "count", 1, LARGEST_PAGE) or LARGEST_PAGE
        fetch.page = _whole(element, "page", 1, 1_000_000) or 1
        fetch.cookie = element.get("paging-cookie") or None
        if fetch.top is not None and any(element.get(name) for name in ("count", "page", "paging-cookie")):
            raise invalid_argument("'top' cannot be used together with paging.")
        fetch.total = element.get("returntotalrecordcount") == "true"
        fetch.distinct = element.get("distinct") == "true"

    def _source(self, element: Element, alias: str, table: Table) -> Source:
        if alias in self._sources:
            raise malformed(f"The alias '{alias}' is there twice.")
        source = self._sources[alias] = Source(alias, table)
        for child in element:
            if child.tag == "all-attributes":
                source.attributes = [(column, "") for column in table.definition.columns.values()]
            elif child.tag == "attribute":
                _check(child, frozenset({"name", "alias"}))
                source.attributes.append((_column(table, child.get("name")), child.get("alias", "")))
            elif child.tag == "order":
                _check(child, frozenset({"attribute", "descending"}))
                slot = table.slots[_column(table, child.get("attribute")).property]
                self._orders.append((alias, slot, child.get("descending") == "true"))
            elif child.tag == "link-entity":
                source.links.append(self._link(child, table))
            elif child.tag != "filter":
                raise malformed(f"'{element.tag}' does not take '{child.tag}'.")
        # Filters last: their conditions may name the aliases of links.
        filters = [self._filter(child, source) for child in element if child.tag == "filter"]
        source.tests = [test for test, _ in filters]
        source.offer = narrowest(table, (offer for _, offer in filters))
        return source

    def _link(self, element: Element, parent: Table) -> Link:
        self._count(links=1)
        _check(element, LINK)
        name, kind = element.get("name", ""), element.get("link-type", "inner")
        if kind not in {"inner", "outer"}:
            raise not_built(f"the link-type '{kind}'")
        table = self._store.by_name.get(name)
        if table is None:
            raise DataverseError(400, "0x80041102", f"The entity with a name = '{name}' was not found.")
        alias = element.get("alias") or f"{name}{len(self._sources)}"
        self._may_read(table)
        own, other = _column(table, element.get("from")), _column(parent, element.get("to"))
        offers, self._offers = self._offers, self._offers and kind == "inner"
        source = self._source(element, alias, table)
        self._offers = offers
        return Link(source, table.slots[own.property], parent.slots[other.property], kind == "outer")

    def _filter(self, element: Element, source: Source, depth: int = 1) -> Condition:
        _check(element, frozenset({"type", "hint", "isquickfindfields", "overridequickfindrecordlimitenabled",
                                   "overridequickfindrecordlimitdisabled"}))  # fmt: skip
        if element.get("type", "and") not in {"and", "or"}:
            raise malformed("The type of a filter is 'and' or 'or'.")
        if depth > DEEPEST:
            raise malformed("Filters are nested too deeply.")
        parts: list[Condition] = []
        for child in element:
            if child.tag == "filter":
                parts.append(self._filter(child, source, depth + 1))
            elif child.tag == "condition":
                parts.append(self._condition(child, source))
            else:
                raise malformed(f"'filter' does not take '{child.tag}'.")
        tests = [test for test, _ in parts]
        if element.get("type", "and") == "or":
            return (lambda joined: any(test(joined) for test in tests)), any_offer(offer for _, offer in parts)
        return (lambda joined: all(test(joined) for test in tests)), narrowest(
            source.table, (offer for _, offer in parts)
        )

    def _condition(self, element: Element, source: Source) -> Condition:
        self._count()
        _check(element, CONDITION_ATTRIBUTES)
        named, own = element.get("entityname"), source
        if named is not None:
            if named not in self._sources or source.alias != ROOT:
                raise malformed(f"Here no link has the alias '{named}'.")
            source = self._sources[named]
        values = [child.text or "" for child in element if child.tag == "value"]
        if len(values) != len(element):
            raise malformed("'condition' takes elements 'value' only.")
        if element.get("value") is not None:
            values.insert(0, element.get("value", ""))
        column = _column(source.table, element.get("attribute"))
        operator = element.get("operator", "")
        offer: Offer | None = None
        if operator in MEMBERSHIPS:
            keys = keys_of(column, operator, values)
            test, offer = membership(keys), equal_to(source.table, column, keys)
        else:
            test = value_test(column, operator, values, *self._caller)
            if operator in {"begins-with", "like"}:
                offer = like_pattern(source.table, column, values[0])
        alias, slot = source.alias, source.table.slots[column.property]
        return (
            lambda joined: test(None if (row := joined[alias]) is None else row[slot]),
            offer if source is own and self._offers else None,
        )


def _check(element: Element, known: frozenset[str]) -> None:
    if not known.issuperset(element.attrib):
        unknown = min(set(element.attrib) - known)
        raise malformed(f"The attribute '{unknown}' of '{element.tag}' is not declared.")


def _column(table: Table, name: str | None) -> Column:
    column = table.definition.columns.get(name or "")
    if column is None:
        raise unknown_attribute(table.definition.name, name or "")
    return column


def _whole(element: Element, name: str, least: int, most: int) -> int | None:
    text: Any = element.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise invalid_argument(f"'{name}' of 'fetch' is a whole number from {least} to {most}.")
    return int(text)
