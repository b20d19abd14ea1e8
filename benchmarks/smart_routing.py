"""Callers of a contact centre with 100,000 customers: one after the other, 250 a second, and while Dynamics hangs.

The whole app answers over HTTP: host, worker and the app's code in one process on one core. The simulator of Dynamics
has the other. Every call is another caller's, and the right answer to each is known. A bare round trip is the very
`$batch` of a call, sent by aiohttp and read.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from statistics import median

import aiohttp

from benchmarks.bench import Bench
from benchmarks.clients import OURS
from benchmarks.contact_centre import (
    AGENTS,
    CUSTOMERS,
    POOL,
    SPELLINGS,
    caller,
    documents,
    expected,
    rows,
)
from benchmarks.lines import Lines
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.routing_beside_import import percentile
from benchmarks.routing_questions import BATCH_TYPE, batch_of
from benchmarks.simulator import PUBLISHED, UNCOUNTED
from benchmarks.whole_app import AUTHORIZED, WholeApp, running_app

RATE = 250.0
"""Calls a second."""
LOAD_S, QUICK_LOAD_S = 60.0, 8.0
IN_TURN, QUICK_IN_TURN = 400, 100
WARM = 200
HANGING_S, QUICK_HANGING_S = 20.0, 5.0
HANGING_RATE = 50.0
DECISIONS = 2_000
LONGEST_S = 10.0
BREAKER_OPENS_S = 3.0
"""After so much of the hanging the breaker has noticed: the calls before it wait for the deadline."""

MEDIAN_IN_TURN, P99_IN_TURN = 1.15, 1.5
ROUND_TRIPS_AT_RATE = 3
MOST_CACHED = 0.05
MOST_CPU_MS = 1.0
PROMISE_MS = 1_500.0
BREAKER_OPEN_MS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One call: which customer's, milliseconds, and whether the answer was the right one."""

    customer: int
    began_s: float
    ms: float
    status: int
    right: bool


@dataclass(frozen=True, slots=True)
class Load:
    """Calls at a fixed rate, and what they cost."""

    answers: tuple[Answer, ...]
    batches: int
    app_cpu_s: float
    took_s: float

    @property
    def cpu_ms(self) -> float:
        """Processor milliseconds of the app's process for a call."""
        return self.app_cpu_s * 1000 / len(self.answers)

    @property
    def wrong(self) -> int:
        """Calls that got no answer, an error, or another target than the contact centre wants."""
        return sum(not answer.right for answer in self.answers)

    @property
    def cached(self) -> float:
        """The share of calls for which Dynamics was not asked."""
        return max(0.0, 1 - self.batches / len(self.answers))


def measure(bench: Bench) -> Section:
    """One app for all of it; the processor time of a decision in a process of its own."""
    hanging_s = QUICK_HANGING_S if bench.quick else HANGING_S
    with running_app() as app:
        _prepare(bench, app)
        customers = count()
        bench.say("one caller after the other")
        in_turn = asyncio.run(_in_turn(app, customers, QUICK_IN_TURN if bench.quick else IN_TURN))
        bare_ms = median(bare for _, bare in in_turn)
        bench.say(f"{RATE:g} calls a second")
        load = _load(app, customers, QUICK_LOAD_S if bench.quick else LOAD_S)
        bench.say(f"{RATE:g} requests a second that are refused at the door")
        door_ms = _door_ms(app, QUICK_LOAD_S if bench.quick else LOAD_S)
        bench.say("Dynamics hangs")
        with _hanging(app):
            hung = asyncio.run(_at_a_rate(app, customers, HANGING_RATE, hanging_s, knows_targets=False))
    bench.say("processor time of a decision")
    own_ms, transport_ms = _cpu(bench)
    own_at_rate_ms = load.cpu_ms - door_ms
    cpu = bounded(f"own CPU ms a decision, {RATE:g} calls/s", own_at_rate_ms, MOST_CPU_MS, "lower")
    metrics = [*_metrics(in_turn, load, hung, bare_ms), cpu]
    notes = (
        f"{CUSTOMERS:,} contacts whose numbers stand in {len(set(SPELLINGS))} formats, half of them with an open case, "
        f"{AGENTS} agents with shifts; the rules are those of docs/smart-routing.md. Every call is another customer's.",
        f"Own CPU: what the app's process needs for a call, beyond the {door_ms:.2f} ms that host and worker need for "
        "a request with a wrong key; asking Dynamics is in it. In a process of its own, without host and worker, one "
        f"decision after the other costs {own_ms:.2f} ms beyond the {transport_ms:.2f} ms of sending the same request "
        "by aiohttp and reading its answer: what is done seldom finds cold caches.",
    )
    return Section("smart-routing", tuple(metrics), (_table(in_turn, load, hung),), notes)


def _prepare(bench: Bench, app: WholeApp) -> None:
    for name, document in documents().items():
        app.configure(name, document)
    bench.say(f"planting {CUSTOMERS:,} customers")
    for entity_set, each in rows(datetime.now(UTC)):
        app.plant(entity_set, each)
    app.control("environment", {**PUBLISHED, **UNCOUNTED, "maxConcurrent": 1_000})
    # The last customers warm what is warm in production: connections, caches of code, the simulator's indexes.
    asyncio.run(_in_turn(app, iter(range(CUSTOMERS - WARM, CUSTOMERS)), WARM // 2))


# ------------------------------------------------------------------------------------------------------ calling


class _Route:
    """The app's route, as Enreach asks it."""

    def __init__(self, app: WholeApp, key: str | None = None) -> None:
        url = f"{app.stack.functions_url}/api/smart-routing"
        self._lines = Lines(url, {"X-Benemen-APIKey": key or app.stack.routing_key})

    async def ask(self, customer: int, began_s: float = 0.0, *, knows_target: bool = True) -> Answer:
        """Where this customer's call should go."""
        body = b'{"anum":"%b","bnum":"%b"}' % (caller(customer).encode(), POOL.encode())
        started = time.perf_counter()
        status, target = 0, None
        try:
            reply = await self._lines.post(body, LONGEST_S)
            status = reply.status
            if status == 200:
                target = json.loads(reply.body)["InitialTarget"]
        except (OSError, TimeoutError):
            pass  # no answer is a wrong one
        took_ms = (time.perf_counter() - started) * 1000
        right = status in (200, 204) and (not knows_target or target == expected(customer))
        return Answer(customer, began_s, took_ms, status, right)

    def close(self) -> None:
        self._lines.close()


async def _bare(http: aiohttp.ClientSession, app: WholeApp, customer: int) -> float:
    """Milliseconds of the same questions about this customer. Raises RuntimeError when they were not answered."""
    body, answers = batch_of(customer)
    url, headers = f"{app.stack.dataverse_url}/api/data/v9.2/$batch", {**AUTHORIZED, "Content-Type": BATCH_TYPE}
    started = time.perf_counter()
    async with http.post(url, data=body, headers=headers) as answer:
        content = await answer.read()
    took_ms = (time.perf_counter() - started) * 1000
    if content.count(b"HTTP/1.1 200") != answers:
        raise RuntimeError(f"the bare round trip was answered with {answer.status}")
    return took_ms


async def _in_turn(app: WholeApp, customers: Iterator[int], pairs: int) -> list[tuple[Answer, float]]:
    """Calls one after the other, each beside the milliseconds of a bare round trip."""
    async with aiohttp.ClientSession() as http:
        with closing(_Route(app)) as route:
            return [(await route.ask(next(customers)), await _bare(http, app, next(customers))) for _ in range(pairs)]


def _load(app: WholeApp, customers: Iterator[int], seconds: float) -> Load:
    app.forget_traffic()
    cpu_s, started = app.host.cpu_s, time.perf_counter()
    answers = asyncio.run(_at_a_rate(app, customers, RATE, seconds, knows_targets=True))
    took_s, cpu_s = time.perf_counter() - started, app.host.cpu_s - cpu_s
    return Load(tuple(answers), int(app.control("stats", method="GET")["batches"]["reading"]), cpu_s, took_s)


async def _at_a_rate(
    app: WholeApp,
    customers: Iterator[int],
    rate: float,
    seconds: float,
    *,
    knows_targets: bool,
    key: str | None = None,
) -> list[Answer]:
    """Calls that begin when it is their time, whatever became of the ones before."""
    with closing(_Route(app, key)) as route:
        started, tasks = time.perf_counter(), list[asyncio.Task[Answer]]()
        while len(tasks) < rate * seconds:
            due = started + len(tasks) / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(route.ask(next(customers), due - started, knows_target=knows_targets)))
        return list(await asyncio.gather(*tasks))


def _door_ms(app: WholeApp, seconds: float) -> float:
    """Processor milliseconds of the app's process for a request that is refused at once."""
    cpu_s = app.host.cpu_s
    answers = asyncio.run(_at_a_rate(app, count(), RATE, seconds, knows_targets=False, key="a wrong key"))
    if any(answer.status != 401 for answer in answers):
        raise RuntimeError("a wrong key was not refused")
    return (app.host.cpu_s - cpu_s) * 1000 / len(answers)


@contextmanager
def _hanging(app: WholeApp) -> Iterator[None]:
    app.control("faults", [{"match": {"path": "$batch"}, "delayMs": 3_600_000}])
    try:
        yield
    finally:
        app.control("faults", method="DELETE")


def _cpu(bench: Bench) -> tuple[float, float]:
    """Processor milliseconds of a decision beyond the transport's, and of the transport."""
    bench.simulator.prepare(maxConcurrent=1_000, latencyMs=0, readPartMs=0)
    for entity_set, each in rows(datetime.now(UTC), customers=10_000):
        bench.simulator.control("rows", {entity_set: each})
    costs: dict[str, list[float]] = {"route": [], "send_alone": []}
    for _ in range(bench.rounds):
        for action, found in costs.items():
            run = bench.run(OURS, {"action": action, "calls": DECISIONS})
            if run.error or run.said["wrong"]:
                raise AssertionError(f"{action}: {run.error or run.said['wrong']}")
            found.append(run.cpu_s * 1000 / DECISIONS)
    transport_ms = min(costs["send_alone"])
    return min(costs["route"]) - transport_ms, transport_ms


# ------------------------------------------------------------------------------------------------------ figures


def _metrics(
    in_turn: Sequence[tuple[Answer, float]], load: Load, hung: Sequence[Answer], bare_ms: float
) -> list[Metric]:
    routed = [answer.ms for answer, _ in in_turn]
    bare = [ms for _, ms in in_turn]
    open_ms = [answer.ms for answer in hung if answer.began_s >= BREAKER_OPENS_S]
    in_time = sum(answer.right and answer.ms <= PROMISE_MS for answer in hung)
    calls = len(load.answers)
    return [
        bounded("one caller: median ms / bare round trip x 1.15", median(routed), bare_ms * MEDIAN_IN_TURN, "lower"),
        bounded(
            "one caller: p99 ms / p99 of a bare round trip x 1.5",
            percentile(routed, 0.99),
            percentile(bare, 0.99) * P99_IN_TURN,
            "lower",
        ),
        bounded(f"answered right, {RATE:g} calls/s", calls - load.wrong, calls, "higher"),
        bounded(
            f"p99 ms at {RATE:g} calls/s / bare round trip x {ROUND_TRIPS_AT_RATE}",
            percentile([answer.ms for answer in load.answers], 0.99),
            bare_ms * ROUND_TRIPS_AT_RATE,
            "lower",
        ),
        bounded(f"share of calls from the cache, {RATE:g} calls/s", load.cached, MOST_CACHED, "lower"),
        bounded("Dynamics hangs: calls answered within 1.5 s", in_time, len(hung), "higher"),
        bounded("Dynamics hangs: p99 ms with the breaker open", percentile(open_ms, 0.99), BREAKER_OPEN_MS, "lower"),
    ]


def _table(in_turn: Sequence[tuple[Answer, float]], load: Load, hung: Sequence[Answer]) -> Table:
    rows_of: dict[str, tuple[Sequence[float], Sequence[Answer] | None, str]] = {
        "a bare round trip": ([ms for _, ms in in_turn], None, "-"),
        "one caller": ([answer.ms for answer, _ in in_turn], [answer for answer, _ in in_turn], "-"),
        f"{RATE:g} calls a second": (
            [answer.ms for answer in load.answers],
            load.answers,
            f"{load.cpu_ms:.2f}",
        ),
        f"Dynamics hangs, {HANGING_RATE:g} calls a second": ([answer.ms for answer in hung], hung, "-"),
    }
    columns = ("", "calls", "answered 200", "wrong", "p50 ms", "p95 ms", "p99 ms", "worst ms", "app CPU ms a call")
    lines = tuple(
        (
            name,
            str(len(times)),
            "-" if answers is None else str(sum(answer.status == 200 for answer in answers)),
            "-" if answers is None else str(sum(not answer.right for answer in answers)),
            *(f"{percentile(list(times), share):.1f}" for share in (0.5, 0.95, 0.99, 1)),
            cpu,
        )
        for name, (times, answers, cpu) in rows_of.items()
    )
    title = "Distinct callers, 60 ms latency, 4 ms a read in a $batch"
    reached = len(load.answers) / load.took_s
    note = (
        f"{reached:.0f} calls a second were reached; {load.cached:.1%} of their answers came from the cache, and "
        f"{load.batches / len(load.answers):.2f} requests went to Dynamics for each. The app's CPU has the host in it."
    )
    return Table(title, columns, lines, note)
