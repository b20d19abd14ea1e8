"""Every layout in JSON, XML, XLSX and iCalendar is read exactly: vendors' samples, and drawn files of 500 rows."""

import io
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from functions.schedule_import.profile import ScheduleProfile, SiteProfile, builtin_profile, resolve_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from tests.unit.functions.schedule_import.reading import seeds_of
from tests.unit.functions.schedule_import.vendor_documents import LAYOUTS, NAMES, ZONES, Expected, File

SAMPLES = Path(__file__).parents[4] / "local" / "samples" / "wfm"
SAMPLE_FILES = {
    "genesys_cloud_wfm_schedule_2027w12.json": ("genesys-cloud", {}),
    "kronos_wfc_schedule_20270322.xml": ("kronos", {"timeZone": "Europe/Helsinki"}),
    "ical_asa.lindqvist@nordic-care.example.ics": ("icalendar", {}),
}


def profile_of(name: str, site: dict[str, Any]) -> ScheduleProfile:
    return resolve_profile(name, SiteProfile.model_validate({"extends": name, **site}) if site else None)


def read(name: str, data: bytes, profile: ScheduleProfile) -> Reading:
    return read_schedule(FileContent(name, io.BytesIO(data)), profile)


def said(reading: Reading) -> list[Expected]:
    return [(item.agent, item.start, item.end, item.activity) for item in reading.segments]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("name", SAMPLE_FILES)
def test_a_sample_becomes_its_expected_segments_in_order(name: str) -> None:
    layout, site = SAMPLE_FILES[name]
    expected = json.loads((SAMPLES / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    reading = read(name, (SAMPLES / name).read_bytes(), profile_of(layout, site))
    assert said(reading) == [
        (item["identityUsed"], moment(item["startUtc"]), moment(item["endUtc"]), item["activity"])
        for item in expected["segments"]
    ]
    reported = Counter((issue.code, issue.field, issue.chosen_utc, issue.other_utc) for issue in reading.issues)
    assert reported == Counter(
        (
            item["code"],
            item.get("field"),
            moment(item["chosenUtc"]) if "chosenUtc" in item else None,
            moment(item["otherUtc"]) if "otherUtc" in item else None,
        )
        for item in expected["issues"]
        # The others are said of the agents and activities of Dynamics.
        if item["code"] not in ("UNKNOWN_AGENT", "UNKNOWN_ACTIVITY")
    )


def test_kronos_says_who_was_asked_for_and_for_which_dates() -> None:
    name = "kronos_wfc_schedule_20270322.xml"
    reading = read(name, (SAMPLES / name).read_bytes(), profile_of(*SAMPLE_FILES[name]))
    assert [agent for agent, _ in reading.listed_agents] == [
        "00017", "00023", "00031", "00044", "00058", "00062", "00099"
    ]  # fmt: skip
    assert reading.window is not None
    assert [day.isoformat() for day in reading.window] == ["2027-03-22", "2027-03-29"]
    assert len(reading.removed) == 6


def generated(layout: str, zone: str, seed: int, *, renamed: bool) -> tuple[File, ScheduleProfile]:
    names = NAMES[layout] if renamed else {}
    file = LAYOUTS[layout](seed, zone, names)
    site = dict(file.site)
    if renamed:
        site |= {
            "columns": names,
            "timeZone": zone,
            "activities": {"Inbound": {"name": "Voice Queue", "assignable": True}, "MEAL": {"assignable": False}},
        }
    return file, profile_of(layout, site)


@pytest.mark.parametrize("renamed", [False, True], ids=["documented names", "a site's names"])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_drawn_files_are_read_exactly(layout: str, zone: str, renamed: bool) -> None:
    for seed in seeds_of(zone, renamed=renamed):
        file, profile = generated(layout, zone, seed, renamed=renamed)
        reading = read(file.name, file.data, profile)
        assert Counter(said(reading)) == Counter(file.expected), f"seed {seed}"
        assert [skip for skip in reading.skipped if skip.code.startswith(("BAD", "MISSING", "END", "TOO", "UNK"))] == []
        assert len(file.expected) >= 300


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_built_in_names_no_agent_zone_or_date_of_a_site(layout: str) -> None:
    profile = builtin_profile(layout)
    assert profile.time_zone is None
    assert profile.site_zones == {}
    assert profile.activities == {}
    assert profile.scope.agents == "file"
    assert profile.identity


@pytest.mark.parametrize("layout", ["blue-yonder", "kronos", "amgtime-grid", "ukg-template"])
def test_a_layout_of_local_times_needs_a_zone(layout: str) -> None:
    file = LAYOUTS[layout](1, "Europe/Helsinki", {})
    site = {key: value for key, value in file.site.items() if key not in ("timeZone", "siteZones")}
    with pytest.raises(UnreadableFileError, match="names no time zone and the profile fixes none"):
        read(file.name, file.data, profile_of(layout, site))


def document_of(layout: str) -> tuple[dict[str, Any], ScheduleProfile]:
    seed = next(seed for seed in range(9) if LAYOUTS[layout](seed, "Europe/Helsinki", {}).data.startswith(b"{"))
    file = LAYOUTS[layout](seed, "Europe/Helsinki", {})
    return json.loads(file.data), profile_of(layout, file.site)


def test_an_unpublished_genesys_schedule_is_not_committed() -> None:
    document, profile = document_of("genesys-cloud")
    reading = read("x.json", json.dumps(document | {"published": False}).encode(), profile)
    assert reading.segments == []
    assert {skip.code for skip in reading.skipped} == {"NOT_COMMITTED"}


def test_a_genesys_agent_without_shifts_is_listed_and_the_week_is_the_window() -> None:
    document, profile = document_of("genesys-cloud")
    document["agentSchedules"].append({"user": {"id": "idle"}, "shifts": [], "fullDayTimeOffMarkers": []})
    reading = read("x.json", json.dumps(document | {"weekDate": "2026-10-19"}).encode(), profile)
    assert ("idle", "genesysId") in reading.listed_agents
    assert reading.window is not None
    assert [day.isoformat() for day in reading.window] == ["2026-10-19", "2026-10-25"]


def test_a_failed_kronos_query_is_refused() -> None:
    data = b'<Response Status="Failure" Action="Load"><Error Message="x"/></Response>'
    with pytest.raises(UnreadableFileError, match="Status is not Success"):
        read("x.xml", data, profile_of("kronos", {"timeZone": "Europe/Helsinki"}))


def test_a_page_of_graph_shifts_is_no_schedule() -> None:
    document, profile = document_of("ms-graph-shifts")
    with pytest.raises(UnreadableFileError, match="one page of an answer that goes on"):
        read("x.json", json.dumps(document | {"@odata.nextLink": "https://x"}).encode(), profile)


def test_graph_drafts_and_staged_deletions_say_so() -> None:
    shift = {"startDateTime": "2027-03-22T06:00:00Z", "endDateTime": "2027-03-22T14:00:00Z"}
    rows = [
        {"userId": "a", "sharedShift": None, "draftShift": shift},
        {"userId": "b", "sharedShift": shift, "isStagedForDeletion": True},
        {"userId": "c", "sharedShift": shift | {"activities": []}, "draftShift": shift | {"displayName": "other"}},
        {"userId": "d", "sharedShift": {"startDateTime": "2027-03-22T06:00:00Z"}},
    ]
    reading = read("x.json", json.dumps({"value": rows}, indent=1).encode(), profile_of("ms-graph-shifts", {}))
    assert [(item.agent, item.activity) for item in reading.segments] == [("c", "Work")]
    assert [skip.code for skip in reading.skipped] == ["NOT_COMMITTED", "DELETED_IN_SOURCE", "MISSING_VALUE"]
    assert [item.agent for item in reading.removed] == ["b"]


def test_dayforce_times_with_an_offset_are_what_they_say_unless_the_site_knows_better() -> None:
    row = {"EmployeeXRefCode": "a", "TimeStart": "2027-03-22T08:00:00Z", "TimeEnd": "2027-03-22T16:00:00Z"}
    data = json.dumps({"Data": [row]}).encode()
    assert [item.start.hour for item in read("x.json", data, profile_of("dayforce", {})).segments] == [8]
    local = profile_of("dayforce", {"timeZone": "Europe/Helsinki", "times": {"ignoreOffset": True}})
    assert [item.start.hour for item in read("x.json", data, local).segments] == [6]


def test_a_dayforce_shift_of_nobody_is_open_and_all_of_nobody_are_of_another_layout() -> None:
    times = {"TimeStart": "2027-03-22T08:00:00Z", "TimeEnd": "2027-03-22T16:00:00Z"}
    rows = [times, times | {"EmployeeXRefCode": "a"}]
    reading = read("x.json", json.dumps({"Data": rows}).encode(), profile_of("dayforce", {}))
    assert [skip.code for skip in reading.skipped] == ["OPEN_SHIFT"]
    assert (len(reading.segments), reading.protected) == (1, [])
    with pytest.raises(UnreadableFileError, match="no row names an agent in EmployeeXRefCode"):
        read("x.json", json.dumps({"Data": rows[:1]}).encode(), profile_of("dayforce", {}))


def test_rows_that_ukg_does_not_roll_out_leave_their_employee_alone() -> None:
    file = LAYOUTS["ukg-template"](1, "Europe/Helsinki", {})
    reading = read(file.name, file.data, profile_of("ukg-template", file.site))
    kept = {day.agent for day in reading.protected}
    assert kept == {"00003", "00014", "00025", "00036"}
    assert not kept & {day.agent for day in reading.days_without_work}
    assert Counter(skip.code for skip in reading.skipped) == {"NO_SHIFT": 4, "OPEN_SHIFT": 3}


def test_an_unknown_shift_template_is_reported_with_its_cell() -> None:
    file = LAYOUTS["ukg-template"](1, "Europe/Helsinki", {})
    site = file.site | {"templates": {key: value for key, value in file.site["templates"].items() if key != "N"}}
    reading = read(file.name, file.data, profile_of("ukg-template", site))
    unknown = [skip for skip in reading.skipped if skip.code == "UNKNOWN_TEMPLATE"]
    assert unknown
    assert all(skip.column and skip.column[-1].isdigit() for skip in unknown)


def test_a_ukg_file_whose_name_has_no_date_is_refused() -> None:
    file = LAYOUTS["ukg-template"](1, "Europe/Helsinki", {})
    with pytest.raises(UnreadableFileError, match="first day of the grid"):
        read("plan.xlsx", file.data, profile_of("ukg-template", file.site))
    fixed = profile_of("ukg-template", file.site | {"startDate": "2027-03-01"})
    assert min(item.start for item in read("plan.xlsx", file.data, fixed).segments).month in (2, 3)
