"""The three service protection limits, for one caller on one web server ("Service protection API limits")."""

import math
import time
from collections import deque

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError


class Protection:
    """Counts requests, execution time and concurrency over a sliding window, and refuses with 429."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._finished: deque[tuple[float, float]] = deque()
        self._started: deque[float] = deque()
        self._spent_ms = 0.0
        self._refusals = 0
        self.in_flight = 0
        self.peak = 0
        self.throttled = 0

    def forget(self) -> None:
        """Starts an empty window; requests in flight stay counted."""
        self._finished.clear()
        self._started.clear()
        self._spent_ms = 0.0
        self._refusals = self.throttled = 0
        self.peak = self.in_flight

    def admit(self) -> None:
        """Counts the request in, or refuses it. Each admitted request must be finished."""
        now = time.monotonic()
        self._slide(now)
        environment = self._environment
        if self.in_flight >= environment.max_concurrent:
            raise self._refusal(
                "0x80072326", f"Number of concurrent requests exceeded the limit of {environment.max_concurrent}.", 1
            )
        if len(self._started) >= environment.request_limit:
            raise self._refusal(
                "0x80072322",
                f"Number of requests exceeded the limit of {environment.request_limit} over time window of "
                f"{environment.window_s:g} seconds.",
                self._started[0] + environment.window_s - now,
            )
        if self._spent_ms >= environment.execution_limit_ms:
            raise self._refusal(
                "0x80072321",
                f"Combined execution time of incoming requests exceeded limit of {environment.execution_limit_ms:,.0f} "
                f"milliseconds over time window of {environment.window_s:g} seconds. Decrease number of concurrent "
                "requests or reduce the duration of requests and try again later.",
                self._finished[0][0] + environment.window_s - now,
            )
        self._refusals = 0
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self._started.append(now)

    def finish(self, spent_ms: float) -> None:
        """Counts the request out, with the time that the server worked on it."""
        self.in_flight -= 1
        self._finished.append((time.monotonic(), spent_ms))
        self._spent_ms += spent_ms

    def _slide(self, now: float) -> None:
        start = now - self._environment.window_s
        while self._started and self._started[0] <= start:
            self._started.popleft()
        while self._finished and self._finished[0][0] <= start:
            self._spent_ms -= self._finished.popleft()[1]

    def _refusal(self, code: str, message: str, wait_s: float) -> DataverseError:
        """The wait grows while the caller keeps pushing."""
        self.throttled += 1
        self._refusals += 1
        wait = max(1, math.ceil(wait_s)) + self._refusals // 10
        return DataverseError(429, code, message, {"Retry-After": str(wait)})

    def headers(self) -> dict[str, str]:
        """Returns what is left of the window."""
        requests = max(0, self._environment.request_limit - len(self._started))
        milliseconds = max(0.0, self._environment.execution_limit_ms - self._spent_ms)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(requests),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{milliseconds / 1000:.2f}",
        }
