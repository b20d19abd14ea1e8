"""The ways in which a layout says who, when and what: each rule with its examples, through whole files."""

from datetime import date
from typing import Any

import pytest

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from shared.dataverse.tables import utc_text
from tests.unit.functions.schedule_import.reading import own_profile, read, site_profile

HELSINKI: dict[str, Any] = {"timeZone": "Europe/Helsinki"}


def table(columns: dict[str, str]) -> str:
    return f"{','.join(columns)}\n{','.join(columns.values())}\n"


def spans(reading: Reading) -> list[str]:
    assert reading.skipped == []
    return [f"{utc_text(each.start)[5:16]} {utc_text(each.end)[5:16]} {each.activity}" for each in reading.segments]


def rows_of(source: dict[str, Any], columns: dict[str, str], **said: Any) -> Reading:
    source = {"defaultActivity": "Work", **source, "fields": {"agent": "who", **source["fields"]}}
    return read(table({"who": "a@x", **columns}), own_profile(source, **{**HELSINKI, **said}))


MOMENTS = {"fields": {"start": "from", "end": "to"}}
CLOCK = {"fields": {"date": "day", "start": "from", "end": "to"}}
GERMAN = {"date": ["%d.%m.%Y"]}


@pytest.mark.parametrize(
    ("source", "columns", "expected"),
    [
        pytest.param(MOMENTS, {"from": "2027-03-22T08:00", "to": "2027-03-22T16:00"}, "03-22T06:00 03-22T14:00",
                     id="two moments"),
        pytest.param(MOMENTS, {"from": "2027-03-22T22:00", "to": "06:00"}, "03-22T20:00 03-23T04:00",
                     id="an end without a date is on the next day"),
        pytest.param(MOMENTS, {"from": "2027-03-22T22:00", "to": "2027-03-22T24:00"}, "03-22T20:00 03-22T22:00",
                     id="24:00 of a date is its end"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "8:00", "to": "16:00"}, "03-22T06:00 03-22T14:00",
                     id="date and two times"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "22:00", "to": "6:00"}, "03-22T20:00 03-23T04:00",
                     id="an end before the start is on the next day"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "8:00", "to": "8:00"}, "03-22T06:00 03-23T06:00",
                     id="an end at the start is on the next day"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "00:00", "to": "24:00"}, "03-21T22:00 03-22T22:00",
                     id="24:00"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "25:00", "to": "27:30"}, "03-22T23:00 03-23T01:30",
                     id="25:00 counts on"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "9:00a", "to": "9:00p"}, "03-22T07:00 03-22T19:00",
                     id="12 hours"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "2027-03-23T08:00", "to": "2027-03-23T09:00"},
                     "03-23T06:00 03-23T07:00", id="a whole moment where a time was expected"),
        pytest.param({"fields": {**CLOCK["fields"], "endDate": "last"}},
                     {"day": "2027-03-22", "from": "22:00", "to": "06:00", "last": "2027-03-23"},
                     "03-22T20:00 03-23T04:00", id="a date for the end"),
        pytest.param({"fields": {**CLOCK["fields"], "startDay": "sd", "endDay": "ed"}},
                     {"day": "2027-03-22", "from": "22:00", "to": "06:00", "sd": "1", "ed": "2"},
                     "03-22T20:00 03-23T04:00", id="day numbers"),
        pytest.param({"fields": {**CLOCK["fields"], "startDay": "sd", "endDay": "ed"}},
                     {"day": "2027-03-22", "from": "01:00", "to": "02:00", "sd": "2", "ed": "2"},
                     "03-22T23:00 03-23T00:00", id="both on the second day"),
        pytest.param({"fields": {"start": "from", "length": "for"}}, {"from": "2027-03-28T01:00", "for": "180"},
                     "03-27T23:00 03-28T02:00", id="a length is elapsed time, also in the night of the change"),
        pytest.param({"fields": {"start": "from", "length": "for"}, "times": {"lengthUnit": "hours"}},
                     {"from": "2027-03-22T08:00Z", "for": "\"7,5\""}, "03-22T08:00 03-22T15:30",
                     id="hours with a decimal comma, a start with an offset"),
        pytest.param({"fields": {"date": "day"}}, {"day": "2027-03-28"}, "03-27T22:00 03-28T21:00",
                     id="a whole day of 23 hours"),
        pytest.param({"fields": {"date": "day", "endDate": "last"}}, {"day": "2027-10-30", "last": "2027-10-31"},
                     "10-29T21:00 10-31T22:00", id="whole days, both included, the second of 25 hours"),
        pytest.param({"fields": {"date": "day", "range": "hours"}}, {"day": "2027-03-22", "hours": "9:00a-9:00p"},
                     "03-22T07:00 03-22T19:00", id="a range"),
        pytest.param({"fields": {"date": "day", "range": "hours"}}, {"day": "2027-03-22", "hours": "22:00 – 06:00"},
                     "03-22T20:00 03-23T04:00", id="a range into the next day"),
        pytest.param({**MOMENTS, "times": {"ignoreOffset": True}},
                     {"from": "2027-03-22T08:00:00Z", "to": "2027-03-22T16:00:00Z"}, "03-22T06:00 03-22T14:00",
                     id="an offset that means nothing"),
        pytest.param({**MOMENTS, "wholeDay": {"column": "all", "values": ["true"]}},
                     {"from": "2027-03-22T08:00", "to": "2027-03-22T09:00", "all": "TRUE"}, "03-21T22:00 03-22T22:00",
                     id="a whole day by a flag"),
        pytest.param({**CLOCK, "times": GERMAN}, {"day": "22.3.2027", "from": "8:00", "to": "9:00"},
                     "03-22T06:00 03-22T07:00", id="a date of its own pattern"),
    ],
)  # fmt: skip
def test_when(source: dict[str, Any], columns: dict[str, str], expected: str) -> None:
    assert spans(rows_of(source, columns)) == [f"{expected} Work"]


@pytest.mark.parametrize(
    ("source", "columns", "code", "column"),
    [
        pytest.param(MOMENTS, {"from": "2027-03-22T16:00", "to": "2027-03-22T08:00"}, "END_BEFORE_START", "to",
                     id="a dated end before the start"),
        pytest.param({"fields": {**CLOCK["fields"], "endDate": "last"}},
                     {"day": "2027-03-22", "from": "22:00", "to": "06:00", "last": "2027-03-22"}, "END_BEFORE_START",
                     "to", id="its own date keeps the end from the next day"),
        pytest.param(MOMENTS, {"from": "2027-03-22T08:00", "to": "2027-03-25T08:00"}, "TOO_LONG", "to", id="72 hours"),
        pytest.param(MOMENTS, {"from": "2027-03-22T08:00Z", "to": "2027-03-22T09:00"}, "BAD_TIME", "to",
                     id="one offset"),
        pytest.param(CLOCK, {"day": "", "from": "8:00", "to": "16:00"}, "MISSING_VALUE", "day", id="no date"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "8:00", "to": ""}, "MISSING_VALUE", "to", id="no end"),
        pytest.param(CLOCK, {"day": "2027-03-22", "from": "8", "to": "9:00"}, "BAD_TIME", "from", id="no time"),
        pytest.param({"fields": {"start": "from", "length": "for"}}, {"from": "2027-03-22T08:00", "for": "0"},
                     "END_BEFORE_START", "for", id="no length"),
        pytest.param({"fields": {"start": "from", "length": "for"}}, {"from": "2027-03-22T08:00", "for": "long"},
                     "BAD_TIME", "for", id="not a length"),
        pytest.param({"fields": {"date": "day", "endDate": "last"}}, {"day": "2027-03-22", "last": "2027-03-21"},
                     "END_BEFORE_START", "last", id="a last day before the first"),
        pytest.param({"fields": {"date": "day", "endDate": "last"}}, {"day": "2027-03-22", "last": "2099-03-21"},
                     "TOO_LONG", "last", id="days without end"),
        pytest.param({"fields": {"date": "day", "range": "hours"}}, {"day": "2027-03-22", "hours": "9:00"},
                     "BAD_TIME", "hours", id="half a range"),
        pytest.param({"fields": {**CLOCK["fields"], "startDay": "sd"}},
                     {"day": "2027-03-22", "from": "1:00", "to": "2:00", "sd": "0"}, "BAD_TIME", "sd", id="day 0"),
        pytest.param({"fields": {**MOMENTS["fields"], "timeZone": "tz"}},
                     {"from": "2027-03-22T08:00", "to": "2027-03-22T09:00", "tz": "Middle Earth"}, "BAD_TIME_ZONE",
                     "tz", id="no zone"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(source: dict[str, Any], columns: dict[str, str], code: str, column: str) -> None:
    reading = rows_of(source, columns)
    assert [(each.row, each.code, each.column) for each in reading.skipped] == [(2, code, column)]
    assert reading.segments == []
    assert [(each.agent, each.identity) for each in reading.protected] == [("a@x", "email")] * len(reading.protected)
    assert reading.protected


@pytest.mark.parametrize(
    ("columns", "protected"),
    [
        ({"who": "a@x", "day": "2027-03-22", "from": "8", "to": "9"}, [("a@x", date(2027, 3, 22))]),
        ({"who": "a@x", "day": "22/3", "from": "8:00", "to": "9:00"}, [("a@x", None)]),
        ({"who": "", "day": "2027-03-22", "from": "8:00", "to": "9:00"}, [(None, date(2027, 3, 22))]),
        ({"who": "", "day": "", "from": "8:00", "to": "9:00"}, [(None, None)]),
    ],
)
def test_a_bad_row_protects_its_agent_day(
    columns: dict[str, str], protected: list[tuple[str | None, date | None]]
) -> None:
    assert [(each.agent, each.day) for each in rows_of(CLOCK, columns).protected] == protected


def test_a_row_that_cannot_be_taken_apart_protects_everybody() -> None:
    reading = read("who,day,from,to\na@x,2027-03-22,8:00\n", own_profile(
        {"fields": {"agent": "who", **CLOCK["fields"]}, "defaultActivity": "Work"}, **HELSINKI
    ))  # fmt: skip
    assert [(each.agent, each.day) for each in reading.protected] == [(None, None)]


# ------------------------------------------------------------------------------------------------- templates

TEMPLATES = {
    code: [{"start": start, "end": end, "activity": activity} for start, end, activity in parts]
    for code, parts in {
        "E": [("06:00", "14:00", "Work"), ("10:00", "10:30", "Lunch")],
        "N": [("22:00", "02:00", "Chat"), ("02:00", "06:00", "Work")],
        "X": [],
    }.items()
}
GRID: dict[str, Any] = {"fields": {"date": "day", "template": "code"}}


def test_a_template_stands_for_its_parts() -> None:
    found = rows_of(GRID, {"day": "2027-03-22", "code": "n"}, templates=TEMPLATES)
    assert spans(found) == ["03-22T20:00 03-23T00:00 Chat", "03-23T00:00 03-23T04:00 Work"]
    assert {each.shift_date for each in found.segments} == {date(2027, 3, 22)}


def test_a_part_of_a_template_inside_another_is_cut_out_of_it() -> None:
    assert spans(rows_of(GRID, {"day": "2027-03-22", "code": "E"}, templates=TEMPLATES)) == [
        "03-22T04:00 03-22T08:00 Work", "03-22T08:00 03-22T08:30 Lunch", "03-22T08:30 03-22T12:00 Work",
    ]  # fmt: skip


def test_an_empty_template_is_a_day_off() -> None:
    found = rows_of(GRID, {"day": "2027-03-22", "code": "X"}, templates=TEMPLATES)
    assert (found.segments, found.skipped, found.protected) == ([], [], [])
    assert [(each.code, each.value) for each in found.issues] == [("DAY_OFF_ROWS", "1")]
    assert [(each.agent, each.day) for each in found.days_without_work] == [("a@x", date(2027, 3, 22))]


def test_an_unknown_template_is_reported() -> None:
    found = rows_of(GRID, {"day": "2027-03-22", "code": "Q"}, templates=TEMPLATES)
    assert [(each.code, each.column) for each in found.skipped] == [("UNKNOWN_TEMPLATE", "code")]


def test_days_of_a_grid_count_from_its_first_day() -> None:
    source = {"fields": {"template": "code", "startDay": "n"}}
    said = {"templates": TEMPLATES, "startDate": "@file.date", "fileNames": ["(?P<date>[0-9-]+)"]}
    profile = own_profile({**source, "fields": {"agent": "who", **source["fields"]}}, **HELSINKI, **said)
    found = read("who,code,n\na@x,N,3\n", profile, "2027-03-22.csv")
    assert spans(found) == ["03-24T20:00 03-25T00:00 Chat", "03-25T00:00 03-25T04:00 Work"]
    with pytest.raises(UnreadableFileError, match="first day of the grid"):
        read("who,code,n\na@x,N,3\n", profile, "week.csv")


# ------------------------------------------------------------------------------------------------ repetition


def traqnext(repeat: str, first: str = "2027-03-22", last: str = "2027-04-04", times: str = "08:00,16:00") -> Reading:
    header = "Email,Name,Date_from,Date_to,Start_time,End_time,Shift_repeat_days,Min_hours,Time zone\n"
    return read(f'{header}a@x,A,{first},{last},{times},"{repeat}",0,Europe/Helsinki\n', site_profile("traqnext"))


def test_a_weekly_row_keeps_its_clock_time_across_the_change() -> None:
    assert spans(traqnext("Sat,Sun,Mon")) == [
        "03-22T06:00 03-22T14:00 Work", "03-27T06:00 03-27T14:00 Work", "03-28T05:00 03-28T13:00 Work",
        "03-29T05:00 03-29T13:00 Work", "04-03T05:00 04-03T13:00 Work", "04-04T05:00 04-04T13:00 Work",
    ]  # fmt: skip


def test_a_row_of_one_day_repeats_on_none() -> None:
    assert spans(traqnext("", last="2027-03-22")) == ["03-22T06:00 03-22T14:00 Work"]


@pytest.mark.parametrize(
    ("repeat", "last", "code", "column"),
    [
        ("", "2027-04-04", "MISSING_VALUE", "Shift_repeat_days"),
        ("Foo", "2027-04-04", "BAD_TIME", "Shift_repeat_days"),
        ("Sun", "2027-03-24", "BAD_TIME", "Shift_repeat_days"),
        ("Mon", "2027-03-01", "END_BEFORE_START", "Date_to"),
        ("Mon", "2099-03-01", "TOO_LONG", "Date_to"),
    ],
)
def test_a_repetition_that_cannot_be_meant(repeat: str, last: str, code: str, column: str) -> None:
    assert [(each.code, each.column) for each in traqnext(repeat, last=last).skipped] == [(code, column)]


# ---------------------------------------------------------------------------------------------------- breaks

BREAKS: dict[str, Any] = {
    **CLOCK,
    "breaks": [{"after": "lunch after", "length": "lunch", "activity": "Lunch"}],
    "times": {"lengthUnit": "hours"},
}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"lunch after": '"4,5"', "lunch": "0:30"},
         ["03-22T06:00 03-22T10:30 Work", "03-22T10:30 03-22T11:00 Lunch", "03-22T11:00 03-22T14:00 Work"]),
        ({"lunch after": "", "lunch": ""}, ["03-22T06:00 03-22T14:00 Work"]),
        ({"lunch after": "0", "lunch": "1"}, ["03-22T06:00 03-22T07:00 Lunch", "03-22T07:00 03-22T14:00 Work"]),
    ],
)  # fmt: skip
def test_a_placed_break_is_cut_out(columns: dict[str, str], expected: list[str]) -> None:
    assert spans(rows_of(BREAKS, {"day": "2027-03-22", "from": "8:00", "to": "16:00", **columns})) == expected


def test_a_break_behind_its_row_makes_the_row_bad() -> None:
    columns = {"day": "2027-03-22", "from": "8:00", "to": "16:00", "lunch after": "8", "lunch": "1"}
    reading = rows_of(BREAKS, columns)
    assert [(each.code, each.column) for each in reading.skipped] == [("BAD_TIME", "lunch after")]
    assert [each.day for each in reading.protected] == [date(2027, 3, 22)]


# ---------------------------------------------------------------------------------------------- what and who

FIELDS = {**MOMENTS["fields"], "activity": ["name", "code"], "externalId": "id"}
TIMES = {"from": "2027-03-22T08:00", "to": "2027-03-22T16:00"}


@pytest.mark.parametrize(
    ("extra", "columns", "activity"),
    [
        ({}, {"name": "Chat", "code": "C1"}, "Chat"),
        ({}, {"name": "", "code": "C1"}, "C1"),
        ({}, {"name": "", "code": ""}, "Work"),
        ({"activityPart": "/"}, {"name": "Org/Site / Voice Queue", "code": ""}, "Voice Queue"),
    ],
)
def test_the_activity(extra: dict[str, Any], columns: dict[str, str], activity: str) -> None:
    assert [each.activity for each in rows_of({"fields": FIELDS, **extra}, {**TIMES, **columns}).segments] == [activity]


HRNEST = "UserId,Login,IdNumber,TimeFrom,TimeTo,BreakMinutes,Comment,CommentOnly\n"


@pytest.mark.parametrize(
    ("who", "agent", "identity"),
    [
        (",a@x,", "a@x", "email"),
        (",,007", "007", "employeeid"),
        ("55,,", "55", "hrnestId"),
        ("55,a@x,007", "a@x", "email"),
    ],
)
def test_the_first_filled_agent_column_counts(who: str, agent: str, identity: str) -> None:
    data = f"{HRNEST}{who},2027-03-22T08:00,2027-03-22T16:00,30,,false\n"
    (segment,) = read(data, site_profile("hrnest", **HELSINKI)).segments
    assert (segment.agent, segment.identity) == (agent, identity)


@pytest.mark.parametrize(
    ("identity", "who", "agent", "known_as"),
    [
        ("employeeid", "55,a@x,007", "007", "employeeid"),
        ("employeeid", "55,a@x,", "a@x", "email"),
        ("ourId", "55,a@x,007", "55", "ourId"),
        ("ourId", ",a@x,007", "a@x", "ourId"),
    ],
)
def test_a_site_s_identity_says_which_column_counts_first(identity: str, who: str, agent: str, known_as: str) -> None:
    data = f"{HRNEST}{who},2027-03-22T08:00,2027-03-22T16:00,30,,false\n"
    (segment,) = read(data, site_profile("hrnest", identity=identity, **HELSINKI)).segments
    assert (segment.agent, segment.identity) == (agent, known_as)


def test_a_site_gives_the_main_column_another_identity() -> None:
    data = f"{HRNEST},CORP\\ann,,2027-03-22T08:00,2027-03-22T16:00,30,,\n"
    (segment,) = read(data, site_profile("hrnest", identity="domainname", **HELSINKI)).segments
    assert (segment.agent, segment.identity) == ("CORP\\ann", "domainname")


def test_a_file_without_any_column_for_the_agent_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="Login, IdNumber, UserId"):
        read("TimeFrom,TimeTo\n2027-03-22T08:00,2027-03-22T16:00\n", site_profile("hrnest", **HELSINKI))


SKIPS = [
    {"column": "state", "values": ["Draft"], "code": "NOT_COMMITTED"},
    {"column": "state", "values": ["deleted"], "code": "DELETED_IN_SOURCE"},
    {"column": "state", "values": ["cancelled"], "code": "CANCELLED"},
    {"column": "state", "values": ["off"], "code": "DAY_OFF"},
    {"column": "who", "values": [""], "code": "OPEN_SHIFT"},
    {"column": "live", "values": ["yes"], "code": "NOT_COMMITTED", "unless": True},
]


def skipping(*rows: str) -> Reading:
    source = {"fields": {"agent": "who", **FIELDS}, "skip": SKIPS, "defaultActivity": "Work"}
    return read("\n".join(["who,from,to,id,state,live", *rows, ""]), own_profile(source, **HELSINKI))


def test_rows_that_are_no_work_are_skipped_with_a_reason() -> None:
    when = "2027-03-22T08:00,2027-03-22T16:00"
    reading = skipping(
        f"a@x,{when},1,Final,yes", f"a@x,{when},2,DRAFT,yes", f"b@x,{when},3,deleted,yes", f"b@x,{when},4,Deleted,yes",
        f"a@x,{when},5,cancelled,yes", f"c@x,{when},6,off,yes", f",{when},7,,yes", f"a@x,{when},8,,no",
        "d@x,never,2027-03-22T16:00,9,deleted,yes",
    )  # fmt: skip
    assert [each.row for each in reading.segments] == [2]
    assert [(each.row, each.code) for each in reading.skipped] == [
        (3, "NOT_COMMITTED"), (4, "DELETED_IN_SOURCE"), (5, "DELETED_IN_SOURCE"), (6, "CANCELLED"), (8, "OPEN_SHIFT"),
        (9, "NOT_COMMITTED"), (10, "DELETED_IN_SOURCE"),
    ]  # fmt: skip
    assert all(each.reason for each in reading.skipped)
    assert sorted((each.code, each.agent, each.value) for each in reading.issues if each.agent) == [
        ("CANCELLED", "a@x", "5"), ("DELETED_IN_SOURCE", "b@x", "2"), ("DELETED_IN_SOURCE", "d@x", "1"),
    ]  # fmt: skip
    assert [(each.row, each.agent, each.external_id) for each in reading.removed] == [
        (4, "b@x", "3"), (5, "b@x", "4"), (6, "a@x", "5"),
    ]  # fmt: skip
    assert reading.protected == []
    assert {each.agent for each in reading.days_without_work} == {"a@x", "b@x", "c@x", "d@x"}


@pytest.mark.parametrize(
    ("rows", "segments", "skipped"),
    [
        pytest.param([("1", "Chat", ""), ("2", "Work", "")], ["Work"], [(2, "SUPERSEDED")], id="the highest"),
        pytest.param([("10", "Chat", ""), ("9", "Work", "")], ["Chat"], [(3, "SUPERSEDED")], id="numbers as numbers"),
        pytest.param([("2", "Chat", ""), ("2", "Work", "")], ["Chat"], [(3, "UID_CONFLICT")], id="equal: the first"),
        pytest.param([("1", "Chat", ""), ("2", "Work", "cancelled")], [], [(3, "CANCELLED"), (2, "SUPERSEDED")],
                     id="a cancellation counts, too"),
        pytest.param([("1", "Chat", ""), ("2", "Work", "draft")], ["Chat"], [(3, "NOT_COMMITTED")],
                     id="a draft does not"),
    ],
)  # fmt: skip
def test_versions(rows: list[tuple[str, str, str]], segments: list[str], skipped: list[tuple[int, str]]) -> None:
    skip = [*SKIPS[1:3], {"column": "state", "values": ["draft"], "code": "NOT_COMMITTED"}]
    source = {"fields": {"agent": "who", **FIELDS, "version": "v"}, "skip": skip}
    lines = [f"a@x,2027-03-22T08:00,2027-03-22T16:00,{name},E1,{version},{state}" for version, name, state in rows]
    reading = read("\n".join(["who,from,to,name,id,v,state", *lines, ""]), own_profile(source, **HELSINKI))
    assert [each.activity for each in reading.segments] == segments
    assert sorted((each.row, each.code) for each in reading.skipped) == sorted(skipped)
    assert [(each.code, each.value) for each in reading.issues if each.code == "UID_CONFLICT"] == [
        ("UID_CONFLICT", "E1") for _, code in skipped if code == "UID_CONFLICT"
    ]


# ----------------------------------------------------------------------------------------------------- zones


def zoned(*rows: str, **said: Any) -> Reading:
    source = {"fields": {"agent": "who", **MOMENTS["fields"], "timeZone": "tz", "site": "site"}, "defaultActivity": "W"}
    return read("\n".join(["who,from,to,tz,site", *rows, ""]), own_profile(source, **said))


@pytest.mark.parametrize(
    ("row", "said", "start", "zone"),
    [
        ("Europe/Berlin,", {}, "07:00", "Europe/Berlin"),
        ("W. Europe Standard Time,", {}, "07:00", "Europe/Berlin"),
        ("Lisbon,", {}, "08:00", "Europe/Lisbon"),
        ("Istanbul,", {}, "05:00", "Asia/Istanbul"),
        ("São Paulo,", {}, "11:00", "America/Sao_Paulo"),
        ("Eastern Time (US & Canada),", {}, "13:00", "America/New_York"),
        (",HEL", {"siteZones": {"hel": "Europe/Helsinki"}}, "06:00", "Europe/Helsinki"),
        ("Lisbon,HEL", {"siteZones": {"hel": "Europe/Helsinki"}}, "08:00", "Europe/Lisbon"),
        (",TUR", {"siteZones": {"hel": "Europe/Helsinki"}, "timeZone": "America/New_York"}, "13:00",
         "America/New_York"),
    ],
)  # fmt: skip
def test_the_zone_of_a_row(row: str, said: dict[str, Any], start: str, zone: str) -> None:
    (segment,) = zoned(f"a@x,2027-02-22T08:00,2027-02-22T09:00,{row}", **said).segments
    assert (utc_text(segment.start)[11:16], segment.time_zone) == (start, zone)


def test_a_row_without_a_zone_among_others_is_skipped() -> None:
    reading = zoned("a@x,2027-02-22T08:00,2027-02-22T09:00,Lisbon,", "a@x,2027-02-22T08:00,2027-02-22T09:00,,")
    assert [(each.row, each.code, each.column) for each in reading.skipped] == [(3, "NO_TIME_ZONE", "tz")]


def test_a_file_in_which_no_row_has_a_zone_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="the file names no time zone and the profile fixes none"):
        zoned("a@x,2027-02-22T08:00,2027-02-22T09:00,,")


# ------------------------------------------------------------------------------------------- order of dates

ANY_ORDER: dict[str, Any] = {**CLOCK, "times": {"date": ["%d/%m/%Y", "%m/%d/%Y"]}}


def dated(*days: str, profile: ScheduleProfile | None = None) -> list[str]:
    source = {**ANY_ORDER, "fields": {"agent": "who", **CLOCK["fields"]}, "defaultActivity": "Work"}
    lines = [f"a@x,{day},8:00,9:00" for day in days]
    reading = read("\n".join(["who,day,from,to", *lines, ""]), profile or own_profile(source, **HELSINKI))
    return [f"{each.start:%m-%d}" for each in reading.segments]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(["03/04/2027", "13/04/2027"], ["04-03", "04-13"], id="the day is first"),
        pytest.param(["03/04/2027", "03/14/2027"], ["03-04", "03-14"], id="the month is first"),
        pytest.param(["05/05/2027"], ["05-05"], id="it makes no difference"),
        pytest.param(["03/04/2027", "03/14/2027", "nonsense"], ["03-04", "03-14"], id="what is no date proves nothing"),
    ],
)
def test_the_order_of_a_date_is_judged_by_all_dates(days: list[str], expected: list[str]) -> None:
    assert dated(*days) == expected


@pytest.mark.parametrize("days", [["03/04/2027"], ["13/04/2027", "04/13/2027", "03/04/2027"]])
def test_an_order_that_nothing_tells_is_refused(days: list[str]) -> None:
    with pytest.raises(UnreadableFileError, match="nothing in the file tells whether '03/04/2027' is written as"):
        dated(*days)
