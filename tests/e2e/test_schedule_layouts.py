"""Every vendor's sample file ends as exactly its expected segments; every hostile file is refused, held or neutralised.

Through the blob trigger, into Dynamics. What is expected stands in local/samples/wfm/expected and its README.
"""

import json
from collections import Counter
from typing import Any

import pytest

from tests.e2e.doors import SAMPLES, Stack, wait_for

AGENTS = {agent["key"]: agent for agent in json.loads((SAMPLES / "agents.json").read_text(encoding="utf-8"))["agents"]}
PROFILES = {
    "nice_iex_agentScheduleDetail_110226_0615.txt": ("nice-iex", {}),
    "talkdesk_wfm_team_schedule_report_20270320.csv": ("talkdesk", {"timeZone": "Europe/Helsinki"}),
    "genesys_cloud_wfm_schedule_2027w12.json": ("genesys-cloud", {}),
    "kronos_wfc_schedule_20270322.xml": ("kronos", {"timeZone": "Europe/Helsinki"}),
    "ical_asa.lindqvist@nordic-care.example.ics": ("icalendar", {}),
    "amgtime_excel-de_cp1252_semicolon.csv": ("amgtime-csv", {"timeZone": "Europe/Berlin"}),
    "insightful_scheduled_shifts.csv": ("insightful", {}),
    "openschichtplaner5_abwesenheiten.csv": ("openschichtplaner5-absences", {"timeZone": "Europe/Berlin"}),
}
UNWRITABLE = {"UNKNOWN_AGENT", "DISABLED_USER", "AMBIGUOUS_AGENT", "UNKNOWN_ACTIVITY"}
HOSTILE = SAMPLES / "hostile"


def expected_of(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLES / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def configure(stack: Stack, profile: str, **site: Any) -> None:
    if site:
        stack.write_config(f"schedule-profiles/{profile}.json", {"extends": profile, **site})


def landed(stack: Stack) -> Counter[tuple[Any, ...]]:
    users = {user["systemuserid"]: user["internalemailaddress"] for user in stack.rows("systemusers")}
    expand = (
        "Resource($select=_userid_value),msdyn_shiftactivitytype($select=msdyn_name,msdyn_shiftassignmentstatus),"
        "BookingStatus($select=status)"
    )
    rows = stack.rows("bookableresourcebookings", **{"$expand": expand})
    assert all(row["BookingStatus"]["status"] == 2 for row in rows)
    return Counter(
        (users[row["Resource"]["_userid_value"]], row["starttime"], row["endtime"], row["duration"],
         row["msdyn_shiftactivitytype"]["msdyn_name"],
         row["msdyn_shiftactivitytype"]["msdyn_shiftassignmentstatus"] == 192350000)
        for row in rows
    )  # fmt: skip


@pytest.mark.parametrize("name", PROFILES)
def test_a_sample_ends_as_exactly_its_expected_segments(stack: Stack, name: str) -> None:
    profile, site = PROFILES[name]
    configure(stack, profile, **site)
    expected = expected_of(name)
    report = stack.drop(profile, (SAMPLES / name).read_bytes(), name)
    unwritable = {issue["order"] for issue in expected["issues"] if issue["code"] in UNWRITABLE and "order" in issue}
    wanted = Counter(
        (AGENTS[one["agentKey"]]["email"], one["startUtc"], one["endUtc"], one["minutes"], one["activity"],
         one["assignable"])
        for one in expected["segments"]
        if one["order"] not in unwritable and not one.get("duplicate")
    )  # fmt: skip
    assert landed(stack) == wanted
    assert (report["status"], report["segments"]) == ("imported", expected["counts"]["rows"])
    assert report["created"] == wanted.total()
    codes = Counter(issue["code"] for issue in report["issues"])
    expected_codes = Counter(issue["code"] for issue in expected["issues"])
    # Each segment is compared with the next one only, so an importer may report more pairs (samples README).
    assert codes.pop("OVERLAP", 0) >= expected_codes.pop("OVERLAP", 0)
    assert codes == expected_codes
    choices = {
        (issue["code"], issue["field"], issue["chosenUtc"], issue["otherUtc"])
        for issue in expected["issues"]
        if "chosenUtc" in issue
    }
    assert choices == {
        (issue["code"], issue["field"], issue["chosenUtc"], issue["otherUtc"])
        for issue in report["issues"]
        if "chosenUtc" in issue
    }


def test_a_file_without_rows_is_held_until_a_person_approves_it(stack: Stack) -> None:
    configure(stack, "talkdesk", timeZone="Europe/Helsinki")
    stack.drop("talkdesk", (SAMPLES / "talkdesk_wfm_team_schedule_report_20270320.csv").read_bytes())
    before = landed(stack)
    report = stack.drop("talkdesk", (HOSTILE / "header_only.csv").read_bytes(), "header_only.csv")
    assert report["status"] == "held"
    assert any("EMPTY_FILE" in reason for reason in report["reasons"])
    assert landed(stack) == before
    answer = stack.command("talkdesk/header_only.csv", "approve")
    assert (answer["status"], answer["removed"]) == ("imported", 0)
    wait_for(lambda: stack.read_blob("schedules", "talkdesk/header_only.csv") is None, "the file's filing")


@pytest.mark.parametrize(
    ("name", "profile", "says"),
    [
        pytest.param("zero_bytes.csv", "talkdesk", "empty", id="no bytes"),
        pytest.param("wrong_columns.csv", "talkdesk", "Agent Id", id="no schedule"),
        pytest.param("xml_entity.xml", "kronos", "DTD", id="entities"),
    ],
)
def test_what_is_no_schedule_is_refused(stack: Stack, name: str, profile: str, says: str) -> None:
    configure(stack, profile, timeZone="Europe/Helsinki")
    written = stack.records_written()
    report = stack.drop(profile, (HOSTILE / name).read_bytes(), name)
    assert report["status"] == "rejected"
    assert says in report["reasons"][0]
    assert stack.records_written() == written
    wait_for(lambda: stack.read_blob("schedules", f"{profile}/{name}") is None, "the file's filing")


def test_formulas_in_a_file_stay_text(stack: Stack) -> None:
    configure(stack, "hrnest", timeZone="Europe/Helsinki")
    report = stack.drop("hrnest", (HOSTILE / "formula_cells.csv").read_bytes(), "formula_cells.csv")
    assert (report["status"], report["created"]) == ("imported", 2)
    assert landed(stack) == Counter(
        (email, "2027-03-26T06:00:00Z", "2027-03-26T14:00:00Z", 480, "Work", True)
        for email in ("asa.lindqvist@nordic-care.example", "jurgen.weiss@nordic-care.example")
    )


def test_rows_that_end_before_they_start_come_back_with_reasons(stack: Stack) -> None:
    configure(stack, "hrnest", timeZone="Europe/Helsinki")
    report = stack.drop("hrnest", (HOSTILE / "end_before_start_dated.csv").read_bytes(), "bad.csv")
    assert [skip["row"] for skip in report["skipped"]] == [2, 3, 4, 5]
    assert report["created"] == 0
    assert sum(landed(stack).values()) == 0
    back = (stack.read_blob("schedule-reports", "hrnest/bad.csv.rejected.csv") or b"").decode()
    assert len(back.strip().splitlines()) == 5
    assert back.splitlines()[0].endswith(",reason")


def test_mended_rows_dropped_again_add_themselves_only(stack: Stack) -> None:
    configure(stack, "hrnest", timeZone="Europe/Helsinki")
    lines = [
        "UserId,Login,IdNumber,TimeFrom,TimeTo,BreakMinutes,Comment,CommentOnly",
        ",asa.lindqvist@nordic-care.example,,2027-03-26T08:00,2027-03-26T16:00,30,,false",
        ",jurgen.weiss@nordic-care.example,,2027-03-26T08:00,2027-03-26T07:00,30,=1+1,false",
    ]
    stack.drop("hrnest", "\n".join(lines).encode(), "week.csv")
    back = stack.read_blob("schedule-reports", "hrnest/week.csv.rejected.csv") or b""
    assert b"'=1+1" in back
    report = stack.drop("hrnest", back.replace(b"2027-03-26T07:00", b"2027-03-26T17:00"), "week.csv.rejected.csv")
    assert (report["status"], report["created"], report["removed"]) == ("imported", 1, 0)
    assert sum(landed(stack).values()) == 2
