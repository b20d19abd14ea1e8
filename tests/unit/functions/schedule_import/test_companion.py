"""Two files that belong together (Playvox: shift and shift_task)."""

import json

import pytest

from functions.schedule_import.reading.companion import other_half
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from shared.dataverse.tables import utc_text
from tests.unit.functions.schedule_import.reading import file_of, site_profile

PLAYVOX = site_profile("playvox")
SHIFTS = """uid,user_id,start_time,end_time,is_published,is_working_version,version
s1,u1,2027-03-22 08:00:00,2027-03-22 16:00:00,true,false,1
s2,u2,2027-03-22T08:00:00Z,2027-03-22T12:00:00Z,true,false,1
s2,u2,2027-03-22T09:00:00Z,2027-03-22T12:00:00Z,true,false,2
s2,u2,2027-03-22T10:00:00Z,2027-03-22T12:00:00Z,false,true,3
s3,u3,2027-03-22 08:00:00,2027-03-22 12:00:00,false,false,1
"""
TASKS = """task_type_id,shift_uid,start_time,end_time,leave_request_id
Chat,s1,2027-03-22 09:00:00,2027-03-22 11:00:00,
Break,s1,2027-03-22 11:00:00,2027-03-22 11:15:00,
,s2,2027-03-22 11:00:00,2027-03-22 12:00:00,lr9
Chat,s9,2027-03-22 09:00:00,2027-03-22 11:00:00,
"""


def playvox(shifts: str = SHIFTS, tasks: str = TASKS, *, tasks_first: bool = False) -> Reading:
    one, other = file_of(shifts, "shift_12.csv"), file_of(tasks, "shift_task_12.csv")
    return read_schedule(other, PLAYVOX, one) if tasks_first else read_schedule(one, PLAYVOX, other)


@pytest.mark.parametrize("tasks_first", [False, True])
def test_tasks_are_cut_out_of_their_shifts(tasks_first: bool) -> None:
    reading = playvox(tasks_first=tasks_first)
    assert [
        (each.row, each.agent, utc_text(each.start)[11:16], utc_text(each.end)[11:16], each.activity)
        for each in sorted(reading.segments)
    ] == [
        (2, "u1", "08:00", "09:00", "Work"), (2, "u1", "09:00", "11:00", "Chat"), (2, "u1", "11:00", "11:15", "Break"),
        (2, "u1", "11:15", "16:00", "Work"), (4, "u2", "09:00", "11:00", "Work"), (4, "u2", "11:00", "12:00", "Leave"),
    ]  # fmt: skip
    assert sorted((each.row, each.code) for each in reading.skipped) == [
        (3, "SUPERSEDED"), (5, "NOT_COMMITTED"), (6, "NOT_COMMITTED"),
    ]  # fmt: skip


def test_a_task_that_cannot_be_read_makes_its_shift_bad() -> None:
    reading = playvox(tasks=TASKS.replace("2027-03-22 11:15:00", "noon"))
    assert [(each.row, each.code, each.column) for each in reading.skipped if each.row == 2] == [
        (2, "BAD_TIME", "end_time")
    ]
    assert [each.agent for each in reading.protected] == ["u1"]


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        (TASKS + "Chat,s1\n", "row 6 of the companion file cannot be read"),
        ("a,b\n1,2\n", "lacks shift_uid, start_time"),
    ],
)
def test_a_broken_companion_breaks_the_whole(tasks: str, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        playvox(tasks=tasks)


def test_one_alone_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="'shift_task' where the first has 'shift'"):
        read_schedule(file_of(SHIFTS, "shift_12.csv"), PLAYVOX)


def test_a_shift_that_went_to_somebody_else_is_nobody_s_twice() -> None:
    header, *_ = SHIFTS.splitlines()
    line = "s9,{agent},2027-03-22 08:00:00,2027-03-22 16:00:00,true,false,{version}"
    names = header.split(",")
    assert names[:2] == ["uid", "user_id"]
    shifts = "\n".join([header, line.format(agent="pvx-1", version=1), line.format(agent="pvx-2", version=2)]) + "\n"
    reading = playvox(shifts, TASKS.splitlines()[0] + "\n")
    assert [segment.agent for segment in reading.segments] == ["pvx-2"]
    assert [skip.code for skip in reading.skipped] == ["SUPERSEDED"]


def test_a_shift_that_nobody_has_taken_protects_nobody() -> None:
    header, tasks = SHIFTS.splitlines()[0], TASKS.splitlines()[0]
    reading = playvox(f"{header}\ns9,,2027-03-22 08:00:00,2027-03-22 16:00:00,true,false,1\n", f"{tasks}\n")
    assert ([skip.code for skip in reading.skipped], reading.protected) == (["OPEN_SHIFT"], [])


def test_rows_may_be_joined_by_an_id_and_its_version() -> None:
    rules = {"primary": "shift", "companion": "shift_task", "key": ["shift_uid", "shift_version"],
             "primaryKey": ["uid", "version"],
             "rows": {"path": "x", "activity": "task_type_id", "start": "start_time", "end": "end_time"}}  # fmt: skip
    tasks = ("shift_uid,shift_version,task_type_id,start_time,end_time\n"
             "s2,1,Lunch,2027-03-22T09:00:00Z,2027-03-22T10:00:00Z\n"
             "s2,2,Break,2027-03-22T11:00:00Z,2027-03-22T12:00:00Z\n")  # fmt: skip
    profile = site_profile("playvox", companion=rules)
    reading = read_schedule(file_of(SHIFTS, "shift_12.csv"), profile, file_of(tasks, "shift_task_12.csv"))
    assert [each.activity for each in reading.segments if each.agent == "u2"] == ["Work", "Break"]
    with pytest.raises(ValueError, match="the same number of columns"):
        site_profile("playvox", companion={**rules, "key": "shift_uid"})


def test_both_files_may_be_json() -> None:
    shift = {"uid": "s1", "user_id": "u1", "start_time": "2027-03-22T08:00:00Z", "end_time": "2027-03-22T16:00:00Z",
             "is_published": True, "is_working_version": False, "version": 1}  # fmt: skip
    task = {"shift_uid": "s1", "task_type_id": "Chat", "start_time": "2027-03-22T08:00:00Z",
            "end_time": "2027-03-22T12:00:00Z", "leave_request_id": None}  # fmt: skip
    one, other = file_of(json.dumps([shift]), "shift_12.json"), file_of(json.dumps([task]), "shift_task_12.json")
    assert [each.activity for each in read_schedule(one, PLAYVOX, other).segments] == ["Chat", "Work"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("shift_12.csv", "shift_task_12.csv"),
        ("SHIFT_12.CSV", "SHIFT_TASK_12.CSV"),
        ("Shift.csv", "Shift_Task.csv"),
        ("shifts.csv", "shift_tasks.csv"),
        ("nightshift/shift.csv", "nightshift/shift_task.csv"),
        ("nightshift_shift.csv", "nightshift_shift_task.csv"),
    ],
)
def test_the_names_of_both_halves(first: str, second: str) -> None:
    assert other_half(first, "shift", "shift_task") == second
    assert other_half(second, "shift_task", "shift") == first
    assert other_half(first, "shift_task", "shift") is None
