"""Callers who ask at the same time, each for one answer after the other. Standard library only: peers import it too."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.process import Job, Meter


def _result(times: list[float], rows: list[int], failures: int) -> dict[str, Any]:
    return {"times_ms": [round(seconds * 1000, 3) for seconds in times], "rows": sum(rows), "failures": failures}


async def look_ups(job: Job, meter: Meter, ask: Callable[[], Awaitable[int]]) -> dict[str, Any]:
    """`callers` at once ask `asks` times each after one unmeasured time. `ask` tells how many rows it got."""
    times: list[float] = []
    rows: list[int] = []
    failures = 0

    async def caller() -> None:
        nonlocal failures
        for _ in range(job["asks"]):
            started = time.perf_counter()
            try:
                rows.append(await ask())
            except Exception:  # noqa: BLE001 - counted
                failures += 1
            times.append(time.perf_counter() - started)

    await asyncio.gather(*(ask() for _ in range(job["callers"])), return_exceptions=True)
    with meter.measured():
        await asyncio.gather(*(caller() for _ in range(job["callers"])))
    return _result(times, rows, failures)


def threaded_look_ups(job: Job, meter: Meter, ask: Callable[[], int]) -> dict[str, Any]:
    """The same with a thread for each caller, for clients that block."""
    times: list[float] = []
    rows: list[int] = []
    failures: list[int] = []
    gate = threading.Barrier(job["callers"] + 1)

    def caller() -> None:
        ask()
        gate.wait()
        for _ in range(job["asks"]):
            started = time.perf_counter()
            try:
                rows.append(ask())
            except Exception:  # noqa: BLE001 - counted
                failures.append(1)
            times.append(time.perf_counter() - started)

    threads = [threading.Thread(target=caller) for _ in range(job["callers"])]
    for thread in threads:
        thread.start()
    gate.wait()
    with meter.measured():
        for thread in threads:
            thread.join()
    return _result(times, rows, len(failures))
