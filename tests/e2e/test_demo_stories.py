"""The story of the demo has the numbers of whatever file it is told of. How it starts: tests/local/demo."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from local.demo.__main__ import BUILD, tell
from local.demo.doors import Doors
from tests.e2e.doors import ROOT, Stack


def told(stack: Stack, file: Path, profile: str) -> tuple[int, str]:
    """Exit code, and what a person reads."""
    BUILD.mkdir(parents=True, exist_ok=True)
    console = Console(file=io.StringIO(), highlight=False, width=100)
    doors = Doors(stack.functions_url, stack.dataverse_url, stack.enreach_url, stack.storage, stack.routing_key)
    code = tell(console, doors, file, profile)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_the_story_of_another_file_has_its_own_numbers(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "week.csv"
    rows = [
        f"asa.lindqvist@nordic-care.example,2027-01-{day}T08:00,2027-01-{day}T10:30,Chat,,,,Europe/Helsinki"
        for day in (11, 12, 13)
    ]
    file.write_text("\n".join(["agent,start,end,activity,plan,status,external_id,time_zone", *rows]), encoding="utf-8")
    code, text = told(stack, file, "switchboard-csv")
    assert code == 0, text + capsys.readouterr().err
    assert "3 rows, 1 agent, 3 bookings created, 0 rows skipped" in text
    assert "Åsa Lindqvist" in text
    assert "7.50" in text
    assert "Wednesday 13 January 2027" in (BUILD / "week.csv.svg").read_text(encoding="utf-8")


def test_a_story_that_ends_otherwise_says_why(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = told(stack, ROOT / "host.json", "nice-iex")
    assert code == 1
    assert "The demo stopped: the file is rejected" in capsys.readouterr().err
