"""What is done every few minutes for tickets, and how they are."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from functions.ticket_creation.use_case.parking import (
    GIVEN_UP,
    HIDDEN,
    ParkedRows,
    Parking,
    Queues,
    digest_of,
    given_up,
    plain,
)
from shared.health import Finding, Status
from shared.storage.errors import FileMissingError
from shared.storage.files import FileEntry
from shared.storage.messages import ReceivedMessage
from shared.ticket_queue import CONTAINER, POISON_QUEUE, QUEUE
from shared.tickets.records import ParkedMessage, TicketOutcome, TicketRecord, WaitingTickets

KEPT = timedelta(days=60)
"""How long the ledger remembers a request (architecture, decision 2), and its blob is there."""
MOST_REDRIVES = 3
"""How often a message that the host gave up is sent back by itself."""
REDRIVE_AGAIN = timedelta(hours=1)
LATE = timedelta(minutes=10)
MANY_PARKED = 100
"""From so many on something is wrong with more than some messages."""
_MOST_SCANNED = 3_200
_SETTLED = timedelta(minutes=10)
_LOST = timedelta(days=1)
_OVERDUE = timedelta(hours=2)
_MEND_EVERY = timedelta(hours=1)
_MOST_COUNTED = 5_000
_REASONS = 3

_log = logging.getLogger(__name__)


class Records(ParkedRows, Protocol):
    """`shared.tickets.ledger.TicketLedger` has it. Each method raises StorageError."""

    async def read(self, call_ids: Iterable[str]) -> Mapping[str, TicketRecord]: ...
    async def write(
        self, records: Collection[TicketRecord], *, before: Mapping[str, TicketRecord] | None = None
    ) -> None: ...
    async def unpark(self, digests: Iterable[str]) -> None: ...
    async def waiting(self, most: int = ...) -> WaitingTickets: ...
    async def waiting_calls(self) -> set[str]: ...
    async def mend_waiting(self, before: datetime) -> int: ...
    async def sweep(self, before: datetime) -> int: ...


class Sweepable(Protocol):
    """`shared.tickets.slots.Slots` has it."""

    async def sweep(self, before: datetime) -> int: ...


class Bodies(Protocol):
    """`shared.storage.files.Files` has it."""

    def list(self, container: str, prefix: str = "") -> AsyncIterator[FileEntry]: ...
    async def delete(self, container: str, name: str, *, etag: str) -> bool: ...


class TicketTending:
    """The tending of one process. Each call raises StorageError; the next tick goes on."""

    def __init__(
        self,
        records: Records,
        slots: Sweepable,
        queues: Queues,
        bodies: Bodies,
        parking: Parking,
        now: Callable[[], datetime],
        *,
        catch_up_regarding: Callable[[], Awaitable[object]],
    ) -> None:
        self._records = records
        self._slots = slots
        self._queues = queues
        self._bodies = bodies
        self._parking = parking
        self._now = now
        self._catch_up_regarding = catch_up_regarding
        self._mended: datetime | None = None
        self._swept: date | None = None
        self._bodies_swept: date | None = None

    async def tick(self) -> None:
        """All of it. What fails keeps nothing that comes before it from being done."""
        await self._tend_poison()
        now = self._now()
        if self._mended is None or now - self._mended >= _MEND_EVERY:
            await self._records.mend_waiting(now - _OVERDUE)
            self._mended = now
        await self._catch_up_regarding()
        if self._swept != now.date():
            await self._records.sweep(now - KEPT)
            await self._slots.sweep(now - KEPT)
            self._swept = now.date()
        if self._bodies_swept != now.date() and await self._sweep_bodies(now - KEPT):
            self._bodies_swept = now.date()

    async def health(self) -> Sequence[Finding]:
        """How many messages wait for a person, and which requests come again for how long already."""
        parked = await self._parking.parked()
        waiting = await self._records.waiting(_MOST_COUNTED)
        return parked_finding(parked), waiting_finding(waiting, self._now())

    # --------------------------------------------------------------------------------------------- poison

    async def _tend_poison(self) -> None:
        """Each message of the poison queue has a record, and what the host gave up gets further chances."""
        rows, now = {each.digest: each for each in await self._records.parked()}, self._now()
        there = [each for each in rows.values() if each.is_parked]
        if len(there) != await self._queues.count(POISON_QUEUE) or any(is_due(each, now) for each in there):
            await self._scan(rows)
        await self._forget([each for each in rows.values() if not each.is_parked])

    async def _scan(self, rows: Mapping[str, ParkedMessage]) -> None:
        seen, sent, scanned = set[str](), set[str](), 0
        while page := await self._queues.receive(POISON_QUEUE, hidden=HIDDEN):
            scanned += len(page)
            now = self._now()
            by_digest: dict[str, list[ReceivedMessage]] = {}
            for each in page:
                by_digest.setdefault(digest_of(plain(each.body)), []).append(each)
            known = {digest: rows.get(digest) for digest in by_digest}
            records = {
                digest: _there(known[digest], plain(messages[0].body), now) for digest, messages in by_digest.items()
            }
            new = [record for digest, record in records.items() if record != known[digest]]
            if new:
                await self._records.park(new)
                await self._end([record for record in new if record.redrives >= MOST_REDRIVES])
                _log.error("%d ticket requests were found in queue %s without a record", len(new), POISON_QUEUE)
            due = [each for digest, record in records.items() if is_due(record, now) for each in by_digest[digest]]
            if due:
                await self._parking.send_back(due, sent)
            seen |= by_digest.keys()
            if scanned >= _MOST_SCANNED:
                return
        if scanned - len(sent) >= await self._queues.count(POISON_QUEUE):
            # Nobody else holds any of them at this moment: what is not there was removed by hand.
            limit = self._now() - _LOST
            lost = [row for row in rows.values() if row.is_parked and row.digest not in seen and row.parked_at < limit]
            await self._records.unpark(row.digest for row in lost)

    async def _end(self, given_up: Iterable[ParkedMessage]) -> None:
        """Of what comes back no more by itself, the call's record says so."""
        reasons = {each.call_id: each.reason for each in given_up if each.code == GIVEN_UP and each.call_id is not None}
        known = await self._records.read(reasons)
        await self._records.write(
            [
                replace(record, outcome=TicketOutcome.PARKED, reason=reasons[call_id], updated=self._now(), due=None)
                for call_id, record in known.items()
                if record.outcome is TicketOutcome.WAITING
            ],
            before=known,
        )

    async def _forget(self, redriven: Sequence[ParkedMessage]) -> None:
        """Of messages that were sent back and came to an end."""
        now = self._now()
        settled = [each for each in redriven if each.redriven_at is not None and now - each.redriven_at >= _SETTLED]
        known = await self._records.read(each.call_id for each in settled if each.call_id is not None)
        await self._records.unpark(
            each.digest for each in settled if _has_ended(each, known.get(each.call_id or "")) or _is_old(each, now)
        )

    # --------------------------------------------------------------------------------------------- bodies

    async def _sweep_bodies(self, before: datetime) -> bool:
        """Remove the blobs of requests that are long settled. False where that cannot be told now."""
        waiting = await self._records.waiting_calls()
        if await self._queues.count(QUEUE) > len(waiting):
            # Requests that nobody has seen yet may have a blob, however old it is.
            return False
        needed = waiting | {each.call_id for each in await self._records.parked() if each.call_id is not None}
        try:
            async for entry in self._bodies.list(CONTAINER):
                if entry.uploaded < before and entry.name.split("/", 1)[0] not in needed:
                    await self._bodies.delete(CONTAINER, entry.name, etag=entry.etag)
        except FileMissingError:
            return True
        return True


def is_due(parked: ParkedMessage, now: datetime) -> bool:
    """Whether a message of the poison queue is sent back by itself: what the host gave up, at once and then an hour
    after it came back."""
    if parked.code != GIVEN_UP or not parked.is_parked or parked.redrives >= MOST_REDRIVES:
        return False
    return parked.redrives == 0 or now - parked.parked_at >= REDRIVE_AGAIN


def parked_finding(parked: Sequence[ParkedMessage]) -> Finding:
    """How many messages wait for a person, and why most of them do."""
    if not parked:
        return Finding("parked tickets", Status.GREEN, "none")
    codes = Counter(each.code for each in parked).most_common(_REASONS)
    told = ", ".join(f"{code} {count}" for code, count in codes)
    return Finding(
        "parked tickets",
        Status.RED if len(parked) >= MANY_PARKED else Status.AMBER,
        f"{len(parked)} wait for somebody to look: {told}",
        min(each.parked_at for each in parked),
    )


def waiting_finding(waiting: WaitingTickets, now: datetime) -> Finding:
    """How many requests come again, and for how long the oldest has."""
    if waiting.oldest is None or now - waiting.oldest <= LATE:
        return Finding("waiting tickets", Status.GREEN, f"{waiting.count} come again")
    minutes = int((now - waiting.oldest).total_seconds() // 60)
    count = f"{waiting.count} or more" if waiting.count >= _MOST_COUNTED else f"{waiting.count}"
    return Finding(
        "waiting tickets", Status.AMBER, f"{count} come again, the oldest for {minutes} minutes", waiting.oldest
    )


def _there(known: ParkedMessage | None, body: bytes, now: datetime) -> ParkedMessage:
    """The record of a message that is in the poison queue."""
    if known is None:
        return given_up(body, now)
    if known.is_parked:
        return known
    # The host gave it up once more, or its re-drive was cut off.
    return replace(known, parked_at=now, redriven_at=None)


def _has_ended(parked: ParkedMessage, record: TicketRecord | None) -> bool:
    if record is None or parked.redriven_at is None or record.updated < parked.redriven_at:
        return record is not None and record.done
    return record.outcome not in {TicketOutcome.WAITING, TicketOutcome.PARKED}


def _is_old(parked: ParkedMessage, now: datetime) -> bool:
    return parked.redriven_at is not None and now - parked.redriven_at >= KEPT
