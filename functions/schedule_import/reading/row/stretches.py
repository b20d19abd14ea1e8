"""When a row takes place: every way in which layouts say it, as stretches in UTC."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from functions.schedule_import.profile.layout import Fields, Nested, TemplateSegment, Times, WholeDayRule
from functions.schedule_import.reading.row.local_time import (
    EmptyIntervalError,
    Interval,
    TimeChoice,
    interval,
    interval_of_length,
)
from functions.schedule_import.reading.row.values import (
    read_clock_time,
    read_date,
    read_length,
    read_moment,
    read_weekdays,
)

type Texts = Mapping[str, str]
"""The trimmed texts of a row by column; columns that the file lacks are absent."""

MAX_REPETITION_DAYS = 732
MAX_WHOLE_DAYS = 3660


class Problem(NamedTuple):
    """Why a row cannot be read: a code, a human reason and the file's own column name."""

    code: str
    reason: str
    column: str | None


class RowProblem(ValueError):  # noqa: N818 - becomes a Skip, and goes no further
    """Raised with a Problem. What is kept is the problem alone: an exception keeps whole call stacks alive."""

    def __init__(self, code: str, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.problem = Problem(code, reason, column)


class Stretch(NamedTuple):
    """A stretch in UTC with the local date that the layout gives it to; `activity` where a template names one."""

    start: datetime
    end: datetime
    shift_date: date | None
    choices: tuple[TimeChoice, ...] = ()
    activity: str | None = None


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How the rows of one source say when they take place."""

    fields: Fields
    times: Times
    whole_day: WholeDayRule | None
    templates: Mapping[str, tuple[TemplateSegment, ...]]
    """By code, in lower case."""
    start_date: date | None

    def stretches(self, texts: Texts, zone: ZoneInfo | None) -> list[Stretch]:
        """The stretches of a row, empty for a template that is a day off. Raises RowProblem."""
        try:
            found = self._stretches(texts, zone)
        except EmptyIntervalError as error:
            raise RowProblem("END_BEFORE_START", str(error), self._end_column()) from None
        except OverflowError:
            raise RowProblem("BAD_TIME", "the time lies outside of the calendar", self.fields.start) from None
        return [self._dated(stretch, texts) for stretch in found]

    def _stretches(self, texts: Texts, zone: ZoneInfo | None) -> list[Stretch]:
        fields = self.fields
        if fields.template and texts.get(fields.template):
            return list(self._by_template(fields.template, texts, self._known(zone)))
        if fields.range and texts.get(fields.range):
            return [self._by_range(fields.range, texts, self._known(zone))]
        if self._is_whole_day(texts):
            return [self._whole_days(texts, self._known(zone))]
        if fields.repeat_days and fields.date and fields.end_date:
            return list(self._repeated(fields.date, fields.end_date, texts, self._known(zone)))
        return [self._timed(texts, zone)]

    def _known(self, zone: ZoneInfo | None) -> ZoneInfo:
        if zone is None:
            raise RowProblem(
                "NO_TIME_ZONE",
                "the time has no zone and neither row nor profile names one",
                self.fields.time_zone or self.fields.start or self.fields.date,
            )
        return zone

    def _end_column(self) -> str | None:
        return self.fields.end or self.fields.end_date or self.fields.length or self.fields.range

    def _dated(self, stretch: Stretch, texts: Texts) -> Stretch:
        column = self.fields.shift_date
        return stretch._replace(shift_date=self._date(column, texts)) if column and texts.get(column) else stretch

    # ------------------------------------------------------------------------------------------------- days

    def _date(self, column: str, texts: Texts) -> date:
        text = _required(texts, column)
        day = read_date(text, self.times.date)
        if day is None:
            moment = self._moment(text)
            day = moment.date() if moment and moment.tzinfo is None else None
        if day is None:
            raise RowProblem("BAD_TIME", f"{text!r} is not a date written as {_either(self.times.date)}", column)
        return day

    def _day(self, texts: Texts) -> date | None:
        """The day that day numbers and times of day count from."""
        fields = self.fields
        if fields.date and texts.get(fields.date):
            return self._date(fields.date, texts)
        if fields.start_day and fields.shift_date and texts.get(fields.shift_date):
            return self._date(fields.shift_date, texts)
        return self.start_date

    def _required_day(self, texts: Texts) -> date:
        day = self._day(texts)
        if day is None:
            if self.fields.date is None:
                raise RowProblem(
                    "MISSING_VALUE", "neither the file nor the profile says on which date the days begin; set startDate"
                )
            raise RowProblem("MISSING_VALUE", "the value is missing", self.fields.date)
        return day + self._days_after_day(texts)

    def _days_after_day(self, texts: Texts) -> timedelta:
        """What the row's day number adds: nothing where the row has a date of its own beside that of its shift."""
        return timedelta() if self._has_own_date(texts) else self._days_on(self.fields.start_day, texts)

    def _has_own_date(self, texts: Texts) -> bool:
        """Whether the date is the row's and not its shift's: where the layout has a date for the shift, too."""
        fields = self.fields
        return bool(fields.shift_date and fields.date and texts.get(fields.date))

    def _first_numbered_day(self, texts: Texts) -> date | None:
        """The day whose number is 1."""
        column = self.fields.shift_date
        if column and texts.get(column):
            return self._date(column, texts)
        day = self._day(texts)
        return day - self._days_on(self.fields.start_day, texts) if day and self._has_own_date(texts) else day

    def _days_on(self, column: str | None, texts: Texts) -> timedelta:
        """What a day number adds: 1 is the day itself."""
        text = texts.get(column, "") if column else ""
        if not text:
            return timedelta()
        if not text.isdecimal() or not 0 < int(text) <= 400:
            raise RowProblem("BAD_TIME", f"{text!r} is not a day number such as 1", column)
        return timedelta(days=int(text) - 1)

    def day_named(self, texts: Texts, zone: ZoneInfo | None) -> tuple[date | None, date | None]:
        """First and last local day of a row that cannot be read as a whole; None where that cannot be read either."""
        try:
            first = self._first_day(texts, zone)
        except (RowProblem, OverflowError):
            return None, None
        try:
            column = self.fields.end_date
            last = self._date(column, texts) if column and texts.get(column) else first
        except RowProblem:
            last = first
        return first, last

    def _first_day(self, texts: Texts, zone: ZoneInfo | None) -> date | None:
        fields = self.fields
        if fields.shift_date and texts.get(fields.shift_date):
            return self._date(fields.shift_date, texts)
        day = self._day(texts)
        if day is not None:
            return day + self._days_after_day(texts)
        start = texts.get(fields.start, "") if fields.start else ""
        moment = self._moment(start) if start else None
        if moment is None:
            return None
        return (moment.astimezone(zone) if moment.tzinfo and zone else moment).date()

    # ----------------------------------------------------------------------------------------- times of day

    def _moment(self, text: str) -> datetime | None:
        moment = read_moment(text, self.times.moment)
        return moment.replace(tzinfo=None) if moment and self.times.ignore_offset else moment

    def _clock(self, text: str, column: str, day: date) -> datetime:
        clock = read_clock_time(text, self.times.time)
        if clock is None:
            raise _bad_clock(text, column)
        return datetime.combine(day, clock.time) + timedelta(days=clock.days)

    def _start(self, texts: Texts) -> tuple[datetime, date]:
        """The start, and the day that an end without a date counts from."""
        column = self.fields.start
        if column is None:
            raise RowProblem("MISSING_VALUE", "the layout says nothing about times", self.fields.date)
        text = _required(texts, column)
        by_clock = self.fields.date is not None or self.fields.start_day is not None
        clock = read_clock_time(text, self.times.time) if by_clock else None
        if clock is None:
            moment = self._moment(text)
            if moment is None:
                raise _bad_clock(text, column) if by_clock else self._bad_moment(text, column)
            return moment, moment.date()
        day = self._required_day(texts)
        return datetime.combine(day, clock.time) + timedelta(days=clock.days), day

    def _bad_moment(self, text: str, column: str) -> RowProblem:
        if self.times.moment == ("iso",):
            if read_date(text, self.times.moment):
                return RowProblem("BAD_TIME", f"{text!r} is a date without a time of day", column)
            return RowProblem("BAD_TIME", f"{text!r} is not an ISO 8601 time such as 2027-03-26T08:00", column)
        return RowProblem("BAD_TIME", f"{text!r} is not a time written as {_either(self.times.moment)}", column)

    def _timed(self, texts: Texts, zone: ZoneInfo | None) -> Stretch:
        start, day = self._start(texts)
        end_column = self.fields.end
        end_text = texts.get(end_column, "") if end_column else ""
        if end_column and end_text:
            found = self._to_end(start, end_text, end_column, day, texts, zone)
        else:
            found = self._for_length(start, self._length(self.fields.length, texts), zone)
        self._check_length(found, start.tzinfo, zone)
        by_number = self.fields.start_day is not None and start.tzinfo is None
        return Stretch(found.start, found.end, self._first_numbered_day(texts) if by_number else None, found.choices)

    def _to_end(
        self, start: datetime, text: str, column: str, day: date, texts: Texts, zone: ZoneInfo | None
    ) -> Interval:
        end, is_dated = self._end(text, column, day, texts)
        if end.tzinfo is None and not is_dated:
            end = end.replace(tzinfo=start.tzinfo)
        if (start.tzinfo is None) != (end.tzinfo is None):
            raise RowProblem("BAD_TIME", "start and end must both have an offset, or both none", column)
        if end <= start and not is_dated:
            end += timedelta(days=1)
        if start.tzinfo is None:
            return interval(start, end, self._known(zone))
        if end <= start:
            raise EmptyIntervalError("the end is not after the start")
        return Interval(start.astimezone(UTC), end.astimezone(UTC))

    def _end(self, text: str, column: str, day: date, texts: Texts) -> tuple[datetime, bool]:
        """The end, and whether it has a date of its own."""
        fields = self.fields
        end_day: date | None = None
        if fields.end_date and texts.get(fields.end_date):
            end_day = self._date(fields.end_date, texts)
        elif fields.end_day and texts.get(fields.end_day):
            end_day = (self._first_numbered_day(texts) or day) + self._days_on(fields.end_day, texts)
        moment = self._moment(text)
        if moment is not None:
            return moment, True
        if fields.date is None and fields.start_day is None and read_clock_time(text, self.times.time) is None:
            raise self._bad_moment(text, column)
        return self._clock(text, column, end_day or day), end_day is not None

    def _for_length(self, start: datetime, length: timedelta, zone: ZoneInfo | None) -> Interval:
        if start.tzinfo is None:
            return interval_of_length(start, length, self._known(zone))
        if length <= timedelta():
            raise EmptyIntervalError("the length is nothing")
        utc = start.astimezone(UTC)
        return Interval(utc, utc + length)

    def _length(self, column: str | None, texts: Texts) -> timedelta:
        text = texts.get(column, "") if column else ""
        if column is None or not text:
            raise RowProblem("MISSING_VALUE", "the value is missing", self.fields.end or column)
        length = read_length(text, self.times.length_unit)
        if length is None:
            raise RowProblem("BAD_TIME", f"{text!r} is not a length in {self.times.length_unit}", column)
        return length

    def _check_length(self, found: Interval, offset: object, zone: ZoneInfo | None) -> None:
        """Whole days may be many; hours of work are few, and a longer stretch is a slip of somebody's pen."""
        if found.end - found.start <= timedelta(hours=self.times.max_hours):
            return
        own_zone = zone or UTC if offset is None or zone else UTC
        if all(moment.astimezone(own_zone).time() == time.min for moment in (found.start, found.end)):
            return
        hours = (found.end - found.start) / timedelta(hours=1)
        raise RowProblem(
            "TOO_LONG",
            f"the row lasts {hours:g} hours; more than {self.times.max_hours} are taken for whole days only",
            self._end_column(),
        )

    # ----------------------------------------------------------------------------------------- other shapes

    def _is_whole_day(self, texts: Texts) -> bool:
        rule = self.whole_day
        if rule is None:
            return not (self.fields.start or self.fields.range or self.fields.template)
        if rule.column is None:
            return True
        value = texts.get(rule.column, "").casefold()
        return value in {each.casefold() for each in rule.values} if rule.values else bool(value)

    def _whole_days(self, texts: Texts, zone: ZoneInfo) -> Stretch:
        first = self._first_day(texts, zone)
        if first is None:
            column = self.fields.date or self.fields.start
            raise RowProblem("MISSING_VALUE", "the row names no date that can be read", column)
        end_date = self.fields.end_date
        last = self._date(end_date, texts) if end_date and texts.get(end_date) else first
        if (last - first).days > MAX_WHOLE_DAYS:
            raise RowProblem("TOO_LONG", f"the row takes more than {MAX_WHOLE_DAYS} days", end_date)
        day = timedelta(days=1)
        found = interval(datetime.combine(first, time.min), datetime.combine(last + day, time.min), zone)
        return Stretch(found.start, found.end, first, found.choices)

    def _by_range(self, column: str, texts: Texts, zone: ZoneInfo) -> Stretch:
        text = texts[column]
        if self.times.range_pattern and not re.fullmatch(self.times.range_pattern, text, re.IGNORECASE):
            raise RowProblem("BAD_TIME", f"{text!r} is not written as {self.times.range_example}", column)
        text = text.replace("–", "-")
        parts = [part.strip() for part in text.split(self.times.range_separator)]
        if len(parts) != 2:
            example = f"9:00{self.times.range_separator}17:00"
            raise RowProblem("BAD_TIME", f"{text!r} is not a range of times such as {example}", column)
        day = self._required_day(texts)
        start, end = (self._clock(part, column, day) for part in parts)
        found = interval(start, end if end > start else end + timedelta(days=1), zone)
        self._check_length(found, None, zone)
        return Stretch(found.start, found.end, day, found.choices)

    def _by_template(self, column: str, texts: Texts, zone: ZoneInfo) -> Iterator[Stretch]:
        """The parts of a shift template in its order; one that starts before the part before it is on the next day."""
        code = texts[column]
        parts = self.templates.get(code.casefold())
        if parts is None:
            raise RowProblem(
                "UNKNOWN_TEMPLATE", f"the profile's templates do not say what {code!r} stands for; add it", column
            )
        day = on = self._required_day(texts)
        before = datetime.combine(on, time.min)
        for part in parts:
            start = self._clock(part.start, column, on)
            if start < before:
                on += timedelta(days=1)
                start += timedelta(days=1)
            end = self._clock(part.end, column, on)
            found = interval(start, end if end > start else end + timedelta(days=1), zone)
            before = start
            yield Stretch(found.start, found.end, day, found.choices, part.activity)

    def _repeated(self, first_column: str, last_column: str, texts: Texts, zone: ZoneInfo) -> Iterator[Stretch]:
        """The same times of day on each of a row's weekdays, from its first date to its last."""
        first = self._date(first_column, texts)
        last = self._date(last_column, texts) if texts.get(last_column) else first
        if last < first:
            raise RowProblem("END_BEFORE_START", "the last date is before the first", last_column)
        if (last - first).days >= MAX_REPETITION_DAYS:
            raise RowProblem("TOO_LONG", f"the row repeats for more than {MAX_REPETITION_DAYS} days", last_column)
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        wanted = self._weekdays(texts, is_one_day=first == last)
        found = [self._on_day(day, texts, zone) for day in days if wanted is None or day.weekday() in wanted]
        if not found:
            raise RowProblem(
                "BAD_TIME", "none of the row's weekdays is between its first and its last date", self.fields.repeat_days
            )
        yield from found

    def _weekdays(self, texts: Texts, *, is_one_day: bool) -> frozenset[int] | None:
        column = self.fields.repeat_days
        text = texts.get(column, "") if column else ""
        if not text:
            if is_one_day:
                return None
            raise RowProblem("MISSING_VALUE", "the row does not say on which weekdays it repeats", column)
        days = read_weekdays(text)
        if days is None:
            raise RowProblem("BAD_TIME", f"{text!r} is not a list of weekdays such as Mon,Tue", column)
        return days

    def _on_day(self, day: date, texts: Texts, zone: ZoneInfo) -> Stretch:
        start_column, end_column = self.fields.start, self.fields.end
        if start_column is None or end_column is None:
            raise RowProblem("MISSING_VALUE", "a repetition needs two times of day", self.fields.repeat_days)
        start = self._clock(_required(texts, start_column), start_column, day)
        end = self._clock(_required(texts, end_column), end_column, day)
        found = interval(start, end if end > start else end + timedelta(days=1), zone)
        return Stretch(found.start, found.end, day, found.choices)

    # ----------------------------------------------------------------------------------------------- breaks

    def inner_stretch(self, rules: Nested, texts: Texts, around: Stretch, zone: ZoneInfo | None) -> Stretch:
        """A stretch inside a row. A time of day is on the row's first local day, or the next. Raises RowProblem."""
        try:
            start = self._inner_start(rules.start, texts, around, zone)
            end_text = texts.get(rules.end, "") if rules.end else ""
            if rules.end and end_text:
                found = self._inner_end(start, end_text, rules.end, zone)
            else:
                found = self._for_length(start, self._length(rules.length, texts), zone)
        except EmptyIntervalError as error:
            raise RowProblem("END_BEFORE_START", str(error), rules.end or rules.length) from None
        except OverflowError:
            raise RowProblem("BAD_TIME", "the time lies outside of the calendar", rules.start) from None
        return Stretch(found.start, found.end, around.shift_date, found.choices)

    def _inner_start(self, column: str, texts: Texts, around: Stretch, zone: ZoneInfo | None) -> datetime:
        text = _required(texts, column)
        moment = self._moment(text)
        if moment is not None:
            return moment
        if read_clock_time(text, self.times.time) is None:
            raise self._bad_moment(text, column)
        first = around.start.astimezone(self._known(zone)).replace(tzinfo=None)
        start = self._clock(text, column, first.date())
        return start if start >= first else start + timedelta(days=1)

    def _inner_end(self, start: datetime, text: str, column: str, zone: ZoneInfo | None) -> Interval:
        moment = self._moment(text)
        end = moment or self._clock(text, column, start.date()).replace(tzinfo=start.tzinfo)
        if (start.tzinfo is None) != (end.tzinfo is None):
            raise RowProblem("BAD_TIME", "start and end must both have an offset, or both none", column)
        if moment is None and end <= start:
            end += timedelta(days=1)
        if start.tzinfo is None:
            return interval(start, end, self._known(zone))
        if end <= start:
            raise EmptyIntervalError("the end is not after the start")
        return Interval(start.astimezone(UTC), end.astimezone(UTC))

    def placed_break(self, after: str, length: str, texts: Texts, around: Stretch) -> Stretch | None:
        """A break that two lengths place, None where the row has none. Raises RowProblem."""
        if not texts.get(after) and not texts.get(length):
            return None
        start = around.start + self._length(after, texts)
        lasts = self._length(length, texts)
        if not lasts:
            return None
        if start + lasts > around.end:
            raise RowProblem("BAD_TIME", "the break ends after its row", after)
        return Stretch(start, start + lasts, around.shift_date)


def _bad_clock(text: str, column: str) -> RowProblem:
    return RowProblem("BAD_TIME", f"{text!r} is not a time of day such as 08:00 or 24:00", column)


def _required(texts: Texts, column: str) -> str:
    text = texts.get(column, "")
    if not text:
        raise RowProblem("MISSING_VALUE", "the value is missing", column)
    return text


def _either(patterns: tuple[str, ...]) -> str:
    return " or ".join(patterns)
