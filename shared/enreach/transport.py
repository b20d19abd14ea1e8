"""One HTTP exchange with Enreach, and what can become of it."""

from collections.abc import Mapping

from yarl import URL

from shared.enreach.errors import NotSentError, ReplyTooLargeError, UnavailableError
from shared.http_exchange import (
    Connections,
    ExchangeError,
    NoAnswerInTimeError,
    NotConnectedError,
    Patience,
    TooLargeError,
)
from shared.http_exchange import (
    Reply as Reply,
)

CONNECTIONS = 4
"""The API's limits are not known; call sync and callback sync ask one thing after the other."""
CONNECT_SECONDS = 5.0
SILENT_SECONDS = 60.0
WHOLE_ANSWER_SECONDS = 150.0
"""32 MB come in this time over a line of 2 Mbit/s."""


class Transport:
    """The connections of the process to Enreach."""

    def __init__(self, *, silent: float = SILENT_SECONDS, whole: float = WHOLE_ANSWER_SECONDS) -> None:
        """`silent` is how many seconds nothing may come, `whole` how many an answer may take."""
        self._connections = Connections(CONNECTIONS, Patience(CONNECT_SECONDS, silent, whole))

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Reply:
        """Send one request and read all of its answer, of `max_bytes` at most.

        Raises UnavailableError when no answer comes that can be used.
        """
        try:
            return await self._connections.exchange(method, url, body, headers, max_bytes)
        except NotConnectedError as error:
            raise NotSentError(f"no connection to Enreach: {error}") from None
        except NoAnswerInTimeError:
            raise UnavailableError("no answer from Enreach in time") from None
        except TooLargeError as error:
            text = f"Enreach's answer is larger than {max_bytes // 1024} kB"
            raise ReplyTooLargeError(text, status=error.status) from None
        except ExchangeError as error:
            raise UnavailableError(f"no answer from Enreach: {error}") from None

    async def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        await self._connections.close()
