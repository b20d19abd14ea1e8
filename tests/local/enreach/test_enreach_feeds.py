"""Both feeds over HTTP: selectors, windows, what is planted, and how it is spelt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

CALL = "0c3f6a52-6c1e-4a57-9c0d-2f4b5a6d7e81"
USER = "7e0f2b9c-3d41-4f9e-8a25-1b6c7d8e9f00"
MARCH = {"StartTime": "2026-03-02 00:00:00", "EndTime": "2026-03-03 00:00:00"}
CHANGED = {"ModifiedAfter": "2026-03-02 00:00:00", "ModifiedBefore": "2026-03-03 00:00:00"}
FEEDS = pytest.mark.parametrize(("feed", "kind"), [("/calls", "calls"), ("/servicecall", "servicecalls")])


def event(**fields: Any) -> dict[str, Any]:
    at = {"TimeStamp": "2026-03-02T08:00:00Z", "ModifiedAt": "2026-03-02T08:02:00Z"}
    return {"CallId": CALL, "UserId": USER, "ANum": "+358501231234", **at, **fields}


def service_call(**fields: Any) -> dict[str, Any]:
    at = {"ArrivalTime": "2026-03-02T08:00:00Z", "ModifiedAt": "2026-03-02T08:02:00Z"}
    return {"CallId": CALL, "ANum": "+358501231234", **at, **fields}


@FEEDS
@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        pytest.param({}, 400, id="no selector"),
        pytest.param(MARCH, 200, id="start and end"),
        pytest.param(CHANGED, 200, id="modified after and before"),
        pytest.param(MARCH | CHANGED, 400, id="two selectors"),
        pytest.param({"StartTime": MARCH["StartTime"]}, 400, id="half of a pair"),
        pytest.param({"EndTime": MARCH["EndTime"]}, 400, id="the other half"),
        pytest.param({"ModifiedAfter": CHANGED["ModifiedAfter"]}, 400, id="modified after alone"),
        pytest.param({"StartTime": "2026-03-01 00:00:00", "EndTime": "2026-04-01 00:00:00"}, 200, id="31 days"),
        pytest.param({"StartTime": "2026-03-01 00:00:00", "EndTime": "2026-04-01 00:00:01"}, 400, id="31 days and 1 s"),
        pytest.param({"ModifiedAfter": "2026-03-01 00:00:00", "ModifiedBefore": "2026-04-15 00:00:00"}, 400, id="45 d"),
        pytest.param({"StartTime": MARCH["EndTime"], "EndTime": MARCH["StartTime"]}, 400, id="end before start"),
        pytest.param({"StartTime": "2026-03-02T00:00:00Z", "EndTime": "2026-03-03T00:00:00Z"}, 400, id="ISO 8601"),
        pytest.param({"StartTime": "2026-03-02 00:00", "EndTime": "2026-03-03 00:00"}, 400, id="no seconds"),
        pytest.param({"StartTime": "2026-02-30 00:00:00", "EndTime": "2026-03-03 00:00:00"}, 400, id="no such day"),
        pytest.param({"starttime": MARCH["StartTime"], "endtime": MARCH["EndTime"]}, 400, id="other names"),
    ],
)
def test_one_whole_selector_of_at_most_31_days_is_needed(
    enreach: Any, feed: str, kind: str, parameters: dict[str, str], status: int
) -> None:
    assert enreach.get(feed, **parameters).status_code == status


@pytest.mark.parametrize("space", ["+", "%20"])
def test_the_space_in_a_time_comes_as_plus_or_percent(enreach: Any, space: str) -> None:
    enreach.plant("calls", event())
    url = f"/calls?StartTime=2026-03-02{space}00:00:00&EndTime=2026-03-03{space}00:00:00"
    assert len(enreach.items(url)) == 1
    assert enreach.get(url.replace(space, "%2B")).status_code == 400


def test_a_call_id_selects_all_its_events_in_any_spelling_and_only_in_calls(enreach: Any) -> None:
    enreach.plant("calls", event(), event(UserId="other"), event(CallId="another"))
    for spelt in (CALL, CALL.upper(), f"{{{CALL}}}"):
        assert len(enreach.items("/calls", CallId=spelt)) == 2
    assert enreach.items("/calls", CallId="nobody") == []
    assert enreach.get("/calls", CallId="").status_code == 400
    assert enreach.get("/servicecall", CallId=CALL).status_code == 400


@FEEDS
def test_the_two_pairs_look_at_different_moments(enreach: Any, feed: str, kind: str) -> None:
    late = {"ModifiedAt": "2026-03-09T10:00:00Z"}
    enreach.plant(kind, event(**late) if kind == "calls" else service_call(**late))
    assert len(enreach.items(feed, **MARCH)) == 1
    assert enreach.items(feed, **CHANGED) == []
    week = {"ModifiedAfter": "2026-03-09 10:00:00", "ModifiedBefore": "2026-03-09 11:00:00"}
    assert len(enreach.items(feed, **week)) == 1


@pytest.mark.parametrize(
    ("bounds", "starts", "ends"), [("closed", 1, 1), ("half-open", 1, 0), ("open", 0, 0)], ids=lambda value: str(value)
)
def test_whether_the_ends_of_a_window_belong_to_it_is_a_switch(
    enreach: Any, bounds: str, starts: int, ends: int
) -> None:
    enreach.plant("calls", event())
    enreach.environment(window_bounds=bounds)
    moment, hour_on, hour_ago = "2026-03-02 08:00:00", "2026-03-02 09:00:00", "2026-03-02 07:00:00"
    assert len(enreach.items("/calls", StartTime=moment, EndTime=hour_on)) == starts
    assert len(enreach.items("/calls", StartTime=hour_ago, EndTime=moment)) == ends


def test_user_ids_filter_one_or_several(enreach: Any) -> None:
    enreach.plant("calls", event(UserId="a"), event(UserId="B"), event(UserId="c"), event(UserId=None))
    assert {e["UserId"] for e in enreach.items("/calls", **MARCH)} == {"a", "B", "c", None}
    assert [e["UserId"] for e in enreach.items("/calls", UserIDs="b", **MARCH)] == ["B"]
    assert {e["UserId"] for e in enreach.items("/calls", UserIDs="A,c", **MARCH)} == {"a", "c"}
    enreach.environment(user_ids="single")
    assert enreach.get("/calls", UserIDs="A,c", **MARCH).status_code == 400
    assert enreach.get("/calls", UserIDs="", **MARCH).status_code == 400


def test_without_user_ids_all_calls_or_ones_own_by_a_switch(enreach: Any) -> None:
    me = enreach.get("/users/me").json()["Id"]
    enreach.plant("calls", event(UserId=me), event(UserId="other"))
    enreach.environment(calls_without_user_ids="own")
    assert [e["UserId"] for e in enreach.items("/calls", **MARCH)] == [me]
    assert [e["UserId"] for e in enreach.items("/calls", UserIDs="other", **MARCH)] == ["other"]


def test_an_answer_is_sorted_by_the_selector_and_may_be_turned_round(enreach: Any) -> None:
    times = [("2026-03-02T10:00:00Z", "2026-03-02T10:01:00Z"), ("2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z")]
    enreach.plant("calls", *(event(UserId=str(n), TimeStamp=t, ModifiedAt=m) for n, (t, m) in enumerate(times)))
    assert [e["UserId"] for e in enreach.items("/calls", **MARCH)] == ["1", "0"]
    assert [e["UserId"] for e in enreach.items("/calls", **CHANGED)] == ["0", "1"]
    enreach.environment(order="descending")
    assert [e["UserId"] for e in enreach.items("/calls", **CHANGED)] == ["1", "0"]


def test_modified_before_may_be_left_out_when_the_switch_says_so(enreach: Any) -> None:
    enreach.plant("calls", event(ModifiedAt="2026-03-02T08:02:00Z"))
    enreach.accepted("clock", {"now": "2026-03-02T09:00:00Z", "running": False})
    enreach.environment(modified_before="optional")
    assert len(enreach.items("/calls", ModifiedAfter="2026-03-02 08:00:00")) == 1
    assert enreach.get("/calls", ModifiedAfter="2026-01-02 08:00:00").status_code == 400


def test_a_later_event_of_the_same_call_user_and_start_replaces_the_earlier(enreach: Any) -> None:
    enreach.plant("calls", event(Duration=0, EndResult=1), event(UserId="other"))
    later = event(CallId=CALL.upper(), Duration=95, EndResult=0, ModifiedAt="2026-03-02T20:00:00Z")
    enreach.plant("calls", later, event(TimeStamp="2026-03-02T08:05:00Z"))
    events = enreach.items("/calls", CallId=CALL)
    assert sorted((e["UserId"], e["TimeStamp"], e["Duration"]) for e in events) == [
        ("7e0f2b9c-3d41-4f9e-8a25-1b6c7d8e9f00", "2026-03-02T08:00:00Z", 95),
        ("7e0f2b9c-3d41-4f9e-8a25-1b6c7d8e9f00", "2026-03-02T08:05:00Z", 60),
        ("other", "2026-03-02T08:00:00Z", 60),
    ]
    before_change = {"ModifiedAfter": "2026-03-02 08:00:00", "ModifiedBefore": "2026-03-02 19:00:00"}
    assert len(enreach.items("/calls", **before_change)) == 2


@FEEDS
def test_doubles_within_one_request_stay_and_give_way_together(enreach: Any, feed: str, kind: str) -> None:
    item = event() if kind == "calls" else service_call()
    enreach.plant(kind, item, item)
    assert len(enreach.items(feed, **MARCH)) == 2
    enreach.plant(kind, item)
    assert len(enreach.items(feed, **MARCH)) == 1


def test_missing_fields_are_filled_in_and_given_ones_stay(enreach: Any) -> None:
    enreach.accepted("clock", {"now": "2026-03-02T08:30:00Z", "running": False})
    enreach.plant("users", {"Id": USER, "UserName": "A@ex.com", "WorkNumber": "+35891"})
    enreach.plant("calls", {"UserId": USER, "ANum": "+358501", "Duration": 0, "Extra": {"a": 1}})
    [item] = enreach.items("/calls", **MARCH)
    assert item.pop("CallId")
    assert item == {
        "UserId": USER,
        "UserName": "A@ex.com",
        "ANum": "+358501",
        "BNum": "+35891",
        "TimeStamp": "2026-03-02T08:30:00Z",
        "Duration": 0,
        "Direction": 0,
        "EndResult": 1,
        "CallTypeString": "DirectCall",
        "QueueId": None,
        "QueueName": None,
        "Privacy": "Work",
        "ModifiedAt": "2026-03-02T08:30:00Z",
        "RecordingIds": [],
        "TranscriptIds": [],
        "Extra": {"a": 1},
    }


def test_an_alias_is_the_field_and_is_not_filled_in_again(enreach: Any) -> None:
    enreach.plant("calls", {"CallID": CALL, "StartTime": "/Date(1772438400000)/", "UserId": None})
    [item] = enreach.items("/calls", CallId=CALL)
    assert (item["CallID"], item["StartTime"]) == (CALL, "/Date(1772438400000)/")
    assert {"CallId", "TimeStamp"}.isdisjoint(item)
    assert len(enreach.items("/calls", StartTime="2026-03-02 08:00:00", EndTime="2026-03-02 08:00:00")) == 1


def test_a_service_call_is_filled_in_by_its_queue_and_its_user(enreach: Any) -> None:
    enreach.plant("queues", {"Id": "q", "Name": "Sales", "Numbers": ["+358100", "+358101"]})
    at = {"ArrivalTime": "2026-03-02T08:00:00Z"}
    enreach.plant("servicecalls", {"CallId": "a", "QueueId": "q", "UserId": USER, **at}, {"CallId": "b", **at})
    answered, unanswered = enreach.items("/servicecall", **MARCH)
    assert (answered["QueueName"], answered["QueueNumber"], answered["Result"]) == ("Sales", "+358100", "Answered")
    assert (answered["AnswerTime"], answered["EndTime"]) == ("2026-03-02T08:00:00Z", "2026-03-02T08:01:00Z")
    assert (unanswered["Result"], unanswered["AnswerTime"], unanswered["UserId"]) == ("Unanswered", None, None)


@pytest.mark.parametrize(
    ("switches", "field", "value"),
    [
        ({}, "TimeStamp", "2026-03-02T08:00:00Z"),
        ({"date_style": "iso"}, "TimeStamp", "2026-03-02T08:00:00"),
        ({"date_style": "iso-z"}, "ModifiedAt", "2026-03-02T08:02:00.250Z"),
        ({"date_style": "ms-date"}, "ModifiedAt", "/Date(1772438520250)/"),
        ({"date_style": "by-header"}, "TimeStamp", "/Date(1772438400000)/"),
        ({"call_id_name": "CallID"}, "CallID", CALL),
        ({"call_id_name": "CallID", "id_style": "upper"}, "CallID", CALL.upper()),
        ({"id_style": "braces"}, "CallId", f"{{{CALL}}}"),
        ({"start_name": "StartTime"}, "StartTime", "2026-03-02T08:00:00Z"),
        ({"direction_style": "bool"}, "Direction", True),
        ({"plus_sign": "dropped"}, "ANum", "358501231234"),
        ({"field_names": {"calls": {"Privacy": "PrivacyClass"}}}, "PrivacyClass", "Work"),
        ({"field_values": {"calls": {"Privacy": {"Work": 1}}}}, "Privacy", 1),
        ({"field_values": {"calls": {"Direction": {"1": "Out"}}}}, "Direction", "Out"),
    ],
    ids=str,
)
def test_the_spelling_of_an_event_is_a_switch(enreach: Any, switches: dict[str, Any], field: str, value: Any) -> None:
    enreach.plant("calls", event(ModifiedAt="2026-03-02T08:02:00.2500000Z", Direction=1))
    enreach.environment(**switches)
    [item] = enreach.items("/calls", **MARCH)
    assert item[field] == value
    assert len(item) == 16
    if "start_name" in switches or "call_id_name" in switches:
        assert {"TimeStamp", "StartTime"} & item.keys() != {"TimeStamp", "StartTime"}


def test_the_newer_serializer_is_chosen_by_a_header(enreach: Any) -> None:
    enreach.plant("calls", event())
    enreach.environment(date_style="by-header")
    [item] = enreach.items("/calls", headers={"X-Json-Serializer": "2"}, **MARCH)
    assert item["TimeStamp"] == "2026-03-02T08:00:00Z"


def test_an_event_that_cannot_be_read_is_answered_as_it_was_planted(enreach: Any) -> None:
    now = datetime.now(UTC)
    enreach.plant("calls", {"CallId": CALL, "TimeStamp": "yesterday", "Duration": "long", "ModifiedAt": None})
    bounds = {"ModifiedAfter": f"{now - timedelta(minutes=1):%F %T}", "ModifiedBefore": f"{now:%F} 23:59:59"}
    [item] = enreach.items("/calls", **bounds)
    assert (item["TimeStamp"], item["Duration"], item["ModifiedAt"]) == ("yesterday", "long", None)


@pytest.mark.parametrize("body", [{}, ["text"], [{"CallId": 7}], [{"CallId": ""}], None], ids=str)
def test_what_is_no_list_of_events_is_refused_whole(enreach: Any, body: Any) -> None:
    response = enreach.control("POST", "calls", body)
    assert response.status_code == 400
    assert response.json()["error"]
    assert enreach.stats()["held"]["calls"] == 0


@FEEDS
def test_events_are_read_back_and_taken_away(enreach: Any, feed: str, kind: str) -> None:
    enreach.plant(kind, {"CallId": CALL})
    assert [item["CallId"] for item in enreach.control("GET", kind).json()] == [CALL]
    assert enreach.control("DELETE", kind).json() == []
    assert enreach.control("GET", kind).json() == []
    assert enreach.stats()["held"]["users"] > 0
