"""The doors of the Makefile, with stand-ins for the tools behind them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOL = (
    '#!/bin/sh\necho "$(basename "$0") $*|${DEMO_FILE-unset}|${PROFILE-unset}" >>log\ncase "$*" in %s) exit 1 ;; esac\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("local/setup.sh", ".venv/bin/python", ".venv/bin/lint-imports", ".venv/bin/uv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TOOL % "nothing")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def _make(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={**environ, **environment}, capture_output=True, text=True, check=False
    )


def _log(folder: Path) -> list[str]:
    return [line.split("|")[0] for line in (folder / "log").read_text().splitlines()]


def test_help_is_the_default_and_names_every_door(folder: Path) -> None:
    doors = set(re.findall(r"^(\w+):", (folder / "Makefile").read_text(), re.MULTILINE)) - {"help"}
    assert {line.split()[1] for line in _make(folder).stdout.splitlines()} == doors


@pytest.mark.parametrize(
    ("door", "command"),
    [
        ("demo", "python -m local.demo"),
        ("run", "python -m local.stack"),
        ("test", "python -m pytest"),
        ("fix", "python -m ruff check --fix ."),
        ("lock", "uv pip compile --python-version 3.13 --generate-hashes --no-emit-index-url"),
    ],
)
def test_every_door_sets_up_first(folder: Path, door: str, command: str) -> None:
    assert _make(folder, door).returncode == 0
    setup, first, *_rest = _log(folder)
    assert setup.strip() == "setup.sh"
    assert first.startswith(command)


def test_all_tests_run_on_all_cores(folder: Path) -> None:
    _make(folder, "test")
    assert _log(folder)[-1] == "python -m pytest -n auto"


def test_arguments_reach_pytest(folder: Path) -> None:
    _make(folder, "test", "ARGS=-k blob -x")
    assert _log(folder)[-1] == "python -m pytest -k blob -x"


@pytest.mark.parametrize("how", ["command line", "environment"])
def test_the_demo_gets_its_file_and_profile(folder: Path, how: str) -> None:
    given = {"DEMO_FILE": "a file.csv", "PROFILE": "nice"}
    if how == "environment":
        _make(folder, "demo", **given)
    else:
        _make(folder, "demo", *(f"{name}={value}" for name, value in given.items()))
    assert (folder / "log").read_text().splitlines()[-1].endswith("|a file.csv|nice")


def test_what_nobody_set_stays_unset_for_the_demo(folder: Path) -> None:
    _make(folder, "demo", "PROFILE=nice")
    assert (folder / "log").read_text().splitlines()[-1].endswith("|unset|nice")


def test_every_check_runs_and_the_failed_ones_are_named(folder: Path) -> None:
    for tool in ("python", "lint-imports"):
        (folder / ".venv/bin" / tool).write_text(TOOL % '"-m mypy"|""')
    ended = _make(folder, "check")
    assert ended.returncode != 0
    assert "make check failed: types(mypy) import-rules(lint-imports)" in ended.stderr
    expected = ["python -m ruff check .", "python -m ruff format --check .", "python -m mypy", "lint-imports"]
    assert [line.strip() for line in _log(folder)[1:]] == expected


def test_checks_that_pass_are_a_success(folder: Path) -> None:
    assert _make(folder, "check").returncode == 0


def test_a_failed_set_up_stops_every_door(folder: Path) -> None:
    (folder / "local/setup.sh").write_text("exit 1\n")
    assert _make(folder, "run").returncode != 0
    assert not (folder / "log").exists()
