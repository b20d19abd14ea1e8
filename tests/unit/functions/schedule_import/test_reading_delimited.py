"""Every delimited sample is read exactly as its expected result says; hostile files end as their README says."""

import json
from datetime import UTC
from typing import Any

import pytest

from functions.schedule_import.decide.activities import activity
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from shared.dataverse.tables import utc_text
from tests.unit.functions.schedule_import.reading import SAMPLES, read, site_profile

BERLIN, HELSINKI = {"timeZone": "Europe/Berlin"}, {"timeZone": "Europe/Helsinki"}
SAMPLE_PROFILES = {
    "nice_iex_agentScheduleDetail_110226_0615.txt": site_profile("nice-iex"),
    "talkdesk_wfm_team_schedule_report_20270320.csv": site_profile("talkdesk", **HELSINKI),
    "amgtime_excel-de_cp1252_semicolon.csv": site_profile("amgtime-csv", **BERLIN),
    "insightful_scheduled_shifts.csv": site_profile("insightful"),
    "openschichtplaner5_abwesenheiten.csv": site_profile("openschichtplaner5-absences", **BERLIN),
}
# What only Dynamics and the activities can say is not known to the reader.
JUDGED_LATER = {"UNKNOWN_AGENT", "DISABLED_USER", "AMBIGUOUS_AGENT", "DUPLICATE", "UNKNOWN_ACTIVITY", "OVERLAP"}


def sample(name: str) -> tuple[Reading, dict[str, Any], ScheduleProfile]:
    expected = json.loads((SAMPLES / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    return read((SAMPLES / name).read_bytes(), SAMPLE_PROFILES[name], name), expected, SAMPLE_PROFILES[name]


@pytest.mark.parametrize("name", SAMPLE_PROFILES)
def test_every_row_of_a_sample_becomes_its_expected_segment(name: str) -> None:
    reading, expected, profile = sample(name)
    assert [
        (each.agent, utc_text(each.start), utc_text(each.end), activity(each.activity, profile).name)
        for each in reading.segments
    ] == [(each["identityUsed"], each["startUtc"], each["endUtc"], each["activity"]) for each in expected["segments"]]
    assert [activity(each.activity, profile).assignable for each in reading.segments] == [
        each["assignable"] for each in expected["segments"]
    ]
    assert reading.skipped == []
    assert reading.protected == []
    assert {each.start.tzinfo for each in reading.segments} == {UTC}


@pytest.mark.parametrize("name", SAMPLE_PROFILES)
def test_every_issue_of_a_sample_is_reported(name: str) -> None:
    reading, expected, _ = sample(name)
    order = {segment.row: number for number, segment in enumerate(reading.segments)}
    found = [
        {
            "code": each.code,
            "order": order.get(each.row),
            "field": each.field,
            "chosenUtc": each.chosen_utc and utc_text(each.chosen_utc),
            "otherUtc": each.other_utc and utc_text(each.other_utc),
            "count": each.value and int(each.value),
        }
        for each in reading.issues
    ]
    assert [{key: value for key, value in each.items() if value is not None} for each in found] == [
        each for each in expected["issues"] if each["code"] not in JUDGED_LATER
    ]


def test_the_shift_date_and_the_stamp_of_a_nice_file() -> None:
    reading, _, _ = sample("nice_iex_agentScheduleDetail_110226_0615.txt")
    assert reading.stamp is not None
    assert utc_text(reading.stamp) == "2026-11-02T06:15:00Z"
    night = [each for each in reading.segments if each.agent == "4102"]
    assert {each.shift_date and each.shift_date.isoformat() for each in night} == {"2026-10-31"}


def test_days_off_name_their_agents_and_days() -> None:
    reading, _, _ = sample("amgtime_excel-de_cp1252_semicolon.csv")
    assert {(each.agent, each.day and each.day.isoformat()) for each in reading.days_without_work} == {
        (agent, "2027-03-28") for agent in ("00017", "00023", "00031", "00044")
    }


# ------------------------------------------------------------------------------------------------------ hostile


def hostile(name: str, profile: ScheduleProfile) -> Reading:
    return read((SAMPLES / "hostile" / name).read_bytes(), profile, name)


def test_a_header_alone_is_a_reading_without_rows() -> None:
    reading = hostile("header_only.csv", site_profile("talkdesk", **HELSINKI))
    assert (reading.rows, reading.segments, reading.skipped) == (0, [], [])


def test_a_header_alone_needs_a_zone_all_the_same() -> None:
    with pytest.raises(UnreadableFileError, match=r"set timeZone in config/schedule-profiles/talkdesk\.json"):
        hostile("header_only.csv", site_profile("talkdesk"))


@pytest.mark.parametrize("extends", ["talkdesk", "nice-iex", "switchboard-csv", "amgtime-csv"])
def test_an_empty_file_is_refused(extends: str) -> None:
    with pytest.raises(UnreadableFileError, match="the file is empty"):
        hostile("zero_bytes.csv", site_profile(extends, **HELSINKI))


def test_another_table_is_refused_with_the_columns_that_it_lacks() -> None:
    says = "lacks Agent Id, Event Type Name, Event Start Time, Event End Time; it has 'Name', 'Phone', 'City'"
    with pytest.raises(UnreadableFileError, match=says):
        hostile("wrong_columns.csv", site_profile("talkdesk", **HELSINKI))


def test_formulas_in_a_comment_are_no_harm() -> None:
    reading = hostile("formula_cells.csv", site_profile("hrnest", **HELSINKI))
    assert [(each.agent.partition("@")[0], utc_text(each.start), utc_text(each.end)) for each in reading.segments] == [
        ("asa.lindqvist", "2027-03-26T06:00:00Z", "2027-03-26T14:00:00Z"),
        ("jurgen.weiss", "2027-03-26T06:00:00Z", "2027-03-26T14:00:00Z"),
    ]


def test_each_row_that_cannot_be_meant_is_reported_with_its_line() -> None:
    reading = hostile("end_before_start_dated.csv", site_profile("hrnest", **HELSINKI))
    assert [(each.row, each.code, each.column) for each in reading.skipped] == [
        (2, "END_BEFORE_START", "TimeTo"),
        (3, "END_BEFORE_START", "TimeTo"),
        (4, "TOO_LONG", "TimeTo"),
        (5, "BAD_TIME", "TimeFrom"),
    ]
    assert reading.segments == []
    assert [each.day and each.day.isoformat() for each in reading.protected] == ["2027-03-26"] * 3 + [None]
