"""What becomes of 5,000 records when one request in seven goes wrong: with our client and with each peer.

A record counts as right when it is in Dataverse exactly once and the client says so.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks.bench import Bench
from benchmarks.clients import OURS, Client, Program, Use
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.rows import BOOKINGS
from benchmarks.runs import Run
from benchmarks.simulator import Landed

RECORDS = 5000
EVERY = 7
QUICK_SERVER = {"latencyMs": 10.0, "bulkRecordMs": 0.1, "singleWriteMs": 0.1}
"""Counts are the subject here, not seconds."""


class Fault(StrEnum):
    """What goes wrong."""

    THROTTLED = "429 with Retry-After"
    UNAVAILABLE = "503"
    DROPPED_BEFORE = "connection lost before the commit"
    DROPPED_AFTER = "connection lost after the commit"
    FAILED = "500"


_ACTIONS: dict[Fault, dict[str, Any]] = {
    Fault.THROTTLED: {"status": 429, "code": "0x80072322", "message": "Number of requests exceeded", "retryAfter": 1},
    Fault.UNAVAILABLE: {"status": 503, "message": "The service is unavailable."},
    Fault.DROPPED_BEFORE: {"drop": "before"},
    Fault.DROPPED_AFTER: {"drop": "after"},
    # The SQL timeout, which a client may try again.
    Fault.FAILED: {"status": 500, "code": "0x80044151", "message": "SQL timeout expired."},
}

CLIENTS = (
    OURS,
    Client("official SDK, sync", "official_sync", Use.DOCUMENTED, options={"chunk": 100, "without_ids": True}),
    Client(
        "official SDK, async",
        "official_async",
        Use.DOCUMENTED,
        options={"chunk": 100, "width": 8, "without_ids": True},
    ),
    Client("dataverse-api", "dataverse_api_client", Use.DOCUMENTED, options={"mode": "batch", "chunk": 500}),
    Client("crmadminbrasil", "crmadminbrasil", Use.DOCUMENTED, options={"without_ids": True}),
    Client(
        "dynamics-client",
        "dynamics_client",
        Use.TUNED,
        options={"mode": "action", "chunk": 100, "width": 8},
    ),
    Client(
        "npm dynamics-web-api",
        "dynamics_web_api.mjs",
        Use.DOCUMENTED,
        Program.NODE,
        {"chunk": 100, "width": 8},
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one client made of one fault."""

    run: Run
    landed: Landed
    struck: int
    """Requests that went wrong."""
    once: int
    """Records that are there exactly once."""
    twice: int
    """Records that are there more than once."""

    @property
    def rewritten(self) -> int:
        """Records that were written again under the same id, which changes nothing."""
        return self.landed.updated

    @property
    def reported(self) -> int:
        """Records that the client calls written."""
        return int(self.run.said.get("written", 0))

    @property
    def right(self) -> bool:
        """Whether all is there once and reported so."""
        return self.once == self.reported == RECORDS and not self.run.error


def measure(bench: Bench) -> Section:
    """Every fault for every client."""
    clients = [client for client in CLIENTS if client is OURS or not (bench.missing or bench.quick)]
    found = {(fault, client): _run(bench, fault, client) for fault in Fault for client in clients}
    table = Table(
        "5,000 records, one fault in about seven requests: landed once / reported as written",
        ("fault", *(client.name for client in clients)),
        tuple((fault.value, *(_cell(found[fault, client]) for client in clients)) for fault in Fault),
        "Peers write in requests of 100 (dataverse-api: 500). *Again*: rewritten under its own id, which is harmless. "
        "*Twice*: a second row.",
    )
    return Section("faults", tuple(_metrics(found)), (table,))


def _run(bench: Bench, fault: Fault, client: Client) -> Outcome:
    bench.say(f"{fault}: {client.name}")
    simulator = bench.simulator
    simulator.prepare(**QUICK_SERVER)
    nth = list(range(EVERY, 10_000, EVERY))
    paths = r"(Multiple|\$batch)$"
    rule = {"match": {"method": "POST", "pathRegex": paths}, "nth": nth, "action": _ACTIONS[fault]}
    simulator.control("faults", [rule])
    run = bench.run(client, {"action": "write", "rows": RECORDS})
    copies = Counter(row["msdyn_externalbookingid"] for row in simulator.rows(BOOKINGS))
    struck = sum(rule["hits"] for rule in simulator.control("faults", method="GET"))
    once = sum(count == 1 for count in copies.values())
    return Outcome(run, simulator.landed(), struck, once, len(copies) - once)


def _metrics(found: dict[tuple[Fault, Client], Outcome]) -> list[Metric]:
    ours = {fault: outcome for (fault, client), outcome in found.items() if client is OURS}
    metrics = []
    for fault, outcome in ours.items():
        metrics += [
            bounded(f"records landed once, {fault}", outcome.once, RECORDS, "higher"),
            bounded(f"records reported rightly, {fault}", outcome.reported, RECORDS, "higher"),
        ]
    right = sum(outcome.right and outcome.struck > 0 for outcome in ours.values())
    return [*metrics, bounded("kinds of fault after which everything is right", right, len(Fault), "higher")]


def _cell(outcome: Outcome) -> str:
    further = [
        f"{outcome.rewritten:,} again" if outcome.rewritten else "",
        f"{outcome.twice:,} twice" if outcome.twice else "",
        "raises" if outcome.run.error else "",
    ]
    text = f"{outcome.once:,} / {outcome.reported:,}"
    return ", ".join([text, *filter(None, further)])
