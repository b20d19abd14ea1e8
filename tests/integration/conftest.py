"""Real parts for the tests in this folder: the Dataverse simulator as a process of its own, and Azurite."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.stack.ports import BLOB, DATAVERSE, QUEUE, TABLE, free_ports
from local.stack.settings import stack_addresses
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from tests.integration.tokens import Tokens

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    port = free_ports()[DATAVERSE.variable]
    process = subprocess.Popen([sys.executable, "-m", "local.dataverse", "--port", str(port)], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def control(simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{simulator}/__sim/", trust_env=False) as http:
        assert http.post("reset").is_success
        yield http
        http.delete("faults")
        http.post("environment", json={"strictTokens": False})


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
async def dataverse(simulator: str, control: httpx.Client, tokens: Tokens) -> AsyncIterator[DataverseClient]:
    client = DataverseClient(simulator, TokenCache(tokens.fetch))
    yield client
    await client.close()


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """A connection string of Azurite's blob and table services, with empty containers and no table."""
    ports = free_ports()
    command = [str(ROOT / "node_modules" / ".bin" / "azurite"), "--inMemoryPersistence", "--silent",
               "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(ports[BLOB.variable]),
               "--queuePort", str(ports[QUEUE.variable]), "--tablePort", str(ports[TABLE.variable])]  # fmt: skip
    process = subprocess.Popen(command)
    connection = stack_addresses(ports)["AzureWebJobsStorage"]
    try:
        with BlobServiceClient.from_connection_string(connection, retry_total=0) as blobs:
            for _ in range(200):
                try:
                    blobs.create_container("ready")
                except Exception:  # noqa: BLE001 - it is not up yet, whatever that looks like
                    time.sleep(0.1)
                else:
                    break
            for container in ("schedules", "schedule-reports", "schedule-archive", "config"):
                blobs.create_container(container)
        # Azurite starts its services one after the other, tables last.
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", ports[TABLE.variable])) == 0:
                    break
            time.sleep(0.05)
        yield connection
    finally:
        process.terminate()
        process.wait(timeout=20)
