"""Storage in memory, with the surfaces and the errors of `Files`, `Tables` and `Messages`.

tests/integration/test_files.py, test_tables.py and test_leases.py run over these and over Azurite alike.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from operator import itemgetter
from typing import BinaryIO

from shared.clock import utc_now
from shared.storage.entities import (
    MAX_BATCH_ROWS,
    Entity,
    Row,
    Value,
    batches,
    check_keys,
    check_prefixes,
    to_properties,
    to_values,
)
from shared.storage.errors import (
    AlreadyThereError,
    ChangedError,
    FileChangedError,
    FileMissingError,
    FileTooLargeError,
    StorageError,
)
from shared.storage.files import CHUNK_BYTES, FetchedFile, FileEntry, StoredFile
from shared.storage.messages import PAGE, ReceivedMessage, check_delay, check_size

CONTAINERS = ("schedules", "schedule-reports", "schedule-archive", "config", "ticket-bodies")


class _Memory:
    """`down` makes every call fail; each call lets others run first, as a request does."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.down = False
        self.requests = 0
        self._now = now
        self._versions = 0

    async def close(self) -> None:
        return

    def copy_of[M: _Memory](self: M, now: Callable[[], datetime]) -> M:
        """The same content for somebody else, by another clock."""
        other = copy(self)
        other._now = now
        other._own_content()
        return other

    def _own_content(self) -> None:
        raise NotImplementedError

    async def _request(self) -> None:
        await asyncio.sleep(0)
        self.requests += 1
        if self.down:
            raise StorageError("storage is down")

    def _next_version(self) -> int:
        self._versions += 1
        return self._versions


@dataclass(frozen=True, slots=True)
class _StoredRow:
    properties: Mapping[str, Value]
    etag: str
    written: datetime


class MemoryTables(_Memory):
    """Tables in memory. `now` is the service's clock."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(now)
        self._partitions: dict[tuple[str, str], dict[str, _StoredRow]] = {}

    def _own_content(self) -> None:
        self._partitions = {place: dict(rows) for place, rows in self._partitions.items()}

    async def get(self, table: str, partition: str, row: str) -> Entity | None:
        check_keys(partition, row)
        await self._request()
        stored = self._rows(table, partition).get(row)
        return None if stored is None else self._entity(partition, row, stored)

    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        properties = to_properties(partition, row, values)
        await self._request()
        if row in self._rows(table, partition):
            raise AlreadyThereError("it is there already")
        return self._store(table, partition, row, properties)

    async def replace(self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str) -> Entity:
        properties = to_properties(partition, row, values)
        await self._request()
        stored = self._rows(table, partition).get(row)
        if stored is None or stored.etag != etag:
            raise ChangedError("the row was changed meanwhile")
        return self._store(table, partition, row, properties)

    async def put(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        properties = to_properties(partition, row, values)
        await self._request()
        return self._store(table, partition, row, properties)

    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool:
        check_keys(partition, row)
        await self._request()
        stored = self._rows(table, partition).get(row)
        if stored is None or etag not in {None, stored.etag}:
            return False
        self._remove(table, partition, row)
        return True

    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None:
        for batch in batches(partition, rows):
            await self._request()
            for row, properties in batch:
                self._store(table, partition, row, properties)

    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None:
        for batch in batched(dict.fromkeys(rows), MAX_BATCH_ROWS, strict=False):
            for row in batch:
                check_keys(partition, row)
            await self._request()
            for row in batch:
                self._remove(table, partition, row)

    async def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str | tuple[str, ...] = ""
    ) -> AsyncGenerator[Entity]:
        check_prefixes(partition, prefix)
        wanted = None if select is None else set(select)
        await self._request()
        rows = self._rows(table, partition).items()
        for row, stored in sorted((each for each in rows if each[0].startswith(prefix)), key=itemgetter(0)):
            yield self._entity(partition, row, stored, wanted)

    def empty(self) -> None:
        """All tables are gone."""
        self._partitions.clear()

    def names(self) -> set[str]:
        """The tables in which something is, or was."""
        return {table for table, _ in self._partitions}

    def rows(self, table: str) -> dict[tuple[str, str], Mapping[str, Value]]:
        """What each row holds, by partition and key."""
        return {
            (partition, row): stored.properties
            for (name, partition), rows in self._partitions.items()
            if name == table
            for row, stored in rows.items()
        }

    def lose(self, table: str, rows: Iterable[tuple[str, str]]) -> None:
        """These rows are gone."""
        for partition, row in rows:
            del self._partitions[table, partition][row]

    def _rows(self, table: str, partition: str) -> Mapping[str, _StoredRow]:
        return self._partitions.get((table, partition), {})

    def _store(self, table: str, partition: str, row: str, properties: Mapping[str, Value]) -> Entity:
        stored = _StoredRow(properties, f"W/\"datetime'{self._next_version()}'\"", self._now())
        self._partitions.setdefault((table, partition), {})[row] = stored
        return Entity(partition, row, to_values(properties), stored.etag)

    def _remove(self, table: str, partition: str, row: str) -> None:
        self._partitions.get((table, partition), {}).pop(row, None)

    def _entity(self, partition: str, row: str, stored: _StoredRow, wanted: set[str] | None = None) -> Entity:
        values = to_values(stored.properties)
        if wanted is not None:
            values = {name: value for name, value in values.items() if name in wanted}
        # An answer's date has whole seconds.
        age = (self._now().replace(microsecond=0) - stored.written).total_seconds()
        return Entity(partition, row, values, stored.etag, max(0.0, age))


@dataclass(frozen=True, slots=True)
class _StoredBlob:
    data: bytes
    content_type: str
    etag: str
    uploaded: datetime


class MemoryFiles(_Memory):
    """Blobs in memory, in these containers. `now` is the service's clock."""

    def __init__(self, now: Callable[[], datetime] = utc_now, containers: Iterable[str] = CONTAINERS) -> None:
        super().__init__(now)
        self._containers: dict[str, dict[str, _StoredBlob]] = {name: {} for name in containers}

    def _own_content(self) -> None:
        self._containers = {name: dict(blobs) for name, blobs in self._containers.items()}

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        blob = await self._blob(container, name)
        if len(blob.data) > max_bytes:
            raise FileTooLargeError(len(blob.data), max_bytes)
        await self._blob(container, name, blob.etag)
        return StoredFile(blob.data, blob.etag, blob.uploaded)

    async def read_into(self, container: str, name: str, target: BinaryIO, *, max_bytes: int) -> FetchedFile:
        blob = await self._blob(container, name)
        if len(blob.data) > max_bytes:
            raise FileTooLargeError(len(blob.data), max_bytes)
        for start in range(0, len(blob.data), CHUNK_BYTES):
            await self._blob(container, name, blob.etag)
            target.write(blob.data[start : start + CHUNK_BYTES])
        return FetchedFile(len(blob.data), hashlib.sha256(blob.data).hexdigest(), blob.etag, blob.uploaded)

    async def version(self, container: str, name: str) -> str:
        return (await self._blob(container, name)).etag

    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None:
        await self._request()
        self._store(container, name, data, content_type)

    async def write_new(self, container: str, name: str, data: bytes, content_type: str) -> None:
        await self._request()
        if name in self._containers.get(container, {}):
            raise AlreadyThereError("a blob of this name is there already")
        self._store(container, name, data, content_type)

    async def copy(self, container: str, name: str, to_container: str, to_name: str, *, etag: str) -> None:
        blob = await self._blob(container, name, etag)
        for _start in range(0, len(blob.data), CHUNK_BYTES):
            await self._blob(container, name, etag)
        await self._request()
        self._store(to_container, to_name, blob.data, blob.content_type)

    async def move(self, container: str, name: str, to_container: str, to_name: str, *, etag: str) -> bool:
        await self.copy(container, name, to_container, to_name, etag=etag)
        return await self.delete(container, name, etag=etag)

    async def delete(self, container: str, name: str, *, etag: str) -> bool:
        await self._request()
        blobs = self._containers.get(container, {})
        if name not in blobs or blobs[name].etag != etag:
            return False
        del blobs[name]
        return True

    async def names(self, container: str, prefix: str = "") -> AsyncIterator[str]:
        async for entry in self.list(container, prefix):
            yield entry.name

    async def list(self, container: str, prefix: str = "") -> AsyncIterator[FileEntry]:
        await self._request()
        if container not in self._containers:
            raise FileMissingError("no such container")
        for name, blob in sorted(self._containers[container].items()):
            if name.startswith(prefix):
                yield FileEntry(name, blob.etag, len(blob.data), blob.uploaded)

    def content_type(self, container: str, name: str) -> str:
        """What the blob was said to be when it was written."""
        return self._containers[container][name].content_type

    async def _blob(self, container: str, name: str, etag: str | None = None) -> _StoredBlob:
        await self._request()
        blob = self._containers.get(container, {}).get(name)
        if blob is None:
            raise FileMissingError("no such blob")
        if etag not in {None, blob.etag}:
            raise FileChangedError("the blob was overwritten meanwhile")
        return blob

    def _store(self, container: str, name: str, data: bytes, content_type: str) -> None:
        if container not in self._containers:
            raise StorageError("no such container")
        uploaded = self._now().replace(microsecond=0)
        self._containers[container][name] = _StoredBlob(data, content_type, f'"{self._next_version():#x}"', uploaded)


@dataclass(slots=True)
class _QueuedMessage:
    body: bytes
    visible: datetime
    dequeued: int = 0
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class DequeuedMessage(ReceivedMessage):
    """As a host gets it: `dequeued` says how often anybody got it."""

    dequeued: int


class MemoryMessages(_Memory):
    """Queues in memory: `sent` holds all that was ever sent, in the order in which it came. `now` is the service's
    clock."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(now)
        self.sent: dict[str, list[bytes]] = {}
        self._queues: dict[str, dict[str, _QueuedMessage]] = {}

    def _own_content(self) -> None:
        self.sent = {queue: list(bodies) for queue, bodies in self.sent.items()}
        self._queues = {
            queue: {name: copy(message) for name, message in messages.items()}
            for queue, messages in self._queues.items()
        }

    async def send(self, queue: str, body: bytes, *, delay: timedelta = timedelta(0)) -> None:
        check_size(body)
        check_delay(delay)
        await self._request()
        self.sent.setdefault(queue, []).append(body)
        name = f"{self._next_version():09}"
        self._queues.setdefault(queue, {})[name] = _QueuedMessage(body, self._now() + delay)

    async def send_many(self, queue: str, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            check_size(body)
        for body in bodies:
            await self.send(queue, body)

    async def receive(self, queue: str, *, hidden: timedelta, most: int = PAGE) -> list[DequeuedMessage]:
        await self._request()
        now, found = self._now(), list[DequeuedMessage]()
        for name, message in self._queues.get(queue, {}).items():
            if message.visible <= now and len(found) < min(most, PAGE):
                message.visible, message.receipt = now + hidden, f"{self._next_version()}"
                message.dequeued += 1
                found.append(DequeuedMessage(name, message.receipt, message.body, message.dequeued))
        return found

    async def delete(self, queue: str, message: ReceivedMessage) -> bool:
        await self._request()
        found = self._queues.get(queue, {}).get(message.id)
        if found is None or found.receipt != message.receipt:
            return False
        del self._queues[queue][message.id]
        return True

    async def hide(self, queue: str, message: ReceivedMessage, hidden: timedelta) -> None:
        """What a host does with a message that it got ("Update Message"). Its receipt stays good here."""
        await self._request()
        found = self._queues.get(queue, {}).get(message.id)
        if found is not None and found.receipt == message.receipt:
            found.visible = self._now() + hidden

    async def count(self, queue: str) -> int:
        await self._request()
        return len(self._queues.get(queue, {}))

    def queued(self, queue: str) -> list[bytes]:
        """What the queue holds, hidden or not."""
        return [message.body for message in self._queues.get(queue, {}).values()]

    def next_visible(self, queue: str) -> datetime | None:
        """When the next of its messages can be got; None for an empty queue."""
        return min((message.visible for message in self._queues.get(queue, {}).values()), default=None)
