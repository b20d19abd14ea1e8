"""XML documents: rows element by element, however large the file. Namespaces are ignored; DTDs are refused unread.

A row's number is the line where its element begins; in a file with several rows on a line the rows are counted
instead, over all sources in file order.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Source, XmlFormat
from functions.schedule_import.reading.document.paths import (
    Steps,
    check_expected,
    climbed,
    column_path,
    document_paths,
    rooted,
    row_columns,
    steps_of,
)
from functions.schedule_import.reading.document.xml_walk import Unit, Walk, XmlElement, XmlRecord, chunks
from functions.schedule_import.reading.records import FileContent, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

type _NumberedRow = tuple[int, int, XmlRecord]
"""Number, index of the source among the profile's, and the row."""


def open_container(content: FileContent, profile: ScheduleProfile) -> "XmlContainer":
    """The document of a file. Raises UnreadableFileError for broken XML, for DTDs and for other documents."""
    return XmlContainer(content.stream, profile)


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The rejected rows with all that surrounds them, each with an attribute `reason`, in the file's own layout."""
    document = XmlContainer(content.stream, profile).rejected(reasons)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_written(document)).encode(), "application/xml"


class XmlContainer:
    """See `records.Container`. A record is an XmlRecord."""

    def __init__(self, stream: BinaryIO, profile: ScheduleProfile) -> None:
        self._stream = stream
        self._profile = profile
        self._root_name = profile.format.root if isinstance(profile.format, XmlFormat) else ""
        self._unit_paths = _unit_paths(profile.sources)
        self._wanted = document_paths(profile) | {path[:-1] for path in self._unit_paths}
        self._parents: list[XmlRecord] = []
        self._root = XmlRecord(XmlElement("", {}, 0, 0), None)
        self._counted = False
        self._counted = self._survey()
        self._check()

    # ------------------------------------------------------------------------------------------ Container

    def sources(self) -> Iterable[Source]:
        return self._profile.sources

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        place = self._profile.sources.index(source)
        for _, rows in self._numbered_units({self._unit_path(source)}):
            for number, index, row in rows:
                if index == place:
                    yield _checked(row, number, source)

    def getter(self, source: Source, column: str) -> Getter | None:
        return _getter(column)

    def children(self, record: Record, path: str) -> Iterable[Record]:
        return _rows(record, steps_of(path))

    def nested_getter(self, path: str, column: str) -> Getter:
        return _getter(column)

    def document(self, column: str) -> str:
        return _getter(rooted(column))(self._root)

    def table(self, path: str) -> Iterable[Record]:
        return _rows(self._root, steps_of(path))

    def rejected(self, reasons: Mapping[int, str]) -> XmlElement:
        """The document with only these rows and what surrounds them."""
        for unit, rows in self._numbered_units(set(self._unit_paths)):
            marked = {id(row.element): reasons[number] for number, _, row in rows if number in reasons}
            if marked:
                rests = [
                    steps_of(source.path)[len(unit.path) :]
                    for source in self._profile.sources
                    if self._unit_path(source) == unit.path
                ]
                _keep(unit.element, rests, marked)
                self._parents[unit.parents[-1]].element.children.append(unit.element)
        return self._root.element

    # ---------------------------------------------------------------------------------------------- passes

    def _survey(self) -> bool:
        """Read everything once: is it whole, what surrounds the rows, does a line hold more than one row?"""
        last_line, shared = 0, False
        for unit in self._units(set(self._unit_paths), surveying=True):
            for row in sorted((row for _, row in self._rows_of_sources(unit)), key=lambda row: row.element.order):
                shared = shared or row.element.line == last_line
                last_line = row.element.line
        return shared

    def _numbered_units(self, wanted: set[Steps]) -> Iterator[tuple[Unit, list[_NumberedRow]]]:
        """Every unit of these paths with its rows, in file order."""
        count = 0
        for unit in self._units(set(self._unit_paths) if self._counted else wanted):
            rows = list(self._rows_of_sources(unit))
            if self._counted:
                rows.sort(key=lambda pair: pair[1].element.order)
                yield unit, [(count + place, index, row) for place, (index, row) in enumerate(rows, 1)]
                count += len(rows)
            else:
                yield unit, [(row.element.line, index, row) for index, row in rows]

    def _rows_of_sources(self, unit: Unit) -> Iterator[tuple[int, XmlRecord]]:
        # While the file is surveyed the parents are not all there; nothing asks for them then.
        parent = self._parents[unit.parents[-1]] if unit.parents[-1] < len(self._parents) else None
        for index, source in enumerate(self._profile.sources):
            if self._unit_path(source) == unit.path:
                for row in _rows(XmlRecord(unit.element, parent), steps_of(source.path)[len(unit.path) :]):
                    if source.without is None or not any(_rows(row, steps_of(source.without))):
                        yield index, row

    def _unit_path(self, source: Source) -> Steps:
        steps = steps_of(source.path)
        return next(path for path in self._unit_paths if steps[: len(path)] == path)

    def _check(self) -> None:
        roots = [record for record in self._parents if record.up is None]
        check_expected(self._profile, lambda column: [_getter(column)(root) for root in roots])
        firsts = sorted({path[0] for path in self._unit_paths})
        with_rows = [root for root in roots if any(child.tag in firsts for child in root.element.children)]
        if len(with_rows) > 1:
            raise UnreadableFileError(
                f"the document has {len(with_rows)} {self._root_name} with rows, each with words of its own; "
                "export them one by one"
            )
        self._root = root = (with_rows or roots)[0]
        if not with_rows:
            raise UnreadableFileError(
                f"the document has no {' or '.join(firsts)} below its root element {root.element.tag[:40]}. "
                "Is this the right folder for this file?"
            )
        columns = {column for source in self._profile.sources for column in source.required if column.startswith("/")}
        missing = sorted(column for column in columns if not self.document(column))
        if missing:
            raise UnreadableFileError(f"the document has no {', '.join(missing)}")

    def _units(self, wanted: set[Steps], *, surveying: bool = False) -> Iterator[Unit]:
        walk = Walk(set(self._unit_paths), wanted, self._wanted, surveying, self._root_name)
        for chunk in chunks(self._stream):
            yield from walk.feed(chunk)
        yield from walk.finish()
        if surveying:
            self._parents = walk.parents


# -------------------------------------------------------------------------------------------------- rows


def _unit_paths(sources: Iterable[Source]) -> list[Steps]:
    """For each kind of rows the path of the element that has to be held as a whole: what its columns climb to."""
    paths = set()
    for source in sources:
        steps = steps_of(source.path)
        ups = max(column_path(column).ups for column in row_columns(source))
        paths.add(steps[: max(1, len(steps) - ups)])
    return sorted(path for path in paths if not any(path[:end] in paths for end in range(1, len(path))))


def _rows(record: XmlRecord, steps: Steps) -> Iterator[XmlRecord]:
    if not steps:
        yield record
        return
    for child in record.element.children:
        if child.tag == steps[0]:
            yield from _rows(XmlRecord(child, record), steps[1:])


def _checked(row: XmlRecord, number: int, source: Source) -> Numbered | Skip:
    """The row, or why it cannot be trusted: something is wrong in it or around it."""
    around: XmlRecord | None = row
    while around is not None:
        if around.element.problem:
            return Skip(number, "BAD_ROW", around.element.problem)
        around = around.up
    return Numbered(number, row)


def _getter(column: str) -> Getter:
    path = column_path(column)
    steps, attribute = path.down, ""
    if steps and steps[-1].startswith("@"):
        steps, attribute = steps[:-1], steps[-1].removeprefix("@")

    def read(record: XmlRecord) -> str:
        start = climbed(record, path)
        if start is None:
            return ""
        element = start.element
        for step in steps:
            found = next((child for child in element.children if child.tag == step), None)
            if found is None:
                return ""
            element = found
        text = element.attributes.get(attribute, "") if attribute else element.text
        return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()

    return read


# ------------------------------------------------------------------------------------------- rejected rows


def _keep(element: XmlElement, paths: list[Steps], marked: Mapping[int, str]) -> bool:
    """Take rows that are not marked out of an element, and say the reason in those that are."""
    found = id(element) in marked
    if found:
        element.attributes["reason"] = marked[id(element)]
    kept = []
    for child in element.children:
        rests = [path[1:] for path in paths if path[:1] == (child.tag,)]
        below = bool(rests) and _keep(child, rests, marked)
        found = found or below
        if below or not rests:
            kept.append(child)
    element.children = kept
    return found


def _written(element: XmlElement, indent: str = "") -> Iterator[str]:
    attributes = "".join(f" {name}={quoteattr(_legal(value))}" for name, value in element.attributes.items())
    yield f"{indent}<{element.tag}{attributes}"
    if not element.children and not element.text:
        yield "/>\n"
        return
    yield ">" + escape(_legal(element.text.strip())) + ("\n" if element.children else "")
    for child in element.children:
        yield from _written(child, indent + " ")
    yield f"{indent if element.children else ''}</{element.tag}>\n"


def _legal(text: str) -> str:
    """A text without characters that XML cannot hold."""
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n\r")
