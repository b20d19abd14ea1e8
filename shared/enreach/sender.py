"""Sends one request until its answer can be used or the failure stands: address, pause, exchange, repeat."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from yarl import URL

from shared import retry
from shared.clock import utc_now
from shared.enreach import discovery, replies
from shared.enreach.credentials import Credentials
from shared.enreach.endpoint import Endpoint
from shared.enreach.errors import (
    CredentialsError,
    DeniedError,
    EndpointError,
    EnreachError,
    NotFoundError,
    ReplyTooLargeError,
    ThrottledError,
    UnavailableError,
)
from shared.enreach.requests import Ask
from shared.enreach.transport import Reply, Transport
from shared.long_work import SHORT, aside

PATIENCE_SECONDS = 180.0
"""How long one request takes at most, all repeats and pauses together, but for the last exchange."""
_MANY_404 = 3
_MAX_DISCOVERY_BYTES = 64 * 1024
# The newer serializer, which writes ISO dates (public Python client); some answers of the older one are read too.
_HEADERS: Mapping[str, str] = {"Accept": "application/json", "X-Json-Serializer": "2", "User-Agent": "Switchboard"}


class Sender:
    """The one way to Enreach for the process: it shares connections, the address and the pause after a 429.

    `requests` counts what was sent by operation, repeats included; `failure` is what the last request met, None after
    a success, and `since` since when requests have failed, or succeeded.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        discovery_url: str,
        api_url: str | None,
        *,
        patience: float = PATIENCE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.failure: EnreachError | None = None
        self.since: datetime | None = None
        self._transport = transport
        self._credentials = credentials
        self._discovery_url = discovery_url
        self._endpoint = Endpoint(api_url, self._discovered)
        self._patience = patience
        self._sleep = sleep
        self._resume_at = float("-inf")
        self._throttled = 0
        self._missing = 0

    async def address(self) -> str:
        """Where the API is, without a slash at its end. Asks where it is not known yet. Raises EnreachError."""
        return await self._endpoint.address()

    async def send[T](self, ask: Ask, read: Callable[[bytes, str], T]) -> T:
        """What `read` makes of the answer's body and of the API's address.

        `read` raises UnreadableReplyError for an answer that is not what was asked for; a long one it reads in another
        thread. Raises the error that the last answer stands for. A refusal of the key is never tried again.
        """
        try:
            answer = await self._until_answered(ask, read)
        except EnreachError as error:
            # That one thing is gone is an answer.
            self._note(None if ask.names_one and isinstance(error, NotFoundError) else error)
            raise
        self._note(None)
        return answer

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        await self._transport.close()

    async def _until_answered[T](self, ask: Ask, read: Callable[[bytes, str], T]) -> T:
        ends = _Budget(self._patience)
        failures = 0
        while True:
            await self._wait_for_end_of_pause(ends)
            try:
                return await self._tried(ask, read)
            except ThrottledError as error:
                if not ends.allows(error.retry_after):
                    raise
            except ReplyTooLargeError:
                raise
            except UnavailableError:
                failures += 1
                step = retry.after_failure(failures, repeatable=True, jitter=random.random())  # noqa: S311 - spreads callers
                if isinstance(step, retry.GiveUp) or not ends.allows(step.seconds):
                    raise
                ends.spend(step.seconds)
                await self._sleep(step.seconds)

    async def _tried[T](self, ask: Ask, read: Callable[[bytes, str], T]) -> T:
        """One try, and a second one where a 404 turns out to mean that the API has moved."""
        address = await self._endpoint.address()
        try:
            return await self._asked(ask, address, read)
        except NotFoundError:
            self._missing += 1
            if ask.names_one and self._missing < _MANY_404:
                raise
            if not await self._endpoint.has_moved(address):
                raise
        return await self._asked(ask, await self._endpoint.address(), read)

    async def _asked[T](self, ask: Ask, address: str, read: Callable[[bytes, str], T]) -> T:
        headers = {**_HEADERS, "Authorization": self._credentials.authorization}
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            reply = await self._exchanged(ask.operation, ask.method, ask.url(address), ask.body, headers, ask.max_bytes)
            self._require_success(reply)
        except UnavailableError as error:
            if error.status is None or error.status < 400:
                self._endpoint.doubt(address)
            raise
        except CredentialsError:
            # Of a user who was moved, the old place may say so. The next request asks where the API is.
            self._endpoint.doubt(address)
            raise
        self._missing = 0
        return await aside(read, reply.body, address) if len(reply.body) > SHORT else read(reply.body, address)

    async def _discovered(self) -> str:
        url = discovery.discovery_request(self._discovery_url, self._credentials.user)
        reply = await self._exchanged("discovery", "GET", url, None, _HEADERS, _MAX_DISCOVERY_BYTES)
        try:
            self._require_success(reply)
        except (DeniedError, NotFoundError):
            raise EndpointError(f"Enreach's discovery answered {reply.status}", status=reply.status) from None
        return discovery.endpoint_of(replies.read_list(reply.body), self._discovery_url)

    async def _exchanged(
        self, operation: str, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Reply:
        self.requests[operation] += 1
        return await self._transport.exchange(method, url, body, headers, max_bytes)

    def _require_success(self, reply: Reply) -> None:
        """Raise the error that an answer stands for. After a 429 everybody pauses, as all would meet the next one."""
        if reply.status == 429:
            self._throttled += 1
            pause = replies.pause_after(self._throttled, reply.headers.get("Retry-After"), utc_now())
            self._resume_at = max(self._resume_at, _now() + pause)
            raise ThrottledError("Enreach answered 429", retry_after=pause)
        self._throttled = 0
        if (error := replies.error_of(reply.status)) is not None:
            raise error

    async def _wait_for_end_of_pause(self, ends: "_Budget") -> None:
        pause = self._resume_at - _now()
        if pause <= 0:
            return
        if not ends.allows(pause):
            raise ThrottledError("Enreach said 429 a moment ago", retry_after=pause)
        ends.spend(pause)
        await self._sleep(pause)

    def _note(self, failure: EnreachError | None) -> None:
        if self.since is None or (failure is None) is not (self.failure is None):
            self.since = utc_now()
        self.failure = failure


class _Budget:
    """The time that one request may still take. Pauses count as planned, exchanges as they were."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._paused = 0.0
        self._began = _now()

    def allows(self, pause: float) -> bool:
        return max(_now() - self._began, self._paused) + pause <= self._left

    def spend(self, pause: float) -> None:
        self._paused += pause


def _now() -> float:
    return asyncio.get_running_loop().time()
