"""Callback lists and callback requests: listed, changed, closed once and for all."""

import time
from typing import Any

import pytest

NOW = "2026-03-02T08:30:00Z"


@pytest.fixture
def requests(enreach: Any) -> Any:
    """Two open callback requests on two lists, at a moment that stands still."""
    enreach.accepted("clock", {"now": NOW, "running": False})
    enreach.control("DELETE", "callbacklists")
    enreach.plant("callbacklists", {"Id": "missed", "Name": "Missed calls"}, {"Id": "sales"})
    enreach.plant(
        "callbacks",
        {"Id": "one", "Number": "+358501231234", "ModifiedAt": "2026-03-02T07:00:00Z"},
        {"Id": "two", "CallbackListId": "sales", "State": "Reserved", "AssigneeId": "u1"},
    )
    return enreach


def test_lists_and_requests_have_all_their_fields(requests: Any) -> None:
    assert requests.items("/callbacks/lists")[0] == {"Id": "missed", "Name": "Missed calls"}
    assert requests.items("/callbacks")[0] == {
        "Id": "one",
        "CallbackListId": "missed",
        "Number": "+358501231234",
        "Created": NOW,
        "DueTime": None,
        "State": "Open",
        "AssigneeId": None,
        "Note": None,
        "RecordingId": None,
        "ModifiedAt": "2026-03-02T07:00:00Z",
    }


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["one", "two"]),
        ({"ListIds": "missed"}, ["one"]),
        ({"ListIds": "SALES,missed"}, ["one", "two"]),
        ({"ListIds": "unknown"}, []),
        ({"ModifiedAfter": "2026-03-02 08:00:00", "ModifiedBefore": "2026-03-02 09:00:00"}, ["two"]),
        ({"ListIds": "missed", "ModifiedAfter": "2026-03-02 08:00:00", "ModifiedBefore": "2026-03-02 09:00:00"}, []),
    ],
    ids=str,
)
def test_requests_are_found_by_list_and_change(requests: Any, parameters: dict[str, str], found: list[str]) -> None:
    assert [item["Id"] for item in requests.items("/callbacks", **parameters)] == found


@pytest.mark.parametrize(
    "parameters",
    [
        {"ModifiedAfter": "2026-03-02 08:00:00"},
        {"ModifiedAfter": "2026-01-01 00:00:00", "ModifiedBefore": "2026-03-02 09:00:00"},
        {"ModifiedAfter": "2026-03-02T08:00:00Z", "ModifiedBefore": "2026-03-02T09:00:00Z"},
    ],
    ids=str,
)
def test_the_window_of_requests_is_whole_and_at_most_31_days(requests: Any, parameters: dict[str, str]) -> None:
    assert requests.get("/callbacks", **parameters).status_code == 400


def test_closing_changes_state_and_moment_and_closing_twice_is_harmless(requests: Any) -> None:
    closed = requests.http.put("/callbacks/one", json={"State": "ClosedSuccessfully"})
    assert (closed.status_code, closed.json()["State"], closed.json()["ModifiedAt"]) == (200, "ClosedSuccessfully", NOW)
    requests.accepted("clock", {"now": "2026-03-02T09:00:00Z", "running": False})
    for state in ("ClosedSuccessfully", "Expired", "Open"):
        again = requests.http.put("/callbacks/one", json={"State": state})
        assert (again.status_code, again.json()) == (200, closed.json())
    assert requests.get("/callbacks/one").json() == closed.json()


def test_a_closed_request_may_refuse_to_open_again_but_not_to_close(requests: Any) -> None:
    requests.environment(closed_callback_change="refuse")
    requests.http.put("/callbacks/one", json={"State": "ClosedSuccessfully"})
    assert requests.http.put("/callbacks/one", json={"State": "Open"}).status_code == 409
    assert requests.http.put("/callbacks/one", json={"State": "ClosedSuccessfully"}).status_code == 200


def test_the_whole_of_a_request_may_be_sent_back_in_any_spelling(requests: Any) -> None:
    requests.environment(date_style="ms-date", field_names={"callbacks": {"State": "Handling"}})
    item = requests.get("/callbacks/two").json()
    assert item["Created"].startswith("/Date(")
    changed = requests.http.put("/callbacks/two", json=item | {"Handling": "Busy", "Note": "no answer"})
    assert (changed.status_code, changed.json()["Handling"], changed.json()["Note"]) == (200, "Busy", "no answer")
    requests.environment(field_values={"callbacks": {"State": {"ClosedSuccessfully": 4}}})
    assert requests.http.put("/callbacks/two", json={"Handling": 4}).json()["Handling"] == 4
    assert requests.control("GET", "callbacks").json()[1]["State"] == "ClosedSuccessfully"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/callbacks/nobody", {"State": "Busy"}, 404),
        ("/callbacks/one", {"State": "Done"}, 400),
        ("/callbacks/one", {"Number": "+1"}, 400),
        ("/callbacks/one", {"NoSuchField": 1}, 400),
        ("/callbacks/one", ["State"], 400),
    ],
    ids=str,
)
def test_a_change_that_makes_no_sense_is_refused(requests: Any, path: str, body: Any, status: int) -> None:
    before = requests.items("/callbacks")
    assert requests.http.put(path, json=body).status_code == status
    assert requests.items("/callbacks") == before


@pytest.mark.parametrize(("bounds", "found"), [("closed", ["one", "two"]), ("half-open", ["one"]), ("open", [])])
def test_the_bounds_of_the_window_are_those_of_the_feeds(requests: Any, bounds: str, found: list[str]) -> None:
    requests.environment(window_bounds=bounds)
    window = {"ModifiedAfter": "2026-03-02 07:00:00", "ModifiedBefore": "2026-03-02 08:30:00"}
    assert [item["Id"] for item in requests.items("/callbacks", **window)] == found


def test_requests_come_by_their_change_in_either_order(requests: Any) -> None:
    requests.plant("callbacks", {"Id": "three", "ModifiedAt": "2026-03-02T06:00:00Z"})
    window = {"ModifiedAfter": "2026-03-02 00:00:00", "ModifiedBefore": "2026-03-02 09:00:00"}
    assert [item["Id"] for item in requests.items("/callbacks", **window)] == ["three", "one", "two"]
    requests.environment(order="descending")
    assert [item["Id"] for item in requests.items("/callbacks", **window)] == ["two", "one", "three"]


def test_several_requests_of_one_number_and_a_withheld_one_stand_side_by_side(requests: Any) -> None:
    requests.plant("callbacks", {"Number": "+358501231234"}, {"Number": ""}, {"Number": None}, {"Number": "anonymous"})
    numbers = [item["Number"] for item in requests.items("/callbacks", ListIds="missed")]
    assert numbers == ["+358501231234", "+358501231234", "", None, "anonymous"]


@pytest.mark.parametrize("state", ["Open", "Reserved", "Busy", "ClosedSuccessfully", "Expired"])
def test_a_request_may_be_in_every_state(requests: Any, state: str) -> None:
    requests.plant("callbacks", {"Id": "three", "State": state})
    assert requests.get("/callbacks/three").json()["State"] == state


def test_single_requests_are_taken_away(requests: Any) -> None:
    assert requests.control("DELETE", "callbacks?id=ONE&id=nobody").status_code == 200
    assert [item["Id"] for item in requests.items("/callbacks")] == ["two"]
    assert requests.get("/callbacks/one").status_code == 404
    assert requests.http.put("/callbacks/one", json={"State": "ClosedSuccessfully"}).status_code == 404
    assert requests.control("DELETE", "calls?id=one").status_code == 400


def test_thousands_of_requests_come_and_are_closed_quickly(requests: Any) -> None:
    count = 10_000
    started = time.perf_counter()
    ids = requests.plant("callbacks", *({"Number": f"+35850{number:07}"} for number in range(count)))
    window = {"ModifiedAfter": "2026-03-02 08:00:00", "ModifiedBefore": "2026-03-02 09:00:00", "ListIds": "missed"}
    assert len(requests.items("/callbacks", **window)) == count
    assert time.perf_counter() - started < 2
    started = time.perf_counter()
    for callback_id in ids[:200]:
        assert requests.http.put(f"/callbacks/{callback_id}", json={"State": "ClosedSuccessfully"}).status_code == 200
    assert time.perf_counter() - started < 200 * 0.01
    states = [item["State"] for item in requests.items("/callbacks", **window)]
    assert states.count("ClosedSuccessfully") == 200
