"""A host of the queue `tickets` as WebJobs is, in memory and in virtual time, and what it runs.

Sources: azure-webjobs-sdk, QueueListener and QueueProcessor; host.json of the app.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from functions.ticket_creation.use_case.delivery import TicketDelivery
from functions.ticket_creation.use_case.parking import Parking
from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from shared.dataverse.errors import UnavailableError
from shared.ticket_queue import POISON_QUEUE, QUEUE
from shared.ticket_request import TicketRequest, as_message
from shared.tickets.ledger import TicketLedger
from tests.memory_storage import DequeuedMessage, MemoryFiles, MemoryMessages, MemoryTables

START = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)
BATCH, THRESHOLD, MOST_DEQUEUED = 32, 480, 5
HIDDEN = timedelta(minutes=10)
RETRY = timedelta(minutes=2)
_LONGEST_POLL = 60.0


def about(low: float, high: float) -> float:
    """Some time in between, in seconds."""
    return random.uniform(low, high)  # noqa: S311 - it only spreads what happens


def virtual_now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


class SlowTables(MemoryTables):
    """Each request takes a moment, in which a worker may be killed."""

    async def _request(self) -> None:
        await asyncio.sleep(about(0.05, 0.5))
        await super()._request()


class SlowMessages(MemoryMessages):
    """Likewise."""

    async def _request(self) -> None:
        await asyncio.sleep(about(0.05, 0.5))
        await super()._request()


class FakeWork:
    """Dynamics, as far as tickets go: `is_down` says when it does not answer; some requests it refuses for good."""

    def __init__(self, *, seconds: float = 2.0) -> None:
        self.is_down = False
        self.refused: dict[str, str] = {}
        self.tries: dict[str, list[datetime]] = {}
        self.done: dict[str, datetime] = {}
        self.groups = 0
        self._seconds = seconds

    async def take(self, requests: Sequence[TicketRequest]) -> list[Result]:
        self.groups += 1
        if self._seconds:
            await asyncio.sleep(about(0, self._seconds))
        for request in requests:
            self.tries.setdefault(request.call_id, []).append(virtual_now() if self._seconds else START)
        if self.is_down and self.groups % 2 and not any(each.call_id in self.refused for each in requests):
            raise UnavailableError("Dataverse did not answer")
        return [self._one(request) for request in requests]

    def _one(self, request: TicketRequest) -> Result:
        if request.call_id in self.refused:
            return Refused("refused", self.refused[request.call_id])
        if self.is_down:
            return Later("UnavailableError: Dataverse did not answer")
        self.done.setdefault(request.call_id, virtual_now() if self._seconds else START)
        return DONE


class Site:
    """The storage of an app, and workers that come and go."""

    def __init__(
        self, tables: MemoryTables, messages: MemoryMessages, files: MemoryFiles, now: Callable[[], datetime]
    ) -> None:
        self.tables, self.messages, self.files, self.now = tables, messages, files, now
        self.ledger = TicketLedger(tables)
        self.parking = Parking(self.ledger, messages, now)
        self.work = FakeWork()

    def delivery(self) -> TicketDelivery:
        """That of a new process."""
        return TicketDelivery(self.work, self.ledger, self.messages, self.files, self.parking, self.now)

    async def send(self, request: TicketRequest | bytes) -> None:
        body = request if isinstance(request, bytes) else as_message(request)
        await self.messages.send(QUEUE, body)

    def poisoned(self) -> list[bytes]:
        return self.messages.queued(POISON_QUEUE)


class Host:
    """One process: it gets messages, has them delivered, and counts. `kill` ends it wherever it is."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._delivery = site.delivery()
        self._running: set[asyncio.Task[None]] = set()
        self._begun = asyncio.Event()
        self._poll = asyncio.create_task(self._listen())

    async def kill_at_work(self) -> None:
        """As soon as it works on something next, at whatever step of it."""
        self._begun.clear()
        with suppress(TimeoutError):  # where nothing is left to work on, it is killed all the same
            async with asyncio.timeout(3_600):
                await self._begun.wait()
        await asyncio.sleep(about(0, 4))
        await self.kill()

    async def kill(self) -> None:
        ended = [self._poll, *self._running]
        for task in ended:
            task.cancel()
        await self._delivery.groups.stop()
        await asyncio.wait(ended)

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            found = await self._site.messages.receive(QUEUE, hidden=HIDDEN, most=BATCH)
            for message in found:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                self._begun.set()
                task.add_done_callback(self._running.discard)
            pause = 0.1 if found else min(pause * 2, _LONGEST_POLL)
            if not found:
                await asyncio.sleep(pause)
            while len(self._running) > THRESHOLD:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _process(self, message: DequeuedMessage) -> None:
        if message.dequeued > MOST_DEQUEUED:
            await self._give_up(message)
            return
        renewal = asyncio.create_task(self._keep_hidden(message))
        try:
            await self._delivery.deliver(message.body, message.dequeued)
        except Exception:  # noqa: BLE001 - whatever it is, the host counts it
            if message.dequeued >= MOST_DEQUEUED:
                await self._give_up(message)
            else:
                await self._site.messages.hide(QUEUE, message, RETRY)
        else:
            await self._site.messages.delete(QUEUE, message)
        finally:
            renewal.cancel()

    async def _keep_hidden(self, message: DequeuedMessage) -> None:
        while True:
            await asyncio.sleep(HIDDEN.total_seconds() / 2)
            await self._site.messages.hide(QUEUE, message, HIDDEN)

    async def _give_up(self, message: DequeuedMessage) -> None:
        await self._site.messages.send(POISON_QUEUE, message.body)
        await self._site.messages.delete(QUEUE, message)
