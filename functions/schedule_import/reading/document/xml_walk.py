"""One pass over the bytes of an XML document: the wanted elements, each as a whole, and what surrounds them."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from functions.schedule_import.reading.document.paths import Steps, is_wanted
from functions.schedule_import.reading.segments import UnreadableFileError

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


class Unit(NamedTuple):
    """An element that is held in memory as a whole, its path, and its parents."""

    path: Steps
    element: XmlElement
    parents: tuple[int, ...]
    """Each parent's place among the parents of all units, in file order; the root element is 0."""


class Walk:
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
        self._units: list[Unit] = []
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

    def feed(self, chunk: bytes) -> list[Unit]:
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

    def finish(self) -> list[Unit]:
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
            self._units.append(Unit(path, element, tuple(self._open_parents)))
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


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    position = 0
    while True:
        stream.seek(position)
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            return
        position += len(chunk)
        yield chunk
