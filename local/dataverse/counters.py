"""What has been asked of the simulator since the last reset."""

from collections import Counter
from typing import Any
from weakref import WeakSet

from local.dataverse.protection import Protection
from local.dataverse.store import Store
from local.dataverse.tokens import Tokens


class Counters:
    """Counts requests and batch parts by method and table, and the connections that brought them."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.parts: Counter[str] = Counter()
        self.batches: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.connections = 0
        self._met: WeakSet[Any] = WeakSet()

    def meet(self, connection: Any) -> None:
        """Counts the connection when it brings its first request."""
        if connection is not None and connection not in self._met:
            self._met.add(connection)
            self.connections += 1

    def writing_parts(self) -> int:
        """The number of batch parts that asked to change something."""
        return sum(count for name, count in self.parts.items() if not name.startswith("GET "))

    def forget(self) -> None:
        """Starts at nothing."""
        self.requests.clear()
        self.parts.clear()
        self.batches.clear()
        self.messages.clear()
        self.connections = 0
        self._met.clear()

    def as_json(self, store: Store, protection: Protection, tokens: Tokens) -> dict[str, Any]:
        """Returns all counts. Tables go by logical name."""
        return {
            "requests": {"total": self.requests.total(), **dict(sorted(self.requests.items()))},
            "parts": {"total": self.parts.total(), **dict(sorted(self.parts.items()))},
            "batches": {"reading": self.batches["reading"], "writing": self.batches["writing"]},
            "messages": dict(sorted(self.messages.items())),
            "recordsWritten": store.written,
            "throttled": protection.throttled,
            "peakInFlight": protection.peak,
            "connections": self.connections,
            "tokens": tokens.count,
        }
