"""Header and shape of a workbook that no built-in layout reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from functions.schedule_import.reading.row.values import read_clock_time
from local.schedules.guessing.sniffing import GuessError
from local.schedules.guessing.values import DATES, TIMES, patterns_of, reads_date
from local.schedules.guessing.words import says

_ROWS_ABOVE = 50
_WEEKDAY = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|ma|ti|ke|to|pe|la|su)[a-zäö]*\.?", re.IGNORECASE
)
_RANGE = re.compile(r"\s*(\S.*?)\s*(-|–|to)\s*(\S.*?)\s*")

type Row = tuple[Any, ...]


@dataclass(slots=True)
class Grid:
    """A sheet with a row an agent and a column a day, as a proposal on top of `amgtime-grid`."""

    document: dict[str, Any]
    found: list[str] = field(default_factory=list)
    doubts: list[tuple[str, str]] = field(default_factory=list)


def header_of(path: Path) -> list[str]:
    """The column names of the first sheet that has any. Raises GuessError."""
    for rows in _sheets(path):
        for number, row in enumerate(rows[:-1]):
            names = [str(cell).strip() for cell in row if isinstance(cell, str) and cell.strip()]
            filled = sum(cell not in (None, "") for cell in row)
            below = sum(cell not in (None, "") for cell in rows[number + 1])
            if len(names) >= 3 and len(names) == filled == len(set(names)) and below >= len(names) / 2:
                return names
    raise GuessError("no sheet has a header row of at least three names with rows below it")


def grid_of(path: Path) -> Grid | None:
    """A row an agent, a column a day, times such as 9:00-17:00 in the cells; None for another shape."""
    for rows in _sheets(path):
        for number, row in enumerate(rows[:-1]):
            days = [index for index, cell in enumerate(row) if _is_day(cell)]
            if len(days) >= 5:
                days, below = _filled_days(days, rows[number + 1 :])
                cells = [text for each in below for index in days if (text := _text(each, index))]
                ranges = [text for text in cells if _is_range(text)]
                if len(ranges) >= max(2, len(cells) / 3):
                    return _grid(rows[: number + 1], row, days, below, cells)
    return None


def _sheets(path: Path) -> Iterator[list[Row]]:
    workbook = load_workbook(path, read_only=True, data_only=True)
    try:
        for sheet in workbook.worksheets:
            if sheet.sheet_state == "visible":
                yield list(sheet.iter_rows(max_row=_ROWS_ABOVE + 50, values_only=True))
    finally:
        workbook.close()


def _is_day(cell: Any) -> bool:
    if isinstance(cell, date | datetime):
        return True
    text = str(cell or "").strip()
    return bool(_WEEKDAY.fullmatch(text)) or bool(text and any(reads_date(text, pattern) for pattern in DATES))


def _filled_days(days: list[int], below: list[Row]) -> tuple[list[int], list[Row]]:
    return days, [row for row in below if any(_text(row, index) for index in days)]


def _text(row: Row, index: int) -> str:
    return str(row[index]).strip() if index < len(row) and row[index] is not None else ""


def _is_range(text: str) -> bool:
    found = _RANGE.fullmatch(text)
    return bool(found and read_clock_time(found[1], TIMES) and read_clock_time(found[3], TIMES))


def _grid(above: list[Row], header: Row, days: list[int], below: list[Row], cells: list[str]) -> Grid:
    others = [index for index in range(days[0]) if any(_text(row, index) for row in below)]
    names = {index: _text(header, index) for index in others}
    numbered = [
        index for index in others if says(names[index], "number") or any(_text(row, index).isdigit() for row in below)
    ]
    agent = (numbered or others or [0])[0]
    off = sorted({text for text in cells if not _is_range(text)})[:20]
    document: dict[str, Any] = {
        "extends": "amgtime-grid",
        "title": "Grid with a row an agent and a column a day",
        "format": {"dayColumns": [get_column_letter(index + 1) for index in days], "emptyCell": "off", "off": off},
        "columns": {},
    }
    letter = get_column_letter(agent + 1)
    document["columns"] = {"C": letter} if letter != "C" else {}
    grid = Grid(document, [f"a grid: a row an agent, days in the columns {' '.join(document['format']['dayColumns'])}"])
    grid.doubts.append(
        ("agent", f"column {letter} ({names.get(agent) or 'without a name'}) is taken for the agent's employee id")
    )
    if off:
        grid.doubts.append(
            ("off", f"cells with {', '.join(off)} are taken for days off; shift codes need templates instead")
        )
    texts = [_text(row, index) for row in above for index in days if not isinstance(_cell(row, index), date)]
    dates = [text for text in texts if text and any(reads_date(text, pattern) for pattern in DATES)]
    patterns = patterns_of(dates, DATES, reads_date) if dates else None
    if patterns:
        document["format"]["datePatterns"] = list(patterns.rivals or patterns.chosen)
        if patterns.is_unsure:
            grid.doubts.append(("dates", f"dates could be day or month first: fix it ({' or '.join(patterns.rivals)})"))
    if not all(re.search("[apAP]", text) for text in cells if _is_range(text)):
        document["times"] = {"time": list(TIMES)}
    return grid


def _cell(row: Row, index: int) -> Any:
    return row[index] if index < len(row) else None
