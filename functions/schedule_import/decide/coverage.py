"""After an import: hours of the next days without anybody to give work to, and agents whom a leftover blocks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from functions.schedule_import.decide.diff import merged
from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.overlaps import overlaps_with_others

AHEAD = timedelta(days=7)


class Gap(NamedTuple):
    """A stretch in which a plan or team has bookings on both sides, but nobody assignable."""

    kind: Literal["plan", "team"]
    name: str
    start: datetime
    end: datetime


class Blocked(NamedTuple):
    """An agent whom a non-assignable booking that no file speaks for keeps from assignable work ("One non-assignable
    overlapping booking blocks the agent for its duration", demands.md section 1)."""

    agent: str
    start: datetime
    end: datetime
    activity: str


def gaps(wanted: Mapping[Guid, list[WantedBooking]], plan_names: Mapping[Guid, str], now: datetime) -> Iterator[Gap]:
    """Hours of the next seven days in which a plan or team has no assignable agent, between its first and last
    booking. Whole hours are not rounded: a gap of ten minutes is one."""
    groups: defaultdict[tuple[Literal["plan", "team"], str], list[WantedBooking]] = defaultdict(list)
    for bookings in wanted.values():
        for booking in bookings:
            if booking.end > now and booking.start < now + AHEAD:
                groups["plan", plan_names.get(booking.plan, "")].append(booking)
                if booking.team:
                    groups["team", booking.team].append(booking)
    for (kind, name), members in sorted(groups.items()):
        first = max(now, min(booking.start for booking in members))
        last = min(now + AHEAD, max(booking.end for booking in members))
        for start, end in _without(members, first, last):
            yield Gap(kind, name, start, end)


def _without(members: Iterable[WantedBooking], first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    reached = first
    for start, end in merged(booking for booking in members if booking.assignable):
        if start > reached:
            yield reached, min(start, last)
        reached = max(reached, end)
        if reached >= last:
            return
    if reached < last:
        yield reached, last


def blocked(
    wanted: Mapping[Guid, list[WantedBooking]],
    foreign: Mapping[Guid, Iterable[Booking]],
    assignable: frozenset[Guid],
    profile_prefix: str,
    now: datetime,
) -> Iterator[Blocked]:
    """Agents with assignable work in the next seven days under a leftover. Absences of other profiles are no
    leftovers: they are meant to block."""
    for _, booking, other in overlaps_with_others(wanted, foreign):
        stale = not other.mark.startswith("sb:") or other.mark.startswith(profile_prefix)
        start, end = max(booking.start, other.start), min(booking.end, other.end)
        if stale and booking.assignable and other.activity_type not in assignable and end > now and start < now + AHEAD:
            yield Blocked(booking.agent, start, end, other.name or "")
