"""The real client against an environment that costs virtual time only: minutes of traffic play in a moment.

The event loop's clock jumps to the next timer instead of waiting for it. The environment is a model of what
"Service protection API limits" says, no Dataverse: it takes bulk bodies, counts their rows and answers 204 or 429.
"""

import asyncio
import heapq
import json
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from yarl import URL

from shared.dataverse.batches import Batches
from shared.dataverse.bulk import BulkWriter, Rows, Write, WriteOutcome
from shared.dataverse.credentials import TokenCache
from shared.dataverse.sender import Sender
from shared.dataverse.tables import BOOKING, JsonRow
from shared.dataverse.traffic import Traffic
from shared.dataverse.transport import Reply, Transport

API = "https://org.example/api/data/v9.2/"


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
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


def play[T](story: Coroutine[Any, Any, T]) -> T:
    """The result of the story, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


@dataclass
class Environment:
    """What an environment costs and allows. Fields may change while a story plays."""

    row_ms: float = 2
    latency_ms: float = 60
    slots: int = 52
    most_at_once: int = 52
    hint: int = 52
    code: str = "0x80072326"
    storm: Callable[[float], float] = lambda now: 0.0
    """Seconds of Retry-After that everybody is refused with at a moment, 0 when nobody is."""

    under_way: int = 0
    widest: int = 0
    requests: int = 0
    refused: int = 0
    written: dict[str, int] = field(default_factory=dict)
    answers: list[tuple[float, int]] = field(default_factory=list)
    _in_a_row: int = 0
    _busy_until: list[float] = field(default_factory=list)

    async def exchange(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.requests += 1
        self.widest = max(self.widest, self.under_way + 1)
        hint = {"x-ms-dop-hint": str(self.hint)} if self.hint else {}
        wait = self.storm(now)
        if self.under_way >= self.most_at_once or wait:
            self.refused += 1
            self._in_a_row += 1
            await asyncio.sleep(0.002)
            return _refusal(self.code, self.most_at_once, int(wait or 1 + self._in_a_row // 10), hint)
        self._in_a_row = 0
        self.under_way += 1
        try:
            targets = json.loads(body)["Targets"] if body else []
            await asyncio.sleep(self.latency_ms / 1000)
            start = now + self.latency_ms / 1000
            while len(self._busy_until) >= self.slots:
                start = max(start, heapq.heappop(self._busy_until))
            heapq.heappush(self._busy_until, start + len(targets) * self.row_ms / 1000)
            await asyncio.sleep(max(0.0, start + len(targets) * self.row_ms / 1000 - loop.time()))
            for target in targets:
                row_id = target[BOOKING.primary_id]
                self.written[row_id] = self.written.get(row_id, 0) + 1
            self.answers.append((loop.time(), len(targets)))
            return Reply(204, hint, b"")
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        pass


def _refusal(code: str, limit: int, seconds: int, hint: dict[str, str]) -> Reply:
    texts = {
        "0x80072326": f"Number of concurrent requests exceeded the limit of {limit}.",
        "0x80072321": "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds.",
    }
    body = {"error": {"code": code, "message": texts.get(code, "limit")}}
    headers = {"Retry-After": str(seconds), "content-type": "application/json", **hint}
    return Reply(429, headers, json.dumps(body).encode())


class Client:
    """The app's way of writing, over the modelled environment."""

    def __init__(self, environment: Environment) -> None:
        async def fetch() -> tuple[str, datetime]:
            return "token", datetime.max.replace(tzinfo=UTC)

        class _Modelled(Transport):
            exchange = staticmethod(environment.exchange)  # type: ignore[assignment] # the same call

        self.traffic = Traffic()
        self.traffic.connected(0.03)
        self.sender = Sender(TokenCache(fetch), _Modelled(52, self.traffic.connected), self.traffic)
        self.writer = BulkWriter(self.sender, Batches(self.sender, API), API)

    async def upsert(self, rows: Rows) -> WriteOutcome:
        return await self.writer.write(BOOKING, rows, Write.UPSERT)

    def warm(self, environment: Environment) -> None:
        """As after a first read: the round trip and the environment's recommendation are known."""
        self.traffic.measured(environment.latency_ms / 1000)
        if environment.hint:
            self.traffic.width.hinted(0.0, environment.hint)


def bookings(count: int) -> list[JsonRow]:
    """Rows of which only the id matters here."""
    return [{BOOKING.primary_id: str(UUID(int=number))} for number in range(count)]


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
        return loop.time() - started

    return play(upsert())
