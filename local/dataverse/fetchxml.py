"""Reads a FetchXML query: attributes, filters, orders, inner and outer links. No aggregates."""

from functools import partial
from typing import Any
from xml.etree.ElementTree import Element

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, invalid_argument, not_built, unknown_attribute
from local.dataverse.fetch_plans import (
    LARGEST_PAGE,
    Asked,
    ConditionPlan,
    Fetch,
    FetchPlan,
    FilterPlan,
    LinkPlan,
    SourcePlan,
)
from local.dataverse.fetch_shapes import Places, TakenApart, places_of_values, take_apart, values_of_conditions
from local.dataverse.messages import Request
from local.dataverse.metadata import Column
from local.dataverse.safe_xml import DEEPEST, NotWellFormedError, read_plain_xml
from local.dataverse.store import Store, Table

ROOT = ""
FETCH = frozenset(
    {"top", "count", "page", "paging-cookie", "returntotalrecordcount", "distinct", "version", "mapping",
     "output-format", "no-lock", "useraworderby", "latematerialize", "aggregate"}
)  # fmt: skip
LINK = frozenset({"name", "from", "to", "alias", "link-type", "intersect", "visible"})
CONDITION_ATTRIBUTES = frozenset({"attribute", "operator", "value", "entityname"})


def malformed(message: str) -> DataverseError:
    """Builds the answer to FetchXML that cannot be read."""
    return invalid_argument(f"Invalid XML. {message}")


def read_fetch(store: Store, environment: Environment, table: Table, text: str, request: Request) -> Fetch:
    """Returns the query of the table, or refuses the text."""
    taken = take_apart(text)
    if taken is not None:
        known: tuple[FetchPlan, Places] | None = store.fetches.get(table.definition.name, taken.shape)
        if known is not None:
            fetch = _planned(*known, taken, environment, request)
            if fetch is not None:
                return fetch
    reader = FetchReader(store, environment, request)
    plan = reader.read(text, table)
    places = None if taken is None else places_of_values(taken)
    if taken is not None and places is not None:
        store.fetches.keep((plan, places), table.definition.name, taken.shape)
    return plan.bind(reader.asked)


def _planned(
    plan: FetchPlan, places: Places, taken: TakenApart, environment: Environment, request: Request
) -> Fetch | None:
    """Returns the query with these values, None when something is refused: what and how, its whole text tells."""
    if len(plan.tables) > environment.fetch_links or plan.counted > environment.fetch_conditions:
        return None
    try:
        for table in plan.tables:
            request.may_read(table)
        return plan.bind(Asked(taken.for_conditions(places), request.caller))
    except DataverseError:
        return None


class FetchReader:
    """Reads one query for one caller. What is wrong with its values is refused in the order of the text, too."""

    def __init__(self, store: Store, environment: Environment, request: Request) -> None:
        self._store = store
        self._environment = environment
        self._may_read = request.may_read
        self.asked = Asked([], request.caller)
        self._numbers: dict[Element, int] = {}  # of the conditions, in the order of the text
        self._sources: dict[str, SourcePlan] = {}
        self._orders: list[tuple[str, int, bool]] = []
        self._tables: list[Table] = []  # those of the links
        self._links = self._counted = 0  # link-entity elements, and these with the conditions
        self._offers = True  # below an outer link no index can help, so none is built for it

    def read(self, text: str, table: Table) -> FetchPlan:
        """Returns the plan of the table's query, or refuses the text."""
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
        self._numbers = {condition: number for number, condition in enumerate(element.iter("condition"))}
        self.asked = self.asked._replace(values=values_of_conditions(element))
        root = self._source(entities[0], ROOT, table)
        return FetchPlan(root, partial(Fetch, orders=self._orders, **_page(element)), self._tables, self._counted)

    def _count(self) -> None:
        """Counts a link-entity or a condition, or refuses it as one too many."""
        self._counted += 1
        if self._links > self._environment.fetch_links:
            raise DataverseError(400, "0x8004430d", "Number of link entities in query exceeded maximum limit.")
        if self._counted > self._environment.fetch_conditions:
            raise DataverseError(400, "0x8004430c", "Number of conditions in query exceeded maximum limit.")

    def _source(self, element: Element, alias: str, table: Table) -> SourcePlan:
        if alias in self._sources:
            raise malformed(f"The alias '{alias}' is there twice.")
        source = self._sources[alias] = SourcePlan(alias, table)
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
        source.filters = [self._filter(child, source) for child in element if child.tag == "filter"]
        return source

    def _link(self, element: Element, parent: Table) -> LinkPlan:
        self._links += 1
        self._count()
        _check(element, LINK)
        name, kind = element.get("name", ""), element.get("link-type", "inner")
        if kind not in {"inner", "outer"}:
            raise not_built(f"the link-type '{kind}'")
        table = self._store.by_name.get(name)
        if table is None:
            raise DataverseError(400, "0x80041102", f"The entity with a name = '{name}' was not found.")
        alias = element.get("alias") or f"{name}{len(self._sources)}"
        self._may_read(table)
        self._tables.append(table)
        own, other = _column(table, element.get("from")), _column(parent, element.get("to"))
        offers, self._offers = self._offers, self._offers and kind == "inner"
        source = self._source(element, alias, table)
        self._offers = offers
        return LinkPlan(source, table.slots[own.property], parent.slots[other.property], kind == "outer")

    def _filter(self, element: Element, source: SourcePlan, depth: int = 1) -> FilterPlan:
        _check(element, frozenset({"type", "hint", "isquickfindfields", "overridequickfindrecordlimitenabled",
                                   "overridequickfindrecordlimitdisabled"}))  # fmt: skip
        if element.get("type", "and") not in {"and", "or"}:
            raise malformed("The type of a filter is 'and' or 'or'.")
        if depth > DEEPEST:
            raise malformed("Filters are nested too deeply.")
        parts: list[FilterPlan | ConditionPlan] = []
        for child in element:
            if child.tag == "filter":
                parts.append(self._filter(child, source, depth + 1))
            elif child.tag == "condition":
                parts.append(self._condition(child, source))
            else:
                raise malformed(f"'filter' does not take '{child.tag}'.")
        return FilterPlan(source.table, element.get("type") == "or", parts)

    def _condition(self, element: Element, source: SourcePlan) -> ConditionPlan:
        self._count()
        _check(element, CONDITION_ATTRIBUTES)
        named, own = element.get("entityname"), source
        if named is not None:
            if named not in self._sources or source.alias != ROOT:
                raise malformed(f"Here no link has the alias '{named}'.")
            source = self._sources[named]
        if any(child.tag != "value" for child in element):
            raise malformed("'condition' takes elements 'value' only.")
        column, operator = _column(source.table, element.get("attribute")), element.get("operator", "")
        offers = self._offers and source is own
        plan = ConditionPlan(source.alias, source.table, column, operator, self._numbers[element], offers)
        plan.bind(self.asked)
        return plan


def _page(element: Element) -> dict[str, Any]:
    top = _whole(element, "top", 1, LARGEST_PAGE)
    count = _whole(element, "count", 1, LARGEST_PAGE) or LARGEST_PAGE
    page = _whole(element, "page", 1, 1_000_000) or 1
    if top is not None and any(element.get(name) for name in ("count", "page", "paging-cookie")):
        raise invalid_argument("'top' cannot be used together with paging.")
    return {
        "top": top,
        "count": count,
        "page": page,
        "cookie": element.get("paging-cookie") or None,
        "total": element.get("returntotalrecordcount") == "true",
        "distinct": element.get("distinct") == "true",
    }


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
