"""One VEVENT of an iCalendar feed (RFC 5545, 3.6.1): its times as wall clocks with their zones, its recurrence as said.

Properties are parsed by the icalendar library; what it cannot make sense of is a BadEventError of that event alone.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import icalendar

from functions.schedule_import.reading.icalendar.text import Calendar, known_zone

MAX_OCCURRENCES_OF_A_RULE = 10_000

_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS", "UID")


class BadEventError(ValueError):
    """An event that cannot be read; the text says why."""


class Moment(NamedTuple):
    """A wall clock and its zone: an IANA name or what the file calls it, `UTC` for a Z, empty where it floats."""

    clock: datetime
    zone: str
    is_date: bool = False


@dataclass(slots=True)
class Event:
    """One VEVENT."""

    line: int
    properties: dict[str, str]
    uid: str
    version: tuple[int, str]
    start: Moment
    end: Moment | None
    duration: timedelta | None
    attendees: tuple[str, ...]
    rule: dict[str, Any] | None = None
    added: list[tuple[Moment, Moment | timedelta | None]] = field(default_factory=list)
    excluded: list[Moment] = field(default_factory=list)
    recurrence: Moment | None = None

    @property
    def is_recurring(self) -> bool:
        return self.rule is not None or bool(self.added) or self.recurrence is not None


def read_event(line: int, block: bytes, calendar: Calendar) -> Event:
    """The event of a block that begins in this line.

    Raises BadEventError; ValueError, TypeError, AttributeError, KeyError or OverflowError, too: whatever the library
    makes of a property that is damaged.
    """
    component = _component(block)
    properties = {name.upper(): _text(value) for name, value in component.items()}
    start = _moment(component, "DTSTART", calendar)
    if start is None:
        raise BadEventError("the event has no DTSTART")
    if calendar.properties.get("METHOD", "").upper() == "CANCEL":
        properties["STATUS"] = "CANCELLED"
    duration = component.get("DURATION")
    if duration is not None and (not isinstance(duration.dt, timedelta) or "DTEND" in component):
        raise BadEventError("the event has a DTEND and a DURATION, or a DURATION that is none")
    sequence = properties.get("SEQUENCE", "") or "0"
    rule = component.get("RRULE")
    if isinstance(rule, list):
        raise BadEventError("the event has more than one RRULE")
    recurrence = component.get("RECURRENCE-ID")
    if recurrence is not None and "RANGE" in recurrence.params:
        raise BadEventError("a change of this and all future events (RANGE) cannot be read; export single events")
    return Event(
        line=line,
        properties=properties,
        uid=properties.get("UID", ""),
        version=(int(sequence), properties.get("DTSTAMP", "")),
        start=start,
        end=_moment(component, "DTEND", calendar),
        duration=duration.dt if duration is not None else None,
        attendees=_addresses(component.get("ATTENDEE")),
        rule=dict(rule) if rule is not None else None,
        added=[_added(value, calendar) for value in _listed(component, "RDATE")],
        excluded=[moment_of(value.dt, value.params, calendar) for value in _listed(component, "EXDATE")],
        recurrence=_moment(component, "RECURRENCE-ID", calendar),
    )


def _moment(component: icalendar.Component, name: str, calendar: Calendar) -> Moment | None:
    value = component.get(name)
    if isinstance(value, list):
        raise BadEventError(f"the event has more than one {name}")
    return None if value is None else moment_of(value.dt, value.params, calendar)


def moment_of(value: object, params: Mapping[str, str], calendar: Calendar) -> Moment:
    """A DATE or DATE-TIME as its wall clock. Raises BadEventError for anything else."""
    if isinstance(value, datetime):
        name = params.get("TZID", "")
        if not name and value.tzinfo is not None:
            return Moment(value.astimezone(UTC).replace(tzinfo=None), "UTC")
        return Moment(value.replace(tzinfo=None, fold=0), calendar.zone(name) if name else "")
    if isinstance(value, date):
        return Moment(datetime.combine(value, time()), "", is_date=True)
    raise BadEventError("a time of the event is neither a date nor a date with time")


def _added(value: Any, calendar: Calendar) -> tuple[Moment, Moment | timedelta | None]:
    said = value.dt
    if not isinstance(said, tuple):
        return moment_of(said, value.params, calendar), None
    end = said[1] if isinstance(said[1], timedelta) else moment_of(said[1], value.params, calendar)
    return moment_of(said[0], value.params, calendar), end


def in_zone(moment: Moment, zone: str) -> datetime:
    """A moment on the wall clock of another zone, as far as both are known."""
    if moment.zone == zone or moment.is_date or not moment.zone or not zone:
        return moment.clock
    own, other = (UTC if name == "UTC" else known_zone(name) for name in (moment.zone, zone))
    if own is None or other is None:
        return moment.clock
    return moment.clock.replace(tzinfo=own).astimezone(other).replace(tzinfo=None, fold=0)


def _component(block: bytes) -> icalendar.Event:
    # Lines may be folded inside of a character (RFC 5545, 3.1): unfold the bytes first.
    unfolded = block.replace(b"\r\n ", b"").replace(b"\r\n\t", b"")
    try:
        with warnings.catch_warnings():
            # What it warns of are names of zones, which are resolved here.
            warnings.simplefilter("ignore")
            component = icalendar.Event.from_ical(unfolded.decode())
    except UnicodeDecodeError:
        raise BadEventError("the event is not UTF-8 text") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        raise BadEventError("the event cannot be read") from None
    if not isinstance(component, icalendar.Event):
        raise BadEventError("the event cannot be read")
    for name, _ in component.errors:
        if name is None or name.upper() in _TIMES:
            raise BadEventError(f"{name} cannot be read" if name else "a line of the event cannot be read")
    return component


def _listed(component: icalendar.Component, name: str) -> list[Any]:
    values = component.get(name, [])
    found = [value for each in (values if isinstance(values, list) else [values]) for value in each.dts]
    if len(found) > MAX_OCCURRENCES_OF_A_RULE:
        raise BadEventError(f"{name} lists more than {MAX_OCCURRENCES_OF_A_RULE} times")
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
