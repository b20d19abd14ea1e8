"""A week of 10,000 agents as a WFM system exports it: shifts of eight segments, five days an agent, 400,000 rows.

Everything is counted out and nothing drawn, so that a file is the same in every run but for its dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

DAYS_WORKED = 5
SEGMENTS_A_DAY = 8
SEGMENTS_A_WEEK = DAYS_WORKED * SEGMENTS_A_DAY
AGENTS_A_TEAM = 100
_SITES = (
    ("Helsinki", "Europe/Helsinki"),
    ("Stockholm", "Europe/Stockholm"),
    ("London", "Europe/London"),
    ("Lisbon", "Europe/Lisbon"),
)
_SHIFT = (
    ("Voice Queue", 120),
    ("Break", 15),
    ("Voice Queue", 105),
    ("Lunch", 30),
    ("Chat", 90),
    ("Team Meeting", 30),
    ("Break", 15),
    ("Voice Queue", 75),
)
"""Activities and minutes: eight hours."""
_OTHER_ACTIVITY = {"Voice Queue": "Chat", "Chat": "Back Office", "Team Meeting": "Training"}


class Layout(StrEnum):
    """A layout by the name of its profile."""

    SWITCHBOARD = "switchboard-csv"
    TALKDESK = "talkdesk"


class Change(StrEnum):
    """What a planner does to a row."""

    MOVED = "begins five minutes later"
    OTHER_ACTIVITY = "is another activity"
    REMOVED = "is gone"
    ADDED = "is followed by half an hour more"


class Row(NamedTuple):
    """One segment. `number` counts all of them; an added one has that of the row before it, and `added`."""

    number: int
    agent: int
    start: datetime
    end: datetime
    activity: str
    added: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """A plan from a Monday on. `changed_share` of its rows are changed, the four kinds in turn."""

    monday: date
    agents: int = 10_000
    changed_share: float = 0.0

    def rows(self) -> Iterator[Row]:
        """Every segment, agent by agent, in order of start; times are those of the agent's site."""
        changes = self._changes()
        for row in self._planned():
            change = changes.get(row.number)
            if change is not Change.REMOVED:
                yield _changed(row, change)
            if change is Change.ADDED:
                yield Row(row.number, row.agent, row.end, row.end + timedelta(minutes=30), "Chat", added=True)

    def _planned(self) -> Iterator[Row]:
        midnight = datetime.combine(self.monday, datetime.min.time())
        number = 0
        for agent in range(self.agents):
            begins = timedelta(hours=22) if agent % 10 == 9 else timedelta(hours=6, minutes=15 * (agent % 32))
            for day in sorted((agent + offset) % 7 for offset in range(DAYS_WORKED)):
                start = midnight + timedelta(days=day) + begins
                for activity, minutes in _SHIFT:
                    end = start + timedelta(minutes=minutes)
                    yield Row(number, agent, start, end, activity)
                    start, number = end, number + 1

    def _changes(self) -> dict[int, Change]:
        """Changed rows by number: spread evenly, each on the next segment that can be changed so."""
        count = round(self.agents * SEGMENTS_A_WEEK * self.changed_share)
        if not count:
            return {}
        step = self.agents * SEGMENTS_A_WEEK // count
        kinds = tuple(Change)
        return {_able(place * step, kinds[place % 4]): kinds[place % 4] for place in range(count)}


def _able(number: int, change: Change) -> int:
    """This segment, or one of the same shift: only a shift's last one can be added to."""
    first = number - number % SEGMENTS_A_DAY
    if change is Change.ADDED:
        return first + SEGMENTS_A_DAY - 1
    if change is Change.OTHER_ACTIVITY and _SHIFT[number % SEGMENTS_A_DAY][0] not in _OTHER_ACTIVITY:
        return first
    return number


def next_monday() -> date:
    """The week is the coming one, so that coverage and tomorrow's work are looked at too."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 - today.weekday())


def _changed(row: Row, change: Change | None) -> Row:
    if change is Change.MOVED:
        return row._replace(start=row.start + timedelta(minutes=5))
    if change is Change.OTHER_ACTIVITY:
        return row._replace(activity=_OTHER_ACTIVITY[row.activity])
    return row


# ---------------------------------------------------------------------------------------------------- people


def email(agent: int) -> str:
    """An agent's address, by which most systems name it."""
    return f"agent.{agent:05}@contact-centre.example"


def vendor_id(agent: int) -> str:
    """An agent's id in a vendor's own system."""
    return f"65b0c0de{agent:016x}"


def full_name(agent: int) -> str:
    """An agent's name, not in ASCII."""
    return f"Päivi Mäkelä {agent:05}"


def team(agent: int) -> str:
    """The team that an agent is planned with."""
    return f"Team {agent // AGENTS_A_TEAM:03}"


def site(agent: int) -> tuple[str, str]:
    """The site where an agent works, and its zone."""
    return _SITES[agent // AGENTS_A_TEAM % len(_SITES)]


# ---------------------------------------------------------------------------------------------------- files


def export(week: Week, layout: Layout) -> bytes:
    """The week's file."""
    if layout is Layout.SWITCHBOARD:
        return _switchboard(week)
    return _talkdesk(week)


def agents_csv(agents: int) -> bytes:
    """`config/agents.csv` for a layout that names agents by a vendor's own id."""
    lines = ["email,talkdeskId", *(f"{email(agent)},{vendor_id(agent)}" for agent in range(agents))]
    return "\n".join(lines).encode()


def _switchboard(week: Week) -> bytes:
    lines = ["agent,start,end,activity,plan,team,site,time_zone"]
    for row in week.rows():
        place, zone = site(row.agent)
        lines.append(
            f"{email(row.agent)},{row.start:%Y-%m-%dT%H:%M:%S},{row.end:%Y-%m-%dT%H:%M:%S},{row.activity},"
            f"{place} {team(row.agent)},{team(row.agent)},{place},{zone}"
        )
    return ("\n".join(lines) + "\n").encode()


def _talkdesk(week: Week) -> bytes:
    """The columns of a real export, with its two quoted names in one cell; every time is of one site."""
    lines = [
        "Agent Name,Agent Id,Agent Queues,Agent Team,Event Type Name,Event Start Time,Event End Time,"
        "Event Duration (min),Event Pay Status,Event Type Usage,Event Paid Time (min),Created At,Updated At,Event Id"
    ]
    for row in week.rows():
        minutes = round((row.end - row.start).total_seconds() / 60)
        agent = f'{full_name(row.agent)},{vendor_id(row.agent)},"support,vip,chat_fi",{team(row.agent)}'
        times = f"{_talkdesk_time(row.start)},{_talkdesk_time(row.end)},{minutes}"
        event = f"8af2a1b2{2 * row.number + row.added:024x}"
        lines.append(f"{agent},{row.activity},{times},PAID,SHIFT,,2026-03-01 0:03:09,2026-03-20 14:05:36,{event}")
    return b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode()


def _talkdesk_time(moment: datetime) -> str:
    """Hours without a leading zero."""
    return f"{moment:%Y-%m-%d} {moment.hour}:{moment:%M:%S}"
