"""Blobs: schedule files, reports and configuration documents.

`azure.storage.blob` reaches storage by connection string (one machine) or by managed identity (Azure).
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from shared.settings import Settings
from shared.storage.connecting import Connecting
from shared.storage.errors import (
    AlreadyThereError,
    FileChangedError,
    FileMissingError,
    FileTooLargeError,
    StorageError,
)

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import BlobClient, BlobServiceClient

__all__ = [
    "AlreadyThereError",
    "FetchedFile",
    "FileChangedError",
    "FileEntry",
    "FileMissingError",
    "FileTooLargeError",
    "Files",
    "StorageError",
    "StoredFile",
    "open_files",
]

CHUNK_BYTES = 1024 * 1024
"""What is held of a file that is copied or fetched. The SDK puts a chunk together in one step, which stops the event
loop for 3 ms."""

_log = logging.getLogger(__name__)

_ONE_REQUEST_BYTES = 1024 * 1024

_WRITE_ID = "writeid"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A blob as it was read: `etag` names this very version."""

    data: bytes
    etag: str
    uploaded: datetime


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A blob as it was read into a file: `size` in bytes, `sha256` in hex, `etag` names this very version."""

    size: int
    sha256: str
    etag: str
    uploaded: datetime


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A blob as it was listed: `size` in bytes, `etag` names this very version."""

    name: str
    etag: str
    size: int
    uploaded: datetime


class Files:
    """The blobs of one storage account. The SDK is loaded with the first call, or ahead of it.

    Every call raises StorageError when storage does not answer or refuses.
    """

    def __init__(self, connect: "Callable[[], BlobServiceClient]") -> None:
        self._service = Connecting("blob storage", connect)

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        """The blob's content. Raises FileTooLargeError before any content is fetched, FileMissingError."""
        blob = await self._blob(container, name)
        with _translated():
            properties = await blob.get_blob_properties()
            if properties.size > max_bytes:
                raise FileTooLargeError(properties.size, max_bytes)
            stream = await blob.download_blob(etag=properties.etag, match_condition=MatchConditions.IfNotModified)
            return StoredFile(await stream.readall(), properties.etag, properties.last_modified)

    async def read_into(self, container: str, name: str, target: BinaryIO, *, max_bytes: int) -> FetchedFile:
        """Write the blob's content to an open file, piece by piece and all of one version.

        Raises FileTooLargeError before any content is fetched, FileMissingError, and FileChangedError when the blob
        is overwritten meanwhile; the file then holds a beginning of the old version.
        """
        blob = await self._blob(container, name)
        digest = hashlib.sha256()

        def keep(chunk: bytes) -> None:
            digest.update(chunk)
            target.write(chunk)

        with _translated():
            properties = await blob.get_blob_properties()
            if properties.size > max_bytes:
                raise FileTooLargeError(properties.size, max_bytes)
            async for chunk in _chunks(blob, properties):
                await asyncio.to_thread(keep, chunk)
        return FetchedFile(properties.size, digest.hexdigest(), properties.etag, properties.last_modified)

    async def version(self, container: str, name: str) -> str:
        """The blob's ETag. Raises FileMissingError."""
        with _translated():
            return (await (await self._blob(container, name)).get_blob_properties()).etag

    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None:
        """Put the content there, over whatever was there before."""
        with _translated_write():
            await _put(await self._blob(container, name), data, content_type)

    async def write_new(self, container: str, name: str, data: bytes, content_type: str) -> None:
        """Put the content there if nothing is. Raises AlreadyThereError.

        A try whose answer was lost is repeated, and knows its own blob again.
        """
        blob = await self._blob(container, name)
        write_id = uuid4().hex
        with _translated_write():
            try:
                await _put(blob, data, content_type, metadata={_WRITE_ID: write_id}, overwrite=False)
            except HttpResponseError as error:
                if not _says_that_another_was_first(error):
                    raise
                if (await blob.get_blob_properties()).metadata.get(_WRITE_ID) != write_id:
                    raise AlreadyThereError("a blob of this name is there already") from error

    async def copy(self, container: str, name: str, to_container: str, to_name: str, *, etag: str) -> None:
        """Copy this version of a blob, of any size, over whatever was there before; little of it is held in memory.

        Raises FileMissingError and FileChangedError; the target is then as it was.
        """
        source = await self._blob(container, name)
        target = await self._blob(to_container, to_name)
        with _translated():
            properties = await source.get_blob_properties()
            if properties.etag.strip('"') != etag.strip('"'):
                raise FileChangedError("the blob was overwritten meanwhile")
            chunks = _chunks(source, properties)
            first = await anext(chunks, b"")
            content_type = properties.content_settings.content_type
            if properties.size <= CHUNK_BYTES:
                with _translated_write():
                    await _put(target, first, content_type)
                return
            blocks = _Blocks(target, content_type)
            with _translated_write():
                await blocks.stage(first)
            async for chunk in chunks:
                with _translated_write():
                    await blocks.stage(chunk)
            with _translated_write():
                await blocks.commit()

    async def move(self, container: str, name: str, to_container: str, to_name: str, *, etag: str) -> bool:
        """Copy this version of a blob, then remove it. False when a newer one came meanwhile, which stays.

        Raises what `copy` raises.
        """
        await self.copy(container, name, to_container, to_name, etag=etag)
        return await self.delete(container, name, etag=etag)

    async def delete(self, container: str, name: str, *, etag: str) -> bool:
        """Remove this version of the blob. False when it is gone already or a newer one is there, which stays."""
        blob = await self._blob(container, name)
        with _translated():
            try:
                await blob.delete_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
            except (ResourceNotFoundError, ResourceModifiedError):
                return False
        return True

    async def names(self, container: str, prefix: str = "") -> AsyncIterator[str]:
        """The names of the blobs below this prefix."""
        with _translated():
            async for name in (
                (await self._service.get()).get_container_client(container).list_blob_names(name_starts_with=prefix)
            ):
                yield name

    async def list(self, container: str, prefix: str = "") -> AsyncIterator[FileEntry]:
        """The blobs below this prefix in the order of their names, in pages."""
        with _translated():
            async for blob in (
                (await self._service.get()).get_container_client(container).list_blobs(name_starts_with=prefix)
            ):
                # A listing gives the ETag without the quotes that everything else wants.
                etag = f'"{blob.etag.strip('"')}"'
                yield FileEntry(blob.name, etag, blob.size, blob.last_modified)

    def load_ahead(self) -> None:
        """In a moment, import and set up what the first call needs, on a thread. No request is made."""
        self._service.load_ahead()

    async def close(self) -> None:
        """Close the connections."""
        if self._service.value is not None:
            await self._service.value.close()

    async def _blob(self, container: str, name: str) -> "BlobClient":
        return (await self._service.get()).get_blob_client(container, name)


def _says_that_another_was_first(error: HttpResponseError) -> bool:
    # The blocks of an upload are thrown away when those of another one are taken.
    if getattr(error, "error_code", None) == "InvalidBlockList":
        return True
    return isinstance(error, ResourceExistsError | ResourceModifiedError)


async def _chunks(blob: "BlobClient", properties: "BlobProperties") -> AsyncIterator[bytes]:
    """The content of this version, piece by piece."""
    for start in range(0, properties.size, CHUNK_BYTES):
        stream = await blob.download_blob(
            offset=start,
            length=min(CHUNK_BYTES, properties.size - start),
            etag=properties.etag,
            match_condition=MatchConditions.IfNotModified,
        )
        yield await stream.readall()


async def _put(blob: "BlobClient", data: bytes, content_type: str | None, **more: Any) -> None:
    if len(data) <= _ONE_REQUEST_BYTES:
        from azure.storage.blob import ContentSettings

        settings = ContentSettings(content_type=content_type)
        await blob.upload_blob(data, content_settings=settings, **{"overwrite": True, **more})
        return
    blocks = _Blocks(blob, content_type)
    for start in range(0, len(data), CHUNK_BYTES):
        await blocks.stage(data[start : start + CHUNK_BYTES])
    await blocks.commit(**more)


class _Blocks:
    """A blob put together from blocks.

    Its blocks have names of its own: the SDK names a block after its place, so that two uploads of one blob at once
    may end as a mixture of both. Here the later one is refused instead ("InvalidBlockList"), or overwrites it all.
    """

    def __init__(self, blob: "BlobClient", content_type: str | None) -> None:
        self._blob = blob
        self._content_type = content_type
        self._upload = uuid4().hex
        self._names: list[str] = []

    async def stage(self, data: bytes) -> None:
        name = base64.b64encode(f"{self._upload}-{len(self._names):08}".encode()).decode()
        await self._blob.stage_block(name, BytesIO(data), length=len(data))
        self._names.append(name)

    async def commit(self, *, overwrite: bool = True, **more: Any) -> None:
        from azure.storage.blob import BlobBlock, ContentSettings

        condition: dict[str, Any] = {} if overwrite else {"match_condition": MatchConditions.IfMissing}
        await self._blob.commit_block_list(
            [BlobBlock(name) for name in self._names],
            content_settings=ContentSettings(content_type=self._content_type),
            **condition,
            **more,
        )


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


class _translated_write(_translated):  # noqa: N801
    """As `_translated`; but what is missing is the container, and no version was asked for."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ResourceNotFoundError | ResourceModifiedError):
            raise StorageError(f"blob storage failed: {type(error).__name__}") from error
        super().__exit__(kind, error, trace)


def open_files(settings: Settings) -> Files:
    """The files of the account that AzureWebJobsStorage names. No request is made yet."""

    def connect() -> "BlobServiceClient":
        from azure.storage.blob.aio import BlobServiceClient, LinearRetry

        # The SDK's own patience is more than a minute. Ours is two more tries, each after up to 2 s.
        options: dict[str, Any] = {
            "retry_policy": LinearRetry(backoff=1, retry_total=2, random_jitter_range=1),
            "connection_timeout": 3,
            "read_timeout": 30,
        }
        if settings.storage_connection_string is not None:
            connection = settings.storage_connection_string.get_secret_value()
            return BlobServiceClient.from_connection_string(connection, **options)
        from azure.identity.aio import ManagedIdentityCredential

        client_id = settings.storage_client_id or settings.managed_identity_client_id
        credential = ManagedIdentityCredential(client_id=client_id)
        return BlobServiceClient(settings.blob_service_url or "", credential=credential, **options)

    return Files(connect)
