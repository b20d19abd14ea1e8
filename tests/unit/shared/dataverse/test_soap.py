"""SOAP Execute: the envelopes are those of the service's own schema, answers and faults are read as they are meant."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import soap
from shared.dataverse.errors import (
    AlreadyExistsError,
    DataverseError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from shared.dataverse.soap import Entity, EntityCollection, EntityReference, Long, Money, OptionSetValue, SoapValue
from shared.dataverse.soap.reply import seconds_of

EXAMPLES = Path(__file__).parent / "soap_examples"
NAMES = {
    "a": "http://schemas.microsoft.com/xrm/2011/Contracts",
    "b": "http://schemas.datacontract.org/2004/07/System.Collections.Generic",
    "d": "http://schemas.microsoft.com/xrm/2011/Contracts/Services",
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "i": "http://www.w3.org/2001/XMLSchema-instance",
}


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.xml").read_bytes()


def guid(digit: int) -> UUID:
    return UUID(str(digit) * 32)


GROUP = EntityReference("msdyn_requirementgroup", guid(1))


# ---------------------------------------------------------------------------------------------------- requests


def test_the_search_for_a_requirement_group_is_the_published_envelope() -> None:
    units = (Entity("msdyn_organizationalunit", {"msdyn_organizationalunitid": guid(2)}),)
    body = soap.execute_body(
        "msdyn_SearchResourceAvailabilityForRequirementGroup",
        {
            "Version": "1",
            "RequirementGroup": GROUP,
            "RequirementSpecification": Entity(
                "msdyn_resourcerequirement",
                {
                    "msdyn_fromdate": datetime(2026, 12, 1, 7, tzinfo=UTC),
                    "msdyn_todate": datetime(2026, 12, 3, 15, tzinfo=UTC),
                },
            ),
            "Settings": Entity(
                "organization",
                {
                    "PageSize": 20,
                    "ConsiderSlotsWithProposedBooking": False,
                    "OrganizationUnits": EntityCollection(units),
                },
            ),
        },
    )
    assert same_xml(body, example("search_request"))


def test_the_booking_of_a_requirement_group_is_the_published_envelope() -> None:
    assignment = {"RequirementId": guid(3), "ResourceId": guid(4), "BookingStatusId": guid(5)}
    body = soap.execute_body(
        "msdyn_CreateRequirementGroupBookings",
        {
            "Version": "1",
            "Start": datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=2))),
            "Duration": 60,
            "ResourceAssignments": EntityCollection((Entity("organization", assignment),)),
            "RequirementGroup": GROUP,
        },
    )
    assert same_xml(body, example("booking_request"))


def same_xml(one: bytes, other: bytes) -> bool:
    canonical = [ElementTree.canonicalize(text.decode(), strip_text=True) for text in (one, other)]
    return canonical[0] == canonical[1]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("a < b & c > d", "c:string", "a < b & c > d"),
        ("", "c:string", None),
        (True, "c:boolean", "true"),
        (False, "c:boolean", "false"),
        (60, "c:int", "60"),
        (2**31 - 1, "c:int", "2147483647"),
        (2**31, "c:long", "2147483648"),
        (-(2**31) - 1, "c:long", "-2147483649"),
        (Long(5), "c:long", "5"),
        (0.5, "c:double", "0.5"),
        (float("-inf"), "c:double", "-INF"),
        (Decimal("1E+3"), "c:decimal", "1000"),
        (Decimal("0.10"), "c:decimal", "0.10"),
        (datetime(2026, 12, 1, 7, tzinfo=UTC), "c:dateTime", "2026-12-01T07:00:00Z"),
        (datetime(2026, 12, 1, 7, 0, 0, 250000, tzinfo=UTC), "c:dateTime", "2026-12-01T07:00:00.250000Z"),
        (guid(7), "e:guid", "77777777-7777-7777-7777-777777777777"),
    ],
)
def test_a_simple_value_has_its_type_and_its_text(value: SoapValue, kind: str, text: str | None) -> None:
    element = value_element(value)
    assert element.get(f"{{{NAMES['i']}}}type") == kind
    assert element.text == text


def value_element(value: SoapValue) -> ElementTree.Element:
    envelope = ElementTree.fromstring(soap.execute_body("x", {"key": value}))  # noqa: S314 - our own text
    element = envelope.find(".//a:Parameters/a:KeyValuePairOfstringanyType/b:value", NAMES)
    assert element is not None
    return element


def test_nothing_is_nil() -> None:
    assert value_element(None).attrib == {f"{{{NAMES['i']}}}nil": "true"}


# The sequences of the service's schema: alphabetical, optional elements left out.
ORDERS: list[tuple[SoapValue, list[str]]] = [
    (OptionSetValue(3), ["Value"]),
    (Money(Decimal("1.0")), ["Value"]),
    (GROUP, ["Id", "LogicalName", "Name"]),
    (
        Entity("contact", {"lastname": "x"}),
        ["Attributes", "EntityState", "FormattedValues", "Id", "LogicalName", "RelatedEntities"],
    ),
    (
        EntityCollection((Entity("contact"),)),
        ["Entities", "EntityName", "MinActiveRowVersion", "MoreRecords", "PagingCookie", "TotalRecordCount",
         "TotalRecordCountLimitExceeded"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "children"), ORDERS, ids=lambda item: type(item).__name__)
def test_child_elements_stand_in_the_order_of_the_schema(value: SoapValue, children: list[str]) -> None:
    element = value_element(value)
    assert [child.tag for child in element] == [f"{{{NAMES['a']}}}{name}" for name in children]
    assert children == sorted(children)
    assert element.get(f"{{{NAMES['i']}}}type") == f"a:{type(value).__name__}"


def test_the_request_itself() -> None:
    envelope = ElementTree.fromstring(soap.execute_body("WhoAmI", {}))  # noqa: S314 - our own text
    request = envelope.find("s:Body/d:Execute/d:request", NAMES)
    assert request is not None
    assert request.attrib == {}
    assert [child.tag.rpartition("}")[2] for child in request] == ["Parameters", "RequestId", "RequestName"]
    assert request.findtext("a:RequestName", None, NAMES) == "WhoAmI"
    assert envelope.findtext("s:Header/a:SdkClientVersion", None, NAMES) == "9.2"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 12, 1, 7),  # noqa: DTZ001 - the very mistake
        2**63,
        OptionSetValue(2**31),
        EntityCollection(total_record_count=2**31),
        Decimal("NaN"),
        Money(Decimal("Infinity")),
        "a\x00b",
        "a\x0bb",
        "lone \ud800 surrogate",
        "\ufffe",
    ],
    ids=repr,
)
def test_what_cannot_be_said_in_the_service_s_types_is_refused(value: SoapValue) -> None:
    with pytest.raises(ValueError, match=r"zone|fit|not a number|cannot carry"):
        soap.execute_body("x", {"key": value})


def test_a_hostile_text_stays_a_text() -> None:
    hostile = ']]></b:value><b:value i:type="c:boolean">true</b:value><!-- & " \' \r\n'
    assert value_element(hostile).text == hostile
    with pytest.raises(ValueError, match="cannot carry"):
        soap.execute_body("x\x00", {})


def test_where_it_goes() -> None:
    assert soap.PATH == "/XRMServices/2011/Organization.svc/web"
    assert soap.HEADERS["SOAPAction"].endswith("/xrm/2011/Contracts/Services/IOrganizationService/Execute")
    assert soap.HEADERS["Content-Type"] == "text/xml; charset=utf-8"


# ----------------------------------------------------------------------------------------------------- answers


def test_the_published_search_reply() -> None:
    results = soap.read_reply(example("search_reply"))
    assert results == {
        "ProposalResourceAssignmentSets": EntityCollection(
            (
                Entity(
                    None,
                    {
                        "IntervalStart": datetime(2026, 12, 1, 7, tzinfo=UTC),
                        "ProposalResourceAssignments": EntityCollection(
                            (Entity(None, {"RequirementId": guid(3), "ResourceId": guid(4)}),), total_record_count=0
                        ),
                    },
                ),
            ),
            total_record_count=0,
        ),
        "PagingInfos": Entity(None, {"MoreResults": False}),
    }


def test_the_published_booking_reply_declares_its_prefixes_on_the_value() -> None:
    assert soap.read_reply(example("booking_reply")) == {"HandlerExecuted": True}


def reply(pairs: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><ExecuteResponse'
        ' xmlns="http://schemas.microsoft.com/xrm/2011/Contracts/Services"><ExecuteResult'
        ' xmlns:p="http://schemas.microsoft.com/xrm/2011/Contracts"'
        ' xmlns:q="http://schemas.datacontract.org/2004/07/System.Collections.Generic"'
        ' xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<p:ResponseName>m</p:ResponseName><p:Results>{pairs}</p:Results></ExecuteResult></ExecuteResponse></s:Body>"
        "</s:Envelope>"
    ).encode()


def read(value: str) -> SoapValue:
    pair = f"<p:KeyValuePairOfstringanyType><q:key>k</q:key>{value}</p:KeyValuePairOfstringanyType>"
    return soap.read_reply(reply(pair))["k"]


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ('<q:value xsi:type="x:int">5</q:value>', 5),
        ('<q:value xsi:type="z:int" xmlns:z="http://www.w3.org/2001/XMLSchema">5</q:value>', 5),
        ('<q:value xsi:type="int" xmlns="http://www.w3.org/2001/XMLSchema">5</q:value>', 5),
        # The inner declaration of a prefix hides the outer one, and is gone afterwards.
        ('<q:value xsi:type="x:int" xmlns:x="urn:elsewhere">5</q:value>', "5"),
        ('<q:value xsi:type="x:long">9000000000</q:value>', 9000000000),
        ('<q:value xsi:type="x:double">INF</q:value>', float("inf")),
        ('<q:value xsi:type="x:decimal">1.50</q:value>', Decimal("1.50")),
        ('<q:value xsi:type="x:string"/>', ""),
        ('<q:value xsi:type="x:string"> kept </q:value>', " kept "),
        ('<q:value xsi:nil="true"/>', None),
        ('<q:value xsi:nil="1" xsi:type="x:int"/>', None),
        ("", None),
        ("<q:value>untyped</q:value>", "untyped"),
        ('<q:value xsi:type="n:duration" xmlns:n="http://schemas.microsoft.com/2003/10/Serialization/">PT5M</q:value>',
         "PT5M"),
        ('<q:value xsi:type="p:Unheard"><p:Inner>some</p:Inner><p:Inner>thing</p:Inner></q:value>', "something"),
        ('<q:value xsi:type="x:dateTime">2026-11-21T08:00:00.0000000Z</q:value>',
         datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ('<q:value xsi:type="x:dateTime">2026-11-21T10:00:00+02:00</q:value>', datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ('<q:value xsi:type="x:dateTime">2026-11-21T08:00:00</q:value>', datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ('<q:value xsi:type="p:OptionSetValue"><p:Value>2</p:Value></q:value>', OptionSetValue(2)),
        ('<q:value xsi:type="p:Money"><p:Value>5000000.0000</p:Value></q:value>', Money(Decimal("5000000.0000"))),
        ('<q:value xsi:type="p:EntityReference"><p:Id>11111111-1111-1111-1111-111111111111</p:Id><p:KeyAttributes/>'
         "<p:LogicalName>queue</p:LogicalName><p:Name>Sales</p:Name><p:RowVersion xsi:nil='true'/></q:value>",
         EntityReference("queue", guid(1), "Sales")),
        ('<q:value xsi:type="p:EntityCollection"><p:Entities/><p:TotalRecordCount xsi:nil="true"/></q:value>',
         EntityCollection()),
        ('<q:value xsi:type="p:EntityCollection"><p:Entities/><p:EntityName>queue</p:EntityName><p:MoreRecords>true'
         "</p:MoreRecords><p:PagingCookie>&lt;c/&gt;</p:PagingCookie><p:TotalRecordCount>7</p:TotalRecordCount>"
         "</q:value>", EntityCollection((), "queue", more_records=True, paging_cookie="<c/>", total_record_count=7)),
        ('<q:value xsi:type="p:Entity"><p:Attributes/><p:FormattedValues><p:KeyValuePairOfstringstring><q:key>a'
         "</q:key><q:value>A!</q:value></p:KeyValuePairOfstringstring></p:FormattedValues></q:value>",
         Entity(None, {}, formatted={"a": "A!"})),
    ],
)  # fmt: skip
def test_a_value_is_read_by_its_type_whatever_its_prefix(value: str, meaning: SoapValue) -> None:
    found = read(value)
    assert found == meaning
    assert type(found) is type(meaning)


xml_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32)
texts = st.text(xml_characters) | st.just(" \t\r\n<&>\"' ")
scalars = (
    st.none()
    | texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-5, 5).map(Long)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.uuids()
    | st.builds(OptionSetValue, st.integers(-(2**31), 2**31 - 1))
    | st.builds(Money, st.decimals(allow_nan=False, allow_infinity=False))
    | st.builds(EntityReference, texts, st.uuids(), st.none() | texts)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.builds(Entity, st.none() | texts, st.dictionaries(texts, inner, max_size=4), st.uuids())
        | st.builds(
            EntityCollection,
            st.lists(st.builds(Entity, st.none() | texts, st.dictionaries(texts, inner, max_size=4)), max_size=3).map(
                tuple
            ),
            st.none() | texts,
            st.booleans(),
            st.none() | texts,
            st.integers(-1, 5000),
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_what_is_written_is_read_as_the_same_values(parameters: dict[str, SoapValue]) -> None:
    body = soap.execute_body("echo", parameters).decode()
    answer = (
        body.replace("<d:Execute><d:request>", "<d:ExecuteResponse><d:ExecuteResult>")
        .replace("</d:request></d:Execute>", "</d:ExecuteResult></d:ExecuteResponse>")
        .replace("<a:Parameters>", "<a:Results>").replace("</a:Parameters>", "</a:Results>")
        .replace("<a:Parameters/>", "<a:Results/>")
    )  # fmt: skip
    assert soap.read_reply(answer.encode()) == parameters


# ------------------------------------------------------------------------------------------------------ faults


def raised(body: bytes, status: int = 500, **more: object) -> DataverseError:
    with pytest.raises(DataverseError) as caught:
        soap.read_reply(body, status=status, **more)  # type: ignore[arg-type]
    return caught.value


def test_the_published_fault() -> None:
    error = raised(example("fault"))
    assert type(error) is NotFoundError
    assert (error.code, error.request_id) == ("0x80040217", str(guid(6)))
    assert error.detail.startswith("msdyn_requirementgroup With Id = ")
    assert str(error) == f"Dataverse answered 500 0x80040217 ObjectDoesNotExist (request {guid(6)})"


def fault(code: int | str, *, details: str = "", message: str = "text", retriable: str = "false") -> bytes:
    return (
        example("fault").decode()
        .replace("-2147220969", str(code))
        .replace("<ExceptionRetriable>false", f"<ExceptionRetriable>{retriable}")
        .replace("<Message>msdyn_requirementgroup With Id = 11111111-1111-1111-1111-111111111111 Does Not Exist",
                 f"<Message>{message}")
        .replace('xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic"/>',
                 'xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic">' + details
                 + "</ErrorDetails>")
        .encode()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-2147220960, DeniedError),  # PrivilegeDenied
        (-2147088238, AlreadyExistsError),  # DuplicateRecordEntityKey
        (-2147220891, RejectedError),  # a plug-in aborted
        (-2147220970, UnavailableError),  # UnExpected
        (-2147204783, UnavailableError),  # SQL timeout
        (-2147204000, RejectedError),  # none that we know: the service did understand, and refused
        (0, UnavailableError),
        ("", UnavailableError),
    ],
)
def test_a_fault_is_the_error_that_odata_would_give(code: int | str, kind: type[DataverseError]) -> None:
    assert type(raised(fault(code))) is kind


def test_a_fault_says_itself_whether_another_try_can_help() -> None:
    assert type(raised(fault(-2147204000, retriable="true"))) is UnavailableError
    assert type(raised(fault(-2147220960, retriable="true"))) is DeniedError


def test_a_payload_too_large_for_plug_ins() -> None:
    error = raised(fault(-2147220970, message="Message size exceeded when sending context to Sandbox."))
    assert type(error) is PayloadTooLargeError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ('<b:value i:type="e:duration" xmlns:e="http://schemas.microsoft.com/2003/10/Serialization/">PT1M30S</b:value>',
         90),
        ('<b:value i:type="c:string" xmlns:c="http://www.w3.org/2001/XMLSchema">00:05:00</b:value>', 300),
        ("<b:value>12</b:value>", 12),
        ("<b:value>soon</b:value>", 7),
    ],
)  # fmt: skip
def test_a_limit_says_how_long_to_wait(value: str, seconds: float) -> None:
    pair = f"<KeyValuePairOfstringanyType><b:key>Retry-After</b:key>{value}</KeyValuePairOfstringanyType>"
    for status in (500, 429):
        error = raised(fault(-2147015902, details=pair), status, retry_after=7.0)
        assert isinstance(error, ThrottledError)
        assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT5M", 300), ("PT0.5S", 0.5), ("P1DT1H", 90000), ("00:00:17", 17), ("1.00:00:01", 86401), ("17", 17),
        ("00:00:01.5000000", 1.5), (" PT1S ", 1), ("P", None), ("PT", None), ("", None), ("-PT5M", None),
        ("soon", None), ("٧", None),
    ],
)  # fmt: skip
def test_time_spans(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def plain_fault(code: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>Matti 0451234567</faultstring></s:Fault></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("s:Server", 500, UnavailableError),
        ("s:Server", 200, UnavailableError),
        ("a:InternalServiceFault", 500, UnavailableError),
        ("s:Client", 500, RejectedError),
        ("a:DeserializationFailed", 500, RejectedError),
        ("a:FailedAuthentication", 500, DeniedError),
        ("s:Client", 401, DeniedError),
        ("s:Client", 429, ThrottledError),
        ("", 500, UnavailableError),
    ],
)
def test_a_fault_without_the_service_s_own_detail(code: str, status: int, kind: type[DataverseError]) -> None:
    error = raised(plain_fault(code), status)
    assert type(error) is kind
    assert "Matti" not in str(error)
    assert error.detail == "Matti 0451234567"


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
UNREADABLE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"<html><body>Service unavailable</body></html>", id="a page"),
    pytest.param(b"<!DOCTYPE html><html><head><meta charset=utf-8></head></html>", id="an HTML5 page"),
    pytest.param(b'{"error": {"code": "0x80040217"}}', id="JSON"),
    pytest.param(BOMB, id="entities"),
    pytest.param(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', id="a document type"),
    pytest.param(reply("")[:-20], id="cut off"),
    pytest.param(b"\xff\xfe\x00", id="bytes"),
    pytest.param(b'<?xml version="1.0" encoding="klingon"?><x/>', id="an unknown encoding"),
    pytest.param(b"<a>" * 100_000, id="nested without end"),
    pytest.param(b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>', id="no body"),
    pytest.param(b'<Envelope><Body><Fault/></Body></Envelope>', id="no namespaces"),
]  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_answer_that_is_none_may_come_right_later(body: bytes) -> None:
    assert type(raised(body, 200)) is UnavailableError


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize(
    ("status", "kind"), [(401, DeniedError), (404, NotFoundError), (413, PayloadTooLargeError), (503, UnavailableError)]
)
def test_an_answer_that_is_none_counts_by_its_status(body: bytes, status: int, kind: type[DataverseError]) -> None:
    error = raised(body, status, retry_after=3.0)
    assert type(error) is kind
    assert getattr(error, "retry_after", 3.0) == 3.0


@pytest.mark.parametrize(
    "value",
    [
        '<q:value xsi:type="x:int">many Matti</q:value>',
        '<q:value xsi:type="x:boolean">yes Matti</q:value>',
        '<q:value xsi:type="x:dateTime">Matti</q:value>',
        '<q:value xsi:type="x:dateTime">0001-01-01T00:00:00+05:00</q:value>',
        '<q:value xsi:type="x:decimal">Matti</q:value>',
        '<q:value xsi:type="x:double">Matti</q:value>',
        '<q:value xsi:type="p:EntityReference"><p:Id>Matti</p:Id></q:value>',
    ],
)
def test_a_value_that_is_not_of_its_type_is_named_without_the_value(value: str) -> None:
    with pytest.raises(UnavailableError, match="cannot be read") as caught:
        read(value)
    assert "Matti" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_results_are_no_failure() -> None:
    empty = reply("").replace(b"<p:Results></p:Results>", b"")
    assert soap.read_reply(empty) == soap.read_reply(reply("")) == {}


def test_the_xml_parser_is_loaded_when_the_first_answer_is_read() -> None:
    script = "import sys, shared.dataverse.soap as s; print([m for m in sys.modules if 'defused' in m or 'etree' in m])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
