"""Adding customers to the index, moving them and taking them out, so that a kill at any moment leaves no lost entry.

What a customer's row of the reverse map names can be taken out; nothing else ever finds an entry again. So before an
entry is written or removed, its number stands there as `unsure`: whoever comes after a kill writes it again or takes it
out, whatever became of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Protocol

from shared.number_index.layout import TABLE, Customer, Place, entry, partitions, reverse
from shared.storage.entities import MAX_BATCH_ROWS, Entity, Row, Value

SIDE_BY_SIDE = 4
"""Requests under way at a time: a transaction takes some 20 ms of our own CPU, so more would only wait for it."""
_LIST_FROM = 4
"""From so many rows of one partition on, all of it is read in one request."""


class IndexTables(Protocol):
    """What writing needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None: ...
    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


@dataclass(frozen=True, slots=True)
class Known:
    """The digests that a customer's row of the reverse map names."""

    sure: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    """Whose entries may be there or not."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is to be done for one customer: `before` is what the reverse map says, `after` what it has to say."""

    before: Known
    after: frozenset[str]

    @property
    def is_needed(self) -> bool:
        """Whether anything differs."""
        return bool(self.before.unsure) or self.before.sure != self.after

    @property
    def announced(self) -> Known:
        """What the reverse map says meanwhile."""
        kept = self.before.sure & self.after
        return Known(kept, (self.before.sure | self.before.unsure | self.after) - kept)

    @property
    def added(self) -> frozenset[str]:
        """Entries to write."""
        return self.after - self.before.sure

    @property
    def removed(self) -> frozenset[str]:
        """Entries to take out."""
        return (self.before.sure | self.before.unsure) - self.after


@dataclass(slots=True)
class Counts:
    """What was written: entries added and removed, and requests that wrote."""

    added: int = 0
    removed: int = 0
    writes: int = 0


class IndexWriter:
    """Writes one generation. `check` is called before each write and raises when the lease is lost."""

    def __init__(self, tables: IndexTables, generation: int, check: Callable[[], None]) -> None:
        self._tables = tables
        self._generation = generation
        self._check = check
        self.counts = Counts()

    async def apply(self, changed: Mapping[Customer, frozenset[str]]) -> None:
        """Make the index name these digests for these customers and no others. To be repeated after a failure."""
        known = await self._known(changed)
        rewrites = {customer: Rewrite(known.get(customer, Known()), after) for customer, after in changed.items()}
        rewrites = {customer: rewrite for customer, rewrite in rewrites.items() if rewrite.is_needed}
        added = [entry(self._generation, each, who) for who, rewrite in rewrites.items() for each in rewrite.added]
        removed = [entry(self._generation, each, who) for who, rewrite in rewrites.items() for each in rewrite.removed]
        await self._put((self._reverse(who), _values(rewrite.announced)) for who, rewrite in rewrites.items())
        await self._put((place, {}) for place in added)
        await self._delete(removed)
        settled = {who: each.after for who, each in rewrites.items()}
        await self._put((self._reverse(who), _values(Known(after))) for who, after in settled.items() if after)
        await self._delete(self._reverse(who) for who, after in settled.items() if not after)
        self.counts.added += len(added)
        self.counts.removed += len(removed)

    async def _known(self, customers: Iterable[Customer]) -> dict[Customer, Known]:
        """What the reverse map says of these customers."""
        wanted: defaultdict[str, dict[str, Customer]] = defaultdict(dict)
        for customer in customers:
            place = self._reverse(customer)
            wanted[place.partition][place.row] = customer
        known: dict[Customer, Known] = {}

        async def look(partition: str, rows: Mapping[str, Customer]) -> None:
            async for found in self._reverse_rows(partition, rows):
                known[rows[found.row]] = _known(found.values)

        await side_by_side(partial(look, partition, rows) for partition, rows in wanted.items())
        return known

    async def _reverse_rows(self, partition: str, rows: Mapping[str, Customer]) -> AsyncIterator[Entity]:
        if len(rows) < _LIST_FROM:
            for row in rows:
                if (found := await self._tables.get(TABLE, partition, row)) is not None:
                    yield found
            return
        async with aclosing(self._tables.list(TABLE, partition)) as entities:
            async for found in entities:
                if found.row in rows:
                    yield found

    def _reverse(self, customer: Customer) -> Place:
        return reverse(self._generation, customer)

    async def _put(self, rows: Iterable[tuple[Place, Mapping[str, Value]]]) -> None:
        by_partition: defaultdict[str, list[Row]] = defaultdict(list)
        for place, values in rows:
            by_partition[place.partition].append((place.row, values))
        await side_by_side(
            partial(self.write, partition, batch)
            for partition, rows_of_it in by_partition.items()
            for batch in batched(rows_of_it, MAX_BATCH_ROWS, strict=False)
        )

    async def write(self, partition: str, rows: Iterable[Row]) -> None:
        """Write up to 100 rows of a partition."""
        self._check()
        self.counts.writes += 1
        await self._tables.write_many(TABLE, partition, rows)

    async def _delete(self, places: Iterable[Place]) -> None:
        by_partition: defaultdict[str, list[str]] = defaultdict(list)
        for place in places:
            by_partition[place.partition].append(place.row)
        await side_by_side(partial(self._delete_of, partition, rows) for partition, rows in by_partition.items())

    async def _delete_of(self, partition: str, rows: Iterable[str]) -> None:
        for batch in batched(rows, MAX_BATCH_ROWS, strict=False):
            self._check()
            self.counts.writes += 1
            await self._tables.delete_many(TABLE, partition, batch)

    async def remove_all(self, go_on: Callable[[], bool]) -> bool:
        """Take the whole generation out. False when `go_on` said no before the end: the next call goes on."""
        ended = True

        async def empty(partition: str) -> None:
            nonlocal ended
            if not go_on():
                ended = False
                return
            async with aclosing(self._tables.list(TABLE, partition, ())) as entities:
                rows = [found.row async for found in entities]
            await self._delete_of(partition, rows)

        await side_by_side(partial(empty, partition) for partition in partitions(self._generation))
        return ended


class FullWriter:
    """Fills a generation that is not read yet, in transactions as full as can be. `finish` writes what is left.

    The order of writes does not matter: what a killed run left is never read, and goes with its whole generation.
    """

    def __init__(self, writer: IndexWriter, generation: int) -> None:
        self._writer = writer
        self._generation = generation
        self._waiting: defaultdict[str, list[Row]] = defaultdict(list)
        self._seen: set[bytes] = set()
        self._again: dict[Customer, frozenset[str]] = {}

    async def add(self, customers: Mapping[Customer, frozenset[str]]) -> None:
        """Write these customers. One that came before, or is gone since, is settled by `finish`."""
        for customer, digests in customers.items():
            row_id = bytes.fromhex(customer.row_id.replace("-", ""))
            if row_id in self._seen:
                self._again[customer] = digests
            elif digests:
                self._seen.add(row_id)
                self._keep(reverse(self._generation, customer), _values(Known(digests)))
                for digest in digests:
                    self._keep(entry(self._generation, digest, customer), {})
                self._writer.counts.added += len(digests)
        await self._flush(full=True)

    async def finish(self) -> None:
        """Write what is left."""
        await self._flush(full=False)
        self._seen.clear()
        await self._writer.apply(self._again)

    def _keep(self, place: Place, values: Mapping[str, Value]) -> None:
        self._waiting[place.partition].append((place.row, values))

    async def _flush(self, *, full: bool) -> None:
        await side_by_side(
            partial(self._writer.write, partition, batch)
            for partition, rows in self._waiting.items()
            for batch in _taken(rows, MAX_BATCH_ROWS if full else 1)
        )


def _taken(rows: list[Row], least: int) -> Iterator[list[Row]]:
    """Batches of a hundred taken from the front; a smaller one where `least` allows it."""
    while len(rows) >= least and rows:
        batch, rows[:MAX_BATCH_ROWS] = rows[:MAX_BATCH_ROWS], []
        yield batch


async def side_by_side(jobs: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run the jobs, four at a time. The first failure ends the others and is raised."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job()

    workers = [asyncio.ensure_future(work()) for _ in range(SIDE_BY_SIDE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _values(known: Known) -> dict[str, Value]:
    values: dict[str, Value] = {"numbers": _text(known.sure)}
    return values | {"unsure": _text(known.unsure)} if known.unsure else values


def _known(values: Mapping[str, Value]) -> Known:
    sure, unsure = (frozenset(str(values.get(name, "")).split()) for name in ("numbers", "unsure"))
    return Known(sure, unsure)


def _text(digests: Iterable[str]) -> str:
    return " ".join(sorted(digests))
