"""Faults on order: rules that match requests and say what goes wrong. `POST /__sim/faults` takes a list of them.

A rule has `match` (all of: `method`, one or several; `path`, a part of the URL; `pathRegex`; `table`, by logical name
or entity set; `body`, a part of it), may say how often it strikes (`nth`, `count`, `probability` with `seed`) and where
(`scope`: `request`, or `part` of a batch), and its `action`, which may also stand beside `match`:

- `status`, `code`, `message`, `retryAfter`: this refusal instead of the answer;
- `html`: a web page with status 200; `bodyMb`: status 200 and so many megabytes of JSON that is never closed;
- `garble`: half of the answer; `drip`: the answer byte by byte, so many in a second;
- `drop`: the connection breaks `before` the request is run or `after`;
- `delayMs`: so long nothing happens, and a very long time is a server that hangs. A request whose caller leaves in the
  meantime is not run; for a write whose answer is lost there is `drop` `after`.

All but `table` also strike the token endpoint (`"match": {"path": "/oauth2/"}`). A part of a batch takes `status` and
`html` only. Every handler ends as soon as its caller has gone.
"""

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from local.dataverse.errors import DataverseError
from local.dataverse.messages import Request, Response, error_response
from local.simulation.slow_answers import MEGABYTE, endless_json

MATCHERS = frozenset({"method", "path", "pathRegex", "table", "body"})
RULE_KEYS = frozenset({"match", "nth", "probability", "seed", "count", "scope", "action"})
ACTIONS = frozenset({"delayMs", "status", "code", "message", "retryAfter", "drop", "garble", "html", "drip", "bodyMb"})
POSITIVE = ("drip", "bodyMb")
OF_PARTS = frozenset({"status", "code", "message", "retryAfter", "html"})
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Service unavailable</title></head><body>We are sorry.</body></html>"


@dataclass
class Fault:
    """One rule, and how often it was looked at and fired."""

    match: dict[str, Any]
    action: dict[str, Any]
    nth: frozenset[int] | None
    probability: float | None
    count: int | None
    scope: str
    dice: random.Random
    matched: int = 0
    hits: int = 0
    under_way: int = 0  # requests that it keeps busy at this moment
    path_pattern: re.Pattern[str] | None = field(default=None)

    def fires(self, request: Request, table: str, entity_set: str) -> bool:
        """Tells whether the rule strikes this request, and counts it."""
        if not self._matches(request, table, entity_set):
            return False
        self.matched += 1
        if self.count is not None and self.hits >= self.count:
            return False
        if self.nth is not None and self.matched not in self.nth:
            return False
        if self.probability is not None and self.dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def _matches(self, request: Request, table: str, entity_set: str) -> bool:
        match = self.match
        methods = match.get("method", request.method)
        url = f"{request.path}?{request.query}" if request.query else request.path
        return (
            request.method in ([methods] if isinstance(methods, str) else methods)
            and match.get("path", "") in url
            and (self.path_pattern is None or self.path_pattern.search(url) is not None)
            and match.get("table", table) in {table, entity_set}
            and match.get("body", "").encode() in request.body
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the rule with its counts."""
        nth = None if self.nth is None else sorted(self.nth)
        return {
            "match": self.match,
            "action": self.action,
            "nth": nth,
            "probability": self.probability,
            "count": self.count,
            "scope": self.scope,
            "matched": self.matched,
            "hits": self.hits,
            "underWay": self.under_way,
        }

    def response(self, refuse: Callable[[DataverseError], Response] = error_response) -> Response | None:
        """Returns the answer that the rule puts in the place of the real one, in the form of the endpoint."""
        headers = {"Retry-After": str(self.action["retryAfter"])} if "retryAfter" in self.action else {}
        if "status" in self.action:
            code, message = self.action.get("code", "0x80040216"), self.action.get("message", "An injected fault.")
            return refuse(DataverseError(self.action["status"], code, message, headers))
        if self.action.get("html"):
            return Response(200, {"Content-Type": "text/html", **headers}, HTML_PAGE)
        if "bodyMb" in self.action:
            return Response(200, {"Content-Type": "application/json; odata.metadata=minimal", **headers})
        return None

    @property
    def is_streamed(self) -> bool:
        """Tells whether the answer goes out in pieces."""
        return "drip" in self.action or "bodyMb" in self.action

    def pieces(self, response: Response) -> Iterable[bytes]:
        """Returns the body of a streamed answer."""
        if "bodyMb" in self.action:
            return endless_json(b'{"value":[', round(self.action["bodyMb"] * MEGABYTE))
        return (response.body,)


def read_fault(raw: Any) -> Fault:
    """Returns the rule, or raises ValueError when it is not understood as a whole."""
    if not isinstance(raw, dict):
        raise ValueError("A rule is a JSON object.")
    rule = dict(raw)
    # An action may stand beside `match` as well as in an object of its own.
    action = {**rule.pop("action", {}), **{key: rule.pop(key) for key in ACTIONS & set(rule)}}
    match = rule.pop("match", {})
    for kind, given, known in (("rule", rule, RULE_KEYS), ("match", match, MATCHERS), ("action", action, ACTIONS)):
        unknown = set(given) - known
        if unknown:
            raise ValueError(f"A fault {kind} has no '{min(unknown)}'. It has: {', '.join(sorted(known))}.")
    if not action:
        raise ValueError("A rule needs an action.")
    if action.get("drop", "before") not in {"before", "after"}:
        raise ValueError("'drop' is 'before' or 'after'.")
    for name in POSITIVE:
        _require_positive(name, action.get(name, 1))
    if rule.get("scope", "request") not in {"request", "part"}:
        raise ValueError("'scope' is 'request' or 'part'.")
    if rule.get("scope") == "part" and not action.keys() <= OF_PARTS:
        raise ValueError(f"A part of a batch takes {', '.join(sorted(OF_PARTS))} only.")
    nth = rule.get("nth")
    return Fault(
        match,
        action,
        None if nth is None else frozenset([nth] if isinstance(nth, int) else nth),
        rule.get("probability"),
        rule.get("count"),
        rule.get("scope", "request"),
        random.Random(rule.get("seed", 0)),  # noqa: S311 - repeatable dice, not a secret
        path_pattern=re.compile(match["pathRegex"]) if "pathRegex" in match else None,
    )


def _require_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"'{name}' is a number above 0.")


class Faults:
    """The rules in force; the first that fires wins."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, raw: Any) -> None:
        """Adds the rules of a JSON list, or none of them."""
        if not isinstance(raw, list):
            raise ValueError("A JSON list of rules was expected.")
        self._rules += [read_fault(rule) for rule in raw]

    def clear(self) -> None:
        """Takes every rule out of force."""
        self._rules.clear()

    def strike(self, request: Request, table: str, entity_set: str, scope: str = "request") -> Fault | None:
        """Returns the rule that this request meets."""
        for rule in self._rules:
            if rule.scope == scope and rule.fires(request, table, entity_set):
                return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Returns the rules with their counts."""
        return [rule.as_json() for rule in self._rules]
