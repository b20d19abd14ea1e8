"""How the values of a column are written: dates and their order, times, lengths, zones, addresses, codes."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from itertools import product
from typing import NamedTuple

from functions.schedule_import.profile import time_zone
from functions.schedule_import.reading.row.values import read_clock_time, read_date, read_moment

MAX_DISTINCT = 50_000
"""Distinct values of a column that are looked at."""
_PROBE = 60
_MOST = 0.9
_YEARS = range(2000, 2100)

_ORDERS = ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%Y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y")
DATES = (
    "iso",
    *(order.format(separator) for separator in ("/", ".", "-", " ") for order in _ORDERS),
    "%d%m%Y", "%m%d%Y", "%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y",
    "%a %d.%m.%Y", "%a %d/%m/%Y", "%a %m/%d/%Y", "%A %d/%m/%Y", "%A %m/%d/%Y", "%a, %d %b %Y",
)  # fmt: skip
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
"""What a profile reads without being told."""
OTHER_TIMES = ("%H.%M", "%H%M", "%Hh%M", "%H.%M.%S", "%I.%M %p", "%H:%M Uhr")
_SEPARATORS = (" ", "T", ", ", " - ")
_EMAIL = re.compile(r"[^@\s;,]+@[^@\s;,]+\.[A-Za-z]{2,}")
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_NUMBER = re.compile(r"\d{1,9}([.,]\d{1,9})?")
_CLOCK = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d)?")
_TRUTH = frozenset({"true", "false", "yes", "no", "y", "n", "1", "0", "ja", "nein", "t", "f", "x", "kylla", "ei"})


class Patterns(NamedTuple):
    """How dates or moments are written. Several patterns that read the values differently are in `rivals`."""

    chosen: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    proof: str | None = None
    """A value that settles the order of day and month."""

    @property
    def is_unsure(self) -> bool:
        return bool(self.rivals)


@dataclass(slots=True)
class Sample:
    """A column: its distinct values (all of the file, up to a limit), and how many rows have one."""

    name: str
    filled: int = 0
    distinct: dict[str, int] = field(default_factory=dict)

    def take(self, text: str) -> None:
        if not text:
            return
        self.filled += 1
        if text in self.distinct:
            self.distinct[text] += 1
        elif len(self.distinct) < MAX_DISTINCT:
            self.distinct[text] = 1


class Kinds:
    """What the values of a column can be read as."""

    def __init__(self, sample: Sample, rows: int) -> None:
        self.sample, self.rows, self.name = sample, rows, sample.name
        self.values = list(sample.distinct)
        step = max(1, len(self.values) // 500)
        self.probe = self.values[::step]

    def share(self, holds: Callable[[str], object]) -> float:
        """Share of the distinct values for which something holds."""
        return sum(1 for value in self.probe if holds(value)) / len(self.probe) if self.probe else 0.0

    def _mostly(self, holds: Callable[[str], object]) -> bool:
        return self.share(holds) >= _MOST

    @cached_property
    def is_email(self) -> bool:
        return self._mostly(_EMAIL.fullmatch)

    @cached_property
    def is_guid(self) -> bool:
        return self._mostly(_GUID.fullmatch)

    @cached_property
    def is_number(self) -> bool:
        return self._mostly(_NUMBER.fullmatch)

    @cached_property
    def is_length(self) -> bool:
        return self._mostly(lambda value: _NUMBER.fullmatch(value) or _CLOCK.fullmatch(value))

    @cached_property
    def is_truth(self) -> bool:
        return 0 < len(self.values) <= 3 and all(value.casefold() in _TRUTH for value in self.values)

    @cached_property
    def has_leading_zeros(self) -> bool:
        return any(value.isdecimal() and value.startswith("0") and len(value) > 1 for value in self.values)

    @property
    def filled_share(self) -> float:
        """Share of the rows that have a value."""
        return self.sample.filled / self.rows if self.rows else 0.0

    @property
    def is_unique(self) -> bool:
        """Whether every row has another value, of several."""
        return self.sample.filled > 1 and len(self.values) >= min(self.sample.filled, MAX_DISTINCT)

    @cached_property
    def looks_like_names(self) -> bool:
        """Whether most values are two to five words without digits."""
        return self._mostly(lambda value: 2 <= len(value.split()) <= 5 and not any(map(str.isdigit, value)))

    @cached_property
    def is_zone(self) -> bool:
        return len(self.values) <= 600 and bool(self.values) and all(map(_is_zone, self.values))

    @cached_property
    def dates(self) -> Patterns | None:
        """How the dates are written; None where the values are no dates."""
        return patterns_of(self.values, DATES, reads_date)

    @cached_property
    def moments(self) -> Patterns | None:
        """How the moments are written; None where the values are none."""
        if self.dates or not any(":" in value or "." in value or "T" in value for value in self.probe):
            return None
        times = (*TIMES, *OTHER_TIMES)
        joined = [f"{day}{gap}{time}" for day, gap, time in product(DATES[1:], _SEPARATORS, times)]
        iso_days = [f"%Y-%m-%d{gap}{time}" for gap, time in product(_SEPARATORS, times)]
        return patterns_of(self.values, ("iso", *iso_days, *joined), _reads_moment)

    @cached_property
    def times(self) -> tuple[str, ...] | None:
        """How the times of day are written; None where the values are none."""
        for patterns in (TIMES, *((each,) for each in OTHER_TIMES)):
            if self._mostly(lambda value, patterns=patterns: read_clock_time(value, patterns)):  # type: ignore[misc]
                return patterns
        return None

    @cached_property
    def range_separator(self) -> str | None:
        """What stands between the two times of day of every value."""
        for separator in ("-", "–", " to ", " bis ", "/", "~"):
            if self._mostly(lambda value, mark=separator: _is_range(value, mark)):  # type: ignore[misc]
                return separator
        return None


def _is_range(value: str, separator: str) -> bool:
    parts = [part.strip() for part in value.split(separator)]
    return len(parts) == 2 and all(read_clock_time(part, TIMES) for part in parts)


def _is_zone(value: str) -> bool:
    try:
        time_zone(value)
    except ValueError:
        return False
    return True


def reads_date(text: str, pattern: str) -> datetime | None:
    """The date as midnight; None where the text is written otherwise, or far from now."""
    day = read_date(text, (pattern,))
    return datetime(day.year, day.month, day.day) if day and day.year in _YEARS else None  # noqa: DTZ001 - a date


def _reads_moment(text: str, pattern: str) -> datetime | None:
    moment = read_moment(text, (pattern,))
    return moment.replace(tzinfo=None) if moment and moment.year in _YEARS else None


def patterns_of(
    values: Sequence[str], patterns: Iterable[str], read: Callable[[str, str], datetime | None]
) -> Patterns | None:
    """The patterns that read all of the values that any of them reads; None where they are few.

    Patterns that read them differently are rivals: nothing in the values tells which is meant.
    """
    if not values:
        return None
    probe = values[:: max(1, len(values) // _PROBE)]
    signs = [set(value.casefold()) for value in probe]
    able = [
        each for each in patterns
        if any(_signs(each) <= has and read(value, each) for value, has in zip(probe, signs, strict=True))
    ]  # fmt: skip
    readings = {each: {value: read(value, each) for value in values} for each in able}
    counts = {each: sum(1 for moment in found.values() if moment) for each, found in readings.items()}
    best = max(counts.values(), default=0)
    if best < _MOST * len(values):
        return None
    complete = [each for each in able if counts[each] == best]
    chosen = complete[0]
    rivals = [each for each in complete[1:] if _differ(readings[chosen], readings[each])]
    swapped = _swapped(chosen)
    if swapped not in rivals and _contradict(readings[chosen], readings.get(swapped, {})):
        rivals.append(swapped)
    others = _filling(readings, chosen, complete)
    if rivals:
        return Patterns((chosen, *others), (chosen, *rivals))
    return Patterns((chosen, *others), (), _proof(readings, chosen))


@cache
def _signs(pattern: str) -> frozenset[str]:
    """The characters that every text of the pattern has: it is quicker to miss one than to read the text in vain."""
    literal = re.sub("%.", "", pattern) if "%" in pattern else ""
    return frozenset(literal.casefold()) - {" "}


type _Readings = dict[str, datetime | None]


def _differ(one: _Readings, other: _Readings) -> bool:
    return any(moment and other.get(value) and moment != other[value] for value, moment in one.items())


def _filling(readings: dict[str, _Readings], chosen: str, complete: Sequence[str]) -> tuple[str, ...]:
    """Further patterns for values that the chosen one does not read, if they agree on all others."""
    missing = {value for value, moment in readings[chosen].items() if moment is None}
    found = []
    for pattern, read in readings.items():
        if missing and pattern not in complete and not _differ(readings[chosen], read):
            filled = {value for value in missing if read[value]}
            if filled:
                found.append(pattern)
                missing -= filled
    return tuple(found)


def _swapped(pattern: str) -> str:
    """The pattern with day and month the other way round."""
    return re.sub("%d|%m", lambda found: "%m" if found[0] == "%d" else "%d", pattern)


def _contradict(chosen: _Readings, other: _Readings) -> bool:
    """Whether some values prove the one order, and others the other one."""
    return any(moment and not chosen[value] for value, moment in other.items()) and _differ(chosen, other)


def _proof(readings: dict[str, _Readings], chosen: str) -> str | None:
    """A value that the swapped order cannot read, where it could read others."""
    other = readings.get(_swapped(chosen), {})
    if _swapped(chosen) == chosen:
        return None
    return next((value for value, moment in readings[chosen].items() if moment and not other.get(value)), None)
