"""Reads DataContract values as the service's schema declares them: types by namespace, children in their order.

The sequences are those of the Organization service's schema (2011/Contracts): each element may be left out, none may
come out of order.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element

from local.dataverse.bags import Bag, Reference
from local.dataverse.safe_xml import CONTRACTS, GENERIC, NIL, SCHEMA, SERIALIZATION, TYPE
from local.dataverse.values import GUID, INT32, INT64

ENTITY = (
    "Attributes", "EntityState", "FormattedValues", "Id", "KeyAttributes", "LogicalName", "RelatedEntities",
    "RowVersion",
)  # fmt: skip
REFERENCE = ("Id", "KeyAttributes", "LogicalName", "Name", "RowVersion")
COLLECTION = (
    "Entities", "EntityName", "MinActiveRowVersion", "MoreRecords", "PagingCookie", "RecordCountLessThanMarv",
    "TotalRecordCount", "TotalRecordCountLimitExceeded",
)  # fmt: skip
NOT_NILLABLE = frozenset({"Id", "MoreRecords", "RecordCountLessThanMarv", "TotalRecordCountLimitExceeded"})
PAIR = f"{{{CONTRACTS}}}KeyValuePairOfstringanyType"
MOMENT = re.compile(r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


class NotDeserializableError(ValueError):
    """The XML is not what the schema declares."""


def children(element: Element, order: tuple[str, ...], namespace: str = CONTRACTS) -> dict[str, Element]:
    """Returns the children by name; refuses one that is unknown, repeated or out of the declared order."""
    found: dict[str, Element] = {}
    position = 0
    for child in element:
        name = child.tag.removeprefix(f"{{{namespace}}}")
        if name not in order:
            raise NotDeserializableError(f"{_local(element)} does not take the element {child.tag}.")
        if order.index(name) < position:
            raise NotDeserializableError(f"The element {name} of {_local(element)} is out of its declared order.")
        position = order.index(name) + 1
        if is_nil(child) and name in NOT_NILLABLE:
            raise NotDeserializableError(f"The element {name} of {_local(element)} is not nillable.")
        found[name] = child
    return found


def is_nil(element: Element) -> bool:
    """Tells whether the element says that there is no value."""
    nil = element.get(NIL, "false").strip() in {"true", "1"}
    if nil and (len(element) or (element.text or "").strip()):
        raise NotDeserializableError(f"The element {_local(element)} is nil and has content.")
    return nil


def pairs(element: Element | None) -> dict[str, Any]:
    """Returns the key-value pairs of a collection such as Parameters or Attributes."""
    values: dict[str, Any] = {}
    if element is None or is_nil(element):
        return values
    for pair in element:
        if pair.tag != PAIR:
            raise NotDeserializableError(f"{_local(element)} does not take the element {pair.tag}.")
        parts = children(pair, ("key", "value"), GENERIC)
        if set(parts) != {"key", "value"} or not parts["key"].text:
            raise NotDeserializableError("A key-value pair has a key and a value.")
        key = parts["key"].text
        if key in values:
            raise NotDeserializableError(f"The key {key} is there twice.")
        values[key] = any_value(parts["value"], key)
    return values


def any_value(element: Element, key: str) -> Any:
    """Returns the value of an element whose `i:type` tells what it is."""
    if is_nil(element):
        return None
    kind = element.get(TYPE)
    if kind is None:
        raise NotDeserializableError(f"The value of {key} has no type.")
    reader = READERS.get(kind)
    if reader is None:
        raise NotDeserializableError(f"The value of {key} has the unknown type {kind}.")
    return reader(element)


def entity(element: Element) -> Bag:
    """Returns an Entity."""
    parts = children(element, ENTITY)
    row_id = str(_guid(parts["Id"])) if "Id" in parts else None
    empty = row_id is None or row_id == str(UUID(int=0))
    return Bag(pairs(parts.get("Attributes")), text_of(parts.get("LogicalName")) or "", None if empty else row_id)


def _reference(element: Element) -> Reference:
    parts = children(element, REFERENCE)
    if "Id" not in parts or not text_of(parts.get("LogicalName")):
        raise NotDeserializableError("An EntityReference needs Id and LogicalName.")
    return Reference(text_of(parts["LogicalName"]) or "", str(_guid(parts["Id"])), text_of(parts.get("Name")))


def _collection(element: Element) -> list[Bag]:
    parts = children(element, COLLECTION)
    for name in ("MoreRecords", "TotalRecordCountLimitExceeded"):
        if name in parts:
            _boolean(parts[name])
    for name in ("RecordCountLessThanMarv", "TotalRecordCount"):
        # The vendor's own sample sends a nil TotalRecordCount, which the schema does not allow but the service takes.
        if name in parts and not is_nil(parts[name]):
            _int(parts[name])
    entities = parts.get("Entities")
    if entities is None or is_nil(entities):
        return []
    if any(child.tag != f"{{{CONTRACTS}}}Entity" for child in entities):
        raise NotDeserializableError("Entities takes elements Entity only.")
    return [entity(child) for child in entities if not is_nil(child)]


def text_of(element: Element | None) -> str | None:
    """Returns the text of a string element, None when it is absent or nil."""
    if element is None or is_nil(element):
        return None
    if len(element):
        raise NotDeserializableError(f"The element {_local(element)} takes text only.")
    return element.text or ""


def _lexical(element: Element, pattern: re.Pattern[str], called: str) -> str:
    text = (text_of(element) or "").strip()
    if not pattern.fullmatch(text):
        raise NotDeserializableError(f"'{text[:60]}' is not a value of the type {called}.")
    return text


def _in_range(element: Element, span: range, called: str) -> int:
    value = int(_lexical(element, WHOLE, called))
    if value not in span:
        raise NotDeserializableError(f"{value} is outside of the type {called}.")
    return value


def _int(element: Element) -> int:
    return _in_range(element, INT32, "int")


def _long(element: Element) -> int:
    return _in_range(element, INT64, "long")


def _boolean(element: Element) -> bool:
    return _lexical(element, re.compile("true|false|1|0"), "boolean") in {"true", "1"}


def _double(element: Element) -> float:
    text = (text_of(element) or "").strip()
    try:
        return float({"INF": "inf", "-INF": "-inf"}.get(text, text))
    except ValueError as error:
        raise NotDeserializableError(f"'{text[:60]}' is not a value of the type double.") from error


def _decimal(element: Element) -> Decimal:
    try:
        return Decimal(_lexical(element, DECIMAL, "decimal"))
    except InvalidOperation as error:
        raise NotDeserializableError("A decimal cannot be read.") from error


def _moment(element: Element) -> datetime:
    """Returns the moment in UTC; one without a zone is taken as UTC."""
    text = _lexical(element, MOMENT, "dateTime")
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotDeserializableError(f"'{text[:60]}' is not a value of the type dateTime.") from error


def _guid(element: Element) -> UUID:
    return UUID(_lexical(element, GUID, "guid"))


def _wrapped(read: Callable[[Element], Any]) -> Callable[[Element], Any]:
    """OptionSetValue and Money hold their value in an element of their own."""

    def unwrap(element: Element) -> Any:
        value = children(element, ("Value",)).get("Value")
        return 0 if value is None else read(value)

    return unwrap


READERS: dict[str, Callable[[Element], Any]] = {
    f"{{{SCHEMA}}}string": text_of,
    f"{{{SCHEMA}}}int": _int,
    f"{{{SCHEMA}}}long": _long,
    f"{{{SCHEMA}}}boolean": _boolean,
    f"{{{SCHEMA}}}double": _double,
    f"{{{SCHEMA}}}decimal": _decimal,
    f"{{{SCHEMA}}}dateTime": _moment,
    f"{{{SERIALIZATION}}}guid": _guid,
    f"{{{CONTRACTS}}}OptionSetValue": _wrapped(_int),
    f"{{{CONTRACTS}}}Money": _wrapped(_decimal),
    f"{{{CONTRACTS}}}EntityReference": _reference,
    f"{{{CONTRACTS}}}Entity": entity,
    f"{{{CONTRACTS}}}EntityCollection": _collection,
}


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
