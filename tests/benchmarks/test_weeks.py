"""The week that is imported, and what its changes come to."""

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

import pytest

from benchmarks.weeks import SEGMENTS_A_WEEK, Layout, Row, Week, agents_csv, email, export, vendor_id

MONDAY = date(2026, 11, 23)
AGENTS = 200
WEEK = Week(MONDAY, AGENTS)
CHANGED = Week(MONDAY, AGENTS, 0.02)


def said(week: Week) -> set[tuple[int, datetime, datetime, str]]:
    return {(row.agent, row.start, row.end, row.activity) for row in week.rows()}


def test_a_week_has_forty_segments_an_agent_that_never_overlap() -> None:
    rows = list(WEEK.rows())
    assert len(rows) == AGENTS * SEGMENTS_A_WEEK
    for _, mine in groupby(rows, key=lambda row: row.agent):
        shifts = list(mine)
        assert len(shifts) == SEGMENTS_A_WEEK
        assert all(one.end <= other.start for one, other in pairwise(shifts))
        assert len({one.start.date() for one in shifts}) >= 5


def test_changed_rows_are_moved_of_another_activity_removed_and_added_in_equal_parts() -> None:
    before, after = said(WEEK), said(CHANGED)
    changes = AGENTS * SEGMENTS_A_WEEK * 0.02
    assert len(before - after) == len(after - before) == changes * 3 / 4
    assert len({row.number for row in CHANGED.rows()}) == len(before) - changes / 4
    numbers = Counter(row.number for row in CHANGED.rows() if row.added)
    assert (len(numbers), max(numbers.values())) == (changes / 4, 1)


def test_an_added_row_takes_nobody_twice() -> None:
    for _, mine in groupby(CHANGED.rows(), key=lambda row: row.agent):
        rows = list(mine)
        assert all(one.end <= other.start for one, other in pairwise(rows))


@pytest.mark.parametrize("layout", Layout)
def test_a_file_says_what_the_week_says(layout: Layout) -> None:
    lines = export(CHANGED, layout).decode("utf-8-sig").splitlines()
    rows = list(csv.DictReader(lines))
    assert len(rows) == sum(1 for _ in CHANGED.rows())
    assert [_read(row, layout) for row in rows] == [_told(row, layout) for row in CHANGED.rows()]
    if layout is Layout.TALKDESK:
        assert len({row["Event Id"] for row in rows}) == len(rows)


def _read(row: dict[str, str], layout: Layout) -> tuple[str, datetime, datetime, str]:
    if layout is Layout.SWITCHBOARD:
        return row["agent"], datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]), row["activity"]
    start, end = (_moment(row[f"Event {side} Time"]) for side in ("Start", "End"))
    assert end - start == timedelta(minutes=int(row["Event Duration (min)"]))
    return row["Agent Id"], start, end, row["Event Type Name"]


def _moment(text: str) -> datetime:
    day, _, time = text.partition(" ")
    return datetime.fromisoformat(f"{day}T{time:0>8}")


def _told(row: Row, layout: Layout) -> tuple[str, datetime, datetime, str]:
    agent = email(row.agent) if layout is Layout.SWITCHBOARD else vendor_id(row.agent)
    return agent, row.start, row.end, row.activity


def test_a_vendors_ids_are_known_by_address() -> None:
    rows = list(csv.DictReader(agents_csv(3).decode().splitlines()))
    assert [(row["email"], row["talkdeskId"]) for row in rows] == [(email(n), vendor_id(n)) for n in range(3)]
