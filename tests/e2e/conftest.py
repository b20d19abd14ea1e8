"""End to end: these tests know a running stack by its ports and nothing of the app's code.

They write blobs and send HTTP, as a WFM system and Enreach do, and read what landed in the Dataverse simulator.
Without ports in the environment they start a stack of their own; with one of the port variables set (FUNCTIONS_PORT,
AZURITE_BLOB_PORT, DATAVERSE_SIM_PORT, ...) they use the stack that `make run` started with the same ports. Each worker
of `pytest -n` has a stack of its own; one that was given takes their tests one at a time.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.stack.ports import PORTS, read_ports
from local.stack.running import running_stack
from local.stack.settings import stack_addresses
from tests.e2e.doors import ROOT, Stack
from tests.lent import Lent


@contextmanager
def _doors() -> Iterator[Stack]:
    if any(port.variable in os.environ for port in PORTS):
        ports, problems = read_ports(os.environ)
        assert not problems, problems
        addresses = stack_addresses(ports)
        example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
        doors = Stack(
            functions_url=f"http://127.0.0.1:{ports['FUNCTIONS_PORT']}",
            dataverse_url=addresses["DATAVERSE_URL"],
            enreach_url=addresses["ENREACH_DISCOVERY_URL"],
            blobs=BlobServiceClient.from_connection_string(addresses["AzureWebJobsStorage"], retry_total=0),
            tables=TableServiceClient.from_connection_string(addresses["AzureWebJobsStorage"]),
            queues=QueueServiceClient.from_connection_string(addresses["AzureWebJobsStorage"]),
            routing_key=os.environ.get("ROUTING_KEY_CURRENT", example["ROUTING_KEY_CURRENT"]),
            storage=addresses["AzureWebJobsStorage"],
            config_check_seconds=float(os.environ.get("CONFIG_CHECK_SECONDS", example["CONFIG_CHECK_SECONDS"])),
        )
        with doors.http, doors.blobs, doors.tables, doors.queues:
            yield doors
        return
    # What asks Dataverse by the clock is fired by hand: tests count the questions of callers.
    timers = (
        "USER_SYNC_SCHEDULE", "CALL_SYNC_SCHEDULE", "RETROACTIVE_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE",
        "TICKET_TENDING_SCHEDULE",
    )  # fmt: skip
    never = dict.fromkeys(timers, "0 0 0 29 2 *")
    with running_stack(environment={"CONFIG_CHECK_SECONDS": "0.2", **never}) as stack:
        doors = Stack(
            functions_url=stack.functions_url,
            dataverse_url=stack.dataverse_url,
            enreach_url=stack.enreach_url,
            blobs=BlobServiceClient.from_connection_string(stack.storage_connection_string, retry_total=0),
            tables=TableServiceClient.from_connection_string(stack.storage_connection_string),
            queues=QueueServiceClient.from_connection_string(stack.storage_connection_string),
            routing_key=stack.routing_key,
            storage=stack.storage_connection_string,
            config_check_seconds=float(stack.settings["CONFIG_CHECK_SECONDS"]),
        )
        with doors.http, doors.blobs, doors.tables, doors.queues:
            yield doors


STACK = Lent(_doors)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """The stack goes when no more test of this folder follows."""
    yield
    STACK.close_unless_next(Path(__file__).parent, nextitem)


@pytest.fixture
def running() -> Stack:
    return STACK.get()


@pytest.fixture
def turn(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that whoever uses this stack holds locked."""
    dynamics = running.dataverse_url.rpartition(":")[2]
    return tmp_path_factory.getbasetemp().parent / f"e2e-{dynamics}.lock"  # the parent folder is the workers' own


@pytest.fixture
def stack(running: Stack, turn: Path) -> Iterator[Stack]:
    """The stack with Dynamics and Enreach in their seeded state, without faults or memory of earlier imports."""
    with turn.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running.forget()
        running.simulator("POST", "reset")
        running.http.post(f"{running.enreach_url}/__sim/reset").raise_for_status()
        yield running
        running.simulator("DELETE", "faults")
