"""A service of the SDK, set up where nobody waits for it: importing it takes an eighth of a second."""

import asyncio
import logging
import threading
from collections.abc import Callable

_LOAD_AFTER_SECONDS = 0.1
"""So that the caller of `load_ahead` ends what it does first: an import on another thread slows it down."""

_log = logging.getLogger(__name__)


class Connecting[T]:
    """Made once, on a thread: ahead, or with the first use."""

    def __init__(self, name: str, connect: Callable[[], T]) -> None:
        """`name` is for the log and the thread."""
        self._name = name
        self._connect = connect
        self._lock = threading.Lock()
        self.value: T | None = None
        """None while nobody has used it."""

    async def get(self) -> T:
        """The service. Raises what connecting raises."""
        return await asyncio.to_thread(self._made) if self.value is None else self.value

    def load_ahead(self) -> None:
        """In a moment, import and set up what the first use needs. No request is made."""
        timer = threading.Timer(_LOAD_AFTER_SECONDS, self._loaded)
        timer.name, timer.daemon = f"load {self._name}", True
        timer.start()

    def _loaded(self) -> None:
        try:
            self._made()
        except Exception as error:  # noqa: BLE001 - the first use meets it again, and has somebody to tell
            _log.error("%s cannot be set up: %s", self._name.capitalize(), type(error).__name__)

    def _made(self) -> T:
        with self._lock:
            if self.value is None:
                self.value = self._connect()
            return self.value
