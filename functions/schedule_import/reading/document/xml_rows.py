"""XML documents: rows element by element, however large the file. Namespaces are ignored; DTDs are refused unread.

A row's number is the line where its element begins; in a file with several rows on a line the rows are counted
instead, over all sources in file order.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Source, XmlFormat
from functions.schedule_import.reading.document.paths import (
    Steps,
    check_expected,
    column_path,
    document_paths,
    is_wanted,
    rooted,
    row_columns,
    steps_of,
)
from functions.schedule_import.reading.records import FileContent, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

MAX_DEPTH = 64
MAX_ELEMENTS_AT_ONCE = 100_000
"""Elements of one row's outermost parent, which is held in memory as a whole; also of what surrounds the rows."""
MAX_ATTRIBUTES = 200
MAX_TEXT_CHARACTERS = 32_768
_CHUNK_BYTES = 64 * 1024


class XmlElement:
    """An element, where it begins (line, and how many elements began before it) and what is wrong with it."""

    __slots__ = ("attributes", "children", "line", "order", "problem", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int, order: int) -> None:
        self.tag, self.attributes, self.line, self.order = tag, attributes, line, order
        self.children: list[XmlElement] = []
        self.text = ""
        self.problem = ""
        for name, value in attributes.items():
            if len(value) > MAX_TEXT_CHARACTERS:
                self.problem = f"the value of {name[:40]} is longer than {MAX_TEXT_CHARACTERS} characters"

    def add_text(self, text: str) -> None:
        if len(self.text) + len(text) > MAX_TEXT_CHARACTERS:
            self.problem = f"the text of {self.tag[:40]} is longer than {MAX_TEXT_CHARACTERS} characters"
        else:
            self.text += text


class XmlRecord(NamedTuple):
    """An element and the record of its parent."""

    element: XmlElement
    up: "XmlRecord | None"


class _Unit(NamedTuple):
    """An element that is held in memory as a whole, its path, and its parents."""

    path: Steps
    element: XmlElement
    parents: tuple[int, ...]
    """Each parent's place among the parents of all units, in file order; the root element is 0."""


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

    def _numbered_units(self, wanted: set[Steps]) -> Iterator[tuple[_Unit, list[_NumberedRow]]]:
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

    def _rows_of_sources(self, unit: _Unit) -> Iterator[tuple[int, XmlRecord]]:
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

    def _units(self, wanted: set[Steps], *, surveying: bool = False) -> Iterator[_Unit]:
        walk = _Walk(set(self._unit_paths), wanted, self._wanted, surveying, self._root_name)
        for chunk in _chunks(self._stream):
            yield from walk.feed(chunk)
        yield from walk.finish()
        if surveying:
            self._parents = walk.parents


class _Walk:
    """One pass over the bytes of a document."""

    def __init__(
        self, unit_paths: set[Steps], wanted_units: set[Steps], wanted: set[Steps], surveying: bool, root_name: str
    ) -> None:
        self._unit_paths, self._wanted_units, self._wanted = unit_paths, wanted_units, wanted
        self._surveying = surveying
        self._above = {path[:end] for path in unit_paths for end in range(len(path))}
        self._root_name = root_name
        self._root_depth = 1
        """How many elements are open where paths begin: the document's own root, or one that it encloses."""
        self._path: list[str] = []
        self._open: list[XmlElement | None] = []
        """Elements that are kept, None for those that are not, from the root to where the parser stands."""
        self._open_parents: list[int] = []
        self._parents_seen = 0
        self.parents: list[XmlRecord] = []
        self._unit_depth = 0
        self._units: list[_Unit] = []
        self._order = 0
        self._kept = self._around = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.ExternalEntityRefHandler = self._refuse

    def feed(self, chunk: bytes) -> list[_Unit]:
        """The units that end in this chunk."""
        try:
            self._parser.Parse(chunk, False)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise UnreadableFileError(
                f"line {error.lineno} is not XML ({what}); is this file a whole XML export?"
            ) from None
        except (LookupError, UnicodeError, ValueError) as error:
            if isinstance(error, UnreadableFileError):
                raise
            raise UnreadableFileError("the file names an encoding that cannot be read; save it as UTF-8") from None
        units, self._units = self._units, []
        return units

    def finish(self) -> list[_Unit]:
        """The last units. Raises UnreadableFileError when the document is not at its end."""
        if not self._order:
            raise UnreadableFileError("the file is empty or no XML; export it again")
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise UnreadableFileError(
                f"the file ends in the middle, in line {error.lineno}: it was cut; export it again"
            ) from None
        units, self._units = self._units, []
        return units

    def _refuse(self, *_: object) -> int:
        raise UnreadableFileError(
            f"line {self._parser.CurrentLineNumber} declares a document type or an entity (DTD); "
            "schedules need none, and it is not read"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        self._order += 1
        self._path.append(tag)
        if len(self._path) > MAX_DEPTH:
            raise UnreadableFileError(
                f"line {self._parser.CurrentLineNumber}: the document is nested deeper than {MAX_DEPTH} levels"
            )
        if len(self._path) == 2 and tag == self._root_name != self._path[0]:
            self._root_depth = 2
        path = tuple(self._path[self._root_depth :])
        if self._unit_depth:
            self._add(tag, attributes)
        elif path in self._unit_paths:
            if path in self._wanted_units:
                self._unit_depth = len(self._path)
                self._kept = 0
                self._open.append(self._element(tag, attributes))
            else:
                self._open.append(None)
        elif path in self._above:
            self._open_parent(tag, attributes)
        elif self._surveying and self._open[-1] is not None and is_wanted(path, self._wanted):
            self._add(tag, attributes)
        else:
            self._open.append(None)

    def _open_parent(self, tag: str, attributes: dict[str, str]) -> None:
        place, self._parents_seen = self._parents_seen, self._parents_seen + 1
        if self._surveying:
            element = self._element(tag, attributes)
            is_root = len(self._path) == self._root_depth
            up = None if is_root else self.parents[self._open_parents[-1]]
            if up is not None:
                up.element.children.append(element)
            self.parents.append(XmlRecord(element, up))
            self._open.append(element)
        else:
            self._open.append(None)
        self._open_parents.append(place)

    def _add(self, tag: str, attributes: dict[str, str]) -> None:
        element = self._element(tag, attributes)
        owner = self._open[-1]
        if owner is not None:
            owner.children.append(element)
        self._open.append(element)

    def _element(self, tag: str, attributes: dict[str, str]) -> XmlElement:
        line = self._parser.CurrentLineNumber
        if self._unit_depth:
            self._kept += 1
        else:
            self._around += 1
        if max(self._kept, self._around) > MAX_ELEMENTS_AT_ONCE or len(attributes) > MAX_ATTRIBUTES:
            raise UnreadableFileError(
                f"line {line}: an entry holds more than {MAX_ELEMENTS_AT_ONCE} elements or {MAX_ATTRIBUTES} attributes"
            )
        local = {
            name.rpartition(":")[2]: value
            for name, value in attributes.items()
            if name != "xmlns" and not name.startswith("xmlns:")
        }
        return XmlElement(tag, local, line, self._order)

    def _end(self, _: str) -> None:
        path = tuple(self._path[self._root_depth :])
        element = self._open.pop()
        if self._unit_depth == len(self._path) and element is not None:
            self._unit_depth = 0
            self._units.append(_Unit(path, element, tuple(self._open_parents)))
        elif not self._unit_depth and path in self._above:
            self._open_parents.pop()
        elif element is not None and element.problem and self._open[-1] is not None:
            self._open[-1].problem = element.problem
        self._path.pop()
        self._root_depth = min(self._root_depth, max(1, len(self._path)))

    def _text(self, text: str) -> None:
        element = self._open[-1] if self._open else None
        if element is not None and (element.text or not text.isspace()):
            element.add_text(text)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    position = 0
    while True:
        stream.seek(position)
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            return
        position += len(chunk)
        yield chunk


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
        if path.absolute:
            while record.up is not None:
                record = record.up
        for _ in range(path.ups):
            if record.up is None:
                return ""
            record = record.up
        element = record.element
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
