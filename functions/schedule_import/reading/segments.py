"""What a schedule file says, independent of its layout."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

type TimeField = Literal["start", "end"]


class UnreadableFileError(ValueError):
    """The file as a whole cannot be read. Its text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of one activity of one agent. `row` is the 1-based line in the file (the header is line 1)."""

    row: int
    agent: str
    start: datetime
    end: datetime
    activity: str
    shift_date: date
    time_zone: str
    plan: str = ""
    status: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
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


@dataclass(slots=True)
class Reading:
    """A file as read: how many rows it has, what they say, which of them say nothing usable."""

    rows: int = 0
    segments: list[Segment] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
