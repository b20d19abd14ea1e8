"""Items into models: aliases, missing fields, values of a customer's own, and items that cannot be read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.config_documents import json_document
from shared.enreach.document import EnreachDocument
from shared.enreach.models import CallbackState, CallEvent, Direction, Privacy, ServiceResult, Unreadable
from shared.enreach.reading import Reader

CALL_ID = "0c3f1a2b-0000-4000-8000-00000000abcd"
USER_ID = "0c3f1a2b-0000-4000-8000-0000000000aa"
CALL: dict[str, Any] = {
    "CallId": CALL_ID, "UserId": USER_ID, "UserName": "Asa@nordic-care.example", "ANum": "+358501231234",
    "BNum": "+358401112222", "TimeStamp": "2024-05-01T06:12:03Z", "Duration": 95, "Direction": 0, "EndResult": 0,
    "CallTypeString": "DirectCall", "QueueId": None, "QueueName": None, "Privacy": "Work",
    "ModifiedAt": "2024-05-01T06:14:00Z", "RecordingIds": [USER_ID.upper()], "TranscriptIds": [],
}  # fmt: skip


def read(item: Any, document: str = "{}") -> CallEvent:
    reading = Reader(json_document(EnreachDocument)(document.encode())).calls([item])
    assert reading.unreadable == ()
    return reading.items[0]


def test_a_call_event_as_the_defaults_have_it() -> None:
    assert read(CALL) == CallEvent(
        call_id=CALL_ID,
        user_id=USER_ID,
        user_name="Asa@nordic-care.example",
        caller="+358501231234",
        called="+358401112222",
        started=datetime(2024, 5, 1, 6, 12, 3, tzinfo=UTC),
        duration_seconds=95,
        direction=Direction.IN,
        answered=True,
        call_type="DirectCall",
        queue_id=None,
        queue_name=None,
        privacy=Privacy.WORK,
        modified_at=datetime(2024, 5, 1, 6, 14, tzinfo=UTC),
        recording_ids=(USER_ID,),
        transcript_ids=(),
        received=CALL,
    )


def test_nothing_personal_stands_in_the_repr() -> None:
    shown = repr(read(CALL))
    for secret in ("358", "nordic-care", "Asa"):
        assert secret not in shown


CHANGES = [
    pytest.param({"CallId": None, "CallID": CALL_ID.upper()}, "call_id", CALL_ID, id="CallID"),
    pytest.param({"CallId": None, "callid": f"{{{CALL_ID}}}"}, "call_id", CALL_ID, id="any case, braces"),
    pytest.param(
        {"TimeStamp": None, "StartTime": "/Date(1714543923000)/"},
        "started", datetime(2024, 5, 1, 6, 12, 3, tzinfo=UTC), id="StartTime",
    ),
    pytest.param({"StartTime": "2020-01-01"}, "started", datetime(2024, 5, 1, 6, 12, 3, tzinfo=UTC), id="both starts"),
    pytest.param({"UserId": None}, "user_id", None, id="a mobile call"),
    pytest.param({"Privacy": None}, "privacy", Privacy.UNDEFINED, id="no privacy"),
    pytest.param({"Privacy": "work"}, "privacy", Privacy.WORK, id="privacy in another case"),
    pytest.param({"Privacy": "Business"}, "privacy", Privacy.UNDEFINED, id="a privacy that nobody knows"),
    pytest.param({"Privacy": 1}, "privacy", Privacy.UNDEFINED, id="a privacy as a number"),
    pytest.param({"ModifiedAt": None}, "modified_at", None, id="no time of change"),
    pytest.param({"ANum": None}, "caller", "", id="withheld"),
    pytest.param({"ANum": 358501231234}, "caller", "358501231234", id="a number as a number"),
    pytest.param({"Direction": 1}, "direction", Direction.OUT, id="1"),
    pytest.param({"Direction": 2}, "direction", Direction.OUT, id="2"),
    pytest.param({"Direction": True}, "direction", Direction.OUT, id="true"),
    pytest.param({"Direction": False}, "direction", Direction.IN, id="false"),
    pytest.param({"Direction": "out"}, "direction", Direction.OUT, id="out"),
    pytest.param({"Direction": "Incoming"}, "direction", Direction.IN, id="Incoming"),
    pytest.param({"Direction": "0"}, "direction", Direction.IN, id="a text 0"),
    pytest.param({"Direction": None}, "direction", Direction.IN, id="no direction"),
    pytest.param({"EndResult": 5}, "answered", False, id="another end"),
    pytest.param({"EndResult": "Missed"}, "answered", False, id="an end in words"),
    pytest.param({"EndResult": False}, "answered", True, id="an end of false"),
    pytest.param({"EndResult": None}, "answered", True, id="no end, a duration"),
    pytest.param({"EndResult": None, "Duration": 0}, "answered", False, id="no end, no duration"),
    pytest.param({"EndResult": 0, "Duration": 0}, "answered", True, id="the end goes before the duration"),
    pytest.param({"Duration": None}, "duration_seconds", 0, id="no duration"),
    pytest.param({"Duration": "00:01:35"}, "duration_seconds", 95, id="a time span"),
    pytest.param({"QueueId": None, "AnswerQueueId": USER_ID}, "queue_id", USER_ID, id="AnswerQueueId"),
    pytest.param({"RecordingIds": None}, "recording_ids", (), id="no recordings"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "value"), CHANGES)
def test_what_may_differ(change: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read(CALL | change), field) == value


def test_fields_that_are_absent_are_as_those_that_are_null() -> None:
    least = read({"callid": CALL_ID, "timestamp": "2024-05-01T06:12:03"})
    assert (least.privacy, least.modified_at, least.user_id, least.answered) == (Privacy.UNDEFINED, None, None, False)


def test_what_came_stays_as_it_came() -> None:
    item = CALL | {"Unknown": [1, {"x": None}], "CallID": "x"}
    assert read(item).received == item


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (CALL | {"CallId": None}, "no call id that is a GUID"),
        (CALL | {"CallId": "+358501231234"}, "no call id that is a GUID"),
        (CALL | {"TimeStamp": "yesterday"}, "no start"),
        (CALL | {"Direction": "sideways"}, "a direction that nobody knows"),
        (None, "no object"),
        ([CALL], "no object"),
    ],
)
def test_an_item_that_cannot_be_read_costs_only_itself(item: Any, reason: str) -> None:
    reading = Reader(EnreachDocument()).calls([CALL, item, CALL])
    assert len(reading.items) == 2
    assert reading.unreadable == (Unreadable(1, reason),)


DOCUMENTED = [
    pytest.param('{"fields": {"calls": {"privacy": ["PrivacyClass"]}}}', {"privacyclass": "Private"}, "privacy",
                 Privacy.PRIVATE, id="a field's name"),
    pytest.param('{"fields": {"calls": {"caller": ["From", "ANum"]}}}', {"From": "+46501"}, "caller", "+46501",
                 id="the first name counts"),
    pytest.param('{"fields": {"calls": {"caller": ["From", "ANum"]}}}', {"From": None}, "caller", "+358501231234",
                 id="the first that holds something"),
    pytest.param('{"values": {"privacy": {"private": ["2", "Secret"]}}}', {"Privacy": 2}, "privacy", Privacy.PRIVATE,
                 id="a number for a privacy"),
    pytest.param('{"values": {"directions": {"in": ["toUs"]}}}', {"Direction": "tous"}, "direction", Direction.IN,
                 id="a word for a direction"),
    pytest.param('{"values": {"directions": {"in": ["toUs"]}}}', {"Direction": 0}, "direction", Direction.IN,
                 id="0 stays incoming"),
    pytest.param('{"values": {"directions": {"in": ["1"], "out": ["0"]}}}', {"Direction": 0}, "direction",
                 Direction.OUT, id="directions the other way round"),
    pytest.param('{"values": {"endResults": {"answered": ["10"]}}}', {"EndResult": 10}, "answered", True,
                 id="another code of an answered call"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "change", "field", "value"), DOCUMENTED)
def test_names_and_values_of_a_customers_own(document: str, change: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read(CALL | change, document), field) == value


SERVICE_CALL: dict[str, Any] = {
    "CallId": CALL_ID, "ANum": "+358501231234", "QueueId": USER_ID, "QueueName": "Support", "QueueNumber": "+3584",
    "ArrivalTime": "2024-05-01T06:12:03Z", "AnswerTime": "2024-05-01T06:12:13Z", "EndTime": "2024-05-01T06:15:03Z",
    "UserId": USER_ID, "Result": "Answered", "ModifiedAt": "2024-05-01T06:15:04Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({}, "arrived", datetime(2024, 5, 1, 6, 12, 3, tzinfo=UTC)),
        ({}, "answered_at", datetime(2024, 5, 1, 6, 12, 13, tzinfo=UTC)),
        ({}, "ended", datetime(2024, 5, 1, 6, 15, 3, tzinfo=UTC)),
        ({}, "queue_name", "Support"),
        ({"QueueName": None}, "queue_name", None),
        ({"CallId": None, "ServiceCallId": CALL_ID}, "call_id", CALL_ID),
        ({"ArrivalTime": None, "TimeStamp": "2024-05-01"}, "arrived", datetime(2024, 5, 1, tzinfo=UTC)),
        ({}, "result", ServiceResult.ANSWERED),
        ({"Result": "overflow"}, "result", ServiceResult.OVERFLOW),
        ({"Result": "Unanswered"}, "result", ServiceResult.UNANSWERED),
        ({"Result": None}, "result", ServiceResult.ANSWERED),
        ({"Result": "Lost", "AnswerTime": None}, "result", ServiceResult.UNKNOWN),
    ],
)
def test_a_service_call(change: dict[str, Any], field: str, value: Any) -> None:
    reading = Reader(EnreachDocument()).service_calls([SERVICE_CALL | change])
    assert getattr(reading.items[0], field) == value
    assert "358501231234" not in repr(reading.items[0])


@pytest.mark.parametrize("missing", ["CallId", "ArrivalTime"])
def test_a_service_call_needs_its_id_and_its_arrival(missing: str) -> None:
    reading = Reader(EnreachDocument()).service_calls([SERVICE_CALL | {missing: None}])
    assert reading.items == ()
    assert [bad.index for bad in reading.unreadable] == [0]


def test_users_keep_the_case_of_their_login_and_need_one() -> None:
    items = [
        {"ID": USER_ID.upper(), "username": "Asa@X.example", "FirstName": "Åsa", "MobileNumber": ""},
        {"Id": USER_ID, "UserName": None},
        {"UserName": "nobody@x.example"},
    ]
    reading = Reader(EnreachDocument()).users(items)
    (user,) = reading.items
    assert (user.id, user.user_name, user.first_name, user.mobile_number) == (USER_ID, "Asa@X.example", "Åsa", None)
    assert reading.unreadable == (Unreadable(1, "no user name"), Unreadable(2, "no id"))
    assert "Asa" not in repr(reading)


def test_queues_may_lack_name_and_numbers() -> None:
    items = [{"Id": USER_ID, "Name": "Support", "TypeId": "4", "Numbers": ["+3584"]}, {"Id": 7, "Numbers": None}, {}]
    reading = Reader(EnreachDocument()).queues(items)
    assert [(q.id, q.name, q.type_id, q.numbers) for q in reading.items] == [
        (USER_ID, "Support", 4, ("+3584",)),
        ("7", None, None, ()),
    ]
    assert reading.unreadable == (Unreadable(2, "no id"),)


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ("Open", CallbackState.OPEN),
        ("closedsuccessfully", CallbackState.CLOSED_SUCCESSFULLY),
        ("Later", CallbackState.UNKNOWN),
        (None, CallbackState.UNKNOWN),
    ],
)
def test_a_callback_request_in_any_state(state: str | None, known: CallbackState) -> None:
    item = {"Id": USER_ID.upper(), "CallbackListId": CALL_ID, "Number": "+358", "DueTime": None, "State": state}
    (request,) = Reader(EnreachDocument()).callbacks([item]).items
    assert (request.id, request.list_id, request.due, request.state) == (USER_ID, CALL_ID, None, known)


def test_many_shapes_of_items_are_each_found_by_their_own_names() -> None:
    items = [CALL | {f"Extra{number}": number} for number in range(200)]
    assert len(Reader(EnreachDocument()).calls(items + items).items) == 400
