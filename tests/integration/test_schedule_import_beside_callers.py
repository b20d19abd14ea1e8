"""A large import leaves the event loop to callers: counted in lines of Python and bytes of JSON, not in seconds."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from types import FrameType
from typing import Any

import orjson
import pytest

from benchmarks.schedules import users
from benchmarks.weeks import SEGMENTS_A_WEEK, Layout, Week, export
from shared.dataverse.client import DataverseClient
from shared.long_work import SHORT, aside, many_objects
from tests.integration.site import Site, utc
from tests.memory_storage import MemoryTables

AGENTS = 1_000
ROWS = AGENTS * SEGMENTS_A_WEEK
WEEK = f"{Layout.SWITCHBOARD.value}/week.csv"
LONGEST_STEP = 4_000
"""Lines of Python between two turns of the event loop: some milliseconds."""


@dataclass
class Steps:
    """What the thread of the event loop did between one turn and the next."""

    lines: int = 0
    too_long: dict[str, int] = field(default_factory=dict)
    """Where a step was when it had become too long, and how long it became at most."""
    place: str = ""

    def begin(self) -> None:
        self.lines, self.place = 0, ""

    def end(self) -> None:
        if self.place:
            self.too_long[self.place] = max(self.lines, self.too_long.get(self.place, 0))

    def count(self, frame: FrameType, event: str, _: Any) -> "Callable[[FrameType, str, Any], Any]":
        if event == "line":
            self.lines += 1
            if self.lines == LONGEST_STEP:
                self.place = " < ".join(_places(frame))
        return self.count


def _places(frame: FrameType | None) -> Iterator[str]:
    while frame is not None and frame.f_code.co_name != "counted":
        yield f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Counts what the calling thread does, and it alone."""
    steps = Steps()
    run = asyncio.Handle._run

    def counted(handle: asyncio.Handle) -> None:
        steps.begin()
        run(handle)
        steps.end()

    before = sys.gettrace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", counted)
        sys.settrace(steps.count)
        try:
            yield steps
        finally:
            sys.settrace(before)


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str) -> AsyncIterator[Site]:
    made = Site(dataverse, simulator, utc("2027-01-10T12:00:00Z"))
    made.plant("systemusers", users(AGENTS))
    yield made
    made.close()


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Of each JSON text that came from Dataverse or goes there: whether the event loop's thread read or wrote it, and
    how many bytes it has."""
    noted: list[tuple[bool, int]] = []
    loads, dumps, loop = orjson.loads, orjson.dumps, threading.get_ident()

    def note(text: bytes) -> bytes:
        noted.append((threading.get_ident() == loop, len(text)))
        return text

    monkeypatch.setattr("shared.dataverse.odata.json_text.orjson.loads", lambda text: loads(note(text)))
    monkeypatch.setattr("shared.dataverse.odata.json_text.orjson.dumps", lambda *value: note(dumps(*value)))
    return noted


async def test_no_step_of_a_large_import_keeps_callers_waiting(site: Site, texts: list[tuple[bool, int]]) -> None:
    content = export(Week(date(2027, 1, 11), AGENTS), Layout.SWITCHBOARD)
    await site.take_up("switchboard-csv/not-there.csv")  # what is loaded with the first file is loaded
    with counted_steps() as steps:
        first = await site.deliver(WEEK, content)
        site.tables = MemoryTables(site.now)
        same = await site.deliver(WEEK, content)
    assert (first.created, same.unchanged) == (ROWS, ROWS)
    assert not steps.too_long
    assert sum(size for _, size in texts) > 2 * ROWS * 200, "the bookings were written and read"
    assert max(size for on_loop, size in texts if on_loop) <= SHORT
    assert max(size for _, size in texts) <= 2 * SHORT


async def test_the_count_sees_what_is_done_on_the_event_loop(site: Site) -> None:
    def work() -> None:
        for _ in range(LONGEST_STEP):
            pass

    with counted_steps() as steps:
        await aside(work)
        await asyncio.sleep(0)
        assert not steps.too_long
        work()
        await asyncio.sleep(0)
    assert len(steps.too_long) == 1


async def test_the_collector_searches_everything_only_once_an_import_is_over(site: Site) -> None:
    searches: list[int] = []

    def noted(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            searches.append(about["generation"])

    content = export(Week(date(2027, 1, 11), AGENTS // 4), Layout.SWITCHBOARD)
    with many_objects():  # somebody else's long work: the import's end is not the end of all
        gc.callbacks.append(noted)
        try:
            await site.deliver(WEEK, content)
        finally:
            gc.callbacks.remove(noted)
    assert searches
    assert 2 not in searches
