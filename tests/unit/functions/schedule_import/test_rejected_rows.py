"""Rejected rows in the file's own layout: harmless to spreadsheets, and read again after they were mended."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.rejected import write_rejected
from functions.schedule_import.reading.rejected_cells import with_mark, without_mark
from tests.unit.functions.schedule_import.reading import SAMPLES, file_of, read, site_profile

CSV = site_profile("switchboard-csv", timeZone="Europe/Helsinki")
NICE = site_profile("nice-iex")
HEADER = "agent,start,end,activity,plan\n"


def rejected(data: bytes | str, profile: ScheduleProfile, reasons: dict[int, str], name: str = "week.csv") -> bytes:
    written = write_rejected(file_of(data, name), profile, reasons)
    assert written is not None
    return written[0]


def test_only_the_rows_with_a_reason_are_written() -> None:
    data = HEADER + "a@x,1,2,Chat,\nb@x,3,4,Chat,\nc@x,5,6,Chat,\n"
    assert rejected(data, CSV, {4: "second", 2: "first"}).decode() == (
        "agent,start,end,activity,plan,reason\na@x,1,2,Chat,,first\nc@x,5,6,Chat,,second\n"
    )


def test_a_file_without_reasons_is_none() -> None:
    assert write_rejected(file_of(HEADER + "a@x,1,2,Chat,\n"), CSV, {}) is None


def test_no_cell_is_a_formula() -> None:
    data = HEADER + '=1+1,+2,-3,@SUM(A1),"\tx"\n'
    written = rejected(data, CSV, {2: "=cmd|' /C calc'!A0"}).decode()
    cells = next(csv.reader(io.StringIO(written.partition("\n")[2])))
    assert cells == ["'=1+1", "'+2", "'-3", "'@SUM(A1)", "'\tx", "'=cmd|' /C calc'!A0"]


@given(st.text(alphabet="'=+-@\t\r\0ab", max_size=6))
@example("'=")
def test_a_cell_comes_back_as_it_was(cell: str) -> None:
    assert without_mark(with_mark(cell)) == cell
    assert with_mark(cell)[:1] not in tuple("=+-@\t\r\0")


def test_a_mended_row_is_read_as_it_was_meant() -> None:
    data = HEADER + "-a@x,2027-03-22T08:00,2027-03-22T07:00,Chat,'=P\nb@x,2027-03-22T08:00,2027-03-22T09:00,Chat,\n"
    written = rejected(data, CSV, {2: "the end is not after the start"})
    mended = written.replace(b"T07:00", b"T09:00")
    reading = read(mended, CSV, "week.rejected.csv")
    assert [(each.agent, each.plan) for each in reading.segments] == [("-a@x", "'=P")]
    assert reading.dropped_again
    assert not read(data, CSV).dropped_again


@pytest.mark.parametrize(
    ("reason", "is_ours"), [("end: the end is not after the start", True), ("sick", False), ("", False)]
)
def test_rejected_rows_are_known_by_their_reasons_too(reason: str, is_ours: bool) -> None:
    """A planner may save them under another name; a column of another system's may have that name."""
    data = HEADER + "-a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,'=P\n"
    reading = read(rejected(data, CSV, {2: reason}), CSV, "mended.csv")
    assert reading.dropped_again is is_ours
    assert [each.plan for each in reading.segments] == (["'=P"] if is_ours else ["''=P"])


def test_rows_rejected_again_have_one_column_of_reasons() -> None:
    first = rejected(HEADER + "-a@x,1,2,Chat,\n", CSV, {2: "one"})
    again = rejected(first, CSV, {2: "two"}, "week.rejected.csv")
    assert again.decode() == "agent,start,end,activity,plan,reason\n'-a@x,1,2,Chat,,two\n"


def test_delimiter_encoding_mark_and_line_ends_are_those_of_the_file() -> None:
    german = (SAMPLES / "amgtime_excel-de_cp1252_semicolon.csv").read_bytes()
    profile = site_profile("amgtime-csv", timeZone="Europe/Berlin")
    lines = rejected(german, profile, {3: "why"}).split(b"\r\n")
    assert lines[0] == german.split(b"\r\n")[0] + b";reason"
    assert lines[1] == german.split(b"\r\n")[2] + b";why"
    talkdesk = (SAMPLES / "talkdesk_wfm_team_schedule_report_20270320.csv").read_bytes()
    profile = site_profile("talkdesk", timeZone="Europe/Helsinki")
    assert rejected(talkdesk, profile, {2: "why"}) == b"\r\n".join(
        [talkdesk.split(b"\r\n")[0] + b",reason", talkdesk.split(b"\r\n")[1] + b",why", b""]
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_characters_stay_wide(encoding: str) -> None:
    mark = "\ufeff".encode(encoding)
    data = mark + (HEADER + "Åsa,1,2,Chat,\n").encode(encoding)
    written = rejected(data, CSV, {2: "why"})
    assert written.startswith(mark)
    assert written.decode("utf-16").splitlines()[1] == "Åsa,1,2,Chat,,why"


def test_a_layout_without_quotes_keeps_its_rows_whole() -> None:
    data = '#fields:tvID|excdate|start|stop|exc|TZ\n1|10302026|8|9|a "b"|US/Eastern\n'
    written = rejected(data, NICE, {2: "neither 8|9\nnor else"}).decode()
    assert written.splitlines() == [
        "#fields:tvID|excdate|start|stop|exc|TZ|reason",
        '1|10302026|8|9|a "b"|US/Eastern|neither 8 9 nor else',
    ]


def test_rows_that_cannot_be_taken_apart_are_written_all_the_same() -> None:
    data = HEADER + 'a@x,1\nb@x,"1"2,3,Chat,\nc@x,1,2,Chat,P,more\nd@x,1,2,Chat,P\n'
    lines = rejected(data, CSV, {2: "short", 3: "quote", 4: "long"}).decode().splitlines()
    assert lines[1:] == ["a@x,1,,,,short", 'b@x,"""1""2",3,Chat,,quote', "c@x,1,2,Chat,P,more,long"]
