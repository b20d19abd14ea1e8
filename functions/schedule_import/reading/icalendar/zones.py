"""Zones that a calendar defines itself (VTIMEZONE, RFC 5545, 3.6.5), under names that nobody else knows.

Times are read in zones of the time zone database alone, so a definition stands for the first zone there that has the
same offsets and changes them at the same instants, in the years of the calendar's events.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

MAX_YEARS = 5
MAX_RULES = 100
"""Changes that one definition may list."""

type Years = tuple[int, int]
"""First and last."""

_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?")
_ONSET = re.compile(r"(\d{8}T\d{6})")
_YEARLY = re.compile(r"(?:FREQ=YEARLY|BYMONTH=(?P<month>\d{1,2})|BYDAY=(?P<nth>-?[1-5])(?P<day>[A-Z]{2})|INTERVAL=1"
                     r"|WKST=[A-Z]{2}|UNTIL=(?P<until>\d{8})(?:T\d{6}Z?)?)")  # fmt: skip
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Change(NamedTuple):
    """A change of the clock: when (UTC), and the offsets before and after it."""

    at: datetime
    before: timedelta
    after: timedelta


def same_zone(parts: Sequence[Mapping[str, str]], years: Years, preferred: str | None) -> str | None:
    """The database's name for a zone whose STANDARD and DAYLIGHT parts have these properties; None where no zone is
    like it, or a part says what cannot be told. `preferred` is taken where it is like it."""
    first, last = years[0], min(years[1], years[0] + MAX_YEARS - 1)
    if len(parts) > MAX_RULES or not 1970 <= first <= last < 2200:
        return None
    try:
        changes = sorted({change for part in parts for change in _changes(part, last)})
    except (KeyError, ValueError, OverflowError):
        return None
    start, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    before = [change for change in changes if change.at < start]
    within = [change for change in changes if start <= change.at < end]
    if not changes:
        return None
    offset = before[-1].after if before else changes[0].before
    wanted = _Wanted(offset, within, start, end)
    names = [preferred] if preferred else []
    return next((name for name in [*names, *_names()] if wanted.is_like(ZoneInfo(name))), None)


class _Wanted(NamedTuple):
    """Offsets from a moment to another: the first one, and its changes."""

    offset: timedelta
    changes: Sequence[Change]
    start: datetime
    end: datetime

    def is_like(self, zone: ZoneInfo) -> bool:
        """Whether a zone has the same, at every change and in between (looked at once in ten days)."""
        second = timedelta(seconds=1)
        edges = [edge for each in self.changes for edge in ((each.at - second, each.before), (each.at, each.after))]
        return all(at.astimezone(zone).utcoffset() == offset for at, offset in (*edges, *self._between()))

    def _between(self) -> Iterator[tuple[datetime, timedelta]]:
        at, left, offset = self.start, list(reversed(self.changes)), self.offset
        while at < self.end:
            while left and left[-1].at <= at:
                offset = left.pop().after
            yield at, offset
            at += timedelta(days=10)


@cache
def _names() -> tuple[str, ...]:
    """Names in the order in which they are tried: places before fixed offsets, whose sign is easily misread."""
    names = [name for name in available_timezones() if "/" in name]
    return tuple(sorted(names, key=lambda name: (name.startswith("Etc/"), name)))


def _changes(part: Mapping[str, str], last_year: int) -> Iterable[Change]:
    """The changes that a STANDARD or DAYLIGHT part stands for, to the end of a year. Raises KeyError or ValueError."""
    before, after = _offset(part["TZOFFSETFROM"]), _offset(part["TZOFFSETTO"])
    written = _ONSET.match(part["DTSTART"])
    if written is None:
        raise ValueError(part["DTSTART"])
    start = datetime.strptime(written[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    days = _days(part["RRULE"], start, last_year) if "RRULE" in part else [start.date()]
    return [Change(datetime.combine(day, start.timetz()) - before, before, after) for day in days]


def _days(rule: str, start: datetime, last_year: int) -> list[date]:
    """The days of a yearly rule: the nth weekday of a month, from 1969 on."""
    said: dict[str, str] = {}
    for word in rule.upper().split(";"):
        found = _YEARLY.fullmatch(word)
        if found is None:
            raise ValueError(rule)
        said |= {name: value for name, value in found.groupdict().items() if value}
    last = min(last_year, int(said["until"][:4])) if "until" in said else last_year
    days = [
        _nth_day(year, int(said.get("month", start.month)), int(said["nth"]), _DAYS.index(said["day"]))
        for year in range(max(start.year, 1969), last + 1)
    ]
    return [day for day in days if "until" not in said or f"{day:%Y%m%d}" <= said["until"]]


def _nth_day(year: int, month: int, nth: int, weekday: int) -> date:
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    end = (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return end - timedelta(days=(end.weekday() - weekday) % 7 + 7 * (-nth - 1))


def _offset(text: str) -> timedelta:
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    sign, hours, minutes, seconds = found.groups()
    length = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -length if sign == "-" else length
