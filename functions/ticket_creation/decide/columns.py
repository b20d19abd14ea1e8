"""Values of a configuration as the columns of the case take them, checked against what Dynamics says of each column."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from shared.dataverse.definitions import Column
from shared.dataverse.tables import utc_text
from shared.dataverse.texts import cut

type Raw = str | int | float | bool
"""As the document has it, or a filled template."""

_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_LARGEST_WHOLE = 2**31 - 1
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class BadValueError(ValueError):
    """The column does not take the value. `str` says what it takes, and repeats nothing of the value."""


def problem_of(column: Column, raw: Raw) -> str | None:
    """Why the column does not take this; None when it does. A blank text fits every kind that can be written."""
    try:
        value_for(column, raw)
    except BadValueError as error:
        return str(error)
    return None


def value_for(column: Column, raw: Raw) -> object:
    """The value as the Web API takes it; None for a blank text. Texts are cut to what the column holds. Raises
    BadValueError."""
    text = raw.strip() if isinstance(raw, str) else None
    if column.kind in ("lookup", "choices", "other"):
        raise BadValueError("is of a kind that no ticket can fill")
    if text == "":
        return None
    match column.kind:
        case "text" | "memo":
            return _text(column, raw)
        case "boolean":
            return _boolean(raw)
        case "whole" | "choice":
            return _whole(column, raw)
        case "decimal" | "money":
            return _decimal(raw)
        case "moment" | "date":
            return _moment(text, only_date=column.kind == "date")
        case "guid":
            return _guid(text)
    raise BadValueError("is of a kind that no ticket can fill")


def _text(column: Column, raw: Raw) -> str:
    if isinstance(raw, bool):
        raise BadValueError("takes a text")
    text = raw if isinstance(raw, str) else format(raw, "")
    return cut(text, column.max_length) if column.max_length is not None else text


def _boolean(raw: Raw) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().casefold() if isinstance(raw, str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValueError("takes true or false")


def _whole(column: Column, raw: Raw) -> int:
    try:
        number = Decimal(raw.strip() if isinstance(raw, str) else str(raw))
    except InvalidOperation:
        number = None
    if number is None or isinstance(raw, bool) or not number.is_finite() or number != number.to_integral_value():
        raise BadValueError("takes a whole number")
    value = int(number)
    if abs(value) > _LARGEST_WHOLE:
        raise BadValueError("takes a whole number of 32 bits")
    if column.kind == "choice" and column.options is not None and value not in column.options:
        raise BadValueError("is a choice that has no such value")
    return value


def _decimal(raw: Raw) -> Decimal:
    try:
        number = Decimal(raw.strip() if isinstance(raw, str) else str(raw))
    except InvalidOperation:
        raise BadValueError("takes a number") from None
    if isinstance(raw, bool) or not number.is_finite():
        raise BadValueError("takes a number")
    return number


def _moment(text: str | None, *, only_date: bool) -> str:
    kind = "a date such as 2027-03-01" if only_date else "a moment such as 2027-03-01T08:15:00Z"
    if text is None:
        raise BadValueError(f"takes {kind}")
    try:
        if only_date or _DATE.fullmatch(text):
            return date.fromisoformat(text[:10]).isoformat()
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError(f"takes {kind}") from None
    return utc_text(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _guid(text: str | None) -> str:
    try:
        return str(UUID(text or ""))
    except ValueError:
        raise BadValueError("takes a GUID") from None
