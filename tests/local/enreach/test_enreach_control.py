"""The control surface: switches, clock, reset and counts."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.enreach.assumed import CALLBACK_STATES, FIELDS
from local.enreach.environment import Environment
from local.enreach.faults import ACTIONS
from local.enreach.service import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "enreach-simulator.md").read_text("utf-8")


def test_every_switch_is_told_and_set_in_either_spelling(enreach: Any) -> None:
    assert enreach.control("GET", "environment").json() == Environment().as_json()
    assert enreach.accepted("environment", {"windowBounds": "open"})["window_bounds"] == "open"
    assert enreach.accepted("environment", {"latency_ms": 20})["window_bounds"] == "open"
    assert enreach.get("/users").elapsed.total_seconds() >= 0.02


@pytest.mark.parametrize(
    "changes",
    [
        {"no_such": 1},
        {"window_bounds": "ajar"},
        {"endpoint_slash": 1},
        {"silo": 2},
        {"latency_ms": -1},
        {"latency_ms": "1"},
        {"requests_per_minute": 1.5},
        {"requests_per_minute": True},
        {"paths": {"/calls": 1}},
        {"paths": []},
        {"field_names": {"calls": "x"}},
        {"field_names": {"calls": {"Privacy": ""}}},
        {"field_values": {"calls": {"Privacy": 1}}},
        [],
        None,
    ],
    ids=str,
)
def test_a_switch_that_makes_no_sense_changes_nothing(enreach: Any, changes: Any) -> None:
    both = {"latency_ms": 5, **changes} if isinstance(changes, dict) and "latency_ms" not in changes else changes
    assert enreach.control("POST", "environment", both).status_code == 400
    assert enreach.control("GET", "environment").json() == Environment().as_json()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_clock_runs_on_from_where_it_is_put_and_can_stand_still(enreach: Any) -> None:
    put = enreach.accepted("clock", {"now": "2026-03-02T08:00:00Z"})
    assert put["running"]
    now = moment(enreach.control("GET", "clock").json()["now"])
    assert moment("2026-03-02T08:00:00Z") <= now < moment("2026-03-02T08:00:10Z")
    assert not enreach.accepted("clock", {"running": False})["running"]
    stands = enreach.control("GET", "clock").json()["now"]
    assert moment(stands) >= now
    assert enreach.control("GET", "clock").json()["now"] == stands
    assert moment(enreach.accepted("clock", {"running": True})["now"]) >= moment(stands)
    assert enreach.accepted("clock", {"now": None})["running"]
    assert abs(moment(enreach.control("GET", "clock").json()["now"]) - datetime.now(UTC)).total_seconds() < 5


def test_a_clock_that_is_wrong_dates_what_is_planted(enreach: Any) -> None:
    enreach.accepted("clock", {"offsetS": 600})
    enreach.plant("calls", {"CallId": "a"})
    [item] = enreach.control("GET", "calls").json()
    ahead = (moment(item["ModifiedAt"]) - datetime.now(UTC)).total_seconds()
    assert 590 < ahead <= 600


@pytest.mark.parametrize(
    "changes",
    [{}, {"now": "noon"}, {"speed": 2}, {"running": 1}, {"offsetS": "1"}, {"now": None, "offsetS": 1}],
    ids=str,
)
def test_a_clock_that_makes_no_sense_is_refused(enreach: Any, changes: dict[str, Any]) -> None:
    assert enreach.control("POST", "clock", changes).status_code == 400


def test_a_reset_returns_to_the_seed_and_keeps_what_it_is_told(enreach: Any) -> None:
    seeded = enreach.control("GET", "users").json()
    enreach.environment(latency_ms=1)
    enreach.accepted("clock", {"now": "2026-03-02T08:00:00Z", "running": False})
    enreach.plant("users", {"Id": "u"})
    enreach.plant("calls", {"CallId": "a"})
    enreach.get("/users")
    enreach.accepted("faults", [{"status": 500, "nth": 99}])
    enreach.accepted("reset", {"keep": ["items", "stats", "faults", "clock"]})
    assert enreach.stats()["held"]["calls"] == 1
    assert enreach.stats()["requests"]["total"] == 1
    assert len(enreach.control("GET", "faults").json()) == 1
    assert not enreach.control("GET", "clock").json()["running"]
    enreach.accepted("reset", None)
    assert enreach.control("GET", "users").json() == seeded
    assert enreach.stats()["held"]["calls"] == 0
    assert enreach.stats()["requests"] == {"total": 0}
    assert enreach.control("GET", "faults").json() == []
    assert enreach.control("GET", "clock").json()["running"]
    assert enreach.control("GET", "environment").json()["latency_ms"] == 1
    assert enreach.control("POST", "reset", {"keep": ["nothing"]}).status_code == 400


def test_requests_are_counted_by_method_and_path_and_remembered(enreach: Any) -> None:
    window = {"StartTime": "2026-03-02 00:00:00", "EndTime": "2026-03-03 00:00:00"}
    enreach.plant("calls", *({"CallId": str(n), "TimeStamp": "2026-03-02T08:00:00Z"} for n in range(3)))
    enreach.get("/calls", **window)
    enreach.get("/users/nobody")
    enreach.get("/nothing")
    stats = enreach.stats()
    assert stats["requests"] == {"total": 3, "GET /calls": 1, "GET /users/{user}": 1, "GET unknown": 1}
    assert stats["statuses"] == {"200": 1, "404": 2}
    assert stats["items"] == {"/calls": 3}
    assert (stats["connections"], stats["peakInFlight"]) == (1, 1)
    first = enreach.control("GET", "requests").json()[0]
    assert first.pop("at")
    assert first == {"method": "GET", "path": "/calls", "parameters": window, "status": 200, "items": 3}


def test_what_the_control_surface_lacks_is_not_answered_by_the_api(enreach: Any) -> None:
    assert enreach.control("POST", "nothing", []).status_code == 404
    assert enreach.control("PUT", "calls", []).status_code == 404
    assert enreach.stats()["requests"]["total"] == 0


def test_the_page_about_the_simulator_names_all_that_a_client_needs() -> None:
    names = {
        *Environment().as_json(),
        *ACTIONS,
        *CALLBACK_STATES,
        *(name for fields in FIELDS.values() for name in fields),
    }
    paths = {route.template for route in ROUTES}
    documented = {part for span in re.findall(r"`([^`]+)`", PAGE) for part in re.split(r"[\s,?]+", span)}
    assert names - documented == set()
    assert paths - documented == set()


def test_the_page_gives_the_default_of_every_switch() -> None:
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)?) \| (.+?) \|", PAGE.partition("## Switches")[2], re.MULTILINE)
    told = {}
    for names, defaults in rows:
        values = defaults.split(", ")
        for position, name in enumerate(re.findall(r"`([a-z_]+)`", names)):
            told[name] = values[position if len(values) > 1 else 0].strip("`")
    true = {name: json.dumps(value).strip('"') or '""' for name, value in Environment().as_json().items()}
    assert {name: value.strip('"') for name, value in told.items()} == {n: v.strip('"') for n, v in true.items()}
