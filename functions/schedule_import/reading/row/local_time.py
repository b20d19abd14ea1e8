"""Local times to UTC on every night of the year.

The rule: read with PEP 495 fold=0, so that a repeated time means the first of its two instants and a missing time
moves forward by the gap; if that makes the end not later than the start, the later of the two instants is used for
the end. Every such choice is reported with both instants.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from functions.schedule_import.reading.segments import TimeField

type TimeChoiceCode = Literal["AMBIGUOUS_TIME", "NONEXISTENT_TIME"]


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """A wall-clock time that could mean two instants, and the one that was taken."""

    code: TimeChoiceCode
    field: TimeField
    chosen: datetime
    other: datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in UTC, with the choices that were made on the way. `end > start` always holds."""

    start: datetime
    end: datetime
    choices: tuple[TimeChoice, ...] = ()


class EmptyIntervalError(ValueError):
    """The end is not after the start, however the wall clock is read."""


def interval(start: datetime, end: datetime, zone: ZoneInfo) -> Interval:
    """The stretch between two wall-clock times (naive, dated) of a zone.

    Raises EmptyIntervalError when the end is not after the start, OverflowError outside of the calendar.
    """
    starts, ends = _readings(start, zone), _readings(end, zone)
    chosen_start = starts[0]
    chosen_end = ends[0] if ends[0] > chosen_start else max(ends)
    if chosen_end <= chosen_start:
        raise EmptyIntervalError("the end is not after the start")
    return Interval(
        chosen_start, chosen_end, (*_choice("start", starts, chosen_start), *_choice("end", ends, chosen_end))
    )


def interval_of_length(start: datetime, length: timedelta, zone: ZoneInfo) -> Interval:
    """The stretch from a wall-clock time on for so long (elapsed time, whatever the clock does meanwhile).

    Raises EmptyIntervalError when it has no length, OverflowError outside of the calendar.
    """
    readings = _readings(start, zone)
    if length <= timedelta():
        raise EmptyIntervalError("the length is nothing")
    return Interval(readings[0], readings[0] + length, _choice("start", readings, readings[0]))


def only_instant(wall_clock: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of a wall-clock time in UTC; None for a repeated or missing one.

    Raises OverflowError outside of the calendar.
    """
    first = wall_clock.replace(tzinfo=zone)
    is_only = first.utcoffset() == first.replace(fold=1).utcoffset()
    return first.astimezone(UTC) if is_only else None


def _readings(wall_clock: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of fold=0 and fold=1; they are equal but for a repeated or missing time."""
    first, second = (wall_clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _choice(field: TimeField, readings: tuple[datetime, datetime], chosen: datetime) -> tuple[TimeChoice, ...]:
    first, second = readings
    if first == second:
        return ()
    # In a gap fold=0 keeps the offset from before it, and so gives the later of the two instants (PEP 495).
    code: TimeChoiceCode = "NONEXISTENT_TIME" if first > second else "AMBIGUOUS_TIME"
    return (TimeChoice(code, field, chosen, second if chosen == first else first),)
