"""One HTTP exchange with Dataverse, and what can become of it."""

from collections.abc import Callable, Mapping

from yarl import URL

from shared.dataverse.errors import UnavailableError
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

MAX_REPLY_BYTES = 32 * 1024 * 1024
MAX_URGENT_REPLY_BYTES = 2 * 1024 * 1024
"""For callers with a deadline, of whom many may wait at once."""
_PATIENCE = Patience(connect=5.0, silent=150.0, whole=300.0)
"""The service gives up on a request after two to four minutes; a gateway before it earlier. In five minutes 32 MB come
over a line of 1 Mbit/s."""


class NotSentError(UnavailableError):
    """No connection came about: whatever the request is, it did nothing and may go again."""


class TimedOutError(UnavailableError):
    """No answer in time. Whether the request was carried out is unknown."""


class AnswerTooLargeError(UnavailableError):
    """An answer larger than any that we take. The same question would be answered so again."""


class Transport:
    """The connections of the process to Dataverse."""

    def __init__(self, connections: int, connected: Callable[[float], None]) -> None:
        """`connected` is told how many seconds each new connection took to open."""
        self._connections = Connections(connections, _PATIENCE, connected)

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int | None = None
    ) -> Reply:
        """Send one request and read all of its answer, of `max_bytes` at most (MAX_REPLY_BYTES).

        Raises UnavailableError when no answer comes that can be used.
        """
        limit = MAX_REPLY_BYTES if max_bytes is None else max_bytes
        try:
            return await self._connections.exchange(method, url, body, headers, limit)
        except NotConnectedError as error:
            raise NotSentError(f"no connection to Dataverse: {error}") from None
        except NoAnswerInTimeError:
            raise TimedOutError("no answer from Dataverse in time") from None
        except TooLargeError:
            raise AnswerTooLargeError(f"Dataverse's answer is larger than {limit // 1024**2} MB") from None
        except ExchangeError as error:
            raise UnavailableError(f"no answer from Dataverse: {error}") from None

    async def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        await self._connections.close()
