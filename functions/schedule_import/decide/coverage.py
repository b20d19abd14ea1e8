"""After an import: hours of the next days without anybody to give work to, and agents whom a leftover blocks.

Routing gives work to an agent who has a committed, assignable booking and no committed one beside it that is not
assignable (demands.md section 1).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from functions.schedule_import.decide.diff import merged
from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.overlaps import overlaps_with_others
from functions.schedule_import.decide.shift_days import Stretch, Timed

AHEAD = timedelta(days=7)

type _Kind = Literal["plan", "team"]
type _Merged = Sequence[tuple[datetime, datetime]]


class Gap(NamedTuple):
    """A stretch in which a plan or team has, or had, bookings on both sides, but nobody assignable. `key` is a plan's
    id or a team's name; the plan's name is looked up later."""

    kind: _Kind
    key: str
    start: datetime
    end: datetime
    name: str = ""


class Blocked(NamedTuple):
    """An agent whom a non-assignable booking that no file speaks for keeps from assignable work ("One non-assignable
    overlapping booking blocks the agent for its duration", demands.md section 1)."""

    agent: str
    start: datetime
    end: datetime
    activity: str


def gaps(
    wanted: Mapping[Guid, Sequence[WantedBooking]],
    others: Mapping[Guid, Sequence[Booking]],
    gone: Iterable[Booking],
    assignable: frozenset[Guid],
    now: datetime,
) -> list[Gap]:
    """Stretches of the next seven days in which a plan or team has no assignable agent, between its first and last
    booking. Whole hours are not rounded: a gap of ten minutes is one.

    `others`: committed bookings of the same agents that the file does not have. They fill gaps of their plans, or
    block their agents. `gone`: bookings that the import has removed or changed; where they were, somebody may be
    missing.
    """
    spans: dict[tuple[_Kind, str], tuple[datetime, datetime]] = {}
    free: defaultdict[tuple[_Kind, str], list[Stretch]] = defaultdict(list)

    def span(group: tuple[_Kind, str], one: Timed) -> None:
        first, last = spans.get(group, (one.start, one.end))
        spans[group] = min(first, one.start), max(last, one.end)

    for user in wanted.keys() | others.keys():
        mine = [one for one in wanted.get(user, ()) if _is_soon(one, now)]
        theirs = [one for one in others.get(user, ()) if _is_soon(one, now)]
        blocking = merged(
            [
                *(one for one in mine if not one.assignable),
                *(one for one in theirs if one.activity_type not in assignable),
            ]
        )
        for one in mine:
            for group in _groups(one):
                span(group, one)
                if one.assignable:
                    free[group] += _between(blocking, one.start, one.end)
        for other in theirs:
            if other.plan is not None and other.activity_type in assignable:
                free["plan", other.plan] += _between(blocking, other.start, other.end)
    for booking in gone:
        if booking.plan is not None and _is_soon(booking, now):
            span(("plan", booking.plan), booking)
    return [
        Gap(*group, *hole)
        for group, (first, last) in spans.items()
        for hole in _between(merged(free.get(group, ())), max(now, first), min(now + AHEAD, last))
    ]


def _groups(booking: WantedBooking) -> Iterator[tuple[_Kind, str]]:
    yield "plan", booking.plan
    if booking.team:
        yield "team", booking.team


def _is_soon(one: Timed, now: datetime) -> bool:
    return one.end > now and one.start < now + AHEAD


def _between(stretches: _Merged, first: datetime, last: datetime) -> Iterator[Stretch]:
    """What of the time from `first` to `last` these stretches leave."""
    reached = first
    for start, end in stretches[max(0, bisect_left(stretches, (first, first)) - 1) :]:
        if reached >= last:
            return
        if start > reached:
            yield Stretch(reached, min(start, last))
        reached = max(reached, end)
    if reached < last:
        yield Stretch(reached, last)


def filled(gap: Gap, elsewhere: Iterable[Timed]) -> Iterator[Gap]:
    """What is left of a gap beside assignable bookings of agents whom the file does not speak for."""
    for start, end in _between(merged(elsewhere), gap.start, gap.end):
        yield gap._replace(start=start, end=end)


def blocked(
    wanted: Mapping[Guid, Sequence[WantedBooking]],
    others: Mapping[Guid, Iterable[Booking]],
    assignable: frozenset[Guid],
    profile_prefix: str,
    now: datetime,
) -> Iterator[Blocked]:
    """Agents with assignable work in the next seven days under a leftover. Absences of other profiles are no
    leftovers: they are meant to block. `others` as for `gaps`."""
    for _, booking, other in overlaps_with_others(wanted, others):
        stale = not other.mark.startswith("sb:") or other.mark.startswith(profile_prefix)
        start, end = max(booking.start, other.start), min(booking.end, other.end)
        if stale and booking.assignable and other.activity_type not in assignable and end > now and start < now + AHEAD:
            yield Blocked(booking.agent, start, end, other.name or "")
