"""Rows that stream through a process which has loaded the whole app: how much memory it ever needs."""

from benchmarks.bench import Bench
from benchmarks.clients import OURS
from benchmarks.report import Section, Table, bounded
from benchmarks.runs import Run

MOST_MB = 250
FLAT = 1.1
"""What four times the rows may need, in peaks of a quarter."""
ROWS = 400_000


def measure(bench: Bench) -> Section:
    """The peak of the process for a quarter of the rows, and for all of them."""
    sizes = (ROWS // 40, ROWS // 10) if bench.quick else (ROWS // 4, ROWS)
    runs = {rows: _run(bench, rows) for rows in sizes}
    (fewer, (less, _)), (rows, (run, landed)) = runs.items()
    metrics = (
        bounded(f"peak MB of the app's process, {rows:,} rows streamed through", run.peak_mb, MOST_MB, "lower"),
        bounded(f"peak MB, {rows:,} rows / {fewer:,} rows", run.peak_mb, less.peak_mb * FLAT, "lower"),
        bounded(f"records landed of {rows:,}", landed, rows, "higher"),
    )
    columns = ("rows", "app loaded MB", "peak MB", "seconds", "records/s", "CPU s")
    return Section("memory", metrics, (Table("Rows streamed through", columns, tuple(map(_row, runs, runs.values()))),))


def _run(bench: Bench, rows: int) -> tuple[Run, int]:
    bench.say(f"{rows:,} rows")
    bench.simulator.prepare()
    run = bench.run(OURS, {"action": "stream", "rows": rows})
    if run.error:
        raise RuntimeError(run.error)
    return run, bench.simulator.landed().created


def _row(rows: int, measured: tuple[Run, int]) -> tuple[str, ...]:
    run, landed = measured
    return (
        f"{rows:,}",
        f"{run.said['loaded_mb']:.0f}",
        f"{run.peak_mb:.0f}",
        f"{run.wall_s:.1f}",
        f"{landed / run.wall_s:,.0f}",
        f"{run.cpu_s:.1f}",
    )
