"""A contact centre of which a test writes down ticket requests: both simulators over HTTP, storage in memory, a clock
of its own."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from functions.ticket_creation.rules import DOCUMENT, TicketTriggers
from functions.ticket_creation.use_case.regarding import catch_up
from functions.ticket_creation.use_case.results import Result
from functions.ticket_creation.use_case.working import TicketWork
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.ids import canonical_call_id, phone_call_id
from shared.calls.ledger import CallLedger
from shared.calls.search_keys import search_key
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from shared.number_index.keys import number_key
from shared.ticket_request import TicketRequest, read_message
from shared.tickets.ids import case_id, ticket_note_id, ticket_notification_id
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import TicketRecord
from shared.tickets.slots import Slots
from tests.integration.callbacks_site import CALLER, guid
from tests.integration.enreach import enreach_client
from tests.integration.simulated_site import NoIndex, SimulatedSite, iso

KEY = SecretStr("a key of customers that is never rotated")
AGENT = "ann@x.example"
OWN = "+358985000001"


class TicketsSite(SimulatedSite):
    """Every call makes a case, under configuration `c`, unless a test writes other triggers."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        super().__init__(dataverse, enreach, simulator, enreach_url)
        self.ledger, self.calls = TicketLedger(self.tables), CallLedger(self.tables)
        self.matching(ownNumbers=[OWN])
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

    def start(self) -> None:
        """An agent, a queue, and no calls."""
        self.set_clock()
        for kind in ("calls", "callbacks"):
            self.enreach_http.delete(kind).raise_for_status()
        self.user("ann", AGENT)
        self.plant(queues=[{"queueid": guid("queue"), "name": "Case desk", "queueviewtype": 0, "statecode": 0}])
        self.seeded_cases, self.seeded_notes = set(self.cases()), len(self.rows("annotations"))

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
