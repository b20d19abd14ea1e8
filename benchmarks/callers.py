"""Callers who ask at the same time, each for one answer after the other. Standard library only: peers import it too."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.process import Job, Meter


def queries_of(job: Job, number: int) -> list[dict[str, Any]]:
    """The questions of a look-up."""
    queries: list[dict[str, Any]] = job["look_ups"][number % len(job["look_ups"])]
    return queries


def _result(times: list[float], rows: list[int], failures: list[str]) -> dict[str, Any]:
    return {
        "times_ms": [round(seconds * 1000, 3) for seconds in times],
        "rows": sum(rows),
        "failures": len(failures),
        "error": (failures or [""])[0],
    }


async def look_ups(job: Job, meter: Meter, ask: Callable[[int], Awaitable[int]]) -> dict[str, Any]:
    """`callers` at once ask `asks` times each after one unmeasured time.

    `ask` is told which look-up this is, counted through all callers, and tells how many rows it got.
    """
    times: list[float] = []
    rows: list[int] = []
    failures: list[str] = []

    async def caller(number: int) -> None:
        for turn in range(job["asks"]):
            started = time.perf_counter()
            try:
                rows.append(await ask(turn * job["callers"] + number))
            except Exception as error:  # noqa: BLE001 - counted
                failures.append(f"{type(error).__name__}: {str(error)[:200]}")
            times.append(time.perf_counter() - started)

    await asyncio.gather(*map(ask, range(job["callers"])), return_exceptions=True)
    with meter.measured():
        await asyncio.gather(*map(caller, range(job["callers"])))
    return _result(times, rows, failures)


def threaded_look_ups(job: Job, meter: Meter, ask: Callable[[int], int]) -> dict[str, Any]:
    """The same with a thread for each caller, for clients that block."""
    times: list[float] = []
    rows: list[int] = []
    failures: list[str] = []
    warm, gate = threading.Barrier(job["callers"] + 1), threading.Barrier(job["callers"] + 1)

    def timed(number: int) -> None:
        started = time.perf_counter()
        try:
            rows.append(ask(number))
        except Exception as error:  # noqa: BLE001 - counted
            failures.append(f"{type(error).__name__}: {str(error)[:200]}")
        times.append(time.perf_counter() - started)

    def caller(number: int) -> None:
        timed(number)
        warm.wait()
        gate.wait()
        for turn in range(job["asks"]):
            timed(turn * job["callers"] + number)

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(job["callers"])]
    for thread in threads:
        thread.start()
    warm.wait()
    times.clear()
    rows.clear()
    with meter.measured():
        gate.wait()
        for thread in threads:
            thread.join()
    return _result(times, rows, failures)
