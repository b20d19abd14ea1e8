"""What Dynamics must have after schedule files, computed from their rows by the rules that docs/schedule-files.md and
the architecture (decision 1) state; and a generator of schedules that change. Shares no code with the app."""

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
PROFILE = "switchboard-csv"
PREFIX = f"sb:{PROFILE}:"
SETUP_METADATA = "4beb9fdb-48e9-453f-b008-5862ff902c5d"
ASSIGNABLE = {"Chat": True, "Work": True, "Voice Queue": True, "Lunch": False, "Break": False, "Training": False}
UNKNOWN_ACTIVITY = "Falconry"
NO_WORK = {"draft", "proposed", "tentative", "canceled", "cancelled"}
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file. Times are wall-clock times of `zone`, or UTC instants. `broken` names a cell that is spoilt."""

    agent: str
    start: datetime
    end: datetime
    activity: str
    plan: str
    zone: str
    status: str = ""
    external_id: str = ""
    broken: str = ""

    def text(self) -> str:
        cells = {
            "agent": self.agent,
            "start": self.start.isoformat().replace("+00:00", "Z"),
            "end": self.end.isoformat().replace("+00:00", "Z"),
            "activity": self.activity,
        }
        if self.broken:
            cells[self.broken] = {"start": "soon", "end": "2027-13-45T99:00"}.get(self.broken, "")
        return ",".join([*cells.values(), self.plan, self.status, self.external_id, self.zone])


def text_of(lines: Iterable[Line]) -> str:
    return "".join(f"{line}\n" for line in [HEADER, *(line.text() for line in lines)])


# ------------------------------------------------------------------------------------------------------- time


def instants(wall: datetime, zone: str) -> tuple[datetime, datetime]:
    """The instant that a wall-clock time means, and the other one that it may stand for.

    Found by the clock's difference from UTC a day before and a day after: of a time that exists twice the first, and
    for one that is skipped as much later as the clock skips.
    """
    if wall.tzinfo is not None:
        return wall, wall
    clock = ZoneInfo(zone)
    candidates = []
    for away in (-24, 24):
        instant = wall.replace(tzinfo=UTC) + away * HOUR
        shown = instant.astimezone(clock).replace(tzinfo=UTC)
        candidates.append(wall.replace(tzinfo=UTC) - (shown - instant))
    before, after = candidates
    if before == after:
        return before, before
    there = [one for one in candidates if one.astimezone(clock).replace(tzinfo=None) == wall]
    if len(there) == 1:
        return there[0], there[0]
    return before, after


def stretch(line: Line) -> tuple[datetime, datetime] | None:
    """Start and end in UTC; None where the end does not come after the start, however it is read."""
    start = instants(line.start, line.zone)[0]
    ends = instants(line.end, line.zone)
    end = ends[0] if ends[0] > start else max(ends)
    return (start, end) if end > start else None


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


@cache
def midnight(day: date, zone: str) -> datetime:
    return instants(datetime.combine(day, time()), zone)[0]


def days_of_shifts(times: list[tuple[datetime, datetime]], zone: str, margin: int = 16) -> list[date]:
    """The day of each stretch of one agent (in order of start): the local day on which its shift began."""
    days: list[date] = []
    begun = until = datetime.min.replace(tzinfo=UTC)
    for start, end in times:
        if start - until > 2 * HOUR or start - begun >= margin * HOUR:
            begun, until = start, end
        until = max(until, end)
        days.append(local_day(begun, zone))
    return days


# ------------------------------------------------------------------------------------------------------ bookings


class Key(NamedTuple):
    """By what a booking is known again: the source's id, or start and activity; counted among equal ones."""

    agent: str
    source: str
    number: int


class Said(NamedTuple):
    """What a booking of the profile says."""

    agent: str
    name: str
    start: datetime
    end: datetime
    activity: str
    plan: str
    status: str
    mark: str
    """The source's own id after the prefix, or `#` for a digest."""

    @property
    def live(self) -> bool:
        return self.status != "Canceled"


@dataclass(slots=True)
class Expected:
    """What the report of an import must say."""

    status: str
    created: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    protected: int = 0
    reason: str = ""

    @property
    def writes(self) -> int:
        return self.created + self.updated + self.removed


@dataclass(slots=True)
class Remembered:
    """An import that was applied, or an undo."""

    name: str
    lines: list[Line]
    age: datetime
    sequence: int
    agents: frozenset[str]
    window: tuple[datetime, datetime] | None
    kind: str = "applied"
    clean: bool = False
    wants: int = 0
    journal: dict[Key, tuple[Said | None, Said | None]] = field(default_factory=dict)

    def shares_scope(self, other: "Remembered") -> bool:
        if self.window is None or other.window is None or not self.agents & other.agents:
            return False
        return self.window[0] < other.window[1] and other.window[0] < self.window[1]

    def speaks_at(self, agent: str, moment: datetime) -> bool:
        return self.window is not None and agent in self.agents and self.window[0] <= moment < self.window[1]


class _Row(NamedTuple):
    """A readable row. Those of one agent count in this order; of rows that say the same time and activity the
    first one, so that it does not matter where they stand in the file."""

    start: datetime
    end: datetime
    activity: str
    external_id: str
    plan: str
    status: str
    number: int
    line: Line


@dataclass(slots=True)
class _File:
    """A file as its lines mean it."""

    wanted: dict[Key, Said] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    days: tuple[date, date] | None = None
    zones: dict[str, str] = field(default_factory=dict)
    home: str = "UTC"
    spared_days: set[tuple[str, date]] = field(default_factory=set)
    spared_agents: set[str] = field(default_factory=set)
    spares_all: bool = False
    segments: int = 0
    refused: int = 0
    clean: bool = True

    def zone(self, agent: str) -> str:
        return self.zones.get(agent, self.home)

    def spares(self, agent: str, day: date) -> bool:
        return self.spares_all or agent in self.spared_agents or (agent, day) in self.spared_days

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        if self.days is None:
            return None
        zones = {self.home} | {self.zones[agent] for agent in self.agents if agent in self.zones}
        after = self.days[1] + timedelta(days=1)
        return min(midnight(self.days[0], zone) for zone in zones), max(midnight(after, zone) for zone in zones)

    def is_in_window(self, said: Said) -> bool:
        return self.days is not None and self.days[0] <= local_day(said.start, self.zone(said.agent)) <= self.days[1]

    def near_window(self, bookings: dict[Key, Said]) -> set[Key]:
        """Those that are read with the bookings of the window: they may be part of a shift at its edges."""
        window, margin = self.window, 16 * HOUR
        if window is None:
            return set()
        since, until = window[0] - margin, window[1] + margin
        return {key for key, said in bookings.items() if said.start < until and said.end >= since}

    def renumber(self, key: Key, to: Key) -> None:
        """A row gets another booking."""
        self.wanted[to] = self.wanted.pop(key)


class Model:
    """The bookings of one profile, as its files, people and accidents leave them."""

    def __init__(self, known_agents: Iterable[str], *, days: int | None = None, cancels: bool = False) -> None:
        self.bookings: dict[Key, Said] = {}
        self.memory: list[Remembered] = []
        self._known = frozenset(known_agents)
        self._days = days
        self._cancels = cancels
        self._sequence = count(1)

    def fork(self) -> "Model":
        other = copy.copy(self)
        other.bookings, other.memory = dict(self.bookings), copy.deepcopy(self.memory)
        other._sequence = count(next(self._sequence))
        return other

    def live(self) -> Counter[Said]:
        return Counter(self.bookings.values())

    # ------------------------------------------------------------------------------------------- a file comes

    def take(self, name: str, lines: list[Line], uploaded: datetime, *, approved: bool = False) -> Expected:
        """A file is imported."""
        before = self._says_it_already(lines)
        if before is not None:
            again = replace(before, name=name, age=uploaded, sequence=next(self._sequence), journal={})
            self.memory.append(again)
            return Expected("unchanged", unchanged=before.wants)
        file = self._read(lines)
        if not lines:
            return Expected("held", reason="EMPTY_FILE")
        if not file.segments and file.refused:
            return Expected("rejected")
        this = Remembered(name, lines, uploaded, next(self._sequence), frozenset(file.agents), file.window)
        newer = [one for one in self.memory if one.kind == "applied" and one.age > uploaded and one.shares_scope(this)]
        if newer and not approved:
            return Expected("held", reason="OLDER")
        this.clean, this.wants = file.clean, len(file.wanted)
        self.memory.append(this)
        return self._mirror(file, this)

    def force(self, name: str) -> Expected:
        """The latest import of a name is compared again, also after what followed it was undone."""
        this = self._latest(name, changed=False)
        if this is None or self._is_followed(this, by={"applied"}):
            return Expected("rejected")
        this.sequence = next(self._sequence)
        return self._mirror(self._read(this.lines), this)

    def undo(self, name: str) -> Expected:
        """What the latest import of a name changed is as it was before."""
        this = self._latest(name, changed=True)
        if this is None:
            return Expected("rejected")
        newest = not self._is_followed(this)
        expected = Expected("undone")
        for key, (before, after) in this.journal.items():
            now = self.bookings.get(key)
            if now == before:
                expected.unchanged += 1
            elif not newest and now != after:
                continue
            elif before is None:
                expected.removed += 1
                del self.bookings[key]
            else:
                expected.updated += 1
                self.bookings[key] = before
        this.kind = "undone"
        self.memory.append(Remembered("", [], this.age, next(self._sequence), this.agents, this.window, kind="undo"))
        return expected

    def foresees(self, lines: list[Line]) -> bool:
        """Whether no shift, of the file or in Dynamics, goes on over the first or last midnight of the file as things
        are now. Of one that does, the app must find out whose it is; its own tests tell how."""
        file = self._read(lines)
        if file.days is None:
            return True
        first, last = file.days
        stretches = [(said.agent, said.start, said.end) for said in (*self.bookings.values(), *file.wanted.values())]
        for agent in {agent for agent, _, _ in stretches}:
            times = sorted((start, end) for one, start, end in stretches if one == agent)
            for zone in {line.zone for line in lines}:
                inside = [first <= local_day(start, zone) <= last for start, _ in times]
                shifts = [first <= day <= last for day in days_of_shifts(times, zone)]
                if inside != shifts:
                    return False
        return True

    def forget(self) -> None:
        """All tables are lost."""
        self.memory.clear()

    def _says_it_already(self, lines: list[Line]) -> Remembered | None:
        same = [one for one in self.memory if one.kind == "applied" and one.lines == lines and one.clean]
        for one in sorted(same, key=lambda one: -one.sequence):
            if not self._is_followed(one):
                return one
        return None

    def _is_followed(self, this: Remembered, by: Iterable[str] = ("applied", "undo")) -> bool:
        return any(
            other.kind in by and other.sequence > this.sequence and this.shares_scope(other) for other in self.memory
        )

    def _latest(self, name: str, *, changed: bool) -> Remembered | None:
        mine = [
            one for one in self.memory if one.kind == "applied" and one.name == name and (one.journal or not changed)
        ]
        return max(mine, key=lambda one: one.sequence, default=None)

    def _mirror(self, file: _File, this: Remembered) -> Expected:
        expected = Expected("imported")
        self._leave_other_files_alone(file)
        leaving = list(self._leaving(file, expected))
        for key, said in file.wanted.items():
            found = self.bookings.get(key)
            if found == said:
                expected.unchanged += 1
                continue
            expected.created += found is None
            expected.updated += found is not None
            self._set(this, key, said)
        for key in leaving:
            expected.removed += 1
            self._set(this, key, self.bookings[key]._replace(status="Canceled") if self._cancels else None)
        if expected.unchanged and not expected.writes:
            expected.status = "unchanged"
        return expected

    def _set(self, this: Remembered, key: Key, said: Said | None) -> None:
        before = this.journal[key][0] if key in this.journal else self.bookings.get(key)
        this.journal[key] = (before, said)
        if said is None:
            del self.bookings[key]
        else:
            self.bookings[key] = said

    def _leave_other_files_alone(self, file: _File) -> None:
        """An id that the source uses in several files (a meeting): what another file has placed outside of this one's
        days stays. The rows take this file's own bookings of that id: those at their times, else the first ones that
        no row has; else free numbers, from twice as many on as the file has rows of that id. Those of bookings that
        are read with the file's days, which is up to a night shift further, are known to be taken; another one that is
        found to be, sends the search twice as far."""
        groups: dict[tuple[str, str], list[Key]] = {}
        for key, said in file.wanted.items():
            if said.mark != "#":
                groups.setdefault((key.agent, key.source), []).append(key)
        near = file.near_window(self.bookings)
        for group, keys in groups.items():
            rows = [key for key in keys if self._is_elsewhere(key, file)]
            own = [
                key for key, said in self.bookings.items()
                if key[:2] == group and key not in file.wanted and file.is_in_window(said)
            ]  # fmt: skip
            own.sort(key=lambda key: self.bookings[key][2:4])
            number = 2 * len(keys)
            while rows:
                self._take_own(rows, own, file)
                rows = [row for row in rows if not self._was_moved(row, file)]
                tried = []
                for row in rows:
                    while (key := Key(*group, number)) in file.wanted or key in near:
                        number += 1
                    file.renumber(row, key)
                    tried.append(key)
                    number += 1
                rows = [key for key in tried if self._is_elsewhere(key, file)]
                number *= 2

    def _take_own(self, rows: list[Key], own: list[Key], file: _File) -> None:
        for exactly in (True, False):
            for row in list(rows):
                times = file.wanted[row][2:4]
                fitting = [key for key in own if not exactly or self.bookings[key][2:4] == times]
                if fitting:
                    own.remove(fitting[0])
                    rows.remove(row)
                    file.renumber(row, fitting[0])

    def _is_elsewhere(self, key: Key, file: _File) -> bool:
        """Whether the booking of a row's key lies outside of the file's days."""
        found = self.bookings.get(key)
        return not (found is None or found == file.wanted[key] or file.window is None or file.is_in_window(found))

    def _was_moved(self, row: Key, file: _File) -> bool:
        """Whether somebody has moved a row's booking by hand: no file speaks for where it is, but one does for where it
        belongs."""
        at, belongs = (said.start for said in (self.bookings[row], file.wanted[row]))
        return self._is_spoken_for(row.agent, belongs) and not self._is_spoken_for(row.agent, at)

    def _is_spoken_for(self, agent: str, moment: datetime) -> bool:
        return any(one.kind == "applied" and one.speaks_at(agent, moment) for one in self.memory)

    def _leaving(self, file: _File, expected: Expected) -> Iterator[Key]:
        """Bookings of the scope that the file no longer has."""
        if file.days is None:
            return
        for agent in sorted(file.agents):
            mine = [(said.start, said.end, key) for key, said in self.bookings.items() if said.agent == agent]
            mine = sorted(one for one in mine if self.bookings[one[2]].live)
            days = days_of_shifts([(start, end) for start, end, _ in mine], file.zone(agent))
            for (_, _, key), day in zip(mine, days, strict=True):
                if key in file.wanted or not file.days[0] <= day <= file.days[1]:
                    continue
                if file.spares(agent, day) or file.spares(agent, local_day(self.bookings[key].start, file.zone(agent))):
                    expected.protected += 1
                else:
                    yield key

    # ---------------------------------------------------------------------------------------- what a file says

    def _read(self, lines: list[Line]) -> _File:
        file = _File()
        days: set[date] = set()
        by_agent: dict[str, list[_Row]] = {}
        for number, line in enumerate(lines):
            if line.status.casefold() in NO_WORK:
                self._no_work(line, file, days)
            elif (times := self._times(line)) is None:
                self._bad(line, file)
            else:
                by_agent.setdefault(line.agent, []).append(
                    _Row(*times, line.activity, line.external_id, line.plan, line.status, number, line)
                )
        named = Counter(row.line.zone for rows in by_agent.values() for row in rows)
        file.home = min(named, key=lambda zone: (-named[zone], zone)) if named else "UTC"
        for agent, rows in by_agent.items():
            rows.sort(key=lambda row: row[:7])
            self._agent(agent, rows, file, days)
        if days:
            first = min(days)
            last = max(days) if self._days is None else first + timedelta(days=self._days - 1)
            file.days = first, last
        return file

    def _times(self, line: Line) -> tuple[datetime, datetime] | None:
        return None if line.broken else stretch(line)

    def _no_work(self, line: Line, file: _File, days: set[date]) -> None:
        """A row without work speaks for its agent and day all the same."""
        if line.broken in {"agent", "start"}:
            return
        if line.agent in self._known:
            file.agents.add(line.agent)
        days.add(local_day(line.start, line.zone) if line.start.tzinfo else line.start.date())

    def _bad(self, line: Line, file: _File) -> None:
        file.refused += 1
        file.clean = False
        if line.broken == "agent":
            file.spares_all = True
        elif line.agent not in self._known:
            return
        elif line.broken == "start":
            file.spared_agents.add(line.agent)
        else:
            day = local_day(line.start, line.zone) if line.start.tzinfo else line.start.date()
            file.spared_days.add((line.agent, day))

    def _agent(self, agent: str, rows: "list[_Row]", file: _File, days: set[date]) -> None:
        file.segments += len(rows)
        kept = [row for place, row in enumerate(rows) if place == 0 or row[:3] != rows[place - 1][:3]]
        file.zones[agent] = kept[0].line.zone
        own_days = days_of_shifts([(row.start, row.end) for row in kept], file.zones[agent])
        days.update(own_days)
        if agent not in self._known:
            file.clean = False
            return
        file.agents.add(agent)
        numbers: Counter[str] = Counter()
        for row, day in zip(kept, own_days, strict=True):
            start, end, activity, line = row.start, row.end, row.activity, row.line
            source = line.external_id or f"{start.isoformat()} {activity}"
            key = Key(agent, source, numbers[source])
            numbers[source] += 1
            if activity == UNKNOWN_ACTIVITY:
                file.clean = False
                file.spared_days.add((agent, day))
                continue
            year, week, _ = day.isocalendar()
            plan = line.plan or f"{PROFILE} {year}-W{week:02}"
            file.wanted[key] = Said(
                agent, activity, start, end, activity, plan, line.status or "Committed", line.external_id or "#"
            )


# --------------------------------------------------------------------------------------- what Dynamics really has


class Dynamics:
    """Reads the simulator's rows over HTTP as bookings of the profile and those of others."""

    def __init__(self, get: Any) -> None:
        """`get(path)` answers all rows of a query."""
        self._get = get
        users = get("systemusers?$select=systemuserid,internalemailaddress,isdisabled")
        self.emails = {row["systemuserid"]: row["internalemailaddress"] for row in users}
        self.user_ids = {row["internalemailaddress"]: row["systemuserid"] for row in users if not row["isdisabled"]}

    def look(self) -> tuple[dict[str, Said], dict[str, dict[str, Any]]]:
        """Bookings of the profile by id, and the whole rows of all others by id. Raises AssertionError for a row that
        lacks anything that Microsoft's import guide asks for."""
        resources = {row["bookableresourceid"]: row for row in self._get("bookableresources")}
        self._check_resources(resources.values())
        types = self._unique("msdyn_shiftactivitytypes", "msdyn_shiftactivitytypeid", "msdyn_name")
        plans = self._unique("msdyn_shiftplans", "msdyn_shiftplanid", "msdyn_name")
        statuses = self._unique("bookingstatuses", "bookingstatusid", "name")
        mine: dict[str, Said] = {}
        others: dict[str, dict[str, Any]] = {}
        for row in self._get("bookableresourcebookings"):
            key = row["bookableresourcebookingid"]
            mark = row["msdyn_externalbookingid"] or ""
            if not mark.startswith(PREFIX):
                others[key] = row
                continue
            start, end = (datetime.fromisoformat(row[name]) for name in ("starttime", "endtime"))
            status = statuses[row["_bookingstatus_value"]]
            kind = types[row["_msdyn_shiftactivitytype_value"]]
            rest = mark.removeprefix(PREFIX)
            is_digest = len(rest) == 64 and not set(rest) - set("0123456789abcdef")
            mine[key] = Said(
                self.emails[resources[row["_resource_value"]]["_userid_value"]], row["name"], start, end,
                kind["msdyn_name"], plans[row["_msdyn_shiftplan_value"]]["msdyn_name"], status["name"],
                "#" if is_digest else rest,
            )  # fmt: skip
            assert row["_msdyn_bookingsetupmetadataid_value"] == SETUP_METADATA
            assert row["duration"] == (end - start).total_seconds() / 60
            assert (row["bookingtype"], row["statecode"]) == (1, 0)
            assert status["status"] == (2 if mine[key].live else 3)
            assert (kind["msdyn_shiftassignmentstatus"] == 192350000) == ASSIGNABLE[kind["msdyn_name"]]
        return mine, others

    def _unique(self, entity_set: str, key: str, name: str) -> dict[str, dict[str, Any]]:
        rows = {row[key]: row for row in self._get(entity_set)}
        names = Counter(row[name].casefold() for row in rows.values())
        assert not [said for said, number in names.items() if number > 1], f"{entity_set} has a name twice"
        return rows

    def _check_resources(self, rows: Iterable[dict[str, Any]]) -> None:
        users = Counter(row["_userid_value"] for row in rows)
        assert not [user for user, number in users.items() if number > 1], "a user has two bookable resources"


# ------------------------------------------------------------------------------------------- schedules that change

NIGHTS = {
    "Europe/Helsinki": (date(2027, 3, 28), date(2027, 10, 31)),
    "America/New_York": (date(2027, 3, 14), date(2027, 11, 7)),
    "Australia/Lord_Howe": (date(2027, 4, 4), date(2027, 10, 3)),
    "America/Santiago": (date(2027, 4, 4), date(2027, 9, 5)),
}
"""Days on which the clock is changed: an hour, half an hour, or at midnight."""
_CHANGE_HOURS = ("00:00", "00:30", "01:00", "01:30", "01:45", "02:00", "02:15", "02:30", "03:00", "03:30", "04:00")
_LATE_HOURS = ("22:00", "23:00", "23:30")
_ACTIVITIES = tuple(ASSIGNABLE)
_PLANS = ("Team A", "Team B", "")


class Planner:
    """Somebody who plans a few agents around the night of a clock change, and changes the plan again and again."""

    def __init__(self, random: Any, agents: list[str], strangers: list[str], zones: list[str], days: int) -> None:
        self._random = random
        self._agents = agents
        self._strangers = strangers
        self._zone_of = {agent: random.choice(zones) for agent in (*agents, *strangers)}
        self.first = random.choice(NIGHTS[zones[0]]) - timedelta(days=random.randint(1, days - 1))
        self._days = [self.first + timedelta(days=number) for number in range(days)]
        self._ids = count(1)
        self.lines: list[Line] = []
        for agent in agents:
            for day in self._days:
                if random.random() < 0.8:
                    self._shift(agent, day)

    # --------------------------------------------------------------------------------------------------- rows

    def _shift(self, agent: str, day: date) -> None:
        """A shift of one to four rows, one after the other; every fourth one at night."""
        random = self._random
        hour = random.choice((20, 22, 23)) if random.random() < 0.25 else random.randint(6, 12)
        start = datetime.combine(day, time(hour))
        for _ in range(random.randint(1, 4)):
            end = start + random.choice((1, 2, 4)) * HOUR
            self._add(agent, start, end)
            start = end + random.choice((0, 0, 0, 0.5)) * HOUR

    def _add(self, agent: str, start: datetime, end: datetime, external_id: str | None = None) -> None:
        random = self._random
        zone = self._zone_of[agent]
        if external_id is None:
            external_id = f"E-{next(self._ids)}" if random.random() < 0.4 else ""
        if random.random() < 0.1:
            start, end = instants(start, zone)[0], instants(end, zone)[1]
        self.lines.append(
            Line(agent, start, end, random.choice(_ACTIVITIES), random.choice(_PLANS), zone,
                 random.choice(("", "", "", "Booked")), external_id)
        )  # fmt: skip

    def _at(self, day: date, hours: tuple[str, ...]) -> datetime:
        return datetime.fromisoformat(f"{day}T{self._random.choice(hours)}")

    def _any(self) -> int:
        return int(self._random.randrange(len(self.lines)))

    # -------------------------------------------------------------------------------------------------- edits

    def edit(self) -> None:
        """Some changes of every kind that planners make."""
        for _ in range(self._random.randint(1, 4)):
            if self.lines:
                self._random.choice(self._EDITS)(self)
            else:
                self._shift(self._agents[0], self._days[0])

    def _swap_agents(self) -> None:
        if len(self._agents) < 2:
            return
        one, other = self._random.sample(self._agents, 2)
        day = self._random.choice(self._days)
        into = {one: other, other: one}
        self.lines = [
            replace(line, agent=into[line.agent], zone=self._zone_of[into[line.agent]])
            if line.agent in into and line.start.date() == day
            else line
            for line in self.lines
        ]

    def _share_an_id(self) -> None:
        one, other = self._any(), self._any()
        self.lines[other] = replace(self.lines[other], external_id=self.lines[one].external_id or "SHARED")
        self.lines[one] = replace(self.lines[one], external_id=self.lines[other].external_id)

    def _start_alike(self) -> None:
        line = self.lines[self._any()]
        self._add(line.agent, line.start, line.start + self._random.choice((1, 2, 3)) * HOUR)
        if self._random.random() < 0.5:
            self.lines[-1] = replace(self.lines[-1], activity=line.activity, external_id=line.external_id)

    def _overlap(self) -> None:
        line = self.lines[self._any()]
        self._add(line.agent, line.start + HOUR / 2, line.end + HOUR / 2)

    def _cross_midnight(self) -> None:
        start = self._at(self._random.choice(self._days), _LATE_HOURS)
        self._add(self._random.choice(self._agents), start, start + self._random.choice((1, 3, 8)) * HOUR)

    def _change_night(self) -> None:
        start, end = (self._at(self._random.choice(self._days), _CHANGE_HOURS) for _ in range(2))
        end = datetime.combine(start.date(), end.time())
        self._add(self._random.choice(self._agents), min(start, end), max(start, end) + HOUR * (start == end))

    def _cancel(self) -> None:
        place = self._any()
        self.lines[place] = replace(self.lines[place], status=self._random.choice(("Canceled", "Draft")))

    def _return(self) -> None:
        self.lines = [replace(line, status="") if line.status.casefold() in NO_WORK else line for line in self.lines]

    def _move(self) -> None:
        place, by = self._any(), self._random.choice((-24, -1, 0.5, 1, 6, 24)) * HOUR
        line = self.lines[place]
        self.lines[place] = replace(line, start=line.start + by, end=line.end + by)

    def _remove(self) -> None:
        del self.lines[self._any()]

    def _remove_day(self) -> None:
        agent, day = self._random.choice(self._agents), self._random.choice(self._days)
        self.lines = [line for line in self.lines if (line.agent, line.start.date()) != (agent, day)]

    def _add_shift(self) -> None:
        self._shift(self._random.choice(self._agents), self._random.choice(self._days))

    def _duplicate(self) -> None:
        line = self.lines[self._any()]
        self.lines.append(replace(line, plan=self._random.choice(_PLANS)))

    def _reword(self) -> None:
        place = self._any()
        self.lines[place] = replace(
            self.lines[place], activity=self._random.choice(_ACTIVITIES), plan=self._random.choice(_PLANS),
            status=self._random.choice(("", "Booked")), end=self.lines[place].end + HOUR / 4,
        )  # fmt: skip

    def _spoil(self) -> None:
        """A row that nobody can read, or that cannot be written."""
        place = self._any()
        line, random = self.lines[place], self._random
        kind = random.choice(("end", "activity", "backwards", "unknown activity", "stranger", "start", "agent"))
        if kind == "backwards":
            line = replace(line, start=line.end + HOUR, end=line.start)
        elif kind == "unknown activity":
            line = replace(line, activity=UNKNOWN_ACTIVITY)
        elif kind == "stranger":
            line = replace(line, agent=random.choice(self._strangers))
            line = replace(line, zone=self._zone_of[line.agent])
        else:
            line = replace(line, broken=kind)
        self.lines[place] = line

    def _mend(self) -> None:
        self.lines = [
            line for line in self.lines
            if not line.broken and line.activity != UNKNOWN_ACTIVITY and line.agent in self._agents and stretch(line)
        ]  # fmt: skip

    _EDITS = (
        _swap_agents, _share_an_id, _start_alike, _overlap, _cross_midnight, _change_night, _cancel, _return, _move,
        _move, _remove, _remove_day, _add_shift, _duplicate, _reword, _spoil, _mend, _mend,
    )  # fmt: skip

    # ------------------------------------------------------------------------------------------------- exports

    def export(self, *models: Model) -> list[Line]:
        """The file of the plan as it is: all of it, or some agents or days; in any order of rows.

        `models`: what may be there when it is imported. It has some days only where each of them foresees the end.
        """
        random = self._random
        lines = list(self.lines)
        kind = random.random()
        if kind < 0.15:
            chosen = set(random.sample(self._agents, random.randint(1, len(self._agents))))
            lines = [line for line in lines if line.agent in chosen]
        elif kind < 0.35:
            first = random.choice(self._days)
            last = first + timedelta(days=1)
            some = [line for line in lines if first <= line.start.date() <= last and not line.start.tzinfo]
            if any(map(self.is_good, some)) and all(model.foresees(some) for model in models):
                return self._shuffled(some)
        return self._shuffled([*lines, *self._frame(lines)])

    def _shuffled(self, lines: list[Line]) -> list[Line]:
        return self._random.sample(lines, len(lines)) if self._random.random() < 0.5 else lines

    def _frame(self, lines: list[Line]) -> Iterator[Line]:
        """A short day long before and after everything else, so that the file's dates do not depend on its edits."""
        agents = sorted({line.agent for line in lines if line.agent in self._agents}) or self._agents[:1]
        for agent in agents:
            for day in (self.first - timedelta(days=4), self._days[-1] + timedelta(days=4)):
                start = datetime.combine(day, time(11))
                yield Line(agent, start, start + HOUR, "Chat", "Team A", self._zone_of[agent])

    def is_good(self, line: Line) -> bool:
        """Whether a row can be read and says that somebody known works."""
        return (
            not line.broken
            and line.status.casefold() not in NO_WORK
            and stretch(line) is not None
            and line.agent in self._agents
        )
