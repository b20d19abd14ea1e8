"""Files of every delimited layout, written apart from the app, are read exactly: as they stand, and as a site has them.

500 rows each, around both nights of the year on which the clock of the zone changes.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.schedule_import.decide.activities import activity
from functions.schedule_import.profile import ScheduleProfile, builtin_names, builtin_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.segments import Reading
from tests.unit.functions.schedule_import.reading import file_of, seeds_of, site_profile
from tests.unit.functions.schedule_import.written_schedules import LAYOUTS, ZONES, Writer, Written

WORDS = {"Télé": "Voice Queue", "Pause": "Break", "Büro, 2": "Back Office", "Chat": "Chat", 'Kurs "A"': "Training"}
ROWS = 500


def said_by(reading: Reading, profile: ScheduleProfile) -> dict[int, list[tuple[object, ...]]]:
    said: dict[int, list[tuple[object, ...]]] = {}
    for each in reading.segments:
        times = (each.start.replace(tzinfo=None), each.end.replace(tzinfo=None))
        said.setdefault(each.row, []).append((each.agent, *times, activity(each.activity, profile).name))
    return said


def check(written: Written, profile: ScheduleProfile, words: dict[str, str]) -> None:
    companion = file_of(written.companion, "shift_task.csv") if written.companion else None
    reading = read_schedule(file_of(written.data, "shift.csv"), profile, companion)
    assert said_by(reading, profile) == {
        line: [(*rest, words.get(word, word)) for *rest, word in rows] for line, rows in written.said.items()
    }
    assert {(each.row, each.code) for each in reading.skipped} == {(line, "END_BEFORE_START") for line in written.bad}
    assert sum(int(each.value or 0) for each in reading.issues if each.code == "DAY_OFF_ROWS") == written.off
    assert len(written.said) + len(written.bad) + written.off == reading.rows == ROWS


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", LAYOUTS)
def test_a_file_is_read_exactly(case: str, zone: str) -> None:
    name, write, _ = LAYOUTS[case]
    for seed in seeds_of(zone, renamed=False):
        written = write(Writer(seed, ZONES[zone], {}, ["Chat", "Voice Queue", "Lunch"]), ROWS)
        check(written, site_profile(name, timeZone=zone), {})


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", LAYOUTS)
def test_a_file_is_read_exactly_by_a_site_that_renames_columns_and_activities(case: str, zone: str) -> None:
    name, write, columns = LAYOUTS[case]
    renamed = {column: f"{column} (Spalte {number})" for number, column in enumerate(columns)}
    said: dict[str, Any] = {
        "timeZone": zone,
        "columns": renamed,
        "activities": {word: {"name": meaning, "assignable": False} for word, meaning in WORDS.items()},
    }
    for seed in seeds_of(zone, renamed=True):
        written = write(Writer(seed, ZONES[zone], renamed, list(WORDS)), ROWS)
        words = WORDS | {word.replace('"', ""): word.replace('"', "") for word in WORDS if '"' in word}
        check(written, site_profile(name, **said), words)


def test_every_delimited_layout_is_among_them() -> None:
    delimited = {name for name in builtin_names() if builtin_profile(name).format.kind == "delimited"}
    assert {name for name, *_ in LAYOUTS.values()} == delimited - {"deputy"}


@pytest.mark.parametrize("zone", ZONES)
def test_the_zones_as_written_down_are_those_of_the_database(zone: str) -> None:
    start, written, real = datetime.fromisoformat("2026-08-01"), ZONES[zone], ZoneInfo(zone)
    for hours in range(24 * 480):
        local = start + timedelta(hours=hours, minutes=hours % 60)
        instants = written.instants(local)
        assert instants[0] == local.replace(tzinfo=real).astimezone(UTC).replace(tzinfo=None)
        assert instants[-1] == local.replace(tzinfo=real, fold=1).astimezone(UTC).replace(tzinfo=None)
