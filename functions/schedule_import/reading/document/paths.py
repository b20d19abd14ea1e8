"""Where a profile's columns are in a document of objects (JSON) or elements (XML): paths, and what a row needs.

Steps are separated by `/`. A path that begins with `..` climbs to the enclosing object (arrays do not count) or parent
element; one that begins with `/` starts at the document.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, Self

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Expected, JsonFormat, Source, XmlFormat
from functions.schedule_import.reading.segments import UnreadableFileError

type Steps = tuple[str, ...]

EVERY = "*"
"""The step into every element of an array."""


class ColumnPath(NamedTuple):
    """A column's path: from the document or from the row, so many objects up, then down."""

    absolute: bool
    ups: int
    down: Steps


def steps_of(path: str) -> Steps:
    """The steps of a path, without those that lead nowhere."""
    return tuple(step for step in path.split("/") if step and step != ".")


def column_path(column: str) -> ColumnPath:
    """A column's path taken apart. `..` counts only at its beginning."""
    steps = steps_of(column)
    ups = next((index for index, step in enumerate(steps) if step != ".."), len(steps))
    return ColumnPath(column.startswith("/"), ups, steps[ups:])


class Enclosed(Protocol):
    """A record with the one around it."""

    @property
    def up(self) -> Self | None: ...


def climbed[R: Enclosed](record: R, path: ColumnPath) -> R | None:
    """The record from which a column's path goes down; None where there are not so many around this one."""
    if path.absolute:
        while record.up is not None:
            record = record.up
    for _ in range(path.ups):
        if record.up is None:
            return None
        record = record.up
    return record


def row_columns(source: Source) -> Iterator[str]:
    """Every column that is read relative to a source's rows."""
    yield from source.fields.names()
    for rule in source.skip:
        yield rule.column
    if source.whole_day and source.whole_day.column:
        yield source.whole_day.column
    for placed in source.breaks:
        yield placed.after
        yield placed.length


def document_paths(profile: ScheduleProfile) -> set[Steps]:
    """What a profile reads of the document itself: values and tables, as paths from its root."""
    paths = {column_path(column).down for column in _document_columns(profile) if column.startswith("/")}
    return {path for path in paths if path}


def _document_columns(profile: ScheduleProfile) -> Iterable[str]:
    for source in profile.sources:
        yield from row_columns(source)
        yield from source.required
        if source.activity_codes:
            yield rooted(source.activity_codes.path)
    if profile.listed_agents:
        yield rooted(profile.listed_agents.path)
    if profile.window:
        yield from (rooted(column) for column in (profile.window.first, profile.window.last, profile.window.range)
                    if column)  # fmt: skip
    yield from (rooted(expected.column) for expected in expectations(profile))
    if profile.stamp and not profile.stamp.column.startswith("@file."):
        yield rooted(profile.stamp.column)


def rooted(path: str) -> str:
    """A path of the document, with the leading `/` that it may leave out."""
    return "/" + path.lstrip("/")


def is_wanted(path: Steps, wanted: Iterable[Steps]) -> bool:
    """Whether a value at this path is, holds or belongs to something that is wanted."""
    return any(path[: len(other)] == other[: len(path)] for other in wanted)


def expectations(profile: ScheduleProfile) -> tuple[Expected, ...]:
    """What the profile expects of values of the document."""
    return profile.format.expected if isinstance(profile.format, JsonFormat | XmlFormat) else ()


def check_expected(profile: ScheduleProfile, read: Callable[[str], Iterable[str]]) -> None:
    """Raises UnreadableFileError for a document that says of itself that it is not to be read."""
    for expected in expectations(profile):
        allowed = {value.casefold() for value in expected.values}
        if any(value.casefold() not in allowed for value in read(rooted(expected.column))):
            raise UnreadableFileError(expected.reason)
