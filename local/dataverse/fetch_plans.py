"""What a FetchXML query is without its values and its caller, and what it becomes with them: tests and offers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from local.dataverse.candidates import Offer, any_offer, equal_to, like_one_of, narrowest
from local.dataverse.conditions import MEMBERSHIPS, keys_of, membership, value_test
from local.dataverse.fetch_shapes import Values
from local.dataverse.messages import Caller
from local.dataverse.metadata import Column
from local.dataverse.store import Row, Table

type Joined = Mapping[str, Row | None]
type Test = Callable[[Joined], bool]
type Condition = tuple[Test, Offer | None]

LARGEST_PAGE = 5000


@dataclass(slots=True)
class Source:
    """The queried table or a linked one: what to return from it and how it hangs on its parent."""

    alias: str
    table: Table
    attributes: Sequence[tuple[Column, str]]  # with the alias of the attribute, or nothing
    tests: list[Test]
    links: list["Link"]
    offer: Offer | None  # the rows that indexes offer to the tests, None for every row


@dataclass(slots=True)
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
    orders: Sequence[tuple[str, int, bool]] = ()
    top: int | None = None
    count: int = LARGEST_PAGE
    page: int = 1
    cookie: str | None = None
    total: bool = False
    distinct: bool = False


class Asked(NamedTuple):
    """What one request adds to a plan: the values of each condition, in the order of the text, and who asks."""

    values: Sequence[Values]
    caller: Caller


@dataclass(frozen=True, slots=True)
class ConditionPlan:
    """A condition without its values; `number` is its place in the text."""

    alias: str
    table: Table
    column: Column
    operator: str
    number: int
    offers: bool  # whether an index may help where the condition stands

    def bind(self, asked: Asked) -> Condition:
        """Returns test and offer, or refuses the operator, or number or form of the values."""
        values, column, offer = asked.values[self.number], self.column, None
        if self.operator in MEMBERSHIPS:
            keys = keys_of(column, self.operator, values)
            test = membership(keys)
            if self.offers:
                offer = equal_to(self.table, column, keys)
        else:
            test = value_test(column, self.operator, values, *asked.caller)
            if self.offers and self.operator in {"begins-with", "like"}:
                offer = like_one_of(self.table, column, values)
        alias, slot = self.alias, self.table.slots[column.property]
        return (lambda joined: test(None if (row := joined[alias]) is None else row[slot])), offer


@dataclass(frozen=True, slots=True)
class FilterPlan:
    """Conditions and filters of which one has to hold, or all."""

    table: Table
    one_is_enough: bool
    parts: Sequence["FilterPlan | ConditionPlan"]

    def bind(self, asked: Asked) -> Condition:
        """Returns test and offer."""
        if len(self.parts) == 1:
            return self.parts[0].bind(asked)
        parts = [part.bind(asked) for part in self.parts]
        tests, offers = [test for test, _ in parts], [offer for _, offer in parts]
        if self.one_is_enough:
            return (lambda joined: any(test(joined) for test in tests)), any_offer(offers)
        return (lambda joined: all(test(joined) for test in tests)), narrowest(self.table, offers)


@dataclass(slots=True)
class SourcePlan:
    """A source without the values of its filters."""

    alias: str
    table: Table
    attributes: list[tuple[Column, str]] = field(default_factory=list)
    filters: list[FilterPlan] = field(default_factory=list)
    links: list["LinkPlan"] = field(default_factory=list)

    def bind(self, asked: Asked) -> Source:
        """Returns the source with its filters."""
        links = [link.bind(asked) for link in self.links]
        filters = [each.bind(asked) for each in self.filters]
        offer = narrowest(self.table, [offer for _, offer in filters])
        return Source(self.alias, self.table, self.attributes, [test for test, _ in filters], links, offer)


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A join without the values of its source."""

    source: SourcePlan
    from_slot: int
    to_slot: int
    outer: bool

    def bind(self, asked: Asked) -> Link:
        """Returns the join."""
        return Link(self.source.bind(asked), self.from_slot, self.to_slot, self.outer)


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """A whole query without its values. `tables` are those that links read; `counted` are links and conditions."""

    root: SourcePlan
    around: Callable[[Source], Fetch]
    tables: Sequence[Table]
    counted: int

    def bind(self, asked: Asked) -> Fetch:
        """Returns the query."""
        return self.around(self.root.bind(asked))
