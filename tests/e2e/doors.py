"""The doors of a running stack, as a WFM system, Enreach and a reader of Dynamics know them."""

import base64
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableEntity, TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "local" / "samples" / "wfm"
WAIT_SECONDS = 45.0


@dataclass
class Stack:
    """The doors of a running stack."""

    functions_url: str
    dataverse_url: str
    enreach_url: str
    blobs: BlobServiceClient
    tables: TableServiceClient
    queues: QueueServiceClient
    routing_key: str
    storage: str
    """Its connection string."""
    config_check_seconds: float
    """After so long the app asks whether a document has changed."""
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    # ------------------------------------------------------------------------------------------ schedules

    def drop(self, profile: str, data: bytes, name: str | None = None) -> dict[str, Any]:
        """Drop a schedule file as a WFM system does and wait for its report."""
        name = name or f"{uuid.uuid4().hex}.csv"
        path = f"{profile}/{name}" if profile else name
        before = self._report_etag(path)
        self.blobs.get_blob_client("schedules", path).upload_blob(data, overwrite=True)
        wait_for(lambda: self._report_etag(path) != before, f"a report for {path}")
        report: dict[str, Any] = json.loads(self.read_blob("schedule-reports", f"{path}.report.json") or b"")
        return report

    def command(self, path: str, command: str) -> dict[str, Any]:
        """Put an empty blob beside a file and wait for the answer."""
        self.blobs.get_blob_client("schedules", f"{path}.{command}").upload_blob(b"", overwrite=True)
        answer = f"{path}.{command}.report.json"
        wait_for(lambda: self.read_blob("schedule-reports", answer) is not None, f"an answer to {command}")
        report: dict[str, Any] = json.loads(self.read_blob("schedule-reports", answer) or b"")
        return report

    def fire(self, function: str) -> None:
        """Fire a timer by hand, as an operator does."""
        answer = self.http.post(f"{self.functions_url}/admin/functions/{function}", json={})
        assert answer.status_code == 202, answer.text

    def poison(self, path: str) -> None:
        """Put the event of a blob where the platform puts those that failed five times."""
        queue = self.queues.get_queue_client("webjobs-blobtrigger-poison")
        with contextlib.suppress(ResourceExistsError):
            queue.create_queue()
        event = {"Type": "BlobTrigger", "ContainerName": "schedules", "BlobName": path}
        queue.send_message(base64.b64encode(json.dumps(event).encode()).decode())

    def forget(self) -> None:
        """No import is remembered, nothing lies in the inbox, no site document says how to read a layout."""
        for container, prefix in (("schedules", ""), ("config", "schedule-profiles/")):
            blobs = self.blobs.get_container_client(container)
            for blob in blobs.list_blob_names(name_starts_with=prefix):
                # An import that still runs may file its blob away between the listing and here.
                with contextlib.suppress(ResourceNotFoundError):
                    blobs.delete_blob(blob)
        # An import writes its report first and remembers itself afterwards: the next one would find that.
        wait_for(lambda: not self._is_importing(), "the end of the imports", 90)
        for name in ("idempotency", "checkpoints"):
            for row in self._entities(name):
                self.tables.get_table_client(name).delete_entity(row["PartitionKey"], row["RowKey"])

    def _is_importing(self) -> bool:
        """Whether the lease of a profile is held; one whose holder was killed runs out."""
        for row in self._entities("checkpoints"):
            if row["PartitionKey"] == "lease" and row["RowKey"].startswith("schedule-import|") and not row["released"]:
                renewed = row.metadata["timestamp"]
                assert renewed is not None
                if (datetime.now(UTC) - renewed).total_seconds() < row["seconds"]:
                    return True
        return False

    def _entities(self, table: str) -> list[TableEntity]:
        # To ask a table that is not there would leave a connection open: the client drops such an answer half read.
        there = any(one.name == table for one in self.tables.list_tables())
        return list(self.tables.get_table_client(table).list_entities()) if there else []

    def _report_etag(self, path: str) -> str | None:
        try:
            blob = self.blobs.get_blob_client("schedule-reports", f"{path}.report.json")
            return str(blob.get_blob_properties().etag)
        except ResourceNotFoundError:
            return None

    def read_blob(self, container: str, name: str) -> bytes | None:
        try:
            return self.blobs.get_blob_client(container, name).download_blob().readall()
        except ResourceNotFoundError:
            return None

    def write_config(self, name: str, document: object) -> None:
        data = json.dumps(document).encode()
        self.blobs.get_blob_client("config", name).upload_blob(data, overwrite=True)

    # ------------------------------------------------------------------------------------------- Dynamics

    def rows(self, table: str, condition: str | None = None, **options: str) -> list[dict[str, Any]]:
        """Rows of a table as the Web API gives them, by entity set name."""
        parameters = {"$filter": condition} if condition else {}
        headers = {"Authorization": "Bearer e2e", "Accept": "application/json"}
        url = f"{self.dataverse_url}/api/data/v9.2/{table}"
        answer = self.http.get(url, params={**parameters, **options}, headers=headers)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def insert(self, **tables: list[dict[str, Any]]) -> None:
        """Put rows into Dynamics as a seed does, by entity set name."""
        self.simulator("POST", "rows", tables)

    def simulator(self, method: str, what: str, body: object = None) -> Any:
        answer = self.http.request(method, f"{self.dataverse_url}/__sim/{what}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def records_written(self) -> dict[str, Any]:
        written: dict[str, Any] = self.simulator("GET", "stats")["recordsWritten"]
        return written

    # -------------------------------------------------------------------------------------------- routing

    def route(self, key: str | None = "", content: bytes | None = None, **body: Any) -> httpx.Response:
        """Ask as Enreach does. `key` "" is the right one, None none at all."""
        headers = {} if key is None else {"X-Benemen-APIKey": key or self.routing_key}
        data = json.dumps(body).encode() if content is None else content
        headers["Content-Type"] = "application/json"
        return self.http.post(f"{self.functions_url}/api/smart-routing", content=data, headers=headers)


def wait_for(happened: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until a condition holds; fail by saying what never happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.03)
