"""`make demo` starts all it needs and tells the story of its sample. Other files: tests/e2e/test_demo_stories.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.demo.__main__ import main

ROOT = Path(__file__).parents[3]


def test_the_story_of_the_sample() -> None:
    environ = {name: value for name, value in os.environ.items() if name not in {"DEMO_FILE", "PROFILE"}}
    told = subprocess.run(
        [sys.executable, "-m", "local.demo"], cwd=ROOT, env=environ, text=True, capture_output=True,
        timeout=110, check=False,
    )  # fmt: skip
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
        "Åsa calls Hanna from her mobile │ direct │ out       │ yes      │ Åsa Lindqvist │ logged",
        "Mikko: Anna hands over to Päivi │ direct │ in        │ yes      │ Päivi Mäkelä  │ logged",
        "Elina calls Päivi in private    │ direct │ in        │ -        │ -             │ skipped-private",
        "A second run reads the same calls. Rows written in Dynamics: 0",
        "switched-off: ProcessServiceCalls is false",
        "Elina once more       │ merged  │ yes      │ -                │ yes          │ ClosedSuccessfully",
        "a withheld number     │ queued  │ -        │",
        "5 requests, 4 phone calls",
        "A second run reads the same list. Rows written in Dynamics: 0",
        "a new number, missed  │ created    │ Missed call from an unknown caller │",
        "Hanna once more       │ appended   │ VIP call from Hanna Nieminen       │ Anna Virtanen │ yes",
        "5 calls, 2 cases",
        "and a broken one with them. Rows written in Dynamics: 0",
        "parked: malformed: callId: Field required",
    ):
        assert said in told.stdout
    picture = (ROOT / "build" / "demo" / "nice_iex_agentScheduleDetail_110226_0615.txt.svg").read_text(encoding="utf-8")
    for drawn in ("Chidinma Okafor", "José Núñez", "Friday 30 October 2026", "Voice Queue", "America/New_York"):
        assert drawn in picture


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        pytest.param({"DEMO_FILE": "no-such-file.csv", "PROFILE": "nice-iex"}, "There is no file", id="no file"),
        pytest.param({"DEMO_FILE": "host.json"}, "DEMO_FILE needs PROFILE", id="no profile"),
    ],
)
def test_a_demo_that_cannot_begin_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], says: str
) -> None:
    for name in ("DEMO_FILE", "PROFILE"):
        monkeypatch.setenv(name, environment.get(name, ""))
    assert main() == 2
    assert says in capsys.readouterr().err
