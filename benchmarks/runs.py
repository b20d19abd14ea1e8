"""Runs one client in a process of its own and tells what it cost. The other side of it is `benchmarks.process`."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from tempfile import TemporaryFile
from typing import Any

from benchmarks.clients import Client, Program
from benchmarks.places import BUILD, CLIENT_CORE, CORE_COUNT, PEERS_NODE, PEERS_PYTHON, PEERS_SOURCE, ROOT, on_core
from benchmarks.process import STARTED, Job
from benchmarks.rows import bookings
from benchmarks.simulator import Simulator

LONGEST_S = 900.0
"""A client that takes longer is ended."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one client process cost and said. Times in seconds, memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    connections: int
    said: dict[str, Any]

    @property
    def error(self) -> str:
        """What the client raised, empty when nothing."""
        return str(self.said.get("error") or "")


def run_client(client: Client, simulator: Simulator, job: Job, started: Callable[[], None] | None = None) -> Run:
    """Runs the client to its end; `started` is called in a thread of its own when the measured part begins.

    Raises RuntimeError when the process gives no result.
    """
    full = {"url": simulator.url, "tls_url": simulator.tls_url, **client.options, **job}
    if client.program is Program.NODE and "rows" in full:
        full["rows_file"] = _rows_file(full["rows"], full.get("start", 0))
    with TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            _command(client),
            cwd=ROOT,
            env=_environment(simulator),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=on_core(CLIENT_CORE),
        )
        with process:
            last = _last_line(process, json.dumps(full), started)
        try:
            said = json.loads(last)
        except ValueError:
            errors.seek(0)
            raise RuntimeError(f"{client.name} ended with {process.returncode}: {errors.read()[-2000:]}") from None
    wall_s, cpu_s, peak_mb, connections = (said.pop(name) for name in ("wall_s", "cpu_s", "peak_mb", "connections"))
    return Run(wall_s, cpu_s, peak_mb, connections, said)


def _last_line(process: subprocess.Popen[str], job: str, started: Callable[[], None] | None) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(LONGEST_S, process.kill)
    watchdog.start()
    last = ""
    try:
        process.stdin.write(job)
        process.stdin.close()
        for line in process.stdout:
            last = line.strip() or last
            if last == STARTED and started is not None:
                threading.Thread(target=started, daemon=True).start()
        process.wait()
        return last
    finally:
        watchdog.cancel()
        process.kill()  # does nothing to a process that has ended


def _command(client: Client) -> list[str]:
    match client.program:
        case Program.APP:
            return [sys.executable, "-m", client.module]
        case Program.PEER:
            return [str(PEERS_PYTHON), "-m", f"benchmarks.peers.{client.module}"]
        case Program.NODE:
            return ["node", str(PEERS_SOURCE / client.module)]


def _environment(simulator: Simulator) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        # Thread pools are sized by the machine and not by the one core that the client is tied to.
        "PYTHON_CPU_COUNT": str(CORE_COUNT),
        "REQUESTS_CA_BUNDLE": str(simulator.certificate),
        "PEER_MODULES": str(PEERS_NODE.parent),
        "PYTHONPATH": str(ROOT),
    }


@cache
def _rows_file(count: int, start: int) -> str:
    """The rows as a file, for a program that cannot import them."""
    path = BUILD / f"bookings-{count}-{start}.json"
    path.write_text(json.dumps(list(bookings(count, start))))
    return str(path)
