"""Objects of a JSON document as records: rows at a path below an object, and what a column says of one."""

import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from functions.schedule_import.profile.layout import Source
from functions.schedule_import.reading.document.json_values import JsonObject
from functions.schedule_import.reading.document.paths import EVERY, Steps, climbed, column_path, steps_of
from functions.schedule_import.reading.records import Getter, Numbered
from functions.schedule_import.reading.segments import Skip


class JsonRecord(NamedTuple):
    """An object and the record of the one around it."""

    value: JsonObject
    up: "JsonRecord | None"


def rows_below(record: JsonRecord, steps: Steps) -> Iterator[JsonRecord | str]:
    """The objects at a path below a record; the text of a problem where a list or object should be."""
    if not steps:
        yield record
        return
    step, rest = steps[0], steps[1:]
    value = record.value.get(step)
    if value is None:
        return
    if rest[:1] == (EVERY,):
        if not isinstance(value, list):
            yield f"{step} is no list"
            return
        for item in value:
            if isinstance(item, JsonObject):
                yield from rows_below(JsonRecord(item, record), rest[1:])
            else:
                yield f"an entry of {step} is no object"
    elif isinstance(value, JsonObject):
        yield from rows_below(JsonRecord(value, record), rest)
    else:
        yield f"{step} is no object"


def records_only(rows: Iterable[JsonRecord | str]) -> Iterator[JsonRecord]:
    return (row for row in rows if isinstance(row, JsonRecord))


def checked_row(row: JsonRecord | str, number: int, source: Source) -> Numbered | Skip:
    """The row, or why it cannot be trusted: something is wrong in it, around it or in what is nested in it."""
    if isinstance(row, str):
        return Skip(number, "BAD_ROW", row)
    around: JsonRecord | None = row
    while around is not None:
        if around.value.problem:
            return Skip(number, "BAD_ROW", around.value.problem)
        around = around.up
    for nested in source.nested:
        for child in rows_below(row, steps_of(nested.path)):
            problem = child if isinstance(child, str) else child.value.problem
            if problem:
                return Skip(number, "BAD_ROW", problem)
    return Numbered(number, row)


def column_getter(column: str) -> Getter:
    path = column_path(column)
    if not path.absolute and not path.ups and len(path.down) == 1:
        name = path.down[0]
        return lambda record: _text(record.value.get(name))

    def read(record: JsonRecord) -> str:
        start = climbed(record, path)
        value: Any = None if start is None else start.value
        for step in path.down:
            value = value.get(step) if isinstance(value, dict) else None
        return _text(value)

    return read


def _text(value: Any) -> str:
    """A value as text: whole numbers without a fraction, others as written; of objects only that they are there."""
    if isinstance(value, str):
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        whole = abs(value.adjusted()) < 20 and value == value.to_integral_value()
        return str(int(value)) if whole else str(value)
    if isinstance(value, dict | list) and value:
        return "(object)" if isinstance(value, dict) else "(list)"
    return ""
