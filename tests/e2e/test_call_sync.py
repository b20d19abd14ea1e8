"""Calls become phone calls, end to end: the app on its host, with Enreach and Dynamics as their users see them.

The timers are fired by hand. Whose call it is, which number rang and what the seeds of both simulators hold: see
local/enreach/seed.py and local/dataverse/seed.json.
"""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.stack.ports import free_ports
from local.stack.running import RunningStack, running_stack
from tests.e2e.doors import ROOT, wait_for

NEVER = "0 0 0 29 2 *"
WAIT_SECONDS = 20.0
CONFIG_CHECK_SECONDS = 0.2
ELINA, ELINA_ID = "+358504545641", "elina.korhonen@aurinko-energia.example"
STRANGER = "+358401110000"
PAIVI, ASA, NIGHT_DESK = "paivi.makela", "asa.lindqvist", "night.desk"
POOL = "+35840675644"
OPEN, COMPLETED, CANCELED = 0, 1, 2
MADE, RECEIVED, OF_CANCELED = 2, 4, 3
CALLER, CALLED = 1, 2
"""Participation types of activity parties: who called, and who was called."""


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def just_now() -> str:
    """When Enreach reported a call: a run reads what is older than half a minute."""
    return iso(datetime.now(UTC) - timedelta(seconds=45))


def early_site(day: datetime) -> str:
    """A site whose night begins within seconds of 22:00 UTC, so that its run may be asked for at any time of the day
    (functions/call_sync/decide/moments.py says how the moment is derived)."""
    for number in count():
        digest = hashlib.sha256(f"e2e-{number}\0{day:%Y-%m-%d}".encode()).digest()
        if int.from_bytes(digest[:8]) % (85 * 60) < 5:
            return f"e2e-{number}"
    raise AssertionError


class Site:
    """Both systems, and what an operator can do."""

    def __init__(
        self,
        stack: RunningStack,
        clients: tuple[httpx.Client, httpx.Client, httpx.Client],
        storage: tuple[BlobServiceClient, TableServiceClient, QueueServiceClient],
    ) -> None:
        self.stack = stack
        self.app, self.dynamics, self.enreach = clients
        self._blobs, self._tables, self._queues = storage
        listed = self.enreach.get("/__sim/users").raise_for_status().json()
        self._users = {user["UserName"].partition("@")[0].lower(): user for user in listed}

    # ------------------------------------------------------------------------------------------- Enreach

    def ring(
        self, agent: str, customer: str, minutes_ago: float = 10, *, outgoing: bool = False, **changed: Any
    ) -> str:
        """Somebody talks on a direct call. `changed` are fields of Enreach's. Returns the call id."""
        user, started = self._users[agent], datetime.now(UTC) - timedelta(minutes=minutes_ago)
        own = user["WorkNumber"]
        event = {
            "CallId": str(uuid.uuid4()),
            "UserId": user["Id"],
            "UserName": user["UserName"],
            "ANum": own if outgoing else customer,
            "BNum": customer if outgoing else own,
            "TimeStamp": iso(started),
            "Duration": 125,
            "Direction": int(outgoing),
            "EndResult": 0,
            "Privacy": "Work",
            "ModifiedAt": just_now(),
        } | changed
        self.enreach.post("/__sim/calls", json=[event]).raise_for_status()
        return str(event["CallId"])

    def queue_call(self, customer: str, agent: str | None) -> str:
        """Somebody calls a queue; without an agent nobody answers."""
        call_id, arrived = str(uuid.uuid4()), datetime.now(UTC) - timedelta(minutes=10)
        queue = next(queue for queue in self.enreach.get("/__sim/queues").json() if POOL in queue["Numbers"])
        answered = arrived + timedelta(seconds=20)
        service = {
            "CallId": call_id,
            "ANum": customer,
            "QueueId": queue["Id"],
            "QueueName": queue["Name"],
            "QueueNumber": POOL,
            "ArrivalTime": iso(arrived),
            "AnswerTime": iso(answered) if agent else None,
            "EndTime": iso(answered + timedelta(seconds=125)),
            "UserId": self._users[agent]["Id"] if agent else None,
            "Result": "Answered" if agent else "Unanswered",
            "ModifiedAt": just_now(),
        }
        self.enreach.post("/__sim/servicecalls", json=[service]).raise_for_status()
        if agent:
            queued = {"BNum": POOL, "QueueId": queue["Id"], "QueueName": queue["Name"], "CallTypeString": "ServiceCall"}
            self.ring(agent, customer, CallId=call_id, TimeStamp=iso(answered), **queued)
        return call_id

    # --------------------------------------------------------------------------------------------- the app

    def run(self, function: str = "sync_calls") -> None:
        """Fire a timer by hand and wait until its run has ended: a run holds the lease as long as it works."""
        before = self._lease()
        self.app.post(f"/admin/functions/{function}", json={}).raise_for_status()

        def has_ended() -> bool:
            lease = self._lease()
            return lease.get("fence", 0) > before.get("fence", 0) and bool(lease["released"])

        wait_for(has_ended, f"the end of {function}", WAIT_SECONDS)

    def run_night(self) -> None:
        """The nightly run, asked for by hand. Between 22:00 UTC and midnight there is one a night: the tests before had
        theirs in another one."""
        for checkpoint in ("calls-night", "calls-night-reached"):
            self._tables.get_table_client("checkpoints").delete_entity("checkpoint", checkpoint)
        self.run("sync_calls_retroactively")

    def _lease(self) -> dict[str, Any]:
        if all(table.name != "checkpoints" for table in self._tables.list_tables()):
            return {}
        rows = self._tables.get_table_client("checkpoints").query_entities(
            "PartitionKey eq 'lease' and RowKey eq 'calls'"
        )
        return dict(next(iter(rows), {}))

    def configure(self, **settings: Any) -> None:
        """Change call-sync.json, and wait until the app does not go by the one before any more."""
        document = json.loads((ROOT / "local" / "config" / "call-sync.json").read_text("utf-8")) | settings
        blob = self._blobs.get_blob_client("config", "call-sync.json")
        blob.upload_blob(json.dumps(document).encode(), overwrite=True)
        time.sleep(2 * CONFIG_CHECK_SECONDS)

    def history(self, call_id: str) -> dict[str, Any]:
        """What the app says of a call."""
        answer = self.app.get(f"/api/calls/{call_id}").raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def outcome(self, call_id: str) -> str:
        return str(self.history(call_id)["outcome"])

    def search(self, **body: str) -> list[str]:
        found = self.app.post("/api/calls/search", json=body).raise_for_status().json()
        return [each["callId"] for each in found]

    def health(self, name: str) -> dict[str, Any]:
        checks = self.app.get("/api/health/details").json()["checks"]
        return next((check for check in checks if check["name"] == name), {"status": "absent"})

    def tickets(self) -> list[dict[str, Any]]:
        """What waits in the queue."""
        queue = self._queues.get_queue_client("tickets")
        return [json.loads(base64.b64decode(str(message.content))) for message in queue.peek_messages(max_messages=32)]

    def empty_queue(self) -> None:
        self._queues.get_queue_client("tickets").clear_messages()

    # -------------------------------------------------------------------------------------------- Dynamics

    def phone_calls(self) -> list[dict[str, Any]]:
        answer = self.dynamics.get("/api/data/v9.2/phonecalls?$expand=phonecall_activity_parties")
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["value"]
        return rows

    def phone_call(self, call_id: str) -> dict[str, Any]:
        """The one phone call of a call; its description says whose it is."""
        (row,) = (row for row in self.phone_calls() if f"CallId is {call_id}" in row["description"])
        return row

    def has_phone_call(self, call_id: str) -> bool:
        return any(f"CallId is {call_id}" in row["description"] for row in self.phone_calls())

    def user_id(self, agent: str) -> str:
        return self._id_of("systemusers", "systemuserid", f"internalemailaddress eq '{agent}@nordic-care.example'")

    def contact_id(self, email: str) -> str:
        return self._id_of("contacts", "contactid", f"emailaddress1 eq '{email}'")

    def _id_of(self, entity_set: str, key: str, condition: str) -> str:
        query = {"$filter": condition, "$select": key}
        (row,) = self.dynamics.get(f"/api/data/v9.2/{entity_set}", params=query).raise_for_status().json()["value"]
        return str(row[key])

    def records_written(self) -> int:
        written = self.dynamics.get("/__sim/stats").raise_for_status().json()["recordsWritten"]
        return sum(sum(tables.values()) for tables in written.values())


def parties(row: dict[str, Any]) -> set[tuple[int, str]]:
    return {(party["participationtypemask"], party["_partyid_value"]) for party in row["phonecall_activity_parties"]}


@pytest.fixture(scope="module")
def lasting() -> Iterator[Site]:
    names = ("CALL_SYNC_SCHEDULE", "RETROACTIVE_SYNC_SCHEDULE", "USER_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE")
    timers = dict.fromkeys(names, NEVER)
    # Nobody takes the requests for tickets from the queue, so that they can be counted there.
    off = dict.fromkeys(("AzureWebJobs.create_ticket.Disabled", "AzureWebJobs.tend_tickets.Disabled"), "true")
    at = {"CONFIG_CHECK_SECONDS": str(CONFIG_CHECK_SECONDS), "SITE_ID": early_site(datetime.now(UTC))}
    settings = {**timers, **off, **at}
    with (
        running_stack(free_ports(), environment=settings) as stack,
        httpx.Client(base_url=stack.functions_url, timeout=30) as app,
        httpx.Client(base_url=stack.dataverse_url, headers={"Authorization": "Bearer t"}) as dynamics,
        httpx.Client(base_url=stack.enreach_url) as enreach,
        BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs,
        TableServiceClient.from_connection_string(stack.storage_connection_string) as tables,
        QueueServiceClient.from_connection_string(stack.storage_connection_string) as queues,
    ):
        yield Site(stack, (app, dynamics, enreach), (blobs, tables, queues))


@pytest.fixture
def site(lasting: Site) -> Iterator[Site]:
    """No ticket waits, and nothing is left to write of the calls of the tests before."""
    lasting.run()
    lasting.empty_queue()
    yield lasting
    lasting.enreach.delete("/__sim/faults")
    lasting.configure()


@contextmanager
def contact_with(site: Site, number: str) -> Iterator[str]:
    """A contact who is added by hand, and taken away again."""
    contact_id = str(uuid.uuid4())
    row = {"contactid": contact_id, "lastname": "Added later", "mobilephone": number}
    site.dynamics.post("/__sim/rows", json={"contacts": [row]}).raise_for_status()
    try:
        yield contact_id
    finally:
        site.dynamics.delete(f"/api/data/v9.2/contacts({contact_id})").raise_for_status()


# ------------------------------------------------------------------------------------------------------- calls


def test_a_call_of_a_customer_becomes_one_phone_call_with_the_right_people(site: Site) -> None:
    incoming = site.ring(PAIVI, ELINA)
    outgoing = site.ring(ASA, ELINA, outgoing=True)
    site.run()
    elina, paivi, asa = site.contact_id(ELINA_ID), site.user_id(PAIVI), site.user_id(ASA)

    row = site.phone_call(incoming)
    assert (row["subject"], row["directioncode"], row["phonenumber"]) == ("Incoming direct call", False, ELINA)
    assert (row["statecode"], row["statuscode"], row["actualdurationminutes"]) == (COMPLETED, RECEIVED, 2)
    assert (row["_ownerid_value"], row["_regardingobjectid_value"]) == (paivi, elina)
    assert parties(row) >= {(CALLER, elina), (CALLED, paivi)}

    row = site.phone_call(outgoing)
    assert (row["subject"], row["directioncode"], row["phonenumber"]) == ("Outgoing direct call", True, ELINA)
    assert (row["statecode"], row["statuscode"]) == (COMPLETED, MADE)
    assert (row["_ownerid_value"], row["_regardingobjectid_value"]) == (asa, elina)
    assert parties(row) >= {(CALLER, asa), (CALLED, elina)}


def test_a_second_run_writes_nothing(site: Site) -> None:
    call_id = site.ring(PAIVI, ELINA)
    site.run()
    before, tickets = site.records_written(), site.tickets()
    site.run()
    site.run_night()
    assert site.outcome(call_id) == "logged"
    assert (site.records_written(), len(site.tickets())) == (before, len(tickets))


def test_each_call_can_be_asked_for_with_the_reason(site: Site) -> None:
    logged, unknown = site.ring(PAIVI, ELINA), site.ring(PAIVI, STRANGER)
    private = site.ring(PAIVI, ELINA, Privacy="Private")
    queued = site.queue_call(ELINA, PAIVI)
    site.run()
    assert site.history(logged)["phoneCallId"] == site.phone_call(logged)["activityid"]
    assert {each: site.outcome(each) for each in (logged, unknown, private, queued)} == {
        logged: "logged",
        unknown: "no-match",
        private: "skipped-private",
        queued: "switched-off",
    }
    for each in (unknown, private, queued):
        assert site.history(each)["phoneCallId"] is None
        assert not site.has_phone_call(each)
    assert logged in site.search(number="050 454 5641")
    assert {logged, queued, unknown} <= set(site.search(agent=f"{PAIVI}@nordic-care.example"))
    assert private not in site.search(agent=f"{PAIVI}@nordic-care.example"), "a private call is found by its id alone"
    assert unknown in site.search(number=STRANGER)


def test_each_call_that_is_no_private_one_asks_for_a_ticket_once(site: Site) -> None:
    logged, unknown = site.ring(PAIVI, ELINA), site.ring(PAIVI, STRANGER)
    private = site.ring(PAIVI, ELINA, Privacy="Private")
    queued, lost = site.queue_call(ELINA, PAIVI), site.queue_call(ELINA, None)
    site.run()
    site.run()
    asked = {ticket["callId"]: ticket for ticket in site.tickets()}
    assert len(asked) == len(site.tickets()), "each call once"
    assert asked.keys() == {logged, unknown, queued, lost}
    assert private not in asked
    wanted = {"direction": "incoming", "callStatus": "answered", "callerNumber": ELINA, "queue": "VIP support"}
    assert asked[queued].items() >= wanted.items()
    assert asked[lost]["callStatus"] == "unanswered"
    assert asked[logged]["agentEmail"] == "paivi.makela@nordic-care.example"


def test_settings_of_the_document_count_for_the_next_run(site: Site) -> None:
    site.configure(ProcessServiceCalls=True, ProcessServiceCallsUnanswered=True, IncomingQueueCallSubject="By queue")
    answered, lost = site.queue_call(ELINA, PAIVI), site.queue_call(ELINA, None)
    site.run()
    row = site.phone_call(answered)
    assert (row["subject"], row["statuscode"], row["_ownerid_value"]) == ("By queue", RECEIVED, site.user_id(PAIVI))
    row = site.phone_call(lost)
    assert (row["statecode"], row["statuscode"]) == (CANCELED, OF_CANCELED)
    assert row["_ownerid_value"] != site.user_id(PAIVI), "nobody's call is the default assignee's"


def test_a_call_that_turns_private_is_taken_out_again(site: Site) -> None:
    call_id = site.ring(PAIVI, ELINA)
    site.run()
    assert site.has_phone_call(call_id)
    (event,) = (each for each in site.enreach.get("/__sim/calls").json() if each["CallId"] == call_id)
    changed = [{**event, "Privacy": "Private", "ModifiedAt": just_now()}]
    site.enreach.post("/__sim/calls", json=changed).raise_for_status()
    site.run()
    assert not site.has_phone_call(call_id)
    assert site.outcome(call_id) == "removed-private"


def test_a_call_that_goes_on_ends_as_the_same_phone_call(site: Site) -> None:
    started = datetime.now(UTC) - timedelta(seconds=100)
    ringing: dict[str, Any] = {"TimeStamp": iso(started), "Duration": 0, "EndResult": 1}
    site.configure(ProcessDirectCallsUnanswered=True)
    call_id = site.ring(PAIVI, ELINA, **ringing)
    site.run()
    first = site.phone_call(call_id)
    assert (first["statecode"], first["actualend"]) == (OPEN, None)
    assert site.tickets() == [], "not before it has ended"
    site.ring(PAIVI, ELINA, CallId=call_id, TimeStamp=iso(started), Duration=61)
    site.run()
    row = site.phone_call(call_id)
    assert (row["activityid"], row["statecode"], row["statuscode"]) == (first["activityid"], COMPLETED, RECEIVED)
    assert row["actualdurationminutes"] == 1
    assert [ticket["callId"] for ticket in site.tickets()] == [call_id]


def test_the_nightly_run_logs_the_call_of_a_contact_who_was_added_since(site: Site) -> None:
    number = "+358401119991"
    call_id = site.ring(PAIVI, number, minutes_ago=300)
    site.run()
    assert site.outcome(call_id) == "no-match"
    with contact_with(site, "040 111 9991") as contact_id:
        site.run()
        assert site.outcome(call_id) == "no-match", "only the nightly run looks again"
        site.run_night()
        row = site.phone_call(call_id)
        assert row["_regardingobjectid_value"] == contact_id
        assert site.history(call_id)["phoneCallId"] == row["activityid"]


def test_without_an_assignee_calls_of_unknown_users_wait_and_health_names_the_setting(site: Site) -> None:
    site.configure(DefaultCrmAssignee=None)
    waiting, written = site.ring(NIGHT_DESK, ELINA), site.ring(PAIVI, ELINA)
    site.run()
    assert (site.outcome(written), site.outcome(waiting)) == ("logged", "waiting")
    assert not site.has_phone_call(waiting)
    wait_for(lambda: site.health("DefaultCrmAssignee")["status"] == "red", "red", WAIT_SECONDS)
    assert site.app.get("/api/health").status_code == 503
    assert "DefaultCrmAssignee" in site.history(waiting)["reason"]

    site.configure()
    wait_for(lambda: site.health("DefaultCrmAssignee")["status"] == "absent", "the end of red", WAIT_SECONDS)
    site.run()
    assert site.outcome(waiting) == "logged"
    assert site.phone_call(waiting)["_regardingobjectid_value"] == site.contact_id(ELINA_ID)


def test_calls_that_enreach_did_not_tell_of_come_with_the_next_run(site: Site) -> None:
    call_id = site.ring(PAIVI, ELINA)
    rule = [{"match": {"pathRegex": "^/(calls|servicecall)"}, "action": {"status": 503}}]
    site.enreach.post("/__sim/faults", json=rule).raise_for_status()
    site.run()
    assert not site.has_phone_call(call_id)
    assert site.app.get(f"/api/calls/{call_id}").status_code == 404
    site.enreach.delete("/__sim/faults").raise_for_status()
    site.run()
    assert site.outcome(call_id) == "logged"


def test_health_says_how_far_the_sync_got(site: Site) -> None:
    wait_for(lambda: site.health("call sync")["status"] == "green", "green", WAIT_SECONDS)
    found = site.health("call sync")
    assert datetime.now(UTC) - datetime.fromisoformat(found["since"]) < timedelta(minutes=3)
    assert site.health("call-sync.json")["status"] == "green"
