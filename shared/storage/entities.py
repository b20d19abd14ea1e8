"""The rows of Table Storage as we see them: which keys and values it takes, and how large ones are laid out.

Limits: "Understanding the Table service data model" and "Performing entity group transactions" (Microsoft Learn).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

type Value = str | int | bool | datetime | bytes | float
type Row = tuple[str, Mapping[str, Value]]

MOST_PREFIXES = 7
"""A filter takes 15 comparisons ("Querying tables and entities"): that of the partition, and two for each prefix."""
MAX_BATCH_ROWS = 100
MAX_BATCH_BYTES = 4 * 1024 * 1024 - 64 * 1024
"""4 MiB are allowed; the rest is for what frames a batch."""

_MAX_KEY_BYTES = 1024
_MAX_ENTITY_BYTES = 1024 * 1024
"""As it is sent, bytes in Base64: so Azurite counts. Azure counts the bytes themselves, and so takes a third more."""
_MAX_PROPERTIES = 252
_MAX_STRING_UNITS = 32 * 1024
_EARLIEST = datetime(1601, 1, 1, tzinfo=UTC)
PART_BYTES = 60_000
_MAX_PARTS = 17
_BAD_IN_KEY = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,200}")
_PART = re.compile(r"(.+)__(\d+)")
_RESERVED = frozenset({"PartitionKey", "RowKey", "Timestamp", "WriteId"})


@dataclass(frozen=True, slots=True)
class Entity:
    """A row as it was read or written: `etag` names this very version.

    `age_seconds` says how long ago it was written when it was read, both by the storage's own clock (whole seconds,
    rounded down): no clock of ours is asked. 0 for what was just written.
    """

    partition: str
    row: str
    values: Mapping[str, Value]
    etag: str
    age_seconds: float = 0.0


def check_keys(partition: str, row: str) -> None:
    """Raises ValueError for keys that Table Storage does not take; the text does not repeat the key."""
    for kind, key in (("partition", partition), ("row", row)):
        if not key:
            raise ValueError(f"a {kind} key is empty")
        if found := _BAD_IN_KEY.search(key):
            raise ValueError(f"a {kind} key holds {found.group()!r}")
        if len(key.encode("utf-16-le")) > _MAX_KEY_BYTES:
            raise ValueError(f"a {kind} key is longer than {_MAX_KEY_BYTES} bytes in UTF-16")


def check_prefixes(partition: str, prefix: str | tuple[str, ...]) -> tuple[str, ...]:
    """The beginnings of row keys that a query asks for. Raises ValueError for keys that no query takes."""
    prefixes = (prefix,) if isinstance(prefix, str) else prefix
    if len(prefixes) > MOST_PREFIXES or (len(prefixes) != 1 and not all(prefixes)) or not prefixes:
        raise ValueError(f"a query takes 1 to {MOST_PREFIXES} prefixes, none of several empty")
    for each in prefixes:
        check_keys(partition, each or "-")
    return prefixes


def to_properties(partition: str, row: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The properties of a row without its keys: bytes above 60,000 go into several (`name`, `name__1`, ...).

    Raises ValueError for keys, names and values that Table Storage does not take.
    """
    check_keys(partition, row)
    properties: dict[str, Value] = {}
    for name, value in values.items():
        if not _NAME.fullmatch(name) or name in _RESERVED or _PART.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a value")
        _check_value(name, value)
        properties.update(_parts(name, value))
    if len(properties) > _MAX_PROPERTIES:
        raise ValueError(f"a row has {len(properties)} properties; the limit is {_MAX_PROPERTIES}")
    size = _body_bytes(partition, row, properties)
    if size > _MAX_ENTITY_BYTES:
        raise ValueError(f"a row has {size} bytes as it is sent; the limit is {_MAX_ENTITY_BYTES}")
    return properties


def to_values(properties: Mapping[str, object]) -> dict[str, Value]:
    """What `to_properties` was given."""
    values: dict[str, Value] = {}
    parts: dict[str, dict[int, bytes]] = {}
    for name, value in properties.items():
        if value is None or name in _RESERVED:
            continue
        if isinstance(value, bytes) and (part := _PART.fullmatch(name)):
            parts.setdefault(part[1], {})[int(part[2])] = value
        else:
            values[name] = _plain(value)
    for name, rest in parts.items():
        first = values[name]
        assert isinstance(first, bytes)
        values[name] = b"".join([first, *(rest[number] for number in sorted(rest))])
    return values


def selected_properties(names: Iterable[str]) -> list[str]:
    """The properties that hold these values, however large they are."""
    return [part for name in names for part in (name, *(f"{name}__{number}" for number in range(1, _MAX_PARTS + 1)))]


def batches(partition: str, rows: Iterable[Row]) -> Iterator[list[tuple[str, dict[str, Value]]]]:
    """The rows in order, as properties, in batches that Table Storage takes: 100 rows, 4 MiB, each row once."""
    batch: dict[str, dict[str, Value]] = {}
    size = 0
    for row, values in rows:
        properties = to_properties(partition, row, values)
        added = _part_bytes(partition, row, properties)
        if batch and (row in batch or len(batch) == MAX_BATCH_ROWS or size + added > MAX_BATCH_BYTES):
            yield [*batch.items()]
            batch, size = {}, 0
        batch[row] = properties
        size += added
    if batch:
        yield [*batch.items()]


def _check_value(name: str, value: Value) -> None:
    match value:
        case str() if _utf16_units(value) > _MAX_STRING_UNITS:
            raise ValueError(f"the text {name!r} is longer than {_MAX_STRING_UNITS} characters")
        case bool() | str() | bytes() | float():
            pass
        case int():
            if not -(2**63) <= value < 2**63:
                raise ValueError(f"the number {name!r} does not fit into 64 bits")
        case datetime():
            if value.tzinfo is None or value < _EARLIEST:
                raise ValueError(f"the time {name!r} has no zone or is before 1601")
        case _:
            raise ValueError(f"{name!r} is a {type(value).__name__}")


def _parts(name: str, value: Value) -> Iterator[tuple[str, Value]]:
    if not isinstance(value, bytes) or len(value) <= PART_BYTES:
        yield name, value
        return
    for number, start in enumerate(range(0, len(value), PART_BYTES)):
        yield (f"{name}__{number}" if number else name), value[start : start + PART_BYTES]


def _plain(value: object) -> Value:
    match value:
        case datetime():
            # The SDK's own subclass remembers the service's text; ours is a plain one.
            moment = value.astimezone(UTC)
            return datetime.combine(moment.date(), moment.timetz())
        case bool() | str() | bytes() | float() | int():
            return value
        case (int() as number, _):  # the SDK's EntityProperty of a 64-bit number
            return number
        case _:
            raise ValueError(f"a stored value is a {type(value).__name__}")


def _body_bytes(partition: str, row: str, properties: Mapping[str, Value]) -> int:
    """At least the size of the row in JSON."""
    size = 100 + len(json.dumps([partition, row]))
    for name, value in properties.items():
        match value:
            case bytes():
                written = 4 * ((len(value) + 2) // 3)
            case str():
                written = len(json.dumps(value))
            case _:
                written = 30
        size += 2 * len(name) + 40 + written
    return size


def _part_bytes(partition: str, row: str, properties: Mapping[str, Value]) -> int:
    """At least the size of the row as a part of a batch: the keys stand in its address too, a byte as `%FF`."""
    return 1000 + 3 * (len(partition.encode()) + len(row.encode())) + _body_bytes(partition, row, properties)


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
