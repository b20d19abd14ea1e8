"""Blobs on Azurite: a version is read whole or not at all, and only that version is removed."""

from collections.abc import AsyncIterator

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.storage.files import FileMissingError, Files, FileTooLargeError, StorageError


@pytest.fixture
async def files(storage: str) -> AsyncIterator[Files]:
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:
        yield Files(service)


async def put(files: Files, name: str, data: bytes) -> None:
    await files.write("schedules", name, data, "text/csv")


async def test_what_was_written_is_read_with_its_version(files: Files) -> None:
    await put(files, "nice-iex/Schichtplan Müller #1.csv", b"one")
    stored = await files.read("schedules", "nice-iex/Schichtplan Müller #1.csv", max_bytes=3)
    assert stored.data == b"one"
    assert stored.etag == await files.version("schedules", "nice-iex/Schichtplan Müller #1.csv")
    assert stored.uploaded.tzinfo is not None


async def test_a_file_above_the_limit_is_not_fetched(files: Files) -> None:
    await put(files, "large", b"x" * 11)
    with pytest.raises(FileTooLargeError, match="11 bytes; the limit is 10"):
        await files.read("schedules", "large", max_bytes=10)


async def test_a_missing_file_is_said_to_be_missing(files: Files) -> None:
    for attempt in (files.read("schedules", "none", max_bytes=9), files.version("schedules", "none")):
        with pytest.raises(FileMissingError):
            await attempt


async def test_only_the_version_in_hand_is_removed(files: Files) -> None:
    await put(files, "a", b"old")
    old = await files.version("schedules", "a")
    await put(files, "a", b"new")
    assert not await files.delete("schedules", "a", etag=old)
    assert (await files.read("schedules", "a", max_bytes=9)).data == b"new"
    new = await files.version("schedules", "a")
    assert await files.delete("schedules", "a", etag=new)
    assert not await files.delete("schedules", "a", etag=new)
    with pytest.raises(FileMissingError):
        await files.version("schedules", "a")


async def test_names_below_a_prefix(files: Files) -> None:
    for name in ("p/1", "p/2", "q/1"):
        await put(files, name, b"")
    assert [name async for name in files.names("schedules", "p/")] == ["p/1", "p/2"]


async def test_storage_that_does_not_answer_is_a_storage_error() -> None:
    nobody = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;"
    async with BlobServiceClient.from_connection_string(nobody, retry_total=0) as service:
        with pytest.raises(StorageError, match="blob storage failed"):
            await Files(service).version("schedules", "a")
