"""The Web API on the wire: every literal arrives as it was meant, every answer is read as it is."""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import pytest

from shared.dataverse import errors, odata
from shared.dataverse.odata import Expand, Filter, Part, Query, all_of, any_of, eq, ge, is_in, lt
from shared.dataverse.tables import ACCOUNT, BOOKING, CONTACT, TABLES, UnknownNameError, utc_moment, utc_text

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def asked(condition: Filter) -> dict[str, str]:
    """What a server makes of the query: percent-decoding, `+` as a space."""
    path = Query(table=CONTACT, select=("fullname",), where=condition).path()
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query, strict_parsing=True).items()}


@pytest.mark.parametrize(
    "text",
    ["+358401234567", "O'Neill", "a&b=c", "100 %", "%27", "&$select=*", "#?/\\", "Äöå ß 日本 😀",
     "' or 1 eq 1 or '", "a;b", '"quoted"', "\ttab\nline"],
)  # fmt: skip
def test_a_text_reaches_the_server_unchanged_as_one_literal(text: str) -> None:
    assert asked(eq("telephone1", text)) == {
        "$select": "fullname",
        "$filter": f"telephone1 eq '{text.replace(chr(39), chr(39) * 2)}'",
    }
    sent = asked(is_in("telephone1", [text, "other"]))
    assert json.loads(sent["@p2"]) == [text, "other"]


def test_thousand_random_texts_reach_the_server_unchanged() -> None:
    source = random.Random(20261121)  # noqa: S311
    for _ in range(1000):
        text = "".join(source.choice("+'%&=#?;/\\\" aä😀$@()[]<>*") for _ in range(source.randint(1, 30)))
        assert asked(eq("telephone1", text))["$filter"] == "telephone1 eq '" + text.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (False, "false"), (7, "7"), (UUID(int=1), str(UUID(int=1))), ("a", "'a'"),
     (datetime(2026, 11, 21, 10, 30, tzinfo=timezone(timedelta(hours=2))), "2026-11-21T08:30:00Z")],
)  # fmt: skip
def test_literals(value: odata.Scalar, text: str) -> None:
    assert odata.literal(value) == text


def test_a_moment_without_a_zone_never_travels() -> None:
    with pytest.raises(ValueError, match="time zone"):
        odata.literal(datetime(2026, 1, 1))  # noqa: DTZ001


def test_conditions_combine_with_parentheses_and_numbered_aliases() -> None:
    sent = asked(all_of(eq("statecode", 0), any_of(is_in("telephone1", ["1"]), is_in("mobilephone", ["2"]))))
    assert sent == {
        "$select": "fullname",
        "$filter": (
            "(statecode eq 0) and ((Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)) or "
            "(Microsoft.Dynamics.CRM.In(PropertyName=@p3,PropertyValues=@p4)))"
        ),
        "@p1": "'telephone1'", "@p2": '["1"]', "@p3": "'mobilephone'", "@p4": '["2"]',
    }  # fmt: skip


def test_a_lookup_goes_into_in_by_its_logical_name() -> None:
    path = Query(table=BOOKING, select=("name",), where=is_in("_resource_value", [UUID(int=1)])).path()
    assert parse_qs(urlsplit(path).query)["@p1"] == ["'resource'"]


def test_a_query_with_everything() -> None:
    account = Expand("parentcustomerid_account", ACCOUNT, ("name",), (Expand("parentaccountid", ACCOUNT, ("name",)),))
    path = Query(
        table=CONTACT, select=("fullname",), where=all_of(ge("statecode", 0), lt("statecode", 2)),
        order_by=("fullname desc",), top=3, expand=(account,),
    ).path()  # fmt: skip
    assert parse_qsl(urlsplit(path).query) == [
        ("$select", "fullname"), ("$filter", "(statecode ge 0) and (statecode lt 2)"), ("$orderby", "fullname desc"),
        ("$top", "3"),
        ("$expand", "parentcustomerid_account($select=name;$expand=parentaccountid($select=name))"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "build",
    [
        lambda: Query(table=CONTACT, select=("fulname",)).path(),
        lambda: Query(table=CONTACT, select=("fullname",), where=eq("phone", "1")).path(),
        lambda: Query(table=CONTACT, select=("fullname",), order_by=("nope",)).path(),
        lambda: Query(table=CONTACT, select=(), expand=(Expand("Parentcustomerid_Account", ACCOUNT, ()),)).path(),
        lambda: BOOKING.row(UUID(int=1), {"subject": 1}),
        lambda: BOOKING.row(UUID(int=1), {}, {"resource": UUID(int=2)}),
        lambda: CONTACT.with_columns(["new_vip", "x&$top=1"]),
    ],
)
def test_a_name_that_the_table_lacks_never_travels(build: object) -> None:
    with pytest.raises(UnknownNameError):
        build()  # type: ignore[operator]


def test_an_administrators_column_can_be_asked_for() -> None:
    table = CONTACT.with_columns(["new_vip"])
    assert Query(table=table, select=("new_vip",)).path() == "contacts?$select=new_vip"


def test_times_travel_in_utc() -> None:
    assert utc_text(datetime.fromisoformat("2026-11-21T10:00:00+02:00")) == "2026-11-21T08:00:00Z"
    assert utc_moment("2026-11-21T08:00:00") == utc_moment("2026-11-21T10:00:00+02:00") == NOW


def test_a_batch_is_written_as_the_documentation_shows() -> None:
    parts = [Part("GET", "contacts?$select=fullname"), Part("POST", "contacts", {"lastname": "Ä"}, (("Prefer", "x"),))]
    assert odata.batch_body(parts, "b1").decode().split("\r\n") == [
        "--b1", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1", "Accept: application/json", "", "",
        "--b1", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        "POST /api/data/v9.2/contacts HTTP/1.1", "Accept: application/json", "Prefer: x",
        "Content-Type: application/json; type=entry", "", '{"lastname":"Ä"}',
        "--b1--", "",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="1000"):
        odata.batch_body([parts[0]] * 1001, "b1")


REPLY = (
    "--r\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"value":[{"a":"--r"}]}\r\n'
    "--r\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n"
    "HTTP/1.1 204 No Content\r\nOData-EntityId: x\r\n\r\n\r\n"
    "--c--\r\n"
    "--r\r\nContent-Type: application/http\r\n\r\n"
    'HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n\r\n{"error":{"code":"0x80072322","message":"m"}}\r\n'
    "--r--\r\n"
)


def test_a_batch_reply_is_read_part_by_part() -> None:
    replies = odata.read_batch('multipart/mixed; boundary="r"', REPLY.encode())
    assert [reply.status for reply in replies] == [200, 204, 429]
    assert replies[0].body == {"value": [{"a": "--r"}]}
    assert replies[1].headers["odata-entityid"] == "x"
    assert replies[0].error(NOW) is None
    error = replies[2].error(NOW)
    assert isinstance(error, errors.ThrottledError)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("text/html", REPLY, id="a page"),
        pytest.param("multipart/mixed", REPLY, id="no boundary"),
        pytest.param("multipart/mixed; boundary=r", REPLY[:200], id="cut off"),
        pytest.param("multipart/mixed; boundary=r", REPLY.replace("HTTP/1.1 200 OK", "what"), id="no status line"),
        pytest.param("multipart/mixed; boundary=r", REPLY.replace('{"value"', "{value"), id="no JSON"),
    ],
)
def test_a_reply_that_is_no_batch_is_an_outage(content_type: str, body: str) -> None:
    with pytest.raises(errors.UnavailableError):
        odata.read_batch(content_type, body.encode())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("7", 7), ("-3", 0), ("soon", None), ("Sat, 21 Nov 2026 08:01:30 GMT", 90),
     ("Sat, 21 Nov 2026 07:00:00 GMT", 0)],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert odata.retry_after_seconds(header, NOW) == seconds


def test_names_of_tables_are_said_once() -> None:
    assert len({table.logical_name for table in TABLES}) == len(TABLES)
