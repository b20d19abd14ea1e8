"""Wall-clock times on the nights when the clock changes (PEP 495 fold=0; the later instant where the end needs it)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from functions.schedule_import.reading.row.local_time import (
    EmptyIntervalError,
    interval,
    interval_of_length,
    only_instant,
)
from shared.dataverse.tables import utc_text


@pytest.mark.parametrize(
    ("zone", "start", "end", "start_utc", "end_utc", "choices"),
    [
        pytest.param("Europe/Helsinki", "2027-01-11T08:00", "2027-01-11T16:00", "2027-01-11T06:00:00Z",
                     "2027-01-11T14:00:00Z", [], id="an ordinary day"),
        pytest.param("Europe/Helsinki", "2027-03-28T03:30", "2027-03-28T08:00", "2027-03-28T01:30:00Z",
                     "2027-03-28T05:00:00Z",
                     [("NONEXISTENT_TIME", "start", "2027-03-28T01:30:00Z", "2027-03-28T00:30:00Z")],
                     id="a start in the missing hour moves forward"),
        pytest.param("Europe/Helsinki", "2026-10-25T03:30", "2026-10-25T08:00", "2026-10-25T00:30:00Z",
                     "2026-10-25T06:00:00Z",
                     [("AMBIGUOUS_TIME", "start", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")],
                     id="a start in the repeated hour is the first"),
        pytest.param("America/New_York", "2026-11-01T00:30", "2026-11-01T01:30", "2026-11-01T04:30:00Z",
                     "2026-11-01T05:30:00Z",
                     [("AMBIGUOUS_TIME", "end", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z")],
                     id="an end in the repeated hour is the first"),
        pytest.param("America/New_York", "2026-11-01T01:45", "2026-11-01T01:15", "2026-11-01T05:45:00Z",
                     "2026-11-01T06:15:00Z",
                     [("AMBIGUOUS_TIME", "start", "2026-11-01T05:45:00Z", "2026-11-01T06:45:00Z"),
                      ("AMBIGUOUS_TIME", "end", "2026-11-01T06:15:00Z", "2026-11-01T05:15:00Z")],
                     id="an end that would come first is the later instant"),
        pytest.param("Europe/Amsterdam", "2027-03-28T02:30", "2027-03-28T03:30", "2027-03-28T01:30:00Z",
                     None, [], id="both at one instant is empty"),
        pytest.param("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T04:00", "2027-04-03T14:45:00Z",
                     "2027-04-03T17:30:00Z",
                     [("AMBIGUOUS_TIME", "start", "2027-04-03T14:45:00Z", "2027-04-03T15:15:00Z")],
                     id="a change of half an hour"),
        pytest.param("Europe/Berlin", "2027-03-28T00:00", "2027-03-29T00:00", "2027-03-27T23:00:00Z",
                     "2027-03-28T22:00:00Z", [], id="a day of 23 hours"),
    ],
)  # fmt: skip
def test_interval(
    zone: str, start: str, end: str, start_utc: str, end_utc: str | None, choices: list[tuple[str, ...]]
) -> None:
    def read() -> tuple[str, str, list[tuple[str, ...]]]:
        stretch = interval(datetime.fromisoformat(start), datetime.fromisoformat(end), ZoneInfo(zone))
        found: list[tuple[str, ...]] = [
            (c.code, c.field, utc_text(c.chosen), utc_text(c.other)) for c in stretch.choices
        ]
        return utc_text(stretch.start), utc_text(stretch.end), found

    if end_utc is None:
        with pytest.raises(EmptyIntervalError):
            read()
    else:
        assert read() == (start_utc, end_utc, choices)


@pytest.mark.parametrize(
    ("start", "minutes", "start_utc", "end_utc", "choices"),
    [
        pytest.param("2027-03-28T02:30", 60, "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z", 0, id="over the gap"),
        pytest.param("2027-03-28T03:30", 60, "2027-03-28T01:30:00Z", "2027-03-28T02:30:00Z", 1, id="from the gap on"),
        pytest.param("2026-10-25T03:30", 60, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", 1, id="the first of two"),
        pytest.param("2027-01-11T08:00", 0, None, None, 0, id="no length"),
    ],
)
def test_a_length_is_elapsed_time(
    start: str, minutes: int, start_utc: str | None, end_utc: str | None, choices: int
) -> None:
    arguments = datetime.fromisoformat(start), timedelta(minutes=minutes), ZoneInfo("Europe/Helsinki")
    if start_utc is None:
        with pytest.raises(EmptyIntervalError):
            interval_of_length(*arguments)
        return
    found = interval_of_length(*arguments)
    assert (utc_text(found.start), utc_text(found.end), len(found.choices)) == (start_utc, end_utc, choices)


@pytest.mark.parametrize(
    ("local", "instant"),
    [("2027-01-11T08:00", "2027-01-11T06:00:00Z"), ("2027-03-28T03:30", None), ("2026-10-25T03:30", None)],
)
def test_only_an_ordinary_time_has_one_instant(local: str, instant: str | None) -> None:
    found = only_instant(datetime.fromisoformat(local), ZoneInfo("Europe/Helsinki"))
    assert (found and utc_text(found)) == instant
