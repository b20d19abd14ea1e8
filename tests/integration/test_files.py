"""Blobs, on Azurite and in memory alike: a version is read whole or not at all, and only that version is removed."""

import asyncio
import hashlib
import os
import socket
import tempfile
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from shared.settings import Settings
from shared.storage.errors import (
    AlreadyThereError,
    FileChangedError,
    FileMissingError,
    FileTooLargeError,
    StorageError,
)
from shared.storage.files import CHUNK_BYTES, FetchedFile, Files, open_files
from tests.integration.relay import Relay, relayed
from tests.memory_storage import MemoryFiles

type AnyFiles = Files | MemoryFiles

NAME = "nice-iex/Schichtplan Müller #1 50%.csv"
LARGE = 2 * CHUNK_BYTES + 7


@pytest.fixture(params=["azurite", "memory"])
async def files(request: pytest.FixtureRequest) -> AsyncIterator[AnyFiles]:
    if request.param == "memory":
        yield MemoryFiles()
        return
    async with BlobServiceClient.from_connection_string(request.getfixturevalue("storage"), retry_total=0) as service:
        for container in ("schedules", "schedule-archive"):
            blobs = service.get_container_client(container)
            async for name in blobs.list_blob_names():
                await blobs.delete_blob(name)
        yield Files(lambda: service)


async def put(files: AnyFiles, name: str, data: bytes, container: str = "schedules") -> str:
    await files.write(container, name, data, "text/csv")
    return await files.version(container, name)


async def content(files: AnyFiles, name: str, container: str = "schedules") -> bytes:
    return (await files.read(container, name, max_bytes=10**9)).data


async def fetch(files: AnyFiles, name: str, max_bytes: int = 10**9) -> tuple[bytes, FetchedFile]:
    with tempfile.TemporaryFile() as target:
        fetched = await files.read_into("schedules", name, target, max_bytes=max_bytes)
        target.seek(0)
        return target.read(), fetched


# ------------------------------------------------------------------------------------------ reading


async def test_what_was_written_is_read_with_its_version(files: AnyFiles) -> None:
    await put(files, NAME, b"one")
    stored = await files.read("schedules", NAME, max_bytes=3)
    assert stored.data == b"one"
    assert stored.etag == await files.version("schedules", NAME)
    assert stored.uploaded.tzinfo is not None


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, LARGE])
async def test_a_file_of_any_size_is_fetched_with_its_hash_and_its_version(files: AnyFiles, size: int) -> None:
    data = os.urandom(size)
    etag = await put(files, NAME, data)
    stored = await files.read("schedules", NAME, max_bytes=size)
    fetched = await fetch(files, NAME, size)
    assert fetched == (data, FetchedFile(size, hashlib.sha256(data).hexdigest(), etag, stored.uploaded))
    assert stored.data == data


async def test_a_file_above_the_limit_is_not_fetched(files: AnyFiles) -> None:
    await put(files, "large", b"x" * 11)
    with pytest.raises(FileTooLargeError, match="11 bytes; the limit is 10"):
        await files.read("schedules", "large", max_bytes=10)
    with pytest.raises(FileTooLargeError, match="11 bytes; the limit is 10"):
        await fetch(files, "large", 10)


async def test_a_file_overwritten_while_it_is_fetched_or_copied_is_said_to_be_changed(files: AnyFiles) -> None:
    etag = await put(files, "a", os.urandom(LARGE))

    class Overwriting(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            asyncio.run_coroutine_threadsafe(put(files, "a", b"new"), loop)
            time.sleep(0.3)
            return len(data)

    loop = asyncio.get_running_loop()
    if isinstance(files, MemoryFiles):
        overwriting = asyncio.create_task(put(files, "a", b"new"))
        with pytest.raises(FileChangedError), tempfile.TemporaryFile() as plain:
            await files.read_into("schedules", "a", plain, max_bytes=10**9)
        await overwriting
    else:
        with pytest.raises(FileChangedError), Overwriting() as target:
            await files.read_into("schedules", "a", target, max_bytes=10**9)  # type: ignore[arg-type]
    with pytest.raises(FileChangedError):
        await files.copy("schedules", "a", "schedule-archive", "a", etag=etag)
    with pytest.raises(FileMissingError):
        await files.version("schedule-archive", "a")


async def test_a_missing_file_is_said_to_be_missing(files: AnyFiles) -> None:
    attempts: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: files.read("schedules", "none", max_bytes=9),
        lambda: files.version("schedules", "none"),
        lambda: fetch(files, "none"),
        lambda: files.copy("schedules", "none", "schedule-archive", "none", etag='"0x1"'),
        lambda: files.move("schedules", "none", "schedule-archive", "none", etag='"0x1"'),
        lambda: files.read("no-such-container", "none", max_bytes=9),
    )
    for attempt in attempts:
        with pytest.raises(FileMissingError):
            await attempt()


# ------------------------------------------------------------------------------------------ writing


@pytest.mark.parametrize("size", [0, 3, LARGE])
async def test_a_file_is_written_over_another_or_only_where_none_is(files: AnyFiles, size: int) -> None:
    first, second = os.urandom(size), os.urandom(size + 1)
    await files.write_new("schedules", "a", first, "text/csv")
    with pytest.raises(AlreadyThereError):
        await files.write_new("schedules", "a", second, "text/csv")
    assert await content(files, "a") == first
    await files.write("schedules", "a", second, "text/csv")
    assert await content(files, "a") == second


@pytest.mark.parametrize("size", [3, CHUNK_BYTES + 1])
async def test_of_many_that_write_a_new_file_at_once_one_wins(files: AnyFiles, size: int) -> None:
    async def write(number: int) -> bytes | None:
        data = bytes([number]) * size
        try:
            await files.write_new("schedules", "a", data, "text/csv")
        except AlreadyThereError:
            return None
        return data

    written = await asyncio.gather(*(write(number) for number in range(8)))
    (winner,) = [data for data in written if data is not None]
    assert await content(files, "a") == winner


async def test_two_large_files_of_one_name_at_once_never_mix(files: AnyFiles) -> None:
    versions = [bytes([number]) * LARGE for number in range(4)]
    await asyncio.gather(*(put(files, "a", data) for data in versions), return_exceptions=True)
    assert await content(files, "a") in versions


async def test_a_container_that_is_not_there_is_a_storage_error_and_no_missing_file(files: AnyFiles) -> None:
    etag = await put(files, "a", b"1")
    attempts: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: files.write("no-such-container", "a", b"", "text/csv"),
        lambda: files.write_new("no-such-container", "a", b"", "text/csv"),
        lambda: files.copy("schedules", "a", "no-such-container", "a", etag=etag),
    )
    for attempt in attempts:
        with pytest.raises(StorageError) as raised:
            await attempt()
        assert not isinstance(raised.value, FileMissingError | AlreadyThereError)


# ------------------------------------------------------------------------------------------ moving and removing


@pytest.mark.parametrize("size", [0, 3, LARGE])
async def test_the_version_in_hand_is_moved_with_all_its_bytes(files: AnyFiles, size: int) -> None:
    data = os.urandom(size)
    etag = await put(files, NAME, data)
    await put(files, "x/" + NAME, b"what a killed run left", "schedule-archive")
    assert await files.move("schedules", NAME, "schedule-archive", "x/" + NAME, etag=etag)
    assert await content(files, "x/" + NAME, "schedule-archive") == data
    with pytest.raises(FileMissingError):
        await files.version("schedules", NAME)


async def test_a_newer_version_is_neither_copied_nor_removed(files: AnyFiles) -> None:
    old = await put(files, "a", b"old")
    await put(files, "a", b"new")
    for attempt in (files.copy, files.move):
        with pytest.raises(FileChangedError):
            await attempt("schedules", "a", "schedule-archive", "a", etag=old)
    assert [name async for name in files.names("schedule-archive")] == []
    assert await content(files, "a") == b"new"


async def test_a_copy_keeps_the_content_type(storage: str) -> None:
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:
        files = Files(lambda: service)
        for size in (3, LARGE):
            await files.write("schedules", "typed", b"x" * size, "text/calendar")
            etag = await files.version("schedules", "typed")
            await files.move("schedules", "typed", "schedule-archive", "typed", etag=etag)
            properties = await service.get_blob_client("schedule-archive", "typed").get_blob_properties()
            assert properties.content_settings.content_type == "text/calendar"


async def test_only_the_version_in_hand_is_removed(files: AnyFiles) -> None:
    old = await put(files, "a", b"old")
    new = await put(files, "a", b"new")
    assert not await files.delete("schedules", "a", etag=old)
    assert await content(files, "a") == b"new"
    assert await files.delete("schedules", "a", etag=new)
    assert not await files.delete("schedules", "a", etag=new)
    with pytest.raises(FileMissingError):
        await files.version("schedules", "a")


# ------------------------------------------------------------------------------------------ listing


async def test_files_below_a_prefix_are_listed_in_order_with_what_tells_their_versions(files: AnyFiles) -> None:
    for name, size in (("p/ü #1.csv", 3), ("p/1.csv", 0), ("q/1.csv", 1), ("p/a+b %20.csv", 2)):
        await put(files, name, b"x" * size)
    assert [name async for name in files.names("schedules", "p/")] == ["p/1.csv", "p/a+b %20.csv", "p/ü #1.csv"]
    listed = [entry async for entry in files.list("schedules", "p/")]
    assert [(entry.name, entry.size) for entry in listed] == [("p/1.csv", 0), ("p/a+b %20.csv", 2), ("p/ü #1.csv", 3)]
    for entry in listed:
        stored = await files.read("schedules", entry.name, max_bytes=9)
        assert (entry.etag, entry.uploaded) == (stored.etag, stored.uploaded)
        assert await files.delete("schedules", entry.name, etag=entry.etag)
    assert [entry async for entry in files.list("schedules", "p/")] == []


# ------------------------------------------------------------------------------------------ faults and outages


@pytest.mark.parametrize("size", [3, LARGE])
@pytest.mark.parametrize("fault", ["answer lost", "503"])
async def test_a_new_file_whose_answer_was_lost_is_known_as_ones_own(storage: str, fault: str, size: int) -> None:
    retries = LinearRetry(backoff=0, random_jitter_range=0)
    name, data = f"lost/{fault}/{size}", os.urandom(size)
    relay = Relay(fault, matching=lambda request: request.query.get("comp") != "block")
    async with (
        relayed(storage, "Blob", relay) as connection,
        BlobServiceClient.from_connection_string(connection, retry_policy=retries) as service,
    ):
        await Files(lambda: service).write_new("schedules", name, data, "text/csv")
        assert relay.requests > 1
        assert await content(Files(lambda: service), name) == data
        with pytest.raises(AlreadyThereError):
            await Files(lambda: service).write_new("schedules", name, data, "text/csv")


async def test_a_new_file_whose_blocks_another_one_threw_away_came_second(storage: str) -> None:
    # "Put Block List": blocks that are not yet taken go when those of another upload are. Azurite keeps them.
    relay = Relay("InvalidBlockList", matching=lambda request: request.query.get("comp") == "blocklist")
    async with (
        relayed(storage, "Blob", relay) as connection,
        BlobServiceClient.from_connection_string(connection, retry_total=0) as service,
        BlobServiceClient.from_connection_string(storage, retry_total=0) as direct,
    ):
        await Files(lambda: direct).write_new("schedules", "second", b"first", "text/csv")
        with pytest.raises(AlreadyThereError):
            await Files(lambda: service).write_new("schedules", "second", os.urandom(LARGE), "text/csv")
        assert await content(Files(lambda: direct), "second") == b"first"


async def test_a_large_file_is_moved_and_fetched_with_little_of_it_in_memory(storage: str) -> None:
    data = os.urandom(15 * CHUNK_BYTES)
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:
        files = Files(lambda: service)
        etag = await put(files, "large", data)
        tracemalloc.start()
        try:
            with tempfile.TemporaryFile() as target:
                fetched = await files.read_into("schedules", "large", target, max_bytes=10**9)
            assert await files.move("schedules", "large", "schedule-archive", "large", etag=etag)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 6 * CHUNK_BYTES
        assert fetched.sha256 == hashlib.sha256(data).hexdigest()
        assert await content(files, "large", "schedule-archive") == data


async def test_storage_is_connected_to_once_with_the_first_calls_and_never_on_the_event_loop(storage: str) -> None:
    threads: list[int] = []
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:

        def connect() -> BlobServiceClient:
            threads.append(threading.get_ident())
            time.sleep(0.05)
            return service

        files = Files(connect)
        await files.close()  # before any call there is nothing to close
        assert threads == []
        await asyncio.gather(*(put(files, f"{number}", b"x") for number in range(5)))
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_what_was_loaded_ahead_is_what_the_first_call_uses(storage: str) -> None:
    connected = threading.Event()
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:

        def connect() -> BlobServiceClient:
            assert not connected.is_set(), "a second time"
            connected.set()
            return service

        files = Files(connect)
        files.load_ahead()
        assert await asyncio.to_thread(connected.wait, 5)
        await put(files, "a", b"x")


async def test_what_cannot_be_loaded_ahead_is_told_without_the_connection_string(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(AzureWebJobsStorage="AccountKey=secret", dataverse_url="https://contoso.crm4.dynamics.com")
    open_files(settings).load_ahead()
    for thread in threading.enumerate():
        if thread.name == "load blob storage":
            await asyncio.to_thread(thread.join, 5)
    assert caplog.messages == ["Blob storage cannot be set up: ValueError"]


async def test_storage_that_does_not_answer_is_a_storage_error_soon() -> None:
    nobody = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;"
    async with BlobServiceClient.from_connection_string(nobody, retry_total=0) as service:
        with pytest.raises(StorageError, match="blob storage failed"):
            await Files(lambda: service).version("schedules", "a")


async def test_the_apps_own_patience_ends_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    connection = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:{port}/a;"
    settings = Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com")
    files = open_files(settings)
    started = time.monotonic()
    with pytest.raises(StorageError):
        await files.version("schedules", "a")
    assert time.monotonic() - started < 5
    await files.close()
