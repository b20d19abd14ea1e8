"""What earlier imports tell of bookings at a file's first and last midnight.

Dynamics does not say on which day a booking's shift began. Inside a file its rows tell, and so does the order of
stretches (`shift_days`); but at its edges two files meet. 16:00-24:00 and 00:00-08:00 may be one night shift of the
earlier file, or the last shift of one file and the first of the next. So each import remembers the bookings that it
placed after its last midnight or left to the night before its first one, and who speaks for which days. Without that
memory the order of stretches decides.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.scope import FileScope
from functions.schedule_import.decide.shift_days import day_bounds, local_date, local_midnight

_DIGEST_BYTES = 8
_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)


def digests(ids: Iterable[Guid]) -> bytes:
    """Ids in little room: eight bytes each, sorted."""
    return b"".join(sorted(map(_digest, ids)))


def have_one_in_common(some: bytes, others: bytes) -> bool:
    """Whether two packs of `digests` share one."""
    return not _digest_set(some).isdisjoint(_digest_set(others))


@lru_cache(maxsize=8)
def _digest_set(packed: bytes) -> frozenset[bytes]:
    return frozenset(packed[place : place + _DIGEST_BYTES] for place in range(0, len(packed), _DIGEST_BYTES))


def _is_in(packed: bytes, digest: bytes) -> bool:
    """Sought in the packed form: as a set, the agents of many imports would take a hundred times the room."""

    def at(place: int) -> bytes:
        return packed[place * _DIGEST_BYTES : (place + 1) * _DIGEST_BYTES]

    count = len(packed) // _DIGEST_BYTES
    place = bisect_left(range(count), digest, key=at)
    return place < count and at(place) == digest


def _digest(row_id: Guid) -> bytes:
    return hashlib.blake2b(row_id.encode(), digest_size=_DIGEST_BYTES).digest()


def after_last_midnight(wanted: Mapping[Guid, list[WantedBooking]], scope: FileScope) -> Iterable[Guid]:
    """The bookings of a file that begin after its last day: parts of night shifts that began on it."""
    if scope.days is None:
        return
    for user, bookings in wanted.items():
        end = day_bounds(scope.days, scope.zone_of(user))[1]
        for booking in reversed(bookings):
            if booking.start < end:
                break
            yield booking.id


def before_first_midnight(left: Mapping[Guid, Iterable[Booking]], scope: FileScope, prefix: str) -> Iterable[Guid]:
    """Of the bookings that a file left alone, those on its first day that are ends of the profile's night shifts."""
    for user, bookings in left.items():
        for booking in bookings:
            if booking.mark.startswith(prefix) and scope.holds(user, local_date(booking.start, scope.zone_of(user))):
                yield booking.id


class Spoken(NamedTuple):
    """What one earlier import spoke for; and, as packed digests, its bookings after its last midnight and those that it
    left to the day before its first one."""

    window: tuple[datetime, datetime]
    agents: bytes
    nights: bytes


class Edges:
    """The memory of all imports that have written bookings of the profile."""

    def __init__(self, spoken: Iterable[Spoken]) -> None:
        """`spoken`: the latest import first."""
        self._spoken = list(spoken)

    def speaks(self, user: Guid, moment: datetime) -> bool:
        """Whether an import speaks for this agent at this moment."""
        key = _digest(user)
        return any(_covers(one, key, moment) for one in self._spoken)

    def shift_day(self, user: Guid, booking: Booking, scope: FileScope) -> date | None:
        """The day of a booking's shift, where the imports that may have written it tell."""
        zone = scope.zone_of(user)
        day = local_date(booking.start, zone)
        midnight = local_midnight(day, zone)
        agent, key = _digest(user), _digest(booking.id)
        its_own_day, is_denied = None, False
        for one in self._spoken:
            if not is_denied and _is_at_edge(one, booking) and _is_in(one.nights, key):
                return min(day - _ONE_DAY, local_date(one.window[1] - _ONE_SECOND, zone))
            speaks_before = _covers(one, agent, midnight - _ONE_SECOND)
            if _covers(one, agent, booking.start):
                if speaks_before and not is_denied:
                    # It may have placed it as part of a night shift, or not: the order of stretches tells.
                    return None
                its_own_day = day
            elif speaks_before:
                # It had no such end of a night shift; what older ones say of that night is no longer so.
                is_denied = True
        return its_own_day


def _is_at_edge(one: Spoken, booking: Booking) -> bool:
    start, end = one.window
    return start - _ONE_DAY <= booking.start < start + 2 * _ONE_DAY or end - _ONE_DAY <= booking.start


def _covers(one: Spoken, agent: bytes, moment: datetime) -> bool:
    return one.window[0] <= moment < one.window[1] and _is_in(one.agents, agent)


NO_MEMORY = Edges(())
