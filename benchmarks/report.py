"""Metrics and tables, and how they are written down. Pure but for `save`, `load` and `record`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any, Literal

type Better = Literal["lower", "higher"]
type Pairs = Sequence[tuple[float, float]]
"""What ours and the reference took side by side, run by run."""

BEGIN, END = "<!-- results: written by `make bench` -->", "<!-- end of results -->"


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured demand. `reference` is the bound itself, so the ratio tells whether it is met."""

    metric: str
    ours: float
    reference: float
    ratio: float
    better: Better

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        return self.ratio <= 1 if self.better == "lower" else self.ratio >= 1


@dataclass(frozen=True, slots=True)
class Table:
    """Figures beside the metrics."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What one topic found."""

    topic: str
    metrics: tuple[Metric, ...]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())


def compared(metric: str, pairs: Pairs, better: Better, factor: float = 1.0) -> Metric:
    """Ours against a reference that was measured beside it, times the factor that is allowed or asked for.

    The ratio is taken pair by pair, and its median counts: what slows the machine slows both of a pair.
    """
    ratio = median(ours / (reference * factor) for ours, reference in pairs)
    return Metric(metric, median(o for o, _ in pairs), median(r for _, r in pairs) * factor, ratio, better)


def least(metric: str, ours: Iterable[float], references: Iterable[float], factor: float = 1.0) -> Metric:
    """Processor time: the minimum of the runs on each side, which other work on the machine disturbs least."""
    own, reference = min(ours), min(references) * factor
    return Metric(metric, own, reference, own / reference, "lower")


def bounded(metric: str, ours: float, bound: float, better: Better) -> Metric:
    """Ours against a bound that is a plain number above zero."""
    return Metric(metric, ours, bound, ours / bound, better)


# -------------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded of one topic: its part of the README, and its rows of results.json."""

    text: str
    rows: tuple[Mapping[str, Any], ...]


def entry(section: Section) -> Entry:
    """What is recorded of a topic that was measured."""
    rows = tuple(
        {**asdict(metric), **{name: _rounded(getattr(metric, name)) for name in ("ours", "reference", "ratio")}}
        for metric in section.metrics
    )
    return Entry(markdown(section), rows)


def recorded(readme: str, results: str) -> dict[str, Entry]:
    """What is recorded, by topic; `results` is the content of results.json."""
    _, *parts = _results_of(readme).split("\n### ")
    rows = {row["metric"]: row for row in json.loads(results)}
    entries = {}
    for part in parts:
        text = f"### {part.rstrip()}\n"
        names = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| ")]
        entries[part.partition("\n")[0]] = Entry(text, tuple(rows[name] for name in names if name in rows))
    return entries


def results_json(entries: Iterable[Entry]) -> str:
    """The content of results.json."""
    return json.dumps([row for each in entries for row in each.rows], indent=2) + "\n"


def markdown(section: Section) -> str:
    """A topic's results as Markdown."""
    lines = [f"### {section.topic}", "", f'`make bench ARGS="--only {section.topic}"`', ""]
    lines += _markdown_table(METRIC_COLUMNS, [metric_row(metric) for metric in section.metrics])
    for table in section.tables:
        lines += [f"**{table.title}**", "", *([table.note, ""] if table.note else [])]
        lines += _markdown_table(table.columns, table.rows)
    lines += [line for note in section.notes for line in (note, "")]
    return "\n".join(lines).rstrip() + "\n"


METRIC_COLUMNS = ("metric", "ours", "bound", "ours / bound", "better", "met")


def metric_row(metric: Metric) -> tuple[str, ...]:
    """One metric as texts, in the order of METRIC_COLUMNS."""
    return (
        metric.metric,
        number(metric.ours),
        number(metric.reference),
        f"{metric.ratio:.2f}",
        metric.better,
        "yes" if metric.met else "**no**",
    )


def number(value: float) -> str:
    """A figure with three significant digits, larger ones in full."""
    if not isfinite(value):
        return "never"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _rounded(value: float) -> float | None:
    """JSON has no infinity: what never happened is null."""
    return round(value, 4) if isfinite(value) else None


def _markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows), ""]


def with_results(readme: str, entries: Iterable[Entry], machine: str) -> str:
    """The README with new results between its two markers. Raises ValueError when a marker is missing."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    _results_of(readme)
    text = "\n".join([f"{_measured_on(machine)}\n", *(each.text for each in entries)])
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def _results_of(readme: str) -> str:
    _, begin, rest = readme.partition(BEGIN)
    results, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError("the README has lost the markers of its results")
    return results


def _measured_on(machine: str) -> str:
    return f"Measured on {machine}."


# -------------------------------------------------------------------------------------------------- keeping


def save(section: Section, folder: Path) -> None:
    """Keeps what a topic found, so that topics can be measured one at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{section.topic}.json").write_text(json.dumps(asdict(section)))


def load(topic: str, folder: Path) -> Section | None:
    """What a topic found last, None when it was never measured."""
    path = folder / f"{topic}.json"
    return _section(json.loads(path.read_text())) if path.exists() else None


def _section(raw: Mapping[str, Any]) -> Section:
    return Section(
        raw["topic"],
        tuple(Metric(**metric) for metric in raw["metrics"]),
        tuple(
            Table(table["title"], tuple(table["columns"]), tuple(map(tuple, table["rows"])), table["note"])
            for table in raw["tables"]
        ),
        tuple(raw["notes"]),
    )


def record(sections: Mapping[str, Section | None], machine: str, folder: Path) -> list[str]:
    """Write results.json and the README's results, topic by topic in this order.

    A topic that was not measured (None) keeps what is recorded of it, if that was measured on a machine of the same
    kind. Returns the topics of which nothing is known; nothing is written then.
    """
    readme, results = folder / "README.md", folder / "results.json"
    text = readme.read_text("utf-8")
    kept = recorded(text, results.read_text("utf-8")) if _measured_on(machine) in text else {}
    entries = {topic: kept.get(topic) if section is None else entry(section) for topic, section in sections.items()}
    known = [each for each in entries.values() if each is not None]
    if len(known) == len(entries):
        results.write_text(results_json(known), "utf-8")
        readme.write_text(with_results(text, known, machine), "utf-8")
    return [topic for topic, each in entries.items() if each is None]
