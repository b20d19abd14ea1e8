"""A container's columns, with the texts that the app itself would see in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.reader import open_container
from functions.schedule_import.reading.records import FileContent, Numbered
from local.schedules.guessing.timing import Row
from local.schedules.guessing.values import Kinds, Sample

SAMPLED_ROWS = 4_000


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and sampled rows of one place."""

    columns: list[Kinds]
    rows: list[Row]
    count: int
    broken: int


def read_table(
    path: Path, stream: BinaryIO, layout: dict[str, Any], names: Sequence[str], *, rows_at: str = ""
) -> Table:
    """The columns of a place. Raises UnreadableFileError."""
    profile = ScheduleProfile.model_validate(
        {
            "name": "guess",
            "title": "guess",
            "identity": "email",
            "format": layout,
            "sources": [
                {
                    "path": rows_at,
                    "fields": {"agent": names[0], "activity": tuple(names)},
                    # An XLSX header is found by the columns that it must have.
                    "required": tuple(names) if layout["kind"] in ("delimited", "xlsx") else (),
                }
            ],
        }
    )
    container = open_container(FileContent(path.name, stream), profile)
    samples = [Sample(name) for name in names]
    rows: list[Row] = []
    count = broken = 0
    for source in container.sources():
        getters = [container.getter(source, name) or (lambda record: "") for name in names]
        for item in container.records(source):
            count += 1
            if not isinstance(item, Numbered):
                broken += 1
                continue
            texts = [getter(item.record).strip() for getter in getters]
            for sample, text in zip(samples, texts, strict=True):
                sample.take(text)
            if len(rows) < SAMPLED_ROWS:
                rows.append(dict(zip(names, texts, strict=True)))
    return Table([Kinds(sample, count) for sample in samples], rows, count, broken)
