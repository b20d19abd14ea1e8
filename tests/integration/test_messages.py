"""Queues, on Azurite: what is sent arrives, stays for good, and is what a queue trigger reads."""

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueServiceClient

from local.host.queue_trigger import QueueListener
from local.host.settings import read_host_settings
from shared.settings import Settings
from shared.storage.errors import StorageError
from shared.storage.messages import LARGEST_BODY, LONGEST_DELAY, Messages, open_messages
from tests.integration.relay import Relay, relayed
from tests.memory_storage import MemoryMessages

ROOT = Path(__file__).parents[2]
NOBODY = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a;"

_number = count()


def opened(connection: str) -> Messages:
    return open_messages(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


@pytest.fixture
async def messages(storage: str) -> AsyncIterator[Messages]:
    real = opened(storage)
    yield real
    await real.close()


@pytest.fixture
async def queues(storage: str) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(storage, use_env_settings=False) as service:
        yield service


@pytest.fixture
def queue() -> str:
    """A queue that is not there yet."""
    return f"test-{next(_number)}"


@asynccontextmanager
async def behind(relay: Relay, storage: str) -> AsyncIterator[Messages]:
    async with relayed(storage, "Queue", relay) as connection:
        messages = opened(connection)
        yield messages
        await messages.close()


async def received(queues: QueueServiceClient, queue: str) -> list[QueueMessage]:
    """The messages of the queue; they are hidden from the next look."""
    found = queues.get_queue_client(queue).receive_messages(messages_per_page=32, visibility_timeout=600)
    return [message async for message in found]


async def bodies_of(queues: QueueServiceClient, queue: str) -> list[bytes]:
    return sorted(base64.b64decode(message.content, validate=True) for message in await received(queues, queue))


BODIES = {
    "json": b'{"version":1,"callId":"x"}',
    "nothing": b"",
    "every byte": bytes(range(256)),
    "umlauts": 'Müller <漢字> & "quoted"\n'.encode(),
    "the largest": b"\xff" * LARGEST_BODY,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_is_sent_arrives_and_never_expires(
    messages: Messages, queues: QueueServiceClient, queue: str, body: bytes
) -> None:
    await messages.send(queue, body)
    (message,) = await received(queues, queue)
    assert base64.b64decode(message.content, validate=True) == body
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


async def test_a_body_that_no_message_can_hold_is_refused_before_anything_is_sent(
    messages: Messages, queues: QueueServiceClient, queue: str
) -> None:
    await messages.send(queue, b"first")
    with pytest.raises(ValueError, match="49153 bytes; the limit is 49152"):
        await messages.send(queue, bytes(LARGEST_BODY + 1))
    with pytest.raises(ValueError, match="the limit is 49152"):
        await messages.send_many(queue, [b"second", bytes(LARGEST_BODY + 1)])
    assert await bodies_of(queues, queue) == [b"first"]


async def test_the_queue_trigger_of_the_host_reads_what_was_sent(
    messages: Messages, queues: QueueServiceClient, queue: str
) -> None:
    texts = ['{"queue": "Kundendienst Köln"}', "漢字", "+358 <&>"]
    await messages.send_many(queue, [text.encode() for text in texts])
    read: list[str] = []
    stop = asyncio.Event()

    async def handle(_message: QueueMessage, text: str) -> bool:
        read.append(text)
        if len(read) == len(texts):
            stop.set()
        return True

    settings = read_host_settings(ROOT, {}).queues
    async with asyncio.timeout(10):
        await QueueListener(queues, queue, f"{queue}-poison", settings, handle).run(stop)
    assert sorted(read) == sorted(texts)
    assert await received(queues, queue) == []


async def test_many_messages_to_a_queue_that_is_not_there_all_arrive_once(
    messages: Messages, queues: QueueServiceClient, queue: str
) -> None:
    bodies = sorted(f"{number}".encode() for number in range(200))
    await messages.send_many(queue, bodies)
    assert await bodies_of(queues, queue) == bodies


async def test_no_messages_need_no_request_and_no_queue() -> None:
    messages = opened(NOBODY)
    await messages.send_many("test", [])
    await messages.close()


async def test_messages_are_sent_at_once_but_not_all(storage: str, messages: Messages, queue: str) -> None:
    await messages.send(queue, b"first")
    under_way, most = 0, 0

    class Slow(Relay):
        async def _pass_on(self, request: web.Request) -> web.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            return await super()._pass_on(request)

    async with behind(Slow("none", on=0), storage) as slow:
        await slow.send_many(queue, [b"x"] * 80)
    assert 8 <= most <= 16


@pytest.mark.parametrize(("fault", "arrived"), [("503", 1), ("answer lost", 2)])
async def test_a_message_whose_answer_was_lost_is_sent_again(
    storage: str, messages: Messages, queues: QueueServiceClient, queue: str, fault: str, arrived: int
) -> None:
    await messages.send(queue, b"first")
    assert await bodies_of(queues, queue) == [b"first"]
    async with behind(Relay(fault), storage) as relayed_messages:
        await relayed_messages.send(queue, b"second")
    assert (await bodies_of(queues, queue)).count(b"second") == arrived


async def test_a_failure_is_told_when_the_others_are_settled_and_repeating_sends_all(
    storage: str, messages: Messages, queues: QueueServiceClient, queue: str
) -> None:
    await messages.send(queue, b"000")
    bodies = sorted(f"{number:03}".encode() for number in range(1, 121))

    class OneRefused(Relay):
        async def _answer(self, request: web.Request) -> web.StreamResponse:
            self.requests += 1
            if self.requests == 40:
                return web.Response(status=403, headers={"x-ms-error-code": "AuthorizationFailure"})
            await asyncio.sleep(0.01)
            return await self._pass_on(request)

    relay = OneRefused("none", on=0)
    async with behind(relay, storage) as refusing:
        with pytest.raises(StorageError, match="queue storage failed: 403 AuthorizationFailure"):
            await refusing.send_many(queue, bodies)
        begun = relay.requests
        await asyncio.sleep(0.1)
        assert relay.requests == begun
    arrived = await bodies_of(queues, queue)
    assert len(arrived) == begun < 60  # the refused one less, the first one more
    await messages.send_many(queue, bodies)
    assert await bodies_of(queues, queue) == bodies


async def test_an_outage_is_a_storage_error_after_three_tries_and_soon(storage: str, queue: str) -> None:
    relay = Relay("always 500")
    async with behind(relay, storage) as messages:
        started = time.monotonic()
        with pytest.raises(StorageError, match="queue storage failed: 500"):
            await messages.send(queue, b"x")
        assert relay.requests == 3
        with pytest.raises(StorageError, match="queue storage failed: 500"):
            await messages.send_many(queue, [b"x"] * 1000)
        assert relay.requests <= 3 + 16 * 3
        assert time.monotonic() - started < 4


async def test_storage_that_hangs_is_a_storage_error(storage: str, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.messages._PATIENCE_SECONDS", 0.5)
    async with behind(Relay("hangs"), storage) as messages:
        with pytest.raises(StorageError, match="queue storage did not answer within"):
            await messages.send(queue, b"x")


async def test_nobody_there_is_a_storage_error_soon() -> None:
    messages = opened(NOBODY)
    started = time.monotonic()
    with pytest.raises(StorageError, match="queue storage failed: ServiceRequestError"):
        await messages.send("test", b"x")
    assert time.monotonic() - started < 2
    await messages.close()


async def test_the_double_keeps_what_was_sent_and_can_be_down_too() -> None:
    memory = MemoryMessages()
    await memory.send("test", b"1")
    await memory.send_many("test", [b"2", b"3"])
    assert memory.sent == {"test": [b"1", b"2", b"3"]}
    memory.down = True
    with pytest.raises(StorageError):
        await memory.send("test", b"4")
    with pytest.raises(StorageError):
        await memory.send_many("test", [b"4"])
    with pytest.raises(ValueError, match="the limit is"):
        await memory.send_many("test", [bytes(LARGEST_BODY + 1)])
    assert memory.sent == {"test": [b"1", b"2", b"3"]}


def test_the_library_is_loaded_with_the_first_call_only() -> None:
    told = "import shared.gateways, sys; print([name for name in sys.modules if name.startswith('azure.storage')])"
    loaded = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


async def test_the_environment_names_no_proxy_for_queues(
    messages: Messages, queues: QueueServiceClient, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    await messages.send(queue, b"x")
    assert await bodies_of(queues, queue) == [b"x"]


HIDDEN = timedelta(seconds=30)


@pytest.fixture(params=["azurite", "memory"])
def either(request: pytest.FixtureRequest, messages: Messages) -> Messages | MemoryMessages:
    """The real queues and their double."""
    return messages if request.param == "azurite" else MemoryMessages()


async def test_a_page_is_received_hidden_and_removed(either: Messages | MemoryMessages, queue: str) -> None:
    assert await either.receive(queue, hidden=HIDDEN) == []
    assert await either.count(queue) == 0
    bodies = sorted(f"{number}".encode() for number in range(40))
    await either.send_many(queue, bodies)
    first, second = await either.receive(queue, hidden=HIDDEN), await either.receive(queue, hidden=HIDDEN)
    assert (len(first), len(second)) == (32, 8)
    assert sorted(each.body for each in (*first, *second)) == bodies
    assert await either.receive(queue, hidden=HIDDEN) == []
    assert await either.count(queue) == 40
    assert await either.delete(queue, first[0])
    assert not await either.delete(queue, first[0])
    assert await either.count(queue) == 39


async def test_who_was_succeeded_removes_nothing(either: Messages | MemoryMessages, queue: str) -> None:
    await either.send(queue, b"x")
    (first,) = await either.receive(queue, hidden=timedelta(seconds=1))
    await asyncio.sleep(1.2)
    (second,) = await either.receive(queue, hidden=HIDDEN, most=1)
    assert first.id == second.id
    assert not await either.delete(queue, first)
    assert await either.delete(queue, second)


async def test_a_message_with_a_delay_comes_later(either: Messages | MemoryMessages, queue: str) -> None:
    await either.send(queue, b"later", delay=timedelta(seconds=0.4))
    await either.send(queue, b"now")
    await either.send(queue, b"in a week", delay=LONGEST_DELAY)
    assert [each.body for each in await either.receive(queue, hidden=HIDDEN)] == [b"now"]
    await asyncio.sleep(1.2)
    assert [each.body for each in await either.receive(queue, hidden=HIDDEN)] == [b"later"]
    assert await either.count(queue) == 3
    for delay in (LONGEST_DELAY + timedelta(seconds=1), timedelta(seconds=-1)):
        with pytest.raises(ValueError, match="the limit is 7 days"):
            await either.send(queue, b"x", delay=delay)


async def test_text_that_is_not_base64_is_taken_as_it_is(
    messages: Messages, queues: QueueServiceClient, queue: str
) -> None:
    await messages.send(queue, b"x")
    await queues.get_queue_client(queue).send_message('{"callId": "Köln"}')
    found = await messages.receive(queue, hidden=HIDDEN)
    assert [each.body for each in found] == [b"x", '{"callId": "Köln"}'.encode()]
