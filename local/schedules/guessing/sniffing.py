"""Encoding, delimiter and header of a text file."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

DELIMITERS = (",", ";", "\t", "|", "~", "^", ":", "!")
_SINGLE_BYTE = ["cp1252", "cp1250", "cp1257", "cp1254", "cp1251", "cp1253", "iso8859_15", "mac_roman"]
_SAMPLE_BYTES = 256 * 1024
_SAMPLE_LINES = 400
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class GuessError(Exception):
    """No profile can be proposed; the text says why and what to do."""


class Encoding(NamedTuple):
    """`name` is Python's; `doubt` says why it may be another one."""

    name: str
    has_mark: bool = False
    doubt: str | None = None


class TextShape(NamedTuple):
    """How a table is written."""

    delimiter: str
    quoted: bool
    header: list[str]
    prefix: str
    """A mark before the first column name."""
    even_rows: float
    """Share of the sampled rows that have as many fields as the header."""


def encoding_of(stream: BinaryIO) -> Encoding:
    """The encoding of a text file. Raises GuessError for what no profile can read."""
    stream.seek(0)
    start = stream.read(4096)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return Encoding(name, has_mark=True)
    if b"\0" in start:
        wide = start[1::2].count(0) > len(start) // 4 or start[::2].count(0) > len(start) // 4
        raise GuessError(
            "the file seems to be UTF-16 without a byte order mark, which cannot be read safely; export it as UTF-8 "
            "(or as UTF-16 with its mark)"
            if wide
            else "the file is binary and no spreadsheet; export it as CSV, XLSX, JSON, XML or iCalendar"
        )
    foreign = _foreign_lines(stream)
    if foreign is None:
        return Encoding("utf-8")
    name = "cp1252" if _is_western(foreign) else _by_frequency(foreign)
    shown = next((line.strip() for line in foreign.decode(name, "replace").splitlines() if not line.isascii()), "")
    return Encoding(name, doubt=f"the bytes allow several encodings; as {name} the file says: {shown[:80]}")


_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüŠŽšžœŒ‘’“”„–—…€°§´·\xa0")


def _is_western(text: bytes) -> bool:
    """Whether the bytes are plain Western European words in cp1252, which spreadsheets there save."""
    try:
        decoded = text.decode("cp1252")
    except UnicodeDecodeError:
        return False
    words = [word for word in re.findall(r"\w+", decoded) if not word.isascii()]
    plain = sum(letter.isascii() for word in words for letter in word)
    # Words of another script have hardly a letter of the Latin one.
    return all(letter.isascii() or letter in _WESTERN for letter in decoded) and 2 * plain >= sum(map(len, words))


def _by_frequency(text: bytes) -> str:
    """The single-byte encoding in which the text looks most like a language."""
    from charset_normalizer import from_bytes

    found = from_bytes(text, cp_isolation=_SINGLE_BYTE, threshold=0.5).best()
    return found.encoding if found else "cp1252"


def _foreign_lines(stream: BinaryIO) -> bytes | None:
    """Lines with bytes beyond ASCII; None where all of the file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    stream.seek(0)
    try:
        while block := stream.read(1024 * 1024):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        stream.seek(0)
        lines = (line for line in stream if not line.isascii())
        found = bytearray()
        for line in lines:
            found += line
            if len(found) > _SAMPLE_BYTES:
                break
        return bytes(found)
    return None


def shape_of(path: Path, encoding: str) -> TextShape:
    """How the table is written. Raises GuessError where it is none."""
    with path.open(encoding=encoding, newline="", errors="replace") as text:
        lines = list(islice(text, _SAMPLE_LINES))
    if not any(line.strip() for line in lines):
        raise GuessError("the file is empty; export it again")
    first = next(number for number, line in enumerate(lines) if line.strip())
    declared = re.fullmatch(r"sep=(.)\s*", lines[first], re.IGNORECASE)
    delimiters: Sequence[str] = (declared[1],) if declared else DELIMITERS
    body = lines[first + 1 :] if declared else lines[first:]
    # The last line of the sample may be half a row.
    shapes = [
        (*_evenness(body, delimiter, quoted=quoted), delimiter, quoted)
        for delimiter in delimiters
        for quoted in (True, False)
    ]
    even, width, delimiter, quoted = max(
        shapes,
        key=lambda each: (each[1] > 1, round(each[0], 2) >= 0.9, each[1] if each[0] >= 0.9 else each[0], each[3]),
    )
    if width < 2:
        _say_where_the_table_begins(lines)
        raise GuessError(
            "no delimiter splits the first line into columns; the file is no table (delimiters tried: "
            f"{' '.join(repr(each) for each in DELIMITERS)})"
        )
    header = next(_rows(body, delimiter, quoted=quoted))
    prefix = _prefix(header[0])
    header[0] = header[0][len(prefix) :].strip()
    _check_header(header, list(islice(_rows(body, delimiter, quoted=quoted), 40)))
    return TextShape(delimiter, quoted, [cell.strip() for cell in header], prefix, even)


def _say_where_the_table_begins(lines: Sequence[str]) -> None:
    """Raise where a table begins below other lines."""
    for delimiter in DELIMITERS:
        widths = [line.count(delimiter) for line in lines]
        usual = max(set(widths) - {0}, key=widths.count, default=0)
        if usual >= 1 and widths.count(usual) >= 2 and widths.index(usual):
            raise _late_header(widths.index(usual) + 1)


def _late_header(line: int) -> GuessError:
    return GuessError(
        f"the header seems to be in line {line}; the app takes the first line for it: export the file without "
        "the lines before it, or delete them"
    )


def _rows(lines: Sequence[str], delimiter: str, *, quoted: bool) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)


def _evenness(lines: Sequence[str], delimiter: str, *, quoted: bool) -> tuple[float, int]:
    try:
        rows = [row for row in _rows(lines, delimiter, quoted=quoted) if any(cell.strip() for cell in row)]
    except csv.Error:
        return 0.0, 0
    if not rows:
        return 0.0, 0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])


def _prefix(cell: str) -> str:
    found = re.match(r"\s*#\s*(?:[A-Za-z]+:)?", cell)
    return found[0] if found else ""


_DATA = re.compile(r"[-+]?\d+([.,:/-]\d+)*([ T].*)?|[^@\s]+@[^@\s]+\.\w+")


def _check_header(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Raise where the first line does not name the columns."""
    if not _looks_like_data(header):
        return
    for number, row in enumerate(rows[1:], 2):
        if len(row) >= len(header) and not _looks_like_data(row):
            raise _late_header(number)
    raise GuessError("the first line holds data, no column names; export the file with its header")


def _looks_like_data(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) < len(cells) / 2 or any(_DATA.fullmatch(cell) for cell in filled)
