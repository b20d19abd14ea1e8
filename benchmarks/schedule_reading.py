"""A week of 10,000 agents read from its file, beside the bare csv module on the same file in the same run."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.clients import Client, Program, Use
from benchmarks.places import BUILD
from benchmarks.report import Metric, Section, Table, compared
from benchmarks.runs import Run
from benchmarks.schedules import AGENTS, QUICK_AGENTS
from benchmarks.weeks import SEGMENTS_A_WEEK, Layout, Week, export, next_monday

READER = Client("Switchboard's reader", "benchmarks.schedule_reader", Use.OURS, Program.APP)
SHARE_OF_RAW = 0.5
WAYS = {
    "raw": "bare csv.reader, cells thrown away",
    "records": "rows: encoding, delimiter, header, width and end checked",
    "segments": "segments: agents, instants in UTC, activities",
}


@dataclass(frozen=True, slots=True)
class Read:
    """One file, read in every way side by side."""

    layout: Layout
    megabytes: float
    rows: int
    runs: dict[str, list[Run]]

    def speeds(self, way: str) -> list[float]:
        """Rows/s of each run."""
        return [self.rows / run.wall_s for run in self.runs[way]]


def measure(bench: Bench) -> Section:
    """Every layout in every way."""
    agents = QUICK_AGENTS if bench.quick else AGENTS
    read = [_read(bench, layout, agents) for layout in Layout]
    metrics = [metric for one in read for metric in _metrics(one)]
    columns = ("file", "MB", "read as", "rows/s", "CPU s", "peak MB")
    table = Table(f"{read[0].rows:,} rows from a file", columns, tuple(row for one in read for row in _rows(one)))
    return Section("schedule-reading", tuple(metrics), (table,), ("Best of the runs in the table.",))


def _read(bench: Bench, layout: Layout, agents: int) -> Read:
    path = BUILD / f"{layout.value}.csv"
    path.write_bytes(export(Week(next_monday(), agents), layout))
    rows = agents * SEGMENTS_A_WEEK
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    try:
        for number in range(bench.rounds):
            for way, done in runs.items():
                bench.say(f"{layout.value}: {way}, run {number + 1}")
                done.append(_run(bench, way, layout, path, rows))
        return Read(layout, path.stat().st_size / 1e6, rows, runs)
    finally:
        path.unlink()


def _run(bench: Bench, way: str, layout: Layout, path: Path, rows: int) -> Run:
    run = bench.run(READER, {"action": way, "file": str(path), "profile": layout.value})
    if run.error or run.said["rows"] != rows:
        raise RuntimeError(run.error or f"{run.said['rows']} of {rows} rows of the {layout.value} file were read")
    return run


def _metrics(read: Read) -> list[Metric]:
    raw = read.speeds("raw")
    return [
        compared(
            f"{read.layout.value}: {way}/s read, half of the bare csv module's rows/s",
            list(zip(read.speeds(way), raw, strict=True)),
            "higher",
            SHARE_OF_RAW,
        )
        for way in ("records", "segments")
    ]


def _rows(read: Read) -> list[tuple[str, ...]]:
    return [
        (
            read.layout.value,
            f"{read.megabytes:.0f}",
            WAYS[way],
            f"{max(read.speeds(way)):,.0f}",
            f"{min(run.cpu_s for run in runs):.2f}",
            f"{max(run.peak_mb for run in runs):.0f}",
        )
        for way, runs in read.runs.items()
    ]
