"""Faults that take time or have no end, and faults of the token endpoint. The others are in test_dataverse_surface."""

import contextlib
import socket
import time
from typing import Any

import httpx
import pytest

ROOT = "/api/data/v9.2/"


def order(dataverse: Any, rule: dict[str, Any]) -> None:
    assert dataverse.control("POST", "faults", [rule]).status_code == 200


def raw_request(dataverse: Any, path: str = "WhoAmI") -> socket.socket:
    """Sends a GET and leaves the answer in the socket."""
    origin = httpx.URL(dataverse.origin)
    connection = socket.create_connection((origin.host, origin.port), timeout=5)
    connection.sendall(f"GET {ROOT}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n".encode())
    return connection


def under_way(dataverse: Any) -> int:
    """How many requests the faults are at work on."""
    return sum(rule["underWay"] for rule in dataverse.control("GET", "faults").json())


def test_a_dripping_answer_comes_byte_by_byte_and_whole(dataverse: Any) -> None:
    whole = dataverse.get("WhoAmI").content
    order(dataverse, {"match": {"path": "WhoAmI"}, "drip": 400})
    started = time.monotonic()
    with dataverse.http.stream("GET", "WhoAmI") as response:
        assert (response.status_code, response.headers["Transfer-Encoding"]) == (200, "chunked")
        assert response.headers["OData-Version"] == "4.0"
        pieces = list(response.iter_raw())
    assert b"".join(pieces) == whole
    assert len(pieces) > len(whole) / 4  # the client may read a few at once
    assert len(whole) / 400 <= time.monotonic() - started < len(whole) / 100


def test_a_body_without_end_is_as_long_as_ordered_and_no_json(dataverse: Any) -> None:
    order(dataverse, {"match": {"path": "/contacts"}, "bodyMb": 3})
    response = dataverse.send("POST", "contacts", {"lastname": "Never"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    assert len(response.content) == 3 * 2**20
    assert response.content.startswith(b'{"value":[{"name":"x')
    with pytest.raises(ValueError, match=r"."):
        response.json()
    dataverse.control("DELETE", "faults")
    assert dataverse.rows("contacts", filter="lastname eq 'Never'") == []


@pytest.mark.parametrize(
    "action",
    [{"delayMs": 3_600_000}, {"drip": 1}, {"bodyMb": 4000}, {"bodyMb": 1, "drip": 2}],
    ids=["hang", "drip", "bodyMb", "bodyMb and drip"],
)
def test_a_handler_ends_when_its_caller_goes(dataverse: Any, action: dict[str, Any]) -> None:
    order(dataverse, {"match": {"path": "WhoAmI"}, **action})
    connection = raw_request(dataverse)
    time.sleep(0.2)
    assert under_way(dataverse) == 1
    connection.close()
    end = time.monotonic() + 2
    while under_way(dataverse) and time.monotonic() < end:
        time.sleep(0.02)
    assert under_way(dataverse) == 0


def test_a_request_whose_caller_leaves_while_it_is_delayed_is_not_run(dataverse: Any) -> None:
    order(dataverse, {"match": {"method": "POST"}, "delayMs": 400})
    with pytest.raises(httpx.ReadTimeout):
        dataverse.http.post("contacts", json={"lastname": "Gone"}, timeout=0.1)
    time.sleep(0.5)
    assert dataverse.rows("contacts", filter="lastname eq 'Gone'") == []


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"status": 500}, (500, "application/json")),
        ({"html": True}, (200, "text/html")),
        ({"bodyMb": 1}, (200, "application/json")),
        ({"drip": 5000}, (200, "application/json")),
        ({"garble": True}, (200, "application/json")),
        ({"delayMs": 150}, (200, "application/json")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_faults_strike_the_token_endpoint(dataverse: Any, action: dict[str, Any], expected: tuple[int, str]) -> None:
    order(dataverse, {"match": {"path": "/oauth2/"}, **action})
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b", "scope": "https://x/.default"}
    response = httpx.post(f"{dataverse.origin}/any-tenant/oauth2/v2.0/token", data=form)
    assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == expected
    assert response.elapsed.total_seconds() >= action.get("delayMs", 0) / 1000
    assert dataverse.get("WhoAmI").status_code == 200
    with contextlib.suppress(ValueError):
        assert ("access_token" in response.json()) == (action.keys() <= {"drip", "delayMs"})


def test_a_token_endpoint_that_hangs_lets_its_callers_go(dataverse: Any) -> None:
    order(dataverse, {"match": {"path": "/oauth2/"}, "delayMs": 3_600_000})
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{dataverse.origin}/t/oauth2/v2.0/token", data={}, timeout=0.2)
    assert dataverse.control("GET", "stats").json()["tokens"] == 0


@pytest.mark.parametrize(
    "rule",
    [{"drip": 0}, {"drip": True}, {"bodyMb": -1}, {"bodyMb": "5"}, {"scope": "part", "drip": 1}, {"nosuch": 1}, {}],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(dataverse: Any, rule: dict[str, Any]) -> None:
    assert dataverse.control("POST", "faults", [rule]).status_code == 400
    assert dataverse.control("GET", "faults").json() == []
