"""What has been asked of the simulator since the last reset."""

from collections import Counter, deque
from typing import Any
from weakref import WeakSet

from local.enreach.messages import Request, Response
from local.enreach.moments import iso_z

LONGEST_LOG = 10_000


class Counters:
    """Counts requests, answers and items, and remembers the last requests."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.log: deque[dict[str, Any]] = deque(maxlen=LONGEST_LOG)
        self.connections = 0
        self.in_flight = 0
        self.peak = 0
        self._met: WeakSet[Any] = WeakSet()

    def meet(self, connection: Any) -> None:
        """Counts the connection when it brings its first request."""
        if connection is not None and connection not in self._met:
            self._met.add(connection)
            self.connections += 1

    def begin(self, request: Request, name: str) -> None:
        """Counts a request as it arrives."""
        self.requests[f"{request.method} {name}"] += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def end(self, request: Request, name: str, response: Response | None, now: float) -> None:
        """Counts the answer to a request; None where the connection was broken."""
        self.in_flight -= 1
        status = 0 if response is None else response.status
        items = 0 if response is None else response.items
        self.statuses[str(status or "dropped")] += 1
        self.items[name] += items
        self.log.append(
            {
                "at": iso_z(now),
                "method": request.method,
                "path": request.path,
                "parameters": request.parameters(),
                "status": status or None,
                "items": items,
            }
        )

    def forget(self) -> None:
        """Starts at nothing."""
        for counter in (self.requests, self.statuses, self.items):
            counter.clear()
        self.log.clear()
        self.connections, self.peak = 0, self.in_flight
        self._met.clear()

    def as_json(self) -> dict[str, Any]:
        """Returns all counts. Paths go by their templates, such as `/users/{user}`."""
        return {
            "requests": {"total": self.requests.total(), **dict(sorted(self.requests.items()))},
            "statuses": dict(sorted(self.statuses.items())),
            "items": {name: count for name, count in sorted(self.items.items()) if count},
            "throttled": self.statuses["429"],
            "peakInFlight": self.peak,
            "connections": self.connections,
        }
