"""The ledger of tickets on Azurite: hundreds in few requests, and slots of which one of many claimers gets each."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.settings import Settings
from shared.storage.tables import Tables, open_tables
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import WaitingTickets
from shared.tickets.slots import Slots
from tests.azurite import Azurite
from tests.integration.relay import Relay, relayed
from tests.unit.shared.tickets.tickets import START, a_record, a_slot, a_ticket, a_waiting_record, call_id

MANY = 500


def opened(connection: str) -> Tables:
    return open_tables(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


@pytest.fixture
def connection(azurite: Azurite) -> str:
    """An account that nobody has used."""
    return azurite.fresh_account()


@pytest.fixture
async def tables(connection: str) -> AsyncIterator[Tables]:
    real = opened(connection)
    yield real
    await real.close()


async def test_a_group_is_written_and_swept_in_few_requests(connection: str) -> None:
    waiting = [a_waiting_record(number, minutes=number % 7) for number in range(MANY)]
    done = [a_record(number, days=1, tickets=(a_ticket(number, phone_call_pending=True),)) for number in range(MANY)]
    relay = Relay("none", on=0)
    async with relayed(connection, "Table", relay) as through_relay:
        counted = opened(through_relay)
        ledger = TicketLedger(counted)
        await ledger.write(waiting, before={})
        # Records in 16 partitions, two rows of the index each; the first two find no table, and make it.
        assert relay.requests <= 16 + 2 * MANY // 100 + 4
        assert await ledger.waiting() == WaitingTickets(MANY, START)
        before = relay.requests
        await ledger.write(done, before={record.call_id: record for record in waiting})
        assert relay.requests - before <= 16 + 4 * MANY // 100
        assert await ledger.waiting() == WaitingTickets(0)
        assert len(await ledger.pending()) == MANY
        before = relay.requests
        assert await ledger.sweep(START + timedelta(days=2), days=3) == MANY
        assert relay.requests - before <= 16 + 2 * MANY // 100 + 4
        assert await ledger.pending() == []
        assert await ledger.read([call_id(0)]) == {}
        await counted.close()


async def test_what_is_written_is_read(tables: Tables) -> None:
    records = [a_record(0), a_waiting_record(1), a_record(2, tickets=(a_ticket(2, configuration="Müller"),))]
    ledger = TicketLedger(tables)
    await ledger.write(records)
    assert await ledger.read(record.call_id for record in records) == {record.call_id: record for record in records}


@pytest.mark.parametrize("fault", ["answer lost", "503"])
async def test_one_of_many_gets_the_slot(connection: str, tables: Tables, fault: str) -> None:
    relay = Relay(fault, on=2)
    async with relayed(connection, "Table", relay) as through_relay:
        shaky, key = opened(through_relay), "a" * 64
        got = await asyncio.gather(
            *(Slots(tables if number % 4 else shaky).claim(key, a_slot(number), None) for number in range(32))
        )
        assert len(set(got)) == 1
        won = next(number for number in range(32) if replace(got[0], etag="") == a_slot(number))
        assert (await Slots(tables).read([key]))[key] == got[won]
        again = await asyncio.gather(*(Slots(tables).claim(key, a_slot(number), got[0]) for number in range(40, 50)))
        assert len({slot.etag for slot in again}) == 1
        assert await Slots(tables).sweep(START + timedelta(days=1)) == 1
        await shaky.close()
