"""`python -m local.schedules preview`: what it prints is what the app reads, on every sample, and for a newcomer."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local.schedules.__main__ import main
from local.schedules.advice import ADVICE

ROOT = Path(__file__).parents[3]
WFM = ROOT / "local" / "samples" / "wfm"
INSIGHTFUL = WFM / "insightful_scheduled_shifts.csv"

type Json = dict[str, Any]
type Capture = pytest.CaptureFixture[str]

SAMPLES = {
    "amgtime_excel-de_cp1252_semicolon.csv": ("amgtime-csv", "Europe/Berlin"),
    "genesys_cloud_wfm_schedule_2027w12.json": ("genesys-cloud", "Europe/Helsinki"),
    "ical_asa.lindqvist@nordic-care.example.ics": ("icalendar", None),
    "insightful_scheduled_shifts.csv": ("insightful", None),
    "kronos_wfc_schedule_20270322.xml": ("kronos", "Europe/Helsinki"),
    "nice_iex_agentScheduleDetail_110226_0615.txt": ("nice-iex", None),
    "openschichtplaner5_abwesenheiten.csv": ("openschichtplaner5-absences", "Europe/Berlin"),
    "talkdesk_wfm_team_schedule_report_20270320.csv": ("talkdesk", "Europe/Helsinki"),
}


def options(profile: str, zone: str | None) -> list[str]:
    return ["--profile", profile, *(["--time-zone", zone] if zone else [])]


def as_json(path: Path, profile: str, zone: str | None, capture: Capture, *more: str) -> Json:
    assert main(["preview", str(path), *options(profile, zone), "--json", *more]) == 0
    document: Json = json.loads(capture.readouterr().out)
    return document


def expected(name: str) -> Json:
    document: Json = json.loads((WFM / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration folder of a test's own, with the agents of the samples."""
    folder = tmp_path / "config"
    (folder / "schedule-profiles").mkdir(parents=True)
    shutil.copy(ROOT / "local" / "config" / "agents.csv", folder / "agents.csv")
    return folder


# --------------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize(("name", "profile", "zone"), [(name, *known) for name, known in SAMPLES.items()])
def test_the_numbers_of_every_sample(name: str, profile: str, zone: str | None, capsys: Capture) -> None:
    told, right = as_json(WFM / name, profile, zone, capsys), expected(name)
    segments = right["segments"]
    assert told["segments"] == right["counts"]["rows"]
    hours: Counter[str] = Counter()
    for one in segments:
        hours[one["identityUsed"]] += one["minutes"]
    assert {one["agent"]: round(one["hours"] * 60) for one in told["agents"]} == dict(hours)
    assert sum(one["segments"] for one in told["days"]) == len(segments)
    mapped = right["meta"].get("activityMap", {})
    assert {mapped.get(one["word"], one["name"]) for one in told["activities"]} == {one["activity"] for one in segments}
    choices = [(one["code"], one["field"], one["chosen"], one["other"]) for one in told["timeChoices"]]
    assert sorted(choices) == sorted(
        (one["code"], one["field"], one["chosenUtc"], one["otherUtc"])
        for one in right["issues"]
        if one["code"] in ("AMBIGUOUS_TIME", "NONEXISTENT_TIME")
    )
    unknown = {one["word"] for one in told["activities"] if one["assignable"] is None}
    assert unknown == {one["value"] for one in right["issues"] if one["code"] == "UNKNOWN_ACTIVITY"}
    duplicates = [one for one in told["problems"] if one["code"] == "DUPLICATE"]
    assert len(duplicates) == sum(one["code"] == "DUPLICATE" for one in right["issues"])
    assert (told["overlapCount"] > 0) == any(one["code"] == "OVERLAP" for one in right["issues"])
    assert all(one["todo"] for one in told["problems"])


def test_every_sample_was_tried() -> None:
    assert set(SAMPLES) == {path.name for path in WFM.iterdir() if path.is_file()} - {"README.md", "agents.json"}


def test_what_a_person_reads_of_a_night_with_an_hour_twice(tmp_path: Path, capsys: Capture) -> None:
    name = "nice_iex_agentScheduleDetail_110226_0615.txt"
    picture = tmp_path / "night.svg"
    assert main(["preview", str(WFM / name), "--profile", "nice-iex", "--picture", str(picture)]) == 0
    told = capsys.readouterr().out
    for line in (
        f"{name} read as nice-iex",
        "27 rows -> 27 segments of 4 agents; 26 bookings would be written, 1 row not",
        "4 agents from Fri 30 Oct 2026 to Mon 02 Nov 2026 (4 days in US/Eastern)",
        "US/Eastern, Sunday 01 November 2026: 02:00 becomes 01:00 (2026-11-01 06:00 UTC)",
        "a day of 25 hours",
        "comes twice",
        "2026-11-01 01:30 -0400",
        "DUPLICATE: 1 row. What to do: nothing; the earlier row is written",
        str(picture),
    ):
        assert line in told
    drawn = picture.read_text(encoding="utf-8")
    for text in ("Sunday 01 November 2026 - 25 hours: the clock changes", "Voice Queue", "US/Eastern"):
        assert text in drawn
    assert drawn.count("01:00") >= 2, "the hour that comes twice is drawn twice"


def test_the_rehearsal_of_a_night_with_an_hour_missing(capsys: Capture) -> None:
    told = as_json(WFM / "kronos_wfc_schedule_20270322.xml", "kronos", "Europe/Helsinki", capsys)
    (change,) = told["clockChanges"]
    assert (change["at"], change["clockBefore"], change["clockAfter"]) == (
        "2027-03-28T01:00:00Z", "2027-03-28T03:00:00", "2027-03-28T04:00:00",
    )  # fmt: skip
    assert change["segmentsNear"] == len(change["segments"]) == 6
    (choice,) = change["choices"]
    assert (choice["row"], choice["chosen"], choice["other"]) == (64, "2027-03-28T01:30:00Z", "2027-03-28T00:30:00Z")
    assert told["scope"] == {
        "mode": "window", "firstDate": "2027-03-22", "lastDate": "2027-03-29", "agents": 7,
        "agentsWithoutBookings": ["00023"],
    }  # fmt: skip


def test_without_a_change_nearby_the_next_one_is_named(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "june.csv"
    path.write_text("agent,start,end,activity\na@x.example,2027-06-01T08:00,2027-06-01T12:00,Chat\n", encoding="utf-8")
    assert main(["preview", str(path), *options("switchboard-csv", "Europe/Helsinki"), "--picture", f"{path}.png"]) == 0
    assert "the next one: Sunday 31 October 2027: 04:00 becomes 03:00" in capsys.readouterr().out


def test_the_picture_is_a_png_beside_the_other_builds(capsys: Capture) -> None:
    assert main(["preview", str(INSIGHTFUL), "--profile", "insightful"]) == 0
    picture = ROOT / "build" / "schedules" / "insightful_scheduled_shifts.csv.png"
    assert str(picture) in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")


# --------------------------------------------------------------------------------------------------------- hostile

FORMULAS = WFM / "hostile" / "formula_cells.csv"


@pytest.mark.parametrize(
    ("name", "profile", "code", "says"),
    [
        ("zero_bytes.csv", "talkdesk", 1, "the file is empty"),
        ("wrong_columns.csv", "talkdesk", 1, "lacks Agent Id, Event Type Name"),
        ("xml_entity.xml", "kronos", 1, "DTD"),
        ("header_only.csv", "talkdesk", 0, "would be held until a person approves it"),
        ("end_before_start_dated.csv", "hrnest", 0, "END_BEFORE_START"),
        ("formula_cells.csv", "hrnest", 0, "2 rows -> 2 segments"),
    ],
)
def test_hostile_files(name: str, profile: str, code: int, says: str, tmp_path: Path, capsys: Capture) -> None:
    path = WFM / "hostile" / name
    assert main(["preview", str(path), *options(profile, "Europe/Helsinki"), "--picture", f"{tmp_path}/p.png"]) == code
    told = capsys.readouterr()
    assert says in (told.err if code else told.out)


def test_every_bad_row_has_its_line_and_column(capsys: Capture) -> None:
    told = as_json(WFM / "hostile" / "end_before_start_dated.csv", "hrnest", "Europe/Helsinki", capsys)
    assert [(one["row"], one["code"]) for one in told["problems"]] == [
        (2, "END_BEFORE_START"), (3, "END_BEFORE_START"), (4, "TOO_LONG"), (5, "BAD_TIME"),
    ]  # fmt: skip
    assert {one["column"] for one in told["problems"]} <= {"TimeFrom", "TimeTo"}
    assert told["bookings"] == 0


def test_rows_that_are_not_written_protect_their_agent(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "two.csv"
    path.write_text(
        "agent,start,end,activity\n"
        "a@x.example,2027-06-01T08:00,2027-06-01T12:00,Chat\n"
        "b@x.example,2027-06-01T08:00,2027-06-01T12:00,Nobody knows\n",
        encoding="utf-8",
    )
    told = as_json(path, "switchboard-csv", "Europe/Helsinki", capsys)
    assert told["scope"]["agentsWithoutBookings"] == []
    assert "protect the days that they speak of (1 agent)" in told["notes"][0]
    assert told["problems"][0]["agent"] == "b@x.example"


def test_a_rejected_file_as_json(capsys: Capture) -> None:
    assert main(["preview", str(WFM / "hostile" / "zero_bytes.csv"), "--profile", "talkdesk", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"readable": False, "reason": "the file is empty; export it again"}


# ------------------------------------------------------------------------------------------------- site documents


def test_a_site_document_is_used(config: Path, capsys: Capture) -> None:
    document = {"extends": "amgtime-csv", "timeZone": "Europe/Berlin", "activities": {"Work": {"assignable": False}}}
    (config / "schedule-profiles" / "berlin.json").write_text(json.dumps(document), encoding="utf-8")
    path = WFM / "amgtime_excel-de_cp1252_semicolon.csv"
    told = as_json(path, "berlin", None, capsys, "--config", str(config))
    assert (told["profile"], told["timeZone"]) == ("berlin", "Europe/Berlin")
    assert told["activities"][0]["assignable"] is False
    named = as_json(path, str(config / "schedule-profiles" / "berlin.json"), None, capsys)
    assert named["segments"] == told["segments"]


def test_agents_that_agents_csv_does_not_have(config: Path, capsys: Capture) -> None:
    path = WFM / "talkdesk_wfm_team_schedule_report_20270320.csv"
    full = as_json(path, "talkdesk", "Europe/Helsinki", capsys, "--config", str(config))
    lines = (config / "agents.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "65b0c0de00" not in line]
    assert len(kept) == len(lines) - 1
    (config / "agents.csv").write_text("\n".join(kept), encoding="utf-8")
    less = as_json(path, "talkdesk", "Europe/Helsinki", capsys, "--config", str(config))
    unknown = {one["agent"] for one in less["problems"] if one["code"] == "UNKNOWN_AGENT"}
    before = {one["agent"] for one in full["problems"] if one["code"] == "UNKNOWN_AGENT"}
    assert unknown - before == {"65b0c0de00aa11bb22cc33dd"}
    assert less["bookings"] < full["bookings"]


def test_a_proposal_goes_straight_into_a_preview(config: Path, capsys: Capture) -> None:
    path = WFM / "kronos_wfc_schedule_20270322.xml"
    assert main(["guess", str(path), "--time-zone", "Europe/Helsinki"]) == 0
    document = config / "schedule-profiles" / "kronos.json"
    document.write_text(capsys.readouterr().out, encoding="utf-8")
    told = as_json(path, "kronos", None, capsys, "--config", str(config))
    assert (told["timeZone"], told["segments"]) == ("Europe/Helsinki", 25)


def test_every_code_of_a_row_has_its_advice() -> None:
    text = (ROOT / "docs" / "schedule-files.md").read_text(encoding="utf-8")
    table = text.partition("| code | meaning |")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|DUPLICATE|CANCELLED|SUPERSEDED)`", table))
    only_dynamics_knows = {"STATUS_CONFLICT", "INACTIVE_RESOURCE", "REFUSED_BY_DYNAMICS"}
    assert len(documented) > 15
    assert documented - only_dynamics_knows <= ADVICE.keys()


# ------------------------------------------------------------------------------------------------------ newcomers


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["preview", "no-such-file.csv", "--profile", "talkdesk"], 2, "there is no file", id="no file"),
        pytest.param(
            ["preview", str(WFM / "insightful_scheduled_shift.csv"), "--profile", "insightful"], 2,
            "did you mean", id="a file with nearly that name",
        ),
        pytest.param(["preview", str(WFM), "--profile", "talkdesk"], 2, "is a folder", id="a folder"),
        pytest.param(["preview", str(INSIGHTFUL)], 2, "--profile", id="no profile named"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "insihgtful"], 2, "did you mean insightful", id="typo"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "Blue Yonder"], 2, "blue-yonder", id="title for name"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "verint"], 2, "guess FILE", id="unknown layout"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "x.json"], 2, "no profile document", id="no document"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "talkdesk"], 1, "that is the layout insightful",
                     id="another layout"),
        pytest.param(["preview", str(WFM / "kronos_wfc_schedule_20270322.xml"), "--profile", "kronos"], 1,
                     "--time-zone Europe/Helsinki", id="no zone"),
        pytest.param(
            ["preview", str(INSIGHTFUL), "--profile", "insightful", "--time-zone", "Europe/Helsingfors"], 2,
            "not a time zone", id="no such zone",
        ),
        pytest.param(["guess", str(INSIGHTFUL), "--time-zone", "europe/helsinky"], 2, "did you mean Europe/Helsinki",
                     id="a zone misspelt"),
        pytest.param(["preview", str(INSIGHTFUL), "--profile", "insightful", "--picture", "p.jpeg"], 2, ".png",
                     id="another picture"),
        pytest.param(["guess", "no-such-file.csv"], 2, "there is no file", id="nothing to guess"),
        pytest.param(["look"], 2, "preview", id="no such command"),
    ],
)  # fmt: skip
def test_a_newcomers_mistakes(arguments: list[str], code: int, says: str, capsys: Capture) -> None:
    try:
        ended = main(arguments)
    except SystemExit as stopped:
        ended = int(str(stopped.code))
    assert ended == code
    assert says in capsys.readouterr().err


def test_a_broken_site_document_says_where(config: Path, capsys: Capture) -> None:
    (config / "schedule-profiles" / "mine.json").write_text('{"extends": "insightful", "timezone": "x"}', "utf-8")
    assert main(["preview", str(INSIGHTFUL), "--profile", "mine", "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert "mine.json cannot be used" in told
    assert "timezone" in told


# --------------------------------------------------------------------------------------------------------- large


def test_a_large_file_is_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    lines = ["agent,start,end,activity"]
    for agent in range(2_000):
        for day in range(1, 4):
            lines += [
                f"a{agent}@x.example,2027-04-{day:02}T0{hour}:00,2027-04-{day:02}T0{hour + 1}:00,Chat"
                for hour in (7, 8)
            ]
    lines.append("a1@x.example,2027-04-40T08:00,2027-04-40T09:00,Chat")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "local.schedules", "preview", str(path), "--profile", "switchboard-csv",
         "--time-zone", "Europe/Helsinki", "--picture", str(tmp_path / "large.png")],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert "12,001 rows -> 12,000 segments of 2,000 agents" in told.stdout
    assert "and 1,980 more agents (--all shows them)" in told.stdout
    assert "line 12002, column start" in told.stdout
    assert len(told.stdout.splitlines()) < 120
    assert (tmp_path / "large.png").stat().st_size > 10_000
