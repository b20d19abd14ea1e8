"""Which handler answers a path, who is let in, and how a refusal is worded."""

import json
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote

from local.enreach import callbacks, calls, people
from local.enreach.accounts import Account
from local.enreach.context import Call, Handler
from local.enreach.environment import Environment
from local.enreach.messages import JSON, ApiError, Request, Response
from local.enreach.organisation import Organisation

RATE_WINDOW_S = 60
DISCOVERY = "/api/user"


@dataclass(frozen=True)
class Route:
    """A method and a path whose parts in braces are open."""

    method: str
    template: str
    handler: Handler
    is_open: bool = False  # answers without credentials


ROUTES = (
    Route("GET", DISCOVERY, people.discover, is_open=True),
    Route("POST", DISCOVERY, people.discover, is_open=True),
    Route("POST", "/authuser/{email}", people.acquire_key, is_open=True),
    Route("GET", "/users", people.users),
    Route("GET", "/users/me", people.own_user),
    Route("GET", "/users/{user}", people.user),
    Route("GET", "/users/{user}/availability/current", people.current_availability),
    Route("POST", "/users/{user}/availability", people.set_availability),
    Route("DELETE", "/users/{user}/availability/{id}", people.end_availability),
    Route("GET", "/calls", calls.user_call_events),
    Route("GET", "/servicecall", calls.service_calls),
    Route("GET", "/calls/recordings/{id}", calls.recording),
    Route("GET", "/calls/recordings/{id}/content", calls.recording_content, is_open=True),
    Route("GET", "/calls/transcripts/{id}", calls.transcript),
    Route("GET", "/queues", people.queues),
    Route("GET", "/directory", people.directories),
    Route("GET", "/directory/{id}", people.directory),
    Route("GET", "/callbacks/lists", callbacks.callback_lists),
    Route("GET", "/callbacks", callbacks.callbacks),
    Route("GET", "/callbacks/{id}", callbacks.callback),
    Route("PUT", "/callbacks/{id}", callbacks.change_callback),
)


class Service:
    """Answers the API."""

    def __init__(self, organisation: Organisation, environment: Environment) -> None:
        self._organisation = organisation
        self._environment = environment
        self._recent: deque[float] = deque()

    def name_of(self, request: Request) -> str:
        """Returns the template of the path, by which requests are counted; `unknown` where there is none."""
        try:
            return self._route(request)[0].template
        except ApiError:
            return "unknown"

    def answer(self, request: Request) -> Response:
        """Returns the answer. Raises ApiError where the request is refused."""
        route, names = self._route(request)
        self._admit()
        account: Account | None = None
        if not route.is_open:
            account = self._organisation.accounts.signed_in(request.header("authorization"))
        return route.handler(Call(self._organisation, self._environment, request, names, request.parameters(), account))

    def refusal(self, error: ApiError) -> Response:
        """Returns a refusal in the form that the environment says; the real one is UNKNOWN."""
        form = self._environment.error_body
        if form == "json":
            code = {} if error.code is None else {"Code": error.code}
            body = json.dumps({"Status": error.status, **code, "Message": error.message}).encode()
            return Response(error.status, body, {"Content-Type": JSON, **error.headers})
        headers = {"Content-Type": "text/plain; charset=utf-8"} if form == "text" else {}
        return Response(error.status, error.message.encode() if headers else b"", {**headers, **error.headers})

    def _admit(self) -> None:
        """Refuses what is over the rate limit, if there is one."""
        limit, now = self._environment.requests_per_minute, self._organisation.clock.now()
        if not limit:
            return
        while self._recent and self._recent[0] <= now - RATE_WINDOW_S:
            self._recent.popleft()
        if len(self._recent) >= limit:
            pause = self._environment.retry_after_s
            raise ApiError(429, "Too many requests.", {"Retry-After": str(pause)} if pause else {})
        self._recent.append(now)

    def _route(self, request: Request) -> tuple[Route, dict[str, str]]:
        parts = self._assumed_parts(request.path)
        found = [(route, names) for route in ROUTES if (names := _match(route.template, parts)) is not None]
        if not found:
            raise ApiError(404, "There is nothing at this path.")
        allowed = [(route, names) for route, names in found if route.method == request.method]
        if not allowed:
            methods = ", ".join(sorted({route.method for route, _ in found}))
            raise ApiError(405, "This path does not take the method.", {"Allow": methods})
        return allowed[0]

    def _assumed_parts(self, path: str) -> list[str]:
        """Takes the silo off a path, and turns a renamed path back. Raises ApiError (404)."""
        parts = _parts(path)
        silo = _parts(self._environment.silo)
        if parts == _parts(DISCOVERY):
            return parts
        if parts[: len(silo)] != silo:
            raise ApiError(404, "There is nothing at this path.")
        parts = parts[len(silo) :]
        # The longest of the paths that fit decides.
        renamed = [(_parts(old), _parts(new)) for old, new in self._environment.paths.items()]
        for old, new in sorted(renamed, key=lambda pair: -len(pair[1])):
            if parts[: len(new)] == new:
                return old + parts[len(new) :]
        if any(parts[: len(old)] == old for old, _ in renamed):
            raise ApiError(404, "There is nothing at this path.")
        return parts


def _parts(path: str) -> list[str]:
    """Returns the parts of a path, decoded. A slash at the end makes no difference (facts 1.1)."""
    return [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []


def _match(template: str, parts: list[str]) -> dict[str, str] | None:
    pattern = _parts(template)
    if len(pattern) != len(parts):
        return None
    names = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            names[wanted.strip("{}")] = part
        elif wanted != part:
            return None
    return names
