"""Bookings of one agent that claim the same time, and what that does to routing. All are written as given."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import takewhile
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


def overlaps_in_file(wanted: Mapping[Guid, list[WantedBooking]]) -> Iterator[Overlap]:
    """Every pair of one agent's bookings in the file that share time."""
    for bookings in wanted.values():
        for position, first in enumerate(bookings):
            later = takewhile(lambda other, end=first.end: other.start < end, bookings[position + 1 :])  # type: ignore[misc]
            for other in later:
                yield Overlap(_claim(first), _claim(other))


def overlaps_with_others(
    wanted: Mapping[Guid, list[WantedBooking]], foreign: Mapping[Guid, Iterable[Booking]]
) -> Iterator[tuple[Overlap, WantedBooking, Booking]]:
    """Every pair of a booking of the file and one that it does not speak for."""
    for user, theirs in foreign.items():
        for other in theirs:
            for booking in wanted.get(user, ()):
                if booking.start < other.end and other.start < booking.end:
                    claim = Claim(None, booking.agent, other.start, other.end, other.name or "", other.mark)
                    pair = (_claim(booking), claim)
                    yield Overlap(*(pair if booking.start <= other.start else pair[::-1])), booking, other


def _claim(booking: WantedBooking) -> Claim:
    return Claim(booking.row, booking.agent, booking.start, booking.end, booking.name, booking.mark)
