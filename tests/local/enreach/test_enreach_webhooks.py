"""The webhook of callback requests: events go to the endpoint that is subscribed as requests come and change."""

import time
from typing import Any

import pytest

TAKEN = 202


@pytest.fixture
def subscribed(enreach: Any, endpoint: Any) -> Any:
    """An endpoint that takes events, and the simulator that sends them to it."""
    endpoint.status = TAKEN
    enreach.accepted("subscription", {"url": endpoint.url, "token": "t"})
    return enreach


def sent(enreach: Any) -> list[tuple[str, str, Any]]:
    """Every event that went out, once none waits."""
    end = time.monotonic() + 5
    while (told := enreach.control("GET", "subscription").json())["waiting"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    return [(each["event"], each["id"], each["answer"]) for each in told["sent"]]


def test_a_request_is_told_of_as_it_comes_changes_and_is_closed(subscribed: Any, endpoint: Any) -> None:
    subscribed.plant("callbacks", {"Id": "one"}, {"Id": "two"})
    subscribed.plant("callbacks", {"Id": "one", "Note": "again"})
    subscribed.http.put("/callbacks/two", json={"State": "Busy"})
    subscribed.http.put("/callbacks/two", json={"State": "ClosedSuccessfully"})
    subscribed.http.put("/callbacks/two", json={"State": "ClosedSuccessfully"})
    assert sent(subscribed) == [
        ("CallbackCreated", "one", TAKEN),
        ("CallbackCreated", "two", TAKEN),
        ("CallbackUpdated", "one", TAKEN),
        ("CallbackUpdated", "two", TAKEN),
        ("CallbackClosed", "two", TAKEN),
    ]
    headers, body = endpoint.received[0]
    assert (headers["X-Benemen-Event"], headers["X-Benemen-Token"]) == ("CallbackCreated", "t")
    assert (body["EventType"], body["CallbackListItemId"]) == ("CallbackCreated", "one")
    assert body["EntityId"] == subscribed.items("/callbacks/lists")[0]["Id"]


def test_events_come_twice_out_of_order_or_not_at_all(enreach: Any, endpoint: Any) -> None:
    endpoint.status = TAKEN
    order = {"url": endpoint.url, "token": "t", "times": 2, "order": "reversed", "loseEvery": 3, "delayMs": 1}
    enreach.accepted("subscription", order)
    enreach.plant("callbacks", *({"Id": str(number)} for number in range(4)))
    assert [each[1] for each in sent(enreach)] == ["3", "1", "0", "3", "1", "0"]


def test_an_event_that_is_not_taken_is_not_sent_again(subscribed: Any, endpoint: Any) -> None:
    endpoint.status = 401
    subscribed.plant("callbacks", {"Id": "one"})
    assert sent(subscribed) == [("CallbackCreated", "one", 401)]


@pytest.mark.parametrize("end", [("DELETE", "subscription"), ("POST", "reset")], ids=str)
def test_nothing_goes_out_once_the_subscription_ends(subscribed: Any, endpoint: Any, end: tuple[str, str]) -> None:
    subscribed.control(*end)
    subscribed.plant("callbacks", {"Id": "one"})
    assert subscribed.control("GET", "subscription").json() == {"url": None, "waiting": 0, "sent": []}
    assert endpoint.received == []


def test_a_reset_may_keep_the_subscription(subscribed: Any) -> None:
    subscribed.accepted("reset", {"keep": ["subscription"]})
    subscribed.plant("callbacks", {"Id": "one"})
    assert sent(subscribed) == [("CallbackCreated", "one", TAKEN)]


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"url": "http://127.0.0.1:1/"},
        {"url": "http://127.0.0.1:1/", "token": 1},
        {"url": "http://127.0.0.1:1/", "token": "t", "order": "random"},
        {"url": "http://127.0.0.1:1/", "token": "t", "times": 0},
        {"url": "http://127.0.0.1:1/", "token": "t", "delayMs": -1},
        {"url": "http://127.0.0.1:1/", "token": "t", "loseEvery": "2"},
        {"url": "http://127.0.0.1:1/", "token": "t", "events": []},
    ],
    ids=str,
)
def test_a_subscription_that_makes_no_sense_is_refused(subscribed: Any, order: Any) -> None:
    assert subscribed.control("POST", "subscription", order).status_code == 400
    subscribed.plant("callbacks", {"Id": "one"})
    assert sent(subscribed) == [("CallbackCreated", "one", TAKEN)]
