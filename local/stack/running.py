"""A stack for tests and the demo, through the same door as users: a child process that is `python -m local.stack`."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.stack.parts import ROOT
from local.stack.ports import ADDRESS, DATAVERSE, DATAVERSE_TLS, ENREACH, FUNCTIONS, PORTS, Ports, free_ports
from local.stack.settings import functions_settings, read_values, stack_addresses

RUNNING_LINE = "Switchboard is running. Ctrl-C stops it."
START_SECONDS = 240.0
STOP_SECONDS = 45.0


class StackError(Exception):
    """The stack did not start, or did not stop cleanly; the text holds what it said last."""


@dataclass(frozen=True)
class RunningStack:
    """Where the parts of a running stack are, and the settings its functions host was given."""

    functions_url: str
    dataverse_url: str
    dataverse_tls_url: str | None
    enreach_url: str
    storage_connection_string: str
    routing_key: str
    ports: Mapping[str, int]
    settings: Mapping[str, str]
    pid: int
    output: "Output"


class Output:
    """What the stack prints: kept at its end, and copied to a file or to our stdout."""

    def __init__(self, stream: IO[str], log_file: Path | None, *, quiet: bool) -> None:
        self.is_running = threading.Event()
        self.has_ended = threading.Event()
        self._lines: deque[str] = deque(maxlen=2000)
        self._thread = threading.Thread(target=self._read, args=(stream, log_file, quiet), daemon=True)
        self._thread.start()

    def text(self) -> str:
        return "".join(list(self._lines))

    def tail(self, lines: int = 40) -> str:
        return "".join(list(self._lines)[-lines:])

    def close(self) -> None:
        """Everything has been read."""
        self._thread.join()

    def _read(self, stream: IO[str], log_file: Path | None, quiet: bool) -> None:
        with open(log_file or os.devnull, "a", encoding="utf-8") as log, stream:
            for line in stream:
                self._lines.append(line)
                log.write(line)
                log.flush()
                if not quiet:
                    print(line, end="", flush=True)
                if line.strip() == RUNNING_LINE:
                    self.is_running.set()
        self.has_ended.set()
        self.is_running.set()  # whoever waits for it must wake up


@contextmanager
def running_stack(
    ports: Ports | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    app_dir: Path = ROOT,
    quiet: bool = True,
    log_file: Path | None = None,
) -> Iterator[RunningStack]:
    """A complete stack on `ports` (free ones by default); it has stopped with exit code 0 afterwards.

    `environment` overrides settings of the functions host, e.g. {"CALL_SYNC_SCHEDULE": "0 0 0 1 1 *"}.
    """
    ports = ports or free_ports()
    inherited = {name: value for name, value in os.environ.items() if name not in {port.variable for port in PORTS}}
    environ = {**inherited, **{name: str(number) for name, number in ports.items()}, **(environment or {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "local.stack", "--app", str(app_dir)],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C in a terminal is ours to pass on
    )
    assert process.stdout is not None
    output = Output(process.stdout, log_file, quiet=quiet)
    try:
        if not output.is_running.wait(START_SECONDS) or output.has_ended.is_set():
            raise StackError(f"The local stack did not start.\n{output.tail()}")
        yield _described(ports, environ, app_dir, process.pid, output)
    except BaseException:
        _stop(process, output)
        raise
    code = _stop(process, output)
    if code != 0:
        raise StackError(f"The local stack ended with exit code {code}.\n{output.tail()}")


def _stop(process: "subprocess.Popen[str]", output: Output) -> int:
    process.send_signal(signal.SIGTERM)  # does nothing when it has ended already
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its reaper stops the parts
        code = process.wait()
    output.close()
    return code


def _described(ports: Ports, environ: Mapping[str, str], app_dir: Path, pid: int, output: Output) -> RunningStack:
    own = app_dir / "local.settings.json"
    settings = functions_settings(
        read_values(app_dir / "local.settings.example.json"),
        read_values(own) if own.exists() else {},
        addresses := stack_addresses(ports),
        environ,
    )
    tls = ports.get(DATAVERSE_TLS.variable)
    return RunningStack(
        functions_url=f"http://{ADDRESS}:{ports[FUNCTIONS.variable]}",
        dataverse_url=f"http://{ADDRESS}:{ports[DATAVERSE.variable]}",
        dataverse_tls_url=f"https://{ADDRESS}:{tls}" if tls else None,
        enreach_url=f"http://{ADDRESS}:{ports[ENREACH.variable]}",
        storage_connection_string=addresses["AzureWebJobsStorage"],
        routing_key=settings.get("ROUTING_KEY_CURRENT", ""),
        ports=dict(ports),
        settings=settings,
        pid=pid,
        output=output,
    )
