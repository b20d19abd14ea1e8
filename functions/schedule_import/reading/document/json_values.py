"""JSON as values with line numbers, piece by piece: what a schedule file needs beyond ijson's events."""

import codecs
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import ijson

from functions.schedule_import.reading.segments import UnreadableFileError

MAX_DEPTH = 64
MAX_VALUES_AT_ONCE = 500_000
"""Values of one item of the outermost list, which is held in memory as a whole; also of what surrounds the lists."""
MAX_TEXT_CHARACTERS = 32_768
MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Bytes between two structural characters: no string of a schedule is as long as this."""
_CHUNK_BYTES = 64 * 1024


class JsonObject(dict[str, Any]):
    """An object, where it begins (line, and how many objects began before it) and what is wrong with it."""

    __slots__ = ("line", "order", "problem")

    def __init__(self, line: int, order: int) -> None:
        super().__init__()
        self.line, self.order, self.problem = line, order, ""


type Event = tuple[int, str, Any]
"""Line, kind (as ijson names it), value."""


OPENING = ("start_map", "start_array")
CLOSING = ("end_map", "end_array")


class Builder:
    """Values from events."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events
        self._objects = 0

    def new_object(self, line: int) -> JsonObject:
        self._objects += 1
        return JsonObject(line, self._objects)

    def skip(self, event: Event) -> None:
        """Go past a value."""
        if event[1] not in OPENING:
            return
        depth = 1
        for _, kind, _value in self.events:
            if kind in OPENING:
                depth += 1
                if kind == "start_map":
                    self._objects += 1
            elif kind in CLOSING:
                depth -= 1
                if not depth:
                    return

    def build(self, event: Event) -> Any:
        """A value as a whole. A problem of an object is one of the object around it, too, but not of a list's."""
        _, kind, value = event
        if kind not in OPENING:
            return value
        root: Any = self._opened(event)
        around, key, count = [root], "", 0
        for event in self.events:
            line, kind, value = event
            if kind == "map_key":
                key = value
            elif kind in CLOSING:
                inner = around.pop()
                if not around:
                    return root
                if isinstance(inner, JsonObject) and inner.problem and isinstance(around[-1], JsonObject):
                    around[-1].problem = inner.problem
            else:
                count += 1
                if count > MAX_VALUES_AT_ONCE:
                    raise UnreadableFileError(f"line {line}: one entry holds more than {MAX_VALUES_AT_ONCE} values")
                if kind in OPENING:
                    value = self._opened(event)
                _put(around[-1], key, value)
                if kind in OPENING:
                    around.append(value)
        return root

    def _opened(self, event: Event) -> JsonObject | list[Any]:
        return self.new_object(event[0]) if event[1] == "start_map" else []


def _put(owner: JsonObject | list[Any], key: str, value: Any) -> None:
    if isinstance(owner, list):
        owner.append(value)
        return
    owner.problem = _problem(key, value, owner) or owner.problem
    owner[key] = value


def _problem(key: str, value: Any, owner: JsonObject) -> str:
    if key in owner:
        return f"{key[:40]!r} appears twice in the same object"
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARACTERS:
            return f"the value of {key[:40]!r} is longer than {MAX_TEXT_CHARACTERS} characters"
        if "\0" in value:
            return f"the value of {key[:40]!r} holds a NUL character"
    return ""


def events(stream: BinaryIO) -> Iterator[Event]:
    """What the file holds, with line numbers: the parser is fed line by line.

    Raises UnreadableFileError for anything that is not JSON from its first to its last byte.
    """
    found = ijson.sendable_list()
    parser = ijson.basic_parse_coro(found, multiple_values=True)
    line, depth, silent, blank = 1, 0, 0, True
    for piece in _pieces(stream):
        try:
            parser.send(piece)
        except (ijson.JSONError, ValueError, ArithmeticError, SystemError):
            # The parser's own text quotes the file.
            raise UnreadableFileError(f"line {line} is not JSON; is this file a whole JSON export?") from None
        blank = blank and not piece.strip()
        silent = 0 if found else silent + len(piece)
        if silent > MAX_TEXT_BYTES:
            raise UnreadableFileError(f"line {line} holds a value of more than {MAX_TEXT_BYTES} bytes")
        for kind, value in found:
            if kind in OPENING:
                depth += 1
                if depth > MAX_DEPTH:
                    raise UnreadableFileError(f"line {line}: the document is nested deeper than {MAX_DEPTH} levels")
            elif kind in CLOSING:
                depth -= 1
            yield line, kind, value
        found.clear()
        line += piece.endswith(b"\n")
    try:
        parser.close()
        whole = not depth
    except (ijson.JSONError, ValueError, ArithmeticError, SystemError):
        whole = blank
    if not whole:
        raise UnreadableFileError(f"the file ends in the middle, in line {line}: it was cut; export it again")
    for kind, value in found:
        yield line, kind, value


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """The file in UTF-8 and without its byte order mark, in pieces of at most a line."""
    position, recode = 0, None
    while True:
        stream.seek(position)
        chunk = stream.read(_CHUNK_BYTES)
        text = chunk
        if position == 0:
            recode = _utf16_recoder(chunk)
            text = chunk.removeprefix(codecs.BOM_UTF8)
        position += len(chunk)
        yield from (recode(text) if recode else text).splitlines(keepends=True)
        if not chunk:
            return


def _utf16_recoder(beginning: bytes) -> Callable[[bytes], bytes] | None:
    """What turns a UTF-16 file into UTF-8, chunk by chunk; PowerShell writes JSON in UTF-16."""
    if not beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    decoder = codecs.getincrementaldecoder("utf-16")()

    def recode(data: bytes) -> bytes:
        try:
            return decoder.decode(data, final=not data).encode()
        except UnicodeError:
            raise UnreadableFileError("the file is not UTF-16 text, although it begins with its mark") from None

    return recode
