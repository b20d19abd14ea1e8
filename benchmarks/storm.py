"""A storm of 429 in the middle of an import: Dataverse refuses everything for ten seconds, then works as before."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.clients import OURS
from benchmarks.report import Section, Table, bounded

RECORDS = 400_000
BEGINS_S = 4.0
LASTS_S = 10.0
RETRY_AFTER_S = 2
MOST_MORE = 0.05
BACK_WITHIN_S = 10.0
FULL_SPEED = 0.9
"""Share of the speed without a storm that counts as full speed."""
STRETCH_S = 4.0
STEP_S = 0.25

type Samples = Sequence[tuple[float, int]]
"""Seconds since the start, and records that are there by then."""


@dataclass(slots=True)
class _Watch:
    """Raises the storm, ends it, and samples what is there; the client's start sets it going."""

    bench: Bench
    samples: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    ended_s: float = 0.0
    stopped: bool = False

    def run(self) -> None:
        simulator, started = self.bench.simulator, time.perf_counter()
        raging = False
        while not self.stopped:
            now = time.perf_counter() - started
            if not raging and not self.ended_s and now >= BEGINS_S:
                action = {"status": 429, "code": "0x80072322", "message": "Too many", "retryAfter": RETRY_AFTER_S}
                simulator.control("faults", [{"match": {"method": "POST"}, "action": action}])
                raging = True
            elif raging and now >= BEGINS_S + LASTS_S:
                self.refused = sum(rule["hits"] for rule in simulator.control("faults", method="GET"))
                simulator.control("faults", method="DELETE")
                raging, self.ended_s = False, time.perf_counter() - started
            self.samples.append((time.perf_counter() - started, simulator.landed().created))
            time.sleep(STEP_S)


def measure(bench: Bench) -> Section:
    """The same import without a storm and through one."""
    bench.say(f"{RECORDS:,} records, no storm")
    bench.simulator.prepare()
    calm = bench.run(OURS, {"action": "stream", "rows": RECORDS})
    bench.say(f"{RECORDS:,} records, a storm of {LASTS_S:g} s")
    bench.simulator.prepare()
    watch = _Watch(bench)
    try:
        run = bench.run(OURS, {"action": "stream", "rows": RECORDS}, watch.run)
    finally:
        watch.stopped = True
    landed = bench.simulator.landed()
    if run.error or calm.error or not watch.ended_s:
        raise RuntimeError(run.error or calm.error or "the import was over before the storm")
    full = RECORDS / calm.wall_s
    back = recovery_s(watch.samples, watch.ended_s, full * FULL_SPEED)
    needed = landed.requests - watch.refused
    metrics = (
        bounded("records landed through a 429 storm", landed.created, RECORDS, "higher"),
        bounded("records reported as written through a 429 storm", run.said.get("written", 0), RECORDS, "higher"),
        bounded("requests refused in a 429 storm / 5 % of those needed", watch.refused, needed * MOST_MORE, "lower"),
        bounded("seconds from the storm's end to full speed", back, BACK_WITHIN_S, "lower"),
    )
    table = Table(
        f"A storm of {LASTS_S:g} s, Retry-After {RETRY_AFTER_S} s, in an import of {RECORDS:,} records",
        ("requests", "refused", "seconds without a storm", "seconds with it", "seconds to full speed after it"),
        ((str(landed.requests), str(watch.refused), f"{calm.wall_s:.1f}", f"{run.wall_s:.1f}", f"{back:.1f}"),),
        f"Full speed: from then on {FULL_SPEED:.0%} of the records/s of the import without a storm.",
    )
    return Section("storm", metrics, (table,))


def recovery_s(samples: Samples, ended_s: float, wanted: float) -> float:
    """Seconds from the end of the storm to the first stretch of four seconds at the wanted records/s.

    A stretch, because requests of seconds make the count of records rise in steps. Never is inf.
    """
    for moment, there in samples:
        later = next((sample for sample in samples if sample[0] >= moment + STRETCH_S), None)
        if moment >= ended_s and later is not None and later[1] - there >= wanted * (later[0] - moment):
            return moment - ended_s
    return float("inf")
