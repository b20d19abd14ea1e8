"""Routing against the Dataverse simulator: who calls, whose case it is, and who is on shift, in one request."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from functions.smart_routing.decide.answers import Forward
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.use_case import SmartRouting
from shared.config_documents import ConfigDocuments
from shared.customers import CustomerMatching, MatchKind
from shared.dataverse.client import DataverseClient
from tests.memory_storage import MemoryFiles

POOL, CALLER = "+35840675644", "+358409990001"
NOW = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)
SETUP = "4beb9fdb-48e9-453f-b008-5862ff902c5d"
AT_HOME = "+358981110001"


def new_id() -> str:
    return str(uuid.uuid4())


class Numbers:
    """A number index that is off, or that knows these ids."""

    def __init__(self) -> None:
        self.known: dict[str, dict[MatchKind, tuple[str, ...]]] | None = None

    async def find(self, number: str, matching: CustomerMatching) -> dict[MatchKind, tuple[str, ...]] | None:
        return None if self.known is None else self.known.get(number, {})


class World:
    """Rows of a contact centre, made with the ids that tests need to tie them together."""

    def __init__(self, control: httpx.Client, dataverse: DataverseClient) -> None:
        self.control = control
        self.dataverse = dataverse
        self.numbers = Numbers()
        self.rules: list[dict[str, Any]] = []
        self.matching: dict[str, Any] = {"defaultRegion": "FI"}
        self.lines: dict[str, str] = {}

    def plant(self, table: str, **columns: Any) -> str:
        row_id = new_id()
        self.control.post("rows", json={table: [{KEYS[table]: row_id, **columns}]}).raise_for_status()
        return row_id

    def agent(self, number: str | None = AT_HOME, **columns: Any) -> str:
        user = self.plant("systemusers", fullname="Agent", address1_telephone1=number, isdisabled=False, **columns)
        self.resource = self.plant(
            "bookableresources", name="Agent", resourcetype=3, **{BIND_USER: f"/systemusers({user})"}
        )
        return user

    def book(self, start: int, end: int, *, assignable: bool = True, status: int = 2, **columns: Any) -> None:
        """A booking of the last agent, from and to so many minutes from now."""
        kind = self.plant("msdyn_shiftactivitytypes", msdyn_name="Work",
                          msdyn_shiftassignmentstatus=192350000 if assignable else 192350001)  # fmt: skip
        booked = self.plant("bookingstatuses", name="Status", status=status)
        row = {
            "name": "Shift", "starttime": at(start), "endtime": at(end), "duration": end - start, "bookingtype": 1,
            "Resource@odata.bind": f"/bookableresources({self.resource})",
            "BookingStatus@odata.bind": f"/bookingstatuses({booked})",
            "msdyn_shiftactivitytype@odata.bind": f"/msdyn_shiftactivitytypes({kind})",
            "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SETUP})",
        }  # fmt: skip
        self.plant("bookableresourcebookings", **{**row, **columns})

    def case(self, customer: str, owner: str | None = None, **columns: Any) -> str:
        bind = {} if owner is None else {"ownerid@odata.bind": f"/systemusers({owner})"}
        return self.plant("incidents", title="Outage", **{"customerid_contact@odata.bind": f"/contacts({customer})"},
                          **bind, **columns)  # fmt: skip

    async def routing(self) -> SmartRouting:
        """Routing as an app has it that has just started."""
        files = MemoryFiles(lambda: NOW)
        await files.write("config", "routing.json", json.dumps({"rules": self.rules}).encode(), "application/json")
        await files.write("config", "customer-matching.json", json.dumps(self.matching).encode(), "application/json")
        return SmartRouting(
            documents=ConfigDocuments(files),
            dynamics=self.dataverse,
            numbers=self.numbers,
            now=lambda: NOW,
            deadline_seconds=5,
            cache_seconds=0,
            agent_lines=lambda: self.lines,
        )

    async def route(
        self, anum: str | None = CALLER, routing: SmartRouting | None = None, **request: Any
    ) -> tuple[str | None, int]:
        """The target and the number of requests that it took."""
        routing = routing or await self.routing()
        before = self.dataverse.meter.requests
        outcome = await routing.explain(RouteRequest(anum=anum, bnum=POOL, **request), within=5)
        target = outcome.decision.target if isinstance(outcome.decision, Forward) else None
        return target, self.dataverse.meter.requests - before


BIND_USER = "UserId@odata.bind"
KEYS = {
    "systemusers": "systemuserid", "bookableresources": "bookableresourceid", "contacts": "contactid",
    "msdyn_shiftactivitytypes": "msdyn_shiftactivitytypeid", "bookingstatuses": "bookingstatusid",
    "bookableresourcebookings": "bookableresourcebookingid", "incidents": "incidentid", "accounts": "accountid",
    "phonecalls": "activityid", "leads": "leadid", "activityparties": "activitypartyid",
}  # fmt: skip


def at(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def world(control: httpx.Client, dataverse: DataverseClient) -> World:
    return World(control, dataverse)


def rule(then: dict[str, Any], **when: Any) -> dict[str, Any]:
    return {"name": f"rule {new_id()}", "when": when, "then": then}


CASE_OWNER = rule({"agent": "caseOwner", "onShift": {"minutes": 10}}, openCase=True)


async def test_the_case_owner_on_shift_takes_the_call_in_one_request(world: World) -> None:
    owner = world.agent()
    world.book(-60, 60)
    customer = world.plant("contacts", lastname="Caller", mobilephone="040 999 0001")
    world.case(customer, owner)
    world.rules = [CASE_OWNER]
    assert await world.route() == (AT_HOME, 1)
    assert await world.route("+358409990002") == (None, 1)


NOT_ON_SHIFT = [
    pytest.param([], id="no booking"),
    pytest.param([{"start": -60, "end": 5}], id="it ends too soon"),
    pytest.param([{"start": -60, "end": 60}, {"start": 5, "end": 20, "assignable": False}], id="a break comes"),
    pytest.param([{"start": -60, "end": 60, "status": 3}], id="canceled"),
    pytest.param([{"start": -60, "end": 60, "status": 1}], id="proposed"),
    pytest.param([{"start": -60, "end": 60, "msdyn_BookingSetupMetadataId@odata.bind": None}], id="no shift booking"),
    pytest.param([{"start": -60, "end": 60, "statecode": 1, "statuscode": 2}], id="inactive"),
]


@pytest.mark.parametrize("bookings", NOT_ON_SHIFT)
async def test_an_owner_who_is_not_on_shift_does_not(world: World, bookings: list[dict[str, Any]]) -> None:
    owner = world.agent()
    for each in bookings:
        world.book(**each)
    world.case(world.plant("contacts", lastname="Caller", mobilephone=CALLER), owner)
    world.rules = [CASE_OWNER, rule({"target": "+358401112222"})]
    assert await world.route() == ("+358401112222", 1)


async def test_adjacent_bookings_bridge(world: World) -> None:
    owner = world.agent()
    world.book(-60, 3)
    world.book(3, 60)
    world.case(world.plant("contacts", lastname="Caller", mobilephone=CALLER), owner)
    world.rules = [CASE_OWNER]
    assert await world.route() == (AT_HOME, 1)


@pytest.mark.parametrize("columns", [{"isdisabled": True}, {"number": None}])
async def test_disabled_users_and_those_without_a_number_do_not(world: World, columns: dict[str, Any]) -> None:
    number = columns.pop("number", AT_HOME)
    user = world.plant("systemusers", fullname="Agent", address1_telephone1=number, **{"isdisabled": False, **columns})
    world.case(world.plant("contacts", lastname="Caller", mobilephone=CALLER), user)
    world.rules = [rule({"agent": "caseOwner"})]
    assert await world.route() == (None, 1)


AT_WORK = "+358981110009"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({}, AT_HOME, id="Dynamics has one: it counts"),
        pytest.param({"number": None}, AT_WORK, id="Dynamics has none"),
        pytest.param({"number": " "}, AT_WORK, id="a blank one is none"),
        pytest.param({"number": None, "isdisabled": True}, None, id="a disabled user"),
    ],
)
async def test_an_agent_without_a_number_in_dynamics_is_reached_at_that_of_enreach(
    world: World, columns: dict[str, Any], expected: str | None
) -> None:
    number = columns.pop("number", AT_HOME)
    user = world.plant("systemusers", fullname="Agent", address1_telephone1=number, **{"isdisabled": False, **columns})
    world.case(world.plant("contacts", lastname="Caller", mobilephone=CALLER), user)
    world.rules = [rule({"agent": "caseOwner"})]
    world.lines = {user: AT_WORK}
    assert await world.route() == (expected, 1)


async def test_the_newest_case_counts_and_a_case_with_the_contact_as_primary_contact_too(world: World) -> None:
    old, new = world.agent("+358981110001"), world.agent("+358981110002")
    company = world.plant("accounts", name="Company", telephone1="+358981119999")
    customer = world.plant("contacts", lastname="Caller", mobilephone=CALLER)
    world.case(customer, old, createdon=at(-60 * 24 * 20))
    bind = {
        "customerid_account@odata.bind": f"/accounts({company})",
        "primarycontactid@odata.bind": f"/contacts({customer})",
        "ownerid@odata.bind": f"/systemusers({new})",
    }
    world.plant("incidents", title="Newer", createdon=at(-60 * 24 * 2), **bind)
    world.rules = [rule({"agent": "caseOwner"}, match="contact")]
    assert await world.route() == ("+358981110002", 1)


async def test_contact_and_account_owners(world: World) -> None:
    person, company = world.agent("+358981110001"), world.agent("+358981110002")
    account = world.plant("accounts", name="Company", **{"ownerid@odata.bind": f"/systemusers({company})"})
    bind = {
        "ownerid@odata.bind": f"/systemusers({person})",
        "parentcustomerid_account@odata.bind": f"/accounts({account})",
    }
    world.plant("contacts", lastname="Caller", mobilephone=CALLER, **bind)
    world.rules = [rule({"agent": "contactOwner"})]
    assert await world.route() == ("+358981110001", 1)
    world.rules = [rule({"agent": "accountOwner"})]
    assert await world.route() == ("+358981110002", 1)


async def test_the_last_agent_is_the_owner_of_the_latest_completed_call(world: World) -> None:
    early, late = world.agent("+358981110001"), world.agent("+358981110002")
    customer = world.plant("contacts", lastname="Caller", mobilephone=CALLER)
    for owner, ended in ((late, at(-60)), (early, at(-600))):
        bind = {"ownerid@odata.bind": f"/systemusers({owner})"}
        call = world.plant("phonecalls", subject="Call", scheduledend=ended, statecode=1, statuscode=4,
                           createdon=at(-50), **bind)  # fmt: skip
        party = {"partyid_contact@odata.bind": f"/contacts({customer})",
                 "activityid_phonecall@odata.bind": f"/phonecalls({call})"}  # fmt: skip
        world.plant("activityparties", participationtypemask=1, **party)
    world.rules = [rule({"agent": "lastAgent", "withinDays": 14})]
    assert await world.route() == ("+358981110002", 1)


def vip(world: World) -> str:
    return world.plant("accounts", name="VIP", customertypecode=3)


def child(world: World, parent: str) -> str:
    return world.plant("accounts", name="Child", **{"parentaccountid@odata.bind": f"/accounts({parent})"})


def contact_of(world: World, account: str) -> str:
    return world.plant("contacts", lastname="Caller", mobilephone=CALLER,
                       **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})  # fmt: skip


def primary_contact(world: World) -> str:
    customer = world.plant("contacts", lastname="Caller", mobilephone=CALLER)
    bind = {"primarycontactid@odata.bind": f"/contacts({customer})"}
    return world.plant("accounts", name="VIP", customertypecode=3, **bind)


def lead_of(world: World, account: str) -> str:
    bind = {"customerid_account@odata.bind": f"/accounts({account})"}
    return world.plant("leads", subject="Lead", lastname="Caller", mobilephone=CALLER, **bind)


PATHS = [
    pytest.param(lambda world: contact_of(world, vip(world)), True, id="the contact's account"),
    pytest.param(lambda world: contact_of(world, child(world, vip(world))), True, id="its parent"),
    pytest.param(
        lambda world: contact_of(world, child(world, child(world, vip(world)))), True, id="the parent's parent"
    ),
    pytest.param(
        lambda world: contact_of(world, child(world, child(world, child(world, vip(world))))), False, id="too far above"
    ),
    pytest.param(primary_contact, True, id="the account whose primary contact calls"),
    pytest.param(lambda world: lead_of(world, vip(world)), True, id="the lead's account"),
    pytest.param(
        lambda world: world.plant("accounts", name="V", customertypecode=3, telephone1=CALLER), True, id="the account"
    ),
    pytest.param(lambda world: contact_of(world, world.plant("accounts", name="Plain")), False, id="no VIP"),
]


@pytest.mark.parametrize(("plant", "is_vip"), PATHS)
async def test_a_vip_is_one_directly_or_indirectly(world: World, plant: Any, is_vip: bool) -> None:
    plant(world)
    world.rules = [rule({"target": "+35853445657"}, account={"customertypecode": 3})]
    assert await world.route() == ("+35853445657" if is_vip else None, 1)


@pytest.mark.parametrize(
    ("stored", "alike", "requests"),
    [
        ("040 999 0001", "040 999 0007", 1),
        ("+358 (0)40 999 0001", "+358 (0)40 999 0007", 1),
        ("+358-40-999-00-01", "+358-40-999-00-07", 2),
        ("040 9990001 ext. 12", "040 9990007 x3", 2),
    ],
)
async def test_a_rarely_spelled_number_costs_a_second_request_once_where_something_hangs_on_it(
    world: World, stored: str, alike: str, requests: int
) -> None:
    owner = world.agent()
    world.book(-60, 60)
    customer = world.plant("contacts", lastname="Caller", telephone2=stored)
    world.rules = [rule({"target": "+35853445657"}, match="contact")]
    assert await world.route() == ("+35853445657", 1)
    world.case(customer, owner)
    world.rules = [CASE_OWNER]
    routing = await world.routing()
    assert await world.route(routing=routing) == (AT_HOME, requests)
    world.case(world.plant("contacts", lastname="Other", telephone1=alike), owner)
    assert await world.route("+358409990007", routing=routing) == (AT_HOME, 1)


async def test_a_pool_without_a_rule_and_a_rule_without_a_caller_cost_nothing(world: World) -> None:
    world.rules = [rule({"agent": "caseOwner"}, pool="+358401112222"), rule({"target": "+35853445657"}, internal=True)]
    assert await world.route() == (None, 0)
    assert await world.route(extradata={"IsInternalCaller": True}) == ("+35853445657", 0)


async def test_with_the_number_index_rows_are_read_by_their_ids_and_strangers_cost_nothing(world: World) -> None:
    owner = world.agent()
    world.book(-60, 60)
    customer = world.plant("contacts", lastname="Caller", mobilephone=CALLER)
    world.case(customer, owner)
    world.rules = [CASE_OWNER, rule({"target": "+358401112222"}, match="none")]
    world.numbers.known = {CALLER: {MatchKind.CONTACT: (customer,)}}
    assert await world.route() == (AT_HOME, 1)
    assert await world.route("+358409990002") == ("+358401112222", 0)
    # The index may be a tick behind: what the row holds now decides.
    world.numbers.known = {"+358409990003": {MatchKind.CONTACT: (customer,)}}
    assert await world.route("+358409990003") == ("+358401112222", 1)
