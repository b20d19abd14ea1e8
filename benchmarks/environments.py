"""The same import with the same settings wherever it lands: three published shapes of environment, and drawn ones.

In a refusing environment a request above the width gets 429; in a queueing one it waits for a server slot.
"""

import random
import time
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from benchmarks.bench import Bench
from benchmarks.clients import BULK_PEERS, OURS, PROBE
from benchmarks.limits import even_chunk, queueing_limit_s, refusing_limit_s
from benchmarks.process import Job
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.runs import Run
from benchmarks.simulator import LATENCY_MS, RECORD_MS, Landed

RECORDS = 20_000
WORST_OF_THREE = 1.3
WORST_OF_DRAWN = 1.4
DRAWN = 20
REPEATED_BELOW_S = 5.0
"""Below this limit a pair runs several times: a tenth of a second is much there."""
MOST_IN_FLIGHT = 52


class Kind(StrEnum):
    """What happens above the width."""

    REFUSES = "429"
    QUEUES = "queue"


class Hint(StrEnum):
    """What the environment says of its width."""

    ABSENT = "absent"
    WRONG = "wrong"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Shape:
    """One environment. `changed` is the second at which the width becomes another one, with that width."""

    name: str
    kind: Kind
    width: int
    record_ms: float
    hint: int
    """The value of x-ms-dop-hint; 0 sends none."""
    records: int = RECORDS
    changed: tuple[float, int] | None = None
    right_hint: bool = False

    @property
    def widths(self) -> list[tuple[float, int]]:
        """The second from which each width holds."""
        return [(0.0, self.width), *([self.changed] if self.changed else [])]

    @property
    def limit_s(self) -> float:
        """The computed limit."""
        compute = refusing_limit_s if self.kind is Kind.REFUSES else queueing_limit_s
        return compute(self.records, self.record_ms, LATENCY_MS, self.widths)

    def settings(self, width: int) -> dict[str, float]:
        """The simulator's settings for one of the widths."""
        limits = (
            {"maxConcurrent": width, "slots": MOST_IN_FLIGHT}
            if self.kind is Kind.REFUSES
            else {"maxConcurrent": MOST_IN_FLIGHT, "slots": width}
        )
        return {**limits, "bulkRecordMs": self.record_ms, "dopHint": width if self.right_hint else self.hint}


LARGE = Shape("large", Kind.REFUSES, 52, RECORD_MS, 52)
SMALL = Shape("small: 429 above 10, hint 52", Kind.REFUSES, 10, RECORD_MS, 52)
SMALL_HINTED = Shape("small: 429 above 10, hint 10", Kind.REFUSES, 10, RECORD_MS, 10)
SLOW = Shape("slow: 5 slots, 25 ms a record", Kind.QUEUES, 5, 25.0, 52)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Ours and the probe in one environment, in turn."""

    shape: Shape
    ours: tuple[tuple[Run, Landed], ...]
    probe: tuple[Run, ...]

    @property
    def ratio(self) -> float:
        """Ours in limits as the probe measured them, pair by pair."""
        return median(run.wall_s / probe.wall_s for (run, _), probe in zip(self.ours, self.probe, strict=True))

    @property
    def landed(self) -> int:
        """Records that are there after the run with the fewest."""
        return min(landed.created for _, landed in self.ours)

    @property
    def reported(self) -> int:
        """Records that ours calls written, in the run with the fewest."""
        return min(int(run.said.get("written", 0)) for run, _ in self.ours)


def measure_three(bench: Bench) -> Section:
    """The three published shapes."""
    shapes = [LARGE, SMALL, SMALL_HINTED, *([] if bench.quick else [SLOW])]
    outcomes = [_run(bench, shape) for shape in shapes]
    name = "wall / limit, worst of large, small and slow"
    tables = [_table("The same import in three environments", outcomes)]
    if not bench.missing:
        tables.append(_peers_table(bench))
    return Section("three-environments", tuple(_metrics(name, outcomes, WORST_OF_THREE)), tuple(tables))


def measure_drawn(bench: Bench) -> Section:
    """The drawn shapes."""
    seeds = range(bench.seed, bench.seed + (5 if bench.quick else DRAWN))
    outcomes = [_run(bench, drawn(seed)) for seed in seeds]
    name = f"wall / limit, worst of {len(outcomes)} drawn environments (seeds {seeds[0]} to {seeds[-1]})"
    table = _table(f"{len(outcomes)} drawn environments", outcomes)
    return Section("drawn-environments", tuple(_metrics(name, outcomes, WORST_OF_DRAWN)), (table,))


def drawn(seed: int) -> Shape:
    """The environment of a seed: width 4 to 52, 1 to 30 ms a record, either kind, any hint, sometimes changing."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not a secret
    width, record_ms = dice.randint(4, MOST_IN_FLIGHT), round(dice.uniform(1, 30), 1)
    kind, hint = dice.choice(list(Kind)), dice.choice(list(Hint))
    wrong = dice.choice([number for number in range(4, MOST_IN_FLIGHT + 1) if number != width])
    other = dice.randint(4, MOST_IN_FLIGHT) if dice.random() < 1 / 3 else None
    half_time_s = round(LATENCY_MS / 1000 + RECORDS * record_ms / 1000 / width / 2, 2)
    return Shape(
        name=f"seed {seed}",
        kind=kind,
        width=width,
        record_ms=record_ms,
        hint={Hint.ABSENT: 0, Hint.WRONG: wrong, Hint.RIGHT: width}[hint],
        changed=None if other is None else (half_time_s, other),
        right_hint=hint is Hint.RIGHT,
    )


# ------------------------------------------------------------------------------------------------- measuring


def _run(bench: Bench, shape: Shape) -> Outcome:
    def change() -> None:
        assert shape.changed is not None
        moment, width = shape.changed
        time.sleep(moment)
        bench.simulator.change(**shape.settings(width))

    started = change if shape.changed else None
    bench.say(f"{shape.name}, limit {shape.limit_s:.1f} s")
    settings = shape.settings(shape.width)
    ours, probes = [], []
    for _ in range(bench.rounds if shape.limit_s < REPEATED_BELOW_S else 1):
        ours.append(bench.write(OURS, {"rows": shape.records}, settings, started))
        probes.append(bench.write(PROBE, probe_job(shape), settings, started)[0])
    return Outcome(shape, tuple(ours), tuple(probes))


def probe_job(shape: Shape) -> Job:
    """Chunks that divide evenly over the width, fine ones where it changes; a queue may be filled from the start."""
    chunk = even_chunk(shape.records, shape.width, rounds=8 if shape.changed else 1)
    widths = shape.widths if shape.kind is Kind.REFUSES else [(0.0, MOST_IN_FLIGHT)]
    return {"rows": shape.records, "chunk": chunk, "widths": widths}


# --------------------------------------------------------------------------------------------------- figures


def _metrics(name: str, outcomes: list[Outcome], bound: float) -> list[Metric]:
    landed = sum(outcome.landed for outcome in outcomes)
    wanted = sum(outcome.shape.records for outcome in outcomes)
    reported = sum(outcome.reported for outcome in outcomes)
    return [
        bounded(name, max(outcome.ratio for outcome in outcomes), bound, "lower"),
        bounded(f"records landed, {len(outcomes)} environments", landed, wanted, "higher"),
        bounded(f"records reported as written, {len(outcomes)} environments", reported, wanted, "higher"),
    ]


def _table(title: str, outcomes: list[Outcome]) -> Table:
    columns = (
        "environment",
        "above the width",
        "width",
        "ms a record",
        "hint",
        "records",
        "computed limit s",
        "probe s",
        "ours s",
        "ours / probe",
        "429s",
        "lost",
        "reported wrongly",
    )
    return Table(title, columns, tuple(map(_row, outcomes)))


def _peers_table(bench: Bench) -> Table:
    """What a width that somebody chose for another environment does in the small one."""
    rows = []
    for client in BULK_PEERS:
        if client.options.get("width") and client.options.get("mode") != "single":
            run, landed = bench.write(client, {"rows": RECORDS}, SMALL.settings(SMALL.width))
            wall = f"{run.wall_s:.2f}" if landed.created == RECORDS else "-"
            rows.append((client.name, f"{landed.created:,}", f"{RECORDS - landed.created:,}", wall))
    columns = ("client", "records landed", "records lost", "wall s")
    return Table("Peers with a fixed width in the small environment", columns, tuple(rows))


def _row(outcome: Outcome) -> tuple[str, ...]:
    shape = outcome.shape
    change = f", from {shape.changed[0]:g} s {shape.changed[1]}" if shape.changed else ""
    return (
        shape.name,
        shape.kind.value,
        f"{shape.width}{change}",
        f"{shape.record_ms:g}",
        str(shape.hint) if shape.hint else "absent",
        f"{shape.records:,}",
        f"{shape.limit_s:.2f}",
        f"{median(probe.wall_s for probe in outcome.probe):.2f}",
        f"{median(run.wall_s for run, _ in outcome.ours):.2f}",
        f"{outcome.ratio:.2f}",
        str(max(landed.throttled for _, landed in outcome.ours)),
        str(shape.records - outcome.landed),
        str(abs(outcome.landed - outcome.reported)),
    )
