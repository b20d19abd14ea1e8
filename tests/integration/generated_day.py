"""A contact centre on a generated day: both simulators over HTTP, with people and customers planted for it."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.calls.ids import phone_call_id
from shared.calls.ledger import CallLedger
from shared.dataverse.client import DataverseClient
from shared.storage.checkpoints import Checkpoint
from shared.ticket_request import TicketRequest
from shared.users.queries import UserColumns
from shared.users.users import Users
from tests.integration import call_oracle
from tests.integration.call_oracle import Centre, Customer
from tests.integration.calls_site import CallsSite, guid
from tests.integration.enreach import enreach_client
from tests.integration.site import utc

DAY = "2027-03-02"
BEGIN = utc(f"{DAY}T05:55:00+00:00")
EVENING = utc(f"{DAY}T23:40:00+00:00")
"""Later than the latest moment of the nightly run."""
NEXT_NOON = utc("2027-03-03T12:00:00+00:00")
"""By then everything is reported that is reported late: 20 hours after the end of a call at most."""
SWITCHES_ON = {
    "ProcessServiceCalls": True,
    "ProcessServiceCallsUnanswered": True,
    "ProcessDirectCallsUnanswered": True,
}
"""Of call-sync.json; ProcessDirectCalls is on by itself."""
STILL_RINGING = timedelta(minutes=2)
"""So long nobody knows whether a call that was not answered has ended."""
SERVICE_QUEUE = 4

# What stands in Dynamics for every twentieth number; for the others nobody.
_HOLDERS: Mapping[int, tuple[str, ...]] = {
    **dict.fromkeys(range(9), ("contact",)),
    9: ("account",),
    10: ("lead",),
    11: ("contact", "account"),
    12: ("contact", "contact"),
    13: ("lead", "lead"),
    14: ("gone",),
    15: ("account", "account"),
    16: ("late",),
}


def numbers(count: int) -> list[str]:
    """Numbers of customers in three countries (E.164), no two the same."""
    forms = ("+35850{:07d}", "+35840{:07d}", "+35841{:07d}", "+46701{:06d}", "+47401{:05d}")
    return [forms[at % 5].format(10_007 + 61 * at) for at in range(count)]


def typed(number: str, at: int) -> str:
    """The number as somebody typed it into Dynamics."""
    if number.startswith("+358"):
        local = "0" + number[4:]
        spaced = f"{local[:3]} {local[3:6]} {local[6:]}", f"+358 {number[4:6]} {number[6:]}"
        return (number, local, "00" + number[1:], *spaced)[at % 5]
    return (number, "00" + number[1:])[at % 2]


@asynccontextmanager
async def day_site(dataverse: DataverseClient, simulator: str, enreach_url: str) -> AsyncGenerator["DaySite"]:
    """A site that ends with the block."""
    client = enreach_client(enreach_url)
    site = DaySite(dataverse, client, simulator, enreach_url)
    yield site
    site.close()
    await client.close()
    # What `walk` left out of the search for garbage is looked through once.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class DaySite(CallsSite):
    """Agents, customers, and a day that is generated but has not begun."""

    def open(
        self,
        agents: int,
        settings: Mapping[str, Any],
        *,
        seed: int = 1,
        calls_per_agent: int = 30,
        with_late_customers: bool = False,
    ) -> None:
        """It is 5:55, and nothing has happened yet."""
        self.settings = settings
        self.rules(**settings)
        self._in_ledger: set[str] = set()
        self._late: list[dict[str, Any]] = []
        self.turn_to(BEGIN)
        self.start()
        self._numbers = numbers(max(60, 3 * agents))
        order = {"agents": agents, "day": DAY, "seed": seed, "callsPerAgent": calls_per_agent, "numbers": self._numbers}
        self.enreach_http.post("traffic", json=order).raise_for_status()
        self._agents = [user for user in self._items("users") if user["UserName"].lower().startswith("agent")]
        self._queues = self._items("queues")
        users, mobiles = self._plant_users()
        self.centre = Centre(
            stories=self._items("traffic"),
            users=users,
            mobiles=mobiles,
            assignee=guid("api in Dynamics"),
            customers=self._plant_customers(),
            named_queues={queue["Id"]: queue["Name"] for queue in self._queues if queue["TypeId"] == SERVICE_QUEUE},
            logins={user["Id"]: user["UserName"] for user in self._agents},
            work_numbers={user["Id"]: user["WorkNumber"] for user in self._agents},
        )
        if not with_late_customers:
            self.plant_late_customers()
        self._known_people = {row["contactid"] for row in self._rows("contacts")}
        self._known_people |= {row["leadid"] for row in self._rows("leads")} | {row["contactid"] for row in self._late}
        self.users = Users(self.tables, self.dataverse, self.enreach, UserColumns(), good_for=3600)
        self.runs = self.process()

    def process(self, **other: Any) -> Any:
        users = getattr(self, "users", None)
        return super().process(**({"users": users} if users is not None else {}) | other)

    async def walk(self, moments: Iterable[datetime]) -> Counter[str]:
        """A run at each of these moments. Returns how often each outcome came."""
        outcomes: Counter[str] = Counter()
        for moment in moments:
            self.turn_to(moment)
            # What is there stays: each run's search through all objects would go through it again.
            gc.freeze()
            run = await self.runs.every_minute()
            assert run.outcome == "done", run.reason
            outcomes.update(run.outcomes)
        return outcomes

    async def walk_and_time(self, moments: Iterable[datetime], patience: timedelta) -> list[timedelta]:
        """As `walk`, before the late customers come. Returns how long each call that Enreach told of meanwhile took
        until it was a phone call."""
        late = {row["contactid"] for row in self._late}
        customers = [customer for customer in self.centre.customers if customer.id not in late]
        centre = replace(self.centre, customers=customers)
        began, seen = self.now(), set(self.phone_calls())
        delays: dict[str, timedelta] = {}
        told = {str(phone_call_id(story["callId"])): utc(story["reported"]) for story in self.centre.stories}
        due: set[str] = set()
        for moment in moments:
            await self.walk([moment])
            new = self.phone_calls().keys() - seen
            seen |= new
            delays |= {key: moment - told[key] for key in new if key in told and told[key] >= began}
            due |= {
                str(phone_call_id(each)) for each in call_oracle.phone_calls(centre, self.settings, moment - patience)
            }
            assert not due - seen, f"{len(due - seen)} calls are not there {patience} after Enreach told of them"
        return list(delays.values())

    async def offer(self, requests: Sequence[TicketRequest]) -> None:
        """The queue of tickets."""
        await asyncio.sleep(0)
        self.tickets += requests

    def plant_late_customers(self) -> None:
        """Customers whom somebody adds in the evening."""
        self.plant(contacts=self._late)

    def expected(self) -> dict[str, call_oracle.PhoneCall]:
        """What has to stand in Dynamics now, with all customers there."""
        return call_oracle.phone_calls(self.centre, self.settings, self.now())

    def expected_tickets(self) -> dict[str, call_oracle.Ticket]:
        return call_oracle.tickets(self.centre, self.settings, self.now())

    def found(self) -> dict[str, call_oracle.PhoneCall]:
        made = {
            row[key]: f"made for {row['telephone1']}"
            for table, key in (("contacts", "contactid"), ("leads", "leadid"))
            for row in self._rows(table)
            if row[key] not in self._known_people
        }
        assert len(set(made.values())) == len(made), "two customers were made for one number"
        return call_oracle.found_phone_calls(self.phone_calls().values(), self._rows("activityparties"), made)

    def offered(self) -> dict[str, set[call_oracle.Ticket]]:
        """What was offered for tickets, by call id; what came twice alike is once in it."""
        found: dict[str, set[call_oracle.Ticket]] = {}
        for request in self.tickets:
            found.setdefault(request.call_id, set()).add(_ticket(request))
        return found

    def assert_phone_calls(self) -> None:
        """Those that have to stand are there, equal in all fields, and no other one."""
        found, expected = self.found(), self.expected()
        wrong = {call_id: (found.get(call_id), expected.get(call_id)) for call_id in found.keys() | expected.keys()}
        wrong = {call_id: both for call_id, both in wrong.items() if both[0] != both[1]}
        shown = "\n".join(f"{call_id}: {both[0]}\n  is to be {both[1]}" for call_id, both in sorted(wrong.items())[:5])
        assert not wrong, f"{len(wrong)} of {len(expected)} phone calls are not as computed, such as\n{shown}"

    def assert_tickets(self) -> None:
        """Each call that may be known was offered, as it was."""
        offered, expected = self.offered(), self.expected_tickets()
        assert offered.keys() == expected.keys(), sorted(offered.keys() ^ expected.keys())[:5]
        wrong = {
            call_id: (offered[call_id], ticket) for call_id, ticket in expected.items() if offered[call_id] != {ticket}
        }
        assert not wrong, f"{len(wrong)} of {len(expected)} tickets are not as computed: {list(wrong.items())[:5]}"

    async def assert_that_the_checkpoint_passed_nothing(self, tables: Any = None, *, with_tickets: bool = True) -> None:
        """Whatever changed before the checkpoint is in the ledger, and with it what has to stand in Dynamics."""
        tables = tables or self.tables
        reached = await Checkpoint(tables, "calls").read()
        if reached is None:
            return
        until = call_oracle.plain(reached.isoformat())
        events = self.events()
        changed_since = {event["CallId"] for event in events if event["ModifiedAt"] >= until}
        told = {event["CallId"] for event in events} - changed_since
        known = await CallLedger(tables).read(told - self._in_ledger)
        assert known.keys() == told - self._in_ledger
        self._in_ledger |= told
        settled, found = reached - STILL_RINGING, self.found()
        for call_id, expected in call_oracle.phone_calls(self.centre, self.settings, settled).items():
            # What was changed since then may stand already or not.
            assert found.get(call_id) == expected or call_id in changed_since, call_id
        if with_tickets:
            due = call_oracle.tickets(self.centre, self.settings, settled).keys()
            assert due <= self.offered().keys() | changed_since

    def events(self) -> list[dict[str, Any]]:
        """All that the API would tell of calls now, of both feeds."""
        return [*self._items("calls"), *self._items("servicecalls")]

    # ---------------------------------------------------------------------------------------------- planting

    def _items(self, kind: str) -> list[dict[str, Any]]:
        return list(self.enreach_http.get(kind).raise_for_status().json())

    def _rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.dynamics_http.get("rows", params={"table": table}).raise_for_status().json())

    def _plant_users(self) -> tuple[dict[str, str], dict[str, str]]:
        """Most agents are in Dynamics; a few are not, are disabled, or share a mobile phone."""
        rows, users, mobiles = [], {}, {}
        for at, agent in enumerate(self._agents):
            if at % 17 == 5:
                continue
            key, mobile = guid(f"{agent['Id']} in Dynamics"), agent["MobileNumber"] if at % 8 != 2 else None
            row = {
                "systemuserid": key,
                "fullname": f"Agent {at}",
                "internalemailaddress": agent["UserName"].upper(),
                "mobilephone": typed(mobile, at) if mobile else None,
                "isdisabled": at % 17 == 9,
            }
            rows.append(row)
            if at % 40 == 6 and mobile:
                shared = {"systemuserid": guid(f"{key} too"), "fullname": "Phone of the car", "mobilephone": mobile}
                rows.append(shared | {"isdisabled": False})
            if not row["isdisabled"]:
                users[agent["Id"]] = key
                if mobile and at % 40 != 6:
                    mobiles[agent["Id"]] = key
        self.plant(systemusers=rows)
        return users, mobiles

    def _plant_customers(self) -> list[Customer]:
        """All of them, with those who come late."""
        rows: dict[str, list[dict[str, Any]]] = {"contacts": [], "accounts": [], "leads": []}
        customers = []
        for at, number in enumerate(self._numbers):
            for again, holder in enumerate(_HOLDERS.get(at % 20, ())):
                key, text = guid(f"{number} {again}"), typed(number, at + again)
                match holder:
                    case "account":
                        rows["accounts"].append({"accountid": key, "name": f"A {at}", "telephone1": text})
                    case "lead":
                        rows["leads"].append({"leadid": key, "subject": "L", "lastname": f"L {at}", "telephone1": text})
                    case "contact" | "gone":
                        state = {"statecode": 1, "statuscode": 2} if holder == "gone" else {}
                        row = {"contactid": key, "lastname": f"C {at}", "mobilephone": text}
                        rows["contacts"].append(row | state)
                    case _:
                        self._late.append({"contactid": key, "lastname": f"C {at}", "telephone2": text})
                if holder != "gone":
                    customers.append(Customer("contact" if holder == "late" else holder, key, number))
        self.plant(**rows)
        return customers


def _ticket(request: TicketRequest) -> call_oracle.Ticket:
    assert request.direction is not None
    assert request.start_time is not None
    assert request.duration_seconds is not None
    is_incoming = request.direction.value == "incoming"
    return call_oracle.Ticket(
        direction=request.direction.value,
        queue=request.queue,
        status=str(request.call_status),
        agent=request.agent_email,
        customer_number=request.caller_number if is_incoming else request.called_number,
        started=call_oracle.plain(request.start_time.isoformat()),
        seconds=request.duration_seconds,
    )


def steps(start: datetime, end: datetime, **by: float) -> Iterable[datetime]:
    """The moments from behind the start to the end."""
    step = timedelta(**by)
    while start < end:
        start = min(start + step, end)
        yield start
