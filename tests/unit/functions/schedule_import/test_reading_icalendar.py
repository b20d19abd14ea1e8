"""iCalendar feeds: how events say when, who, whether and how often."""

import io
import time
from typing import Any

import pytest

from functions.schedule_import.profile import SiteProfile, builtin_profile, resolve_profile
from functions.schedule_import.reading.icalendar import icalendar_rows
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Reading, UnreadableFileError

NAME = "mia@team.example.ics"
HEAD = "X-WR-TIMEZONE:Europe/Helsinki\n"


def read(text: str | bytes, name: str = NAME, **site: Any) -> Reading:
    profile = builtin_profile("icalendar")
    if site:
        profile = resolve_profile("icalendar", SiteProfile.model_validate({"extends": "icalendar", **site}))
    data = text.encode() if isinstance(text, str) else text
    return read_schedule(FileContent(name, io.BytesIO(data)), profile)


def calendar(*events: str, head: str = HEAD) -> str:
    body = "".join(f"BEGIN:VEVENT\nSUMMARY:Chat\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n"


def times(reading: Reading) -> list[str]:
    return [f"{item.start:%m-%d %H:%M} {item.end:%m-%d %H:%M}" for item in reading.segments]


NIGHT = "DTSTART;TZID=Europe/Helsinki:20270327T220000"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param("DTSTART:20270322T060000Z\nDTEND:20270322T080000Z", "03-22 06:00 03-22 08:00", id="UTC"),
        pytest.param("DTSTART:20270322T080000\nDTEND:20270322T100000", "03-22 06:00 03-22 08:00", id="floating"),
        pytest.param("DTSTART;VALUE=DATE:20270328", "03-27 22:00 03-28 21:00", id="a day of 23 hours"),
        pytest.param("DTSTART;VALUE=DATE:20270322\nDTEND;VALUE=DATE:20270324", "03-21 22:00 03-23 22:00", id="2 days"),
        pytest.param("DTSTART;VALUE=DATE:20270322\nDURATION:P2D", "03-21 22:00 03-23 22:00", id="days as a duration"),
        pytest.param(f"{NIGHT}\nDTEND;TZID=Europe/Helsinki:20270328T060000", "03-27 20:00 03-28 03:00",
                     id="the wall clock of an end"),
        pytest.param(f"{NIGHT}\nDURATION:PT8H", "03-27 20:00 03-28 04:00", id="hours of a duration are elapsed"),
        pytest.param(f"{NIGHT}\nDURATION:P1D", "03-27 20:00 03-28 19:00", id="a day of a duration is one of the clock"),
        pytest.param(f"{NIGHT}\nDTEND;TZID=America/New_York:20270327T180000", "03-27 20:00 03-27 22:00",
                     id="an end in another zone"),
        pytest.param("DTSTART;TZID=FLE Standard Time:20270322T080000\nDTEND;TZID=FLE Standard Time:20270322T100000",
                     "03-22 06:00 03-22 08:00", id="a Windows name"),
        pytest.param("DTSTART;TZID=/vendor.example/2027/Europe/Helsinki:20270322T080000\nDURATION:PT2H",
                     "03-22 06:00 03-22 08:00", id="a global name"),
        pytest.param('DTSTART;TZID="Europe/Helsinki":20270322T080000\nDURATION:PT1H30M', "03-22 06:00 03-22 07:30",
                     id="a quoted name"),
    ],
)  # fmt: skip
def test_when_an_event_is(event: str, expected: str) -> None:
    assert times(read(calendar(event))) == [expected]


def test_a_zone_that_the_calendar_defines_is_known_by_its_place() -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Ours\nX-LIC-LOCATION:Europe/Helsinki\nEND:VTIMEZONE\n"
    event = "DTSTART;TZID=Ours:20270322T080000\nDURATION:PT2H"
    assert times(read(calendar(event, head=zone))) == ["03-22 06:00 03-22 08:00"]
    # It is the only one, so it is that of whole days, too.
    assert times(read(calendar("DTSTART;VALUE=DATE:20270322", head=zone))) == ["03-21 22:00 03-22 22:00"]


def test_a_repeated_hour_is_read_as_everywhere_and_reported() -> None:
    event = "DTSTART;TZID=Europe/Helsinki:20261025T033000\nDTEND;TZID=Europe/Helsinki:20261025T060000"
    reading = read(calendar(event))
    assert times(reading) == ["10-25 00:30 10-25 04:00"]
    assert [(issue.code, issue.field) for issue in reading.issues] == [("AMBIGUOUS_TIME", "start")]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        pytest.param("DTSTART;TZID=Nowhere:20270322T080000\nDURATION:PT2H", "BAD_TIME_ZONE", id="an unknown zone"),
        pytest.param("DTEND:20270322T080000Z", "BAD_ROW", id="no start"),
        pytest.param("DTSTART:20270332T080000Z\nDTEND:20270322T080000Z", "BAD_ROW", id="day 32"),
        pytest.param("DTSTART:20270322T080000Z", "MISSING_VALUE", id="no end"),
        pytest.param("DTSTART:20270322T080000Z\nDTEND:20270322T070000Z", "END_BEFORE_START", id="end before start"),
        pytest.param("DTSTART:20270322T080000Z\nDTEND;VALUE=DATE:20270323", "BAD_ROW", id="a date for an end"),
        pytest.param("DTSTART:20270322T080000Z\nDTEND:20270322T090000Z\nDURATION:PT1H", "BAD_ROW", id="both"),
        pytest.param("DTSTART:20270322T080000Z\nDURATION:-PT1H", "BAD_TIME", id="a negative duration"),
        pytest.param("DTSTART:20270322T080000Z\nDTEND:20270322T090000Z\nSEQUENCE:x", "BAD_ROW", id="a bad version"),
        pytest.param("no property at all", "BAD_ROW", id="no property"),
        pytest.param("DTSTART:20270322T080000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "BAD_ROW", id="each second"),
        pytest.param("DTSTART:20270322T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BAD_ROW",
                     id="a rule that never occurs"),
        pytest.param("DTSTART:20270322T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=XX", "BAD_ROW", id="a bad rule"),
    ],
)  # fmt: skip
def test_a_bad_event_costs_only_itself(event: str, code: str) -> None:
    good = "DTSTART:20270322T060000Z\nDTEND:20270322T080000Z"
    reading = read(calendar(event, good))
    assert [(skip.row, skip.code) for skip in reading.skipped] == [(4, code)]
    assert times(reading) == ["03-22 06:00 03-22 08:00"]
    assert reading.protected


WEEKLY = "UID:a\nDTSTART;TZID=Europe/Helsinki:20270301T220000\nDTEND;TZID=Europe/Helsinki:20270302T060000\n"


def test_a_weekly_night_keeps_its_wall_clock_through_the_change() -> None:
    event = WEEKLY.replace("0301", "0320").replace("0302", "0321") + "RRULE:FREQ=WEEKLY;COUNT=3"
    assert times(read(calendar(event))) == [
        "03-20 20:00 03-21 04:00", "03-27 20:00 03-28 03:00", "04-03 19:00 04-04 03:00"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        pytest.param("RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", [1, 4, 8, 11], id="weekdays"),
        pytest.param("RRULE:FREQ=DAILY;UNTIL=20270303T200000Z", [1, 2, 3], id="until, in UTC, included"),
        pytest.param("RRULE:FREQ=DAILY;UNTIL=20270303", [1, 2, 3], id="until a day"),
        pytest.param(
            "RRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/Helsinki:20270302T220000", [1, 3, 4], id="exception"
        ),
        pytest.param("RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20270302T200000Z", [1, 3], id="exception in UTC"),
        pytest.param("RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20270302", [1, 3], id="exception of a day"),
        pytest.param("RDATE;TZID=Europe/Helsinki:20270305T220000,20270309T220000", [1, 5, 9], id="dates"),
        pytest.param("RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=1\nRDATE:20270310T200000Z", [1, 10], id="rule and dates"),
    ],
)
def test_recurrences(rule: str, days: list[int]) -> None:
    reading = read(calendar(WEEKLY + rule))
    assert [segment.start.day for segment in reading.segments] == days
    assert {segment.row for segment in reading.segments} == {4}
    assert len({segment.external_id for segment in reading.segments}) == len(days)


def test_one_occurrence_may_be_moved_and_another_cancelled() -> None:
    series = WEEKLY + "RRULE:FREQ=DAILY;COUNT=4"
    moved = "UID:a\nRECURRENCE-ID:20270302T200000Z\nDTSTART:20270302T210000Z\nDTEND:20270302T230000Z"
    gone = "UID:a\nRECURRENCE-ID;TZID=Europe/Helsinki:20270303T220000\nDTSTART:20270303T200000Z\nSTATUS:CANCELLED"
    reading = read(calendar(series, moved, gone))
    assert times(reading) == ["03-01 20:00 03-02 04:00", "03-04 20:00 03-05 04:00", "03-02 21:00 03-02 23:00"]
    assert [(skip.row, skip.code) for skip in reading.skipped] == [(18, "CANCELLED")]


def test_of_a_series_the_newest_version_counts_as_a_whole() -> None:
    old = WEEKLY + "SEQUENCE:1\nRRULE:FREQ=DAILY;COUNT=4"
    new = WEEKLY + "SEQUENCE:2\nRRULE:FREQ=WEEKLY;COUNT=2"
    for events in ((old, new), (new, old)):
        assert [segment.start.day for segment in read(calendar(*events)).segments] == [1, 8]
    cancelled = read(calendar(old, WEEKLY + "SEQUENCE:2\nSTATUS:CANCELLED"))
    assert cancelled.segments == []
    assert [skip.code for skip in cancelled.skipped] == ["CANCELLED"]


def test_two_series_of_one_uid_and_version_are_not_guessed_between() -> None:
    events = (WEEKLY + "RRULE:FREQ=DAILY;COUNT=2", WEEKLY + "RRULE:FREQ=WEEKLY;COUNT=2")
    reading = read(calendar(*events))
    assert [segment.start.day for segment in reading.segments] == [1, 2]
    assert [(skip.row, skip.code) for skip in reading.skipped] == [(11, "BAD_ROW")]


def defined(*parts: str) -> str:
    """A zone that only this calendar knows: parts are `kind DTSTART RRULE TZOFFSETFROM TZOFFSETTO`, `-` for none."""
    lines = ["BEGIN:VTIMEZONE", "TZID:Our Own"]
    for part in parts:
        kind, start, rule, before, after = part.split()
        lines += [f"BEGIN:{kind}", f"DTSTART:{start}", *([f"RRULE:{rule}"] if rule != "-" else []),
                  f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"END:{kind}"]  # fmt: skip
    return "\n".join([*lines, "END:VTIMEZONE", ""])


HELSINKI_LIKE = (
    "STANDARD 16010101T040000 FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10 +0300 +0200",
    "DAYLIGHT 16010101T030000 FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3 +0200 +0300",
)
ONE_BY_ONE = (
    "STANDARD 20261025T040000 - +0300 +0200", "DAYLIGHT 20270328T030000 - +0200 +0300",
    "STANDARD 20271031T040000 - +0300 +0200",
)  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "night"),
    [
        pytest.param(HELSINKI_LIKE, "03-27 20:00 03-28 03:00", id="rules"),
        pytest.param(ONE_BY_ONE, "03-27 20:00 03-28 03:00", id="one change after the other"),
        pytest.param(["STANDARD 19700101T000000 - +0200 +0200"], "03-27 20:00 03-28 04:00", id="none"),
        pytest.param(["STANDARD 20080406T020000 FREQ=YEARLY;BYMONTH=4;BYDAY=1SU +1100 +1030",
                      "DAYLIGHT 20081005T020000 FREQ=YEARLY;BYMONTH=10;BYDAY=1SU +1030 +1100"],
                     "03-27 11:00 03-27 19:00", id="half an hour"),
    ],
)  # fmt: skip
def test_a_zone_of_an_unknown_name_is_the_one_that_its_definition_is_like(parts: list[str], night: str) -> None:
    event = NIGHT.replace("Europe/Helsinki", "Our Own")
    event += "\n" + event.replace("DTSTART", "DTEND").replace("27T220000", "28T060000")
    reading = read(calendar(event, head=defined(*parts)))
    assert (times(reading), reading.skipped) == ([night], [])


@pytest.mark.parametrize("part", ["STANDARD 19700101T000000 - +0217 +0217",
                                  "STANDARD 19700101T000000 FREQ=SECONDLY +0200 +0200",
                                  "STANDARD 19700101T000000 FREQ=YEARLY;BYYEARDAY=7 +0300 +0200",
                                  "STANDARD someday - +0200 +0200"])  # fmt: skip
def test_a_definition_that_no_zone_is_like_names_none(part: str) -> None:
    event = NIGHT.replace("Europe/Helsinki", "Our Own") + "\nDURATION:PT8H"
    assert [skip.code for skip in read(calendar(event, head=defined(part))).skipped] == ["BAD_TIME_ZONE"]


@pytest.mark.parametrize("name", ["00017.ics", "asa/00017.ics", "00017.ics.rejected.ics"])
def test_a_file_s_name_may_be_an_employee_s_code(name: str) -> None:
    event = "UID:a\nDTSTART:20270322T060000Z\nDTEND:20270322T080000Z\nATTENDEE:mailto:a@x.example"
    reading = read(calendar(f"{event}\nATTENDEE:mailto:b@x.example"), name, identity="employeeid")
    assert [(segment.agent, segment.identity) for segment in reading.segments] == [("00017", "employeeid")]


@pytest.mark.parametrize("rule", ["RRULE:FREQ=MONTHLY;COUNT=20", "RRULE:FREQ=MONTHLY;UNTIL=20281002T000000Z",
                                  "RDATE:20281001T190000Z"])  # fmt: skip
def test_a_series_that_ends_by_itself_is_unfolded_to_its_end(rule: str) -> None:
    assert f"{read(calendar(WEEKLY + rule), format={'horizonDays': 30}).segments[-1].start:%Y-%m-%d}" == "2028-10-01"


def test_a_series_near_the_end_of_the_calendar_costs_itself_alone() -> None:
    reading = read(
        calendar(WEEKLY + "RRULE:FREQ=DAILY;COUNT=2", WEEKLY.replace("2027", "9999") + "RRULE:FREQ=DAILY;COUNT=2")
    )
    assert len(reading.segments) == 2


def test_endless_rules_end_at_the_horizon() -> None:
    event = WEEKLY + "RRULE:FREQ=DAILY"
    assert len(read(calendar(event)).segments) == 401
    assert len(read(calendar(event), format={"horizonDays": 30}).segments) == 31
    # A rule that began long ago is unfolded around the day on which the file was made.
    old = read(calendar(event.replace("2027", "2019") + "\nDTSTAMP:20270301T000000Z"), format={"horizonDays": 30})
    assert (old.segments[0].start.isoformat()[:10], len(old.segments)) == ("2027-01-30", 60)


@pytest.mark.parametrize(
    ("versions", "hour"),
    [
        pytest.param(["SEQUENCE:1", "SEQUENCE:2"], 1, id="the higher sequence"),
        pytest.param(["SEQUENCE:10", "SEQUENCE:9"], 0, id="as numbers"),
        pytest.param(["DTSTAMP:20270301T000000Z", "DTSTAMP:20270302T000000Z"], 1, id="the later stamp"),
        pytest.param(["SEQUENCE:0", "DTSTAMP:20270301T000000Z\nSEQUENCE:0"], 1, id="a stamp before none"),
        pytest.param(["", ""], 0, id="the first of equals"),
    ],
)
def test_the_same_uid_twice(versions: list[str], hour: int) -> None:
    events = [f"UID:a\n{version}\nDTSTART:20270322T0{number}0000Z\nDURATION:PT1H".replace("\n\n", "\n")
              for number, version in enumerate(versions)]  # fmt: skip
    assert [segment.start.hour for segment in read(calendar(*events)).segments] == [hour]


@pytest.mark.parametrize(
    ("name", "event", "agents"),
    [
        pytest.param(NAME, "ATTENDEE:mailto:other@x.example", ["mia@team.example"], id="the file's name"),
        pytest.param("ical_mia@team.example.ics", "", ["mia@team.example"], id="behind a word"),
        pytest.param("mia@team.example (2).ics", "", ["mia@team.example"], id="a second download"),
        pytest.param("mia@team.example.ics.rejected.ics", "", ["mia@team.example"], id="a rejected file"),
        pytest.param("mia@mail.big-team.example_2027.ics", "", ["mia@mail.big-team.example"], id="with a year"),
        pytest.param("team.ics", "ATTENDEE;CN=X:MAILTO:a@x.example", ["a@x.example"], id="an attendee"),
        pytest.param("team.ics", "ATTENDEE:mailto:a@x.example\nATTENDEE:mailto:b@x.example",
                     ["a@x.example", "b@x.example"], id="all attendees"),
        pytest.param("team.ics", "ATTENDEE;EMAIL=a@x.example:urn:x", ["a@x.example"], id="an address beside"),
        pytest.param("team.ics", "ORGANIZER:mailto:a@x.example", ["a@x.example"], id="the organizer"),
        pytest.param("team.ics", "", [], id="nobody"),
    ],
)  # fmt: skip
def test_whose_event_it_is(name: str, event: str, agents: list[str]) -> None:
    reading = read(calendar(f"DTSTART:20270322T060000Z\nDURATION:PT1H\n{event}".strip()), name)
    assert [segment.agent for segment in reading.segments] == agents


def test_text_is_unfolded_inside_of_a_character_and_unescaped() -> None:
    head, tail = "Työ\\, 1".encode()[:3], "Työ\\, 1".encode()[3:]
    data = calendar("DTSTART:20270322T060000Z\nDURATION:PT1H").encode()
    data = data.replace(b"SUMMARY:Chat", b"SUMMARY:" + head + b"\r\n " + tail)
    assert [segment.activity for segment in read(data).segments] == ["Työ, 1"]


def test_tentative_events_are_not_committed_and_a_cancelling_calendar_cancels() -> None:
    event = "DTSTART:20270322T060000Z\nDURATION:PT1H"
    assert [skip.code for skip in read(calendar(f"{event}\nSTATUS:TENTATIVE")).skipped] == ["NOT_COMMITTED"]
    assert [skip.code for skip in read(calendar(event, head="METHOD:CANCEL\n")).skipped] == ["CANCELLED"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("Name;Phone;City\n", "line 1 is outside of any calendar", id="CSV"),
        pytest.param("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "END:VCALENDAR is missing", id="cut in an event"),
        pytest.param(
            calendar("DTSTART:20270322T060000Z").removesuffix("END:VCALENDAR\n"), "is missing", id="cut after one"
        ),
        pytest.param("BEGIN:VCALENDAR\nEND:VEVENT\n", "ends what was not begun", id="an end too much"),
        pytest.param("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 20, "too deep", id="nested too deep"),
        pytest.param("BEGIN:VCALENDAR\nA:\0\n", "NUL", id="binary"),
        pytest.param("BEGIN:VCALENDAR\nA:" + "x" * 70_000, "longer than", id="a long line"),
        pytest.param("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + "A:b\n" * 3_000, "more than 2000 lines", id="a long event"),
        pytest.param("BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nEND:VEVENT\n" * 20_001, "more than 20000", id="many events"),
        pytest.param(calendar("DTSTART;VALUE=DATE:20270322", head=""), "no time zone", id="no zone"),
    ],
)
def test_what_is_no_whole_calendar_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(text)


def test_rules_that_never_occur_cannot_keep_the_reader_busy() -> None:
    event = "DTSTART:20270322T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    begun = time.perf_counter()
    with pytest.raises(UnreadableFileError, match="never occur"):
        read(calendar(*(f"UID:{number}\n{event}" for number in range(200))))
    assert time.perf_counter() - begun < 10


def test_rejected_events_come_back_with_their_reason_and_are_read_again() -> None:
    text = calendar("UID:a\nDTSTART:20270322T080000Z\nDURATION:PT1H", "UID:b\nDTSTART;VALUE=DATE:20270322")
    reason = "=x, y; " * 20
    data, content_type = icalendar_rows.write_rejected(
        FileContent(NAME, io.BytesIO(text.encode())), builtin_profile("icalendar"), {10: reason}
    )
    assert content_type.startswith("text/calendar")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    again = read(data, f"{NAME}.rejected.ics")
    assert [segment.external_id for segment in again.segments] == ["b"]
    assert again.dropped_again
    # The reason of a second time takes the place of the first one.
    twice, _ = icalendar_rows.write_rejected(
        FileContent(NAME, io.BytesIO(data)), builtin_profile("icalendar"), {again.segments[0].row: "no such agent"}
    )
    assert twice.count(b"X-REASON") == 1
