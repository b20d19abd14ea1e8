"""What a file speaks for: which agents on which days. Inside, Dynamics is made equal to the file."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.agents import Matching, PlacedSegments, agent_key
from functions.schedule_import.decide.facts import Booking, Guid
from functions.schedule_import.decide.shift_days import Stretch, day_bounds, local_date, shift_starts
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
    """IANA zone of agents whose rows name one of their own."""
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
    """The site's zone: the profile's, else the one that most rows name, else UTC."""
    if profile.time_zone:
        return profile.time_zone
    named = Counter(segment.time_zone for segment in reading.segments if segment.time_zone)
    return min(named, key=lambda name: (-named[name], name)) if named else "UTC"


def shift_days(segments: Sequence[Segment], zone: ZoneInfo, margin: timedelta) -> list[date]:
    """The shift's day of each of one agent's segments, which are in order of start."""
    starts = shift_starts([Stretch(one.start, one.end) for one in segments], margin)
    return [one.shift_date or local_date(start, zone) for one, start in zip(segments, starts, strict=True)]


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
    zones = {} if profile.time_zone else _own_zones(placed, zone)
    margin = timedelta(hours=scope.margin_hours)
    days = None
    if not delta:
        days = _days(reading, placed, profile, uploaded, zone)
    return FileScope(frozenset(agents), days, zones, zone, margin)


def named_agents(reading: Reading, profile: ScheduleProfile) -> list[tuple[str, str]]:
    """Agents (identity, value) that the file or its profile names beside those of the rows."""
    listed = [(identity, value) for value, identity in reading.listed_agents]
    by_profile = profile.scope.agents if isinstance(profile.scope.agents, tuple) else ()
    return [*listed, *((profile.identity, value) for value in by_profile)]


def _own_zones(placed: PlacedSegments, zone: str) -> dict[Guid, str]:
    own: dict[Guid, str] = {}
    for user, segments in placed.by_user.items():
        name = next((segment.time_zone for segment in segments if segment.time_zone), zone)
        if name != zone:
            own[user] = name
    return own


def _days(
    reading: Reading, placed: PlacedSegments, profile: ScheduleProfile, uploaded: datetime, zone: str
) -> tuple[date, date] | None:
    """The file's dates: those of its shifts, also of unknown agents, and those that it declares itself."""
    margin = timedelta(hours=profile.scope.margin_hours)
    found: set[date] = set(reading.window or ())
    for segments in (*placed.by_user.values(), *placed.unmatched.values()):
        name = profile.time_zone or next((one.time_zone for one in segments if one.time_zone), zone)
        days = shift_days(segments, time_zone(name), margin)
        found.update((min(days), max(days)))
    if profile.scope.days is not None:
        first = min(found) if found else local_date(reading.stamp or uploaded, time_zone(zone))
        return first, first + timedelta(days=profile.scope.days - 1)
    return (min(found), max(found)) if found else None


def protection(reading: Reading, unwritten: Iterable[tuple[Guid, date]], matching: Matching) -> Protection:
    """What bad rows protect. `unwritten` are agent-days of rows that were read but cannot be written."""
    guard = Protection(days=set(unwritten))
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


def booking_days(bookings: Sequence[Booking], zone: ZoneInfo, margin: timedelta) -> list[date]:
    """The shift's day of each of one agent's bookings, which are in order of start."""
    starts = shift_starts([Stretch(one.start, one.end) for one in bookings], margin)
    return [local_date(start, zone) for start in starts]
