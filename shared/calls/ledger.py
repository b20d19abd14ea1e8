"""The ledger of calls: what became of each, in Table Storage. A memory, not the authority (architecture, 2.2)."""

from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.at_once import at_once
from shared.calls.ids import canonical_call_id
from shared.calls.layout import (
    GLANCE_VALUES,
    TABLE,
    WAITING_PARTITION,
    Place,
    Rows,
    by_partition,
    call_place,
    case_glance_place,
    case_of,
    case_place,
    countdown,
    day_partitions,
    found_call,
    glance_place,
    glance_ranges,
    index_places,
    links_to_write,
    months_back,
    read_case,
    read_case_glance,
    read_glance,
    read_record,
    rows_to_write,
    search_places,
    search_range,
    started_of,
    waiting_call,
)
from shared.calls.records import CallHistory, CallRecord, CaseLink, Glance, Outcome, history_of
from shared.long_work import FEW, aside
from shared.remembered import Remembered
from shared.storage.entities import Entity, Row

MOST_REMEMBERED = 50_000
"""Records in memory: some 1.5 kB each. Ten minutes of a contact centre with 10,000 agents."""
_READS_AT_ONCE = 8
_PARTITIONS_AT_ONCE = 2
"""In each, one request follows the other.

Reading a row costs the SDK a millisecond of the event loop, a batch some forty, and what is at once comes in one
stretch, in which callers of other functions wait. With 32 and 8 of them a stretch was up to half a second, and nothing
was done sooner.
"""
_SWEEP_PIECE = 2_000


class CallTables(Protocol):
    """What the ledger needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None: ...
    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


class CallLedger:
    """The calls of one storage account. One instance a process.

    Every call raises StorageError when storage does not answer. A write that failed, or was killed, is repeated whole:
    it lands on the same rows. `fence` is that of the lease under which the caller writes calls; with it, what this
    process knows of them is not asked for again (`Remembered` says when that may be). Who holds no lease leaves it out.
    """

    def __init__(self, tables: CallTables, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self._tables = tables
        self._remembered = Remembered[CallRecord](most_remembered)

    async def read(self, call_ids: Iterable[str], *, fence: int | None = None) -> dict[str, CallRecord]:
        """The records of these calls, by canonical id; a call that nothing is known of is missing.

        The ids may come in any spelling, and twice. A request for each call that is not in memory, 8 at once: a
        question for several keys at once would make Table Storage read a whole partition. Raises ValueError for an id
        that is blank.
        """
        memory = self._remembered.under(fence)
        ids = dict.fromkeys(map(canonical_call_id, call_ids))
        found: dict[str, CallRecord] = {}
        if memory is not None:
            found = {call_id: known for call_id in ids if (known := memory.get(call_id)) is not None}

        async def read_one(call_id: str) -> None:
            entity = await self._tables.get(TABLE, *call_place(call_id))
            if entity is not None:
                found[call_id] = read_record(call_id, entity.values)

        await at_once(_READS_AT_ONCE, [call_id for call_id in ids if call_id not in found], read_one)
        if memory is not None:
            memory.keep(found)
        return found

    async def write(
        self,
        records: Collection[CallRecord],
        *,
        before: Mapping[str, CallRecord] | None = None,
        fence: int | None = None,
    ) -> None:
        """Write these records, over whatever was there of their calls.

        `before` is what `read` gave for them: rows of the search that no longer belong, such as those of a call that
        turned private, are removed. A record and its rows of the search stand before the glance at it: a call that
        `glance` knows is there whole. Raises ValueError for an id that is not canonical, and for a record above 1 MiB.
        """
        if any(record.call_id != canonical_call_id(record.call_id) for record in records):
            raise ValueError("the id of a call to be written is not canonical")
        memory = self._remembered.under(fence)
        # From here on they may be there or not, and this write may end in between.
        self._remembered.forget(record.call_id for record in records)
        rows = (
            rows_to_write(records, before or {})
            if len(records) <= FEW
            else await aside(rows_to_write, records, before or {})
        )
        await self._remove(rows.removed)
        for part in (rows.index, rows.records, rows.glances):
            await self._put(part)
        if memory is not None:
            memory.keep({record.call_id: record for record in records})

    async def write_ahead(self, records: Collection[CallRecord], *, fence: int) -> None:
        """Write these records, of calls that are there, before what they tell of is done. Of them `written` alone may
        be another one: glances and rows of the search stay as they are."""
        memory = self._remembered.under(fence)
        self._remembered.forget(record.call_id for record in records)
        await self._put((await aside(rows_to_write, records, {})).records)
        if memory is not None:
            memory.keep({record.call_id: record for record in records})

    async def glance(self, start: datetime, end: datetime) -> dict[str, Glance]:
        """What is known of the calls that started in `[start, end)`, by canonical id: a request a thousand calls.

        For whoever looks at many calls of which few have news. A call that is missing here, or whose legs have another
        digest, is to be read; one that `read` has and this has not is to be written again, which mends it.
        """
        found: dict[str, Glance] = {}

        async def look(place: Place) -> None:
            rows = self._tables.list(TABLE, place.partition, GLANCE_VALUES, prefix=place.row)
            async with aclosing(rows):
                async for entity in rows:
                    if case_of(entity.row) is None:
                        seen = read_glance(Place(entity.partition, entity.row), entity.values)
                        if start <= seen.started < end:
                            found[seen.call_id] = seen

        await at_once(_PARTITIONS_AT_ONCE, glance_ranges(start, end), look)
        return found

    async def waiting(self, most: int = 5_000, *, fence: int | None = None) -> list[CallRecord]:
        """The calls with the outcome `waiting`, the oldest first. One request while there are none."""
        ids: list[str] = []
        async with aclosing(self._tables.list(TABLE, WAITING_PARTITION, ())) as rows:
            async for entity in rows:
                ids.append(waiting_call(entity.row))
                if len(ids) >= most:
                    break
        found = await self.read(ids, fence=fence)
        return [found[each] for each in ids if each in found and found[each].outcome is Outcome.WAITING]

    # ------------------------------------------------------------------------------------------ histories

    async def history(self, call_id: str) -> CallHistory | None:
        """All that is known of a call, in one request; None for a call that nothing is known of."""
        call_id = canonical_call_id(call_id)
        return history_of(call_id, *await self._known(call_id))

    async def _known(self, call_id: str) -> tuple[CallRecord | None, list[CaseLink]]:
        record, links = None, []
        partition, row = call_place(call_id)
        async with aclosing(self._tables.list(TABLE, partition, prefix=row)) as rows:
            async for entity in rows:
                if (case_id := case_of(entity.row)) is not None:
                    links.append(read_case(call_id, case_id, entity.values))
                else:
                    record = read_record(call_id, entity.values)
        return record, links

    async def link_cases(self, links: Collection[CaseLink]) -> None:
        """Write down that these cases were made from their calls, over the same said before. A call that call sync
        never saw is then found too.

        Needs no lease: it touches no record. Call ids may come in any spelling. Thousands of links cost a request for
        each hundred of them and of the keys that they are found by.
        """
        named = [replace(link, call_id=canonical_call_id(link.call_id)) for link in links]
        rows = links_to_write(named) if len(named) <= FEW else await aside(links_to_write, named)
        for part in (rows.glances, rows.cases, rows.index):
            await self._put(part)

    async def find(self, keys: Collection[str], since: datetime, until: datetime, most: int) -> list[CallHistory]:
        """The calls with all of these keys (one or two of `SearchKey`) that started in `[since, until]`, the newest
        first, `most` at most."""
        ids: dict[str, None] = {}
        async with aclosing(self._found(keys, since, until)) as found:
            async for call_id in found:
                ids[call_id] = None
                if len(ids) >= most:
                    break
        histories: list[CallHistory] = []

        async def ask(call_id: str) -> None:
            known = await self.history(call_id)
            # A row of the search may be left over from a write that was killed: the records are right.
            if known is not None and known.found_by >= set(keys):
                histories.append(known)

        await at_once(_READS_AT_ONCE, ids, ask)
        return sorted(histories, key=lambda known: (known.started, known.call_id), reverse=True)

    # ---------------------------------------------------------------------------------------- forgetting

    async def forget(self, call_ids: Iterable[str]) -> None:
        """Remove everything about these calls."""
        records: list[CallRecord] = []
        links: list[CaseLink] = []
        for call_id in dict.fromkeys(map(canonical_call_id, call_ids)):
            record, linked = await self._known(call_id)
            records += [] if record is None else [record]
            links += linked
        await self._drop(records, links)

    async def sweep(self, before: datetime, *, days: int = 60) -> int:
        """Remove the calls that neither started nor changed since this moment, with their cases; returns how many
        call sync had seen of them.

        The `days` days before the moment are looked through: so long may sweeps fail, and the next one makes up for
        them. Rows of calls are to be kept for 60 days at least, since `RunInDebugMode` looks back 45 (architecture,
        decision 2).
        """
        removed = 0
        partitions = [name for back in range(days + 1) for name in day_partitions(before - timedelta(days=back))]

        async def sweep_one(partition: str) -> None:
            nonlocal removed
            async with aclosing(self._old(partition, before)) as pieces:
                async for calls, links in pieces:
                    await self._drop(calls, links)
                    removed += len(calls)

        await at_once(_PARTITIONS_AT_ONCE, partitions, sweep_one)
        return removed

    # --------------------------------------------------------------------------------------------- rows

    async def _old(self, partition: str, before: datetime) -> AsyncGenerator[tuple[list[Glance], list[CaseLink]]]:
        """In pieces: the calls to be removed, and the cases that were made from them."""
        calls: list[Glance] = []
        links: list[CaseLink] = []
        kept = ""
        async with aclosing(self._tables.list(TABLE, partition, GLANCE_VALUES)) as rows:
            async for entity in rows:
                place = Place(partition, entity.row)
                if started_of(place) >= before:
                    break
                if case_of(entity.row) is not None:
                    # These stand directly behind their call.
                    is_kept = kept and entity.row.startswith(kept)
                    links += [] if is_kept else [read_case_glance(place, entity.values)]
                else:
                    seen = read_glance(place, entity.values)
                    kept = entity.row if seen.updated >= before else ""
                    calls += [] if kept else [seen]
                if len(calls) + len(links) >= _SWEEP_PIECE:
                    yield calls, links
                    calls, links = [], []
        yield calls, links

    async def _found(self, keys: Collection[str], since: datetime, until: datetime) -> AsyncGenerator[str]:
        first, last = countdown(until), countdown(since)
        for month in months_back(since, until):
            async with aclosing(self._found_in(keys, month)) as rows:
                async for stamp, call_id in rows:
                    if stamp > last:
                        break
                    if stamp >= first:
                        yield call_id

    async def _found_in(self, keys: Collection[str], month: datetime) -> AsyncGenerator[tuple[str, str]]:
        """Countdown and id of what has all of these keys in a month, the newest first."""
        one, *rest = (self._rows_of(search_range(key, month)) for key in keys)
        found = one
        for other in rest:
            found = _in_both(found, other)
        async with aclosing(found):
            async for each in found:
                yield each

    async def _rows_of(self, place: Place) -> AsyncGenerator[tuple[str, str]]:
        async with aclosing(self._tables.list(TABLE, place.partition, (), prefix=place.row)) as rows:
            async for entity in rows:
                yield found_call(entity.row)

    async def _drop(self, calls: Sequence[CallRecord | Glance], links: Sequence[CaseLink]) -> None:
        """What names the rest goes last: whoever is killed in between finds it again."""
        self._remembered.forget(call.call_id for call in calls)

        def found_at() -> Iterator[Place]:
            yield from (place for call in calls for place in index_places(call))
            yield from (place for link in links for place in search_places(link))

        glances = [case_glance_place(link.call_id, link.started, link.case.id) for link in links]
        await self._remove(await aside(lambda: by_partition(found_at())))
        await self._remove(by_partition(case_place(link.call_id, link.case.id) for link in links))
        await self._remove(by_partition(call_place(call.call_id) for call in calls))
        await self._remove(by_partition([*glances, *(glance_place(call.call_id, call.started) for call in calls)]))

    async def _put(self, rows: Rows) -> None:
        async def put(partition: str) -> None:
            await self._tables.write_many(TABLE, partition, rows[partition].items())

        await at_once(_PARTITIONS_AT_ONCE, rows, put)

    async def _remove(self, rows: Mapping[str, Collection[str]]) -> None:
        async def remove(partition: str) -> None:
            await self._tables.delete_many(TABLE, partition, rows[partition])

        await at_once(_PARTITIONS_AT_ONCE, rows, remove)


async def _in_both[T: tuple[str, str]](one: AsyncGenerator[T], other: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """What comes in both of two sorted streams."""
    async with aclosing(one), aclosing(other):
        left, right = await anext(one, None), await anext(other, None)
        while left is not None and right is not None:
            is_behind, is_ahead = left < right, left > right
            if not is_behind and not is_ahead:
                yield left
            left = left if is_ahead else await anext(one, None)
            right = right if is_behind else await anext(other, None)
