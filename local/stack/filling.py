"""Many messages for a queue of the stack, as quickly as the emulator takes them: a request each, several at once."""

import asyncio
import base64
import contextlib
import math
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueSasPermissions, QueueServiceClient, generate_queue_sas

_AT_ONCE = 16
_NEVER_EXPIRES = -1


def fill_queue(connection_string: str, queue: str, bodies: Iterable[bytes], *, visible_at: float | None = None) -> int:
    """Put these messages into the queue, in base64; returns how many.

    Nobody gets any of them before `visible_at`, a `time.time()`: whoever reads the queue then finds all of them at
    once, however long the putting takes. It has to be over by then. Raises RuntimeError when it is not, or when the
    emulator refuses one.
    """
    with QueueServiceClient.from_connection_string(connection_string) as service:
        client = service.get_queue_client(queue)
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        sas = generate_queue_sas(
            str(client.account_name),
            queue,
            service.credential.account_key,
            permission=QueueSasPermissions(add=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        address = f"{client.url}/messages?messagettl={_NEVER_EXPIRES}&{sas}"
    return asyncio.run(_put_all(address, iter(bodies), visible_at))


async def _put_all(address: str, bodies: Iterator[bytes], visible_at: float | None) -> int:
    async with aiohttp.ClientSession() as http:
        counts = await asyncio.gather(*(_put_some(http, address, bodies, visible_at) for _ in range(_AT_ONCE)))
    return sum(counts)


async def _put_some(
    http: aiohttp.ClientSession, address: str, bodies: Iterator[bytes], visible_at: float | None
) -> int:
    count = 0
    for body in bodies:
        text = base64.b64encode(body).decode()
        content = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>"
        async with http.post(f"{address}{_hidden(visible_at)}", data=content) as answer:
            if answer.status != 201:
                raise RuntimeError(f"the emulator did not take a message: {answer.status} {await answer.text()}")
        count += 1
    return count


def _hidden(visible_at: float | None) -> str:
    if visible_at is None:
        return ""
    seconds = math.ceil(visible_at - time.time())
    if seconds <= 0:
        raise RuntimeError("the messages should be visible before all of them are there")
    return f"&visibilitytimeout={seconds}"
