"""The text of an iCalendar feed (RFC 5545): its lines, the VEVENTs as blocks of them, and what stands around those.

All is checked that makes a file as a whole unreadable: that it is a whole calendar, and that it stays within limits.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO
from zoneinfo import ZoneInfo

from functions.schedule_import.profile.zones import time_zone
from functions.schedule_import.reading.icalendar.zones import MAX_RULES, same_zone
from functions.schedule_import.reading.segments import UnreadableFileError

MAX_LINE_BYTES = 65_536
MAX_EVENT_LINES = 2_000
MAX_EVENTS = 20_000
MAX_COMPARED_ZONES = 50
"""Zones of no known name whose definitions are compared with those of the database."""
_START_YEAR = re.compile(rb"DTSTART[^:]*:(\d{4})", re.IGNORECASE)


class Calendar:
    """What a file says besides its events: properties of its calendar and its zones."""

    def __init__(self, preferred_zone: str | None = None) -> None:
        self._preferred_zone = preferred_zone
        self.properties: dict[str, str] = {}
        self.definitions: dict[str, list[dict[str, str]]] = {}
        """TZID to the properties of its STANDARD and DAYLIGHT parts."""
        self.years: set[int] = set()
        """Of the starts of its events."""
        self.zones: dict[str, str] = {}
        """TZID to X-LIC-LOCATION, or to nothing."""
        self._known: dict[str, str] = {}
        self._compared = 0

    def zone(self, name: str) -> str:
        """The IANA name of a TZID: by its name, by the end of a global one (`/vendor/Europe/Helsinki`), by the place
        that its definition names, or by the clock that it defines. Otherwise the name itself."""
        name = name.strip().strip('"')
        if name not in self._known:
            parts = name.split("/")
            candidates = [name, *("/".join(parts[-count:]) for count in (3, 2)), self.zones.get(name, "")]
            known = (zone.key for each in candidates if (zone := known_zone(each)) is not None)
            if len(self._known) > 1_000:
                raise UnreadableFileError("the calendar names more than 1000 time zones")
            self._known[name] = next(known, None) or self._defined(name) or name
        return self._known[name]

    def _defined(self, name: str) -> str | None:
        """The zone that is like the definition of this name."""
        parts, years = self.definitions.get(name), self.years
        if not parts or not years or self._compared >= MAX_COMPARED_ZONES:
            return None
        self._compared += 1
        return same_zone(parts, (min(years), max(years)), self._preferred_zone)


def known_zone(name: str) -> ZoneInfo | None:
    """The zone of a name that `time_zone` knows; None for any other."""
    try:
        return time_zone(name) if name else None
    except ValueError:
        return None


def event_blocks(stream: BinaryIO, calendar: Calendar) -> Iterator[tuple[int, bytes]]:
    """The VEVENTs as text with the line where each begins; everything else goes into `calendar`.

    Raises UnreadableFileError for a file that is no calendar, or none to its end.
    """
    scanner = _Scanner(calendar)
    for number, line in lines_of(stream):
        whole = scanner.take(number, line)
        if whole is not None:
            yield whole
    scanner.finish()


class _Scanner:
    """Takes a file line by line."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._open: list[bytes] = []
        """Names of the components that the line is in."""
        self._block: list[bytes] = []
        self._begins = self._line = self._events = self._calendars = 0
        self._tzid = ""

    def take(self, number: int, line: bytes) -> tuple[int, bytes] | None:
        """The event that ends in this line, with the line where it began."""
        self._line = number
        if line[:1] in (b" ", b"\t"):
            if self._block:
                self._add(line)
            return None
        word = line.strip().upper()
        if word.startswith(b"BEGIN:"):
            self._begin(word[6:])
        elif not self._open:
            if word:
                raise UnreadableFileError(
                    f"line {number} is outside of any calendar (BEGIN:VCALENDAR); is this file an iCalendar feed?"
                )
            return None
        if b"VEVENT" in self._open:
            started = _START_YEAR.match(line)
            if started:
                self._calendar.years.add(int(started[1]))
            self._add(line)
        else:
            self._surrounding(line)
        return self._end(word[4:]) if word.startswith(b"END:") else None

    def finish(self) -> None:
        """Raises UnreadableFileError when the calendar is not at its end."""
        if self._open:
            raise UnreadableFileError(
                f"the file ends in the middle, in line {self._line}: END:VCALENDAR is missing; export it again"
            )
        if not self._calendars:
            raise UnreadableFileError("the file is empty; export it again")

    def _begin(self, name: bytes) -> None:
        if not self._open and name != b"VCALENDAR":
            raise UnreadableFileError(f"line {self._line} is outside of any calendar (BEGIN:VCALENDAR)")
        self._calendars += name == b"VCALENDAR"
        self._open.append(name)
        if len(self._open) > 8:
            raise UnreadableFileError(f"line {self._line}: the calendar is nested too deep")
        if name == b"VEVENT" and not self._block:
            self._begins, self._events = self._line, self._events + 1
            if self._events > MAX_EVENTS:
                raise UnreadableFileError(f"the calendar has more than {MAX_EVENTS} events; split it")

    def _end(self, name: bytes) -> tuple[int, bytes] | None:
        if not self._open or self._open.pop() != name:
            raise UnreadableFileError(f"line {self._line} ends what was not begun; export the calendar again")
        if b"VEVENT" in self._open or not self._block:
            return None
        block, self._block = b"".join(self._block), []
        return self._begins, block

    def _add(self, line: bytes) -> None:
        self._block.append(line)
        if len(self._block) > MAX_EVENT_LINES:
            raise UnreadableFileError(f"line {self._line}: an event has more than {MAX_EVENT_LINES} lines")

    def _surrounding(self, line: bytes) -> None:
        """A line of the calendar itself or of a zone."""
        head, _, value = line.decode("utf-8", "replace").strip().partition(":")
        name = head.partition(";")[0].upper()
        calendar = self._calendar
        if self._open == [b"VCALENDAR"] and name not in ("BEGIN", "END") and len(calendar.properties) < 200:
            calendar.properties.setdefault(name, value.strip())
        elif self._open[-1:] == [b"VTIMEZONE"] and name == "TZID":
            self._tzid = value.strip()
            calendar.zones.setdefault(self._tzid, "")
            if len(calendar.zones) > 1_000:
                raise UnreadableFileError("the calendar declares more than 1000 time zones")
        elif self._open[-2:-1] == [b"VTIMEZONE"] and self._tzid:
            self._part(name, value.strip())
        elif self._open[-1:] == [b"VTIMEZONE"] and name == "X-LIC-LOCATION" and self._tzid:
            calendar.zones[self._tzid] = value.strip()

    def _part(self, name: str, value: str) -> None:
        """A line of a zone's STANDARD or DAYLIGHT part."""
        parts = self._calendar.definitions.setdefault(self._tzid, [])
        if name == "BEGIN" and len(parts) <= MAX_RULES:
            parts.append({})
        elif parts and len(parts[-1]) < MAX_RULES:
            parts[-1].setdefault(name, value)


def lines_of(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, each ending in CRLF. Raises UnreadableFileError for what is no line of text."""
    stream.seek(0)
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise UnreadableFileError(f"line {number} is longer than {MAX_LINE_BYTES} bytes")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in line:
            raise UnreadableFileError(f"line {number} holds a NUL character; save the calendar as UTF-8 text")
        yield number, line.rstrip(b"\r\n") + b"\r\n"
