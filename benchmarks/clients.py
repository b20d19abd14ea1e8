"""Every client that is measured: which program runs it, how it is used, how many requests that must cost.

The requests are those of the earlier measurements (facts on performance, section 1), so that a peer that is used
wrongly here is noticed instead of beaten.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from benchmarks.places import BUILD, CLIENT_CORE, CORE_COUNT, PEERS_NODE, PEERS_PYTHON, PEERS_SOURCE, ROOT, on_core
from benchmarks.process import STARTED, Job
from benchmarks.rows import bookings
from benchmarks.simulator import Simulator


class Program(StrEnum):
    """What runs a client."""

    APP = "app"
    PEER = "peer"
    NODE = "node"


class Use(StrEnum):
    """How a client is used."""

    OURS = "ours"
    DOCUMENTED = "as documented"
    TUNED = "tuned by hand"
    PLAIN = "plain HTTP library, tuned by hand"
    PROBE = "limit"


@dataclass(frozen=True, slots=True)
class Client:
    """One client in one way of use. `requests` is what 20,000 records must cost; None where it adapts."""

    name: str
    module: str
    use: Use
    program: Program = Program.PEER
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    requests: int | None = None

    @property
    def in_python(self) -> bool:
        """Whether its processor time can be compared with ours."""
        return self.program is not Program.NODE


OURS = Client("Switchboard", "benchmarks.ours", Use.OURS, Program.APP)
PROBE = Client("probe", "benchmarks.probe", Use.PROBE, Program.APP)

BULK_PEERS = (
    Client("official SDK, sync", "official_sync", Use.DOCUMENTED, requests=3),
    Client(
        "official SDK, async, 1,000 x 8",
        "official_async",
        Use.DOCUMENTED,
        options={"chunk": 1000, "width": 8},
        requests=29,
    ),
    Client(
        "official SDK, async, 400 x 50",
        "official_async",
        Use.TUNED,
        options={"chunk": 400, "width": 50},
        requests=101,
    ),
    Client(
        "dataverse-api, upsert by $batch",
        "dataverse_api_client",
        Use.DOCUMENTED,
        options={"mode": "batch", "chunk": 500},
        requests=45,
    ),
    Client(
        "dataverse-api, CreateMultiple",
        "dataverse_api_client",
        Use.DOCUMENTED,
        options={"mode": "multiple", "chunk": 100},
        requests=205,
    ),
    Client("crmadminbrasil, $batch 100 x 5", "crmadminbrasil", Use.DOCUMENTED, requests=200),
    Client(
        "dynamics-client, single POST x 50",
        "dynamics_client",
        Use.DOCUMENTED,
        options={"mode": "single", "width": 50},
        requests=20_002,
    ),
    Client(
        "dynamics-client, action by hand x 50",
        "dynamics_client",
        Use.TUNED,
        options={"mode": "action", "chunk": 400, "width": 50},
        requests=52,
    ),
    Client(
        "npm dynamics-web-api, 1,000 x 8",
        "dynamics_web_api.mjs",
        Use.DOCUMENTED,
        Program.NODE,
        {"chunk": 1000, "width": 8},
        requests=20,
    ),
    Client(
        "npm dynamics-web-api, 400 x 50",
        "dynamics_web_api.mjs",
        Use.TUNED,
        Program.NODE,
        {"chunk": 400, "width": 50},
        requests=50,
    ),
    Client(
        "plain httpx, 400 x 50",
        "plain",
        Use.PLAIN,
        options={"library": "httpx", "chunk": 400, "width": 50},
        requests=50,
    ),
    Client(
        "plain aiohttp, 400 x 50, warm",
        "plain",
        Use.PLAIN,
        options={"library": "aiohttp", "chunk": 400, "width": 50, "warm": True},
        requests=100,
    ),
)


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


def run_client(
    client: Client, simulator: Simulator, job: Job, *, started: Callable[[], None] | None = None, timeout_s: float = 900
) -> Run:
    """Runs the client's process to its end; `started` is called in a thread when its measured part begins.

    Raises RuntimeError when the process gives no result.
    """
    full = {"url": simulator.url, "tls_url": simulator.tls_url, **client.options, **job}
    if client.program is Program.NODE:
        full["rows_file"] = _rows_file(full.get("rows", 0), full.get("start", 0))
    process = subprocess.Popen(
        _command(client),
        cwd=ROOT,
        env=_environment(simulator),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=on_core(CLIENT_CORE),
    )
    errors: list[str] = []
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    stderr = process.stderr
    reader = threading.Thread(target=lambda: errors.extend(stderr.readlines()[-20:]))
    reader.start()
    watchdog = threading.Timer(timeout_s, process.kill)
    watchdog.start()
    last = ""
    try:
        process.stdin.write(json.dumps(full))
        process.stdin.close()
        for line in process.stdout:
            last = line.strip() or last
            if last == STARTED and started is not None:
                threading.Thread(target=started, daemon=True).start()
        process.wait()
    finally:
        watchdog.cancel()
        process.kill()
        reader.join()
        process.stdout.close()
        process.stderr.close()
    try:
        said = json.loads(last)
    except ValueError:
        raise RuntimeError(f"{client.name} ended with {process.returncode}: {''.join(errors)[-2000:]}") from None
    wall_s, cpu_s, peak_mb, connections = (said.pop(name) for name in ("wall_s", "cpu_s", "peak_mb", "connections"))
    return Run(wall_s, cpu_s, peak_mb, connections, said)


def _command(client: Client) -> list[str]:
    match client.program:
        case Program.APP:
            return [sys.executable, "-m", client.module]
        case Program.PEER:
            return [str(PEERS_PYTHON), "-m", f"benchmarks.peers.{client.module}"]
        case Program.NODE:
            return ["node", str(PEERS_SOURCE / client.module)]


def _environment(simulator: Simulator) -> dict[str, str]:
    certificate = str(simulator.certificate)
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        # Thread pools are sized by the machine and not by the one core that the client is tied to.
        "PYTHON_CPU_COUNT": str(CORE_COUNT),
        "REQUESTS_CA_BUNDLE": certificate,
        "PEER_MODULES": str(PEERS_NODE.parent),
        "PYTHONPATH": str(ROOT),
    }


def _rows_file(count: int, start: int) -> str:
    path = BUILD / f"bookings-{count}-{start}.json"
    if not path.exists():
        path.write_text(json.dumps(list(bookings(count, start))))
    return str(path)
