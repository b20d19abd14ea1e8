"""What call sync reaches, named by what it needs of each."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.calls.records import CallHistory, CallRecord, Glance
from shared.calls.search_keys import SearchKey
from shared.config_documents import Document
from shared.customers.many import ManyNumbersFinder, PackedRowReader
from shared.dataverse.errors import DataverseError
from shared.dataverse.odata import ChangeSet, Query, Question
from shared.dataverse.tables import JsonRow, Table
from shared.enreach.models import CallEvent, EnreachQueue, EnreachUser, Reading, ServiceCall
from shared.enreach.windows import Window
from shared.number_index.keys import NumberKey
from shared.storage.checkpoints import CheckpointRows
from shared.storage.leases import LeaseRows
from shared.ticket_request import TicketRequest
from shared.users.matching import UserMap


class Enreach(Protocol):
    """`shared.enreach.client.EnreachClient` has it. Each method raises EnreachError."""

    async def calls(self, window: Window) -> Reading[CallEvent]: ...
    async def calls_of(self, call_id: str) -> Reading[CallEvent]: ...
    async def service_calls(self, window: Window) -> Reading[ServiceCall]: ...
    async def users(self) -> Reading[EnreachUser]: ...
    async def recordings_address(self) -> str: ...
    async def queues(self) -> Reading[EnreachQueue]: ...


class Dynamics(PackedRowReader, Protocol):
    """`shared.dataverse.client.DataverseClient` has it. Each method raises DataverseError."""

    async def own_user_id(self) -> UUID: ...
    async def status_reasons(self, table: Table) -> dict[int, int]: ...
    async def text_lengths(self, table: Table) -> dict[str, int]: ...
    async def query(self, query: Query, *, within: float | None = None) -> list[JsonRow]: ...
    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]: ...
    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]: ...


class Ledger(Protocol):
    """`shared.calls.ledger.CallLedger` has it. Each method raises StorageError."""

    async def read(self, call_ids: Iterable[str], *, fence: int | None = None) -> dict[str, CallRecord]: ...
    async def write(
        self,
        records: Collection[CallRecord],
        *,
        before: Mapping[str, CallRecord] | None = None,
        fence: int | None = None,
    ) -> None: ...
    async def write_ahead(self, records: Collection[CallRecord], *, fence: int) -> None: ...
    async def glance(self, start: datetime, end: datetime) -> dict[str, Glance]: ...
    async def waiting(self, most: int = 5_000, *, fence: int | None = None) -> list[CallRecord]: ...
    async def find(self, keys: Collection[str], since: datetime, until: datetime, most: int) -> list[CallHistory]: ...
    async def sweep(self, before: datetime, *, days: int = 60) -> int: ...


class Tables(LeaseRows, CheckpointRows, Protocol):
    """`shared.storage.tables.Tables` has it."""


class UserReader(Protocol):
    """`shared.users.users.Users` has it."""

    async def read_users(self, region: str | None) -> UserMap: ...


class DocumentReader(Protocol):
    """`shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSyncGateways:
    """The worlds of a run."""

    enreach: Enreach
    dynamics: Dynamics
    tables: Tables
    ledger: Ledger
    users: UserReader
    documents: DocumentReader
    number_index: ManyNumbersFinder
    offer_tickets: Callable[[Sequence[TicketRequest]], Awaitable[None]]
    """Puts requests onto the queue `tickets`. Raises StorageError; then some may be there."""
    customer_key: NumberKey | None
    """Of `CUSTOMER_ID_KEY`: without it nobody is made for an unknown caller."""
    search_key: SearchKey | None
    """Of the same setting: without it calls are found by their id alone."""
    site_id: str
    now: Callable[[], datetime]
