"""Callback requests become phone calls in queues, end to end: the app on its host, with Enreach and Dynamics as their
users see them.

The timer is fired by hand. What the seeds of both simulators hold: see local/enreach/seed.py and
local/dataverse/seed.json.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from local.stack.ports import free_ports
from local.stack.running import RunningStack, running_stack
from tests.e2e.doors import wait_for

NEVER = "0 0 0 29 2 *"
WAIT_SECONDS = 20.0
CONFIG_CHECK_SECONDS = 0.2
TOKEN = "a-token-that-enreach-sends-with-events"
ELINA, ELINA_ID = "+358504545641", "elina.korhonen@aurinko-energia.example"
OPEN, COMPLETED, CANCELED = 0, 1, 2
MADE, OF_CANCELED = 2, 3
CALLER, CALLED = 1, 2
"""Participation types of activity parties: who called, and who was called."""
LISTS = {name: str(uuid.uuid4()) for name in ("Plain", "Events", "Both", "Tidy", "Later", "Nobody's")}
PROFILES: list[dict[str, Any]] = [
    {"name": "plain", "callbackList": "plain", "queue": "Callbacks", "phoneCallSubject": "Please call back"},
    {"name": "events", "callbackList": LISTS["Events"], "queue": "Support", "syncMethod": "webhook"},
    {
        "name": "both",
        "callbackList": "Both",
        "queue": "vip support",
        "syncMethod": "webhookWithPolling",
        "closeInEnreach": "whenCompleted",
    },
    {
        "name": "tidy",
        "callbackList": "Tidy",
        "queue": "Billing",
        "mergeRepeats": True,
        "expire": True,
        "expireAfterHours": 1,
        "completeWhenReached": True,
        "ageTimeUnit": "Hours",
        "callbackAge": 1,
    },
    {"name": "later", "callbackList": "Later", "queue": "Opened later"},
]
_NUMBERS = count(1)


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def ago(minutes: float) -> str:
    return iso(datetime.now(UTC) - timedelta(minutes=minutes))


def a_number() -> str:
    """Of somebody who is not in Dynamics, and has not called yet."""
    return f"+35840111{next(_NUMBERS):04}"


class Site:
    """Both systems, and what an operator can do."""

    def __init__(
        self,
        stack: RunningStack,
        clients: tuple[httpx.Client, httpx.Client, httpx.Client],
        storage: tuple[BlobServiceClient, TableServiceClient],
    ) -> None:
        self.app, self.dynamics, self.enreach = clients
        self._blobs, self._tables = storage

    # ------------------------------------------------------------------------------------------- Enreach

    def ask(self, of_list: str, number: str = ELINA, *, minutes_ago: float = 1, **changed: Any) -> str:
        """Somebody asks to be called back. `changed` are fields of Enreach's. Returns the request's id."""
        (callback_id,) = self.ask_many(of_list, [{"Number": number, "Created": ago(minutes_ago)} | changed])
        return callback_id

    def ask_many(self, of_list: str, items: list[dict[str, Any]]) -> list[str]:
        items = [{"Id": str(uuid.uuid4()), "CallbackListId": LISTS[of_list]} | item for item in items]
        self.enreach.post("/__sim/callbacks", json=items).raise_for_status()
        return [item["Id"] for item in items]

    def state(self, callback_id: str) -> str:
        """What Enreach says of a request."""
        listed = self.enreach.get("/__sim/callbacks").raise_for_status().json()
        (state,) = {item["State"] for item in listed if item["Id"] == callback_id}
        return str(state)

    @contextmanager
    def failing(self, path: str, status: int) -> Iterator[None]:
        """Enreach answers these paths so."""
        rule = [{"match": {"pathRegex": path}, "action": {"status": status}}]
        self.enreach.post("/__sim/faults", json=rule).raise_for_status()
        try:
            yield
        finally:
            self.enreach.delete("/__sim/faults").raise_for_status()

    # --------------------------------------------------------------------------------------------- the app

    def run(self) -> None:
        """Fire the timer by hand and wait until its run has ended."""
        self.after(lambda: self.app.post("/admin/functions/sync_callbacks", json={}).raise_for_status())

    def after(self, started: Callable[[], object]) -> None:
        """Wait for the end of the run that this starts: a run holds the lease as long as it works."""
        wait_for(lambda: bool(self._lease().get("released", True)), "the end of the run before", WAIT_SECONDS)
        before = self._lease().get("fence", 0)
        started()

        def has_ended() -> bool:
            lease = self._lease()
            return lease.get("fence", 0) > before and bool(lease["released"])

        wait_for(has_ended, "the end of a run", WAIT_SECONDS)

    def event(self, body: bytes = b"", token: str | None = TOKEN) -> int:
        """Enreach tells that something happened. Returns the answer's status."""
        headers = {} if token is None else {"X-Benemen-Token": token}
        return self.app.post("/api/callbacks/events", content=body, headers=headers).status_code

    def forget_events(self) -> None:
        """No event came yet: a run of the timer answers one that came less than a minute ago."""
        for checkpoint in ("callbacks-asked", "callbacks-answered"):
            self._tables.get_table_client("checkpoints").delete_entity("checkpoint", checkpoint)

    def _lease(self) -> dict[str, Any]:
        if all(table.name != "checkpoints" for table in self._tables.list_tables()):
            return {}
        rows = self._tables.get_table_client("checkpoints").query_entities(
            "PartitionKey eq 'lease' and RowKey eq 'callbacks'"
        )
        return dict(next(iter(rows), {}))

    def configure(self, profiles: list[dict[str, Any]]) -> None:
        """Write callback-profiles.json, and wait until the app does not go by the one before any more."""
        document = {"CallbackRequestDefaultSubject": "Callback wanted", "profiles": profiles}
        blob = self._blobs.get_blob_client("config", "callback-profiles.json")
        blob.upload_blob(json.dumps(document).encode(), overwrite=True)
        time.sleep(2 * CONFIG_CHECK_SECONDS)

    def history(self, callback_id: str) -> dict[str, Any]:
        """What the app says of a request."""
        told: dict[str, Any] = self.app.get(f"/api/callbacks/{callback_id}").raise_for_status().json()
        return told

    def outcome(self, callback_id: str) -> tuple[str, bool]:
        """And whether it is closed."""
        told = self.history(callback_id)
        return told["outcome"], told["closed"]

    def is_known(self, callback_id: str) -> bool:
        return self.app.get(f"/api/callbacks/{callback_id}").status_code == 200

    def reasons(self) -> str:
        """All that is not green in the details of health."""
        checks = self.app.get("/api/health/details").json()["checks"]
        return "\n".join(f"{check['name']}: {check['reason']}" for check in checks if check["status"] != "green")

    # -------------------------------------------------------------------------------------------- Dynamics

    def rows(self, entity_set: str, condition: str, **options: str) -> list[dict[str, Any]]:
        query = {"$filter": condition, **options}
        answer = self.dynamics.get(f"/api/data/v9.2/{entity_set}", params=query).raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def phone_calls(self, callback_id: str) -> list[dict[str, Any]]:
        """The phone calls of a request; their description says whose they are."""
        stamp = f"contains(description,'CallbackId is {callback_id}')"
        expand = {"$expand": "phonecall_activity_parties"}
        return self.rows("phonecalls", stamp, **expand)

    def phone_call(self, callback_id: str) -> dict[str, Any]:
        (row,) = self.phone_calls(callback_id)
        return row

    def queues(self, callback_id: str) -> list[str]:
        """The names of the queues in which the phone call of a request stands."""
        items = self.rows("queueitems", f"_objectid_value eq {self.phone_call(callback_id)['activityid']}")
        found = [self.rows("queues", f"queueid eq {item['_queueid_value']}") for item in items]
        return [row["name"] for rows in found for row in rows]

    def notes(self, callback_id: str) -> list[str]:
        """The notes on the phone call of a request."""
        rows = self.rows("annotations", f"_objectid_value eq {self.phone_call(callback_id)['activityid']}")
        return [row["notetext"] for row in rows]

    def change(self, callback_id: str, **columns: Any) -> None:
        """A user changes the phone call of a request."""
        row = f"/api/data/v9.2/phonecalls({self.phone_call(callback_id)['activityid']})"
        self.dynamics.patch(row, json=columns).raise_for_status()

    def delete(self, callback_id: str) -> None:
        row = f"/api/data/v9.2/phonecalls({self.phone_call(callback_id)['activityid']})"
        self.dynamics.delete(row).raise_for_status()

    def contact_id(self) -> str:
        (row,) = self.rows("contacts", f"emailaddress1 eq '{ELINA_ID}'")
        return str(row["contactid"])

    def records_written(self) -> int:
        written = self.dynamics.get("/__sim/stats").raise_for_status().json()["recordsWritten"]
        return sum(sum(tables.values()) for tables in written.values())


def parties(row: dict[str, Any]) -> set[tuple[int, str | None, str | None]]:
    return {
        (party["participationtypemask"], party["_partyid_value"], party.get("addressused"))
        for party in row["phonecall_activity_parties"]
        if party["participationtypemask"] in {CALLER, CALLED}
    }


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    timers = ("CALL_SYNC_SCHEDULE", "RETROACTIVE_SYNC_SCHEDULE", "USER_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE")
    settings = {"CONFIG_CHECK_SECONDS": str(CONFIG_CHECK_SECONDS), "CALLBACK_EVENTS_TOKEN": TOKEN}
    with (
        running_stack(free_ports(), environment={**dict.fromkeys(timers, NEVER), **settings}) as stack,
        httpx.Client(base_url=stack.functions_url, timeout=30) as app,
        httpx.Client(base_url=stack.dataverse_url, headers={"Authorization": "Bearer t"}) as dynamics,
        httpx.Client(base_url=stack.enreach_url) as enreach,
        BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs,
        TableServiceClient.from_connection_string(stack.storage_connection_string) as tables,
    ):
        found = Site(stack, (app, dynamics, enreach), (blobs, tables))
        lists = [{"Id": list_id, "Name": name} for name, list_id in LISTS.items()]
        enreach.post("/__sim/callbacklists", json=lists).raise_for_status()
        found.configure(PROFILES)
        found.run()
        yield found


# ------------------------------------------------------------------------------------------- phone calls in queues


def test_a_request_of_a_customer_is_one_open_phone_call_in_the_queue_and_then_closed(site: Site) -> None:
    created, due = ago(8), iso(datetime.now(UTC) + timedelta(hours=2))
    request = site.ask("Plain", "050 454 5641", Created=created, DueTime=due, Note="About the invoice")
    site.run()
    row, elina = site.phone_call(request), site.contact_id()
    assert (row["subject"], row["directioncode"], row["phonenumber"]) == ("Please call back", False, ELINA)
    assert (row["statecode"], row["scheduledend"]) == (OPEN, due)
    assert row["_regardingobjectid_value"] == elina
    assert {(mask, who) for mask, who, _ in parties(row)} == {(CALLER, elina), (CALLED, row["_ownerid_value"])}
    assert row["description"].splitlines() == ["About the invoice", "Callback list: Plain", f"CallbackId is {request}"]
    assert site.queues(request) == ["Callbacks"]
    assert site.state(request) == "ClosedSuccessfully"
    told = site.history(request)
    assert (told["outcome"], told["closed"], told["profile"]) == ("queued", True, "plain")
    assert told["phoneCallId"] == row["activityid"]


@pytest.mark.parametrize("number", ["+358401119999", "", "anonymous"])
def test_a_request_of_nobody_known_waits_for_no_match(site: Site, number: str) -> None:
    request = site.ask("Plain", number)
    site.run()
    row = site.phone_call(request)
    known = number if number.startswith("+") else None
    assert (row["phonenumber"] or None, row["_regardingobjectid_value"]) == (known, None)
    callers = [(who, used) for mask, who, used in parties(row) if mask == CALLER]
    assert callers == ([(None, known)] if known else [])
    assert (site.queues(request), site.outcome(request)) == (["Callbacks"], ("queued", True))


def test_what_is_delivered_twice_is_there_once_and_a_further_run_writes_nothing(site: Site) -> None:
    item = {"Id": str(uuid.uuid4()), "Number": a_number()}
    braced = {**item, "Id": f"{{{item['Id'].upper()}}}"}
    (request, *_) = site.ask_many("Plain", [item, item, braced])
    site.run()
    before = site.records_written()
    site.run()
    site.ask_many("Plain", [item])  # Enreach has it open again, as it was
    site.run()
    assert site.records_written() == before
    assert len(site.phone_calls(request)) == len(site.queues(request)) == 1


def test_users_win_what_they_complete_stays_and_what_they_delete_does_not_come_back(site: Site) -> None:
    kept, deleted = (site.ask("Both", a_number()) for _ in range(2))
    site.run()
    site.change(kept, subject="Called, nobody there")
    site.delete(deleted)
    site.run()
    assert site.phone_call(kept)["subject"] == "Called, nobody there"
    assert site.phone_calls(deleted) == []
    assert site.outcome(deleted) == ("deleted-by-user", True)
    assert (site.state(kept), site.state(deleted)) == ("Open", "ClosedSuccessfully")


def test_a_request_that_stays_open_is_closed_when_its_phone_call_is_completed_and_the_other_way(site: Site) -> None:
    in_dynamics, in_enreach = (site.ask("Both", a_number()) for _ in range(2))
    site.run()
    assert [site.state(each) for each in (in_dynamics, in_enreach)] == ["Open", "Open"]
    assert site.queues(in_dynamics) == ["VIP support"]
    site.change(in_dynamics, statecode=COMPLETED, statuscode=MADE)
    body = {"State": "ClosedSuccessfully"}
    site.ask_many("Both", [{"Id": in_enreach, "Number": a_number(), "ModifiedAt": iso(datetime.now(UTC)), **body}])
    site.run()
    assert site.state(in_dynamics) == "ClosedSuccessfully"
    assert site.phone_call(in_enreach)["statecode"] == COMPLETED
    assert {site.outcome(each) for each in (in_dynamics, in_enreach)} == {("completed", True)}


def test_what_was_closed_at_first_sight_becomes_nothing(site: Site) -> None:
    requests = [site.ask("Plain", a_number(), State=state) for state in ("ClosedSuccessfully", "Expired")]
    site.run()
    assert {site.outcome(each) for each in requests} == {("closed-before", True)}
    assert [site.phone_calls(each) for each in requests] == [[], []]


# --------------------------------------------------------------------------------------------------------- webhook


def test_the_timer_reads_what_polls_and_an_event_with_the_token_what_hears(site: Site) -> None:
    site.forget_events()
    heard, polled = site.ask("Events", a_number()), site.ask("Plain", a_number())
    nobodys = site.ask("Nobody's", a_number())
    for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
        assert site.event(b"{}", token) == 401, token
    site.run()
    assert site.queues(polled) == ["Callbacks"]
    assert not site.is_known(heard)
    both = site.ask("Both", a_number())
    site.after(lambda: site.event(json.dumps({"EventType": "CallbackCreated", "CallbackListItemId": heard}).encode()))
    assert (site.queues(heard), site.outcome(heard)) == (["Support"], ("queued", True))
    assert site.phone_call(heard)["subject"] == "Callback wanted"
    assert site.queues(both) == ["VIP support"]
    assert not site.is_known(nobodys)


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    assert site.event(b" " * 65_537) in {400, 413}


BODIES = [b"", b"not JSON", b"\xff\x00", b'{"Id": 1}', b"[" * 3000]


def test_a_burst_of_events_beside_the_timer_leaves_each_of_hundreds_of_requests_once(site: Site) -> None:
    asked = {
        name: site.ask_many(name, [{"Number": a_number(), "Created": ago(1)} for _ in range(100)])
        for name in ("Plain", "Events", "Both")
    }
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(site.event, BODIES * 8))
        site.run()
    assert set(answers) == {202}, "the body is a hint alone"
    last = [requests[-1] for requests in asked.values()]
    wait_for(lambda: all(map(site.is_known, last)), "all requests", WAIT_SECONDS)
    site.run()
    stamps = [row["description"].rpartition(" ")[2] for row in site.rows("phonecalls", "statecode eq 0")]
    items = [item["_objectid_value"] for item in site.rows("queueitems", "statecode eq 0")]
    for name, requests in asked.items():
        assert [stamps.count(each) for each in requests] == [1] * 100, name
        told = [site.history(each) for each in requests[::10]]
        assert {(each["outcome"], each["closed"]) for each in told} == {("queued", name != "Both")}
        assert [items.count(each["phoneCallId"]) for each in told] == [1] * 10


# --------------------------------------------------------------------------------------------------------- hygiene


def test_a_repeat_is_noted_on_the_open_phone_call_and_withheld_numbers_never_merge(site: Site) -> None:
    number = a_number()
    first = site.ask("Tidy", number, minutes_ago=5)
    withheld = [site.ask("Tidy", "") for _ in range(2)]
    site.run()
    repeats = [site.ask("Tidy", number, minutes_ago=3, Note="Still waiting"), site.ask("Tidy", number, minutes_ago=2)]
    site.run()
    assert [site.outcome(each) for each in repeats] == [("merged", True)] * 2
    assert [site.phone_calls(each) for each in repeats] == [[], []]
    assert {site.history(each)["phoneCallId"] for each in repeats} == {site.phone_call(first)["activityid"]}
    notes = site.notes(first)
    assert sorted(note.splitlines()[-1] for note in notes) == sorted(f"CallbackId is {each}" for each in repeats)
    assert any("Still waiting" in note for note in notes)
    assert [site.state(each) for each in repeats] == ["ClosedSuccessfully"] * 2
    assert [site.queues(each) for each in withheld] == [["Billing"]] * 2
    site.change(first, statecode=COMPLETED, statuscode=MADE)
    again = site.ask("Tidy", number)
    site.run()
    assert site.outcome(again) == ("queued", True), "nobody sees a note on a completed phone call"


def test_a_request_that_nobody_answered_in_time_is_canceled(site: Site) -> None:
    late = site.ask("Tidy", a_number(), minutes_ago=200, DueTime=ago(150))
    early = site.ask("Tidy", a_number(), minutes_ago=200, DueTime=ago(30))
    site.run()
    site.run()
    row = site.phone_call(late)
    assert (row["statecode"], row["statuscode"], site.outcome(late)) == (CANCELED, OF_CANCELED, ("expired", True))
    assert (site.phone_call(early)["statecode"], site.outcome(early)) == (OPEN, ("queued", True))


def test_a_request_whose_caller_was_reached_is_completed(site: Site) -> None:
    reached, not_answered, private, before = (a_number() for _ in range(4))
    requests = {number: site.ask("Tidy", number, minutes_ago=20) for number in (reached, not_answered, private, before)}
    site.run()
    user = site.enreach.get("/__sim/users").raise_for_status().json()[1]

    def call(number: str, **changed: Any) -> dict[str, Any]:
        return {
            "CallId": str(uuid.uuid4()), "UserId": user["Id"], "UserName": user["UserName"],
            "ANum": user["WorkNumber"], "BNum": number, "TimeStamp": ago(10), "Duration": 60, "Direction": 1,
            "EndResult": 0, "Privacy": "Work", "ModifiedAt": ago(0.75),
        } | changed  # fmt: skip

    calls = [
        call(reached),
        call(not_answered, EndResult=1),
        call(private, Privacy="Private"),
        call(before, TimeStamp=ago(40)),
    ]
    site.enreach.post("/__sim/calls", json=calls).raise_for_status()
    site.run()
    states = {number: site.phone_call(request)["statecode"] for number, request in requests.items()}
    assert states == {reached: COMPLETED, not_answered: OPEN, private: OPEN, before: OPEN}
    assert site.outcome(requests[reached]) == ("reached", True)


# ---------------------------------------------------------------------------------------------------------- outages


def test_a_profile_without_its_queue_is_off_until_the_queue_is_there(site: Site) -> None:
    later, others = site.ask("Later", a_number()), site.ask("Plain", a_number())
    site.run()
    assert site.outcome(others) == ("queued", True)
    assert not site.is_known(later)
    assert site.state(later) == "Open"
    wait_for(lambda: "later" in site.reasons() and "queue is not in Dynamics" in site.reasons(), "why", WAIT_SECONDS)
    queue = {"queueid": str(uuid.uuid4()), "name": "Opened later"}
    site.dynamics.post("/__sim/rows", json={"queues": [queue]}).raise_for_status()
    site.run()
    assert (site.outcome(later), site.queues(later)) == (("queued", True), ["Opened later"])
    wait_for(lambda: "queue is not in Dynamics" not in site.reasons(), "the end of it", WAIT_SECONDS)


def test_a_queue_that_is_deleted_keeps_requests_open_until_another_is_there(site: Site) -> None:
    (queue,) = site.rows("queues", "name eq 'Callbacks'")
    # A profile that is off would have all of them looked at anew.
    site.configure([profile for profile in PROFILES if profile["name"] != "later"])
    site.run()  # which remembers the queue
    site.dynamics.delete(f"/api/data/v9.2/queues({queue['queueid']})").raise_for_status()
    number = a_number()
    request = site.ask("Plain", number)
    site.run()
    assert (site.outcome(request), site.state(request)) == (("waiting", False), "Open")
    assert "queue is not in Dynamics any more" in site.history(request)["reason"]
    assert site.phone_calls(request) == [], "a phone call in no queue is seen by nobody"
    site.run()
    wait_for(lambda: "1 x its queue is not in Dynamics any more" in site.reasons(), "the reason", WAIT_SECONDS)
    assert number not in site.reasons()
    site.dynamics.post("/__sim/rows", json={"queues": [queue]}).raise_for_status()
    site.run()
    assert (site.outcome(request), site.queues(request)) == (("queued", True), ["Callbacks"])
    assert site.state(request) == "ClosedSuccessfully"
    site.configure(PROFILES)


def test_what_enreach_refused_to_tell_comes_with_the_next_run(site: Site) -> None:
    request = site.ask("Plain", a_number())
    with site.failing("^/callbacks", 403):
        site.run()
        assert not site.is_known(request)
    site.run()
    assert site.outcome(request) == ("queued", True)


def test_a_request_that_enreach_does_not_close_is_closed_by_a_later_run(site: Site) -> None:
    request = site.ask("Plain", a_number())
    with site.failing(f"^/callbacks/{request}", 409):
        site.run()
        assert (site.outcome(request), site.state(request)) == (("queued", False), "Open")
        assert "still open in Enreach" in site.history(request)["reason"]
    site.run()
    assert (site.outcome(request), site.state(request)) == (("queued", True), "ClosedSuccessfully")
    assert len(site.phone_calls(request)) == 1


def test_what_dynamics_did_not_take_comes_with_a_later_run(site: Site) -> None:
    request = site.ask("Plain", a_number())
    rule = [{"match": {"pathRegex": "."}, "action": {"status": 503}}]
    site.dynamics.post("/__sim/faults", json=rule).raise_for_status()
    site.run()
    assert (site.is_known(request), site.state(request)) == (False, "Open")
    site.dynamics.delete("/__sim/faults").raise_for_status()

    def is_there() -> bool:
        site.run()
        return site.is_known(request)

    wait_for(is_there, "the request", WAIT_SECONDS)
    assert (site.outcome(request), len(site.phone_calls(request))) == (("queued", True), 1)
