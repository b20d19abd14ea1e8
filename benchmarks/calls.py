"""Calls that become phone calls, through the whole app: what new ones cost, a run without any, and the nightly pass.

Enreach and Dynamics are the simulators, storage is Azurite, and the timers are fired by hand. Requests are those that
the simulator of Dynamics counted; processor time is that of the functions host with its worker.
"""

import itertools
import json
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import httpx

from benchmarks.bench import Bench
from benchmarks.calls_of_a_day import contacts, documents, enreach_users, events, least_requests, queues, users
from benchmarks.contact_centre import CUSTOMERS
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.routing_beside_import import percentile
from benchmarks.simulator import PUBLISHED, UNCOUNTED
from benchmarks.whole_app import WholeApp, running_app
from functions.call_sync.decide.moments import FIRST_NIGHTLY, SAFETY, nightly_moment

COUNTS, QUICK_COUNTS = (1, 10, 100, 1_000, 5_000, 10_000), (1, 10, 100)
QUICK_CUSTOMERS = 5_000
LARGE_DAY = 1_330_000
"""Calls of a day of 10,000 agents."""
SHORT = timedelta(minutes=30)
"""Of such a day so much is played, as dense as it would be: a pass looks at a quarter of an hour at a time."""
SHORT_CALLS, QUICK_SHORT_CALLS = round(LARGE_DAY * (SHORT / timedelta(days=1))), 600
PLANTED_AT_ONCE = 10_000
LONGEST_RUN_S = 600.0

_SAID = "Call sync "
_TABLES = ("phonecall", "contact", "lead", "annotation")

MOST_REQUESTS = 60
"""For 5,000 new calls."""
MOST_IDLE_REQUESTS = 1
MOST_NIGHTLY_S = 3_600.0
MOST_VISIBLE_S = 120.0
BUSY_HOURS = 8
"""Into so many of its hours the calls of the large day are put: then it is busy."""
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Synced:
    """One run."""

    calls: int
    requests: int
    written: int
    """Rows in Dynamics; one that is created and then gets its state counts twice."""
    seconds: float
    cpu_s: float

    def and_then(self, more: "Synced") -> "Synced":
        """The two as one."""
        return Synced(
            self.calls,
            self.requests + more.requests,
            self.written + more.written,
            self.seconds + more.seconds,
            self.cpu_s + more.cpu_s,
        )


def measure(bench: Bench) -> Section:
    """New calls and nights each have an app of their own: the emulator of Table Storage takes ever longer to write a
    row the more there are, a table in Azure does not."""
    with _call_sync(bench) as calls:
        news = []
        for count in QUICK_COUNTS if bench.quick else COUNTS:
            bench.say(f"{count:,} new calls")
            news.append(calls.new(count))
        bench.say("no new call")
        idle = calls.run("sync_calls", 0)
    with _call_sync(bench) as calls:
        bench.say("a night without calls")
        empty = calls.night(0)
        short = QUICK_SHORT_CALLS if bench.quick else SHORT_CALLS
        bench.say(f"a night with {short:,} calls")
        nights = (empty, calls.night(short))
    return section_of(news, idle, nights)


@contextmanager
def _call_sync(bench: Bench) -> "Iterator[_CallSync]":
    customers = QUICK_CUSTOMERS if bench.quick else CUSTOMERS
    # What becomes of the ticket requests is counted by the topic `tickets`.
    without_tickets = {"AzureWebJobs.create_ticket.Disabled": "true"}
    with running_app(SITE_ID=site_of_an_early_night(datetime.now(UTC)), **without_tickets) as app:
        calls = _CallSync(app, customers)
        bench.say(f"planting {customers:,} customers")
        calls.prepare()
        yield calls


def site_of_an_early_night(now: datetime) -> str:
    """A site whose nightly pass is due as soon as the nights begin: at any hour of the day it runs when it is asked for
    (`functions.call_sync.decide.moments`)."""
    first = datetime.combine(now.date(), FIRST_NIGHTLY, UTC)
    sites = (f"bench-{number}" for number in itertools.count())
    return next(site for site in sites if nightly_moment(site, now.date()) - first < timedelta(seconds=5))


class _CallSync:
    """Call sync of a running app, and the two systems that it joins."""

    def __init__(self, app: WholeApp, customers: int) -> None:
        self._app, self._customers = app, customers
        self._enreach = httpx.Client(base_url=app.stack.enreach_url, trust_env=False, timeout=300)
        self._functions = httpx.Client(base_url=app.stack.functions_url, trust_env=False, timeout=300)
        self._next = 0
        self._planted = 0
        self._said: dict[str, Any] = {}

    def prepare(self) -> None:
        for name, document in documents().items():
            self._app.configure(name, document)
        self._app.control("environment", {**PUBLISHED, **UNCOUNTED})
        for rows in contacts(self._customers):
            self._app.plant("contacts", rows)
        self._app.plant("systemusers", users())
        self._plant("users", enreach_users())
        self._plant("queues", queues())
        self._functions.post("/api/users/sync").raise_for_status()
        self.run("sync_calls", 0)

    def new(self, count: int) -> Synced:
        """So many calls are new, and nothing else has changed."""
        self._happen(count, timedelta(hours=1), timedelta(minutes=50))
        run = self.run("sync_calls", count)
        if run.written < count:
            raise AssertionError(f"{count} new calls made {run.written} rows")
        self._empty_feeds()
        return run

    def night(self, calls: int) -> Synced:
        """The pass over so many calls, each of which is in Dynamics already."""
        while self._planted < calls:
            count = min(PLANTED_AT_ONCE, calls - self._planted)
            self._happen(count, timedelta(hours=6), SHORT)
            self._planted += count
            self.run("sync_calls", count)
        # Between 22:00 UTC and midnight there is one pass a night, and it may take several ticks.
        for checkpoint in ("calls-night", "calls-night-reached"):
            self._app.forget_row("checkpoints", "checkpoint", checkpoint)
        run = self.run("sync_calls_retroactively", calls)
        while self._said["reason"]:
            run = run.and_then(self.run("sync_calls_retroactively", calls))
        return run

    def run(self, function: str, calls: int) -> Synced:
        """One run, fired by hand. Raises RuntimeError when it does not end, or not well."""
        before = self._last_line()
        self._app.forget_traffic()
        cpu_s, started = self._app.host.cpu_s, time.perf_counter()
        self._functions.post(f"/admin/functions/{function}", json={}).raise_for_status()
        while (line := self._last_line()) == before:
            if time.perf_counter() - started > LONGEST_RUN_S:
                raise RuntimeError(f"{function} did not end within {LONGEST_RUN_S:.0f} s")
            time.sleep(0.02)
        seconds, cpu_s = time.perf_counter() - started, self._app.host.cpu_s - cpu_s
        self._said = json.loads(line.partition(_SAID)[2])
        if self._said["outcome"] != "done":
            raise RuntimeError(f"{function}: {self._said['outcome']} {self._said['reason']}")
        written = self._app.control("stats", method="GET")["recordsWritten"]
        rows = sum(sum(tables.get(name, 0) for name in _TABLES) for tables in written.values())
        return Synced(calls, self._app.traffic().requests, rows, seconds, cpu_s)

    def _last_line(self) -> str:
        """What the app logged last of a run that came to its end."""
        lines = self._app.stack.output.text().splitlines()
        return next((line for line in reversed(lines) if _SAID in line), "")

    def _happen(self, count: int, ago: timedelta, length: timedelta) -> None:
        calls = range(self._next, self._next + count)
        self._next += count
        now = datetime.now(UTC)
        user_events, service_calls = events(calls, now - ago, length, now, self._customers)
        self._plant("calls", user_events)
        self._plant("servicecalls", service_calls)

    def _plant(self, kind: str, items: list[dict[str, object]]) -> None:
        for some in batched(items, PLANTED_AT_ONCE, strict=False):
            self._enreach.post(f"/__sim/{kind}", json=some).raise_for_status()

    def _empty_feeds(self) -> None:
        for kind in ("calls", "servicecalls"):
            self._enreach.delete(f"/__sim/{kind}").raise_for_status()


# ------------------------------------------------------------------------------------------------------ figures


def straight(first: tuple[float, float], second: tuple[float, float], at: float) -> float:
    """The value at a place of the line through two points."""
    (x0, y0), (x1, y1) = first, second
    return y0 + (y1 - y0) / (x1 - x0) * (at - x0)


def seconds_until_visible(news: list[Synced], calls_a_minute: int, minutes: int = 60) -> list[float]:
    """How long each call takes from its end until all calls of its run are in Dynamics, in simulated time: calls end
    evenly, the timer fires at each full minute in which no run is at work, and a run takes those that ended until
    `SAFETY` before it and lasts as long as the measured ones did for as many calls."""
    ends = [call * _MINUTE_S / calls_a_minute for call in range(minutes * calls_a_minute)]
    waits: list[float] = []
    now = 0.0
    while len(waits) < len(ends):
        now = (now // _MINUTE_S + 1) * _MINUTE_S
        some = ends[len(waits) : bisect_right(ends, now - SAFETY.total_seconds())]
        now += seconds_of_a_run(news, len(some)) if some else 0.0
        waits += [now - end for end in some]
    return waits


def seconds_of_a_run(news: list[Synced], calls: int) -> float:
    """On the line between the two measured runs next to it, or through the last two."""
    above = next((at for at, run in enumerate(news) if at and run.calls >= calls), len(news) - 1)
    first, second = news[above - 1 : above + 1]
    return straight((first.calls, first.seconds), (second.calls, second.seconds), calls)


def section_of(news: list[Synced], idle: Synced, nights: tuple[Synced, Synced]) -> Section:
    """What was found. `nights` are one without calls, and one with the calls of half an hour."""
    small, large = nights
    seconds, requests = (
        straight((small.calls, before), (large.calls, after), LARGE_DAY)
        for before, after in ((small.seconds, large.seconds), (small.requests, large.requests))
    )
    return Section(
        "calls",
        _metrics(news, idle, nights, seconds),
        (_news_table(news, idle), _nights_table(nights, seconds, requests)),
        (
            f"Every call is another number's; a customer has six of ten. {len(users())} agents, all switches are on, "
            "and callers whom nobody knows are logged too, so each call becomes a phone call. The least possible is a "
            "question whose numbers these are, one for the phone calls of agents' own clients, and the two writes of "
            "each call, 1,000 in a request.",
            f"A day of 10,000 agents has {LARGE_DAY:,} calls. Its pass was not run: what the {large.calls:,} calls of "
            "half an hour cost beyond a night without calls is taken as often as they go into the day. Four of ten of "
            "them have no customer yet, whom the pass looks for again.",
            f"Until a call is visible: those of that day within {BUSY_HOURS} hours, one of them played in simulated "
            f"time. The timer fires each minute; a run stays {SAFETY.total_seconds():.0f} s behind the clock and takes "
            "as long as measured above.",
        ),
    )


def _metrics(news: list[Synced], idle: Synced, nights: tuple[Synced, Synced], seconds: float) -> tuple[Metric, ...]:
    demanded = next((run for run in news if run.calls == 5_000), news[-1])
    written = sum(run.written for run in nights)
    busy = round(LARGE_DAY / (BUSY_HOURS * 60))
    visible = percentile(seconds_until_visible(news, busy), 0.99)
    return (
        bounded(f"requests for {demanded.calls:,} new calls", demanded.requests, MOST_REQUESTS, "lower"),
        bounded("requests of a run without new calls", idle.requests, MOST_IDLE_REQUESTS, "lower"),
        bounded(
            f"visible in Dynamics, {busy:,} calls a minute, p99 in simulated time: s", visible, MOST_VISIBLE_S, "lower"
        ),
        # A bound is above zero: one write would be one too many.
        bounded("nightly pass, nothing missing: writes, plus 1", written + 1, 1, "lower"),
        bounded("nightly pass of 1.33 million calls, extrapolated: s", seconds, MOST_NIGHTLY_S, "lower"),
    )


def _news_table(news: list[Synced], idle: Synced) -> Table:
    columns = (
        "new calls",
        "requests",
        "least possible",
        "ratio",
        "rows written",
        "s",
        "app CPU s",
        "app CPU ms a call",
    )
    lines = [
        (
            f"{run.calls:,}",
            str(run.requests),
            str(least_requests(run.calls)),
            f"{run.requests / least_requests(run.calls):.1f}",
            f"{run.written:,}",
            f"{run.seconds:.1f}",
            f"{run.cpu_s:.2f}",
            f"{run.cpu_s * 1000 / run.calls:.2f}",
        )
        for run in news
    ]
    nothing = ("0", str(idle.requests), "-", "-", f"{idle.written:,}", f"{idle.seconds:.1f}", f"{idle.cpu_s:.2f}", "-")
    return Table("One run of sync_calls, 60 ms latency, 12 ms a write", columns, (nothing, *lines))


def _nights_table(nights: tuple[Synced, Synced], seconds: float, requests: float) -> Table:
    columns = ("calls", "requests", "writes", "s", "app CPU s", "")
    measured = [
        (
            f"{run.calls:,}",
            f"{run.requests:,}",
            f"{run.written:,}",
            f"{run.seconds:.1f}",
            f"{run.cpu_s:.1f}",
            "measured",
        )
        for run in nights
    ]
    small, large = nights
    cpu_s = straight((small.calls, small.cpu_s), (large.calls, large.cpu_s), LARGE_DAY)
    told = (f"{LARGE_DAY:,}", f"{requests:,.0f}", "-", f"{seconds:,.0f}", f"{cpu_s:,.0f}", "extrapolated")
    return Table("sync_calls_retroactively, every call is there", columns, (*measured, told))
