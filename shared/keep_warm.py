"""Keeps what a waiting caller needs ready: connections, the token, the configuration, compiled rules.

A process that answers callers does it for itself. A timer would not do: on Flex Consumption it runs on other instances
than the HTTP functions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

_log = logging.getLogger(__name__)


class KeepWarm:
    """Takes some steps again and again in the background. A step that fails is taken again next time."""

    def __init__(self, steps: Sequence[Callable[[], Awaitable[object]]], *, every_seconds: float = 45.0) -> None:
        self._steps = steps
        self._every = every_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the running event loop, unless it is under way there. Costs nothing when called with each call."""
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="keep warm")

    async def stop(self) -> None:
        """End it. It may be started again."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            # First a pause: the call that started it asks for the same things itself.
            await asyncio.sleep(self._every)
            await self.once()

    async def once(self) -> None:
        """Take all steps now, one after the other."""
        for step in self._steps:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - whatever a step meets, the callers' own way handles it
                _log.debug("Keeping warm met %s", type(error).__name__)
