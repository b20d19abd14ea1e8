"""Answers that come in pages: the rows of one, the link to the next, and the pages of many queries side by side."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from shared.clock import utc_now
from shared.dataverse.batches import Batches
from shared.dataverse.errors import UnavailableError
from shared.dataverse.odata import Part, Query
from shared.dataverse.sender import Sender
from shared.dataverse.tables import JsonRow
from shared.dataverse.traffic import Kind
from shared.dataverse.transport import AnswerTooLargeError, TimedOutError
from shared.long_work import bite

PAGES_A_BATCH = 4
"""Pages in one `$batch`: with 5,000 rows each some 10 MB, and some seconds of Dataverse's time."""
BATCHES_AHEAD = 2
"""`$batch` requests under way, or answered and not yet looked at, while the caller works on the rows of another."""
PAGE_LIMIT = 10_000
"""Pages of one query: at 5,000 rows each far above any table we read, so more can only be a loop."""


def rows_of(page: Any) -> list[JsonRow]:
    """The rows of an answer to a query. Raises UnavailableError where it has none."""
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        raise UnavailableError("Dataverse's answer to a query has no rows")
    rows: list[JsonRow] = page["value"]
    return rows


class Trail:
    """The way through the pages of one query, followed byte for byte, but only inside of our own environment."""

    def __init__(self, api_url: str) -> None:
        self._api = api_url
        self._followed: set[int] = set()

    def next_path(self, page: Any) -> str | None:
        """The path of the page after this one, below the API's address; None after the last.

        Raises UnavailableError for a link that leads back or elsewhere.
        """
        link = page.get("@odata.nextLink") if isinstance(page, dict) else None
        if link is None:
            return None
        if not isinstance(link, str) or hash(link) in self._followed or len(self._followed) >= PAGE_LIMIT:
            raise UnavailableError("Dataverse's pages lead in a circle")
        self._followed.add(hash(link))
        return self.path_of(link)

    def path_of(self, link: str) -> str:
        """The path of an address that Dataverse gave. Raises UnavailableError for one outside of our environment."""
        if urlsplit(link)[:2] != urlsplit(self._api)[:2] or not link.startswith(self._api):
            raise UnavailableError("a next page lies outside of the Dataverse environment")
        return link.removeprefix(self._api)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A page to be asked for: its query's table, its path, and the way that led to it."""

    table: str
    path: str
    trail: Trail


class PageReader:
    """Reads many queries. Their pages, first and further ones mixed, share `$batch` requests.

    Next pages take half of a request while there are new queries for the rest: only so is the longest query not left
    to the end, where it would travel alone, and are many of one length not left to it in a small group.
    """

    def __init__(
        self,
        sender: Sender,
        batches: Batches,
        api_url: str,
        queries: Iterable[Query],
        *,
        headers: tuple[tuple[str, str], ...] = (),
        deadline: float | None = None,
    ) -> None:
        self._sender = sender
        self._batches = batches
        self._api = api_url
        self._queries = iter(queries)
        self._headers = headers
        self._deadline = deadline
        self._most = PAGES_A_BATCH
        self._all_asked = False
        self._new: deque[_Wanted] = deque()
        self._further: deque[_Wanted] = deque()
        self._under_way: list[asyncio.Task[list[tuple[_Wanted, Any]]]] = []

    async def pages(self) -> AsyncGenerator[list[JsonRow]]:
        """The rows of each page, in the order in which they come. Closed early, it ends the requests under way."""
        try:
            await self._send()
            while self._under_way:
                pages = await self._first_answered()
                await self._send()
                while pages:
                    yield pages.popleft()
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _send(self) -> None:
        while len(self._under_way) < BATCHES_AHEAD and (wanted := await self._next_batch()):
            self._under_way.append(asyncio.create_task(self._ask(wanted)))

    async def _next_batch(self) -> list[_Wanted]:
        """What to ask for now. A few pages wait for the answer under way: what follows from it may go with them."""
        share = min(len(self._further), max(1, self._most // 2))
        lacking = self._most - share - len(self._new)
        if lacking > 0 and not self._all_asked:
            # A query names hundreds of keys, and its iterator may have thousands in its hands.
            found = await bite(self._next_queries, lacking)
            self._all_asked = len(found) < lacking
            self._new += found
        new = min(len(self._new), self._most - share)
        further = min(len(self._further), self._most - new)
        if new + further < self._most and self._under_way:
            return []
        return [self._further.popleft() for _ in range(further)] + [self._new.popleft() for _ in range(new)]

    def _next_queries(self, count: int) -> list[_Wanted]:
        queries = islice(self._queries, count)
        return [_Wanted(query.table.logical_name, query.path(), Trail(self._api)) for query in queries]

    async def _first_answered(self) -> deque[list[JsonRow]]:
        await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        task = next(task for task in self._under_way if task.done())
        answers = task.result()
        self._under_way.remove(task)
        pages: deque[list[JsonRow]] = deque()
        for wanted, page in answers:
            rows = rows_of(page)
            self._sender.count_records(f"query {wanted.table}", len(rows))
            pages.append(rows)
            if (path := wanted.trail.next_path(page)) is not None:
                self._further.append(_Wanted(wanted.table, path, wanted.trail))
        return pages

    async def _ask(self, wanted: list[_Wanted]) -> list[tuple[_Wanted, Any]]:
        """The answers to one `$batch`; none when it was too much at once and its pages wait again, to go singly."""
        parts = [Part("GET", page.path, headers=self._headers) for page in wanted]
        # A single page that does not come in time is asked for again; several would take as long again.
        kind = Kind.PAGES if len(parts) > 1 else Kind.SINGLE
        try:
            replies, _ = await self._batches.send(f"query {wanted[0].table}", parts, deadline=self._deadline, kind=kind)
        except (TimedOutError, AnswerTooLargeError):
            if len(parts) == 1:
                raise
            self._most = 1
            self._further.extendleft(reversed(wanted))
            return []
        for reply in replies:
            if (refusal := reply.error(utc_now())) is not None:
                raise refusal
        return [(page, reply.body) for page, reply in zip(wanted, replies, strict=True)]
