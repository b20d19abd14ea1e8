"""The ledger of callback requests on Azurite: thousands in few requests, the same rows wherever a writer was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.callbacks.layout import OPEN_PARTITION, PARTITIONS, TABLE
from shared.callbacks.ledger import CallbackLedger
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.settings import Settings
from shared.storage.errors import StaleFenceError
from shared.storage.tables import Tables, open_tables
from tests.azurite import Azurite
from tests.integration.relay import Relay, relayed
from tests.unit.shared.callbacks.callbacks import START, a_callback, a_closed_callback

ROOT = Path(__file__).parents[2]
MANY = 2_000
KILLED = 300
WRITER = """
import asyncio, sys
from shared.callbacks.ledger import CallbackLedger
from tests.integration.test_callback_ledger import KILLED, half_closed, opened

async def main():
    tables = opened(sys.argv[1])
    print("ready", flush=True)
    await CallbackLedger(tables).write(half_closed(KILLED), fence=int(sys.argv[2]))
    await tables.close()

asyncio.run(main())
"""


def opened(connection: str) -> Tables:
    return open_tables(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


def half_closed(count: int) -> list[CallbackRecord]:
    return [a_callback(number, minutes=number % 97, closed=number % 2 == 0) for number in range(count)]


@pytest.fixture
def connection(azurite: Azurite) -> str:
    """An account that nobody has used."""
    return azurite.fresh_account()


@pytest.fixture
async def tables(connection: str) -> AsyncIterator[Tables]:
    real = opened(connection)
    yield real
    await real.close()


async def rows(tables: Tables) -> dict[tuple[str, str], object]:
    """All rows but that of the fence, by key."""
    found: dict[tuple[str, str], object] = {}
    for partition in (*PARTITIONS, OPEN_PARTITION):
        async with aclosing(tables.list(TABLE, partition)) as entities:
            async for entity in entities:
                found[partition, entity.row] = entity.values
    return found


@pytest.mark.timeout(300)
async def test_thousands_of_requests_are_written_closed_and_swept_in_few_requests(connection: str) -> None:
    queued = [a_callback(number, minutes=number % 97) for number in range(MANY)]
    ids = [record.callback_id for record in queued]
    relay = Relay("none", on=0)
    batches, pages = MANY // 100 + 16, MANY // 1_000 + 16
    async with relayed(connection, "Table", relay) as through_relay:
        counted = opened(through_relay)
        first = CallbackLedger(counted)
        assert await first.read(ids, fence=1) == {}
        assert relay.requests <= 16
        before = relay.requests
        await first.write(queued, fence=1)
        # Records and open rows in batches, the fence; one makes the table, and a first one finds that it is not there.
        assert relay.requests - before <= batches + MANY // 100 + 2 + 3
        before = relay.requests
        assert len(await first.unfinished(fence=2)) == MANY
        assert relay.requests - before <= MANY // 1_000 + 1
        # Another process, which remembers nothing.
        second, before = CallbackLedger(counted), relay.requests
        assert await second.read(ids, fence=3) == {record.callback_id: record for record in queued}
        assert relay.requests - before <= pages
        before = relay.requests
        await second.write([replace(record, closed=True) for record in queued], fence=3)
        assert relay.requests - before <= batches + MANY // 100 + 2
        before = relay.requests
        assert await second.unfinished(fence=3) == []
        assert relay.requests - before == 1
        before = relay.requests
        assert await second.sweep(START + timedelta(days=60)) == MANY
        assert relay.requests - before <= batches + pages
        assert await rows(counted) == {}
        await counted.close()


def start_writer(connection: str, fence: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, connection, str(fence)], cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.timeout(300)
async def test_a_writer_that_was_killed_anywhere_and_repeated_leaves_the_same_rows(
    connection: str, tables: Tables, azurite: Azurite
) -> None:
    async def until_there(partition: str) -> None:
        while True:
            async with aclosing(tables.list(TABLE, partition, ())) as entities:
                if await anext(entities, None) is not None:
                    return
            await asyncio.sleep(0.005)

    for fence, partition in enumerate((OPEN_PARTITION, "callback-3"), 1):
        child = await asyncio.to_thread(start_writer, connection, fence)
        try:
            assert child.stdout is not None
            await asyncio.to_thread(child.stdout.readline)
            await until_there(partition)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
    ledger = CallbackLedger(tables)
    known = await ledger.read([record.callback_id for record in half_closed(KILLED)], fence=3)
    listed = {record.callback_id for record in await ledger.unfinished(fence=3)}
    assert {each for each, record in known.items() if not record.closed} == listed
    await ledger.write(half_closed(KILLED), fence=3)
    clean = opened(azurite.fresh_account())
    await CallbackLedger(clean).write(half_closed(KILLED))
    repeated = await rows(tables)
    assert repeated == await rows(clean)
    assert len(repeated) == KILLED + KILLED // 2
    await clean.close()


async def test_a_holder_that_was_succeeded_writes_nothing_any_more(tables: Tables) -> None:
    frozen, successor = CallbackLedger(tables), CallbackLedger(tables)
    await frozen.write([a_callback(1)], fence=1)
    await successor.write([a_closed_callback(1)], fence=2)
    before = await rows(tables)
    with pytest.raises(StaleFenceError):
        await frozen.write([a_callback(1, outcome=CallbackOutcome.WAITING), a_callback(2)], fence=1)
    assert await rows(tables) == before


@pytest.mark.parametrize("fault", ["answer lost", "503"])
@pytest.mark.parametrize("on", [1, 2, 3, 4, 5])
async def test_a_fault_of_any_request_changes_nothing(connection: str, tables: Tables, fault: str, on: int) -> None:
    await CallbackLedger(tables).write([a_callback(1), a_callback(2)], fence=1)
    relay = Relay(fault, on)
    async with relayed(connection, "Table", relay) as through_relay:
        shaky = opened(through_relay)
        await CallbackLedger(shaky).write([a_closed_callback(1), a_callback(3, minutes=1)], fence=2)
        await shaky.close()
    assert relay.requests >= on
    reader = CallbackLedger(tables)
    assert await reader.unfinished() == [a_callback(2), a_callback(3, minutes=1)]
    with pytest.raises(StaleFenceError):
        await reader.write([a_callback(1)], fence=1)


async def test_the_sweep_leaves_what_is_unfinished_or_young(tables: Tables) -> None:
    ledger, limit = CallbackLedger(tables), START + timedelta(days=60)
    kept = [a_callback(1), a_closed_callback(2, updated=limit)]
    await ledger.write([*kept, a_closed_callback(3)], fence=1)
    assert await ledger.sweep(limit) == 1
    fresh = CallbackLedger(tables)
    assert await fresh.read([record.callback_id for record in [*kept, a_closed_callback(3)]]) == {
        record.callback_id: record for record in kept
    }
    assert await fresh.unfinished() == [kept[0]]
