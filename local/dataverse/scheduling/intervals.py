"""Arithmetic of time intervals: half open, sorted, apart from each other."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple


class Interval(NamedTuple):
    """From `start` up to, but without, `end`."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """The length."""
        return (self.end - self.start).total_seconds() / 60

    def covers(self, other: "Interval") -> bool:
        """Tells whether the other lies inside."""
        return self.start <= other.start and other.end <= self.end


def cut(interval: Interval, window: Interval) -> Interval | None:
    """Returns the part inside the window."""
    start, end = max(interval.start, window.start), min(interval.end, window.end)
    return Interval(start, end) if start < end else None


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Joins what overlaps or touches."""
    joined: list[Interval] = []
    for interval in sorted(intervals):
        if joined and interval.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, interval.end))
        elif interval.start < interval.end:
            joined.append(interval)
    return joined


def without(intervals: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """Returns what is left of the intervals."""
    left = union(intervals)
    for hole in union(taken):
        left = [
            Interval(start, end)
            for interval in left
            for start, end in (
                (interval.start, min(interval.end, hole.start)),
                (max(interval.start, hole.end), interval.end),
            )
            if start < end
        ]
    return left


def within(intervals: Iterable[Interval], window: Interval) -> list[Interval]:
    """Returns the parts inside the window."""
    return union(part for interval in intervals if (part := cut(interval, window)) is not None)


def working_days(window: Interval, start_hour: float, end_hour: float, *, weekend: bool) -> list[Interval]:
    """Returns the working hours of each day that the window touches, in UTC."""
    hours = (timedelta(hours=start_hour), timedelta(hours=end_hour))
    days = [
        Interval(midnight + hours[0], midnight + hours[1])
        for midnight in _midnights(window)
        if weekend or midnight.weekday() < 5
    ]
    return within(days, window)


def _midnights(window: Interval) -> Iterator[datetime]:
    day: date = window.start.astimezone(UTC).date()
    while (midnight := datetime.combine(day, time(), UTC)) < window.end:
        yield midnight
        day += timedelta(days=1)
