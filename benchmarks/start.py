"""What importing the app costs, which every cold start pays: measured by the interpreter's own `-X importtime`."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.places import CLIENT_CORE, ROOT, on_core
from benchmarks.report import Section, Table, bounded

GOAL_MS = 400
RUNS = 7
HEAVIEST = 15
SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "DATAVERSE_URL": "http://127.0.0.1:7081",
    "DATAVERSE_AUTH": "development",
    "ROUTING_KEY_CURRENT": "benchmark-routing-key-current-0001",
}
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)")


@dataclass(frozen=True, slots=True)
class Imported:
    """One line of `-X importtime`: a module's own microseconds, and those with what it was the first to import."""

    name: str
    own_us: int
    total_us: int


def measure(bench: Bench) -> Section:
    """The fastest of some starts; the first ones also write the bytecode."""
    runs = []
    for number in range(2 if bench.quick else RUNS):
        bench.say(f"start {number + 1}")
        runs.append(_start())
    best = min(runs, key=app_ms)
    columns = ("package", "own ms", "modules")
    table = Table(
        "The heaviest packages of the start", columns, tuple(_rows(best)), "Own time, without what they import."
    )
    everything = f"{len(best):,} modules are loaded."
    return Section(
        "start", (bounded("import ms of function_app.py", app_ms(best), GOAL_MS, "lower"),), (table,), (everything,)
    )


def _start() -> list[Imported]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import function_app"],
        cwd=ROOT,
        env=SETTINGS,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=on_core(CLIENT_CORE),
    )
    return read_import_times(done.stderr)


def read_import_times(text: str) -> list[Imported]:
    """The lines of `-X importtime`, in the order in which the imports ended."""
    return [Imported(found[4], int(found[1]), int(found[2])) for found in _LINE.finditer(text)]


def app_ms(imported: Iterable[Imported]) -> float:
    """Milliseconds of `import function_app`, everything below it included."""
    return next(module.total_us for module in imported if module.name == "function_app") / 1000


def _rows(imported: Iterable[Imported]) -> list[tuple[str, ...]]:
    own: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for module in imported:
        package = ".".join(module.name.split(".")[: 3 if module.name.startswith("azure.") else 1])
        own[package] += module.own_us
        modules[package] += 1
    return [(package, f"{us / 1000:.1f}", str(modules[package])) for package, us in own.most_common(HEAVIEST)]
