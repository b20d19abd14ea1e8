"""A contact centre whose calls a test writes down: both simulators over HTTP, storage in memory, a clock of its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from pydantic import SecretStr

from functions.call_sync.rules import DOCUMENT, CallSync
from functions.call_sync.use_case.run import Run
from functions.call_sync.use_case.running import CallSyncRuns
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.ids import phone_call_id
from shared.calls.ledger import CallLedger
from shared.calls.records import CallRecord
from shared.calls.search_keys import search_key
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from shared.health import Finding
from shared.number_index.keys import number_key
from shared.storage.errors import StorageError
from shared.ticket_request import TicketRequest
from shared.users.queries import UserColumns
from shared.users.users import Users
from tests.integration.simulated_site import NOON as NOON
from tests.integration.simulated_site import Documents as Documents
from tests.integration.simulated_site import NoIndex, SimulatedSite

KEY = SecretStr("a-key-of-the-tests-that-is-long-enough")
QUEUE = {"Id": str(uuid5(UUID(int=21), "queue")), "Name": "Support", "Numbers": ["+358985000000"], "TypeId": 4}


def guid(name: object) -> str:
    return str(uuid5(UUID(int=21), str(name)))


class Forgetful(CallLedger):
    """Is gone before anything is written down of what was done."""

    async def write(self, *_: Any, **__: Any) -> None:
        raise StorageError("storage is down")


class CallsSite(SimulatedSite):
    """Users `ann`, `ben` and `api` are known on both sides; `api` is the default assignee."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        super().__init__(dataverse, enreach, simulator, enreach_url)
        self.ledger = CallLedger(self.tables)
        self.tickets: list[TicketRequest] = []
        self.rules()
        self.runs = self.process()

    def process(self, **other: Any) -> CallSyncRuns:
        """What a process has that has just begun."""

        async def offer(requests: Sequence[TicketRequest]) -> None:
            self.tickets += requests

        worlds: dict[str, Any] = {
            "enreach": self.enreach,
            "dynamics": self.dataverse,
            "tables": self.tables,
            "ledger": CallLedger(self.tables),
            "users": Users(self.tables, self.dataverse, self.enreach, UserColumns(), good_for=0),
            "documents": self.documents,
            "number_index": NoIndex(),
            "offer_tickets": offer,
            "customer_key": number_key(KEY),
            "search_key": search_key(KEY),
            "site_id": "test",
            "now": self.now,
        }
        return CallSyncRuns(CallSyncGateways(**(worlds | other)))

    def rules(self, **settings: Any) -> None:
        """call-sync.json, with `api` as the default assignee unless told otherwise."""
        self.document(DOCUMENT, CallSync, {"DefaultCrmAssignee": guid("api"), **settings})

    async def tick(self, **later: float) -> Run:
        """The timer fires, a minute later than before."""
        self.turn(**(later or {"minutes": 1}))
        return await self.runs.every_minute()

    async def night(self, moment: datetime) -> Run:
        """The nightly timer fires at this moment."""
        self.turn_to(moment)
        return await self.runs.at_night()

    # ------------------------------------------------------------------------------------------- Enreach

    def start(self) -> None:
        """Nobody and nothing is there but the users and a queue."""
        self.set_clock()
        for kind in ("calls", "servicecalls"):
            self.enreach_http.delete(kind).raise_for_status()
        users = [
            {"Id": guid(name), "UserName": f"{name}@x.example", "MobileNumber": number}
            for name, number in (("ann", "+358400000001"), ("ben", "+358400000002"), ("api", ""))
        ]
        self.enreach_http.post("users", json=users).raise_for_status()
        self.enreach_http.post("queues", json=[QUEUE]).raise_for_status()
        self.plant(
            systemusers=[
                {
                    "systemuserid": guid(f"{name} in Dynamics"),
                    "fullname": name.title(),
                    "internalemailaddress": f"{name.upper()}@x.example",
                    "mobilephone": number,
                    "isdisabled": False,
                }
                for name, number in (("ann", "+358 40 000 0001"), ("ben", "040 000 0002"), ("api", None))
            ]
        )

    def call(self, name: object, *, ago: float = 300, **fields: Any) -> str:
        """An answered incoming call of ann, so many seconds ago, unless told otherwise. Returns its id."""
        started = self.now() - timedelta(seconds=ago)
        event = {
            "CallId": guid(name),
            "UserId": guid("ann"),
            "UserName": "ann@x.example",
            "ANum": "+358507654321",
            "BNum": "+358985000001",
            "TimeStamp": started.isoformat().replace("+00:00", "Z"),
            "Duration": 95,
            "Direction": 0,
            "EndResult": 0,
            "CallTypeString": "DirectCall",
            "Privacy": "Work",
            **fields,
        }
        self.enreach_http.post("calls", json=[event]).raise_for_status()
        return guid(name)

    def service_call(self, name: object, *, ago: float = 300, **fields: Any) -> str:
        """An answered queue call that ann took after 10 s and ended after 105 s."""
        arrived = self.now() - timedelta(seconds=ago)

        def at(seconds: float) -> str:
            return (arrived + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

        event = {
            "CallId": guid(name),
            "ANum": "+358507654321",
            "QueueId": QUEUE["Id"],
            "QueueName": QUEUE["Name"],
            "QueueNumber": "+358985000000",
            "ArrivalTime": at(0),
            "AnswerTime": at(10),
            "EndTime": at(105),
            "UserId": guid("ann"),
            "Result": "Answered",
            **fields,
        }
        self.enreach_http.post("servicecalls", json=[event]).raise_for_status()
        return guid(name)

    # ------------------------------------------------------------------------------------------ Dynamics

    def user(self, name: str, **columns: Any) -> None:
        """Somebody more who is known on both sides."""
        self.enreach_http.post("users", json=[{"Id": guid(name), "UserName": f"{name}@x.example"}]).raise_for_status()
        row = {
            "systemuserid": guid(f"{name} in Dynamics"),
            "fullname": name.title(),
            "internalemailaddress": f"{name}@x.example",
            "isdisabled": False,
        }
        self.plant(systemusers=[row | columns])

    def add_text_column(self, table: str, name: str, length: int) -> None:
        self.add_columns(table, **{name: {"type": "String", "max_length": length}})

    def add_status(self, table: str, value: int, state: int) -> None:
        """A status reason of the environment's own."""
        option = {"value": value, "label": "Another", "state": state}
        self.add_columns(table, statuscode={"options": [option]})

    def contact(self, name: object, number: str = "050 765 4321", **columns: Any) -> str:
        self.plant(contacts=[{"contactid": guid(name), "lastname": str(name), "mobilephone": number, **columns}])
        return guid(name)

    def phone_calls(self) -> dict[str, dict[str, Any]]:
        """All of Dynamics, by key."""
        return self.by_id("phonecalls", "activityid")

    def row_of(self, call_id: str) -> dict[str, Any] | None:
        return self.phone_calls().get(str(phone_call_id(call_id)))

    def row_there(self, call_id: str) -> dict[str, Any]:
        row = self.row_of(call_id)
        assert row is not None
        return row

    def client_row(self, name: object, *, ago: float = 300, **columns: Any) -> str:
        """A phone call that the client of ann made of her call so many seconds ago, unless told otherwise."""
        started = (self.now() - timedelta(seconds=ago)).isoformat().replace("+00:00", "Z")
        row = {
            "activityid": guid(name),
            "subject": "Call",
            "phonenumber": "050 765 4321",
            "directioncode": False,
            "scheduledstart": started,
            "createdon": started,
            "_createdby_value": guid("ann in Dynamics"),
            "_modifiedby_value": guid("ann in Dynamics"),
            "_ownerid_value": guid("ann in Dynamics"),
            "statecode": 0,
            "statuscode": 1,
            **columns,
        }
        self.plant(phonecalls=[row])
        return guid(name)

    def edit(self, key: str, **columns: Any) -> None:
        """Ben changes a phone call."""
        self.plant(phonecalls=[{"activityid": key, "_modifiedby_value": guid("ben in Dynamics"), **columns}])

    def parties(self, key: str) -> dict[int, set[str]]:
        """Who takes part in a phone call: ids by `participationtypemask`, from (1) and to (2)."""
        found: dict[int, set[str]] = {1: set(), 2: set()}
        for row in self.rows("activityparties"):
            if row["_activityid_value"] == key and row["participationtypemask"] in found:
                found[row["participationtypemask"]].add(row["_partyid_value"])
        return found

    def count(self, table: str) -> int:
        return len(self.rows(table))

    async def findings(self) -> list[tuple[str, str]]:
        return [(found.name, found.status.value) for found in await self.runs.health()]

    async def finding(self, name: str) -> Finding:
        return next(found for found in await self.runs.health() if found.name == name)

    async def outcome(self, call_id: str) -> str:
        return str((await self.record(call_id)).outcome)

    async def record(self, call_id: str) -> CallRecord:
        return (await self.ledger.read([call_id]))[call_id]
