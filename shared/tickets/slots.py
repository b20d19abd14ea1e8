"""Slots: of calls of one customer that come at once, one opens the case and the others go onto it, in whatever
processes they are worked on."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from shared.at_once import at_once
from shared.storage.entities import Entity, Value
from shared.storage.errors import AlreadyThereError, ChangedError
from shared.tickets.layout import SLOT_PARTITIONS, TABLE, read_slot, slot_place, slot_values
from shared.tickets.records import Slot

_AT_ONCE = 8
_PARTITIONS_AT_ONCE = 2


class SlotTables(Protocol):
    """What slots need of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def replace(
        self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str
    ) -> Entity: ...
    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


class Slots:
    """The slots of one storage account. A key is 64 hex digits, of a customer and a ticket configuration.

    Every call raises StorageError when storage does not answer.
    """

    def __init__(self, tables: SlotTables) -> None:
        self._tables = tables

    async def read(self, keys: Iterable[str]) -> dict[str, Slot]:
        """The slots of these keys; one that nobody claimed is missing. A request to storage for each."""
        found: dict[str, Slot] = {}

        async def read_one(key: str) -> None:
            slot = await self._read(key)
            if slot is not None:
                found[key] = slot

        await at_once(_AT_ONCE, dict.fromkeys(keys), read_one)
        return found

    async def claim(self, key: str, wanted: Slot, over: Slot | None) -> Slot:
        """The slot of this key: `wanted`, in place of `over` (None: of none), or what somebody else put there since.

        Of several that claim at a time one gets what it wanted; the others get what that one put there.
        """
        while True:
            try:
                return replace(wanted, etag=await self._write(key, wanted, over))
            except (AlreadyThereError, ChangedError):
                over = await self._read(key)
                if over is not None:
                    return over
                # It was swept in between: there is none to replace.

    async def sweep(self, before: datetime) -> int:
        """Remove the slots that nobody claimed since this moment; returns how many. Once a day: it takes a request to
        storage for each thousand that are there."""
        removed = 0

        async def sweep_one(partition: str) -> None:
            nonlocal removed
            async with aclosing(self._tables.list(TABLE, partition)) as rows:
                old = [row async for row in rows if read_slot(row.values, row.etag).touched < before]

            async def remove(row: Entity) -> None:
                # This version alone: a customer may call in this very moment.
                await self._tables.delete(TABLE, partition, row.row, etag=row.etag)

            await at_once(_AT_ONCE, old, remove)
            removed += len(old)

        await at_once(_PARTITIONS_AT_ONCE, SLOT_PARTITIONS, sweep_one)
        return removed

    async def _read(self, key: str) -> Slot | None:
        entity = await self._tables.get(TABLE, *slot_place(key))
        return None if entity is None else read_slot(entity.values, entity.etag)

    async def _write(self, key: str, wanted: Slot, over: Slot | None) -> str:
        place, values = slot_place(key), slot_values(wanted)
        if over is None:
            return (await self._tables.insert(TABLE, *place, values)).etag
        return (await self._tables.replace(TABLE, *place, values, etag=over.etag)).etag
