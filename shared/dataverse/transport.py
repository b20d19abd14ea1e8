"""One HTTP exchange with Dataverse. aiohttp rather than httpx: docs/decisions/0009 has the measurements.

No redirects, no proxies from the environment, no cookies: the affinity cookie would tie every request to one web
server and its limits ("Service protection API limits", maximise throughput).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

from yarl import URL

from shared import http_library
from shared.dataverse.errors import UnavailableError

if TYPE_CHECKING:
    import aiohttp

MAX_REPLY_BYTES = 32 * 1024 * 1024
MAX_URGENT_REPLY_BYTES = 2 * 1024 * 1024
"""For callers with a deadline, of whom many may wait at once."""
_LARGE_BODY_BYTES = 512 * 1024
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 150.0
"""The service gives up on a request after two to four minutes; a gateway before it earlier."""
_WHOLE_ANSWER_SECONDS = 300.0
"""An answer that drips is never silent for long. 32 MB come in this time over a line of 1 Mbit/s."""


class NotSentError(UnavailableError):
    """No connection came about: whatever the request is, it did nothing and may go again."""


class TimedOutError(UnavailableError):
    """No answer in time. Whether the request was carried out is unknown."""


class AnswerTooLargeError(UnavailableError):
    """An answer larger than any that we take. The same question would be answered so again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are looked up whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """The connections of the process, kept alive. Opened by the first request of the running event loop."""

    def __init__(self, connections: int, connected: Callable[[float], None]) -> None:
        """`connected` is told how many seconds each new connection took to open."""
        self._connections = connections
        self._connected = connected
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int | None = None
    ) -> Reply:
        """Send one request and read all of its answer, of `max_bytes` at most (MAX_REPLY_BYTES).

        Raises UnavailableError when no answer comes that can be used. A connection whose answer was not read to its
        end is closed.
        """
        await http_library.ready()
        import aiohttp

        limit = MAX_REPLY_BYTES if max_bytes is None else max_bytes
        try:
            # A large body goes out in pieces, between which the event loop answers others.
            data = BytesIO(body) if body is not None and len(body) > _LARGE_BODY_BYTES else body
            async with self._open().request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _limited(response, limit))
        # Their texts can hold the URL, and so a phone number: only the kind of failure is passed on.
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(f"no connection to Dataverse: {type(error).__name__}") from None
        except aiohttp.ConnectionTimeoutError:
            raise NotSentError("no connection to Dataverse in time") from None
        except TimeoutError:
            raise TimedOutError("no answer from Dataverse in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"no answer from Dataverse: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=_WHOLE_ANSWER_SECONDS, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS
                ),
                skip_auto_headers=("User-Agent",),
                trace_configs=[self._connection_times(loop)],
            )
        return self._session

    def _connection_times(self, loop: asyncio.AbstractEventLoop) -> "aiohttp.TraceConfig":
        import aiohttp

        trace = aiohttp.TraceConfig()

        async def opening(session: "aiohttp.ClientSession", context: SimpleNamespace, _: object) -> None:
            context.since = loop.time()

        async def opened(session: "aiohttp.ClientSession", context: SimpleNamespace, _: object) -> None:
            self._connected(loop.time() - context.since)

        trace.on_connection_create_start.append(opening)
        trace.on_connection_create_end.append(opened)
        return trace


async def _limited(response: "aiohttp.ClientResponse", limit: int) -> bytes:
    """All of the answer, decompressed, unless it is larger than any answer that we asked for."""
    too_large = AnswerTooLargeError(f"Dataverse's answer is larger than {limit // 1024**2} MB")
    if (response.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)
