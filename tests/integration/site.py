"""A contact centre in small: storage in memory, the Dataverse simulator over HTTP, and a clock that tests turn."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from functions.schedule_import.containers import INBOX, REPORTS
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case.inbox import take_up
from functions.schedule_import.use_case.sweeping import sweep
from functions.schedule_import.use_case.worlds import ImportGateways
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from tests.memory_storage import MemoryFiles, MemoryTables
from tests.plain_http import PLAIN

CONFIG = "config"
SETUP_METADATA = "4beb9fdb-48e9-453f-b008-5862ff902c5d"


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self, start: datetime) -> None:
        self.value = start

    def __call__(self) -> datetime:
        return self.value

    def turn(self, **by: float) -> None:
        self.value += timedelta(**by)


@dataclass(frozen=True)
class Kept:
    """What was at a site: rows by table of Dynamics, storage, and the time."""

    rows: dict[str, list[dict[str, Any]]]
    files: MemoryFiles
    tables: MemoryTables
    now: datetime


class Site:
    """What a planner and an operator have, and what tests want to see of it."""

    def __init__(self, dataverse: DataverseClient, simulator: str, start: datetime) -> None:
        self.now = Clock(start)
        self.files = MemoryFiles(self.now)
        self.tables = MemoryTables(self.now)
        self.dataverse = dataverse
        self._http = httpx.Client(
            base_url=simulator, trust_env=False, verify=PLAIN, headers={"Authorization": "Bearer t"}
        )

    def gateways(self, **other: Any) -> ImportGateways:
        worlds: dict[str, Any] = {
            "files": self.files,
            "tables": self.tables,
            "dynamics": self.dataverse,
            "documents": ConfigDocuments(self.files, check_every=0),
            "now": self.now,
            "max_bytes": 10**7,
            "lease_wait": 0.0,
        }
        return ImportGateways(**(worlds | other))

    async def configure(self, name: str, document: object) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        await self.files.write(CONFIG, name, data, "application/json")

    async def drop(self, path: str, data: bytes | str) -> None:
        """A WFM system drops a file; a second later than whatever was dropped before."""
        self.now.turn(seconds=1)
        await self.files.write(INBOX, path, data.encode() if isinstance(data, str) else data, "text/csv")

    async def take_up(self, path: str, **other: Any) -> ImportReport | None:
        return await take_up(path, self.gateways(**other))

    async def deliver(self, path: str, data: bytes | str) -> ImportReport:
        """A file is dropped and its event arrives."""
        await self.drop(path, data)
        report = await self.take_up(path)
        assert report is not None
        return report

    async def command(self, path: str) -> ImportReport:
        """A person puts an empty blob beside a file."""
        return await self.deliver(path, b"")

    async def sweep(self) -> int:
        return await sweep(self.gateways())

    async def names(self, container: str, prefix: str = "") -> list[str]:
        return [name async for name in self.files.names(container, prefix)]

    async def report(self, path: str) -> dict[str, Any]:
        stored = await self.files.read(REPORTS, f"{path}.report.json", max_bytes=10**8)
        answer: dict[str, Any] = json.loads(stored.data)
        return answer

    # ---------------------------------------------------------------------------------------- the same again

    def kept(self, tables: Iterable[str]) -> "Kept":
        """All that is there now; of Dynamics these tables."""
        rows = {table: self._http.get(f"/__sim/rows?table={table}").raise_for_status().json() for table in tables}
        return Kept(rows, self.files.copy_of(self.now), self.tables.copy_of(self.now), self.now())

    def begin_with(self, kept: "Kept") -> None:
        """What was kept is there. Dynamics must be as it was before any of it."""
        self.now.value = kept.now
        self.files, self.tables = kept.files.copy_of(self.now), kept.tables.copy_of(self.now)
        self._http.post("/__sim/rows", json=kept.rows).raise_for_status()

    # ------------------------------------------------------------------------------------------- Dynamics

    def get(self, path: str) -> list[dict[str, Any]]:
        """All rows that a query answers, over its pages."""
        rows: list[dict[str, Any]] = []
        url: str | None = f"/api/data/v9.2/{path}"
        while url:
            answer = self._http.get(url, headers={"Prefer": "odata.maxpagesize=5000"}).raise_for_status().json()
            rows += answer["value"]
            url = answer.get("@odata.nextLink")
        return rows

    def bookings(self) -> list[dict[str, Any]]:
        return self.get("bookableresourcebookings")

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """Somebody edits a row by hand."""
        self._http.patch(f"/api/data/v9.2/{path}", json=body).raise_for_status()

    def delete(self, path: str) -> None:
        """Somebody deletes a row by hand."""
        self._http.delete(f"/api/data/v9.2/{path}").raise_for_status()

    def plant(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Rows that were there before."""
        self._http.post("/__sim/rows", json={table: list(rows)}).raise_for_status()

    def break_down(self) -> None:
        """Dynamics answers nothing but 503 from now on."""
        self._http.post(
            "/__sim/faults", json=[{"match": {"path": "/api/"}, "action": {"status": 503}}]
        ).raise_for_status()

    def recover(self) -> None:
        """Dynamics is well again."""
        self._http.delete("/__sim/faults").raise_for_status()

    def requests(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.get("/__sim/stats").json()
        return answer

    def close(self) -> None:
        self._http.close()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
