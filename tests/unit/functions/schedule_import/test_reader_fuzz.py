"""Whatever a file holds, it is either read or refused with a reason: nothing else ever comes out of the reader."""

from collections.abc import Callable
from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.reading.rejected import write_rejected
from functions.schedule_import.reading.segments import UnreadableFileError
from tests.unit.functions.schedule_import.reading import SAMPLES, file_of, read, site_profile

CSV = (
    b"agent,start,end,activity,plan,status,external_id,time_zone\n"
    b"a@x.example,2027-03-28T02:30,2027-03-28T04:00,Chat,,,E1,Europe/Berlin\n"
    b'b@x.example,2027-01-11T08:00Z,2027-01-11T09:00Z,"Team\nMeeting",P,Booked,,\n'
)
WEEKLY = (
    b"Email,Name,Date_from,Date_to,Start_time,End_time,Shift_repeat_days,Min_hours,Time zone\n"
    b'a@x,A,2027-03-22,2027-04-22,08:00,16:00,"Mon,Tue",8,Europe/Berlin\n'
)
NICE = (SAMPLES / "nice_iex_agentScheduleDetail_110226_0615.txt").read_bytes()
FILES = {
    "nice-iex": NICE,
    "switchboard-csv": CSV,
    "talkdesk": (SAMPLES / "talkdesk_wfm_team_schedule_report_20270320.csv").read_bytes(),
    "amgtime-csv": (SAMPLES / "amgtime_excel-de_cp1252_semicolon.csv").read_bytes(),
    "insightful": (SAMPLES / "insightful_scheduled_shifts.csv").read_bytes(),
    "openschichtplaner5-absences": (SAMPLES / "openschichtplaner5_abwesenheiten.csv").read_bytes(),
    "hrnest": (SAMPLES / "hostile" / "formula_cells.csv").read_bytes(),
    "traqnext": WEEKLY,
}
# What people and programs do to files: cut, double, swap, insert odd bytes.
ODD = [
    b"",
    b"\x00",
    b"\xff",
    b"\xfe",
    b'"',
    b"|",
    b",",
    b"\n",
    b"\r",
    b"-",
    b"24:00",
    b"99",
    b"\xe2\x80\xa8",
    b"0001",
    b"9999",
    b"-99:99",
    b"\xc3\xa9",
    b"\x81",
    b"1e9",
    b"Mars/Base",
    b"US/Eastern",
]


def check(name: str, data: bytes) -> None:
    """A reading that holds together, or a refusal; and the rejected rows of a reading can be written."""
    profile = site_profile(name, timeZone="Europe/Helsinki")
    try:
        reading = read(data, profile)
    except UnreadableFileError:
        return
    lines = data.count(b"\n") + data.count(b"\r") + 2
    for segment in reading.segments:
        assert segment.agent
        assert segment.activity
        assert timedelta() < segment.end - segment.start
        assert segment.start.tzinfo is segment.end.tzinfo is UTC
    skipped = [each.row for each in reading.skipped]
    days_off = sum(int(each.value or 0) for each in reading.issues if each.code == "DAY_OFF_ROWS")
    reported = {each.row for each in reading.segments} | set(skipped)
    assert all(2 <= row <= lines for row in reported)
    assert len(reported) + days_off == reading.rows
    assert len(set(skipped)) == len(skipped)
    assert all(skip.reason for skip in reading.skipped)
    assert bool(reading.protected) >= any(skip.code.startswith(("BAD", "MISSING", "END")) for skip in reading.skipped)
    if skipped:
        written = write_rejected(file_of(data), profile, dict.fromkeys(skipped, "because"))
        assert written is not None
        again = read(written[0], profile, "week.rejected.csv")
        assert again.rows >= len(skipped)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=120, deadline=None)
@given(cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(ODD)), min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused(name: str, cuts: list[tuple[float, int, bytes]]) -> None:
    data = FILES[name]
    for where, length, odd in cuts:
        position = int(where * len(data))
        data = data[:position] + odd + data[position + length :]
    check(name, data)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode("utf-16"))))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    check(name, data)
    check(name, FILES[name].splitlines(keepends=True)[0] + data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    ],
)
def test_line_ends_and_marks_make_no_difference(change: Callable[[bytes], bytes]) -> None:
    for name, data in FILES.items():
        profile = site_profile(name, timeZone="Europe/Helsinki")
        plain, changed = (read(each, profile) for each in (data, change(data)))
        assert [(item.agent, item.start, item.row) for item in plain.segments] == [
            (item.agent, item.start, item.row) for item in changed.segments
        ]
