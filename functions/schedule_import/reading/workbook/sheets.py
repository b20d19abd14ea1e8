"""Sheets of a workbook: rows of cells as they are shown, one at a time; formulas are never evaluated."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import zip_longest
from typing import Any, BinaryIO, Literal, NamedTuple

from functions.schedule_import.profile.layout import Times
from functions.schedule_import.reading.segments import UnreadableFileError
from functions.schedule_import.reading.workbook.archives import check_workbook

MAX_COLUMNS = 500
CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_TEXT_CHARACTERS = 32_768
_ZERO_DATE = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of Excel's calendar
_LEADING_ZEROS = re.compile(r"0{2,15}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

type Role = Literal["date", "time", "other"]
"""What a column is for: dates, times (of day or whole moments), anything else."""
type Value = str | int | float | bool | date | datetime | time | timedelta | None


class Cell(NamedTuple):
    """A cell's value, how many digits its number is shown with, and why it has none."""

    value: Value
    digits: int = 0
    problem: str = ""


EMPTY = Cell(None)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of a sheet; `number` counts on from sheet to sheet, so that it is the sheet's row in the first."""

    number: int
    cells: Sequence[Cell]

    def cell(self, index: int) -> Cell:
        return self.cells[index] if 0 <= index < len(self.cells) else EMPTY


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that people see."""

    name: str
    position: int


class Workbook:
    """An opened workbook. Raises UnreadableFileError for anything that is not a safe, whole XLSX."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._has_formulas = bool(check_workbook(stream))
        self._book = self._opened(values=True)
        self._formulas = self._opened(values=False) if self._has_formulas else None
        self.sheets = [
            Sheet(sheet.title, position)
            for position, sheet in enumerate(self._book.worksheets)
            if sheet.sheet_state == "visible"
        ]

    def _opened(self, *, values: bool) -> Any:
        from openpyxl import load_workbook

        with _readable():
            self._stream.seek(0)
            return load_workbook(self._stream, read_only=True, data_only=values, keep_links=False)

    def rows(self, sheet: Sheet, before: int = 0) -> Iterator[SheetRow]:
        """The rows of a sheet that are not empty; `before` rows are counted before its first."""
        number = before
        values = self._cells(self._book, sheet)
        formulas = self._cells(self._formulas, sheet) if self._formulas is not None else iter(())
        for row, other in zip_longest(values, formulas, fillvalue=()):
            number += 1
            if len(row) > MAX_COLUMNS and any(cell.value is not None for cell in row[MAX_COLUMNS:]):
                raise UnreadableFileError(f"row {number} has more than {MAX_COLUMNS} columns")
            cells = [_cell(cell, other[index] if index < len(other) else None) for index, cell in enumerate(row)]
            if any(cell.value is not None or cell.problem for cell in cells):
                yield SheetRow(number, cells)

    def _cells(self, book: Any, sheet: Sheet) -> Iterator[Sequence[Any]]:
        with _readable():
            # The size that a sheet gives of itself may be anything; rows come as they are.
            rows = book.worksheets[sheet.position]
            rows.reset_dimensions()
            found = rows.iter_rows(max_col=MAX_COLUMNS + 1)
        while True:
            with _readable():
                row = next(found, None)
            if row is None:
                return
            yield _without_tail(row)


def _without_tail(row: Sequence[Any]) -> Sequence[Any]:
    end = len(row)
    while end and row[end - 1].value is None:
        end -= 1
    return row[:end]


@contextmanager
def _readable() -> Iterator[None]:
    """A damaged part makes the library fail in any way; what it warns of is not of interest."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnreadableFileError:
        raise
    except Exception:  # noqa: BLE001 - whatever the file makes the library trip over
        raise UnreadableFileError("the workbook is damaged or no XLSX; open it in Excel and save it again") from None


def _cell(cell: Any, formula: Any) -> Cell:
    value = cell.value
    if value is None:
        if formula is not None and formula.data_type == "f":
            return Cell(None, 0, "holds a formula without a result; open the workbook in Excel and save it again")
        return EMPTY
    if cell.data_type == "e":
        return Cell(None, 0, f"shows the error {str(value)[:20]}")
    if isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
        return Cell(None, 0, f"is longer than {MAX_TEXT_CHARACTERS} characters")
    if isinstance(value, int) and not isinstance(value, bool):
        shown = str(cell.number_format or "")
        return Cell(value, len(shown) if _LEADING_ZEROS.fullmatch(shown) else 0)
    return Cell(value)


# --------------------------------------------------------------------------------------------------- texts


def cell_text(cell: Cell, role: Role, times: Times) -> str:
    """A cell as text. Dates and times that Excel knows as such are written as the profile reads them."""
    value = cell.value
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"{value:0{cell.digits}}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")
    if isinstance(value, timedelta):
        return _clock(value)
    if isinstance(value, time):
        return _time_text(value, role, times)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return _moment_text(_rounded(value), role, times)


def _rounded(moment: datetime) -> datetime:
    """Excel keeps moments as fractions of a day, which are seldom whole seconds."""
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def _clock(length: timedelta) -> str:
    seconds = round(length.total_seconds())
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}"
    return clock + (f":{seconds % 60:02}" if seconds % 60 else "")


def _time_text(value: time, role: Role, times: Times) -> str:
    moment = _rounded(datetime.combine(_ZERO_DATE, value))
    pattern = "%H:%M:%S" if moment.second else "%H:%M"
    if role == "time" and pattern not in times.time:
        pattern = times.time[0]
    return moment.strftime(pattern)


def _moment_text(moment: datetime, role: Role, times: Times) -> str:
    if role == "time" and moment.year < 1901:
        return _clock(moment - _ZERO_DATE)
    if role == "date" or (role == "other" and moment.time() == time()):
        pattern = times.date[0] if role == "date" and moment.time() == time() else "iso"
        return moment.strftime(pattern) if pattern != "iso" else _iso(moment)
    pattern = times.moment[0] if role == "time" else "iso"
    return moment.isoformat() if pattern == "iso" else moment.strftime(pattern)


def _iso(moment: datetime) -> str:
    return moment.date().isoformat() if moment.time() == time() else moment.isoformat()


# -------------------------------------------------------------------------------------------------- writing


def written(sheets: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """A workbook of texts: no cell is a number, a date or a formula, whatever it begins with."""
    from openpyxl import Workbook as NewWorkbook
    from openpyxl.cell import WriteOnlyCell

    book = NewWorkbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            cells = []
            for text in row:
                cell = WriteOnlyCell(sheet, "")
                cell.value = _CONTROLS.sub("", text)[: MAX_TEXT_CHARACTERS - 1]
                cell.data_type = "s"
                cell.number_format = "@"
                cells.append(cell)
            sheet.append(cells)
    data = BytesIO()
    book.save(data)
    return data.getvalue()
