"""Fault rules: which requests they match, how often they strike, and what all of them can do to an answer.

Each simulator says in its own `faults` module what its rules may have besides.
"""

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from local.simulation.slow_answers import MEGABYTE, endless_json

MATCHERS = frozenset({"method", "path", "pathRegex", "body"})
RULE_KEYS = frozenset({"match", "nth", "probability", "seed", "count", "action"})
ACTIONS = frozenset({"delayMs", "status", "code", "message", "retryAfter", "drop", "garble", "html", "drip", "bodyMb"})
POSITIVE = ("drip", "bodyMb")
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Service unavailable</title></head><body>We are sorry.</body></html>"


class Matchable(Protocol):
    """What a rule looks at in a request."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def body(self) -> bytes: ...


@dataclass
class Rule:
    """One rule, and how often it was looked at and fired."""

    match: dict[str, Any]
    action: dict[str, Any]
    nth: frozenset[int] | None
    probability: float | None
    count: int | None
    dice: random.Random
    path_pattern: re.Pattern[str] | None
    matched: int = 0
    hits: int = 0
    under_way: int = 0  # requests that it keeps busy at this moment

    def matches(self, request: Matchable) -> bool:
        """Tells whether the rule is about this request."""
        match = self.match
        methods = match.get("method", request.method)
        url = f"{request.path}?{request.query}" if request.query else request.path
        return (
            request.method in ([methods] if isinstance(methods, str) else methods)
            and match.get("path", "") in url
            and (self.path_pattern is None or self.path_pattern.search(url) is not None)
            and match.get("body", "").encode() in request.body
        )

    def is_its_turn(self) -> bool:
        """Counts a request that the rule is about, and tells whether it strikes this one."""
        self.matched += 1
        if self.count is not None and self.hits >= self.count:
            return False
        if self.nth is not None and self.matched not in self.nth:
            return False
        if self.probability is not None and self.dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Returns the rule with its counts."""
        return {
            "match": self.match,
            "action": self.action,
            "nth": None if self.nth is None else sorted(self.nth),
            "probability": self.probability,
            "count": self.count,
            "matched": self.matched,
            "hits": self.hits,
            "underWay": self.under_way,
        }

    @property
    def retry_header(self) -> dict[str, str]:
        """The header that tells when to come again, where the rule names a time."""
        return {"Retry-After": str(self.action["retryAfter"])} if "retryAfter" in self.action else {}

    @property
    def is_streamed(self) -> bool:
        """Tells whether the answer goes out in pieces."""
        return "drip" in self.action or "bodyMb" in self.action

    def endless(self, start: bytes) -> Iterable[bytes]:
        """Returns a body of `bodyMb` that is never closed; `start` opens its array."""
        return endless_json(start, round(self.action["bodyMb"] * MEGABYTE))


def read_rule[R: Rule](
    kind: Callable[..., R],
    raw: Any,
    *,
    matchers: frozenset[str] = MATCHERS,
    actions: frozenset[str] = ACTIONS,
    further: dict[str, Any] | None = None,
) -> R:
    """Returns the rule, or raises ValueError when it is not understood as a whole.

    `further` are keys that this kind has besides those of all, each with what it is where it is absent.
    """
    if not isinstance(raw, dict):
        raise ValueError("A rule is a JSON object.")
    further = further or {}
    rule = dict(raw)
    # An action may stand beside `match` as well as in an object of its own.
    action = {**rule.pop("action", {}), **{key: rule.pop(key) for key in actions & set(rule)}}
    match = rule.pop("match", {})
    keys = RULE_KEYS | further.keys()
    for what, given, known in (("rule", rule, keys), ("match", match, matchers), ("action", action, actions)):
        unknown = set(given) - known
        if unknown:
            raise ValueError(f"A fault {what} has no '{min(unknown)}'. It has: {', '.join(sorted(known))}.")
    if not action:
        raise ValueError("A rule needs an action.")
    if action.get("drop", "before") not in {"before", "after"}:
        raise ValueError("'drop' is 'before' or 'after'.")
    for name in POSITIVE:
        _require_positive(name, action.get(name, 1))
    nth = rule.get("nth")
    return kind(
        match=match,
        action=action,
        nth=None if nth is None else frozenset([nth] if isinstance(nth, int) else nth),
        probability=rule.get("probability"),
        count=rule.get("count"),
        dice=random.Random(rule.get("seed", 0)),  # noqa: S311 - repeatable dice, not a secret
        path_pattern=re.compile(match["pathRegex"]) if "pathRegex" in match else None,
        **{key: rule.get(key, absent) for key, absent in further.items()},
    )


def _require_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"'{name}' is a number above 0.")


class Rules[R: Rule]:
    """The rules in force; the first that fires wins."""

    def __init__(self, read: Callable[[Any], R]) -> None:
        self._read = read
        self._rules: list[R] = []

    def add(self, raw: Any) -> None:
        """Adds the rules of a JSON list, or none of them."""
        if not isinstance(raw, list):
            raise ValueError("A JSON list of rules was expected.")
        self._rules += [self._read(rule) for rule in raw]

    def clear(self) -> None:
        """Takes every rule out of force."""
        self._rules.clear()

    def first(self, fires: Callable[[R], bool]) -> R | None:
        """Returns the first rule that does."""
        return next((rule for rule in self._rules if fires(rule)), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Returns the rules with their counts."""
        return [rule.as_json() for rule in self._rules]
