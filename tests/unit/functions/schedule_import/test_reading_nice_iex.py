"""The nice-iex sample is read exactly as its expected result says."""

import json
from pathlib import Path

from functions.schedule_import.profile import builtin_profile
from functions.schedule_import.reading.reader import read_schedule
from shared.dataverse.tables import utc_text

SAMPLES = Path(__file__).parents[4] / "local" / "samples" / "wfm"
NAME = "nice_iex_agentScheduleDetail_110226_0615.txt"
READING = read_schedule((SAMPLES / NAME).read_bytes(), builtin_profile("nice-iex"))
EXPECTED = json.loads((SAMPLES / "expected" / f"{NAME}.json").read_text(encoding="utf-8"))


def test_every_row_becomes_its_expected_segment() -> None:
    read = [(item.agent, utc_text(item.start), utc_text(item.end), item.activity) for item in READING.segments]
    expected = [
        (item["identityUsed"], item["startUtc"], item["endUtc"], item["activity"]) for item in EXPECTED["segments"]
    ]
    assert read == expected
    assert READING.rows == EXPECTED["counts"]["rows"]
    assert READING.skipped == []


def test_each_choice_on_the_night_with_an_hour_twice_is_reported_with_both_instants() -> None:
    read = [
        (READING.segments.index(next(s for s in READING.segments if s.row == item.row)), item.code, item.field,
         item.chosen_utc and utc_text(item.chosen_utc), item.other_utc and utc_text(item.other_utc))
        for item in READING.issues
    ]  # fmt: skip
    expected = [
        (item["order"], item["code"], item["field"], item["chosenUtc"], item["otherUtc"])
        for item in EXPECTED["issues"]
        if item["code"] in {"AMBIGUOUS_TIME", "NONEXISTENT_TIME"}
    ]
    assert read == expected
