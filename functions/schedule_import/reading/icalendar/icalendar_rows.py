"""iCalendar (RFC 5545): one row an occurrence of an event. The row's number is the line where its VEVENT begins.

Wall clocks stay wall clocks: the container hands on local times with the name of their zone, so that the nights of a
change are read as in every other layout. A DURATION is elapsed time, but for its days and weeks (RFC 5545, 3.3.6).
The text is read by `text`, its events by `events`; `recurrence` unfolds those that recur.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, timedelta

import icalendar
from icalendar.parser import Contentline

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import ICalendarFormat, Source
from functions.schedule_import.reading.icalendar.events import BadEventError, Event, Moment, read_event
from functions.schedule_import.reading.icalendar.recurrence import Occurrence, Unfolding
from functions.schedule_import.reading.icalendar.text import Calendar, event_blocks, known_zone, lines_of
from functions.schedule_import.reading.records import FileContent, FlatRows, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

MAX_OCCURRENCES = 100_000

type Row = dict[str, str]


def open_container(content: FileContent, profile: ScheduleProfile) -> "ICalendarContainer":
    """The events of a file. Raises UnreadableFileError for a file that is no whole calendar."""
    return ICalendarContainer(content, profile)


class ICalendarContainer(FlatRows):
    """See `records.Container`. A record is a dict of texts by property name, with the columns of ICalendarFormat."""

    def __init__(self, content: FileContent, profile: ScheduleProfile) -> None:
        if not isinstance(profile.format, ICalendarFormat):
            raise TypeError(profile.format.kind)
        self._profile = profile
        self._horizon = timedelta(days=profile.format.horizon_days)
        columns = {column for source in profile.sources for column, _ in profile.agent_columns(source.fields.agent)}
        self._per_attendee = "ATTENDEE" in columns and not _names_agent(content.name, profile)
        self._calendar = Calendar(profile.time_zone)
        self._blocks = list(event_blocks(content.stream, self._calendar))
        self._zone = self._default_zone()

    def sources(self) -> Iterable[Source]:
        return self._profile.sources

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        items: list[tuple[int, int, Record | Skip]] = []
        events = []
        for line, block in self._blocks:
            try:
                events.append(read_event(line, block, self._calendar))
            except BadEventError as error:
                items.append((line, 0, Skip(line, "BAD_ROW", str(error))))
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
                # Whatever the library makes of a property that is damaged.
                items.append((line, 0, Skip(line, "BAD_ROW", "the event cannot be read")))
        for place, (line, row) in enumerate(self._rows_of_all(events)):
            if place >= MAX_OCCURRENCES:
                raise UnreadableFileError(f"the calendar stands for more than {MAX_OCCURRENCES} events; split it")
            items.append((line, place, row))
        for line, _, item in sorted(items, key=lambda item: item[:2]):
            yield item if isinstance(item, Skip) else Numbered(line, item)

    def getter(self, source: Source, column: str) -> Getter | None:
        name = column if column.startswith("@") else column.upper()
        return lambda record: str(record.get(name, ""))

    def document(self, column: str) -> str:
        return self._calendar.properties.get(column.lstrip("/").upper(), "")

    # ------------------------------------------------------------------------------------------------ rows

    def _rows_of_all(self, events: list[Event]) -> Iterator[tuple[int, Row | Skip]]:
        """The rows that the events stand for, with the line where each one's event begins."""
        unfolding = Unfolding(self._calendar, self._horizon, per_attendee=self._per_attendee)
        for occurrence in unfolding.occurrences(events):
            if isinstance(occurrence, Skip):
                yield occurrence.row, occurrence
            else:
                for row in self._rows(occurrence):
                    yield occurrence.event.line, row

    def _rows(self, occurrence: Occurrence) -> Iterator[Row | Skip]:
        """The row of an occurrence; one for each attendee where the file is not one agent's."""
        event = occurrence.event
        try:
            times = self._times(occurrence.start, occurrence.end, occurrence.duration)
        except (BadEventError, OverflowError) as error:
            reason = str(error) if isinstance(error, BadEventError) else "a time lies outside of the calendar"
            yield Skip(event.line, "BAD_ROW", reason)
            return
        row = event.properties | times
        row["@id"] = event.uid + occurrence.suffix if event.uid else ""
        row["@version"] = " ".join(str(part) for part in event.version).strip()
        for attendee in event.attendees if self._per_attendee and event.attendees else (event.attendees[:1] or ("",)):
            yield row | {"ATTENDEE": attendee}

    def _times(self, start: Moment, end: Moment | None, duration: timedelta | None) -> Row:
        if start.is_date:
            return self._whole_days(start, end, duration)
        zone = {"@zone": self._zone if start.zone in ("", "UTC") else start.zone}
        if duration is not None:
            elapsed = _elapsed(start, duration, self._zone)
            return zone | {"@start": _iso(start), "@length": str(round(elapsed.total_seconds()))}
        if end is None:
            return zone | {"@start": _iso(start)}
        if end.is_date:
            raise BadEventError("DTSTART has a time of day and DTEND has none")
        if end.zone != start.zone:
            start, end = self._in_utc(start), self._in_utc(end)
        return zone | {"@start": _iso(start), "@end": _iso(end)}

    def _whole_days(self, start: Moment, end: Moment | None, duration: timedelta | None) -> Row:
        """DTEND is the day after the last one; without it the event is one day (RFC 5545, 3.6.1)."""
        first = start.clock.date()
        last = first
        if end is not None:
            if not end.is_date:
                raise BadEventError("DTSTART has no time of day and DTEND has one")
            last = end.clock.date() - timedelta(days=1)
        elif duration is not None:
            if duration <= timedelta() or duration % timedelta(days=1):
                raise BadEventError("the event begins with a date and does not last whole days")
            last = first + duration - timedelta(days=1)
        if last < first:
            raise BadEventError("the end is not after the start")
        return {"@allDay": "true", "@date": first.isoformat(), "@endDate": last.isoformat(), "@zone": self._zone}

    def _in_utc(self, moment: Moment) -> Moment:
        """A time whose other end is in another zone; only where its wall clock means one instant."""
        if moment.zone == "UTC":
            return moment
        zone = known_zone(moment.zone or self._zone or self._profile.time_zone or "")
        if zone is None:
            raise BadEventError("start and end have different time zones, of which one is unknown")
        first, second = (moment.clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first != second:
            raise BadEventError("start and end have different time zones, and one lies in the hour of a clock change")
        return Moment(first.replace(tzinfo=None), "UTC")

    def _default_zone(self) -> str:
        """The zone of times that float and of whole days: the calendar's own, else (where the profile has none) the
        only one that it declares."""
        said = self._calendar.zone(self._calendar.properties.get("X-WR-TIMEZONE", ""))
        if known_zone(said) is not None:
            return said
        declared = {self._calendar.zone(name) for name in self._calendar.zones}
        if self._profile.time_zone is None and len(declared) == 1:
            only = declared.pop()
            return only if known_zone(only) is not None else ""
        return ""


def _elapsed(start: Moment, duration: timedelta, default_zone: str) -> timedelta:
    """The elapsed time of a duration: days count on the wall clock, the rest is exact."""
    zone = UTC if start.zone == "UTC" else known_zone(start.zone or default_zone)
    if zone is None or not duration.days or duration < timedelta():
        return duration
    begins = start.clock.replace(tzinfo=zone).astimezone(UTC)
    days_later = (start.clock + timedelta(days=duration.days)).replace(tzinfo=zone).astimezone(UTC)
    return days_later - begins + timedelta(seconds=duration.seconds)


def _iso(moment: Moment) -> str:
    return moment.clock.isoformat() + ("Z" if moment.zone == "UTC" else "")


def _names_agent(name: str, profile: ScheduleProfile) -> bool:
    """Whether the file is one agent's: its name says whose."""
    for pattern in profile.file_names:
        found = re.search(pattern, name)
        if found:
            return bool(found.groupdict().get("agent"))
    return False


# -------------------------------------------------------------------------------------------- rejected rows


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The calendar with only the rejected events, each with its X-REASON."""
    written: list[bytes] = []
    event: list[bytes] = []
    begins, dropping = 0, False
    for number, line in lines_of(content.stream):
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
