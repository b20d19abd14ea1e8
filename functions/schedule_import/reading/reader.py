"""A schedule file in the hands of its profile: what the file says, as segments in UTC."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from types import ModuleType

from functions.schedule_import.profile import ScheduleProfile, time_zone
from functions.schedule_import.profile.layout import AgentColumn, Companion, DeclaredWindow, Source
from functions.schedule_import.reading.companion import (
    JoinedContainer,
    companion_profile,
    in_order,
    primary_profile,
)
from functions.schedule_import.reading.delimited.delimited_rows import DelimitedContainer
from functions.schedule_import.reading.delimited.plain_rows import is_plain, read_plain_rows
from functions.schedule_import.reading.records import Container, FileContent
from functions.schedule_import.reading.rejected_cells import is_rejected_file
from functions.schedule_import.reading.row.date_order import settled_times
from functions.schedule_import.reading.row.row_reader import RowReader
from functions.schedule_import.reading.row.row_rules import RowRules, clean
from functions.schedule_import.reading.row.stretches import TimeRules
from functions.schedule_import.reading.row.values import pattern_reader, read_date
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from functions.schedule_import.reading.text_encoding import kind_of_file

_CONTAINERS = {
    "delimited": "delimited.delimited_rows",
    "xlsx": "workbook.xlsx_rows",
    "xlsx-grid": "workbook.grid_rows",
    "json": "document.json_rows",
    "xml": "document.xml_rows",
    "icalendar": "icalendar.icalendar_rows",
}


def read_schedule(content: FileContent, profile: ScheduleProfile, companion: FileContent | None = None) -> Reading:
    """What the file says. A file with a header and no rows is a Reading of 0 rows.

    Raises UnreadableFileError when it cannot be read as a whole: broken, cut, of another layout, without any time zone,
    with dates whose order nobody knows, or of a layout that is never imported.
    """
    if profile.refuse:
        raise UnreadableFileError(profile.refuse)
    profile = in_its_format(content, profile)
    if profile.companion:
        content, companion = in_order(content, companion, profile.companion)
        container: Container = _joined(content, companion, profile, profile.companion)
    else:
        container = open_container(content, profile)
    groups = file_groups(content.name, profile)
    seen = isinstance(container, DelimitedContainer) and container.dropped_again
    reading = Reading(dropped_again=seen or is_rejected_file(content.name))
    sources = list(container.sources())
    readers = [_row_reader(container, source, profile, groups, reading) for source in sources]
    _require_zone(readers, profile)
    for reader in readers:
        _read_rows(reader)
    _check_zone(reading, readers, profile)
    _check_agents(reading, profile)
    if len(sources) > 1:
        _in_file_order(reading)
    _describe_file(reading, container, profile, groups)
    return reading


def _joined(
    content: FileContent, companion: FileContent, profile: ScheduleProfile, rules: Companion
) -> JoinedContainer:
    primary = open_container(content, primary_profile(profile, rules))
    return JoinedContainer(primary, open_container(companion, companion_profile(profile, rules)), rules)


def _read_rows(reader: RowReader) -> None:
    container = reader.container
    if isinstance(container, DelimitedContainer) and is_plain(reader, container):
        read_plain_rows(reader, container)
    else:
        reader.read_all()


def open_container(content: FileContent, profile: ScheduleProfile) -> Container:
    """The file as records. Raises UnreadableFileError."""
    container: Container = container_module(profile).open_container(content, profile)
    return container


def container_module(profile: ScheduleProfile) -> ModuleType:
    """The module of the profile's format, loaded only when it is asked for: some bring heavy libraries."""
    return import_module(f"functions.schedule_import.reading.{_CONTAINERS[profile.format.kind]}")


def in_its_format(content: FileContent, profile: ScheduleProfile) -> ScheduleProfile:
    """The profile with the one of its formats that this file is in; its usual one where none fits."""
    if not profile.other_formats:
        return profile
    kind = kind_of_file(content.stream)
    formats = [each for each in (profile.format, *profile.other_formats) if each.kind == kind]
    candidates = [profile.model_copy(update={"format": each}) for each in formats] or [profile]
    for candidate in candidates[:-1]:
        with suppress(UnreadableFileError):
            open_container(content, candidate)
            return candidate
    if len(candidates) > 1:
        try:
            open_container(content, candidates[-1])
        except UnreadableFileError:
            return candidates[0]  # Its usual one says best what is wrong.
    return candidates[-1]


def file_groups(name: str, profile: ScheduleProfile) -> dict[str, str]:
    """The named groups of the first file-name pattern that fits; `stem` is the name without folder and extension."""
    groups = {"stem": re.sub(r"(?:(?:\.\w+)?\.rejected)*\.\w+$", "", name.rpartition("/")[2])}
    for pattern in profile.file_names:
        found = re.search(pattern, name)
        if found:
            return groups | {group: text for group, text in found.groupdict().items() if text}
    return groups


def _row_reader(
    container: Container, source: Source, profile: ScheduleProfile, groups: dict[str, str], reading: Reading
) -> RowReader:
    times = TimeRules(
        fields=source.fields,
        times=settled_times(container, source, profile),
        whole_day=source.whole_day,
        templates={code.casefold(): parts for code, parts in profile.templates.items()},
        start_date=_start_date(source, container, profile, groups),
    )
    rules = RowRules(profile, source, times, _activity_codes(container, source))
    return RowReader(container, source, profile, rules, groups, reading)


def _activity_codes(container: Container, source: Source) -> dict[str, str]:
    table = source.activity_codes
    if table is None:
        return {}
    key, value = container.nested_getter(table.path, table.key), container.nested_getter(table.path, table.value)
    codes = {clean(key(record)): clean(value(record)) for record in container.table(table.path)}
    return {code: name for code, name in codes.items() if code and name}


def _in_file_order(reading: Reading) -> None:
    reading.segments.sort(key=lambda segment: segment.row)
    reading.removed.sort(key=lambda segment: segment.row)
    reading.skipped.sort(key=lambda skip: skip.row)
    reading.issues.sort(key=lambda issue: issue.row)


def _check_agents(reading: Reading, profile: ScheduleProfile) -> None:
    """Refuse a document in which all shifts seem to be open: keys have no header that would show their other names."""
    named = reading.segments or reading.removed or reading.protected or reading.days_without_work
    is_open = any(skip.code == "OPEN_SHIFT" for skip in reading.skipped)
    if profile.format.kind == "json" and is_open and not named:
        columns = dict.fromkeys(
            column for source in profile.sources for column, _ in profile.agent_columns(source.fields.agent)
        )
        raise UnreadableFileError(f"no row names an agent in {', '.join(columns)}; has it another name here?")


# ---------------------------------------------------------------------------------------------------- time zone


def _require_zone(readers: Iterable[RowReader], profile: ScheduleProfile) -> None:
    """Refuse at once what can only be local times, when nothing can name their zone."""
    if not all(_can_name_zone(each, profile) or _may_have_offsets(each.source, profile) for each in readers):
        raise _no_zone(profile)


def _can_name_zone(reader: RowReader, profile: ScheduleProfile) -> bool:
    fields = reader.source.fields
    sites = (fields.site,) if isinstance(fields.site, str) else fields.site or ()
    return (
        profile.time_zone is not None
        or reader.getter(fields.time_zone) is not None
        or bool(profile.site_zones and any(reader.getter(column) for column in sites))
    )


def _may_have_offsets(source: Source, profile: ScheduleProfile) -> bool:
    fields, times = source.fields, source.times
    if fields.date is not None or fields.start is None:
        return profile.format.kind == "icalendar"
    return not times.ignore_offset and any(each == "iso" or "%z" in each for each in times.moment)


def _check_zone(reading: Reading, readers: Iterable[RowReader], profile: ScheduleProfile) -> None:
    """Refuse a file in which no row has a zone; and one without rows, whose layout writes local times."""
    if reading.rows == 0:
        usual = (each.source.times.moment[0] for each in readers if not _can_name_zone(each, profile))
        if any(pattern != "iso" and "%z" not in pattern for pattern in usual):
            raise _no_zone(profile)
    elif not reading.segments and any(skip.code == "NO_TIME_ZONE" for skip in reading.skipped):
        raise _no_zone(profile)


def _no_zone(profile: ScheduleProfile) -> UnreadableFileError:
    return UnreadableFileError(
        "the file names no time zone and the profile fixes none; set timeZone in "
        f"config/schedule-profiles/{profile.name}.json"
    )


# ------------------------------------------------------------------------------------------ the file as a whole


def _describe_file(reading: Reading, container: Container, profile: ScheduleProfile, groups: dict[str, str]) -> None:
    listed = profile.listed_agents
    if listed:
        columns = (AgentColumn(column=listed.agent),) if isinstance(listed.agent, str) else listed.agent
        getters = [
            (container.nested_getter(listed.path, each.column), each.identity or listed.identity or profile.identity)
            for each in columns
        ]
        named = (
            next(((text, identity) for getter, identity in getters if (text := clean(getter(record)))), None)
            for record in container.table(listed.path)
        )
        reading.listed_agents += dict.fromkeys(filter(None, named))
    reading.time_zone = _zone_of_document(container, profile)
    if profile.window:
        reading.window = _window(profile.window, container, groups)
    if profile.stamp:
        text = _document_text(profile.stamp.column, container, groups)
        reading.stamp = _stamp(text, profile.stamp.patterns, profile) if text else None


def _zone_of_document(container: Container, profile: ScheduleProfile) -> str:
    for source in profile.sources:
        column = source.fields.time_zone
        if column and column.startswith("/"):
            with suppress(ValueError):
                return time_zone(container.document(column)).key
    return ""


def _document_text(column: str | None, container: Container, groups: dict[str, str]) -> str:
    if column is None:
        return ""
    if column.startswith("@file."):
        return clean(groups.get(column.removeprefix("@file."), ""))
    return clean(container.document(column))


def _stamp(text: str, patterns: Iterable[str], profile: ScheduleProfile) -> datetime | None:
    """When the file was made, in UTC; a time without offset is in the profile's zone."""
    for pattern in patterns:
        moment = pattern_reader(pattern)(text)
        if moment is not None and 1970 <= moment.year < 2200:
            zone = time_zone(profile.time_zone) if profile.time_zone else UTC
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    return None


def _window(window: DeclaredWindow, container: Container, groups: dict[str, str]) -> tuple[date, date] | None:
    """The dates that the document says it speaks for; None where it says nothing. Raises UnreadableFileError."""
    first_text = _document_text(window.first, container, groups)
    last_text = _document_text(window.last, container, groups)
    both = _document_text(window.range, container, groups)
    if not (first_text or both):
        return None
    patterns = (*window.date, "iso")
    days = _range_of_dates(both, window.range_separator, patterns) if both else (read_date(first_text, patterns), None)
    first = days[0]
    last = days[1] or (read_date(last_text, patterns) if last_text else None)
    if first and not last and not last_text:
        last = first + timedelta(days=(window.days or 1) - 1)
    if first is None or last is None or last < first:
        raise UnreadableFileError(
            f"the document's own dates {' '.join(filter(None, (first_text, last_text, both)))!r} cannot be read"
        )
    return first, last


def _range_of_dates(text: str, separator: str, patterns: Sequence[str]) -> tuple[date | None, date | None]:
    parts = text.split(separator)
    for number in range(1, len(parts)):
        halves = (separator.join(parts[:number]), separator.join(parts[number:]))
        first, last = (read_date(half.strip(), patterns) for half in halves)
        if first and last:
            return first, last
    return read_date(text, patterns), None


def _start_date(source: Source, container: Container, profile: ScheduleProfile, groups: dict[str, str]) -> date | None:
    """The first day of a grid: as the profile says it, or where it says to look. Raises UnreadableFileError."""
    said = profile.start_date
    if said is None:
        return None
    fixed = read_date(said, ("iso",))
    if fixed:
        return fixed
    text = _document_text(said, container, groups)
    day = read_date(text, ("iso", *source.times.date, "%Y%m%d")) if text else None
    if day is None and not said.startswith(("@", "/")):
        raise UnreadableFileError(
            f"startDate {said!r} is neither a date such as 2027-03-22 nor a place to find it such as @file.date; mend "
            f"it in config/schedule-profiles/{profile.name}.json"
        )
    if day is None:
        raise UnreadableFileError(
            f"the first day of the grid is to be found in {said}, which holds {text!r}; check startDate and fileNames "
            f"in config/schedule-profiles/{profile.name}.json"
        )
    return day
