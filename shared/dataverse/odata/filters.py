"""Conditions of a query. Each is URL-encoded from the start, so that no value can change what is asked.

The functions here take any column name, which a query checks when its path is made. Code that knows its table asks
the table (`CONTACT.eq(...)`), where the type checker checks it too.
Source: "Filter rows using OData" and the query functions of the Dataverse Web API.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from shared.dataverse.odata.json_text import json_bytes
from shared.dataverse.odata.values import utc_text

type Scalar = str | int | bool | Decimal | UUID | datetime | None

VALUES_A_FILTER = 500
ENCODED_A_FILTER = 30_000
"""Characters that the values of one `In` take in a URL at most, so that it fits alone and with company in `$batch`."""

PATTERN_SIGNS = frozenset("%_[")
"""Live wildcards in a comparison of texts."""


def literal(value: Scalar) -> str:
    """One value as an OData literal, not yet URL-encoded. Raises ValueError for a datetime without a zone."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return utc_text(value)
        case Decimal():
            if not value.is_finite():
                raise ValueError("a decimal that is no number cannot go to Dataverse")
            return format(value, "f")
        case _:
            return str(value)


def encoded(text: str) -> str:
    """The text as it stands in a URL. Everything that RFC 3986 reserves is percent-encoded, `+` above all, but for
    signs that only help reading."""
    if not (text.isascii() and text.isprintable()):
        return quote(text, safe=_SAFE)
    # `quote` looks at one sign after the other; the spellings of a caller's number are thousands of signs.
    for sign, code in _CODES:
        if sign in text:
            text = text.replace(sign, code)
    return text


_SAFE = "~()',:@$/"
# The percent sign is first: it stands in the codes of the others.
_CODES = tuple((sign, quote(sign, safe=_SAFE)) for sign in '% !"#&*+;<=>?[\\]^`{|}')


# Compared as objects: equal texts of different origin may travel twice, and comparing long arrays would cost more.
@dataclass(frozen=True, slots=True, eq=False)
class _Alias:
    """A value that travels as a parameter alias (`@p1=...`), as the query functions of Dataverse want it."""

    text: str


@dataclass(frozen=True, slots=True)
class Filter[Read: str = Any]:
    """A condition on a row, with the names of the columns that it reads. Its parts are encoded already."""

    parts: tuple[str | _Alias, ...]
    columns: frozenset[Read]

    def render(self) -> tuple[str, list[str]]:
        """The text of `$filter` and the texts of its aliases `@p1`, `@p2`, ..., all of them encoded.

        A value that stands in several places travels once: "parameter aliases allow for the same value to be used
        multiple times in a request" (Query data using the Web API).
        """
        numbers: dict[_Alias, str] = {}
        text = [
            part if isinstance(part, str) else numbers.setdefault(part, f"@p{len(numbers) + 1}") for part in self.parts
        ]
        return "".join(text), [alias.text for alias in numbers]


def _comparison(operator: str, column: str, value: Scalar) -> Filter:
    return Filter((f"{column}%20{operator}%20{encoded(literal(value))}",), frozenset({column}))


def eq(column: str, value: Scalar) -> Filter:
    """Rows whose column equals the value (text: whatever the case).

    `%`, `_` and `[` are live wildcards in a comparison of texts; a text that holds one travels as `In`, where they
    are not.
    """
    if isinstance(value, str) and not PATTERN_SIGNS.isdisjoint(value):
        return is_in(column, (value,))
    return _comparison("eq", column, value)


def ne(column: str, value: bool | int | Decimal | UUID | datetime | None) -> Filter:
    """Rows whose column has another value. Not for texts, where wildcards would be live."""
    return _comparison("ne", column, value)


def ge(column: str, value: Scalar) -> Filter:
    """Rows whose column is at least the value."""
    return _comparison("ge", column, value)


def lt(column: str, value: Scalar) -> Filter:
    """Rows whose column is below the value."""
    return _comparison("lt", column, value)


def is_in(column: str, values: Iterable[str | UUID]) -> Filter:
    """Rows whose column is one of the values: Dataverse's own `In`, which takes texts whatever the column's type.

    A lookup is named as everywhere (`_userid_value`) and travels as `userid`: query functions know attributes only.
    """
    array = _Alias(encoded(json_bytes([str(value) for value in values]).decode()))
    parts = ("Microsoft.Dynamics.CRM.In(PropertyName=", _attribute(column), ",PropertyValues=", array, ")")
    return Filter(parts, frozenset((column,)))


@lru_cache(maxsize=256)
def _attribute(column: str) -> _Alias:
    attribute = column.removeprefix("_").removesuffix("_value") if column.startswith("_") else column
    return _Alias(encoded(literal(attribute)))


def in_chunks(
    column: str,
    values: Iterable[str | UUID],
    *,
    most_values: int = VALUES_A_FILTER,
    most_encoded: int = ENCODED_A_FILTER,
) -> Iterator[Filter]:
    """`is_in` over any number of values, each once, in filters that keep to the limits; none without values.

    A value too long for a filter of its own still gets one: Dataverse then says so.
    """
    chunk: list[str] = []
    size = 0
    for value in sorted({str(value) for value in values}):
        length = len(encoded(json_bytes(value).decode())) + len(encoded(","))
        if chunk and (len(chunk) == most_values or size + length > most_encoded):
            yield is_in(column, chunk)
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield is_in(column, chunk)


def all_of[Read: str](*conditions: Filter[Read]) -> Filter[Read]:
    """Rows that meet every condition."""
    if not conditions:
        raise ValueError("a combined filter needs at least one condition")
    if len(conditions) == 1:
        return conditions[0]
    parts: list[str | _Alias] = []
    for condition in conditions:
        parts += ("%20and%20", "(", *condition.parts, ")")
    return Filter(tuple(parts[1:]), frozenset().union(*[condition.columns for condition in conditions]))
