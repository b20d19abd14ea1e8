"""Vendors' files in other shapes than the samples: what the vendor's documents allow is read, too."""

import json
from typing import Any

import pytest

from functions.schedule_import.decide.scope import home_zone
from functions.schedule_import.reading.segments import Reading
from tests.unit.functions.schedule_import.reading import read, site_profile

HELSINKI = "Europe/Helsinki"


def said(reading: Reading) -> list[tuple[str, str, str, str]]:
    """Agent, start and end in UTC, activity."""
    return [
        (each.agent, f"{each.start:%d.%m. %H:%M}", f"{each.end:%d.%m. %H:%M}", each.activity)
        for each in reading.segments
    ]


# -------------------------------------------------------------------------------------------------- Genesys Cloud

CALLS = {"activityCodeId": "0", "startDate": "2027-03-21T22:30:00Z", "lengthMinutes": 60}
GENESYS_AGENT = {"user": {"id": "u-1"}, "shifts": [{"activities": [CALLS]}]}
GENESYS = {
    "businessUnitTimeZone": HELSINKI,
    "weekDate": "2027-03-22",
    "activityCodes": [{"id": "0", "name": "Voice Queue"}],
    "agentSchedules": [GENESYS_AGENT],
}


def test_a_genesys_week_is_one_of_the_business_unit() -> None:
    profile = site_profile("genesys-cloud")
    reading = read(json.dumps(GENESYS), profile, "week.json")
    assert home_zone(reading, profile) == HELSINKI


def test_a_site_may_name_an_activity_by_its_code() -> None:
    profile = site_profile("genesys-cloud", activities={"0": {"name": "Chat", "assignable": True}})
    (segment,) = read(json.dumps(GENESYS), profile, "week.json").segments
    assert segment.activity == "0"


# --------------------------------------------------------------------------------------------------------- Kronos


def kronos(items: str, **other: Any) -> Reading:
    """What a schedule of one person with these items says."""
    data = (
        '<Response Status="Success" Action="Load"><Schedule QueryDateSpan="3/22/2027-3/28/2027">'
        f"<ScheduleItems>{items}</ScheduleItems></Schedule></Response>"
    )
    return read(data, site_profile("kronos", timeZone=HELSINKI, **other), "week.xml")


PERSON = '<Employee><PersonIdentity PersonNumber="00017"/></Employee>'


def kronos_shift(*segments: str) -> str:
    lines = "".join(
        f'<ShiftSegment StartDate="3/26/2027" StartTime="8:00AM" EndDate="3/26/2027" EndTime="9:00AM" {each}/>'
        for each in segments
    )
    return f'<ScheduleShift StartDate="3/26/2027">{PERSON}<ShiftSegments>{lines}</ShiftSegments></ScheduleShift>'


@pytest.mark.parametrize(
    ("segment", "activities", "activity"),
    [
        ('SegmentTypeName="BREAK"', {}, "BREAK"),
        ('SegmentTypeName="REGULAR" OrgJobPath=""', {}, "REGULAR"),
        ('SegmentTypeName="REGULAR" OrgJobPath="Nord/Desk/"', {}, "Desk"),
        ('OrgJobPath="Nord/Desk"', {"nord/desk": {"name": "Chat", "assignable": True}}, "Nord/Desk"),
        ('OrgJobPath="Nord/Desk"', {"Desk": {"name": "Chat", "assignable": True}}, "Desk"),
    ],
)
def test_a_segment_of_kronos_without_a_job_is_known_by_its_type(
    segment: str, activities: dict[str, Any], activity: str
) -> None:
    reading = kronos(kronos_shift(segment), activities=activities)
    assert [each.activity for each in reading.segments] == [activity]


@pytest.mark.parametrize(
    ("edit", "stretch"),
    [
        ('AmountInTime="7.5" DisplayTime="9:00AM"', ("26.03. 07:00", "26.03. 14:30")),
        ('AmountInTime="7:30" DisplayTime="09:00"', ("26.03. 07:00", "26.03. 14:30")),
        ('AmountInTime="8:00" DisplayTime="00:00"', ("25.03. 22:00", "26.03. 22:00")),
    ],
)
def test_a_pay_code_edit_of_kronos(edit: str, stretch: tuple[str, str]) -> None:
    item = f'<SchedulePayCodeEdit StartDate="3/26/2027" PayCodeName="Sick" {edit}>{PERSON}</SchedulePayCodeEdit>'
    assert said(kronos(item)) == [("00017", *stretch, "Sick")]
