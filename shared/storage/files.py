"""Blobs: schedule files, reports and configuration documents.

`azure.storage.blob` reaches storage by connection string (one machine) or by managed identity (Azure).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError

from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient


class StorageError(Exception):
    """Blob storage did not answer, or refused. The same call may succeed later."""


class FileMissingError(StorageError):
    """There is no such blob (any more)."""


class FileChangedError(StorageError):
    """The blob was overwritten since it was looked at."""


class FileTooLargeError(StorageError):
    """The blob is larger than the limit, in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the file has {size} bytes; the limit is {limit}")
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A blob as it was read: `etag` names this very version."""

    data: bytes
    etag: str
    uploaded: datetime


class Files:
    """The blobs of one storage account."""

    def __init__(self, service: "BlobServiceClient") -> None:
        self._service = service

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        """The blob's content. Raises FileTooLargeError before any content is fetched, FileMissingError."""
        blob = self._service.get_blob_client(container, name)
        with _translated():
            properties = await blob.get_blob_properties()
            if properties.size > max_bytes:
                raise FileTooLargeError(properties.size, max_bytes)
            stream = await blob.download_blob(etag=properties.etag, match_condition=MatchConditions.IfNotModified)
            return StoredFile(await stream.readall(), properties.etag, properties.last_modified)

    async def version(self, container: str, name: str) -> str:
        """The blob's ETag. Raises FileMissingError."""
        with _translated():
            return (await self._service.get_blob_client(container, name).get_blob_properties()).etag

    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None:
        """Put the content there, over whatever was there before."""
        from azure.storage.blob import ContentSettings

        with _translated():
            blob = self._service.get_blob_client(container, name)
            await blob.upload_blob(data, overwrite=True, content_settings=ContentSettings(content_type=content_type))

    async def delete(self, container: str, name: str, *, etag: str) -> bool:
        """Remove this version of the blob. False when it is gone already or a newer one is there, which stays."""
        blob = self._service.get_blob_client(container, name)
        with _translated():
            try:
                await blob.delete_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
            except (ResourceNotFoundError, ResourceModifiedError):
                return False
        return True

    async def names(self, container: str, prefix: str = "") -> AsyncIterator[str]:
        """The names of the blobs below this prefix."""
        with _translated():
            async for name in self._service.get_container_client(container).list_blob_names(name_starts_with=prefix):
                yield name


class _translated:  # noqa: N801 - reads as a statement: `with _translated():`
    """Turns the SDK's errors into ours, so that callers need not know the SDK."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case ResourceNotFoundError():
                raise FileMissingError("no such blob") from error
            case ResourceModifiedError():
                raise FileChangedError("the blob was overwritten meanwhile") from error
            case AzureError():
                raise StorageError(f"blob storage failed: {type(error).__name__}") from error


def open_files(settings: Settings) -> Files:
    """The files of the account that AzureWebJobsStorage names. No request is made yet."""
    from azure.storage.blob.aio import BlobServiceClient

    if settings.storage_connection_string is not None:
        connection = settings.storage_connection_string.get_secret_value()
        return Files(BlobServiceClient.from_connection_string(connection))
    from azure.identity.aio import ManagedIdentityCredential

    credential = ManagedIdentityCredential(client_id=settings.storage_client_id or settings.managed_identity_client_id)
    return Files(BlobServiceClient(settings.blob_service_url or "", credential=credential))
