"""What the webhook asks for: an event is written down first, then a run starts in the background.

Where the process ends before that, or another run holds the lease, the next tick of the timer sees what was asked.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.storage.checkpoints import Checkpoint, CheckpointRows

PAUSE_SECONDS = 5.0
"""Between two runs that events ask for: what comes in the meantime is answered by one."""
_TICK = timedelta(milliseconds=1)

_log = logging.getLogger(__name__)


def asked_checkpoint(tables: CheckpointRows) -> Checkpoint:
    """When the last event came. Moved without a lease, so always under fence 0."""
    return Checkpoint(tables, "callbacks-asked")


def answered_checkpoint(tables: CheckpointRows) -> Checkpoint:
    """Of which event a run has answered the last."""
    return Checkpoint(tables, "callbacks-answered")


class CallbackEvents:
    """The events that come to one process. A burst of them leads to few runs."""

    def __init__(
        self,
        tables: CheckpointRows,
        run: Callable[[], Awaitable[object]],
        now: Callable[[], datetime],
        *,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._asked = asked_checkpoint(tables)
        self._run = run
        self._now = now
        self._pause = pause_seconds
        self._is_written = False
        """Whether an event is written down that no run of this process has begun after."""
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take an event: it is written down when this returns. Raises StorageError."""
        async with self._writing:
            if not self._is_written:
                # A clock of another instance may have gone before ours: no event is older than the one before it.
                last = await self._asked.read()
                await self._asked.advance(self._now() if last is None else max(self._now(), last + _TICK), 0)
                self._is_written = True
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.get_running_loop().create_task(self._work(), name="callback events")

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while self._is_written:
            self._is_written = False
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 - nobody waits for this task; the next tick does it again
                _log.error("A run of callback sync that an event asked for failed: %s", type(error).__name__)
            if self._pause:
                await asyncio.sleep(self._pause)
