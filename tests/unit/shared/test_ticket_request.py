"""The message that asks for a ticket: what is read, what is refused and why, and that nothing of it is repeated."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.ticket_request import (
    LARGEST_REQUEST,
    LONGEST_TEXT,
    BadTicketRequestError,
    CallDirection,
    CallStatus,
    Delivery,
    TicketRequest,
    as_message,
    fitting,
    read_message,
    read_stored,
    reference_to,
    stored_as,
)

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs/schemas/ticket-request.schema.json").read_text(encoding="utf-8"))
CALL = "0b9d6e5e-3c0c-4b0e-8d8c-0c8c5b7d1f2a"
WHOLE = {
    "version": 1,
    "callId": CALL,
    "direction": "incoming",
    "queue": "Kundendienst Köln",
    "callStatus": "answered",
    "agentEmail": "aino.virtanen@nordic-care.example",
    "callerNumber": "+358401234567",
    "calledNumber": "+358942415000",
    "startTime": "2027-03-01T08:15:00Z",
    "answerTime": "2027-03-01T08:15:12.500000Z",
    "endTime": "2027-03-01T08:19:30Z",
    "durationSeconds": 258,
    "outboundRoute": "Helsinki",
    "recordingUrl": "https://recordings.example.com/r/1",
    "variables": {"language": "fi", "order": "4711"},
}
CANARY = "canary-7391"


def message(**values: Any) -> bytes:
    return json.dumps({"version": 1, "callId": CALL, **values}).encode()


def schema_takes(document: bytes) -> bool:
    return jsonschema_rs.validator_for(SCHEMA, validate_formats=True).is_valid(json.loads(document))


def test_a_whole_request_is_read_and_written_as_it_was() -> None:
    request = read_message(json.dumps(WHOLE).encode())
    assert json.loads(as_message(request)) == WHOLE
    assert schema_takes(as_message(request))
    assert (request.direction, request.call_status) == (CallDirection.INCOMING, CallStatus.ANSWERED)
    assert request.answer_time == datetime(2027, 3, 1, 8, 15, 12, 500000, UTC)
    assert not request.is_compact


def test_the_example_of_the_document_is_read_whole() -> None:
    text = (ROOT / "docs/ticket-requests.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0].encode()
    assert schema_takes(example)
    assert set(TicketRequest.model_fields) - read_message(example).model_fields_set == {"body", "delivery"}
    for name in SCHEMA["properties"]:
        assert f"| `{name}` |" in text
    for status in CallStatus:
        assert f"`{status}`" in text


COMPACT: dict[str, dict[str, Any]] = {
    "nothing else": {},
    "absent by null": dict.fromkeys(set(WHOLE) - {"version", "callId"}),
    "absent by blank": {"queue": " ", "callStatus": "", "startTime": "", "recordingUrl": " \n"},
    "unknown keys": {"ticket": {"deep": [1]}, "call_id": 3, "Queue": "x"},
}


@pytest.mark.parametrize("values", COMPACT.values(), ids=COMPACT)
def test_a_compact_request_is_the_id_of_a_call(values: dict[str, Any]) -> None:
    request = read_message(message(**values))
    assert request.is_compact
    assert as_message(request) == f'{{"version":1,"callId":"{CALL}"}}'.encode()


@pytest.mark.parametrize("values", [{"queue": "a"}, {"durationSeconds": 0}, {"variables": {"a": ""}}])
def test_whatever_else_it_says_makes_it_more_than_compact(values: dict[str, Any]) -> None:
    assert not read_message(message(**values)).is_compact


@pytest.mark.parametrize(
    "spelling",
    [CALL, CALL.upper(), "{" + CALL.upper() + "}", CALL.replace("-", ""), f" {CALL}\n"],
)
def test_one_call_has_one_id(spelling: str) -> None:
    assert read_message(message(callId=spelling)).call_id == CALL


def test_an_id_of_another_system_stays_the_same() -> None:
    first, again = read_message(message(callId="PBX-17/4")), read_message(message(callId="pbx-17/4 "))
    assert first.call_id == again.call_id != read_message(message(callId="PBX-17/5")).call_id
    assert read_message(as_message(first)).call_id == first.call_id


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-03-01T08:15:00Z", datetime(2027, 3, 1, 8, 15, tzinfo=UTC)),
        ("2027-03-01t08:15:00z", datetime(2027, 3, 1, 8, 15, tzinfo=UTC)),
        ("2027-03-01T10:15:00+02:00", datetime(2027, 3, 1, 8, 15, tzinfo=UTC)),
        ("2027-03-01T08:15:00.1234567Z", datetime(2027, 3, 1, 8, 15, 0, 123456, UTC)),
        ("2027-03-01 08:15Z", datetime(2027, 3, 1, 8, 15, tzinfo=UTC)),
    ],
)
def test_moments_are_in_utc(text: str, moment: datetime) -> None:
    request = read_message(message(startTime=text))
    assert request.start_time == moment
    assert request.start_time.tzinfo is UTC


REFUSED: dict[str, tuple[bytes, str]] = {
    "no json": (b"{", "the message: Invalid JSON"),
    "nothing": (b"", "the message: Invalid JSON"),
    "no text": (b'{"queue": "\xff"}', "the message: Invalid JSON"),
    "half a character": (message().replace(b"}", b',"queue":"\\ud800"}'), "the message: Invalid JSON"),
    "deep": (b"[" * 100_000, "the message: Invalid JSON"),
    "a list": (b"[]", "the message: Input should be an object"),
    "huge": (b" " * LARGEST_REQUEST + b"{}", f"the message is larger than {LARGEST_REQUEST} bytes"),
    "empty": (b"{}", "version: Field required; callId: Field required"),
    "no version": (message(version=None), "version: must be 1, no other version is known"),
    "a later version": (message(version=2), "version: must be 1"),
    "version true": (message(version=True), "version: must be 1"),
    "version as text": (message(version="1"), "version: must be 1"),
    "no call": (message(callId=None), "callId: Input should be a valid string"),
    "blank call": (message(callId=" \t"), "callId: must not be blank"),
    "long call": (message(callId="7" * 201), "callId: String should have at most 200 characters"),
    "number as call": (message(callId=7391), "callId: Input should be a valid string"),
    "direction": (message(direction=CANARY), "direction: Input should be 'incoming' or 'outgoing'"),
    "direction in capitals": (message(direction="Incoming"), "direction: Input should be"),
    "number as text": (message(queue=7391), "queue: Input should be a valid string"),
    "long text": (message(agentEmail=CANARY * 100), "agentEmail: String should have at most 1000 characters"),
    "no moment": (message(startTime=CANARY), "startTime: must be a moment of ISO 8601, such as"),
    "no day": (message(startTime="2027-02-30T08:15:00Z"), "startTime: must be a moment of ISO 8601"),
    "seconds as text": (message(endTime="1800000000"), "endTime: must be a moment of ISO 8601"),
    "seconds": (message(endTime=1800000000), "endTime: Input should be a valid datetime"),
    "no offset": (message(answerTime="2027-03-01T08:15:00"), "answerTime: must say its offset from UTC"),
    "before time": (message(startTime="0001-01-01T00:00:00+05:00"), "startTime: is too early or too late"),
    "half a second": (message(durationSeconds=1.5), "durationSeconds: Input should be a valid integer"),
    "duration as text": (message(durationSeconds="95"), "durationSeconds: Input should be a valid integer"),
    "negative duration": (message(durationSeconds=-1), "durationSeconds: Input should be greater than or equal to 0"),
    "long duration": (message(durationSeconds=2**31), "durationSeconds: Input should be less than or equal to"),
    "script": (message(recordingUrl=f"javascript:{CANARY}"), "recordingUrl: must be an address with http or https"),
    "white space": (message(recordingUrl=f"https://a/ {CANARY}"), "recordingUrl: must be an address"),
    "variables as a list": (message(variables=[CANARY]), "variables: Input should be an object"),
    "a variable's value": (message(variables={CANARY: 7391}), "variables: Input should be a valid string"),
    "a variable without name": (message(variables={"": CANARY}), "variables: String should have at least 1 character"),
    "a long name": (message(variables={CANARY * 10: "x"}), "variables: String should have at most 100 characters"),
    "many variables": (
        message(variables={f"{n}": "" for n in range(201)}),
        "variables: Dictionary should have at most",
    ),
    "long variables": (message(variables={"ab": "x" * 99_999}), "variables: all names and values together have more"),
    "another blob": (message(body=f"../config/{CANARY}.json"), "body: must be the name of a blob that call sync wrote"),
    "two": (message(queue=1, direction=CANARY), "direction: Input should be 'incoming' or 'outgoing'; queue: Input"),
}
ONLY_THE_READER_KNOWS = {"half a character", "before time", "long variables", "huge", "deep"}
"""What no schema says, and what is no matter of a schema."""


@pytest.mark.parametrize(("document", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_named_and_not_repeated(document: bytes, problem: str) -> None:
    with pytest.raises(BadTicketRequestError) as caught:
        read_message(document)
    assert str(caught.value).startswith(problem)
    assert CANARY not in str(caught.value)
    assert "7391" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in ONLY_THE_READER_KNOWS])
def test_what_the_reader_refuses_the_schema_refuses(name: str) -> None:
    try:
        assert not schema_takes(REFUSED[name][0])
    except ValueError:
        assert "Invalid JSON" in REFUSED[name][1]


def test_many_wrong_variables_are_one_problem() -> None:
    with pytest.raises(BadTicketRequestError, match=r"^variables: Input should be a valid string$"):
        read_message(message(variables={f"{number}": number for number in range(150)}))


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_message(b"\xef\xbb\xbf" + message()).call_id == CALL


def test_nothing_that_names_a_person_is_in_the_repr() -> None:
    shown = repr(read_message(json.dumps(WHOLE).encode()))
    for name in ("agentEmail", "callerNumber", "calledNumber", "recordingUrl"):
        assert str(WHOLE[name]) not in shown
    assert "4711" not in shown
    assert CALL in shown


def test_a_request_is_made_by_its_names_and_stays_as_it_is() -> None:
    request = TicketRequest(version=1, call_id=CALL.upper(), call_status=CallStatus.OVERFLOW, queue=" ")
    assert as_message(request) == f'{{"version":1,"callId":"{CALL}","callStatus":"overflow"}}'.encode()
    with pytest.raises(ValidationError):
        request.queue = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="offset"):
        TicketRequest(version=1, call_id=CALL, start_time=datetime(2027, 1, 1))  # noqa: DTZ001 - without a zone


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (None, None),
        (" ", None),
        (" Köln ", "Köln"),
        ("a" * 1001, "a" * LONGEST_TEXT),
        ("\ud800a", "?a"),
        ("x" * 999 + " y", "x" * 999),
    ],
)
def test_text_of_another_system_is_cut_so_that_it_fits(text: str | None, fits: str | None) -> None:
    assert fitting(text) == fits
    assert TicketRequest(version=1, call_id=CALL, queue=fitting(text)).queue == fits


# ------------------------------------------------------------------------------------------ blobs


def large(**values: Any) -> TicketRequest:
    return TicketRequest(version=1, call_id=CALL, variables={"transcript": "x" * 60_000}, **values)


def test_a_blob_is_named_by_its_call_and_its_content() -> None:
    name, content = stored_as(large())
    assert name.startswith(f"{CALL}/")
    assert stored_as(large()) == (name, content)
    assert stored_as(large(queue="x"))[0] != name
    reference = reference_to(large(), name)
    assert json.loads(as_message(reference)) == {"version": 1, "callId": CALL, "body": name}
    assert schema_takes(as_message(reference))
    assert not reference.is_compact
    assert read_stored(read_message(as_message(reference)), content) == large()


def test_the_order_of_variables_makes_no_other_blob() -> None:
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    names = {stored_as(TicketRequest(version=1, call_id=CALL, variables=each))[0] for each in (one, other)}
    assert len(names) == 1


def test_a_blob_that_is_another_one_is_refused() -> None:
    name, content = stored_as(large())
    reference = reference_to(large(), name)
    of_another_call = TicketRequest(version=1, call_id="another", variables={"a": CANARY})
    nested = reference_to(large(), name)
    for wrong, problem in [
        (as_message(of_another_call), "body: the blob that it names is not the request of this call"),
        (as_message(nested), "body: the blob that it names is not the request of this call"),
        (as_message(large(queue="x")), "body: the content of the blob is not the one that its name says"),
        (content + b" ", "body: the content of the blob is not the one that its name says"),
        (b"{", "the message: Invalid JSON"),
    ]:
        with pytest.raises(BadTicketRequestError, match=problem):
            read_stored(reference, wrong)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(
    queue=TEXTS,
    email=TEXTS,
    variables=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=20),
    seconds=st.integers(0, 2**31 - 1),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_every_request_is_read_as_it_was_written(
    queue: str, email: str, variables: dict[str, str], seconds: int, at: datetime
) -> None:
    request = TicketRequest(
        version=1, call_id=CALL, queue=queue, agent_email=email, variables=variables, duration_seconds=seconds,
        start_time=at,
    )  # fmt: skip
    assert read_message(as_message(request)) == request
    assert schema_takes(as_message(request))


def test_the_largest_request_is_below_its_limit() -> None:
    worst = "\x01"  # six bytes in JSON
    texts = ("queue", "call_status", "agent_email", "caller_number", "called_number", "outbound_route")
    values: dict[str, Any] = {name: "a" + worst * (LONGEST_TEXT - 2) + "a" for name in texts}
    names = {f"{number:03}{worst * 97}": "" for number in range(200)}
    variables = {**names, f"000{worst * 97}": worst * (100_000 - 200 * 100)}
    request = TicketRequest(version=1, call_id=CALL, variables=variables, **values)
    assert 600_000 < len(as_message(request)) < LARGEST_REQUEST
    assert read_message(as_message(request)) == request


DELIVERY = Delivery(attempts=2, since=datetime(2027, 3, 1, 8, 15, tzinfo=UTC), token="0a")


def test_a_copy_says_how_often_it_was_tried_and_is_the_same_request() -> None:
    request = TicketRequest(version=1, call_id=CALL)
    again = request.sent_anew(DELIVERY)
    written = {"attempts": 2, "since": "2027-03-01T08:15:00Z", "token": "0a"}
    assert json.loads(as_message(again)) == {"version": 1, "callId": CALL, "delivery": written}
    assert schema_takes(as_message(again))
    assert read_message(as_message(again)) == again
    assert again.is_compact
    assert again.sent_anew(None) == request


@pytest.mark.parametrize(
    "delivery", [{}, {"attempts": 0, "since": "2027-03-01T08:15:00Z", "token": ""}, 7, {"token": CANARY}], ids=str
)
def test_a_delivery_that_is_none_is_refused_without_its_content(delivery: object) -> None:
    with pytest.raises(BadTicketRequestError, match="delivery: ") as refused:
        read_message(json.dumps({"version": 1, "callId": CALL, "delivery": delivery}).encode())
    assert CANARY not in str(refused.value)
