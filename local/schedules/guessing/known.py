"""Built-in layouts that a file has, as it is or under other column names."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from functions.schedule_import.profile import (
    ProfileError,
    ScheduleProfile,
    SiteProfile,
    builtin_names,
    builtin_profile,
)
from functions.schedule_import.profile.layout import Source
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from local.schedules.opening import read_file
from local.schedules.site import UsageError

STAND_IN_ZONE = "UTC"
"""Read in where nobody has named a zone: good enough to see whether a file can be read at all."""
STAND_IN_DAY = "2027-01-04"
"""The first day of a grid that does not say which that is."""
NO_FIRST_DAY = "the first day of the grid"
"""What the reader says of such a grid."""
_MANY = 0.6
_READABLE = 0.8
UNREADABLE = frozenset({"BAD_ROW", "BAD_TIME", "MISSING_VALUE", "END_BEFORE_START", "NO_TIME_ZONE", "BAD_TIME_ZONE"})
"""Codes of rows that a wrong profile makes, too."""

type Json = dict[str, Any]


class Known(NamedTuple):
    """A built-in layout, and the columns that this file names otherwise."""

    name: str
    columns: dict[str, str]


def resolved(document: Json, zone: str | None) -> ScheduleProfile:
    """A proposed site document as a profile. Raises ProfileError."""
    try:
        said = SiteProfile.model_validate(document)
        profile = said.over(builtin_profile(said.extends), "proposal")
    except ValueError as error:
        raise ProfileError(str(error)) from None
    if zone and not profile.time_zone:
        profile = profile.model_copy(update={"time_zone": zone})
    return profile


def readable_share(reading: Reading) -> float:
    """Share of the rows that can be read; drafts, days off and the like are."""
    bad = sum(1 for skip in reading.skipped if skip.code in UNREADABLE)
    return 1 - bad / reading.rows if reading.rows else 0.0


# ---------------------------------------------------------------------------------------------------------- by header


def refused(header: Sequence[str]) -> ScheduleProfile | None:
    """The layout that is never imported and that this header has."""
    has = _keys(header)
    for profile in _builtins("delimited"):
        if profile.refuse and any(_keys(source.required) <= has for source in profile.sources):
            return profile
    return None


def by_header(header: Sequence[str], guessed: dict[str, str]) -> Known | None:
    """The built-in layout that has these columns; `guessed` is what other columns seem to be (field to column)."""
    found = [
        (len(_keys(_all_columns(source)) & _keys(header)), profile.name, renames)
        for profile in _builtins("delimited")
        if not profile.refuse
        for source in profile.sources
        if (renames := _renames(profile, source, header, guessed)) is not None
    ]
    if not found:
        return None
    _, name, renames = max(found, key=lambda each: (each[0], -len(each[2])))
    return Known(name, renames)


def _renames(
    profile: ScheduleProfile, source: Source, header: Sequence[str], guessed: dict[str, str]
) -> dict[str, str] | None:
    """The columns of a layout that this file names otherwise; None where it is another layout."""
    has, known = _keys(header), _all_columns(source)
    missing = [column for column in source.required if column.casefold() not in has]
    if not source.required:
        return None
    if not missing:
        return {}
    matched = [column for column in known if column.casefold() in has]
    if len(matched) < max(3, _MANY * len(known)):
        return None
    roles = {column: role for role, column in _role_columns(profile, source)}
    free = [name for name in header if name.casefold() not in _keys(known)]
    renames: dict[str, str] = {}
    for column in missing:
        taken = guessed.get(roles.get(column, ""))
        if taken not in free or taken in renames.values():
            return None
        renames[column] = taken
    # Further columns that have another name here, too.
    for column, role in roles.items():
        other = guessed.get(role)
        if column.casefold() not in has and column not in renames and other in free and other not in renames.values():
            renames[column] = other
    return renames


def _role_columns(profile: ScheduleProfile, source: Source) -> Iterator[tuple[str, str]]:
    yield "agent", profile.agent_columns(source.fields.agent)[0][0]
    for role, value in source.fields.model_dump(by_alias=True, exclude_none=True).items():
        if isinstance(value, str):
            yield role, value


def _all_columns(source: Source) -> list[str]:
    return list(dict.fromkeys([*source.columns(), *source.required, *source.other_columns]))


def _builtins(kind: str) -> Iterator[ScheduleProfile]:
    for name in builtin_names():
        profile = builtin_profile(name)
        if kind in {each.kind for each in (profile.format, *profile.other_formats)}:
            yield profile


def _keys(names: Sequence[str]) -> set[str]:
    return {name.strip().casefold() for name in names}


# -------------------------------------------------------------------------------------------------------- by reading


def by_reading(path: Path, kinds: Sequence[str], zone: str | None) -> tuple[Known, Reading] | None:
    """The built-in layout of these kinds that reads most of the file."""
    found: list[tuple[float, int, str, Reading]] = []
    for kind in kinds:
        for profile in _builtins(kind):
            with suppress(UnreadableFileError, UsageError):
                used = profile if profile.time_zone else profile.model_copy(update={"time_zone": zone or STAND_IN_ZONE})
                reading = _read_on_any_day(path, used)
                share = readable_share(reading)
                if reading.rows and share >= _READABLE and (reading.segments or reading.skipped):
                    found.append((share, len(reading.segments), profile.name, reading))
    if not found:
        return None
    _, _, name, reading = max(found, key=lambda each: each[:2])
    return Known(name, {}), reading


def _read_on_any_day(path: Path, profile: ScheduleProfile) -> Reading:
    try:
        return read_file(path, profile)
    except UnreadableFileError as error:
        if NO_FIRST_DAY not in str(error):
            raise
        return read_file(path, profile.model_copy(update={"start_date": STAND_IN_DAY}))
