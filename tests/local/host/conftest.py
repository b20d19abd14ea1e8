"""A real Azurite with an account for each host, and hosts as child processes: the tests look from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local.stack.ports import free_port
from tests.azurite import Azurite, running_azurite
from tests.lent import Lent
from tests.plain_http import PLAIN

ROOT = Path(__file__).resolve().parents[3]
APPS = Path(__file__).resolve().parent


def eventually[T](probe: Callable[[], T], seconds: float = 15.0) -> T:
    """The first true value of the probe; fails with the last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        time.sleep(0.03)
    return value


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., object]:
    return eventually


@pytest.fixture
def own_azurite() -> Iterator[Azurite]:
    with running_azurite() as emulator:
        yield emulator


@dataclass
class Storage:
    """One account of the emulator, seen by a test; queue messages are base64 unless the app says none."""

    connection_string: str
    blobs: BlobServiceClient
    queues: QueueServiceClient

    def send(self, queue: str, text: str, *, encoded: bool = True) -> None:
        policy = TextBase64EncodePolicy() if encoded else None
        with self.queues.get_queue_client(queue, message_encode_policy=policy) as client:
            client.send_message(text)

    def messages(self, queue: str, *, encoded: bool = True) -> list[str]:
        """What is in the queue now, without taking it."""
        policy = TextBase64DecodePolicy() if encoded else None
        names = [item.name for item in self.queues.list_queues()]
        if queue not in names:
            return []
        with self.queues.get_queue_client(queue, message_decode_policy=policy) as client:
            return [str(message.content) for message in client.peek_messages(max_messages=32)]

    def count(self, queue: str) -> int:
        """Messages in the queue, hidden ones included."""
        with self.queues.get_queue_client(queue) as client:
            return client.get_queue_properties().approximate_message_count or 0

    def upload(self, container: str, name: str, content: bytes) -> str:
        """The ETag of the blob that is there now."""
        if not self.blobs.get_container_client(container).exists():
            self.blobs.create_container(container)
        answer = self.blobs.get_blob_client(container, name).upload_blob(content, overwrite=True)
        return str(answer["etag"])

    def read(self, container: str, name: str) -> bytes:
        """The blob's content; empty when it is not there."""
        blob = self.blobs.get_blob_client(container, name)
        return blob.download_blob().readall() if blob.exists() else b""


@contextmanager
def open_storage(connection_string: str) -> Iterator[Storage]:
    with (
        BlobServiceClient.from_connection_string(connection_string) as blobs,
        QueueServiceClient.from_connection_string(connection_string) as queues,
    ):
        yield Storage(connection_string, blobs, queues)


@pytest.fixture(scope="session")
def new_storage(azurite: Azurite) -> Iterator[Callable[[], Storage]]:
    """A fresh account on every call: hosts of one app must not share one."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(open_storage(azurite.fresh_account()))


@dataclass
class HostProcess:
    url: str
    journals: Path
    log_file: Path
    process: "subprocess.Popen[bytes]"
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False, verify=PLAIN))

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def journal(self, name: str) -> list[str]:
        """What the functions of the scratch app noted there."""
        file = self.journals / name
        return file.read_text().splitlines() if file.exists() else []

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return bool(self.client.get(f"{self.url}/admin/host/status").json() == {"state": "Running"})
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()


StartHost = Callable[..., HostProcess]


@contextmanager
def _hosts(folder: Path) -> Iterator[StartHost]:
    started: list[HostProcess] = []

    def start(
        app: str,
        storage: Storage | None,
        environment: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
        stop_seconds: float | None = None,
    ) -> HostProcess:
        port = free_port()
        log_file = folder / f"host-{len(started)}.log"
        settings = ["--settings", str(APPS / "scratch_app/local.settings.example.json")] if app == "scratch_app" else []
        settings += [] if stop_seconds is None else ["--stop-seconds", str(stop_seconds)]
        connection = {"AzureWebJobsStorage": storage.connection_string} if storage else {}
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "local.host", "--app", APPS / app, "--port", str(port), *settings],
                cwd=ROOT,
                env={**os.environ, "JOURNAL_DIR": str(folder), **connection, **(environment or {})},
                stdout=log,
                stderr=log,
            )
        host = HostProcess(f"http://127.0.0.1:{port}", folder, log_file, process)
        started.append(host)
        if wait:
            eventually(host.is_ready)
        return host

    try:
        yield start
    finally:
        codes = [host.stop() for host in started if host.process.poll() is None]
        for host in started:
            host.close()
    assert codes == [0] * len(codes), [host.log for host in started]


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    """Starts a host that this test has for itself; every host it left running must end with 0."""
    with _hosts(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def storage(new_storage: Callable[[], Storage]) -> Storage:
    """The account of the shared scratch host."""
    return new_storage()


@contextmanager
def _scratch_host(storage: Storage, folder: Path) -> Iterator[HostProcess]:
    with _hosts(folder) as start:
        host = start("scratch_app", storage, {"TICK_SCHEDULE": "*/1 * * * * *", "GREETING": "from the environment"})
        # Its five tries take five seconds: they pass while the other tests run. test_queue_trigger looks at the end.
        storage.send("doomed", "bad news")
        yield host


_HOST = pytest.StashKey[Lent[HostProcess]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The shared host goes when no more test of this folder follows."""
    yield
    if (lent := item.config.stash.get(_HOST, None)) is not None:
        lent.close_unless_next(APPS, nextitem)


@pytest.fixture(scope="session")
def lent_host(
    request: pytest.FixtureRequest, storage: Storage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lent[HostProcess]]:
    lent = Lent(lambda: _scratch_host(storage, tmp_path_factory.mktemp("scratch")))
    request.config.stash[_HOST] = lent
    yield lent
    lent.close()


@pytest.fixture
def host(lent_host: Lent[HostProcess]) -> HostProcess:
    """The scratch app on the local host, shared by the tests that do not mind each other."""
    return lent_host.get()
