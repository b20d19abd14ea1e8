"""What callback sync reaches, named by what it needs of each."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.callbacks.records import CallbackRecord, Unfinished
from shared.config_documents import Document
from shared.customers.many import ManyNumbersFinder, PackedRowReader
from shared.dataverse.errors import DataverseError
from shared.dataverse.odata import ChangeSet, Question
from shared.dataverse.tables import JsonRow
from shared.enreach.models import CallbackList, CallbackRequest, CallEvent, Reading
from shared.enreach.windows import Window
from shared.storage.checkpoints import CheckpointRows
from shared.storage.leases import LeaseRows


class Enreach(Protocol):
    """`shared.enreach.client.EnreachClient` has it. Each method raises EnreachError."""

    async def callback_lists(self) -> Reading[CallbackList]: ...
    async def callbacks(
        self, window: Window | None = None, list_ids: Iterable[str] | None = None
    ) -> Reading[CallbackRequest]: ...
    async def close_callback(self, callback_id: str, note: str | None = None) -> None: ...
    async def calls(self, window: Window) -> Reading[CallEvent]: ...


class Dynamics(PackedRowReader, Protocol):
    """`shared.dataverse.client.DataverseClient` has it. Each method raises DataverseError."""

    async def own_user_id(self) -> UUID: ...
    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]: ...
    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]: ...


class Ledger(Protocol):
    """`shared.callbacks.ledger.CallbackLedger` has it. Each method raises StorageError."""

    async def read(self, callback_ids: Iterable[str], *, fence: int | None = None) -> Mapping[str, CallbackRecord]: ...
    async def write(self, records: Collection[CallbackRecord], *, fence: int | None = None) -> None: ...
    async def unfinished(self, most: int = 5_000, *, fence: int | None = None) -> list[CallbackRecord]: ...
    async def count_unfinished(self, most: int = 20_000) -> Mapping[Unfinished, int]: ...
    async def sweep(self, before: datetime) -> int: ...


class Tables(LeaseRows, CheckpointRows, Protocol):
    """`shared.storage.tables.Tables` has it."""


class DocumentReader(Protocol):
    """`shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackGateways:
    """The worlds of a run."""

    enreach: Enreach
    dynamics: Dynamics
    tables: Tables
    ledger: Ledger
    documents: DocumentReader
    number_index: ManyNumbersFinder
    now: Callable[[], datetime]
