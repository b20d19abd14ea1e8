"""Where the rows of a load come from: in their order, one of each id at a time, and back again when refused for now."""

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    KeysView,
    Sequence,
    Sized,
)
from dataclasses import dataclass
from itertools import islice

from shared.dataverse.tables import JsonRow
from shared.long_work import FEW, bite_if

type Items[T] = Iterable[T] | AsyncIterable[T]
type Rows = Items[JsonRow]


def rows_of_items[T](items: Items[T], row_of: Callable[[T], JsonRow]) -> Rows:
    """A row for each item, made when it is taken; as many as there are items, where that is known."""
    if isinstance(items, AsyncIterable):
        return (row_of(item) async for item in items)
    return _CountedRows(items, row_of) if isinstance(items, Collection) else map(row_of, items)


@dataclass(frozen=True, slots=True)
class _CountedRows[T]:
    items: Collection[T]
    row_of: Callable[[T], JsonRow]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[JsonRow]:
        return map(self.row_of, self.items)


class RowSource:
    """Rows in their order, one of each id at a time.

    Rows of the same id are merged inside a chunk (the later columns win) and wait while an earlier one is on its
    way, so that the order in which they came is the order in which they land.
    """

    def __init__(self, rows: Rows, primary_id: str) -> None:
        self._rows = aiter(rows) if isinstance(rows, AsyncIterable) else iter(rows)
        self._total = len(rows) if isinstance(rows, Sized) else None
        self._primary_id = primary_id
        self._taken = 0
        self._ended = False
        self._under_way: set[str] = set()
        self._held: list[JsonRow] = []
        self._held_ids: set[str] = set()
        self._back: dict[str, JsonRow] = {}
        self._change = asyncio.Event()

    @property
    def remaining(self) -> int | None:
        """Rows not yet taken, None when nobody knows."""
        return None if self._total is None else self._total - self._taken + len(self._held) + len(self._back)

    async def has_rows(self) -> bool:
        """Whether there is a row to take; waits while those under way could still come back."""
        while self._ended and not self._back and not self._free_held():
            if not self._under_way:
                return False
            self._change.clear()
            await self._change.wait()
        return True

    def _free_held(self) -> bool:
        return any(row[self._primary_id] not in self._under_way for row in self._held)

    async def take(self, size: int) -> list[JsonRow]:
        """Up to so many rows, each of another id; none when there are none to take now."""
        first = list(islice(self._back, size))
        chunk = {row_id: self._back.pop(row_id) for row_id in first}
        held, self._held, self._held_ids = self._held, [], set()
        for row in held:
            self._place(row, chunk, size)
        while len(chunk) < size and not self._ended:
            await self._fill(chunk, size)
        self._under_way |= chunk.keys()
        return list(chunk.values())

    async def _fill(self, chunk: dict[str, JsonRow], size: int) -> None:
        wanted = size - len(chunk)
        if isinstance(self._rows, AsyncIterator):
            rows = [row async for row in _first(self._rows, wanted)]
        else:
            # Rows of an iterator may be made as they are taken. Those of a collection are there.
            rows = await bite_if(self._total is None and wanted > FEW, list, islice(self._rows, wanted))
        self._ended = len(rows) < wanted
        self._taken += len(rows)
        found = {row[self._primary_id]: row for row in rows}
        if len(found) == len(rows) and self._are_new(found.keys(), chunk):
            chunk |= found
            return
        for row in rows:
            self._place(row, chunk, size)

    def _are_new(self, ids: KeysView[str], chunk: dict[str, JsonRow]) -> bool:
        """Whether no earlier row has any of these ids, as is usual: asked of all together."""
        return all(ids.isdisjoint(known) for known in (self._under_way, self._back, self._held_ids, chunk))

    def _place(self, row: JsonRow, chunk: dict[str, JsonRow], size: int) -> None:
        row_id = row[self._primary_id]
        earlier = row_id in self._under_way or row_id in self._back or row_id in self._held_ids
        if earlier or (row_id not in chunk and len(chunk) >= size):
            self._held.append(row)
            self._held_ids.add(row_id)
        else:
            chunk[row_id] = {**chunk[row_id], **row} if row_id in chunk else row

    def landed(self, chunk: Sequence[JsonRow], back: Sequence[JsonRow] = ()) -> None:
        """These rows are done, but for those that come back to be taken again. Others of their ids may go."""
        self._under_way.difference_update(row[self._primary_id] for row in chunk)
        self._back.update((row[self._primary_id], row) for row in back)
        self._change.set()


async def _first(rows: AsyncIterator[JsonRow], count: int) -> AsyncIterator[JsonRow]:
    for _ in range(count):
        try:
            yield await anext(rows)
        except StopAsyncIteration:
            return
