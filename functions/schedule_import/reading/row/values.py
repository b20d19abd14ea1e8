"""The words of a cell: dates, times of day, moments and lengths, as layouts write them."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple

_FIRST_YEAR, _LAST_YEAR = 1970, 2199

type PatternReader = Callable[[str], datetime | None]


class ClockTime(NamedTuple):
    """A time of day, and how many days past its date it lies: `24:00` and `25:00` count on."""

    days: int
    time: time


# ------------------------------------------------------------------------------------------------- patterns

_NUMBERS = {"Y": r"(\d{4})", "y": r"(\d\d)", "m": r"(\d{1,2})", "d": r"(\d{1,2})", "H": r"(\d{1,2})",
            "I": r"(\d{1,2})", "M": r"(\d\d)", "S": r"(\d\d)", "p": r"([AaPp])[Mm]"}  # fmt: skip
_DIRECTIVE = re.compile(r"%([A-Za-z%])")
_HALF_OF_DAY = re.compile(r"\s*([AaPp])\.?(?:[Mm]\.?)?$")


@cache
def pattern_reader(pattern: str) -> PatternReader:
    """How to read a strptime pattern, or `iso`; the reader answers None for a text that is written otherwise.

    Numbers need no leading zero, unless nothing stands between them: "1112027" could mean two dates.
    """
    if pattern == "iso":
        return _iso
    pattern = re.sub(r"\s+%p", "%p", pattern)
    letters = _DIRECTIVE.findall(pattern)
    if not set(letters) <= _NUMBERS.keys():
        return lambda text: _by_strptime(text, pattern)
    return _by_numbers(re.compile(_expression(pattern)), letters, halves="p" in letters)


def _expression(pattern: str) -> str:
    adjacent = re.search(r"%[YymdHIMS]%[YymdHIMS]", pattern) is not None
    parts = []
    for index, part in enumerate(_DIRECTIVE.split(pattern)):
        number = _NUMBERS[part] if index % 2 else r"\s+".join(map(re.escape, re.split(r"\s+", part)))
        parts.append(number.replace("{1,2}", "{2}") if adjacent else number)
    return "".join(parts)


def _by_numbers(expression: re.Pattern[str], letters: list[str], *, halves: bool) -> PatternReader:
    def read(text: str) -> datetime | None:
        if halves:
            text = _HALF_OF_DAY.sub(r"\1M", text)
        found = expression.fullmatch(text)
        if found is None:
            return None
        said = dict(zip(letters, found.groups(), strict=True))
        half = said.pop("p", None)
        try:
            return _moment({letter: int(number) for letter, number in said.items()}, half)
        except ValueError:
            return None

    return read


def _moment(said: dict[str, int], half: str | None) -> datetime:
    hour = said.get("H", 0)
    if "I" in said:
        if not 1 <= said["I"] <= 12:
            raise ValueError
        hour = said["I"] % 12 + (12 if half in ("p", "P") else 0)
    # As strptime and POSIX have it: 69 to 99 are of the last century.
    year = said.get("Y", 1900) if "y" not in said else said["y"] + (1900 if said["y"] >= 69 else 2000)
    return datetime(year, said.get("m", 1), said.get("d", 1), hour, said.get("M", 0), said.get("S", 0))  # noqa: DTZ001 - the zone comes later


def _by_strptime(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes later, where the text has none
    except ValueError:
        return None


_APART = re.compile(r"(.*:\d\d(?:[.,]\d+)?) ?(UTC|GMT|Z|[+-]\d\d(?::?\d\d)?)", re.IGNORECASE)
"""A moment whose offset stands apart or is a name, as data warehouses export it: `2027-03-26 08:00:00 UTC`."""


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        apart = _APART.fullmatch(text)
    if apart is None:
        return None
    try:
        return datetime.fromisoformat(apart[1] + ("Z" if apart[2].isalpha() else apart[2]))
    except ValueError:
        return None


# ---------------------------------------------------------------------------------------------------- texts


def read_date(text: str, patterns: Sequence[str]) -> date | None:
    """The date, or None where the text is not one of the patterns or its year cannot be meant."""
    for pattern in patterns:
        moment = pattern_reader(pattern)(text)
        if moment is not None and moment.time() == time.min and _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return moment.date()
    return None


_LATE_HOUR = re.compile(r"(.*[ T])?(2[4-9]|[34]\d)(:\d\d.*)")


def read_moment(text: str, patterns: Sequence[str]) -> datetime | None:
    """The moment with its offset, if it has one; hours from 24 on count into the next day."""
    for pattern in patterns:
        moment = pattern_reader(pattern)(text)
        if moment is not None and (pattern != "iso" or _has_time_of_day(text)):
            return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None
    late = _LATE_HOUR.fullmatch(text)
    if late is None or not late[1] or int(late[2]) > 47:
        return None
    moment = read_moment(f"{late[1]}{int(late[2]) - 24:02}{late[3]}", patterns)
    return moment and moment + timedelta(days=1)


def _has_time_of_day(text: str) -> bool:
    return ":" in text or "T" in text.upper()


def read_clock_time(text: str, patterns: Sequence[str]) -> ClockTime | None:
    """The time of day; `24:00` to `47:59` lie on the next day."""
    late = _LATE_HOUR.fullmatch(text)
    if late and not late[1] and int(late[2]) < 48:
        early = read_clock_time(f"{int(late[2]) - 24:02}{late[3]}", patterns)
        return early and ClockTime(1, early.time)
    if re.fullmatch(r"\d{1,2}\s*[AaPp]\.?([Mm]\.?)?", text):
        text = re.sub(r"(\d+)", r"\1:00", text, count=1)
    for pattern in patterns:
        moment = pattern_reader(pattern)(text)
        if moment is not None:
            return ClockTime(0, moment.time())
    return None


_CLOCK_LENGTH = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


def read_length(text: str, unit: str) -> timedelta | None:
    """A length in its unit, with a decimal comma or point; one written as H:MM is one, whatever the unit."""
    clock = _CLOCK_LENGTH.fullmatch(text)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if unit not in _SECONDS or not _NUMBER.fullmatch(text):
        return None
    return timedelta(seconds=round(float(text.replace(",", ".")) * _SECONDS[unit]))


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_weekdays(text: str) -> frozenset[int] | None:
    """Weekdays, Monday 0: English names or at least two letters of them, or numbers with Monday 1, Sunday 7 or 0."""
    days = set()
    for word in re.split(r"[\s,;/|+&\"']+", text.strip(" ,;/|+&[](){}\"'").casefold()):
        found = [index for index, name in enumerate(_WEEKDAYS) if len(word) >= 2 and name.startswith(word.rstrip("."))]
        if word.isdecimal() and int(word) <= 7:
            found = [(int(word) - 1) % 7]
        if len(found) != 1:
            return None
        days.add(found[0])
    return frozenset(days)
