"""Nights on which a clock is put forward or back, and what a schedule has near them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NEAR = timedelta(days=1)
_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The instant (UTC) at which a zone's clock jumps, and what it shows before and after."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta
    """Offsets from UTC."""

    @property
    def shown_before(self) -> datetime:
        """What the clock would show at that instant without the change."""
        return (self.at + self.before).replace(tzinfo=None)

    @property
    def shown_after(self) -> datetime:
        return (self.at + self.after).replace(tzinfo=None)

    def is_near(self, start: datetime, end: datetime) -> bool:
        """Whether a stretch lies within a day of the change."""
        return start < self.at + NEAR and end > self.at - NEAR

    def is_crossed(self, start: datetime, end: datetime) -> bool:
        return start < self.at < end


def clock_changes(name: str, first: datetime, last: datetime) -> Iterator[ClockChange]:
    """Every change of a zone's clock between two instants, in order."""
    zone = ZoneInfo(name)
    low, last = first.astimezone(UTC), last.astimezone(UTC)
    while low < last:
        high = min(low + timedelta(days=1), last)
        if _offset(low, zone) != _offset(high, zone):
            yield _change(name, zone, low, high)
        low = high


def next_change(name: str, after: datetime) -> ClockChange | None:
    """The next change within a year, None for a zone without any."""
    return next(clock_changes(name, after, after + _YEAR), None)


def _change(name: str, zone: ZoneInfo, low: datetime, high: datetime) -> ClockChange:
    before, after = _offset(low, zone), _offset(high, zone)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return ClockChange(name, high.replace(microsecond=0), before, after)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def near_changes(spans: Iterable[tuple[datetime, datetime, str]], zones: Sequence[str]) -> dict[str, list[ClockChange]]:
    """The changes of each zone within a day of its stretches (start, end, zone)."""
    bounds: dict[str, tuple[datetime, datetime]] = {}
    for start, end, zone in spans:
        low, high = bounds.get(zone, (start, end))
        bounds[zone] = min(low, start), max(high, end)
    return {
        zone: list(clock_changes(zone, bounds[zone][0] - NEAR, bounds[zone][1] + NEAR))
        for zone in zones
        if zone in bounds
    }
