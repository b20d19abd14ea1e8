"""Faults on order: what is refused, spoilt, slow or broken off, and how often."""

import json
import socket
import time
from typing import Any

import httpx
import pytest

from local.enreach.seed import API_PASSWORD, API_USER


def order(enreach: Any, *rules: dict[str, Any]) -> None:
    enreach.accepted("faults", list(rules))


def under_way(enreach: Any) -> int:
    return sum(rule["underWay"] for rule in enreach.control("GET", "faults").json())


@pytest.mark.parametrize(
    ("action", "status", "retry_after"),
    [
        ({"status": 429}, 429, None),
        ({"status": 429, "retryAfter": 60}, 429, "60"),
        ({"status": 500, "message": "Oops.", "code": 17}, 500, None),
        ({"status": 503, "retryAfter": "Wed, 21 Oct 2026 07:28:00 GMT"}, 503, "Wed, 21 Oct 2026 07:28:00 GMT"),
    ],
    ids=str,
)
def test_a_refusal_with_and_without_retry_after(
    enreach: Any, action: dict[str, Any], status: int, retry_after: str | None
) -> None:
    order(enreach, action)
    response = enreach.get("/users")
    assert (response.status_code, response.headers.get("Retry-After")) == (status, retry_after)
    assert action.get("message", "") in response.text
    assert response.json().get("Code") == action.get("code")


def test_a_list_comes_empty_halved_cut_or_as_a_web_page_with_status_200(enreach: Any) -> None:
    whole = enreach.items("/users")
    order(enreach, {"nth": 1, "empty": True}, {"nth": 1, "half": True}, {"nth": 1, "garble": True}, {"html": True})
    assert enreach.items("/users") == []
    assert enreach.items("/users") == whole[: len(whole) // 2]
    cut = enreach.get("/users")
    assert cut.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        json.loads(cut.content)
    page = enreach.get("/users")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")


def test_an_oversized_answer_is_as_long_as_ordered_and_never_ends_as_json(enreach: Any) -> None:
    order(enreach, {"match": {"path": "/users"}, "bodyMb": 3})
    response = enreach.get("/users")
    assert (response.status_code, len(response.content)) == (200, 3 * 2**20)
    assert response.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match=r"."):
        response.json()


def test_a_dripping_answer_comes_byte_by_byte_and_whole(enreach: Any) -> None:
    whole = enreach.get("/users/me").content
    order(enreach, {"drip": 600})
    started = time.monotonic()
    with enreach.http.stream("GET", "/users/me") as response:
        pieces = list(response.iter_raw())
    assert b"".join(pieces) == whole
    assert len(pieces) > len(whole) / 4  # the client may read a few at once
    assert time.monotonic() - started >= len(whole) / 600


def test_a_slow_answer_waits_and_then_comes(enreach: Any) -> None:
    order(enreach, {"delayMs": 150})
    response = enreach.get("/users")
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.15


@pytest.mark.parametrize(("when", "state"), [("before", "Open"), ("after", "ClosedSuccessfully")])
def test_a_connection_breaks_before_or_after_the_request_is_run(enreach: Any, when: str, state: str) -> None:
    enreach.plant("callbacks", {"Id": "one"})
    order(enreach, {"match": {"method": "PUT"}, "drop": when, "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        enreach.http.put("/callbacks/one", json={"State": "ClosedSuccessfully"})
    assert enreach.get("/callbacks/one").json()["State"] == state
    assert enreach.stats()["statuses"] == {"200": 1, "dropped": 1}


@pytest.mark.parametrize("action", [{"delayMs": 3_600_000}, {"drip": 1}, {"bodyMb": 4000}], ids=str)
def test_a_handler_ends_when_its_caller_goes(enreach: Any, action: dict[str, Any]) -> None:
    order(enreach, {"match": {"path": "/api/user"}, **action})
    origin = httpx.URL(enreach.origin)
    connection = socket.create_connection((origin.host, origin.port), timeout=5)
    connection.sendall(f"GET /api/user?user={API_USER} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: under_way(enreach) == 1)
    connection.close()
    wait_until(lambda: under_way(enreach) == 0)


def wait_until(condition: Any) -> None:
    end = time.monotonic() + 3
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({"match": {"path": "/users"}}, [True, False]),
        ({"match": {"pathRegex": "^/(users|queues)$"}}, [True, True]),
        ({"match": {"method": ["PUT", "DELETE"]}}, [False, False]),
        ({"match": {"method": "GET"}, "count": 1}, [True, False]),
        ({"nth": [2]}, [False, True]),
        ({"probability": 0}, [False, False]),
        ({"probability": 1}, [True, True]),
    ],
    ids=str,
)
def test_a_rule_strikes_where_and_how_often_it_says(enreach: Any, rule: dict[str, Any], struck: list[bool]) -> None:
    order(enreach, {**rule, "status": 500})
    assert [enreach.get(path).status_code == 500 for path in ("/users", "/queues")] == struck
    [told] = enreach.control("GET", "faults").json()
    assert told["hits"] == sum(struck)


def test_discovery_and_key_acquisition_can_fail_too(enreach: Any) -> None:
    order(enreach, {"match": {"path": "/api/user"}, "status": 500}, {"match": {"body": API_PASSWORD}, "html": True})
    assert enreach.get("/api/user", user=API_USER).status_code == 500
    body = {"UserName": API_USER, "Password": API_PASSWORD}
    assert enreach.http.post(f"/authuser/{API_USER}", json=body).headers["Content-Type"] == "text/html"
    assert enreach.get("/users").status_code == 200
    enreach.control("DELETE", "faults")
    assert enreach.get("/api/user", user=API_USER).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [{}, {"nosuch": 1}, {"status": 500, "match": {"table": "x"}}, {"drop": "never"}, {"drip": 0}, {"bodyMb": "5"}, "x"],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(enreach: Any, rule: Any) -> None:
    assert enreach.control("POST", "faults", [{"status": 500}, rule]).status_code == 400
    assert enreach.control("GET", "faults").json() == []
