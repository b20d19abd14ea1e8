"""What the traffic with Dataverse cost: requests, records, repeats and waits, by operation. No address, no value."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Wait(StrEnum):
    """Why a request did not leave at once."""

    THROTTLED = "throttled"
    LANE = "lane"
    BACKOFF = "backoff"
    TOKEN = "token"  # noqa: S105 - the name of a reason


@dataclass(slots=True)
class Operation:
    """Counts of one operation, such as `query contact` or `upsert bookableresourcebooking`."""

    requests: int = 0
    records: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    """Repeated requests by the error's kind."""
    waits: defaultdict[Wait, float] = field(default_factory=lambda: defaultdict(float))
    """Seconds by reason, added up over requests that may have waited side by side."""
    seconds: float = 0.0
    """Seconds between sending and the end of the answer, added up."""


@dataclass(slots=True)
class Meter:
    """Counts by operation, from when it was made."""

    operations: dict[str, Operation] = field(default_factory=dict)

    def of(self, operation: str) -> Operation:
        """The counts of one operation, made when first asked for."""
        found = self.operations.get(operation)
        if found is None:
            found = self.operations[operation] = Operation()
        return found

    @property
    def requests(self) -> int:
        """HTTP requests that were sent, repeated ones included."""
        return sum(operation.requests for operation in self.operations.values())

    @property
    def records(self) -> int:
        """Rows read and written."""
        return sum(operation.records for operation in self.operations.values())

    @property
    def retries(self) -> Counter[str]:
        """Repeated requests by the error's kind."""
        return sum((operation.retries for operation in self.operations.values()), Counter())

    @property
    def waits(self) -> dict[Wait, float]:
        """Seconds waited by reason."""
        total: defaultdict[Wait, float] = defaultdict(float)
        for operation in self.operations.values():
            for reason, seconds in operation.waits.items():
                total[reason] += seconds
        return dict(total)

    def as_json(self) -> dict[str, Any]:
        """The counts by operation, for a log record: seconds to the millisecond."""
        return {
            name: {
                "requests": operation.requests,
                "records": operation.records,
                "seconds": round(operation.seconds, 3),
                "retries": dict(operation.retries),
                "waits": {str(reason): round(seconds, 3) for reason, seconds in operation.waits.items()},
            }
            for name, operation in self.operations.items()
        }


_meters: ContextVar[tuple[Meter, ...]] = ContextVar("dataverse_meters", default=())


@contextmanager
def count_requests() -> Iterator[Meter]:
    """Counts the requests of this task and of the tasks that it starts. Counts may be nested."""
    meter = Meter()
    reset = _meters.set((*_meters.get(), meter))
    try:
        yield meter
    finally:
        _meters.reset(reset)


def current_meters() -> tuple[Meter, ...]:
    """The meters that count this task's requests."""
    return _meters.get()
