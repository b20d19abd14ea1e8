"""How far a sync got: a moment that only ever moves forward, and only by who holds the lease.

The fence (`shared.storage.leases`) stands beside the moment: a holder that was frozen, and was succeeded meanwhile,
finds a larger one there and moves nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from shared.storage.entities import Entity, Value
from shared.storage.errors import AlreadyThereError, ChangedError, StaleFenceError

TABLE = "checkpoints"
PARTITION = "checkpoint"


class CheckpointRows(Protocol):
    """What a checkpoint needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def replace(
        self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str
    ) -> Entity: ...


class Checkpoint:
    """The checkpoint of this name. Each call raises StorageError when storage does not answer, and may be repeated."""

    def __init__(self, tables: CheckpointRows, name: str) -> None:
        self._tables = tables
        self._name = name

    async def read(self) -> datetime | None:
        """The moment in UTC; None before the first one."""
        found = await self._found()
        return None if found is None else _moment(found)

    async def advance(self, moment: datetime, fence: int) -> datetime:
        """Move to this moment, unless it is there or further already. Returns where it stands then.

        `fence` is that of the lease under which the work was done that the moment stands for. Raises StaleFenceError
        when a holder with a larger one has moved the checkpoint; ValueError for a moment without a zone.
        """
        if moment.tzinfo is None:
            raise ValueError("a checkpoint needs a moment with a zone")
        while True:
            found = await self._found()
            if found is not None and _fence(found) > fence:
                raise StaleFenceError(
                    f"the checkpoint {self._name} was moved under fence {_fence(found)}; ours is {fence}"
                )
            furthest = moment.astimezone(UTC) if found is None else max(_moment(found), moment.astimezone(UTC))
            # A larger fence is written even where the moment stays: it keeps the holders before from moving it.
            if found is not None and (furthest, fence) == (_moment(found), _fence(found)):
                return furthest
            try:
                await self._write({"moment": furthest, "fence": fence}, found)
            except (AlreadyThereError, ChangedError):
                continue  # somebody moved it meanwhile: look again, under whose fence
            return furthest

    async def _found(self) -> Entity | None:
        return await self._tables.get(TABLE, PARTITION, self._name)

    async def _write(self, values: Mapping[str, Value], found: Entity | None) -> None:
        if found is None:
            await self._tables.insert(TABLE, PARTITION, self._name, values)
        else:
            await self._tables.replace(TABLE, PARTITION, self._name, values, etag=found.etag)


def _moment(entity: Entity) -> datetime:
    value = entity.values["moment"]
    assert isinstance(value, datetime)
    return value


def _fence(entity: Entity) -> int:
    return int(str(entity.values["fence"]))
