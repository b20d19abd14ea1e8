"""A service of the SDK, set up where nobody waits for it: importing it takes an eighth of a second."""

import asyncio
import threading
from collections.abc import Callable

from shared.loading import load_ahead


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
        load_ahead(self._name, self._made)

    def _made(self) -> T:
        with self._lock:
            if self.value is None:
                self.value = self._connect()
            return self.value
