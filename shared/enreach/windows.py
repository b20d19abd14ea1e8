"""Windows of time over the feeds: how they are asked for, and what of an answer lies in them. Pure.

The API takes whole seconds and at most 31 days at once. Whether the ends of a window belong to it is not known. So a
second more is asked for on each side, and what lies there is dropped by our own rule: the start belongs to a window,
the end does not. Whatever the API's rule is, nothing at a seam is lost or comes twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from math import ceil

LONGEST_REQUEST = timedelta(days=31)
"""The longest span of one request that the API takes (public Python client)."""
_OVERLAP = timedelta(seconds=1)
_SECOND = timedelta(seconds=1)
# Both ends rounded to whole seconds, and the overlap on both sides.
_LONGEST = LONGEST_REQUEST - 2 * (_SECOND + _OVERLAP)
SHORTEST = timedelta(minutes=1)
"""A window whose answer is too large is halved down to this."""


class By(StrEnum):
    """Which moment of an item a window looks at."""

    START = "start"
    CHANGE = "change"


_PARAMETERS = {By.START: ("StartTime", "EndTime"), By.CHANGE: ("ModifiedAfter", "ModifiedBefore")}


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` on to before `end`, both aware. Raises ValueError for naive or disordered moments."""

    by: By
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware moments")
        if self.end < self.start:
            raise ValueError("a window ends before it starts")

    @classmethod
    def started(cls, start: datetime, end: datetime) -> "Window":
        """What started within."""
        return cls(By.START, start, end)

    @classmethod
    def modified(cls, start: datetime, end: datetime) -> "Window":
        """What was last changed within."""
        return cls(By.CHANGE, start, end)

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def parts(self) -> list["Window"]:
        """Equal parts that are each short enough for one request, in order: 45 days are two, no time is none."""
        return self._cut(ceil(self.span / _LONGEST))

    def halves(self) -> list["Window"]:
        """Two parts, for an answer that was too large; none of a window that is too short for that."""
        return self._cut(2) if self.span >= 2 * SHORTEST else []

    def _cut(self, count: int) -> list["Window"]:
        seams = [self.start + self.span * number / count for number in range(count)] + [self.end]
        return [Window(self.by, start, end) for start, end in pairwise(seams)]

    def parameters(self) -> dict[str, str]:
        """The query of its request: whole seconds in UTC, a second more on each side."""
        first, last = self._asked()
        names = _PARAMETERS[self.by]
        return {names[0]: _written(first), names[1]: _written(last)}

    def holds(self, moment: datetime | None) -> bool:
        """Whether an item of the answer belongs to this window, by its moment.

        Dropped is only what lies in the overlap. What lies beyond even that the API sees otherwise than we do, and what
        has no moment cannot be placed: these are kept.
        """
        if moment is None or self.start <= moment < self.end:
            return True
        first, last = self._asked()
        return not first <= moment <= last

    def _asked(self) -> tuple[datetime, datetime]:
        first = self.start.astimezone(UTC).replace(microsecond=0) - _OVERLAP
        last = self.end.astimezone(UTC)
        if last.microsecond:
            last = last.replace(microsecond=0) + _SECOND
        return first, last + _OVERLAP


def within[T](items: Iterable[T], window: Window, moment: Callable[[T], datetime | None]) -> tuple[T, ...]:
    """The items that belong to the window."""
    return tuple(item for item in items if window.holds(moment(item)))


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
