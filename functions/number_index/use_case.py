"""One refresh of the number index: what changed goes in, and until when it may be believed is written last."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import batched
from typing import Protocol, assert_never

from functions.number_index.decide import Build, Idle, Step, Update, build, digests, next_step, removable
from functions.number_index.queries import KINDS, everything, since
from shared.config_documents import Document, json_document
from shared.customers import CustomerMatching, MatchKind, searched
from shared.dataverse.changes import Tracked
from shared.dataverse.errors import DeltaExpiredError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata.changes import Changes
from shared.number_index.keys import NumberKey
from shared.number_index.layout import LEASE_ROW, STATE_PARTITION, STATE_ROW, TABLE, Customer
from shared.number_index.state import IndexState, read_state, settings_digest, trusted_until
from shared.number_index.writing import FullWriter, IndexTables, IndexWriter
from shared.storage.errors import AlreadyThereError, ChangedError, StorageError
from shared.storage.leases import Lease, LeaseBusyError, LeaseRows, lease

LEASE_SECONDS = 60.0
CLEANING_SECONDS = 20.0
"""How long a refresh takes generations away that nobody reads; the next one goes on."""
_ROWS_AT_A_TIME = 50
"""Rows read as numbers before others of the event loop have their turn: some 3 ms."""

_log = logging.getLogger(__name__)


class Tables(IndexTables, LeaseRows, Protocol):
    """What a refresh needs of Table Storage; `shared.storage.tables.Tables` has it."""


class ChangeSource(Protocol):
    """What a refresh needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    def changes(self, *tracked: Tracked, within: float | None = None) -> AsyncGenerator[Changes]: ...


class DocumentReader(Protocol):
    """What a refresh needs of configuration; `shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexGateways:
    """The worlds of a refresh."""

    tables: Tables
    dynamics: ChangeSource
    documents: DocumentReader
    key: NumberKey
    environment: str
    now: Callable[[], datetime]


@dataclass(slots=True)
class Refresh:
    """What a refresh did: counts, no number."""

    outcome: str = "failed"
    reason: str = ""
    changed: int = 0
    deleted: int = 0
    entries_added: int = 0
    entries_removed: int = 0
    writes: int = 0
    """Requests that wrote rows of the index. The state and the lease come on top."""
    generations_removed: list[int] = field(default_factory=list)
    requests: int = 0
    milliseconds: int = 0


class _BusyError(Exception):
    """Another refresh is at work, or was since the state was read."""


async def refresh_index(gateways: IndexGateways) -> Refresh:
    """Bring the index up to date, or build it anew. Leaves one log record.

    Outages of Dataverse or storage are a record: the next tick repeats it all. Raises DataverseError where an
    operator has to help.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    done = Refresh()
    with count_requests() as meter:
        try:
            await _Run(gateways, done).go()
        except (_BusyError, LeaseBusyError):
            done.outcome, done.reason = "busy", "another refresh is at work"
        except (UnavailableError, StorageError) as error:
            done.reason = f"{type(error).__name__}: {error}"
        except Exception as error:
            done.reason = type(error).__name__
            raise
        finally:
            done.requests = meter.requests
            done.milliseconds = round((loop.time() - started) * 1000)
            level = logging.WARNING if done.outcome == "failed" else logging.INFO
            _log.log(level, "Number index %s", json.dumps(asdict(done)))
    return done


class _Run:
    def __init__(self, gateways: IndexGateways, done: Refresh) -> None:
        self._gateways = gateways
        self._tables = gateways.tables
        self._done = done
        self._state = IndexState()
        self._etag: str | None = None

    async def go(self) -> None:
        document = await self._gateways.documents.read("customer-matching.json", json_document(CustomerMatching))
        if document.value is None and document.problem is not None:
            # Its last good version may well differ from the defaults: nothing is built that nobody asked for.
            raise StorageError("customer-matching.json could not be read")
        matching = document.value or CustomerMatching()
        self._settings = settings_digest(matching, self._gateways.key, self._gateways.environment)
        self._matching = matching
        await self._read_state()
        await self._take(next_step(self._state, self._settings, matching))

    async def _take(self, step: Step) -> None:
        match step:
            case Idle(reason):
                self._done.outcome, self._done.reason = "idle", reason
            case Update():
                try:
                    await self._update(step)
                except DeltaExpiredError as error:
                    await self._build(
                        build(self._state, f"the delta link is no longer good ({error.code or 'no code'})")
                    )
                    return
                await self._clean()
            case Build():
                await self._build(step)
            case _:
                assert_never(step)

    # ------------------------------------------------------------------------------------------ what changed

    async def _update(self, step: Update) -> None:
        started = self._gateways.now()
        links = dict(step.links)
        async with AsyncExitStack() as stack:
            writer: IndexWriter | None = None
            async with aclosing(self._gateways.dynamics.changes(*since(step.links))) as pages:
                async for page in pages:
                    if page.then is not None:
                        links[KINDS[page.table.logical_name]] = page.then.url
                    if not page.rows and not page.deleted:
                        continue
                    if writer is None:
                        # Most ticks have nothing to write and need no lease.
                        held = await stack.enter_async_context(self._lease())
                        writer = IndexWriter(self._tables, step.generation, held.check)
                    await writer.apply({who: found async for who, found in self._customers(page)})
            if writer is not None:
                self._count(writer)
            await self._write_state(
                replace(
                    self._state,
                    links=links,
                    refreshed_at=started,
                    trusted_until=trusted_until(started, self._state.refreshed_at),
                )
            )
        self._done.outcome = "updated"

    async def _customers(self, page: Changes) -> AsyncIterator[tuple[Customer, frozenset[str]]]:
        """The customers of a page with their numbers, in turns with others of the event loop."""
        kind = KINDS[page.table.logical_name]
        columns = searched(self._matching)[kind]
        for rows in batched(page.rows, _ROWS_AT_A_TIME, strict=False):
            for row in rows:
                who = Customer(kind, str(row[page.table.primary_id]).lower())
                yield who, digests(row, columns, self._matching.default_region, self._gateways.key)
            await asyncio.sleep(0)
        for row_id in page.deleted:
            yield Customer(kind, row_id), frozenset()
        self._done.changed += len(page.rows)
        self._done.deleted += len(page.deleted)

    # ------------------------------------------------------------------------------------------- all of it

    async def _build(self, step: Build) -> None:
        self._done.reason = step.reason
        async with self._lease() as held:
            # Noted before its first row, so that a generation that a killed run left is found and taken away.
            await self._write_state(replace(self._state, others=self._state.others | {step.generation}))
            started = self._gateways.now()
            writer = IndexWriter(self._tables, step.generation, held.check)
            links = await self._fill(FullWriter(writer, step.generation))
            self._count(writer)
            held.check()
            await self._write_state(
                IndexState(
                    settings=self._settings,
                    generation=step.generation,
                    others=(self._state.others | {self._state.generation}) - {step.generation, 0},
                    links=links,
                    refreshed_at=started,
                    trusted_until=trusted_until(started, None),
                    switched_at=self._gateways.now(),
                )
            )
        self._done.outcome = "built"

    async def _fill(self, full: FullWriter) -> dict[MatchKind, str]:
        links: dict[MatchKind, str] = {}
        async with aclosing(self._gateways.dynamics.changes(*everything(self._matching))) as pages:
            async for page in pages:
                kind = KINDS[page.table.logical_name]
                found: dict[Customer, frozenset[str]] = {}
                async for who, numbers in self._customers(page):
                    found[who] = numbers
                await full.add(found)
                if page.then is not None:
                    links[kind] = page.then.url
        await full.finish()
        return links

    # ------------------------------------------------------------------------------- what nobody reads any more

    async def _clean(self) -> None:
        generations = removable(self._state, self._gateways.now())
        if not generations:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + CLEANING_SECONDS
        try:
            async with self._lease() as held:
                for generation in generations:
                    writer = IndexWriter(self._tables, generation, held.check)
                    if not await writer.remove_all(lambda: loop.time() < until):
                        break
                    self._done.generations_removed.append(generation)
                left = self._state.others - {*self._done.generations_removed}
                await self._write_state(replace(self._state, others=left))
        except (_BusyError, LeaseBusyError):
            return  # one of them may be under construction just now; the next tick looks again

    # ------------------------------------------------------------------------------------------- state and lease

    async def _read_state(self) -> None:
        entity = await self._tables.get(TABLE, STATE_PARTITION, STATE_ROW)
        self._state, self._etag = (IndexState(), None) if entity is None else (read_state(entity.values), entity.etag)

    async def _write_state(self, state: IndexState) -> None:
        """Raises _BusyError when another refresh wrote it since it was read."""
        values = state.values()
        try:
            if self._etag is None:
                entity = await self._tables.insert(TABLE, STATE_PARTITION, STATE_ROW, values)
            else:
                entity = await self._tables.replace(TABLE, STATE_PARTITION, STATE_ROW, values, etag=self._etag)
        except (AlreadyThereError, ChangedError):
            raise _BusyError from None
        self._state, self._etag = state, entity.etag

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[Lease]:
        """The right to write. Raises LeaseBusyError, and _BusyError when the state is no longer the one in hand."""
        held = lease(
            self._tables,
            TABLE,
            STATE_PARTITION,
            LEASE_ROW,
            holder="refresh_number_index",
            seconds=LEASE_SECONDS,
            now=self._gateways.now,
        )
        async with held as mine:
            found = await self._tables.get(TABLE, STATE_PARTITION, STATE_ROW)
            if (None if found is None else found.etag) != self._etag:
                raise _BusyError
            yield mine

    def _count(self, writer: IndexWriter) -> None:
        self._done.entries_added += writer.counts.added
        self._done.entries_removed += writer.counts.removed
        self._done.writes += writer.counts.writes
