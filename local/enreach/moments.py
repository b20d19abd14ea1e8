"""Moments: seconds since 1970 in UTC inside, and the spellings in which the API takes and gives them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

PARAMETER = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_parameter(text: str) -> float | None:
    """Returns the moment of a query parameter, `YYYY-MM-DD HH:MM:SS` in UTC and nothing else; None if it is none."""
    if PARAMETER.fullmatch(text) is None:
        return None
    return read_moment(text)


def read_moment(value: Any) -> float | None:
    """Returns the moment of a field in any known spelling; without a zone it is UTC (facts 8.6). None if it is none."""
    if not isinstance(value, str):
        return None
    if match := MS_DATE.fullmatch(value):
        return int(match[1]) / 1000
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso_z(moment: float) -> str:
    """Returns `2026-03-02T08:15:30.250Z`; whole seconds go without a fraction."""
    return f"{iso_plain(moment)}Z"


def iso_plain(moment: float) -> str:
    """Returns `2026-03-02T08:15:30.250`; whole seconds go without a fraction."""
    text = (
        (EPOCH + timedelta(milliseconds=round(moment * 1000))).replace(tzinfo=None).isoformat(timespec="milliseconds")
    )
    return text.removesuffix(".000")


def ms_date(moment: float) -> str:
    """Returns `/Date(1772439330250)/`."""
    return f"/Date({round(moment * 1000)})/"
