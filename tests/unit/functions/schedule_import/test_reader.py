"""Reading rows: good ones survive bad ones, and every bad one says line, column, reason."""

import pytest

from functions.schedule_import.profile import builtin_profile
from functions.schedule_import.reading.segments import UnreadableFileError
from shared.dataverse.tables import utc_text
from tests.unit.functions.schedule_import.reading import read, site_profile

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
    (segment,) = read(csv_bytes(row), CSV).segments
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
    reading = read(csv_bytes(good, row, good), CSV)
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
        pytest.param(b"Name;Phone;City\n1;2;3\n", "lacks agent, start, end, activity", id="another table"),
        pytest.param(b"agent,agent,start,end,activity\n", "agent more than once", id="a column twice"),
        pytest.param((HEADER + "\n\x00").encode(), "NUL", id="a NUL"),
        pytest.param(HEADER.encode() + b"\nJ\xfcrgen", "middle of the row in line 2", id="half a row"),
        pytest.param(HEADER.encode() + b"\nJ\x81rgen,,,,,,,\n", "line 2 holds byte 0x81", id="no encoding"),
        pytest.param(
            HEADER.encode() + b"\n\xc3\xa4,,,,,,,\nJ\xfcrgen,,,,,,,\n", "line 3 holds byte 0xFC", id="damaged"
        ),
        pytest.param(b"\xff\xfe" + HEADER.encode("utf-16-le") + b"\n", "UTF-16", id="half a UTF-16 character"),
        pytest.param(HEADER.encode() + b"\n" + b"x" * 1_200_000, "line 2 goes on", id="a line without an end"),
        pytest.param(",".join(f"c{n}" for n in range(501)).encode(), "501 columns", id="columns"),
        pytest.param(b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV", id="a spreadsheet"),
    ],
)
def test_an_unreadable_file_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        read(data, CSV)


def test_a_line_break_inside_quotes_does_not_shift_the_line_numbers() -> None:
    rows = ('a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,"two\nlines",,,', "b@x,bad,2027-01-11T09:00Z,Chat,,,,")
    reading = read(csv_bytes(*rows), CSV)
    assert [segment.row for segment in reading.segments] == [2]
    assert [skip.row for skip in reading.skipped] == [4]


@pytest.mark.parametrize(
    "bad", ['"a@x,never closed', 'a@x,"x"y,2027-01-11T09:00Z,Chat,,,,', '"a@x', 'a@x,2027-01-11T08:00Z,"', '",",x']
)
def test_a_stray_quote_costs_its_own_line_only(bad: str) -> None:
    good = 'b@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,"Plan ""A""",,,'
    reading = read(csv_bytes(good, bad, good, good), CSV)
    assert [segment.row for segment in reading.segments] == [2, 4, 5]
    assert [(skip.row, skip.code) for skip in reading.skipped] == [(3, "BAD_ROW")]


def test_another_separator_is_recognised() -> None:
    rows = (f"a@x{sign}2027-01-11T08:00Z{sign}2027-01-11T09:00Z{sign}Chat{sign * 4}" for sign in ";\t|")
    for sign, row in zip(";\t|", rows, strict=True):
        (segment,) = read(f"{HEADER.replace(',', sign)}\n{row}\n".encode(), CSV).segments
        assert segment.agent == "a@x"


def test_utf16_and_a_byte_order_mark_are_read() -> None:
    row = "Åsa@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,"
    text = csv_bytes(row).decode()
    for data in (text.encode("utf-16"), text.encode("utf-8-sig")):
        assert read(data, CSV).segments[0].agent == "Åsa@x"


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
    (segment,) = read(nice_bytes(row), NICE).segments
    assert (utc_text(segment.start), utc_text(segment.end)) == (start, end)


def test_columns_may_stand_in_any_order_and_the_mark_may_be_absent() -> None:
    data = b"stop|start|exc|tvID|TZ|excdate|more\n10:00|08:00|Chat|007|US/Eastern|10302026|x\n"
    (segment,) = read(data, NICE).segments
    assert (segment.agent, segment.shift_date) == ("007", None)


def test_a_layout_without_any_zone_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableFileError, match=r"set timeZone in config/schedule-profiles/nice-iex\.json"):
        read(b"excdate|tvID|exc|start|stop\n10302026|1|Chat|08:00|09:00\n", NICE)


def test_a_site_document_fixes_zone_and_renames_columns() -> None:
    profile = site_profile("nice-iex", timeZone="Europe/Helsinki", columns={"tvID": "Mitarbeiter", "exc": "Tätigkeit"})
    data = "excdate|Mitarbeiter|Tätigkeit|start|stop\n01112027|7|Chat|08:00|09:00\n".encode()
    (segment,) = read(data, profile).segments
    assert (segment.agent, segment.activity, utc_text(segment.start)) == ("7", "Chat", "2027-01-11T06:00:00Z")


def test_the_columns_of_a_header_are_found_whatever_their_case_and_blanks() -> None:
    data = "  AGENT ,Start, END ,aCtIvItY\na@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat\n"
    assert read(data, CSV).segments[0].agent == "a@x"


def test_a_declared_separator_comes_before_the_header() -> None:
    data = "sep=;\r\nagent;start;end;activity\r\na@x;2027-01-11T08:00Z;2027-01-11T09:00Z;Chat\r\n"
    assert [segment.row for segment in read(data, CSV).segments] == [3]


@pytest.mark.parametrize(
    "tail",
    ["b@x,2027-01-11T08:00Z,2027-01-11T09", "b@x", '"b@x', 'b@x,2027-01-11T08:00Z,2027-01-11T09:00Z,"Cha',
     'b@x,2027-01-11T08:00Z,2027-01-11T09:00Z,"Team\nMee'],
)  # fmt: skip
def test_a_file_that_ends_in_the_middle_of_a_row_is_refused(tail: str) -> None:
    good = "a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,"
    with pytest.raises(UnreadableFileError, match="ends in the middle of the row in line 3"):
        read(csv_bytes(good, tail), CSV)


ZONES = ["Europe/Helsinki", "Europe/London", "Europe/Helsinki", "Europe/London"]
IDS = [f"8af2a1b2c3d4{number:08}" for number in range(4)]


@pytest.mark.parametrize(
    ("column", "fields", "last", "is_cut"),
    [
        ("time_zone", ZONES, "Europe/Hel", True),
        ("time_zone", ZONES, "Europe/Helsinki", False),
        ("time_zone", ["Europe/Helsinki", "Europe/London"], "Europe/Lon", False),  # reported as a bad row
        ("team", ["Support", "Sales", "Support"], "Sup", True),
        ("team", ["Support", "Sales", "Support"], "Sales", False),
        ("team", ["Support", "Sales", "Support"], "VIP", False),
        ("team", ["Support", "Support", "Support"], "", False),
        ("team", ["1", "10", "11", "12"], "1", False),
        ("external_id", IDS, IDS[0][:12], True),
        ("external_id", IDS, IDS[0][:18] + "99", False),
        (
            "external_id",
            ["2027-03-22 10:00:00", "2027-03-22 11:00:00", "2027-03-22 12:00:00"],
            "2027-03-23 9:00:00",
            False,
        ),
        ("external_id", ["E-1", "E-2", "E-10"], "E-3", False),
        ("external_id", ["E-10", "E-11", "E-12", "E-13"], "E-1", False),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_a_last_line_without_its_end_may_be_cut_within_its_last_field(
    column: str, fields: list[str], last: str, is_cut: bool, quoted: bool
) -> None:
    agent = '"a, b@x.example"' if quoted else "a@x.example"
    rows = [f"{agent},2027-01-11T08:00:00Z,2027-01-11T16:00:00Z,Chat,{field}" for field in (*fields, last)]
    data = "\n".join([f"agent,start,end,activity,{column}", *rows])
    if is_cut:
        with pytest.raises(UnreadableFileError, match=f"ends in the middle of the row in line {len(rows) + 1}"):
            read(data, CSV)
    else:
        assert read(data, CSV).rows == len(rows)
    assert read(data + "\n", CSV).rows == len(rows), "its line has an end"


def test_a_last_line_without_an_end_is_whole_when_it_has_all_fields() -> None:
    assert len(read(csv_bytes("a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,"), CSV).segments) == 1


def test_too_many_rows_are_refused() -> None:
    row = "a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,,,,\n"
    with pytest.raises(UnreadableFileError, match="more than 500000 rows"):
        read(HEADER + "\n" + row * 500_001, CSV)


def test_a_field_has_a_longest_length() -> None:
    reading = read(csv_bytes(f"a@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Chat,{'x' * 32_769},,,", ""), CSV)
    assert [(skip.row, skip.code, skip.column) for skip in reading.skipped] == [(2, "BAD_ROW", "plan")]


def test_rows_of_an_old_windows_program_are_read() -> None:
    row = "Jürgen@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Büro,,,,\n"
    (segment,) = read((HEADER + "\n" + row).encode("cp1252"), CSV).segments
    assert (segment.agent, segment.activity) == ("Jürgen@x", "Büro")


def test_accents_in_two_characters_are_the_same_name() -> None:
    (segment,) = read(csv_bytes("A\u030asa@x,2027-01-11T08:00Z,2027-01-11T09:00Z,Bu\u0308ro,,,,"), CSV).segments
    assert (segment.agent, segment.activity) == ("Åsa@x", "Büro")


DEPUTY = (
    "Employee Export Code,Employee Name,Date,Start,End,Mealbreak,Total Hours,Total Cost\n"
    "1,Ann,22/03/2027,08:00,16:00,30,7.5,100\n"
)


@pytest.mark.parametrize("name", ["switchboard-csv", "talkdesk", "amgtime-csv", "deputy"])
def test_hours_worked_are_refused_in_every_folder(name: str) -> None:
    with pytest.raises(UnreadableFileError, match="hours that were worked"):
        read(DEPUTY, site_profile(name, timeZone="Europe/Berlin"))


def test_hours_worked_are_read_by_who_says_that_they_are_a_plan() -> None:
    (segment,) = read(DEPUTY, site_profile("deputy", refuse="", timeZone="Europe/Berlin")).segments
    assert (segment.agent, utc_text(segment.start), utc_text(segment.end)) == (
        "1", "2027-03-22T07:00:00Z", "2027-03-22T15:00:00Z",
    )  # fmt: skip


def test_a_file_in_the_wrong_folder_is_told_where_it_belongs() -> None:
    data = "Personalnummer;Datum;Abwesenheitsart\n1;2027-03-22;Urlaub\n"
    with pytest.raises(UnreadableFileError, match="that is the layout openschichtplaner5-absences"):
        read(data, site_profile("amgtime-csv", timeZone="Europe/Berlin"))
