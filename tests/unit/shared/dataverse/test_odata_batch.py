"""`$batch` as it is written and read: order, Content-IDs, change sets that fail in either form."""

import contextlib
import email
import email.message
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import odata
from shared.dataverse.errors import ConflictError, ThrottledError, UnavailableError
from shared.dataverse.odata import (
    ChangeSet,
    ChangeSetReply,
    Part,
    PartReply,
    Reference,
    Step,
    batch_body,
    create_part,
    read_batch,
    read_steps,
)
from shared.dataverse.tables import ACCOUNT, CONTACT

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
GET = Part("GET", "contacts?$select=fullname")
ACCOUNT_PART = create_part(ACCOUNT, ACCOUNT.row(UUID(int=1), {"name": "A"}))
CONTACT_PART = create_part(CONTACT, CONTACT.row(UUID(int=2), {}, {"parentcustomerid_account": Reference(1)}))
HEAD = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]


def test_a_batch_is_written_as_the_documentation_shows() -> None:
    parts = [GET, Part("POST", "contacts", {"lastname": "Ä"}, (("Prefer", "x"),))]
    assert batch_body(parts, "b1").decode().split("\r\n") == [
        "--b1", *HEAD, "",
        "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1", "Accept: application/json", "", "",
        "--b1", *HEAD, "",
        "POST /api/data/v9.2/contacts HTTP/1.1", "Accept: application/json", "Prefer: x",
        "Content-Type: application/json; type=entry", "", '{"lastname":"Ä"}',
        "--b1--", "",
    ]  # fmt: skip


def test_a_change_set_is_written_as_the_documentation_shows() -> None:
    steps: list[Step] = [ChangeSet((ACCOUNT_PART, CONTACT_PART), first_id=1), GET]
    assert batch_body(steps, "b1").decode().split("\r\n") == [
        "--b1", 'Content-Type: multipart/mixed; boundary="changeset_1_b1"', "",
        "--changeset_1_b1", *HEAD, "Content-ID: 1", "",
        "POST /api/data/v9.2/accounts HTTP/1.1", "Accept: application/json",
        "Content-Type: application/json; type=entry", "",
        '{"accountid":"00000000-0000-0000-0000-000000000001","name":"A"}',
        "--changeset_1_b1", *HEAD, "Content-ID: 2", "",
        "POST /api/data/v9.2/contacts HTTP/1.1", "Accept: application/json",
        "Content-Type: application/json; type=entry", "",
        '{"contactid":"00000000-0000-0000-0000-000000000002","parentcustomerid_account@odata.bind":"$1"}',
        "--changeset_1_b1--", "",
        "--b1", *HEAD, "",
        "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1", "Accept: application/json", "", "",
        "--b1--", "",
    ]  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(["subject", "description"]), st.text()), min_size=1, max_size=5))
def test_an_independent_reader_finds_every_part_with_its_body(rows: list[dict[str, str]]) -> None:
    body = batch_body([Part("POST", "tasks", {**row, "n": "\r\n--b1--\r\n"}) for row in rows], "b1")
    message = email.message_from_bytes(b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n' + body)
    found = []
    for part in message.walk():
        if part.get_content_type() == "application/http":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append(json.loads(payload.partition(b"\r\n\r\n")[2]))
    assert found == [{**row, "n": "\r\n--b1--\r\n"} for row in rows]


def test_content_ids_are_unique_over_the_batch() -> None:
    delete = Part("DELETE", f"contacts({UUID(int=1)})")
    steps: list[Step] = [ChangeSet((delete, delete)), GET, ChangeSet((delete,), first_id=7), ChangeSet((delete,))]
    lines = batch_body(steps, "b1").decode().split("\r\n")
    assert [line for line in lines if line.startswith("Content-ID")] == [
        "Content-ID: 8", "Content-ID: 9", "Content-ID: 7", "Content-ID: 10",
    ]  # fmt: skip
    for first_ids in ((1, 2), (2, 1), (5, 5), (0, 3)):
        sets = [ChangeSet((delete, delete), first_id=number) for number in first_ids]
        with pytest.raises(ValueError, match="Content-IDs"):
            batch_body(sets, "b1")


@pytest.mark.parametrize(
    ("parts", "first_id"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((GET,), None, id="a read"),
        pytest.param((CONTACT_PART, ACCOUNT_PART), 1, id="a reference to itself"),
        pytest.param((ACCOUNT_PART, CONTACT_PART), None, id="a reference without numbers"),
        pytest.param((ACCOUNT_PART, CONTACT_PART), 2, id="a reference outside of the set"),
        pytest.param((ACCOUNT_PART, Part("DELETE", "$2")), 1, id="a path that leads to itself"),
        pytest.param((Part("DELETE", "$1/parentcustomerid_account/$ref"),), 1, id="a path that leads nowhere"),
    ],
)
def test_a_change_set_holds_writes_that_refer_back_only(parts: tuple[Part, ...], first_id: int | None) -> None:
    with pytest.raises(ValueError, match="change set"):
        ChangeSet(parts, first_id)


def test_a_batch_takes_a_thousand_requests_those_of_change_sets_included() -> None:
    pair = ChangeSet((ACCOUNT_PART, ACCOUNT_PART))
    assert batch_body([pair] * 500, "b1").count(b"Content-ID") == 1000
    for steps in ([GET] * 1001, [pair] * 501):
        with pytest.raises(ValueError, match="1000"):
            batch_body(steps, "b1")


def test_a_query_too_long_for_every_url_is_not_sent() -> None:
    with pytest.raises(ValueError, match="too long"):
        batch_body([Part("GET", "contacts?" + "x" * 70_000)], "b1")


@pytest.mark.parametrize("boundary", ["", "a b", 'a"', "a\r\nb", "ä", "x" * 51, "b1\n"])
def test_a_boundary_cannot_break_out_of_its_line(boundary: str) -> None:
    with pytest.raises(ValueError, match="boundary"):
        batch_body([GET], boundary)


# ---------------------------------------------------------------------------------------------------- answers

MIME = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary"
OK = f"{MIME}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + '{"value":[{"a":"--r"}]}'
THROTTLED = f'{MIME}\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n\r\n{{"error":{{"code":"0x80072322"}}}}'
DUPLICATE = 'HTTP/1.1 412 Precondition Failed\r\n\r\n{"error":{"code":"0x80040237","message":"m"}}'


def done(content_id: int) -> str:
    return f"{MIME}\r\nContent-ID: {content_id}\r\n\r\nHTTP/1.1 204 No Content\r\nOData-EntityId: x{content_id}\r\n\r\n"


def wrapped(*answers: str) -> str:
    inside = "".join(f"--c\r\n{answer}\r\n" for answer in answers)
    return f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{inside}--c--"


def reply(*sections: str) -> bytes:
    return ("".join(f"--r\r\n{section}\r\n" for section in sections) + "--r--\r\n").encode()


MIXED = 'multipart/mixed; boundary="r"'
SET = ChangeSet((ACCOUNT_PART, CONTACT_PART), first_id=1)
FAILED_SECOND = f"{MIME}\r\nContent-ID: 2\r\n\r\n{DUPLICATE}"


def test_a_batch_reply_is_read_part_by_part() -> None:
    replies = read_batch(MIXED, reply(OK, wrapped(done(1)), THROTTLED))
    assert [each.status for each in replies] == [200, 204, 429]
    assert replies[0].body == {"value": [{"a": "--r"}]}
    assert replies[1].headers == {"odata-entityid": "x1", "content-id": "1"}
    assert replies[0].error(NOW) is None
    error = replies[2].error(NOW)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 7


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_change_set_is_answered_in_the_order_of_its_requests(order: tuple[int, int]) -> None:
    answers = read_steps([GET, SET], MIXED, reply(OK, wrapped(*(done(number) for number in order))))
    assert isinstance(answers[0], PartReply)
    assert isinstance(answers[1], ChangeSetReply)
    assert [each.headers["odata-entityid"] for each in answers[1].replies] == ["x1", "x2"]
    assert answers[1].failure is None


@pytest.mark.parametrize("failed", [FAILED_SECOND, wrapped(FAILED_SECOND)], ids=["alone", "wrapped"])
def test_a_failed_change_set_tells_its_step_and_its_request_in_both_forms(failed: str) -> None:
    answers = read_steps([GET, SET, GET], MIXED, reply(OK, failed, OK))
    assert [type(each) for each in answers] == [PartReply, ChangeSetReply, PartReply]
    middle = answers[1]
    assert isinstance(middle, ChangeSetReply)
    assert (middle.replies, middle.failed) == ((), 1)
    assert middle.failure is not None
    assert isinstance(middle.failure.error(NOW), ConflictError)


@pytest.mark.parametrize("content_id", ["", "\r\nContent-ID: 9", "\r\nContent-ID: x"])
def test_a_failed_change_set_without_a_known_content_id_still_failed(content_id: str) -> None:
    (answer,) = read_steps([SET], MIXED, reply(f"{MIME}{content_id}\r\n\r\n{DUPLICATE}"))
    assert isinstance(answer, ChangeSetReply)
    assert answer.failure is not None
    assert answer.failed is None


def test_what_follows_the_first_failure_was_not_run() -> None:
    assert len(read_steps([GET, SET, GET], MIXED, reply(OK, FAILED_SECOND))) == 2


@pytest.mark.parametrize(
    ("steps", "sections"),
    [
        pytest.param([GET], [OK, OK], id="more answers than requests"),
        pytest.param([GET], [wrapped(done(1))], id="a change set for a request"),
        pytest.param([SET], [done(1)], id="a success for a whole change set"),
        pytest.param([SET], [wrapped(done(1))], id="a change set with an answer too few"),
        pytest.param([SET], [wrapped(done(1), done(2), done(3))], id="a change set with an answer too many"),
    ],
)
def test_answers_that_cannot_be_ours_are_an_outage(steps: list[Step], sections: list[str]) -> None:
    with pytest.raises(UnavailableError):
        read_steps(steps, MIXED, reply(*sections))


REPLY = reply(OK, wrapped(done(1)), THROTTLED)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("text/html", REPLY, id="a page"),
        pytest.param("multipart/mixed", REPLY, id="no boundary"),
        pytest.param("multipart/mixed; boundary=r", REPLY[:200], id="cut off"),
        pytest.param("multipart/mixed; boundary=r", REPLY.replace(b"HTTP/1.1 200 OK", b"what"), id="no status line"),
        pytest.param("multipart/mixed; boundary=r", REPLY.replace(b'{"value"', b"{value"), id="no JSON"),
    ],
)
def test_a_reply_that_is_no_batch_is_an_outage(content_type: str, body: bytes) -> None:
    with pytest.raises(UnavailableError):
        odata.read_batch(content_type, body)


@given(st.binary(max_size=200), st.integers(0, len(REPLY)))
def test_a_garbled_reply_is_read_or_is_an_outage(noise: bytes, position: int) -> None:
    with contextlib.suppress(UnavailableError):
        read_steps([GET, SET, GET], MIXED, REPLY[:position] + noise + REPLY[position + len(noise) :])
