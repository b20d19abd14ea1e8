"""What the demo does from outside, as a WFM system, Enreach and a reader of Dynamics do."""

import base64
import json
import time
from typing import Any, cast

import httpx
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

REPORT_SECONDS = 120.0
RUN_SECONDS = 60.0
_BOOKING_EXPAND = (
    "Resource($select=name,timezone),BookingStatus($select=name),msdyn_shiftplan($select=msdyn_name),"
    "msdyn_shiftactivitytype($select=msdyn_name,msdyn_shiftassignmentstatus)"
)
type Json = dict[str, Any]


class DemoError(Exception):
    """The demo cannot go on; the text says why in plain words."""


class Doors:
    """The doors of a running stack."""

    def __init__(
        self, functions_url: str, dataverse_url: str, enreach_url: str, storage: str, routing_key: str
    ) -> None:
        self._functions_url, self._dataverse_url, self._enreach_url = functions_url, dataverse_url, enreach_url
        self._routing_key = routing_key
        self._blobs = BlobServiceClient.from_connection_string(storage)
        self._tables = TableServiceClient.from_connection_string(storage)
        self._queues = QueueServiceClient.from_connection_string(storage)
        self._http = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()
        self._blobs.close()
        self._tables.close()
        self._queues.close()

    def drop(self, profile: str, name: str, data: bytes) -> Json:
        """Put a file into the inbox and wait for its report."""
        return self._put(profile, name, data)

    def command(self, profile: str, name: str, command: str) -> Json:
        """Put an empty blob beside a file, as a person does, and wait for the answer."""
        return self._put(profile, f"{name}.{command}", b"")

    def _put(self, profile: str, name: str, data: bytes) -> Json:
        report = self._blobs.get_blob_client("schedule-reports", f"{profile}/{name}.report.json")
        before = _etag(report)
        self._blobs.get_blob_client("schedules", f"{profile}/{name}").upload_blob(data, overwrite=True)
        end = time.monotonic() + REPORT_SECONDS
        while _etag(report) == before:
            if time.monotonic() > end:
                raise DemoError(f"no report for {profile}/{name} came within {REPORT_SECONDS:.0f} s")
            time.sleep(0.1)
        return cast(Json, json.loads(report.download_blob().readall()))

    def bookings(self) -> list[Json]:
        """Every booking in Dynamics, with the rows that it points at."""
        query = {"$expand": _BOOKING_EXPAND, "$orderby": "starttime"}
        url: str | None = f"{self._dataverse_url}/api/data/v9.2/bookableresourcebookings"
        rows: list[Json] = []
        while url:
            answer = self._http.get(url, params=query or None, headers={"Authorization": "Bearer demo"})
            answer.raise_for_status()
            page = answer.json()
            rows += page["value"]
            url, query = page.get("@odata.nextLink"), {}
        return rows

    def records_written(self) -> int:
        """How many rows Dynamics has written since it started, of all tables."""
        written = self._http.get(f"{self._dataverse_url}/__sim/stats").raise_for_status().json()["recordsWritten"]
        return sum(sum(tables.values()) for tables in written.values())

    def route(self, anum: str, bnum: str, *, right_key: bool = True) -> tuple[int, Json | None, float]:
        """Ask where a call should go: status, answer, milliseconds."""
        key = self._routing_key if right_key else "not-the-key-that-enreach-has"
        started = time.perf_counter()
        answer = self._http.post(
            f"{self._functions_url}/api/smart-routing",
            json={"anum": anum, "bnum": bnum},
            headers={"X-Benemen-APIKey": key},
        )
        milliseconds = (time.perf_counter() - started) * 1000
        return answer.status_code, answer.json() if answer.content else None, milliseconds

    def route_to(self, target: str, anum: str, bnum: str, *, within: float) -> tuple[int, Json | None, float]:
        """Ask until the answer is this target, so many seconds at most: the last answer, as `route` gives it."""
        end = time.monotonic() + within
        while True:
            answer = self.route(anum, bnum)
            if (answer[1] or {}).get("InitialTarget") == target or time.monotonic() > end:
                return answer
            time.sleep(0.5)

    # ------------------------------------------------------------------------------------ calls and callbacks

    def in_enreach(self, kind: str) -> list[Json]:
        """Every item of a kind that the simulated Enreach holds: `users`, `queues`, `callbacks`."""
        return cast(list[Json], self._http.get(f"{self._enreach_url}/__sim/{kind}").raise_for_status().json())

    def happen(self, **feeds: list[Json]) -> None:
        """Let it have happened in the simulated Enreach: `calls`, `servicecalls`, `callbacks`."""
        for kind, items in feeds.items():
            self._http.post(f"{self._enreach_url}/__sim/{kind}", json=items).raise_for_status()

    def sync_calls(self) -> None:
        """Fire the timer of call sync by hand, and wait for the end of a run."""
        self._sync("sync_calls", "calls")

    def sync_callbacks(self) -> None:
        """As `sync_calls`, of callback sync."""
        self._sync("sync_callbacks", "callbacks")

    def _sync(self, function: str, lease: str) -> None:
        """As long as a run works it holds this lease."""
        end = time.monotonic() + RUN_SECONDS
        while self._run(lease)[1]:
            _wait_until(end, f"the run of {function} before this one did not end")
        runs = self._run(lease)[0]
        self._http.post(f"{self._functions_url}/admin/functions/{function}", json={}).raise_for_status()
        while self._run(lease)[0] == runs or self._run(lease)[1]:
            _wait_until(end, f"no run of {function} came to its end")

    def _run(self, lease: str) -> tuple[int, bool]:
        """How many runs there were, and whether one is at work."""
        if all(table.name != "checkpoints" for table in self._tables.list_tables()):
            return 0, False
        try:
            row = self._tables.get_table_client("checkpoints").get_entity("lease", lease)
        except ResourceNotFoundError:
            return 0, False
        return int(row["fence"]), not row["released"]

    def callback_history(self, callback_id: str) -> Json:
        """What the app says of a callback request."""
        answer = self._http.get(f"{self._functions_url}/api/callbacks/{callback_id}")
        if answer.status_code != 200:
            raise DemoError(f"callback sync knows nothing of a request: {answer.status_code}")
        return cast(Json, answer.json())

    def ask_for_ticket(self, request: Json) -> None:
        """Put a request onto the queue `tickets`, as another system does."""
        text = base64.b64encode(json.dumps(request).encode()).decode()
        self._queues.get_queue_client("tickets").send_message(text, time_to_live=-1)

    def tickets_settled(self) -> None:
        """Wait until no ticket request is in the queue."""
        end = time.monotonic() + RUN_SECONDS
        queue = self._queues.get_queue_client("tickets")
        while queue.get_queue_properties().approximate_message_count:
            _wait_until(end, "not all ticket requests came to their end")

    def parked(self) -> list[Json]:
        """The ticket requests that a person has to look at."""
        answer = self._http.get(f"{self._functions_url}/api/tickets/parked").raise_for_status()
        return cast(list[Json], answer.json()["parked"])

    def case(self, case_id: str) -> Json:
        """A case in Dynamics, with the names of whom it points at."""
        answer = self._http.get(
            f"{self._dataverse_url}/api/data/v9.2/incidents({case_id})",
            headers={"Authorization": "Bearer demo", "Prefer": 'odata.include-annotations="*"'},
        )
        return cast(Json, answer.raise_for_status().json())

    def is_told_of(self, case_id: str) -> bool:
        """Whether an agent has a notification that leads to this case."""
        answer = self._http.get(
            f"{self._dataverse_url}/api/data/v9.2/appnotifications",
            params={"$select": "data"},
            headers={"Authorization": "Bearer demo"},
        )
        return any(case_id in (row["data"] or "") for row in answer.raise_for_status().json()["value"])

    def in_queue(self, name: str) -> set[str]:
        """The phone calls that are in this queue of Dynamics."""
        answer = self._http.get(
            f"{self._dataverse_url}/api/data/v9.2/queueitems",
            params={"$select": "_objectid_value", "$expand": "queueid($select=name)"},
            headers={"Authorization": "Bearer demo"},
        )
        items = answer.raise_for_status().json()["value"]
        return {item["_objectid_value"] for item in items if item["queueid"]["name"] == name}

    def history(self, call_id: str) -> Json:
        """What the app says of a call."""
        answer = self._http.get(f"{self._functions_url}/api/calls/{call_id}")
        if answer.status_code != 200:
            raise DemoError(f"call sync knows nothing of a call: {answer.status_code}")
        return cast(Json, answer.json())

    def phone_call(self, phone_call_id: str) -> Json:
        """A phone call in Dynamics, with the names of whom it points at."""
        answer = self._http.get(
            f"{self._dataverse_url}/api/data/v9.2/phonecalls({phone_call_id})",
            headers={"Authorization": "Bearer demo", "Prefer": 'odata.include-annotations="*"'},
        )
        return cast(Json, answer.raise_for_status().json())


def _wait_until(end: float, failed: str) -> None:
    if time.monotonic() > end:
        raise DemoError(f"{failed} within {RUN_SECONDS:.0f} s")
    time.sleep(0.1)


def _etag(blob: Any) -> str | None:
    try:
        return str(blob.get_blob_properties().etag)
    except ResourceNotFoundError:
        return None
