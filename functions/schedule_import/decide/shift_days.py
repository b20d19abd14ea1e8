"""On which day a shift is: a night shift belongs as a whole to the day on which it starts.

Layouts that know shift dates say so in their rows. For all others, and for the bookings in Dynamics, stretches of one
agent that follow each other are one shift, and the shift's day is the local date of its first start.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

LONGEST_GAP = timedelta(hours=2)
"""A break that the plan leaves out does not end a shift; the rest between two shifts is longer by law (Directive
2003/88/EC, article 3: 11 hours)."""


class Timed(Protocol):
    """Something of one agent that takes time. Moments are UTC: on a wall clock an hour may be missing."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


class Stretch(NamedTuple):
    """A stretch of time and nothing else."""

    start: datetime
    end: datetime


def shift_starts(stretches: Iterable[Timed], margin: timedelta) -> list[datetime]:
    """For each stretch of one agent, in order of start, the start of the shift that it is part of.

    A shift goes on for at most `margin` after its start; with a margin of zero every stretch is a shift of its own.
    """
    starts: list[datetime] = []
    begun = until = reached = None
    for stretch in stretches:
        start, end = stretch.start, stretch.end
        if begun is None or until is None or reached is None or start >= until or start > reached + LONGEST_GAP:
            begun, until, reached = start, start + margin, end
        elif end > reached:
            reached = end
        starts.append(begun)
    return starts


def local_dates(moments: Iterable[datetime], zone: ZoneInfo) -> list[date]:
    """The date of each moment on the clock of the zone; equal neighbours are asked once."""
    dates: list[date] = []
    before = found = None
    for moment in moments:
        if moment is not before or found is None:
            before, found = moment, local_date(moment, zone)
        dates.append(found)
    return dates


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The date on the clock of the zone."""
    return moment.astimezone(zone).date()


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the day begins in the zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_bounds(days: Iterable[date], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first day's midnight to the midnight after the last one: days of 23 and 25 hours included."""
    all_days = sorted(days)
    return local_midnight(all_days[0], zone), local_midnight(all_days[-1] + timedelta(days=1), zone)
