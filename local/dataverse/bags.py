"""What the scheduling messages carry: property bags and references, the same whether they came as JSON or as SOAP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from local.dataverse.errors import invalid_argument
from local.dataverse.values import GUID, NotThisTypeError, read_moment


@dataclass(frozen=True)
class Reference:
    """An EntityReference."""

    table: str
    row_id: str
    name: str | None = None


@dataclass(frozen=True)
class Bag:
    """An Entity, real or only a bag of attributes. Collections are lists of bags."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""
    row_id: str | None = None


class BagReader:
    """Reads the members of one bag by type and refuses members that nobody asked for."""

    def __init__(self, bag: Bag, where: str) -> None:
        self._bag = bag
        self._where = where
        self._read: set[str] = set()

    def _value(self, name: str) -> Any:
        self._read.add(name)
        return self._bag.attributes.get(name)

    def required(self, name: str) -> None:
        """Refuses a bag without the member."""
        if self._value(name) is None:
            raise invalid_argument(f"The parameter '{name}' of {self._where} is missing.")

    def text(self, name: str) -> str | None:
        """Returns a string."""
        value: str | None = self._of_type(name, str, "a string")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Returns a boolean."""
        value = self._of_type(name, bool, "a boolean")
        return default if value is None else bool(value)

    def whole_number(self, name: str) -> int | None:
        """Returns an integer."""
        value = self._value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self._wrong(name, "an integer")

    def number(self, name: str) -> float | None:
        """Returns an integer or a fraction."""
        value = self._value(name)
        if value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)):
            return None if value is None else float(value)
        raise self._wrong(name, "a number")

    def number_as_text(self, name: str) -> int | None:
        """Returns an integer that may also be written as a string (the examples of the vendor write "1")."""
        value = self._value(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        return self.whole_number(name)

    def moment(self, name: str) -> datetime | None:
        """Returns a moment with its zone; text without an offset means UTC."""
        value = self._value(name)
        if value is None or isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(read_moment(value))
        except (NotThisTypeError, TypeError) as error:
            raise self._wrong(name, "a date and time") from error

    def guid(self, name: str) -> str | None:
        """Returns a guid in lower case."""
        value = self._value(name)
        if value is None or isinstance(value, UUID):
            return None if value is None else str(value)
        if isinstance(value, str) and GUID.fullmatch(value):
            return value.lower()
        raise self._wrong(name, "a guid")

    def reference(self, name: str, table: str) -> Reference | None:
        """Returns a reference to a row of the table."""
        value = self._of_type(name, Reference, "an entity reference")
        if isinstance(value, Reference) and value.table != table:
            raise invalid_argument(f"'{name}' of {self._where} refers to '{value.table}', not to '{table}'.")
        return value if isinstance(value, Reference) else None

    def bag(self, name: str) -> Bag | None:
        """Returns a nested bag."""
        value = self._of_type(name, Bag, "an entity")
        return value if isinstance(value, Bag) else None

    def bags(self, name: str) -> list[Bag]:
        """Returns a collection, empty when it is absent."""
        value = self._of_type(name, list, "an entity collection")
        return value or []

    def _of_type(self, name: str, kind: type, called: str) -> Any:
        value = self._value(name)
        if value is None or isinstance(value, kind):
            return value
        raise self._wrong(name, called)

    def _wrong(self, name: str, called: str) -> Exception:
        return invalid_argument(f"'{name}' of {self._where} must be {called}.")

    def refuse_others(self) -> None:
        """Refuses members that were not read."""
        unknown = set(self._bag.attributes) - self._read
        if unknown:
            raise invalid_argument(f"Unrecognized request parameter: {min(unknown)} ({self._where}).")


def utc_text(moment: datetime) -> str:
    """Returns the moment as Dataverse stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
