"""What Enreach itself calls: a routing endpoint with its five seconds, and webhooks with doubles and disorder."""

from typing import Any

import pytest

from local.enreach.outbound import Answer, judge
from local.stack.ports import free_port

BNUM = "+35840675644"


@pytest.mark.parametrize(
    ("answer", "outcome", "target"),
    [
        (Answer(200, b'{"InitialTarget": "+358501", "FailTarget": "+358502"}'), "routed", "+358501"),
        (Answer(200, b'{"InitialTarget": "DISCONNECT:"}'), "routed", "DISCONNECT:"),
        (Answer(200, f'{{"InitialTarget": "{BNUM}"}}'.encode()), "loop", BNUM),
        (Answer(200, b'{"FailTarget": "+358502"}'), "default", None),
        (Answer(204), "default", None),
        (Answer(200, b"<html>"), "unreadable", None),
        (Answer(200, b"[]"), "unreadable", None),
        (Answer(401), "refused", None),
        (Answer(302), "refused", None),
        (Answer(500, b'{"InitialTarget": "+358501"}'), "refused", None),
        (Answer(None, failure="timeout"), "timeout", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_a_200_with_another_target_changes_the_route(answer: Answer, outcome: str, target: str | None) -> None:
    told = judge(answer, BNUM)
    assert (told["outcome"], told["routedTo"]) == (outcome, target)


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        ({"key": "k"}, "X-Benemen-APIKey", "k"),
        ({"basic": ["u", "p"]}, "Authorization", "Basic dTpw"),
    ],
    ids=str,
)
def test_a_routing_request_carries_key_or_basic_and_its_body(
    enreach: Any, endpoint: Any, credentials: dict[str, Any], header: str, value: str
) -> None:
    endpoint.status, endpoint.body = 200, b'{"InitialTarget": "+358501", "FailTarget": "+358502"}'
    body = {"anum": "+358509", "bnum": BNUM, "targetid": "SALES", "extradata": {"CallId": "c"}}
    told = enreach.accepted("smartrouting", {"url": endpoint.url, "body": body, **credentials})
    assert told.pop("ms") >= 0
    assert told == {"outcome": "routed", "status": 200, "routedTo": "+358501", "failTarget": "+358502"}
    [(headers, received)] = endpoint.received
    assert (headers[header], received) == (value, body)


def test_an_endpoint_that_takes_too_long_or_is_not_there_leaves_the_default(enreach: Any, endpoint: Any) -> None:
    endpoint.pause.clear()
    order = {"url": endpoint.url, "body": {"bnum": BNUM}, "timeoutS": 0.2}
    assert enreach.accepted("smartrouting", order)["outcome"] == "timeout"
    away = order | {"url": f"http://127.0.0.1:{free_port()}/"}
    assert enreach.accepted("smartrouting", away)["outcome"] == "unreachable"


def test_webhooks_carry_event_and_token_and_may_come_twice_and_in_disorder(enreach: Any, endpoint: Any) -> None:
    endpoint.status = 202
    events = [{"EventType": "CallbackCreated", "Id": "1"}, {"EventType": "CallbackClosed", "Id": "2"}]
    order = {"url": endpoint.url, "token": "t", "events": events, "times": 2, "order": "reversed"}
    assert enreach.accepted("webhooks", order) == {"answers": [202] * 4}
    assert [body["Id"] for _, body in endpoint.received] == ["2", "1", "2", "1"]
    headers = endpoint.received[0][0]
    assert (headers["X-Benemen-Event"], headers["X-Benemen-Token"]) == ("CallbackClosed", "t")


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("smartrouting", {"url": "http://127.0.0.1:1/"}),
        ("smartrouting", {"url": "http://127.0.0.1:1/", "body": []}),
        ("webhooks", {"url": "http://127.0.0.1:1/", "token": "t", "events": {}}),
        ("webhooks", {"url": "http://127.0.0.1:1/", "token": "t", "events": [], "order": "random"}),
        ("webhooks", {"url": "http://127.0.0.1:1/", "token": "t", "events": [], "times": 0}),
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(enreach: Any, path: str, order: dict[str, Any]) -> None:
    assert enreach.control("POST", path, order).status_code == 400
