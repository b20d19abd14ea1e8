"""`python -m local.schedules guess`: what it proposes reads the file back exactly, and it hides no doubt."""

import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from functions.schedule_import.profile import SiteProfile, builtin_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Segment
from local.schedules.__main__ import main
from tests.local.schedules import unknown_files
from tests.local.schedules.unknown_files import LAYOUTS, Layout, agent_of, shifts, truth

ROOT = Path(__file__).parents[3]
WFM = ROOT / "local" / "samples" / "wfm"
SPRING = date(2027, 3, 22)
"""Its week holds Europe's spring change, and days beyond the 12th."""

type Json = dict[str, Any]
type Capture = pytest.CaptureFixture[str]


class Guessed:
    """What the command said of a file."""

    def __init__(self, path: Path, capture: Capture, *options: str) -> None:
        self.path = path
        self.code = main(["guess", str(path), *options])
        said = capture.readouterr()
        self.told = said.err
        self.document: Json = json.loads(said.out) if said.out else {}

    def read(self, zone: str | None = None, **changes: Any) -> list[Segment]:
        """The file through the app's reader, with the proposal as its site document."""
        document = self.document | changes | ({"timeZone": zone} if zone else {})
        site = SiteProfile.model_validate(document)
        profile = site.over(builtin_profile(site.extends), "guessed")
        reading = read_schedule(FileContent(self.path.name, io.BytesIO(self.path.read_bytes())), profile)
        assert reading.skipped == []
        return reading.segments

    def said(self, zone: str | None = None, **changes: Any) -> set[unknown_files.Said]:
        return {(one.agent, one.start, one.end, one.activity) for one in self.read(zone, **changes)}

    @property
    def unsure(self) -> str:
        return self.told.partition("Unsure, look at each:")[2].partition("Read back")[0]


@pytest.fixture
def guessed(tmp_path: Path, capsys: Capture) -> Any:
    def write_and_guess(name: str, data: bytes, *options: str) -> Guessed:
        path = tmp_path / name
        path.write_bytes(data)
        return Guessed(path, capsys, *options)

    return write_and_guess


# ------------------------------------------------------------------------------------------------ unknown layouts


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.id)
def test_the_proposal_for_an_unknown_table_reads_it_exactly(layout: Layout, guessed: Any) -> None:
    rows = shifts(SPRING, 9)
    found = guessed("unknown.csv", layout.write(rows))
    assert found.code == 0, found.told
    expected = truth(rows, layout.zone, lambda row: agent_of(layout, row), layout.activity)
    assert found.said(None if layout.zone_is_named else layout.zone) == expected
    assert len(found.read(layout.zone)) == len(rows)
    fields = found.document["sources"][0]["fields"]
    assert found.document["identity"] == layout.identity
    assert {name: fields.get(name) for name in layout.names} == layout.names
    assert ("timeZone" in found.document) == (not layout.zone_is_named)
    assert "first" not in found.unsure, "all dates are proven by days beyond the 12th"
    for line in ("Read back", "segments, 4 agents"):
        assert line in found.told


@pytest.mark.parametrize(
    ("written", "orders"),
    [
        pytest.param("%d/%m/%Y", ["%d/%m/%Y", "%m/%d/%Y"], id="slashes, day first"),
        pytest.param("%m/%d/%Y", ["%d/%m/%Y", "%m/%d/%Y"], id="slashes, month first"),
        pytest.param("%d-%m-%y", ["%d-%m-%y", "%m-%d-%y"], id="two-digit year"),
    ],
)
def test_dates_that_nothing_settles_are_unsure_and_never_read(written: str, orders: list[str], guessed: Any) -> None:
    rows = shifts(date(2027, 4, 2), 4)
    lines = [
        f"{row.person[1]},{row.day.strftime(written)},{row.start:%H:%M},{row.end:%H:%M},{row.activity}" for row in rows
    ]
    found = guessed("unknown.csv", "\n".join(["email,date,start,end,activity", *lines, ""]).encode())
    assert found.code == 0
    assert "dates could be day or month first" in found.unsure
    assert sorted(found.document["sources"][0]["times"]["date"]) == sorted(orders)
    with pytest.raises(ValueError, match="nothing in the file tells"):
        found.read("Europe/Helsinki")
    source = found.document["sources"][0]
    fixed = [source | {"times": {"date": [written]}}]
    assert found.said("Europe/Helsinki", sources=fixed) == truth(rows, "Europe/Helsinki", lambda row: row.person[1])


def test_dotted_dates_are_taken_day_first_but_said_to_be_unproven(guessed: Any) -> None:
    rows = shifts(date(2027, 4, 2), 4)
    lines = [f"{row.person[1]};{row.start:%d.%m.%Y %H:%M};{row.end:%d.%m.%Y %H:%M}" for row in rows]
    found = guessed("unknown.csv", "\n".join(["Email;Von;Bis", *lines, ""]).encode())
    assert "dates could be day or month first" in found.unsure
    assert found.said("Europe/Berlin") == truth(rows, "Europe/Berlin", lambda row: row.person[1], "Work")


def test_contradicting_dates_are_unsure(guessed: Any) -> None:
    lines = [f"a{n}@x.example,{day},08:00,16:00,Chat" for n, day in enumerate(["03/25/2027", "25/03/2027"] * 5)]
    lines += [f"b{n}@x.example,04/05/2027,08:00,16:00,Chat" for n in range(30)]
    lines += [f"c@x.example,0{n}/0{n + 1}/2027,08:00,16:00,Chat" for n in range(1, 9)]
    lines += [f"d@x.example,0{n}/0{m}/2027,08:00,16:00,Chat" for n in range(1, 6) for m in range(1, 9)]
    found = guessed("unknown.csv", "\n".join(["email,date,start,end,activity", *lines, ""]).encode())
    assert "dates could be day or month first" in found.unsure


def test_times_without_am_and_pm_are_unsure(guessed: Any) -> None:
    lines = [f"0000{n},2027-03-2{n},{7 + n}:30,{n}:15,Chat" for n in range(1, 6)]
    found = guessed("unknown.csv", "\n".join(["employee id,date,start,end,activity", *lines, ""]).encode())
    assert "12-hour times" in found.unsure


def test_only_common_activities_are_decided(guessed: Any) -> None:
    words = ["Voice Queue", "lunch", "Rückfragen", "Huddle"]
    lines = [f"a{n}@x.example,2027-03-2{n % 8}T08:00,2027-03-2{n % 8}T09:00,{words[n % 4]}" for n in range(16)]
    found = guessed("unknown.csv", "\n".join(["email,start,end,activity", *lines, ""]).encode())
    assert found.document["activities"] == {
        "Voice Queue": {"name": "Voice Queue", "assignable": True},
        "lunch": {"name": "Lunch", "assignable": False},
    }
    assert "'Rückfragen'" in found.unsure
    assert "'Huddle'" in found.unsure


def test_drafts_and_deleted_rows_stay_out(guessed: Any) -> None:
    lines = [
        f"a{n}@x.example,2027-03-2{n % 8}T08:00,2027-03-2{n % 8}T09:00,Chat,{'no' if n % 3 else 'yes'},{status}"
        for n, status in enumerate(["Final", "Draft", "Final", "Cancelled"] * 4)
    ]
    found = guessed("unknown.csv", "\n".join(["email,start,end,activity,is deleted,status", *lines, ""]).encode())
    site = SiteProfile.model_validate(found.document | {"timeZone": "UTC"})
    profile = site.over(builtin_profile(site.extends), "guessed")
    reading = read_schedule(FileContent("x.csv", io.BytesIO(found.path.read_bytes())), profile)
    assert {int(one.agent[1:].partition("@")[0]) for one in reading.segments} == {2, 4, 8, 10, 14}
    assert {skip.code for skip in reading.skipped} == {"NOT_COMMITTED", "DELETED_IN_SOURCE"}
    assert "DELETED_IN_SOURCE" in found.unsure


def test_a_code_is_preferred_to_the_name_beside_it(guessed: Any) -> None:
    lines = [f"0001{n % 3};Jo Doe{'ab'[n % 2]};{13 + n}/03/2027;08h30;17h00;Chat" for n in range(8)]
    found = guessed("plan.csv", "\n".join(["Matricule;Nom;Jour;Heure début;Heure fin;Activité", *lines, ""]).encode())
    assert (found.document["identity"], found.document["sources"][0]["fields"]["agent"]) == ("employeeid", "Matricule")
    assert [f"{one.start:%d %H:%M}" for one in found.read("UTC")][:2] == ["13 08:30", "14 08:30"]


def test_the_times_of_the_activity_and_not_those_of_the_shift_around_it(guessed: Any) -> None:
    head = "Agent (ID);Shift start;Shift end;Activity start;Activity end;Activity;Last modified"
    shift = "22.03.2027 08:00;22.03.2027 16:00"
    lines = [
        f"4101;{shift};22.03.2027 {8 + n:02}:00;22.03.2027 {9 + n:02}:00;Chat;0{n + 1}.03.2027 10:00" for n in range(8)
    ]
    found = guessed("plan.csv", "\n".join([head, *lines, ""]).encode())
    assert [one.start.hour for one in found.read("UTC")] == list(range(8, 16))


def test_whole_days(guessed: Any) -> None:
    lines = [f"0001{n % 3};{13 + n}.03.2027;{'Vacation' if n % 2 else 'Sick'}" for n in range(8)]
    found = guessed("absences.csv", "\n".join(["Mitarbeiternummer;Tag;Abwesenheit", *lines, ""]).encode())
    segments = found.read("Europe/Berlin")
    assert [(one.end - one.start).total_seconds() / 3600 for one in segments] == [24.0] * 8
    assert segments[0].start == datetime(2027, 3, 12, 23, tzinfo=UTC)
    assert "whole local day" in found.unsure


def test_a_vendors_ids_are_found_in_agents_csv(guessed: Any, tmp_path: Path) -> None:
    (tmp_path / "agents.csv").write_text("email,acmeId\na@x.example,zz-1\nb@x.example,zz-2\n", encoding="utf-8")
    lines = [f"zz-{n % 2 + 1},2027-03-2{n}T08:00,2027-03-2{n}T09:00,Chat" for n in range(8)]
    data = "\n".join(["worker,start,end,activity", *lines, ""]).encode()
    assert guessed("unknown.csv", data, "--config", str(tmp_path)).document["identity"] == "acmeId"


# ----------------------------------------------------------------------------------------------- other containers


def test_a_workbook(guessed: Any) -> None:
    rows = shifts(SPRING, 9)
    found = guessed("plan.xlsx", unknown_files.workbook(rows))
    assert found.code == 0, found.told
    assert found.said("Europe/Helsinki") == truth(rows, "Europe/Helsinki", lambda row: row.person[0])


def test_a_grid(guessed: Any) -> None:
    data, said = unknown_files.grid(date(2027, 3, 15))
    found = guessed("week.xlsx", data)
    assert found.code == 0, found.told
    segments = found.read("UTC")
    assert {(one.agent, one.start.replace(tzinfo=None), one.end.replace(tzinfo=None)) for one in segments} == said


def test_a_grid_of_shift_templates_asks_for_its_first_day_and_what_its_codes_mean(guessed: Any) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["EMPLOYEE ID", "EMPLOYEE NAME", "ORG JOB", "ROLL OUT", "Day 1", "Day 2"])
    book.active.append(["00017", "Asa", "Desk", "Yes", "D8", "N"])
    stream = io.BytesIO()
    book.save(stream)
    found = guessed("week.xlsx", stream.getvalue())
    assert (found.code, found.document) == (
        0, {"extends": "ukg-template", "timeZone": None, "startDate": None, "templates": {}}
    )  # fmt: skip
    assert "startDate: neither the sheet" in found.unsure
    assert 'templates: say for D8, N what each stands for, as in {"D8": ' in found.unsure
    templates = {code: {"start": "08:00", "end": "16:00"} for code in ("D8", "N")}
    assert len(found.read("UTC", startDate="2027-03-22", templates=templates)) == 2


def test_a_column_of_zones_is_nobodys_name(guessed: Any) -> None:
    rows = [f"{name},2027-03-{day}T08:00,2027-03-{day}T16:00,{zone}" for day in range(10, 28)
            for name, zone in (("Bob", "Europe/Berlin"), ("Åsa Lindqvist", "Asia/Tokyo"))]  # fmt: skip
    found = guessed("week.csv", "\n".join(["Employee_Name,From,To,Employee_Time_Zone (new)", *rows, ""]).encode())
    fields = found.document["sources"][0]["fields"]
    assert (fields["agent"], fields["timeZone"]) == ("Employee_Name", "Employee_Time_Zone (new)")
    assert found.document["identity"] == "fullname"


def test_json_with_the_rows_deep_inside(guessed: Any) -> None:
    rows = shifts(SPRING, 9)
    found = guessed("plan.json", unknown_files.json_with_activities(rows))
    assert found.code == 0, found.told
    assert found.document["sources"][0]["path"] == "staff/*/workdays/*/segments/*"
    assert found.said("Europe/Helsinki") == truth(rows, "Europe/Helsinki", lambda row: row.person[0])


def test_json_with_breaks_inside_the_rows(guessed: Any) -> None:
    data, said = unknown_files.json_with_breaks(SPRING)
    found = guessed("plan.json", data)
    assert found.code == 0, found.told
    assert found.said() == said


def test_xml(guessed: Any) -> None:
    rows = shifts(SPRING, 9)
    found = guessed("plan.xml", unknown_files.xml(rows))
    assert found.code == 0, found.told
    assert found.said("America/New_York") == truth(rows, "America/New_York", lambda row: row.person[0])


# ---------------------------------------------------------------------------------------------- built-in layouts

SAMPLES = {
    "amgtime_excel-de_cp1252_semicolon.csv": ("amgtime-csv", "Europe/Berlin"),
    "genesys_cloud_wfm_schedule_2027w12.json": ("genesys-cloud", None),
    "ical_asa.lindqvist@nordic-care.example.ics": ("icalendar", None),
    "insightful_scheduled_shifts.csv": ("insightful", None),
    "kronos_wfc_schedule_20270322.xml": ("kronos", "Europe/Helsinki"),
    "nice_iex_agentScheduleDetail_110226_0615.txt": ("nice-iex", None),
    "openschichtplaner5_abwesenheiten.csv": ("openschichtplaner5-absences", "Europe/Berlin"),
    "talkdesk_wfm_team_schedule_report_20270320.csv": ("talkdesk", "Europe/Helsinki"),
}


@pytest.mark.parametrize(("name", "layout", "zone"), [(name, *known) for name, known in SAMPLES.items()])
def test_every_sample_is_known(name: str, layout: str, zone: str | None, capsys: Capture) -> None:
    found = Guessed(WFM / name, capsys)
    assert found.code == 0
    assert found.document["extends"] == layout
    assert found.document.keys() <= {"extends", "timeZone", "activities"}
    assert ("timeZone" in found.document) == (zone is not None)
    expected = json.loads((WFM / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    site = SiteProfile.model_validate(found.document | ({"timeZone": zone} if zone else {}))
    content = FileContent(name, io.BytesIO((WFM / name).read_bytes()))
    reading = read_schedule(content, site.over(builtin_profile(site.extends), layout))
    assert sorted((one.agent, f"{one.start:%Y-%m-%dT%H:%M:%SZ}") for one in reading.segments) == sorted(
        (one["identityUsed"], one["startUtc"]) for one in expected["segments"]
    )


def test_every_sample_was_tried() -> None:
    assert set(SAMPLES) == {path.name for path in WFM.iterdir() if path.is_file()} - {"README.md", "agents.json"}


def test_a_known_layout_under_other_column_names(guessed: Any) -> None:
    text = (WFM / "talkdesk_wfm_team_schedule_report_20270320.csv").read_text(encoding="utf-8-sig")
    for old, new in (("Agent Id", "Mitarbeiter"), ("Event Start Time", "Beginn"), ("Event Type Name", "Tätigkeit")):
        text = text.replace(old, new, 1)
    found = guessed("export.csv", text.encode("utf-8-sig"))
    assert found.document["extends"] == "talkdesk"
    assert found.document["columns"] == {
        "Agent Id": "Mitarbeiter", "Event Start Time": "Beginn", "Event Type Name": "Tätigkeit",
    }  # fmt: skip
    assert len(found.read("Europe/Helsinki")) == 28
    assert "check each" in found.unsure


@pytest.mark.parametrize(
    ("layout", "document"),
    [
        ("nice-iex", [{"tvID": "00017", "excdate": "2027-03-26", "exc": "Chat", "start": "08:00", "stop": "09:00"}]),
        ("ms-graph-shifts", {"value": [{"userId": "a", "sharedShift": {
            "startDateTime": "2027-03-26T06:00:00Z", "endDateTime": "2027-03-26T07:00:00Z"}}]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_known_layouts_in_json(layout: str, document: Any, encoding: str, guessed: Any) -> None:
    found = guessed("shifts.json", json.dumps(document).encode(encoding), "--time-zone", "Europe/Helsinki")
    assert found.document["extends"] == layout
    assert [f"{one.start:%H:%M}" for one in found.read()] == ["06:00"]


def test_a_known_layout_in_another_of_its_containers(guessed: Any) -> None:
    lines = ["AgentID;AgentName;MUId;StartDateTime;EndDateTime;ActivityCode"]
    lines += [f'0{day};"Smith; Bob";1;2027-03-{day}T08:00;2027-03-{day}T16:00;Chat' for day in range(10, 30)]
    found = guessed("export.csv", "\n".join([*lines, ""]).encode())
    assert found.document["extends"] == "nice-iex"
    assert "format" not in found.document
    assert len(found.read("Europe/Helsinki")) == 20


def test_of_two_dates_the_rows_own_is_taken_and_of_two_activities_the_other_is_told(guessed: Any) -> None:
    lines = ["schedDate|excdate|Nummer|Typ|Tätigkeit|Von|Bis"]
    for day in range(13, 28):
        lines += [f"{day}/03/2027|{day}/03/2027|000{day}|SHIFT|Chat|22:00|00:00",
                  f"{day}/03/2027|{day + 1}/03/2027|000{day}|BREAK|Lunch|00:00|01:30"]  # fmt: skip
    found = guessed("plan.txt", "\n".join([*lines, ""]).encode())
    fields = found.document["sources"][0]["fields"]
    assert (fields["date"], fields["shiftDate"], fields["activity"]) == ("excdate", "schedDate", "Tätigkeit")
    assert "Typ may name the activity as well" in found.unsure


def test_a_known_layout_with_other_dates_and_delimiter(guessed: Any) -> None:
    lines = [f"Jo Doe;{n}/03/2027 08:00:00;{n}/03/2027 16:00:00;Europe/Berlin;Full" for n in range(18, 28)]
    head = "Employee_Name;Start_Date_Time;End_Date_Time;Employee_Time_Zone;Type"
    found = guessed("export.csv", "\n".join([head, *lines, ""]).encode())
    assert found.document["extends"] == "insightful"
    assert [one.start.day for one in found.read()] == list(range(18, 28))


HOSTILE = {
    "end_before_start_dated.csv": (0, "END_BEFORE_START"),
    "formula_cells.csv": (0, "this is the layout hrnest"),
    "header_only.csv": (0, "a header and no rows"),
    "wrong_columns.csv": (1, "its columns are Name, Phone, City"),
    "xml_entity.xml": (1, "DTD"),
    "zero_bytes.csv": (1, "the file is empty"),
}


@pytest.mark.parametrize(("name", "code", "says"), [(name, *known) for name, known in HOSTILE.items()])
def test_hostile_files(name: str, code: int, says: str, capsys: Capture) -> None:
    found = Guessed(WFM / "hostile" / name, capsys)
    assert found.code == code
    assert says in found.told


def test_every_hostile_file_was_tried() -> None:
    assert set(HOSTILE) == {path.name for path in (WFM / "hostile").iterdir()} - {"README.md"}


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        pytest.param("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "save it as .xlsx", id="old Excel"),
        pytest.param("a.csv", "email,start\n".encode("utf-16-le"), "UTF-16 without a byte order mark", id="no mark"),
        pytest.param("a.csv", b"Weekly plan\nmade by,Jo\n\nemail,start,end\na@x.example,1,2\n", "header", id="title"),
        pytest.param(
            "a.csv", b"a@x.example,2027-03-22T08:00,2027-03-22T09:00\n" * 3, "no column names", id="no header"
        ),
        pytest.param("a.json", b'{"a": ', "begins like JSON", id="broken JSON"),
        pytest.param("a.json", b'{"users": [{"name": "Jo"}, {"name": "Bo"}]}', "start and end times", id="no times"),
        pytest.param("a.xml", b"<a><b></a>", "begins like XML", id="broken XML"),
        pytest.param("a.xlsx", b"PK\x03\x04 not a workbook", "damaged", id="broken workbook"),
        pytest.param("a.txt", b"hello\nworld\n", "no delimiter", id="prose"),
        pytest.param(
            "a.csv",
            b"Employee Export Code,Employee Name,Date,Start,End,Mealbreak,Total Hours,Total Cost\n"
            b"1,J,2/3/2027,8:00,9:00,0,1,1\n",
            "hours that were worked",
            id="hours worked",
        ),
    ],
)
def test_files_without_a_proposal_say_why(name: str, data: bytes, says: str, guessed: Any) -> None:
    found = guessed(name, data)
    assert (found.code, found.document) == (1, {})
    assert says in found.told


def test_the_command_prints_json_alone_on_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "unknown.csv"
    path.write_bytes(LAYOUTS[0].write(shifts(SPRING, 9)))
    told = subprocess.run(
        [sys.executable, "-m", "local.schedules", "guess", str(path), "--time-zone", "Europe/Berlin"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(told.stdout)["timeZone"] == "Europe/Berlin"
    assert "Personalnummer" in told.stderr
    assert "Next:" in told.stderr
