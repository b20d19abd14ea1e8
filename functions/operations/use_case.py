"""The checks that belong to no capability: storage and Dataverse, which all of them need; and searching calls."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from functions.operations.decide import (
    KnownCall,
    broken_document_finding,
    dataverse_finding,
    searched_stretch,
    storage_finding,
)
from functions.operations.messages import BadRequestError, CallSearch
from shared.calls.records import CallHistory
from shared.calls.search_keys import SearchKey
from shared.config_documents import CONTAINER, Document, json_document
from shared.customers import CustomerMatching
from shared.dataverse.errors import DataverseError
from shared.health import Finding
from shared.phone_numbers import e164
from shared.storage.errors import StorageError
from shared.storage.files import FileMissingError
from shared.tickets.records import TicketRecord

MOST_CALLS = 500
"""Calls that a search gives."""
_ANY_DOCUMENT = "routing.json"
_WITHOUT_DOCUMENT = CustomerMatching()


class Files(Protocol):
    """What this needs of blob storage; `shared.storage.files.Files` has it."""

    async def version(self, container: str, name: str) -> str: ...


class Dynamics(Protocol):
    """What this needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    @property
    def breaker_state(self) -> str: ...
    @property
    def breaker_since(self) -> datetime | None: ...
    async def keep_warm(self) -> None: ...


class Documents(Protocol):
    """What this needs of the configuration; `shared.config_documents.ConfigDocuments` has it."""

    def problems(self) -> dict[str, str]: ...


class DocumentReader(Protocol):
    """What a search needs of the configuration; `shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


class Calls(Protocol):
    """What this needs of the ledger of calls; `shared.calls.ledger.CallLedger` has it."""

    async def history(self, call_id: str) -> CallHistory | None: ...
    async def find(self, keys: Collection[str], since: datetime, until: datetime, most: int) -> list[CallHistory]: ...


class Tickets(Protocol):
    """What this needs of the ledger of tickets; `shared.tickets.ledger.TicketLedger` has it."""

    async def read(self, call_ids: Iterable[str]) -> dict[str, TicketRecord]: ...


async def check_documents(documents: Documents) -> Sequence[Finding]:
    """The documents that this process has read, such as schedule profiles, as far as something is wrong with them."""
    return tuple(broken_document_finding(name, problem) for name, problem in documents.problems().items())


async def check_storage(files: Files) -> Sequence[Finding]:
    """Costs one request, which reads nothing."""
    failure = None
    try:
        await files.version(CONTAINER, _ANY_DOCUMENT)
    except FileMissingError:
        pass  # it answered
    except StorageError as error:
        failure = type(error).__name__
    return (storage_finding(failure),)


async def check_dataverse(dynamics: Dynamics) -> Sequence[Finding]:
    """Costs a request only while nobody else asks Dataverse anything."""
    failure = None
    if dynamics.breaker_state == "closed":
        try:
            await dynamics.keep_warm()
        except DataverseError as error:
            failure = type(error).__name__
    return (dataverse_finding(dynamics.breaker_state, dynamics.breaker_since, failure),)


async def look_up_call(call_id: str, calls: Calls, tickets: Tickets) -> KnownCall | None:
    """What is known of the call of this canonical id; None where nothing is. Raises StorageError."""
    history, asked = await asyncio.gather(calls.history(call_id), tickets.read([call_id]))
    known = KnownCall(call_id, history, asked.get(call_id))
    return None if known.history is None and known.tickets is None else known


async def search_calls(
    search: CallSearch, calls: Calls, tickets: Tickets, key: SearchKey, documents: DocumentReader, now: datetime
) -> list[KnownCall]:
    """The calls that this search asks for, the newest first, at most `MOST_CALLS`.

    Raises BadRequestError for a number that is none where we are, StorageError.
    """
    numbers: list[str] = []
    if search.number is not None:
        document = await documents.read("customer-matching.json", json_document(CustomerMatching))
        number = e164(search.number, (document.value or _WITHOUT_DOCUMENT).default_region)
        if number is None:
            raise BadRequestError("number: is no complete phone number; write it with its country code")
        numbers = [number]
    keys = key.found_by(numbers, [] if search.agent is None else [search.agent])
    found = await calls.find(keys, *searched_stretch(search.since, now), MOST_CALLS)
    asked = await tickets.read(history.call_id for history in found)
    return [KnownCall(history.call_id, history, asked.get(history.call_id)) for history in found]
