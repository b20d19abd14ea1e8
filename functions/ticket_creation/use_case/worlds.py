"""What ticket creation reaches, named by what it needs of each."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.calls.records import CallRecord, CaseLink
from shared.calls.search_keys import SearchKey
from shared.config_documents import Document
from shared.customers.many import ManyNumbersFinder, PackedRowReader
from shared.dataverse.definitions import Column
from shared.dataverse.errors import DataverseError
from shared.dataverse.odata import ChangeSet
from shared.dataverse.tables import Table
from shared.enreach.models import CallEvent, EnreachQueue, EnreachUser, Reading, ServiceCall
from shared.enreach.windows import Window
from shared.number_index.keys import NumberKey
from shared.tickets.records import Slot, TicketRecord


class Enreach(Protocol):
    """`shared.enreach.client.EnreachClient` has it. Each method raises EnreachError."""

    async def calls_of(self, call_id: str) -> Reading[CallEvent]: ...
    async def service_calls(self, window: Window) -> Reading[ServiceCall]: ...
    async def users(self) -> Reading[EnreachUser]: ...
    async def queues(self) -> Reading[EnreachQueue]: ...
    async def recordings_address(self) -> str: ...


class Dynamics(PackedRowReader, Protocol):
    """`shared.dataverse.client.DataverseClient` has it. Each method raises DataverseError."""

    async def own_user_id(self) -> UUID: ...
    async def columns(self, table: Table) -> Mapping[str, Column]: ...
    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]: ...


class Ledger(Protocol):
    """`shared.tickets.ledger.TicketLedger` has it. Each method raises StorageError."""

    async def read(self, call_ids: Iterable[str]) -> Mapping[str, TicketRecord]: ...
    async def write(
        self, records: Collection[TicketRecord], *, before: Mapping[str, TicketRecord] | None = None
    ) -> None: ...
    async def pending(self, most: int = 5_000) -> list[TicketRecord]: ...


class SlotKeeper(Protocol):
    """`shared.tickets.slots.Slots` has it. Each method raises StorageError."""

    async def claim(self, key: str, wanted: Slot, over: Slot | None) -> Slot: ...


class Calls(Protocol):
    """`shared.calls.ledger.CallLedger` has it. Each method raises StorageError."""

    async def read(self, call_ids: Iterable[str]) -> Mapping[str, CallRecord]: ...
    async def link_cases(self, links: Collection[CaseLink]) -> None: ...


class DocumentReader(Protocol):
    """`shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketGateways:
    """The worlds of ticket creation."""

    dynamics: Dynamics
    enreach: Enreach | None
    """None without credentials: compact requests then wait, and no phone call comes later than its case."""
    ledger: Ledger
    slots: SlotKeeper
    calls: Calls
    documents: DocumentReader
    number_index: ManyNumbersFinder
    customer_key: NumberKey | None
    """Of `CUSTOMER_ID_KEY`: without it nobody is made for an unknown caller."""
    search_key: SearchKey | None
    """Of the same setting: without it calls are found by their id alone."""
    environment: str
    """Address of Dynamics, for links."""
    now: Callable[[], datetime]
