"""A schedule file in the hands of its profile: rows to segments, one bad row never costing the good ones."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from functions.schedule_import.profile import ScheduleProfile, time_zone
from functions.schedule_import.reading import delimited
from functions.schedule_import.reading.delimited import Row
from functions.schedule_import.reading.local_time import EmptyIntervalError, Interval, interval
from functions.schedule_import.reading.segments import Issue, Reading, Segment, Skip, UnreadableFileError

MAX_ROWS = 500_000
MAX_NAME_CHARACTERS = 100
"""msdyn_name and name of activity types, plans and statuses hold 100 UTF-16 units; the platform never truncates."""

_HOURS_PAST_MIDNIGHT = re.compile(r"(\d{2}):(\d{2})")
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


class _RowProblem(ValueError):  # noqa: N818 - carries a Skip to the row's loop, and goes no further
    def __init__(self, code: str, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.code, self.column = code, column


def read_schedule(data: bytes, profile: ScheduleProfile) -> Reading:
    """What the file says. Raises UnreadableFileError when it cannot be read as a whole, or has no row at all."""
    body, header = delimited.rows(delimited.decoded(data), profile.format, profile.fields, profile.required)
    if profile.time_zone is None and profile.fields.time_zone not in header and profile.times.date != "iso":
        raise UnreadableFileError(
            "the file names no time zone and the profile fixes none; set timeZone in "
            f"config/schedule-profiles/{profile.name}.json"
        )
    reading = Reading()
    for item in body:
        reading.rows += 1
        if reading.rows > MAX_ROWS:
            raise UnreadableFileError(f"the file has more than {MAX_ROWS} rows; split it")
        if isinstance(item, Skip):
            reading.skipped.append(item)
        else:
            _read_row(item, profile, reading)
    if reading.rows == 0:
        raise UnreadableFileError("the file has a header and no rows")
    return reading


def _read_row(row: Row, profile: ScheduleProfile, reading: Reading) -> None:
    try:
        segment, stretch = _segment(row, profile)
    except _RowProblem as problem:
        reading.skipped.append(Skip(row.number, problem.code, str(problem), problem.column))
        return
    reading.segments.append(segment)
    reading.issues += [
        Issue(choice.code, row.number, segment.agent, choice.field, choice.chosen, choice.other)
        for choice in stretch.choices
    ]


def _segment(row: Row, profile: ScheduleProfile) -> tuple[Segment, Interval]:
    fields = profile.fields
    agent, activity = _required(row, fields.agent), _name(row, fields.activity)
    plan, status = _optional_name(row, fields.plan), _optional_name(row, fields.status)
    if not activity:
        raise _RowProblem("MISSING_VALUE", "the row names no activity", fields.activity)
    if status.casefold() in {value.casefold() for value in profile.not_imported}:
        raise _RowProblem("NOT_COMMITTED", f"only committed rows are imported, not {status!r}", fields.status)
    zone_name = row.text(fields.time_zone) or profile.time_zone or ""
    stretch, local_start, zone_used = (
        _moments(row, profile, zone_name) if profile.times.date == "iso" else _dated_times(row, profile, zone_name)
    )
    segment = Segment(
        row=row.number,
        agent=agent,
        start=stretch.start,
        end=stretch.end,
        activity=activity,
        shift_date=_shift_date(row, profile, local_start),
        time_zone=zone_used,
        plan=plan,
        status=status,
        external_id=row.text(fields.external_id),
    )
    return segment, stretch


def _required(row: Row, column: str) -> str:
    text = row.text(column)
    if not text:
        raise _RowProblem("MISSING_VALUE", "the value is missing", column)
    return text


def _name(row: Row, column: str) -> str:
    text = row.text(column)
    if len(text.encode("utf-16-le")) > 2 * MAX_NAME_CHARACTERS:
        raise _RowProblem("TOO_LONG", f"names have at most {MAX_NAME_CHARACTERS} characters", column)
    return text


def _optional_name(row: Row, column: str | None) -> str:
    return _name(row, column) if column else ""


def _zone(name: str, column: str | None) -> ZoneInfo:
    if not name:
        raise _RowProblem("NO_TIME_ZONE", "the time has no zone and neither row nor profile names one", column)
    return _known_zone(name, column)


@cache
def _known_zone(name: str, column: str | None) -> ZoneInfo:
    try:
        return time_zone(name)
    except ValueError as error:
        raise _RowProblem("BAD_TIME_ZONE", str(error), column) from None


# --------------------------------------------------------------------------------------- whole moments (ISO)


def _moments(row: Row, profile: ScheduleProfile, zone_name: str) -> tuple[Interval, datetime, str]:
    fields = profile.fields
    start, end = _iso(row, fields.start), _iso(row, fields.end)
    if (start.tzinfo is None) != (end.tzinfo is None):
        raise _RowProblem("BAD_TIME", "start and end must both have an offset, or both none", fields.end)
    if start.tzinfo is None:
        zone = _zone(zone_name, fields.time_zone or fields.start)
        return _checked_interval(start, end, zone, fields.end), start, zone_name
    start_utc, end_utc = _utc(start, fields.start), _utc(end, fields.end)
    if end_utc <= start_utc:
        raise _RowProblem("END_BEFORE_START", "the end is not after the start", fields.end)
    local_start = start.astimezone(_zone(zone_name, fields.time_zone)) if zone_name else start
    return Interval(start_utc, end_utc), local_start, zone_name


def _iso(row: Row, column: str) -> datetime:
    text = _required(row, column)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _RowProblem("BAD_TIME", f"{text!r} is not an ISO 8601 time such as 2027-03-26T08:00", column) from None
    if "T" not in text.upper() and ":" not in text:
        raise _RowProblem("BAD_TIME", f"{text!r} is a date without a time of day", column)
    return _in_calendar(moment, column)


def _utc(moment: datetime, column: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _RowProblem("BAD_TIME", "the time lies outside of the calendar", column) from None


# -------------------------------------------------------------------------------- a date and two times of day


def _dated_times(row: Row, profile: ScheduleProfile, zone_name: str) -> tuple[Interval, datetime, str]:
    """A stretch given by date, start and stop. A stop that is not after the start means the next day."""
    fields, times = profile.fields, profile.times
    day = _date(row, fields.date or fields.start, times.date)
    start_day, start_time = _time_of_day(row, fields.start, times.time)
    end_day, end_time = _time_of_day(row, fields.end, times.time)
    start = datetime.combine(day, start_time) + timedelta(days=start_day)
    end = datetime.combine(day, end_time) + timedelta(days=end_day)
    if end <= start:
        end += timedelta(days=1)
    zone = _zone(zone_name, fields.time_zone)
    return _checked_interval(start, end, zone, fields.end), start, zone_name


def _date(row: Row, column: str, pattern: str) -> date:
    text = _required(row, column)
    try:
        return _in_calendar(datetime.strptime(text, pattern), column).date()  # noqa: DTZ007 - the zone comes later
    except ValueError as error:
        if isinstance(error, _RowProblem):
            raise
        raise _RowProblem("BAD_TIME", f"{text!r} is not a date written as {pattern}", column) from None


def _time_of_day(row: Row, column: str, patterns: Sequence[str]) -> tuple[int, time]:
    """Days past the row's date, and the time of day: `24:00` and `25:00` count on into the next day."""
    text = _required(row, column)
    found = _HOURS_PAST_MIDNIGHT.fullmatch(text)
    if found and 24 <= int(found[1]) < 48 and int(found[2]) < 60:
        return 1, time(int(found[1]) - 24, int(found[2]))
    for pattern in patterns:
        try:
            return 0, datetime.strptime(text, pattern).time()  # noqa: DTZ007 - the zone comes later
        except ValueError:
            continue
    raise _RowProblem("BAD_TIME", f"{text!r} is not a time of day such as 08:00 or 24:00", column)


# ----------------------------------------------------------------------------------------------------- shared


def _checked_interval(start: datetime, end: datetime, zone: ZoneInfo, column: str) -> Interval:
    try:
        return interval(start, end, zone)
    except EmptyIntervalError as error:
        raise _RowProblem("END_BEFORE_START", str(error), column) from None
    except OverflowError:
        raise _RowProblem("BAD_TIME", "the time lies outside of the calendar", column) from None


def _in_calendar(moment: datetime, column: str) -> datetime:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise _RowProblem("BAD_TIME", f"the year {moment.year} cannot be meant", column)
    return moment


def _shift_date(row: Row, profile: ScheduleProfile, local_start: datetime) -> date:
    column = profile.fields.shift_date
    if column is None or not row.text(column):
        return local_start.date()
    return _date(row, column, profile.times.date)
