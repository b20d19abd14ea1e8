"""What comes one by one within a moment is worked on together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

MOMENT_SECONDS = 0.2
"""How long a group waits for more after its first: the host hands over what it got in one page in less."""
MOST = 500
"""Messages that an instance holds, nearly (host.json: `newBatchThreshold` and `batchSize`)."""


@dataclass(frozen=True, slots=True)
class _Place[T, R]:
    item: T
    came: float
    result: "asyncio.Future[R]"


class Gathering[T, R]:
    """Groups of up to `most`, one group at a time, in the order in which they came.

    `work` gives a result for each item, in order. What it raises, each caller of the group gets. A caller that is
    cancelled gives its place up; the others go on.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        moment: float | None = None,
        most: int = MOST,
    ) -> None:
        self._work = work
        self._moment = MOMENT_SECONDS if moment is None else moment
        self._most = most
        self._waiting: list[_Place[T, R]] = []
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """What became of this item. Raises what `work` raises."""
        loop = asyncio.get_running_loop()
        place = _Place[T, R](item, loop.time(), loop.create_future())
        self._waiting.append(place)
        if len(self._waiting) >= self._most:
            self._full.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._go_on())
        return await place.result

    async def stop(self) -> None:
        """End what is under way; whoever waits for it is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _go_on(self) -> None:
        group: list[_Place[T, R]] = []
        try:
            while self._waiting:
                await self._until_due()
                group = [place for place in self._waiting[: self._most] if not place.result.done()]
                del self._waiting[: self._most]
                if len(self._waiting) < self._most:
                    self._full.clear()
                if group:
                    await self._serve(group)
        finally:
            # Only where this task itself is ended is anybody left.
            for place in (*group, *self._waiting):
                place.result.cancel()
            self._waiting.clear()

    async def _until_due(self) -> None:
        left = self._waiting[0].came + self._moment - asyncio.get_running_loop().time()
        if left > 0 and not self._full.is_set():
            try:
                async with asyncio.timeout(left):
                    await self._full.wait()
            except TimeoutError:
                return

    async def _serve(self, group: Sequence[_Place[T, R]]) -> None:
        try:
            results = await self._work([place.item for place in group])
        except Exception as error:  # noqa: BLE001 - each caller has to hear of it, whatever it is
            for place in group:
                if not place.result.done():
                    place.result.set_exception(error)
            return
        for place, result in zip(group, results, strict=True):
            if not place.result.done():
                place.result.set_result(result)
