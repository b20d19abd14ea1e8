"""Whole stacks, started as users start them: what runs, what is left when they end, however they end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.stack import RunningStack, StackError, free_ports, running_stack
from local.stack.running import RUNNING_LINE
from local.stack.storage import CONTAINERS, fill_storage

ROOT = Path(__file__).resolve().parents[3]
SCRATCH_APP = ROOT / "tests" / "local" / "host" / "scratch_app"


def _wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _listening(ports: dict[str, int]) -> list[str]:
    found = []
    for variable, port in ports.items():
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                found.append(variable)
    return found


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def _command(pid: int) -> str:
    listed = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("stack")
    environment = {"JOURNAL_DIR": str(folder), "GREETING": "from the test"}
    with running_stack(
        free_ports(tls=True), app_dir=SCRATCH_APP, environment=environment, log_file=folder / "stack.log"
    ) as running:
        yield running
        assert RUNNING_LINE in (folder / "stack.log").read_text()


def test_every_part_answers_and_every_address_is_printed(stack: RunningStack) -> None:
    assert stack.dataverse_tls_url is not None
    assert httpx.get(f"{stack.functions_url}/admin/host/status").json() == {"state": "Running"}
    assert httpx.get(f"{stack.dataverse_url}/__sim/health").status_code == 200
    assert httpx.get(f"{stack.enreach_url}/__sim/health").status_code == 200
    text = stack.output.text()
    for url in (stack.functions_url, stack.dataverse_url, stack.dataverse_tls_url, stack.enreach_url):
        assert f" {url}\n" in text
    assert set(_listening(dict(stack.ports))) == set(stack.ports)


def test_the_functions_host_gets_the_settings_of_this_stack(stack: RunningStack) -> None:
    def setting(name: str) -> str:
        return httpx.get(f"{stack.functions_url}/v1/setting/{name}").text

    assert setting("DATAVERSE_URL") == stack.dataverse_url
    assert setting("ENREACH_DISCOVERY_URL") == stack.enreach_url
    assert setting("AzureWebJobsStorage") == stack.storage_connection_string
    assert setting("GREETING") == stack.settings["GREETING"] == "from the test"
    assert setting("ROUTING_KEY_CURRENT") == stack.routing_key == "scratch-key-0123456789-0123456789-abcdef"


def test_storage_holds_the_containers_and_the_queue(stack: RunningStack) -> None:
    with (
        BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs,
        QueueServiceClient.from_connection_string(stack.storage_connection_string) as queues,
    ):
        assert set(CONTAINERS) <= {item.name for item in blobs.list_containers()}
        assert "tickets" in {item.name for item in queues.list_queues()}


async def test_configuration_is_copied_where_it_is_absent(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "schedule-profiles").mkdir()
    (tmp_path / "schedule-profiles" / "nice.json").write_text("ours")
    (tmp_path / "stack-test.json").write_text("ours")
    with BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs:
        blobs.get_blob_client("config", "stack-test.json").upload_blob(b"an administrator's")
        await fill_storage(stack.storage_connection_string, tmp_path)
        await fill_storage(stack.storage_connection_string, tmp_path)
        assert blobs.get_blob_client("config", "stack-test.json").download_blob().readall() == b"an administrator's"
        profile = blobs.get_blob_client("config", "schedule-profiles/nice.json")
        assert profile.download_blob().readall() == b"ours"


def test_a_second_stack_runs_beside_the_first_and_leaves_nothing(stack: RunningStack, tmp_path: Path) -> None:
    ports = free_ports()
    with running_stack(ports, app_dir=SCRATCH_APP, environment={"JOURNAL_DIR": str(tmp_path)}) as second:
        assert set(_listening(ports)) == set(ports)
        assert httpx.get(f"{second.functions_url}/v1/setting/DATAVERSE_URL").text == second.dataverse_url
    assert _listening(ports) == []
    assert set(_listening(dict(stack.ports))) == set(stack.ports)
    end = second.output.text().partition(RUNNING_LINE)[2]
    assert "Stopping: waiting for what runs" in end
    assert "storage does not answer" not in end, "the functions host stops before the storage that it uses"


def test_taken_ports_are_told_and_nothing_starts(stack: RunningStack) -> None:
    with (
        pytest.raises(StackError, match=r"Port \d+ \(functions host\) is taken") as failure,
        running_stack(dict(stack.ports), app_dir=SCRATCH_APP),
    ):
        pass
    assert str(failure.value).count("is taken. Stop what uses it or set ") == len(stack.ports)


class ByHand:
    """`python -m local.stack` as a child process whose end the test decides."""

    def __init__(self, app: Path, journals: Path) -> None:
        self.ports = free_ports()
        self.log = journals / "by-hand.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.stack", "--app", str(app)],
                cwd=ROOT,
                env={**os.environ, "JOURNAL_DIR": str(journals), **{name: str(n) for name, n in self.ports.items()}},
                stdout=log,
                stderr=log,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def child(self, command: str) -> int:
        return next(pid for pid in _children(self.process.pid) if command in _command(pid))


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[Callable[[Path], ByHand]]:
    started: list[ByHand] = []

    def start(app: Path) -> ByHand:
        started.append(ByHand(app, tmp_path))
        return started[-1]

    yield start
    for stack in started:
        stack.process.kill()
        stack.process.wait()


def test_when_the_stack_is_killed_its_parts_go_too(by_hand: Callable[[Path], ByHand]) -> None:
    stack = by_hand(SCRATCH_APP)
    _wait_until(lambda: RUNNING_LINE in stack.text)
    stack.process.kill()
    stack.process.wait()
    _wait_until(lambda: _listening(stack.ports) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_ends_it_and_leaves_nothing(
    by_hand: Callable[[Path], ByHand], number: signal.Signals
) -> None:
    stack = by_hand(SCRATCH_APP)
    _wait_until(lambda: "AZURITE_BLOB_PORT" in _listening(stack.ports))
    stack.process.send_signal(number)
    assert stack.process.wait(20) == 0
    assert RUNNING_LINE not in stack.text
    assert _listening(stack.ports) == []


def test_a_part_that_dies_is_named_with_its_last_lines_and_the_others_stop(by_hand: Callable[[Path], ByHand]) -> None:
    stack = by_hand(SCRATCH_APP)
    _wait_until(lambda: RUNNING_LINE in stack.text)
    os.kill(stack.child("local.host"), signal.SIGKILL)
    assert stack.process.wait(20) == 1
    last_words = stack.text.partition(RUNNING_LINE)[2]
    assert "The functions host was ended by signal 9. Its last lines:" in last_words
    assert "    \tcopy_blob: blobTrigger inbox/{name}" in last_words
    assert _listening(stack.ports) == []


def test_a_start_that_fails_half_way_says_why_and_leaves_nothing(
    by_hand: Callable[[Path], ByHand], tmp_path: Path
) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text("import no_such_module\n")
    (tmp_path / "local.settings.example.json").write_text('{"Values": {}}')
    stack = by_hand(tmp_path)
    assert stack.process.wait(20) == 1
    last_words = stack.text.partition("The functions host stopped with exit code 2. Its last lines:")[2]
    assert "The functions host cannot start. ModuleNotFoundError: No module named 'no_such_module'." in last_words
    assert _listening(stack.ports) == []
