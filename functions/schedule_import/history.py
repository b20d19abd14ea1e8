"""The memory of imports: which were applied, held or undone, in Table Storage; what each touched, beside the archive.

A memory, not the authority: without it an import costs more requests, older files are no longer known as such and
nothing can be undone, but no booking is lost or doubled.
"""

import gzip
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import batched
from typing import Protocol

from functions.schedule_import.containers import ARCHIVE
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.undo import Touched, journal_line, read_journal_line
from shared.long_work import aside
from shared.storage.entities import Entity, Value
from shared.storage.files import FileEntry, StoredFile

IMPORTS_TABLE = "idempotency"
CHECKPOINTS_TABLE = "checkpoints"
_PARTITION = "schedule-import|"
_RECHECK_PARTITION = "schedule-recheck"
_LARGEST_JOURNAL = 512 * 1024 * 1024
_LINES_A_PIECE = 5_000


class HistoryTables(Protocol):
    """What this module needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def put(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool: ...
    def list(self, table: str, partition: str, select: Iterable[str] | None = None) -> AsyncIterator[Entity]: ...


class HistoryFiles(Protocol):
    """What this module needs of blob storage; `shared.storage.files.Files` has it."""

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile: ...
    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None: ...
    def list(self, container: str, prefix: str = "") -> AsyncIterator[FileEntry]: ...


class ImportHistory:
    """The imports of one profile."""

    def __init__(self, profile: str, tables: HistoryTables, files: HistoryFiles) -> None:
        self._profile = profile
        self._partition = _PARTITION + profile
        self._tables = tables
        self._files = files

    async def imports(self) -> list[PastImport]:
        """All imports that are remembered, by import id."""
        return [_past(row) async for row in self._tables.list(IMPORTS_TABLE, self._partition)]

    async def remember(self, this: PastImport) -> None:
        """Write down what became of an import, over what was written of it before."""
        await self._tables.put(IMPORTS_TABLE, self._partition, this.import_id, _values(this))

    async def forget_before(self, moment: datetime, past: Iterable[PastImport]) -> None:
        """Drop imports whose window ended before this moment, and failures and holds of that age."""
        for one in past:
            ended = one.window[1] if one.window else one.age
            if ended is not None and ended < moment:
                await self._tables.delete(IMPORTS_TABLE, self._partition, one.import_id)

    # -------------------------------------------------------------------------------------------- journal

    async def write_journal(self, import_id: str, attempt: int, touched: Iterable[Touched]) -> int:
        """Keep what this attempt is about to touch, and tell how many bookings that is."""
        count = 0

        def counted() -> Iterator[Touched]:
            nonlocal count
            for count, line in enumerate(touched, 1):  # noqa: B007 - the number is wanted
                yield line

        # In a thread of its own: 400,000 lines take seconds, in which callers of other functions would wait.
        data = await aside(_packed, counted())
        if count:
            await self._files.write(ARCHIVE, self._journal_name(import_id, attempt), data, "application/gzip")
        return count

    async def journals(self, import_id: str, *, after: int = 0) -> list[list[Touched]]:
        """What each attempt of an import beyond the first `after` meant to touch, in the order of the attempts."""
        prefix = f"{self._profile}/{import_id}.changes."
        names = [entry.name async for entry in self._files.list(ARCHIVE, prefix)]
        found = []
        for name in sorted(name for name in names if name > self._journal_name(import_id, after)):
            stored = await self._files.read(ARCHIVE, name, max_bytes=_LARGEST_JOURNAL)
            found.append(await aside(_unpacked, stored.data))
        return found

    def _journal_name(self, import_id: str, attempt: int) -> str:
        return f"{self._profile}/{import_id}.changes.{attempt:04}.jsonl.gz"

    # -------------------------------------------------------------------------------------------- recheck

    async def ask_for_recheck(self, at: datetime) -> None:
        """Somebody may have written after another took over: the newest files are compared again from `at` on."""
        await self._tables.put(CHECKPOINTS_TABLE, _RECHECK_PARTITION, self._profile, {"at": at})

    async def recheck_due(self, now: datetime) -> str | None:
        """The ETag of a recheck that is due, or None."""
        found = await self._tables.get(CHECKPOINTS_TABLE, _RECHECK_PARTITION, self._profile)
        if found is None or not isinstance(at := found.values["at"], datetime) or at > now:
            return None
        return found.etag

    async def recheck_done(self, etag: str) -> None:
        """The recheck was made; one that was asked for since stays."""
        await self._tables.delete(CHECKPOINTS_TABLE, _RECHECK_PARTITION, self._profile, etag=etag)


async def profiles_to_recheck(tables: HistoryTables) -> list[str]:
    """The profiles for which a recheck was asked."""
    return [row.row async for row in tables.list(CHECKPOINTS_TABLE, _RECHECK_PARTITION)]


def lease_place(profile: str) -> tuple[str, str, str]:
    """Table, partition and row of the lease under which a profile's files are imported, one at a time."""
    return CHECKPOINTS_TABLE, "lease", _PARTITION + profile


def _packed(touched: Iterable[Touched]) -> bytes:
    packer = _Packer()
    for some in batched(touched, _LINES_A_PIECE, strict=False):
        packer.write("".join(f"{journal_line(line)}\n" for line in some).encode())
    return packer.finish()


def _unpacked(data: bytes) -> list[Touched]:
    with gzip.open(BytesIO(data), "rt", encoding="utf-8") as lines:
        return [read_journal_line(line) for line in lines]


class _Packer:
    """Compresses piece by piece, so that the text of 400,000 lines never is in memory."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(level=3, wbits=31)
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._pieces.append(self._packer.compress(piece))

    def finish(self) -> bytes:
        return b"".join((*self._pieces, self._packer.flush()))


# -------------------------------------------------------------------------------------------------- table rows


def _values(this: PastImport) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in asdict(this).items():
        match value:
            case None:
                continue
            case date() if not isinstance(value, datetime):
                values[name] = value.isoformat()
            case (start, end):
                values["window_from"], values["window_to"] = start, end
            case ImportState():
                values[name] = value.value
            case _:
                values[name] = value
    return values


def _past(row: Entity) -> PastImport:
    known = {field.name for field in fields(PastImport)}
    values: dict[str, object] = {name: value for name, value in row.values.items() if name in known}
    values["state"] = ImportState(str(row.values["state"]))
    if "window_from" in row.values:
        values["window"] = _moment(row.values["window_from"]), _moment(row.values["window_to"])
    for name in ("age", "stamp", "tried"):
        if name in values:
            values[name] = _moment(row.values[name])
    if "first_day" in values:
        values["first_day"] = date.fromisoformat(str(values["first_day"]))
    return PastImport(**values)  # type: ignore[arg-type]


def _moment(value: Value) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("a moment is stored as one")
    return value.astimezone(UTC)


def retention(now: datetime) -> datetime:
    """Imports whose window ended before this moment are forgotten; rows are kept at least 60 days (architecture)."""
    return now - timedelta(days=90)
