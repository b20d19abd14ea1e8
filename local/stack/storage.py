"""What is in storage before the app starts."""

from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

CONTAINERS = ("schedules", "schedule-reports", "schedule-archive", "config", "ticket-bodies")
QUEUES = ("tickets",)


async def fill_storage(connection_string: str, config_dir: Path) -> None:
    """The containers and queues exist; every file below `config_dir` is in `config`, where it was absent."""
    async with BlobServiceClient.from_connection_string(connection_string) as blobs:
        for container in CONTAINERS:
            await _create_container(blobs, container)
        for name, content in _documents(config_dir):
            await _upload_if_absent(blobs, name, content)
    async with QueueServiceClient.from_connection_string(connection_string) as queues:
        for queue in QUEUES:
            await _create_queue(queues, queue)


def _documents(config_dir: Path) -> list[tuple[str, bytes]]:
    files = sorted(path for path in config_dir.rglob("*") if path.is_file())
    return [(path.relative_to(config_dir).as_posix(), path.read_bytes()) for path in files]


async def _create_container(blobs: BlobServiceClient, name: str) -> None:
    try:
        await blobs.create_container(name)
    except ResourceExistsError:
        return


async def _create_queue(queues: QueueServiceClient, name: str) -> None:
    try:
        await queues.create_queue(name)
    except ResourceExistsError:
        return


async def _upload_if_absent(blobs: BlobServiceClient, name: str, content: bytes) -> None:
    try:
        await blobs.get_blob_client("config", name).upload_blob(content, overwrite=False)
    except ResourceExistsError:
        return
