"""What Enreach may send, and what anybody else may try."""

import json
from typing import Any

import pytest

from functions.smart_routing.messages import LARGEST_BODY, BadRequestError, RouteRequest, read_request

BNUM = "+35840675644"
ACCEPTED = [
    pytest.param(
        {"anum": "+35850454564", "bnum": BNUM}, RouteRequest(bnum=BNUM, anum="+35850454564"), id="the guide's"
    ),
    pytest.param({"bnum": BNUM}, RouteRequest(bnum=BNUM), id="no caller"),
    pytest.param({"bnum": BNUM, "anum": None}, RouteRequest(bnum=BNUM), id="a null caller"),
    pytest.param({"bnum": BNUM, "anum": ""}, RouteRequest(bnum=BNUM, anum=""), id="an empty caller"),
    pytest.param(
        {"bnum": BNUM, "targetid": "SALES", "extradata": {"IsInternalCaller": False, "DYN_PAR_Culture": "en-GB"}},
        RouteRequest(bnum=BNUM, targetid="SALES", extradata={"IsInternalCaller": False, "DYN_PAR_Culture": "en-GB"}),
        id="tag and extra data",
    ),
    pytest.param({"bnum": BNUM, "targetid": None, "extradata": None}, RouteRequest(bnum=BNUM), id="null options"),
    pytest.param({"bnum": BNUM, "priority": [1, 2.5]}, RouteRequest(bnum=BNUM), id="an unknown key"),
]


@pytest.mark.parametrize(("document", "request_"), ACCEPTED)
def test_accepted(document: dict[str, Any], request_: RouteRequest) -> None:
    assert read_request(json.dumps(document).encode()) == request_


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_request(b'\xef\xbb\xbf{"bnum": "1"}').bnum == "1"


def test_a_body_of_just_8_kb_is_read() -> None:
    body = b'{"bnum": "1", "x": "' + b"x" * (LARGEST_BODY - 22) + b'"}'
    assert len(body) == LARGEST_BODY
    assert read_request(body).bnum == "1"


@pytest.mark.parametrize(
    ("anum", "caller"),
    [
        pytest.param("+358504545641", "+358504545641", id="E.164"),
        pytest.param(" 050 454 5641 ", "050 454 5641", id="as people type it"),
        pytest.param("2041", "2041", id="an extension"),
        pytest.param("sip:+358504545641@10.0.0.1;user=phone", "+358504545641", id="a SIP address"),
        pytest.param("TEL:+358504545641;phone-context=fi", "+358504545641", id="a tel address"),
        pytest.param("SIPS:2041@example.test", "2041", id="a secure SIP address"),
        pytest.param("\u0665\u0660", "\u0665\u0660", id="Arabic digits"),
        *(
            pytest.param(withheld, None, id=f"withheld: {withheld!r}")
            for withheld in (
                None, "", " \t", "anonymous", "Anonymous", "UNKNOWN", " unknown ", "restricted", "Restricted",
                "withheld", "WITHHELD", "private", "Private Number", "No Caller ID", "+", "-", "²",
                "sip:anonymous@192.0.2.7", "Sip:Anonymous@anonymous.invalid", "anonymous@192.0.2.7:5060",
                "tel:anonymous;phone-context=+358",
            )
        ),
    ],
)  # fmt: skip
def test_a_caller_who_withholds_the_number_is_none(anum: str | None, caller: str | None) -> None:
    assert read_request(json.dumps({"bnum": BNUM, "anum": anum}).encode()).caller == caller


def test_an_absent_caller_is_withheld() -> None:
    assert read_request(b'{"bnum": "1"}').caller is None


@pytest.mark.parametrize(
    ("value", "internal"),
    [
        *((value, True) for value in (True, "true", "True", " TRUE ", 1, 1.0, "1")),
        *((value, False) for value in (False, "false", "False", 0, 2, "0", "", "yes", None, [True], [1], {"x": True})),
    ],
)
def test_an_internal_caller_is_one_whatever_way_true_is_written(value: object, internal: bool) -> None:
    body = json.dumps({"bnum": BNUM, "extradata": {"IsInternalCaller": value}}).encode()
    assert read_request(body).is_internal is internal


@pytest.mark.parametrize("extradata", [None, {}, {"isinternalcaller": True}, {"DYN_IsInternalCaller": True}])
def test_a_caller_is_not_internal_unless_enreach_says_so(extradata: dict[str, Any] | None) -> None:
    assert RouteRequest(bnum=BNUM, extradata=extradata).is_internal is False


@pytest.mark.parametrize(
    ("value", "queue"), [("q1", "q1"), (" q1 ", "q1"), ("", None), (" ", None), (7, None), (None, None), (["q1"], None)]
)
def test_the_current_queue_id_is_text_or_nothing(value: object, queue: str | None) -> None:
    assert RouteRequest(bnum="1", extradata={"CurrQueueId": value}).current_queue_id == queue
    assert RouteRequest(bnum="1").current_queue_id is None


def test_extra_data_comes_as_it_was_sent() -> None:
    extradata = {"DYN_PAR_Culture": "sv-SE", "DYN_n": 7, "DYN_list": [None, {"deep": 1.5}], "CurrUserId": "", "": "x"}
    assert read_request(json.dumps({"bnum": "1", "extradata": extradata}).encode()).extradata == extradata


def _nested(levels: int) -> bytes:
    return b'{"bnum": "1", "x": ' + b"[" * levels + b"]" * levels + b"}"


REFUSED = [
    pytest.param(b"", "not JSON", id="nothing"),
    pytest.param(b"{", "not JSON", id="half an object"),
    pytest.param(b'{"bnum": "1"} x', "not JSON", id="more behind"),
    pytest.param(b"bnum=1", "not JSON", id="a form"),
    pytest.param(b"{'bnum': '1'}", "not JSON", id="single quotes"),
    pytest.param(b'{"bnum": "1",}', "not JSON", id="a comma too many"),
    pytest.param(b'{"bnum": "\xff\xfe"}', "not JSON", id="no UTF-8"),
    pytest.param('{"bnum": "1"}'.encode("utf-16"), "not JSON", id="UTF-16"),
    pytest.param(b'{"bnum": "a\nb"}', "not JSON", id="a raw newline in a text"),
    pytest.param(b"\x00", "not JSON", id="a zero byte"),
    pytest.param(b"[]", "JSON object", id="a list"),
    pytest.param(b"null", "JSON object", id="null"),
    pytest.param(b'"bnum"', "JSON object", id="a text"),
    pytest.param(b"1", "JSON object", id="a number"),
    pytest.param(b"{}", "bnum", id="bnum missing"),
    pytest.param(b'{"bnum": ""}', "bnum", id="bnum empty"),
    pytest.param(b'{"bnum": " \\t"}', "bnum", id="bnum blank"),
    *(
        pytest.param(json.dumps({"bnum": blank}).encode(), "bnum", id=f"bnum white space: {blank!a}")
        for blank in ("\n", "\x1c", "\x1f\x85", "\xa0\u2003\u3000", "\u2028", "\ufeff")
    ),
    pytest.param(b'{"bnum": null}', "bnum", id="bnum null"),
    pytest.param(b'{"bnum": 35840675644}', "bnum", id="bnum a number"),
    pytest.param(b'{"bnum": ["+358"]}', "bnum", id="bnum a list"),
    pytest.param(b'{"bnum": true}', "bnum", id="bnum a truth value"),
    pytest.param(b'{"BNUM": "1"}', "bnum", id="bnum in capitals"),
    pytest.param(b'{"bnum": "1", "anum": 358}', "anum", id="anum a number"),
    pytest.param(b'{"bnum": "1", "anum": {"x": 1}}', "anum", id="anum an object"),
    pytest.param(b'{"bnum": "1", "targetid": 7}', "targetid", id="targetid a number"),
    pytest.param(b'{"bnum": "1", "extradata": []}', "extradata", id="extradata a list"),
    pytest.param(b'{"bnum": "1", "extradata": "x"}', "extradata", id="extradata a text"),
    pytest.param(b'{"bnum": "1", "bnum": "2"}', "twice", id="a key twice"),
    pytest.param(b'{"bnum": "1", "x": NaN}', "not JSON", id="NaN"),
    pytest.param(b'{"bnum": "1", "x": -Infinity}', "not JSON", id="Infinity"),
    pytest.param(b'{"bnum": "1", "x": 1e999}', "too large", id="a number without end"),
    pytest.param(b'{"bnum": "1", "x": ' + b"9" * 5000 + b"}", "longer than", id="thousands of digits"),
    pytest.param(b'{"bnum": "1", "x": 0.' + b"9" * 5000 + b"}", "longer than", id="thousands of decimals"),
    pytest.param(b'{"bnum": "\\ud800"}', "surrogate", id="a lone surrogate"),
    pytest.param(b'{"bnum": "1", "extradata": {"\\udc00": 1}}', "surrogate", id="a lone surrogate in a key"),
    pytest.param(b'{"bnum": "1", "anum": "\\ud83d"}', "surrogate", id="half an emoji"),
    pytest.param(_nested(20), "nested", id="20 levels"),
    pytest.param(_nested(4000), "nested", id="4,000 levels"),
    pytest.param(b"[" * 8000, "not JSON", id="8,000 open brackets"),
    pytest.param(b'{"a":' * 1300 + b"1" + b"}" * 1300, "nested", id="1,300 objects"),
    pytest.param(b'{"bnum": "1"}' + b" " * LARGEST_BODY, "larger than", id="over 8 kB"),
    pytest.param(b"x" * (LARGEST_BODY + 1), "larger than", id="a byte over 8 kB that is no JSON"),
    pytest.param(b"x" * LARGEST_BODY, "not JSON", id="just 8 kB that are no JSON"),
    pytest.param(b"\xff" * 9000, "larger than", id="over 8 kB that are no text"),
    pytest.param(b"x" * 1_000_000, "larger than", id="a megabyte"),
]


@pytest.mark.parametrize(("body", "named"), REFUSED)
def test_refused(body: bytes, named: str) -> None:
    with pytest.raises(BadRequestError, match=named):
        read_request(body)


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    with pytest.raises(BadRequestError) as refusal:
        read_request(b'{"bnum": 35840675644, "anum": ["+358504545641"]}')
    assert "358" not in str(refusal.value)
