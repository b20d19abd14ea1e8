"""One HTTP exchange with another service, over connections that are kept: what Dataverse and Enreach have in common.

No redirects, no proxies from the environment, no cookies: what a request carries goes to the address that was decided
on, and Dataverse's affinity cookie would tie every request to one web server ("Service protection API limits", maximise
throughput). aiohttp rather than httpx: docs/decisions/0009 has the measurements.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

from yarl import URL

from shared import http_library

if TYPE_CHECKING:
    import aiohttp

_LARGE_BODY_BYTES = 512 * 1024
_KEEP_ALIVE_SECONDS = 60


class ExchangeError(Exception):
    """No answer that can be used. `str` names the kind of failure alone: the library's own texts can hold the URL."""


class NotConnectedError(ExchangeError):
    """No connection came about: whatever the request is, it did nothing."""


class NoAnswerInTimeError(ExchangeError):
    """Whether the request was carried out is unknown."""


class TooLargeError(ExchangeError):
    """The answer has more bytes than were asked for."""

    def __init__(self, status: int) -> None:
        super().__init__("the answer is too large")
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are looked up whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a connection stands, while nothing comes, and for a whole answer, which may drip all the time."""

    connect: float
    silent: float
    whole: float


class Connections:
    """The connections of the process to one service. Opened by the first request of the running event loop."""

    def __init__(self, most: int, patience: Patience, connected: Callable[[float], None] | None = None) -> None:
        """`most` at a time. `connected` is told how many seconds each new connection took to open."""
        self._most = most
        self._patience = patience
        self._connected = connected
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Reply:
        """Send one request and read all of its answer. Raises ExchangeError; a connection whose answer was not read to
        its end is closed."""
        await http_library.ready()
        import aiohttp

        # A large body goes out in pieces, between which the event loop answers others.
        data = BytesIO(body) if body is not None and len(body) > _LARGE_BODY_BYTES else body
        try:
            async with self._open().request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _limited(response, max_bytes))
        except aiohttp.ClientConnectorError as error:
            raise NotConnectedError(type(error).__name__) from None
        except aiohttp.ConnectionTimeoutError:
            raise NotConnectedError("not in time") from None
        except TimeoutError:
            raise NoAnswerInTimeError("not in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ExchangeError(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _open(self) -> "aiohttp.ClientSession":
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop, self._session = loop, self._new_session(loop)
        return self._session

    def _new_session(self, loop: asyncio.AbstractEventLoop) -> "aiohttp.ClientSession":
        import aiohttp

        patience = self._patience
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._most, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=patience.whole, sock_connect=patience.connect, sock_read=patience.silent
            ),
            skip_auto_headers=("User-Agent",),
            trace_configs=[] if self._connected is None else [_connection_times(loop, self._connected)],
        )


def _connection_times(loop: asyncio.AbstractEventLoop, connected: Callable[[float], None]) -> "aiohttp.TraceConfig":
    import aiohttp

    trace = aiohttp.TraceConfig()

    async def opening(session: "aiohttp.ClientSession", context: SimpleNamespace, _: object) -> None:
        context.since = loop.time()

    async def opened(session: "aiohttp.ClientSession", context: SimpleNamespace, _: object) -> None:
        connected(loop.time() - context.since)

    trace.on_connection_create_start.append(opening)
    trace.on_connection_create_end.append(opened)
    return trace


async def _limited(response: "aiohttp.ClientResponse", limit: int) -> bytes:
    """All of the answer, decompressed, unless it is larger than any answer that was asked for."""
    if (response.content_length or 0) > limit:
        raise TooLargeError(response.status)
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(response.status)
    return bytes(body)
