"""The encoding of a text file, decided over all of its bytes before any of them is used."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from functions.schedule_import.reading.segments import UnreadableFileError

_BLOCK_BYTES = 64 * 1024
_ZIP = b"PK\x03\x04"
_MAX_BLOCKS_A_LINE = 16
_NOTHING = codecs.BOM_UTF8 + b"\xff\xfe \t\r\n"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TextFile(NamedTuple):
    """A file that is text as a whole. `encoding` is Python's name, and skips a byte order mark."""

    encoding: str
    mark: bytes


def text_file(stream: BinaryIO, encodings: tuple[str, ...]) -> TextFile:
    """The encoding of a file: that of its byte order mark, else the first of `encodings` that all of it is.

    Raises UnreadableFileError for an empty or binary file, one in other encodings, and lines without an end.
    """
    stream.seek(0)
    start = stream.read(4)
    _check_bytes(stream, start)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            _require(_problem(stream, encoding), (encoding.removesuffix("-sig"),))
            return TextFile(encoding, mark)
    problem = None
    for encoding in encodings:
        problem = _problem(stream, encoding)
        if problem is None:
            return TextFile(encoding, b"")
        if codecs.lookup(encoding).name == "utf-8" and _has_multibyte(stream):
            _require(problem, ("utf-8 (although the rest of the file is)",))
    _require(problem, encodings)
    raise AssertionError("unreachable: the last encoding failed")


def kind_of_file(stream: BinaryIO) -> str:
    """The kind of format that a file's beginning looks like; `delimited` for all text that is none of the others."""
    stream.seek(0)
    start = stream.read(_BLOCK_BYTES)
    if start.startswith(b"PK"):
        return "xlsx"
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "latin-1")
    text = start.decode(encoding, errors="ignore").lstrip()
    if text.startswith(("{", "[")):
        return "json"
    return "xml" if text.startswith("<") else "icalendar" if text[:15].upper() == "BEGIN:VCALENDAR" else "delimited"


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(_BLOCK_BYTES):
        yield block


def _check_bytes(stream: BinaryIO, start: bytes) -> None:
    """Raise for what is no text file in any encoding."""
    if start == _ZIP:
        raise UnreadableFileError(
            "the file is a workbook (XLSX) or another archive, and no text; save it as CSV, or set "
            '"format": {"kind": "xlsx"} in the profile'
        )
    is_wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    nothing = _NOTHING + b"\0" if is_wide else _NOTHING
    is_empty, without_end, position = True, 0, 0
    for block in _blocks(stream):
        is_empty = is_empty and not block.strip(nothing)
        without_end = 0 if b"\n" in block or b"\r" in block else without_end + 1
        if not is_wide and b"\0" in block:
            line = _line(stream, position + block.index(b"\0"))
            raise UnreadableFileError(f"line {line} holds a NUL character; this is not a text file")
        if without_end > _MAX_BLOCKS_A_LINE:
            line = _line(stream, position)
            raise UnreadableFileError(f"line {line} goes on for more than a mebibyte; this is no table")
        position += len(block)
    if is_empty:
        raise UnreadableFileError("the file is empty; export it again")


def _line(stream: BinaryIO, position: int) -> int:
    """The number of the line that this byte is in."""
    stream.seek(0)
    return stream.read(position).count(b"\n") + 1


class _Problem(NamedTuple):
    line: int
    byte: int


def _problem(stream: BinaryIO, encoding: str) -> _Problem | None:
    """The first place that is not text in this encoding; None where all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_wide = encoding == "utf-16"
    try:
        for block in _blocks(stream):
            if not is_wide and block.isascii() and not decoder.getstate()[0]:
                continue
            text = decoder.decode(block)
            if is_wide and "\0" in text:
                raise UnreadableFileError("the file holds a NUL character; this is not a text file")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # `object` is the block, with what the decoder had kept of the block before.
        position = stream.tell() - len(error.object) + error.start
        return _Problem(_line(stream, position), error.object[error.start])
    return None


def _has_multibyte(stream: BinaryIO) -> bool:
    """Whether a file that is not all UTF-8 is so for the most part: then it is damaged, and no other encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    return any(not decoder.decode(block).isascii() for block in _blocks(stream))


def _require(problem: _Problem | None, encodings: tuple[str, ...]) -> None:
    if problem is None:
        return
    names = " nor ".join(each.upper() if each.startswith("utf-") else each for each in encodings)
    raise UnreadableFileError(
        f"line {problem.line} holds byte 0x{problem.byte:02X}, which is not {names} text; "
        "export the file again, or save it as UTF-8"
    )
