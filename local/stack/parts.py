"""The parts of the stack, those that need no other one first. A new part is one more entry here and its port in
ports.py."""

import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local.stack.ports import ADDRESS, BLOB, DATAVERSE, DATAVERSE_TLS, ENREACH, FUNCTIONS, QUEUE, TABLE, Port, Ports

ROOT = Path(__file__).resolve().parents[2]
AZURITE = ROOT / "node_modules" / ".bin" / "azurite"
LOCAL_HOST = (sys.executable, "-m", "local.host")


async def _nothing() -> None:
    return


async def _fill_storage(connection_string: str) -> None:
    # The SDK is loaded when something has to be stored, not in a start that ends before.
    from local.stack.storage import fill_storage

    await fill_storage(connection_string, ROOT / "local" / "config")


@dataclass(frozen=True)
class Part:
    """One child process. It is ready when its ports take connections and its health address, if any, answers 200."""

    name: str
    command: tuple[str, ...]
    ports: tuple[int, ...]
    urls: tuple[tuple[str, str], ...]
    health: str | None = None
    echo_as: str | None = None
    cwd: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    after_all_others: bool = False
    """It is started when the parts before it are ready; those start together."""
    start_seconds: float = 30.0
    once_ready: Callable[[], Awaitable[None]] = _nothing


def parts(
    ports: Ports, settings: Mapping[str, str], storage: str, app_dir: Path, environ: Mapping[str, str]
) -> list[Part]:
    return [
        _azurite(ports, storage, environ),
        _dataverse_simulator(ports),
        _enreach_simulator(ports),
        _functions_host(ports, settings, app_dir, environ),
    ]


def _azurite(ports: Ports, storage: str, environ: Mapping[str, str]) -> Part:
    """In memory, unless AZURITE_LOCATION names a folder, which is kept."""
    location = environ.get("AZURITE_LOCATION")
    services = (("blob", BLOB), ("queue", QUEUE), ("table", TABLE))
    flags = []
    for service, port in services:
        flags += [f"--{service}Host", ADDRESS, f"--{service}Port", str(ports[port.variable])]
    return Part(
        name="storage emulator (Azurite)",
        command=(
            str(AZURITE),
            *(("--location", location) if location else ("--inMemoryPersistence",)),
            "--silent",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            *flags,
        ),
        ports=tuple(ports[port.variable] for _service, port in services),
        urls=tuple(_url(port, ports) for _service, port in services),
        once_ready=partial(_fill_storage, storage),
    )


def _dataverse_simulator(ports: Ports) -> Part:
    number = ports[DATAVERSE.variable]
    tls = ports.get(DATAVERSE_TLS.variable)
    command = (sys.executable, "-m", "local.dataverse", "--port", str(number))
    urls = (_url(DATAVERSE, ports),)
    return Part(
        name="Dataverse simulator",
        command=command if tls is None else (*command, "--tls-port", str(tls)),
        ports=(number,) if tls is None else (number, tls),
        urls=urls if tls is None else (*urls, _url(DATAVERSE_TLS, ports, scheme="https")),
        health=f"http://{ADDRESS}:{number}/__sim/health",
        echo_as="dataverse",
    )


def _enreach_simulator(ports: Ports) -> Part:
    number = ports[ENREACH.variable]
    return Part(
        name="Enreach simulator",
        command=(sys.executable, "-m", "local.enreach", "--port", str(number)),
        ports=(number,),
        urls=(_url(ENREACH, ports),),
        health=f"http://{ADDRESS}:{number}/__sim/health",
        echo_as="enreach",
    )


def _functions_host(ports: Ports, settings: Mapping[str, str], app_dir: Path, environ: Mapping[str, str]) -> Part:
    number = ports[FUNCTIONS.variable]
    func = shutil.which("func", path=environ.get("PATH"))
    # Core Tools finds Python on PATH: it must find the one that has the app's packages.
    path = f"{Path(sys.executable).parent}:{environ.get('PATH', '')}"
    return Part(
        name="functions host",
        command=(func, "start", "--port", str(number))
        if func
        else (*LOCAL_HOST, "--app", str(app_dir), "--port", str(number)),
        ports=(number,),
        urls=(_url(FUNCTIONS, ports),),
        health=f"http://{ADDRESS}:{number}/admin/host/status",
        echo_as="functions",
        cwd=app_dir if func else ROOT,
        environment={**settings, "PATH": path} if func else settings,
        after_all_others=True,
        start_seconds=180.0 if func else 60.0,  # the first `func start` downloads the extension bundle
    )


def _url(port: Port, ports: Ports, scheme: str = "http") -> tuple[str, str]:
    return port.part, f"{scheme}://{ADDRESS}:{ports[port.variable]}"
