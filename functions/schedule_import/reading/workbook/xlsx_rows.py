"""A spreadsheet whose header row names the columns. A row's number counts on through the sheets."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Source, Times, XlsxFormat
from functions.schedule_import.reading.delimited.header import column_key
from functions.schedule_import.reading.document.paths import row_columns
from functions.schedule_import.reading.records import FileContent, FlatRows, Getter, Numbered
from functions.schedule_import.reading.segments import Skip, UnreadableFileError
from functions.schedule_import.reading.workbook.sheets import (
    CONTENT_TYPE,
    Role,
    Sheet,
    SheetRow,
    Workbook,
    cell_text,
    written,
)

MAX_ROWS_ABOVE_HEADER = 50
REASON = "reason"


@dataclass(frozen=True, slots=True)
class XlsxRecord:
    """A row and where its sheet has which column, by `column_key`."""

    row: SheetRow
    columns: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet with a header: which source its rows are of, and how many rows were counted before it."""

    sheet: Sheet
    before: int
    header_row: int
    header: tuple[str, ...]
    source: Source


def open_container(content: FileContent, profile: ScheduleProfile) -> "XlsxContainer":
    """The tables of a workbook. Raises UnreadableFileError for one that is broken or has no table of the profile."""
    return XlsxContainer(content, profile)


class XlsxContainer(FlatRows):
    """See `records.Container`. A record is an XlsxRecord."""

    def __init__(self, content: FileContent, profile: ScheduleProfile) -> None:
        if not isinstance(profile.format, XlsxFormat):
            raise TypeError(profile.format.kind)
        self._profile = profile
        self._workbook = Workbook(content.stream)
        self._tables = self._found(profile.format.sheet)

    def sources(self) -> Iterable[Source]:
        used = [table.source for table in self._tables]
        return [source for source in self._profile.sources if source in used]

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        wanted = set(row_columns(source))
        for table in self._tables:
            if table.source != source:
                continue
            columns = {column_key(name): index for index, name in enumerate(table.header) if name}
            used = [(name, columns[column_key(name)]) for name in wanted if column_key(name) in columns]
            for row in self._workbook.rows(table.sheet, table.before):
                if row.number > table.header_row:
                    yield _checked(XlsxRecord(row, columns), used)

    def getter(self, source: Source, column: str) -> Getter | None:
        key = column_key(column)
        if not any(key in map(column_key, table.header) for table in self._tables if table.source == source):
            return None
        role, times = role_of(source, column), source.times

        def read(record: XlsxRecord) -> str:
            return cell_text(record.row.cell(record.columns.get(key, -1)), role, times)

        return read

    def rejected(self, reasons: Mapping[int, str]) -> bytes:
        """A workbook with the rejected rows, each with its reason in the last column."""
        sheets: dict[str, list[list[str]]] = {}
        for table in self._tables:
            kept = [index for index, name in enumerate(table.header) if name and name != REASON]
            rows = [[table.header[index] for index in kept] + [REASON]]
            roles = {index: role_of(table.source, table.header[index]) for index in kept}
            for row in self._workbook.rows(table.sheet, table.before):
                if row.number > table.header_row and row.number in reasons:
                    texts = [cell_text(row.cell(index), roles[index], table.source.times) for index in kept]
                    rows.append([*texts, reasons[row.number]])
            if len(rows) > 1:
                sheets[table.sheet.name] = rows
        return written(sheets or {self._tables[0].sheet.name: [[*self._tables[0].header, REASON]]})

    # ---------------------------------------------------------------------------------------------- header

    def _found(self, name: str | None) -> list[_Table]:
        sheets = [sheet for sheet in self._workbook.sheets if name is None or sheet.name == name]
        if not sheets:
            names = ", ".join(repr(sheet.name) for sheet in self._workbook.sheets[:20])
            raise UnreadableFileError(f"the workbook has no sheet {name!r}; it has {names or 'none'}")
        tables: list[_Table] = []
        before = 0
        first: tuple[str, ...] = ()
        for sheet in sheets:
            table, last, top = self._table(sheet, before)
            before, first = last, first or top
            if table is not None:
                tables.append(table)
        if not tables:
            missing = _missing(self._profile.sources[0], first)
            has = ", ".join(map(repr, filter(None, first[:20]))) or "nothing"
            raise UnreadableFileError(f"no sheet has a header with {', '.join(missing)}; the first row has {has}")
        return tables

    def _table(self, sheet: Sheet, before: int) -> tuple[_Table | None, int, tuple[str, ...]]:
        """A sheet's table, its last row's number, and its first row."""
        table, last = None, before
        first: tuple[str, ...] = ()
        for row in self._workbook.rows(sheet, before):
            last = row.number
            if table is None and row.number - before <= MAX_ROWS_ABOVE_HEADER:
                names = tuple(cell_text(cell, "other", Times()) for cell in row.cells)
                first = first or names
                source = next((each for each in self._profile.sources if not _missing(each, names)), None)
                if source is not None:
                    _check_unique(names, source)
                    table = _Table(sheet, before, row.number, names, source)
        return table, last, first


def role_of(source: Source, column: str) -> Role:
    """What a source's column is for."""
    fields, key = source.fields, column_key(column)
    if key in (column_key(each) for each in (fields.date, fields.end_date, fields.shift_date) if each):
        return "date"
    return (
        "time" if key in (column_key(each) for each in (fields.start, fields.end, fields.length) if each) else "other"
    )


def _missing(source: Source, names: tuple[str, ...]) -> list[str]:
    required = source.required or tuple(column for column in row_columns(source) if not column.startswith("@"))
    has = set(map(column_key, names))
    return [column for column in required if column_key(column) not in has]


def _check_unique(names: tuple[str, ...], source: Source) -> None:
    keys = [column_key(name) for name in names]
    doubled = sorted({column for column in row_columns(source) if keys.count(column_key(column)) > 1})
    if doubled:
        raise UnreadableFileError(f"the header has {', '.join(doubled)} more than once")


def _checked(record: XlsxRecord, used: list[tuple[str, int]]) -> Numbered | Skip:
    for name, index in used:
        problem = record.row.cell(index).problem
        if problem:
            return Skip(record.row.number, "BAD_ROW", f"the cell {problem}", name)
    return Numbered(record.row.number, record)


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The rejected rows under their headers, all cells as text, the reason in the last column."""
    return XlsxContainer(content, profile).rejected(reasons), CONTENT_TYPE
