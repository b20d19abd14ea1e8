"""The real client against an environment that costs virtual time only: minutes of traffic play in a moment.

The event loop's clock jumps to the next timer instead of waiting for it. The environment is a model of what
"Service protection API limits" and "Bulk operation messages" say, no Dataverse: it keeps rows of bookings by their id,
and answers questions inside `$batch` from lists that it is given, in pages.
"""

import asyncio
import json
import re
import selectors
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from yarl import URL

from shared.dataverse.batches import Batches, probe
from shared.dataverse.bulk import BulkWriter, Progress, Write, WriteOutcome
from shared.dataverse.credentials import TokenCache
from shared.dataverse.odata import Query
from shared.dataverse.pages import PageReader
from shared.dataverse.row_source import Rows
from shared.dataverse.sender import HttpRequest, Sender
from shared.dataverse.tables import BOOKING, JsonRow, Table
from shared.dataverse.traffic import Traffic
from shared.dataverse.transport import Reply, TimedOutError, Transport

API = "https://org.example/api/data/v9.2/"
CONCURRENCY = "0x80072326"
EXECUTION_TIME = "0x80072321"
ROWS_A_PAGE = 50
"""A hundredth of the real ones, at a hundred times the price: the requests are the same."""
_REFUSAL_SECONDS = 0.002


WELL = Reply(
    200,
    {"content-type": "multipart/mixed; boundary=r"},
    b"--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--r--\r\n",
)
"""The answer to a probe."""


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            # No timer and nothing ready: in a world without sockets nobody will ever move again.
            raise RuntimeError("everybody waits for something that nobody does")
        if timeout > 0:
            self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Work of another thread takes no virtual time."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            done.set_exception(error)
        return done


def play[T](story: Coroutine[Any, Any, T]) -> T:
    """The result of the story, in virtual time. Raises RuntimeError when everybody waits for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it arrived: its number from 1, the moment, and the writes that it asks for."""

    number: int
    at: float
    message: str
    """UpsertMultiple, UpdateMultiple, $batch or GET."""
    writes: list["Asked"]
    pages: list["Page"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """One write: `only` is `create` or `update` where the row must not, or must, exist; None asks for a deletion."""

    row_id: str
    row: JsonRow | None
    only: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list that a `$batch` asks for: from which row on, and how many at most."""

    of: str
    start: int
    size: int


@dataclass
class Environment:
    """What an environment costs and allows. Fields may change while a story plays."""

    row_ms: float = 2
    latency_ms: float = 60
    slots: int = 52
    most_at_once: int = 52
    hint: int = 52
    code: str = CONCURRENCY
    storm: Callable[[float], float] = lambda now: 0.0
    """Seconds of Retry-After that everybody is refused with at a moment, 0 when nobody is."""
    most_rows: int = 10_000
    """Rows in one request; more are too large (413)."""
    longest_s: float = inf
    """Seconds of work after which a request is given up, with nothing done."""
    without_messages: bool = False
    """Whether the environment knows no bulk message for the table."""
    bad: Callable[[JsonRow], bool] = lambda row: False
    """Rows that are refused."""
    fault: Callable[[Sent], Reply | Exception | None] = lambda sent: None
    """What becomes of a request that was let in, instead of its work."""
    lost: Callable[[Sent], Exception | None] = lambda sent: None
    """What becomes of an answer, after the work."""
    part_fault: Callable[[Sent, Asked], int | None] = lambda sent, asked: None
    """The status of a part of a `$batch` that is not carried out."""
    lists: dict[str, int] = field(default_factory=dict)
    """How many rows `name eq '<list>'` finds; names of letters, digits and hyphens."""
    read_ms: float = 20
    """What a row costs that is read."""
    page_fault: Callable[[Sent, Page], Reply | None] = lambda sent, page: None
    """What a page is answered with, instead of its rows."""

    probe: Callable[[], Reply | Exception] = lambda: WELL
    """How a probe of the breaker is answered."""
    probes: list[float] = field(default_factory=list)
    """When they came."""

    rows: dict[str, JsonRow] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    """How often each row was written."""
    under_way: int = 0
    widest: int = 0
    requests: int = 0
    refused: int = 0
    sent: list[Sent] = field(default_factory=list)
    answers: list[tuple[float, int]] = field(default_factory=list)
    """When how many rows were written."""
    _in_a_row: int = 0
    _busy: int = 0
    _queue: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], max_bytes: int | None = None
    ) -> Reply:
        if body is not None and b"GET /api/data/v9.2/WhoAmI" in body:
            return await self._probed()
        loop = asyncio.get_running_loop()
        self.requests += 1
        self.widest = max(self.widest, self.under_way + 1)
        sent = _read(self.requests, loop.time(), method, url, body or b"", headers)
        self.sent.append(sent)
        hint = {"x-ms-dop-hint": str(self.hint)} if self.hint else {}
        wait = self.storm(sent.at)
        if self.under_way >= self.most_at_once or wait:
            self.refused += 1
            self._in_a_row += 1
            await asyncio.sleep(_REFUSAL_SECONDS)
            return refusal(self.code, self.most_at_once, int(wait or 1 + self._in_a_row // 10), hint)
        self._in_a_row = 0
        self.under_way += 1
        try:
            await asyncio.sleep(self.latency_ms / 1000)
            reply = await self._answer(sent)
            if (lost := self.lost(sent)) is not None:
                raise lost
            return Reply(reply.status, {**reply.headers, **hint}, reply.body)
        finally:
            self.under_way -= 1

    async def _probed(self) -> Reply:
        self.probes.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.latency_ms / 1000)
        if isinstance(answer := self.probe(), Exception):
            raise answer
        return answer

    async def _answer(self, sent: Sent) -> Reply:
        fault = self.fault(sent)
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            return fault
        if len(sent.writes) > self.most_rows:
            return error_reply(413, "")
        if self.without_messages and sent.message.endswith("Multiple"):
            return error_reply(404, "0x80060888")
        rows_read = sum(len(self._rows_of(page)) for page in sent.pages)
        seconds = (len(sent.writes) * self.row_ms + rows_read * self.read_ms) / 1000
        await self._work(min(seconds, self.longest_s))
        if seconds > self.longest_s:
            raise TimedOutError("no answer from Dataverse in time")
        if sent.message == "GET":
            return Reply(200, {"content-type": "application/json"}, b'{"value": []}')
        return self._batch(sent) if sent.message == "$batch" else self._multiple(sent)

    def _multiple(self, sent: Sent) -> Reply:
        assert len({asked.row_id for asked in sent.writes}) == len(sent.writes), "an id twice in one message"
        for asked in sent.writes:
            if (refused := self._refused(asked)) is not None:
                return error_reply(*refused)
        for asked in sent.writes:
            self._write(asked)
        self.answers.append((asyncio.get_running_loop().time(), len(sent.writes)))
        return Reply(204, {}, b"")

    def _batch(self, sent: Sent) -> Reply:
        parts = [self._part(sent, asked) for asked in sent.writes]
        parts += [self.page_fault(sent, page) or self._page(page) for page in sent.pages]
        self.answers.append((asyncio.get_running_loop().time(), sum(reply.status < 400 for reply in parts)))
        head = b"--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 %d Said\r\n%s\r\n\r\n%s\r\n"
        texts = [
            head % (reply.status, b"\r\n".join(f"{k}: {v}".encode() for k, v in reply.headers.items()), reply.body)
            for reply in parts
        ]
        return Reply(200, {"content-type": "multipart/mixed; boundary=r"}, b"".join(texts) + b"--r--\r\n")

    def _rows_of(self, page: Page) -> range:
        return range(page.start, min(page.start + page.size, self.lists[page.of]))

    def _page(self, page: Page) -> Reply:
        rows = self._rows_of(page)
        body: JsonRow = {"value": [{BOOKING.primary_id: f"{page.of} {number}"} for number in rows]}
        if rows.stop < self.lists[page.of]:
            body["@odata.nextLink"] = f"{API}bookings?$filter=name%20eq%20'{page.of}'&$skiptoken={rows.stop}"
        return Reply(200, {"OData-Version": "4.0"}, json.dumps(body).encode())

    def _part(self, sent: Sent, asked: Asked) -> Reply:
        status = self.part_fault(sent, asked)
        if status is not None:
            return refusal(EXECUTION_TIME, 0, 2, {}) if status == 429 else error_reply(status, "")
        refused = self._refused(asked)
        if refused is not None:
            return error_reply(*refused)
        self._write(asked)
        return Reply(204, {"OData-Version": "4.0"}, b"")

    def _refused(self, asked: Asked) -> tuple[int, str] | None:
        there = asked.row_id in self.rows
        if asked.row is not None and self.bad(asked.row):
            return 400, "0x80044331"
        if there and asked.only == "create":
            return 412, "0x80040237"
        if not there and (asked.only == "update" or asked.row is None):
            return 404, "0x80040217"
        return None

    def _write(self, asked: Asked) -> None:
        self.written[asked.row_id] = self.written.get(asked.row_id, 0) + 1
        if asked.row is None:
            del self.rows[asked.row_id]
        else:
            row = self.rows.get(asked.row_id, {}) | asked.row
            row.pop("@odata.type", None)
            self.rows[asked.row_id] = row

    async def _work(self, seconds: float) -> None:
        """One slot for so long, first come, first served."""
        if self._busy >= self.slots or self._queue:
            turn = asyncio.get_running_loop().create_future()
            self._queue.append(turn)
            self._next()
            await turn
        else:
            self._busy += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._busy -= 1
            self._next()

    def _next(self) -> None:
        while self._queue and self._busy < self.slots:
            turn = self._queue.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)


def refusal(code: str, limit: int, seconds: int, headers: Mapping[str, str]) -> Reply:
    """A 429 as the service words it."""
    texts = {
        CONCURRENCY: f"Number of concurrent requests exceeded the limit of {limit}.",
        EXECUTION_TIME: "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds.",
    }
    return error_reply(429, code, texts.get(code, "limit"), {"Retry-After": str(seconds), **headers})


def error_reply(status: int, code: str, text: str = "no", headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal in the form of OData."""
    body = {"error": {"code": code, "message": text}}
    return Reply(status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


def _read(number: int, at: float, method: str, url: URL, body: bytes, headers: Mapping[str, str]) -> Sent:
    path = url.raw_path
    if path.endswith("Multiple"):
        message = path.rpartition(".")[2]
        only = "update" if message == "UpdateMultiple" else ""
        targets = json.loads(body)["Targets"]
        return Sent(number, at, message, [Asked(row[BOOKING.primary_id], row, only) for row in targets])
    if path.endswith("$batch"):
        boundary = headers["Content-Type"].partition('boundary="')[2].rstrip('"')
        pieces = body.decode().split(f"--{boundary}")[1:-1]
        reads = [piece for piece in pieces if "\nGET " in piece]
        writes = [piece for piece in pieces if piece not in reads]
        return Sent(
            number, at, "$batch", [_read_part(piece) for piece in writes], [_read_page(piece) for piece in reads]
        )
    return Sent(number, at, method, [])


def _read_part(piece: str) -> Asked:
    head, _, body = piece.partition("HTTP/1.1\r\n")
    found = re.search(r"(\w+) \S*\(([-0-9a-f]{36})\) $", head)
    assert found is not None, piece
    lines, _, content = body.partition("\r\n\r\n")
    if found[1] == "DELETE":
        return Asked(found[2], None)
    only = "create" if "If-None-Match: *" in lines else "update" if "If-Match: *" in lines else ""
    return Asked(found[2], json.loads(content), only)


def _read_page(piece: str) -> Page:
    found = re.search(r"name%20eq%20'([^']*)'(?:&\$skiptoken=(\d+))? HTTP", piece)
    assert found is not None, piece
    size = re.search(r"Prefer: odata.maxpagesize=(\d+)\r\n", piece)
    return Page(found[1], int(found[2] or 0), int(size[1]) if size else ROWS_A_PAGE)


class Client:
    """The app's way of writing and of reading much, over the modelled environment."""

    def __init__(self, environment: Environment) -> None:
        async def fetch() -> tuple[str, datetime]:
            return "token", datetime.max.replace(tzinfo=UTC)

        class _Modelled(Transport):
            exchange = staticmethod(environment.exchange)

        self.traffic = Traffic()
        self.traffic.connected(0.03)
        self.sender = Sender(TokenCache(fetch), _Modelled(52, self.traffic.connected), self.traffic, probe(API))
        self.batches = Batches(self.sender, API)
        self.writer = BulkWriter(self.sender, self.batches, API)

    async def upsert(self, rows: Rows) -> WriteOutcome:
        return await self.write(rows, Write.UPSERT)

    async def write(
        self,
        rows: Rows,
        write: Write,
        table: Table[Any, Any, Any, Any] = BOOKING,
        progress: Progress | None = None,
    ) -> WriteOutcome:
        return await self.writer.write(table, rows, write, progress)

    def pages(
        self, queries: Iterable[Query], *, page_size: int | None = None, deadline: float | None = None
    ) -> AsyncGenerator[list[JsonRow]]:
        headers = () if page_size is None else (("Prefer", f"odata.maxpagesize={page_size}"),)
        reader = PageReader(self.sender, self.batches, API, queries, headers=headers, deadline=deadline)
        return reader.pages()

    async def ask(self, *, within: float | None = None, repeatable: bool = True) -> Reply:
        """One small request, with a deadline in seconds or without."""
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        request = HttpRequest("ask", "GET", URL(API + "WhoAmI", encoded=True), repeatable=repeatable)
        return await self.sender.send(request, lambda reply, seconds: reply, deadline=deadline)

    def warm(self, environment: Environment) -> None:
        """As after a first read: the round trip and the environment's recommendation are known."""
        self.traffic.measured(environment.latency_ms / 1000)
        if environment.hint:
            self.traffic.width.hinted(asyncio.get_running_loop().time(), environment.hint)


def bookings(count: int, **columns: Any) -> list[JsonRow]:
    """Rows of which only the id matters here."""
    return [{BOOKING.primary_id: f"00000000-0000-0000-0000-{number:012x}", **columns} for number in range(count)]


def seconds_of(environment: Environment, story: Iterable[tuple[float, Callable[[Environment], None]]] = (),
               count: int = 20_000, *, warm: bool = True) -> float:  # fmt: skip
    """How long `count` bookings take, while the story changes the environment at its moments."""

    async def upsert() -> float:
        loop = asyncio.get_running_loop()
        client = Client(environment)
        if warm:
            client.warm(environment)
        for moment, change in story:
            loop.call_at(loop.time() + moment, change, environment)
        started = loop.time()
        outcome = await client.upsert(bookings(count))
        assert outcome.written == count
        assert client.traffic.under_way == 0
        return loop.time() - started

    return play(upsert())
