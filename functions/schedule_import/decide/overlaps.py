"""Bookings of one agent that claim the same time, and what that does to routing. All are written as given."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking


class Claim(NamedTuple):
    """One side of an overlap: a row of the file, or a booking that the file does not speak for."""

    row: int | None
    agent: str
    start: datetime
    end: datetime
    activity: str
    mark: str = ""


class Overlap(NamedTuple):
    """Two bookings of one agent that share time; the first one starts first."""

    first: Claim
    second: Claim


def overlaps_in_file(wanted: Mapping[Guid, Sequence[WantedBooking]]) -> Iterator[Overlap]:
    """Every pair of one agent's bookings in the file that share time; see `count_overlaps` for their number."""
    for bookings in wanted.values():
        for position, first in enumerate(bookings):
            place = position + 1
            while place < len(bookings) and bookings[place].start < first.end:
                yield Overlap(_claim(first), _claim(bookings[place]))
                place += 1


def count_overlaps(wanted: Mapping[Guid, Sequence[WantedBooking]]) -> int:
    """How many pairs `overlaps_in_file` tells, without making them: a bad file may have billions."""
    count = 0
    for bookings in wanted.values():
        for position, first in enumerate(bookings):
            if position + 1 < len(bookings) and bookings[position + 1].start < first.end:
                count += bisect_left(bookings, first.end, position + 1, key=_start) - position - 1
    return count


def overlaps_with_others(
    wanted: Mapping[Guid, Sequence[WantedBooking]], foreign: Mapping[Guid, Iterable[Booking]]
) -> Iterator[tuple[Overlap, WantedBooking, Booking]]:
    """Every pair of a booking of the file and one that it does not speak for."""
    for user, theirs in foreign.items():
        bookings = wanted.get(user, ())
        longest = max((booking.end - booking.start for booking in bookings), default=timedelta())
        for other in theirs:
            first = bisect_left(bookings, other.start - longest, key=_start)
            for booking in bookings[first : bisect_left(bookings, other.end, key=_start)]:
                if booking.end > other.start:
                    claim = Claim(None, booking.agent, other.start, other.end, other.name or "", other.mark)
                    pair = (_claim(booking), claim)
                    yield Overlap(*(pair if booking.start <= other.start else pair[::-1])), booking, other


_start: Callable[[WantedBooking], datetime] = attrgetter("start")


def _claim(booking: WantedBooking) -> Claim:
    return Claim(booking.row, booking.agent, booking.start, booking.end, booking.name, booking.mark)
