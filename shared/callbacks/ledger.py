"""The ledger of callback requests: what became of each, in Table Storage. A memory, not the authority: Dynamics is."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from shared.at_once import at_once
from shared.callbacks.ids import canonical_callback_id
from shared.callbacks.layout import (
    FENCE_PLACE,
    OPEN_PARTITION,
    PARTITIONS,
    TABLE,
    by_partition,
    callback_place,
    moment,
    open_callback,
    open_row,
    open_values,
    read_record,
    read_unfinished,
    record_values,
)
from shared.callbacks.records import CallbackRecord, Unfinished
from shared.remembered import Remembered
from shared.storage.entities import Entity, Row, Value
from shared.storage.errors import AlreadyThereError, ChangedError, StaleFenceError

MOST_REMEMBERED = 50_000
"""Records in memory: 0.7 kB each."""
_READS_AT_ONCE = 8
_PARTITIONS_AT_ONCE = 2
"""As in the ledger of calls: what is at once comes in one stretch, in which callers of other functions wait."""
_WORTH_A_LIST = 50
_ROWS_FOR_A_READ = 10
"""Records of one partition from which on it is listed, and how many rows of it for each of them: a page of a thousand
takes the storage library as long as a hundred single ones (measured on Azurite)."""


class CallbackTables(Protocol):
    """What the ledger needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def replace(
        self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str
    ) -> Entity: ...
    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None: ...
    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


class CallbackLedger:
    """The callback requests of one storage account. One instance a process.

    Every call raises StorageError when storage does not answer. A write that failed, or was killed, is repeated whole:
    it lands on the same rows. `fence` is that of the lease under which the caller works (`shared.storage.leases`): what
    this process knows is then not asked for again, as long as nobody else held the lease in between; and nobody writes
    over what a later holder wrote. Who holds no lease, and so does not write, leaves it out.
    """

    def __init__(self, tables: CallbackTables, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self._tables = tables
        self._remembered = Remembered[CallbackRecord](most_remembered)

    async def read(self, callback_ids: Iterable[str], *, fence: int | None = None) -> dict[str, CallbackRecord]:
        """The records of these requests, by canonical id; one that nothing is known of is missing.

        The ids may come in any spelling, and twice. A request to storage for each that is not in memory; for many, one
        for each thousand records that are there, where that is less. Raises ValueError for an id that is blank.
        """
        memory = self._remembered.under(fence)
        ids = dict.fromkeys(map(canonical_callback_id, callback_ids))
        found: dict[str, CallbackRecord] = {}
        if memory is not None:
            found = {each: known for each in ids if (known := memory.get(each)) is not None}
        left: list[str] = []

        async def read_many(rows: tuple[str, Sequence[str]]) -> None:
            left.extend(await self._listed(*rows, found))

        async def read_one(callback_id: str) -> None:
            entity = await self._tables.get(TABLE, *callback_place(callback_id))
            if entity is not None:
                found[callback_id] = read_record(callback_id, entity.values)

        asked = by_partition(each for each in ids if each not in found)
        await at_once(_PARTITIONS_AT_ONCE, asked.items(), read_many)
        await at_once(_READS_AT_ONCE, left, read_one)
        if memory is not None:
            memory.keep(found)
        return found

    async def write(self, records: Collection[CallbackRecord], *, fence: int | None = None) -> None:
        """Write these records, over whatever was there of their requests.

        The row by which `unfinished` finds a request stands before its record does, and goes after it. Raises
        ValueError for an id that is not canonical, StaleFenceError when somebody with a larger fence has written.
        """
        by_id = {record.callback_id: record for record in records}
        if any(each != canonical_callback_id(each) for each in by_id):
            raise ValueError("the id of a callback request to be written is not canonical")
        if not by_id:
            return
        if fence is not None:
            await self._claim(fence)
        memory = self._remembered.under(fence)
        closed = [each for each, record in by_id.items() if record.closed]
        before = {each: None if memory is None else memory.get(each) for each in closed}
        # From here on they may be there or not, and this write may end in between.
        self._remembered.forget(by_id)
        await self._tables.write_many(
            TABLE,
            OPEN_PARTITION,
            [(open_row(record), open_values(record)) for record in by_id.values() if not record.closed],
        )

        async def put(rows: tuple[str, Sequence[str]]) -> None:
            partition, ids = rows
            await self._tables.write_many(TABLE, partition, [(each, record_values(by_id[each])) for each in ids])

        await at_once(_PARTITIONS_AT_ONCE, by_partition(by_id).items(), put)
        await self._tables.delete_many(TABLE, OPEN_PARTITION, await self._open_rows(before))
        if memory is not None:
            memory.keep(by_id)

    async def unfinished(self, most: int = 5_000, *, fence: int | None = None) -> list[CallbackRecord]:
        """The requests that are not closed, the oldest first. One request to storage while there are none."""
        rows: list[str] = []
        async with aclosing(self._tables.list(TABLE, OPEN_PARTITION, ())) as entities:
            async for entity in entities:
                rows.append(entity.row)
                if len(rows) >= most:
                    break
        found = await self.read(map(open_callback, rows), fence=fence)
        # A row whose record is missing is the beginning of a write that is to be repeated.
        known = [(row, found[open_callback(row)]) for row in rows if open_callback(row) in found]
        left_over = [row for row, record in known if record.closed or row != open_row(record)]
        if fence is not None and left_over:
            await self._claim(fence)
            await self._tables.delete_many(TABLE, OPEN_PARTITION, left_over)
        return [record for row, record in known if not record.closed and row == open_row(record)]

    async def count_unfinished(self, most: int = 20_000) -> Counter[Unfinished]:
        """How many requests, of the oldest ones, wait for what: a request to storage for each thousand of them.

        For whoever looks on: some may be counted that were closed by a write that was cut off; the next run sees to it.
        """
        found = Counter[Unfinished]()
        async with aclosing(self._tables.list(TABLE, OPEN_PARTITION)) as entities:
            async for entity in entities:
                found[read_unfinished(entity.values)] += 1
                most -= 1
                if not most:
                    break
        return found

    async def sweep(self, before: datetime) -> int:
        """Remove the requests that are closed and have not changed since this moment; returns how many.

        Once a day: it takes a request to storage for each thousand records that are there. Records are to be kept for
        60 days at least (architecture, decision 2); those of unfinished requests stay.
        """
        removed = 0

        async def sweep_one(partition: str) -> None:
            nonlocal removed
            async with aclosing(self._tables.list(TABLE, partition, ("updated", "closed"))) as entities:
                old = [
                    entity.row
                    async for entity in entities
                    if entity.values["closed"] is True and moment(entity.values["updated"]) < before
                ]
            self._remembered.forget(old)
            await self._tables.delete_many(TABLE, partition, old)
            removed += len(old)

        await at_once(_PARTITIONS_AT_ONCE, PARTITIONS, sweep_one)
        return removed

    # --------------------------------------------------------------------------------------------- rows

    async def _listed(self, partition: str, ids: Sequence[str], found: dict[str, CallbackRecord]) -> Sequence[str]:
        """Find the records of many sorted ids of one partition by listing it, as far as that is worth it. Returns the
        ids that were not looked for."""
        if len(ids) < _WORTH_A_LIST:
            return ids
        wanted, most, seen = set(ids), len(ids) * _ROWS_FOR_A_READ, 0
        async with aclosing(self._tables.list(TABLE, partition)) as entities:
            async for entity in entities:
                if entity.row in wanted:
                    found[entity.row] = read_record(entity.row, entity.values)
                seen += 1
                if seen == most:
                    return [each for each in ids if each > entity.row]
        return ()

    async def _open_rows(self, before: Mapping[str, CallbackRecord | None]) -> list[str]:
        """The rows that say of these requests that they are not closed; `before` is what memory has of each."""
        rows = [open_row(record) for record in before.values() if record is not None and not record.closed]
        # A batch of removals breaks at a row that is missing, so those that may be there are looked for.
        unknown = {each for each, record in before.items() if record is None}
        if unknown:
            async with aclosing(self._tables.list(TABLE, OPEN_PARTITION, ())) as entities:
                rows += [entity.row async for entity in entities if open_callback(entity.row) in unknown]
        return rows

    async def _claim(self, fence: int) -> None:
        """Let nobody with a smaller fence write from now on. Raises StaleFenceError for the smaller one."""
        while True:
            found = await self._tables.get(TABLE, *FENCE_PLACE)
            largest = -1 if found is None else int(str(found.values["fence"]))
            if largest > fence:
                raise StaleFenceError(f"callback requests were written under fence {largest}; ours is {fence}")
            if largest == fence:
                return
            try:
                if found is None:
                    await self._tables.insert(TABLE, *FENCE_PLACE, {"fence": fence})
                else:
                    await self._tables.replace(TABLE, *FENCE_PLACE, {"fence": fence}, etag=found.etag)
            except (AlreadyThereError, ChangedError):
                continue  # somebody was faster: look again, under which fence
            return
