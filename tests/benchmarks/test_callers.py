"""Callers who ask at the same time: each look-up is timed, none is lost, and a failing client does not hang."""

import asyncio
from typing import Any

import pytest

from benchmarks.callers import look_ups, threaded_look_ups
from benchmarks.process import Meter

JOB: dict[str, Any] = {"callers": 4, "asks": 3}


def run(ask: Any, *, threads: bool) -> dict[str, Any]:
    if threads:
        return threaded_look_ups(JOB, Meter(), ask)

    async def ask_async(number: int) -> int:
        return int(ask(number))

    return asyncio.run(look_ups(JOB, Meter(), ask_async))


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "tasks"])
def test_every_look_up_is_asked_once_after_one_unmeasured_time(threads: bool) -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return 1

    result = run(ask, threads=threads)
    assert (len(result["times_ms"]), result["rows"], result["failures"], result["error"]) == (12, 12, 0, "")
    assert sorted(asked) == sorted([*range(4), *range(12)])


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "tasks"])
def test_failures_are_counted_and_the_first_is_told(threads: bool) -> None:
    def ask(number: int) -> int:
        raise OSError("refused")

    result = run(ask, threads=threads)
    assert result["failures"] >= 12
    assert (result["rows"], result["error"]) == (0, "OSError: refused")
