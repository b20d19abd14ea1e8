"""Recurring events of an iCalendar feed (RFC 5545, 3.8.5), unfolded into their occurrences.

Recurrences are unfolded on the wall clock: an event from 22:00 to 06:00 is one on every night.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

import icalendar

from functions.schedule_import.reading.icalendar.events import (
    MAX_OCCURRENCES_OF_A_RULE,
    BadEventError,
    Event,
    Moment,
    in_zone,
    moment_of,
)
from functions.schedule_import.reading.icalendar.text import Calendar
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

LONGEST_SERIES = timedelta(days=1_100)
"""A rule that ends by itself within this (COUNT, UNTIL) is unfolded to its end, however far the file looks ahead."""
MAX_BARREN_RULES = 10
"""Rules without any occurrence, which cost the most to unfold."""

_NO_EVENT, _LAST_MOMENT = datetime(1970, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - wall clocks


class Occurrence(NamedTuple):
    """An event as it takes place once. `suffix` tells it from the others of its UID; empty where there are none."""

    event: Event
    start: Moment
    end: Moment | None
    duration: timedelta | None
    suffix: str


class Unfolding:
    """Unfolds the events of one file. `length` is how far (see `_horizon`), `per_attendee` whether a UID stands for an
    event of its own with each attendee. `calendar` names the zones."""

    def __init__(self, calendar: Calendar, length: timedelta, *, per_attendee: bool) -> None:
        self._calendar = calendar
        self._length = length
        self._per_attendee = per_attendee
        self._barren = 0

    def occurrences(self, events: list[Event]) -> Iterator[Occurrence | Skip]:
        """What the events stand for. Of a recurring event only its newest version counts.

        Raises UnreadableFileError for more than MAX_BARREN_RULES rules that never occur.
        """
        recurring: dict[tuple[str, tuple[str, ...]], list[Event]] = {}
        for event in events:
            key = (event.uid or f"line {event.line}", event.attendees if self._per_attendee else ())
            recurring.setdefault(key, []).append(event)
        end = _horizon(events, self._length)
        for group in recurring.values():
            if not any(event.is_recurring for event in group):
                for event in group:
                    yield _once(event)
                continue
            yield from self._series(group, end)

    def _series(self, group: list[Event], horizon: tuple[datetime, datetime]) -> Iterator[Occurrence | Skip]:
        masters, losers = _newest([event for event in group if event.recurrence is None])
        changes: list[Event] = []
        zone = masters[0].start.zone if masters else ""
        by_time: dict[datetime, list[Event]] = {}
        for event in group:
            if event.recurrence is not None:
                by_time.setdefault(in_zone(event.recurrence, zone), []).append(event)
        for same in by_time.values():
            kept, lost = _newest(same)
            changes += kept
            losers += lost
        for event in losers:
            yield Skip(event.line, "BAD_ROW", "the UID stands for two different recurring events")
        for master in masters:
            if master.properties.get("STATUS", "").upper() == "CANCELLED":
                yield _once(master)
                return
            try:
                yield from self._unfolded(master, set(by_time), horizon)
            except BadEventError as error:
                yield Skip(master.line, "BAD_ROW", str(error))
        for event in changes:
            clock = in_zone(event.recurrence, zone) if event.recurrence else event.start.clock
            yield _once(event, f"/{clock:%Y%m%dT%H%M%S}")

    def _unfolded(
        self, event: Event, changed: set[datetime], horizon: tuple[datetime, datetime]
    ) -> Iterator[Occurrence | Skip]:
        first, last = horizon
        zone = event.start.zone
        excluded = {in_zone(moment, zone) for moment in event.excluded if not moment.is_date or event.start.is_date}
        days = {moment.clock.date() for moment in event.excluded if moment.is_date}
        starts: dict[datetime, Moment | timedelta | None] = dict.fromkeys(
            self._by_rule(event, last) if event.rule else [event.start.clock]
        )
        for moment, end in event.added:
            starts[in_zone(moment, zone)] = end
        for clock in sorted(starts):
            if clock in changed or clock in excluded or clock.date() in days or clock < first:
                continue
            start = event.start._replace(clock=clock)
            said = starts[clock]
            if isinstance(said, timedelta):
                ends: tuple[Moment | None, timedelta | None] = (None, said)
            elif said is not None:
                ends = (said, None)
            elif event.end is not None:
                # The wall clock of the end moves with that of the start.
                ends = (event.end._replace(clock=event.end.clock + (clock - event.start.clock)), None)
            else:
                ends = (None, event.duration)
            yield Occurrence(event, start, *ends, f"/{clock:%Y%m%dT%H%M%S}")

    def _by_rule(self, event: Event, last: datetime) -> list[datetime]:
        rule = {name.upper(): value for name, value in (event.rule or {}).items()}
        if str((rule.get("FREQ") or [""])[0]).upper() not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
            raise BadEventError("the event repeats more often than daily")
        ends = [moment_of(until, {}, self._calendar) for until in rule.pop("UNTIL", [])]
        clocks = [
            end.clock + timedelta(days=1, seconds=-1) if end.is_date else in_zone(end, event.start.zone) for end in ends
        ]
        longest = min(event.start.clock, _LAST_MOMENT - LONGEST_SERIES) + LONGEST_SERIES
        if "COUNT" in rule or any(clock <= longest for clock in clocks):
            last = max(last, longest)
        last = min([last, *clocks])
        try:
            text = bytes(icalendar.vRecur(rule).to_ical()).decode()  # type: ignore[no-untyped-call]
            starts = _rule_starts(text, event.start.clock, last)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
            raise BadEventError("the recurrence rule (RRULE) cannot be read") from None
        if not starts and event.start.clock <= last:
            self._barren += 1
            if self._barren > MAX_BARREN_RULES:
                raise UnreadableFileError(f"more than {MAX_BARREN_RULES} recurrence rules never occur")
            raise BadEventError("the recurrence rule (RRULE) never occurs")
        if len(starts) > MAX_OCCURRENCES_OF_A_RULE:
            raise BadEventError(f"the event repeats more than {MAX_OCCURRENCES_OF_A_RULE} times")
        return starts


def _once(event: Event, suffix: str = "") -> Occurrence:
    return Occurrence(event, event.start, event.end, event.duration, suffix)


def _newest(events: list[Event]) -> tuple[list[Event], list[Event]]:
    """The event of the highest version (SEQUENCE, then DTSTAMP), the first of equal ones; and those that equal it."""
    if not events:
        return [], []
    best = max(event.version for event in events)
    first, *others = [event for event in events if event.version == best]
    return [first], others


def _horizon(events: list[Event], length: timedelta) -> tuple[datetime, datetime]:
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
