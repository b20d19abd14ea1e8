"""Runs a case against a simulator and holds the answer to what the case says."""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.contract.cases import ABSENT, EMPTY, PRESENT, UNSAID, Case, Part
from tests.contract.simulator import Answer, Caller, filled, part_answers

APPLICATION = "switchboard@nordic-care.example"  # the sign-in name of the caller
CODE = re.compile("0x[0-9a-f]{8}")


def check(case: Case, caller: Caller) -> None:
    """Raises AssertionError when the answer, or what is stored afterwards, is not what the case says."""
    caller.reset()
    if case.tables:
        caller.control("columns", dict(case.tables))
    if case.given:
        caller.control("rows", dict(case.given))
    if case.roles is not None:
        caller.control("roles", {"roles": {"Tested": case.roles}, "assignments": {APPLICATION: ["Tested"]}})
    caller.control("environment", dict(case.settings))
    brought = _send_first(case, caller)
    before = {name: caller.rows(name) for name in case.added}
    written = caller.written()
    under_way = _start(case, caller, brought)
    response, answer = caller.send(case.call, brought)
    if under_way is not None:
        under_way.join()
    _check_answer(case, answer)
    if case.parts is not None:
        _check_parts(case.parts, part_answers(response))
    if answer.status >= 400 and case.parts is None and under_way is None:
        assert caller.written() == written, "a refused request wrote something"
    for name, more in case.added.items():
        assert len(caller.rows(name)) - len(before[name]) == more, f"rows of {name} added"
    for address, columns in case.stored.items():
        _check_stored(caller, filled(address, brought), columns)


def _send_first(case: Case, caller: Caller) -> dict[str, str]:
    brought: dict[str, str] = {}
    for call in case.first:
        _, answer = caller.send(call, brought)
        if call.answered is None:
            assert answer.status < 400, f"{call.method} {call.path} was sent first: {answer}"
        else:
            assert answer.status == call.answered, f"{call.method} {call.path} was sent first: {answer}"
        body = answer.body if isinstance(answer.body, dict) else {}
        found = {
            "etag": answer.headers.get("ETag"),
            "id": answer.headers.get("OData-EntityId", "").rpartition("(")[2].rstrip(")") or None,
            "next": body.get("@odata.nextLink"),
            "delta": body.get("@odata.deltaLink"),
            "token": body.get("access_token"),
            "item": body.get("QueueItemId"),
        }
        brought |= {name: value for name, value in found.items() if value}
    return brought


def _start(case: Case, caller: Caller, brought: Mapping[str, str]) -> threading.Thread | None:
    if case.meanwhile is None:
        return None
    sent = caller.requests()
    thread = threading.Thread(target=caller.send, args=(case.meanwhile, brought))
    thread.start()
    while caller.requests() == sent:
        time.sleep(0.005)
    return thread


def _check_answer(case: Case, answer: Answer) -> None:
    assert answer.status == case.status, f"{answer.status}: {answer.body}"
    web_api = not case.call.path.startswith("/")  # neither the token endpoint nor SOAP
    if answer.status >= 400 and web_api and case.parts is None:
        assert CODE.fullmatch(answer.body["error"]["code"]), f"a refusal without a code: {answer.body}"
    _check_error(case.code, case.message, answer)
    _check_headers(case.headers, answer.headers)
    _check(case.body, answer.body, "body")


def _check_error(code: str, message: Any, answer: Answer) -> None:
    if code:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert set(answer.body) == {"error"}, f"not an OData error: {answer.body}"
        assert answer.body["error"]["code"] == code, answer.body
        assert answer.body["error"]["message"]
    if message is not UNSAID:
        _check(message, answer.body["error"]["message"], "message")


def _check_headers(expected: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name, value in expected.items():
        if value is ABSENT:
            assert name not in headers, f"header {name}: {headers[name]}"
        else:
            assert name in headers, f"header {name} is missing"
            _check(value, headers[name], f"header {name}")


def _check_parts(expected: Sequence[Part], answers: Sequence[Answer]) -> None:
    assert [part.status for part in expected] == [answer.status for answer in answers], answers
    for part, answer in zip(expected, answers, strict=True):
        _check_error(part.code, part.message, answer)
        _check_headers(part.headers, answer.headers)
        _check(part.body, answer.body, "body of a part")
        _check(part.content_id, answer.content_id, "Content-ID of a part")
        _check(part.nested, answer.nested, "nesting of a part")


def _check_stored(caller: Caller, address: str, columns: Mapping[str, Any] | None) -> None:
    entity_set, _, row_id = address.rstrip(")").partition("(")
    row = caller.rows(entity_set).get(row_id)
    if columns is None:
        assert row is None, f"{address} is there: {row}"
    else:
        assert row is not None, f"{address} is not there"
        _check(columns, row, address)


def _check(expected: Any, actual: Any, where: str) -> None:
    """An object may have more members than are expected; a list has as many items as are expected, in this order."""
    if expected is UNSAID or expected is PRESENT:
        return
    if expected is EMPTY:
        assert actual is None, f"{where}: {actual!r}"
    elif isinstance(expected, re.Pattern):
        assert isinstance(actual, str), f"{where}: {actual!r}"
        assert expected.fullmatch(actual), f"{where}: {actual!r} is not {expected.pattern!r}"
    elif isinstance(expected, Mapping):
        assert isinstance(actual, Mapping), f"{where}: {actual!r}"
        for name, value in expected.items():
            assert (name in actual) is (value is not ABSENT), f"{where}: {name} in {sorted(actual)}"
            if value is not ABSENT:
                _check(value, actual[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{where}: {actual!r}"
        assert len(actual) == len(expected), f"{where}: {actual!r}"
        for number, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _check(one, other, f"{where}[{number}]")
    else:
        assert type(actual) is type(expected), f"{where}: {actual!r} is not {expected!r}"
        assert actual == expected, f"{where}: {actual!r} is not {expected!r}"
