"""How each column type reads a JSON value: the type first, then length, range and choices.

A wrong type is refused by the OData reader (0x80048d19) even for a column that is then ignored; a value of the right
type that the column cannot hold has a code of its own. Values are stored in the form in which they are returned.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from local.dataverse.errors import DataverseError, unreadable_payload
from local.dataverse.metadata import Column, TableDefinition

type Reader = Callable[[Any], Any]

GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EARLIEST = "1753-01-01"
INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)


class NotThisTypeError(ValueError):
    """The JSON value is not of the declared type."""


def read_guid(value: Any) -> str:
    """Returns the guid in lower case."""
    if isinstance(value, str) and GUID.fullmatch(value):
        return value.lower()
    raise NotThisTypeError


@lru_cache(maxsize=100_000)
def read_moment(value: Any) -> str:
    """Returns the moment in UTC to the second; an offset is honoured, none means UTC (behavior-format-date-time)."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise NotThisTypeError
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotThisTypeError from error
    return f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}Z"


def read_day(value: Any) -> str:
    """Returns the calendar day."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise NotThisTypeError
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise NotThisTypeError from error


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise NotThisTypeError


def _read_int32(value: Any) -> int:
    if type(value) is int and value in INT32:
        return value
    raise NotThisTypeError


def _read_int64(value: Any) -> int:
    if type(value) is int and value in INT64:
        return value
    raise NotThisTypeError


def _read_number(value: Any) -> float:
    if type(value) is int or type(value) is float:
        return value
    raise NotThisTypeError


def _read_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise NotThisTypeError


READERS: dict[str, Reader] = {
    "Edm.String": _read_text,
    "Edm.Int32": _read_int32,
    "Edm.Int64": _read_int64,
    "Edm.Decimal": _read_number,
    "Edm.Double": _read_number,
    "Edm.Boolean": _read_flag,
    "Edm.DateTimeOffset": read_moment,
    "Edm.Date": read_day,
    "Edm.Guid": read_guid,
}


def typed_reader(table: TableDefinition, column: Column) -> Reader:
    """Returns the reader that checks the declared type only."""
    read_type = READERS[str(column.edm_type)]

    def read(value: Any) -> Any:
        if value is None:
            return None
        try:
            return read_type(value)
        except (NotThisTypeError, TypeError) as error:  # TypeError: a list or object cannot be a cache key
            raise unreadable_payload(
                table.entity_set,
                f"Cannot convert the value '{value}' of property '{column.property}' to the expected type "
                f"'{column.edm_type}'.",
            ) from error

    return read


def column_reader(table: TableDefinition, column: Column) -> Reader:
    """Returns the reader that checks the type and all that the column may hold."""
    read_type = READERS[str(column.edm_type)]
    read_typed = typed_reader(table, column)
    check = _limit(table, column)

    def read(value: Any) -> Any:
        if value is None:
            return None
        try:
            stored = read_type(value)
        except (NotThisTypeError, TypeError):
            return read_typed(value)
        return stored if check is None else check(stored)

    return read


def _limit(table: TableDefinition, column: Column) -> Reader | None:
    if column.type in {"String", "Memo"} and column.max_length is not None:
        return _length_limit(table, column, column.max_length)
    if column.type in {"Integer", "BigInt", "Decimal", "Double", "Money"}:
        return _range_limit(table, column)
    if column.type in {"Picklist", "State", "Status"} and column.options:
        return _choice_limit(table, column)
    if column.type == "MultiSelectPicklist":
        return _choices_limit(table, column)
    if column.type == "DateTime":
        return _earliest_limit(column)
    return None


def _length_limit(table: TableDefinition, column: Column, limit: int) -> Reader:
    def check(value: str) -> str:
        # .NET counts UTF-16 units, so an astral character counts twice.
        if 2 * len(value) > limit and len(value.encode("utf-16-le", "surrogatepass")) // 2 > limit:
            raise DataverseError(
                400,
                "0x80044331",
                f"A validation error occurred.  The length of the '{column.name}' attribute of the '{table.name}' "
                f"entity exceeded the maximum allowed length of '{limit}'.",
            )
        return value

    return check


def _range_limit(table: TableDefinition, column: Column) -> Reader | None:
    low, high = column.min, column.max
    if low is None and high is None:
        return None
    code = "0x8004432f" if column.type in {"Integer", "BigInt"} else "0x80044330"
    digits = column.precision

    def check(value: float) -> float:
        if (low is not None and value < low) or (high is not None and value > high):
            raise _outside(code, table, column, f"{low} to {high}")
        return round(value, digits) if digits is not None and type(value) is float else value

    return check


def _choice_limit(table: TableDefinition, column: Column) -> Reader:
    options = frozenset(column.options)

    def check(value: int) -> int:
        if value not in options:
            raise _outside("0x8004431a", table, column, ",".join(str(option) for option in column.options))
        return value

    return check


def _choices_limit(table: TableDefinition, column: Column) -> Reader:
    options = frozenset(str(option) for option in column.options)

    def check(value: str) -> str | None:
        chosen = [part.strip() for part in value.split(",")] if value else []
        if not options.issuperset(chosen):
            raise _outside("0x8004431a", table, column, ",".join(str(option) for option in column.options))
        return ",".join(chosen) or None

    return check


def _earliest_limit(column: Column) -> Reader:
    def check(value: str) -> str:
        if value < EARLIEST:
            raise DataverseError(
                400, "0x80040239", f"The date-time value of '{column.name}' is earlier than {EARLIEST}T00:00:00Z."
            )
        return value

    return check


def _outside(code: str, table: TableDefinition, column: Column, accepted: str) -> DataverseError:
    return DataverseError(
        400,
        code,
        f"A validation error occurred. The value of '{column.name}' on record of type '{table.name}' is outside the "
        f"valid range. Accepted Values: {accepted}",
    )
