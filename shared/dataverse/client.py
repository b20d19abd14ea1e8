"""The Dataverse client: what the app asks of Dataverse, each call in a line or two of story.

client       queries, writes, actions          what the app calls
bulk         many rows                         chunks, pace, the bad row
change_sets  new rows                          created and updated, both or neither
pages        many pages                        next links, several pages in one request
changes      what changed since                delta links
batches      many requests in one              `$batch`
sender       one request until it is answered  token, lane, repeat, count
traffic      who may send now                  lanes, pause after a 429
flow         how much, how large, whether      pure: AIMD width, chunk size, circuit breaker
transport    one HTTP exchange                 aiohttp
odata, soap, tables, errors                    pure: the wire, names, what can go wrong
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import UUID

from yarl import URL

from shared.clock import utc_now
from shared.dataverse import flow, odata
from shared.dataverse.batches import Batches, probe
from shared.dataverse.bulk import BulkWriter, Progress, Write, WriteOutcome
from shared.dataverse.change_sets import write_sets
from shared.dataverse.changes import ChangeReader, Tracked
from shared.dataverse.credentials import TokenCache, token_cache
from shared.dataverse.definitions import (
    Column,
    columns_paths,
    read_columns,
    read_status_reasons,
    read_text_lengths,
    status_reasons_path,
    text_lengths_paths,
)
from shared.dataverse.errors import DataverseError
from shared.dataverse.meter import Meter
from shared.dataverse.odata import ChangeSet, Part, Query, Question
from shared.dataverse.odata.changes import Changes
from shared.dataverse.packed import PackedReader, PathQuestion
from shared.dataverse.pages import PageReader, Trail, rows_of
from shared.dataverse.row_source import Items, Rows, rows_of_items
from shared.dataverse.sender import ODATA_HEADERS, HttpRequest, Sender
from shared.dataverse.tables import JsonRow, Table
from shared.dataverse.traffic import Traffic
from shared.dataverse.transport import Reply, TimedOutError, Transport
from shared.long_work import bite_if
from shared.retry import retry_after_seconds
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.dataverse.soap import SoapValue

QUERIES_A_BATCH = 20
_WARM_SECONDS = 2.0


class DataverseClient:
    """Reads and writes rows. One instance a process: it shares connections, the token and the traffic rules.

    `within` of a call is its deadline in seconds: the answer is there by then or the call raises UnavailableError.
    A call with a deadline goes before those without, and fails at once while Dataverse is known not to answer.
    """

    def __init__(self, base_url: str, tokens: TokenCache) -> None:
        self._base = base_url
        self._api = base_url + odata.API_PATH
        traffic = Traffic()
        # One more than the lanes, for the probe: those may all wait for an answer that does not come.
        self._transport = Transport(flow.WIDEST + 1, traffic.connected)
        self._breaker = traffic.breaker
        self._sender = Sender(tokens, self._transport, traffic, probe(self._api))
        self._batches = Batches(self._sender, self._api)
        self._bulk = BulkWriter(self._sender, self._batches, self._api)
        self._kept_warm_at = 0
        self._own_user_id: UUID | None = None

    @property
    def meter(self) -> Meter:
        """What the traffic of this client cost since its start."""
        return self._sender.meter

    @property
    def breaker_state(self) -> str:
        """`open` or `half-open` while calls with a deadline are refused since Dataverse does not answer; `closed`."""
        return self._breaker.state.value

    @property
    def breaker_since(self) -> datetime | None:
        """When it opened; of a closed one, when Dataverse answered again, None when it always did."""
        closed = self._breaker.lets_through
        since = self._breaker.since if closed else self._breaker.opened_at
        if since is None:
            return None
        return utc_now() - timedelta(seconds=asyncio.get_running_loop().time() - since)

    async def keep_warm(self) -> None:
        """Keep a connection and the token ready, where nothing else did since the last time.

        Raises DataverseError. Costs a request only when this client has been idle.
        """
        requests = self._sender.meter.requests
        if requests == self._kept_warm_at:
            await self._sender.send(probe(self._api), _nothing, deadline=_deadline(_WARM_SECONDS))
        self._kept_warm_at = self._sender.meter.requests

    async def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        await self._sender.close()
        await self._transport.close()

    # ------------------------------------------------------------------------------------------- reading

    async def query(self, query: Query, *, within: float | None = None) -> list[JsonRow]:
        """All rows of one query, over all its pages."""
        (rows,) = await self.query_many([query], within=within)
        return rows

    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]:
        """The rows of each query, in order. Up to 20 queries share one `$batch`, so many questions cost one request.

        Raises the first failure among them.
        """
        deadline = _deadline(within)
        paths = await bite_if(within is None and len(queries) > QUERIES_A_BATCH, _paths, queries)
        results: list[list[JsonRow]] = []
        for chunk in batched(zip(queries, paths, strict=True), QUERIES_A_BATCH, strict=False):
            operation = f"query {chunk[0][0].table.logical_name}"
            for page in await self._pages_of_parts(operation, [Part("GET", path) for _, path in chunk], deadline):
                rows = rows_of(page)
                async for further in self._further_pages(operation, page, (), deadline):
                    rows += rows_of(further)
                self._sender.count_records(operation, len(rows))
                results.append(rows)
        return results

    async def query_packed(self, questions: Sequence[PathQuestion]) -> list[list[JsonRow]]:
        """The rows of each question, in order, for thousands of questions and nobody who waits for them.

        As many share one `$batch` as its body holds (4 MB, 1,000 questions), and four such requests are under way at
        a time. One that takes too long or brings too much goes again in halves. Raises the first failure.
        """
        return await PackedReader(self._sender, self._batches, self._api, questions).read()

    async def rows(
        self, query: Query, *, page_size: int | None = None, within: float | None = None
    ) -> AsyncIterator[JsonRow]:
        """The rows of one query as their pages come, so that a table of any size needs the memory of a page."""
        deadline = _deadline(within)
        operation = f"query {query.table.logical_name}"
        headers = _page_size(page_size)
        first = await self._page(operation, query.path(), headers, deadline)
        for row in self._counted(operation, first):
            yield row
        async for page in self._further_pages(operation, first, headers, deadline):
            for row in self._counted(operation, page):
                yield row

    def pages(
        self, queries: Iterable[Query], *, page_size: int | None = None, within: float | None = None
    ) -> AsyncGenerator[list[JsonRow]]:
        """The rows of many queries, a page at a time, in whatever order they come; `page_size` rows in a page at most.

        For reading much in few requests and flat memory: four pages share one `$batch`, at most two such requests
        are ahead of the caller, and `queries` are taken one by one as their turn comes. The pages of one query follow
        each other, so a large read is quick and cheap when it is asked as several queries. A page that does not come
        is asked for again, the others of its request are not. Whoever may leave the loop early holds the pages in
        `contextlib.aclosing`: the requests under way end with it. Raises the first failure.
        """
        headers, deadline = _page_size(page_size), _deadline(within)
        return PageReader(self._sender, self._batches, self._api, queries, headers=headers, deadline=deadline).pages()

    def changes(self, *tracked: Tracked, within: float | None = None) -> AsyncGenerator[Changes]:
        """What changed in some tables since their delta links; for a query by columns alone, all of its rows.

        Pages of 5,000 rows, the next one of each table in one `$batch`. The last page of each table has the link from
        which a later call goes on; a row that changed twice comes once, as it is now. Whoever may leave the loop
        early holds it in `contextlib.aclosing`. Raises DeltaExpiredError when a link is no longer good: after seven
        days, for whatever reason Dataverse gives, or because it leads to another environment.
        """
        return ChangeReader(self._sender, self._batches, self._api, tracked, _deadline(within)).pages()

    def _counted(self, operation: str, page: Any) -> list[JsonRow]:
        rows = rows_of(page)
        self._sender.count_records(operation, len(rows))
        return rows

    async def _pages_of_parts(self, operation: str, parts: Sequence[Part], deadline: float | None) -> list[Any]:
        replies, _ = await self._batches.send(operation, parts, deadline=deadline)
        for reply in replies:
            if (refusal := reply.error(utc_now())) is not None:
                raise refusal
        return [reply.body for reply in replies]

    async def _page(
        self, operation: str, path: str, headers: tuple[tuple[str, str], ...], deadline: float | None
    ) -> Any:
        """One page, asked for by itself, or inside a `$batch` where its address is too long for a URL."""
        if odata.fits_url(path):
            request = HttpRequest(
                operation, "GET", URL(self._api + path, encoded=True), headers={**ODATA_HEADERS, **dict(headers)}
            )
            return await self._sender.send(request, _json, deadline=deadline)
        (page,) = await self._pages_of_parts(operation, [Part("GET", path, headers=headers)], deadline)
        return page

    async def _further_pages(
        self, operation: str, page: Any, headers: tuple[tuple[str, str], ...], deadline: float | None
    ) -> AsyncIterator[Any]:
        trail = Trail(self._api)
        while (path := trail.next_path(page)) is not None:
            page = await self._page(operation, path, headers, deadline)
            yield page

    async def status_reasons(self, table: Table) -> dict[int, int]:
        """The state that each status reason of the table belongs to, those that an administrator added among them."""
        request = HttpRequest("definitions", "GET", URL(self._api + status_reasons_path(table), encoded=True))
        return read_status_reasons(await self._sender.send(request, _json))

    async def text_lengths(self, table: Table) -> dict[str, int]:
        """The most characters that each text column of the table takes, those that an administrator added among them.
        One request."""
        parts = [Part("GET", path) for path in text_lengths_paths(table)]
        lengths: dict[str, int] = {}
        for answer in await self._pages_of_parts("definitions", parts, None):
            lengths |= read_text_lengths(answer)
        return lengths

    async def columns(self, table: Table) -> dict[str, Column]:
        """The columns of the table by name, those that an administrator added among them. One request."""
        parts = [Part("GET", path) for path in columns_paths(table)]
        return read_columns(await self._pages_of_parts("definitions", parts, None))

    # ------------------------------------------------------------------------------------------- writing

    async def upsert_many(
        self, table: Table, rows: Rows, *, within: float | None = None, progress: Progress | None = None
    ) -> WriteOutcome:
        """Create or update every row under its own id, in requests of hundreds.

        By UpsertMultiple where the table takes it, else by `$batch`. A row that Dataverse refuses costs none of the
        others; it stands in the outcome. Rows may come from a generator or an async iterator: only those under way
        are in memory. A generator runs in another thread, where it may take its time. `progress` is called after
        every request that settled some, with the number of rows settled by then: written, refused, or done before. It
        must return at once.
        Raises UnavailableError or DeniedError when the write cannot go on; what was written by then stays, and the
        same call may be made again.
        """
        return await self._write(table, rows, Write.UPSERT, within, progress)

    async def create_many(
        self, table: Table, rows: Rows, *, within: float | None = None, progress: Progress | None = None
    ) -> WriteOutcome:
        """Create every row under its own id and leave alone those that exist already. Otherwise as `upsert_many`."""
        return await self._write(table, rows, Write.CREATE, within, progress)

    async def update_many(
        self, table: Table, rows: Rows, *, within: float | None = None, progress: Progress | None = None
    ) -> WriteOutcome:
        """Update every row, creating none: a missing one is a failure (NotFoundError). Otherwise as `upsert_many`."""
        return await self._write(table, rows, Write.UPDATE, within, progress)

    async def delete_many(
        self, table: Table, row_ids: Items[UUID], *, within: float | None = None, progress: Progress | None = None
    ) -> WriteOutcome:
        """Delete every row; one that is gone already is done. Otherwise as `upsert_many`."""
        rows = rows_of_items(row_ids, lambda row_id: {table.primary_id: str(row_id)})
        return await self._write(table, rows, Write.DELETE, within, progress)

    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]:
        """What became of each change set: None where all of it is written, else the refusal, for which nothing is.

        A request for 200 sets. `operation` names them in counts. A set has to be repeatable: after an answer that got
        lost it goes again, and may be refused as done before. Raises UnavailableError or DeniedError when the writing
        cannot go on; what was written by then stays, and the same call may be made again.
        """
        return await write_sets(self._batches, operation, sets)

    async def _write(
        self, table: Table, rows: Rows, write: Write, within: float | None, progress: Progress | None
    ) -> WriteOutcome:
        try:
            async with asyncio.timeout(within):
                return await self._bulk.write(table, rows, write, progress)
        except TimeoutError:
            raise TimedOutError("not all rows were written before the caller's deadline") from None

    # ------------------------------------------------------------------------------------------- messages

    async def own_user_id(self) -> UUID:
        """The systemuserid of the app in Dynamics. A request for the first caller of a process."""
        if self._own_user_id is None:
            request = HttpRequest("WhoAmI", "GET", URL(f"{self._api}WhoAmI", encoded=True))
            answer = await self._sender.send(request, _json)
            self._own_user_id = UUID(str(answer["UserId"]))
        return self._own_user_id

    async def act(
        self,
        name: str,
        body: JsonRow | None = None,
        *,
        bound_to: tuple[Table, UUID] | None = None,
        repeatable: bool = False,
        within: float | None = None,
    ) -> Any:
        """What a Web API action answers (None without a body), for example AddToQueue bound to a queue.

        Unless `repeatable`, it is sent again only where it surely did nothing; otherwise an UnavailableError leaves
        open whether it was carried out.
        """
        part = odata.action_part(name, body or {}, bound_to)
        request = HttpRequest(
            f"action {name}",
            part.method,
            URL(self._api + part.path, encoded=True),
            odata.json_bytes(part.body),
            {**ODATA_HEADERS, "Content-Type": "application/json", **dict(part.headers)},
            repeatable=repeatable,
        )
        return await self._sender.send(request, _json_or_nothing, deadline=_deadline(within))

    async def execute(
        self,
        name: str,
        parameters: Mapping[str, "SoapValue"],
        *,
        repeatable: bool = False,
        within: float | None = None,
    ) -> "dict[str, SoapValue]":
        """The results of an organization request that OData does not offer, by SOAP Execute. Repeats as `act`."""
        from shared.dataverse import soap  # only URS needs it: routing's cold start does not wait for it

        def results(reply: Reply, seconds: float) -> "dict[str, SoapValue]":
            return soap.read_reply(
                reply.body,
                status=reply.status,
                request_id=reply.headers.get("x-ms-service-request-id", ""),
                retry_after=retry_after_seconds(reply.headers.get("Retry-After"), utc_now()),
            )

        request = HttpRequest(
            f"execute {name}",
            "POST",
            URL(self._base + soap.PATH, encoded=True),
            soap.execute_body(name, parameters),
            soap.HEADERS,
            repeatable=repeatable,
            check=_anything,
        )
        return await self._sender.send(request, results, deadline=_deadline(within))


def _paths(queries: Iterable[Question]) -> list[str]:
    return [query.path() for query in queries]


def open_client(settings: Settings) -> DataverseClient:
    """The client of this process. No request is made yet. Raises SettingsError."""
    return DataverseClient(settings.dataverse_url, token_cache(settings))


def _deadline(within: float | None) -> float | None:
    return None if within is None else asyncio.get_running_loop().time() + within


def _page_size(rows: int | None) -> tuple[tuple[str, str], ...]:
    return () if rows is None else (("Prefer", f"odata.maxpagesize={rows}"),)


def _json(reply: Reply, seconds: float) -> Any:
    return odata.read_json(reply.body)


def _json_or_nothing(reply: Reply, seconds: float) -> Any:
    return odata.read_json(reply.body) if reply.body else None


def _nothing(reply: Reply, seconds: float) -> None:
    """The answer itself says enough."""


def _anything(reply: Reply) -> None:
    """A SOAP fault says more than its status: the reader of the envelope judges both."""
