"""Reading rows: good ones survive bad ones, and every bad one says line, column, reason."""

import pytest

from functions.schedule_import.profile import ScheduleProfile, SiteProfile, builtin_profile, resolve_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.segments import UnreadableFileError
from shared.dataverse.tables import utc_text

HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
CSV = builtin_profile("switchboard-csv")
NICE = builtin_profile("nice-iex")
NICE_HEADER = "#fields:excdate|schedDate|TZ|tvID|exc|start|stop"


def csv_bytes(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows]).encode()


def nice_bytes(*rows: str) -> bytes:
    return "\n".join([NICE_HEADER, *rows]).encode()


@pytest.mark.parametrize(
    ("row", "start", "end"),
    [
        pytest.param("a@x.example,2027-01-11T08:00:00Z,2027-01-11T16:00:00Z,Chat,,,,", "2027-01-11T08:00:00Z",
                     "2027-01-11T16:00:00Z", id="UTC"),
        pytest.param("a@x.example,2027-01-11T08:00+02:00,2027-01-11T16:00+02:00,Chat,,,,", "2027-01-11T06:00:00Z",
                     "2027-01-11T14:00:00Z", id="offsets"),
        pytest.param("a@x.example,2027-07-12T08:00,2027-07-12T16:00,Chat,,,,Europe/Helsinki", "2027-07-12T05:00:00Z",
                     "2027-07-12T13:00:00Z", id="wall clock and a zone in the row"),
        pytest.param('"a@x.example","2027-01-11T08:00:00Z","2027-01-11T16:00:00Z","Chat","Plan, with comma",,,',
                     "2027-01-11T08:00:00Z", "2027-01-11T16:00:00Z", id="quotes and a comma inside"),
    ],
)  # fmt: skip
def test_a_moment_is_read_in_its_zone(row: str, start: str, end: str) -> None:
    (segment,) = read_schedule(csv_bytes(row), CSV).segments
    assert (utc_text(segment.start), utc_text(segment.end)) == (start, end)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        pytest.param(",2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,", "MISSING_VALUE", "agent", id="no agent"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,,,,,", "MISSING_VALUE", "activity", id="no activity"),
        pytest.param("a@x,,2027-01-11T09:00Z,Chat,,,,", "MISSING_VALUE", "start", id="no start"),
        pytest.param("a@x,11.1.2027 8:00,2027-01-11T09:00Z,Chat,,,,", "BAD_TIME", "start", id="not ISO"),
        pytest.param("a@x,2027-02-30T08:00Z,2027-03-01T09:00Z,Chat,,,,", "BAD_TIME", "start", id="30 February"),
        pytest.param("a@x,2027-01-11,2027-01-12,Chat,,,,", "BAD_TIME", "start", id="a date alone"),
        pytest.param("a@x,0001-01-01T08:00Z,2027-01-11T09:00Z,Chat,,,,", "BAD_TIME", "start", id="year 1"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00,Chat,,,,UTC", "BAD_TIME", "end", id="one offset only"),
        pytest.param("a@x,2027-01-11T09:00Z,2027-01-11T09:00Z,Chat,,,,", "END_BEFORE_START", "end", id="no length"),
        pytest.param("a@x,2027-01-11T09:00,2027-01-11T08:00,Chat,,,,UTC", "END_BEFORE_START", "end", id="backwards"),
        pytest.param("a@x,2027-01-11T08:00,2027-01-11T09:00,Chat,,,,", "NO_TIME_ZONE", "time_zone", id="no zone"),
        pytest.param("a@x,2027-01-11T08:00,2027-01-11T09:00,Chat,,,,Mars/Base", "BAD_TIME_ZONE", "time_zone",
                     id="unknown zone"),
        pytest.param("a@x,2027-01-11T08:00,2027-01-11T09:00,Chat,,,,../../etc/passwd", "BAD_TIME_ZONE", "time_zone",
                     id="a path as zone"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,draft,,", "NOT_COMMITTED", "status", id="draft"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z," + "x" * 101 + ",,,,", "TOO_LONG", "activity",
                     id="101 characters"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat", "BAD_ROW", None, id="too few fields"),
        pytest.param("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,,,", "BAD_ROW", None, id="too many fields"),
    ],
)  # fmt: skip
def test_a_bad_row_is_reported_with_its_line_and_column_and_costs_no_other(
    row: str, code: str, column: str | None
) -> None:
    good = "b@x.example,2027-01-11T08:00:00Z,2027-01-11T16:00:00Z,Chat,,,,"
    reading = read_schedule(csv_bytes(good, row, good), CSV)
    (skip,) = reading.skipped
    assert (skip.row, skip.code, skip.column) == (3, code, column)
    assert skip.reason
    assert [segment.row for segment in reading.segments] == [2, 4]
    assert reading.rows == 3


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "empty", id="no bytes"),
        pytest.param(b" \r\n\r\n", "empty", id="blank lines"),
        pytest.param(HEADER.encode(), "no rows", id="header only"),
        pytest.param(b"Name;Phone;City\n1;2;3\n", "lacks agent, start, end, activity", id="another table"),
        pytest.param(b"agent,agent,start,end,activity\n", "agent more than once", id="a column twice"),
        pytest.param((HEADER + "\n\x00").encode(), "NUL", id="a NUL"),
        pytest.param(HEADER.encode() + b"\nJ\xfcrgen", "line 2 holds byte 0xFC", id="cp1252"),
        pytest.param(b"PK\x03\x04\x14\x00\x06\x00", "lacks|NUL|not UTF-8", id="a spreadsheet"),
    ],
)
def test_an_unreadable_file_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        read_schedule(data, CSV)


def test_a_line_break_inside_quotes_does_not_shift_the_line_numbers() -> None:
    rows = ('a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,"two\nlines",,,', "b@x,bad,2027-01-11T09:00Z,Chat,,,,")
    reading = read_schedule(csv_bytes(*rows), CSV)
    assert [segment.row for segment in reading.segments] == [2]
    assert [skip.row for skip in reading.skipped] == [4]


@pytest.mark.parametrize(
    "bad", ['"a@x,never closed', 'a@x,"x"y,2027-01-11T09:00Z,Chat,,,,', '"a@x', 'a@x,2027-01-11T08:00Z,"', '",",x']
)
def test_a_stray_quote_costs_its_own_line_only(bad: str) -> None:
    good = 'b@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,"Plan ""A""",,,'
    reading = read_schedule(csv_bytes(good, bad, good, good), CSV)
    assert [segment.row for segment in reading.segments] == [2, 4, 5]
    assert [(skip.row, skip.code) for skip in reading.skipped] == [(3, "BAD_ROW")]


def test_another_separator_is_recognised() -> None:
    with pytest.raises(UnreadableFileError, match="separates columns by ',', the file perhaps by ';'"):
        read_schedule(HEADER.replace(",", ";").encode() + b"\n1;2;3\n", CSV)


def test_utf16_and_a_byte_order_mark_are_read() -> None:
    row = "Åsa@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,"
    text = csv_bytes(row).decode()
    for data in (text.encode("utf-16"), text.encode("utf-8-sig")):
        assert read_schedule(data, CSV).segments[0].agent == "Åsa@x"


@pytest.mark.parametrize(
    ("row", "start", "end"),
    [
        pytest.param("10302026||US/Eastern|1|Chat|08:00|10:00", "2026-10-30T12:00:00Z", "2026-10-30T14:00:00Z",
                     id="24 hours"),
        pytest.param("10302026||US/Eastern|1|Chat|08:00 AM|10:00 PM", "2026-10-30T12:00:00Z", "2026-10-31T02:00:00Z",
                     id="12 hours"),
        pytest.param("10302026||US/Eastern|1|Chat|22:00|06:00", "2026-10-31T02:00:00Z", "2026-10-31T10:00:00Z",
                     id="a stop before the start is the next day"),
        pytest.param("10302026||US/Eastern|1|Chat|00:00|24:00", "2026-10-30T04:00:00Z", "2026-10-31T04:00:00Z",
                     id="24:00 ends the day"),
        pytest.param("10302026||US/Eastern|1|Chat|22:00|25:00", "2026-10-31T02:00:00Z", "2026-10-31T05:00:00Z",
                     id="25:00 counts on"),
        pytest.param("11012026||US/Eastern|1|Chat|00:00|24:00", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z",
                     id="a day of 25 hours"),
    ],
)  # fmt: skip
def test_nice_iex_times(row: str, start: str, end: str) -> None:
    (segment,) = read_schedule(nice_bytes(row), NICE).segments
    assert (utc_text(segment.start), utc_text(segment.end)) == (start, end)


def test_columns_may_stand_in_any_order_and_the_mark_may_be_absent() -> None:
    data = b"stop|start|exc|tvID|TZ|excdate|more\n10:00|08:00|Chat|007|US/Eastern|10302026|x\n"
    (segment,) = read_schedule(data, NICE).segments
    assert (segment.agent, segment.shift_date.isoformat()) == ("007", "2026-10-30")


def test_a_layout_without_any_zone_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableFileError, match=r"set timeZone in config/schedule-profiles/nice-iex\.json"):
        read_schedule(b"excdate|tvID|exc|start|stop\n10302026|1|Chat|08:00|09:00\n", NICE)


def site(**said: object) -> ScheduleProfile:
    return resolve_profile("nice-iex", SiteProfile.model_validate({"extends": "nice-iex", **said}))


def test_a_site_document_fixes_zone_and_renames_columns() -> None:
    profile = site(timeZone="Europe/Helsinki", columns={"tvID": "Mitarbeiter", "exc": "Tätigkeit"})
    data = "excdate|Mitarbeiter|Tätigkeit|start|stop\n01112027|7|Chat|08:00|09:00\n".encode()
    (segment,) = read_schedule(data, profile).segments
    assert (segment.agent, segment.activity, utc_text(segment.start)) == ("7", "Chat", "2027-01-11T06:00:00Z")
