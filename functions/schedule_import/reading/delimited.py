"""Delimited text (CSV and its kin): rows under a header that names the columns."""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from functions.schedule_import.profile import DelimitedFormat, Fields
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

MAX_FIELD_CHARACTERS = 32_768
MAX_COLUMNS = 500
MAX_LINES_A_ROW = 100
"""Lines of one row, which may go on inside quotes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as text, by column name. `number` is the line where it begins."""

    number: int
    values: dict[str, str]

    def text(self, column: str | None) -> str:
        """The trimmed value; empty for a column that the file does not have."""
        return self.values.get(column, "").strip() if column else ""


def decoded(data: bytes) -> str:
    """The file as text: UTF-8 with or without a mark, UTF-16 with one.

    Raises UnreadableFileError for an empty file, other encodings and binary content.
    """
    if not data.strip():
        raise UnreadableFileError("the file is empty; export it again")
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFileError(
            f"line {line} holds byte 0x{data[error.start]:02X}, which is not {encoding.removesuffix('-sig').upper()} "
            "text; save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise UnreadableFileError(
            f"line {text.count(chr(10), 0, text.index(chr(0))) + 1} holds a NUL character; this is not a text file"
        )
    # Accents as one character or as two are the same name; Dynamics and other exports write one.
    return unicodedata.normalize("NFC", text)


def rows(
    text: str, layout: DelimitedFormat, fields: Fields, required: tuple[str, ...]
) -> tuple[Iterator[Row | Skip], list[str]]:
    """The rows below the header, in order; one that does not fit the header comes as a Skip. And the header itself.

    Raises UnreadableFileError when the header lacks a required column or is no header at all.
    """
    records = _records(text, layout)
    _, first, error = next(records, (1, [], None))
    if error:
        raise UnreadableFileError(f"line 1 cannot be read: {error}")
    header = _header(first, layout)
    _require_columns(header, layout, fields, required)
    return _body(records, header), header


type _Record = tuple[int, list[str], str | None]
"""The line where a record begins, its cells, and what is wrong with it, if anything."""


class _Lines:
    """The lines of a file from one on; a record that goes on for too many of them finds the file at its end."""

    def __init__(self, lines: list[str], start: int) -> None:
        self._lines = lines
        self.position = start
        self.end = start + MAX_LINES_A_ROW

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.position >= min(self.end, len(self._lines)):
            raise StopIteration
        self.position += 1
        return self._lines[self.position - 1]


def _records(text: str, layout: DelimitedFormat) -> Iterator[_Record]:
    """The records of the file. A quote that is never closed costs its own line, not all lines behind it."""
    lines = list(io.StringIO(text, newline=""))
    source = _Lines(lines, 0)
    reader = _reader(source, layout)
    width = None
    while (start := source.position) < len(lines):
        source.end = start + MAX_LINES_A_ROW
        try:
            cells, problem = next(reader), None
        except csv.Error as error:
            cells, problem = [], f"the row cannot be read: {error}"
        width = width or len(cells)
        if cells and len(cells) != width and source.position > start + 1:
            problem = "the row goes on over several lines and does not fit the header; look for a stray quote"
        yield start + 1, cells, problem
        if problem:
            source = _Lines(lines, start + 1)
            reader = _reader(source, layout)


def _reader(lines: Iterator[str], layout: DelimitedFormat) -> Iterator[list[str]]:
    if layout.quoted:
        return csv.reader(lines, delimiter=layout.delimiter, quoting=csv.QUOTE_MINIMAL, strict=True)
    return csv.reader(lines, delimiter=layout.delimiter, quoting=csv.QUOTE_NONE)


def _header(cells: list[str], layout: DelimitedFormat) -> list[str]:
    names = [cell.strip() for cell in cells]
    if names and layout.header_prefix:
        names[0] = names[0].removeprefix(layout.header_prefix).strip()
    return names


def _require_columns(header: list[str], layout: DelimitedFormat, fields: Fields, required: tuple[str, ...]) -> None:
    if len(header) > MAX_COLUMNS:
        raise UnreadableFileError(f"the header has {len(header)} columns; the limit is {MAX_COLUMNS}")
    missing = [column for column in required if column not in header]
    if missing:
        raise UnreadableFileError(
            f"the header lacks {', '.join(missing)}; it has {', '.join(map(repr, header[:20])) or 'no columns'}"
            f"{_separator_hint(header, layout)}"
        )
    doubled = sorted({column for column in fields.names() if header.count(column) > 1})
    if doubled:
        raise UnreadableFileError(f"the header has {', '.join(doubled)} more than once")


def _separator_hint(header: list[str], layout: DelimitedFormat) -> str:
    """A header in one piece has most likely another separator than the profile expects."""
    others = [sign for sign in ",;|\t" if sign != layout.delimiter and len(header) == 1 and sign in header[0]]
    return (
        f"; the profile separates columns by {layout.delimiter!r}, the file perhaps by {others[0]!r}" if others else ""
    )


def _body(records: Iterator[_Record], header: list[str]) -> Iterator[Row | Skip]:
    for number, cells, error in records:
        if error:
            yield Skip(number, "BAD_ROW", error)
        elif any(cell.strip() for cell in cells):
            yield _row(number, cells, header)


def _row(number: int, cells: list[str], header: list[str]) -> Row | Skip:
    if len(cells) != len(header):
        return Skip(
            number,
            "BAD_ROW",
            f"the row has {len(cells)} fields, the header {len(header)}; look for a missing or stray separator",
        )
    for name, cell in zip(header, cells, strict=True):
        if len(cell) > MAX_FIELD_CHARACTERS:
            return Skip(number, "BAD_ROW", f"the value is longer than {MAX_FIELD_CHARACTERS} characters", name)
    return Row(number, dict(zip(header, cells, strict=True)))
