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
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=layout.delimiter,
        quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
    )
    try:
        header = _header(next(reader, []), layout)
    except csv.Error as error:
        raise UnreadableFileError(f"line 1 cannot be read: {error}") from None
    _require_columns(header, fields, required)
    return _body(reader, header), header


def _header(cells: list[str], layout: DelimitedFormat) -> list[str]:
    names = [cell.strip() for cell in cells]
    if names and layout.header_prefix:
        names[0] = names[0].removeprefix(layout.header_prefix).strip()
    return names


def _require_columns(header: list[str], fields: Fields, required: tuple[str, ...]) -> None:
    if len(header) > MAX_COLUMNS:
        raise UnreadableFileError(f"the header has {len(header)} columns; the limit is {MAX_COLUMNS}")
    missing = [column for column in required if column not in header]
    if missing:
        raise UnreadableFileError(
            f"the header lacks {', '.join(missing)}; it has {', '.join(map(repr, header[:20])) or 'no columns'}"
        )
    doubled = sorted({column for column in fields.names() if header.count(column) > 1})
    if doubled:
        raise UnreadableFileError(f"the header has {', '.join(doubled)} more than once")


def _body(reader: "csv._reader", header: list[str]) -> Iterator[Row | Skip]:  # type: ignore[name-defined]
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Skip(number, "BAD_ROW", f"the row cannot be read: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
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
