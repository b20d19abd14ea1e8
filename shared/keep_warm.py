"""Keeps what a waiting caller needs ready: connections, the token, the configuration, compiled rules.

A process that answers callers does it for itself. A timer would not do: on Flex Consumption it runs on other instances
than the HTTP functions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from shared.long_work import spare_callers

EVERY_SECONDS = 45.0
SETTLED_SECONDS = 2.0
"""After so long what a process needs is loaded."""
PATIENCE_SECONDS = 10.0
"""How long one step may take: a new instance gets no callers before its warm-up has ended."""

_log = logging.getLogger(__name__)


class KeepWarm:
    """Takes some steps side by side, again and again in the background. One that fails is taken again next time."""

    def __init__(
        self,
        steps: Mapping[str, Callable[[], Awaitable[object]]],
        *,
        every_seconds: float = EVERY_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`steps` by the names that the log has for them."""
        self._steps = steps
        self._every = every_seconds
        self._patience = patience_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the running event loop, unless it is under way there. Costs nothing when called with each call."""
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="keep warm")

    async def warm_up(self) -> None:
        """Begin, and take all steps now. Never raises: what a step meets stands in the log, by its type."""
        self.start()
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self._take_all(logging.WARNING)
        _log.info("Warmed up in %d ms", (loop.time() - started) * 1000)

    async def stop(self) -> None:
        """End it. It may be started again."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        # First a pause: what started it has the same things done itself, and waits for them.
        await asyncio.sleep(min(SETTLED_SECONDS, self._every))
        spare_callers()
        while True:
            await self._take_all(logging.DEBUG)
            await asyncio.sleep(self._every)

    async def _take_all(self, log_level: int) -> None:
        await asyncio.gather(*(self._take(name, log_level) for name in self._steps))

    async def _take(self, name: str, log_level: int) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._steps[name]()
        except Exception as error:  # noqa: BLE001 - whatever a step meets, the callers' own way handles it
            _log.log(log_level, "Keeping the %s warm met %s", name, type(error).__name__)
