"""Which rows Table Storage takes, and how many go into one request."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.storage.entities import MAX_BATCH_ROWS, Row, Value, batches, check_keys, to_properties, to_values

MIB = 1024 * 1024


def in_json(partition: str, row: str, properties: dict[str, Value]) -> int:
    """The size of a row as the SDK writes it."""
    body: dict[str, Any] = {"PartitionKey": partition, "RowKey": row}
    for name, value in properties.items():
        body[f"{name}@odata.type"] = "Edm.DateTime"
        match value:
            case bytes():
                body[name] = b64encode(value).decode()
            case datetime():
                body[name] = value.isoformat()
            case int():
                body[name] = str(value)
            case _:
                body[name] = value
    return len(json.dumps(body))


keys = st.text(st.characters(exclude_characters="/\\#?", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
names = st.from_regex("[A-Za-z][A-Za-z0-9]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"PartitionKey", "RowKey", "Timestamp", "WriteId"}
)
scalars = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.datetimes(min_value=datetime(1601, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
)
large = st.builds(lambda size, byte: bytes([byte]) * size, st.integers(0, 200_000), st.integers(0, 255))
values = st.dictionaries(names, scalars | large, max_size=4)


@given(keys, keys, values)
def test_values_survive_being_laid_out_as_properties(partition: str, row: str, given_values: dict[str, Value]) -> None:
    properties = to_properties(partition, row, given_values)
    assert to_values(properties) == given_values
    assert max([len(value) for value in properties.values() if isinstance(value, bytes)], default=0) <= 60_000


@settings(max_examples=50)
@given(keys, st.lists(st.tuples(keys, values), max_size=40), st.integers(1, 4))
def test_batches_are_legal_and_keep_every_row_in_order(partition: str, some: list[Row], times: int) -> None:
    rows = some * times
    made = list(batches(partition, rows))
    for batch in made:
        assert 1 <= len(batch) <= MAX_BATCH_ROWS
        assert len({row for row, _ in batch}) == len(batch)
        assert sum(in_json(partition, row, properties) for row, properties in batch) < 4 * MIB
    flat = [(row, to_values(properties)) for batch in made for row, properties in batch]
    assert flat == [(row, dict(given_values)) for row, given_values in rows]


def test_a_batch_is_filled() -> None:
    assert [len(batch) for batch in batches("p", [(str(n), {"n": n}) for n in range(250)])] == [100, 100, 50]
    sizes = [len(batch) for batch in batches("p", [(str(n), {"b": b"x" * 300_000}) for n in range(25)])]
    assert sizes == [10, 10, 5]


def test_rows_are_taken_one_by_one_from_a_long_source() -> None:
    taken = 0

    def source() -> Any:
        nonlocal taken
        for number in range(10**9):
            taken += 1
            yield str(number), {"n": number}

    made = batches("p", source())
    next(made)
    next(made)
    assert taken <= 201


KEYS = {
    "": "is empty",
    "a/b": "holds '/'",
    "a\\b": "holds",
    "a#b": "holds '#'",
    "a?b": "holds '?'",
    "a\nb": "holds",
    "a\x80b": "holds",
    "k" * 513: "is longer than 1024 bytes",
    "😀" * 257: "is longer than 1024 bytes",
}


@pytest.mark.parametrize(("key", "says"), KEYS.items())
def test_a_key_that_cannot_be_is_explained_and_not_repeated(key: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        check_keys("p", key)
    assert str(raised.value).startswith("a row key ")
    with pytest.raises(ValueError, match="a partition key "):
        check_keys(key, "r")
    assert not key or key not in str(raised.value)


def test_the_longest_keys_are_taken() -> None:
    check_keys("k" * 512, "😀" * 256)


VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "a name with a space": ({"a b": 1}, "cannot name a value"),
    "a name of ours": ({"WriteId": "1"}, "cannot name a value"),
    "a name of the service": ({"Timestamp": "1"}, "cannot name a value"),
    "a name like a part": ({"data__1": b""}, "cannot name a value"),
    "a long text": ({"text": "x" * (32 * 1024 + 1)}, "longer than 32768"),
    "a long text of pairs": ({"text": "😀" * (16 * 1024 + 1)}, "longer than 32768"),
    "a number of 65 bits": ({"n": 2**63}, "64 bits"),
    "a time without zone": ({"at": datetime(2027, 1, 1)}, "no zone"),  # noqa: DTZ001
    "a time before 1601": ({"at": datetime(1600, 12, 31, tzinfo=UTC)}, "before 1601"),
    "a list": ({"list": [1]}, "is a list"),
    "nothing": ({"none": None}, "is a NoneType"),
    "bytes above 1 MiB in Base64": ({"data": b"x" * 790_000}, "as it is sent; the limit is 1048576"),
    "many values": ({f"v{n}": n for n in range(253)}, "253 properties"),
}


@pytest.mark.parametrize(("row", "says"), VALUES.values(), ids=VALUES)
def test_a_value_that_cannot_be_is_explained(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        to_properties("p", "r", row)


def test_the_largest_values_are_taken() -> None:
    to_properties("p", "r", {"data": b"x" * 780_000})
    to_properties("p", "r", {"text": "x" * 32 * 1024, "pairs": "😀" * 16 * 1024})


@pytest.mark.parametrize("sizes", list(pairwise([0, 60_000, 60_001, 120_000, 120_001, 700_000])))
def test_bytes_go_into_as_few_properties_as_possible(sizes: tuple[int, int]) -> None:
    for size in sizes:
        assert len(to_properties("p", "r", {"data": b"x" * size})) == max(1, -(-size // 60_000))
