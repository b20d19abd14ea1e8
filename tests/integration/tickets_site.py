"""A contact centre of which a test writes down ticket requests: both simulators over HTTP, storage in memory, a clock
of its own."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr

from functions.ticket_creation.rules import DOCUMENT, TicketTriggers
from functions.ticket_creation.use_case.regarding import catch_up
from functions.ticket_creation.use_case.results import Result
from functions.ticket_creation.use_case.working import TicketWork
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.ids import canonical_call_id, phone_call_id
from shared.calls.ledger import CallLedger
from shared.calls.search_keys import search_key
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from shared.number_index.keys import number_key
from shared.ticket_request import TicketRequest, read_message
from shared.tickets.ids import case_id, ticket_note_id, ticket_notification_id
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import TicketRecord
from shared.tickets.slots import Slots
from tests.integration.callbacks_site import CALLER, NOON, Documents, NoIndex, guid, iso
from tests.integration.enreach import enreach_client
from tests.integration.site import Clock
from tests.memory_storage import MemoryTables
from tests.plain_http import PLAIN

KEY = SecretStr("a key of customers that is never rotated")
AGENT = "ann@x.example"
OWN = "+358985000001"


class TicketsSite:
    """Every call makes a case, under configuration `c`, unless a test writes other triggers."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        self.dataverse, self.enreach, self.simulator = dataverse, enreach, simulator
        self.now = Clock(NOON)
        self.tables = MemoryTables(self.now)
        self.ledger, self.calls = TicketLedger(self.tables), CallLedger(self.tables)
        self.documents = Documents()
        self.document("customer-matching.json", CustomerMatching, {"defaultRegion": "FI", "ownNumbers": [OWN]})
        arguments: dict[str, Any] = {"trust_env": False, "verify": PLAIN, "timeout": 60}
        self.dynamics_http = httpx.Client(
            base_url=f"{simulator}/__sim/", headers={"Authorization": "Bearer t"}, **arguments
        )
        self.enreach_http = httpx.Client(base_url=f"{enreach_url}/__sim/", **arguments)
        self.work = self.process()
        self.triggers()

    def worlds(self, **other: Any) -> TicketGateways:
        worlds: dict[str, Any] = {
            "dynamics": self.dataverse,
            "enreach": self.enreach,
            "ledger": TicketLedger(self.tables),
            "slots": Slots(self.tables),
            "calls": CallLedger(self.tables),
            "documents": self.documents,
            "number_index": NoIndex(),
            "customer_key": number_key(KEY),
            "search_key": search_key(KEY),
            "environment": "https://contoso.crm4.dynamics.com",
            "now": self.now,
        }
        return TicketGateways(**(worlds | other))

    def process(self, **other: Any) -> TicketWork:
        """What a process has that has just begun."""
        return TicketWork(self.worlds(**other))

    def document(self, name: str, model: Any, content: Mapping[str, Any]) -> None:
        text = json.dumps(content).encode()
        json_document(model)(text)
        self.documents.texts[name] = text

    def triggers(self, *triggers: dict[str, Any], configurations: Mapping[str, Any] | None = None, **top: Any) -> None:
        """ticket-triggers.json."""
        content = {
            "triggers": list(triggers) or [{"name": "always", "configuration": "c"}],
            "configurations": configurations if configurations is not None else {"c": {}},
            **top,
        }
        self.document(DOCUMENT, TicketTriggers, content)

    def configuration(self, **rules: Any) -> None:
        """The one configuration."""
        self.triggers(configurations={"c": rules})

    def close(self) -> None:
        self.dynamics_http.close()
        self.enreach_http.close()

    def start(self) -> None:
        """An agent, a queue, and no calls."""
        self.turn(seconds=0)
        for kind in ("calls", "callbacks"):
            self.enreach_http.delete(kind).raise_for_status()
        self.user("ann", AGENT)
        self.plant(queues=[{"queueid": guid("queue"), "name": "Case desk", "queueviewtype": 0, "statecode": 0}])
        self.seeded_cases, self.seeded_notes = set(self.cases()), len(self.rows("annotations"))

    def turn(self, **later: float) -> None:
        self.now.turn(**later)
        self.enreach_http.post("clock", json={"now": iso(self.now()), "running": False}).raise_for_status()

    # ------------------------------------------------------------------------------------------ requests

    def request(self, name: object, *, ago: float = 120, **keys: Any) -> TicketRequest:
        """An answered incoming call of the caller, taken by the agent, unless told otherwise."""
        started = iso(self.now() - timedelta(seconds=ago))
        content = {
            "version": 1, "callId": guid(name), "direction": "incoming", "queue": "Sales", "callStatus": "answered",
            "agentEmail": AGENT, "callerNumber": CALLER, "calledNumber": OWN, "startTime": started,
            "durationSeconds": 30,
        }  # fmt: skip
        return read_message(json.dumps(content | keys).encode())

    async def take(self, *requests: TicketRequest) -> list[Result]:
        return await self.work.take(requests)

    async def record(self, name: object) -> TicketRecord:
        return (await self.ledger.read([guid(name)]))[guid(name)]

    async def outcomes(self, name: object) -> dict[str, str]:
        """By configuration."""
        return {each.configuration: str(each.outcome) for each in (await self.record(name)).tickets}

    async def reasons(self) -> dict[str, str]:
        """What is not green in health."""
        return {found.name: found.reason for found in await self.work.health() if found.status != "green"}

    async def catch_up(self) -> int:
        return await catch_up(self.worlds())

    # ------------------------------------------------------------------------------------------ Dynamics

    def plant(self, **rows: list[dict[str, Any]]) -> None:
        self.dynamics_http.post("rows", json=rows).raise_for_status()

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamics_http.get("rows", params={"table": table}).json()
        return found

    def by_id(self, table: str, column: str) -> dict[str, dict[str, Any]]:
        return {row[column]: row for row in self.rows(table)}

    def user(self, name: str, email: str, **columns: Any) -> str:
        row = {"systemuserid": guid(name), "firstname": name, "lastname": "X", "domainname": email,
               "internalemailaddress": email, "isdisabled": False, **columns}  # fmt: skip
        self.plant(systemusers=[row])
        return guid(name)

    def contact(self, name: object, number: str = CALLER, **columns: Any) -> str:
        self.plant(contacts=[{"contactid": guid(name), "lastname": str(name), "telephone1": number, **columns}])
        return guid(name)

    def account(self, name: object, **columns: Any) -> str:
        self.plant(accounts=[{"accountid": guid(name), "name": str(name), **columns}])
        return guid(name)

    def open_case(self, name: object, contact: str, **columns: Any) -> str:
        row = {"incidentid": guid(name), "title": str(name), "customerid_contact@odata.bind": f"/contacts({contact})"}
        self.plant(incidents=[row | columns])
        return guid(name)

    def phone_call(self, name: object, **columns: Any) -> str:
        """The phone call that call sync made of a call."""
        key = str(phone_call_id(guid(name)))
        self.plant(phonecalls=[{"activityid": key, "subject": "Call", **columns}])
        return key

    def cases(self) -> dict[str, dict[str, Any]]:
        return self.by_id("incidents", "incidentid")

    def case(self, name: object, configuration: str = "c") -> dict[str, Any] | None:
        """The case that a call has of its own."""
        return self.cases().get(str(case_id(canonical_call_id(guid(name)), configuration)))

    def note(self, name: object, configuration: str = "c") -> dict[str, Any] | None:
        key = str(ticket_note_id(canonical_call_id(guid(name)), configuration))
        return self.by_id("annotations", "annotationid").get(key)

    def notification(self, name: object, configuration: str = "c") -> dict[str, Any] | None:
        key = str(ticket_notification_id(canonical_call_id(guid(name)), configuration))
        return self.by_id("appnotifications", "appnotificationid").get(key)

    def queue_items(self, key: str) -> list[str]:
        """Ids of the queues in which it is."""
        return [row["_queueid_value"] for row in self.rows("queueitems") if row["_objectid_value"] == key]

    def regarding(self, name: object) -> str | None:
        key = str(phone_call_id(guid(name)))
        found: str | None = self.by_id("phonecalls", "activityid")[key]["_regardingobjectid_value"]
        return found

    def delete(self, key: str, table: str = "incidents") -> None:
        """Somebody deletes a row."""
        self.dynamics_http.delete(f"{self.simulator}/api/data/v9.2/{table}({key})").raise_for_status()

    def switch(self, **settings: Any) -> None:
        """Switches of the Dataverse simulator."""
        self.dynamics_http.post("environment", json=settings).raise_for_status()

    def refuse(self, **rule: Any) -> None:
        """Faults of Dataverse."""
        self.dynamics_http.post("faults", json=[rule]).raise_for_status()

    def forgive(self) -> None:
        self.dynamics_http.delete("faults").raise_for_status()
        self.enreach_http.delete("faults").raise_for_status()

    def dynamics_requests(self) -> int:
        return int(self.dynamics_http.get("stats").json()["requests"]["total"])

    def enreach_calls(self, *events: dict[str, Any]) -> None:
        self.enreach_http.post("calls", json=list(events)).raise_for_status()

    # ---------------------------------------------------------------------------------------- all of it

    def assert_whole(self, cases: Iterable[str], notes: int) -> None:
        """These cases and no others that tickets made, each with one queue item, and so many notes."""
        wanted = {*cases}
        assert self.cases().keys() - self.seeded_cases == wanted
        assert len(self.rows("annotations")) - self.seeded_notes == notes
        items = Counter(row["_objectid_value"] for row in self.rows("queueitems"))
        assert {key: items[key] for key in wanted} == dict.fromkeys(wanted, 1)


@asynccontextmanager
async def tickets_site(
    dataverse: DataverseClient, simulator: str, enreach_url: str, **settings: Any
) -> AsyncIterator[TicketsSite]:
    """A site without cases of tickets. `settings` are those of the client of Enreach."""
    client = enreach_client(enreach_url, **settings)
    site = TicketsSite(dataverse, client, simulator, enreach_url)
    site.start()
    yield site
    site.close()
    await client.close()


def key_of(name: object, configuration: str = "c") -> UUID:
    """Of the case that a call has of its own."""
    return case_id(guid(name), configuration)
