"""What the contact centres of tests have in common: both simulators over HTTP, storage in memory, their own clock."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from shared.config_documents import Document, json_document
from shared.customers import CustomerMatching
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from tests.integration.site import Clock, utc
from tests.memory_storage import MemoryTables
from tests.plain_http import PLAIN

NOON = utc("2027-03-01T12:00:00+00:00")


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class Documents:
    """Documents that are there from the start, as JSON."""

    def __init__(self, **documents: Any) -> None:
        self.texts = {name: json.dumps(value).encode() for name, value in documents.items()}

    async def read(self, name: str, parse: Any) -> Any:
        text = self.texts.get(name)
        return Document(None) if text is None else Document(parse(text), None, str(hash(text)))


class NoIndex:
    async def find_many(self, numbers: Any, matching: Any) -> dict[str, Any]:
        return {}


class SimulatedSite:
    """The simulators, what they hold, and the time."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        self.dataverse, self.enreach, self.simulator = dataverse, enreach, simulator
        self.now = Clock(NOON)
        self.tables = MemoryTables(self.now)
        self.documents = Documents()
        self.matching()
        arguments: dict[str, Any] = {"trust_env": False, "verify": PLAIN, "timeout": 60}
        self.dynamics_http = httpx.Client(
            base_url=f"{simulator}/__sim/", headers={"Authorization": "Bearer t"}, **arguments
        )
        self.enreach_http = httpx.Client(base_url=f"{enreach_url}/__sim/", **arguments)

    def close(self) -> None:
        self.dynamics_http.close()
        self.enreach_http.close()

    def document(self, name: str, model: Any, content: Mapping[str, Any]) -> None:
        """A document of `config`, as an administrator writes it."""
        text = json.dumps(content).encode()
        json_document(model)(text)
        self.documents.texts[name] = text

    def matching(self, **settings: Any) -> None:
        self.document("customer-matching.json", CustomerMatching, {"defaultRegion": "FI", **settings})

    def turn(self, **later: float) -> None:
        self.now.turn(**later)
        self.set_clock()

    def turn_to(self, moment: datetime) -> None:
        self.turn(seconds=(moment - self.now()).total_seconds())

    def set_clock(self) -> None:
        """Enreach's clock is that of the site."""
        self.enreach_http.post("clock", json={"now": iso(self.now()), "running": False}).raise_for_status()

    # ------------------------------------------------------------------------------------------ Dynamics

    def plant(self, **rows: list[dict[str, Any]]) -> None:
        self.dynamics_http.post("rows", json=rows).raise_for_status()

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamics_http.get("rows", params={"table": table}).json()
        return found

    def by_id(self, table: str, column: str) -> dict[str, dict[str, Any]]:
        return {row[column]: row for row in self.rows(table)}

    def delete(self, key: str, table: str = "phonecalls") -> None:
        """Somebody deletes a row."""
        self.dynamics_http.delete(f"{self.simulator}/api/data/v9.2/{table}({key})").raise_for_status()

    def add_columns(self, table: str, **columns: dict[str, Any]) -> None:
        """Columns, or options of one, that the environment has of its own."""
        self.dynamics_http.post("columns", json={table: {"attributes": columns}}).raise_for_status()

    def switch(self, **settings: Any) -> None:
        """Switches of the Dataverse simulator."""
        self.dynamics_http.post("environment", json=settings).raise_for_status()

    def refuse(self, **rule: Any) -> None:
        """Faults of Dataverse."""
        self.dynamics_http.post("faults", json=[rule]).raise_for_status()

    def forgive(self) -> None:
        """No faults of either side any more."""
        self.dynamics_http.delete("faults").raise_for_status()
        self.enreach_http.delete("faults").raise_for_status()

    def dynamics_requests(self) -> int:
        return int(self.dynamics_http.get("stats").json()["requests"]["total"])
