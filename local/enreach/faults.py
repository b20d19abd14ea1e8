"""Faults on order: rules that match requests and say what goes wrong. `POST /__sim/faults` takes a list of them.

A rule has `match` (all of: `method`, one or several; `path`, a part of the URL; `pathRegex`; `body`, a part of it), may
say how often it strikes (`nth`, `count`, `probability` with `seed`), and its `action`, which may also stand beside
`match`:

- `status`, `code`, `message`, `retryAfter`: this refusal instead of the answer;
- `html`: a web page with status 200; `bodyMb`: status 200 and so many megabytes of JSON that is never closed;
- `empty`: an empty list with status 200; `half`: the first half of a list, well-formed;
- `garble`: half of the answer's bytes; `drip`: the answer byte by byte, so many in a second;
- `drop`: the connection breaks `before` the request is run or `after`;
- `delayMs`: so long nothing happens, and a very long time is a server that hangs.

Every path but the control surface can be struck, discovery too (`"match": {"path": "/api/user"}`). Every handler ends
as soon as its caller has gone.
"""

import json
from collections.abc import Iterable
from typing import Any

from local.enreach.messages import ApiError, Request, Response
from local.simulation import faults
from local.simulation.faults import HTML_PAGE, Rule, Rules, read_rule

ACTIONS = faults.ACTIONS | {"empty", "half"}


class Fault(Rule):
    """One rule, and how often it was looked at and fired."""

    def fires(self, request: Request) -> bool:
        """Tells whether the rule strikes this request, and counts it."""
        return self.matches(request) and self.is_its_turn()

    def refusal(self) -> ApiError | None:
        """Returns the refusal that the rule puts in the place of the answer."""
        if "status" not in self.action:
            return None
        message = self.action.get("message", "An injected fault.")
        return ApiError(self.action["status"], message, self.retry_header, self.action.get("code"))

    def replacement(self) -> Response | None:
        """Returns the answer with status 200 that the rule puts in the place of the real one."""
        if self.action.get("html"):
            return Response(200, HTML_PAGE, {"Content-Type": "text/html", **self.retry_header})
        if self.action.get("empty"):
            return Response(200, b"[]")
        return Response(200) if "bodyMb" in self.action else None

    def spoilt(self, response: Response) -> Response:
        """Returns the real answer with half of it missing, where the rule says so."""
        body = response.body
        if self.action.get("half"):
            body = _first_half(body)
        if self.action.get("garble"):
            body = body[: len(body) // 2] + b'{"\xff'
        return response if body is response.body else Response(response.status, body, response.headers)

    def pieces(self, response: Response) -> Iterable[bytes]:
        """Returns the body of a streamed answer."""
        return self.endless(b"[") if "bodyMb" in self.action and response.status == 200 else (response.body,)


def _first_half(body: bytes) -> bytes:
    try:
        items = json.loads(body)
    except ValueError:
        return body
    return json.dumps(items[: len(items) // 2]).encode() if isinstance(items, list) else body


def read_fault(raw: Any) -> Fault:
    """Returns the rule, or raises ValueError when it is not understood as a whole."""
    return read_rule(Fault, raw, actions=ACTIONS)


class Faults(Rules[Fault]):
    """The rules in force; the first that fires wins."""

    def __init__(self) -> None:
        super().__init__(read_fault)

    def strike(self, request: Request) -> Fault | None:
        """Returns the rule that this request meets."""
        return self.first(lambda rule: rule.fires(request))
