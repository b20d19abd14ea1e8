"""local/setup.sh: which Python it takes, when it installs and when it does not. Tools are stand-ins that keep a log."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("sh", "cat", "cksum", "cp", "dirname", "grep", "ls", "mkdir", "rm", "sed", "sleep", "sort")
REAL_PYTHON = Path(sys.base_prefix) / "bin" / "python3.13"

# Answers `-c` as the real Python does; makes a folder for `-m venv`; writes down what `-m pip` was asked.
PYTHON = f"""#!/bin/sh
case "$1 $2" in
"-m venv") echo venv >>log; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip") [ "$3" = --version ] && exit 0; echo "pip $*" >>log; sleep 0.2; [ ! -e pip-fails ] ;;
*) exec "{REAL_PYTHON}" "$@" ;;
esac
"""
NPM = "#!/bin/sh\necho npm $* >>log\nmkdir -p node_modules/.bin\ncp /bin/sh node_modules/.bin/azurite\n"


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Project:
    """A folder with the set-up script, lock files, and a PATH that has only what the test put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.bin = folder / "bin"
        self.home = folder / "home"
        for directory in (self.folder / "local", self.bin, self.home):
            directory.mkdir(parents=True)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        shutil.copy(ROOT / "local" / "setup.sh", self.folder / "local")
        for name in ("requirements.txt", "requirements-dev.txt", "package.json", "package-lock.json"):
            (self.folder / name).write_text(name)

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.bin / "sh"), "local/setup.sh", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with self.command(*arguments) as process:
            out, err = process.communicate(timeout=30)
        return process.returncode, out.strip(), err.strip()

    def log(self) -> list[str]:
        """What was done since the last look, by its first word."""
        file = self.folder / "log"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line.split()[0] for line in lines]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def equipped(project: Project) -> Project:
    """With Python, Node.js and npm on PATH."""
    _script(project.bin / "python3.13", PYTHON)
    _script(project.bin / "node", "#!/bin/sh\necho v20.1.0\n")
    _script(project.bin / "npm", NPM)
    return project


RIGHT, BROKEN_SHIM, OTHER_VERSION = "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 127\n", "#!/bin/sh\nexit 1\n"


def test_python_on_path_is_taken_first(project: Project) -> None:
    _script(project.bin / "python3.13", RIGHT)
    _script(project.home / ".pyenv/versions/3.13.1/bin/python3.13", RIGHT)
    assert project.run("--find-python") == (0, str(project.bin / "python3.13"), "")


@pytest.mark.parametrize("on_path", [pytest.param(BROKEN_SHIM, id="a shim"), pytest.param(OTHER_VERSION, id="another")])
def test_a_python_on_path_that_does_not_answer_is_passed_over_for_pyenv(project: Project, on_path: str) -> None:
    _script(project.bin / "python3.13", on_path)
    _script(project.bin / "pyenv", f'#!/bin/sh\n[ "$1 $2" = "prefix 3.13" ] && echo "{project.home}/prefix"\n')
    _script(project.home / "prefix/bin/python3.13", RIGHT)
    assert project.run("--find-python")[:2] == (0, f"{project.home}/prefix/bin/python3.13")


def test_the_newest_version_of_pyenv_that_runs_is_found_without_pyenv_on_path(project: Project) -> None:
    for version, text in (("3.13.2", RIGHT), ("3.13.9", RIGHT), ("3.13.10", BROKEN_SHIM), ("3.12.11", RIGHT)):
        _script(project.home / f".pyenv/versions/{version}/bin/python{version[:4]}", text)
    assert project.run("--find-python")[:2] == (0, f"{project.home}/.pyenv/versions/3.13.9/bin/python3.13")


def test_uv_is_asked_last(project: Project) -> None:
    _script(project.home / "uv-python", RIGHT)
    _script(project.bin / "uv", f'#!/bin/sh\n[ "$1 $2" = "python find" ] && echo "{project.home}/uv-python"\n')
    assert project.run("--find-python")[:2] == (0, f"{project.home}/uv-python")


def test_without_any_python_there_is_one_clear_sentence(equipped: Project) -> None:
    _script(equipped.bin / "python3.13", BROKEN_SHIM)
    code, _out, err = equipped.run()
    assert code == 1
    assert err == (
        "Python 3.13 was not found on PATH, in pyenv or in uv. "
        'Install it with "pyenv install 3.13" or "uv python install 3.13".'
    )
    assert not (equipped.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("tool", "text", "message"),
    [
        pytest.param("node", None, "Node.js was not found on PATH.", id="no node"),
        pytest.param("npm", None, "npm was not found on PATH.", id="no npm"),
        pytest.param("node", "#!/bin/sh\necho v18.20.1\n", "Node.js v18.20.1 is too old.", id="old node"),
    ],
)
def test_a_missing_or_old_node_is_told_before_anything_is_installed(
    equipped: Project, tool: str, text: str | None, message: str
) -> None:
    (equipped.bin / tool).unlink()
    if text is not None:
        _script(equipped.bin / tool, text)
    code, _out, err = equipped.run()
    assert (code, equipped.log()) == (1, [])
    assert err.startswith(message)


def test_it_installs_once_and_is_silent_afterwards(equipped: Project) -> None:
    code, out, err = equipped.run()
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "Installing Python packages (once, about half a minute)...",
        "Installing the storage emulator (once, about half a minute)...",
    ]
    assert equipped.log() == ["venv", "pip", "npm"]
    assert equipped.run() == (0, "", "")
    assert equipped.log() == []


def test_packages_are_installed_from_the_hashed_lock_only(equipped: Project) -> None:
    equipped.run()
    pip, npm = (equipped.folder / "log").read_text().splitlines()[1:]
    assert "--require-hashes" in pip
    assert pip.endswith("-r requirements-dev.txt")
    assert npm.startswith("npm ci ")


@pytest.mark.parametrize(
    ("changed", "done"),
    [
        ("requirements.txt", ["pip"]),
        ("requirements-dev.txt", ["pip"]),
        ("package-lock.json", ["npm"]),
        ("package.json", ["npm"]),
    ],
)
def test_a_changed_lock_is_installed_again(equipped: Project, changed: str, done: list[str]) -> None:
    equipped.run()
    equipped.log()
    (equipped.folder / changed).write_text("something else")
    assert equipped.run()[0] == 0
    assert equipped.log() == done


@pytest.mark.parametrize("damage", ["python is gone", "python does not run", "half made"])
def test_a_broken_venv_is_built_again(equipped: Project, damage: str) -> None:
    equipped.run()
    equipped.log()
    python = equipped.folder / ".venv" / "bin" / "python"
    if damage == "python does not run":
        _script(python, BROKEN_SHIM)
    else:
        python.unlink()
    if damage == "half made":
        (equipped.folder / ".venv" / ".requirements-stamp").unlink()
    assert equipped.run()[0] == 0
    assert equipped.log() == ["venv", "pip"]


def test_an_install_that_failed_is_tried_again(equipped: Project) -> None:
    (equipped.folder / "pip-fails").touch()
    assert equipped.run()[0] != 0
    assert equipped.log() == ["venv", "pip"]
    (equipped.folder / "pip-fails").unlink()
    assert equipped.run()[0] == 0
    assert equipped.log() == ["pip", "npm"]


def test_two_at_once_install_once(equipped: Project) -> None:
    both = [equipped.command(), equipped.command()]
    for process in both:
        process.communicate(timeout=30)
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(equipped.log()) == ["npm", "pip", "venv"]


def test_the_script_is_plain_posix_sh() -> None:
    shell = shutil.which("dash") or shutil.which("sh")
    assert shell
    assert subprocess.run([shell, "-n", ROOT / "local/setup.sh"], check=False).returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
