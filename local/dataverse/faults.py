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

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from local.dataverse.errors import DataverseError
from local.dataverse.messages import Request, Response, error_response
from local.simulation.faults import HTML_PAGE, MATCHERS, Rule, Rules, read_rule

OF_PARTS = frozenset({"status", "code", "message", "retryAfter", "html"})


@dataclass
class Fault(Rule):
    """One rule; `scope` says whether it strikes requests or the parts of a batch."""

    scope: str = "request"

    def fires(self, request: Request, table: str, entity_set: str) -> bool:
        """Tells whether the rule strikes this request, and counts it."""
        is_about_it = self.match.get("table", table) in {table, entity_set} and self.matches(request)
        return is_about_it and self.is_its_turn()

    def as_json(self) -> dict[str, Any]:
        """Returns the rule with its counts."""
        return {**super().as_json(), "scope": self.scope}

    def response(self, refuse: Callable[[DataverseError], Response] = error_response) -> Response | None:
        """Returns the answer that the rule puts in the place of the real one, in the form of the endpoint."""
        if "status" in self.action:
            code, message = self.action.get("code", "0x80040216"), self.action.get("message", "An injected fault.")
            return refuse(DataverseError(self.action["status"], code, message, self.retry_header))
        if self.action.get("html"):
            return Response(200, {"Content-Type": "text/html", **self.retry_header}, HTML_PAGE)
        if "bodyMb" in self.action:
            return Response(200, {"Content-Type": "application/json; odata.metadata=minimal", **self.retry_header})
        return None

    def pieces(self, response: Response) -> Iterable[bytes]:
        """Returns the body of a streamed answer."""
        return self.endless(b'{"value":[') if "bodyMb" in self.action else (response.body,)


def read_fault(raw: Any) -> Fault:
    """Returns the rule, or raises ValueError when it is not understood as a whole."""
    fault = read_rule(Fault, raw, matchers=MATCHERS | {"table"}, further={"scope": "request"})
    if fault.scope not in {"request", "part"}:
        raise ValueError("'scope' is 'request' or 'part'.")
    if fault.scope == "part" and not fault.action.keys() <= OF_PARTS:
        raise ValueError(f"A part of a batch takes {', '.join(sorted(OF_PARTS))} only.")
    return fault


class Faults(Rules[Fault]):
    """The rules in force; the first that fires wins."""

    def __init__(self) -> None:
        super().__init__(read_fault)

    def strike(self, request: Request, table: str, entity_set: str, scope: str = "request") -> Fault | None:
        """Returns the rule that this request meets."""
        return self.first(lambda rule: rule.scope == scope and rule.fires(request, table, entity_set))
