"""Azurite as a process of its own, with many accounts: whoever needs storage to itself takes an account."""

import base64
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from local.stack.ports import free_port

ROOT = Path(__file__).parents[1]
KEY = base64.b64encode(b"a key that only this emulator knows").decode()
ACCOUNTS = [f"scratch{number}" for number in range(80)]


@dataclass
class Azurite:
    """A storage emulator that can be stopped and started again on its ports."""

    ports: tuple[int, int, int]
    process: "subprocess.Popen[bytes] | None" = None
    _taken: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        flags = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        for service, port in zip(("blob", "queue", "table"), self.ports, strict=True):
            flags += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        self.process = subprocess.Popen(
            [str(ROOT / "node_modules/.bin/azurite"), *flags],
            env={**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{name}:{KEY}" for name in ACCOUNTS)},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not all(map(_answers, self.ports)):
            assert time.monotonic() < deadline, "Azurite does not start"
            time.sleep(0.03)

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def connection_string(self, account: str) -> str:
        services = zip(("Blob", "Queue", "Table"), self.ports, strict=True)
        endpoints = ";".join(f"{kind}Endpoint=http://127.0.0.1:{port}/{account}" for kind, port in services)
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={KEY};{endpoints};"

    def fresh_account(self) -> str:
        """The connection string of an account that nobody has used."""
        return self.connection_string(ACCOUNTS[next(self._taken)])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_azurite() -> Iterator[Azurite]:
    azurite = Azurite((free_port(), free_port(), free_port()))
    azurite.start()
    try:
        yield azurite
    finally:
        azurite.stop()
