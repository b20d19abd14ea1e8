"""Long work leaves the thread of the event loop, gives it its turn soon, and keeps the garbage collector from it."""

import asyncio
import contextvars
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator, Sized

import pytest

from shared.long_work import (
    NICER,
    THREADS,
    TURN_SECONDS,
    aside,
    bite,
    bite_if,
    emptied,
    many_objects,
    spare_callers,
    taken_out,
)

WHOSE = contextvars.ContextVar("whose", default="nobody's")
AT_MOST = 10.0
"""Seconds after which a test fails that would wait for good."""


@pytest.fixture(autouse=True)
def usual_collector() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    assert gc.get_threshold() == usual
    assert gc.isenabled()


async def test_work_aside_runs_in_another_thread_in_the_context_of_its_caller() -> None:
    WHOSE.set("mine")
    thread, whose = await aside(lambda: (threading.get_ident(), WHOSE.get()))
    assert thread != threading.get_ident()
    assert whose == "mine"


async def test_what_work_aside_raises_reaches_its_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(divmod, 1, 0)


@pytest.mark.parametrize("is_large", [True, False])
async def test_a_little_is_done_at_once(is_large: bool) -> None:
    assert (await bite_if(is_large, threading.get_ident) != threading.get_ident()) is is_large


async def test_the_loop_goes_on_while_work_aside_does() -> None:
    loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work() -> bool:
        loop.call_soon_threadsafe(begun.set)
        return may_end.wait(AT_MOST)

    waiting = asyncio.create_task(aside(work))
    await begun.wait()
    may_end.set()
    assert await waiting


async def test_work_goes_on_to_its_end_though_nobody_waits_for_it_any_more() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        if may_end.wait(AT_MOST):
            ended.set()

    waiting = asyncio.create_task(aside(work))
    assert await asyncio.to_thread(begun.wait, AT_MOST)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()
    assert await asyncio.to_thread(ended.wait, AT_MOST)


async def test_so_many_threads_work_at_a_time_and_no_more() -> None:
    together, guard = threading.Barrier(THREADS), threading.Lock()
    working = most = 0

    def work() -> None:
        nonlocal working, most
        with guard:
            working += 1
            most = max(most, working)
        together.wait(AT_MOST)
        time.sleep(0.005)
        with guard:
            working -= 1

    await asyncio.gather(*(aside(work) for _ in range(5 * THREADS)))
    assert most == THREADS


async def test_bites_follow_each_other_and_wait_for_no_long_step() -> None:
    may_end = threading.Event()
    steps = [asyncio.create_task(aside(may_end.wait, 2 * AT_MOST)) for _ in range(2 * THREADS)]
    try:
        async with asyncio.timeout(AT_MOST):
            threads = await asyncio.gather(*(bite(threading.get_ident) for _ in range(20)))
        assert len(set(threads)) == 1
    finally:
        may_end.set()
        await asyncio.gather(*steps)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
async def test_threads_aside_step_back_for_the_one_of_the_loop() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for way in (aside, bite):
        assert await way(os.getpriority, os.PRIO_PROCESS, 0) == min(19, own + NICER)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


async def test_a_turn_is_short_once_there_is_long_work() -> None:
    await aside(int)
    assert sys.getswitchinterval() == pytest.approx(TURN_SECONDS)


class _Leaving:
    """Notes how many others are still there when it goes."""

    def __init__(self, others: Sized, left: list[int]) -> None:
        self._others = others
        self._left = left

    def __del__(self) -> None:
        self._left.append(len(self._others))


def test_what_is_large_is_let_go_of_one_by_one() -> None:
    left: list[int] = []
    by_key: dict[int, _Leaving] = {}
    items: list[_Leaving] = []
    by_key.update({number: _Leaving(by_key, left) for number in range(4)})
    items += [_Leaving(items, left) for _ in range(3)]
    emptied(by_key, items)
    assert (by_key, items) == ({}, [])
    assert left == [3, 2, 1, 0, 2, 1, 0]


def test_items_come_out_in_their_order_and_leave_the_list() -> None:
    items = ["a", "b", "c"]
    taking = taken_out(items)
    assert next(taking) == "a"
    assert len(items) == 2
    assert list(taking) == ["b", "c"]
    assert items == []


class _Cycle:
    def __init__(self) -> None:
        self.me = self


async def test_old_objects_are_searched_once_the_last_of_such_work_is_over() -> None:
    searched: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            searched.append(about["generation"])

    with many_objects():
        gc.callbacks.append(note)
        try:
            with many_objects():
                kept = [_Cycle() for _ in range(100_000)]
                await asyncio.sleep(0.05)
            assert searched
            assert 2 not in searched
        finally:
            gc.callbacks.remove(note)
        kept.clear()
    assert not any(isinstance(each, _Cycle) for each in gc.get_objects())


async def test_the_collector_is_as_before_when_such_work_fails() -> None:
    usual = gc.get_threshold()
    with pytest.raises(RuntimeError), many_objects():  # noqa: PT012 - the block is what is tested
        assert gc.get_threshold() != usual
        raise RuntimeError
    assert gc.get_threshold() == usual


async def test_callers_are_spared_before_during_and_after_such_work() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    usual = gc.get_threshold()
    try:
        with many_objects():
            during = gc.get_threshold()
            spare_callers()
            assert gc.get_threshold() == during
        for_callers = gc.get_threshold()
        assert for_callers[0] > usual[0]
        with many_objects():
            assert gc.get_threshold() == during
        assert gc.get_threshold() == for_callers
        assert gc.get_freeze_count() > 0
    finally:
        gc.set_threshold(*before)


async def test_new_objects_are_searched_soon_though_as_many_others_leave() -> None:
    """The collector counts objects that come less those that go: a step that turns one into another never sets it
    off by itself, and a search at its end would be a long one."""
    with many_objects():
        old = [[number] for number in range(50_000)]
        await asyncio.sleep(0.1)
        new: list[list[int]] = []
        while old:
            old.pop()
            new.append([len(new)])
        await asyncio.sleep(0.1)
        assert len(gc.get_objects(generation=0)) + len(gc.get_objects(generation=1)) < len(new)
