"""Reads the resource path of a URL: `accounts(<key>)/primarycontactid/$ref` and its relatives."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from local.dataverse.errors import DataverseError, bad_query, invalid_argument
from local.dataverse.metadata import Column
from local.dataverse.store import Table
from local.dataverse.values import GUID, READERS, NotThisTypeError

ROOT = re.compile(r"(?:https?://[^/]+)?/api/data/v9\.\d/?", re.ASCII)
REFERENCE = re.compile(r"(?:(?:https?://[^/]+)?/api/data/v9\.\d/|/)?(\w+)\((.+)\)", re.ASCII | re.DOTALL)
SEGMENT = re.compile(r"([\w.$]+)(?:\((.*)\))?", re.ASCII | re.DOTALL)
KEY_PART = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,']*)\s*(?:,|$)", re.ASCII)
# Key values with one of these do not work in the URL of a request ("Use an alternate key to reference a record").
UNADDRESSABLE = frozenset("/<>*%&:\\?+")
# The guid form that both the query string and the body use most; anything else takes the long way.
PRINCIPALS = frozenset({"systemuser", "team"})


@dataclass(frozen=True)
class Segment:
    """One step of a path; `key` is the text between the parentheses, None when there are none."""

    name: str
    key: str | None


@lru_cache(maxsize=128)
def split_path(path: str) -> tuple[Segment, ...]:
    """Returns the steps of a percent-encoded path below the service root."""
    steps: list[Segment] = []
    for part in _split_outside_quotes(path.strip("/")):
        text = unquote(part)
        match = SEGMENT.fullmatch(text)
        if match is None:
            raise DataverseError(404, "0x80060888", f"Resource not found for the segment '{text}'.")
        steps.append(Segment(match[1], match[2]))
    return tuple(steps)


def _split_outside_quotes(path: str) -> list[str]:
    """A slash inside a quoted key value does not end the segment."""
    return [part for part in re.findall(r"(?:[^/']|'(?:[^']|'')*'|')+", path) if part]


@lru_cache(maxsize=100_000)
def parse_reference(value: str) -> tuple[str, str]:
    """Returns the entity set and the key text of `/contacts(<key>)`, relative or absolute."""
    match = REFERENCE.fullmatch(value)
    if match is None:
        raise bad_query(f"The value '{value}' is not a reference to a row: '/<entity set>(<key>)' was expected.")
    key = unquote(match[2])
    return match[1], key.lower() if GUID.fullmatch(key) else key


def row_id_of(table: Table, key: str) -> str:
    """Returns the row id that a key text names; by alternate key the row must exist."""
    if len(key) == 36 and GUID.fullmatch(key):
        return key.lower()
    parts = key_parts(table, key)
    definition = table.definition
    if list(parts) == [definition.primary_id] and definition.name not in PRINCIPALS:
        return str(parts[definition.primary_id])
    name = alternate_key(table, parts)
    row_id = table.id_by_key(name, tuple(parts[column] for column in definition.keys[name]))
    if row_id is None:
        raise DataverseError(
            404, "0x80060891", f"A record with the specified key values does not exist in {definition.name} entity"
        )
    return row_id


def refuse_unaddressable(key: str) -> None:
    """Refuses the key of a URL that holds a character which does not work there; a body may refer to such a row."""
    found = UNADDRESSABLE.intersection(key)
    if found:
        raise bad_query(f"A key value with the character '{min(found)}' cannot be used in a URL.")


def alternate_key(table: Table, parts: dict[str, object]) -> str:
    """Returns the name of the declared key that has exactly these columns."""
    for name, columns in table.definition.keys.items():
        if set(columns) == set(parts):
            return name
    raise invalid_key(table)


def invalid_key(table: Table) -> DataverseError:
    """Builds the answer to key columns that are no declared key."""
    return bad_query(
        "The key in the request URI is not valid for resource "
        f"'Microsoft.Dynamics.CRM.{table.definition.name}'. Ensure that the names and number of key properties match "
        f"the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.{table.definition.name}'."
    )


def key_parts(table: Table, key: str) -> dict[str, object]:
    """Returns the values of `a='x',b=2` by column name."""
    parts: dict[str, object] = {}
    position = 0
    while position < len(key):
        match = KEY_PART.match(key, position)
        if match is None:
            raise invalid_key(table)
        column = table.columns_by_property.get(match[1])
        if column is None:
            raise invalid_key(table)
        parts[column.name] = _key_value(table, column, match[2].strip())
        position = match.end()
    if not parts:
        raise invalid_key(table)
    return parts


def _key_value(table: Table, column: Column, text: str) -> object:
    if text.startswith("'"):
        if column.edm_type != "Edm.String":
            raise invalid_key(table)
        return text[1:-1].replace("''", "'")
    try:
        if column.edm_type in {"Edm.Int32", "Edm.Int64"}:
            return int(text)
        if column.edm_type in {"Edm.Decimal", "Edm.Double"}:
            return float(text)
        if column.edm_type == "Edm.String":
            raise NotThisTypeError
        return READERS[str(column.edm_type)](text)
    except (NotThisTypeError, ValueError) as error:
        raise invalid_argument(f"'{text}' is not a value of the key column '{column.name}'.") from error
