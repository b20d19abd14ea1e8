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
from functions.schedule_import.reading.segments import Reading
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
    for seed in range(3):
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
