"""What a client process does: one job from standard input, its result to standard output, costs measured inside.

Standard library only, so that each peer's own environment can run it. A job is
`{"action": str, "url": str, "tls_url": str, "rows": int, "start": int, ...}`; what else it has depends on the action.
The process prints `started` when the measured part begins, and its result as the last line.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.rows import BOOKING_ID, Row, bookings

STARTED = "started"

type Job = dict[str, Any]
type Result = dict[str, Any]


class Meter:
    """Time and processor seconds of the measured part, and the TCP connections that the process opened in all."""

    def __init__(self) -> None:
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.connections = 0
        sys.addaudithook(self._count_connection)

    def _count_connection(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Blocking sockets and asyncio's alike go through socket.connect, which tells the interpreter's audit hooks.
        if event == "socket.connect":
            self.connections += 1

    @contextmanager
    def measured(self) -> Iterator[None]:
        """The part of the process that counts."""
        print(STARTED, flush=True)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall_s, self.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


type Action = Callable[[Job, Meter], Result]


def job_rows(job: Job) -> list[Row]:
    """The bookings of a job; without ids where a client's documentation lets Dataverse choose them."""
    rows = list(bookings(job["rows"], job.get("start", 0)))
    if job.get("without_ids"):
        for row in rows:
            del row[BOOKING_ID]
    for number in job.get("bad", ()):
        rows[number]["name"] = "x" * 1000  # the column takes 100 characters
    return rows


def peak_memory_mb() -> float:
    """The most memory that this process has had, in MB of 1,000,000 bytes.

    Linux tells it by program; `ru_maxrss` would count the process that started this one, too (getrusage(2)).
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def serve(actions: dict[str, Action]) -> None:
    """Does the job on standard input. What an action returns joins the costs; an exception becomes `error`."""
    job = json.load(sys.stdin)
    meter = Meter()
    try:
        result = actions[job["action"]](job, meter)
    except Exception as error:  # noqa: BLE001 - what a client raises is a finding, not a fault of the bench
        result = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
    costs = {
        "wall_s": meter.wall_s,
        "cpu_s": meter.cpu_s,
        "connections": meter.connections,
        "peak_mb": peak_memory_mb(),
    }
    print(json.dumps({**costs, **result}), flush=True)
