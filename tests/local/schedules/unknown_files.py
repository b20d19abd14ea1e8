"""Schedules in layouts that nobody has described, and what they say, computed without the app's code."""

import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook

ACTIVITIES = ("Voice Queue", "Chat", "Lunch", "Break", "Back Office")
PEOPLE = (
    ("00017", "asa.lindqvist@nordic-care.example", "Åsa Lindqvist"),
    ("00023", "jurgen.weiss@nordic-care.example", "Jürgen Weiß"),
    ("00131", "zoe.vanthoff@nordic-care.example", "Zoë van ’t Hoff"),
    ("04411", "paivi.makela@nordic-care.example", "Päivi Mäkelä"),
)


@dataclass(frozen=True)
class Shift:
    """A stretch in local time; the end may be on the next day."""

    person: tuple[str, str, str]
    start: datetime
    end: datetime
    activity: str

    @property
    def day(self) -> date:
        return self.start.date()

    @property
    def minutes(self) -> int:
        return round((self.end - self.start).total_seconds() / 60)


type Said = tuple[str, datetime, datetime, str]


def shifts(first: date, days: int, *, seed: int = 7) -> list[Shift]:
    """Every person on every day, each in turn at night; never at an hour that a clock change touches."""
    chance = random.Random(seed)  # noqa: S311 - made-up data
    found = []
    for number in range(days):
        for place, person in enumerate(PEOPLE):
            day = datetime.combine(first + timedelta(days=number), datetime.min.time())
            at = day + (timedelta(hours=22) if (number + place) % 4 == 0 else timedelta(hours=7 + place, minutes=30))
            for _ in range(3):
                length = timedelta(minutes=chance.choice((15, 30, 60, 95)))
                found.append(Shift(person, at, at + length, chance.choice(ACTIVITIES)))
                at += length
    return found


def truth(rows: list[Shift], zone: str, agent: Callable[[Shift], str], activity: str | None = None) -> set[Said]:
    """What an exact reader gets: agent, start and end in UTC, activity."""
    at = ZoneInfo(zone)
    return {
        (
            agent(row), row.start.replace(tzinfo=at).astimezone(UTC), row.end.replace(tzinfo=at).astimezone(UTC),
            activity or row.activity,
        )
        for row in rows
    }  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A table: its header, its cells, how it is written; `agent` is the place in a person that identifies."""

    id: str
    header: tuple[str, ...]
    cells: Callable[[Shift, int], tuple[Any, ...]]
    agent: int
    identity: str
    encoding: str = "utf-8"
    delimiter: str = ","
    zone: str = "Europe/Helsinki"
    zone_is_named: bool = False
    activity: str | None = None
    line_end: str = "\r\n"
    names: dict[str, str] = field(default_factory=dict)
    """What the field of the proposal must be."""

    def write(self, rows: list[Shift]) -> bytes:
        lines = [self.header, *(self.cells(row, number) for number, row in enumerate(rows))]
        return "".join(self.delimiter.join(map(str, line)) + self.line_end for line in lines).encode(self.encoding)


def _half(moment: datetime) -> str:
    return f"{moment:%I:%M %p}".lstrip("0")


def _offset(moment: datetime) -> str:
    return moment.replace(tzinfo=ZoneInfo("America/New_York")).isoformat()


LAYOUTS = (
    Layout(
        "german-cp1252", ("Personalnummer", "Name", "Datum", "Beginn", "Ende", "Tätigkeit", "Standort"),
        lambda row, n: (row.person[0], row.person[2], f"{row.day:%d.%m.%Y}", f"{row.start:%H:%M}", f"{row.end:%H:%M}",
                        row.activity, "Köln"),
        0, "employeeid", "cp1252", ";", "Europe/Berlin",
        names={"date": "Datum", "start": "Beginn", "end": "Ende", "activity": "Tätigkeit", "site": "Standort"},
    ),
    Layout(
        "us-utf16-tab-12-hours", ("Employee E-mail", "Shift Begin", "Shift End", "Activity Name", "Supervisor Email"),
        lambda row, n: (row.person[1], f"{row.start:%m/%d/%Y} {_half(row.start)}",
                        f"{row.end:%m/%d/%Y} {_half(row.end)}", row.activity, "boss@nordic-care.example"),
        1, "email", "utf-16", "\t", "America/New_York", names={"agent": "Employee E-mail"},
    ),
    Layout(
        "polish-cp1250", ("Numer pracownika", "Imię i nazwisko", "Początek", "Koniec", "Activity", "Uwagi"),
        lambda row, n: (row.person[0], "Łukasz Wójcik", f"{row.start:%d/%m/%Y %H:%M}", f"{row.end:%d/%m/%Y %H:%M}",
                        row.activity, "zażółć gęślą jaźń"),
        0, "employeeid", "cp1250", ";", "Europe/Warsaw",
    ),
    Layout(
        "offsets-with-ids", ("event_id", "user_email", "starts_at", "ends_at", "activity", "state", "created_at"),
        lambda row, n: (f"ev-{n:05}", row.person[1], _offset(row.start), _offset(row.end), row.activity, "Published",
                        "2026-01-01T00:00:00+00:00"),
        1, "email", "utf-8-sig", ",", "America/New_York", True,
        names={"externalId": "event_id", "status": "state", "start": "starts_at"},
    ),
    Layout(
        "pipe-compact-length", ("#EmployeeCode", "WorkDay", "StartTime", "DurationMinutes", "Task"),
        lambda row, n: (row.person[0], f"{row.day:%Y%m%d}", f"{row.start:%H%M}", row.minutes, row.activity),
        0, "employeeid", "utf-8", "|", "Europe/London", line_end="\n", names={"length": "DurationMinutes"},
    ),
    Layout(
        "finnish-end-date", ("Henkilönumero", "Alkupäivä", "Alkaa", "Loppupäivä", "Loppuu", "Toiminto", "Tiimi"),
        lambda row, n: (row.person[0], f"{row.day:%d.%m.%Y}", f"{row.start:%H:%M}", f"{row.end:%d.%m.%Y}",
                        f"{row.end:%H:%M}", row.activity, "Asiakaspalvelu"),
        0, "employeeid", "utf-8", ";", names={"endDate": "Loppupäivä", "date": "Alkupäivä", "team": "Tiimi"},
    ),
    Layout(
        "american-two-digit-year", ("Agent ID", "Agent Name", "Date", "Start Time", "Stop Time", "Minutes", "Event"),
        lambda row, n: (row.person[0], row.person[2], f"{row.day:%m/%d/%y}", f"{row.start:%H:%M:%S}",
                        f"{row.end:%H:%M:%S}", row.minutes, row.activity),
        0, "employeeid", "utf-8", ",", "America/New_York",
    ),
    Layout(
        "range-in-a-cell", ("Mitarbeiter-Nr", "Datum", "Zeit", "Art"),
        lambda row, n: (row.person[0], f"{row.day:%d.%m.%Y}", f"{row.start:%H:%M}-{row.end:%H:%M}", row.activity),
        0, "employeeid", "utf-8", ";", "Europe/Berlin", names={"range": "Zeit"},
    ),
    Layout(
        "zone-in-the-row", ("login", "tz", "from", "to"),
        lambda row, n: (row.person[1].partition("@")[0], "Europe/Helsinki", f"{row.start:%Y-%m-%d %H:%M}",
                        f"{row.end:%Y-%m-%d %H:%M}"),
        3, "domainname", "utf-8", ",", zone_is_named=True, activity="Work", names={"timeZone": "tz"},
    ),
)  # fmt: skip


def agent_of(layout: Layout, row: Shift) -> str:
    """The agent as the file names it."""
    return row.person[1].partition("@")[0] if layout.agent == 3 else row.person[layout.agent]


# ------------------------------------------------------------------------------------------------ other containers


def workbook(rows: list[Shift]) -> bytes:
    """A spreadsheet with a title above its header, and real dates and times in its cells."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Week plan"])
    sheet.append([])
    sheet.append(["Employee No", "Employee", "Day", "From", "To", "Activity"])
    for row in rows:
        sheet.append([row.person[0], row.person[2], row.day, row.start.time(), row.end.time(), row.activity])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def grid(monday: date) -> tuple[bytes, set[tuple[str, datetime, datetime]]]:
    """A row a person, a column a day; what it says in local time."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    days = [monday + timedelta(days=number) for number in range(7)]
    sheet.append(["Code", "Name", *days])
    said = set()
    for place, (code, _, name) in enumerate(PEOPLE):
        cells = []
        for number, day in enumerate(days):
            if (place + number) % 3 == 0:
                cells.append("OFF")
            else:
                cells.append(f"{8 + place}:00-{16 + place}:30")
                midnight = datetime.combine(day, datetime.min.time())
                said.add((code, midnight + timedelta(hours=8 + place), midnight + timedelta(hours=16.5 + place)))
        sheet.append([code, name, *cells])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue(), said


def json_with_activities(rows: list[Shift]) -> bytes:
    """Persons, their days, and in those the rows."""
    persons = [
        {
            "worker": {"externalCode": person[0], "displayName": person[2]},
            "workdays": [
                {
                    "day": f"{day}",
                    "segments": [_segment(row) for row in rows if row.person == person and row.day == day],
                }
                for day in sorted({row.day for row in rows})
            ],
        }
        for person in PEOPLE
    ]
    return json.dumps({"exportedAt": "2026-01-01T00:00:00Z", "staff": persons}, ensure_ascii=False).encode()


def _segment(row: Shift) -> dict[str, Any]:
    return {"begin": row.start.isoformat(), "end": row.end.isoformat(), "activity": row.activity, "billable": True}


def json_with_breaks(first: date) -> tuple[bytes, set[Said]]:
    """A list of shifts with a break inside each; what it says in UTC."""
    items, said = [], set[Said]()
    for number in range(12):
        person = PEOPLE[number % 4]
        start = datetime.combine(first + timedelta(days=number), datetime.min.time(), UTC) + timedelta(hours=6)
        moments = [start, start + timedelta(hours=4), start + timedelta(hours=4.5), start + timedelta(hours=8)]
        items.append(
            {
                "email": person[1], "start": _z(moments[0]), "end": _z(moments[3]), "activity": "Chat",
                "pauses": [{"start": _z(moments[1]), "end": _z(moments[2]), "type": "Lunch"}],
            }
        )  # fmt: skip
        said.update(_three(person[1], moments))
    return json.dumps(items).encode(), said


def _three(agent: str, moments: list[datetime]) -> Iterator[Said]:
    yield agent, moments[0], moments[1], "Chat"
    yield agent, moments[1], moments[2], "Lunch"
    yield agent, moments[2], moments[3], "Chat"


def _z(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def xml(rows: list[Shift]) -> bytes:
    """Agents and their rows as attributes, dates month first."""
    parts = []
    for code, _, _ in PEOPLE:
        inner = "".join(
            f'<Event begin="{row.start:%m/%d/%Y %I:%M %p}" finish="{row.end:%m/%d/%Y %I:%M %p}" '
            f'activity="{row.activity}"/>'
            for row in rows
            if row.person[0] == code
        )
        parts.append(f'<Agent employeeNumber="{code}"><Events>{inner}</Events></Agent>')
    return f'<?xml version="1.0"?><Plan version="3"><Agents>{"".join(parts)}</Agents></Plan>'.encode()
