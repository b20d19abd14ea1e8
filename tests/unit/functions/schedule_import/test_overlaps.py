"""Bookings of one agent that claim the same time: every pair is told, billions are counted."""

import time
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.schedule_import.decide.facts import Booking
from functions.schedule_import.decide.overlaps import count_overlaps, overlaps_in_file, overlaps_with_others
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import ANNA, ASA, booking, segment, wanted_of


def pairs(*rows: Segment) -> list[tuple[int | None, int | None]]:
    wanted = wanted_of(rows).bookings
    found = [(overlap.first.row, overlap.second.row) for overlap in overlaps_in_file(wanted)]
    assert len(found) == count_overlaps(wanted)
    return found


def at(hour: float, hours: float, row: int, **more: Any) -> Segment:
    return segment(f"2027-01-11 {int(hour):02}:{int(hour % 1 * 60):02}", hours, row=row, **more)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([at(8, 8, 2), at(16, 1, 3)], [], id="one after the other"),
        pytest.param([at(8, 8, 2), at(9, 1, 3), at(10, 1, 4)], [(2, 3), (2, 4)], id="two inside one"),
        pytest.param([at(8, 1, 2), at(8, 2, 3), at(8, 3, 4)], [(2, 3), (2, 4), (3, 4)], id="equal starts"),
        pytest.param([at(8, 8, 2), at(9, 1, 3, agent="anna")], [], id="two agents"),
        pytest.param([at(9, 8, 2), at(8, 2, 3)], [(3, 2)], id="in order of start, not of rows"),
    ],
)
def test_every_pair_of_a_file(rows: list[Segment], expected: list[tuple[int, int]]) -> None:
    assert pairs(*rows) == expected


@given(st.lists(st.tuples(st.integers(0, 47), st.integers(1, 20)), unique=True, max_size=12))
def test_pairs_are_those_that_share_time(stretches: list[tuple[int, int]]) -> None:
    rows = [at(start / 2, length / 2, row) for row, (start, length) in enumerate(stretches, 2)]
    expected = sum(one.start < other.end and other.start < one.end for one, other in combinations(rows, 2))
    assert (len(pairs(*rows)) if rows else 0) == expected


def test_a_hundred_million_pairs_are_counted_in_no_time() -> None:
    row = wanted_of([segment()]).bookings[ASA.id][0]
    wanted = {ASA.id: [row] * 20_000}
    begun = time.process_time()
    assert count_overlaps(wanted) == 20_000 * 19_999 // 2
    assert next(overlaps_in_file(wanted)).first.row == 2
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("other", "order"),
    [
        pytest.param(booking("2027-01-11 07:00", 1), None, id="right before it"),
        pytest.param(booking("2027-01-11 16:00", 1), None, id="right after it"),
        pytest.param(booking("2027-01-11 07:00", 2), (None, 2), id="into its beginning"),
        pytest.param(booking("2027-01-11 15:00", 2), (2, None), id="into its end"),
        pytest.param(booking("2027-01-11 07:00", 20), (None, 2), id="around it"),
        pytest.param(booking("2027-01-11 10:00", 1), (2, None), id="inside it"),
        pytest.param(booking("2027-01-01 07:00", 30 * 24), (None, 2), id="for a month around it"),
    ],
)
def test_bookings_of_others(other: Booking, order: tuple[int | None, int | None] | None) -> None:
    rows = [segment(), segment("2027-01-12 08:00", 0.5, row=3, agent="anna")]
    wanted = wanted_of(rows).bookings
    found = list(overlaps_with_others(wanted, {ASA.id: [other]}))
    assert [(pair.first.row, pair.second.row) for pair, _, _ in found] == ([order] if order else [])
    assert all((mine.row, theirs) == (2, other) for _, mine, theirs in found)
    assert list(overlaps_with_others(wanted, {ANNA.id: [other._replace(start=other.start, end=other.start)]})) == []


@given(
    st.lists(st.tuples(st.integers(0, 47), st.integers(1, 90)), unique=True, min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 47), st.integers(1, 48)), max_size=5),
)
def test_pairs_with_others_are_those_that_share_time(
    mine: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    rows = [at(start / 2, length / 4, row) for row, (start, length) in enumerate(mine, 2)]
    others = [
        booking(f"2027-01-11 {start // 2:02}:{start % 2 * 30:02}", length / 2, number=number)
        for number, (start, length) in enumerate(theirs, 900)
    ]
    found = {(one.row, other.id) for _, one, other in overlaps_with_others(wanted_of(rows).bookings, {ASA.id: others})}
    assert found == {
        (one.row, other.id) for one in rows for other in others if one.start < other.end and other.start < one.end
    }
