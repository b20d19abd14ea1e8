"""The Dataverse client: sends what `odata` built, waits and repeats as `retry` says, raises what `errors` names."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from itertools import batched
from urllib.parse import urlsplit

import httpx
from azure.core.exceptions import AzureError

from shared import retry
from shared.clock import utc_now
from shared.dataverse import odata
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import DataverseError, ThrottledError, UnavailableError
from shared.dataverse.odata import Part, PartReply, Query
from shared.dataverse.tables import JsonRow, Table

CHUNK_ROWS = 250
CHUNKS_IN_FLIGHT = 8
QUERIES_A_BATCH = 20
MAX_REPLY_BYTES = 32 * 1024 * 1024
PAGE_LIMIT = 10_000
"""Pages of one query: at 5,000 rows each far above any table we read, so more can only be a loop."""

_STANDARD_HEADERS = {
    # "Compose HTTP requests and handle errors": expected on every request; the last defeats cached expands.
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}


@dataclass
class RequestMeter:
    """How many HTTP requests went to Dataverse, repeated ones included."""

    requests: int = 0


_meter: ContextVar[RequestMeter | None] = ContextVar("dataverse_request_meter", default=None)


@contextmanager
def count_requests() -> Iterator[RequestMeter]:
    """Counts the requests of this task and of the tasks that it starts."""
    meter = RequestMeter()
    reset = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(reset)


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that Dataverse refused, by its id, with the reason."""

    row_id: str
    error: DataverseError


@dataclass(slots=True)
class WriteOutcome:
    """What became of many rows: how many are written, and each that was refused."""

    written: int = 0
    failures: list[RowFailure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: httpx.Headers
    body: bytes


class DataverseClient:
    """Reads and writes rows. One instance a process: it shares connections, the token and a throttling pause."""

    def __init__(self, base_url: str, tokens: TokenCache, http: httpx.AsyncClient) -> None:
        self._api = base_url + odata.API_PATH
        self._tokens = tokens
        self._http = http
        self._paused_until = 0.0

    # ------------------------------------------------------------------------------------------- reading

    async def query(self, query: Query) -> list[JsonRow]:
        """All rows of one query, over all its pages."""
        (rows,) = await self.query_many([query])
        return rows

    async def query_many(self, queries: Sequence[Query]) -> list[list[JsonRow]]:
        """The rows of each query, in order. Up to 20 queries share one `$batch`, so many questions cost one request.

        Raises the first failure among them.
        """
        paths = [query.path() for query in queries]
        results: list[list[JsonRow]] = []
        for chunk in batched(paths, QUERIES_A_BATCH, strict=False):
            for reply in await self._send_parts([Part("GET", path) for path in chunk]):
                results.append(await self._all_pages(reply.body))
        return results

    async def _all_pages(self, page: object) -> list[JsonRow]:
        rows: list[JsonRow] = []
        followed: set[str] = set()
        while True:
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise UnavailableError("Dataverse's answer to a query has no rows")
            rows += page["value"]
            link = page.get("@odata.nextLink")
            if link is None:
                return rows
            if link in followed or len(followed) >= PAGE_LIMIT:
                raise UnavailableError("Dataverse's pages lead in a circle")
            followed.add(link)
            page = await self._send("GET", self._own_url(link), lambda reply: odata.read_json(reply.body))

    def _own_url(self, link: str) -> str:
        """A next link is followed byte for byte, but only to our own environment."""
        if urlsplit(link)[:2] != urlsplit(self._api)[:2]:
            raise UnavailableError("a next page lies outside of the Dataverse environment")
        return link

    # ------------------------------------------------------------------------------------------- writing

    async def upsert_many(self, table: Table, rows: Sequence[JsonRow]) -> WriteOutcome:
        """Create or update every row under its own id, in requests of hundreds (UpsertMultiple).

        A bulk request on a standard table is all or nothing, so a refused one is halved until the rows that
        Dataverse refuses stand alone; the others are written. Raises UnavailableError or DeniedError when the
        write cannot go on; what was written by then stays, and the same call may be made again.
        """
        outcome = WriteOutcome()
        slots = asyncio.Semaphore(CHUNKS_IN_FLIGHT)

        async def write(chunk: Sequence[JsonRow]) -> None:
            async with slots:
                error = await self._upsert_chunk(table, chunk)
            if error is None:
                outcome.written += len(chunk)
            elif len(chunk) == 1:
                outcome.failures.append(RowFailure(chunk[0][table.primary_id], error))
            else:
                middle = len(chunk) // 2
                await write(chunk[:middle])
                await write(chunk[middle:])

        try:
            async with asyncio.TaskGroup() as group:
                for chunk in batched(rows, CHUNK_ROWS, strict=False):
                    group.create_task(write(chunk))
        except* DataverseError as failed:
            first = failed
        else:
            return outcome
        raise _first_error(first)

    async def _upsert_chunk(self, table: Table, chunk: Sequence[JsonRow]) -> DataverseError | None:
        """None when written, the error when Dataverse refuses a row of the chunk."""
        url = f"{self._api}{table.entity_set}/Microsoft.Dynamics.CRM.UpsertMultiple"
        try:
            await self._send("POST", url, _nothing, odata.multiple_body(table, chunk), "application/json")
        except UnavailableError:
            raise
        except DataverseError as error:
            if error.status in {401, 403}:
                raise
            return error
        return None

    # ------------------------------------------------------------------------------------------- sending

    async def _send_parts(self, parts: Sequence[Part]) -> list[PartReply]:
        """The answers to independent, repeatable requests, sent as one `$batch`; only failed ones go again."""
        replies: dict[int, PartReply] = {}
        attempt = 0
        while True:
            waiting = [number for number in range(len(parts)) if number not in replies]
            answers = await self._send_batch([parts[number] for number in waiting])
            errors: list[UnavailableError] = []
            for number, answer in zip(waiting, answers, strict=True):
                error = answer.error(utc_now())
                if error is None:
                    replies[number] = answer
                elif isinstance(error, UnavailableError):
                    errors.append(error)
                else:
                    raise error
            if not errors:
                return [replies[number] for number in range(len(parts))]
            attempt = await self._wait_or_raise(errors[0], attempt)

    async def _send_batch(self, parts: Sequence[Part]) -> list[PartReply]:
        boundary = f"batch_{uuid.uuid4()}"

        def read(reply: _Reply) -> list[PartReply]:
            answers = odata.read_batch(reply.headers.get("content-type", ""), reply.body)
            if len(answers) != len(parts):
                raise UnavailableError(f"the $batch reply answers {len(answers)} of {len(parts)} requests")
            return answers

        return await self._send(
            "POST",
            f"{self._api}$batch",
            read,
            odata.batch_body(parts, boundary),
            f'multipart/mixed; boundary="{boundary}"',
            # Without it the first failing part would end the whole batch.
            {"Prefer": "odata.continue-on-error"},
        )

    async def _send[T](
        self,
        method: str,
        url: str,
        read: Callable[[_Reply], T],
        body: bytes | None = None,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> T:
        """One repeatable request until `read` can make sense of its answer.

        Raises the error that the last answer stands for.
        """
        attempt = 0
        renewed = False
        while True:
            await self._respect_pause()
            token = await self._token()
            try:
                reply = await self._exchange(method, url, body, content_type, {**(headers or {})}, token)
                self._raise_for(reply)
                return read(reply)
            except DataverseError as error:
                if error.status == 401 and not renewed:
                    renewed = True
                    self._tokens.discard(token)
                    continue
                if not isinstance(error, UnavailableError):
                    raise
                attempt = await self._wait_or_raise(error, attempt)

    async def _token(self) -> str:
        try:
            return await self._tokens.token()
        except AzureError as error:
            # The text of the identity library may hold tenant and client ids, no secret; its type is enough here.
            raise UnavailableError(f"no token for Dataverse: {type(error).__name__}") from error

    async def _exchange(
        self,
        method: str,
        url: str,
        body: bytes | None,
        content_type: str | None,
        headers: dict[str, str],
        token: str,
    ) -> _Reply:
        """One HTTP exchange, its reply limited in size."""
        headers |= {**_STANDARD_HEADERS, "Authorization": f"Bearer {token}"}
        if content_type:
            headers["Content-Type"] = content_type
        meter = _meter.get()
        if meter is not None:
            meter.requests += 1
        try:
            async with self._http.stream(method, url, content=body, headers=headers) as response:
                chunks = bytearray()
                async for chunk in response.aiter_bytes():
                    chunks += chunk
                    if len(chunks) > MAX_REPLY_BYTES:
                        raise UnavailableError("Dataverse's answer is larger than 32 MB")
                return _Reply(response.status_code, response.headers, bytes(chunks))
        except httpx.HTTPError as error:
            # Its text can hold the URL, and so a phone number: only the kind of failure is passed on.
            raise UnavailableError(f"no answer from Dataverse: {type(error).__name__}") from None

    def _raise_for(self, reply: _Reply) -> None:
        content_type = reply.headers.get("content-type", "")
        if reply.status < 400:
            if reply.body and not content_type.startswith(("application/json", "multipart/mixed")):
                raise UnavailableError(f"Dataverse answered with {content_type.split(';')[0]!r}")
            return
        error = PartReply(reply.status, dict(reply.headers), _json_or_nothing(reply.body)).error(utc_now())
        if error is not None:
            raise error

    async def _wait_or_raise(self, error: UnavailableError, attempts: int) -> int:
        """Wait until the request may go again and tell its failed attempts so far; or raise the error."""
        if isinstance(error, ThrottledError):
            pause = retry.after_throttling(error.retry_after)
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + pause.seconds)
            return attempts
        match retry.after_failure(attempts + 1, repeatable=True, jitter=random.random()):  # noqa: S311 - spreads load
            case retry.RetryIn(seconds):
                await asyncio.sleep(seconds)
            case retry.GiveUp():
                raise error
        return attempts + 1

    async def _respect_pause(self) -> None:
        """A throttling answer slows every request of the process, not only the one that got it."""
        # The pause may grow while we wait, and its end is a moment, not an event.
        while (remaining := self._paused_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(remaining)


def _nothing(reply: _Reply) -> None:
    """A write's answer has no body to read."""


def _first_error(group: ExceptionGroup[DataverseError]) -> DataverseError:
    first = group.exceptions[0]
    return _first_error(first) if isinstance(first, ExceptionGroup) else first


def _json_or_nothing(body: bytes) -> object:
    """An error's JSON; a gateway in between may have put something else there."""
    try:
        return odata.read_json(body)
    except UnavailableError:
        return None


def http_client() -> httpx.AsyncClient:
    """The connections of the process: kept alive, no redirects, no cookies (affinity would tie us to one server)."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    timeout = httpx.Timeout(connect=5.0, read=150.0, write=60.0, pool=60.0)
    client = httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False, trust_env=False)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client
