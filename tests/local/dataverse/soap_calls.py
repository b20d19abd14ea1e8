"""SOAP calls as the vendor's samples write them, and a reader of the answers that resolves prefixes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import httpx

from tests.plain_http import PLAIN

URL = "/XRMServices/2011/Organization.svc/web"
ACTION = "http://schemas.microsoft.com/xrm/2011/Contracts/Services/IOrganizationService/Execute"
HEADERS = {
    "Content-Type": "text/xml; charset=utf-8",
    "Accept": "application/xml, text/xml, */*",
    "SOAPAction": ACTION,
    "Authorization": "Bearer test",
}
A = "{http://schemas.microsoft.com/xrm/2011/Contracts}"
B = "{http://schemas.datacontract.org/2004/07/System.Collections.Generic}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NO_ID = "00000000-0000-0000-0000-000000000000"
OPENING = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:d="http://schemas.microsoft.com/xrm/2011/Contracts/Services" '
    'xmlns:a="http://schemas.microsoft.com/xrm/2011/Contracts" '
    'xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic" '
    'xmlns:c="http://www.w3.org/2001/XMLSchema" xmlns:e="http://schemas.microsoft.com/2003/10/Serialization/" '
    'xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
    "<s:Header><a:SdkClientVersion>9.2</a:SdkClientVersion></s:Header>"
)


def pair(key: str, kind: str, content: str) -> str:
    """Returns one key with a typed value."""
    return (
        f"<a:KeyValuePairOfstringanyType><b:key>{key}</b:key>"
        f'<b:value i:type="{kind}">{content}</b:value></a:KeyValuePairOfstringanyType>'
    )


def text(key: str, value: str) -> str:
    return pair(key, "c:string", value)


def number(key: str, value: int) -> str:
    return pair(key, "c:int", str(value))


def flag(key: str, *, value: bool) -> str:
    return pair(key, "c:boolean", "true" if value else "false")


def guid(key: str, value: str) -> str:
    return pair(key, "e:guid", value)


def moment(key: str, value: str) -> str:
    return pair(key, "c:dateTime", value)


def entity(pairs: list[str], name: str = "organization", row_id: str = NO_ID) -> str:
    """Returns the inside of an entity."""
    logical = f"<a:LogicalName>{name}</a:LogicalName>" if name else '<a:LogicalName i:nil="true"/>'
    return (
        f'<a:Attributes>{"".join(pairs)}</a:Attributes><a:EntityState i:nil="true"/><a:FormattedValues/>'
        f"<a:Id>{row_id}</a:Id>{logical}<a:RelatedEntities/>"
    )


def bag(key: str, pairs: list[str], name: str = "organization") -> str:
    return pair(key, "a:Entity", entity(pairs, name))


def collection(key: str, entities: list[str]) -> str:
    content = "".join(f"<a:Entity>{each}</a:Entity>" for each in entities)
    return pair(
        key,
        "a:EntityCollection",
        f'<a:Entities>{content}</a:Entities><a:EntityName i:nil="true"/><a:MinActiveRowVersion i:nil="true"/>'
        '<a:MoreRecords>false</a:MoreRecords><a:PagingCookie i:nil="true"/><a:TotalRecordCount>-1</a:TotalRecordCount>'
        "<a:TotalRecordCountLimitExceeded>false</a:TotalRecordCountLimitExceeded>",
    )


def reference(key: str, table: str, row_id: str) -> str:
    return pair(
        key,
        "a:EntityReference",
        f'<a:Id>{row_id}</a:Id><a:LogicalName>{table}</a:LogicalName><a:Name i:nil="true"/>',
    )


def execute_body(name: str, pairs: list[str]) -> str:
    """Returns the whole envelope."""
    return (
        f"{OPENING}<s:Body><d:Execute><d:request><a:Parameters>{''.join(pairs)}</a:Parameters>"
        f'<a:RequestId i:nil="true"/><a:RequestName>{name}</a:RequestName></d:request></d:Execute></s:Body>'
        "</s:Envelope>"
    )


@dataclass(frozen=True)
class SoapAnswer:
    """What came back: results by key, or the fault."""

    response: httpx.Response
    results: dict[str, Any]
    fault: str
    code: int
    details: dict[str, Any]


def call(dataverse: Any, body: str, headers: dict[str, str] | None = None) -> SoapAnswer:
    """POSTs an envelope and reads the answer."""
    response = httpx.post(
        dataverse.origin + URL, content=body.encode(), headers={**HEADERS, **(headers or {})}, verify=PLAIN
    )
    return read_answer(response)


def execute(dataverse: Any, name: str, *pairs: str) -> SoapAnswer:
    """Sends one request by name."""
    return call(dataverse, execute_body(name, list(pairs)))


def read_answer(response: httpx.Response) -> SoapAnswer:
    if not response.content:
        return SoapAnswer(response, {}, "", 0, {})
    root, scopes = _parse(response.text)
    fault = root.findtext(".//faultstring") or ""
    code = int(root.findtext(f".//{A}ErrorCode") or 0)
    results = root.find(f".//{A}Results")
    details = root.find(f".//{A}ErrorDetails")
    read = {} if results is None else _pairs(results, scopes)
    return SoapAnswer(response, read, fault, code, {} if details is None else _pairs(details, scopes))


def _parse(content: str) -> tuple[ElementTree.Element, dict[ElementTree.Element, dict[str, str]]]:
    parser: Any = ElementTree.XMLPullParser(("start", "start-ns"))
    parser.feed(content)
    parser.close()
    scopes: dict[ElementTree.Element, dict[str, str]] = {}
    scope: dict[str, str] = {}
    root = None
    for event, item in parser.read_events():
        if event == "start-ns":
            scope = {**scope, item[0]: item[1]}  # good enough: the service declares a prefix anew where it changes
        else:
            root = item if root is None else root
            scopes[item] = scope
    assert root is not None
    return root, scopes


def _pairs(element: ElementTree.Element, scopes: Any) -> dict[str, Any]:
    return {str(each.findtext(f"{B}key")): _value(each.find(f"{B}value"), scopes) for each in element}


def _bare_guid(content: str) -> str:
    assert re.fullmatch("[0-9a-f-]{36}", content)
    return content


def _value(element: Any, scopes: Any) -> Any:
    prefix, _, local = element.get(TYPE).partition(":")
    kind = f"{{{scopes[element][prefix]}}}{local}"
    if kind == f"{A}Entity":
        return _pairs(element.find(f"{A}Attributes"), scopes)
    if kind == f"{A}EntityCollection":
        return [_pairs(each.find(f"{A}Attributes"), scopes) for each in element.find(f"{A}Entities")]
    if kind == f"{A}EntityReference":
        return (element.findtext(f"{A}LogicalName"), element.findtext(f"{A}Id"))
    readers: dict[str, Callable[[str], Any]] = {
        "{http://www.w3.org/2001/XMLSchema}boolean": lambda each: each == "true",
        "{http://www.w3.org/2001/XMLSchema}int": int,
        "{http://www.w3.org/2001/XMLSchema}double": float,
        "{http://www.w3.org/2001/XMLSchema}string": str,
        "{http://www.w3.org/2001/XMLSchema}dateTime": str,
        "{http://schemas.microsoft.com/2003/10/Serialization/}guid": lambda each: re.fullmatch("[0-9a-f-]{36}", each)[
            0
        ],  # type: ignore[index]
        "{http://schemas.microsoft.com/2003/10/Serialization/}duration": str,
    }
    return readers[kind](element.text or "")
