"""The SOAP endpoint: strictness, typed values, faults, limits. Facts: `urs.md` section 3, the service's schema."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.local.dataverse import soap_calls as soap

WHO = soap.execute_body("WhoAmI", [])
GROUP = "11111111-1111-1111-1111-111111111111"
SEARCH = "msdyn_SearchResourceAvailabilityForRequirementGroup"


def test_who_am_i_answers_as_the_web_api_does(dataverse: Any) -> None:
    answer = soap.execute(dataverse, "WhoAmI")
    assert answer.response.status_code == 200
    assert answer.response.headers["Content-Type"].startswith("text/xml")
    ids = dataverse.get("WhoAmI").json()
    assert answer.results == {key: ids[key] for key in ("UserId", "BusinessUnitId", "OrganizationId")}
    assert dataverse.control("GET", "stats").json()["messages"] == {"WhoAmI": 1}


def test_prefixes_are_the_senders_choice(dataverse: Any) -> None:
    odd = re.sub(r"(</?|xmlns:)a(?=[:=])", r"\1zz", re.sub(r"(</?|xmlns:)s(?=[:=])", r"\1q", WHO))
    assert "<zz:RequestName>" in odd
    assert soap.call(dataverse, odd).results["UserId"]
    group = soap.reference("RequirementGroup", "msdyn_requirementgroup", GROUP)
    odd_type = soap.pair("Version", 'x:string" xmlns:x="http://www.w3.org/2001/XMLSchema', "1")
    answer = soap.execute(dataverse, SEARCH, odd_type, group)
    assert answer.fault == f"msdyn_requirementgroup With Id = {GROUP} Does Not Exist"


def test_a_caller_id_is_not_silently_ignored(dataverse: Any) -> None:
    header = f"<a:CallerId>{soap.NO_ID}</a:CallerId></s:Header>"
    assert "CallerId" in soap.call(dataverse, WHO.replace("</s:Header>", header)).fault


FAULT = [
    "ActivityId", "ErrorCode", "ErrorDetails", "HelpLink", "Message", "Timestamp", "ExceptionRetriable",
    "ExceptionSource", "InnerFault", "OriginalException", "TraceText",
]  # fmt: skip


def test_the_members_of_a_fault_stand_in_the_order_of_the_schema(dataverse: Any) -> None:
    answer = soap.execute(dataverse, "msdyn_NoSuchRequest")
    root = ElementTree.fromstring(answer.response.content)  # noqa: S314 - the simulator's own
    detail = root.find(f".//{soap.A}OrganizationServiceFault")
    assert detail is not None
    assert [child.tag.removeprefix(soap.A) for child in detail] == FAULT


def test_a_refusal_of_the_service_is_a_fault_with_the_platforms_code(dataverse: Any) -> None:
    group = soap.reference("RequirementGroup", "msdyn_requirementgroup", GROUP)
    answer = soap.execute(dataverse, SEARCH, soap.text("Version", "1"), group)
    assert answer.response.status_code == 500
    assert (answer.code, answer.fault) == (-2147220969, f"msdyn_requirementgroup With Id = {GROUP} Does Not Exist")


@pytest.mark.parametrize(
    ("name", "pairs", "told"),
    [
        pytest.param("msdyn_NoSuchRequest", [], "msdyn_NoSuchRequest", id="unknown request"),
        pytest.param("WhoAmI", [soap.text("Extra", "1")], "Extra", id="unknown parameter"),
        pytest.param(SEARCH, [soap.text("Version", "1")], "RequirementGroup", id="missing parameter"),
        pytest.param(SEARCH, [soap.text("Version", "7")], "7", id="unknown version"),
        pytest.param(SEARCH, [soap.number("Version", 1)], "Version", id="wrong type"),
        pytest.param(
            SEARCH, [soap.text("Version", "1"), soap.reference("RequirementGroup", "contact", GROUP)], "contact",
            id="reference to another table",
        ),
    ],
)  # fmt: skip
def test_requests_that_make_no_sense_are_named_in_the_fault(
    dataverse: Any, name: str, pairs: list[str], told: str
) -> None:
    answer = soap.execute(dataverse, name, *pairs)
    assert answer.response.status_code == 500
    assert answer.code != 0
    assert told in answer.fault


REQUEST = '<a:RequestId i:nil="true"/><a:RequestName>WhoAmI</a:RequestName>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            WHO.replace(REQUEST, '<a:RequestName>WhoAmI</a:RequestName><a:RequestId i:nil="true"/>'), id="request order"
        ),
        pytest.param(WHO.replace("<a:RequestName>WhoAmI</a:RequestName>", ""), id="no request name"),
        pytest.param(WHO.replace("<d:request>", '<d:request i:type="a:Entity">'), id="wrong type of request"),
        pytest.param(WHO.replace("<d:Execute>", "<d:Retrieve>").replace("</d:Execute>", "</d:Retrieve>"), id="verb"),
        pytest.param(WHO.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"), id="1.2"),
        *[
            pytest.param(soap.execute_body("WhoAmI", [content]), id=name)
            for name, content in {
                "untyped value": soap.text("X", "1").replace(' i:type="c:string"', ""),
                "unknown type": soap.pair("X", "c:anyURI", "1"),
                "type of another namespace": soap.pair("X", "a:string", "1"),
                "not an int": soap.pair("X", "c:int", "1.5"),
                "int too large": soap.pair("X", "c:int", "2147483648"),
                "not a boolean": soap.pair("X", "c:boolean", "True"),
                "not a guid": soap.pair("X", "e:guid", "{11111111-1111-1111-1111-111111111111}"),
                "not a moment": soap.pair("X", "c:dateTime", "2026-12-01 07:00"),
                "nil with content": soap.text("X", "1").replace('i:type="c:string"', 'i:nil="true"'),
                "the same key twice": soap.text("X", "1") + soap.text("X", "2"),
                "value before key": soap.text("X", "1").replace("<b:key>X</b:key>", "") + "<b:key>X</b:key>",
                "entity order": soap.pair("X", "a:Entity", f"<a:Id>{soap.NO_ID}</a:Id><a:Attributes/>"),
                "entity element": soap.pair("X", "a:Entity", "<a:Attributes/><a:Extra/>"),
                "entity id nil": soap.pair("X", "a:Entity", '<a:Id i:nil="true"/>'),
                "reference order": soap.pair(
                    "X", "a:EntityReference", f"<a:LogicalName>contact</a:LogicalName><a:Id>{soap.NO_ID}</a:Id>"
                ),
                "collection order": soap.pair(
                    "X", "a:EntityCollection", '<a:EntityName i:nil="true"/><a:Entities></a:Entities>'
                ),
                "collection member": soap.pair("X", "a:EntityCollection", "<a:Entities><a:Thing/></a:Entities>"),
            }.items()
        ],
    ],
)
def test_what_the_schema_refuses_never_reaches_the_service(dataverse: Any, body: str) -> None:
    answer = soap.call(dataverse, body)
    assert answer.response.status_code == 500
    assert "deserialize" in answer.fault
    assert answer.code == 0
    assert dataverse.control("GET", "stats").json()["messages"] == {}


def test_the_vendors_nil_record_count_is_taken(dataverse: Any) -> None:
    """The official sample sends it although the schema does not allow it."""
    lax = soap.collection("X", []).replace(
        "<a:TotalRecordCount>-1</a:TotalRecordCount>", '<a:TotalRecordCount i:nil="true"/>'
    )
    assert "Unrecognized request parameter: X" in soap.execute(dataverse, "WhoAmI", lax).fault


BOMB = '<!DOCTYPE x [<!ENTITY a "ha">]>'


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(BOMB + WHO, {}, 400, id="document type"),
        pytest.param('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + WHO, {}, 400, id="external document type"),
        pytest.param(WHO[:-5], {}, 400, id="not well formed"),
        pytest.param("", {}, 400, id="empty"),
        pytest.param(WHO.replace("<s:Body>", "<s:Body>" + "<x>" * 2000 + "</x>" * 2000), {}, 400, id="too deep"),
        pytest.param(WHO + " " * 9_000_000, {}, 413, id="too large"),
        pytest.param(WHO, {"Content-Type": "application/json"}, 415, id="content type"),
        pytest.param(WHO, {"SOAPAction": soap.ACTION.replace("Execute", "Retrieve")}, 500, id="action"),
        pytest.param(WHO, {"SOAPAction": ""}, 500, id="no action"),
    ],
)
def test_unsafe_and_foreign_messages_are_refused(
    dataverse: Any, body: str, headers: dict[str, str], status: int
) -> None:
    assert soap.call(dataverse, body, headers).response.status_code == status


def test_a_quoted_action_is_the_same_action(dataverse: Any) -> None:
    assert soap.call(dataverse, WHO, {"SOAPAction": f'"{soap.ACTION}"'}).results


def test_the_same_tokens_open_the_soap_endpoint(dataverse: Any) -> None:
    url = dataverse.origin + soap.URL
    nameless = {name: value for name, value in soap.HEADERS.items() if name != "Authorization"}
    refused = httpx.post(url, content=WHO, headers=nameless)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    dataverse.environment(strictTokens=True)
    assert httpx.post(url, content=WHO, headers=soap.HEADERS).status_code == 401


@pytest.mark.parametrize("status", [429, 500])
def test_throttling_tells_the_wait_in_the_header_and_in_the_fault(dataverse: Any, status: int) -> None:
    dataverse.environment(request_limit=1, soapThrottleStatus=status)
    dataverse.get("WhoAmI")
    answer = soap.execute(dataverse, "WhoAmI")
    assert answer.response.status_code == status
    assert answer.code == int("0x80072322", 16) - 2**32
    seconds = int(answer.response.headers["Retry-After"])
    assert answer.details == {"Retry-After": f"PT{seconds}S"}


def test_latency_and_the_limit_of_requests_at_once_hold_here_too(dataverse: Any) -> None:
    dataverse.environment(max_concurrent=2, latency_ms=150)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: soap.execute(dataverse, "WhoAmI"), range(4)))
    assert sorted(answer.response.status_code for answer in answers) == [200, 200, 429, 429]
    assert all(each.response.elapsed.total_seconds() >= 0.15 for each in answers if each.results)


def test_faults_on_order_strike_the_soap_endpoint_in_its_own_form(dataverse: Any) -> None:
    rules = [
        {"match": {"path": "Organization.svc", "body": "<a:RequestName>WhoAmI<"}, "count": 1, "status": 503},
        {"match": {"table": "Organization.svc"}, "count": 1, "status": 429, "code": "0x80072326", "retryAfter": 3},
        {"match": {"table": "Organization.svc"}, "count": 1, "drop": "after"},
    ]
    assert dataverse.control("POST", "faults", rules).status_code == 200
    first, second = soap.execute(dataverse, "WhoAmI"), soap.execute(dataverse, "WhoAmI")
    assert (first.response.status_code, first.fault) == (503, "An injected fault.")
    assert (second.response.status_code, second.details) == (429, {"Retry-After": "PT3S"})
    with pytest.raises(httpx.RemoteProtocolError):
        soap.execute(dataverse, "WhoAmI")
    assert dataverse.get("WhoAmI").status_code == 200
