"""iCalendar (RFC 5545): one row an occurrence of an event. The row's number is the line where its VEVENT begins.

Wall clocks stay wall clocks: the container hands on local times with the name of their zone, so that the nights of a
change are read as in every other layout. Recurrences are unfolded on the wall clock, too: an event from 22:00 to 06:00
is one on every night. A DURATION is elapsed time, but for its days and weeks (RFC 5545, 3.3.6).
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any, BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

import icalendar
from icalendar.parser import Contentline

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import ICalendarFormat, Source
from functions.schedule_import.profile.zones import time_zone
from functions.schedule_import.reading.records import FileContent, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

MAX_LINE_BYTES = 65_536
MAX_EVENT_LINES = 2_000
MAX_EVENTS = 20_000
MAX_OCCURRENCES = 100_000
MAX_OCCURRENCES_OF_A_RULE = 10_000
MAX_BARREN_RULES = 10
"""Rules without any occurrence, which cost the most to unfold."""

type Row = dict[str, str]

_NO_EVENT, _LAST_MOMENT = datetime(1970, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - wall clocks
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS", "UID")


class _BadEventError(ValueError):
    """An event that cannot be read; the text says why."""


class _Moment(NamedTuple):
    """A wall clock and its zone: an IANA name or what the file calls it, `UTC` for a Z, empty where it floats."""

    clock: datetime
    zone: str
    is_date: bool = False


@dataclass(slots=True)
class _Event:
    """One VEVENT."""

    line: int
    properties: Row
    uid: str
    version: tuple[int, str]
    start: _Moment
    end: _Moment | None
    duration: timedelta | None
    attendees: tuple[str, ...]
    rule: dict[str, Any] | None = None
    added: list[tuple[_Moment, _Moment | timedelta | None]] = field(default_factory=list)
    excluded: list[_Moment] = field(default_factory=list)
    recurrence: _Moment | None = None

    @property
    def is_recurring(self) -> bool:
        return self.rule is not None or bool(self.added) or self.recurrence is not None


def open_container(content: FileContent, profile: ScheduleProfile) -> "ICalendarContainer":
    """The events of a file. Raises UnreadableFileError for a file that is no whole calendar."""
    return ICalendarContainer(content, profile)


class ICalendarContainer:
    """See `records.Container`. A record is a dict of texts by property name, with the columns of ICalendarFormat."""

    def __init__(self, content: FileContent, profile: ScheduleProfile) -> None:
        if not isinstance(profile.format, ICalendarFormat):
            raise TypeError(profile.format.kind)
        self._profile = profile
        self._horizon = timedelta(days=profile.format.horizon_days)
        self._per_attendee = not _names_agent(content.name, profile)
        self._calendar = _Calendar()
        self._blocks = list(_blocks(content.stream, self._calendar))
        self._zone = self._default_zone()
        self._barren = 0

    def sources(self) -> Iterable[Source]:
        return self._profile.sources

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        self._barren = 0
        items: list[tuple[int, int, Record | Skip]] = []
        events = []
        for line, block in self._blocks:
            try:
                events.append(self._event(line, block))
            except _BadEventError as error:
                items.append((line, 0, Skip(line, "BAD_ROW", str(error))))
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
                # Whatever the library makes of a property that is damaged.
                items.append((line, 0, Skip(line, "BAD_ROW", "the event cannot be read")))
        for place, (event, row) in enumerate(self._occurrences(events)):
            if place >= MAX_OCCURRENCES:
                raise UnreadableFileError(f"the calendar stands for more than {MAX_OCCURRENCES} events; split it")
            items.append((event.line, place, row))
        for line, _, item in sorted(items, key=lambda item: item[:2]):
            yield item if isinstance(item, Skip) else Numbered(line, item)

    def getter(self, source: Source, column: str) -> Getter | None:
        name = column if column.startswith("@") else column.upper()
        return lambda record: str(record.get(name, ""))

    def children(self, record: Record, path: str) -> Iterable[Record]:
        return ()

    def nested_getter(self, path: str, column: str) -> Getter:
        return lambda record: ""

    def document(self, column: str) -> str:
        return self._calendar.properties.get(column.lstrip("/").upper(), "")

    def table(self, path: str) -> Iterable[Record]:
        return ()

    # --------------------------------------------------------------------------------------------- one event

    def _event(self, line: int, block: bytes) -> _Event:
        component = _component(block)
        properties = {name.upper(): _text(value) for name, value in component.items()}
        start = self._moment(component, "DTSTART")
        if start is None:
            raise _BadEventError("the event has no DTSTART")
        if self._calendar.properties.get("METHOD", "").upper() == "CANCEL":
            properties["STATUS"] = "CANCELLED"
        duration = component.get("DURATION")
        if duration is not None and (not isinstance(duration.dt, timedelta) or "DTEND" in component):
            raise _BadEventError("the event has a DTEND and a DURATION, or a DURATION that is none")
        sequence = properties.get("SEQUENCE", "") or "0"
        rule = component.get("RRULE")
        if isinstance(rule, list):
            raise _BadEventError("the event has more than one RRULE")
        recurrence = component.get("RECURRENCE-ID")
        if recurrence is not None and "RANGE" in recurrence.params:
            raise _BadEventError("a change of this and all future events (RANGE) cannot be read; export single events")
        return _Event(
            line=line,
            properties=properties,
            uid=properties.get("UID", ""),
            version=(int(sequence), properties.get("DTSTAMP", "")),
            start=start,
            end=self._moment(component, "DTEND"),
            duration=duration.dt if duration is not None else None,
            attendees=_addresses(component.get("ATTENDEE")),
            rule=dict(rule) if rule is not None else None,
            added=[self._added(value) for value in _listed(component, "RDATE")],
            excluded=[self._said(value.dt, value.params) for value in _listed(component, "EXDATE")],
            recurrence=self._moment(component, "RECURRENCE-ID"),
        )

    def _moment(self, component: icalendar.Component, name: str) -> _Moment | None:
        value = component.get(name)
        if isinstance(value, list):
            raise _BadEventError(f"the event has more than one {name}")
        return None if value is None else self._said(value.dt, value.params)

    def _said(self, value: object, params: Mapping[str, str]) -> _Moment:
        """A DATE or DATE-TIME as its wall clock."""
        if isinstance(value, datetime):
            name = params.get("TZID", "")
            if not name and value.tzinfo is not None:
                return _Moment(value.astimezone(UTC).replace(tzinfo=None), "UTC")
            return _Moment(value.replace(tzinfo=None, fold=0), self._zone_named(name))
        if isinstance(value, date):
            return _Moment(datetime.combine(value, time()), "", is_date=True)
        raise _BadEventError("a time of the event is neither a date nor a date with time")

    def _added(self, value: Any) -> tuple[_Moment, _Moment | timedelta | None]:
        said = value.dt
        if not isinstance(said, tuple):
            return self._said(said, value.params), None
        end = said[1] if isinstance(said[1], timedelta) else self._said(said[1], value.params)
        return self._said(said[0], value.params), end

    # ------------------------------------------------------------------------------------------ occurrences

    def _occurrences(self, events: list[_Event]) -> Iterator[tuple[_Event, Row | Skip]]:
        """The rows that the events stand for. Of a recurring event only its newest version counts."""
        recurring: dict[tuple[str, tuple[str, ...]], list[_Event]] = {}
        for event in events:
            key = (event.uid or f"line {event.line}", event.attendees if self._per_attendee else ())
            recurring.setdefault(key, []).append(event)
        end = _horizon(events, self._horizon)
        for group in recurring.values():
            if not any(event.is_recurring for event in group):
                for event in group:
                    yield from self._rows(event, event.start, event.end, event.duration, "")
                continue
            yield from self._series(group, end)

    def _series(self, group: list[_Event], horizon: tuple[datetime, datetime]) -> Iterator[tuple[_Event, Row | Skip]]:
        masters, losers = _newest([event for event in group if event.recurrence is None])
        changes: list[_Event] = []
        zone = masters[0].start.zone if masters else ""
        by_time: dict[datetime, list[_Event]] = {}
        for event in group:
            if event.recurrence is not None:
                by_time.setdefault(_in_zone(event.recurrence, zone), []).append(event)
        for same in by_time.values():
            kept, lost = _newest(same)
            changes += kept
            losers += lost
        for event in losers:
            yield event, Skip(event.line, "BAD_ROW", "the UID stands for two different recurring events")
        for master in masters:
            if master.properties.get("STATUS", "").upper() == "CANCELLED":
                yield from self._rows(master, master.start, master.end, master.duration, "")
                return
            try:
                yield from self._unfolded(master, set(by_time), horizon)
            except _BadEventError as error:
                yield master, Skip(master.line, "BAD_ROW", str(error))
        for event in changes:
            clock = _in_zone(event.recurrence, zone) if event.recurrence else event.start.clock
            yield from self._rows(event, event.start, event.end, event.duration, f"/{clock:%Y%m%dT%H%M%S}")

    def _unfolded(
        self, event: _Event, changed: set[datetime], horizon: tuple[datetime, datetime]
    ) -> Iterator[tuple[_Event, Row | Skip]]:
        first, last = horizon
        zone = event.start.zone
        excluded = {_in_zone(moment, zone) for moment in event.excluded if not moment.is_date or event.start.is_date}
        days = {moment.clock.date() for moment in event.excluded if moment.is_date}
        starts: dict[datetime, _Moment | timedelta | None] = dict.fromkeys(
            self._by_rule(event, last) if event.rule else [event.start.clock]
        )
        for moment, end in event.added:
            starts[_in_zone(moment, zone)] = end
        for clock in sorted(starts):
            if clock in changed or clock in excluded or clock.date() in days or not first <= clock <= last:
                continue
            start = event.start._replace(clock=clock)
            said = starts[clock]
            if isinstance(said, timedelta):
                ends: tuple[_Moment | None, timedelta | None] = (None, said)
            elif said is not None:
                ends = (said, None)
            elif event.end is not None:
                # The wall clock of the end moves with that of the start.
                ends = (event.end._replace(clock=event.end.clock + (clock - event.start.clock)), None)
            else:
                ends = (None, event.duration)
            yield from self._rows(event, start, *ends, f"/{clock:%Y%m%dT%H%M%S}")

    def _by_rule(self, event: _Event, last: datetime) -> list[datetime]:
        rule = {name.upper(): value for name, value in (event.rule or {}).items()}
        if str((rule.get("FREQ") or [""])[0]).upper() not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
            raise _BadEventError("the event repeats more often than daily")
        for until in rule.pop("UNTIL", []):
            end = self._said(until, {})
            last = min(last, end.clock + timedelta(days=1, seconds=-1) if end.is_date else
                       _in_zone(end, event.start.zone))  # fmt: skip
        try:
            text = bytes(icalendar.vRecur(rule).to_ical()).decode()  # type: ignore[no-untyped-call]
            starts = _rule_starts(text, event.start.clock, last)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
            raise _BadEventError("the recurrence rule (RRULE) cannot be read") from None
        if not starts and event.start.clock <= last:
            self._barren += 1
            if self._barren > MAX_BARREN_RULES:
                raise UnreadableFileError(f"more than {MAX_BARREN_RULES} recurrence rules never occur")
            raise _BadEventError("the recurrence rule (RRULE) never occurs")
        if len(starts) > MAX_OCCURRENCES_OF_A_RULE:
            raise _BadEventError(f"the event repeats more than {MAX_OCCURRENCES_OF_A_RULE} times")
        return starts

    # ------------------------------------------------------------------------------------------------ rows

    def _rows(
        self, event: _Event, start: _Moment, end: _Moment | None, duration: timedelta | None, occurrence: str
    ) -> Iterator[tuple[_Event, Row | Skip]]:
        """The row of an occurrence; one for each attendee where the file is not one agent's."""
        try:
            times = self._times(start, end, duration)
        except (_BadEventError, OverflowError) as error:
            reason = str(error) if isinstance(error, _BadEventError) else "a time lies outside of the calendar"
            yield event, Skip(event.line, "BAD_ROW", reason)
            return
        row = event.properties | times
        row["@id"] = event.uid + occurrence if event.uid else ""
        row["@version"] = " ".join(str(part) for part in event.version).strip()
        for attendee in event.attendees if self._per_attendee and event.attendees else (event.attendees[:1] or ("",)):
            yield event, row | {"ATTENDEE": attendee}

    def _times(self, start: _Moment, end: _Moment | None, duration: timedelta | None) -> Row:
        if start.is_date:
            return self._whole_days(start, end, duration)
        zone = {"@zone": self._zone if start.zone in ("", "UTC") else start.zone}
        if duration is not None:
            elapsed = _elapsed(start, duration, self._zone)
            return zone | {"@start": _iso(start), "@length": str(round(elapsed.total_seconds()))}
        if end is None:
            return zone | {"@start": _iso(start)}
        if end.is_date:
            raise _BadEventError("DTSTART has a time of day and DTEND has none")
        if end.zone != start.zone:
            start, end = self._in_utc(start), self._in_utc(end)
        return zone | {"@start": _iso(start), "@end": _iso(end)}

    def _whole_days(self, start: _Moment, end: _Moment | None, duration: timedelta | None) -> Row:
        """DTEND is the day after the last one; without it the event is one day (RFC 5545, 3.6.1)."""
        first = start.clock.date()
        last = first
        if end is not None:
            if not end.is_date:
                raise _BadEventError("DTSTART has no time of day and DTEND has one")
            last = end.clock.date() - timedelta(days=1)
        elif duration is not None:
            if duration <= timedelta() or duration % timedelta(days=1):
                raise _BadEventError("the event begins with a date and does not last whole days")
            last = first + duration - timedelta(days=1)
        if last < first:
            raise _BadEventError("the end is not after the start")
        return {"@allDay": "true", "@date": first.isoformat(), "@endDate": last.isoformat(), "@zone": self._zone}

    def _in_utc(self, moment: _Moment) -> _Moment:
        """A time whose other end is in another zone; only where its wall clock means one instant."""
        if moment.zone == "UTC":
            return moment
        zone = _known_zone(moment.zone or self._zone or self._profile.time_zone or "")
        if zone is None:
            raise _BadEventError("start and end have different time zones, of which one is unknown")
        first, second = (moment.clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first != second:
            raise _BadEventError("start and end have different time zones, and one lies in the hour of a clock change")
        return _Moment(first.replace(tzinfo=None), "UTC")

    # ------------------------------------------------------------------------------------------------ zones

    def _zone_named(self, name: str) -> str:
        return self._calendar.zone(name) if name else ""

    def _default_zone(self) -> str:
        """The zone of times that float and of whole days: the calendar's own, else (where the profile has none) the
        only one that it declares."""
        said = self._calendar.zone(self._calendar.properties.get("X-WR-TIMEZONE", ""))
        if _known_zone(said) is not None:
            return said
        declared = {self._calendar.zone(name) for name in self._calendar.zones}
        if self._profile.time_zone is None and len(declared) == 1:
            only = declared.pop()
            return only if _known_zone(only) is not None else ""
        return ""


def _newest(events: list[_Event]) -> tuple[list[_Event], list[_Event]]:
    """The event of the highest version (SEQUENCE, then DTSTAMP), the first of equal ones; and those that equal it."""
    if not events:
        return [], []
    best = max(event.version for event in events)
    first, *others = [event for event in events if event.version == best]
    return [first], others


def _horizon(events: list[_Event], length: timedelta) -> tuple[datetime, datetime]:
    """How far recurring events are unfolded: from and up to `length` around the file's first event, or around the
    moment at which it was made (DTSTAMP) where its first event lies before that."""
    first = min((event.start.clock for event in events), default=_NO_EVENT)
    stamps = [match for event in events if (match := re.fullmatch(r"(\d{8}T\d{6})Z?", event.version[1]))]
    made = first
    if stamps:
        try:
            made = datetime.strptime(max(match[1] for match in stamps), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - UTC, a day does not matter
        except ValueError:
            made = first
    made = max(first, made)
    try:
        return max(first, made - length), made + length
    except OverflowError:
        return first, _LAST_MOMENT


def _rule_starts(rule: str, start: datetime, last: datetime) -> list[datetime]:
    """When a rule occurs, on the wall clock. The calendar repeats after 400 years, and dateutil looks for occurrences
    until year 9999: in the last of those cycles a rule without any is done with at once."""
    from dateutil.rrule import rrulestr

    if start > last:
        return []
    years = (9999 - last.year) // 400 * 400
    found = rrulestr(rule, dtstart=start.replace(year=start.year + years))
    end = last.replace(year=last.year + years)
    shifted = islice(takewhile(lambda moment: moment <= end, found), MAX_OCCURRENCES_OF_A_RULE + 1)
    return [moment.replace(year=moment.year - years) for moment in shifted]


def _elapsed(start: _Moment, duration: timedelta, default_zone: str) -> timedelta:
    """The elapsed time of a duration: days count on the wall clock, the rest is exact."""
    zone = UTC if start.zone == "UTC" else _known_zone(start.zone or default_zone)
    if zone is None or not duration.days or duration < timedelta():
        return duration
    begins = start.clock.replace(tzinfo=zone).astimezone(UTC)
    days_later = (start.clock + timedelta(days=duration.days)).replace(tzinfo=zone).astimezone(UTC)
    return days_later - begins + timedelta(seconds=duration.seconds)


def _in_zone(moment: _Moment, zone: str) -> datetime:
    """A moment on the wall clock of another zone, as far as both are known."""
    if moment.zone == zone or moment.is_date or not moment.zone or not zone:
        return moment.clock
    own, other = (UTC if name == "UTC" else _known_zone(name) for name in (moment.zone, zone))
    if own is None or other is None:
        return moment.clock
    return moment.clock.replace(tzinfo=own).astimezone(other).replace(tzinfo=None, fold=0)


def _iso(moment: _Moment) -> str:
    return moment.clock.isoformat() + ("Z" if moment.zone == "UTC" else "")


def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return time_zone(name) if name else None
    except ValueError:
        return None


def _names_agent(name: str, profile: ScheduleProfile) -> bool:
    """Whether the file is one agent's: its name says whose."""
    for pattern in profile.file_names:
        found = re.search(pattern, name)
        if found:
            return bool(found.groupdict().get("agent"))
    return False


# ------------------------------------------------------------------------------------------------- the text


class _Calendar:
    """What a file says besides its events: properties of its calendar and its zones."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        self.zones: dict[str, str] = {}
        """TZID to X-LIC-LOCATION, or to nothing."""
        self._known: dict[str, str] = {}

    def zone(self, name: str) -> str:
        """The IANA name of a TZID: by its name, by the end of a global one (`/vendor/Europe/Helsinki`), or by the
        place that its definition names. Otherwise the name itself."""
        name = name.strip().strip('"')
        if name not in self._known:
            parts = name.split("/")
            candidates = [name, *("/".join(parts[-count:]) for count in (3, 2)), self.zones.get(name, "")]
            known = (zone.key for each in candidates if (zone := _known_zone(each)) is not None)
            if len(self._known) > 1_000:
                raise UnreadableFileError("the calendar names more than 1000 time zones")
            self._known[name] = next(known, name)
        return self._known[name]


def _blocks(stream: BinaryIO, calendar: _Calendar) -> Iterator[tuple[int, bytes]]:
    """The VEVENTs as text with the line where each begins; everything else goes into `calendar`.

    Raises UnreadableFileError for a file that is no calendar, or none to its end.
    """
    scanner = _Scanner(calendar)
    for number, line in _lines(stream):
        whole = scanner.take(number, line)
        if whole is not None:
            yield whole
    scanner.finish()


class _Scanner:
    """Takes a file line by line."""

    def __init__(self, calendar: _Calendar) -> None:
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
        elif self._open[-1:] == [b"VTIMEZONE"] and name == "X-LIC-LOCATION" and self._tzid:
            calendar.zones[self._tzid] = value.strip()


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
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


def _component(block: bytes) -> icalendar.Event:
    # Lines may be folded inside of a character (RFC 5545, 3.1): unfold the bytes first.
    unfolded = block.replace(b"\r\n ", b"").replace(b"\r\n\t", b"")
    try:
        with warnings.catch_warnings():
            # What it warns of are names of zones, which are resolved here.
            warnings.simplefilter("ignore")
            component = icalendar.Event.from_ical(unfolded.decode())
    except UnicodeDecodeError:
        raise _BadEventError("the event is not UTF-8 text") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        raise _BadEventError("the event cannot be read") from None
    if not isinstance(component, icalendar.Event):
        raise _BadEventError("the event cannot be read")
    for name, _ in component.errors:
        if name is None or name.upper() in _TIMES:
            raise _BadEventError(f"{name} cannot be read" if name else "a line of the event cannot be read")
    return component


def _listed(component: icalendar.Component, name: str) -> list[Any]:
    values = component.get(name, [])
    found = [value for each in (values if isinstance(values, list) else [values]) for value in each.dts]
    if len(found) > MAX_OCCURRENCES_OF_A_RULE:
        raise _BadEventError(f"{name} lists more than {MAX_OCCURRENCES_OF_A_RULE} times")
    return found


def _addresses(value: Any) -> tuple[str, ...]:
    """The e-mail addresses of ATTENDEE or ORGANIZER."""
    values = value if isinstance(value, list) else [value] if value is not None else []
    return tuple(dict.fromkeys(filter(None, map(_address, values))))


def _address(value: Any) -> str:
    text = str(value).strip()
    if text[:7].lower() == "mailto:":
        return text[7:].partition("?")[0].strip()
    email = getattr(value, "params", {}).get("EMAIL", "")
    return str(email).removeprefix("mailto:").strip()


def _text(value: Any) -> str:
    """A property as text; of several the first."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, icalendar.vCalAddress):
        return _address(value)
    if isinstance(value, icalendar.vDDDTypes):
        written = value.to_ical()
        return written.decode() if isinstance(written, bytes) else str(written)
    if hasattr(value, "cats"):
        return ",".join(str(each) for each in value.cats)
    return str(value)


# -------------------------------------------------------------------------------------------- rejected rows


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The calendar with only the rejected events, each with its X-REASON."""
    written: list[bytes] = []
    event: list[bytes] = []
    begins, dropping = 0, False
    for number, line in _lines(content.stream):
        word = line.strip().upper()
        if word == b"BEGIN:VEVENT":
            begins, event = number, []
        if not begins:
            written.append(line)
            continue
        dropping = word.startswith((b"X-REASON:", b"X-REASON;")) or (dropping and line[:1] in (b" ", b"\t"))
        if dropping:
            continue
        if word == b"END:VEVENT":
            if begins in reasons:
                said = "X-REASON:" + icalendar.vText(reasons[begins]).to_ical().decode()
                written += [*event, _folded(said), line]
            begins = 0
        else:
            event.append(line)
    return b"".join(written), "text/calendar; charset=utf-8"


def _folded(text: str) -> bytes:
    """A line in pieces of at most 75 bytes (RFC 5545, 3.1)."""
    folded: bytes = Contentline(text).to_ical()  # type: ignore[no-untyped-call]
    return folded + b"\r\n"
