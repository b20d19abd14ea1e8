"""20,000 bookings in the large environment: ours beside every peer and beside the limit, run by run in turn."""

from collections import defaultdict
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.clients import BULK_PEERS, OURS, PROBE, Client, Use
from benchmarks.limits import even_chunk, refusing_limit_s
from benchmarks.report import Metric, Pairs, Section, Table, bounded, compared, least, number
from benchmarks.runs import Run
from benchmarks.simulator import LATENCY_MS, RECORD_MS, Landed

TOPIC = "bulk"
RECORDS = 20_000
WIDTH = 52
TIMES_FASTER = 5
SHARE_OF_LIMIT = 0.85
SLOW = ("official SDK, sync", "dataverse-api", "crmadminbrasil", "single POST")
"""Take up to a minute each and are never the best: they run once."""


@dataclass(frozen=True, slots=True)
class Written:
    """One import by one client."""

    run: Run
    landed: Landed

    @property
    def rate(self) -> float:
        """Records that arrived, by the second."""
        return self.landed.created / self.run.wall_s


type Runs = dict[Client, list[Written]]


class MisusedPeerError(AssertionError):
    """A peer did not do what it did in the earlier measurements: the figures would not be its own."""


def measure(bench: Bench) -> Section:
    """Runs every client. Raises MisusedPeerError when a peer's requests or records are not what they must be."""
    runs: Runs = defaultdict(list)
    for turn in range(bench.rounds):
        for client in _turn(bench, turn):
            run, landed = bench.write(client, {"rows": RECORDS}, {})
            check_use(client, run, landed)
            runs[client].append(Written(run, landed))
        runs[PROBE].append(_probe(bench))
    return Section(TOPIC, tuple(_metrics(runs)), (_table(runs),))


def _turn(bench: Bench, turn: int) -> list[Client]:
    if bench.missing:
        return [OURS]
    slow = [client for client in BULK_PEERS if client.name.startswith(SLOW) or SLOW[-1] in client.name]
    fast = [client for client in BULK_PEERS if client not in slow]
    return [OURS, *fast, *(slow if turn == 0 and not bench.quick else [])]


def _probe(bench: Bench) -> Written:
    """The best of two chunkings at the allowed width."""
    probes = []
    for rounds in (1, 2):
        job = {"rows": RECORDS, "chunk": even_chunk(RECORDS, WIDTH, rounds), "widths": [(0, WIDTH)]}
        probes.append(Written(*bench.write(PROBE, job, {})))
    return min(probes, key=lambda written: written.run.wall_s)


def check_use(client: Client, run: Run, landed: Landed) -> None:
    """Raises MisusedPeerError unless every record arrived once, with the requests that this use must cost."""
    if client.use is Use.OURS:
        return
    if client.requests is not None and landed.requests != client.requests:
        raise MisusedPeerError(f"{client.name} sent {landed.requests} requests, not {client.requests} ({run.error})")
    if (landed.created, landed.updated) != (RECORDS, 0):
        raise MisusedPeerError(f"{client.name} left {landed.created} records, not {RECORDS} ({run.error})")


# -------------------------------------------------------------------------------------------------- figures


def _metrics(runs: Runs) -> list[Metric]:
    computed = refusing_limit_s(RECORDS, RECORD_MS, LATENCY_MS, [(0, WIDTH)])
    rates = [written.rate for written in runs[OURS]]
    metrics = []
    for use, name, factor in (
        (Use.DOCUMENTED, f"records/s, 20,000 bookings, large: {TIMES_FASTER} x the best peer as documented", 5.0),
        (Use.TUNED, "records/s, 20,000 bookings, large: the best peer tuned by hand", 1.0),
    ):
        best = _best_rates(runs, use)
        if best:
            metrics.append(compared(name, list(zip(rates, best, strict=True)), "higher", factor))
    pairs: Pairs = [(rate, RECORDS / computed) for rate in rates]
    metrics.append(compared("records/s, large: 0.85 of the computed limit", pairs, "higher", SHARE_OF_LIMIT))
    pairs = list(zip(rates, (probe.rate for probe in runs[PROBE]), strict=True))
    metrics.append(compared("records/s, large: 0.85 of the probe's", pairs, "higher", SHARE_OF_LIMIT))
    metrics += [
        bounded("records landed, large", min(each.landed.created for each in runs[OURS]), RECORDS, "higher"),
        bounded("connections opened, large", max(each.run.connections for each in runs[OURS]), WIDTH, "lower"),
    ]
    costs = [cost for client in runs if _is_python_peer(client) for cost in _costs(runs[client])]
    if costs:
        name = "client CPU ms per 1,000 upserted records: the best Python peer"
        metrics.append(least(name, _costs(runs[OURS]), costs))
    return metrics


def _is_python_peer(client: Client) -> bool:
    return client.use in {Use.DOCUMENTED, Use.TUNED} and client.in_python


def _costs(written: list[Written]) -> list[float]:
    """Processor milliseconds for 1,000 records."""
    return [each.run.cpu_s * 1000 / (RECORDS / 1000) for each in written]


def _best_rates(runs: Runs, use: Use) -> list[float]:
    """The best rate of each turn among the clients that are used so."""
    of_use = [written for client, written in runs.items() if client.use is use]
    turns = max(map(len, of_use), default=0)
    return [max(written[turn].rate for written in of_use if turn < len(written)) for turn in range(turns)]


def _table(runs: Runs) -> Table:
    computed = refusing_limit_s(RECORDS, RECORD_MS, LATENCY_MS, [(0, WIDTH)])
    rows = []
    for client, written in runs.items():
        best = min(written, key=lambda each: each.run.wall_s)
        rows.append(
            (
                client.name,
                client.use.value,
                f"{best.landed.requests:,}",
                f"{best.run.wall_s:.2f}",
                f"{best.run.wall_s / computed:.2f}",
                f"{min(each.run.cpu_s for each in written):.2f}",
                f"{best.run.peak_mb:.0f}",
                number(best.rate),
                str(best.run.connections) if client.in_python else "-",
                str(len(written)),
            )
        )
    columns = ("client", "use", "requests", "wall s", "x limit", "CPU s", "peak MB", "records/s", "connections", "runs")
    note = f"Best of the runs. The computed limit is {computed:.3f} s."
    return Table("20,000 bookings, 60 ms latency, 2 ms a record, 52 at once", columns, tuple(rows), note)
