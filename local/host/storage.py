"""Clients of the storage accounts that bindings name as connections."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.host.errors import StartError

HOST_CONNECTION = "AzureWebJobsStorage"
HOST_CONTAINER = "azure-webjobs-hosts"
# The SDK's default waits up to a minute between tries; on one machine an outage is over when the emulator is back.
_RETRIES: dict[str, Any] = {"retry_total": 3, "initial_backoff": 0.5, "increment_base": 0, "random_jitter_range": 0}
# With each request the SDK would look for ~/.netrc and for proxies, which takes nearly as long as all the rest.
_NO_LOOKING: dict[str, Any] = {"use_env_settings": False}
# The app's functions share this event loop: a blob of 32 MiB in one step would keep them all waiting.
_SMALL_STEPS: dict[str, Any] = {"max_single_get_size": 1024 * 1024, "max_chunk_get_size": 1024 * 1024}


class Connections:
    """One blob and one queue client for each connection name, made on first use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._blobs: dict[str, BlobServiceClient] = {}
        self._queues: dict[str, QueueServiceClient] = {}

    def blobs(self, connection: str) -> BlobServiceClient:
        if connection not in self._blobs:
            text = self._connection_string(connection)
            options = _SMALL_STEPS | _RETRIES | _NO_LOOKING
            self._blobs[connection] = BlobServiceClient.from_connection_string(text, **options)
        return self._blobs[connection]

    def queues(self, connection: str) -> QueueServiceClient:
        if connection not in self._queues:
            text = self._connection_string(connection)
            self._queues[connection] = QueueServiceClient.from_connection_string(text, **_RETRIES, **_NO_LOOKING)
        return self._queues[connection]

    async def check(self, connection: str) -> None:
        """Blob and queue storage of this connection answer; otherwise StartError says what does not."""
        try:
            services = (self.blobs(connection), self.queues(connection))
        except ValueError as error:
            raise StartError(f"The setting {connection} is not a usable connection string: {error}") from error
        for service in services:
            try:
                await service.get_service_properties(retry_total=0, connection_timeout=3)
            except AzureError as error:
                reason = str(error).splitlines()[0]
                raise StartError(
                    f"Storage at {service.url} (setting {connection}) does not answer: {reason}"
                ) from error

    async def close(self) -> None:
        for blobs in self._blobs.values():
            await blobs.close()
        for queues in self._queues.values():
            await queues.close()

    def _connection_string(self, connection: str) -> str:
        # The host looks for the name with its own prefix first (IConfiguration.GetWebJobsConnectionStringSection).
        text = self._environ.get(f"AzureWebJobs{connection}") or self._environ.get(connection)
        if not text:
            raise StartError(f"The setting {connection} is missing: it must hold a storage connection string.")
        return text


async def ensure_container(blobs: BlobServiceClient, name: str) -> None:
    """The container exists."""
    try:
        await blobs.create_container(name)
    except ResourceExistsError:
        return


async def ensure_queue(queues: QueueServiceClient, name: str) -> None:
    """The queue exists."""
    try:
        await queues.create_queue(name)
    except ResourceExistsError:
        return
