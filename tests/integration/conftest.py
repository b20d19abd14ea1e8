"""Real parts for the tests in this folder: the simulators of Dataverse and Enreach as processes, and Azurite."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from local.dataverse.environment import Environment
from local.enreach.environment import Environment as EnreachEnvironment
from local.stack.ports import DATAVERSE, ENREACH, free_ports
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from tests.azurite import Azurite
from tests.integration.calls_site import CallsSite
from tests.integration.enreach import Enreach, enreach_client
from tests.integration.tokens import Tokens
from tests.plain_http import PLAIN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    with _served("local.dataverse", free_ports()[DATAVERSE.variable]) as address:
        yield address


@pytest.fixture(scope="session")
def enreach_simulator() -> Iterator[str]:
    with _served("local.enreach", free_ports()[ENREACH.variable]) as address:
        yield address


@contextmanager
def _served(module: str, port: int) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", module, "--port", str(port)], cwd=ROOT,
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
    """The control surface of a simulator that is as it was at its start."""
    with httpx.Client(base_url=f"{simulator}/__sim/", trust_env=False, verify=PLAIN) as http:
        http.post("environment", json=Environment().as_json()).raise_for_status()
        http.post("reset").raise_for_status()
        yield http
        http.delete("faults")


@pytest.fixture
def enreach(enreach_simulator: str) -> Iterator[Enreach]:
    """The control surface of an Enreach simulator that is as it was at its start."""
    with httpx.Client(base_url=enreach_simulator, trust_env=False, verify=PLAIN, timeout=30) as http:
        surface = Enreach(enreach_simulator, http)
        surface.switch(**EnreachEnvironment().as_json())
        surface.sent("reset", {})
        yield surface
        http.delete("/__sim/faults")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
async def dataverse(simulator: str, control: httpx.Client, tokens: Tokens) -> AsyncIterator[DataverseClient]:
    client = DataverseClient(simulator, TokenCache(tokens.fetch))
    yield client
    await client.close()


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallsSite]:
    """A contact centre without calls."""
    client = enreach_client(enreach.address)
    site = CallsSite(dataverse, client, simulator, enreach.address)
    site.start()
    yield site
    site.close()
    await client.close()


@pytest.fixture(scope="module")
def storage(azurite: Azurite) -> str:
    """A connection string of Azurite's blob and table services, with empty containers and no table."""
    connection = azurite.fresh_account()
    with BlobServiceClient.from_connection_string(connection, retry_total=0) as blobs:
        for container in ("schedules", "schedule-reports", "schedule-archive", "config"):
            blobs.create_container(container)
    return connection
