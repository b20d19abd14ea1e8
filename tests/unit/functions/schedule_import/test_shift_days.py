"""On which day a shift is: night shifts are whole, days have 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from functions.schedule_import.decide.scope import shift_days
from functions.schedule_import.decide.shift_days import Stretch, day_bounds, local_dates, local_midnight, shift_starts
from tests.unit.functions.schedule_import.planning import HELSINKI, at, segment

SIXTEEN = timedelta(hours=16)


def days_of(stretches: str, margin: timedelta = SIXTEEN) -> list[int]:
    """Days of January 2027 of stretches such as `11 22-26, 12 02-06` (hours may go on after midnight)."""
    found = []
    for text in stretches.split(","):
        day, hours = text.split()
        first, last = (float(hour) for hour in hours.split("-"))
        midnight = datetime(2027, 1, int(day), tzinfo=UTC)
        found.append(Stretch(midnight + timedelta(hours=first), midnight + timedelta(hours=last)))
    return [start.day for start in shift_starts(found, margin)]


@pytest.mark.parametrize(
    ("stretches", "days"),
    [
        pytest.param("11 8-16, 12 8-16", [11, 12], id="two days"),
        pytest.param("11 22-26, 12 2-2.5, 12 2.5-6", [11, 11, 11], id="a night shift in parts"),
        pytest.param("11 22-26, 12 4-6", [11, 11], id="a gap of two hours is a break"),
        pytest.param("11 22-26, 12 4.01-6", [11, 12], id="a longer gap is a rest"),
        pytest.param("11 16-24, 12 0-8", [11, 11], id="on without a gap at midnight"),
        pytest.param("11 0-24, 12 0-24, 13 0-24", [11, 12, 13], id="whole days follow each other and are days"),
        pytest.param("11 22-30, 12 14-22", [11, 12], id="16 hours after its start a shift is over"),
        pytest.param("11 22-37, 12 13-14", [11, 11], id="15 hours after its start it goes on"),
        pytest.param("11 20-30, 11 21-22, 12 6-7", [11, 11, 11], id="a short one inside a long one ends nothing"),
        pytest.param("11 22-26, 11 22-23, 12 2-3", [11, 11, 11], id="equal starts"),
    ],
)
def test_stretches_that_follow_each_other_are_one_shift(stretches: str, days: list[int]) -> None:
    assert days_of(stretches) == days


def test_without_a_margin_every_stretch_is_a_shift_of_its_own() -> None:
    assert days_of("11 22-26, 12 2-6, 12 2-7", margin=timedelta()) == [11, 12, 12]


def test_a_longer_margin_holds_a_longer_shift() -> None:
    assert days_of("11 8-32, 12 9-10, 13 9-10", margin=timedelta(hours=48)) == [11, 11, 13]


def test_a_rows_own_shift_date_comes_first() -> None:
    rows = [
        segment("2027-01-11 22:00", 2),
        segment("2027-01-12 00:00", 2, shift_date=date(2027, 1, 12)),
        segment("2027-01-12 02:00", 2),
    ]
    assert [day.day for day in shift_days(rows, ZoneInfo("UTC"), SIXTEEN)] == [11, 12, 11]


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 11), (HELSINKI, 12), ("America/New_York", 11), ("Pacific/Auckland", 12)]
)
def test_the_day_is_that_of_the_agents_clock(zone: str, day: int) -> None:
    rows = [segment(at("2027-01-11 22:30"), 8)]
    assert shift_days(rows, ZoneInfo(zone), SIXTEEN)[0].day == day


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param(HELSINKI, date(2027, 3, 28), 23, id="Helsinki, spring"),
        pytest.param(HELSINKI, date(2026, 10, 25), 25, id="Helsinki, autumn"),
        pytest.param("America/New_York", date(2026, 11, 1), 25, id="New York, autumn"),
        pytest.param("Australia/Lord_Howe", date(2026, 10, 4), 23.5, id="Lord Howe moves by half an hour"),
        pytest.param("America/Santiago", date(2026, 9, 6), 23, id="Santiago has no midnight in spring"),
        pytest.param("America/Santiago", date(2027, 4, 3), 25, id="Santiago has 23:00 twice in autumn"),
        pytest.param("America/Havana", date(2026, 11, 1), 25, id="Havana has midnight twice in autumn"),
        pytest.param("UTC", date(2026, 11, 1), 24, id="UTC"),
    ],
)
def test_a_day_is_from_midnight_to_midnight(zone: str, day: date, hours: float) -> None:
    start, end = day_bounds([day], ZoneInfo(zone))
    assert end - start == timedelta(hours=hours)
    assert start.tzinfo is UTC
    inside = (start, end - timedelta(microseconds=1))
    outside = (start - timedelta(microseconds=1), end)
    assert {moment.astimezone(ZoneInfo(zone)).date() for moment in inside} == {day}
    assert day not in {moment.astimezone(ZoneInfo(zone)).date() for moment in outside}


def test_days_may_come_in_any_order() -> None:
    days = [date(2027, 1, 13), date(2027, 1, 11)]
    assert day_bounds(days, ZoneInfo(HELSINKI)) == (at("2027-01-10 22:00"), at("2027-01-13 22:00"))


def test_local_dates_ask_each_moment_anew() -> None:
    moments = [at("2027-01-11 12:00"), at("2027-01-11 12:00"), at("2027-01-12 12:00"), at("2027-01-11 12:00")]
    assert [day.day for day in local_dates(moments, ZoneInfo("UTC"))] == [11, 11, 12, 11]


def test_midnight_is_in_utc() -> None:
    assert local_midnight(date(2027, 3, 28), ZoneInfo(HELSINKI)) == at("2027-03-27 22:00")


@pytest.mark.parametrize("zone", [HELSINKI, "America/New_York", "Australia/Lord_Howe", "America/Santiago"])
def test_a_shift_in_the_night_of_a_change_is_measured_in_hours_that_pass(zone: str) -> None:
    """22:00-06:00 in parts stays one shift in every night of a year."""
    day = date(2026, 3, 1)
    while day < date(2027, 4, 30):
        start = at(f"{day} 22:00", zone)
        end = at(f"{day + timedelta(days=1)} 06:00", zone)
        parts = [segment(start, 4, zone=zone), segment(start + timedelta(hours=4), 0.5, zone=zone)]
        parts.append(segment(start + timedelta(hours=4.5), 1, zone=zone)._replace(end=end))
        assert set(shift_days(parts, ZoneInfo(zone), SIXTEEN)) == {day}
        day += timedelta(days=1)
