"""Whatever is killed when, the index ends as its last complete run wants it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.customers import MatchKind
from shared.number_index.layout import TABLE, Customer, customer_of, reverse
from shared.number_index.writing import FullWriter, IndexWriter, Known, Rewrite, side_by_side
from tests.memory_storage import MemoryTables

A, B, C = (f"{digit}" * 64 for digit in "abc")
WHO = [Customer(MatchKind.CONTACT, f"2e451703-c27e-e711-811d-00000000000{last}") for last in range(3)]


class KilledError(BaseException):
    """The process is gone."""


class Mortal(MemoryTables):
    """Tables that answer so many writes before the process is gone."""

    left: int | None = None

    async def write_many(self, *arguments: Any) -> None:
        self._step()
        await super().write_many(*arguments)

    async def delete_many(self, *arguments: Any) -> None:
        self._step()
        await super().delete_many(*arguments)

    def _step(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise KilledError
            self.left -= 1


def writer(tables: MemoryTables) -> IndexWriter:
    return IndexWriter(tables, 1, lambda: None)


def entries(tables: MemoryTables) -> set[tuple[str, Customer]]:
    """Digest and customer of every entry."""
    return {
        (place[2:] + row[:62], customer_of(row)) for place, row in tables.rows(TABLE) if not place.startswith("1-r")
    }


def reverses(tables: MemoryTables) -> dict[Customer, Mapping[str, Any]]:
    rows = tables.rows(TABLE)
    return {who: dict(rows[reverse(1, who)]) for who in WHO if reverse(1, who) in rows}


type Numbers = dict[Customer, frozenset[str]]
NUMBERS = st.dictionaries(st.sampled_from(WHO), st.frozensets(st.sampled_from([A, B, C])), min_size=1)


@given(st.lists(st.tuples(NUMBERS, st.one_of(st.none(), st.integers(0, 12))), max_size=8), NUMBERS)
def test_runs_killed_anywhere_leave_nothing_behind(runs: list[tuple[Numbers, int | None]], last: Numbers) -> None:
    tables = Mortal()
    wanted: Numbers = {}

    async def story() -> None:
        for changed, left in runs:
            # A run that was killed is repeated with whatever those rows are by then: changes are asked from the same
            # moment on until a run ends.
            wanted.update(changed)
            tables.left = left
            with suppress(KilledError):
                await writer(tables).apply(dict(wanted))
        tables.left = None
        wanted.update(last)
        await writer(tables).apply(dict(wanted))

    asyncio.run(story())
    assert entries(tables) == {(digest, who) for who, digests in wanted.items() for digest in digests}
    assert reverses(tables) == {
        who: {"numbers": " ".join(sorted(digests))} for who, digests in wanted.items() if digests
    }


@pytest.mark.parametrize(
    ("before", "after", "announced", "added", "removed"),
    [
        pytest.param(Known(), {A}, Known(unsure=frozenset({A})), {A}, set(), id="new"),
        pytest.param(Known(frozenset({A})), {B}, Known(unsure=frozenset({A, B})), {B}, {A}, id="another number"),
        pytest.param(
            Known(frozenset({A, B})), {B, C}, Known(frozenset({B}), frozenset({A, C})), {C}, {A}, id="one of two"
        ),
        pytest.param(Known(frozenset({A})), set(), Known(unsure=frozenset({A})), set(), {A}, id="deactivated"),
        pytest.param(
            Known(unsure=frozenset({A, B})), {A}, Known(unsure=frozenset({A, B})), {A}, {B}, id="back after a kill"
        ),
    ],
)
def test_what_is_done_for_a_customer(
    before: Known, after: set[str], announced: Known, added: set[str], removed: set[str]
) -> None:
    rewrite = Rewrite(before, frozenset(after))
    assert rewrite.is_needed
    assert rewrite.announced == announced
    assert (set(rewrite.added), set(rewrite.removed)) == (added, removed)


def test_what_is_as_it_should_be_is_left_alone() -> None:
    assert not Rewrite(Known(frozenset({A, B})), frozenset({B, A})).is_needed
    assert not Rewrite(Known(), frozenset()).is_needed


async def test_a_full_read_settles_rows_that_come_twice() -> None:
    tables = MemoryTables()
    index = writer(tables)
    full = FullWriter(index, 1)
    await full.add({WHO[0]: frozenset({A}), WHO[1]: frozenset({A, B}), WHO[2]: frozenset()})
    await full.add({WHO[0]: frozenset({C})})
    await full.add({WHO[1]: frozenset(), WHO[2]: frozenset({B})})
    await full.finish()
    assert entries(tables) == {(C, WHO[0]), (B, WHO[2])}
    assert reverses(tables) == {WHO[0]: {"numbers": C}, WHO[2]: {"numbers": B}}


async def test_a_full_read_fills_its_transactions() -> None:
    tables = MemoryTables()
    index = writer(tables)
    full = FullWriter(index, 1)
    count = 40_000
    for start in range(0, count, 5000):
        await full.add(
            {
                Customer(MatchKind.LEAD, f"2e451703-c27e-e711-811d-{number:012x}"): frozenset(
                    {f"{number * 7919:064x}"[::-1]}
                )
                for number in range(start, start + 5000)
            }
        )
    await full.finish()
    assert index.counts.writes < 2 * count / 100 + 512
    assert index.counts.added == count


async def test_the_first_failure_ends_the_other_jobs() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0.01 * number)
        if number == 2:
            raise ValueError("no")
        done.append(number)

    with pytest.raises(ValueError, match="no"):
        await side_by_side(lambda number=number: work(number) for number in range(100))  # type: ignore[misc]
    await asyncio.sleep(0.05)
    assert len(done) < 5
