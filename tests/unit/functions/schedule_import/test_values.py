"""The words of a cell."""

from datetime import date, timedelta

import pytest

from functions.schedule_import.reading.row.values import (
    read_clock_time,
    read_date,
    read_length,
    read_moment,
    read_weekdays,
)

CLOCK = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")


@pytest.mark.parametrize(
    ("text", "pattern", "day"),
    [
        ("2027-03-22", "iso", date(2027, 3, 22)),
        ("2027-03-22T00:00:00", "iso", date(2027, 3, 22)),
        ("2027-03-22T08:00:00", "iso", None),
        ("22.03.2027", "%d.%m.%Y", date(2027, 3, 22)),
        ("2.3.2027", "%d.%m.%Y", date(2027, 3, 2)),
        ("2.3.27", "%d.%m.%y", date(2027, 3, 2)),
        ("03/22/2027", "%m/%d/%Y", date(2027, 3, 22)),
        ("22/03/2027", "%m/%d/%Y", None),
        ("03222027", "%m%d%Y", date(2027, 3, 22)),
        pytest.param("1112027", "%m%d%Y", None, id="11 January or 1 November"),
        ("30.02.2027", "%d.%m.%Y", None),
        ("22-Mar-2027", "%d-%b-%Y", date(2027, 3, 22)),
        ("0001-01-01", "iso", None),
        ("9999-12-31", "iso", None),
        ("", "iso", None),
    ],
)
def test_dates(text: str, pattern: str, day: date | None) -> None:
    assert read_date(text, (pattern,)) == day


@pytest.mark.parametrize(
    ("text", "days", "clock"),
    [
        ("08:00", 0, "08:00"),
        pytest.param("8:00", 0, "08:00", id="no leading zero"),
        ("8:05:30", 0, "08:05:30"),
        ("8:00AM", 0, "08:00"),
        ("8:00 pm", 0, "20:00"),
        ("9:00a", 0, "09:00"),
        ("9:00p.m.", 0, "21:00"),
        ("9p", 0, "21:00"),
        ("12:15a", 0, "00:15"),
        ("12:15p", 0, "12:15"),
        ("24:00", 1, "00:00"),
        ("25:30", 1, "01:30"),
        ("47:59", 1, "23:59"),
    ],
)
def test_times_of_day(text: str, days: int, clock: str) -> None:
    found = read_clock_time(text, CLOCK)
    assert found is not None
    assert (found.days, found.time.isoformat("auto" if len(clock) > 5 else "minutes")) == (days, clock)


@pytest.mark.parametrize("text", ["", "48:00", "8.00", "13:00p", "0:30a", "08:60", "-1:00", "a", "8:00x"])
def test_no_times_of_day(text: str) -> None:
    assert read_clock_time(text, CLOCK) is None


@pytest.mark.parametrize(
    ("text", "patterns", "moment"),
    [
        ("2027-03-22T08:00", ("iso",), "2027-03-22T08:00:00"),
        ("2027-03-22 08:00:00", ("iso",), "2027-03-22T08:00:00"),
        ("2027-03-22T08:00:00Z", ("iso",), "2027-03-22T08:00:00+00:00"),
        ("2027-03-22 08:00:00 UTC", ("iso",), "2027-03-22T08:00:00+00:00"),
        ("2027-03-22 08:00:00.000 +0200", ("iso",), "2027-03-22T08:00:00+02:00"),
        ("2027-03-22 UTC", ("iso",), None),
        ("2027-03-22", ("iso",), None),
        ("2027-03-22T24:00", ("iso",), "2027-03-23T00:00:00"),
        ("2027-03-26 8:00:00", ("%Y-%m-%d %H:%M:%S",), "2027-03-26T08:00:00"),
        ("2027-03-26 25:30:00", ("%Y-%m-%d %H:%M:%S",), "2027-03-27T01:30:00"),
        ("3/26/2027 8:00 PM", ("%m/%d/%Y %I:%M %p",), "2027-03-26T20:00:00"),
        ("03/26/2027 08:00:00", ("%Y-%m-%d %H:%M:%S",), None),
        ("2027-02-30T08:00", ("iso",), None),
        ("0001-01-01T08:00", ("iso",), None),
    ],
)
def test_moments(text: str, patterns: tuple[str, ...], moment: str | None) -> None:
    found = read_moment(text, patterns)
    assert (found and found.isoformat()) == moment


@pytest.mark.parametrize(
    ("text", "unit", "length"),
    [
        ("30", "minutes", timedelta(minutes=30)),
        ("90", "seconds", timedelta(seconds=90)),
        pytest.param("4,5", "hours", timedelta(hours=4, minutes=30), id="decimal comma"),
        ("4.5", "hours", timedelta(hours=4, minutes=30)),
        ("0:30", "hours", timedelta(minutes=30)),
        ("7:30", "clock", timedelta(hours=7, minutes=30)),
        ("30", "clock", None),
        ("-30", "minutes", None),
        ("nan", "minutes", None),
        ("1e9", "minutes", None),
        ("1.234,5", "minutes", None),
        ("", "minutes", None),
    ],
)
def test_lengths(text: str, unit: str, length: timedelta | None) -> None:
    assert read_length(text, unit) == length


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon,Tue,Wed", {0, 1, 2}),
        ("monday; SUNDAY", {0, 6}),
        ("Mo Tu We Th Fr", {0, 1, 2, 3, 4}),
        ('["Mon", "Tue"]', {0, 1}),
        ("1,2,7", {0, 1, 6}),
        pytest.param("0", {6}, id="Sunday may be 0"),
        ("M", None),
        ("Mon,Foo", None),
        ("8", None),
    ],
)
def test_weekdays(text: str, days: set[int] | None) -> None:
    assert read_weekdays(text) == days
