"""What the app would make of a file, with its own reading and deciding, over a Dynamics that knows every agent."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.activities import Activity, activity
from functions.schedule_import.decide.agents import (
    Matching,
    agent_key,
    match_agents,
    place_segments,
    system_user_keys,
)
from functions.schedule_import.decide.facts import ReferenceFacts, User
from functions.schedule_import.decide.overlaps import overlaps_in_file
from functions.schedule_import.decide.scope import FileScope, Protection, file_scope, named_agents, protection
from functions.schedule_import.decide.wanted import Wanted, want_bookings
from functions.schedule_import.profile import ScheduleProfile, time_zone
from functions.schedule_import.reading.agents_csv import AgentDirectory, AgentKey
from functions.schedule_import.reading.row.local_time import TimeChoiceCode
from functions.schedule_import.reading.segments import Issue, Reading, Segment, Skip
from local.schedules.advice import advice
from local.schedules.clock_changes import ClockChange, near_changes, next_change

MAX_OVERLAPS = 1_000
MAX_REHEARSED = 1_000
"""Segments that are listed near one clock change, and pairs of overlapping rows; beyond that they are counted."""
_CHOICES: tuple[TimeChoiceCode, ...] = ("AMBIGUOUS_TIME", "NONEXISTENT_TIME")
_HOUR = timedelta(hours=1)
_AGENTS = UUID("5b0c6a52-3f60-4c2e-9a39-5d2f7a1c4e11")
"""Names the users that stand in for those of Dynamics."""


@dataclass(slots=True)
class AgentSummary:
    """An agent as the file names it. Hours are elapsed time."""

    agent: str
    identity: str
    zone: str
    first: datetime
    last: datetime
    segments: int = 0
    hours: float = 0.0
    open_hours: float = 0.0
    """During which routing may assign work."""


@dataclass(slots=True)
class DaySummary:
    """A local day, by the start of its segments."""

    segments: int = 0
    hours: float = 0.0
    open_hours: float = 0.0
    agents: set[AgentKey] = field(default_factory=set)


@dataclass(slots=True)
class ActivitySummary:
    """A word of the file; `name` is the activity in Dynamics, `assignable` None where nobody has said it."""

    word: str
    name: str
    assignable: bool | None
    segments: int = 0
    hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A wall-clock time that could mean two instants, and the one that was taken (UTC)."""

    row: int
    agent: str
    code: str
    field: str
    zone: str
    chosen: datetime
    other: datetime


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A clock change and the segments within a day of it, those that it touches first."""

    change: ClockChange
    segments: list[Segment]
    choices: list[Choice]
    count: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that is not written, and what to do."""

    row: int
    column: str | None
    code: str
    reason: str
    agent: str | None
    todo: str


@dataclass(slots=True)
class Preview:
    """All that can be said of a file without Dynamics."""

    profile: ScheduleProfile
    rows: int
    bookings: int
    """Segments that would become bookings."""
    home_zone: str
    scope: FileScope
    delta: bool
    empty_agents: list[str]
    """Agents in scope without any booking: theirs are removed."""
    agents: list[AgentSummary]
    days: dict[date, DaySummary]
    activities: list[ActivitySummary]
    plans: dict[str, int]
    rehearsals: list[Rehearsal]
    next_changes: list[ClockChange]
    """The first change after the file's last segment, a zone each, where the file is near none."""
    choices: list[Choice]
    overlaps: list[Any]
    overlap_count: int
    problems: list[Problem]
    notes: list[str]
    segments: list[Segment]


def look_at(reading: Reading, profile: ScheduleProfile, directory: AgentDirectory | None, now: datetime) -> Preview:
    """What the file would do. `directory` None: vendors' own ids cannot be looked up, and are taken as known."""
    keys = _keys(reading, profile)
    matching = _match(keys, directory)
    # The app sorts and empties what it is given.
    agent_column, _ = profile.agent_columns(profile.sources[0].fields.agent)[0]
    placed = place_segments(list(reading.segments), matching, agent_column, profile)
    scope = file_scope(reading, placed, matching, profile, uploaded=now)
    wanted = want_bookings(placed, _references(matching), (), scope, profile)
    guard = protection(reading, wanted.unwritten_days, matching)
    overlaps, overlap_count = _overlaps(wanted)
    summary = _Summary(profile, scope.zone)
    for segment in reading.segments:
        summary.take(segment)
    choices = _choices(reading, summary)
    rehearsals = _rehearsals(reading.segments, choices, summary)
    return Preview(
        profile=profile,
        rows=reading.rows,
        bookings=sum(map(len, wanted.bookings.values())),
        home_zone=scope.zone,
        scope=scope,
        delta=profile.scope.mode == "delta" or reading.dropped_again,
        empty_agents=_empty(scope, wanted, matching, guard, reading),
        agents=sorted(summary.agents.values(), key=lambda each: each.agent.casefold()),
        days=dict(sorted(summary.days.items())),
        activities=sorted(summary.activities.values(), key=lambda each: -each.segments),
        plans=dict(Counter(wanted.plan_names[one.plan] for rows in wanted.bookings.values() for one in rows)),
        rehearsals=rehearsals,
        next_changes=_next_changes(summary, rehearsals, now),
        choices=choices,
        overlaps=overlaps,
        overlap_count=overlap_count,
        problems=_problems([*reading.skipped, *placed.skipped, *wanted.skipped], [*placed.issues, *wanted.issues]),
        notes=[*_notes(reading, profile), *filter(None, [_guarded(guard)])],
        segments=reading.segments,
    )


# ------------------------------------------------------------------------------- a Dynamics that knows every agent


def _keys(reading: Reading, profile: ScheduleProfile) -> set[AgentKey]:
    named = {(segment.identity, segment.agent) for segment in (*reading.segments, *reading.removed)}
    named.update(named_agents(reading, profile))
    named.update((item.identity, item.agent) for item in reading.protected if item.agent is not None)
    named.update((item.identity, item.agent) for item in reading.days_without_work)
    return {agent_key(identity, value) for identity, value in named}


def _match(keys: set[AgentKey], directory: AgentDirectory | None) -> Matching:
    if directory is None:
        return Matching(users={key: _user(key) for key in keys})
    asked = system_user_keys(keys, directory)
    return match_agents(keys, {key: (_user(key),) for key in asked}, directory)


def _user(key: AgentKey) -> User:
    return User(id=str(uuid5(_AGENTS, f"{key[0]}:{key[1]}")), full_name=key[1], disabled=False)


def _references(matching: Matching) -> ReferenceFacts:
    users = {key: (user,) for key, user in matching.users.items()}
    return ReferenceFacts(
        setup_metadata_present=True,
        default_committed_status=None,
        default_canceled_status=None,
        users=users,
        activity_types=(),
        statuses=(),
        plans=(),
    )


def _empty(scope: FileScope, wanted: Wanted, matching: Matching, guard: Protection, reading: Reading) -> list[str]:
    """Agents, as the file names them, whose bookings in scope all go."""
    if scope.days is None or guard.everything:
        return []
    guarded = guard.users | {user for user, _ in guard.days}
    without = {user for user in scope.agents if not wanted.bookings.get(user)} - guarded
    written = {agent_key(identity, text): text for text, identity in reading.listed_agents}
    written |= {agent_key(each.identity, each.agent): each.agent for each in reading.days_without_work}
    return sorted({written.get(key, key[1]) for key, user in matching.users.items() if user.id in without})


def _guarded(guard: Protection) -> str | None:
    if guard.everything:
        return "a row does not even say whom it is about: nothing at all would be removed while it is there"
    if guard.users or guard.days:
        agents = len(guard.users | {user for user, _ in guard.days})
        who = "1 agent" if agents == 1 else f"{agents:,} agents"
        return f"rows that would not be written protect the days that they speak of ({who}): nothing there is removed"
    return None


def _overlaps(wanted: Wanted) -> tuple[list[Any], int]:
    found, count = [], 0
    for overlap in overlaps_in_file(wanted.bookings):
        count += 1
        if count <= MAX_OVERLAPS:
            found.append(overlap)
        elif count > 1_000_000:
            break
    return sorted(found, key=lambda each: each.first.row or 0), count


# ------------------------------------------------------------------------------------------------------- summaries


class _Summary:
    """Counts over all segments, as they come."""

    def __init__(self, profile: ScheduleProfile, home_zone: str) -> None:
        self._profile = profile
        self.home = time_zone(home_zone).key
        self._zones: dict[str, ZoneInfo] = {}
        self.agents: dict[AgentKey, AgentSummary] = {}
        self.days: defaultdict[date, DaySummary] = defaultdict(DaySummary)
        self.activities: dict[str, ActivitySummary] = {}

    def zone(self, name: str) -> ZoneInfo:
        name = name or self.home
        if name not in self._zones:
            self._zones[name] = time_zone(name)
        return self._zones[name]

    def take(self, segment: Segment) -> None:
        hours = (segment.end - segment.start) / _HOUR
        meaning = self._activity(segment.activity, hours)
        open_hours = hours if meaning.assignable else 0.0
        key = agent_key(segment.identity, segment.agent)
        agent = self.agents.get(key)
        if agent is None:
            agent = self.agents[key] = AgentSummary(
                segment.agent, segment.identity, segment.time_zone or self.home, segment.start, segment.end
            )
        agent.segments += 1
        agent.hours += hours
        agent.open_hours += open_hours
        agent.first, agent.last = min(agent.first, segment.start), max(agent.last, segment.end)
        day = self.days[segment.start.astimezone(self.zone(segment.time_zone)).date()]
        day.segments += 1
        day.hours += hours
        day.open_hours += open_hours
        day.agents.add(key)

    def _activity(self, word: str, hours: float) -> ActivitySummary:
        known = self.activities.get(word)
        if known is None:
            meaning: Activity = activity(word, self._profile)
            known = self.activities[word] = ActivitySummary(word, meaning.name, meaning.assignable)
        known.segments += 1
        known.hours += hours
        return known


def _problems(skipped: Iterable[Skip], issues: Iterable[Issue]) -> list[Problem]:
    agents = {(issue.row, issue.code): issue.agent for issue in issues}
    return [
        Problem(skip.row, skip.column, skip.code, skip.reason, agents.get((skip.row, skip.code)), advice(skip.code))
        for skip in sorted(skipped, key=lambda skip: skip.row)
    ]


def _notes(reading: Reading, profile: ScheduleProfile) -> list[str]:
    found = []
    if not reading.rows:
        found.append("the file has no rows: an import would be held until a person approves it")
    if profile.marker:
        found.append(f"the file is read only once its marker is there: its name with {profile.marker}")
    for issue in reading.issues:
        if issue.code == "DAY_OFF_ROWS":
            found.append(f"{issue.value} rows say that the agent does not work that day")
    if reading.stamp:
        found.append(f"the file says that it was made at {reading.stamp:%Y-%m-%d %H:%M} UTC")
    return found


# --------------------------------------------------------------------------------------------------- clock changes


def _choices(reading: Reading, summary: _Summary) -> list[Choice]:
    issues = [issue for issue in reading.issues if issue.code in _CHOICES]
    rows = {issue.row for issue in issues}
    zones = {one.row: one.time_zone or summary.home for one in reading.segments if one.row in rows}
    return [
        Choice(
            issue.row, issue.agent or "", issue.code, issue.field or "", zones[issue.row], issue.chosen_utc,
            issue.other_utc,
        )
        for issue in issues
        if issue.chosen_utc and issue.other_utc and issue.row in zones
    ]  # fmt: skip


def _rehearsals(segments: Sequence[Segment], choices: list[Choice], summary: _Summary) -> list[Rehearsal]:
    spans = ((one.start, one.end, one.time_zone or summary.home) for one in segments)
    zones = sorted({one.time_zone or summary.home for one in segments})
    changes = near_changes(spans, zones)
    return [
        rehearsal
        for zone in zones
        for change in changes[zone]
        if (rehearsal := _rehearsal(change, segments, choices, summary)).count
    ]


def _rehearsal(change: ClockChange, segments: Sequence[Segment], choices: list[Choice], summary: _Summary) -> Rehearsal:
    near = [
        one for one in segments if (one.time_zone or summary.home) == change.zone and change.is_near(one.start, one.end)
    ]
    mine = [one for one in choices if one.zone == change.zone and change.is_near(one.chosen, one.chosen + _HOUR)]
    touched = {choice.row for choice in mine}
    near.sort(
        key=lambda one: (
            one.row not in touched and not change.is_crossed(one.start, one.end), one.start, one.agent, one.end,
        )
    )  # fmt: skip
    return Rehearsal(change, near[:MAX_REHEARSED], mine, len(near))


def _next_changes(summary: _Summary, rehearsals: Iterable[Rehearsal], now: datetime) -> list[ClockChange]:
    shown = {rehearsal.change.zone for rehearsal in rehearsals}
    last: dict[str, datetime] = {}
    for agent in summary.agents.values():
        last[agent.zone] = max(last.get(agent.zone, agent.last), agent.last)
    return [
        change for zone, moment in sorted(last.items()) if zone not in shown and (change := next_change(zone, moment))
    ]


def odd_days(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[date, float]]:
    """The local days between two dates that do not have 24 hours, with their length in hours."""
    day = first
    while day <= last:
        start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        after = day + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
        hours = (end - start) / _HOUR
        if hours != 24:
            yield day, hours
        day = after
