"""What has been asked of the simulator since the last reset."""

from collections import Counter
from typing import Any

from local.dataverse.protection import Protection
from local.dataverse.store import Store
from local.dataverse.tokens import Tokens


class Counters:
    """Counts requests and batch parts by method and table."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.parts: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()

    def forget(self) -> None:
        """Starts at nothing."""
        self.requests.clear()
        self.parts.clear()
        self.messages.clear()

    def as_json(self, store: Store, protection: Protection, tokens: Tokens) -> dict[str, Any]:
        """Returns all counts. Tables go by logical name."""
        return {
            "requests": {"total": self.requests.total(), **dict(sorted(self.requests.items()))},
            "parts": {"total": self.parts.total(), **dict(sorted(self.parts.items()))},
            "messages": dict(sorted(self.messages.items())),
            "recordsWritten": store.written,
            "throttled": protection.throttled,
            "tokens": tokens.count,
        }
