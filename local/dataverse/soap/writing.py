"""Writes DataContract values, answers and faults as WCF does: the prefix of a type is declared on its value element."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from xml.sax.saxutils import escape

from local.dataverse.bags import Bag, Reference
from local.dataverse.errors import DataverseError
from local.dataverse.messages import Response
from local.dataverse.safe_xml import CONTRACTS, GENERIC, INSTANCE, SCHEMA, SERIALIZATION, SERVICES, SOAP

NO_ID = str(UUID(int=0))
XML_TYPE = "text/xml; charset=utf-8"


def answer(message: str, results: Mapping[str, Any]) -> Response:
    """Returns the answer to an Execute."""
    body = (
        f'<ExecuteResponse xmlns="{SERVICES}"><ExecuteResult xmlns:a="{CONTRACTS}" xmlns:i="{INSTANCE}">'
        f"<a:ResponseName>{escape(message)}</a:ResponseName>"
        f'<a:Results xmlns:b="{GENERIC}">{_pairs(results)}</a:Results></ExecuteResult></ExecuteResponse>'
    )
    return Response(200, {"Content-Type": XML_TYPE}, _envelope(body))


def service_fault(error: DataverseError, throttle_status: int) -> Response:
    """Returns the fault for a refusal of the service: HTTP 500, but 401 and injected server errors as they are."""
    seconds = error.headers.get("Retry-After", "")
    details = ""
    if error.status == 429 and seconds.isdigit():
        details = _pair("Retry-After", f'i:type="c:duration" xmlns:c="{SERIALIZATION}"', f"PT{seconds}S")
    detail = (
        f'<detail><OrganizationServiceFault xmlns="{CONTRACTS}" xmlns:a="{CONTRACTS}" xmlns:i="{INSTANCE}">'
        f"<ActivityId>{uuid4()}</ActivityId><ErrorCode>{signed(error.code)}</ErrorCode>"
        f'<ErrorDetails xmlns:b="{GENERIC}">{details}</ErrorDetails>'
        f'<HelpLink i:nil="true"/><Message>{escape(error.message)}</Message><Timestamp>{_now()}</Timestamp>'
        f"<ExceptionRetriable>{'true' if error.status == 429 else 'false'}</ExceptionRetriable>"
        '<ExceptionSource i:nil="true"/><InnerFault i:nil="true"/><OriginalException i:nil="true"/>'
        '<TraceText i:nil="true"/></OrganizationServiceFault></detail>'
    )
    status = (
        throttle_status if error.status == 429 else error.status if error.status in {401, *range(501, 600)} else 500
    )
    return _fault("s:Client", error.message, detail, status, error.headers)


def channel_fault(code: str, message: str, status: int = 500) -> Response:
    """Returns the fault for a message that never reached the service; it has no detail."""
    return _fault(code, message, "", status, {})


def _fault(code: str, message: str, detail: str, status: int, headers: Mapping[str, str]) -> Response:
    dispatcher = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
    body = (
        f'<s:Fault><faultcode xmlns:d="{dispatcher}">{code}</faultcode>'
        f'<faultstring xml:lang="en-US">{escape(message)}</faultstring>{detail}</s:Fault>'
    )
    return Response(status, {"Content-Type": XML_TYPE, **headers}, _envelope(body))


def signed(code: str) -> int:
    """Returns 0x80040217 as the signed number that SOAP carries."""
    number = int(code, 16)
    return number - 2**32 if number >= 2**31 else number


def _envelope(body: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _pairs(values: Mapping[str, Any]) -> str:
    return "".join(_pair(key, *_typed(value)) for key, value in values.items() if value is not None)


def _pair(key: str, attributes: str, content: str) -> str:
    return (
        f"<a:KeyValuePairOfstringanyType><b:key>{escape(key)}</b:key><b:value {attributes}>{content}</b:value>"
        "</a:KeyValuePairOfstringanyType>"
    )


def _typed(value: Any) -> tuple[str, str]:
    """Returns the attributes and the content of a value element."""
    simple = _simple(value)
    if simple is not None:
        name, namespace, text = simple
        return f'i:type="c:{name}" xmlns:c="{namespace}"', text
    if isinstance(value, Reference):
        name = '<a:Name i:nil="true"/>' if value.name is None else f"<a:Name>{escape(value.name)}</a:Name>"
        content = f"<a:Id>{value.row_id}</a:Id><a:LogicalName>{escape(value.table)}</a:LogicalName>{name}"
        return 'i:type="a:EntityReference"', f'{content}<a:RowVersion i:nil="true"/>'
    if isinstance(value, list):
        return 'i:type="a:EntityCollection"', _collection(value)
    return 'i:type="a:Entity"', _entity(value)


def _simple(value: Any) -> tuple[str, str, str] | None:
    if isinstance(value, str):
        return "string", SCHEMA, escape(value)
    if isinstance(value, bool):
        return "boolean", SCHEMA, "true" if value else "false"
    if isinstance(value, int):
        return "int", SCHEMA, str(value)
    if isinstance(value, float):
        return "double", SCHEMA, repr(value)
    if isinstance(value, Decimal):
        return "decimal", SCHEMA, str(value)
    if isinstance(value, datetime):
        return "dateTime", SCHEMA, value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, UUID):
        return "guid", SERIALIZATION, str(value)
    return None


def _entity(bag: Bag) -> str:
    name = f"<a:LogicalName>{escape(bag.table)}</a:LogicalName>" if bag.table else '<a:LogicalName i:nil="true"/>'
    return (
        f'<a:Attributes>{_pairs(bag.attributes)}</a:Attributes><a:EntityState i:nil="true"/><a:FormattedValues/>'
        f"<a:Id>{bag.row_id or NO_ID}</a:Id>{name}<a:RelatedEntities/>"
    )


def _collection(bags: list[Bag]) -> str:
    entities = "".join(f"<a:Entity>{_entity(bag)}</a:Entity>" for bag in bags)
    return (
        f'<a:Entities>{entities}</a:Entities><a:EntityName i:nil="true"/><a:MinActiveRowVersion i:nil="true"/>'
        '<a:MoreRecords>false</a:MoreRecords><a:PagingCookie i:nil="true"/><a:TotalRecordCount>-1</a:TotalRecordCount>'
        "<a:TotalRecordCountLimitExceeded>false</a:TotalRecordCountLimitExceeded>"
    )
