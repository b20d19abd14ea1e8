"""Answers that many ask for at once or shortly after each other: the question is put once."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Hashable

_MOST_KEPT = 10_000


class Recent[K: Hashable, V]:
    """Shares the answer to a question among all who ask it while it is under way, and for some seconds after it came.

    A failure is shared by those who waited for it and remembered for nobody. Whoever gives up waiting leaves the
    question to the others.
    """

    def __init__(self, seconds: float, most_kept: int = _MOST_KEPT) -> None:
        """`seconds` is how long an answer is good; 0 shares only what is under way."""
        self._seconds = seconds
        self._most_kept = most_kept
        self._under_way: dict[K, asyncio.Task[V]] = {}
        self._known: dict[K, tuple[float, V]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer to the question of this key. Raises what `ask` raises."""
        known = self._known.get(key)
        if known is not None and asyncio.get_running_loop().time() < known[0]:
            return known[1]
        task = self._under_way.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.ensure_future(self._asked(key, ask))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._settled(key, done))
        try:
            return await asyncio.shield(task)
        finally:
            del task  # a failure would know this frame, and the frame the task of the failure: see `_let_go`

    async def _asked(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        value = await ask()
        if self._seconds > 0:
            # In the order in which they end, so that the first is the oldest.
            self._known.pop(key, None)
            self._known[key] = (asyncio.get_running_loop().time() + self._seconds, value)
            self._forget()
        return value

    def _settled(self, key: K, task: "asyncio.Task[V]") -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            _let_go(task.exception())  # looked at, since all who asked may have given up

    def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._known:
            oldest = next(iter(self._known))
            if self._known[oldest][0] > now and len(self._known) <= self._most_kept:
                return
            del self._known[oldest]


def _let_go(failure: BaseException | None) -> None:
    """Clear the frames that a failure and what led to it came through.

    Who raised it often still holds it there, or its task. Such circles wait for the garbage collector: while nobody
    answers, each question leaves one, and the search through thousands of them is longer than callers wait.
    """
    while failure is not None:
        traceback.clear_frames(failure.__traceback__)
        failure = failure.__cause__ or failure.__context__
