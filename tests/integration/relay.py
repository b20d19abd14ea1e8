"""A relay between the app and Azurite that plays faults."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO

from aiohttp import ClientSession, web
from yarl import URL


class Relay:
    """Faults: `answer lost` (of the `on`-th request, which is carried out), `503`, `hangs`, `InvalidBlockList`;
    `always 500`.

    `requests` counts what arrived, `on` is the request that is answered badly. With `matching`, only requests count
    for which it says yes.
    """

    def __init__(self, fault: str, on: int = 1, matching: Callable[[web.Request], bool] = lambda _: True) -> None:
        self.fault = fault
        self.requests = 0
        self._on = on
        self._matching = matching

    @asynccontextmanager
    async def before(self, address: str) -> AsyncIterator[str]:
        """The relay's own address in front of this one."""
        self._to = address
        app = web.Application(client_max_size=10**9)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not self._matching(request):
            return await self._pass_on(request)
        self.requests += 1
        if self.fault == "always 500":
            return web.Response(status=500)
        if self.requests != self._on:
            return await self._pass_on(request)
        match self.fault:
            case "503":
                return web.Response(status=503)
            case "InvalidBlockList":
                return web.Response(status=400, headers={"x-ms-error-code": self.fault})
            case "hangs":
                await asyncio.sleep(2)
            case "answer lost":
                await self._pass_on(request)
                assert request.transport is not None
                request.transport.close()
        return web.Response()

    async def _pass_on(self, request: web.Request) -> web.Response:
        # The signature names the path alone, so Azurite takes what was signed for the relay's own port. A body of no
        # bytes would get a content type, which is signed.
        dropped = {"host", "content-length", "transfer-encoding"}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
        body = await request.read()
        url = URL(self._to + request.raw_path, encoded=True)
        async with (
            ClientSession() as http,
            http.request(request.method, url, data=BytesIO(body) if body else None, headers=headers) as answer,
        ):
            hop = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
            if request.method != "HEAD":
                hop.add("content-length")
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in hop}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def relayed(storage: str, service: str, relay: Relay) -> AsyncIterator[str]:
    """This connection string, with the `Blob` or `Table` service behind the relay."""
    parts = dict(part.split("=", 1) for part in storage.strip(";").split(";"))
    endpoint = parts[f"{service}Endpoint"]
    address, account = endpoint.rsplit("/", 1)
    async with relay.before(address) as own:
        yield storage.replace(endpoint, f"{own}/{account}")
