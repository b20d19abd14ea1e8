"""After an import: hours without anybody to give work to, and agents whom a leftover blocks."""

from datetime import timedelta

import pytest

from functions.schedule_import.decide.coverage import Gap, blocked, filled, gaps
from functions.schedule_import.decide.facts import ActivityType, Booking
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import (
    ASA,
    CHAT,
    LUNCH,
    at,
    booking,
    segment,
    wanted_of,
)

NOW = at("2027-01-11 06:00")
PREFIX = "sb:switchboard-csv:"


def told(*rows: Segment) -> list[tuple[str, str, str, str]]:
    return told_beside([], [], *rows)


def told_beside(others: list[Booking], gone: list[Booking], *rows: Segment) -> list[tuple[str, str, str, str]]:
    wanted = wanted_of(rows)
    return [
        (gap.kind, wanted.plan_names.get(gap.key, gap.key), f"{gap.start:%d %H:%M}", f"{gap.end:%d %H:%M}")
        for gap in sorted(gaps(wanted.bookings, {ASA.id: others}, gone, frozenset({CHAT.id}), NOW))
    ]


def row(start: str, hours: float, **more: str) -> Segment:
    return segment(f"2027-01-{start}:00", hours, **({"plan": "P"} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([row("11 08", 8)], [], id="one shift"),
        pytest.param([row("11 08", 2), row("11 12", 2)], [("plan", "P", "11 10:00", "11 12:00")], id="a hole"),
        pytest.param([row("11 08", 2), row("11 10", 1, activity="Lunch"), row("11 11", 1)],
                     [("plan", "P", "11 10:00", "11 11:00")], id="everybody at lunch"),
        pytest.param([row("11 08", 8), row("11 10", 1, activity="Lunch", agent="anna")], [], id="one is left"),
        pytest.param([row("11 08", 2), row("11 10", 2, agent="anna")], [], id="handed over"),
        pytest.param([row("11 07", 1, activity="Lunch")], [("plan", "P", "11 07:00", "11 08:00")], id="never anybody"),
        pytest.param([row("11 05", 2, activity="Lunch")], [("plan", "P", "11 06:00", "11 07:00")], id="from now on"),
        pytest.param([row("18 05", 3, activity="Lunch")], [("plan", "P", "18 05:00", "18 06:00")], id="for seven days"),
        pytest.param([row("18 06", 3, activity="Lunch"), row("11 05", 1, activity="Lunch")], [], id="no longer"),
        pytest.param([row("11 08", 2), row("11 12", 2, plan="Q")], [], id="plans are looked at by themselves"),
        pytest.param([row("11 08", 2, team="T"), row("11 12", 2, plan="Q", team="T")],
                     [("team", "T", "11 10:00", "11 12:00")], id="and so are teams"),
    ],
)  # fmt: skip
def test_gaps(rows: list[Segment], expected: list[tuple[str, str, str, str]]) -> None:
    assert told(*rows) == expected


PLAN = next(iter(wanted_of([row("11 08", 1)]).plan_names))
"""The key of plan P."""


def there(start: str, hours: float, kind: ActivityType = CHAT, plan: str | None = PLAN) -> Booking:
    return booking(f"2027-01-{start}:00", hours, kind=kind, mark="sb:other:x")._replace(plan=plan)


@pytest.mark.parametrize(
    ("others", "gone", "rows", "expected"),
    [
        pytest.param([there("11 00", 24, LUNCH, None)], [], [row("11 08", 8)], [("08", "16")],
                     id="the only one is away"),
        pytest.param([there("11 10", 1, LUNCH)], [], [row("11 08", 8), row("11 09", 3, agent="anna")], [],
                     id="another one is left"),
        pytest.param([], [], [row("11 08", 8), row("11 10", 2, activity="Lunch")], [("10", "12")],
                     id="a row of the file blocks another one"),
        pytest.param([there("11 10", 2)], [], [row("11 08", 2), row("11 12", 2)], [],
                     id="a booking that another file has fills the gap"),
        pytest.param([there("11 10", 2, plan="another")], [], [row("11 08", 2), row("11 12", 2)], [("10", "12")],
                     id="not of another plan"),
        pytest.param([], [there("11 12", 2)], [row("11 08", 4)], [("12", "14")], id="where somebody was before"),
        pytest.param([], [there("11 12", 2)], [row("11 08", 1, plan="Q")], [("12", "14")],
                     id="a plan that was emptied"),
        pytest.param([], [there("25 12", 2)], [row("11 08", 4)], [], id="too far away"),
    ],
)  # fmt: skip
def test_gaps_beside_what_is_there(
    others: list[Booking], gone: list[Booking], rows: list[Segment], expected: list[tuple[str, str]]
) -> None:
    told = told_beside(others, gone, *rows)
    assert [(start, end) for _, _, start, end in told] == [
        (f"11 {start}:00", f"11 {end}:00") for start, end in expected
    ]


def test_a_gap_is_filled_by_agents_of_another_file() -> None:
    gap = Gap("plan", PLAN, at("2027-01-11 08:00"), at("2027-01-11 16:00"))
    left = filled(gap, [there("11 10", 2), there("11 11", 3), there("11 15", 4)])
    assert [(one.start.hour, one.end.hour) for one in left] == [(8, 10), (14, 15)]


LEFTOVER = booking("2027-01-11 10:00", 1, kind=LUNCH, mark="")


@pytest.mark.parametrize(
    ("other", "hours"),
    [
        pytest.param(LEFTOVER, [(10, 11)], id="somebody's lunch"),
        pytest.param(LEFTOVER._replace(mark="sb:switchboard-csv:x"), [(10, 11)], id="our own, of another day's shift"),
        pytest.param(LEFTOVER._replace(mark="sb:absences:x"), [], id="an absence of another profile is meant to block"),
        pytest.param(LEFTOVER._replace(activity_type=CHAT.id), [], id="somebody's work blocks nobody"),
        pytest.param(LEFTOVER._replace(activity_type=None), [(10, 11)], id="without a type"),
        pytest.param(booking("2027-01-11 05:00", 4, kind=LUNCH, mark=""), [(8, 9)], id="into the shift's beginning"),
        pytest.param(booking("2027-01-11 16:00", 1, kind=LUNCH, mark=""), [], id="right after the shift"),
    ],
)
def test_agents_whom_a_leftover_blocks(other: Booking, hours: list[tuple[int, int]]) -> None:
    wanted = wanted_of([segment()]).bookings
    found = list(blocked(wanted, {ASA.id: [other]}, frozenset({CHAT.id}), PREFIX, NOW))
    assert [(one.agent, one.start.hour, one.end.hour) for one in found] == [("asa", *pair) for pair in hours]


@pytest.mark.parametrize("days", [-1, 8])
def test_only_the_next_seven_days_count(days: int) -> None:
    wanted = wanted_of([segment()]).bookings
    now = at("2027-01-11 12:00") - timedelta(days=days)
    assert list(blocked(wanted, {ASA.id: [LEFTOVER]}, frozenset({CHAT.id}), PREFIX, now)) == []


def test_a_break_under_a_leftover_is_not_blocked() -> None:
    wanted = wanted_of([segment(activity="Lunch")]).bookings
    assert list(blocked(wanted, {ASA.id: [LEFTOVER]}, frozenset({CHAT.id}), PREFIX, NOW)) == []
