"""Long work in a process whose callers wait: what it does aside, and in how small bites.

The event loop belongs to callers. What takes the processor for more than a millisecond or two is done `aside`, in a
thread that steps back for the loop's. Python still runs one thread at a time, so that three things would stop the loop
all the same:

- a thread goes on for 5 ms before another one gets its turn, and a caller's request needs some ten turns: from the
  first long work on, a turn is `TURN_SECONDS`;
- a call into C is one step, however long: texts of megabytes are read and written in pieces, and what is large is let
  go of one by one (`emptied`, `taken_out`);
- the garbage collector's search through all objects is one step too: while long work keeps hundreds of thousands of
  them, it looks at young ones only (`many_objects`).
"""

import asyncio
import contextlib
import contextvars
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

TURN_SECONDS = 0.0005
"""How long a thread goes on while another one wants to (`sys.setswitchinterval`). It is the process's, and stays: where
no thread works long, nobody asks for a turn."""
THREADS = 2
"""For long steps; one more is for bites. Each further busy thread is one more to wait for: with two of them a request
waits several times as long for its turns as with one. The event loop's own threads, which look up host names, stay
free."""
NICER = 10
"""By so much these threads are nicer than the event loop's."""
FEW = 50
"""Rows up to which work on them takes less than a millisecond, and is done at once."""
SHORT = 64 * 1024
"""Bytes of JSON up to which reading them is."""

_YOUNG = (2000, 5)
"""New objects at which the two younger generations are searched: some 10,000 objects in a millisecond."""
_NEVER = 2**30
_FOR_CALLERS = (10_000, 10, 10)
"""Of the objects of a call nearly none wait for a search: they go with the call. With 2,000, calls that come in a bunch
set off one search after the other; of more, each would take longer than a millisecond or two."""
_SEARCH_EVERY = 0.01
"""Seconds, in which a busy thread makes some 5,000 objects."""


async def aside[**P, T](work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises, done in a thread while the event loop answers callers.

    Nobody may change meanwhile what it works on. When the waiting ends early, work that has begun still goes on to its
    end, and what has not begun is never done.
    """
    return await _run(_threads("long-work", THREADS), partial(work, *args, **kwargs))


async def bite[**P, T](work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `aside`, for work of some milliseconds. One bite comes after the other, and none waits for a long step."""
    return await _run(_threads("bites", 1), partial(work, *args, **kwargs))


async def bite_if[**P, T](is_large: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `bite`, where there is enough to do; a little is done at once, which takes less than going there."""
    return await bite(work, *args, **kwargs) if is_large else work(*args, **kwargs)


async def _run[T](threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    in_context = partial(contextvars.copy_context().run, work)
    return await asyncio.get_running_loop().run_in_executor(threads, in_context)


@cache
def _threads(name: str, count: int) -> ThreadPoolExecutor:
    sys.setswitchinterval(TURN_SECONDS)
    return ThreadPoolExecutor(count, name, initializer=_step_back)


def _step_back() -> None:
    # setpriority(2): on Linux each thread has a niceness of its own. On one core the event loop, woken by a caller,
    # would otherwise wait for the end of this thread's time slice before it can so much as ask for its turn.
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICER)


def emptied(*many: dict[Any, Any] | list[Any]) -> None:
    """Let go of what these hold, one by one."""
    for items in many:
        take = items.pop if isinstance(items, list) else items.popitem
        while items:
            take()


def taken_out[T](items: list[T]) -> Iterator[T]:
    """The items in their order; the list lets go of each."""
    items.reverse()
    while items:
        yield items.pop()


class _Collector:
    """The garbage collector of the process, as long as any of the works goes on that asked for this."""

    def __init__(self) -> None:
        self._works = 0
        self._usual = gc.get_threshold()
        self._next: asyncio.TimerHandle | None = None

    def spare_old_objects(self) -> None:
        if not self._works:
            leave_out_what_is_loaded()
            self._usual = gc.get_threshold()
            gc.set_threshold(*_YOUNG, _NEVER)
            self._search_young(asyncio.get_running_loop())
        self._works += 1

    def become_usual(self, threshold: tuple[int, int, int]) -> None:
        self._usual = threshold
        if not self._works:
            gc.set_threshold(*threshold)

    def search_all(self) -> None:
        self._works -= 1
        if not self._works:
            if self._next is not None:
                self._next.cancel()
            gc.set_threshold(*self._usual)
            gc.collect()

    def _search_young(self, loop: asyncio.AbstractEventLoop) -> None:
        """By the clock too: left alone, the collector counts new objects less those that are gone, and so finds
        hundreds of thousands of young ones after a step that made a booking of each row."""
        gc.collect(1)
        self._next = loop.call_later(_SEARCH_EVERY, self._search_young, loop)


_collector = _Collector()


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """The garbage collector searches young objects only, and everything once at the end, when what was many is gone.

    For the event loop's thread. Several may go on at a time.
    """
    _collector.spare_old_objects()
    try:
        yield
    finally:
        _collector.search_all()


@cache
def leave_out_what_is_loaded() -> None:
    """Modules and their like live as long as the process: no later search looks at them."""
    gc.collect(1)
    gc.freeze()


def spare_callers() -> None:
    """From now on no search of the garbage collector keeps callers waiting for long: one through all that is loaded
    takes a quarter of a second and more."""
    leave_out_what_is_loaded()
    _collector.become_usual(_FOR_CALLERS)
