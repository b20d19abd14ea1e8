"""The envelope of an organization request."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from xml.sax.saxutils import escape

from shared.dataverse.soap.namespaces import PREFIXES
from shared.dataverse.soap.values import (
    Entity,
    EntityCollection,
    EntityReference,
    Long,
    Money,
    OptionSetValue,
    SoapValue,
)


def execute_body(request_name: str, parameters: Mapping[str, SoapValue]) -> bytes:
    """The envelope of one organization request.

    Raises ValueError for a datetime without a zone, a number outside its type's range and a text with characters
    that XML cannot carry.
    """
    namespaces = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
    # No i:type on the request: a message without a class of its own is told apart by its name alone.
    request = (
        _node("a:Parameters", _pairs(parameters))
        + _leaf("a:RequestId", None)
        + _leaf("a:RequestName", request_name)
    )  # fmt: skip
    # The version tells the service not to leave out response fields that are newer than the oldest clients.
    header = _node("s:Header", _leaf("a:SdkClientVersion", "9.2"))
    body = _node("s:Body", _node("d:Execute", _node("d:request", request)))
    return _node("s:Envelope", header + body, namespaces).encode()


def _pairs(values: Mapping[str, SoapValue]) -> str:
    return "".join(
        _node("a:KeyValuePairOfstringanyType", _leaf("b:key", key) + _typed(value)) for key, value in values.items()
    )


def _typed(value: SoapValue) -> str:
    """The value as `b:value` with its i:type."""
    match value:
        case None:
            return _leaf("b:value", None)
        case OptionSetValue():
            return _value("a:OptionSetValue", _leaf("a:Value", str(_in_range(value.value, 32))))
        case Money():
            return _value("a:Money", _leaf("a:Value", _decimal_text(value.value)))
        case EntityReference():
            return _value("a:EntityReference", _reference(value))
        case Entity():
            return _value("a:Entity", _entity(value))
        case EntityCollection():
            return _value("a:EntityCollection", _collection(value))
        case _:
            kind, text = _scalar(value)
            return _value(kind, _escaped(text))


def _scalar(value: str | bool | float | Decimal | datetime | UUID) -> tuple[str, str]:
    match value:
        case str():
            return "c:string", value
        case bool():
            return "c:boolean", _boolean_text(value)
        case int():
            long = isinstance(value, Long) or not -(2**31) <= value < 2**31
            return ("c:long", str(_in_range(value, 64))) if long else ("c:int", str(value))
        case float():
            return "c:double", _double_text(value)
        case Decimal():
            return "c:decimal", _decimal_text(value)
        case datetime():
            return "c:dateTime", _utc_text(value)
        case UUID():
            return "e:guid", str(value)


def _reference(reference: EntityReference) -> str:
    return (
        _leaf("a:Id", str(reference.id))
        + _leaf("a:LogicalName", reference.logical_name)
        + _leaf("a:Name", reference.name)
    )  # fmt: skip


def _entity(entity: Entity) -> str:
    return (
        _node("a:Attributes", _pairs(entity.attributes))
        + _leaf("a:EntityState", None)
        + _node("a:FormattedValues", "")
        + _leaf("a:Id", str(entity.id))
        + _leaf("a:LogicalName", entity.logical_name)
        + _node("a:RelatedEntities", "")
    )


def _collection(collection: EntityCollection) -> str:
    return (
        _node("a:Entities", "".join(_node("a:Entity", _entity(entity)) for entity in collection.entities))
        + _leaf("a:EntityName", collection.entity_name)
        + _leaf("a:MinActiveRowVersion", None)
        + _leaf("a:MoreRecords", _boolean_text(collection.more_records))
        + _leaf("a:PagingCookie", collection.paging_cookie)
        # Not nillable in the schema: -1 stands for "not counted".
        + _leaf("a:TotalRecordCount", str(_in_range(collection.total_record_count, 32)))
        + _leaf("a:TotalRecordCountLimitExceeded", "false")
    )


def _value(kind: str, content: str) -> str:
    return _node("b:value", content, f' i:type="{kind}"')


def _leaf(name: str, text: str | None) -> str:
    return f'<{name} i:nil="true"/>' if text is None else _node(name, _escaped(text))


def _node(name: str, content: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{content}</{name}>" if content else f"<{name}{attributes}/>"


_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _escaped(text: str) -> str:
    if _NOT_XML.search(text):
        raise ValueError("a text holds a character that XML cannot carry")
    # A bare carriage return would arrive as a line feed (XML 1.0, 2.11).
    return escape(text, {"\r": "&#13;"})


def _in_range(number: int, bits: int) -> int:
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f"a number does not fit into {bits} bits")
    return int(number)


def _boolean_text(value: bool) -> str:
    return "true" if value else "false"


def _double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("INF" if value > 0 else "-INF") if math.isinf(value) else repr(value)


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("a decimal is not a number")
    return f"{value:f}"


def _utc_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a datetime has no zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
