"""A dropped WFM file becomes bookings: through the blob trigger, into Dynamics, with a report."""

import json
import uuid
from typing import Any

import pytest

from tests.e2e.doors import SAMPLES, Stack, wait_for

NICE = "nice_iex_agentScheduleDetail_110226_0615.txt"
NICE_BYTES = (SAMPLES / NICE).read_bytes()
EXPECTED = json.loads((SAMPLES / "expected" / f"{NICE}.json").read_text(encoding="utf-8"))
AGENTS = {agent["key"]: agent for agent in json.loads((SAMPLES / "agents.json").read_text(encoding="utf-8"))["agents"]}
METADATA = "4beb9fdb-48e9-453f-b008-5862ff902c5d"
HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
ASA = "asa.lindqvist@nordic-care.example"
ZOE = "zoe.vanthoff@nordic-care.example"
DISABLED = "hoa.nguyen@nordic-care.example"


def csv(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows]).encode()


def row(
    agent: str = ASA, start: str = "2027-01-11T08:00", end: str = "2027-01-11T12:00", activity: str = "Chat",
    plan: str = "Team A", status: str = "", external_id: str = "", zone: str = "Europe/Helsinki",
) -> str:  # fmt: skip
    return ",".join([agent, start, end, activity, plan, status, external_id, zone])


def bookings(stack: Stack) -> list[dict[str, Any]]:
    expand = (
        "Resource($select=name,resourcetype,timezone,msdyn_generatecalendarfromshift,_userid_value),"
        "BookingStatus($select=name,status),msdyn_shiftplan($select=msdyn_name),"
        "msdyn_shiftactivitytype($select=msdyn_name,msdyn_shiftassignmentstatus)"
    )
    return stack.rows("bookableresourcebookings", **{"$expand": expand, "$orderby": "starttime,endtime"})


def test_every_unique_segment_of_the_nice_iex_sample_is_exactly_one_booking(stack: Stack) -> None:
    report = stack.drop("nice-iex", NICE_BYTES, NICE)
    users = {user["employeeid"]: user["systemuserid"] for user in stack.rows("systemusers", "employeeid ne null")}
    expected = sorted(
        (users[item["identityUsed"]], item["startUtc"], item["endUtc"], item["minutes"], item["activity"],
         192350000 if item["assignable"] else 192350001)
        for item in EXPECTED["segments"]
        if not item.get("duplicate") and AGENTS[item["agentKey"]]["d365"]
    )  # fmt: skip
    landed = bookings(stack)
    assert expected == sorted(
        (item["Resource"]["_userid_value"], item["starttime"], item["endtime"], item["duration"],
         item["msdyn_shiftactivitytype"]["msdyn_name"],
         item["msdyn_shiftactivitytype"]["msdyn_shiftassignmentstatus"])
        for item in landed
    )  # fmt: skip
    assert len(landed) == 25
    for item in landed:
        assert item["name"] == item["msdyn_shiftactivitytype"]["msdyn_name"]
        assert item["bookingtype"] == 1
        assert item["msdyn_bookingmethod"] == 690970003
        assert item["_msdyn_bookingsetupmetadataid_value"] == METADATA
        assert item["BookingStatus"]["status"] == 2
        assert item["msdyn_shiftplan"]["msdyn_name"] in {"nice-iex 2026-W44", "nice-iex 2026-W45"}
        assert item["msdyn_externalbookingid"].startswith("sb:nice-iex:")
        assert item["Resource"]["resourcetype"] == 3
        assert item["Resource"]["timezone"] == 35
        assert item["Resource"]["msdyn_generatecalendarfromshift"] is True
    assert (report["status"], report["rows"], report["segments"], report["created"]) == ("imported", 27, 27, 25)
    assert [(skip["row"], skip["code"]) for skip in report["skipped"]] == [(26, "UNKNOWN_AGENT"), (27, "DUPLICATE")]
    codes = sorted(issue["code"] for issue in report["issues"])
    assert codes == sorted(issue["code"] for issue in EXPECTED["issues"])
    assert report["window"] == {"from": "2026-10-30T04:00:00Z", "to": "2026-11-03T05:00:00Z"}
    assert report["agents"] == 3
    assert report["dataverseRequests"] <= 8


def test_dropping_the_same_file_again_writes_nothing(stack: Stack) -> None:
    stack.drop("nice-iex", NICE_BYTES)
    written = stack.records_written()
    report = stack.drop("nice-iex", NICE_BYTES)
    assert stack.records_written() == written
    assert (report["status"], report["created"], report["updated"], report["unchanged"]) == ("unchanged", 0, 0, 25)


def test_the_same_file_makes_the_same_rows_in_an_empty_dynamics(stack: Stack) -> None:
    def ids() -> list[set[str]]:
        stack.drop("nice-iex", NICE_BYTES)
        return [
            {item[key] for item in stack.rows(table)}
            for table, key in (
                ("bookableresourcebookings", "bookableresourcebookingid"),
                ("bookableresources", "bookableresourceid"),
                ("msdyn_shiftactivitytypes", "msdyn_shiftactivitytypeid"),
                ("msdyn_shiftplans", "msdyn_shiftplanid"),
            )
        ]

    first = ids()
    stack.simulator("POST", "reset")
    stack.forget()
    assert ids() == first
    assert all(first)


def test_a_changed_file_writes_only_what_changed_and_removes_what_it_lacks(stack: Stack) -> None:
    first = csv(row(external_id="E1"), row(start="2027-01-11T13:00", end="2027-01-11T16:00", external_id="E2"),
                row(agent=ZOE, external_id="E3"))  # fmt: skip
    stack.drop("switchboard-csv", first)
    versions = {item["bookableresourcebookingid"]: item["@odata.etag"] for item in bookings(stack)}
    second = csv(row(external_id="E1", end="2027-01-11T12:30"), row(agent=ZOE, external_id="E3"),
                 row(agent=ZOE, start="2027-01-12T08:00", end="2027-01-12T09:00", external_id="E4"))  # fmt: skip
    report = stack.drop("switchboard-csv", second)
    assert (report["created"], report["updated"], report["unchanged"], report["removed"]) == (1, 1, 1, 1)
    now = bookings(stack)
    assert len(now) == 3
    changed = [item for item in now if versions.get(item["bookableresourcebookingid"]) != item["@odata.etag"]]
    assert sorted((item["starttime"], item["endtime"]) for item in changed) == [
        ("2027-01-11T06:00:00Z", "2027-01-11T10:30:00Z"),
        ("2027-01-12T06:00:00Z", "2027-01-12T07:00:00Z"),
    ]


def test_what_dynamics_has_under_any_case_is_used_and_not_doubled(stack: Stack) -> None:
    (asa,) = stack.rows("systemusers", f"internalemailaddress eq '{ASA}'")
    ids = {name: str(uuid.uuid4()) for name in ("resource", "type", "status", "plan")}
    stack.insert(
        bookableresources=[{"bookableresourceid": ids["resource"], "name": "Åsa", "resourcetype": 3, "timezone": 92,
                            "UserId@odata.bind": f"/systemusers({asa['systemuserid']})"}],
        msdyn_shiftactivitytypes=[{"msdyn_shiftactivitytypeid": ids["type"], "msdyn_name": "CHAT",
                                   "msdyn_shiftassignmentstatus": 192350001}],
        bookingstatuses=[{"bookingstatusid": ids["status"], "name": "BOOKED", "status": 2}],
        msdyn_shiftplans=[{"msdyn_shiftplanid": ids["plan"], "msdyn_name": "TEAM a"}],
    )  # fmt: skip
    statuses = len(stack.rows("bookingstatuses"))
    report = stack.drop(
        "switchboard-csv",
        csv(row(status="Booked"), row(start="2027-01-12T08:00", end="2027-01-12T09:00", status="booked")),
    )
    for item in bookings(stack):
        assert item["_resource_value"] == ids["resource"]
        assert item["_msdyn_shiftactivitytype_value"] == ids["type"]
        assert item["_bookingstatus_value"] == ids["status"]
        assert item["_msdyn_shiftplan_value"] == ids["plan"]
        assert item["Resource"]["msdyn_generatecalendarfromshift"] is True
        assert item["msdyn_shiftactivitytype"]["msdyn_shiftassignmentstatus"] == 192350001
    assert [
        len(stack.rows(table)) for table in ("bookableresources", "msdyn_shiftactivitytypes", "msdyn_shiftplans")
    ] == [1, 1, 1]
    assert len(stack.rows("bookingstatuses")) == statuses
    assert [(issue["code"], issue["value"]) for issue in report["issues"]] == [("ASSIGNABILITY_CONFLICT", "CHAT")]


def test_one_bad_row_never_costs_the_good_ones(stack: Stack) -> None:
    rows = [row(), row(agent="nobody@x.example"), row(agent=DISABLED), row(start="11.1.2027"),
            row(activity="Elternzeit", agent=ZOE), row(agent=ZOE, status="Draft"), row(agent=ZOE), row()]  # fmt: skip
    report = stack.drop("switchboard-csv", csv(*rows))
    assert [(skip["row"], skip.get("column"), skip["code"]) for skip in report["skipped"]] == [
        (3, "agent", "UNKNOWN_AGENT"),
        (4, "agent", "DISABLED_USER"),
        (5, "start", "BAD_TIME"),
        (6, "activity", "UNKNOWN_ACTIVITY"),
        (7, "status", "NOT_COMMITTED"),
        (9, None, "DUPLICATE"),
    ]
    assert all(skip["reason"] for skip in report["skipped"])
    assert {skip["row"] for skip in report["skipped"]} <= {issue["row"] for issue in report["issues"]}
    assert (report["status"], report["created"], len(bookings(stack))) == ("imported", 2, 2)


def test_a_row_that_dynamics_refuses_is_reported_beside_the_good_ones(stack: Stack) -> None:
    stack.simulator("POST", "faults", [
        {"match": {"method": "POST", "path": "bookableresourcebookings/Microsoft.Dynamics.CRM.UpsertMultiple",
                   "body": "2027-01-13T06:00:00Z"},
         "status": 400, "code": "0x80040265", "message": "A plug-in does not like this row."},
    ])  # fmt: skip
    rows = [row(start=f"2027-01-{day}T08:00", end=f"2027-01-{day}T09:00") for day in (11, 12, 13, 14, 15)]
    report = stack.drop("switchboard-csv", csv(*rows))
    assert [(skip["row"], skip["code"]) for skip in report["skipped"]] == [(4, "REFUSED_BY_DYNAMICS")]
    assert "does not like this row" in report["skipped"][0]["reason"]
    assert (report["created"], len(bookings(stack))) == (4, 4)


@pytest.mark.parametrize(
    ("profile", "data", "says"),
    [
        pytest.param("switchboard-csv", b"", "empty", id="no bytes"),
        pytest.param("switchboard-csv", b"Name;Phone;City\n1;2;3\n", "lacks agent, start, end, activity", id="columns"),
        pytest.param("switchboard-csv", csv(row(start="never"), row(end="never")), "none of the 2 rows", id="no row"),
        pytest.param("nice-iex", b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file", id="a picture"),
        pytest.param("acme", csv(row()), "no schedule profile 'acme'", id="unknown profile"),
        pytest.param("Bad Folder", csv(row()), "must name a schedule profile", id="no profile name"),
        pytest.param("", csv(row()), "must name a schedule profile", id="no folder"),
    ],
)
def test_a_bad_file_ends_in_a_report_and_writes_nothing(stack: Stack, profile: str, data: bytes, says: str) -> None:
    report = stack.drop(profile, data)
    assert report["status"] == "rejected"
    assert says in report["reasons"][0]
    assert stack.records_written() == {"created": {}, "updated": {}, "deleted": {}}


def test_a_finished_file_moves_to_the_archive(stack: Stack) -> None:
    data = csv(row())
    report = stack.drop("switchboard-csv", data, "finished.csv")
    archived = f"switchboard-csv/{report['importId']}/finished.csv"
    wait_for(lambda: stack.read_blob("schedules", "switchboard-csv/finished.csv") is None, "an empty inbox")
    assert stack.read_blob("schedule-archive", archived) == data


def test_without_the_setup_metadata_row_the_file_is_held_and_nothing_is_written(stack: Stack) -> None:
    url = f"{stack.dataverse_url}/api/data/v9.2/msdyn_bookingsetupmetadatas({METADATA})"
    assert stack.http.delete(url, headers={"Authorization": "Bearer e2e"}).status_code == 204
    written = stack.records_written()
    report = stack.drop("switchboard-csv", csv(row()), "held.csv")
    assert (report["status"], report["created"]) == ("held", 0)
    assert METADATA in report["reasons"][0]
    assert stack.records_written() == written
    assert stack.rows("msdyn_bookingsetupmetadatas") == []
    assert stack.read_blob("schedules", "switchboard-csv/held.csv") is not None


@pytest.mark.parametrize(
    ("match", "fault", "says"),
    [
        pytest.param({"path": "bookableresourcebookings"}, {"status": 403, "code": "0x80040220", "message": "no right"},
                     "no right; check the app's application user", id="a right is missing"),
        pytest.param({"path": "bookableresources?"}, {"scope": "part", "status": 400, "code": "0x80060888",
                                                      "message": "Could not find a property named 'x'"},
                     "Could not find a property named 'x'; check that the environment", id="a column is missing"),
    ],
)  # fmt: skip
def test_what_stops_every_row_holds_the_file_with_the_reason(
    stack: Stack, match: dict[str, str], fault: dict[str, object], says: str
) -> None:
    stack.simulator("POST", "faults", [{"match": match, **fault}])
    report = stack.drop("switchboard-csv", csv(row()), "refused.csv")
    assert (report["status"], report["created"]) == ("held", 0)
    assert says in report["reasons"][0]
    assert stack.read_blob("schedules", "switchboard-csv/refused.csv") is not None
    stack.simulator("DELETE", "faults")
    assert stack.drop("switchboard-csv", csv(row()), "refused.csv")["created"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 429, "code": "0x80072322", "message": "limit", "retryAfter": 1}, id="throttled"),
        pytest.param({"status": 503, "message": "busy"}, id="unavailable"),
        pytest.param({"drop": "before"}, id="connection lost before the commit"),
        pytest.param({"drop": "after"}, id="answer lost after the commit"),
        pytest.param({"html": True}, id="a gateway's page instead of an answer"),
    ],
)
def test_a_write_whose_answer_fails_lands_exactly_once(stack: Stack, fault: dict[str, object]) -> None:
    match = {"method": "POST", "path": "UpsertMultiple"}
    stack.simulator("POST", "faults", [{"match": match, "count": 2, **fault}])
    report = stack.drop("switchboard-csv", csv(row(), row(agent=ZOE)))
    assert (report["status"], report["created"], report["skipped"]) == ("imported", 2, [])
    assert len(bookings(stack)) == 2
    assert len(stack.rows("bookableresources")) == 2


def test_a_site_document_maps_words_and_columns(stack: Stack) -> None:
    stack.write_config(
        "schedule-profiles/site-berlin.json",
        {"extends": "nice-iex", "timeZone": "Europe/Berlin", "columns": {"tvID": "Mitarbeiter"},
         "activities": {"Urlaub": {"name": "Vacation", "assignable": False}}},
    )  # fmt: skip
    data = b"excdate|Mitarbeiter|exc|start|stop\n03282027|00017|urlaub|00:00|24:00\n"
    assert stack.drop("site-berlin", data)["created"] == 1
    (item,) = bookings(stack)
    assert (item["starttime"], item["endtime"], item["duration"]) == (
        "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z", 23 * 60,
    )  # fmt: skip
    assert item["msdyn_shiftactivitytype"]["msdyn_name"] == "Vacation"
    assert item["msdyn_shiftplan"]["msdyn_name"] == "site-berlin 2027-W12"
    assert item["Resource"]["timezone"] == 110


def test_an_event_that_failed_too_often_ends_in_a_report(stack: Stack) -> None:
    stack.write_config("schedule-profiles/site-marked.json", {"extends": "switchboard-csv", "marker": ".done"})
    stack.blobs.get_blob_client("schedules", "site-marked/waits.csv").upload_blob(csv(row()))
    stack.poison("site-marked/waits.csv")
    wait_for(lambda: stack.read_blob("schedule-reports", "site-marked/waits.csv.report.json") is not None, "a report")
    report = json.loads(stack.read_blob("schedule-reports", "site-marked/waits.csv.report.json") or b"")
    assert report["status"] == "held"
    assert "failed five times" in report["reasons"][0]
    assert stack.read_blob("schedules", "site-marked/waits.csv") is not None


def test_the_sweep_takes_up_what_waits(stack: Stack) -> None:
    stack.write_config("schedule-profiles/site-marked.json", {"extends": "switchboard-csv", "marker": ".done"})
    stack.blobs.get_blob_client("schedules", "site-marked/later.csv").upload_blob(csv(row()))
    stack.write_config("schedule-profiles/site-marked.json", {"extends": "switchboard-csv"})

    def swept() -> bool:
        stack.fire("sweep_schedules")
        return stack.read_blob("schedules", "site-marked/later.csv") is None

    wait_for(swept, "an empty inbox")
    assert len(bookings(stack)) == 1
