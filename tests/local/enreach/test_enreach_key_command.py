"""`python -m local.enreach_key`: the login password is asked for in the terminal, and the key alone is printed."""

import getpass
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from local.enreach.seed import API_PASSWORD, API_SECRET_KEY, API_USER
from local.enreach_key.__main__ import main
from local.stack.ports import free_port
from tests.local.enreach.conftest import Enreach

ROOT = Path(__file__).parents[3]


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed; the prompt that asked for it comes behind."""
    typed = [API_PASSWORD]

    def ask(prompt: str) -> str:
        typed.append(prompt)
        return typed[0]

    monkeypatch.setattr(getpass, "getpass", ask)
    return typed


@pytest.mark.parametrize("switches", [{}, {"endpoint_slash": False}, {"silo": "silo2"}], ids=str)
def test_the_key_is_printed_alone(
    enreach: Enreach, password: list[str], capsys: pytest.CaptureFixture[str], switches: dict[str, object]
) -> None:
    enreach.environment(**switches)
    assert main([API_USER, "--discovery", enreach.origin]) == 0
    assert capsys.readouterr().out == f"{API_SECRET_KEY}\n"
    assert password[1] == f"Login password of {API_USER}: "


def test_with_the_apis_address_discovery_is_not_asked(
    enreach: Enreach, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([API_USER, "--api", f"{enreach.origin}/", "--discovery", f"http://127.0.0.1:{free_port()}"]) == 0
    assert capsys.readouterr().out == f"{API_SECRET_KEY}\n"


def test_a_wrong_password_gives_no_key(
    enreach: Enreach, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    password[0] = "wrong-password"
    assert main([API_USER, "--discovery", enreach.origin]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "is not accepted" in shown.err
    assert "wrong-password" not in shown.err


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"match": {"path": "/api/user"}, "empty": True}, "does not know"),
        ({"match": {"path": "/api/user"}, "html": True}, "did not answer with JSON"),
        ({"match": {"path": "/authuser"}, "status": 500}, "answered 500"),
        ({"match": {"path": "/authuser"}, "empty": True}, "answered without a key"),
        ({"match": {"path": "/authuser"}, "drop": "before"}, "did not answer"),
    ],
)
def test_a_failure_is_told(
    enreach: Enreach, password: list[str], capsys: pytest.CaptureFixture[str], fault: dict[str, object], says: str
) -> None:
    enreach.accepted("faults", [fault])
    assert main([API_USER, "--discovery", enreach.origin]) == 1
    assert says in capsys.readouterr().err


def test_the_password_goes_to_https_only(
    enreach: Enreach, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--api", "--discovery"):
        assert main([API_USER, option, "http://api.enreachvoice.example"]) == 2
    assert len(password) == 1, "nobody was asked for a password"
    enreach.environment(api_endpoint="http://api.enreachvoice.example/")
    assert main([API_USER, "--discovery", enreach.origin]) == 1
    assert capsys.readouterr().err.count("is no https address") == 3


def test_what_is_typed_in_a_terminal_is_not_shown(enreach: Enreach) -> None:
    command = [sys.executable, "-m", "local.enreach_key", API_USER, "--discovery", enreach.origin]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: _take_terminal(theirs),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"password" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, f"{API_PASSWORD}\n".encode())
    key, _ = process.communicate(timeout=30)
    shown += os.read(ours, 4096)
    os.close(ours)
    assert key.decode() == f"{API_SECRET_KEY}\n"
    assert API_PASSWORD.encode() not in shown


def test_without_a_terminal_nothing_is_asked(enreach: Enreach) -> None:
    command = [sys.executable, "-m", "local.enreach_key", API_USER, "--discovery", enreach.origin]
    ended = subprocess.run(
        command, cwd=ROOT, input=API_PASSWORD, capture_output=True, text=True, check=False, start_new_session=True
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert enreach.stats()["requests"]["total"] == 0


def _take_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
