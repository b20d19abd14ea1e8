"""The web server: tokens, limits, latency, faults and headers around the simulated environment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import web

from local.dataverse.control import Control
from local.dataverse.errors import DataverseError
from local.dataverse.faults import Fault
from local.dataverse.messages import Request, Response, error_response
from local.dataverse.simulator import Simulator
from local.dataverse.soap.execute import NAME, PATH
from local.simulation import slow_answers

LARGEST_BODY = 256 * 1024 * 1024
# Far above Dataverse's own limit, so that a long URL meets our 414 and not aiohttp's 400.
LONGEST_LINE = 1_000_000
ROUNDS_BETWEEN_WORK = 6
SIMULATOR = web.AppKey("simulator", Simulator)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Door:
    """One way in: what answers there, how it words a refusal, and whether tokens and limits stand before it."""

    run: Callable[[Request, str], Response]
    refuse: Callable[[DataverseError], Response] = error_response
    guarded: bool = True
    headers: Mapping[str, str] = field(default_factory=lambda: {"OData-Version": "4.0"})


class Server:
    """Answers the HTTP requests of the Web API, of the SOAP endpoint and of the token endpoint."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._token_door = Door(self._issue_token, guarded=False)
        self._api_door = Door(self._run)
        self._soap_door = Door(lambda request, _: simulator.execute(request), simulator.fault, headers={})

    async def token(self, http: web.Request) -> web.StreamResponse:
        """Issues a token."""
        return await self._with_faults(http, await self._received(http), self._token_door)

    async def soap(self, http: web.Request) -> web.StreamResponse:
        """Answers one request of the SOAP endpoint."""
        request = await self._received(http)
        self._simulator.counters.requests[f"{request.method} {NAME}"] += 1
        return await self._with_faults(http, request, self._soap_door)

    async def _received(self, http: web.Request) -> Request:
        """The path is taken as it came: decoding it early would lose the difference between `+` and `%2B`."""
        arrived = asyncio.get_running_loop().time()
        self._simulator.counters.meet(http.transport)
        path, _, query = http.raw_path.partition("?")
        headers = {name.lower(): value for name, value in http.headers.items()}
        return Request(http.method, path.replace("%24", "$"), query, headers, await http.read(), arrived=arrived)

    def _issue_token(self, request: Request, base: str) -> Response:
        return self._simulator.tokens.issue(request.body, request.header("authorization"))

    async def api(self, http: web.Request) -> web.StreamResponse:
        """Answers one request of the Web API."""
        request = await self._received(http)
        table, _ = self._simulator.table_names(request.path)
        self._simulator.counters.requests[f"{request.method} {table}"] += 1
        message = request.path.rpartition("/Microsoft.Dynamics.CRM.")[2]
        if message != request.path:
            self._simulator.counters.messages[message] += 1
        return await self._with_faults(http, request, self._api_door)

    async def _with_faults(self, http: web.Request, request: Request, door: Door) -> web.StreamResponse:
        fault = self._simulator.faults.strike(request, *self._simulator.table_names(request.path))
        if fault is None:
            return self._finished(http, await self._answer(request, _base(http), door), door)
        fault.under_way += 1
        try:
            return await self._struck(http, request, door, fault)
        finally:
            fault.under_way -= 1

    async def _struck(self, http: web.Request, request: Request, door: Door, fault: Fault) -> web.StreamResponse:
        delay_s = fault.action.get("delayMs", 0) / 1000
        if delay_s and not await slow_answers.wait(http, delay_s):
            return _drop(http)
        request.arrived += delay_s
        if fault.action.get("drop") == "before":
            return _drop(http)
        response = fault.response(door.refuse) or await self._answer(request, _base(http), door)
        if fault.action.get("drop") == "after":
            return _drop(http)
        response = _garbled(fault, response)
        if not fault.is_streamed:
            return self._finished(http, response, door)
        answer = web.StreamResponse(status=response.status, headers=self._headers(http, response, door))
        await slow_answers.send(http, answer, fault.pieces(response), fault.action.get("drip", 0))
        return answer

    async def _answer(self, request: Request, base: str, door: Door) -> Response:
        """Checks token and limits, waits as the environment says, and runs the request."""
        if not door.guarded:
            return door.run(request, base)
        protection = self._simulator.protection
        try:
            self._simulator.tokens.check(request.header("authorization"))
            protection.admit()
        except DataverseError as error:
            return door.refuse(error)
        spent_ms = 0.0
        try:
            response = await self._worked(request, base, door)
            spent_ms = response.cost_ms
        finally:
            protection.finish(spent_ms)
        return response

    async def _worked(self, request: Request, base: str, door: Door) -> Response:
        """Runs the request when it is due and returns when its planned time is over."""
        environment, schedule = self._simulator.environment, self._simulator.schedule
        due = request.arrived + environment.latency_ms / 1000
        await schedule.sleep_until(due)
        async with schedule.turn:
            response = door.run(request, base)
            # A connection takes several rounds of the loop from its opening to its first request. They go before the
            # next piece of work, or that request would seem to arrive late.
            for _ in range(ROUNDS_BETWEEN_WORK):
                await asyncio.sleep(0)
        await schedule.spend(due, response.cost_ms / 1000)
        return response

    def _run(self, request: Request, base: str) -> Response:
        is_batch = request.path.rstrip("/").endswith("/$batch") and request.method == "POST"
        return self._simulator.run(request, base, is_batch=is_batch)

    def _finished(self, http: web.Request, response: Response, door: Door) -> web.Response:
        headers = self._headers(http, response, door)
        return web.Response(status=response.status, headers=headers, body=response.body or None)

    def _headers(self, http: web.Request, response: Response, door: Door) -> dict[str, str]:
        environment = self._simulator.environment
        service_id = str(uuid4())
        headers = {
            **door.headers,
            "x-ms-service-request-id": service_id,
            "REQ_ID": service_id,
            **({"x-ms-dop-hint": str(environment.dop_hint)} if environment.dop_hint else {}),
            **self._simulator.protection.headers(),
            **response.headers,
        }
        for name in ("x-ms-client-request-id", "x-ms-correlation-id"):
            if name in http.headers:
                headers[name] = http.headers[name]
        if environment.affinity_cookie:
            headers["Set-Cookie"] = "ARRAffinity=5f2b1c; HttpOnly; Path=/"
        return headers


def _garbled(fault: Fault, response: Response) -> Response:
    """Cuts the body in the middle and leaves the status."""
    if not fault.action.get("garble"):
        return response
    return Response(response.status, response.headers, response.body[: len(response.body) // 2] + b'{"\xff')


def _drop(http: web.Request) -> web.Response:
    """Breaks the connection without an answer."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=500)


def _base(http: web.Request) -> str:
    return f"{http.scheme}://{http.host}/api/data/v9.2"


def build_app(simulator: Simulator | None = None) -> web.Application:
    """Returns the application around a simulator, a fresh one unless given."""
    simulator = simulator or Simulator()
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SIMULATOR] = simulator
    server = Server(simulator)
    app.add_routes(Control(simulator).routes())
    app.router.add_post("/{tenant}/oauth2/v2.0/token", server.token)
    app.router.add_route("*", "/api/data/{rest:.*}", server.api)
    app.router.add_route("*", PATH, server.soap)
    return app


def build_runner(app: web.Application) -> web.AppRunner:
    """Returns a runner that lets long URLs through to the application."""
    return web.AppRunner(
        app, access_log=None, shutdown_timeout=2, max_line_size=LONGEST_LINE, max_field_size=LONGEST_LINE
    )
