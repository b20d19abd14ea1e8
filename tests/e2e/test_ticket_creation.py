"""Ticket requests become cases, end to end: the app on its host, with Enreach and Dynamics as their users see them.

The queue trigger works by itself; what tends the tickets is fired by hand. What the seeds of both simulators hold: see
local/enreach/seed.py and local/dataverse/seed.json.
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.stack.filling import drain_through_queue, fill_queue
from local.stack.ports import free_port, free_ports
from local.stack.running import RunningStack, running_stack
from tests.e2e.doors import ROOT, wait_for

NEVER = "0 0 0 29 2 *"
WAIT_SECONDS = 30.0
CONFIG_CHECK_SECONDS = 0.2
TIMERS = (
    "CALL_SYNC_SCHEDULE", "RETROACTIVE_SYNC_SCHEDULE", "USER_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE",
    "TICKET_TENDING_SCHEDULE",
)  # fmt: skip
TICKETS, PARKED = "tickets", "tickets-poison"
NS_PHONE_CALL = uuid.UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a10")
"""Of the keys of phone calls (docs/architecture.md)."""
ELINA, ELINA_EMAIL = "+358504545641", "elina.korhonen@aurinko-energia.example"
ASA, ZOE = "asa.lindqvist@nordic-care.example", "ZOE.VANTHOFF@NORDIC-CARE.EXAMPLE"
QUESTION, PROBLEM = 1, 2
APP = "5eed0000-0000-4000-8000-0000000000f1"
_NUMBERS = count(1)

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "complaint": {
        "title": "Complaint of ${customerName|a new customer}: ${topic|nothing said}",
        "description": "${agentName|Nobody} took the call.\n${topic}",
        "caseType": "Problem",
        "priority": "High",
        "subject": "Billing",
        "product": "Smart meter",
        "queue": "Support cases",
        "fallbackOwner": "queueOwner",
        "columns": {"followupby": "${startTime}", "emailaddress": "${email|}"},
        "notifyAgent": True,
    },
    "missed": {
        "title": "Missed calls of ${customerNumber}",
        "queue": "VIP support",
        "fallbackOwner": "queueOwner",
        "attach": {"policy": "missedCallCase", "withinHours": 4},
    },
    "strict": {"title": "Strict ${note}", "columns": {"emailaddress": "x", "followupby": "${day}"}},
    "plain": {"title": "Plain ${note}", "description": "${note}", "queue": "Support cases"},
    "added": {
        "title": "Added ${note}",
        "description": "${note}",
        "queue": "Support cases",
        "attach": {"policy": "newestOpenCase"},
    },
}


def document(**changed: dict[str, Any]) -> dict[str, Any]:
    """ticket-triggers.json: each queue of the phone system has the configuration of its name, as have missed calls."""
    missed = [{"field": "callStatus", "operator": "equals", "value": "unanswered"}]
    triggers = [{"name": "missed", "all": missed, "configuration": "missed"}]
    triggers += [
        {
            "name": name,
            "all": [{"field": "queue", "operator": "equals", "value": name.upper()}],
            "configuration": name,
        }
        for name in CONFIGURATIONS
        if name != "missed"
    ]
    return {"appId": APP, "triggers": triggers, "configurations": CONFIGURATIONS | changed}


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def a_number() -> str:
    """Of somebody who is not in Dynamics."""
    return f"+35840222{next(_NUMBERS):04}"


def a_request(queue: str, number: str | None = ELINA, *, agent: str | None = ASA, **changed: Any) -> dict[str, Any]:
    """What somebody sends of a call that has just ended."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "version": 1, "callId": str(uuid.uuid4()), "direction": "incoming", "queue": queue, "callStatus": "answered",
        "agentEmail": agent, "callerNumber": number, "calledNumber": "+358406750003", "startTime": iso(start),
        "answerTime": iso(start), "endTime": iso(start + timedelta(seconds=90)), "durationSeconds": 90,
    } | changed  # fmt: skip


def bodies_of(messages: Iterable[dict[str, Any] | bytes]) -> list[bytes]:
    return [each if isinstance(each, bytes) else json.dumps(each).encode() for each in messages]


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
        self.blobs, self._tables, self._queues = storage

    # --------------------------------------------------------------------------------------------- the app

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        """Put messages into the queue."""
        fill_queue(self.stack.storage_connection_string, TICKETS, bodies_of(messages))

    def settle(self, *messages: dict[str, Any] | bytes) -> None:
        """Send these, and wait until the queue is empty."""
        self.send(*messages)
        wait_for(lambda: self.left(TICKETS) == 0, "the end of the messages", WAIT_SECONDS)

    def left(self, queue: str) -> int:
        """Messages of a queue, those that are being worked on and those that come later too."""
        try:
            found = self._queues.get_queue_client(queue).get_queue_properties().approximate_message_count
        except ResourceNotFoundError:
            return 0
        return found or 0

    def texts(self, queue: str) -> list[bytes]:
        messages = self._queues.get_queue_client(queue).peek_messages(max_messages=32)
        return [base64.b64decode(str(message.content)) for message in messages]

    def configure(self, found: dict[str, Any]) -> None:
        """Write ticket-triggers.json, and wait until the app does not go by the one before any more."""
        blob = self.blobs.get_blob_client("config", "ticket-triggers.json")
        blob.upload_blob(json.dumps(found).encode(), overwrite=True)
        time.sleep(3 * CONFIG_CHECK_SECONDS)

    def history(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the app says of a call."""
        told: dict[str, Any] = self.app.get(f"/api/calls/{request['callId']}").raise_for_status().json()
        return told

    def ticket(self, request: dict[str, Any]) -> dict[str, Any]:
        """The one ticket of a call."""
        (ticket,) = self.history(request)["tickets"]
        assert isinstance(ticket, dict)
        return ticket

    def search(self, **body: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.app.post("/api/calls/search", json=body).raise_for_status().json()
        return found

    def parked(self) -> list[dict[str, Any]]:
        answer: Any = self.app.get("/api/tickets/parked").raise_for_status().json()
        found: list[dict[str, Any]] = answer["parked"]
        return found

    # -------------------------------------------------------------------------------------------- Dynamics

    def rows(self, entity_set: str, condition: str, **options: str) -> list[dict[str, Any]]:
        query = {"$filter": condition, **options}
        answer = self.dynamics.get(f"/api/data/v9.2/{entity_set}", params=query).raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def case(self, request: dict[str, Any]) -> dict[str, Any]:
        """The case of a request, by what the app says of it."""
        (row,) = self.rows("incidents", f"incidentid eq {self.ticket(request)['caseId']}")
        return row

    def id_of(self, entity_set: str, condition: str) -> str:
        (row,) = self.rows(entity_set, condition)
        return str(next(value for name, value in row.items() if not name.startswith("@")))

    def log_phone_calls(self, *requests: dict[str, Any]) -> None:
        """Call sync has written the phone calls of these calls."""
        rows = [{"activityid": phone_call(each), "subject": "Call", "statecode": 1} for each in requests]
        self.dynamics.post("/__sim/rows", json={"phonecalls": rows}).raise_for_status()

    def all_rows(self, entity_set: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (
            self.dynamics.get("/__sim/rows", params={"table": entity_set}).raise_for_status().json()
        )
        return rows

    def records_written(self) -> dict[str, Any]:
        written: dict[str, Any] = self.dynamics.get("/__sim/stats").raise_for_status().json()["recordsWritten"]
        return written


def phone_call(request: dict[str, Any]) -> str:
    return str(uuid.uuid5(NS_PHONE_CALL, request["callId"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {
        "CONFIG_CHECK_SECONDS": str(CONFIG_CHECK_SECONDS),
        # In memory, each message is an extent of its own, and the emulator spends a minute to remove some thousands.
        "AZURITE_LOCATION": str(tmp_path_factory.mktemp("azurite")),
        **dict.fromkeys(TIMERS, NEVER),
    }
    with (
        running_stack(free_ports(), environment=settings) as stack,
        httpx.Client(base_url=stack.functions_url, timeout=60) as app,
        httpx.Client(base_url=stack.dataverse_url, headers={"Authorization": "Bearer t"}, timeout=60) as dynamics,
        httpx.Client(base_url=stack.enreach_url) as enreach,
        BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs,
        TableServiceClient.from_connection_string(stack.storage_connection_string) as tables,
        QueueServiceClient.from_connection_string(stack.storage_connection_string) as queues,
    ):
        found = Site(stack, (app, dynamics, enreach), (blobs, tables, queues))
        found.configure(document())
        yield found


# ------------------------------------------------------------------------------------------------------- one case


def test_a_request_is_one_case_of_the_agent_in_its_queue_with_its_phone_call_and_a_notification(site: Site) -> None:
    request = a_request("Complaint", "050 454 5641", agent=ZOE, variables={"topic": "The bill"})
    site.log_phone_calls(request)
    site.settle(request)
    row, ticket = site.case(request), site.ticket(request)
    zoe = site.id_of("systemusers", f"internalemailaddress eq '{ZOE.lower()}'")
    elina = site.id_of("contacts", f"emailaddress1 eq '{ELINA_EMAIL}'")
    assert (row["title"], row["_customerid_value"], row["_ownerid_value"]) == (
        "Complaint of Elina Korhonen: The bill", elina, zoe,
    )  # fmt: skip
    assert row["description"].splitlines() == ["Zoë van 't Hoff took the call.", "The bill"]
    assert (row["caseorigincode"], row["casetypecode"], row["prioritycode"], row["statecode"]) == (1, PROBLEM, 1, 0)
    assert row["_subjectid_value"] == site.id_of("subjects", "title eq 'Billing'")
    assert row["_productid_value"] == site.id_of("products", "name eq 'Smart meter'")
    assert row["followupby"] == request["startTime"]
    (item,) = site.rows("queueitems", f"_objectid_value eq {row['incidentid']}")
    assert item["_queueid_value"] == site.id_of("queues", "name eq 'Support cases'")
    (call,) = site.rows("phonecalls", f"activityid eq {phone_call(request)}")
    assert call["_regardingobjectid_value"] == row["incidentid"]
    (notice,) = site.rows("appnotifications", f"_ownerid_value eq {zoe}")
    assert (ticket["configuration"], ticket["outcome"], ticket["caseId"]) == ("complaint", "created", row["incidentid"])
    for link in (ticket["link"], json.loads(notice["data"])["actions"][0]["data"]["url"]):
        assert link.startswith(f"{site.stack.dataverse_url}/main.aspx?")
        assert {"pagetype=entityrecord", "etn=incident", f"id={row['incidentid']}"} <= set(
            link.split("?")[1].split("&")
        )


def test_the_history_of_a_call_of_which_only_a_request_told_names_its_case(site: Site) -> None:
    number = a_number()
    request = a_request("Plain", number, variables={"note": "history"})
    site.settle(request)
    history, ticket = site.history(request), site.ticket(request)
    assert history["cases"] == [{"id": ticket["caseId"], "link": ticket["link"]}]
    for found in (site.search(number=number), site.search(agent=ASA)):
        assert [each["cases"] for each in found if each["callId"] == request["callId"]] == [history["cases"]]


def test_what_comes_again_writes_nothing(site: Site) -> None:
    request = a_request("Complaint", a_number(), variables={"topic": "Again"})
    site.log_phone_calls(request)
    site.settle(request)
    before = site.records_written()
    braced = {**request, "callId": f"{{{request['callId'].upper()}}}"}
    site.settle(request, braced, request, {"version": 1, "callId": request["callId"]})
    assert site.records_written() == before
    assert site.ticket(request)["outcome"] == "created"


def test_an_unknown_caller_is_made_a_contact_that_the_next_call_finds(site: Site) -> None:
    number = a_number()
    first, second = (a_request("Plain", number, agent=None, variables={"note": each}) for each in ("one", "two"))
    site.settle(first)
    site.settle(second)
    (contact,) = site.rows("contacts", f"telephone1 eq '{number}'")
    assert {site.case(each)["_customerid_value"] for each in (first, second)} == {contact["contactid"]}
    assert site.case(first)["incidentid"] != site.case(second)["incidentid"]


def test_a_call_that_no_trigger_is_for_makes_no_case_and_says_so(site: Site) -> None:
    request = a_request("Nobody's", a_number())
    before = site.records_written()
    site.settle(request)
    assert site.records_written() == before
    assert site.history(request)["cases"] == []


def test_missed_calls_of_a_number_are_on_one_case_each_as_a_note(site: Site) -> None:
    number = a_number()
    requests = [a_request("Support", number, agent=None, callStatus="unanswered") for _ in range(4)]
    site.log_phone_calls(*requests)
    site.settle(requests[0])
    site.settle(*requests[1:])
    cases = {site.ticket(each)["caseId"] for each in requests}
    (case,) = cases
    assert sorted(site.ticket(each)["outcome"] for each in requests) == ["appended"] * 3 + ["created"]
    assert len(site.rows("annotations", f"_objectid_value eq {case}")) == 3
    assert len(site.rows("queueitems", f"_objectid_value eq {case}")) == 1
    regarding = [site.rows("phonecalls", f"activityid eq {phone_call(each)}")[0] for each in requests]
    assert {row["_regardingobjectid_value"] for row in regarding} == cases


# --------------------------------------------------------------------------------------------- forms of a request


def test_a_request_with_an_id_alone_is_asked_of_enreach(site: Site) -> None:
    number = a_number()
    user = next(
        user for user in site.enreach.get("/__sim/users").json() if user["UserName"].lower().startswith("asa.lindqvist")
    )
    call_id, started = str(uuid.uuid4()), datetime.now(UTC) - timedelta(minutes=10)
    call = {
        "CallId": call_id, "UserId": user["Id"], "UserName": user["UserName"], "ANum": number,
        "BNum": user["WorkNumber"], "TimeStamp": iso(started), "Duration": 125, "Direction": 0, "EndResult": 0,
        "Privacy": "Work", "QueueName": "Complaint", "QueueId": str(uuid.uuid4()), "CallTypeString": "ServiceCall",
        "ModifiedAt": iso(datetime.now(UTC) - timedelta(minutes=1)),
    }  # fmt: skip
    site.enreach.post("/__sim/calls", json=[call]).raise_for_status()
    request = {"version": 1, "callId": call_id}
    site.settle(request)
    row = site.case(request)
    assert row["_ownerid_value"] == site.id_of("systemusers", f"internalemailaddress eq '{ASA}'")
    assert row["_customerid_value"] == site.id_of("contacts", f"telephone1 eq '{number}'")


def test_a_request_of_more_than_48_kb_comes_through_its_blob(site: Site) -> None:
    request = a_request("Plain", variables={"note": "long", "transcript": "ä" * 60_000})
    content = json.dumps(request).encode()
    name = f"{request['callId']}/{hashlib.sha256(content).hexdigest()}.json"
    site.blobs.get_blob_client("ticket-bodies", name).upload_blob(content)
    site.settle({"version": 1, "callId": request["callId"], "body": name})
    assert site.case(request)["title"] == "Plain long"


# -------------------------------------------------------------------------------------------------------- parking


MALFORMED = [
    b"not JSON",
    json.dumps(a_request("Complaint", ELINA, version=2)).encode(),
    json.dumps(a_request("Complaint", ELINA, startTime="yesterday")).encode(),
    json.dumps({"version": 1}).encode(),
]


def test_a_malformed_message_is_parked_with_its_reason_and_the_next_ones_go_on(site: Site) -> None:
    good = [a_request("Plain", ELINA, variables={"note": f"good {each}"}) for each in range(3)]
    site.settle(good[0], *MALFORMED, *good[1:])
    assert [site.case(each)["title"] for each in good] == ["Plain good 0", "Plain good 1", "Plain good 2"]
    assert sorted(site.texts(PARKED)) == sorted(MALFORMED)
    parked = site.parked()
    assert [(each["code"], each["attempts"]) for each in parked] == [("malformed", 1)] * len(MALFORMED)
    assert all(word in str(parked) for word in ("version", "startTime", "callId"))
    assert ELINA not in str(parked)
    assert "yesterday" not in str(parked)


def test_what_does_not_fit_is_parked_at_its_first_attempt_and_made_once_it_is_driven_again(site: Site) -> None:
    request = a_request("Strict", a_number(), variables={"note": "day", "day": "some day"})
    site.settle(request)
    (parked,) = (each for each in site.parked() if each["callId"] == request["callId"])
    assert parked["attempts"] == 1
    assert "followupby" in parked["reason"]
    assert site.ticket(request)["outcome"] == "parked"
    site.configure(document(strict={"title": "Strict ${note}"}))
    answer = site.app.post("/api/tickets/redrive", json={"callId": request["callId"]}).raise_for_status()
    assert answer.json()["sent"] == 1
    wait_for(lambda: site.left(TICKETS) == 0, "the end of it", WAIT_SECONDS)
    assert site.case(request)["title"] == "Strict day"
    assert request["callId"] not in [each["callId"] for each in site.parked()]
    site.configure(document())


# ------------------------------------------------------------------------------------------------------- many at once

MESSAGES, PLAIN_CALLS, ADDED_CALLS = 10_000, 2_700, 1_300
PLAIN_CALLERS, ADDED_CALLERS = 900, 400
DOUBLES_WITHIN = 500
"""So many messages may lie between two of one call: both workers have it at the same time."""
MANY_SECONDS = 240.0


@pytest.mark.long(75)
@pytest.mark.timeout(300)
def test_two_workers_make_of_10_000_requests_with_doubles_each_call_once(site: Site) -> None:
    plain = [crowd_request("Plain", call, 3_000_000 + call % PLAIN_CALLERS) for call in range(PLAIN_CALLS)]
    added = [crowd_request("Added", call, 4_000_000 + call % ADDED_CALLERS) for call in range(ADDED_CALLS)]
    chance = random.Random(8)  # noqa: S311 - an order that is the same in every run
    calls = chance.sample([*plain, *added], PLAIN_CALLS + ADDED_CALLS)
    doubled = [(place, each) for place, each in enumerate(calls)]
    doubled += chance.choices(doubled, k=MESSAGES - len(calls))
    doubled.sort(key=lambda one: one[0] + chance.uniform(0, DOUBLES_WITHIN * len(calls) / MESSAGES))
    messages = [each for _, each in doubled]
    site.log_phone_calls(*plain, *added)
    parked = site.left(PARKED)
    with another_host(site.stack):
        drain_through_queue(site.stack.storage_connection_string, TICKETS, bodies_of(messages), MANY_SECONDS)
    assert site.left(PARKED) == parked
    contacts = {row["contactid"]: row["telephone1"] for row in site.all_rows("contacts") if is_of_crowd(row)}
    assert Counter(contacts.values()) == Counter({number(each) for each in (*plain, *added)})
    cases = [row for row in site.all_rows("incidents") if row["_customerid_value"] in contacts]
    check_plain(cases, contacts, plain)
    check_added(site, cases, contacts, added)
    ids = [row["incidentid"] for row in cases]
    items = [row["_objectid_value"] for row in site.all_rows("queueitems")]
    assert Counter(each for each in items if each in set(ids)) == Counter(ids)
    check_phone_calls(site, cases, contacts, [*plain, *added])


def crowd_request(queue: str, call: int, caller: int) -> dict[str, Any]:
    return a_request(queue, f"+35845{caller}", agent=None, variables={"note": f"{queue} {call}"})


def number(request: dict[str, Any]) -> str:
    return str(request["callerNumber"])


def note(request: dict[str, Any]) -> str:
    return str(request["variables"]["note"])


def is_of_crowd(row: dict[str, Any]) -> bool:
    return str(row.get("telephone1") or "").startswith(("+358453", "+358454"))


def check_plain(cases: Iterable[dict[str, Any]], contacts: dict[str, str], requests: list[dict[str, Any]]) -> None:
    """Each has a case of its own, of whoever called."""
    made = Counter((row["title"], contacts[row["_customerid_value"]]) for row in cases if "Plain" in row["title"])
    assert made == Counter((f"Plain {note(each)}", number(each)) for each in requests)


def check_added(
    site: Site, cases: Iterable[dict[str, Any]], contacts: dict[str, str], requests: list[dict[str, Any]]
) -> None:
    """Each number has one case, of one of its calls, and each of its other calls is one note on it."""
    of_case = {row["incidentid"]: row for row in cases if "Added" in row["title"]}
    numbers = [contacts[row["_customerid_value"]] for row in of_case.values()]
    assert Counter(numbers) == Counter({number(each) for each in requests})
    notes = [row for row in site.all_rows("annotations") if row["_objectid_value"] in of_case]
    told = [(row["description"], contacts[row["_customerid_value"]]) for row in of_case.values()]
    told += [(row["notetext"], contacts[of_case[row["_objectid_value"]]["_customerid_value"]]) for row in notes]
    assert Counter(told) == Counter((note(each), number(each)) for each in requests)


def check_phone_calls(
    site: Site, cases: Iterable[dict[str, Any]], contacts: dict[str, str], requests: list[dict[str, Any]]
) -> None:
    """The phone call of each is about a case of whoever called."""
    callers = {row["incidentid"]: contacts[row["_customerid_value"]] for row in cases}
    regarding = {row["activityid"]: row["_regardingobjectid_value"] for row in site.all_rows("phonecalls")}
    wrong = [each for each in requests if callers.get(regarding[phone_call(each)]) != number(each)]
    assert wrong == []


@contextmanager
def another_host(stack: RunningStack) -> Iterator[None]:
    """A second instance of the app on the same storage and Dynamics."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "local.host", "--app", str(ROOT), "--port", str(port)],
        cwd=ROOT, env={**os.environ, **stack.settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with httpx.Client(trust_env=False) as http:
            wait_for(lambda: is_up(http, f"http://127.0.0.1:{port}/admin/host/status"), "a second host", 60)
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_up(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx.TransportError:
        return False
