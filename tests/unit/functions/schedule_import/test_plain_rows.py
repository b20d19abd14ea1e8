"""The short way through the rows of a file reads them exactly as the long way does."""

import gc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading import reader
from functions.schedule_import.reading.records import Record
from functions.schedule_import.reading.row.row_reader import RowReader
from functions.schedule_import.reading.row.row_rules import What
from functions.schedule_import.reading.segments import Reading, Segment, UnreadableFileError
from tests.unit.functions.schedule_import.reading import read, site_profile

TWO_MOMENTS = site_profile("switchboard-csv", timeZone="Europe/Helsinki")
DATED = site_profile("nice-iex", timeZone="Europe/Helsinki")
MOMENTS = ["2027-03-22T08:00", "2027-03-22T09:00", "2027-03-22T08:00Z", "2027-03-22T12:00+02:00", "2027-03-28T03:30",
           "2026-10-25T03:30", "2026-10-25T03:45", "2027-03-22T24:00", "2027-03-23T00:00", "2027-03-25T00:00", "noon",
           "", " 2027-03-22T08:30 ", "2027-03-26T08:00"]  # fmt: skip
TIMES = ["08:00", "8:00", "24:00", "25:30", "9:00a", "03:30", "02:30", "", "noon", " 10:00"]
DAYS = ["03222027", "03282027", "10252026", "02302027", "", "1"]
AGENTS = ["a@x", " a@x ", "A\u030asa", "", "Åsa"]
ZONES = ["", "Europe/Berlin", "US/Eastern", "Lisbon", "Mars"]


def both_ways(data: str, profile: ScheduleProfile) -> tuple[Any, Any]:
    def outcome() -> Reading | str:
        try:
            return read(data, profile)
        except UnreadableFileError as error:
            return str(error)

    short = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "is_plain", lambda *_: False)
        return short, outcome()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(AGENTS), st.sampled_from(MOMENTS), st.sampled_from(MOMENTS),
            st.sampled_from(["Chat", "Work", "", " Chat", "x" * 101]), st.sampled_from(["", "Draft", "Booked"]),
            st.sampled_from(["", "E1", " E2 "]), st.sampled_from(ZONES),
        ), max_size=40,
    )
)  # fmt: skip
def test_two_moments(rows: list[tuple[str, ...]]) -> None:
    lines = ["agent,start,end,activity,status,external_id,time_zone", *(",".join(row) for row in rows), "a@x,short", ""]
    short, long = both_ways("\n".join(lines), TWO_MOMENTS)
    assert short == long


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(AGENTS), st.sampled_from(DAYS), st.sampled_from(DAYS), st.sampled_from(TIMES),
            st.sampled_from(TIMES), st.sampled_from(["Chat", ""]), st.sampled_from(ZONES),
        ), max_size=40,
    )
)  # fmt: skip
def test_date_and_times(rows: list[tuple[str, ...]]) -> None:
    lines = ["tvID|excdate|schedDate|start|stop|exc|TZ", *("|".join(row) for row in rows), "\r", ""]
    short, long = both_ways("\n".join(lines), DATED)
    assert short == long


def test_rows_are_counted_and_numbered_across_chunks() -> None:
    row = 'a@x,2027-03-22T08:00,2027-03-22T09:00,"Chat",P\n'
    broken = 'a@x,2027-03-22T08:00,"2027-03-22T09:00\nx",Chat,P\n'
    data = "agent,start,end,activity,plan\n" + (row * 700 + "\n" + row * 800 + broken) * 5
    short, long = both_ways(data, TWO_MOMENTS)
    assert short == long
    assert short.rows == 5 * 1501
    assert len(short.segments) == 5 * 1500
    assert [each.row for each in short.skipped] == [1 + 1502 + block * 1503 for block in range(5)]


def test_rows_among_ordinary_ones_that_are_not() -> None:
    """Each row of its own team is like none before."""
    row = "a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,P\n"
    others = (
        " a@x ,2027-03-28T03:30,2027-03-28T05:00,Chat,P\n",
        "a@x,2027-03-22T09:00,2027-03-22T08:00,Chat,P\n",
        "a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,{number}\n",
        ",2027-03-22T08:00,2027-03-22T09:00,Chat,P\n",
        "",
    )
    data = "".join(row * 7 + others[number % 5].format(number=number) for number in range(400))
    short, long = both_ways("agent,start,end,activity,plan\n" + data, TWO_MOMENTS)
    assert short == long
    assert len(short.segments) == 400 * 7 + 160


def test_each_row_that_repeats_speaks_for_all_of_its_dates() -> None:
    row = "{agent}@x,2027-03-22,2027-03-28,08:00,16:00,Monday,Europe/Helsinki\n"
    header = "Email,Date_from,Date_to,Start_time,End_time,Shift_repeat_days,Time zone\n"
    data = header + "".join(row.format(agent=agent) for agent in "abc")
    short, long = both_ways(data, site_profile("traqnext"))
    assert short == long
    assert {each.agent for each in short.days_without_work} == {"a@x", "b@x", "c@x"}


@pytest.mark.parametrize("column", ["agent", "team", "externalId", "start"])
def test_what_the_name_of_the_file_says(column: str) -> None:
    fields = {"agent": "agent", "start": "start", "end": "end", "activity": "activity", "externalId": "id"}
    source = {"fields": fields | {column: "@file.said"}, "times": {"moment": ["iso"]}}
    said = {"start": "2027-03-22T08:00"}.get(column, "red")
    profile = site_profile(
        "switchboard-csv", timeZone="Europe/Helsinki", sources=[source], fileNames=["(?P<said>.+)_.*"]
    )
    row = "a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,7\n"
    reading = read("agent,start,end,activity,id\n" + row * 3, profile, f"{said}_week.csv")
    expected = {"agent": "a@x", "team": "", "externalId": "7"} | {column: said}
    assert [(each.agent, each.team, each.external_id) for each in reading.segments] == [
        (expected["agent"], expected["team"], expected["externalId"])
    ] * 3


def test_repeated_texts_are_one_object() -> None:
    row = "a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,P\n"
    segments = read("agent,start,end,activity,plan\n" + row * 3, TWO_MOMENTS).segments
    for name in ("agent", "activity", "plan", "time_zone", "start", "end"):
        assert len({id(getattr(segment, name)) for segment in segments[1:]}) == 1


def test_the_short_way_is_the_one_that_files_take(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    long_way = RowReader.row

    def watched(self: RowReader, number: int, record: Record) -> What:
        taken.append(number)
        return long_way(self, number, record)

    monkeypatch.setattr(RowReader, "row", watched)
    row = "a@x,2027-03-22T08:00,2027-03-22T09:00,Chat,P\n"
    assert len(read("agent,start,end,activity,plan\n" + row * 100, TWO_MOMENTS).segments) == 100
    assert taken == [2]


def test_nothing_of_a_file_stays_when_its_reading_is_gone() -> None:
    """Bad rows among the good ones are remembered without the stack of calls that found them."""
    times = ("2027-03-22T08:00,2027-03-22T09:00", "2027-03-22T08:00,2027-03-22T07:00", "x,y")
    row = "".join(f"gone@x,{each},Chat,P\n" for each in times)
    gc.collect()
    gc.disable()
    try:
        reading = read("agent,start,end,activity,plan\n" + row, TWO_MOMENTS)
        assert (len(reading.segments), len(reading.skipped)) == (1, 2)
        del reading
        assert not any(isinstance(each, Segment) and each.agent == "gone@x" for each in gc.get_objects())
    finally:
        gc.enable()
