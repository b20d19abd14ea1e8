"""What a file speaks for, what it may not take away, and files that belong together: told through real parts."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from functions.schedule_import.containers import INBOX, REPORTS
from functions.schedule_import.decide.coverage import Gap
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case.sweeping import settle_poison
from shared import retry
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import UnavailableError
from tests.integration.site import Site, utc

ASA = "asa.lindqvist@nordic-care.example"
ZOE = "zoe.vanthoff@nordic-care.example"
PAIVI = "paivi.makela@nordic-care.example"
WEEK = "switchboard-csv/week.csv"
HEADER = "agent,start,end,activity,plan,team,status,external_id,time_zone"
FREE = {"maxRemovedShare": 1, "maxAgentsWithoutWorkTomorrow": 1000, "maxAssignableDropShare": 1}


def row(
    agent: str, day: int, hours: str = "08-16", activity: str = "Chat", plan: str = "Team A", status: str = "",
    external_id: str = "",
) -> str:  # fmt: skip
    start, end = hours.split("-")
    last = day + (int(end) <= int(start))
    return (
        f"{agent},2027-01-{day:02}T{start}:00,2027-01-{last:02}T{end}:00,{activity},{plan},,{status},{external_id},"
        "Europe/Helsinki"
    )


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def week(*agents: str, days: range = range(11, 16), **more: Any) -> list[str]:
    return [row(agent, day, **more) for agent in agents for day in days]


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a failure is waited for has tests of its own."""
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str) -> AsyncIterator[Site]:
    made = Site(dataverse, simulator, utc("2027-01-10T12:00:00Z"))
    yield made
    made.close()


async def extend(site: Site, **more: Any) -> None:
    await site.configure("schedule-profiles/switchboard-csv.json", {"extends": "switchboard-csv", **more})


def booked(site: Site) -> set[tuple[str, str]]:
    """Agent (by name of the resource) and start of each booking."""
    names = {one["bookableresourceid"]: one["name"] for one in site.get("bookableresources")}
    return {(names[one["_resource_value"]].split()[0], one["starttime"][5:16]) for one in site.bookings()}


# ------------------------------------------------------------------------------------------------------- scope


async def test_outside_of_its_agents_and_days_a_file_touches_nothing(site: Site) -> None:
    await extend(site, hold=FREE)
    await site.deliver(WEEK, csv(*week(ASA, ZOE, days=range(11, 18))))
    before = booked(site)
    report = await site.deliver("switchboard-csv/one.csv", csv(row(ASA, 12), row(ASA, 13, "10-12")))
    assert (report.created, report.removed, report.unchanged) == (1, 1, 1)
    assert before - booked(site) == {("Åsa", "01-13T06:00")}
    assert booked(site) - before == {("Åsa", "01-13T08:00")}


async def test_an_agent_of_the_profile_without_a_row_ends_with_none(site: Site) -> None:
    await extend(site, hold=FREE, scope={"agents": [ASA, ZOE]})
    await site.deliver(WEEK, csv(*week(ASA, ZOE, PAIVI)))
    report = await site.deliver(WEEK, csv(*week(ASA)))
    assert report.removed == 5
    assert {name for name, _ in booked(site)} == {"Åsa", "Päivi"}


async def test_everybody_of_a_plan_is_in_scope(site: Site) -> None:
    await extend(site, hold=FREE, scope={"agents": {"plan": "Team A"}})
    await site.deliver(WEEK, csv(*week(ASA, ZOE), *week(PAIVI, plan="Team B")))
    report = await site.deliver(WEEK, csv(*week(ASA)))
    assert report.removed == 5
    assert {name for name, _ in booked(site)} == {"Åsa", "Päivi"}


async def test_the_night_shift_at_the_edge_of_two_weeks_stays_whole(site: Site) -> None:
    night = [row(ASA, 17, "22-02"), row(ASA, 18, "02-06")]
    await site.deliver("switchboard-csv/week2.csv", csv(*week(ASA, days=range(18, 22))[1:], row(ASA, 18, "20-22")))
    report = await site.deliver("switchboard-csv/week1.csv", csv(*week(ASA, days=range(11, 16)), *night))
    assert (report.status, report.removed) == ("imported", 0)
    report = await site.deliver("switchboard-csv/week2.csv", csv(*week(ASA, days=range(18, 22))))
    assert report.removed == 1
    assert {("Åsa", "01-17T20:00"), ("Åsa", "01-18T00:00")} <= booked(site)


async def test_a_delta_writes_its_rows_and_takes_away_those_marked(site: Site) -> None:
    await site.configure(
        "schedule-profiles/hr-delta.json",
        {
            "extends": "switchboard-csv",
            "scope": {"mode": "delta"},
            "sources": [
                {
                    "fields": {"agent": "agent", "start": "start", "end": "end", "activity": "activity",
                               "externalId": "external_id", "timeZone": "time_zone"},
                    "required": ["agent", "start", "end", "activity"],
                    "skip": [{"column": "status", "values": ["deleted"], "code": "DELETED_IN_SOURCE"}],
                }
            ],
        },
    )  # fmt: skip
    path = "hr-delta/changes.csv"
    await site.deliver(path, csv(*[row(ASA, day, external_id=f"E{day}") for day in (11, 12, 13)]))
    moved = row(ASA, 12, "10-18", external_id="E12")
    gone = row(ASA, 13, status="deleted", external_id="E13")
    report = await site.deliver(path, csv(moved, gone, row(ASA, 14, external_id="E14")))
    assert (report.status, report.created, report.updated, report.removed) == ("imported", 1, 1, 1)
    assert booked(site) == {("Åsa", "01-11T06:00"), ("Åsa", "01-12T08:00"), ("Åsa", "01-14T06:00")}


async def test_absences_of_another_profile_lie_over_the_shifts_untouched(site: Site) -> None:
    await extend(site, hold=FREE)
    await site.configure("schedule-profiles/absences.json",
                         {"extends": "openschichtplaner5-absences", "timeZone": "Europe/Helsinki"})  # fmt: skip
    await site.deliver(WEEK, csv(*week(ASA)))
    report = await site.deliver("absences/a.csv", "Personalnummer;Datum;Abwesenheitsart\n00017;2027-01-12;Urlaub\n")
    assert (report.created, [issue.code for issue in report.issues]) == (1, ["OVERLAP"])
    report = await site.deliver(WEEK, csv(*week(ASA)[1:]))
    assert ("Åsa", "01-11T22:00") in booked(site)
    assert len(site.bookings()) == 6
    assert not [item for item in report.coverage if type(item).__name__ == "Blocked"]


# -------------------------------------------------------------------------------------------------- protection


async def test_a_bad_row_protects_its_agent_and_day(site: Site) -> None:
    await extend(site, hold=FREE)
    await site.deliver(WEEK, csv(*week(ASA, ZOE)))
    bad = row(ASA, 12).replace("T16:00", "T06:00")
    unknown = row(ZOE, 13, activity="Elternzeit")
    kept = [one for one in week(ASA, ZOE) if "-12T" not in one and "-13T" not in one]
    report = await site.deliver(WEEK, csv(*kept, bad, unknown))
    assert report.protected == 2
    assert booked(site) == {
        *((name, f"01-{day}T06:00") for name in ("Åsa", "Zoë") for day in (11, 14, 15)),
        ("Åsa", "01-12T06:00"), ("Zoë", "01-13T06:00"),
    }  # fmt: skip


async def test_a_row_whose_agent_cannot_be_read_keeps_everything(site: Site) -> None:
    await extend(site, hold=FREE)
    await site.deliver(WEEK, csv(*week(ASA, ZOE)))
    report = await site.deliver(WEEK, csv(*week(ASA, ZOE)[:-3], "only,two"))
    assert (report.removed, report.protected) == (0, 3)
    assert len(site.bookings()) == 10


async def test_removal_by_cancelling_and_the_return_of_a_shift(site: Site) -> None:
    await extend(site, hold=FREE, removal="cancel")
    await site.deliver(WEEK, csv(*week(ASA)))
    report = await site.deliver(WEEK, csv(*week(ASA)[:2], *week(ASA)[3:]))
    assert report.removed == 1
    statuses = {one["bookingstatusid"]: one["status"] for one in site.get("bookingstatuses")}
    by_status = {one["starttime"]: statuses[one["_bookingstatus_value"]] for one in site.bookings()}
    assert by_status.pop("2027-01-13T06:00:00Z") == 3
    assert set(by_status.values()) == {2}
    assert (await site.deliver(WEEK, csv(*week(ASA)[:2], *week(ASA)[3:], row(ZOE, 12)))).removed == 0
    report = await site.deliver(WEEK, csv(*week(ASA)))
    assert (report.created, report.updated) == (0, 1)
    assert {statuses[one["_bookingstatus_value"]] for one in site.bookings()} == {2}


async def test_a_status_that_means_something_else_is_never_bound(site: Site) -> None:
    site.plant("bookingstatuses", [{"bookingstatusid": "7d7c7ba4-0000-4000-8000-000000000011", "name": "Maybe",
                                    "status": 1}])  # fmt: skip
    report = await site.deliver(WEEK, csv(row(ASA, 11, status="maybe"), row(ASA, 12, status="Firm")))
    assert [(skip.row, skip.code) for skip in report.skipped] == [(2, "STATUS_CONFLICT")]
    assert {one["name"]: one["status"] for one in site.get("bookingstatuses")}["Firm"] == 2
    assert len(site.bookings()) == 1


# ------------------------------------------------------------------------------------------------------- holds


async def held(site: Site, data: str) -> str:
    """The file is held with these reasons, and nothing is written."""
    before = booked(site)
    report = await site.deliver("switchboard-csv/second.csv", data)
    assert report.status == "held", report
    assert booked(site) == before
    assert (await site.report("switchboard-csv/second.csv"))["status"] == "held"
    return " ".join(report.reasons)


async def test_a_file_that_empties_one_plan_is_held(site: Site) -> None:
    rows = week(ASA, ZOE, days=range(11, 29))
    small = [row(PAIVI, 20, plan="Team B"), row(PAIVI, 21, "08-12", plan="Team B")]
    await site.deliver(WEEK, csv(*rows, *small))
    reasons = await held(site, csv(*rows, row(PAIVI, 22, plan="Team C")))
    assert "PLAN_EMPTIED" in reasons
    assert "Team B" in reasons


async def test_a_file_that_turns_everything_non_assignable_is_held(site: Site) -> None:
    await site.deliver(WEEK, csv(*week(ASA, ZOE)))
    assert "ASSIGNABLE_DROP" in await held(site, csv(*week(ASA, ZOE, activity="Training")))


async def test_a_file_cut_at_a_row_border_is_held(site: Site) -> None:
    rows = week(ASA, ZOE, PAIVI)
    await site.deliver(WEEK, csv(*rows))
    assert "CUT_SHORT" in await held(site, csv(*rows[:10]))


async def test_a_file_shifted_by_a_week_is_held(site: Site) -> None:
    rows = [
        row(agent, day, f"{hour:02}-{hour + 7:02}") for agent, hour in ((ASA, 8), (ZOE, 11)) for day in (11, 12, 14)
    ]
    later = [
        row(agent, day + 7, f"{hour:02}-{hour + 7:02}") for agent, hour in ((ASA, 8), (ZOE, 11)) for day in (11, 12, 14)
    ]
    await site.deliver(WEEK, csv(*rows))
    assert "SHIFTED" in await held(site, csv(*later))


async def test_agents_who_would_have_no_work_tomorrow_hold_a_file(site: Site) -> None:
    await site.deliver(WEEK, csv(*week(ASA, ZOE, PAIVI)))
    changed = [row(ASA, 11, activity="Vacation"), *week(ASA)[1:], *week(ZOE, PAIVI)]
    reasons = await held(site, csv(*changed))
    assert "NO_WORK_TOMORROW" in reasons
    assert ASA in reasons
    await extend(site, hold={"maxAgentsWithoutWorkTomorrow": 1})
    assert (await site.deliver("switchboard-csv/third.csv", csv(*changed))).status == "imported"


@pytest.mark.parametrize("agents", [[ZOE], {"plan": "Team A"}])
async def test_a_held_file_names_the_agents_whom_it_does_not_name(site: Site, agents: Any) -> None:
    await site.deliver(WEEK, csv(*week(ASA, ZOE)))
    await extend(site, scope={"agents": agents})
    reasons = await held(site, csv(*week(ASA)))
    assert "AGENT_EMPTIED: agents would lose most of their time: Zoë" in reasons


async def test_an_empty_file_waits_and_removes_nothing_even_when_approved(site: Site) -> None:
    await site.deliver(WEEK, csv(*week(ASA)))
    assert "EMPTY_FILE" in await held(site, csv())
    answer = await site.command("switchboard-csv/second.csv.approve")
    assert (answer.status, answer.removed) == ("imported", 0)
    assert len(site.bookings()) == 5


async def test_an_older_stamp_is_held_and_the_newest_stays(site: Site) -> None:
    await site.configure("schedule-profiles/switchboard-csv.json", {
        "extends": "switchboard-csv", "hold": FREE, "fileNames": ["week-(?P<stamp>[0-9]{8})"],
        "stamp": {"column": "@file.stamp", "patterns": ["%Y%m%d"]},
    })  # fmt: skip
    await site.deliver("switchboard-csv/week-20270105.csv", csv(*week(ASA)))
    await site.deliver("switchboard-csv/week-20270106.csv", csv(*week(ASA, hours="09-17")))
    again = await site.deliver("switchboard-csv/week-20270105.csv", csv(*week(ASA)))
    assert again.status == "held"
    assert any(reason.startswith("OLDER") for reason in again.reasons)
    assert all(start.endswith("T07:00") for _, start in booked(site))


# -------------------------------------------------------------------------------------------------------- undo


async def test_undo_of_an_import_that_is_not_the_newest_keeps_what_changed_since(site: Site) -> None:
    await extend(site, hold=FREE)
    first = await site.deliver("switchboard-csv/a.csv", csv(*week(ASA)))
    await site.deliver("switchboard-csv/b.csv", csv(row(ASA, 11, "09-17"), *week(ASA)[1:]))
    answer = await site.command(f"switchboard-csv/{first.import_id}.undo")
    assert (answer.status, answer.removed) == ("undone", 4)
    assert booked(site) == {("Åsa", "01-11T07:00")}


# ---------------------------------------------------------------------------------------- files that belong together


async def test_a_file_waits_for_its_marker(site: Site) -> None:
    await extend(site, marker=".done")
    await site.drop(WEEK, csv(*week(ASA)))
    assert await site.take_up(WEEK) is None
    await site.drop(f"{WEEK}.done", b"")
    report = await site.take_up(f"{WEEK}.done")
    assert report is not None
    assert (report.status, report.created) == ("imported", 5)
    assert await site.names(INBOX) == []


async def test_two_files_are_read_as_one_whichever_comes_first(site: Site) -> None:
    await site.configure("agents.csv", b"email,playvoxId\nasa.lindqvist@nordic-care.example,pvx-1\n")
    await site.configure("schedule-profiles/playvox.json", {"extends": "playvox", "activities": {
        "lunch": {"name": "Lunch", "assignable": False}}})  # fmt: skip
    shifts = (
        "uid,user_id,start_time,end_time,is_published,is_working_version,version\n"
        "s1,pvx-1,2027-01-11 08:00:00,2027-01-11 16:00:00,true,false,1\n"
    )
    tasks = "uid,shift_uid,task_type_id,start_time,end_time\nt1,s1,lunch,2027-01-11 12:00:00,2027-01-11 12:30:00\n"
    await site.drop("playvox/shift_task_w2.csv", tasks)
    assert await site.take_up("playvox/shift_task_w2.csv") is None
    report = await site.deliver("playvox/shift_w2.csv", shifts)
    assert (report.status, report.created) == ("imported", 3), report.reasons
    assert {one["starttime"] for one in site.bookings()} == {
        "2027-01-11T08:00:00Z", "2027-01-11T12:00:00Z", "2027-01-11T12:30:00Z",
    }  # fmt: skip
    assert await site.names(INBOX) == []


async def test_mended_rows_of_two_files_find_the_other_half_again(site: Site) -> None:
    await site.configure("agents.csv", b"email,playvoxId\nasa.lindqvist@nordic-care.example,pvx-1\n")
    shifts = "uid,user_id,start_time,end_time,is_published,is_working_version,version\n" + "".join(
        f"s{day},{who},2027-01-{day}T08:00:00Z,2027-01-{day}T16:00:00Z,true,false,1\n"
        for day, who in ((11, "pvx-1"), (12, "pvx-l"))
    )
    tasks = "shift_uid,task_type_id,start_time,end_time\n" + "".join(
        f"s{day},Lunch,2027-01-{day}T12:00:00Z,2027-01-{day}T12:30:00Z\n" for day in (11, 12)
    )
    await site.drop("playvox/shift.csv", shifts)
    report = await site.deliver("playvox/shift_task.csv", tasks)
    assert (report.status, report.created) == ("imported", 3)
    back = (await site.files.read(REPORTS, "playvox/shift.csv.rejected.csv", max_bytes=10**6)).data.decode()
    report = await site.deliver("playvox/shift.csv.rejected.csv", back.replace("pvx-l", "pvx-1"))
    assert (report.status, report.created, report.removed) == ("imported", 3, 0), report.reasons
    assert {one["starttime"] for one in site.bookings() if one["starttime"] > "2027-01-12"} == {
        "2027-01-12T08:00:00Z", "2027-01-12T12:00:00Z", "2027-01-12T12:30:00Z",
    }  # fmt: skip
    assert await site.names(INBOX) == []


async def test_rejected_rows_come_back_to_be_mended_and_only_add(site: Site) -> None:
    await extend(site, hold=FREE)
    rows = week(ASA)
    await site.deliver(WEEK, csv(*rows[:2], rows[2].replace("Chat", "=cmd()"), *rows[3:]))
    (name,) = [name for name in await site.names(REPORTS) if ".rejected." in name]
    back = (await site.files.read(REPORTS, name, max_bytes=10**6)).data.decode()
    assert "'=cmd()" in back
    report = await site.deliver("switchboard-csv/week.csv.rejected.csv", back.replace("'=cmd()", "Work"))
    assert (report.status, report.created, report.removed) == ("imported", 1, 0)
    assert len(site.bookings()) == 5


async def test_a_weekly_pattern_speaks_for_all_of_its_dates(site: Site) -> None:
    await site.configure("schedule-profiles/traqnext.json", {"extends": "traqnext", "timeZone": "UTC", "hold": FREE})
    header = "Email,Name,Date_from,Date_to,Start_time,End_time,Shift_repeat_days,Min_hours,Time zone\n"
    line = f"{ASA},,2027-01-11,2027-01-24,09:00:00,17:00:00,{{days}},8,UTC\n"
    await site.deliver("traqnext/all.csv", header + line.format(days='"Mon,Tue,Thu,Fri"'))
    report = await site.deliver("traqnext/less.csv", header + line.format(days='"Tue,Thu"'))
    assert (report.status, report.created, report.removed) == ("imported", 0, 4)
    assert {start for _, start in booked(site)} == {f"01-{day}T09:00" for day in (12, 14, 19, 21)}


async def test_a_scheme_that_only_stands_in_for_another_needs_no_directory_of_agents(site: Site) -> None:
    await site.configure("schedule-profiles/hrnest.json", {"extends": "hrnest", "timeZone": "UTC", "hold": FREE})
    shifts = (
        "UserId,Login,IdNumber,TimeFrom,TimeTo,BreakMinutes,Comment,CommentOnly\n"
        ",asa.lindqvist@nordic-care.example,,2027-01-11T08:00,2027-01-11T16:00,30,,false\n"
        "u-7,,,2027-01-11T08:00,2027-01-11T16:00,30,,false\n"
    )
    report = await site.deliver("hrnest/week.csv", shifts)
    assert (report.status, report.created) == ("imported", 1), report.reasons
    assert [(each.row, each.code) for each in report.skipped] == [(3, "UNKNOWN_AGENT")]


async def test_a_missing_directory_of_agents_holds_the_file_until_it_is_there(site: Site) -> None:
    await site.configure("schedule-profiles/switchboard-csv.json", {"extends": "switchboard-csv", "identity": "ourId"})
    report = await site.deliver(WEEK, csv(row("17", 11)))
    assert report.status == "held"
    assert "agents.csv" in report.reasons[0]
    await site.configure("agents.csv", b"email;ourId\nasa.lindqvist@nordic-care.example;17\n")
    site.now.turn(minutes=10)
    assert await site.sweep() == 1
    assert (await site.report(WEEK))["status"] == "imported"


# ------------------------------------------------------------------------------------------------------ failures


async def test_a_poisoned_event_ends_in_a_report_with_the_reason(site: Site) -> None:
    site.break_down()
    await site.drop(WEEK, csv(*week(ASA)))
    with pytest.raises(UnavailableError):
        await site.take_up(WEEK)
    await settle_poison(WEEK, site.gateways())
    report = await site.report(WEEK)
    assert report["status"] == "held"
    assert "failed five times" in report["reasons"][0]
    site.recover()
    site.now.turn(hours=1)
    assert await site.sweep() == 1
    assert (await site.report(WEEK))["status"] == "imported"


def gaps(report: ImportReport) -> list[tuple[str, int, int]]:
    return [(gap.name, gap.start.hour, gap.end.hour) for gap in report.coverage if isinstance(gap, Gap)]


async def test_the_report_tells_of_hours_without_anybody(site: Site) -> None:
    await extend(site, hold=FREE)
    report = await site.deliver(WEEK, csv(row(ASA, 11, "08-12"), row(ZOE, 11, "14-18")))
    document = json.loads(report.json_bytes())
    assert document["coverage"] == [
        {"code": "NO_ASSIGNABLE_AGENT", "plan": "Team A", "from": "2027-01-11T10:00:00Z", "to": "2027-01-11T12:00:00Z"}
    ]
    assert timedelta(0) < site.now() - utc("2027-01-10T00:00:00Z")
    report = await site.deliver("switchboard-csv/others.csv", csv(row(PAIVI, 11, "12-13"), row(PAIVI, 11, "14-15")))
    assert gaps(report) == [("Team A", 11, 12)]
    # Who is away, and plans that nobody is left in.
    await site.configure("schedule-profiles/absences.json",
                         {"extends": "openschichtplaner5-absences", "timeZone": "Europe/Helsinki"})  # fmt: skip
    await site.deliver("absences/a.csv", "Personalnummer;Datum;Abwesenheitsart\n00017;2027-01-11;Urlaub\n")
    report = await site.deliver(WEEK, csv(row(ASA, 11, "08-12"), row(ZOE, 11, "14-18", plan="Team B")))
    assert gaps(report) == [("Team A", 6, 10), ("Team A", 11, 12), ("Team A", 13, 16)]
