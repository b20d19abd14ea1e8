"""Ticket requests over Azurite: delivered, tried again, parked and sent back, also where answers get lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from functions.ticket_creation.use_case.delivery import TicketDelivery
from functions.ticket_creation.use_case.parking import Parking
from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from functions.ticket_creation.use_case.tending import TicketTending
from shared.clock import utc_now
from shared.settings import Settings
from shared.storage.files import Files, open_files
from shared.storage.messages import Messages, open_messages
from shared.storage.tables import Tables, open_tables
from shared.ticket_queue import CONTAINER, POISON_QUEUE, QUEUE, send_ticket_requests
from shared.ticket_request import TicketRequest, read_message
from shared.tickets.ledger import TicketLedger
from shared.tickets.slots import Slots
from tests.azurite import Azurite
from tests.integration.relay import Relay, relayed
from tests.unit.shared.tickets.tickets import call_id

LATER, REFUSED, LARGE = 1, 2, 3


class Work:
    """Dynamics as far as a request goes."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.is_well = False

    async def take(self, requests: Sequence[TicketRequest]) -> list[Result]:
        return [self._one(request) for request in requests]

    def _one(self, request: TicketRequest) -> Result:
        if not self.is_well and request.call_id == call_id(LATER):
            return Later("another call opens the case", timedelta(seconds=1))
        if not self.is_well and request.call_id == call_id(REFUSED):
            return Refused("rejected", "Dynamics refuses the case")
        assert request.body is None
        self.done.add(request.call_id)
        return DONE


@dataclass
class App:
    tables: Tables
    messages: Messages
    files: Files
    work: Work

    def __post_init__(self) -> None:
        self.ledger = TicketLedger(self.tables)
        self.parking = Parking(self.ledger, self.messages, utc_now)
        self.delivery = TicketDelivery(self.work, self.ledger, self.messages, self.files, self.parking, utc_now)
        self.tending = TicketTending(
            self.ledger, Slots(self.tables), self.messages, self.files, self.parking, utc_now,
            catch_up_regarding=lambda: asyncio.sleep(0),
        )  # fmt: skip

    async def work_off(self) -> None:
        """As a host does."""
        while got := await self.messages.receive(QUEUE, hidden=timedelta(seconds=30)):
            await asyncio.gather(*(self.delivery.deliver(each.body, 1) for each in got))
            for each in got:
                await self.messages.delete(QUEUE, each)


@asynccontextmanager
async def opened(connection: str, work: Work) -> AsyncIterator[App]:
    settings = Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com")
    app = App(open_tables(settings), open_messages(settings), open_files(settings), work)
    yield app
    await app.tables.close()
    await app.messages.close()
    await app.files.close()


@pytest.fixture
def connection(azurite: Azurite) -> str:
    """An account that nobody has used."""
    account = azurite.fresh_account()
    with BlobServiceClient.from_connection_string(account) as blobs:
        blobs.create_container(CONTAINER)
    with QueueServiceClient.from_connection_string(account) as queues:
        for name in (QUEUE, POISON_QUEUE):
            queues.create_queue(name)
    return account


@pytest.mark.parametrize(("service", "fault", "on"), [
    ("Queue", "none", 0), ("Queue", "answer lost", 12), ("Queue", "503", 7),
    ("Table", "answer lost", 5), ("Table", "503", 3),
])  # fmt: skip
async def test_each_request_comes_to_its_end(connection: str, service: str, fault: str, on: int) -> None:
    work = Work()
    requests = [TicketRequest(version=1, call_id=call_id(number)) for number in range(6)]
    requests[LARGE] = TicketRequest(version=1, call_id=call_id(LARGE), variables={"transcript": "x" * 60_000})
    async with relayed(connection, service, Relay(fault, on)) as address, opened(address, work) as app:
        await send_ticket_requests(app.messages, app.files, requests)
        await app.messages.send(QUEUE, b'{"version": 1}')
        await app.work_off()
        assert work.done == {call_id(number) for number in range(6)} - {call_id(LATER), call_id(REFUSED)}
        parked = await app.parking.parked()
        assert {(each.call_id, each.code) for each in parked} == {(call_id(REFUSED), "rejected"), (None, "malformed")}
        assert (await app.ledger.waiting()).count == 1
        await app.tending.tick()
        assert await app.parking.parked() == parked
        work.is_well = True
        assert (await app.parking.redrive(call_id(REFUSED))).sent == 1
        await asyncio.sleep(1.5)
        await app.work_off()
        assert work.done == {call_id(number) for number in range(6)}
        assert await app.messages.count(QUEUE) == 0
        (left,) = await app.parking.parked()
        assert left.code == "malformed"


async def test_what_a_host_gave_up_is_told_of_and_comes_back(connection: str) -> None:
    async with opened(connection, Work()) as app:
        await app.messages.send(POISON_QUEUE, b'{"version": 1, "callId": "x"}')
        await app.tending.tick()
        (back,) = await app.messages.receive(QUEUE, hidden=timedelta(seconds=30))
        assert read_message(back.body).is_compact
        (row,) = await app.ledger.parked()
        assert (row.code, row.redrives, row.is_parked) == ("given-up", 1, False)
        assert await app.messages.count(POISON_QUEUE) == 0
