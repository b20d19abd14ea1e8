"""After an import: hours without anybody to give work to, and agents whom a leftover blocks."""

from datetime import timedelta

import pytest

from functions.schedule_import.decide.coverage import blocked, gaps
from functions.schedule_import.decide.facts import Booking
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
    wanted = wanted_of(rows)
    return [
        (gap.kind, gap.name, f"{gap.start:%d %H:%M}", f"{gap.end:%d %H:%M}")
        for gap in gaps(wanted.bookings, wanted.plan_names, NOW)
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
