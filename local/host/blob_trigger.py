"""Blob triggers: find new blobs by listing, hand them over through an internal queue, remember them by receipts.

    list containers -> message on the internal queue -> receipt -> queue listener -> the function -> done
                                                                        5 failures -> webjobs-blobtrigger-poison

As in WebJobs: the message is written before the receipt (a crash between the two runs the function twice), a blob
whose ETag changed meanwhile is dropped and found again, a blob that is gone is ignored. A blob function with source
EventGrid is served the same way: there are no events on one machine. Receipts and the internal queue live in the
account of the blobs.
"""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueServiceClient

from local.host.bindings import Function, literal_prefix, path_pattern, split_path
from local.host.execution import Executor
from local.host.polling import OUTAGE_PAUSE, Outage, pause
from local.host.protos import TypedData
from local.host.queue_trigger import QueueListener
from local.host.settings import HostSettings
from local.host.storage import HOST_CONTAINER, ensure_container, ensure_queue
from local.host.storage_bindings import encode_message
from local.host.typed_data import Metadata, as_json

logger = logging.getLogger(__name__)

POISON_QUEUE = "webjobs-blobtrigger-poison"
SCAN_SECONDS = 0.25
_CONCURRENT_RECEIPTS = 16


@dataclass(frozen=True)
class BlobFunction:
    """A blob-triggered function and what its path means."""

    function: Function
    container: str
    prefix: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, function: Function) -> "BlobFunction":
        container, template = split_path(function.trigger["path"])
        return cls(function, container, literal_prefix(template), path_pattern(template or "{name}"))


@dataclass(frozen=True)
class BlobListener:
    """All blob functions of one connection."""

    functions: Sequence[BlobFunction]
    executor: Executor
    blobs: BlobServiceClient
    queues: QueueServiceClient
    settings: HostSettings
    _receipts: set[str] = field(default_factory=set)
    _announced: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Every blob version found until `stop` has been offered to its functions; returns when the last is settled."""
        await asyncio.gather(self._scan_until(stop), self._internal_queue().run(stop))

    async def prepare(self) -> None:
        """The containers and queues exist, and the receipts of earlier starts are known."""
        for container in {HOST_CONTAINER, *(item.container for item in self.functions)}:
            await ensure_container(self.blobs, container)
        await ensure_queue(self.queues, self._queue_name)
        receipts = self.blobs.get_container_client(HOST_CONTAINER).list_blob_names(
            name_starts_with=self._receipt_folder
        )
        async for name in receipts:
            self._receipts.add(name)

    @property
    def _queue_name(self) -> str:
        return f"azure-webjobs-blobtrigger-{self.settings.host_id}"

    @property
    def _receipt_folder(self) -> str:
        return f"blobreceipts/{self.settings.host_id}/"

    async def _scan_until(self, stop: asyncio.Event) -> None:
        outage = Outage("Blob trigger")
        clock = asyncio.get_running_loop()
        while not stop.is_set():
            started = clock.time()
            try:
                for function in self.functions:
                    await self._scan(function)
                outage.ended()
                # A listing of many thousand blobs takes its time: leave the event loop to the functions most of it.
                await pause(stop, max(SCAN_SECONDS, 4 * (clock.time() - started)))
            except AzureError as error:
                outage.began(error)
                await pause(stop, OUTAGE_PAUSE)

    async def _scan(self, function: BlobFunction) -> None:
        container = self.blobs.get_container_client(function.container)
        found: list[tuple[BlobProperties, str]] = []
        try:
            async for blob in container.list_blobs(name_starts_with=function.prefix or None):
                receipt = self._receipt_name(function, blob)
                if receipt not in self._receipts and function.pattern.fullmatch(blob.name):
                    found.append((blob, receipt))
        except ResourceNotFoundError:
            await ensure_container(self.blobs, function.container)
        for start in range(0, len(found), _CONCURRENT_RECEIPTS):
            batch = found[start : start + _CONCURRENT_RECEIPTS]
            await asyncio.gather(*(self._announce(function, blob, receipt) for blob, receipt in batch))

    def _receipt_name(self, function: BlobFunction, blob: BlobProperties) -> str:
        # A digest, because a blob name may already have the 1024 characters that a receipt's name may have.
        key = "\n".join((_bare(blob.etag), function.container, blob.name))
        return f"{self._receipt_folder}{function.function.name}/{hashlib.sha256(key.encode()).hexdigest()}"

    async def _announce(self, function: BlobFunction, blob: BlobProperties, receipt: str) -> None:
        message = {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{function.function.name}",
            "BlobType": getattr(blob.blob_type, "value", str(blob.blob_type)),
            "ContainerName": function.container,
            "BlobName": blob.name,
            "ETag": f'"{_bare(blob.etag)}"',
        }
        text = encode_message(json.dumps(message), as_base64=self.settings.queues.base64)
        await self.queues.get_queue_client(self._queue_name).send_message(text)
        await self.blobs.get_blob_client(HOST_CONTAINER, receipt).upload_blob(b"", overwrite=True)
        self._receipts.add(receipt)
        self._announced.set()

    def _internal_queue(self) -> QueueListener:
        batch = max(1, self.settings.blob_parallelism // 2)
        settings = replace(
            self.settings.queues,
            batch_size=batch,
            new_batch_threshold=self.settings.blob_parallelism - batch,
            visibility_timeout=0,
            max_dequeue_count=self.settings.poison_blob_threshold,
        )
        return QueueListener(self.queues, self._queue_name, POISON_QUEUE, settings, self._handle, self._announced)

    async def _handle(self, _message: QueueMessage, text: str) -> bool:
        event = json.loads(text)
        known = {f"Host.Functions.{item.function.name}": item for item in self.functions}
        function = known.get(event["FunctionId"])
        if function is None:
            logger.warning("Blob %s was found for %s, which is no longer here", event["BlobName"], event["FunctionId"])
            return True
        return await run_for_blob(function, self.executor, self.blobs, event["BlobName"], etag=event["ETag"])


async def run_for_blob(
    function: BlobFunction, executor: Executor, blobs: BlobServiceClient, name: str, *, etag: str | None = None
) -> bool:
    """The function ran with this blob, or there was nothing to run: the blob is gone or has another ETag by now."""
    client = blobs.get_blob_client(function.container, name)
    try:
        if etag is None:
            download = await client.download_blob()
        else:
            download = await client.download_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
        content = await download.readall()
    except (ResourceNotFoundError, ResourceModifiedError):
        logger.info("Blob %s/%s is gone or changed before it was read; nothing to run", function.container, name)
        return True
    metadata = blob_metadata(function, client.url, download.properties)
    return (await executor.run(function.function, TypedData(bytes=content), metadata)).succeeded


def blob_metadata(function: BlobFunction, url: str, properties: BlobProperties) -> Metadata:
    """Trigger metadata of a blob: its place, its properties in .NET's spelling, the parameters of the path."""
    name = str(properties.name)
    match = function.pattern.fullmatch(name)
    modified: datetime | None = properties.last_modified
    return {parameter: TypedData(string=value) for parameter, value in (match.groupdict() if match else {}).items()} | {
        "BlobTrigger": TypedData(string=f"{function.container}/{name}"),
        "Uri": as_json(url),
        "Properties": as_json(
            {
                "ContentLength": properties.size,
                "LastModified": modified.isoformat() if modified else None,
                "ETag": f'"{_bare(properties.etag)}"',
                "ContentType": properties.content_settings.content_type,
            }
        ),
        "Metadata": as_json(dict(properties.metadata or {})),
    }


def blob_functions(functions: Iterable[Function]) -> dict[str, list[BlobFunction]]:
    """The blob-triggered functions by connection."""
    groups: dict[str, list[BlobFunction]] = {}
    for function in functions:
        if function.kind == "blobTrigger":
            groups.setdefault(function.trigger["connection"], []).append(BlobFunction.of(function))
    return groups


def _bare(etag: str) -> str:
    return etag.strip('"')
