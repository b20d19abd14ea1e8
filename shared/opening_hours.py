"""When a service is open: weekly hours, holidays and special days, as the clock on its wall shows them.

Open is a matter of that clock alone. In the night when it jumps forward, a time that it skips opens nothing; in the
night when it goes back, a span whose times come twice is open twice. A span belongs to the day on which it starts:
`22:00-06:00` of a Friday runs into Saturday, whatever Saturday's own hours are, unless Saturday is closed.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema, field_validator, model_validator
from pydantic.alias_generators import to_camel

SEARCHED_DAYS = 400
"""How far `next_change` looks: over every holiday of a year."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE_DAY = timedelta(days=1)
_MINUTES_A_DAY = 24 * 60
_LONGEST_CLOSED_RANGE = 366
"""Days. A longer one is a slip in the year."""

_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2}) ?- ?([0-9]{1,2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_OF_YEAR = re.compile(r"[0-9]{2}-[0-9]{2}")

type _Span = tuple[int, int]
"""First minute and the minute after the last one, counted from local midnight; past 1440 it is the next day."""


# ------------------------------------------------------------------------------------------- texts of the document


def _span(text: str) -> _Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("must be a span of times such as 08:00-16:00")
    hour, minute, last_hour, last_minute = map(int, found.groups())
    start, end = hour * 60 + minute, last_hour * 60 + last_minute
    if max(minute, last_minute) > 59 or start >= _MINUTES_A_DAY or end > _MINUTES_A_DAY:
        raise ValueError("must start from 00:00 to 23:59 and end from 00:00 to 24:00")
    if start == end:
        raise ValueError("starts when it ends; a whole day is 00:00-24:00")
    return (start, end) if start < end else (start, end + _MINUTES_A_DAY)


def _day_numbers(key: str) -> list[int]:
    """The days that a key of `weekly` names, Monday is 0."""
    numbers: list[int] = []
    for part in key.casefold().split(","):
        names = [name.strip() for name in part.split("-")]
        if len(names) > 2 or not set(names) <= set(_DAYS):
            raise ValueError("must name days such as mon, mon-fri or mon,wed,fri")
        first, last = _DAYS.index(names[0]), _DAYS.index(names[-1])
        if len(names) == 2 and first == last:
            raise ValueError("must name two days around a dash; one day stands alone, every day is mon-sun")
        numbers.extend((first + step) % 7 for step in range((last - first) % 7 + 1))
    if len(set(numbers)) < len(numbers):
        raise ValueError("names a day twice")
    return numbers


def _date(text: str) -> date:
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError("must be a date that exists, such as 2026-12-24")


def _closed_dates(entry: str) -> list[date]:
    """The dates of an entry of `closed`; none for one that comes every year. Raises ValueError for any other text."""
    if _DAY_OF_YEAR.fullmatch(entry):
        _date(f"2000-{entry}")  # a leap year: 02-29 may be a holiday
        return []
    first, slash, last = entry.partition("/")
    try:
        start = _date(first)
        end = _date(last) if slash else start
    except ValueError:
        raise ValueError("must be 2026-12-24, 2026-12-24/2026-12-26 or, for every year, 12-24") from None
    days = (end - start).days + 1
    if not 1 <= days <= _LONGEST_CLOSED_RANGE:
        raise ValueError(f"must end after it starts, and within {_LONGEST_CLOSED_RANGE} days")
    return [start + number * _ONE_DAY for number in range(days)]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    from tzlocal.windows_tz import win_tz

    if name not in win_tz:
        raise ValueError("must be a time zone such as Europe/Helsinki (IANA) or FLE Standard Time (Windows)")
    return ZoneInfo(win_tz[name])


def _checked_by(read: Any) -> AfterValidator:
    """Keeps the text as it was written when `read` can read it."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def _some_spans(spans: tuple[str, ...]) -> tuple[str, ...]:
    if not spans:
        raise ValueError("must hold a span; a date without one belongs into closed")
    return spans


_TIME = "([01]?[0-9]|2[0-4]):[0-5][0-9]"
_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

type SpanText = Annotated[
    str, _checked_by(_span), WithJsonSchema({"type": "string", "pattern": f"^{_TIME} ?- ?{_TIME}$"})
]
type DaysText = Annotated[str, _checked_by(_day_numbers)]
type DateText = Annotated[str, _checked_by(_date)]
type ClosedText = Annotated[
    str,
    _checked_by(_closed_dates),
    WithJsonSchema({"type": "string", "pattern": f"^({_ISO}(/{_ISO})?|[0-9]{{2}}-[0-9]{{2}})$"}),
]


# ----------------------------------------------------------------------------------------------------- the document


class OpeningHours(BaseModel):
    """The hours of one service.

    `weekly`: spans by days (`mon`, `mon-fri`, `fri-mon`, `mon,wed,fri`); a day that no key names is not open.
    `special`: spans of single dates, in place of their weekly ones. A night that began on the date before goes on.
    `closed`: dates (`2026-12-25`), ranges (`2026-12-24/2026-12-26`, both included) and days of every year (`12-25`).
    A closed date is closed from midnight to midnight, so it ends a night that began on the date before, and no night
    begins on it. A date in both `special` and `closed` is refused.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )

    time_zone: Annotated[str, _checked_by(_zone)]
    weekly: dict[DaysText, tuple[SpanText, ...]]
    closed: tuple[ClosedText, ...] = ()
    special: dict[DateText, Annotated[tuple[SpanText, ...], AfterValidator(_some_spans)]] = {}

    @field_validator("weekly")
    @classmethod
    def _refuse_a_day_named_twice(cls, weekly: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        named_by: dict[int, str] = {}
        for key in weekly:
            for number in _day_numbers(key):
                if number in named_by:
                    raise ValueError(f"{_DAYS[number]} is named twice, by {named_by[number]} and by {key}")
                named_by[number] = key
        return weekly

    @model_validator(mode="after")
    def _refuse_a_date_special_and_closed(self) -> Self:
        both = [text for text in self.special if self.calendar.is_closed(_date(text))]
        if both:
            raise ValueError(f"{', '.join(both)} cannot be both special and closed")
        return self

    @cached_property
    def calendar(self) -> "Calendar":
        """The document made ready for many questions."""
        weekly: list[tuple[_Span, ...]] = [()] * 7
        for key, spans in self.weekly.items():
            for number in _day_numbers(key):
                weekly[number] = tuple(map(_span, spans))
        return Calendar(
            zone=_zone(self.time_zone),
            weekly=tuple(weekly),
            special={_date(text): tuple(map(_span, spans)) for text, spans in self.special.items()},
            closed=frozenset(day for entry in self.closed for day in _closed_dates(entry)),
            closed_every_year=frozenset(
                (int(entry[:2]), int(entry[3:])) for entry in self.closed if _DAY_OF_YEAR.fullmatch(entry)
            ),
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours in the form that answers fast."""

    zone: ZoneInfo
    weekly: tuple[tuple[_Span, ...], ...]
    special: Mapping[date, tuple[_Span, ...]]
    closed: frozenset[date]
    closed_every_year: frozenset[tuple[int, int]]

    def is_closed(self, day: date) -> bool:
        """Whether the whole local date is closed."""
        return day in self.closed or (day.month, day.day) in self.closed_every_year

    def spans(self, day: date) -> tuple[_Span, ...]:
        """The spans that start on this local date."""
        if self.is_closed(day):
            return ()
        special = self.special.get(day)
        return self.weekly[day.weekday()] if special is None else special

    def is_open(self, local: datetime) -> bool:
        """Whether it is open when the clock on the wall shows this time."""
        day = local.date()
        if self.is_closed(day):
            return False
        minute = local.hour * 60 + local.minute
        if any(start <= minute < end for start, end in self.spans(day)):
            return True
        return any(minute + _MINUTES_A_DAY < end for _, end in self.spans(day - _ONE_DAY))

    def turning_points(self, after: datetime, until: datetime) -> list[datetime]:
        """In UTC and in order, every moment of (after, until] at which open and closed can change places."""
        points = {local.astimezone(UTC) for local in self._edges(after, until)}
        points.update(_clock_changes(self.zone, after, until))
        return sorted(point for point in points if after < point <= until)

    def _edges(self, after: datetime, until: datetime) -> Iterator[datetime]:
        # Two days back: a clock set back at midnight shows yesterday again, where a span of the day before may end.
        day = after.astimezone(self.zone).date() - 2 * _ONE_DAY
        while day <= until.astimezone(self.zone).date():
            midnight = datetime.combine(day, time.min, self.zone)
            for minute in {0}.union(*self.spans(day)):
                edge = midnight + timedelta(minutes=minute)
                yield edge
                yield edge.replace(fold=1)
            day += _ONE_DAY


def _clock_changes(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moment between two, at most a day apart, at which the zone's clock jumps, if it does."""
    start = after.replace(microsecond=0)

    def has_jumped(seconds: int) -> bool:
        return (start + timedelta(seconds=seconds)).astimezone(zone).utcoffset() != before

    before = start.astimezone(zone).utcoffset()
    if until.astimezone(zone).utcoffset() != before:
        seconds = range(int((until - start).total_seconds()) + 1)
        yield start + timedelta(seconds=bisect_left(seconds, True, key=has_jumped))


# ----------------------------------------------------------------------------------------------------- the questions


def is_open(hours: OpeningHours, now: datetime) -> bool:
    """Whether it is open at this moment. A span holds its start, not its end. Raises ValueError for a naive `now`."""
    return hours.calendar.is_open(_aware(now).astimezone(hours.calendar.zone))


def next_change(hours: OpeningHours, now: datetime) -> datetime | None:
    """The next moment, in UTC, at which it opens or closes; None when nothing changes for 400 days.

    Spans that meet are one. Raises ValueError for a naive `now`.
    """
    open_now = is_open(hours, now)
    after = now.astimezone(UTC)
    for _ in range(SEARCHED_DAYS):
        until = after + _ONE_DAY
        for point in hours.calendar.turning_points(after, until):
            if is_open(hours, point) != open_now:
                return point
        after = until
    return None


def _aware(now: datetime) -> datetime:
    if now.utcoffset() is None:
        raise ValueError("now must say its offset from UTC")
    return now
