"""Rows, on Azurite and in memory alike: one writer wins, and a stale version changes nothing."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.storage.entities import PART_BYTES, Entity, Value
from shared.storage.errors import AlreadyThereError, ChangedError, StorageError
from shared.storage.tables import Tables, open_tables
from tests.integration.relay import Relay, relayed
from tests.memory_storage import MemoryTables

ROOT = Path(__file__).parents[2]

type AnyTables = Tables | MemoryTables

_number = count()


def opened(connection: str) -> Tables:
    return open_tables(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


@pytest.fixture(params=["azurite", "memory"])
async def tables(request: pytest.FixtureRequest) -> AsyncIterator[AnyTables]:
    if request.param == "memory":
        yield MemoryTables()
        return
    real = opened(request.getfixturevalue("storage"))
    yield real
    await real.close()


@pytest.fixture
def table() -> str:
    """A table that is not there yet."""
    return f"test{next(_number)}"


def without_answer(entity: Entity | None) -> tuple[str, str, Mapping[str, Value]]:
    assert entity is not None
    return entity.partition, entity.row, entity.values


async def rows(tables: AnyTables, table: str, partition: str = "p") -> list[str]:
    return [entity.row async for entity in tables.list(table, partition)]


# ------------------------------------------------------------------------------------------ one row

VALUES: dict[str, dict[str, Value]] = {
    "nothing": {},
    "text": {"text": "Schichtplan Müller 漢字 'quoted' \"double\" \x00 \n", "empty": ""},
    "numbers": {"zero": 0, "small": -1, "int32": 2**31 - 1, "int64": 2**31, "least": -(2**63), "most": 2**63 - 1},
    "floats": {"whole": 1.0, "part": -0.1, "huge": 1e300, "infinite": float("inf")},
    "flags": {"yes": True, "no": False},
    "time": {"at": datetime(2027, 3, 28, 1, 0, 0, 123456, UTC), "early": datetime(1601, 1, 1, tzinfo=UTC)},
    "bytes": {"none": b"", "all": bytes(range(256)), "edge": b"x" * PART_BYTES},
    "large": {"data": bytes(range(250)) * 2800, "other": b"\x00" * (PART_BYTES + 1), "n": 1},
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
async def test_what_was_written_is_read_with_its_types(tables: AnyTables, table: str, values: dict[str, Value]) -> None:
    written = await tables.insert(table, "p", "r", values)
    found = await tables.get(table, "p", "r")
    assert without_answer(found) == without_answer(written) == ("p", "r", values)
    assert found is not None
    assert found.etag == written.etag
    assert {name: type(value) for name, value in found.values.items()} == {
        name: type(value) for name, value in values.items()
    }


async def test_a_time_of_another_zone_is_read_as_the_same_instant_in_utc(tables: AnyTables, table: str) -> None:
    await tables.put(table, "p", "r", {"at": datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))})
    found = await tables.get(table, "p", "r")
    assert found is not None
    assert str(found.values["at"]) == "2026-12-31 23:00:00+00:00"


@pytest.mark.parametrize("key", ["a'b", "a b", "é漢", "%2F", "+", "a&b=c;d,e@f:g|h", "~", "k" * 512])
async def test_keys_that_table_storage_takes_name_one_row(tables: AnyTables, table: str, key: str) -> None:
    written = await tables.insert(table, key, key, {"n": 1})
    await tables.write_many(table, key, [("other", {"n": 2})])
    assert await rows(tables, table, key) == sorted([key, "other"])
    replaced = await tables.replace(table, key, key, {"n": 3}, etag=written.etag)
    found = await tables.get(table, key, key)
    assert found is not None
    assert (found.values, found.etag) == ({"n": 3}, replaced.etag)
    assert await tables.delete(table, key, key, etag=replaced.etag)


@pytest.mark.parametrize("key", ["", "a/b", "a\\b", "a#b", "a?b", "a\tb", "a\x7fb", "a\x9fb", "k" * 513])
async def test_keys_that_table_storage_refuses_never_get_there(tables: AnyTables, table: str, key: str) -> None:
    for partition, row in (("p", key), (key, "r")):
        for attempt in (
            partial(tables.get, table, partition, row),
            partial(tables.insert, table, partition, row, {}),
            partial(tables.replace, table, partition, row, {}, etag="W/1"),
            partial(tables.put, table, partition, row, {}),
            partial(tables.delete, table, partition, row),
            partial(tables.write_many, table, partition, [(row, {})]),
        ):
            with pytest.raises(ValueError, match="key") as raised:
                await attempt()
            assert not key or key not in str(raised.value)


async def test_a_row_is_replaced_whole(tables: AnyTables, table: str) -> None:
    first = await tables.insert(table, "p", "r", {"large": b"x" * 200_000, "old": 1})
    second = await tables.replace(table, "p", "r", {"large": b"y" * 70_000}, etag=first.etag)
    found = await tables.get(table, "p", "r")
    assert without_answer(found) == ("p", "r", {"large": b"y" * 70_000})
    await tables.put(table, "p", "r", {"new": 1})
    assert without_answer(await tables.get(table, "p", "r")) == ("p", "r", {"new": 1})
    assert second.etag != first.etag


async def test_only_the_version_in_hand_is_replaced_or_removed(tables: AnyTables, table: str) -> None:
    old = await tables.insert(table, "p", "r", {"n": 1})
    new = await tables.put(table, "p", "r", {"n": 2})
    with pytest.raises(ChangedError):
        await tables.replace(table, "p", "r", {"n": 3}, etag=old.etag)
    assert not await tables.delete(table, "p", "r", etag=old.etag)
    assert without_answer(await tables.get(table, "p", "r")) == ("p", "r", {"n": 2})
    assert await tables.delete(table, "p", "r", etag=new.etag)
    assert not await tables.delete(table, "p", "r", etag=new.etag)
    assert not await tables.delete(table, "p", "r")
    with pytest.raises(ChangedError):
        await tables.replace(table, "p", "r", {"n": 4}, etag=new.etag)
    assert await tables.get(table, "p", "r") is None


async def test_a_row_is_inserted_once(tables: AnyTables, table: str) -> None:
    await tables.insert(table, "p", "r", {"n": 1})
    with pytest.raises(AlreadyThereError):
        await tables.insert(table, "p", "r", {"n": 1})
    assert await tables.delete(table, "p", "r")
    await tables.insert(table, "p", "r", {"n": 2})


async def test_the_age_of_a_row_is_storages_own(real: Tables, table: str) -> None:
    async def ages(tables: AnyTables) -> None:
        await tables.put(table, "p", "r", {})
        before = time.monotonic()
        await asyncio.sleep(2.1)
        found = await tables.get(table, "p", "r")
        listed = [entity async for entity in tables.list(table, "p")]
        for entity in (found, *listed):
            assert entity is not None
            assert time.monotonic() - before - 1.1 <= entity.age_seconds <= time.monotonic() - before + 0.1

    await asyncio.gather(ages(real), ages(MemoryTables()))


# ------------------------------------------------------------------------------------------ races


async def test_of_32_that_insert_one_row_one_wins(tables: AnyTables, table: str) -> None:
    async def insert(number: int) -> int | None:
        try:
            await tables.insert(table, "p", "r", {"n": number})
        except AlreadyThereError:
            return None
        return number

    winners = [won for won in await asyncio.gather(*map(insert, range(32))) if won is not None]
    found = await tables.get(table, "p", "r")
    assert found is not None
    assert winners == [found.values["n"]]


async def test_of_32_that_replace_one_version_one_wins(tables: AnyTables, table: str) -> None:
    first = await tables.insert(table, "p", "r", {"n": -1})

    async def replace(number: int) -> int | None:
        try:
            await tables.replace(table, "p", "r", {"n": number}, etag=first.etag)
        except ChangedError:
            return None
        return number

    winners = [won for won in await asyncio.gather(*map(replace, range(32))) if won is not None]
    found = await tables.get(table, "p", "r")
    assert found is not None
    assert winners == [found.values["n"]]


async def test_many_first_writers_of_a_new_table_all_write(tables: AnyTables, table: str) -> None:
    await asyncio.gather(*(tables.insert(table, "p", f"{number:02}", {}) for number in range(32)))
    assert await rows(tables, table) == [f"{number:02}" for number in range(32)]


# ------------------------------------------------------------------------------------------ many rows


async def test_a_table_that_is_not_there_is_empty_until_it_is_written_to(tables: AnyTables, table: str) -> None:
    assert await tables.get(table, "p", "r") is None
    assert await rows(tables, table) == []
    assert not await tables.delete(table, "p", "r")
    with pytest.raises(ChangedError):
        await tables.replace(table, "p", "r", {}, etag="W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\"")
    await tables.write_many(table, "p", [("r", {"n": 1})])
    assert await rows(tables, table) == ["r"]


async def test_more_rows_than_a_page_are_listed_in_order_of_their_keys(tables: AnyTables, table: str) -> None:
    await tables.write_many(table, "p", ((f"{number:05}", {"n": number}) for number in reversed(range(1234))))
    await tables.put(table, "another", "r", {})
    listed = [entity async for entity in tables.list(table, "p")]
    assert [entity.row for entity in listed] == [f"{number:05}" for number in range(1234)]
    assert [entity.values["n"] for entity in listed] == list(range(1234))
    assert await rows(tables, table, "nobody") == []


async def test_only_the_values_that_are_asked_for_are_listed_however_large(tables: AnyTables, table: str) -> None:
    large = bytes(range(250)) * 2000
    await tables.put(table, "p", "r", {"large": large, "other": b"x" * 100_000, "n": 1})
    await tables.put(table, "p", "s", {"n": 2})
    listed = [entity async for entity in tables.list(table, "p", select=["large", "n"])]
    assert [(entity.row, entity.values) for entity in listed] == [("r", {"large": large, "n": 1}), ("s", {"n": 2})]
    found = await tables.get(table, "p", "r")
    assert found is not None
    assert found.etag == listed[0].etag


async def test_many_rows_overwrite_and_the_last_of_one_key_stays(tables: AnyTables, table: str) -> None:
    await tables.put(table, "p", "a", {"old": 1})
    await tables.write_many(table, "p", [("a", {"n": 1}), ("b", {"n": 2}), ("a", {"n": 3})])
    listed = [(entity.row, entity.values) async for entity in tables.list(table, "p")]
    assert listed == [("a", {"n": 3}), ("b", {"n": 2})]
    await tables.write_many(table, "p", [])


async def test_rows_larger_than_a_batch_are_written_all(tables: AnyTables, table: str) -> None:
    data = {f"{number:02}": bytes([number]) * 780_000 for number in range(9)}
    await tables.write_many(table, "p", ((row, {"data": value}) for row, value in data.items()))
    assert {entity.row: entity.values["data"] async for entity in tables.list(table, "p")} == data


async def test_the_rows_whose_keys_begin_alike_are_a_range(tables: AnyTables, table: str) -> None:
    keys = ["a", "ab", "ab-1", "ab-2", "ab.", "abc", "b", "it's-1", "it's-2", "ä-1"]
    await tables.write_many(table, "p'q", [(key, {}) for key in keys])
    await tables.write_many(table, "other", [("ab-3", {})])

    async def beginning(prefix: str | tuple[str, ...]) -> list[str]:
        return [entity.row async for entity in tables.list(table, "p'q", prefix=prefix)]

    assert await beginning("ab-") == ["ab-1", "ab-2"]
    assert await beginning("ab") == ["ab", "ab-1", "ab-2", "ab.", "abc"]
    assert await beginning("it's-") == ["it's-1", "it's-2"]
    assert await beginning("ä") == ["ä-1"]
    assert await beginning("c") == []
    assert await beginning(("b", "ab-", "nothing", "it's-")) == ["ab-1", "ab-2", "b", "it's-1", "it's-2"]
    seven = ("a", "b", "it's", "ä", "x", "y", "z")
    assert await beginning(seven) == sorted(keys)


@pytest.mark.parametrize("prefixes", [(), ("a", ""), tuple("abcdefgh")])
async def test_no_more_prefixes_are_asked_for_than_a_filter_takes(
    tables: AnyTables, table: str, prefixes: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="prefixes"):
        [entity async for entity in tables.list(table, "p", prefix=prefixes)]


async def test_many_rows_are_removed_also_where_some_are_gone(tables: AnyTables, table: str) -> None:
    await tables.delete_many(table, "p", ["not there"])
    await tables.write_many(table, "p", [(f"{number:03}", {}) for number in range(250)])
    await tables.delete_many(table, "p", [*(f"{number:03}" for number in range(120)), "gone", "000"])
    assert await rows(tables, table) == [f"{number:03}" for number in range(120, 250)]
    await tables.delete_many(table, "p", [f"{number:03}" for number in range(100, 249)])
    assert await rows(tables, table) == ["249"]


# ------------------------------------------------------------------------------------------ faults


@pytest.fixture
async def real(storage: str) -> AsyncIterator[Tables]:
    tables = opened(storage)
    yield tables
    await tables.close()


@asynccontextmanager
async def behind(relay: Relay, storage: str) -> AsyncIterator[Tables]:
    async with relayed(storage, "Table", relay) as connection:
        tables = opened(connection)
        yield tables
        await tables.close()


@pytest.mark.parametrize("fault", ["answer lost", "503"])
async def test_a_write_whose_answer_was_lost_knows_its_own_row_again(
    storage: str, real: Tables, table: str, fault: str
) -> None:
    await real.put(table, "p", "-", {})
    async with behind(Relay(fault), storage) as tables:
        inserted = await tables.insert(table, "p", "r", {"n": 1})
    found = await real.get(table, "p", "r")
    assert found is not None
    assert found.etag == inserted.etag
    async with behind(Relay(fault), storage) as tables:
        replaced = await tables.replace(table, "p", "r", {"n": 2}, etag=inserted.etag)
    found = await real.get(table, "p", "r")
    assert found is not None
    assert (found.etag, found.values) == (replaced.etag, {"n": 2})
    async with behind(Relay(fault), storage) as tables:
        await tables.put(table, "p", "r", {"n": 3})
    async with behind(Relay(fault), storage) as tables:
        await tables.write_many(table, "p", [("s", {"n": 4}), ("t", {"n": 5})])
    assert [entity.values async for entity in real.list(table, "p")] == [{}, {"n": 3}, {"n": 4}, {"n": 5}]


async def test_somebody_elses_row_is_not_taken_for_ones_own(storage: str, real: Tables, table: str) -> None:
    first = await real.put(table, "p", "r", {"n": 1})
    await real.put(table, "p", "r", {"n": 1})
    async with behind(Relay("answer lost"), storage) as tables:
        with pytest.raises(AlreadyThereError):
            await tables.insert(table, "p", "r", {"n": 1})
    async with behind(Relay("answer lost"), storage) as tables:
        with pytest.raises(ChangedError):
            await tables.replace(table, "p", "r", {"n": 1}, etag=first.etag)


async def test_a_page_that_failed_is_asked_for_again(storage: str, real: Tables, table: str) -> None:
    await real.write_many(table, "p", ((f"{number:05}", {}) for number in range(2001)))
    for fault in ("answer lost", "503"):
        relay = Relay(fault, on=2)
        async with behind(relay, storage) as tables:
            assert await rows(tables, table) == [f"{number:05}" for number in range(2001)], fault
        assert relay.requests == 4, fault


async def test_an_outage_is_a_storage_error_after_three_tries_and_soon(storage: str, table: str) -> None:
    attempts: list[Callable[[Tables], Awaitable[object]]] = [
        lambda tables: tables.get(table, "p", "r"),
        lambda tables: tables.insert(table, "p", "r", {}),
        lambda tables: tables.replace(table, "p", "r", {}, etag="W/1"),
        lambda tables: tables.put(table, "p", "r", {}),
        lambda tables: tables.delete(table, "p", "r"),
        lambda tables: tables.write_many(table, "p", [("r", {}), ("s", {})]),
        lambda tables: rows(tables, table),
    ]

    async def fails(attempt: Callable[[Tables], Awaitable[object]]) -> None:
        relay = Relay("always 500")
        async with behind(relay, storage) as tables:
            started = time.monotonic()
            with pytest.raises(StorageError, match="table storage failed: 500"):
                await attempt(tables)
            assert relay.requests == 3
            assert time.monotonic() - started < 2

    await asyncio.gather(*map(fails, attempts))


async def test_storage_that_hangs_is_a_storage_error(storage: str, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.tables._PATIENCE_SECONDS", 0.5)
    async with behind(Relay("hangs"), storage) as tables:
        with pytest.raises(StorageError, match="did not answer within"):
            await tables.get(table, "p", "r")


async def test_nobody_there_is_a_storage_error_soon() -> None:
    nobody = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:9/a;"
    tables = opened(nobody)
    started = time.monotonic()
    with pytest.raises(StorageError, match="table storage failed: ServiceRequestError"):
        await tables.get("test", "p", "r")
    assert time.monotonic() - started < 2
    await tables.close()


async def test_the_double_can_be_down_too() -> None:
    memory = MemoryTables()
    memory.down = True
    with pytest.raises(StorageError):
        await memory.get("test", "p", "r")


def test_the_library_is_loaded_with_the_first_call_only() -> None:
    told = "import shared.gateways, sys; print([name for name in sys.modules if name.startswith('azure.data')])"
    loaded = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


async def test_the_environment_names_no_proxy_for_tables(
    storage: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    tables = opened(storage)
    await tables.put(table, "p", "r", {"n": 1})
    assert without_answer(await tables.get(table, "p", "r")) == ("p", "r", {"n": 1})
    await tables.close()
