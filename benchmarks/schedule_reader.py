"""Reads a schedule file in a process of its own: with the bare csv module, as the app's records, as its segments."""

import csv
import gc
import io
from pathlib import Path

from benchmarks.process import Job, Meter, Result, serve
from functions.schedule_import.profile import ScheduleProfile, builtin_profile
from functions.schedule_import.reading.reader import open_container, read_schedule
from functions.schedule_import.reading.records import FileContent


def _raw(job: Job, meter: Meter) -> Result:
    """Nothing but cells: no program that does something with them can be faster in Python."""
    with meter.measured(), Path(job["file"]).open("rb") as file:
        rows = sum(1 for _ in csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline="")))
    return {"rows": rows - 1}


def _records(job: Job, meter: Meter) -> Result:
    """Cells whose encoding, delimiter, header, width and end have been checked."""
    profile = _profile(job)
    with meter.measured(), Path(job["file"]).open("rb") as file:
        container = open_container(FileContent(job["file"], file), profile)
        rows = sum(1 for source in container.sources() for _ in container.records(source))
    return {"rows": rows}


def _segments(job: Job, meter: Meter) -> Result:
    """All of it: agents, instants in UTC, activities, every row checked."""
    profile = _profile(job)
    with meter.measured(), Path(job["file"]).open("rb") as file:
        rows = len(read_schedule(FileContent(job["file"], file), profile).segments)
    return {"rows": rows}


def _profile(job: Job) -> ScheduleProfile:
    return builtin_profile(job["profile"]).model_copy(update={"time_zone": "Europe/Helsinki"})


if __name__ == "__main__":
    gc.disable()  # an import has it search young objects only (shared.long_work)
    serve({"raw": _raw, "records": _records, "segments": _segments})
