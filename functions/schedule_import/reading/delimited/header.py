"""The header of a delimited file: under which delimiter, and for which of a profile's sources, it names the columns."""

import csv
import re
from collections.abc import Iterable
from typing import NamedTuple

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import DelimitedFormat, Source
from functions.schedule_import.reading.known_layouts import hours_worked, other_layout
from functions.schedule_import.reading.rejected_cells import without_mark
from functions.schedule_import.reading.row.row_rules import clean
from functions.schedule_import.reading.segments import UnreadableFileError

MAX_COLUMNS = 500
_DECLARED_DELIMITER = re.compile(r"sep=(.)\s*", re.IGNORECASE)
"""The first line of files that are meant for spreadsheets."""
_DOCUMENTS = {"{": "JSON", "[": "JSON", "<": "XML"}


class Header(NamedTuple):
    """The names of the columns as the file has them, and what stands before the first of them.

    `lines` are those up to the end of the header; `line_end` is how they end.
    """

    delimiter: str
    names: list[str]
    source: Source
    lines: int
    before: str
    line_end: str


class _Candidate(NamedTuple):
    delimiter: str
    names: list[str]
    lines: int
    prefix: str

    def missing(self, source: Source) -> list[str]:
        """What the header lacks; a length says the end as well."""
        has = {column_key(name) for name in self.names}
        length = source.fields.length
        told = {source.fields.end} if length and column_key(length) in has else set()
        return [column for column in source.required if column_key(column) not in has and column not in told]


def column_key(name: str) -> str:
    """What two spellings of one column's name have in common."""
    return clean(name).casefold()


def delimited_header(
    lines: list[str], profile: ScheduleProfile, layout: DelimitedFormat, *, is_marked: bool = False
) -> Header:
    """The header in a file's first lines: the first delimiter counts under which it has what a source requires.

    `is_marked`: the names are in the form of rejected files. Raises UnreadableFileError where there is no header, for
    hours worked, and for a column that is there twice.
    """
    before = next((number for number, line in enumerate(lines) if line.strip()), 0)
    declaration = ""
    delimiters: tuple[str, ...] = layout.delimiters
    declared = _DECLARED_DELIMITER.fullmatch(lines[before])
    if declared and len(lines) > before + 1:
        declaration, before, delimiters = lines[before], before + 1, (declared[1],)
    candidates = [_candidate(lines[before:], each, layout, is_marked=is_marked) for each in delimiters]
    for candidate in candidates:
        for source in profile.sources:
            if not candidate.missing(source):
                _check(candidate, source)
                line_end = "\r\n" if lines[before].endswith("\r\n") else "\n"
                end = before + candidate.lines
                return Header(
                    candidate.delimiter, candidate.names, source, end, declaration + candidate.prefix, line_end
                )
    if layout.header and not is_marked:
        return _named_by_profile(candidates, profile, layout, lines[: before + 1], declaration)
    raise _no_header(candidates, profile)


def _named_by_profile(
    candidates: list[_Candidate], profile: ScheduleProfile, layout: DelimitedFormat, lines: list[str], declaration: str
) -> Header:
    """The columns that the profile names, for a file that does not: under the delimiter that gives as many.

    `lines` are those up to the first row.
    """
    names = list(layout.header)
    fitting = [each for each in candidates if len(each.names) == len(names)]
    if not fitting:
        found = max(len(each.names) for each in candidates)
        raise UnreadableFileError(
            f"the first row names no columns and has {found} fields; format.header of the profile names {len(names)}"
        )
    candidate = _Candidate(fitting[0].delimiter, names, 0, "")
    source = next((each for each in profile.sources if not candidate.missing(each)), None)
    if source is None:
        raise _no_header([candidate], profile)
    _check(candidate, source)
    line_end = "\r\n" if lines[-1].endswith("\r\n") else "\n"
    return Header(candidate.delimiter, names, source, len(lines) - 1, declaration, line_end)


def _candidate(lines: list[str], delimiter: str, layout: DelimitedFormat, *, is_marked: bool) -> _Candidate:
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE)
    try:
        names = [clean(cell) for cell in next(reader, [])]
    except csv.Error:
        names = []
    prefix = ""
    if names and layout.header_prefix and names[0].casefold().startswith(layout.header_prefix.casefold()):
        prefix, names[0] = layout.header_prefix, names[0][len(layout.header_prefix) :].strip()
    if is_marked:
        names = [without_mark(name) for name in names]
    return _Candidate(delimiter, names, max(reader.line_num, 1), prefix)


def _check(header: _Candidate, source: Source) -> None:
    if len(header.names) > MAX_COLUMNS:
        raise UnreadableFileError(f"the header has {len(header.names)} columns; the limit is {MAX_COLUMNS}")
    reason = hours_worked(header.names, source)
    if reason:
        raise UnreadableFileError(reason)
    keys = [column_key(name) for name in header.names]
    doubled = sorted({column for column in source.columns() if keys.count(column_key(column)) > 1})
    if doubled:
        raise UnreadableFileError(f"the header has {', '.join(doubled)} more than once")


def _no_header(candidates: Iterable[_Candidate], profile: ScheduleProfile) -> UnreadableFileError:
    """What is missing, under the delimiter and for the source that come closest."""
    split = max(candidates, key=lambda each: len(each.names))
    if len(split.names) > MAX_COLUMNS:
        return UnreadableFileError(f"the header has {len(split.names)} columns; the limit is {MAX_COLUMNS}")
    reason = hours_worked(split.names, None)
    if reason:
        return UnreadableFileError(reason)
    document = _DOCUMENTS.get(split.names[0][:1]) if split.names else None
    if document:
        return UnreadableFileError(
            f"the file begins like {document}, and this layout is delimited text. Is this the right folder for it?"
        )
    # By share: where nothing fits, the layout's first naming is the one to tell about.
    nearest = min(profile.sources, key=lambda source: len(split.missing(source)) / max(1, len(source.required)))
    missing = split.missing(nearest)
    names = ", ".join(repr(name[:100]) for name in split.names[:20]) or "no columns"
    return UnreadableFileError(f"the header lacks {', '.join(missing)}; it has {names}{other_layout(split.names)}")
