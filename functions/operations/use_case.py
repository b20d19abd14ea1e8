"""The checks that belong to no capability: storage and Dataverse, which all of them need."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from functions.operations.decide import broken_document_finding, dataverse_finding, storage_finding
from shared.config_documents import CONTAINER
from shared.dataverse.errors import DataverseError
from shared.health import Finding
from shared.storage.errors import StorageError
from shared.storage.files import FileMissingError

_ANY_DOCUMENT = "routing.json"


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
