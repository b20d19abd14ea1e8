"""Thousands of small queries in few requests: `$batch` bodies filled by size, a few under way at a time."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, Protocol

from shared.clock import utc_now
from shared.dataverse.batches import Batches
from shared.dataverse.odata import API_PATH, BATCH_LIMIT, Part
from shared.dataverse.pages import Trail, rows_of
from shared.dataverse.sender import Sender
from shared.dataverse.tables import JsonRow, Table
from shared.dataverse.traffic import Kind
from shared.dataverse.transport import AnswerTooLargeError, TimedOutError
from shared.long_work import aside

BATCH_BYTES = 4_000_000
"""Characters of the paths of one `$batch`. Dataverse names no limit but 1,000 requests. IIS, on which it runs, takes
bodies of 30 MB unless told otherwise (`maxAllowedContentLength`); a few MB travel in a second or two over an office
line, are answered long before the two minutes after which a request is given up, and are cheap to send again."""
BATCHES_AT_ONCE = 4
"""`$batch` requests of one call under way at a time: one asks while others travel, and memory holds few bodies."""
_PART_OVERHEAD = 160 + len(API_PATH)
"""Bytes around a path in a `$batch`: the boundary and the part's headers."""


class PathQuestion(Protocol):
    """What can be asked here: whatever has a path and the table whose rows come back."""

    @property
    def table(self) -> Table: ...
    def path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """A page to be asked for, for the question at this position."""

    position: int
    part: Part
    trail: Trail


class PackedReader:
    """Reads the rows of many questions, each over all its pages. Used once."""

    def __init__(
        self,
        sender: Sender,
        batches: Batches,
        api_url: str,
        questions: Sequence[PathQuestion],
    ) -> None:
        self._sender = sender
        self._batches = batches
        self._api = api_url
        self._questions = questions
        self._rows: list[list[JsonRow]] = [[] for _ in questions]
        self._packed = self._pack()
        self._taking = asyncio.Lock()
        self._further: list[_Asked] = []

    async def read(self) -> list[list[JsonRow]]:
        """The rows of each question, in order. Raises the first failure, with which the requests under way end."""
        workers = [asyncio.create_task(self._work()) for _ in range(min(BATCHES_AT_ONCE, len(self._questions)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        while self._further:
            further, self._further = self._further, []
            for few in batched(further, BATCHES_AT_ONCE, strict=False):
                await self._ask(few)
        return self._rows

    async def _work(self) -> None:
        while True:
            async with self._taking:
                batch = await aside(next, self._packed, None)
            if batch is None:
                return
            await self._ask(batch)

    def _pack(self) -> Iterator[list[_Asked]]:
        """The questions in their order, as many in each batch as its size allows. Paths are made as they are taken."""
        batch: list[_Asked] = []
        size = 0
        for position, question in enumerate(self._questions):
            part = Part("GET", question.path())
            length = len(part.path) + _PART_OVERHEAD
            if batch and (size + length > BATCH_BYTES or len(batch) == BATCH_LIMIT):
                yield batch
                batch, size = [], 0
            batch.append(_Asked(position, part, Trail(self._api)))
            size += length
        if batch:
            yield batch

    async def _ask(self, asked: Sequence[_Asked]) -> None:
        """Ask these in one `$batch`; in two when it was too much at once."""
        table = self._questions[asked[0].position].table
        operation = f"query {table.logical_name}"
        kind = Kind.PAGES if len(asked) > 1 else Kind.SINGLE
        try:
            replies, _ = await self._batches.send(operation, [each.part for each in asked], kind=kind)
        except (TimedOutError, AnswerTooLargeError):
            if len(asked) == 1:
                raise
            half = len(asked) // 2
            await self._ask(asked[:half])
            await self._ask(asked[half:])
            return
        for reply in replies:
            if (refusal := reply.error(utc_now())) is not None:
                raise refusal
        count = sum(self._take(each, reply.body) for each, reply in zip(asked, replies, strict=True))
        self._sender.count_records(operation, count)

    def _take(self, asked: _Asked, page: Any) -> int:
        rows = rows_of(page)
        self._rows[asked.position] += rows
        if (path := asked.trail.next_path(page)) is not None:
            self._further.append(_Asked(asked.position, Part("GET", path), asked.trail))
        return len(rows)
