"""The typed values of the organization service, as far as they are not Python's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

NO_ID = UUID(int=0)
"""The id of a bag, which is no row."""


class UnreadableError(Exception):
    """An answer is not what it says it is. The text names types and places, never content."""


class Long(int):
    """A number that the message wants as a 64-bit integer, though it may be small."""


@dataclass(frozen=True, slots=True)
class OptionSetValue:
    """A choice."""

    value: int


@dataclass(frozen=True, slots=True)
class Money:
    """An amount, in a currency that stands elsewhere."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class EntityReference:
    """A row by table and id. `name` is its primary name, which only Dataverse fills."""

    logical_name: str
    id: UUID
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A row, or a bag of named values. `formatted` has the values as Dataverse shows them, in answers only."""

    logical_name: str | None
    attributes: Mapping[str, "SoapValue"] = field(default_factory=dict)
    id: UUID = NO_ID
    formatted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntityCollection:
    """Rows or bags, in order."""

    entities: tuple[Entity, ...] = ()
    entity_name: str | None = None
    more_records: bool = False
    paging_cookie: str | None = None
    total_record_count: int = -1


type SoapValue = (
    str
    | bool
    | int
    | float
    | Decimal
    | datetime
    | UUID
    | OptionSetValue
    | Money
    | EntityReference
    | Entity
    | EntityCollection
    | None
)
"""A moment has a zone; answers come in UTC."""
