"""Queue triggers: deliver each message until it succeeds, at most maxDequeueCount times, then to the poison queue.

The same listener carries the internal queue of the blob triggers, as in WebJobs
(QueueProcessor, SharedBlobQueueListener).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.bindings import Function
from local.host.execution import Executor
from local.host.polling import OUTAGE_PAUSE, Outage, pause
from local.host.protos import TypedData
from local.host.settings import QueueSettings
from local.host.storage import ensure_queue
from local.host.storage_bindings import decode_message
from local.host.typed_data import Metadata, as_json, properties_of

logger = logging.getLogger(__name__)

HIDDEN_SECONDS = 600
SHORTEST_POLL, LONGEST_POLL = 0.1, 1.0

Handler = Callable[[QueueMessage, str], Awaitable[bool]]


@dataclass(frozen=True)
class QueueListener:
    queues: QueueServiceClient
    queue_name: str
    poison_name: str | None
    settings: QueueSettings
    handle: Handler
    announced: asyncio.Event = field(default_factory=asyncio.Event)  # set by who sends to the queue: it is read at once

    async def run(self, stop: asyncio.Event) -> None:
        """Every message has been offered to the handler until `stop`; returns when the last of them is settled."""
        running: set[asyncio.Task[None]] = set()
        outage = Outage(f"Queue {self.queue_name}")
        interval = SHORTEST_POLL
        while not stop.is_set():
            try:
                messages = await self._receive()
                outage.ended()
            except AzureError as error:
                outage.began(error)
                await pause(stop, OUTAGE_PAUSE)
                continue
            for message in messages:
                task = asyncio.create_task(self._process(message))
                running.add(task)
                task.add_done_callback(running.discard)
            interval = SHORTEST_POLL if messages else min(interval * 2, LONGEST_POLL)
            if not messages:
                await self._pause(stop, interval)
            while len(running) > self.settings.new_batch_threshold and not stop.is_set():
                await asyncio.wait(
                    [*running, stopped := asyncio.ensure_future(stop.wait())], return_when="FIRST_COMPLETED"
                )
                stopped.cancel()
        if running:
            await asyncio.wait(running)

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """The seconds have passed, a message was announced, or the host is stopping."""
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self.announced)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        self.announced.clear()

    @cached_property
    def _queue(self) -> QueueClient:
        # One for all messages: to make it takes nearly as long as a request.
        return self.queues.get_queue_client(self.queue_name)

    async def _receive(self) -> list[QueueMessage]:
        size = self.settings.batch_size
        try:
            # One page only: the pager would go on asking until the queue is empty.
            pages = self._queue.receive_messages(messages_per_page=size, visibility_timeout=HIDDEN_SECONDS).by_page()
            page = await anext(pages, None)
        except ResourceNotFoundError:
            await ensure_queue(self.queues, self.queue_name)
            return []
        return [message async for message in page] if page is not None else []

    async def _process(self, message: QueueMessage) -> None:
        queue = self._queue
        try:
            try:
                text = decode_message(message.content, as_base64=self.settings.base64)
            except ValueError:
                logger.error("Queue %s: message %s is not base64 text", self.queue_name, message.id)  # noqa: TRY400 - no trace
                await self._give_up(queue, message)
                return
            if self.poison_name and (message.dequeue_count or 0) > self.settings.max_dequeue_count:
                await self._give_up(queue, message)
            else:
                await self._settle(queue, message, await self._handle_hidden(queue, message, text))
        except AzureError as error:
            logger.warning("Queue %s: message %s could not be settled: %s", self.queue_name, message.id, error)

    async def _handle_hidden(self, queue: QueueClient, message: QueueMessage, text: str) -> bool:
        renewal = asyncio.create_task(_keep_hidden(queue, message))
        try:
            return await self.handle(message, text)
        except Exception:  # whatever it is, the message must not stay hidden for ten minutes
            logger.exception("Queue %s: message %s could not be handled", self.queue_name, message.id)
            return False
        finally:
            renewal.cancel()

    async def _settle(self, queue: QueueClient, message: QueueMessage, succeeded: bool) -> None:
        if succeeded:
            await queue.delete_message(message)
        elif self.poison_name and (message.dequeue_count or 0) >= self.settings.max_dequeue_count:
            await self._give_up(queue, message)
        else:
            await queue.update_message(message, visibility_timeout=self.settings.visibility_timeout)

    async def _give_up(self, queue: QueueClient, message: QueueMessage) -> None:
        if self.poison_name is None:
            await queue.update_message(message, visibility_timeout=self.settings.visibility_timeout)
            return
        await ensure_queue(self.queues, self.poison_name)
        await self.queues.get_queue_client(self.poison_name).send_message(message.content)
        await queue.delete_message(message)
        logger.error(
            "Message %s of queue %s was moved to queue %s (delivery %s of at most %d)",
            message.id,
            self.queue_name,
            self.poison_name,
            message.dequeue_count,
            self.settings.max_dequeue_count,
        )


async def _keep_hidden(queue: QueueClient, message: QueueMessage) -> None:
    while True:
        await asyncio.sleep(HIDDEN_SECONDS / 2)
        try:
            renewed = await queue.update_message(message, visibility_timeout=HIDDEN_SECONDS)
            message.pop_receipt = renewed.pop_receipt
        except AzureError as error:
            logger.warning("Message %s could not be kept hidden: %s", message.id, error)


def queue_listener(
    function: Function, executor: Executor, queues: QueueServiceClient, settings: QueueSettings
) -> QueueListener:
    """The listener of one queue function."""

    async def handle(message: QueueMessage, text: str) -> bool:
        return (await executor.run(function, TypedData(string=text), queue_metadata(text, message))).succeeded

    name = str(function.trigger["queueName"]).lower()
    # A poison queue has no poison queue of its own (QueueListenerFactory.CreatePoisonQueueReference).
    poison = None if name.endswith("-poison") else f"{name}-poison"
    return QueueListener(queues, name, poison, settings, handle)


def queue_metadata(text: str, message: QueueMessage | None = None) -> Metadata:
    """Trigger metadata of a message; of a text sent through the admin endpoint when there is no message."""
    metadata = properties_of(text) | {"QueueTrigger": TypedData(string=text)}
    if message is None:
        return metadata | {"Id": TypedData(string="admin"), "DequeueCount": as_json(1)}
    metadata |= {
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": as_json(message.dequeue_count),
    }
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return metadata | {name: as_json(time.isoformat()) for name, time in times.items() if time}
