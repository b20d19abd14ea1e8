"""A spreadsheet with one row an agent and one column a day: every cell below a day is a row of its own.

The dates stand above the day columns, as dates or as text; where only one is there the others follow it. Without any
on the sheet, one in a title above the days or in the sheet's name is the first day's; else the profile's `startDate`
is. A row's number is that of its sheet, counted on through the sheets.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice

from openpyxl.utils import column_index_from_string, get_column_letter

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import GridFormat, Source, Times
from functions.schedule_import.reading.delimited.header import column_key
from functions.schedule_import.reading.document.paths import row_columns
from functions.schedule_import.reading.records import FileContent, FlatRows, Getter, Numbered
from functions.schedule_import.reading.segments import Skip, UnreadableFileError
from functions.schedule_import.reading.workbook.sheets import (
    CONTENT_TYPE,
    MAX_COLUMNS,
    Cell,
    Sheet,
    SheetRow,
    Workbook,
    cell_text,
    written,
)

MAX_ROWS_ABOVE = 50
REASON = "reason"
EMPTY_CELL = "(empty)"
"""The text of a cell without any, where the layout does not take that for a day off."""

_VIRTUAL = ("@cell", "@date", "@day")
_LETTER = re.compile(r"[A-Z]{1,2}")
_LETTERS = re.compile(r"[A-Z]{1,2}(?: +[A-Z]{1,2})*")
_DATE_LIKE = re.compile(r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}")
_PLACE = re.compile(r"(?:^|; )([A-Z]{1,3}[0-9]+): ")
"""A cell at the beginning of a reason."""
_NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class GridRecord:
    """One day of one row: its column, its date where the sheet has it, and its number, 1 for the first."""

    row: SheetRow
    grid: "_Grid"
    column: int
    day: int

    @property
    def place(self) -> str:
        """The cell, as a spreadsheet names it."""
        return f"{get_column_letter(self.column + 1)}{self.row.number - self.grid.before}"


@dataclass(slots=True)
class _Grid:
    """One sheet: its header, its day columns with their numbers, its dates."""

    sheet: Sheet
    before: int
    first_row: int = 0
    """The number of the first row below the header."""
    names: dict[str, int] = field(default_factory=dict)
    """Where a column is, by `column_key`."""
    by_letter: bool = False
    """Whether the layout fixes columns by their letters; a name of letters is one then."""
    days: list[tuple[int, int]] = field(default_factory=list)
    first_date: date | None = None
    header: list[list[str]] = field(default_factory=list)

    def date_of(self, day: int) -> str:
        return (self.first_date + timedelta(days=day - 1)).isoformat() if self.first_date else ""


def open_container(content: FileContent, profile: ScheduleProfile) -> "GridContainer":
    """The grids of a workbook. Raises UnreadableFileError for one that is broken or has no grid of the profile."""
    return GridContainer(content, profile)


class GridContainer(FlatRows):
    """See `records.Container`. A record is a GridRecord."""

    def __init__(self, content: FileContent, profile: ScheduleProfile) -> None:
        if not isinstance(profile.format, GridFormat):
            raise TypeError(profile.format.kind)
        self._format = profile.format
        self._source = profile.sources[0]
        self._off = {text.casefold() for text in self._format.off}
        self._workbook = Workbook(content.stream)
        self._grids: list[_Grid] = []
        before = 0
        for sheet in self._workbook.sheets:
            grid, before = self._grid(sheet, before)
            if grid is not None:
                self._grids.append(grid)
        if not self._grids:
            raise UnreadableFileError(f"no sheet {self._what_is_missing()}; is this the right folder for this file?")
        undated = [grid.sheet.name for grid in self._grids if grid.first_date is None]
        if undated and (profile.start_date is None or len(undated) > 1):
            raise UnreadableFileError(
                f"the sheet {undated[-1]!r} has no dates above its days; write them there, or set startDate for a "
                "workbook of one sheet"
            )

    def sources(self) -> Iterable[Source]:
        return (self._source,)

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        wanted = [column for column in row_columns(source) if column not in _VIRTUAL]
        for grid in self._grids:
            for row in self._agent_rows(grid):
                problem = self._problem(grid, row, wanted)
                if problem is not None:
                    yield problem
                    continue
                for column, day in grid.days:
                    yield Numbered(row.number, GridRecord(row, grid, column, day))

    def getter(self, source: Source, column: str) -> Getter | None:
        if column == "@cell":
            return lambda record: self._day_text(record.row.cell(record.column))
        if column == "@date":
            return lambda record: str(record.grid.date_of(record.day))
        if column == "@day":
            # A day number counts from the profile's first date; where the sheet has dates they say it all.
            return lambda record: "" if record.grid.first_date else str(record.day)
        if not any(_index(grid, column) is not None for grid in self._grids):
            return None

        def read(record: GridRecord) -> str:
            index = _index(record.grid, column)
            return "" if index is None else cell_text(record.row.cell(index), "other", _NO_TIMES)

        return read

    def rejected(self, reasons: Mapping[int, str]) -> bytes:
        """The rejected rows below their headers, with the reason in the last column."""
        sheets: dict[str, list[list[str]]] = {}
        off = self._format.off[0] if self._format.off else ""
        for grid in self._grids:
            rows: list[list[str]] = []
            width = max(len(row) for row in [*grid.header, [""] * (grid.days[-1][0] + 1)])
            for row in self._agent_rows(grid):
                if row.number in reasons:
                    texts = [_shown(row.cell(index)) for index in range(width)]
                    named = {GridRecord(row, grid, *day).place: day[0] for day in grid.days}
                    rejected = named.keys() & set(_PLACE.findall(reasons[row.number]))
                    for place in named.keys() - rejected if rejected else ():
                        texts[named[place]] = off
                    rows.append([*texts, reasons[row.number]])
            if rows:
                header = [row + [""] * (width - len(row)) for row in grid.header]
                titles = [[*row, REASON if row is header[-1] else ""] for row in header]
                sheets[grid.sheet.name] = [*titles, *rows]
        return written(sheets or {self._grids[0].sheet.name: self._grids[0].header})

    # ------------------------------------------------------------------------------------------------- rows

    def _agent_rows(self, grid: _Grid) -> Iterator[SheetRow]:
        agent = self._agent_column(grid)
        for row in self._workbook.rows(grid.sheet, grid.before):
            filled = any(row.cell(column).value is not None or row.cell(column).problem for column, _ in grid.days)
            if row.number >= grid.first_row and (filled or _shown(row.cell(agent))):
                yield row

    def _agent_column(self, grid: _Grid) -> int:
        found = (index for column in self._agent_names() if (index := _index(grid, column)) is not None)
        return next(found, MAX_COLUMNS)

    def _problem(self, grid: _Grid, row: SheetRow, wanted: Sequence[str]) -> Skip | None:
        indices = [index for column in wanted if (index := _index(grid, column)) is not None]
        for index in indices:
            problem = row.cell(index).problem
            if problem:
                place = f"{get_column_letter(index + 1)}{row.number - grid.before}"
                return Skip(row.number, "BAD_ROW", f"the cell {place} {problem}", place)
        return None

    def _day_text(self, cell: Cell) -> str:
        text = f"({cell.problem})" if cell.problem else cell_text(cell, "other", _NO_TIMES)
        if text.casefold() in self._off or (not text and self._format.empty_cell == "off"):
            return "OFF"
        return text or EMPTY_CELL

    # ----------------------------------------------------------------------------------------------- header

    def _grid(self, sheet: Sheet, before: int) -> tuple[_Grid | None, int]:
        """A sheet's grid, None where it has none, and the number of its last row."""
        rows = self._workbook.rows(sheet, before)
        top = list(islice(rows, MAX_ROWS_ABOVE))
        last = top[-1].number if top else before
        for row in rows:
            last = row.number
        grid = _Grid(sheet, before)
        found = self._by_header(grid, top) if self._format.day_header else self._by_letters(grid, top)
        if not found:
            return None, last
        above = [row for row in top if row.number < grid.first_row]
        grid.header = [[_shown(cell) for cell in row.cells] for row in above]
        grid.first_date = self._first_date(grid, above)
        return grid, last

    def _by_header(self, grid: _Grid, top: list[SheetRow]) -> bool:
        """The row that names the columns and the days."""
        day_header = re.compile(self._format.day_header or "", re.IGNORECASE)
        own_names = {column_key(name): str(day) for name, day in self._format.day_names.items()}
        for row in top:
            names = [_shown(cell) for cell in row.cells]
            matches = [
                (index, own_names.get(column_key(name)) or (match and match.groupdict().get("day")))
                for index, name in enumerate(names)
                if (match := day_header.fullmatch(name)) or column_key(name) in own_names
            ]
            keys = [column_key(name) for name in names]
            if matches and all(column_key(column) in keys for column in self._source.required):
                grid.names = _places(keys)
                grid.days = [(index, int(day or place)) for place, (index, day) in enumerate(matches, 1)]
                grid.first_row = row.number + 1
                self._check_days(grid, keys)
                return True
        return False

    def _check_days(self, grid: _Grid, keys: list[str]) -> None:
        numbers, most = [day for _, day in grid.days], self._format.max_days
        if len(set(numbers)) < len(numbers) or min(numbers) < 1 or max(numbers) > most:
            raise UnreadableFileError(f"the sheet {grid.sheet.name!r} has a day twice, or more than {most} days")
        doubled = sorted({column for column in row_columns(self._source) if keys.count(column_key(column)) > 1})
        if doubled:
            raise UnreadableFileError(f"the header has {', '.join(doubled)} more than once")

    def _by_letters(self, grid: _Grid, top: list[SheetRow]) -> bool:
        """The first row that is about an agent, in the columns that the layout fixes.

        It need not say when he works: rows with nothing readable in them count, too, once the header is above them.
        """
        grid.by_letter = True
        days = self._day_columns()
        named = {column_key(name) for name in [*self._agent_names(), *days] if not _LETTER.fullmatch(name)}
        keys = ([column_key(_shown(cell)) for cell in row.cells] for row in top)
        grid.names = next((_places(each) for each in keys if named <= set(each)), {}) if named else {}
        places = [_index(grid, name) for name in days]
        grid.days = [(place, day) for day, place in enumerate(places, 1) if place is not None]
        agent = self._agent_column(grid)
        if len(grid.days) < len(days):
            return False
        first, below_header = 0, False
        for row in top:
            texts = [_shown(row.cell(column)) for column, _ in grid.days]
            who = _shown(row.cell(agent))
            if who and any(self._is_work(text) for text in texts):
                grid.first_row = first or row.number
                return True
            if self._has_dates(texts) or (not below_header and all(texts) and len(set(texts)) == len(texts)):
                # Dates, or names of the days: none of those is there twice.
                first, below_header = 0, True
            elif who and (any(character.isdigit() for character in who) or (below_header and any(texts))):
                first = first or row.number
        return False

    def _day_columns(self) -> list[str]:
        """The letters or names of the day columns."""
        texts = self._format.day_columns
        return [word for text in texts for word in (text.split() if _LETTERS.fullmatch(text) else [text])]

    def _agent_names(self) -> list[str]:
        agent = self._source.fields.agent
        return [agent] if isinstance(agent, str) else [each.column for each in agent]

    def _has_dates(self, texts: list[str]) -> bool:
        return any(self._dates_in(text) for text in texts)

    def _is_work(self, text: str) -> bool:
        """Whether a cell is of a row of an agent, and not of the header."""
        return text.casefold() in self._off or (text[:1].isdigit() and not self._dates_in(text))

    # ------------------------------------------------------------------------------------------------- dates

    def _first_date(self, grid: _Grid, above: list[SheetRow]) -> date | None:
        """The date of day 1: from above the days, from a title, from the sheet's name."""
        for row in reversed(above):
            said = [(day, self._dates_in(_shown(row.cell(column)))) for column, day in grid.days]
            said = [(day, dates) for day, dates in said if dates]
            if said:
                return self._agreed(said, grid)
        titles = [_shown(cell) for row in above for cell in row.cells]
        for text in [*titles, grid.sheet.name]:
            dates = self._dates_in(text)
            if dates:
                return self._agreed([(1, dates)], grid)
        return None

    def _agreed(self, said: list[tuple[int, list[list[date]]]], grid: _Grid) -> date:
        """The one reading under which the dates follow each other."""
        firsts = [
            {dates[0] - timedelta(days=day - 1) for day, readings in said for dates in [readings[index]] if dates}
            for index in range(len(said[0][1]))
        ]
        complete = [all(readings[index] for _, readings in said) for index in range(len(firsts))]
        fitting = {first.pop() for first, whole in zip(firsts, complete, strict=True) if whole and len(first) == 1}
        if len(fitting) != 1:
            raise UnreadableFileError(
                f"the dates above the days of the sheet {grid.sheet.name!r} "
                + (
                    "could be read in two ways; the profile's datePatterns must fix the order"
                    if fitting
                    else "do not follow each other"
                )
            )
        return fitting.pop()

    def _dates_in(self, text: str) -> list[list[date]]:
        """The dates in a text, a list for each of the profile's patterns; empty where there is none."""
        words = _DATE_LIKE.findall(text)
        patterns = dict.fromkeys(["%Y-%m-%d", *self._format.date_patterns])
        found = [[day for word in words if (day := _read(word, pattern))] for pattern in patterns]
        return found if any(found) else []

    def _what_is_missing(self) -> str:
        if self._format.day_header:
            return f"has a header with {', '.join(self._source.required)} and columns like {self._format.day_header}"
        return (
            f"has working hours in its columns {', '.join(self._format.day_columns)} beside an agent in column "
            f"{self._agent_names()[0]}"
        )


def _index(grid: _Grid, column: str) -> int | None:
    """Where a column is: by its letter where the layout fixes those, else by the header's name."""
    if grid.by_letter and _LETTER.fullmatch(column):
        return int(column_index_from_string(column)) - 1
    return grid.names.get(column_key(column))


def _places(keys: Sequence[str]) -> dict[str, int]:
    return {key: index for index, key in reversed(list(enumerate(keys))) if key}


def _shown(cell: Cell) -> str:
    return cell_text(cell, "other", _NO_TIMES)


def _read(word: str, pattern: str) -> date | None:
    """A date whose separators may be others than the pattern's: sheet names hold no slash."""
    for text in (word, re.sub(r"[/.\-]", "/", word)):
        for written_as in (pattern, re.sub(r"[/.\-]", "/", pattern)):
            try:
                return datetime.strptime(text, written_as).date()  # noqa: DTZ007 - a date has no zone
            except ValueError:
                continue
    return None


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The rejected rows, all cells as text, with a column for the reason.

    Where a reason names cells of its row (`G5: ...; I5: ...`) the row's other days say that they are free.
    """
    return GridContainer(content, profile).rejected(reasons), CONTENT_TYPE
