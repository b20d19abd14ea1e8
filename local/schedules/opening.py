"""A file on its way through the app's reader, with progress for the large ones."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Reading
from local.schedules.site import companion_of

_LARGE = 4 * 1024 * 1024


def read_file(path: Path, profile: ScheduleProfile) -> Reading:
    """What the file says. Raises UnreadableFileError, UsageError for a missing companion."""
    with opened(path) as stream, companion_of(path, profile) as companion:
        beside = FileContent(*companion) if companion else None
        return read_schedule(FileContent(path.name, stream), profile, beside)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes; reading many of them shows on the terminal how far it is. Files are read more than once."""
    with path.open("rb") as plain:
        if path.stat().st_size < _LARGE:
            yield plain
            return
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            if not sys.stderr.isatty():
                console.print(f"Reading {path.name}, {path.stat().st_size / 1e6:,.0f} MB...")
            reader = progress.wrap_file(plain, total=path.stat().st_size, description=f"Reading {path.name}")
            yield reader
