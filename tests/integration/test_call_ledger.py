"""The ledger of calls on Azurite: thousands at once, few requests, and the same rows whenever a writer was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from shared.calls.layout import TABLE, call_place, glance_place, index_places
from shared.calls.ledger import CallLedger
from shared.calls.records import CallHistory, CallRecord, CaseLink, LinkedCase
from shared.settings import Settings
from shared.storage.checkpoints import Checkpoint
from shared.storage.errors import StaleFenceError
from shared.storage.tables import Tables, open_tables
from tests.azurite import Azurite
from tests.integration.relay import Relay, relayed
from tests.unit.shared.calls.calls import AGENT, KEY, NUMBER, START, a_call, call_id

ROOT = Path(__file__).parents[2]
MANY = 1_000
WRITER = """
import asyncio, sys
from shared.calls.ledger import CallLedger
from tests.integration.test_call_ledger import opened, some_calls

async def main():
    tables = opened(sys.argv[1])
    print("ready", flush=True)
    await CallLedger(tables).write(some_calls(300))
    await tables.close()

asyncio.run(main())
"""


def opened(connection: str) -> Tables:
    return open_tables(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


def some_calls(count: int) -> list[CallRecord]:
    """Calls within ten minutes, of a number each and of 200 agents."""
    return [
        a_call(
            number,
            minutes=number % 600 / 60,
            found_by=KEY.found_by([f"+35850{number:07}"], [f"agent{number % 200}@nordic-care.example"]),
        )
        for number in range(count)
    ]


@pytest.fixture
def connection(azurite: Azurite) -> str:
    """An account that nobody has used."""
    return azurite.fresh_account()


@pytest.fixture
async def tables(connection: str) -> AsyncIterator[Tables]:
    real = opened(connection)
    yield real
    await real.close()


async def rows(tables: Tables, count: int) -> dict[tuple[str, str], object]:
    """All rows of the table, by key."""
    found: dict[tuple[str, str], object] = {}
    days = ("20270322", "20270324")
    partitions = {f"call-{digit:x}" for digit in range(16)}
    partitions |= {f"calls-started-{day}-{shard}" for day in days for shard in range(4)}
    partitions |= {place.partition for call in (*some_calls(count), a_call()) for place in index_places(call)} | {
        "calls-waiting"
    }
    for partition in partitions:
        async with aclosing(tables.list(TABLE, partition)) as entities:
            async for entity in entities:
                found[partition, entity.row] = entity.values
    return found


@pytest.mark.timeout(300)
async def test_thousands_of_calls_are_written_in_few_requests_and_read_as_they_were(
    connection: str, tables: Tables
) -> None:
    calls = some_calls(MANY)
    relay = Relay("none", on=0)
    async with relayed(connection, "Table", relay) as through_relay:
        counted = opened(through_relay)
        writer = CallLedger(counted)
        await writer.write(calls, fence=1)
        written = relay.requests
        # Records, glances, numbers and agents: full batches, but for the last one of each partition; one makes the
        # table, and a first one finds that it is not there.
        assert written <= 4 * MANY / 100 + 16 + 4 + 16 + 16 + 2 * 8
        assert await writer.read([call.call_id for call in calls], fence=2) == {call.call_id: call for call in calls}
        assert relay.requests == written
        seen = await writer.glance(START, START + timedelta(minutes=15))
        assert relay.requests - written <= MANY / 1_000 + 3 * 4
        assert seen.keys() == {call.call_id for call in calls}
        await counted.close()
    reader = CallLedger(tables)
    assert await reader.read([call.call_id for call in calls]) == {call.call_id: call for call in calls}
    (only,) = await reader.find([KEY.number("+358500000123")], START, START + timedelta(hours=1), 500)
    assert only.record == calls[123]
    found = await reader.find([KEY.agent("agent7@nordic-care.example")], START, START + timedelta(hours=1), 500)
    wanted = [call for call in calls if call.found_by & {KEY.agent("agent7@nordic-care.example")}]
    assert [each.record for each in found] == sorted(
        wanted, key=lambda call: (call.started, call.call_id), reverse=True
    )


def own_rows(call: CallRecord) -> set[str]:
    """The row keys of a call, but for its cases."""
    return {
        place.row for place in (call_place(call.call_id), glance_place(call.call_id, call.started), *index_places(call))
    }


def start_writer(connection: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, connection], cwd=ROOT, stdout=subprocess.PIPE)


FIRST_SEEN = ["calls-of-number-202703-0", "call-0", "calls-started-20270322-0"]


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

    for partition in FIRST_SEEN:
        child = await asyncio.to_thread(start_writer, connection)
        try:
            assert child.stdout is not None
            await asyncio.to_thread(child.stdout.readline)
            await until_there(partition)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
    await CallLedger(tables).write(some_calls(300))
    clean = opened(azurite.fresh_account())
    await CallLedger(clean).write(some_calls(300))
    repeated = await rows(tables, 300)
    assert repeated == await rows(clean, 300)
    assert len(repeated) == 4 * 300
    await clean.close()


@pytest.mark.timeout(300)
async def test_a_sweep_removes_the_old_ones_in_few_requests_and_leaves_the_rest(
    connection: str, tables: Tables
) -> None:
    ledger = CallLedger(tables)
    young = [a_call(-1, minutes=2 * 1440), a_call(-2, updated=START + timedelta(days=1))]
    await ledger.write(young)
    old = some_calls(300)
    await ledger.write(old)
    case = LinkedCase(UUID(int=5), "https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id=5")
    keys = KEY.found_by([NUMBER], [AGENT])
    unseen = [CaseLink(call_id(number), START, case, keys) for number in range(5_000, 5_100)]
    linked = [CaseLink(call.call_id, call.started, case) for call in (old[5], young[1])]
    await ledger.link_cases([*linked, *unseen])
    relay = Relay("none", on=0)
    async with relayed(connection, "Table", relay) as through_relay:
        counted = opened(through_relay)
        assert await CallLedger(counted).sweep(START + timedelta(days=1), days=3) == 300
        # Of each of the four partitions of that day: its glances and those of cases, 16 partitions by number and by
        # agent, 4 of records, and as many of cases.
        assert relay.requests <= 4 * (3 + 16 + 16 + 4 + 4) + 4 * 4 + 4
        await counted.close()
    assert await ledger.read([call.call_id for call in (*old, *young)]) == {call.call_id: call for call in young}
    assert await ledger.history(old[5].call_id) is None
    assert await ledger.history(unseen[0].call_id) is None
    kept = await ledger.history(young[1].call_id)
    assert kept is not None
    assert kept.cases == (case,)
    left = await rows(tables, 300)
    assert {row for _, row in left} == {row for call in young for row in own_rows(call)} | {
        f"{young[1].call_id}-case-{case.id}",
        f"{START:%H%M%S}-{young[1].call_id}-case-{case.id}",
    }


@pytest.mark.timeout(300)
async def test_thousands_of_cases_are_linked_in_few_requests_and_found_with_their_calls(
    connection: str, tables: Tables
) -> None:
    def link(number: int) -> CaseLink:
        found_by = KEY.found_by([f"+35850{number:07}"], [f"agent{number % 200}@nordic-care.example"])
        case = LinkedCase(UUID(int=number), f"https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id={number}")
        return CaseLink(call_id(number), START + timedelta(seconds=number), case, found_by)

    links = [link(number) for number in range(MANY)]
    relay = Relay("none", on=0)
    async with relayed(connection, "Table", relay) as through_relay:
        counted = opened(through_relay)
        for _ in range(2):
            before = relay.requests
            await CallLedger(counted).link_cases(links)
            # What tells the sweep, cases, numbers and agents: full batches, but for the last one of each partition.
            assert relay.requests - before <= 4 * MANY / 100 + 4 + 16 + 16 + 16 + 2 * 8
        await counted.close()
    ledger = CallLedger(tables)
    seventh = links[7]
    wanted = CallHistory(seventh.call_id, None, (seventh.case,), seventh.started, seventh.found_by)
    assert await ledger.history(seventh.call_id) == wanted
    assert await ledger.find([KEY.number("+358500000007")], START, START + timedelta(hours=1), 500) == [wanted]
    of_agent = await ledger.find([KEY.agent("agent7@nordic-care.example")], START, START + timedelta(hours=1), 500)
    assert [each.call_id for each in of_agent] == [links[number].call_id for number in (807, 607, 407, 207, 7)]


async def test_a_call_that_changes_and_turns_private_is_found_no_more(tables: Tables) -> None:
    ledger = CallLedger(tables)
    call = replace(a_call(), started=datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC))
    moved = replace(call, started=datetime(2027, 4, 1, 0, 0, 1, tzinfo=UTC))
    await ledger.write([call])
    await ledger.write([moved], before={call.call_id: call})

    async def found() -> list[str]:
        keys = [KEY.number(NUMBER), KEY.agent(AGENT)]
        return [each.call_id for each in await ledger.find(keys, START, START + timedelta(days=30), 500)]

    assert await found() == [call_id(0)]
    await ledger.write([replace(moved, found_by=frozenset())], before={moved.call_id: moved})
    assert await found() == []
    for month in ("202703", "202704"):
        for key, kind in ((KEY.number(NUMBER), "number"), (KEY.agent(AGENT), "agent")):
            async with aclosing(tables.list(TABLE, f"calls-of-{kind}-{month}-{key[1]}")) as entities:
                assert [entity.row async for entity in entities] == []


@pytest.mark.parametrize("fault", ["answer lost", "503"])
@pytest.mark.parametrize("on", [1, 2, 3, 4])
async def test_a_checkpoint_moves_once_whatever_happens_to_a_request(
    connection: str, tables: Tables, fault: str, on: int
) -> None:
    moments = [START + timedelta(minutes=minute) for minute in range(3)]
    await Checkpoint(tables, "calls").advance(moments[0], fence=1)
    relay = Relay(fault, on)
    async with relayed(connection, "Table", relay) as through_relay:
        shaky = opened(through_relay)
        checkpoint = Checkpoint(shaky, "calls")
        assert await checkpoint.advance(moments[1], fence=1) == moments[1]
        assert await checkpoint.advance(moments[2], fence=2) == moments[2]
        await shaky.close()
    assert relay.requests >= on
    assert await Checkpoint(tables, "calls").read() == moments[2]
    with pytest.raises(StaleFenceError):
        await Checkpoint(tables, "calls").advance(START + timedelta(days=1), fence=1)
