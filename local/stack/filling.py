"""Many messages for a queue of the stack, as quickly as the emulator takes them: a request each, several at once."""

import asyncio
import base64
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched

import aiohttp
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient, QueueSasPermissions, generate_queue_sas

_AT_ONCE = 16
_NEVER_EXPIRES = -1
_PORTION = 150
"""With every request the emulator looks through all messages of the queue, so it is never given many at a time."""
_POLL_SECONDS = 0.2


def fill_queue(connection_string: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Put these messages into the queue, in base64. Raises RuntimeError when the emulator refuses one."""
    with QueueClient.from_connection_string(connection_string, queue) as client:
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        _fill(client, bodies)


def drain_through_queue(connection_string: str, queue: str, bodies: Sequence[bytes], seconds: float) -> None:
    """Put any number of messages into the queue, a further portion whenever fewer than that are left in it, and wait
    until it is empty. Raises RuntimeError when it is not in so many seconds."""
    until = time.monotonic() + seconds
    with QueueClient.from_connection_string(connection_string, queue) as client:
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        for portion in batched(bodies, _PORTION, strict=False):
            _wait_until_below(client, _PORTION, until)
            _fill(client, portion)
        _wait_until_below(client, 1, until)


def _wait_until_below(client: QueueClient, most: int, until: float) -> None:
    # Messages that are hidden while they are worked on count too ("Get Queue Metadata").
    while (left := client.get_queue_properties().approximate_message_count or 0) >= most:
        if time.monotonic() > until:
            raise RuntimeError(f"{left} messages are still in the queue {client.queue_name}")
        time.sleep(_POLL_SECONDS)


def _fill(client: QueueClient, bodies: Sequence[bytes]) -> None:
    sas = generate_queue_sas(
        str(client.account_name),
        client.queue_name,
        client.credential.account_key,
        permission=QueueSasPermissions(add=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    asyncio.run(_put_all(f"{client.url}/messages?messagettl={_NEVER_EXPIRES}&{sas}", bodies))


async def _put_all(address: str, bodies: Sequence[bytes]) -> None:
    waiting = iter(bodies)

    async def put_some(http: aiohttp.ClientSession) -> None:
        for body in waiting:
            text = base64.b64encode(body).decode()
            content = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>"
            async with http.post(address, data=content) as answer:
                if answer.status != 201:
                    raise RuntimeError(f"the emulator did not take a message: {answer.status} {await answer.text()}")

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(put_some(http) for _ in range(_AT_ONCE)))
