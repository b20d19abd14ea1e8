"""How a layout is read, as data: the container, where its rows are, which column holds what, how times are written.

A column is named as the file names it: a header cell, an XLSX column letter, or for JSON and XML a path below the row
(`sharedShift/startDateTime`, `@StartDate`), with `..` for the enclosing object or element and a leading `/` for the
document itself. `@file.<group>` is a named group of the profile's file-name pattern.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic.alias_generators import to_camel

type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
type Delimiter = Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00\" ]$")]
type Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Model(BaseModel):
    """A part of a configuration document: camelCase keys, no unknown ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, alias_generator=to_camel)


# ------------------------------------------------------------------------------------------------- containers


class Expected(Model):
    """What a value of the document must be, in any case; otherwise the file is refused. `""` stands for absent."""

    column: Column
    values: tuple[str, ...]
    reason: str


class DelimitedFormat(Model):
    """Text whose first row names the columns. The first delimiter under which the header has what it needs counts."""

    kind: Literal["delimited"]
    delimiters: Annotated[tuple[Delimiter, ...], Field(min_length=1)] = (",", ";", "\t", "|")
    encodings: Annotated[tuple[str, ...], Field(min_length=1)] = ("utf-8", "cp1252")
    """Tried in order; a byte order mark (UTF-8, UTF-16) comes before all of them."""
    quoted: bool = True
    header_prefix: str = ""
    """A mark before the first column name, such as `#fields:`; a file may leave it out."""
    header: tuple[Name, ...] = ()
    """The columns of files that do not name them; a first row that names them counts all the same."""

    @field_validator("encodings")
    @classmethod
    def _check_encodings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                "".encode(name)
            except LookupError:
                raise ValueError(f"{name!r} is not a text encoding such as utf-8 or cp1252") from None
        return names


class XlsxFormat(Model):
    """A spreadsheet whose header row names the columns; the first row that has all required ones is the header."""

    kind: Literal["xlsx"]
    sheet: str | None = None
    """Name of the sheet; without it every sheet that has the header is read."""


class GridFormat(Model):
    """A spreadsheet with one row an agent and one column a day; every filled cell is a row of its own.

    The row has the sheet's columns by header and by letter, and the virtual columns `@cell` (the cell's text), `@date`
    (the day's date, ISO, where the sheet has it) and `@day` (1 for the first day column).
    """

    kind: Literal["xlsx-grid"]
    day_columns: tuple[str, ...] = ()
    """Letters of the day columns, `E G I`, or the names above them; or use `dayHeader`."""
    day_header: str | None = None
    """Regular expression of a day column's header, such as `Day (?P<day>[0-9]+)`."""
    day_names: dict[str, int] = Field(default_factory=dict)
    """Headers of single day columns that are written otherwise, and their day."""
    max_days: int = Field(100, gt=0, le=366)
    """A sheet with more days is refused."""
    date_patterns: tuple[str, ...] = ("%m/%d/%Y",)
    """How the dates above the day columns are written, where they are."""
    empty_cell: Literal["error", "off"] = "off"
    off: tuple[str, ...] = ("OFF",)
    """Cells (any case) that say "no work on this day"."""


class JsonFormat(Model):
    """JSON; `path` of a source leads to its rows: `agentSchedules/*/shifts/*`."""

    kind: Literal["json"]
    expected: tuple[Expected, ...] = ()


class XmlFormat(Model):
    """XML; `path` of a source leads from below the root element to its rows. Namespaces are ignored."""

    kind: Literal["xml"]
    expected: tuple[Expected, ...] = ()
    root: str = ""
    """The element that counts as the root where another one encloses it, perhaps with others of its name."""


class ICalendarFormat(Model):
    """iCalendar (RFC 5545): one row a VEVENT occurrence, columns named after its properties.

    `@start`, `@end` are local ISO times or UTC with Z; `@zone` is the TZID; `@date`, `@endDate` stand for DATE values.
    """

    kind: Literal["icalendar"]
    horizon_days: int = Field(400, gt=0, le=3660)
    """How far recurring events are unfolded from the file's first event."""


type Format = Annotated[
    DelimitedFormat | XlsxFormat | GridFormat | JsonFormat | XmlFormat | ICalendarFormat, Field(discriminator="kind")
]

# ----------------------------------------------------------------------------------------------------- rows

BUILT_IN_IDENTITIES = ("email", "employeeid", "azureactivedirectoryobjectid", "domainname", "fullname")
"""Columns of systemuser (email: internalemailaddress). Any other identity is a column of `config/agents.csv`."""


class AgentColumn(Model):
    """A column that identifies the agent, and the identity that its values belong to (absent: the profile's)."""

    column: Column
    identity: Name | None = None
    only_for: tuple[Name, ...] = ()
    """Identities of the profile with which the column counts, `agents.csv` for any column of that; empty: with all."""


class Fields(Model):
    """Which column holds what.

    A stretch is two moments (`start`, `end`); or a `date` with two times of day (and `endDate`, day numbers where the
    layout has them); or a start and a `length`; or a whole day (`date` to `endDate`, both included); or `range`, one
    text such as `9:00a-5:00p`; or `template`, a code of the profile's shift templates. A start that is written as a
    whole moment is taken as one even where `date` is given.
    """

    agent: Column | tuple[AgentColumn, ...]
    activity: Column | tuple[Column, ...] | None = None
    """Of several columns the first that is filled; without any, or all empty, the source's `defaultActivity`."""
    start: Column | None = None
    end: Column | None = None
    date: Column | None = None
    end_date: Column | None = None
    start_day: Column | None = None
    end_day: Column | None = None
    """Day numbers: 1 is the day of `shiftDate` (without it of `date`), 2 the day after it. A start with a `date` beside
    that of its shift, and an end with an `endDate`, need no number."""
    length: Column | None = None
    range: Column | None = None
    template: Column | None = None
    repeat_days: Column | None = None
    """Weekdays on which a row repeats from `date` to `endDate`; empty when both are the same."""
    shift_date: Column | None = None
    plan: Column | None = None
    team: Column | None = None
    site: Column | tuple[Column, ...] | None = None
    """Of several columns the first that is filled."""
    status: Column | None = None
    external_id: Column | None = None
    time_zone: Column | None = None
    version: Column | None = None
    """Of rows with the same agent and external id only those of the highest version count."""

    def mapped(self, rename: Callable[[str], str]) -> "Fields":
        """The same fields under other column names."""

        def renamed(value: object) -> object:
            if isinstance(value, str):
                return rename(value)
            if isinstance(value, tuple):
                return tuple(
                    item.model_copy(update={"column": rename(item.column)})
                    if isinstance(item, AgentColumn)
                    else rename(item)
                    for item in value
                )
            return value

        return self.model_copy(update={key: renamed(value) for key, value in self})

    def names(self) -> list[str]:
        """Every column that these fields name."""
        found: list[str] = []
        self.mapped(lambda column: found.append(column) or column)  # type: ignore[func-returns-value]
        return found


class Times(Model):
    """How dates, times and lengths are written: strptime patterns, `iso` for ISO 8601.

    Of several date patterns that read a file differently, the one that reads all of its dates counts; if more than one
    does, the order of day and month is unknown and the file is refused.
    """

    moment: tuple[str, ...] = ("iso",)
    date: tuple[str, ...] = ("iso",)
    time: tuple[str, ...] = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
    """Times of day; `8:00AM`, `8:00 a.m.` and `8a` are all `%I:%M %p`."""
    length_unit: Literal["minutes", "seconds", "hours", "clock"] = "minutes"
    """What a number is; H:MM is understood with every unit, and the only one with `clock`."""
    max_hours: int = Field(25, gt=0, le=8784)
    """A longer row is a mistake, unless it goes from midnight to midnight."""
    range_separator: str = "-"
    range_pattern: str = ""
    """Regular expression of the one spelling of a range that the layout has; others are refused."""
    range_example: str = ""
    """A range in that spelling."""
    ignore_offset: bool = False
    """Take a moment's `Z` or offset for decoration: its wall clock is local (vendors that mark local times as UTC)."""


class SkipRule(Model):
    """Rows that are no work or not final: a column has one of these values (any case; `""` stands for empty)."""

    column: Column
    values: tuple[str, ...]
    code: Literal["NOT_COMMITTED", "DELETED_IN_SOURCE", "CANCELLED", "DAY_OFF", "OPEN_SHIFT", "NO_SHIFT"]
    unless: bool = False
    """Turn the rule round: skip where the column has none of the values."""
    keeps: bool = False
    """The row says nothing about its agent, whose schedule stays as it is; otherwise it says that there is no work."""


class WholeDayRule(Model):
    """Rows that take the whole local day, although the layout shows a time: always, or by a column's value.

    A column without values: where it is filled.
    """

    column: Column | None = None
    values: tuple[str, ...] = ()


class Nested(Model):
    """Stretches inside a row (breaks, activities): read as rows of their own, and cut out of the row around them."""

    path: Column
    activity: Column | tuple[Column, ...]
    start: Column
    end: Column | None = None
    length: Column | None = None
    default_activity: Name | None = None


class PlacedBreak(Model):
    """A break that two columns place: so long after the row's start, for so long. Both are lengths."""

    after: Column
    length: Column
    activity: Name


class CodeTable(Model):
    """A table inside the document that resolves activity codes: `{"path": "/activityCodes/*", "key": "id", ...}`."""

    path: Column
    key: Column
    value: Column


class Source(Model):
    """One kind of rows. Tables take the first source whose required columns the header has; JSON and XML read all."""

    path: str = ""
    fields: Fields
    shared_ids: bool = True
    """Whether an external id may stand for a row of each of several agents; if not, its versions are of one row,
    whoever they name."""
    required: tuple[Column, ...] = ()
    """Columns that the header must have; a field whose column is absent stays empty."""
    other_columns: tuple[Column, ...] = ()
    """The layout's columns that are not read; a site may rename them all the same."""
    times: Times = Times()
    skip: tuple[SkipRule, ...] = ()
    whole_day: WholeDayRule | None = None
    nested: tuple[Nested, ...] = ()
    """Later ones are cut out of earlier ones, too: name breaks last."""
    breaks: tuple[PlacedBreak, ...] = ()
    activity_part: str | None = None
    """Only what follows the last of these separators is the activity: `/` of a job path."""
    activity_codes: CodeTable | None = None
    default_activity: Name | None = None
    without: Column | None = None
    """JSON and XML: only rows in which this is empty or missing. A shift without the parts that are the rows of
    another source is a row of its own, so that it is told of and not lost."""

    def columns(self) -> list[str]:
        """Every column of a row that is read, each once."""
        placed = [column for each in self.breaks for column in (each.after, each.length)]
        whole_day = [self.whole_day.column] if self.whole_day and self.whole_day.column else []
        skip = [rule.column for rule in self.skip]
        return list(dict.fromkeys([*self.fields.names(), *skip, *whole_day, *placed]))


class ListedAgents(Model):
    """Where a document lists the agents that it speaks for, also those without any row."""

    path: Column
    agent: Column | tuple[AgentColumn, ...]
    identity: Name | None = None


class DeclaredWindow(Model):
    """Where a document says which dates it speaks for: two columns, one text with both, or a first date and days."""

    first: Column | None = None
    last: Column | None = None
    range: Column | None = None
    days: int | None = Field(None, gt=0, le=400)
    date: tuple[str, ...] = ("iso",)
    range_separator: str = "-"


def columns_of(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """One column or several, as several."""
    return (columns,) if isinstance(columns, str) else columns


class Companion(Model):
    """A second file that belongs to the first: its name has `companion` where the first has `primary`.

    Its rows are joined to those of the first by key and become their nested rows.
    """

    primary: Name
    companion: Name
    key: Column | tuple[Column, ...]
    primary_key: Column | tuple[Column, ...]
    """One column, or several that belong together (an id and its version), in the same order in both files."""
    rows: Nested
    """Columns of the companion; `path` is not used."""

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if len(columns_of(self.key)) != len(columns_of(self.primary_key)):
            raise ValueError("key and primaryKey must have the same number of columns")
        return self


class Stamp(Model):
    """When a file was made: a column of the document or a group of its name, and how it is written."""

    column: Column
    patterns: tuple[str, ...]


class TemplateSegment(Model):
    """A part of a shift template: times of day; an end that is not after the start means the next day."""

    start: str = Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")
    end: str = Field(pattern=r"^([01]?\d|2[0-3]|24):[0-5]\d(:[0-5]\d)?$")
    activity: Name = "Work"


def _in_a_list(parts: object) -> object:
    return [parts] if isinstance(parts, dict | TemplateSegment) else parts


type ShiftTemplate = Annotated[
    tuple[TemplateSegment, ...],
    BeforeValidator(_in_a_list, json_schema_input_type=tuple[TemplateSegment, ...] | TemplateSegment),
]
"""The parts of a shift template; one may stand alone. None: a day off."""
