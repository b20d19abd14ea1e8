"""The answer to an organization request: its results, or the error that its fault stands for."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from uuid import UUID

from shared.dataverse.errors import (
    MEANINGS,
    DataverseError,
    DeniedError,
    RejectedError,
    UnavailableError,
    error_for,
    error_of,
    kind_of,
    normal_code,
)
from shared.dataverse.soap.namespaces import A, B, C, D, E, I, S
from shared.dataverse.soap.values import (
    NO_ID,
    Entity,
    EntityCollection,
    EntityReference,
    Money,
    OptionSetValue,
    SoapValue,
    UnreadableError,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read_reply(
    body: bytes, *, status: int = 200, request_id: str = "", retry_after: float | None = None
) -> dict[str, SoapValue]:
    """The results of a request by their keys. Missing keys are usual: members that do not apply are left out.

    `status`, `request_id` and `retry_after` (seconds) are those of the HTTP answer. Raises the error that a fault
    or a status stands for, and UnavailableError for anything that is no answer of this service. The size of `body`
    is the caller's to limit.
    """
    from shared.dataverse.soap.safe_xml import parsed

    try:
        envelope = parsed(body)
        content = envelope.find(f"{S}Body") if envelope.tag == f"{S}Envelope" else None
        fault = content.find(f"{S}Fault") if content is not None else None
        if fault is not None:
            raise _fault_error(fault, status, request_id, retry_after)
        if status < 400 and content is not None:
            results = content.find(f"{D}ExecuteResponse/{D}ExecuteResult/{A}Results")
            if results is not None:
                return _read_pairs(results)
            if content.find(f"{D}ExecuteResponse/{D}ExecuteResult") is not None:
                return {}
    except UnreadableError as error:
        if status < 400:
            raise UnavailableError(f"the SOAP reply cannot be read: {error}", status=status) from None
    if status < 400:
        raise UnavailableError("the SOAP reply has neither a result nor a fault", status=status)
    raise error_for(status, "", "", request_id, retry_after)


def _read_pairs(parent: "Element") -> dict[str, SoapValue]:
    return {
        pair.findtext(f"{B}key", ""): _read_value(pair.find(f"{B}value"))
        for pair in parent.findall(f"{A}KeyValuePairOfstringanyType")
    }


def _read_value(value: "Element | None") -> SoapValue:
    """The value by its i:type. A type that is not known here comes as the text inside."""
    if value is None or _is_nil(value):
        return None
    kind = value.get(f"{I}type", "")
    if kind == f"{A}Entity":
        return _read_entity(value)
    if kind == f"{A}EntityCollection":
        return _read_collection(value)
    if kind == f"{A}EntityReference":
        return EntityReference(
            logical_name=value.findtext(f"{A}LogicalName", ""),
            id=_read_guid(value.findtext(f"{A}Id", "")),
            name=_text_or_none(value.find(f"{A}Name")),
        )
    if kind == f"{A}OptionSetValue":
        return OptionSetValue(_read_int(value.findtext(f"{A}Value", "")))
    if kind == f"{A}Money":
        return Money(_read_decimal(value.findtext(f"{A}Value", "")))
    read = _SCALARS.get(kind)
    return read(value.text or "") if read else "".join(value.itertext())


def _read_entity(entity: "Element") -> Entity:
    attributes = entity.find(f"{A}Attributes")
    return Entity(
        logical_name=_text_or_none(entity.find(f"{A}LogicalName")),
        attributes={} if attributes is None else _read_pairs(attributes),
        id=_read_guid(entity.findtext(f"{A}Id") or str(NO_ID)),
        formatted={
            pair.findtext(f"{B}key", ""): pair.findtext(f"{B}value", "")
            for pair in entity.findall(f"{A}FormattedValues/{A}KeyValuePairOfstringstring")
        },
    )


def _read_collection(collection: "Element") -> EntityCollection:
    return EntityCollection(
        entities=tuple(_read_entity(entity) for entity in collection.findall(f"{A}Entities/{A}Entity")),
        entity_name=_text_or_none(collection.find(f"{A}EntityName")),
        more_records=_read_boolean(collection.findtext(f"{A}MoreRecords") or "false"),
        paging_cookie=_text_or_none(collection.find(f"{A}PagingCookie")),
        # Nil where the official sample leaves it unset.
        total_record_count=_read_int(collection.findtext(f"{A}TotalRecordCount") or "-1"),
    )


def _is_nil(element: "Element") -> bool:
    return element.get(f"{I}nil", "").strip() in {"true", "1"}


def _text_or_none(element: "Element | None") -> str | None:
    return None if element is None or _is_nil(element) else element.text or ""


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UnreadableError("an integer is none") from None


def _read_boolean(text: str) -> bool:
    match text.strip():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise UnreadableError("a boolean is none")


def _read_double(text: str) -> float:
    try:
        return float(text)  # reads INF, -INF and NaN too
    except ValueError:
        raise UnreadableError("a double is none") from None


def _read_decimal(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise UnreadableError("a decimal is none") from None


def _read_guid(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        raise UnreadableError("a guid is none") from None


def _read_datetime(text: str) -> datetime:
    """A moment without an offset is UTC, as everywhere in Dataverse."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError("a dateTime is none") from None


_SCALARS: dict[str, Callable[[str], SoapValue]] = {
    f"{C}string": str,
    f"{C}boolean": _read_boolean,
    f"{C}int": _read_int,
    f"{C}long": _read_int,
    f"{C}short": _read_int,
    f"{C}double": _read_double,
    f"{C}float": _read_double,
    f"{C}decimal": _read_decimal,
    f"{C}dateTime": _read_datetime,
    f"{E}guid": _read_guid,
}


_RETRY_AFTER = "Retry-After"
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_CLOCK = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+(?:\.\d+)?)")
# WCF's own fault codes: the token was not taken, or the message did not reach the service.
_NO_ACCESS = {"FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "AccessDenied"}
_CALLERS_MISTAKE = {"Client", "Sender", "DeserializationFailed", "ActionNotSupported", "BadRequest"}


def seconds_of(time_span: str) -> float | None:
    """The seconds of a TimeSpan: `PT1M30S`, `00:01:30`, `1.00:00:00` or plain seconds. None for anything else."""
    text = time_span.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    found = _DURATION.fullmatch(text) or _CLOCK.fullmatch(text)
    if found is None or not any(found.groupdict().values()):
        return None
    days, hours, minutes, seconds = (float(found[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _fault_error(fault: "Element", status: int, request_id: str, retry_after: float | None) -> DataverseError:
    status = status if status >= 400 else 500
    text = fault.findtext("faultstring", "")
    detail = fault.find(f"detail/{A}OrganizationServiceFault")
    if detail is None:
        kind = _kind_of_fault_code(fault.findtext("faultcode", ""), status)
        return error_of(kind, status=status, code="", detail=text, request_id=request_id, retry_after=retry_after)
    code = normal_code(detail.findtext(f"{A}ErrorCode", ""))
    message = detail.findtext(f"{A}Message") or text
    request_id = request_id or detail.findtext(f"{A}ActivityId", "")
    retry_after = _named_wait(detail, retry_after)
    if code and code not in MEANINGS and status not in {401, 403, 429}:
        # Every fault comes as a 500, so the status says nothing of a code that we do not know.
        retriable = detail.findtext(f"{A}ExceptionRetriable", "").strip() in {"true", "1"}
        kind = UnavailableError if retriable else RejectedError
        return error_of(kind, status=status, code=code, detail=message, request_id=request_id, retry_after=retry_after)
    return error_for(status, code, message, request_id, retry_after)


def _named_wait(detail: "Element", otherwise: float | None) -> float | None:
    for pair in detail.findall(f"{A}ErrorDetails/{A}KeyValuePairOfstringanyType"):
        if pair.findtext(f"{B}key") == _RETRY_AFTER:
            seconds = seconds_of(pair.findtext(f"{B}value", ""))
            return otherwise if seconds is None else seconds
    return otherwise


def _kind_of_fault_code(fault_code: str, status: int) -> type[DataverseError]:
    name = fault_code.rpartition(":")[2].strip()
    if name in _NO_ACCESS:
        return DeniedError
    if name in _CALLERS_MISTAKE and status not in {401, 403, 429}:
        return RejectedError
    return kind_of(status)
