"""The rows that indexes offer to a filter. Every row that passes is among them; not every one of them passes."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from local.dataverse.likeness import fixed_start
from local.dataverse.metadata import Column
from local.dataverse.store import ID_SLOT, ORDINAL_SLOT, Row, Table

# Reading rows one by one out of an index costs more than a scan when it offers a large share of the table.
SCAN_SHARE = 8
# An index of two or ten values is of no more use than a scan, and every write would pay for it.
FEW_VALUES = frozenset({"Boolean", "Picklist", "State", "Status"})


class Candidates(NamedTuple):
    """Rows that hold one of `keys` in `slot`, or a text that begins with one of `beginnings`."""

    slot: int
    keys: Collection[Hashable] = ()
    beginnings: tuple[str, ...] = ()

    def size(self, table: Table) -> int:
        """Returns how many rows are offered; one that is offered twice counts twice."""
        if self.slot == ID_SLOT:
            return len(self.keys)
        return table.index(self.slot).count(self.keys, self.beginnings)

    def collect(self, table: Table, ids: dict[str, None], most: int) -> None:
        """Adds the ids of the rows that are offered, until there are more than `most`."""
        if self.slot == ID_SLOT:
            ids.update((str(key), None) for key in self.keys if key in table.rows)
        else:
            table.index(self.slot).collect(self.keys, self.beginnings, ids, most)


type Offer = tuple[Candidates, ...]
"""The rows of all these candidates together; none of them for a filter that no row passes."""


def equal_to(table: Table, column: Column, keys: Collection[Hashable]) -> Offer | None:
    """Returns the rows whose column holds one of the keys, None for a column that is not worth an index."""
    if column.type in FEW_VALUES:
        return None
    return (Candidates(table.slots[column.property], keys),)


def like_one_of(table: Table, column: Column, patterns: Sequence[str]) -> Offer | None:
    """Returns the rows whose text begins as one of the patterns does, None where one begins with a wildcard."""
    starts = _starts(tuple(patterns))
    return (Candidates(table.slots[column.property], beginnings=starts),) if starts else None


@lru_cache(maxsize=128)
def _starts(patterns: tuple[str, ...]) -> tuple[str, ...] | None:
    """A query often asks for the same patterns in several columns."""
    starts = tuple(map(fixed_start, patterns))
    return starts if all(starts) else None


def any_offer(offers: Iterable[Offer | None]) -> Offer | None:
    """Returns what is offered to conditions of which one has to hold: nothing as soon as one needs every row.

    The candidates of one column are made one.
    """
    by_slot: dict[int, list[Candidates]] = {}
    for offer in offers:
        if offer is None:
            return None
        for each in offer:
            by_slot.setdefault(each.slot, []).append(each)
    return tuple(same[0] if len(same) == 1 else _together(same) for same in by_slot.values())


def _together(same: list[Candidates]) -> Candidates:
    keys = dict.fromkeys(chain.from_iterable(each.keys for each in same))
    beginnings = dict.fromkeys(chain.from_iterable(each.beginnings for each in same))
    return Candidates(same[0].slot, tuple(keys), tuple(beginnings))


def narrowest(table: Table, offers: Iterable[Offer | None]) -> Offer | None:
    """Returns the smallest offer to conditions that must all hold."""
    usable = [offer for offer in offers if offer is not None]
    if len(usable) < 2:
        return next(iter(usable), None)
    return min(usable, key=lambda offer: sum(candidates.size(table) for candidates in offer))


def offered_ids(table: Table, offer: Offer, most: int) -> dict[str, None] | None:
    """Returns the ids of the rows that are offered, each once, None when there are more than `most`."""
    ids: dict[str, None] = {}
    for candidates in offer:
        candidates.collect(table, ids, most)
        if len(ids) > most:
            return None
    return ids


def in_order_of_table(table: Table, ids: Iterable[str]) -> list[Row]:
    """Returns the rows as a scan would meet them, so that no answer tells how its rows were found."""
    return sorted((table.rows[row_id] for row_id in ids), key=itemgetter(ORDINAL_SLOT))
