"""Real parts for the tests in this folder: the Dataverse simulator as a process of its own, and Azurite."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.stack.ports import BLOB, DATAVERSE, free_ports
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
    """A connection string of Azurite's blob service, empty."""
    ports = free_ports()
    command = [str(ROOT / "node_modules" / ".bin" / "azurite-blob"), "--inMemoryPersistence", "--silent",
               "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(ports[BLOB.variable])]  # fmt: skip
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
        yield connection
    finally:
        process.terminate()
        process.wait(timeout=20)
