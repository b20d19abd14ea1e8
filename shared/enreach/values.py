"""One value of an item, read tolerantly: None for what says nothing. Pure.

Which spellings occur stands in the vendor's public clients, not in vendor text (docs/enreach-client.md).
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_MS_DATE = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
"""The older .NET serializer: milliseconds since 1970 in UTC; the offset behind them only says how to show them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR = 1990
"""What lies before is no moment of a call but .NET's word for none (0001-01-01)."""
_SPAN = re.compile(r"(?:([0-9]{1,4})\.)?([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?")
_PLAIN_ID = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}?")
_NO_GUID = "0" * 32
_LONGEST_SECONDS = 10**9
_LONGEST_TEXT = 4000


def moment(value: Any) -> datetime | None:
    """A moment in UTC: ISO 8601 with or without zone (without is UTC), or `/Date(ms)/` with or without an offset."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        if found := _MS_DATE.fullmatch(text):
            read = _EPOCH + timedelta(milliseconds=int(found[1]))
        elif len(text) >= len("2026-01-01"):
            read = datetime.fromisoformat(text)
            read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return read if read.year >= _FIRST_YEAR else None


def guid(value: Any) -> str | None:
    """A GUID in any case, with or without braces and hyphens, as 8-4-4-4-12 in lower case. All zeros is none."""
    if not isinstance(value, str) or not _GUID.fullmatch(text := value.strip()):
        return None
    digits = text.strip("{}").replace("-", "").lower()
    if digits == _NO_GUID:
        return None
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def identifier(value: Any) -> str | None:
    """An id, which is a GUID as far as anybody knows: another short one is kept as text in lower case."""
    if (known := guid(value)) is not None:
        return known
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _PLAIN_ID.fullmatch(text := value.strip().strip("{}")):
        return None
    if text.replace("-", "") == _NO_GUID:
        return None
    return text.lower()


def identifiers(value: Any) -> tuple[str, ...]:
    """Ids from a list or from a single one, none twice; what is no id is left out."""
    many = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(found for each in many if (found := identifier(each)) is not None))


def text(value: Any) -> str | None:
    """A text without the space around it; a number becomes its digits. None for an empty one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    # Half of a UTF-16 pair, which JSON may hold, can be written nowhere.
    clean = value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean.strip()[:_LONGEST_TEXT] or None


def texts(value: Any) -> tuple[str, ...]:
    """Texts from a list or from a single one."""
    many = value if isinstance(value, list) else [value]
    return tuple(found for each in many if (found := text(each)) is not None)


def number(value: Any) -> int | None:
    """A whole number, from digits too."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def seconds(value: Any) -> int | None:
    """Whole seconds from a number, its digits, or .NET's `[d.]hh:mm:ss`; None for a negative or senseless one."""
    if isinstance(value, str):
        if found := _SPAN.fullmatch(value.strip()):
            days, hours, minutes, rest = (int(part or 0) for part in found.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + rest
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= _LONGEST_SECONDS else None


def spelt(value: Any) -> str | None:
    """How a value of a list of values is compared: its text in lower case, `0`, `true`. None where there is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    return value.strip().casefold() or None if isinstance(value, str) else None
