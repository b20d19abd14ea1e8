"""What an item gets where it lacks a field."""

from typing import Any

import pytest

from local.enreach.assumed import DEFAULTS, FIELDS, KINDS, Kind, Known, filled

NOW = 1772438400.0  # 2026-03-02 08:00:00 UTC
USER = {"Id": "u", "UserName": "u@ex.com", "WorkNumber": "+35891"}
KNOWN = Known(NOW, "org", {"u": USER}, {"q": {"Id": "Q", "Name": "Sales", "Numbers": ["+358100"]}}, "list")


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_item_gets_every_field_and_a_whole_one_none(kind: Kind) -> None:
    whole = filled(kind, {}, KNOWN)
    assert tuple(whole) == FIELDS[kind] == tuple(DEFAULTS[kind]({}, KNOWN))
    assert filled(kind, whole, KNOWN) == whole
    nothing = dict.fromkeys(FIELDS[kind])
    assert filled(kind, nothing, KNOWN) == nothing


@pytest.mark.parametrize(
    ("raw", "duration", "result"),
    [
        ({}, 60, 0),
        ({"Duration": 95}, 95, 0),
        ({"Duration": 0}, 0, 1),
        ({"EndResult": 0}, 60, 0),
        ({"EndResult": 3}, 0, 3),
        ({"EndResult": None}, 60, None),
        ({"Duration": 5, "EndResult": 1}, 5, 1),
    ],
    ids=str,
)
def test_duration_and_result_of_an_event_agree(raw: dict[str, Any], duration: int, result: int | None) -> None:
    item = filled("calls", raw, KNOWN)
    assert (item["Duration"], item["EndResult"]) == (duration, result)


@pytest.mark.parametrize(
    ("raw", "caller", "called"),
    [
        ({"UserId": "U", "ANum": "+1"}, "+1", "+35891"),
        ({"UserId": "u", "Direction": 1, "BNum": "+1"}, "+35891", "+1"),
        ({"UserId": "stranger", "ANum": "+1"}, "+1", ""),
        ({"Direction": True, "ANum": "+1", "BNum": "+2"}, "+1", "+2"),
        ({}, "", ""),
    ],
    ids=str,
)
def test_the_users_own_number_stands_on_the_users_side(raw: dict[str, Any], caller: str, called: str) -> None:
    item = filled("calls", raw, KNOWN)
    assert (item["ANum"], item["BNum"]) == (caller, called)


def test_an_event_of_a_queue_is_a_service_call_by_name_and_type() -> None:
    item = filled("calls", {"QueueId": "q"}, KNOWN)
    assert (item["QueueName"], item["CallTypeString"]) == ("Sales", "ServiceCall")
    assert filled("calls", {}, KNOWN)["CallTypeString"] == "DirectCall"


@pytest.mark.parametrize(
    ("raw", "result", "answered", "ended"),
    [
        ({}, "Unanswered", None, "2026-03-02T08:00:00Z"),
        ({"UserId": "u"}, "Answered", "2026-03-02T08:00:00Z", "2026-03-02T08:01:00Z"),
        (
            {"AnswerTime": "2026-03-02T08:00:30Z"},
            "Answered",
            "2026-03-02T08:00:30Z",
            "2026-03-02T08:01:30Z",
        ),
        ({"Result": "Overflow", "UserId": "u"}, "Overflow", None, "2026-03-02T08:00:00Z"),
    ],
    ids=str,
)
def test_result_and_times_of_a_service_call_agree(
    raw: dict[str, Any], result: str, answered: str | None, ended: str
) -> None:
    item = filled("servicecalls", raw, KNOWN)
    assert (item["Result"], item["AnswerTime"], item["EndTime"]) == (result, answered, ended)
