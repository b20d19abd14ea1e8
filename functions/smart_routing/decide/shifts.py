"""Whether an agent is on shift, by the bookings that a schedule put into Dynamics.

Source: Microsoft, "Configure routing based on agent calendar" (configure-routing-on-agent-calendar): the engine looks
at committed, assignable shift bookings with start <= now < end, and one non-assignable booking that overlaps blocks
the agent for its duration. That a shift must last some minutes more is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class ShiftBooking:
    """A booking as the rule sees it: from `start` until just before `end`, both UTC. Raises ValueError for naive times.

    `is_committed`: its booking status maps to Committed. `is_shift`: its setup metadata is that of shift bookings.
    `is_assignable`: the assignment status of its activity type is Available, so work may be given meanwhile.
    """

    start: datetime
    end: datetime
    is_active: bool
    is_committed: bool
    is_shift: bool
    is_assignable: bool

    def __post_init__(self) -> None:
        _require_offset(self.start, self.end)

    @property
    def counts(self) -> bool:
        """Canceled, proposed, inactive and other bookings speak neither for nor against, nor does an empty one."""
        return self.is_active and self.is_committed and self.is_shift and self.start < self.end


def is_on_shift(bookings: Sequence[ShiftBooking], now: datetime, minutes: int) -> bool:
    """Whether work may be given now and at every moment before now + `minutes`; 0 asks for now alone.

    Bookings that meet without a gap bridge. A break that starts, or a shift that ends, at now + `minutes` sharp does
    not matter. Raises ValueError for a naive `now` and for negative `minutes`.
    """
    _require_offset(now)
    if minutes < 0:
        raise ValueError("minutes must not be negative")
    now = now.astimezone(UTC)
    until = now + timedelta(minutes=minutes)
    covered = now
    for booking in sorted((each for each in bookings if each.counts), key=lambda each: each.start):
        if not booking.is_assignable:
            if (booking.start <= now or booking.start < until) and now < booking.end:
                return False
        elif booking.start <= covered:
            covered = max(covered, booking.end)
    return covered > now and covered >= until


def _require_offset(*moments: datetime) -> None:
    if any(moment.utcoffset() is None for moment in moments):
        raise ValueError("times must say their offset from UTC")
