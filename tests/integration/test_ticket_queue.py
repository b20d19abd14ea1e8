"""Requests for tickets on Azurite: each is in the queue, a large one through a blob that is there first."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.settings import Settings
from shared.storage.errors import StorageError
from shared.storage.files import Files, open_files
from shared.storage.messages import LARGEST_BODY, Messages, open_messages
from shared.ticket_queue import CONTAINER, QUEUE, full_request, send_copy, send_ticket_requests
from shared.ticket_request import (
    LARGEST_MESSAGE,
    LARGEST_REQUEST,
    BadTicketRequestError,
    Delivery,
    TicketRequest,
    as_message,
    read_message,
    reference_to,
    stored_as,
)
from tests.azurite import Azurite
from tests.memory_storage import MemoryFiles, MemoryMessages


@dataclass
class Storage:
    files: Files
    messages: Messages
    connection: str

    def sent(self) -> list[bytes]:
        """The messages of the queue; they are hidden from the next look."""
        with QueueServiceClient.from_connection_string(self.connection) as queues:
            found = queues.get_queue_client(QUEUE).receive_messages(messages_per_page=32, visibility_timeout=600)
            return [base64.b64decode(message.content, validate=True) for message in found]

    def blobs(self) -> list[str]:
        with BlobServiceClient.from_connection_string(self.connection) as service:
            return list(service.get_container_client(CONTAINER).list_blob_names())


@pytest.fixture
async def storage(azurite: Azurite) -> AsyncIterator[Storage]:
    connection = azurite.fresh_account()
    with BlobServiceClient.from_connection_string(connection) as service:
        service.create_container(CONTAINER)
    settings = Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com")
    opened = Storage(open_files(settings), open_messages(settings), connection)
    yield opened
    await opened.files.close()
    await opened.messages.close()


def request_of(call: int, letters: int = 0, text: str = "") -> TicketRequest:
    transcript = text or "ä" * letters
    variables = {"transcript": transcript} if transcript else {}
    return TicketRequest(version=1, call_id=f"call {call}", queue=f"queue {call}", variables=variables)


def by_call(requests: list[TicketRequest]) -> list[TicketRequest]:
    return sorted(requests, key=lambda request: request.call_id)


async def test_every_request_small_or_large_is_read_as_it_was_sent(storage: Storage) -> None:
    requests = [request_of(call, letters=30_000 if call % 100 == 7 else 0) for call in range(450)]
    await send_ticket_requests(storage.messages, storage.files, iter(requests))
    sent = storage.sent()
    assert max(map(len, sent)) < 300
    assert len(storage.blobs()) == 5
    read = [await full_request(storage.files, read_message(message)) for message in sent]
    assert by_call(read) == by_call(requests)


async def test_a_message_of_48_kb_is_one_and_a_byte_more_is_a_blob(storage: Storage) -> None:
    spare = LARGEST_MESSAGE - len(as_message(request_of(1, letters=1)))
    fits, larger = (request_of(1, text="ä" + "a" * letters) for letters in (spare, spare + 1))
    assert (len(as_message(fits)), len(as_message(larger))) == (LARGEST_MESSAGE, LARGEST_MESSAGE + 1)
    assert LARGEST_MESSAGE < LARGEST_BODY
    await send_ticket_requests(storage.messages, storage.files, [fits])
    assert (storage.sent(), storage.blobs()) == ([as_message(fits)], [])
    await send_ticket_requests(storage.messages, storage.files, [larger])
    (message,) = storage.sent()
    assert storage.blobs() == [json.loads(message)["body"]]
    assert json.loads(message) == {"version": 1, "callId": larger.call_id, "body": stored_as(larger)[0]}


async def test_a_request_sent_twice_is_one_blob(storage: Storage) -> None:
    for _ in range(2):
        await send_ticket_requests(storage.messages, storage.files, [request_of(1, letters=30_000)])
    assert len(storage.sent()) == 2
    assert len(storage.blobs()) == 1


async def test_without_its_blob_no_message_goes_out() -> None:
    files, messages = MemoryFiles(), MemoryMessages()
    files.down = True
    with pytest.raises(StorageError):
        await send_ticket_requests(messages, files, [request_of(1, letters=30_000)])
    assert messages.sent == {}


async def test_without_a_message_the_blob_is_there_and_sending_again_is_enough() -> None:
    files, messages = MemoryFiles(), MemoryMessages()
    messages.down = True
    requests = [request_of(1), request_of(2, letters=30_000)]
    with pytest.raises(StorageError):
        await send_ticket_requests(messages, files, requests)
    assert [name async for name in files.names(CONTAINER)] == [stored_as(requests[1])[0]]
    messages.down = False
    await send_ticket_requests(messages, files, requests)
    read = [await full_request(files, read_message(message)) for message in messages.sent[QUEUE]]
    assert read == requests


async def test_nothing_to_send_asks_nothing() -> None:
    files, messages = MemoryFiles(), MemoryMessages()
    files.down = messages.down = True
    await send_ticket_requests(messages, files, [])
    assert (files.requests, messages.requests) == (0, 0)


async def test_a_blob_that_is_gone_or_is_another_one_never_becomes_a_request(storage: Storage) -> None:
    request = request_of(1, letters=30_000)
    name, content = stored_as(request)
    reference = reference_to(request, name)
    with pytest.raises(BadTicketRequestError, match="body: there is no such blob"):
        await full_request(storage.files, reference)
    for wrong, problem in [
        (content.replace(b"queue 1", b"queue 2"), "body: the content of the blob is not the one that its name says"),
        (b"x" * (LARGEST_REQUEST + 1), f"body: the file has {LARGEST_REQUEST + 1} bytes; the limit is"),
        (b"\x00", "the message: Invalid JSON"),
    ]:
        await storage.files.write(CONTAINER, name, wrong, "application/json")
        with pytest.raises(BadTicketRequestError, match=problem):
            await full_request(storage.files, reference)
    await storage.files.write(CONTAINER, name, content, "application/json")
    assert await full_request(storage.files, reference) == request


async def test_storage_that_is_down_is_no_fault_of_the_request() -> None:
    files = MemoryFiles()
    files.down = True
    request = request_of(1, letters=30_000)
    with pytest.raises(StorageError):
        await full_request(files, reference_to(request, stored_as(request)[0]))
    assert await full_request(files, request_of(2)) == request_of(2)


@pytest.mark.parametrize("letters", [1, 60_000, LARGEST_MESSAGE - 150], ids=["small", "large", "large with delivery"])
async def test_a_copy_goes_through_a_blob_where_it_is_too_large(letters: int) -> None:
    files, messages = MemoryFiles(), MemoryMessages()
    delivery = Delivery(attempts=1, since=datetime(2027, 3, 1, tzinfo=UTC), token="0a" * 16)
    request = request_of(1, text="x" * letters)
    for _ in range(2):
        await send_copy(messages, files, request.sent_anew(delivery), timedelta(seconds=30))
    assert await messages.receive(QUEUE, hidden=timedelta(0)) == []
    for message in messages.queued(QUEUE):
        read = read_message(message)
        assert len(message) <= LARGEST_MESSAGE
        assert read.delivery == delivery
        assert (await full_request(files, read)).sent_anew(None) == request
        # Once in a blob, the message names it again.
        await send_copy(messages, files, read, timedelta(0))
        assert messages.queued(QUEUE)[-1] == message
    assert len([name async for name in files.names(CONTAINER)]) == (letters > 1)
