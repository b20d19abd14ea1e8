"""The simulator as the program that users start, over http and over TLS, and the clients that witness it."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.ports import ADDRESS, DATAVERSE, DATAVERSE_TLS, free_ports
from tests.witnesses.control import Control, Origins
from tests.witnesses.node_client import NodeClient

ROOT = Path(__file__).parents[2]
NODE_CLIENT = Path(__file__).parent / "dynamics_web_api.mjs"


@pytest.fixture(scope="session")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    ports = free_ports(tls=True)
    plain, tls = ports[DATAVERSE.variable], ports[DATAVERSE_TLS.variable]
    command = [sys.executable, "-m", "local.dataverse", "--port", str(plain), "--tls-port", str(tls)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)]  # it prints one line a listener when it is up
        certificate = tmp_path_factory.mktemp("tls") / "simulator.pem"
        certificate.write_text(ssl.get_server_certificate((ADDRESS, tls)))
        yield Origins(f"http://{ADDRESS}:{plain}", f"https://{ADDRESS}:{tls}", certificate)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def open_control(origins: Origins) -> Iterator[Control]:
    control = Control(origins.plain)
    yield control
    control.close()


@pytest.fixture
def control(open_control: Control) -> Control:
    """The control surface of a simulator that is fresh for this test."""
    open_control.reset()
    return open_control


@pytest.fixture(scope="session")
def node(origins: Origins) -> Iterator[NodeClient]:
    process = subprocess.Popen(["node", str(NODE_CLIENT), origins.plain], cwd=ROOT, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        yield NodeClient(process)
    finally:
        process.communicate(timeout=20)  # closes its standard input, which ends it
