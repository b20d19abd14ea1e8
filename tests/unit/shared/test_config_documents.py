"""Configuration documents: validated whole, the last good one kept, looked at again by ETag."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from shared.config_documents import (
    CHECK_EVERY_SECONDS,
    PATIENCE_SECONDS,
    RETRY_SECONDS,
    BadDocumentError,
    ConfigDocuments,
    Document,
    json_document,
)
from shared.storage.files import FileMissingError, StorageError, StoredFile
from tests.unit.shared.dataverse.virtual_time import play


class Rules(BaseModel):
    target: str


class Blobs:
    """One blob; counts what is asked of it."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content, self.asked, self.fetched, self.broken, self.slow = content, 0, 0, False, False
        self.seconds = 0.0

    async def version(self, container: str, name: str) -> str:
        self.asked += 1
        if self.slow:
            await asyncio.sleep(30)
        if self.seconds:
            await asyncio.sleep(self.seconds)
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
    documents = ConfigDocuments(blobs, check_every=0, check_ends=0.3)
    await read(documents)
    setattr(blobs, trouble, True)
    async with asyncio.timeout(0.25):
        document = await read(documents)
    assert (document.value, document.problem is None) == (Rules(target="+358"), False)
    assert documents.problems() == {"routing.json": "storage did not give the document"}
    setattr(blobs, trouble, False)
    if trouble == "slow":
        await asyncio.sleep(0.2)  # the check under way has to end, and nobody waits for the one after it
        await read(documents)
        await asyncio.sleep(0)
    assert (await read(documents)).problem is None
    assert documents.problems() == {}


def test_a_check_that_does_not_end_costs_its_first_callers_a_moment_and_later_ones_nothing() -> None:
    async def story() -> None:
        blobs, clock = Blobs(GOOD), asyncio.get_running_loop().time
        documents = ConfigDocuments(blobs)
        await read(documents)
        blobs.slow = True

        async def seconds() -> float:
            started = clock()
            assert (await read(documents)).value == Rules(target="+358")
            return clock() - started

        await asyncio.sleep(CHECK_EVERY_SECONDS)
        first = await asyncio.gather(*(seconds() for _ in range(50)))
        assert max(first) == pytest.approx(PATIENCE_SECONDS)
        waited = 0.0
        for _ in range(600):  # a minute of calls, of several checks that do not end either
            waited += await seconds()
            await asyncio.sleep(0.1)
        assert waited == 0.0
        assert blobs.asked == 1 + 4, "a check lasts ten seconds and the next one begins five later"
        assert len(asyncio.all_tasks()) <= 2

    play(story())


def test_a_slow_answer_comes_into_force_when_it_comes() -> None:
    async def story() -> None:
        blobs = Blobs(GOOD)
        documents = ConfigDocuments(blobs)
        await read(documents)
        blobs.content, blobs.seconds = BETTER, 2.0
        await asyncio.sleep(CHECK_EVERY_SECONDS)
        assert (await read(documents)).value == Rules(target="+358")
        assert documents.problems() == {"routing.json": "storage did not give the document"}
        await asyncio.sleep(2.0)
        assert await read(documents) == Document(Rules(target="+46"), None, f"etag of {BETTER!r}")
        assert documents.problems() == {}

    play(story())


def test_a_healthy_storage_has_a_change_in_force_with_the_first_call_after_five_seconds() -> None:
    async def story() -> None:
        blobs = Blobs(GOOD)
        blobs.seconds = 0.1
        documents = ConfigDocuments(blobs)
        await read(documents)
        blobs.content = BETTER
        await asyncio.sleep(CHECK_EVERY_SECONDS - 0.1)
        assert (await read(documents)).value == Rules(target="+358")
        await asyncio.sleep(0.1)
        assert [found.value for found in await asyncio.gather(*(read(documents) for _ in range(9)))] == (
            [Rules(target="+46")] * 9
        )
        assert blobs.asked == 2

    play(story())


def test_before_the_first_version_callers_share_one_read_and_leave_by_their_own_deadline() -> None:
    async def story() -> None:
        blobs = Blobs(GOOD)
        blobs.seconds = 3.0
        documents = ConfigDocuments(blobs)

        async def impatient() -> Document[Rules] | None:
            try:
                async with asyncio.timeout(1.2):
                    return await read(documents)
            except TimeoutError:
                return None

        assert await asyncio.gather(*(impatient() for _ in range(20))) == [None] * 20
        assert documents.problems() == {"routing.json": "storage did not give the document"}
        patient = asyncio.create_task(read(documents))
        await asyncio.sleep(2.0)
        assert (await patient).value == Rules(target="+358")
        assert await read(documents) == await patient
        assert (blobs.asked, blobs.fetched, documents.problems()) == (1, 1, {})

    play(story())


@pytest.mark.parametrize("content", [None, BAD], ids=["missing", "bad"])
def test_who_knows_that_there_is_no_good_version_does_not_wait_either(content: bytes | None) -> None:
    async def story() -> None:
        blobs, clock = Blobs(content), asyncio.get_running_loop().time
        documents = ConfigDocuments(blobs)
        known = await read(documents)
        blobs.slow = True
        await asyncio.sleep(CHECK_EVERY_SECONDS)
        for expected in (PATIENCE_SECONDS, 0.0):
            started = clock()
            found = await read(documents)
            assert (found.value, found.problem) == (None, known.problem or "storage did not give the document")
            assert clock() - started == pytest.approx(expected)

    play(story())


def test_a_failure_before_the_first_version_is_remembered_for_a_second() -> None:
    async def story() -> None:
        blobs = Blobs(GOOD)
        blobs.broken = True
        documents = ConfigDocuments(blobs)
        for _ in range(100):
            assert await read(documents) == Document(None, "storage did not give the document")
        assert blobs.asked == 1
        assert documents.problems() == {"routing.json": "storage did not give the document"}
        blobs.broken = False
        await asyncio.sleep(RETRY_SECONDS)
        assert (await read(documents)).value == Rules(target="+358")

    play(story())


def test_a_first_read_that_does_not_end_is_tried_again() -> None:
    async def story() -> None:
        blobs = Blobs(GOOD)
        blobs.slow = True
        documents = ConfigDocuments(blobs)
        assert (await read(documents)).problem == "storage did not give the document"
        assert len(asyncio.all_tasks()) == 1
        blobs.slow = False
        await asyncio.sleep(RETRY_SECONDS)
        assert (await read(documents)).value == Rules(target="+358")

    play(story())


def test_a_reader_with_a_bug_keeps_the_last_good_version_and_stops_no_check() -> None:
    failures = [KeyError("+358501234567")]

    def parse(data: bytes) -> Rules:
        if data == BETTER and failures:
            raise failures.pop()
        return json_document(Rules)(data)

    async def story() -> None:
        blobs = Blobs(GOOD)
        documents = ConfigDocuments(blobs, check_every=0)
        await documents.read("routing.json", parse)
        blobs.content = BETTER
        found = await documents.read("routing.json", parse)
        assert found == Document(Rules(target="+358"), "the document could not be read (KeyError)", f"etag of {GOOD!r}")
        assert (await documents.read("routing.json", parse)).value == Rules(target="+46")

    play(story())


async def test_two_readers_of_a_document_take_each_their_own_part() -> None:
    class Aims(BaseModel):
        aim: str = "none"

    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs)
    for _ in range(2):
        assert (await read(documents)).value == Rules(target="+358")
        assert (await documents.read("routing.json", json_document(Aims))).value == Aims()
    assert blobs.fetched == 2
    broken = ConfigDocuments(Blobs(BAD))
    assert (await read(broken)).value is None
    assert (await broken.read("routing.json", json_document(Aims))).value == Aims(aim="secret")
    assert broken.problems() == {"routing.json": "target: Field required"}


async def test_each_document_with_a_problem_is_named() -> None:
    blobs = Blobs(GOOD)
    documents = ConfigDocuments(blobs, check_every=0)
    await documents.read("routing.json", json_document(Rules))
    blobs.content = BAD
    await documents.read("customer-matching.json", json_document(Rules))
    blobs.content = None
    await documents.read("agents.csv", json_document(Rules))
    assert documents.problems() == {"customer-matching.json": "target: Field required"}


@pytest.mark.parametrize(
    ("content", "is_taken"),
    [
        (b'{"target": "+358", "target": "+46"}', False),
        (b'{"target": "+358", "more": [{"a": {"b": 1, "b": 1}}]}', False),
        (b'{"target": "+358", "more": {"target": 1}, "other": [{"a": 1}, {"a": 1}]}', True),
    ],
    ids=["at the top", "below", "in two objects"],
)
def test_a_key_that_stands_twice_is_refused(content: bytes, is_taken: bool) -> None:
    if is_taken:
        assert json_document(Rules)(content) == Rules(target="+358")
        return
    with pytest.raises(BadDocumentError, match="stands twice in one object: rename or remove one") as error:
        json_document(Rules)(content)
    assert "+46" not in str(error.value)
