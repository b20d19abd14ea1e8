"""One HTTP exchange with Enreach, through aiohttp as with Dataverse (docs/decisions/0009).

No redirects, no proxies from the environment, no cookies: the key goes to the address that was decided on, only there.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from shared import http_library
from shared.enreach.errors import NotSentError, ReplyTooLargeError, UnavailableError

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS = 4
"""The API's limits are not known; call sync and callback sync ask one thing after the other."""
CONNECT_SECONDS = 5.0
SILENT_SECONDS = 60.0
WHOLE_ANSWER_SECONDS = 150.0
"""An answer that drips is never silent for long. 32 MB come in this time over a line of 2 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are looked up whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """The connections of the process, kept alive. Opened by the first request of the running event loop."""

    def __init__(self, *, silent: float = SILENT_SECONDS, whole: float = WHOLE_ANSWER_SECONDS) -> None:
        """`silent` is how many seconds nothing may come, `whole` how many an answer may take."""
        self._silent = silent
        self._whole = whole
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Reply:
        """Send one request and read all of its answer, of `max_bytes` at most.

        Raises UnavailableError when no answer comes that can be used.
        """
        await http_library.ready()
        import aiohttp

        try:
            async with self._open().request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _limited(response, max_bytes))
        # Their texts can hold the URL, and so an e-mail or a token: only the kind of failure is passed on.
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(f"no connection to Enreach: {type(error).__name__}") from None
        except aiohttp.ConnectionTimeoutError:
            raise NotSentError("no connection to Enreach in time") from None
        except TimeoutError:
            raise UnavailableError("no answer from Enreach in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnavailableError(f"no answer from Enreach: {type(error).__name__}") from None

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
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._whole, sock_connect=CONNECT_SECONDS, sock_read=self._silent),
            )
        return self._session


async def _limited(response: "aiohttp.ClientResponse", limit: int) -> bytes:
    """All of the answer, decompressed, unless it is larger than any answer that we asked for."""
    too_large = ReplyTooLargeError(f"Enreach's answer is larger than {limit // 1024} kB", status=response.status)
    if (response.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)
