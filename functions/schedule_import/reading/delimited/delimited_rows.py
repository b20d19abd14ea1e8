"""Delimited text (CSV and its kin): rows under a header that names the columns."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import DelimitedFormat, Source
from functions.schedule_import.reading.delimited.blocks import Block, Cells, block_of_lines, block_of_rows
from functions.schedule_import.reading.delimited.header import column_key, delimited_header
from functions.schedule_import.reading.records import FileContent, FlatRows, Getter, Numbered
from functions.schedule_import.reading.rejected_cells import (
    REASON_COLUMN,
    is_rejected_file,
    tells_reasons,
    with_mark,
    without_mark,
)
from functions.schedule_import.reading.segments import Skip, UnreadableFileError
from functions.schedule_import.reading.text_encoding import TextFile, text_file

if TYPE_CHECKING:
    import _csv

MAX_FIELD_CHARACTERS = 32_768
MAX_LINES_A_ROW = 100
"""Lines of one row, which may go on inside quotes."""
_CHUNK_CHARACTERS = 32 * 1024
_LONG_FIELD = 16
"""Characters from which fields that are all as long are ids or moments."""
_MOST_FIELDS = 10_000
_PIECE_CHARACTERS = MAX_FIELD_CHARACTERS // 2
"""A text in whose every piece a line ends has no line longer than a field may be."""


class Rows(NamedTuple):
    """Rows that each take one line, from line `first` on; they may still have too few or too many cells."""

    first: int
    cells: Iterable[Cells]


def open_container(content: FileContent, profile: ScheduleProfile) -> "DelimitedContainer":
    """A delimited file. Raises UnreadableFileError when it is no text, or its header is not the profile's."""
    assert isinstance(profile.format, DelimitedFormat)
    text = text_file(content.stream, profile.format.encodings)
    return DelimitedContainer(content, profile, profile.format, text)


class DelimitedContainer(FlatRows):
    """See `records.Container`. A record is a list of cells."""

    def __init__(self, content: FileContent, profile: ScheduleProfile, layout: DelimitedFormat, text: TextFile) -> None:
        self._content, self._layout, self.text = content, layout, text
        self.dropped_again = is_rejected_file(content.name)
        with _as_text(content, text) as stream:
            lines = list(islice(stream, MAX_LINES_A_ROW))
        head = delimited_header(lines, profile, layout, is_marked=self.dropped_again)
        if not self.dropped_again and tells_reasons(head.names, _first_rows(lines[head.lines :], head.delimiter)):
            self.dropped_again = True
            head = delimited_header(lines, profile, layout, is_marked=True)
        self.head, self.delimiter, self.header, self._source = head, head.delimiter, head.names, head.source
        self._lines_of_header = head.lines
        self.width = len(self.header)
        self._index = {column_key(name): index for index, name in reversed(list(enumerate(self.header)))}
        self._open_line = 0
        """The number of a last line that has no line end."""

    def sources(self) -> Sequence[Source]:
        """The first source of the profile that the header has the columns of."""
        return (self._source,)

    def column(self, name: str) -> int | None:
        """The place of a column in a record."""
        return self._index.get(column_key(name))

    def getter(self, source: Source, column: str) -> Getter | None:
        """See `records.Container`."""
        index = self.column(column)
        return None if index is None else lambda cells: cells[index].strip()

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        """See `records.Container`. Rows without any text are no rows."""
        for rows in self.chunks():
            if isinstance(rows, Skip):
                yield rows
                continue
            for number, cells in enumerate(rows.cells, rows.first):
                checked = self.checked(number, cells)
                if checked is not None:
                    yield checked

    def checked(self, number: int, cells: Cells) -> Numbered | Skip | None:
        """A row as it is, or what is wrong with its cells; None for an empty one.

        Raises UnreadableFileError for half a row at the end of the file.
        """
        if not (cells and cells[0].strip()) and not any(cell.strip() for cell in cells):
            return None
        if len(cells) != self.width:
            if number == self._open_line and len(cells) < self.width:
                raise _cut(number)
            return Skip(
                number,
                "BAD_ROW",
                f"the row has {len(cells)} fields, the header {self.width}; look for a missing or stray separator",
            )
        return Numbered(number, [without_mark(cell) for cell in cells] if self.dropped_again else cells)

    # ------------------------------------------------------------------------------------------------ lines

    def chunks(self) -> Iterator[Block | Rows | Skip]:
        """The rows below the header, many at a time; a broken one as a Skip. Never the whole file in memory.

        Raises UnreadableFileError for half a row at the end of the file.
        """
        yield from self._pieces()
        if self._open_line and self._ends_within_its_last_field(self._open_line):
            raise _cut(self._open_line)

    def _ends_within_its_last_field(self, open_line: int) -> bool:
        """Whether the last line, which has no end, is cut although it has all of its fields.

        Software that writes no line end at the end of a file is not told so from half a field. But a text that no other
        row has, and that is the beginning of one which others have, or is shorter than all others, which are alike, is
        half a field.
        """
        count, (number, last) = 0, (0, "")
        for each in self._last_fields():
            count, (number, last) = count + 1, each
        if number != open_line or not last.strip():
            return False
        longer, lengths = Counter[str](), set[int]()
        for _, field in islice(self._last_fields(), count - 1):
            if field == last:
                return False
            lengths.add(len(field))
            if field.startswith(last) and len(longer) < _MOST_FIELDS:
                longer[field] += 1
        is_short = count > 3 and len(lengths) == 1 and max(lengths) >= _LONG_FIELD and len(last) < max(lengths) - 1
        return is_short or max(longer.values(), default=0) > 1

    def _last_fields(self) -> Iterator[tuple[int, str]]:
        """Of each whole row its line and its last field."""
        for rows in self._pieces():
            if isinstance(rows, Block):
                yield from enumerate(rows.column(self.width - 1), rows.first)
            elif isinstance(rows, Rows):
                numbered = enumerate(rows.cells, rows.first)
                yield from ((number, cells[-1]) for number, cells in numbered if len(cells) == self.width)

    def _pieces(self) -> Iterator[Block | Rows | Skip]:
        with _as_text(self._content, self.text) as stream:
            for _ in range(self._lines_of_header):
                stream.readline()
            number, lines = self._lines_of_header + 1, list[str]()
            while text := stream.read(_CHUNK_CHARACTERS):
                text += stream.readline()
                is_open = not text.endswith(("\n", "\r"))
                plain = self._one_line_each(text, number) if not lines else None
                if plain is None:
                    lines += io.StringIO(text, newline="")
                    self._open_line = number + len(lines) - 1 if is_open else 0
                    rows = _RowsOfLines(lines, number, self)
                    yield from rows.complete()
                    number, lines = number + rows.position, lines[rows.position :]
                else:
                    count = plain.count if isinstance(plain, Block) else _lines_in(text)
                    self._open_line = number + count - 1 if is_open else 0
                    yield plain
                    number += count
            if lines:
                yield from _RowsOfLines(lines, number, self).all()

    def _raw_lines(self, numbers: Collection[int]) -> dict[int, str]:
        """The text of some lines, without their ends."""
        with _as_text(self._content, self.text) as stream:
            return {number: line.rstrip("\r\n") for number, line in enumerate(stream, 1) if number in numbers}

    def cells_of(self, numbers: Collection[int]) -> Iterator[tuple[int, Cells]]:
        """The cells of some rows; of one that cannot be taken apart, what stands between its delimiters."""
        broken = []
        for rows in self.chunks():
            if isinstance(rows, Skip):
                broken.append(rows.row)
            else:
                yield from (
                    (number, [without_mark(cell) for cell in cells] if self.dropped_again else cells)
                    for number, cells in enumerate(rows.cells, rows.first)
                    if number in numbers
                )
        for number, line in self._raw_lines({number for number in broken if number in numbers}).items():
            yield number, line.split(self.delimiter)

    def line(self, cells: Iterable[str]) -> str:
        """A row in this file's own form, in which no cell can become a formula."""
        safe = [with_mark(cell) for cell in cells]
        if not self.quoted:
            return (
                self.delimiter.join(re.sub(f"[\r\n{re.escape(self.delimiter)}]", " ", cell) for cell in safe)
                + self.head.line_end
            )
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator=self.head.line_end).writerow(safe)
        return text.getvalue()

    def _one_line_each(self, text: str, first: int) -> Block | Rows | None:
        """The rows of these lines, where no line is longer than a field may be and no row takes several of them."""
        pieces = range(0, len(text) - _PIECE_CHARACTERS, _PIECE_CHARACTERS)
        if any("\n" not in text[start : start + _PIECE_CHARACTERS] for start in pieces):
            return None
        block = block_of_lines(text, first, self.width, self.delimiter, quoted=self.quoted)
        if block is not None:
            return block
        if not self.quoted or '"' not in text:
            lines = io.StringIO(text, newline="")
            return Rows(first, csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE))
        reader = self.reader(io.StringIO(text, newline=""))
        try:
            rows = list(reader)
        except csv.Error:
            return None
        widths = set(map(len, rows))
        if reader.line_num != len(rows) or not widths <= {self.width, 0}:
            return None
        return Rows(first, rows) if 0 in widths else block_of_rows(rows, first, self.width)

    @property
    def quoted(self) -> bool:
        """Whether quotes have a meaning in this layout."""
        return self._layout.quoted

    def reader(self, lines: Iterable[str]) -> "_csv.Reader":
        """The cells of these lines, by this file's rules."""
        return _reader(lines, self.delimiter, quoted=self.quoted)


def _lines_in(text: str) -> int:
    ends = text.count("\n")
    if "\r" in text:
        ends += text.count("\r") - text.count("\r\n")
    return ends if text.endswith(("\n", "\r")) else ends + 1


class _RowsOfLines:
    """Rows that may go on over several lines. A quote that is never closed costs its own line, not those behind it."""

    def __init__(self, lines: list[str], first: int, file: DelimitedContainer) -> None:
        self._lines, self._first, self._file = lines, first, file
        self.position = 0
        """How many of the lines are used."""

    def complete(self) -> Iterator[Rows | Skip]:
        """The rows that surely end within these lines."""
        while len(self._lines) - self.position > MAX_LINES_A_ROW:
            yield self._next(is_end=False)

    def all(self) -> Iterator[Rows | Skip]:
        """All rows; the lines are the last ones of the file. Raises UnreadableFileError for half a row at the end."""
        while self.position < len(self._lines):
            yield self._next(is_end=True)

    def _next(self, *, is_end: bool) -> Rows | Skip:
        start = self.position
        window = self._lines[start : start + MAX_LINES_A_ROW]
        reader = self._file.reader(window)
        try:
            cells = next(reader)
        except csv.Error as error:
            if is_end and reader.line_num == len(window) == len(self._lines) - start and self._is_cut():
                raise _cut(self._first + start) from None
            self.position += 1
            return Skip(self._first + start, "BAD_ROW", f"the row cannot be read: {error}")
        if reader.line_num > 1 and len(cells) != self._file.width:
            self.position += 1
            return Skip(
                self._first + start,
                "BAD_ROW",
                "the row goes on over several lines and does not fit the header; look for a stray quote",
            )
        self.position += reader.line_num
        for name, cell in zip(self._file.header, cells, strict=False):
            if len(cell) > MAX_FIELD_CHARACTERS:
                reason = f"the value is longer than {MAX_FIELD_CHARACTERS} characters"
                return Skip(self._first + start, "BAD_ROW", reason, name)
        return Rows(self._first + start, (cells,))

    def _is_cut(self) -> bool:
        """Whether the last line, which an open quote has swallowed, is no row of its own."""
        try:
            cells = next(self._file.reader(self._lines[-1:]))
        except csv.Error:
            return True
        return len(cells) != self._file.width


def _cut(number: int) -> UnreadableFileError:
    return UnreadableFileError(f"the file ends in the middle of the row in line {number}; export or send it again")


def _reader(lines: Iterable[str], delimiter: str, *, quoted: bool) -> "_csv.Reader":
    if quoted:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL, strict=True)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


# ---------------------------------------------------------------------------------------------- rejected rows


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """These rows in the file's own layout with a column of reasons, in which no cell can become a formula.

    Returns bytes (encoding, mark and line ends are those of the file) and content type. Raises UnreadableFileError.
    """
    file = open_container(content, profile)
    found = dict(file.cells_of(reasons))
    has_reasons = file.dropped_again and file.header[-1:] == [REASON_COLUMN]
    header = file.header if has_reasons else [*file.header, REASON_COLUMN]
    lines = [file.head.before + file.line(header)]
    for number in sorted(found):
        cells = found[number] + [""] * (file.width - len(found[number]))
        lines.append(file.line([*(cells[: file.width - 1] if has_reasons else cells), reasons[number]]))
    encoding = file.text.encoding.removesuffix("-sig")
    if encoding == "utf-16":
        encoding = "utf-16-le" if file.text.mark == codecs.BOM_UTF16_LE else "utf-16-be"
    return file.text.mark + "".join(lines).encode(encoding, errors="replace"), f"text/csv; charset={encoding}"


def _first_rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The first rows below the header, as far as they can be taken apart."""
    with suppress(csv.Error):
        yield from csv.reader(lines, delimiter=delimiter)


@contextmanager
def _as_text(content: FileContent, text: TextFile) -> Iterator[io.TextIOWrapper]:
    """The file's text from its beginning. Its bytes stay open, and may be read again."""
    content.stream.seek(0)
    stream = io.TextIOWrapper(content.stream, encoding=text.encoding, newline="")
    try:
        yield stream
    finally:
        stream.detach()
