"""HTTP in and out: the functions under their routes, and the admin endpoints of the real host that we need."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from local.host.bindings import Function
from local.host.execution import Executor
from local.host.protos import RpcHttp, TypedData
from local.host.routes import RouteTable
from local.host.typed_data import Metadata, as_json, payload_of, properties_of
from local.host.worker import Outcome

logger = logging.getLogger(__name__)

LARGEST_BODY = 100 * 1024 * 1024  # HttpOptions of the real host
_COMPUTED_HEADERS = {"content-length", "transfer-encoding"}

RunByHand = Callable[[str], Awaitable[None]]


class HttpServer:
    """`by_hand` runs a function that is not HTTP with the input of an admin request."""

    def __init__(
        self,
        functions: list[Function],
        routes: RouteTable,
        executor: Executor,
        by_hand: Mapping[str, RunByHand],
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._routes = routes
        self._executor = executor
        self._by_hand = {name.lower(): run for name, run in by_hand.items()}
        self._background: set[asyncio.Future[None]] = set()
        self.is_running = False

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_get("/admin/functions", self._list)
        app.router.add_post("/admin/functions/{name}", self._run_by_hand)
        app.router.add_route("*", "/{path:.*}", self._call)
        return app

    async def finish(self) -> None:
        """Runs that were started by hand have ended."""
        if self._background:
            await asyncio.wait(self._background)

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"state": "Running" if self.is_running else "Initialized"})

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response([_described(function) for function in self._functions.values()])

    async def _run_by_hand(self, request: web.Request) -> web.Response:
        name = request.match_info["name"].lower()
        if name not in self._functions:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if name not in self._by_hand:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="An HTTP function is called by its route.")
        try:
            document = json.loads(await request.read() or b"{}")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            return web.Response(status=HTTPStatus.BAD_REQUEST, text='The body must be JSON like {"input": "text"}.')
        given = document.get("input")
        text = given if isinstance(given, str) else "" if given is None else json.dumps(given)
        task = asyncio.ensure_future(self._by_hand[name](text))
        self._background.add(task)
        task.add_done_callback(self._ended_by_hand)
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _ended_by_hand(self, task: asyncio.Future[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("A run by hand failed: %s: %s", type(error).__name__, error)

    async def _call(self, request: web.Request) -> web.Response:
        found = self._routes.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        function, route_values = found
        data, metadata = _inputs(request, route_values, await request.read())
        outcome = await self._executor.run(
            function,
            data,
            metadata,
            trace_parent=request.headers.get("traceparent", ""),
            trace_state=request.headers.get("tracestate", ""),
        )
        return _response(function, outcome)


def _described(function: Function) -> dict[str, Any]:
    bindings = [function.trigger, *function.inputs, *function.outputs]
    return {"name": function.name, "language": "python", "isDisabled": False, "config": {"bindings": bindings}}


def _inputs(request: web.Request, route_values: dict[str, str], body: bytes) -> tuple[TypedData, Metadata]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    query = {name: ",".join(request.query.getall(name)) for name in request.query}
    http = SimpleNamespace(
        method=request.method,
        url=str(request.url),
        headers=headers,
        query={name: value for name, value in query.items() if value},
        params=route_values,
        body=TypedData(bytes=body) if body else TypedData(),
    )
    metadata = properties_of(body) | {name: TypedData(string=value) for name, value in route_values.items()}
    return TypedData(http=http), metadata | {"Query": as_json(query), "Headers": as_json(headers)}


def _response(function: Function, outcome: Outcome) -> web.Response:
    output = next((binding["name"] for binding in function.outputs if binding["type"] == "http"), "$return")
    data = outcome.outputs.get(output)
    if not outcome.succeeded:
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
    if data is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    if data.WhichOneof("data") != "http":
        return web.Response(body=payload_of(data), headers={"content-type": "text/plain; charset=utf-8"})
    answer: RpcHttp = data.http
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _COMPUTED_HEADERS}
    response = web.Response(status=int(answer.status_code), headers=headers, body=answer.body.bytes)
    for cookie in answer.cookies or []:
        _set_cookie(response, cookie)
    return response


def _set_cookie(response: web.Response, cookie: Any) -> None:
    def value(nullable: Any) -> Any:
        return nullable.value if nullable is not None else None

    expires, max_age = value(cookie.expires), value(cookie.max_age)
    response.set_cookie(
        cookie.name,
        cookie.value,
        domain=value(cookie.domain) or None,
        path=value(cookie.path) or "/",
        expires=formatdate(expires.seconds, usegmt=True) if expires is not None else None,
        max_age=int(max_age) if max_age is not None else None,
        secure=value(cookie.secure),
        httponly=value(cookie.http_only),
        samesite=cookie.same_site or None,
    )
