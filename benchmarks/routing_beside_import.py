"""Callers who are routed while a week of 10,000 agents is imported by the same process, beside those of a quiet time.

Calls arrive at a fixed rate, whatever became of the ones before. With each one goes a bare question to the simulator:
the two share its core with everything that the import asks it, and what that costs a question is no work of the app.
So a call's own time is what it took beyond the bare question of the same moment, on top of a quiet one. The simulator
answers one question after another, and the two of a moment may have a large one between them: the highest own times
tell of that. What the app itself lets its callers wait, the calls show that ask Dynamics nothing.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import aiohttp

from benchmarks.bench import Bench
from benchmarks.report import Section, Table, bounded
from benchmarks.schedules import AGENTS, MOST_BYTES, QUICK_AGENTS, prepare_site
from benchmarks.simulator import UNCOUNTED
from benchmarks.weeks import Layout, Week, export, next_monday
from benchmarks.whole_app import AUTHORIZED, WholeApp, running_app

RATE = 20.0
"""Calls a second."""
QUIET_S = 30.0
WARM_S = 3.0
CALLERS = 2_000
"""Enough that none calls again while an answer is remembered."""
POOL = "+35840675644"
NIGHT_POOL = "+358406756499"
"""Whose rule of local/config/routing.json asks Dynamics nothing."""
_VIP = {"name": "Caller Oy", "customertypecode": 3}
"""Whom local/config/routing.json's rule asks Dynamics for."""
MOST_SLOWER = 1.2
MOST_LATE_MS = 15
"""How long the app may keep a caller from its event loop, but for one of a hundred."""
BARE_AT_ONCE = 20
"""Room for the bare questions, which come from somebody else, in what the environment lets run at once."""
_BARE_TABLES = ("contacts", "accounts", "leads")
_BARE_BODY = (
    "".join(
        "--bare\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"GET /api/data/v9.2/{table}?$select=createdon&$top=1 HTTP/1.1\r\n\r\n\r\n"
        for table in _BARE_TABLES
    )
    + "--bare--\r\n"
)
"""As many questions in one `$batch` as a caller costs."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, the bare question of its moment and a call that asks nothing, in milliseconds; what was answered."""

    route_ms: float
    bare_ms: float
    unasked_ms: float
    status: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The calls of one time."""

    calls: tuple[Call, ...]

    @property
    def routed(self) -> int:
        """Calls that got the rule's target: the caller was found before the deadline."""
        return sum(call.status == 200 for call in self.calls)

    def route_ms(self, share: float) -> float:
        """Milliseconds within which this share of the calls was answered."""
        return percentile([call.route_ms for call in self.calls], share)

    def bare_ms(self, share: float) -> float:
        """The same of the bare questions."""
        return percentile([call.bare_ms for call in self.calls], share)

    def unasked_ms(self, share: float) -> float:
        """The same of the calls that ask nothing."""
        return percentile([call.unasked_ms for call in self.calls], share)

    def own_ms(self, share: float, quiet_ms: float) -> float:
        """The same of the calls, each with a quiet bare question in place of its own."""
        return percentile([quiet_ms + call.route_ms - call.bare_ms for call in self.calls], share)


def caller(number: int) -> str:
    """The telephone number of one caller or another."""
    return f"+35850{1_000_000 + number % CALLERS}"


def percentile(values: list[float], share: float) -> float:
    """The value within which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(bench: Bench) -> Section:
    """A quiet time, then the import."""
    agents = QUICK_AGENTS if bench.quick else AGENTS
    content = export(Week(next_monday(), agents), Layout.SWITCHBOARD)
    with running_app(SCHEDULE_MAX_BYTES=str(MOST_BYTES)) as app:
        prepare_site(app, Layout.SWITCHBOARD, agents)
        app.control("environment", {**UNCOUNTED, "maxConcurrent": 52 + BARE_AT_ONCE})
        app.plant("accounts", [{**_VIP, "telephone1": caller(number)} for number in range(CALLERS)])
        bench.say("a quiet time")
        _calls(app, lambda started: time.perf_counter() - started < WARM_S)
        quiet = _calls(app, lambda started: time.perf_counter() - started < QUIET_S)
        times = {"quiet": quiet}
        for name in ("first load", "unchanged, tables emptied"):
            bench.say(f"calls beside an import: {name}")
            app.empty_tables()
            times[name] = _beside(app, content)
    return _section(times)


def _beside(app: WholeApp, content: bytes) -> Answered:
    """The calls while a file is imported. Raises RuntimeError when Dynamics refused a request for its limits: the
    bare questions would have had a part in it."""
    failed: list[Exception] = []

    def deliver() -> None:
        try:
            app.deliver(f"{Layout.SWITCHBOARD.value}/week.csv", content)
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that can tell of it
            failed.append(error)

    importing = threading.Thread(target=deliver)
    importing.start()
    answered = _calls(app, lambda _: importing.is_alive())
    importing.join()
    if failed:
        raise failed[0]
    if (throttled := app.traffic().throttled) > 0:
        raise RuntimeError(f"{throttled} requests were refused beside the bare questions")
    return answered


def _calls(app: WholeApp, goes_on: Callable[[float], bool]) -> Answered:
    return asyncio.run(_at_a_rate(app, goes_on))


async def _at_a_rate(app: WholeApp, goes_on: Callable[[float], bool]) -> Answered:
    route = f"{app.stack.functions_url}/api/smart-routing"
    bare = f"{app.stack.dataverse_url}/api/data/v9.2/$batch"
    bare_headers = {**AUTHORIZED, "Content-Type": "multipart/mixed; boundary=bare"}
    key = {"X-Benemen-APIKey": app.stack.routing_key}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def routed(pool: str, number: int) -> tuple[float, int]:
            started = time.perf_counter()
            async with http.post(route, json={"bnum": pool, "anum": caller(number)}, headers=key) as answer:
                await answer.read()
                return (time.perf_counter() - started) * 1000, answer.status

        async def asked() -> float:
            started = time.perf_counter()
            async with http.post(bare, data=_BARE_BODY, headers=bare_headers) as answer:
                if b"HTTP/1.1 200" not in await answer.read():
                    raise RuntimeError(f"the bare question was answered with {answer.status}")
                return (time.perf_counter() - started) * 1000

        async def call(number: int) -> Call:
            (route_ms, status), bare_ms = await asyncio.gather(routed(POOL, number), asked())
            unasked_ms, _ = await routed(NIGHT_POOL, number)
            return Call(route_ms, bare_ms, unasked_ms, status)

        started, tasks = time.perf_counter(), list[asyncio.Task[Call]]()
        while goes_on(started):
            tasks.append(asyncio.create_task(call(len(tasks))))
            await asyncio.sleep(max(0.0, started + len(tasks) / RATE - time.perf_counter()))
        return Answered(tuple(await asyncio.gather(*tasks)))


def _section(times: dict[str, Answered]) -> Section:
    quiet = times["quiet"]
    bare = median(call.bare_ms for call in quiet.calls)
    bound = quiet.own_ms(0.99, bare) * MOST_SLOWER
    metrics = [
        bounded(f"p99 ms of a call beside an import ({name}) / quiet x 1.2", one.own_ms(0.99, bare), bound, "lower")
        for name, one in times.items()
        if one is not quiet
    ]
    metrics += [
        bounded(f"calls routed beside an import ({name})", one.routed, len(one.calls), "higher")
        for name, one in times.items()
        if one is not quiet
    ]
    metrics += [
        bounded(
            f"p99 ms of a call that asks nothing beside an import ({name}) / quiet + {MOST_LATE_MS}",
            one.unasked_ms(0.99),
            quiet.unasked_ms(0.99) + MOST_LATE_MS,
            "lower",
        )
        for name, one in times.items()
        if one is not quiet
    ]
    rows = [
        (
            name,
            str(len(one.calls)),
            str(one.routed),
            *(f"{one.route_ms(share):.0f}" for share in (0.5, 0.95, 0.99)),
            *(f"{one.bare_ms(share):.0f}" for share in (0.5, 0.99)),
            *(f"{one.own_ms(share, bare):.0f}" for share in (0.5, 0.99)),
            *(f"{one.unasked_ms(share):.0f}" for share in (0.5, 0.99, 1)),
        )
        for name, one in times.items()
    ]
    columns = (
        "time",
        "calls",
        "routed",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "bare question p50 ms",
        "bare question p99 ms",
        "own time p50 ms",
        "own time p99 ms",
        "asks nothing p50 ms",
        "asks nothing p99 ms",
        "asks nothing worst ms",
    )
    title = f"{RATE:g} calls a second, each asks Dynamics for its caller, 60 ms latency"
    note = "Own time: beyond the bare question of the same moment, on top of a quiet one."
    return Section("routing-beside-import", tuple(metrics), (Table(title, columns, tuple(rows), note),))
