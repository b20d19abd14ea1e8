"""The command line: start, stop, a taken port."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.stack.ports import free_port

REPOSITORY = Path(__file__).parents[3]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.enreach", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_serves_and_stops_cleanly(number: int) -> None:
    port = free_port()
    process = start("--port", str(port))
    assert process.stdout is not None
    assert process.stdout.readline().strip() == f"Enreach simulator: http://127.0.0.1:{port}"
    assert httpx.get(f"http://127.0.0.1:{port}/__sim/health").json() == {"status": "healthy"}
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_ends_it_with_code_2_and_one_sentence() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = start("--port", str(port))
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert len(errors.strip().splitlines()) == 1
    assert str(port) in errors
