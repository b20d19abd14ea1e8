"""One exchange over HTTP with a server that does what no simulator of an API does."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from yarl import URL

from local.stack.ports import free_port
from shared.enreach.errors import NotSentError, ReplyTooLargeError
from shared.enreach.transport import Transport

type Handler = Callable[[web.Request], Awaitable[web.Response]]
type Serve = Callable[[Handler], Awaitable[URL]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves a handler at every path and returns its address."""
    runners: list[web.AppRunner] = []

    async def started(handler: Handler) -> URL:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return URL(f"http://127.0.0.1:{runner.addresses[0][1]}/")

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport()
    yield transport
    await transport.close()


async def test_a_redirect_is_an_answer_and_is_not_followed(serve: Serve, transport: Transport) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/other"})

    reply = await transport.exchange("GET", await serve(elsewhere), None, {"Authorization": "Basic x"}, 1000)
    assert (reply.status, asked) == (302, ["/"])


async def test_cookies_are_not_kept(serve: Serve, transport: Transport) -> None:
    seen: list[str | None] = []

    async def cookie(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(text="[]", headers={"Set-Cookie": "server=7; Path=/"})

    url = await serve(cookie)
    for _ in range(2):
        await transport.exchange("GET", url, None, {}, 1000)
    assert seen == [None, None]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize(("size", "passes"), [(1000, True), (1001, False)])
async def test_an_answer_is_measured_unpacked(
    serve: Serve, transport: Transport, packed: bool, size: int, passes: bool
) -> None:
    body = b" " * size

    async def large(request: web.Request) -> web.Response:
        if packed:
            return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return web.Response(body=body)

    url = await serve(large)
    if passes:
        assert (await transport.exchange("GET", url, None, {}, 1000)).body == body
    else:
        with pytest.raises(ReplyTooLargeError):
            await transport.exchange("GET", url, None, {}, 1000)


async def test_nobody_there_is_told_apart(transport: Transport) -> None:
    with pytest.raises(NotSentError):
        await transport.exchange("GET", URL(f"http://127.0.0.1:{free_port()}/?user=x@y.example"), None, {}, 1000)


async def test_after_closing_it_opens_again(serve: Serve, transport: Transport) -> None:
    async def empty(request: web.Request) -> web.Response:
        return web.Response(text="[]")

    url = await serve(empty)
    for _ in range(2):
        assert (await transport.exchange("GET", url, None, {}, 1000)).body == b"[]"
        await transport.close()
