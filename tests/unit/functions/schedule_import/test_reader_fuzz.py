"""Whatever a file holds, it is either read or refused with a reason: nothing else ever comes out of the reader."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.profile import builtin_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.segments import UnreadableFileError

SAMPLES = Path(__file__).parents[4] / "local" / "samples" / "wfm"
NICE = (SAMPLES / "nice_iex_agentScheduleDetail_110226_0615.txt").read_bytes()
CSV = (
    b"agent,start,end,activity,plan,status,external_id,time_zone\n"
    b"a@x.example,2027-03-28T02:30,2027-03-28T04:00,Chat,,,E1,Europe/Berlin\n"
    b'b@x.example,2027-01-11T08:00Z,2027-01-11T09:00Z,"Team\nMeeting",P,Booked,,\n'
)
FILES = {"nice-iex": NICE, "switchboard-csv": CSV}
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
]


def check(name: str, data: bytes) -> None:
    try:
        reading = read_schedule(data, builtin_profile(name))
    except UnreadableFileError:
        return
    assert len(reading.segments) + len(reading.skipped) == reading.rows > 0
    lines = data.count(b"\n") + data.count(b"\r") + 2
    for segment in reading.segments:
        assert segment.agent
        assert segment.activity
        assert timedelta() < segment.end - segment.start
    reported = [each.row for each in reading.segments] + [each.row for each in reading.skipped]
    assert all(2 <= row <= lines for row in reported)
    assert len(set(reported)) == len(reported)
    assert all(skip.reason for skip in reading.skipped)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=600, deadline=None)
@given(cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(ODD)), min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused(name: str, cuts: list[tuple[float, int, bytes]]) -> None:
    data = FILES[name]
    for where, length, odd in cuts:
        position = int(where * len(data))
        data = data[:position] + odd + data[position + length :]
    check(name, data)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=300, deadline=None)
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode("utf-16"))))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    check(name, data)
    check(name, FILES[name].splitlines(keepends=True)[0] + data)


@pytest.mark.parametrize("change", [lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\xef\xbb\xbf" + data])
def test_line_ends_and_marks_make_no_difference(change: Callable[[bytes], bytes]) -> None:
    for name, data in FILES.items():
        plain, changed = (read_schedule(each, builtin_profile(name)) for each in (data, change(data)))
        assert [(item.agent, item.start, item.row) for item in plain.segments] == [
            (item.agent, item.start, item.row) for item in changed.segments
        ]
