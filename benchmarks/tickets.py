"""Ticket requests that become cases, through the whole app: what new ones cost, further calls of the same customers,
and the same messages once more.

Dynamics is the simulator, storage is Azurite. There are always messages in the queue, as after an outage, until the
last of a run. Requests are those that the simulator counted; processor time is that of the functions host with its
worker.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from azure.storage.queue import QueueServiceClient

from benchmarks.bench import Bench
from benchmarks.calls_of_a_day import contacts, users
from benchmarks.contact_centre import CUSTOMERS
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.simulator import PUBLISHED, UNCOUNTED
from benchmarks.tickets_of_a_day import (
    ADDED,
    CALLS_A_CUSTOMER,
    PLAIN,
    documents,
    is_unknown,
    messages,
    phone_calls,
    queues,
)
from benchmarks.whole_app import WholeApp, running_app
from local.stack.filling import drain_through_queue

COUNTS, QUICK_COUNTS = (1, 1_000, 10_000), (1, 100)
QUICK_CUSTOMERS = 5_000
QUEUE, PARKED = "tickets", "tickets-poison"
LONGEST_RUN_S = 900.0

MOST_PER_THOUSAND = 40
"""Requests to Dynamics for 1,000 further tickets."""
MOST_FOR_ONE = 20
"""Requests to Dynamics for the first one, with those that ask what the configurations name."""

_WRITTEN = ("incident", "annotation", "queueitem", "contact", "appnotification", "phonecall")


@dataclass(frozen=True, slots=True)
class Made:
    """One run."""

    what: str
    tickets: int
    """Messages in the queue."""
    requests: int
    """To Dynamics."""
    rows: int
    """Cases, notes, queue items, contacts and notifications that were made, and phone calls that were put onto a
    case."""
    seconds: float
    """Until the queue was empty."""
    cpu_s: float


def measure(bench: Bench) -> Section:
    """Each kind has an app of its own: the emulator of Table Storage takes ever longer to write a row the more there
    are, a table in Azure does not."""
    counts = QUICK_COUNTS if bench.quick else COUNTS
    with _tickets(bench) as tickets:
        news = []
        for count in counts:
            bench.say(f"{count:,} new ticket requests")
            news.append(tickets.new("each of another number", count, PLAIN))
        bench.say("the same messages again")
        again = tickets.again("the same messages again", counts[-1], PLAIN)
    with _tickets(bench) as tickets:
        bench.say(f"{counts[-1]:,} ticket requests, {CALLS_A_CUSTOMER} of each number")
        added = tickets.new(f"{CALLS_A_CUSTOMER} of each number, on one case", counts[-1], ADDED, CALLS_A_CUSTOMER)
    return section_of(news, again, added)


@contextmanager
def _tickets(bench: Bench) -> "Iterator[_Tickets]":
    customers = QUICK_CUSTOMERS if bench.quick else CUSTOMERS
    with (
        TemporaryDirectory() as folder,
        # In memory the emulator stands still for a minute when it removes thousands of messages.
        running_app(AZURITE_LOCATION=folder) as app,
        QueueServiceClient.from_connection_string(app.stack.storage_connection_string) as queue_service,
    ):
        tickets = _Tickets(app, queue_service, customers)
        bench.say(f"planting {customers:,} customers")
        tickets.prepare()
        yield tickets


class _Tickets:
    """Ticket creation of a running app, and Dynamics."""

    def __init__(self, app: WholeApp, queue_service: QueueServiceClient, customers: int) -> None:
        self._app, self._queues, self._customers = app, queue_service, customers
        self._next = 0
        self._now = datetime.now(UTC)

    def prepare(self) -> None:
        self._app.control("environment", {**PUBLISHED, **UNCOUNTED})
        for rows in contacts(self._customers):
            self._app.plant("contacts", rows)
        self._app.plant("systemusers", users())
        self._app.plant("queues", queues())
        for name, document in documents().items():
            self._app.configure(name, document)
        # The app asks every few seconds whether a document has changed.
        time.sleep(2 * float(self._app.stack.settings["CONFIG_CHECK_SECONDS"]))

    def new(self, what: str, count: int, name: str, calls_a_customer: int = 1) -> Made:
        """So many requests are new. Raises AssertionError when not all of them became what they should."""
        requests = range(self._next, self._next + count)
        self._next += count
        self._app.plant("phonecalls", phone_calls(requests))
        made = self._run(what, requests, name, calls_a_customer)
        expected = rows_of(requests, calls_a_customer, notified=name == PLAIN)
        if made.rows != expected:
            raise AssertionError(f"{count} new ticket requests made {made.rows} rows, not {expected}")
        return made

    def again(self, what: str, count: int, name: str) -> Made:
        """The requests of the last run come once more."""
        return self._run(what, range(self._next - count, self._next), name, 1)

    def _run(self, what: str, requests: Sequence[int], name: str, calls_a_customer: int) -> Made:
        bodies = messages(requests, name, self._now, self._customers, calls_a_customer)
        self._app.forget_traffic()
        cpu_s, started = self._app.host.cpu_s, time.perf_counter()
        drain_through_queue(self._app.stack.storage_connection_string, QUEUE, bodies, LONGEST_RUN_S)
        seconds, cpu_s = time.perf_counter() - started, self._app.host.cpu_s - cpu_s
        if parked := self._parked():
            raise AssertionError(f"{parked} ticket requests were parked")
        written = self._app.control("stats", method="GET")["recordsWritten"]
        rows = sum(tables.get(table, 0) for tables in written.values() for table in _WRITTEN)
        return Made(what, len(requests), self._app.traffic().requests, rows, seconds, cpu_s)

    def _parked(self) -> int:
        if all(each.name != PARKED for each in self._queues.list_queues(name_starts_with=PARKED)):
            return 0
        return self._queues.get_queue_client(PARKED).get_queue_properties().approximate_message_count or 0


# ------------------------------------------------------------------------------------------------------ figures


def rows_of(requests: Sequence[int], calls_a_customer: int = 1, *, notified: bool = False) -> int:
    """The rows that are written for new requests, when the first call of a number is a case and each further one a
    note: case and queue item, or the note; the contact of a number that nobody has; the phone call, which is put onto
    the case; and a notification of the agent where there are such."""
    customers = {request // calls_a_customer for request in requests}
    unknown = sum(is_unknown(customer) for customer in customers)
    notes = len(requests) - len(customers)
    return 2 * len(customers) + unknown + notes + len(requests) + (len(requests) if notified else 0)


def most_requests(tickets: int) -> float:
    """The bound on requests to Dynamics for so many new ticket requests."""
    return MOST_FOR_ONE + MOST_PER_THOUSAND * tickets / 1_000


def section_of(news: list[Made], again: Made, added: Made) -> Section:
    """What was found: requests of different numbers, the last of them once more, and several of each number."""
    runs = [*news, added, again]
    return Section(
        "tickets",
        _metrics(news, again, added),
        (_table("Ticket requests in the queue, 60 ms latency, 12 ms a write", runs),),
        (
            "A ticket is a case in a queue, its phone call put onto it, and a notification of the agent; four of ten "
            "callers are made a contact. A further call of a customer is a note on the open case.",
            "Storage (Azurite) and Dynamics share a core, and the app has the other; until a message is gone the app "
            "asks storage for what it remembers of the call, writes it down, and the host takes the message away.",
        ),
    )


def _metrics(news: list[Made], again: Made, added: Made) -> tuple[Metric, ...]:
    return (
        *(
            bounded(
                f"requests to Dynamics for {run.tickets:,} ticket requests: {run.what}",
                run.requests,
                most_requests(run.tickets),
                "lower",
            )
            for run in (*news, added)
        ),
        # A bound is above zero: one write would be one too many.
        bounded(f"writes for {again.tickets:,} messages that come again, plus 1", again.rows + 1, 1, "lower"),
    )


def _table(title: str, runs: list[Made]) -> Table:
    columns = (
        "messages",
        "which",
        "to Dynamics",
        "a thousand",
        "rows written",
        "s",
        "app CPU s",
        "app CPU ms each",
    )
    lines = [
        (
            f"{run.tickets:,}",
            run.what,
            f"{run.requests:,}",
            f"{run.requests * 1_000 / run.tickets:.1f}",
            f"{run.rows:,}",
            f"{run.seconds:.1f}",
            f"{run.cpu_s:.2f}",
            f"{run.cpu_s * 1_000 / run.tickets:.2f}",
        )
        for run in runs
    ]
    return Table(title, columns, tuple(lines))
