"""The ledger of tickets: what became of each request, in Table Storage. A memory, not the authority: Dynamics is."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from shared.at_once import at_once
from shared.calls.ids import canonical_call_id
from shared.storage.entities import Entity, Row, Value
from shared.tickets.layout import (
    PARKED_PARTITION,
    PENDING_PARTITION,
    TABLE,
    WAITING_PARTITION,
    Place,
    Rows,
    by_partition,
    days_until,
    parked_values,
    places_of_day,
    read_parked,
    read_record,
    read_waiting,
    rows_to_write,
    ticket_place,
)
from shared.tickets.records import ParkedMessage, TicketOutcome, TicketRecord, WaitingTickets

_READS_AT_ONCE = 16
_PARTITIONS_AT_ONCE = 2
"""As in the ledger of calls: what is at once comes in one stretch, in which callers of other functions wait."""
_SWEEP_PIECE = 2_000
_SETTLED_SECONDS = 300.0
"""A write comes to its end long before."""


class TicketTables(Protocol):
    """What the ledger needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def put(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool: ...
    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None: ...
    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


class TicketLedger:
    """The tickets of one storage account. Several processes may write at a time: nothing is kept in memory.

    Every call raises StorageError when storage does not answer. A write that failed, or was killed, is repeated whole:
    it lands on the same rows.
    """

    def __init__(self, tables: TicketTables) -> None:
        self._tables = tables

    async def read(self, call_ids: Iterable[str]) -> dict[str, TicketRecord]:
        """The records of these calls, by canonical id; a call that nothing is known of is missing.

        The ids may come in any spelling, and twice. A request to storage for each, 8 at once. Raises ValueError for an
        id that is blank.
        """
        found: dict[str, TicketRecord] = {}

        async def read_one(call_id: str) -> None:
            entity = await self._tables.get(TABLE, *ticket_place(call_id))
            if entity is not None:
                found[call_id] = read_record(call_id, entity.values)

        await at_once(_READS_AT_ONCE, dict.fromkeys(map(canonical_call_id, call_ids)), read_one)
        return found

    async def write(
        self, records: Collection[TicketRecord], *, before: Mapping[str, TicketRecord] | None = None
    ) -> None:
        """Write these records, over whatever was there of their calls.

        `before` is what `read` gave for them; without it they are read first. The rows by which they were found, and
        are no longer, go first; those by which they are found stand before the record does. Raises ValueError for an
        id that is not canonical.
        """
        by_id = {record.call_id: record for record in records}
        if any(each != canonical_call_id(each) for each in by_id):
            raise ValueError("the id of a call to be written is not canonical")
        rows = rows_to_write(by_id.values(), await self.read(by_id) if before is None else before)
        await self._remove(rows.removed)
        await self._put(rows.index)
        await self._put(rows.records)

    async def waiting(self, most: int = 20_000) -> WaitingTickets:
        """How many requests wait, `most` at most, and since when the oldest does: a request to storage for each
        thousand of them.

        Some may be counted that came to an end in two processes at a time, until `mend_waiting`.
        """
        count, oldest = 0, None
        async with aclosing(self._tables.list(TABLE, WAITING_PARTITION)) as rows:
            async for entity in rows:
                since, _ = read_waiting(entity.values)
                oldest = since if oldest is None else min(oldest, since)
                count += 1
                if count >= most:
                    break
        return WaitingTickets(count, oldest)

    async def waiting_calls(self) -> set[str]:
        """The calls whose requests wait."""
        async with aclosing(self._tables.list(TABLE, WAITING_PARTITION, ())) as rows:
            return {entity.row async for entity in rows}

    async def mend_waiting(self, before: datetime, most: int = 1_000) -> int:
        """Remove rows of requests that should have come again before this moment, and do not wait any more."""
        overdue: dict[str, Entity] = {}
        async with aclosing(self._tables.list(TABLE, WAITING_PARTITION)) as rows:
            async for entity in rows:
                since, due = read_waiting(entity.values)
                if (due or since) < before:
                    overdue[entity.row] = entity
                    if len(overdue) >= most:
                        break
        found = await self.read(overdue)
        return await self._clear(
            row
            for each, row in overdue.items()
            if each not in found or found[each].outcome is not TicketOutcome.WAITING
        )

    async def pending(self, most: int = 1_000) -> list[TicketRecord]:
        """Records with a ticket that waits for its phone call, `most` at most; a request while there are none."""
        listed: dict[str, Entity] = {}
        async with aclosing(self._tables.list(TABLE, PENDING_PARTITION)) as rows:
            async for entity in rows:
                listed[entity.row] = entity
                if len(listed) >= most:
                    break
        found = await self.read(listed)
        # Left over from two processes at a time: the record is right. One without a record is a write that was cut off,
        # and is repeated.
        await self._clear(row for each, row in listed.items() if each in found and not found[each].is_pending)
        return [found[each] for each in listed if each in found and found[each].is_pending]

    async def sweep(self, before: datetime, *, days: int = 60) -> int:
        """Remove the records that have not changed since this moment; returns how many.

        The `days` days before it are looked through: so long may sweeps fail, and the next one makes up for them. Of
        the day of the moment itself nothing is removed. Records are to be kept for 60 days at least (architecture,
        decision 2).
        """
        removed = 0

        async def sweep_day(partition: str) -> None:
            nonlocal removed
            places: list[list[Place]] = []
            async with aclosing(self._tables.list(TABLE, partition)) as rows:
                async for entity in rows:
                    places.append(places_of_day(partition, entity.row, entity.values))
                    if len(places) >= _SWEEP_PIECE:
                        await self._drop(places)
                        removed += len(places)
                        places = []
            await self._drop(places)
            removed += len(places)

        await at_once(_PARTITIONS_AT_ONCE, days_until(before, days)[1:], sweep_day)
        return removed

    # -------------------------------------------------------------------------------------------- parked

    async def parked(self, most: int | None = None) -> list[ParkedMessage]:
        """The messages that were parked, also those that were sent back since (`redriven_at`)."""
        found: list[ParkedMessage] = []
        async with aclosing(self._tables.list(TABLE, PARKED_PARTITION)) as rows:
            async for entity in rows:
                found.append(read_parked(entity.row, entity.values))
                if most is not None and len(found) >= most:
                    break
        return found

    async def parked_one(self, digest: str) -> ParkedMessage | None:
        """What is known of the message with this SHA-256."""
        entity = await self._tables.get(TABLE, PARKED_PARTITION, digest)
        return None if entity is None else read_parked(digest, entity.values)

    async def park(self, parked: Collection[ParkedMessage]) -> None:
        """Write these down, over what was there of the same messages."""
        rows = {each.digest: parked_values(each) for each in parked}
        await self._tables.write_many(TABLE, PARKED_PARTITION, rows.items())

    async def unpark(self, digests: Iterable[str]) -> None:
        """Forget the messages with these SHA-256."""
        await self._tables.delete_many(TABLE, PARKED_PARTITION, digests)

    # ---------------------------------------------------------------------------------------------- rows

    async def _drop(self, places: Collection[list[Place]]) -> None:
        """The row that names the others goes last: whoever is killed in between finds them again."""
        await self._remove(by_partition(place for record in places for place in record[:-1]))
        await self._remove(by_partition(record[-1] for record in places))

    async def _clear(self, rows: Iterable[Entity]) -> int:
        """Remove what no record stands behind; what was written a moment ago gets its record in the next one."""
        old = [row for row in rows if row.age_seconds >= _SETTLED_SECONDS]

        async def remove(row: Entity) -> None:
            await self._tables.delete(TABLE, row.partition, row.row, etag=row.etag)

        await at_once(_READS_AT_ONCE, old, remove)
        return len(old)

    async def _put(self, rows: Rows) -> None:
        async def put(partition: str) -> None:
            await self._tables.write_many(TABLE, partition, rows[partition].items())

        await at_once(_PARTITIONS_AT_ONCE, rows, put)

    async def _remove(self, rows: Mapping[str, Collection[str]]) -> None:
        async def remove(partition: str) -> None:
            await self._tables.delete_many(TABLE, partition, rows[partition])

        await at_once(_PARTITIONS_AT_ONCE, rows, remove)
