"""Which columns say when a row takes place: every way that fits the names, tried on the rows themselves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import permutations
from statistics import fmean

from functions.schedule_import.reading.row.values import read_clock_time, read_date, read_length, read_moment
from local.schedules.guessing.values import Kinds
from local.schedules.guessing.words import own_name_says, says

_LONGEST = timedelta(hours=25)
_ENOUGH = 0.7
"""Share of rows that must make sense."""
_UNITS = ("minutes", "hours", "seconds")

type Row = dict[str, str]


@dataclass(slots=True)
class Timing:
    """One way to read when. `fields` are those of a profile's source."""

    fields: dict[str, str]
    score: float
    valid: float
    """Share of rows that make sense read so."""
    mean: timedelta
    unit: str | None = None
    """The unit in which the length column agrees with start and end, or is counted itself."""
    notes: list[str] = field(default_factory=list)


def best_timing(columns: Sequence[Kinds], rows: Sequence[Row]) -> Timing | None:
    """The way that makes most sense; None where nothing in the table is a time."""
    found = [each for each in _candidates(columns, rows) if each.valid >= _ENOUGH]
    if not found:
        return None
    best = max(found, key=lambda each: each.score)
    # Columns of a whole shift may stand beside those of the row's own part of it: the part is the row.
    rivals = [
        each for each in found if each.score > best.score - 1 and each.fields.keys() == best.fields.keys()
        and each.mean < best.mean and each.mean > timedelta()
    ]  # fmt: skip
    chosen = min(rivals, key=lambda each: each.mean) if rivals else best
    _add_dates(chosen, columns, rows)
    _add_midnight(chosen, columns, rows)
    return chosen


def _candidates(columns: Sequence[Kinds], rows: Sequence[Row]) -> Iterator[Timing]:
    # What surrounds the rows may give their date, but no times of their own.
    own = [each for each in columns if not each.name.startswith("..")]
    moments = [each for each in own if each.moments]
    dates = [each for each in columns if each.dates and not each.moments]
    times = [each for each in own if each.times and not each.is_number and not each.moments]
    if len(times) < 2:
        times = [each for each in own if each.times and not each.moments]
    lengths = [each for each in own if each.is_length and own_name_says(each.name, "length")]
    for start, end in permutations(moments, 2):
        yield _two(start, end, None, lengths, rows)
    for day in dates:
        for start, end in permutations(times, 2):
            yield _two(start, end, day, lengths, rows)
        for start in times:
            yield from (_for_length(start, length, day, rows) for length in lengths if length is not start)
        yield from (_range(each, day, rows) for each in own if each.range_separator)
    for start in moments:
        yield from (_for_length(start, length, None, rows) for length in lengths)
        yield from (_two(start, end, None, lengths, rows) for end in times)
    yield from (_whole_day(day, rows) for day in dates)


# ------------------------------------------------------------------------------------------------------- candidates


def _two(start: Kinds, end: Kinds, day: Kinds | None, lengths: Sequence[Kinds], rows: Sequence[Row]) -> Timing:
    fields = {"start": start.name, "end": end.name}
    if day:
        fields["date"] = day.name
    spans = [_span(row, start, end, day) for row in rows]
    return _judged(fields, spans, _names(start, end, day), lengths, rows)


def _for_length(start: Kinds, length: Kinds, day: Kinds | None, rows: Sequence[Row]) -> Timing:
    fields = {"start": start.name, "length": length.name}
    if day:
        fields["date"] = day.name
    unit = _likely_unit(length)
    spans = [_length_of(row, length, unit) if _starts(row, start, day) else None for row in rows]
    timing = _judged(fields, spans, _names(start, None, day) - 1.5, (), rows)
    timing.unit = unit
    return timing


def _range(each: Kinds, day: Kinds, rows: Sequence[Row]) -> Timing:
    fields = {"range": each.name, "date": day.name}
    spans = [timedelta(hours=8) if row.get(each.name) and row.get(day.name) else None for row in rows]
    return _judged(fields, spans, _names(None, None, day), (), rows)


def _whole_day(day: Kinds, rows: Sequence[Row]) -> Timing:
    spans = [timedelta(days=1) if row.get(day.name) else None for row in rows]
    return _judged({"date": day.name}, spans, _names(None, None, day) - 4, (), rows)


def _names(start: Kinds | None, end: Kinds | None, day: Kinds | None) -> float:
    """How well the names fit, whatever the values."""
    score = 0.0
    if start:
        score += 2 * own_name_says(start.name, "start") - 1.5 * own_name_says(start.name, "end")
    if end:
        score += 2 * own_name_says(end.name, "end") - 1.5 * own_name_says(end.name, "start")
    if day:
        score += own_name_says(day.name, "date") + 0.5 * own_name_says(day.name, "start")
        score -= 0.75 * own_name_says(day.name, "end") + 0.5 * own_name_says(day.name, "shift")
    for each in filter(None, (start, end, day)):
        score -= 3 * own_name_says(each.name, "break") + 4 * own_name_says(each.name, "note")
    return score


def _judged(
    fields: dict[str, str], spans: Sequence[timedelta | None], names: float, lengths: Sequence[Kinds],
    rows: Sequence[Row],
) -> Timing:  # fmt: skip
    filled = [row for row in rows if any(row.values())]
    good = [span for span in spans if span is not None and timedelta() < span <= _LONGEST]
    valid = len(good) / len(filled) if filled else 0.0
    mean = timedelta(seconds=fmean(span.total_seconds() for span in good)) if good else timedelta()
    timing = Timing(fields, names + 3 * valid, valid, mean)
    for length in lengths:
        for unit in _UNITS:
            agrees = [
                _length_of(row, length, unit) == span for row, span in zip(rows, spans, strict=True) if span is not None
            ]
            if agrees and sum(agrees) >= 0.8 * len(agrees):
                timing.score += 3
                timing.unit = unit
                timing.notes.append(f"{length.name} agrees with them in {unit}")
                return timing
    return timing


def _likely_unit(length: Kinds) -> str:
    numbers = [span.total_seconds() / 60 for value in length.probe if (span := read_length(value, "minutes"))]
    if length.values and all(":" in value for value in length.values):
        return "clock"
    largest = max(numbers, default=0)
    return "hours" if largest <= 25 else "minutes" if largest <= 1_500 else "seconds"


def _length_of(row: Row, length: Kinds, unit: str) -> timedelta | None:
    text = row.get(length.name, "")
    return read_length(text, unit) if text else None


# ------------------------------------------------------------------------------------------------------------- rows


def _moment(row: Row, column: Kinds) -> datetime | None:
    patterns = column.moments
    text = row.get(column.name, "")
    return read_moment(text, patterns.chosen) if patterns and text else None


def _day(row: Row, column: Kinds | None) -> date | None:
    if column is None or column.dates is None:
        return None
    text = row.get(column.name, "")
    return read_date(text, column.dates.chosen) if text else None


def _clock(row: Row, column: Kinds) -> timedelta | None:
    text = row.get(column.name, "")
    clock = read_clock_time(text, column.times) if column.times and text else None
    if clock is None:
        return None
    return timedelta(days=clock.days, hours=clock.time.hour, minutes=clock.time.minute, seconds=clock.time.second)


def _starts(row: Row, start: Kinds, day: Kinds | None) -> bool:
    return _moment(row, start) is not None if day is None else bool(_day(row, day) and _clock(row, start) is not None)


def _span(row: Row, start: Kinds, end: Kinds, day: Kinds | None) -> timedelta | None:
    if day is None and start.moments and end.moments:
        begins, ends = _moment(row, start), _moment(row, end)
        if begins is None or ends is None or (begins.tzinfo is None) != (ends.tzinfo is None):
            return None
        return ends - begins
    if day is not None and _day(row, day) is None:
        return None
    if day is None:
        moment = _moment(row, start)
        first = timedelta(hours=moment.hour, minutes=moment.minute) if moment else None
    else:
        first = _clock(row, start)
    last = _clock(row, end)
    if first is None or last is None:
        return None
    return last - first if last > first else last - first + timedelta(days=1)


# ------------------------------------------------------------------------------------------------- dates and midnight


def _add_dates(timing: Timing, columns: Sequence[Kinds], rows: Sequence[Row]) -> None:
    """The end's date and the shift's date, where other date columns are that."""
    by_name = {each.name: each for each in columns}
    first = by_name.get(timing.fields.get("date", ""))
    for other in columns:
        if other is first or not other.dates or other.name in timing.fields.values():
            continue
        if (
            first
            and own_name_says(other.name, "end")
            and _share(rows, _is_end_date(timing, by_name, first, other)) > 0.9
        ):
            timing.fields["endDate"] = other.name
        elif says(other.name, "shift") and _share(rows, _is_shift_date(timing, by_name, other)) > 0.9:
            timing.fields["shiftDate"] = other.name


def _share(rows: Sequence[Row], holds: Callable[[Row], bool | None]) -> float:
    said = [answer for row in rows if (answer := holds(row)) is not None]
    return sum(said) / len(said) if said else 0.0


def _is_end_date(timing: Timing, columns: dict[str, Kinds], first: Kinds, other: Kinds) -> Callable[[Row], bool | None]:
    def holds(row: Row) -> bool | None:
        begins, ends = _day(row, first), _day(row, other)
        if begins is None or ends is None:
            return None
        return 0 <= (ends - begins).days <= (1 if "end" in timing.fields else 400)

    return holds


def _is_shift_date(timing: Timing, columns: dict[str, Kinds], other: Kinds) -> Callable[[Row], bool | None]:
    def holds(row: Row) -> bool | None:
        shift = _day(row, other)
        begins = _day(row, columns.get(timing.fields.get("date", "")))
        if begins is None and "start" in timing.fields:
            moment = _moment(row, columns[timing.fields["start"]])
            begins = moment.date() if moment else None
        return None if shift is None or begins is None else 0 <= (begins - shift).days <= 1

    return holds


def _add_midnight(timing: Timing, columns: Sequence[Kinds], rows: Sequence[Row]) -> None:
    """How rows over midnight are written, told with a count."""
    by_name = {each.name: each for each in columns}
    fields = timing.fields
    if "endDate" in fields or "end" not in fields:
        style = "the end's date" if "endDate" in fields else "the length" if "length" in fields else ""
        if style:
            timing.notes.append(f"a row over midnight is told by {style}")
        return
    end = by_name[fields["end"]]
    if end.moments and not end.times:
        timing.notes.append("a row over midnight is told by the end, which has its own date")
        return
    late = sum(1 for value in end.values if value.startswith(("24:", "25:", "26:")))
    start = by_name[fields["start"]]
    wrapped = sum(
        1 for row in rows
        if (first := _clock(row, start)) is not None and (last := _clock(row, end)) is not None and last <= first
    )  # fmt: skip
    if late:
        timing.notes.append("an end of 24:00 or later counts on into the next day")
    if wrapped:
        timing.notes.append(f"an end that is not after the start is on the next day ({wrapped:,} of the sampled rows)")
