"""What Enreach itself calls: a customer's SmartRouting endpoint while a caller waits, and webhooks (facts 10, 11.1)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

API_KEY, EVENT, TOKEN = "X-Benemen-APIKey", "X-Benemen-Event", "X-Benemen-Token"
TIMEOUT_S = 5.0  # the default of SmartRouting
ROUTING_KEYS = frozenset({"url", "key", "basic", "body", "timeoutS"})
WEBHOOK_KEYS = frozenset({"url", "token", "events", "times", "order"})
FAILURES = (aiohttp.ClientError, TimeoutError)


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered; no status where it did not."""

    status: int | None
    body: bytes = b""
    failure: str = ""


def judge(answer: Answer, called: str) -> dict[str, Any]:
    """Returns what becomes of a caller: only a 200 with other targets than the number called changes the route."""
    if answer.status is None:
        return {"outcome": answer.failure, "status": None, "routedTo": None, "failTarget": None}
    plain = {"status": answer.status, "routedTo": None, "failTarget": None}
    if answer.status == 204:
        return {"outcome": "default", **plain}
    if answer.status != 200:
        return {"outcome": "refused", **plain}
    try:
        route = json.loads(answer.body)
    except ValueError:
        return {"outcome": "unreadable", **plain}
    if not isinstance(route, dict):
        return {"outcome": "unreadable", **plain}
    target = route.get("InitialTarget")
    outcome = "loop" if target and target == called else "routed" if target else "default"
    return {"outcome": outcome, "status": 200, "routedTo": target, "failTarget": route.get("FailTarget")}


async def ask_route(order: Any) -> dict[str, Any]:
    """POSTs a routing request with key or Basic and returns what becomes of the caller, with the time it took.

    `order`: `{"url", "body": {"anum", "bnum", ...}, "key"? | "basic"?: [user, password], "timeoutS"?}`. Raises
    ValueError when it is not understood.
    """
    _require(order, ROUTING_KEYS, {"url", "body"})
    body, timeout_s = order["body"], order.get("timeoutS", TIMEOUT_S)
    if not isinstance(body, dict):
        raise ValueError("'body' is the routing request, an object.")
    headers = {API_KEY: order["key"]} if "key" in order else {}
    if "basic" in order:
        headers["Authorization"] = aiohttp.encode_basic_auth(*order["basic"])
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout_s)) as session:
        answer = await _post(session, order["url"], body, headers)
    return judge(answer, body.get("bnum", "")) | {"ms": round((loop.time() - started) * 1000)}


def read_delivery(order: Any) -> list[dict[str, Any]]:
    """Returns the events in the order in which they go out, as `send_webhooks` takes them. Raises ValueError."""
    _require(order, WEBHOOK_KEYS, {"url", "token", "events"})
    events, times = order["events"], order.get("times", 1)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ValueError("'events' is a list of objects.")
    if not isinstance(order["url"], str) or not isinstance(order["token"], str):
        raise ValueError("'url' and 'token' are texts.")
    if order.get("order", "given") not in {"given", "reversed"} or not isinstance(times, int) or times < 1:
        raise ValueError("'order' is given or reversed, 'times' at least 1.")
    return (events if order.get("order", "given") == "given" else events[::-1]) * times


async def send_webhooks(order: Any, seen: Callable[[dict[str, Any], int | str], None] | None = None) -> list[int | str]:
    """POSTs events one after the other and returns each status, or why there was none; `seen` is told of each at once.

    `order`: `{"url", "token", "events": [{"EventType", ...}], "times"?, "order"?: "given" | "reversed"}`; every event
    goes out so many times, the doubles after all others. Raises ValueError when it is not understood.
    """
    answers: list[int | str] = []
    going = read_delivery(order)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S)) as session:
        for event in going:
            headers = {EVENT: str(event.get("EventType", "")), TOKEN: order["token"]}
            answer = await _post(session, order["url"], event, headers)
            answers.append(answer.failure if answer.status is None else answer.status)
            if seen is not None:
                seen(event, answers[-1])
    return answers


async def _post(session: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str]) -> Answer:
    try:
        async with session.post(url, json=body, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, await response.read())
    except FAILURES as error:
        return Answer(None, failure="timeout" if isinstance(error, TimeoutError) else "unreachable")


def _require(order: Any, known: frozenset[str], needed: set[str]) -> None:
    if not isinstance(order, dict) or not needed <= order.keys() <= known:
        raise ValueError(
            f"An object with {', '.join(sorted(needed))} was expected; it takes {', '.join(sorted(known))}."
        )
