"""The relative times of queries ("last x hours", "this week"), in UTC; a week starts on Sunday."""

import re
from calendar import monthrange
from datetime import datetime, timedelta

RELATIVE = re.compile(r"(last|next)-x-(hours|days|weeks|months|years)")
OLDER = re.compile(r"older(?:than|-than)-x-(minutes|hours|days|weeks|months|years)")
NAMED = re.compile(r"(last|this|next)-(week|month|year)")
DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

type Period = tuple[datetime | None, datetime | None]


def takes_count(operator: str) -> bool:
    """Tells whether the operator comes with a number."""
    return bool(RELATIVE.fullmatch(operator) or OLDER.fullmatch(operator))


def period(operator: str, count: int, now: datetime) -> Period | None:
    """Returns the half-open period that an operator means, None when it is no operator of time."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if operator in DAYS:
        start = midnight + DAYS[operator] * DAY
        return start, start + DAY
    if operator == "last-seven-days":
        return midnight - 7 * DAY, now + SECOND
    if operator == "next-seven-days":
        return now, midnight + 8 * DAY
    if (match := RELATIVE.fullmatch(operator)) is not None:
        return _relative(match[1], match[2], count, now, midnight)
    if (match := OLDER.fullmatch(operator)) is not None:
        return None, shifted(now, match[1], -count)
    if (match := NAMED.fullmatch(operator)) is not None:
        first = _start_of(match[2], midnight)
        unit, offset = f"{match[2]}s", {"last": -1, "this": 0, "next": 1}[match[1]]
        return shifted(first, unit, offset), shifted(first, unit, offset + 1)
    return None


def _relative(direction: str, unit: str, count: int, now: datetime, midnight: datetime) -> Period:
    """Hours count from now, longer units from the start of the first day to the end of the last."""
    if direction == "last":
        return shifted(now if unit == "hours" else midnight, unit, -count), now + SECOND
    end = shifted(now if unit == "hours" else midnight, unit, count)
    return now, end + (SECOND if unit == "hours" else DAY)


def _start_of(unit: str, midnight: datetime) -> datetime:
    if unit == "week":
        return midnight - (midnight.isoweekday() % 7) * DAY
    return midnight.replace(day=1) if unit == "month" else midnight.replace(month=1, day=1)


def shifted(moment: datetime, unit: str, count: int) -> datetime:
    """Returns the moment so many units later; the last day of a month stays in the month."""
    if unit in {"minutes", "hours", "days", "weeks"}:
        return moment + count * timedelta(**{unit: 1})
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "years" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
