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


def results_json(sections: Iterable[Section]) -> str:
    """The content of results.json."""
    metrics = [
        {**asdict(metric), **{name: _rounded(getattr(metric, name)) for name in ("ours", "reference", "ratio")}}
        for section in sections
        for metric in section.metrics
    ]
    return json.dumps(metrics, indent=2) + "\n"


def markdown(sections: Iterable[Section], machine: str) -> str:
    """The results as Markdown."""
    lines = [f"Measured on {machine}.", ""]
    for section in sections:
        lines += [f"### {section.topic}", "", f'`make bench ARGS="--only {section.topic}"`', ""]
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


def with_results(readme: str, results: str) -> str:
    """The README with new results between its two markers. Raises ValueError when a marker is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the README has lost the markers of its results")
    return f"{before}{BEGIN}\n\n{results}\n{END}{after}"


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


def record(sections: Sequence[Section], machine: str, folder: Path) -> None:
    """Writes results.json and the README's table."""
    (folder / "results.json").write_text(results_json(sections))
    readme = folder / "README.md"
    readme.write_text(with_results(readme.read_text("utf-8"), markdown(sections, machine)), "utf-8")
