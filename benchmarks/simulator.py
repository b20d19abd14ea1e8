"""The Dataverse simulator as a process of its own, and what the bench asks of its control surface."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.places import BUILD, ROOT, SIMULATOR_CORE, on_core
from benchmarks.rows import BOOKING, RESOURCES, resources
from local.stack.ports import free_port

LATENCY_MS = 60.0
RECORD_MS = 2.0
# What one GET inside a `$batch` costs (facts of the published measurements: about 4 ms a part).
READ_PART_MS = 4.0
SINGLE_WRITE_MS = 12.0

PUBLISHED = {
    "latencyMs": LATENCY_MS,
    "bulkRecordMs": RECORD_MS,
    "singleWriteMs": SINGLE_WRITE_MS,
    "readPartMs": READ_PART_MS,
    "slots": 52,
    "maxConcurrent": 52,
    "dopHint": 52,
    "requestLimit": 6000,
    "executionLimitMs": 1_200_000,
}
"""An environment with the published service protection limits."""

UNCOUNTED = {"requestLimit": 10**9, "executionLimitMs": 10**12}
"""Lifts the two limits over 300 s: a bench sends in minutes what they allow in hours."""

_HTTP = httpx.Client(trust_env=False, timeout=120)


@dataclass(frozen=True, slots=True)
class Landed:
    """What the simulator saw since the last reset. Fetching a token counts as a request."""

    requests: int
    created: int
    updated: int
    throttled: int
    messages: dict[str, int]


@dataclass(slots=True)
class Simulator:
    """A running simulator."""

    url: str
    tls_url: str
    certificate: Path
    """Its self-signed certificate, for clients that verify whom they speak to."""

    def control(self, path: str, body: object = None, method: str = "POST") -> Any:
        """One request of the control surface. Raises httpx.HTTPError when it fails."""
        answer = _HTTP.request(method, f"{self.url}/__sim/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def prepare(self, **environment: float) -> None:
        """An empty environment that behaves so, with the agents whose bookings are written."""
        self.control("faults", method="DELETE")
        self.control("reset", {})
        self.control("environment", {**PUBLISHED, **UNCOUNTED, **environment})
        self.control("rows", {RESOURCES: resources()})

    def change(self, **environment: float) -> None:
        """Other behaviour from now on; rows and counts stay."""
        self.control("environment", environment)

    def landed(self) -> Landed:
        """The counts since `prepare`."""
        stats = self.control("stats", method="GET")
        written = stats["recordsWritten"]
        return Landed(
            requests=stats["requests"]["total"] + stats["tokens"],
            created=written["created"].get(BOOKING, 0),
            updated=written["updated"].get(BOOKING, 0),
            throttled=stats["throttled"],
            messages=stats["messages"],
        )

    def rows(self, entity_set: str) -> list[dict[str, Any]]:
        """Every stored row of a table."""
        rows: list[dict[str, Any]] = self.control(f"rows?table={entity_set}", method="GET")
        return rows


@contextmanager
def running_simulator() -> Iterator[Simulator]:
    """A simulator that ends with the block."""
    port, tls_port = free_port(), free_port()
    BUILD.mkdir(parents=True, exist_ok=True)
    certificate = BUILD / f"simulator-{tls_port}.pem"
    command = [sys.executable, "-m", "local.dataverse", "--port", str(port), "--tls-port", str(tls_port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=on_core(SIMULATOR_CORE))
    try:
        assert process.stdout is not None
        for _ in range(2):
            if not process.stdout.readline():
                raise RuntimeError("the Dataverse simulator did not start")
        certificate.write_text(ssl.get_server_certificate(("localhost", tls_port)))
        yield Simulator(f"http://127.0.0.1:{port}", f"https://localhost:{tls_port}", certificate)
    finally:
        certificate.unlink(missing_ok=True)
        process.terminate()
        process.communicate(timeout=30)
