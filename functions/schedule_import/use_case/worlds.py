"""What the stories need of the outside worlds, and where things lie."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol
from uuid import UUID

from shared.config_documents import Document
from shared.dataverse.bulk import WriteOutcome
from shared.dataverse.odata import Query
from shared.dataverse.tables import JsonRow, Table
from shared.storage.entities import Entity, Value
from shared.storage.files import FetchedFile, FileEntry, StoredFile


class ScheduleFiles(Protocol):
    """What the stories need of blob storage."""

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile: ...
    async def read_into(self, container: str, name: str, target: BinaryIO, *, max_bytes: int) -> FetchedFile: ...
    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None: ...
    async def copy(self, container: str, name: str, to_container: str, to_name: str, *, etag: str) -> None: ...
    async def delete(self, container: str, name: str, *, etag: str) -> bool: ...
    async def version(self, container: str, name: str) -> str: ...
    def list(self, container: str, prefix: str = "") -> AsyncIterator[FileEntry]: ...


class ScheduleTables(Protocol):
    """What the stories need of Table Storage."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def replace(
        self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str
    ) -> Entity: ...
    async def put(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool: ...
    def list(self, table: str, partition: str, select: Iterable[str] | None = None) -> AsyncIterator[Entity]: ...


class Dynamics(Protocol):
    """What the stories need of Dataverse."""

    async def query_many(self, queries: Sequence[Query]) -> list[list[JsonRow]]: ...
    def pages(self, queries: Iterable[Query], *, page_size: int | None = None) -> AsyncGenerator[list[JsonRow]]: ...
    async def upsert_many(self, table: Table, rows: Iterable[JsonRow] | AsyncIterable[JsonRow]) -> WriteOutcome: ...
    async def update_many(self, table: Table, rows: Iterable[JsonRow] | AsyncIterable[JsonRow]) -> WriteOutcome: ...
    async def delete_many(self, table: Table, row_ids: Iterable[UUID]) -> WriteOutcome: ...


class Documents(Protocol):
    """What the stories need of the configuration."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True)
class ImportGateways:
    """The outside worlds of an import."""

    files: ScheduleFiles
    tables: ScheduleTables
    dynamics: Dynamics
    documents: Documents
    now: Callable[[], datetime]
    max_bytes: int
    lease_seconds: float = 60.0
    lease_wait: float = 30.0
    """How long a file waits for another one of its profile to be done; then the sweep takes it up."""


@dataclass(frozen=True, slots=True)
class InboxPath:
    """A file's place: `schedules/<profile>/<name>`."""

    path: str

    @property
    def profile(self) -> str:
        return self.path.partition("/")[0] if "/" in self.path else ""

    @property
    def name(self) -> str:
        return self.path.partition("/")[2] or self.path

    def beside(self, name: str) -> "InboxPath":
        """Another file in the same profile's folder."""
        return InboxPath(f"{self.profile}/{name}")


def archive_path(profile: str, import_id: str, name: str) -> str:
    """Where a file goes that has got its final status."""
    return str(PurePosixPath(profile) / import_id / name)


def import_id(uploaded: datetime, etag: str) -> str:
    """The same delivery has the same id however often it is run: its upload and this version of the blob make it."""
    return f"{uploaded:%Y%m%dT%H%M%SZ}-{hashlib.sha256(etag.encode()).hexdigest()[:8]}"
