"""What a container gives: records with columns, whatever its format."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from functions.schedule_import.profile.layout import Source
from functions.schedule_import.reading.segments import Skip

type Record = Any
"""One row, in the container's own shape (a list of cells, a JSON object with its parents, an XML element)."""

type Getter = Callable[[Record], str]
"""The trimmed text of one column; empty where the row does not have it."""


class Numbered(NamedTuple):
    """A record with its row number (see `Segment.row`)."""

    number: int
    record: Record


def place_of(record: Record) -> str | None:
    """Where in its row a record stands, as people name it (the cell `G5` of a grid); None for a whole row."""
    place: str | None = getattr(record, "place", None)
    return place


class FileContent(NamedTuple):
    """A file to read: its name (without the profile's folder) and its bytes, which can be read again from the start."""

    name: str
    stream: BinaryIO


class Container(Protocol):
    """An opened file. Opening and iterating raise UnreadableFileError for a file that is broken as a whole."""

    def sources(self) -> Iterable[Source]:
        """The profile's sources that this file has rows for."""
        ...

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        """The rows of a source in file order, one at a time; a broken one as a Skip."""
        ...

    def getter(self, source: Source, column: str) -> Getter | None:
        """How to read a column of this source's records; None where the file does not have it."""
        ...

    def children(self, record: Record, path: str) -> Iterable[Record]:
        """The nested records of a record."""
        ...

    def nested_getter(self, path: str, column: str) -> Getter:
        """How to read a column of nested records."""
        ...

    def document(self, column: str) -> str:
        """A value of the whole document (a path with a leading `/`), empty where there is none."""
        ...

    def table(self, path: str) -> Iterable[Record]:
        """The records of a table of the whole document, for activity codes and listed agents."""
        ...


class FlatRows:
    """What a `Container` of plain cells answers to questions for records inside of records, and for words that are the
    whole document's."""

    def children(self, record: Record, path: str) -> Iterable[Record]:
        """None: a cell holds no records."""
        return ()

    def nested_getter(self, path: str, column: str) -> Getter:
        """See `children`."""
        return lambda record: ""

    def document(self, column: str) -> str:
        """Nothing: all that the file says is in its rows."""
        return ""

    def table(self, path: str) -> Iterable[Record]:
        """None, see `document`."""
        return ()
