"""The whole app on this machine, storage and Dynamics with it, and what its process costs: host and worker in one."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from benchmarks.places import BUILD, CLIENT_CORE, CORE_COUNT, SIMULATOR_CORE, cores
from benchmarks.simulator import PUBLISHED
from local.stack import RunningStack, running_stack

INBOX, REPORTS, CONFIG = "schedules", "schedule-reports", "config"
LONGEST_IMPORT_S = 600.0
_POLL_S = 0.1
_TABLES = ("idempotency", "checkpoints")
_PLANTED_AT_ONCE = 5_000
AUTHORIZED = {"Authorization": "Bearer benchmark"}


class AppProcess:
    """A process as Linux tells of it (proc(5))."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._folder = Path(f"/proc/{pid}")

    @property
    def cpu_s(self) -> float:
        """Processor seconds since its start, user and system."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_mb(self) -> float:
        """The most memory that it has had, in MB of 1,000,000 bytes, since `forget_peak`."""
        return self._memory("VmHWM")

    @property
    def memory_mb(self) -> float:
        """The memory that it has now."""
        return self._memory("VmRSS")

    def forget_peak(self) -> None:
        """Counts the peak from now on."""
        (self._folder / "clear_refs").write_text("5")

    def tie_to(self, core: int) -> None:
        """All its threads run on this core, and those that they start."""
        for thread in (self._folder / "task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores()[core]})

    def _memory(self, name: str) -> float:
        status = (self._folder / "status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the simulator counted since the last time it was asked to forget."""

    requests: int
    writes: int
    created: int
    updated: int
    deleted: int
    throttled: int

    @property
    def reads(self) -> int:
        """Requests that wrote nothing; fetching a token is one."""
        return self.requests - self.writes


@dataclass(frozen=True, slots=True)
class Import:
    """What became of one dropped file, and what the app's process needed for it."""

    report: Mapping[str, Any]
    traffic: Traffic
    wall_s: float
    cpu_s: float
    peak_mb: float


class WholeApp:
    """A running stack and its doors."""

    def __init__(self, stack: RunningStack, blobs: BlobServiceClient, tables: TableServiceClient) -> None:
        self.stack = stack
        self.host = AppProcess(_part(stack.pid, "local.host"))
        self._blobs, self._tables = blobs, tables
        self._http = httpx.Client(base_url=stack.dataverse_url, trust_env=False, timeout=300)

    # -------------------------------------------------------------------------------------------- Dynamics

    def control(self, path: str, body: object = None, method: str = "POST") -> Any:
        """One request of the simulator's control surface. Raises httpx.HTTPError when it fails."""
        answer = self._http.request(method, f"/__sim/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def plant(self, entity_set: str, rows: list[dict[str, Any]]) -> None:
        """Rows that were there before, or changes of such by hand."""
        for start in range(0, len(rows), _PLANTED_AT_ONCE):
            self.control("rows", {entity_set: rows[start : start + _PLANTED_AT_ONCE]})

    def bookings(self, count: int) -> list[dict[str, Any]]:
        """Some bookings as the Web API gives them: ids and ends."""
        path = f"/api/data/v9.2/bookableresourcebookings?$select=endtime&$top={count}"
        answer = self._http.get(path, headers=AUTHORIZED)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def delete_booking(self, booking_id: str) -> None:
        """Somebody deletes a booking by hand."""
        path = f"/api/data/v9.2/bookableresourcebookings({booking_id})"
        self._http.delete(path, headers=AUTHORIZED).raise_for_status()

    def forget_traffic(self) -> None:
        """Counts, and what the service protection limits remember, start at nothing; rows stay."""
        self.control("reset", {"keep": ["rows", "columns", "roles", "faults"]})

    def traffic(self) -> Traffic:
        """The counts since `forget_traffic`."""
        stats = self.control("stats", method="GET")
        asked, written = stats["requests"], stats["recordsWritten"]
        reads = sum(count for name, count in asked.items() if name.startswith("GET "))
        reading_batches = stats["batches"]["reading"]
        return Traffic(
            requests=asked["total"] + stats["tokens"],
            writes=asked["total"] - reads - reading_batches,
            **{kind: written[kind].get("bookableresourcebooking", 0) for kind in ("created", "updated", "deleted")},
            throttled=stats["throttled"],
        )

    # --------------------------------------------------------------------------------------------- storage

    def configure(self, name: str, document: bytes) -> None:
        """A document of the site's configuration."""
        self._blobs.get_blob_client(CONFIG, name).upload_blob(document, overwrite=True)

    def empty_tables(self) -> None:
        """The app remembers no import."""
        for name in _TABLES:
            table = self._tables.get_table_client(name)
            try:
                for row in table.list_entities(select=["PartitionKey", "RowKey"]):
                    table.delete_entity(row["PartitionKey"], row["RowKey"])
            except ResourceNotFoundError:
                continue

    def forget_row(self, table: str, partition: str, row: str) -> None:
        """Takes a row of the app's own tables away."""
        self._tables.get_table_client(table).delete_entity(partition, row)

    def deliver(self, path: str, content: bytes) -> Import:
        """Drops a file, or a command, and waits until it has left the inbox; the trigger finds it by itself.

        Raises RuntimeError when no report comes.
        """
        report = f"{path}.report.json"
        before = self._etag(REPORTS, report)
        self.forget_traffic()
        self.host.forget_peak()
        cpu_s, started = self.host.cpu_s, time.perf_counter()
        self._blobs.get_blob_client(INBOX, path).upload_blob(content, overwrite=True, max_concurrency=1)
        while self._etag(REPORTS, report) == before or self._etag(INBOX, path) is not None:
            if time.perf_counter() - started > LONGEST_IMPORT_S:
                raise RuntimeError(f"no report on {path}: {self.stack.output.tail(20)}")
            time.sleep(_POLL_S)
        wall_s, cpu_s = time.perf_counter() - started, self.host.cpu_s - cpu_s
        said = json.loads(self._blobs.get_blob_client(REPORTS, report).download_blob().readall())
        return Import(said, self.traffic(), wall_s, cpu_s, self.host.peak_mb)

    def _etag(self, container: str, name: str) -> str | None:
        try:
            return str(self._blobs.get_blob_client(container, name).get_blob_properties().etag)
        except ResourceNotFoundError:
            return None


_NEVER = "0 0 0 29 2 *"
_NO_TIMERS = dict.fromkeys(
    (
        "USER_SYNC_SCHEDULE", "CALL_SYNC_SCHEDULE", "RETROACTIVE_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE",
        "TICKET_TENDING_SCHEDULE",
    ),
    _NEVER,
)  # fmt: skip
"""On Flex Consumption timers run on other instances than callers' requests."""


@contextmanager
def running_app(**settings: str) -> Iterator[WholeApp]:
    """The app on one core, storage and Dynamics on the other. It ends with the block."""
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "stack.log").unlink(missing_ok=True)
    with running_stack(environment=_NO_TIMERS | settings, log_file=BUILD / "stack.log") as stack:
        connection = stack.storage_connection_string
        with (
            BlobServiceClient.from_connection_string(connection, retry_total=0) as blobs,
            TableServiceClient.from_connection_string(connection) as tables,
        ):
            app = WholeApp(stack, blobs, tables)
            if CORE_COUNT > 1:
                for pid in _below(stack.pid):
                    AppProcess(pid).tie_to(CLIENT_CORE if pid == app.host.pid else SIMULATOR_CORE)
            app.control("environment", PUBLISHED)
            yield app


def _below(pid: int) -> list[int]:
    """The processes that this one started."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def _part(pid: int, module: str) -> int:
    """The process of the stack that runs this module. Raises RuntimeError where there is none."""
    for child in _below(pid):
        if module.encode() in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return child
    raise RuntimeError(f"the stack runs no {module}: this topic measures the host that comes with Switchboard")
