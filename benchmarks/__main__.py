"""`python -m benchmarks`: measures, prints, and records when everything was measured."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks import bad_rows, bulk, environments, faults, lookup, memory, start, storm
from benchmarks.bench import Bench
from benchmarks.installation import install_peers
from benchmarks.places import BUILD, CORE_COUNT, FOLDER
from benchmarks.report import METRIC_COLUMNS, Section, load, metric_row, record, save
from benchmarks.simulator import running_simulator

TOPICS: dict[str, Callable[[Bench], Section]] = {
    "bulk": bulk.measure,
    "three-environments": environments.measure_three,
    "drawn-environments": environments.measure_drawn,
    "lookup": lookup.measure,
    "faults": faults.measure,
    "bad-rows": bad_rows.measure,
    "storm": storm.measure,
    "memory": memory.measure,
    "start": start.measure,
}
RESULTS = BUILD / "results"


def read_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measures the Dataverse client beside its peers.")
    parser.add_argument("--only", nargs="+", choices=tuple(TOPICS), metavar="TOPIC", help=", ".join(TOPICS))
    parser.add_argument("--rounds", type=int, default=3, help="how often what is compared runs side by side")
    parser.add_argument("--quick", action="store_true", help="a first look: one round, no slow peers; records nothing")
    parser.add_argument("--full", action="store_true", help="20,000 records in every drawn environment")
    parser.add_argument("--seed", type=int, default=1, help="the first seed of the drawn environments")
    parser.add_argument("--no-peers", action="store_true", help="ours and the limit alone; records nothing")
    parser.add_argument("--record", action="store_true", help="write README.md and results.json from the last results")
    return parser.parse_args(words)


def main() -> int:
    """Returns the exit code, 0: a bound that is not kept is a result."""
    arguments = read_arguments()
    console = Console()
    topics = arguments.only or list(TOPICS)
    partial = arguments.quick or arguments.no_peers
    sections = [] if arguments.record else _measure(topics, arguments, console)
    for section in sections:
        if not partial:
            save(section, RESULTS)
        _show(section, console)
    if arguments.record or (not partial and topics == list(TOPICS)):
        sections = [found for topic in TOPICS if (found := load(topic, RESULTS)) is not None]
        record(sections, machine(), FOLDER)
        console.print("Recorded in benchmarks/results.json and benchmarks/README.md.")
    missed = [metric.metric for section in sections for metric in section.metrics if not metric.met]
    total = sum(len(section.metrics) for section in sections)
    console.print(f"{total - len(missed)} of {total} bounds are kept.")
    for name in missed:
        console.print(f"  not kept: {name}", highlight=False)
    return 0


def _measure(topics: list[str], arguments: argparse.Namespace, console: Console) -> list[Section]:
    missing = "left out by --no-peers" if arguments.no_peers else ""
    if not missing:
        try:
            install_peers()
        except (RuntimeError, OSError) as error:
            missing = str(error)
            console.print(f"The peers are left out: {missing}", style="yellow", highlight=False)
    sections = []
    with running_simulator() as simulator:
        for topic in topics:
            with _saying(console, topic) as say:
                bench = Bench(
                    simulator=simulator,
                    say=say,
                    rounds=1 if arguments.quick else arguments.rounds,
                    quick=arguments.quick,
                    full=arguments.full,
                    seed=arguments.seed,
                    missing=missing,
                )
                sections.append(TOPICS[topic](bench))
    return sections


@contextmanager
def _saying(console: Console, topic: str) -> Iterator[Callable[[str], None]]:
    """A line that changes in a terminal, and lines one after the other elsewhere."""
    if not console.is_terminal:
        yield lambda text: console.print(f"{topic}: {text}", highlight=False)
        return
    with console.status(topic) as status:
        yield lambda text: status.update(f"{topic}: {text}")


def _show(section: Section, console: Console) -> None:
    for title, columns, rows in (
        *((table.title, table.columns, table.rows) for table in section.tables),
        (section.topic, METRIC_COLUMNS, [metric_row(metric) for metric in section.metrics]),
    ):
        shown = RichTable(title=title, title_justify="left")
        for column in columns:
            shown.add_column(column)
        for row in rows:
            shown.add_row(*(cell.strip("*") for cell in row))
        console.print(shown)
    for note in section.notes:
        console.print(note, highlight=False)


def machine() -> str:
    """What the figures were measured on."""
    return f"{CORE_COUNT} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
