"""Workbooks as containers: cells as text, tables and grids, and the checks before anything is parsed."""

import io
import time as clock
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from functions.schedule_import.profile import ScheduleProfile, SiteProfile, resolve_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent, Numbered
from functions.schedule_import.reading.segments import Reading, Skip, UnreadableFileError
from functions.schedule_import.reading.workbook import archives, grid_rows, xlsx_rows
from tests.unit.functions.schedule_import.reading import site_profile

TABLE = ScheduleProfile.model_validate({
    "name": "x", "title": "x", "identity": "employeeid", "format": {"kind": "xlsx"}, "timeZone": "Europe/Berlin",
    "sources": [{
        "fields": {"agent": "Nr", "date": "Tag", "start": "Von", "end": "Bis", "activity": "Was"},
        "required": ["Nr", "Tag", "Von", "Bis"],
        "times": {"date": ["%d.%m.%Y"], "time": ["%H:%M"]},
        "defaultActivity": "Work",
    }],
})  # fmt: skip
GRID = resolve_profile(
    "amgtime-grid", SiteProfile.model_validate({"extends": "amgtime-grid", "timeZone": "Europe/Berlin"})
)
HEADER = ["Nr", "Tag", "Von", "Bis", "Was"]


def saved(*sheets: list[list[Any]], change: Callable[[Workbook], None] | None = None) -> bytes:
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def file(data: bytes, name: str = "x.xlsx") -> FileContent:
    return FileContent(name, io.BytesIO(data))


def read(data: bytes, profile: ScheduleProfile = TABLE, name: str = "x.xlsx") -> Reading:
    return read_schedule(file(data, name), profile)


def said(reading: Reading) -> list[tuple[int, str, str, str, str]]:
    return [
        (item.row, item.agent, f"{item.start:%d %H:%M}", f"{item.end:%d %H:%M}", item.activity)
        for item in reading.segments
    ]


DAY = date(2027, 3, 22)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(["00017", DAY, time(8), time(16)], id="a date and times of day"),
        pytest.param(["00017", datetime.combine(DAY, time()), time(8), time(16)], id="midnight as a date"),
        pytest.param(["00017", "22.03.2027", "08:00", "16:00"], id="texts"),
        pytest.param(["00017", DAY, timedelta(hours=8), timedelta(hours=16)], id="lengths for times"),
        pytest.param(
            ["00017", DAY, datetime.combine(DAY, time(8)), datetime.combine(DAY, time(16))], id="whole moments"
        ),
    ],
)
def test_cells_that_excel_knows_as_dates_and_times(row: list[Any]) -> None:
    assert said(read(saved([HEADER[:4], row]))) == [(2, "00017", "22 07:00", "22 15:00", "Work")]


def test_times_that_excel_keeps_as_uneven_fractions_are_whole() -> None:
    def serials(book: Workbook) -> None:
        sheet = book.worksheets[0]
        for cell, value, shown in (("B2", 46468, "dd.mm.yyyy"), ("C2", 8 / 24 + 1e-9, "hh:mm"), ("D2", 1.0, "[h]:mm")):
            sheet[cell].value, sheet[cell].number_format = value, shown

    assert said(read(saved([HEADER, ["00017", None, None, None, "Chat"]], change=serials))) == [
        (2, "00017", "22 07:00", "22 23:00", "Chat")
    ]


@pytest.mark.parametrize(
    ("value", "shown", "agent"),
    [
        pytest.param("00017", None, "00017", id="text with leading zeros"),
        pytest.param(5000, None, "5000", id="a number"),
        pytest.param(5000.0, "0.00", "5000", id="a number with a fraction of nothing"),
        pytest.param(17, "00000", "00017", id="a number shown with leading zeros"),
        pytest.param(1234567890123, None, "1234567890123", id="a number of many digits"),
        pytest.param(" 17 ", None, "17", id="spaces around"),
    ],
)
def test_agents_as_text(value: Any, shown: str | None, agent: str) -> None:
    def change(book: Workbook) -> None:
        book.worksheets[0]["A2"].number_format = shown or "General"

    data = saved([HEADER, [value, DAY, time(8), time(9), "x"]], change=change)
    assert [segment.agent for segment in read(data).segments] == [agent]


def test_the_header_may_stand_below_a_title_and_on_several_sheets() -> None:
    row = ["1", DAY, time(8), time(9), "x"]
    data = saved([["Plan"], [], HEADER, row, [None], row], [["nothing"]], [[*reversed(HEADER)], [*reversed(row)]])
    # Rows count on through the sheets, so that every one has a number of its own.
    assert [item[0] for item in said(read(data))] == [4, 6, 9]


def test_a_header_is_known_whatever_its_case() -> None:
    row = ["00017", DAY, time(8), time(12), "Chat"]
    expected = [(2, "00017", "22 07:00", "22 11:00", "Chat")]
    assert said(read(saved([[f" {name.upper()} " for name in HEADER], row]))) == expected
    refused = saved([[*HEADER, "VON"], [*row, time(9)]])
    with pytest.raises(UnreadableFileError, match="Von more than once"):
        read(refused)


def test_a_grid_s_header_is_known_whatever_its_case() -> None:
    template = [{"start": "08:00", "end": "12:00", "activity": "Work"}]
    profile = site_profile("ukg-template", timeZone="UTC", startDate="2027-03-22", templates={"D8": template})
    header = ["Employee Id", "Employee Name", "org job ", "Roll Out", "day 1"]
    assert said(read(saved([header, ["00017", "Asa", "Desk", "Yes", "D8"]]), profile)) == [
        (2, "00017", "22 08:00", "22 12:00", "Work")
    ]


def test_hidden_sheets_are_not_read() -> None:
    def hide(book: Workbook) -> None:
        book.worksheets[1].sheet_state = "hidden"

    row = ["1", DAY, time(8), time(9), "x"]
    assert len(read(saved([HEADER, row], [HEADER, row], change=hide)).segments) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("=1+1", "formula without a result", id="a formula that Excel has not computed"),
        pytest.param("#REF!", "shows the error #REF!", id="an error"),
    ],
)
def test_formulas_and_errors_are_no_values(value: str, reason: str) -> None:
    good = ["1", DAY, time(8), time(9), "x"]
    reading = read(saved([HEADER, ["1", DAY, value, time(9), "x"], good]))
    assert [(skip.row, skip.code, skip.column) for skip in reading.skipped] == [(2, "BAD_ROW", "Von")]
    assert reason in reading.skipped[0].reason
    assert len(reading.segments) == 1


def test_the_result_of_a_formula_that_excel_has_kept_is_read() -> None:
    data = saved([HEADER, ["=A9", DAY, time(8), time(9), "x"]])
    kept = _replaced(data, "xl/worksheets/sheet1.xml", b"<f>A9</f><v></v>", b"<f>A9</f><v>17</v>")
    kept = _replaced(kept, "xl/worksheets/sheet1.xml", b"<f>A9</f><v />", b"<f>A9</f><v>17</v>")
    assert [segment.agent for segment in read(kept).segments] == ["17"]


def _replaced(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(old, new) if name == part else content)
    return out.getvalue()


def _with_part(part: str, content: bytes, *, to: bytes | None = None) -> bytes:
    out = io.BytesIO()
    data = to or saved([HEADER])
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
        target.writestr(part, content)
    return out.getvalue()


def sheet_of(rows: bytes) -> bytes:
    return (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + rows
        + b"</sheetData></worksheet>"
    )


SHEET = "xl/worksheets/sheet1.xml"


def _lying(size: int) -> bytes:
    """A workbook whose directory gives another size for a sheet."""
    data = bytearray(_with_part(SHEET, sheet_of(b" " * 3_000_000)))
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x05\x06"))
    data[entry + 24 : entry + 28] = size.to_bytes(4, "little")
    return bytes(data)


def _encrypted() -> bytes:
    data = bytearray(saved([HEADER]))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    return bytes(data)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "CSV": (lambda: b"Name;Phone;City\n", "no XLSX workbook"),
    "a password or XLS": (lambda: bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "password"),
    "encrypted parts": (_encrypted, "password"),
    "cut": (lambda: saved([HEADER])[:-200], "cut or damaged"),
    "an archive": (lambda: _archive({"a.txt": b"x"}), "no XLSX workbook"),
    "a bomb of 200 MB": (lambda: _with_part(SHEET, b"0" * 100 * 2**20, to=_with_part("xl/x.xml", b"0" * 100 * 2**20)),
                         "inflates to"),
    "100 times its size": (lambda: _with_part(SHEET, b"<row r='1'/>" * 1_000_000), "100 times|far more rows"),
    "300 parts": (lambda: _archive({f"{number}.xml": b"x" for number in range(300)}), "300 parts"),
    "a part outside": (lambda: _with_part("../../evil.xml", b"x"), "outside of itself"),
    "an absolute part": (lambda: _with_part("/etc/evil.xml", b"x"), "outside of itself"),
    "entities": (lambda: _with_part(SHEET, b'<!DOCTYPE r [<!ENTITY a "x">]>' + sheet_of(b"")), "document type"),
    "entities in UTF-16": (
        lambda: _with_part(SHEET, ('<!DOCTYPE r [<!ENTITY a "x">]>' + sheet_of(b"").decode()).encode("utf-16")),
        "not UTF-8",
    ),
    "entities in EBCDIC": (
        lambda: _with_part(SHEET, b'<?xml version="1.0" encoding="cp037"?>' + "<!DOCTYPE r>".encode("cp037")),
        "not UTF-8",
    ),
    "entities where two pieces meet": (
        lambda: _with_part(SHEET, b" " * (256 * 1024 - 4) + b'<!DOCTYPE r [<!ENTITY a "x">]>' + sheet_of(b"")),
        "document type",
    ),
    "a header that says less": (lambda: _lying(100), "cut or damaged"),
    "a header that says more": (lambda: _lying(2**31), "inflates to"),
    "a row of 200,000 cells": (lambda: _with_part(SHEET, sheet_of(b"<row>" + b'<c t="x"/>' * 200_000 + b"</row>")),
                               "far more rows or cells|100 times"),
    "a column too far": (lambda: saved([HEADER, [*["x"] * 600]]), "more than 500 columns"),
    "no such header": (lambda: saved([["Name", "Phone"]]), "no sheet has a header with Nr, Tag, Von, Bis"),
    "a header twice": (lambda: saved([[*HEADER, "Von"]]), "Von more than once"),
    "a sheet that is no XML": (lambda: _with_part(SHEET, b"<worksheet"), "damaged"),
    "no workbook part": (lambda: _with_part("xl/workbook.xml", b"<x/>"), "damaged|no sheet"),
}  # fmt: skip


def _archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_workbook_that_is_none_or_not_safe_is_refused_with_its_reason(name: str) -> None:
    made, reason = HOSTILE[name]
    with pytest.raises(UnreadableFileError, match=reason):
        read(made())


def test_a_bomb_costs_neither_time_nor_memory() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open(SHEET, "w", force_zip64=False) as part:
            for number in range(200):
                part.write(f"<row r='{number}'><c><v>1</v></c></row>".encode() * 28_000)
    data = out.getvalue()
    assert len(data) < 2_000_000
    tracemalloc.start()
    begun = clock.perf_counter()
    with pytest.raises(UnreadableFileError, match=r"inflates to"):
        archives.check_workbook(io.BytesIO(data))
    assert clock.perf_counter() - begun < 0.2
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_macros_are_not_looked_at() -> None:
    data = _with_part("xl/vbaProject.bin", b"macro", to=saved([HEADER, ["1", DAY, time(8), time(9), "x"]]))
    assert len(read(data, name="x.xlsm").segments) == 1


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is() -> None:
    data = saved([HEADER, ["1", DAY, time(8), time(9), "x"]])
    for old in (b'ref="A1:E2"',):
        data = _replaced(data, SHEET, old, b'ref="A1:XFD1048576"')
    assert len(read(data).segments) == 1


# --------------------------------------------------------------------------------------------------- grids

LETTERS = "EGIKMOQ"


def week(cells: dict[str, Any], dates: dict[str, Any] | None = None, title: str = "Week") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for letter, text in (dates or {letter: DAY + timedelta(days=n) for n, letter in enumerate(LETTERS)}).items():
        sheet[f"{letter}2"] = text
    sheet["C1"], sheet["C3"] = "Code", "00001"
    for letter in LETTERS:
        sheet[f"{letter}3"] = cells.get(letter, "OFF")
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    "dates",
    [
        pytest.param({letter: DAY + timedelta(days=n) for n, letter in enumerate(LETTERS)}, id="dates"),
        pytest.param({"E": "03/22/2027", "G": "3/23/2027"}, id="texts, not all there"),
        pytest.param({"E": "Mon 03/22/2027"}, id="one with its weekday"),
        pytest.param({"Q": "03/28/2027"}, id="only the last"),
        pytest.param({"A": "Week of 03/22/2027 to 03/28/2027"}, id="in a title"),
    ],
)
def test_the_dates_of_a_grid(dates: dict[str, Any]) -> None:
    reading = read(week({"G": "10:00p-6:00a"}, dates), GRID)
    assert said(reading) == [(3, "00001", "23 21:00", "24 05:00", "Work")]
    assert [segment.shift_date for segment in reading.segments] == [date(2027, 3, 23)]


@pytest.mark.parametrize("cell", ["9:00 AM-5:00 PM", "9:00am-5:00pm", "9:00a - 5:00p", "9a-5p", "09:00-17:00"])
def test_other_spellings_than_the_layouts_are_refused(cell: str) -> None:
    (skip,) = read(week({"E": cell}), GRID).skipped
    assert (skip.column, skip.reason) == ("E3", f"{cell!r} is not written as 9:00a-5:00p")


@pytest.mark.parametrize("cell", [None, "VAC"])
def test_a_first_row_that_says_nothing_readable_is_no_header(cell: str | None) -> None:
    header = ["Name", None, "Code", None, *[each for day in range(22, 29) for each in (f"03/{day}/2027", None)]]
    rows = [["", None, "00001", None, *7 * [cell, None]], ["", None, "00002", None, *7 * ["9:00a-5:00p", None]]]
    reading = read(saved([header, *rows]), GRID)
    assert [(skip.row, skip.column) for skip in reading.skipped] == [(2, f"{letter}2") for letter in LETTERS]
    assert {segment.agent for segment in reading.segments} == {"00002"}


@pytest.mark.parametrize(
    ("columns", "shift"),
    [
        pytest.param({"C": "D", **{old: chr(ord(old) + 1) for old in LETTERS}}, 1, id="letters"),
        pytest.param({"C": "code", "E": "03/22/2027"}, 0, id="names"),
    ],
)
def test_the_letters_of_a_grid_are_columns_that_a_site_renames(columns: dict[str, str], shift: int) -> None:
    header = ["Name", None, "Code", None, *[each for day in range(22, 29) for each in (f"03/{day}/2027", None)]]
    row = ["", None, "00001", None, "9:00a-5:00p", *6 * [None, "OFF"]]
    profile = site_profile("amgtime-grid", timeZone="Europe/Berlin", columns=columns)
    reading = read(saved([[*shift * [None], *header], [*shift * [None], *row]]), profile)
    assert said(reading) == [(2, "00001", "22 08:00", "22 16:00", "Work")]


TEMPLATE = ["EMPLOYEE ID", "EMPLOYEE NAME", "ORG JOB", "ROLL OUT"]
UKG: dict[str, Any] = {
    "timeZone": "UTC",
    "startDate": "2027-03-22",
    "templates": {"D8": {"start": "8:00", "end": "9:00:30"}},
}


def test_days_of_a_template_may_have_names_of_their_own() -> None:
    data = saved([[*TEMPLATE, "Day 1", "Dienstag"], ["00017", "", "", "Yes", "D8", "D8"]])
    reading = read(data, site_profile("ukg-template", **UKG, columns={"Day 2": "Dienstag"}))
    assert [f"{segment.start:%d %H:%M} {segment.end:%H:%M:%S} {segment.activity}" for segment in reading.segments] == [
        "22 08:00 09:00:30 Work", "23 08:00 09:00:30 Work"]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "start", "reason"), [(92, "2027-03-22", "more than 91"), (7, "3/22/2027", "startDate")]
)
def test_a_template_that_is_too_long_or_begins_nowhere_is_refused(days: int, start: str, reason: str) -> None:
    data = saved([[*TEMPLATE, *(f"Day {day}" for day in range(1, days + 1))], ["00017", "", "", "Yes", "D8"]])
    with pytest.raises(UnreadableFileError, match=reason):
        read(data, site_profile("ukg-template", **UKG | {"startDate": start}))


def test_a_sheet_s_name_may_hold_its_date() -> None:
    assert said(read(week({"E": "9:00a-5:00p"}, {"A": "Plan"}, "03-22-2027"), GRID))[0][2] == "22 08:00"


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        pytest.param({"A": "Plan"}, "no dates above its days", id="no dates"),
        pytest.param({"E": "03/22/2027", "G": "03/25/2027"}, "do not follow each other", id="a gap"),
    ],
)
def test_a_grid_whose_days_nobody_knows_is_refused(dates: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(week({"E": "9:00a-5:00p"}, dates), GRID)


def test_a_day_off_counts_and_an_empty_cell_is_an_error() -> None:
    reading = read(week({"E": "9:00a-5:00p", "G": None, "I": "off", "K": "9-5", "M": "sick"}), GRID)
    assert [segment.shift_date for segment in reading.segments] == [DAY]
    assert [(skip.row, skip.code, skip.column) for skip in reading.skipped] == [
        (3, "BAD_TIME", "G3"), (3, "BAD_TIME", "K3"), (3, "BAD_TIME", "M3")
    ]  # fmt: skip
    assert [(day.agent, day.day) for day in reading.protected] == [
        ("00001", DAY + timedelta(days=days)) for days in (1, 3, 4)
    ]
    assert {day.day for day in reading.days_without_work} == {DAY + timedelta(days=days) for days in (2, 5, 6)}


def test_rejected_days_come_back_with_the_others_free() -> None:
    data = week({"E": "9:00a-5:00p", "G": "9-5", "I": "sick"})
    rejected, content_type = grid_rows.write_rejected(file(data), GRID, {3: "G3: no time; I3: no time"})
    assert content_type.endswith("spreadsheetml.sheet")
    cells = [cell.value for cell in load_workbook(io.BytesIO(rejected)).worksheets[0][3]]
    assert [cells["ABCDEFGHIJKLMNOPQ".index(letter)] for letter in LETTERS] == ["OFF", "9-5", "sick", *["OFF"] * 4]
    assert cells[-1] == "G3: no time; I3: no time"
    again = read(rejected, GRID, "x.xlsx.rejected.xlsx")
    assert [skip.column for skip in again.skipped] == ["G3", "I3"]
    assert again.dropped_again


def test_rejected_rows_of_a_table_are_texts_whatever_they_begin_with() -> None:
    row = ["00017", DAY, time(8), time(9), '=HYPERLINK("http://x.example","open")']
    data = saved([HEADER, row, ["2", DAY, time(8), time(9), "x"]], change=_as_text)
    rejected, _ = xlsx_rows.write_rejected(file(data), TABLE, {2: "=1+1 is no activity"})
    sheet = load_workbook(io.BytesIO(rejected)).worksheets[0]
    assert [cell.data_type for cell in sheet[2]] == ["s"] * 6
    assert [cell.value for cell in sheet[2]] == [
        "00017",
        "22.03.2027",
        "08:00",
        "09:00",
        row[-1],
        "=1+1 is no activity",
    ]
    again = read(rejected, TABLE, "x.rejected.xlsx")
    assert said(again) == [(2, "00017", "22 07:00", "22 08:00", row[-1])]


def _as_text(book: Workbook) -> None:
    book.worksheets[0]["E2"].data_type = "s"


def test_cells_of_a_container_by_column() -> None:
    container = xlsx_rows.open_container(file(saved([HEADER, ["1", DAY, time(8), time(9), "x"]])), TABLE)
    (row,) = container.records(TABLE.sources[0])
    assert isinstance(row, Numbered)
    assert not isinstance(row, Skip)
    assert container.getter(TABLE.sources[0], "Nowhere") is None


def test_a_table_that_is_csv_elsewhere_may_come_as_a_workbook() -> None:
    site = {"extends": "amgtime-csv", "timeZone": "Europe/Berlin", "format": {"kind": "xlsx"}}
    profile = resolve_profile("amgtime-csv", SiteProfile.model_validate(site))
    header = ["Code", "Name", "Date", "Work", "Start", "Stop", "Lunch Elapsed Time", "Lunch Duration",
              "Break Elapsed Time", "Break Duration"]  # fmt: skip
    rows = [
        ["00017", "x", DAY, "Yes", time(22), time(6), None, None, None, None],
        ["00018", "x", DAY, "No", None, None, None, None, None, None],
    ]
    assert [item[:4] for item in said(read(saved([header, *rows]), profile))] == [(2, "00017", "22 21:00", "23 05:00")]
