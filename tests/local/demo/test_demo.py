"""`make demo` tells the story of any schedule file with that file's own numbers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def demo(**environment: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in {"DEMO_FILE", "PROFILE"}}
    return subprocess.run(
        [sys.executable, "-m", "local.demo"], cwd=ROOT, env=environ | environment, text=True, capture_output=True,
        timeout=110, check=False,
    )  # fmt: skip


def test_the_story_of_the_sample() -> None:
    told = demo()
    assert told.returncode == 0, told.stdout + told.stderr
    for said in (
        "27 rows, 3 agents, 25 bookings created, 2 rows skipped",
        "line 26, column tvID: UNKNOWN_AGENT",
        "unchanged, 25 bookings as they should be. Rows written in Dynamics: 0",
        "undone, 25 bookings",
        ".force: imported, 25 bookings created",
        "customers.csv.report.json says: rejected",
        "│ 200    │ +35853445657",
        "│ 204    │",
        "│ 401    │",
        "Outi of Turun Seudun Vesi has an open case with Päivi Mäkelä",
        "no shift is known                   │ 204    │ -",
        "│ 200    │ +35898550044 │",
    ):
        assert said in told.stdout
    picture = (ROOT / "build" / "demo" / "nice_iex_agentScheduleDetail_110226_0615.txt.svg").read_text(encoding="utf-8")
    for drawn in ("Chidinma Okafor", "José Núñez", "Friday 30 October 2026", "Voice Queue", "America/New_York"):
        assert drawn in picture


def test_the_story_of_another_file_has_its_own_numbers(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    rows = [
        f"asa.lindqvist@nordic-care.example,2027-01-{day}T08:00,2027-01-{day}T10:30,Chat,,,,Europe/Helsinki"
        for day in (11, 12, 13)
    ]
    file.write_text("\n".join(["agent,start,end,activity,plan,status,external_id,time_zone", *rows]), encoding="utf-8")
    told = demo(DEMO_FILE=str(file), PROFILE="switchboard-csv")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "3 rows, 1 agent, 3 bookings created, 0 rows skipped" in told.stdout
    assert "Åsa Lindqvist" in told.stdout
    assert "7.50" in told.stdout
    assert "Wednesday 13 January 2027" in (ROOT / "build" / "demo" / "week.csv.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        pytest.param({"DEMO_FILE": "no-such-file.csv", "PROFILE": "nice-iex"}, 2, "There is no file", id="no file"),
        pytest.param({"DEMO_FILE": "host.json"}, 2, "DEMO_FILE needs PROFILE", id="no profile"),
        pytest.param({"DEMO_FILE": "host.json", "PROFILE": "nice-iex"}, 1, "the file is rejected", id="no schedule"),
    ],
)
def test_a_demo_that_cannot_be_told_says_why(environment: dict[str, str], code: int, says: str) -> None:
    told = demo(**environment)
    assert (told.returncode, says in told.stderr) == (code, True), told.stdout + told.stderr
