"""The encoding of a text file, decided over all of its bytes before any of them is used."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from functions.schedule_import.reading.segments import UnreadableFileError

_BLOCK_BYTES = 1024 * 1024
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


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(_BLOCK_BYTES):
        yield block


def _check_bytes(stream: BinaryIO, start: bytes) -> None:
    """Raise for what is no text file in any encoding."""
    is_wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not start.startswith(codecs.BOM_UTF32_LE)
    is_empty, lines = True, 0
    for block in _blocks(stream):
        is_empty = is_empty and not block.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0" if is_wide else b"\xef\xbb\xbf \t\r\n")
        if not is_wide and b"\0" in block:
            line = lines + block.count(b"\n", 0, block.index(b"\0")) + 1
            raise UnreadableFileError(f"line {line} holds a NUL character; this is not a text file")
        if len(block) == _BLOCK_BYTES and b"\n" not in block and b"\r" not in block:
            raise UnreadableFileError(f"line {lines + 1} goes on for more than a mebibyte; this is no table")
        lines += block.count(b"\n")
    if is_empty:
        raise UnreadableFileError("the file is empty; export it again")


class _Problem(NamedTuple):
    line: int
    byte: int | None


def _problem(stream: BinaryIO, encoding: str) -> _Problem | None:
    """The first place that is not text in this encoding; None where all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = 0
    try:
        for block in _blocks(stream):
            text = decoder.decode(block)
            if "\0" in text:
                line = lines + text.count("\n", 0, text.index("\0")) + 1
                raise UnreadableFileError(f"line {line} holds a NUL character; this is not a text file")
            lines += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # `object` is the block, with what the decoder had kept of the block before.
        line = lines + error.object.count(b"\n", 0, error.start) + 1
        return _Problem(line, error.object[error.start] if error.start < len(error.object) else None)
    return None


def _has_multibyte(stream: BinaryIO) -> bool:
    """Whether a file that is not all UTF-8 is so for the most part: then it is damaged, and no other encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    return any(not decoder.decode(block).isascii() for block in _blocks(stream))


def _require(problem: _Problem | None, encodings: tuple[str, ...]) -> None:
    if problem is None:
        return
    names = " nor ".join(each.upper() if each.startswith("utf-") else each for each in encodings)
    what = f"byte 0x{problem.byte:02X}" if problem.byte is not None else "half a character"
    raise UnreadableFileError(
        f"line {problem.line} holds {what}, which is not {names} text; export the file again, or save it as UTF-8"
    )
