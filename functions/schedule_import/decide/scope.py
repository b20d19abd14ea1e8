"""What a file speaks for: which agents on which days. Inside, Dynamics is made equal to the file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.agents import Matching, PlacedSegments, agent_key
from functions.schedule_import.decide.facts import Guid
from functions.schedule_import.decide.shift_days import (
    Timed,
    day_bounds,
    local_date,
    local_dates,
    local_midnight,
    shift_starts,
)
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.zones import time_zone
from functions.schedule_import.reading.segments import ProtectedDay, Reading, Segment


@dataclass(frozen=True, slots=True)
class FileScope:
    """Agents x days. `days` is None where a file speaks for no day (delta, or no row and no window)."""

    agents: frozenset[Guid]
    days: tuple[date, date] | None
    """First and last local date, both included."""
    zones: Mapping[Guid, str]
    """IANA zone of agents whose rows are read in another one than `zone`."""
    zone: str
    margin: timedelta

    def zone_of(self, user: Guid) -> ZoneInfo:
        """The zone in which an agent's days begin and end."""
        return time_zone(self.zones.get(user, self.zone))

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        """From the first midnight to the last one over all zones, in UTC."""
        if self.days is None:
            return None
        bounds = [day_bounds(self.days, time_zone(name)) for name in {self.zone, *self.zones.values()}]
        return min(start for start, _ in bounds), max(end for _, end in bounds)

    @property
    def reach(self) -> tuple[datetime, datetime] | None:
        """The window with its margins: all bookings that can belong to a shift of its days, or touch one."""
        if (window := self.window) is None:
            return None
        return window[0] - self.margin, window[1] + self.margin

    def holds(self, user: Guid, day: date) -> bool:
        """Whether the file speaks for this agent on this day."""
        return self.days is not None and user in self.agents and self.days[0] <= day <= self.days[1]


@dataclass(slots=True)
class Protection:
    """Agent-days of which nothing is removed, because a row that speaks of them could not be read or written."""

    everything: bool = False
    users: set[Guid] = field(default_factory=set)
    days: set[tuple[Guid, date]] = field(default_factory=set)

    def covers(self, user: Guid, day: date) -> bool:
        return self.everything or user in self.users or (user, day) in self.days


def home_zone(reading: Reading, profile: ScheduleProfile) -> str:
    """The site's zone: the profile's, else the document's, else the one that most rows name, else UTC."""
    if profile.time_zone or reading.time_zone:
        return profile.time_zone or reading.time_zone
    named = Counter(segment.time_zone for segment in reading.segments if segment.time_zone)
    return min(named, key=lambda name: (-named[name], name)) if named else "UTC"


def shift_days(segments: Sequence[Segment], zone: ZoneInfo, margin: timedelta) -> list[date]:
    """The shift's day of each of one agent's segments, which are in order of start."""
    days = local_dates(shift_starts(segments, margin), zone)
    return [one.shift_date or day for one, day in zip(segments, days, strict=True)]


def file_scope(
    reading: Reading,
    placed: PlacedSegments,
    matching: Matching,
    profile: ScheduleProfile,
    *,
    uploaded: datetime,
    plan_agents: Iterable[Guid] = (),
) -> FileScope:
    """What the file speaks for by its profile. `plan_agents` are those that `scope.agents.plan` found in Dynamics."""
    zone = home_zone(reading, profile)
    scope = profile.scope
    delta = scope.mode == "delta" or reading.dropped_again
    agents = set(placed.by_user)
    for identity, value in named_agents(reading, profile):
        if user := matching.users.get(agent_key(identity, value)):
            agents.add(user.id)
    if not delta:
        agents.update(plan_agents)
    zones = _own_zones(placed, zone)
    margin = timedelta(hours=scope.margin_hours)
    days = None
    if not delta:
        days = _days(reading, placed, profile, uploaded, zone)
    return FileScope(frozenset(agents), days, zones, zone, margin)


def named_agents(reading: Reading, profile: ScheduleProfile) -> list[tuple[str, str]]:
    """Agents (identity, value) that the file or its profile names beside those of the rows with work."""
    listed = [(identity, value) for value, identity in reading.listed_agents]
    off = {(item.identity, item.agent) for item in reading.days_without_work}
    by_profile = profile.scope.agents if isinstance(profile.scope.agents, tuple) else ()
    return [*listed, *sorted(off), *((profile.identity, value) for value in by_profile)]


def _own_zones(placed: PlacedSegments, zone: str) -> dict[Guid, str]:
    """The zone of each agent whose rows are read in another one than the site's: a row's own comes first."""
    return {user: name for user, segments in placed.by_user.items() if (name := _zone_of(segments, zone)) != zone}


def _zone_of(segments: Sequence[Segment], zone: str) -> str:
    return next((segment.time_zone for segment in segments if segment.time_zone), zone)


def _days(
    reading: Reading, placed: PlacedSegments, profile: ScheduleProfile, uploaded: datetime, zone: str
) -> tuple[date, date] | None:
    """The file's dates: those of its shifts and of its rows without work, also of unknown agents, and those that it
    declares itself."""
    margin = timedelta(hours=profile.scope.margin_hours)
    found: set[date] = {item.day for item in reading.days_without_work if item.day is not None}
    found.update(reading.window or ())
    begun: set[date] = set()
    only_ended: set[date] = set()
    for segments in (*placed.by_user.values(), *placed.unmatched.values()):
        own_zone = time_zone(_zone_of(segments, zone))
        days = shift_days(segments, own_zone, margin)
        _sort_days(segments, days, own_zone, reading.window, begun, only_ended)
    # Of a shift that began before the file does it may have the end: that does not make it speak for the day before.
    found.update(begun or (() if found else only_ended))
    if profile.scope.days is not None:
        first = min(found) if found else local_date(reading.stamp or uploaded, time_zone(zone))
        return first, first + timedelta(days=profile.scope.days - 1)
    return (min(found), max(found)) if found else None


def _sort_days(
    segments: Sequence[Segment],
    days: Sequence[date],
    zone: ZoneInfo,
    declared: tuple[date, date] | None,
    begun: set[date],
    only_ended: set[date],
) -> None:
    """Enter the days of one agent's shifts: those whose beginning the file has, and those of which it has an end."""
    midnight = local_midnight(declared[0], zone) if declared else None
    reaching = {
        day for one, day in zip(segments, days, strict=True)
        if midnight is not None and declared is not None and day < declared[0] and one.end > midnight
    }  # fmt: skip
    for segment, day in zip(segments, days, strict=True):
        if day in begun:
            continue
        starts_here = segment.shift_date is None or local_date(segment.start, zone) == day
        (begun if starts_here and day not in reaching else only_ended).add(day)


def protection(reading: Reading, unwritten: Iterable[tuple[Guid, date]], matching: Matching) -> Protection:
    """What bad rows protect. `unwritten` are agent-days of rows that were read but cannot be written.

    A row of an agent who is not known for certain protects everybody whom it may mean.
    """
    guard = Protection(days=set(unwritten))
    guard.users.update(user.id for users in matching.candidates.values() for user in users)
    for item in reading.protected:
        _protect(item, matching, guard)
    return guard


def _protect(item: ProtectedDay, matching: Matching, guard: Protection) -> None:
    if item.agent is None:
        guard.everything = True
        return
    for user in matching.named_by(agent_key(item.identity, item.agent)):
        if item.day is None:
            guard.users.add(user)
        else:
            guard.days.add((user, item.day))


def booking_days(bookings: Iterable[Timed], zone: ZoneInfo, margin: timedelta) -> list[date]:
    """The shift's day of each of one agent's bookings, which are in order of start."""
    return local_dates(shift_starts(bookings, margin), zone)
