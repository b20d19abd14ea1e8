"""Queue Storage: what one capability asks of another, to be done later and never lost.

`azure.storage.queue` is loaded with the first call. Queues come into being with the first message to them.
"""

import asyncio
import base64
import binascii
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError

from shared.settings import Settings
from shared.storage.connecting import Connecting
from shared.storage.errors import AlreadyThereError, StorageError
from shared.storage.tries import tried

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

LARGEST_BODY = 48 * 1024
"""Bytes. In base64 they are the 64 KiB that a message may have (Queue Storage, "Put Message")."""

LONGEST_DELAY = timedelta(days=7)
"""How long a message may stay hidden ("Put Message", `visibilitytimeout`)."""
PAGE = 32
"""Messages that one request gets at most ("Get Messages", `numofmessages`)."""

_WIDTH = 16
"""Messages that are sent at once: Queue Storage takes one a request, and 2,000 a second for a queue."""
_PATIENCE_SECONDS = 15.0
_NEVER_EXPIRES = -1
"""Without it a message is gone after 7 days, handled or not ("Put Message", `messagettl`)."""

_log = logging.getLogger(__name__)


class _NoSuchQueueError(StorageError):
    """The queue does not exist yet."""


class _NoSuchMessageError(StorageError):
    """The message is gone, or somebody else got it since."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that is hidden from others for a while; `receipt` is good for removing it as long as nobody else gets
    it."""

    id: str
    receipt: str
    body: bytes
    """What base64 stands for; text that is none is taken as it is, in UTF-8."""


class Messages:
    """The queues of one storage account. A message never expires.

    Every call raises StorageError when storage does not answer or refuses; a message may then have been sent or not.
    A message whose answer was lost is sent again: its reader has to take the same message twice for once.
    """

    def __init__(self, connect: "Callable[[], QueueServiceClient]") -> None:
        self._service = Connecting("queue storage", connect)

    async def send(self, queue: str, body: bytes, *, delay: timedelta = timedelta(0)) -> None:
        """Put a message at the end of the queue, in base64 as a queue trigger reads it (host.json, `messageEncoding`).

        Nobody gets it before the delay, in whole seconds, is over. Raises ValueError for more than `LARGEST_BODY`
        bytes and for a delay above `LONGEST_DELAY`.
        """
        check_size(body)
        check_delay(delay)
        hidden = math.ceil(delay.total_seconds())
        put = partial(_put, text=base64.b64encode(body).decode("ascii"), hidden=hidden)
        try:
            await self._run(queue, put)
        except _NoSuchQueueError:
            await self._create(queue)
            await self._run(queue, put)

    async def send_many(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Put messages at the end of the queue, several at once and in any order.

        After a failure no further one is begun; it is raised when those under way are settled. Repeat it all after a
        StorageError. Raises ValueError before anything is sent when one has more than `LARGEST_BODY` bytes.
        """
        for body in bodies:
            check_size(body)
        waiting = iter(bodies)
        failures: list[StorageError] = []

        async def send_next() -> None:
            for body in waiting:
                try:
                    await self.send(queue, body)
                except StorageError as error:
                    failures.append(error)
                if failures:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_WIDTH, len(bodies))):
                group.create_task(send_next())
        if failures:
            raise failures[0]

    async def receive(self, queue: str, *, hidden: timedelta, most: int = PAGE) -> list[ReceivedMessage]:
        """Up to `PAGE` messages of the queue, hidden from others for a while; none where there is no queue.

        There may be more even where fewer than `most` came.
        """
        received: list[ReceivedMessage] = []

        async def get(client: "QueueClient") -> None:
            # One page only: the pager would go on asking until the queue is empty.
            pages = client.receive_messages(
                messages_per_page=min(most, PAGE), visibility_timeout=math.ceil(hidden.total_seconds())
            ).by_page()
            page = await anext(pages, None)
            if page is not None:
                received[:] = [
                    ReceivedMessage(each.id, each.pop_receipt or "", _decoded(each.content)) async for each in page
                ]

        try:
            await self._run(queue, get)
        except _NoSuchQueueError:
            return []
        return received

    async def delete(self, queue: str, message: ReceivedMessage) -> bool:
        """Remove a message. False when it is gone already, or somebody else got it since."""

        async def remove(client: "QueueClient") -> None:
            await client.delete_message(message.id, message.receipt)

        try:
            await self._run(queue, remove)
        except (_NoSuchQueueError, _NoSuchMessageError):
            return False
        return True

    async def count(self, queue: str) -> int:
        """About how many messages the queue holds, hidden ones too ("Get Queue Metadata": never less than that)."""
        found = 0

        async def ask(client: "QueueClient") -> None:
            nonlocal found
            found = (await client.get_queue_properties()).approximate_message_count or 0

        try:
            await self._run(queue, ask)
        except _NoSuchQueueError:
            return 0
        return found

    def load_ahead(self) -> None:
        """In a moment, import and set up what the first call needs, on a thread. No request is made."""
        self._service.load_ahead()

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._service.value is not None:
            await self._service.value.close()

    async def _create(self, queue: str) -> None:
        async def create(client: "QueueClient") -> None:
            await client.create_queue()

        try:
            await self._run(queue, create)
        except AlreadyThereError:
            return
        _log.info("Queue %s is created", queue)

    async def _run(self, queue: str, operation: "Callable[[QueueClient], Awaitable[None]]") -> None:
        client = (await self._service.get()).get_queue_client(queue)
        await tried("queue storage", partial(operation, client), _translated, patience=_PATIENCE_SECONDS)


def check_size(body: bytes) -> None:
    """Raises ValueError for a body that no message can hold."""
    if len(body) > LARGEST_BODY:
        raise ValueError(f"the message has {len(body)} bytes; the limit is {LARGEST_BODY}")


def check_delay(delay: timedelta) -> None:
    """Raises ValueError for a delay that no message can have."""
    if not timedelta(0) <= delay <= LONGEST_DELAY:
        raise ValueError(f"a message cannot wait for {delay}; the limit is {LONGEST_DELAY}")


async def _put(client: "QueueClient", *, text: str, hidden: int) -> None:
    await client.send_message(text, time_to_live=_NEVER_EXPIRES, visibility_timeout=hidden or None)


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return content.encode()


def _translated(error: AzureError) -> StorageError:
    code = getattr(error, "error_code", None)
    code = str(getattr(code, "value", code) or type(error).__name__)
    if not isinstance(error, HttpResponseError):
        return StorageError(f"queue storage failed: {code}")
    match error.status_code, code:
        case 404, "QueueNotFound":
            return _NoSuchQueueError("no such queue")
        case 404, _:
            return _NoSuchMessageError("no such message")
        case 400, "PopReceiptMismatch":
            return _NoSuchMessageError("somebody else got the message")
        case _, "QueueAlreadyExists":  # 204 where it has the same metadata, else 409
            return AlreadyThereError("it is there already")
        case status, _:
            return StorageError(f"queue storage failed: {status} {code}")


def open_messages(settings: Settings) -> Messages:
    """The queues of the account that AzureWebJobsStorage names. No request is made yet."""

    def connect() -> "QueueServiceClient":
        from azure.storage.queue.aio import QueueServiceClient

        # `tried` repeats, by its own patience. The app's other clients do not look for proxies and netrc either.
        options: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": 3,
            "read_timeout": 10,
            "use_env_settings": False,
        }
        if settings.storage_connection_string is not None:
            connection = settings.storage_connection_string.get_secret_value()
            return QueueServiceClient.from_connection_string(connection, **options)
        from azure.identity.aio import ManagedIdentityCredential

        client_id = settings.storage_client_id or settings.managed_identity_client_id
        credential = ManagedIdentityCredential(client_id=client_id)
        return QueueServiceClient(settings.queue_service_url or "", credential=credential, **options)

    return Messages(connect)
