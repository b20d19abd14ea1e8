"""Vendors' files in other shapes than the samples: what the vendor's documents allow is read, too."""

import json
from datetime import date
from typing import Any

import pytest

from functions.schedule_import.decide.scope import home_zone
from functions.schedule_import.reading.rejected import write_rejected
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from tests.unit.functions.schedule_import.reading import file_of, read, site_profile

HELSINKI = "Europe/Helsinki"


def said(reading: Reading) -> list[tuple[str, str, str, str]]:
    """Agent, start and end in UTC, activity."""
    return [
        (each.agent, f"{each.start:%d.%m. %H:%M}", f"{each.end:%d.%m. %H:%M}", each.activity)
        for each in reading.segments
    ]


# -------------------------------------------------------------------------------------------------- Genesys Cloud

CALLS = {"activityCodeId": "0", "startDate": "2027-03-21T22:30:00Z", "lengthMinutes": 60}
GENESYS_AGENT = {"user": {"id": "u-1"}, "shifts": [{"activities": [CALLS]}]}
GENESYS = {
    "businessUnitTimeZone": HELSINKI,
    "weekDate": "2027-03-22",
    "activityCodes": [{"id": "0", "name": "Voice Queue"}],
    "agentSchedules": [GENESYS_AGENT],
}


def test_a_genesys_week_is_one_of_the_business_unit() -> None:
    profile = site_profile("genesys-cloud")
    for agents in ([GENESYS_AGENT], [{"user": {"id": "u-1"}, "shifts": []}]):
        reading = read(json.dumps(GENESYS | {"agentSchedules": agents}), profile, "week.json")
        assert home_zone(reading, profile) == HELSINKI
    assert home_zone(reading, site_profile("genesys-cloud", timeZone="Europe/Paris")) == "Europe/Paris"


def test_an_unpublished_genesys_schedule_leaves_its_agents_alone() -> None:
    reading = read(json.dumps(GENESYS | {"published": False}), site_profile("genesys-cloud"), "week.json")
    assert [skip.code for skip in reading.skipped] == ["NOT_COMMITTED"]
    assert [(each.agent, each.day) for each in reading.protected] == [("u-1", None)]


def test_a_site_may_name_an_activity_by_its_code() -> None:
    profile = site_profile("genesys-cloud", activities={"0": {"name": "Chat", "assignable": True}})
    (segment,) = read(json.dumps(GENESYS), profile, "week.json").segments
    assert segment.activity == "0"


# --------------------------------------------------------------------------------------------------------- Kronos


def kronos(items: str, **other: Any) -> Reading:
    """What a schedule of one person with these items says."""
    data = (
        '<Response Status="Success" Action="Load"><Schedule QueryDateSpan="3/22/2027-3/28/2027">'
        f"<ScheduleItems>{items}</ScheduleItems></Schedule></Response>"
    )
    return read(data, site_profile("kronos", timeZone=HELSINKI, **other), "week.xml")


PERSON = '<Employee><PersonIdentity PersonNumber="00017"/></Employee>'


def kronos_shift(*segments: str) -> str:
    lines = "".join(
        f'<ShiftSegment StartDate="3/26/2027" StartTime="8:00AM" EndDate="3/26/2027" EndTime="9:00AM" {each}/>'
        for each in segments
    )
    return f'<ScheduleShift StartDate="3/26/2027">{PERSON}<ShiftSegments>{lines}</ShiftSegments></ScheduleShift>'


@pytest.mark.parametrize(
    ("segment", "activities", "activity"),
    [
        ('SegmentTypeName="BREAK"', {}, "BREAK"),
        ('SegmentTypeName="REGULAR" OrgJobPath=""', {}, "REGULAR"),
        ('SegmentTypeName="REGULAR" OrgJobPath="Nord/Desk/"', {}, "Desk"),
        ('OrgJobPath="Nord/Desk"', {"nord/desk": {"name": "Chat", "assignable": True}}, "Nord/Desk"),
        ('OrgJobPath="Nord/Desk"', {"Desk": {"name": "Chat", "assignable": True}}, "Desk"),
    ],
)
def test_a_segment_of_kronos_without_a_job_is_known_by_its_type(
    segment: str, activities: dict[str, Any], activity: str
) -> None:
    reading = kronos(kronos_shift(segment), activities=activities)
    assert [each.activity for each in reading.segments] == [activity]


@pytest.mark.parametrize(
    ("edit", "stretch"),
    [
        ('AmountInTime="7.5" DisplayTime="9:00AM"', ("26.03. 07:00", "26.03. 14:30")),
        ('AmountInTime="7:30" DisplayTime="09:00"', ("26.03. 07:00", "26.03. 14:30")),
        ('AmountInTime="8:00" DisplayTime="00:00"', ("25.03. 22:00", "26.03. 22:00")),
    ],
)
def test_a_pay_code_edit_of_kronos(edit: str, stretch: tuple[str, str]) -> None:
    item = f'<SchedulePayCodeEdit StartDate="3/26/2027" PayCodeName="Sick" {edit}>{PERSON}</SchedulePayCodeEdit>'
    assert said(kronos(item)) == [("00017", *stretch, "Sick")]


def test_a_segment_of_kronos_has_its_own_date_where_its_shift_has_none() -> None:
    segment = (
        '<ShiftSegment OrgJobPath="Chat" StartDate="3/27/2027" StartTime="1:00AM" StartDayNumber="2" '
        'EndTime="6:00AM" EndDayNumber="2"/>'
    )
    reading = kronos(f"<ScheduleShift>{PERSON}<ShiftSegments>{segment}</ShiftSegments></ScheduleShift>")
    assert said(reading) == [("00017", "26.03. 23:00", "27.03. 04:00", "Chat")]
    assert reading.segments[0].shift_date == date(2027, 3, 26)


@pytest.mark.parametrize(
    "columns",
    [
        {"@PersonNumber": "Nr"},
        {"@PersonNumber": "@Nr"},
        {"PersonNumber": "Nr"},
        {"PersonIdentity/PersonNumber": "PersonIdentity/Nr"},
        {"Employee.PersonIdentity.@PersonNumber": "Employee.PersonIdentity.@Nr"},
    ],
)
def test_an_attribute_may_be_renamed_with_or_without_its_sign(columns: dict[str, str]) -> None:
    item = kronos_shift('OrgJobPath="Chat"').replace("PersonNumber", "Nr")
    assert [each.agent for each in kronos(item, columns=columns).segments] == ["00017"]


@pytest.mark.parametrize(
    ("span", "said_by_site"),
    [
        ("3/22/2027 - 3/28/2027", {}),
        ("2027-03-22 - 2027-03-28", {}),
        ("2027-03-22-2027-03-28", {}),
        ("22/3/2027-28/3/2027", {"times": {"date": ["%d/%m/%Y"]}}),
    ],
)
def test_the_dates_of_a_kronos_query(span: str, said_by_site: dict[str, Any]) -> None:
    data = ANSWER.format("Success", "").replace("3/22/2027-3/28/2027", span)
    reading = read(data, site_profile("kronos", timeZone=HELSINKI, **said_by_site), "week.xml")
    assert reading.window == (date(2027, 3, 22), date(2027, 3, 28))


ANSWER = (
    '<Response Status="{}" Action="Load"><Schedule QueryDateSpan="3/22/2027-3/28/2027"><Employees>'
    '<PersonIdentity PersonNumber="00018"/></Employees><ScheduleItems>{}</ScheduleItems></Schedule></Response>'
)
LOGON, LOGOFF = '<Response Status="Success" Action="Logon"/>', '<Response Status="Success" Action="Logoff"/>'


def kronos_wfc(*answers: str) -> Reading:
    """What all answers of a session say."""
    data = f'<Kronos_WFC version="1.0">{LOGON}{"".join(answers)}{LOGOFF}</Kronos_WFC>'
    return read(data, site_profile("kronos", timeZone=HELSINKI), "week.xml")


def test_the_answers_of_a_kronos_session_may_stand_together() -> None:
    reading = kronos_wfc(ANSWER.format("Success", kronos_shift('OrgJobPath="A/Chat"')))
    assert said(reading) == [("00017", "26.03. 06:00", "26.03. 07:00", "Chat")]
    assert reading.listed_agents == [("00018", "employeeid")]
    assert reading.window == (date(2027, 3, 22), date(2027, 3, 28))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([], "has no Schedule below its root"),
        ([ANSWER.format("Failure", "")], "its Status is not Success"),
        ([ANSWER.format("Success", ""), ANSWER.format("Success", "")], "has 2 Response with rows"),
    ],
)
def test_a_kronos_session_without_one_good_answer_is_refused(answers: list[str], says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        kronos_wfc(*answers)


# --------------------------------------------------------------------------- lists without the object around them

LISTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "genesys-cloud": ("agentSchedules", {"userId": "u-1", "shifts": [{"activities": [CALLS]}]}, "0"),
    "blue-yonder": ("scheduledShifts", {
        "employeeId": "u-1",
        "scheduledJobs": [{"jobId": 7, "startTime": "2027-03-22T00:30:00", "endTime": "2027-03-22T01:30:00"}],
    }, "7"),
    "ms-graph-shifts": ("value", {
        "userId": "u-1",
        "sharedShift": {"startDateTime": "2027-03-21T22:30:00Z", "endDateTime": "2027-03-21T23:30:00Z"},
    }, "Work"),
}  # fmt: skip
"""The name of a layout's list, an element of it, and its activity."""


def test_a_detail_of_blue_yonder_without_a_code_cuts_its_job() -> None:
    job = LISTS["blue-yonder"][1]["scheduledJobs"][0]
    detail = {"startTime": "2027-03-22T01:00:00", "endTime": "2027-03-22T01:30:00", "detailTypeCode": None}
    document = {"scheduledShifts": [{"employeeId": 5, "scheduledJobs": [job | {"scheduledDetail": [detail]}]}]}
    reading = read(json.dumps(document), site_profile("blue-yonder", timeZone=HELSINKI), "x.json")
    assert said(reading) == [("5", "21.03. 22:30", "21.03. 23:00", "7"), ("5", "21.03. 23:00", "21.03. 23:30", "Break")]


@pytest.mark.parametrize(
    ("layout", "document", "parts"),
    [
        ("blue-yonder", {"scheduledShifts": [
            {"employeeId": "u-1", "startTime": "2027-03-22T08:00:00", "endTime": "2027-03-22T09:00:00"}]},
         "scheduledJobs"),
        ("genesys-cloud", {"agentSchedules": [
            {"userId": "u-1", "shifts": [{"startDate": "2027-03-22T06:00:00Z", "lengthMinutes": 60}]}]},
         "activities"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("empty", [None, [], "missing"])
def test_a_shift_without_parts_is_told_of_and_its_day_protected(
    layout: str, document: dict[str, Any], parts: str, empty: Any
) -> None:
    text = json.dumps(document)
    if empty != "missing":
        text = text.replace('"start', f'"{parts}": {json.dumps(empty)}, "start')
    reading = read(text, site_profile(layout, timeZone=HELSINKI), "x.json")
    assert reading.segments == []
    assert [(each.code, each.reason) for each in reading.skipped] == [("MISSING_VALUE", "the row names no activity")]
    assert [(each.agent, each.day) for each in reading.protected] == [("u-1", date(2027, 3, 22))]


@pytest.mark.parametrize("parts", ["", "<ShiftSegments/>"])
@pytest.mark.parametrize(
    ("deleted", "code", "protected"),
    [("false", "MISSING_VALUE", [date(2027, 3, 22)]), ("true", "DELETED_IN_SOURCE", [])],
)
def test_a_shift_of_kronos_without_segments(parts: str, deleted: str, code: str, protected: list[date]) -> None:
    shift = f'<ScheduleShift StartDate="3/22/2027" IsDeleted="{deleted}"><Employee><PersonIdentity PersonNumber="007"/>'
    items = f"<ScheduleItems>{shift}</Employee>{parts}</ScheduleShift></ScheduleItems>"
    reading = read(
        f"<Response><Schedule>{items}</Schedule></Response>", site_profile("kronos", timeZone=HELSINKI), "x.xml"
    )
    assert (reading.rows, reading.segments, [each.code for each in reading.skipped]) == (1, [], [code])
    assert [(each.agent, each.day) for each in reading.protected] == [("007", day) for day in protected]


@pytest.mark.parametrize("layout", LISTS)
def test_a_list_may_stand_alone(layout: str) -> None:
    name, element, activity = LISTS[layout]
    profile = site_profile(layout, timeZone=HELSINKI)
    other = json.loads(json.dumps(element).replace("u-1", "u-2"))
    both = [(agent, "21.03. 22:30", "21.03. 23:30", activity) for agent in ("u-1", "u-2")]
    assert said(read(json.dumps({name: [element, other]}), profile, "x.json")) == both
    assert said(read(json.dumps([element, other]), profile, "x.json")) == both
    assert said(read(json.dumps([{"more": 1} | element, other], indent=1), profile, "x.json")) == both
    assert said(read(json.dumps(element), profile, "x.json")) == both[:1]
    assert said(read(f"{json.dumps(element)}\n{json.dumps(other)}\n", profile, "x.json")) == both


@pytest.mark.parametrize("document", ['[{"id": 1}]', '[{"userId": "u-1"}]', '{"shifts": []}', "[]", "[1]", '{"a": [1'])
@pytest.mark.parametrize("layout", [*LISTS, "nice-iex"])
def test_a_document_of_another_kind_is_refused(layout: str, document: str) -> None:
    with pytest.raises(UnreadableFileError):
        read(document, site_profile(layout, timeZone=HELSINKI), "x.json")


def test_a_bare_list_may_begin_with_a_draft() -> None:
    draft = {"userId": "u-1", "draftShift": {"displayName": "Chat"}}
    reading = read(json.dumps([draft, LISTS["ms-graph-shifts"][1]]), site_profile("ms-graph-shifts"), "x.json")
    assert [skip.code for skip in reading.skipped] == ["NOT_COMMITTED"]
    assert len(reading.segments) == 1


def test_rejected_rows_of_a_bare_list_can_be_dropped_again() -> None:
    name, element, _ = LISTS["ms-graph-shifts"]
    profile = site_profile("ms-graph-shifts")
    rows = [element, {**element, "sharedShift": {"startDateTime": "?"}}]
    written = write_rejected(file_of(json.dumps(rows, indent=1), "x.json"), profile, {9: "no time"})
    assert written is not None
    assert json.loads(written[0]) == {name: [{**rows[1], "reason": "no time"}]}


# ------------------------------------------------------------------------------------------------------- NICE IEX

IEX = {"tvID": "00017", "excdate": "2027-03-27", "schedDate": "2027-03-26", "TZ": "US/Eastern", "exc": "Chat",
       "start": "01:30", "stop": "05:30", "muID": 12}  # fmt: skip
IEX_SAID = ("00017", "27.03. 05:30", "27.03. 09:30", "Chat")
IEX_OTHER = {"AgentID": "00017", "StartDateTime": "2027-03-27T01:30:00", "EndDateTime": "2027-03-27T05:30:00",
             "ActivityCode": "Chat"}  # fmt: skip


@pytest.mark.parametrize(
    "document", [[IEX, IEX], {"agentScheduleDetail": [IEX, IEX]}, {"jobId": 7, "meta": {"a": [{}]}, "data": [IEX, IEX]}]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_iex_gives_json_too(document: Any, encoding: str) -> None:
    data = json.dumps(document, indent=1).encode(encoding)
    reading = read(data, site_profile("nice-iex"), "agentScheduleDetail_032027_0615.json")
    assert said(reading) == [IEX_SAID, IEX_SAID]
    assert (reading.rows, reading.skipped, reading.segments[0].shift_date) == (2, [], date(2027, 3, 26))


def test_iex_json_has_the_other_names_too_and_empty_fields_may_be_missing() -> None:
    profile = site_profile("nice-iex", timeZone="America/New_York")
    without_end = {key: value for key, value in IEX_OTHER.items() if key != "EndDateTime"}
    reading = read(json.dumps([IEX_OTHER, without_end], indent=1), profile, "x.json")
    assert said(reading) == [IEX_SAID]
    assert [(each.row, each.code, each.column) for each in reading.skipped] == [(8, "MISSING_VALUE", "EndDateTime")]


def test_iex_with_quotes_and_a_time_that_is_none() -> None:
    data = (
        '"excdate"|"TZ"|"tvID"|"exc"|"start"|"stop"\n'
        '"03272027"|"US/Eastern"|"00017"|"Chat"|"01:30"|"05:30"\n'
        '"03272027"|"US/Eastern"|"00017"|"Chat"|"early"|"05:30"\n'
    )
    reading = read(data, site_profile("nice-iex"))
    assert said(reading) == [IEX_SAID]
    assert [each.reason for each in reading.skipped] == ["'early' is not a time of day such as 08:00 or 24:00"]


def test_iex_with_the_other_names_may_be_a_csv() -> None:
    data = (
        "AgentID,AgentName,StartDateTime,EndDateTime,ActivityCode\n"
        '00017,"Smith, Jr., Bob",03/27/2027 1:30 AM,03/27/2027 5:30 AM,Chat\n'
    )
    assert said(read(data, site_profile("nice-iex", timeZone="America/New_York"))) == [IEX_SAID]


@pytest.mark.parametrize(
    ("identity", "agent"),
    [
        ("employeeid", ("00017", "employeeid")),
        ("fullname", ("Bob Smith", "fullname")),
        ("iexId", ("4101", "iexId")),
    ],
)
def test_the_identity_says_which_of_the_agents_columns_counts(identity: str, agent: tuple[str, str]) -> None:
    data = (
        "AgentID|AgentName|EmployeeID|StartDateTime|EndDateTime|ActivityCode\n"
        "4101|Bob Smith|00017|2027-03-27T01:30:00|2027-03-27T05:30:00|Chat\n"
    )
    (segment,) = read(data, site_profile("nice-iex", timeZone=HELSINKI, identity=identity)).segments
    assert (segment.agent, segment.identity) == agent


def test_the_order_of_dates_that_a_site_names_is_that_of_its_moments_too() -> None:
    profile = site_profile("nice-iex", timeZone="America/New_York", times={"date": ["%d/%m/%Y"]})
    data = "AgentID|StartDateTime|EndDateTime|ActivityCode\n00017|03/04/2027 22:00|04/04/2027 02:00|Chat\n"
    assert said(read(data, profile)) == [("00017", "04.04. 02:00", "04.04. 06:00", "Chat")]


NO_HEADER = "03272027|03262027|US/Eastern|00017|Smith, Bob|Chat|01:30|05:30\n"
NAMES = ["excdate", "schedDate", "TZ", "tvID", "agent", "exc", "start", "stop"]


@pytest.mark.parametrize("before", ["", "\n\n", f"#fields:{'|'.join(NAMES)}\n", "|".join(NAMES) + "\n"])
def test_a_profile_may_name_the_columns_of_files_without_a_header(before: str) -> None:
    reading = read(before + 2 * NO_HEADER, site_profile("nice-iex", format={"header": NAMES}))
    assert said(reading) == [IEX_SAID, IEX_SAID]
    assert [each.row for each in reading.segments] == [before.count("\n") + 1, before.count("\n") + 2]


def test_a_file_without_a_header_is_refused_unless_its_columns_are_as_many() -> None:
    with pytest.raises(UnreadableFileError, match="the header lacks tvID"):
        read(NO_HEADER, site_profile("nice-iex"))
    with pytest.raises(UnreadableFileError, match=r"has 8 fields; format\.header of the profile names 7"):
        read(NO_HEADER, site_profile("nice-iex", format={"header": NAMES[:7]}))


# ------------------------------------------------------------------------------------------------------- Talkdesk


@pytest.mark.parametrize(("data", "kind"), [('{"a": 1}', "JSON"), ("[\n{}]", "JSON"), ("<a/>", "XML")])
def test_a_document_in_the_folder_of_a_table_is_called_one(data: str, kind: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"begins like {kind}"):
        read(data, site_profile("talkdesk", timeZone=HELSINKI))


def test_a_length_says_the_end_where_the_file_has_no_column_for_it() -> None:
    data = "Agent Id,Event Type Name,Event Start Time,Event Duration (min)\na-1,Chat,2027-03-27 8:00:00,90\n"
    profile = site_profile("talkdesk", timeZone=HELSINKI)
    assert said(read(data, profile)) == [("a-1", "27.03. 06:00", "27.03. 07:30", "Chat")]


def test_a_reference_date_may_have_a_time_of_day() -> None:
    header = "Agent Email,Account Time Zone,Reference Date,Adherence Event Start Time,Adherence Event End Time,"
    row = "a@x,Lisbon,2027-01-08 05:00:00,{},{}\n"
    data = f"{header}Scheduled Event Name\n" + row.format("23:00:00", "2:00:00,Chat") + row.format("?", "2:00:00,Chat")
    reading = read(data, site_profile("talkdesk-legacy"))
    assert said(reading) == [("a@x", "08.01. 23:00", "09.01. 02:00", "Chat")]
    assert [each.day for each in reading.protected] == [date(2027, 1, 8)]
