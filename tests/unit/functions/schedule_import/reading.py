"""Schedule files in tests: bytes in the hands of a profile."""

import io
import os
from pathlib import Path
from typing import Any

from functions.schedule_import.profile import ScheduleProfile, SiteProfile, resolve_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Reading

SAMPLES = Path(__file__).parents[4] / "local" / "samples" / "wfm"
SEEDS = int(os.environ.get("SCHEDULE_SEEDS", "1"))


def file_of(data: bytes | str, name: str = "week.csv") -> FileContent:
    """A file of these bytes."""
    return FileContent(name, io.BytesIO(data.encode() if isinstance(data, str) else data))


def site_profile(extends: str, /, **said: Any) -> ScheduleProfile:
    """A built-in profile with what a site says on top."""
    return resolve_profile(extends, SiteProfile.model_validate({"extends": extends, **said}))


def own_profile(source: dict[str, Any], **said: Any) -> ScheduleProfile:
    """A profile of a layout of one's own: comma-separated, one source."""
    document = {"name": "own", "title": "Own", "format": {"kind": "delimited"}, "identity": "email", **said}
    return ScheduleProfile.model_validate({**document, "sources": [source]})


def read(data: bytes | str, profile: ScheduleProfile, name: str = "week.csv") -> Reading:
    """What a file of these bytes says."""
    return read_schedule(file_of(data, name), profile)


def seeds_of(zone: str, *, renamed: bool) -> list[int]:
    """A seed for each case of a layout, others than those of its other cases: 8 different drawings in all.

    SCHEDULE_SEEDS=20 draws as many for each.
    """
    case = 2 * ["Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "America/Santiago"].index(zone) + renamed
    return list(range(case, 8 * SEEDS, 8))
