"""`python -m benchmarks`: measures, prints, and records when everything was measured, or what was by `--record`."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks import (
    bad_rows,
    bulk,
    callbacks,
    calls,
    environments,
    faults,
    lookup,
    memory,
    routing_beside_import,
    schedule_reading,
    schedules,
    smart_routing,
    start,
    storm,
    tickets,
)
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
    "schedule-reading": schedule_reading.measure,
    "schedules": schedules.measure,
    "smart-routing": smart_routing.measure,
    "routing-beside-import": routing_beside_import.measure,
    "calls": calls.measure,
    "callbacks": callbacks.measure,
    "tickets": tickets.measure,
}
PEERS_IN = {"bulk", "three-environments", "lookup", "faults"}
RESULTS = BUILD / "results"


def read_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measures the Dataverse client beside its peers.")
    parser.add_argument("--only", nargs="+", choices=tuple(TOPICS), metavar="TOPIC", help=", ".join(TOPICS))
    parser.add_argument("--rounds", type=int, default=3, help="how often what is compared runs side by side")
    parser.add_argument("--quick", action="store_true", help="a first look: one round, no slow peers; records nothing")
    parser.add_argument("--seed", type=int, default=1, help="the first seed of the drawn environments")
    parser.add_argument("--no-peers", action="store_true", help="ours and the limit alone; records nothing")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write the last results into README.md and results.json; topics without any keep what is there",
    )
    return parser.parse_args(words)


def main() -> int:
    """Returns the exit code: 1 when a topic could not be measured. A bound that is not kept is a result, no failure."""
    arguments = read_arguments()
    console = Console()
    topics = arguments.only or list(TOPICS)
    missing = _install(arguments, console)
    sections = []
    if not arguments.record:
        for section in _measure(topics, arguments, missing, console):
            sections.append(section)
            _show(section, console)
            if not (arguments.quick or missing):
                save(section, RESULTS)
        if len(sections) < len(topics):
            return 1
    if arguments.record or not (arguments.only or arguments.quick or missing):
        known = {topic: load(topic, RESULTS) for topic in TOPICS}
        sections = [section for section in known.values() if section is not None]
        if unknown := record(known, machine(), FOLDER):
            console.print(f"Not recorded: {', '.join(unknown)} was not measured yet.")
            return 1
        console.print(
            f"Recorded in benchmarks/results.json and README.md: {', '.join(each.topic for each in sections)}."
        )
    _sum_up(sections, console)
    return 0


def _sum_up(sections: list[Section], console: Console) -> None:
    metrics = [metric for section in sections for metric in section.metrics]
    console.print(f"{sum(metric.met for metric in metrics)} of {len(metrics)} bounds are kept.")
    for metric in metrics:
        if not metric.met:
            console.print(f"  not kept: {metric.metric} ({metric.ratio:.2f})", highlight=False)


def _install(arguments: argparse.Namespace, console: Console) -> str:
    """Why there are no peers; empty when there are, or when nothing is measured."""
    if arguments.no_peers:
        return "left out by --no-peers"
    if arguments.record or (arguments.only and not PEERS_IN & set(arguments.only)):
        return ""
    try:
        install_peers()
    except (RuntimeError, OSError) as error:
        console.print(f"The peers are left out, and nothing is recorded: {error}", style="yellow", highlight=False)
        return str(error)
    return ""


def _measure(topics: list[str], arguments: argparse.Namespace, missing: str, console: Console) -> Iterator[Section]:
    """Each topic's section as soon as there is one. A topic that cannot be measured is named, and the next follows."""
    with running_simulator() as simulator:
        for topic in topics:
            try:
                with _saying(console, topic) as say:
                    bench = Bench(
                        simulator=simulator,
                        say=say,
                        rounds=1 if arguments.quick else arguments.rounds,
                        quick=arguments.quick,
                        seed=arguments.seed,
                        missing=missing,
                    )
                    section = TOPICS[topic](bench)
            except (AssertionError, RuntimeError, OSError, httpx.HTTPError) as error:
                console.print(f"{topic} could not be measured: {error}", style="red", highlight=False)
            else:
                yield section


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
