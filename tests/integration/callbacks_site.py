"""A contact centre whose callback requests a test writes down: both simulators over HTTP, storage in memory, a clock of
its own."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from functions.callback_sync.rules import DOCUMENT, CallbackProfiles
from functions.callback_sync.use_case.events import CallbackEvents
from functions.callback_sync.use_case.run import Run
from functions.callback_sync.use_case.running import CallbackRuns
from functions.callback_sync.use_case.worlds import CallbackGateways
from shared.callbacks.ids import callback_phone_call_id
from shared.callbacks.ledger import CallbackLedger
from shared.callbacks.records import CallbackRecord
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from tests.integration.enreach import enreach_client
from tests.integration.simulated_site import NoIndex, SimulatedSite
from tests.integration.simulated_site import iso as iso

CALLER = "+358507654321"


def guid(name: object) -> str:
    return str(uuid5(UUID(int=23), str(name)))


class CallbacksSite(SimulatedSite):
    """List `Sales` goes into queue `Callbacks`, unless a test writes other profiles."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        super().__init__(dataverse, enreach, simulator, enreach_url)
        self.ledger = CallbackLedger(self.tables)
        self.runs = self.process()

    def process(self, **other: Any) -> CallbackRuns:
        """What a process has that has just begun."""
        worlds: dict[str, Any] = {
            "enreach": self.enreach,
            "dynamics": self.dataverse,
            "tables": self.tables,
            "ledger": CallbackLedger(self.tables),
            "documents": self.documents,
            "number_index": NoIndex(),
            "now": self.now,
        }
        return CallbackRuns(CallbackGateways(**(worlds | other)))

    def events(self, runs: CallbackRuns | None = None, **settings: Any) -> CallbackEvents:
        return CallbackEvents(self.tables, (runs or self.runs).on_event, self.now, **({"pause_seconds": 0} | settings))

    def profile(self, **settings: Any) -> dict[str, Any]:
        return {"name": "sales", "callbackList": "sales", "queue": "callbacks", **settings}

    def profiles(self, *profiles: dict[str, Any], **top: Any) -> None:
        """callback-profiles.json."""
        self.document(DOCUMENT, CallbackProfiles, {"profiles": list(profiles), **top})

    # ---------------------------------------------------------------------------------------------- time

    async def tick(self, **later: float) -> Run:
        """The timer fires, a minute later than before."""
        self.turn(**(later or {"minutes": 1}))
        return await self.runs.every_minute()

    async def done(self, **later: float) -> Run:
        """A tick that comes to its end."""
        run = await self.tick(**later)
        assert run.outcome == "done", run.reason
        return run

    # ------------------------------------------------------------------------------------------- Enreach

    def start(self) -> None:
        """Two lists, two queues, nobody else and no requests."""
        self.set_clock()
        for kind in ("calls", "callbacks"):
            self.enreach_http.delete(kind).raise_for_status()
        lists = [{"Id": guid(name), "Name": name} for name in ("Sales", "Service", "Night")]
        self.enreach_http.post("callbacklists", json=lists).raise_for_status()
        queues = [
            {"queueid": guid(f"queue {name}"), "name": name, "queueviewtype": 0, "statecode": 0}
            for name in ("Callbacks", "Day desk", "Night desk")
        ]
        self.dynamics_http.post("rows", json={"queues": []}).raise_for_status()
        # The simulator's own queue of that name would make it ambiguous.
        for row in self.rows("queues"):
            if row["name"] in {"Callbacks", "Day desk", "Night desk"}:
                self.delete(row["queueid"], "queues")
        self.plant(queues=queues)
        self.profiles(self.profile())

    def request(self, name: object, *, ago: float = 120, **fields: Any) -> str:
        """An open request of the list Sales, made so many seconds ago, unless told otherwise. Returns its id."""
        return self.requests_of([(name, {"ago": ago, **fields})])[0]

    def requests_of(self, many: Iterable[tuple[object, dict[str, Any]]]) -> list[str]:
        items = []
        for name, fields in many:
            made = iso(self.now() - timedelta(seconds=fields.get("ago", 120)))
            item = {"Id": guid(name), "CallbackListId": guid("Sales"), "Number": CALLER, "Created": made,
                    "ModifiedAt": made, "State": "Open"}  # fmt: skip
            items.append(item | {key: value for key, value in fields.items() if key != "ago"})
        self.enreach_http.post("callbacks", json=items).raise_for_status()
        return [item["Id"] for item in items]

    def state(self, request_id: str) -> str:
        """In Enreach."""
        return self.states()[request_id]

    def states(self) -> dict[str, str]:
        return {item["Id"]: item["State"] for item in self.enreach_http.get("callbacks").json()}

    def close_in_enreach(self, request_id: str, state: str = "ClosedSuccessfully") -> None:
        """Somebody closes it there, or it expires."""
        self.enreach_http.post(
            "callbacks", json=[{**self.item(request_id), "State": state, "ModifiedAt": iso(self.now())}]
        ).raise_for_status()

    def item(self, request_id: str) -> dict[str, Any]:
        return next(item for item in self.enreach_http.get("callbacks").json() if item["Id"] == request_id)

    def call(self, name: object, *, ago: float = 60, **fields: Any) -> None:
        """An answered outgoing call to the caller."""
        started = iso(self.now() - timedelta(seconds=ago))
        event = {"CallId": guid(name), "UserId": guid("ann"), "UserName": "ann@x.example", "ANum": "+358985000001",
                 "BNum": CALLER, "TimeStamp": started, "ModifiedAt": started, "Duration": 30, "Direction": 1,
                 "EndResult": 0, "CallTypeString": "DirectCall", "Privacy": "Work", **fields}  # fmt: skip
        self.enreach_http.post("calls", json=[event]).raise_for_status()

    def enreach_requests(self, path: str = "") -> int:
        asked = self.enreach_http.get("requests").json()
        return sum(each["path"].startswith(path) for each in asked)

    def enreach_refuses(self, **rule: Any) -> None:
        self.enreach_http.post("faults", json=[rule]).raise_for_status()

    # ------------------------------------------------------------------------------------------ Dynamics

    def phone_calls(self) -> dict[str, dict[str, Any]]:
        """Those of callback requests, by the request's id."""
        keys = {str(callback_phone_call_id(each)): each for each in self.states()}
        return {keys[row["activityid"]]: row for row in self.rows("phonecalls") if row["activityid"] in keys}

    def row(self, request_id: str) -> dict[str, Any]:
        return self.phone_calls()[request_id]

    def queue_items(self, request_id: str) -> list[str]:
        """The names of the queues in which its phone call is."""
        names = {row["queueid"]: row["name"] for row in self.rows("queues")}
        key = str(callback_phone_call_id(request_id))
        return [names.get(row["_queueid_value"], "gone") for row in self.rows("queueitems")
                if row["_objectid_value"] == key]  # fmt: skip

    def contact(self, name: object, number: str = "050 765 4321", **columns: Any) -> str:
        self.plant(contacts=[{"contactid": guid(name), "lastname": str(name), "mobilephone": number, **columns}])
        return guid(name)

    def parties(self, request_id: str) -> set[tuple[int, str | None, str | None]]:
        key = str(callback_phone_call_id(request_id))
        return {
            (row["participationtypemask"], row["_partyid_value"], row.get("addressused"))
            for row in self.rows("activityparties")
            if row["_activityid_value"] == key and row["participationtypemask"] in {1, 2}
        }

    def notes(self, request_id: str) -> list[str]:
        key = str(callback_phone_call_id(request_id))
        return [row["notetext"] for row in self.rows("annotations") if row["_objectid_value"] == key]

    def edit(self, request_id: str, **columns: Any) -> None:
        """A user changes its phone call."""
        self.plant(phonecalls=[{"activityid": str(callback_phone_call_id(request_id)), **columns}])

    def delete_phone_call(self, request_id: str) -> None:
        self.delete(str(callback_phone_call_id(request_id)))

    # ------------------------------------------------------------------------------------------ the ledger

    async def record(self, request_id: str) -> CallbackRecord:
        return (await self.ledger.read([request_id]))[request_id]

    async def outcome(self, request_id: str) -> tuple[str, bool]:
        """And whether it is closed."""
        record = await self.record(request_id)
        return str(record.outcome), record.closed

    async def reasons(self) -> dict[str, str]:
        """What is not green in health."""
        return {found.name: found.reason for found in await self.runs.health() if found.status != "green"}

    # ------------------------------------------------------------------------------------------ all of it

    async def assert_each_once(self, requests: Iterable[str], merged: Iterable[str] = ()) -> None:
        """Each of these requests has one open phone call and one queue item, those merged one note; all are closed."""
        wanted, repeats, states = set(requests), set(merged), self.states()
        keys = {each: str(callback_phone_call_id(each)) for each in wanted}
        of_requests = {str(callback_phone_call_id(each)) for each in states}
        calls = Counter(row["activityid"] for row in self.rows("phonecalls") if row["activityid"] in of_requests)
        items = Counter(row["_objectid_value"] for row in self.rows("queueitems"))
        assert calls == dict.fromkeys(keys.values(), 1)
        assert {each: items[key] for each, key in keys.items()} == dict.fromkeys(wanted, 1)
        notes = Counter(row["notetext"].rpartition(" ")[2] for row in self.rows("annotations"))
        assert {each: notes[each] for each in repeats} == dict.fromkeys(repeats, 1)
        assert {states[each] for each in wanted | repeats} <= {"ClosedSuccessfully"}
        records = await self.ledger.read(wanted | repeats)
        outcomes = {each: (str(record.outcome), record.closed) for each, record in records.items()}
        assert outcomes == dict.fromkeys(wanted, ("queued", True)) | dict.fromkeys(repeats, ("merged", True))
        assert await self.ledger.unfinished() == []


@asynccontextmanager
async def callbacks_site(
    dataverse: DataverseClient, simulator: str, enreach_url: str, **settings: Any
) -> AsyncIterator[CallbacksSite]:
    """A site without requests. `settings` are those of the client of Enreach."""
    client = enreach_client(enreach_url, **settings)
    site = CallbacksSite(dataverse, client, simulator, enreach_url)
    site.start()
    yield site
    site.close()
    await client.close()
