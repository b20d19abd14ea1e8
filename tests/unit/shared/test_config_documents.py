"""Configuration documents: validated whole, the last good one kept, looked at again by ETag."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from shared.config_documents import ConfigDocuments, Document, json_document
from shared.storage.files import FileMissingError, StorageError, StoredFile


class Rules(BaseModel):
    target: str


class Blobs:
    """One blob; counts what is asked of it."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content, self.asked, self.fetched, self.broken, self.slow = content, 0, 0, False, False

    async def version(self, container: str, name: str) -> str:
        self.asked += 1
        if self.slow:
            await asyncio.sleep(30)
        if self.broken:
            raise StorageError("down")
        if self.content is None:
            raise FileMissingError("no such blob")
        return f"etag of {self.content!r}"

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        self.fetched += 1
        assert self.content is not None
        return StoredFile(self.content, f"etag of {self.content!r}", datetime.now(UTC))


GOOD, BETTER, BAD = b'{"target": "+358"}', b'{"target": "+46"}', b'{"aim": "secret"}'


async def read(documents: ConfigDocuments) -> Document[Rules]:
    return await documents.read("routing.json", json_document(Rules))


async def test_a_document_is_fetched_once_while_its_etag_stays() -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=0)
    for _ in range(3):
        assert (await read(documents)).value == Rules(target="+358")
    assert (blobs.asked, blobs.fetched) == (3, 1)


async def test_between_two_looks_nothing_is_asked_however_many_callers_there_are() -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=60)
    await asyncio.gather(*(read(documents) for _ in range(50)))
    assert (blobs.asked, blobs.fetched) == (1, 1)


async def test_a_newer_version_replaces_the_running_one() -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=0)
    await read(documents)
    blobs.content = BETTER
    assert (await read(documents)).value == Rules(target="+46")


async def test_a_broken_version_keeps_the_last_good_one_and_says_why_without_its_content() -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=0)
    await read(documents)
    blobs.content = BAD
    for _ in range(2):
        document = await read(documents)
        assert (document.value, document.problem) == (Rules(target="+358"), "target: Field required")
    assert blobs.fetched == 2, "a refused version is not fetched again"
    blobs.content = GOOD
    assert (await read(documents)).problem is None


async def test_a_broken_first_version_gives_nothing_and_a_reason() -> None:
    document = await read(ConfigDocuments(Blobs(b"{")))
    assert document.value is None
    assert "Invalid JSON" in (document.problem or "")


async def test_a_missing_document_is_no_problem() -> None:
    assert await read(ConfigDocuments(Blobs())) == Document(None)


@pytest.mark.parametrize("trouble", ["broken", "slow"])
async def test_storage_in_trouble_keeps_the_last_good_version(trouble: str) -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=0)
    await read(documents)
    setattr(blobs, trouble, True)
    async with asyncio.timeout(2):
        document = await read(documents)
    assert (document.value, document.problem is None) == (Rules(target="+358"), False)
    setattr(blobs, trouble, False)
    assert (await read(documents)).problem is None
