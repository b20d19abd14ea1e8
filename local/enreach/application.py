"""The web server: latency, faults and counts around the simulated service."""

import asyncio

from aiohttp import web

from local.enreach.control import Control
from local.enreach.faults import Fault
from local.enreach.messages import Request, Response
from local.enreach.simulator import Simulator
from local.simulation import slow_answers

LARGEST_BODY = 256 * 1024 * 1024
SIMULATOR = web.AppKey("simulator", Simulator)


class Server:
    """Answers the HTTP requests of the API and of discovery."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def answer(self, http: web.Request) -> web.StreamResponse:
        """Answers one request, and counts it however it ends."""
        request = await _received(http)
        counters, name = self._simulator.counters, self._simulator.service.name_of(request)
        counters.meet(http.transport)
        counters.begin(request, name)
        response: Response | None = None
        try:
            fault = self._simulator.faults.strike(request)
            if fault is None:
                response = await self._ran(request)
                return _finished(response)
            fault.under_way += 1
            try:
                response = await self._struck(http, request, fault)
            finally:
                fault.under_way -= 1
            return await self._sent(http, fault, response)
        finally:
            counters.end(request, name, response, self._simulator.clock.now())

    async def _ran(self, request: Request) -> Response:
        await asyncio.sleep(self._simulator.environment.latency_ms / 1000)
        return self._simulator.answer(request)

    async def _struck(self, http: web.Request, request: Request, fault: Fault) -> Response | None:
        """Returns the answer to a request that a fault strikes; None where the connection breaks."""
        delay_s = fault.action.get("delayMs", 0) / 1000
        if delay_s and not await slow_answers.wait(http, delay_s):
            return None
        if fault.action.get("drop") == "before":
            return None
        refusal = fault.refusal()
        if refusal is not None:
            response = self._simulator.service.refusal(refusal)
        else:
            response = fault.replacement() or fault.spoilt(await self._ran(request))
        return None if fault.action.get("drop") == "after" else response

    async def _sent(self, http: web.Request, fault: Fault, response: Response | None) -> web.StreamResponse:
        if response is None:
            return _drop(http)
        if not fault.is_streamed:
            return _finished(response)
        answer = web.StreamResponse(status=response.status, headers=dict(response.headers))
        fault.under_way += 1
        try:
            await slow_answers.send(http, answer, fault.pieces(response), fault.action.get("drip", 0))
        finally:
            fault.under_way -= 1
        return answer


async def _received(http: web.Request) -> Request:
    """The path is taken as it came: decoding it early would lose the difference between `+` and `%2B`."""
    path, _, query = http.raw_path.partition("?")
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Request(http.method, path, query, headers, await http.read(), f"{http.scheme}://{http.host}")


def _finished(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=dict(response.headers), body=response.body or None)


def _drop(http: web.Request) -> web.Response:
    """Breaks the connection without an answer."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=500)


def build_app(simulator: Simulator | None = None) -> web.Application:
    """Returns the application around a simulator, a fresh one unless given."""
    simulator = simulator or Simulator()
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SIMULATOR] = simulator
    app.add_routes(Control(simulator).routes())
    app.router.add_route("*", "/{rest:.*}", Server(simulator).answer)

    async def close(_: web.Application) -> None:
        await simulator.webhooks.close()

    app.on_cleanup.append(close)
    return app


def build_runner(app: web.Application) -> web.AppRunner:
    """Returns a runner that stops soon."""
    return web.AppRunner(app, access_log=None, shutdown_timeout=2)
