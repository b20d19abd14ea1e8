"""What a schedule file says, independent of its layout."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

type TimeField = Literal["start", "end"]


class UnreadableFileError(ValueError):
    """The file as a whole cannot be read. Its text says what is wrong and what to do."""


class Segment(NamedTuple):
    """One stretch of one activity of one agent. A tuple, because a file may hold 400,000 of them.

    `row` is the 1-based line in the file (the header is line 1), the sheet row in XLSX, the line where the item begins
    in JSON, XML and iCalendar. `agent` is the text of the file, `identity` what kind of name that is (as in
    `ScheduleProfile.identity`). `shift_date` is the local date to which the layout itself assigns the row; None where
    it does not say. `time_zone` is the IANA name of the zone in which it was read, "" for times with an offset only.
    """

    row: int
    agent: str
    identity: str
    start: datetime
    end: datetime
    activity: str
    shift_date: date | None
    time_zone: str
    plan: str = ""
    team: str = ""
    site: str = ""
    status: str = ""
    external_id: str = ""


class Skip(NamedTuple):
    """A row that is not written, and why. `column` is the file's own column name."""

    row: int
    code: str
    reason: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that a planner should know about a row. Moments are UTC."""

    code: str
    row: int
    agent: str | None = None
    field: TimeField | None = None
    chosen_utc: datetime | None = None
    other_utc: datetime | None = None
    value: str | None = None


class ProtectedDay(NamedTuple):
    """What a row that could not be read leaves alone: this agent on this local day; None stands for every one."""

    agent: str | None
    identity: str
    day: date | None


class AgentDay(NamedTuple):
    """An agent and a local date that a row names; None where it names no readable date."""

    agent: str
    identity: str
    day: date | None


@dataclass(slots=True)
class Reading:
    """A file as read: how many rows it has, what they say, which of them say nothing usable."""

    rows: int = 0
    """Rows with anything in them; 0 for a file that has a header only."""
    segments: list[Segment] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    protected: list[ProtectedDay] = field(default_factory=list)
    """What bad rows protect from removal. Rows that say "no work" (drafts, deleted, days off) protect nothing."""
    days_without_work: list[AgentDay] = field(default_factory=list)
    """What rows that say "no work" (days off, drafts, deleted and cancelled rows) speak for all the same: their agent,
    and the first and last of their days; and so those of rows that repeat on some weekdays between two dates."""
    removed: list[Segment] = field(default_factory=list)
    """Rows that are marked as deleted or cancelled, where their stretch can be read; only `delta` acts on them."""
    listed_agents: list[tuple[str, str]] = field(default_factory=list)
    """Agents (text, identity) that the document says it speaks for, beside those of its rows."""
    window: tuple[date, date] | None = None
    """First and last date that the document says it speaks for."""
    stamp: datetime | None = None
    """When the file was made, as it says itself; UTC."""
    time_zone: str = ""
    """IANA name of the zone that the document names for all of its rows."""
    dropped_again: bool = False
    """The file is one of our own `*.rejected.*` files."""
