"""Callback requests that become phone calls in queues, through the whole app: what new ones cost, repeats of the same
number, and a run without any.

Enreach and Dynamics are the simulators, storage is Azurite, and the timer is fired by hand. Requests are those that
the simulators counted; processor time is that of the functions host with its worker.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

import httpx

from benchmarks.bench import Bench
from benchmarks.callbacks_of_a_day import (
    MERGING,
    NEW_LISTS,
    REPEATS,
    WAITING,
    callback_lists,
    documents,
    queues,
    requests,
)
from benchmarks.calls_of_a_day import contacts
from benchmarks.contact_centre import CUSTOMERS
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.simulator import PUBLISHED, UNCOUNTED
from benchmarks.whole_app import WholeApp, running_app

COUNTS, QUICK_COUNTS = (1, 100, 1_000, 10_000), (1, 100)
QUICK_CUSTOMERS = 5_000
PLANTED_AT_ONCE = 10_000
LONGEST_RUN_S = 600.0

MOST_PER_THOUSAND = 7
"""Requests to Dynamics for 1,000 further new requests: five of writes, 200 phone calls with their queue items each, and
those that ask whose number it is and read back what was written."""
MOST_FOR_ONE = 8
"""Requests to Dynamics for the first one."""
MOST_IDLE = 1
"""Requests to Dynamics of a run without new ones, and for each 1,000 that are left open in Enreach."""
MOST_ENREACH_BESIDE = 5
"""Requests to Enreach beside the closing of each."""

_SAID = "Callback sync {"
_WRITTEN = ("phonecall", "queueitem", "annotation")


@dataclass(frozen=True, slots=True)
class Synced:
    """One run."""

    what: str
    callbacks: int
    """New ones."""
    dynamics: int
    """Requests to Dynamics."""
    enreach: int
    """Requests to Enreach."""
    rows: int
    """Phone calls, queue items and notes that were written."""
    seconds: float
    cpu_s: float


def measure(bench: Bench) -> Section:
    """New requests, then repeats and those that stay open in Enreach, each with an app of their own: the emulator of
    Table Storage takes ever longer to write a row the more there are, a table in Azure does not."""
    counts = QUICK_COUNTS if bench.quick else COUNTS
    with _callback_sync(bench, *NEW_LISTS) as sync:
        news = []
        for count in counts:
            bench.say(f"{count:,} new callback requests")
            news.append(sync.new("each of another number", count, NEW_LISTS))
            sync.empty_lists()
        bench.say("no new callback request")
        idle = sync.run("nothing is new", 0)
    others = []
    for what, name, repeats in (
        (f"{REPEATS} of each number, merged", MERGING, REPEATS),
        ("left open in Enreach", WAITING, 1),
    ):
        with _callback_sync(bench, name) as sync:
            count = counts[-1]
            bench.say(f"{count:,} callback requests, {what}")
            others.append(sync.new(what, count, (name,), repeats))
            if name == WAITING:
                others.append(sync.run(f"nothing is new, {count:,} are left open", 0))
    return section_of(news, idle, others)


@contextmanager
def _callback_sync(bench: Bench, *lists: str) -> "Iterator[_CallbackSync]":
    customers = QUICK_CUSTOMERS if bench.quick else CUSTOMERS
    with running_app() as app:
        sync = _CallbackSync(app, customers)
        bench.say(f"planting {customers:,} customers")
        sync.prepare(*lists)
        yield sync


class _CallbackSync:
    """Callback sync of a running app, and the two systems that it joins."""

    def __init__(self, app: WholeApp, customers: int) -> None:
        self._app, self._customers = app, customers
        self._enreach = httpx.Client(base_url=app.stack.enreach_url, trust_env=False, timeout=300)
        self._functions = httpx.Client(base_url=app.stack.functions_url, trust_env=False, timeout=300)
        self._next = 0

    def prepare(self, *lists: str) -> None:
        self._app.control("environment", {**PUBLISHED, **UNCOUNTED})
        for rows in contacts(self._customers):
            self._app.plant("contacts", rows)
        self._app.plant("queues", queues())
        self._plant("callbacklists", callback_lists())
        for name, document in documents(*lists).items():
            self._app.configure(name, document)
        self.run("", 0)

    def new(self, what: str, count: int, lists: tuple[str, ...], repeats: int = 1) -> Synced:
        """So many requests are new, and nothing else has changed. Raises AssertionError when not all are synced."""
        items = requests(
            range(self._next, self._next + count), lists, datetime.now(UTC), self._customers, repeats=repeats
        )
        self._next += count
        self._plant("callbacks", items)
        run = self.run(what, count)
        heads = -(-count // repeats)
        if run.rows != 2 * heads + (count - heads):
            raise AssertionError(f"{count} new callback requests made {run.rows} rows")
        return run

    def empty_lists(self) -> None:
        """Enreach forgets every request."""
        self._enreach.delete("/__sim/callbacks").raise_for_status()

    def run(self, what: str, callbacks: int) -> Synced:
        """One run, fired by hand. Raises RuntimeError when it does not end, or not well."""
        before = self._last_line()
        self._app.forget_traffic()
        self._enreach.post("/__sim/reset", json={"keep": ["items", "faults", "clock"]}).raise_for_status()
        cpu_s, started = self._app.host.cpu_s, time.perf_counter()
        self._functions.post("/admin/functions/sync_callbacks", json={}).raise_for_status()
        while (line := self._last_line()) == before:
            if time.perf_counter() - started > LONGEST_RUN_S:
                raise RuntimeError(f"sync_callbacks did not end within {LONGEST_RUN_S:.0f} s")
            time.sleep(0.02)
        seconds, cpu_s = time.perf_counter() - started, self._app.host.cpu_s - cpu_s
        said: dict[str, Any] = json.loads("{" + line.partition(_SAID)[2])
        if said["outcome"] != "done":
            raise RuntimeError(f"sync_callbacks: {said['outcome']} {said['reason']}")
        written = self._app.control("stats", method="GET")["recordsWritten"]["created"]
        return Synced(
            what,
            callbacks,
            self._app.traffic().requests,
            self._enreach.get("/__sim/stats").json()["requests"]["total"],
            sum(written.get(name, 0) for name in _WRITTEN),
            seconds,
            cpu_s,
        )

    def _last_line(self) -> str:
        """What the app logged last of a run that came to its end."""
        lines = self._app.stack.output.text().splitlines()
        return next((line for line in reversed(lines) if _SAID in line), "")

    def _plant(self, kind: str, items: list[dict[str, Any]]) -> None:
        for some in batched(items, PLANTED_AT_ONCE, strict=False):
            self._enreach.post(f"/__sim/{kind}", json=some).raise_for_status()


# ------------------------------------------------------------------------------------------------------ figures


def most_requests(callbacks: int) -> float:
    """The bound on requests to Dynamics for so many new callback requests."""
    return MOST_FOR_ONE + MOST_PER_THOUSAND * callbacks / 1_000


def section_of(news: list[Synced], idle: Synced, others: list[Synced]) -> Section:
    """What was found: new requests of different numbers, a run without any, and other kinds of runs."""
    return Section(
        "callbacks",
        _metrics(news, idle, others),
        (_table("One run of sync_callbacks, 60 ms latency, 12 ms a write", [idle, *news, *others]),),
        (
            "A callback request is a phone call and its queue item, made in one change set, 200 of them in a request. "
            "A customer has six of ten numbers. Each is closed in Enreach by a request of its own, which its API does "
            "not spare; some are under way at a time.",
            "Half of the new ones are of a profile that is polled, half of one that is polled behind a webhook.",
        ),
    )


def _metrics(news: list[Synced], idle: Synced, others: list[Synced]) -> tuple[Metric, ...]:
    most = news[-1]
    still = [run for run in others if run.callbacks == 0]
    return (
        *(
            bounded(
                f"requests to Dynamics for {run.callbacks:,} new callback requests",
                run.dynamics,
                most_requests(run.callbacks),
                "lower",
            )
            for run in news
        ),
        bounded(
            f"requests to Enreach for {most.callbacks:,} new callback requests",
            most.enreach,
            most.callbacks + MOST_ENREACH_BESIDE,
            "lower",
        ),
        bounded("requests to Dynamics of a run without new callback requests", idle.dynamics, MOST_IDLE, "lower"),
        *(
            bounded(
                f"requests to Dynamics of a run: {run.what}",
                run.dynamics,
                MOST_IDLE * (1 + most.callbacks / 1_000),
                "lower",
            )
            for run in still
        ),
    )


def _table(title: str, runs: list[Synced]) -> Table:
    columns = (
        "new requests",
        "which",
        "to Dynamics",
        "a thousand",
        "to Enreach",
        "rows made",
        "s",
        "app CPU s",
        "app CPU ms each",
    )
    lines = [
        (
            f"{run.callbacks:,}",
            run.what,
            f"{run.dynamics:,}",
            f"{run.dynamics * 1_000 / run.callbacks:.1f}" if run.callbacks else "-",
            f"{run.enreach:,}",
            f"{run.rows:,}",
            f"{run.seconds:.1f}",
            f"{run.cpu_s:.2f}",
            f"{run.cpu_s * 1_000 / run.callbacks:.2f}" if run.callbacks else "-",
        )
        for run in runs
    ]
    return Table(title, columns, tuple(lines))
