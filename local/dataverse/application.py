"""The web server: tokens, limits, latency, faults and headers around the simulated environment."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web

from local.dataverse.control import Control
from local.dataverse.errors import DataverseError
from local.dataverse.faults import Fault
from local.dataverse.messages import Request, Response, error_response
from local.dataverse.simulator import Simulator

LARGEST_BODY = 256 * 1024 * 1024
# Far above Dataverse's own limit, so that a long URL meets our 414 and not aiohttp's 400.
LONGEST_LINE = 1_000_000
SIMULATOR = web.AppKey("simulator", Simulator)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebApi:
    """Answers the HTTP requests of the Web API and of the token endpoint."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def token(self, http: web.Request) -> web.StreamResponse:
        """Issues a token."""
        request = await self._received(http)
        return await self._with_faults(http, request, self._issue_token)

    async def _received(self, http: web.Request) -> Request:
        """The path is taken as it came: decoding it early would lose the difference between `+` and `%2B`."""
        arrived = asyncio.get_running_loop().time()
        self._simulator.counters.meet(http.transport)
        path, _, query = http.raw_path.partition("?")
        headers = {name.lower(): value for name, value in http.headers.items()}
        return Request(http.method, path.replace("%24", "$"), query, headers, await http.read(), arrived=arrived)

    async def _issue_token(self, request: Request, base: str) -> Response:
        return self._simulator.tokens.issue(request.body, request.header("authorization"))

    async def api(self, http: web.Request) -> web.StreamResponse:
        """Answers one request of the Web API."""
        request = await self._received(http)
        table, _ = self._simulator.table_names(request.path)
        self._simulator.counters.requests[f"{request.method} {table}"] += 1
        message = request.path.rpartition("/Microsoft.Dynamics.CRM.")[2]
        if message != request.path:
            self._simulator.counters.messages[message] += 1
        return await self._with_faults(http, request, self._guarded)

    async def _with_faults(
        self, http: web.Request, request: Request, answer: Callable[[Request, str], Awaitable[Response]]
    ) -> web.StreamResponse:
        fault = self._simulator.faults.strike(request, *self._simulator.table_names(request.path))
        if fault is None:
            return self._finished(http, await answer(request, _base(http)))
        delay_s = fault.action.get("delayMs", 0) / 1000
        await asyncio.sleep(delay_s)
        request.arrived += delay_s
        if fault.action.get("drop") == "before":
            return _drop(http)
        response = fault.response() or await answer(request, _base(http))
        if fault.action.get("drop") == "after":
            return _drop(http)
        return self._finished(http, _garbled(fault, response))

    async def _guarded(self, request: Request, base: str) -> Response:
        """Checks token and limits, waits as the environment says, and runs the request."""
        protection = self._simulator.protection
        try:
            self._simulator.tokens.check(request.header("authorization"))
            protection.admit()
        except DataverseError as error:
            return error_response(error)
        spent_ms = 0.0
        try:
            response = await self._worked(request, base)
            spent_ms = response.cost_ms
        finally:
            protection.finish(spent_ms)
        return response

    async def _worked(self, request: Request, base: str) -> Response:
        """Runs the request when it is due and returns when its planned time is over."""
        environment, schedule = self._simulator.environment, self._simulator.schedule
        due = request.arrived + environment.latency_ms / 1000
        await schedule.sleep_until(due)
        async with schedule.turn:
            response = self._run(request, base)
        await schedule.spend(due, response.cost_ms / 1000)
        return response

    def _run(self, request: Request, base: str) -> Response:
        is_batch = request.path.rstrip("/").endswith("/$batch") and request.method == "POST"
        return self._simulator.run(request, base, is_batch=is_batch)

    def _finished(self, http: web.Request, response: Response) -> web.Response:
        environment = self._simulator.environment
        service_id = str(uuid4())
        headers = {
            "OData-Version": "4.0",
            "x-ms-service-request-id": service_id,
            "REQ_ID": service_id,
            **({"x-ms-dop-hint": str(environment.dop_hint)} if environment.dop_hint else {}),
            **self._simulator.protection.headers(),
            **response.headers,
        }
        for name in ("x-ms-client-request-id", "x-ms-correlation-id"):
            if name in http.headers:
                headers[name] = http.headers[name]
        answer = web.Response(status=response.status, headers=headers, body=response.body or None)
        if environment.affinity_cookie:
            answer.set_cookie("ARRAffinity", "5f2b1c", path="/", httponly=True)
        return answer


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
    api = WebApi(simulator)
    app.add_routes(Control(simulator).routes())
    app.router.add_post("/{tenant}/oauth2/v2.0/token", api.token)
    app.router.add_route("*", "/api/data/{rest:.*}", api.api)
    return app


def build_runner(app: web.Application) -> web.AppRunner:
    """Returns a runner that lets long URLs through to the application."""
    return web.AppRunner(
        app, access_log=None, shutdown_timeout=2, max_line_size=LONGEST_LINE, max_field_size=LONGEST_LINE
    )
