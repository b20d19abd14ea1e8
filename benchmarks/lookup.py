"""A caller's number in contact, account and lead, as smart routing asks: how long it takes and what it costs.

Ours is the app's own way from the number to the customer (`shared.customers.find_customer`), spellings and match
included. Peers get the finished conditions and only send them; so processor time is compared with our client given
finished questions, too. Every number has one contact.
"""

from dataclasses import dataclass, replace
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.bench import Bench
from benchmarks.clients import OURS, Client, Program, Use
from benchmarks.process import Job
from benchmarks.report import Metric, Section, Table, bounded, compared, least, number
from benchmarks.runs import Run
from benchmarks.simulator import UNCOUNTED
from shared.customers import CustomerColumns, CustomerMatching, customer_questions

REGION = "FI"
NUMBERS = 50
ASKS = {1: 60, 50: 20}
"""Look-ups of each caller, by the number of callers."""
MEDIAN_AT_1 = 1.25
P95_AT_50 = 1.5

CLIENT_ALONE = replace(OURS, name="Switchboard, the client alone", options={"mode": "questions"})
BARE = Client("one bare GET (aiohttp)", "plain", Use.PLAIN, options={"library": "aiohttp", "mode": "bare"})
PEERS = (
    Client("official SDK, sync, 3 GETs in turn", "official_sync", Use.DOCUMENTED),
    Client("official SDK, async, $batch", "official_async", Use.DOCUMENTED),
    Client("npm dynamics-web-api, Promise.all", "dynamics_web_api.mjs", Use.DOCUMENTED, Program.NODE),
    Client("plain httpx, 3 GETs at once", "plain", Use.PLAIN, options={"library": "httpx", "mode": "each"}),
    Client("plain httpx, $batch", "plain", Use.PLAIN, options={"library": "httpx", "mode": "batch"}),
    Client("plain aiohttp, 3 GETs at once", "plain", Use.PLAIN, options={"library": "aiohttp", "mode": "each"}),
    Client("plain aiohttp, $batch", "plain", Use.PLAIN, options={"library": "aiohttp", "mode": "batch"}),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One client with so many callers."""

    run: Run
    callers: int
    requests: int

    @property
    def look_ups(self) -> int:
        """Measured look-ups."""
        return len(self.run.said["times_ms"])

    @property
    def requests_each(self) -> float:
        """Requests for a look-up; each caller has asked once before the measured part."""
        return self.requests / (self.look_ups + self.callers)

    @property
    def cpu_ms(self) -> float:
        """Processor milliseconds of the client for a look-up."""
        return self.run.cpu_s * 1000 / self.look_ups

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the look-ups was answered."""
        times = sorted(self.run.said["times_ms"])
        return float(times[min(len(times) - 1, int(share * len(times)))])


type Runs = dict[Client, dict[int, list[Asked]]]


def measure(bench: Bench) -> Section:
    """Runs every client with 1 caller and with 50, in turn."""
    clients = [OURS, CLIENT_ALONE, BARE, *([] if bench.missing else PEERS)]
    numbers = [f"+35850{4_100_000 + index}" for index in range(NUMBERS)]
    job: Job = {"action": "look_up", "numbers": numbers, "region": REGION}
    job["look_ups"] = [look_up_queries(number) for number in numbers]
    runs: Runs = {client: {callers: [] for callers in ASKS} for client in clients}
    for _ in range(bench.rounds):
        for callers, asks in ASKS.items():
            for client in clients:
                bench.say(f"{client.name}, {callers} at once")
                _prepare(bench, client, numbers)
                run = bench.run(client, {**job, "callers": callers, "asks": asks})
                runs[client][callers].append(_checked(client, Asked(run, callers, bench.simulator.landed().requests)))
    return Section("lookup", tuple(_metrics(runs)), (_table(runs),), _notes())


def _prepare(bench: Bench, client: Client, numbers: list[str]) -> None:
    """The published limits for ours; peers are spared those that they would run into."""
    bench.simulator.prepare(bulkRecordMs=0)
    bench.simulator.change(
        **({"requestLimit": 6000} if client.use is Use.OURS else {**UNCOUNTED, "maxConcurrent": 1000})
    )
    contacts = [{"lastname": f"Caller {index}", "mobilephone": number} for index, number in enumerate(numbers)]
    bench.simulator.control("rows", {"contacts": contacts})


def _checked(client: Client, asked: Asked) -> Asked:
    """Raises AssertionError when a look-up failed or did not find its customer."""
    said = asked.run.said
    if asked.run.error or said["failures"] or said["rows"] != asked.look_ups:
        found, failed = said.get("rows"), said.get("failures")
        raise AssertionError(f"{client.name}: {found} of {asked.look_ups} found, {failed} failed, {asked.run.error}")
    return asked


def look_up_queries(caller: str) -> list[dict[str, Any]]:
    """The questions of our own look-up, taken apart for clients that put questions together themselves."""
    matching = CustomerMatching.model_validate({"defaultRegion": REGION})
    return [_taken_apart(query.path()) for query in customer_questions(caller, matching, CustomerColumns()).values()]


def _taken_apart(path: str) -> dict[str, Any]:
    address = urlsplit(path)
    options = {name: values[0] for name, values in parse_qs(address.query).items()}
    condition = options["$filter"]
    aliases = sorted((name for name in options if name.startswith("@")), key=len, reverse=True)
    for name in aliases:
        condition = condition.replace(f"={name}", f"={options[name]}")
    return {
        "path": path,
        "entity_set": address.path,
        "table": address.path.removesuffix("s"),
        "filter": condition,
        "select": options["$select"].split(","),
        "orderby": options["$orderby"].split(",") if "$orderby" in options else None,
        "top": int(options["$top"]) if "$top" in options else None,
    }


# --------------------------------------------------------------------------------------------------- figures


def _metrics(runs: Runs) -> list[Metric]:
    ours, bare = runs[OURS], runs[BARE]
    every = [asked for group in ours.values() for asked in group]
    medians = [(a.percentile(0.5), b.percentile(0.5)) for a, b in zip(ours[1], bare[1], strict=True)]
    # One bare round trip: alone, as a single caller sees it.
    worst = [(a.percentile(0.95), b.percentile(0.5)) for a, b in zip(ours[50], bare[1], strict=True)]
    metrics = [
        bounded("requests a look-up in contact, account and lead", max(a.requests_each for a in every), 1, "lower"),
        compared("look-up median ms, 1 caller / bare round trip", medians, "lower", MEDIAN_AT_1),
        compared("look-up p95 ms, 50 callers / bare round trip", worst, "lower", P95_AT_50),
        bounded("connections, 50 callers", max(a.run.connections for a in ours[50]), 50, "lower"),
    ]
    for callers in ASKS:
        peers = [client for client in runs if client.use is Use.DOCUMENTED and client.in_python]
        costs = [asked.cpu_ms for client in peers for asked in runs[client][callers]]
        if costs:
            name = f"client CPU ms a look-up, {callers} caller{'s' if callers > 1 else ''}: the best Python peer"
            metrics.append(least(name, [asked.cpu_ms for asked in runs[CLIENT_ALONE][callers]], costs))
    return metrics


def _table(runs: Runs) -> Table:
    columns = (
        "client",
        "callers",
        "requests a look-up",
        "p50 ms",
        "p95 ms",
        "CPU ms a look-up",
        "look-ups/s",
        "connections",
    )
    rows = [_row(client, callers, group) for callers in ASKS for client in runs if (group := runs[client][callers])]
    title = "One number in contact, account and lead, 60 ms latency, 4 ms a read in a $batch"
    return Table(title, columns, tuple(rows), "Medians of the runs; CPU as their minimum.")


def _row(client: Client, callers: int, group: list[Asked]) -> tuple[str, ...]:
    return (
        client.name,
        str(callers),
        number(group[0].requests_each),
        f"{median(asked.percentile(0.5) for asked in group):.1f}",
        f"{median(asked.percentile(0.95) for asked in group):.1f}",
        f"{min(asked.cpu_ms for asked in group):.2f}",
        number(median(asked.look_ups / asked.run.wall_s for asked in group)),
        str(max(asked.run.connections for asked in group)) if client.in_python else "-",
    )


def _notes() -> tuple[str, ...]:
    return ("Ours has the published limits against it (52 at once, 6,000 in 300 s); they are lifted for the others.",)
