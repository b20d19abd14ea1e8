"""Schedule files of vendors, generated from shifts that are drawn by seed. Shares no code with the app.

Each layout takes the same drawn shifts and says what a right reader gets from its file: agent, start and end in UTC,
and the activity's word. `names` are the names that a site uses in place of the documented ones.
"""

import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from openpyxl import Workbook

type Expected = tuple[str, datetime, datetime, str]

ZONES = {
    "Europe/Helsinki": (date(2026, 10, 24), date(2027, 3, 27)),
    "America/New_York": (date(2026, 10, 31), date(2027, 3, 13)),
    "Australia/Lord_Howe": (date(2026, 10, 3), date(2027, 4, 3)),
    "America/Santiago": (date(2026, 9, 5), date(2027, 4, 3)),
}
"""Zones, and the evenings before the nights on which their clocks change."""
WORDS = ("Inbound", "Chat desk", "Back Office", "Coaching", "Lunch")


@dataclass(frozen=True)
class Piece:
    """A stretch on the wall clock."""

    start: datetime
    end: datetime
    word: str


@dataclass(frozen=True)
class Shift:
    """Pieces that follow each other."""

    agent: int
    pieces: tuple[Piece, ...]

    @property
    def start(self) -> datetime:
        return self.pieces[0].start

    @property
    def end(self) -> datetime:
        return self.pieces[-1].end


@dataclass
class File:
    """A file, what a right reader gets from it, and what the site has to say about the layout."""

    name: str
    data: bytes
    expected: list[Expected]
    site: dict[str, Any] = field(default_factory=dict)


def _seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same files for the same seed


def in_utc(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Two wall clocks as instants: the first of two readings, the later one for an end that would not be after its
    start. None where there is no such stretch."""
    begins = start.replace(tzinfo=zone, fold=0).astimezone(UTC)
    ends = [end.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    chosen = ends[0] if ends[0] > begins else max(ends)
    return (begins, chosen) if chosen > begins else None


def drawn_shifts(seed: int, zone_name: str, rows: int = 500, *, most_pieces: int = 6) -> list[Shift]:
    """Shifts with at least so many pieces in all: at most one an agent and day, on nights of a change, too."""
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    shifts: list[Shift] = []
    taken: set[tuple[int, date]] = set()
    drawn = 0
    while drawn < rows:
        day = draw.choice(ZONES[zone_name]) + timedelta(days=draw.choice([0, 0, 0, 1, 1, *range(-6, 7)]))
        agent = draw.randrange(60)
        # Neighbouring days stay free, so that shifts of an agent never overlap.
        if {(agent, day + timedelta(days=step)) for step in (-1, 0, 1)} & taken:
            continue
        clock = datetime.combine(
            day, time(draw.choice([0, 1, 2, 3, 6, 8, 13, 16, 20, 22, 23]), draw.choice([0, 15, 30, 45]))
        )
        pieces = []
        for _ in range(draw.randint(1, most_pieces)):
            end = clock + timedelta(minutes=15 * draw.randint(1, 10))
            if in_utc(clock, end, zone) is None or end - clock > timedelta(hours=16):
                break
            pieces.append(Piece(clock, end, draw.choice(WORDS)))
            clock = end
        if pieces and in_utc(pieces[0].start, pieces[-1].end, zone):
            taken.add((agent, day))
            shifts.append(Shift(agent, tuple(pieces)))
            drawn += len(pieces)
    return shifts


def expected_of(shifts: list[Shift], zone: ZoneInfo, agent: Callable[[int], str]) -> list[Expected]:
    """What the pieces are in UTC."""
    found = []
    for shift in shifts:
        for piece in shift.pieces:
            stretch = in_utc(piece.start, piece.end, zone)
            assert stretch is not None
            found.append((agent(shift.agent), *stretch, piece.word))
    return found


def _shuffled(draw: random.Random, part: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same object with its keys in any order, under the site's names."""
    keys = list(part)
    draw.shuffle(keys)
    return {names.get(key, key): part[key] for key in keys}


def _z(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _json(draw: random.Random, document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=draw.random() < 0.5, indent=draw.choice([None, 1, 4])).encode()


# --------------------------------------------------------------------------------------------------- JSON


def genesys_cloud(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    shifts = drawn_shifts(seed, zone_name)
    codes = {word: f"code-{number}" for number, word in enumerate(WORDS)}
    upload = draw.random() < 0.5
    expected: list[Expected] = []
    schedules = []
    for agent in sorted({shift.agent for shift in shifts}):
        agent_id = f"7a1e-{agent:04}"
        written = []
        for shift in [shift for shift in shifts if shift.agent == agent]:
            instants = expected_of([shift], zone, lambda _: agent_id)  # noqa: B023 - used at once
            expected += instants
            activities = [
                _shuffled(draw, {
                    "activityCodeId": codes[word],
                    "startDate": _z(start),
                    "lengthMinutes": (end - start) // timedelta(minutes=1),
                    **({"description": "x", "paid": True} if draw.random() < 0.5 else {}),
                }, names)
                for _, start, end, word in instants
            ]  # fmt: skip
            written.append(_shuffled(draw, {
                "startDate": _z(instants[0][1]),
                "activities": activities,
                **({"id": "s", "manuallyEdited": False, "lengthMinutes": 60} if draw.random() < 0.5 else {}),
            }, names))  # fmt: skip
        markers = []
        if draw.random() < 0.4:
            day = min(ZONES[zone_name]) + timedelta(days=draw.choice([-30, -20, 1]))
            markers.append(_shuffled(draw, {"businessUnitDate": day.isoformat(), "activityCodeId": "code-4",
                                            "lengthMinutes": 480}, names))  # fmt: skip
            stretch = in_utc(datetime.combine(day, time()), datetime.combine(day, time()) + timedelta(days=1), zone)
            assert stretch is not None
            expected.append((agent_id, *stretch, "Lunch"))
        who: dict[str, Any] = {"userId": agent_id} if upload else {"user": {"id": agent_id, "selfUri": "/x"}}
        schedule = {**who, "shifts": written, "fullDayTimeOffMarkers": markers}
        if not markers and draw.random() < 0.5:
            del schedule["fullDayTimeOffMarkers"]
        schedules.append(_shuffled(draw, schedule, names))
    document = {
        "agentSchedules": schedules,
        "businessUnitTimeZone": zone_name,
        "weekDate": (min(ZONES[zone_name]) - timedelta(days=40)).isoformat(),
        "activityCodes": [_shuffled(draw, {"id": code, "name": word}, {}) for word, code in codes.items()],
        **({"published": True} if draw.random() < 0.5 else {}),
    }
    return File("genesys.json", _json(draw, _shuffled(draw, document, names)), expected)


def blue_yonder(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    expected: list[Expected] = []
    written = []
    for number, shift in enumerate(drawn_shifts(seed, zone_name, most_pieces=1)):
        piece = shift.pieces[0]
        job = {"startTime": piece.start.isoformat(), "endTime": piece.end.isoformat(), "jobId": 70}
        whole = in_utc(piece.start, piece.end, zone)
        assert whole is not None
        detail = (piece.start + timedelta(minutes=5), piece.start + timedelta(minutes=10))
        cut = in_utc(*detail, zone)
        assert cut is not None
        # A detail is only inside of its job where neither clock is turned between them.
        if draw.random() < 0.5 and whole[0] < cut[0] < cut[1] < whole[1] and cut[0] - whole[0] == timedelta(minutes=5):
            job["scheduledDetail"] = [
                _shuffled(draw, {"detailTypeCode": "MEAL", "startTime": detail[0].isoformat(),
                                 "endTime": detail[1].isoformat()}, names)
            ]  # fmt: skip
            expected += [(str(5000 + shift.agent), whole[0], cut[0], "70"), (str(5000 + shift.agent), *cut, "MEAL"),
                         (str(5000 + shift.agent), cut[1], whole[1], "70")]  # fmt: skip
        else:
            expected.append((str(5000 + shift.agent), *whole, "70"))
        written.append(_shuffled(draw, {
            "scheduledShiftId": number, "employeeId": 5000 + shift.agent,
            **({"siteId": 7} if draw.random() < 0.5 else {}),
            "scheduledJobs": [_shuffled(draw, job, names)],
        }, names))  # fmt: skip
    document: dict[str, Any] = {"siteId": 7, "scheduledShifts": written}
    if draw.random() < 0.5:
        document["startOfLaborWeek"] = min(ZONES[zone_name]).isoformat()
    site = {"siteZones": {"7": zone_name}}
    return File("week.json", _json(draw, _shuffled(draw, document, names)), expected, site)


def ms_graph_shifts(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    expected: list[Expected] = []
    rows = []
    for shift in drawn_shifts(seed, zone_name, 800, most_pieces=2):
        instants = expected_of([shift], zone, lambda agent: f"c0ffee-{agent:04}")
        who, first, last = instants[0][0], instants[0][1], instants[-1][2]
        shared: dict[str, Any] = {"startDateTime": _z(first), "endDateTime": _z(last), "theme": "blue"}
        if draw.random() < 0.5:
            shared["displayName"] = "Floor"
        base = shared.get("displayName", "Work")
        inner = [each for each in instants if each[3] == "Lunch"]
        shared["activities"] = [
            _shuffled(
                draw, {"startDateTime": _z(start), "endDateTime": _z(end), "displayName": word, "code": ""}, names
            )
            for _, start, end, word in inner
        ]
        row: dict[str, Any] = {
            "id": "SHFT",
            "userId": who,
            "sharedShift": _shuffled(draw, shared, names),
            "draftShift": None,
        }
        kind = draw.random()
        if kind < 0.1:
            row |= {"draftShift": row["sharedShift"], "sharedShift": None}
        elif kind < 0.2:
            row["isStagedForDeletion"] = True
        else:
            expected += _around(who, base, (first, last), inner)
        rows.append(_shuffled(draw, row, names))
    document: Any = {"@odata.context": "x", "value": rows}
    if draw.random() < 0.5:
        document = [{"value": rows[:20]}, {"value": rows[20:]}]
    return File("shifts.json", _json(draw, _named_lists(document, names)), expected)


def _named_lists(document: Any, names: Mapping[str, str]) -> Any:
    pages = document if isinstance(document, list) else [document]
    renamed = [{names.get(key, key): value for key, value in page.items()} for page in pages]
    return renamed if isinstance(document, list) else renamed[0]


def _around(who: str, base: str, whole: tuple[datetime, datetime], inner: list[Expected]) -> list[Expected]:
    """A stretch with others cut out of it, and these."""
    found, clock = list(inner), whole[0]
    for _, start, end, _ in sorted(inner, key=lambda each: each[1]):
        if start > clock:
            found.append((who, clock, start, base))
        clock = end
    if whole[1] > clock:
        found.append((who, clock, whole[1], base))
    return found


def dayforce(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    """Local times that are marked as UTC; a site has to say so."""
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    expected: list[Expected] = []
    rows = []
    for number, shift in enumerate(drawn_shifts(seed, zone_name, most_pieces=3)):
        who = f"DF{shift.agent:05}"
        whole = in_utc(shift.start, shift.end, zone)
        instants = expected_of([shift], zone, lambda _: who)  # noqa: B023 - used at once
        assert whole is not None
        row: dict[str, Any] = {
            "EmployeeScheduleXRefCode": f"X{number}", "EmployeeXRefCode": who,
            "TimeStart": shift.start.isoformat() + "Z", "TimeEnd": shift.end.isoformat() + "Z", "NetHours": 7.5,
        }  # fmt: skip
        # Nothing is nested on a night on which a wall clock may lie before the one that it follows.
        straight = (
            whole[1] - whole[0]
            == shift.end - shift.start
            == sum((end - start for _, start, end, _ in instants), timedelta())
        )
        inner: list[Expected] = []
        if straight:
            row["Activities"] = [
                _shuffled(draw, {"TimeStart": piece.start.isoformat() + "Z", "TimeEnd": piece.end.isoformat() + "Z",
                                 "XRefCode": piece.word}, names)
                for piece in shift.pieces if piece.word != "Lunch"
            ]  # fmt: skip
            row["Breaks"] = [
                _shuffled(draw, {"TimeStart": piece.start.isoformat() + "Z", "TimeEnd": piece.end.isoformat() + "Z",
                                 "NetHours": 0.5, "Type": "Meal"}, names)
                for piece in shift.pieces if piece.word == "Lunch"
            ]  # fmt: skip
            inner = [(*each[:3], "Meal" if each[3] == "Lunch" else each[3]) for each in instants]
        if draw.random() < 0.1:
            row["Published"] = False
        else:
            expected += _around(who, "Work", whole, inner)
        rows.append(_shuffled(draw, row, names))
    site = {"timeZone": zone_name, "times": {"ignoreOffset": True}}
    return File("schedules.json", _json(draw, {names.get("Data", "Data"): rows}), expected, site)


# --------------------------------------------------------------------------------------------------- XML


def kronos(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    shifts = drawn_shifts(seed, zone_name)
    expected: list[Expected] = []

    def element(tag: str, attributes: dict[str, str], parent: ET.Element | None = None) -> ET.Element:
        given = _shuffled(draw, attributes, names)
        return (
            ET.Element(names.get(tag, tag), given)
            if parent is None
            else ET.SubElement(parent, names.get(tag, tag), given)
        )

    days = sorted(shift.start.date() for shift in shifts)
    root = element("Response", {"Status": "Success", "Action": "Load"})
    schedule = element("Schedule", {"QueryDateSpan": f"{_us(days[0])}-{_us(days[-1])}"}, root)
    listed = element("Employees", {}, schedule)
    for agent in range(60):
        element("PersonIdentity", {"PersonNumber": f"{agent:05}"}, listed)
    items = element("ScheduleItems", {}, schedule)
    for shift in shifts:
        deleted = draw.random() < 0.1
        expected += [] if deleted else expected_of([shift], zone, lambda agent: f"{agent:05}")
        first = shift.start.date()
        held = element("ScheduleShift", {"StartDate": _us(first), "IsDeleted": str(deleted).lower()}, items)
        element("PersonIdentity", {"PersonNumber": f"{shift.agent:05}"}, element("Employee", {}, held))
        if draw.random() < 0.5:
            element("Comments", {}, held)
        segments = element("ShiftSegments", {}, held)
        for piece in shift.pieces:
            numbers = {"StartDayNumber": str((piece.start.date() - first).days + 1),
                       "EndDayNumber": str((piece.end.date() - first).days + 1)}  # fmt: skip
            dates = {"StartDate": _us(piece.start.date()), "EndDate": _us(piece.end.date())}
            element("ShiftSegment", {
                "SegmentTypeName": "REGULAR", "OrgJobPath": f"Site/{piece.word}",
                "StartTime": _clock(piece.start, "AM", "PM"), "EndTime": _clock(piece.end, "AM", "PM"),
                **draw.choice([numbers, dates, numbers | dates]),
            }, segments)  # fmt: skip
    for agent in range(0, 60, 5):
        day = draw.choice(ZONES[zone_name]) + timedelta(days=1)
        start, whole = datetime.combine(day, time(9)), draw.random() < 0.5
        end = start + timedelta(hours=2, minutes=30)
        if whole:
            start, end = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
        stretch = in_utc(start, end, zone)
        assert stretch is not None
        expected.append((f"{agent:05}", *stretch, "Jury Duty"))
        edit = element("SchedulePayCodeEdit", {
            "StartDate": _us(day), "AmountInTime": "8:00" if whole else "2:30", "PayCodeName": "Jury Duty",
            "DisplayTime": "12:00AM" if whole else "9:00AM",
        }, items)  # fmt: skip
        element("PersonIdentity", {"PersonNumber": f"{agent:05}"}, element("Employee", {}, edit))
    if draw.random() < 0.5:
        ET.indent(root)
    return File("kronos.xml", ET.tostring(root, "utf-8", xml_declaration=True), expected, {"timeZone": zone_name})


def _us(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _clock(moment: datetime, morning: str, afternoon: str) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02}{morning if moment.hour < 12 else afternoon}"


# -------------------------------------------------------------------------------------------------- XLSX


def amgtime_grid(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    """A sheet a week; `names` move the column of the code."""
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    # Working hours of a day, one stretch each.
    shifts = [Shift(shift.agent, (Piece(shift.start, shift.end, "Work"),))
              for shift in drawn_shifts(seed, zone_name, 500, most_pieces=1)]  # fmt: skip
    days = "EGIKMOQ"
    mondays = sorted({shift.start.date() - timedelta(days=shift.start.weekday()) for shift in shifts})
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for monday in mondays:
        sheet = book.create_sheet(f"Week {monday.isoformat()}")
        sheet["A1"], sheet[f"{names.get('C', 'C')}1"] = "Name", "Code"
        as_dates = draw.random() < 0.5
        for number, letter in enumerate(days):
            day = monday + timedelta(days=number)
            sheet[f"{letter}1"] = day.strftime("%A")
            sheet[f"{letter}2"] = day if as_dates else day.strftime("%m/%d/%Y")
        week = [shift for shift in shifts if monday <= shift.start.date() < monday + timedelta(days=7)]
        for line, agent in enumerate(sorted({shift.agent for shift in week}), 3):
            sheet[f"A{line}"], sheet[f"{names.get('C', 'C')}{line}"] = "Somebody", f"{agent:05}"
            for letter in days:
                sheet[f"{letter}{line}"] = "OFF"
            for shift in week:
                if shift.agent == agent:
                    cell = f"{_clock(shift.start, 'a', 'p')}-{_clock(shift.end, 'a', 'p')}"
                    sheet[f"{days[shift.start.weekday()]}{line}"] = cell
    return File(
        "grid.xlsx", _saved(book), expected_of(shifts, zone, lambda agent: f"{agent:05}"), {"timeZone": zone_name}
    )


def ukg_template(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    first = draw.choice(ZONES[zone_name]) - timedelta(days=4)
    templates = {"D8": [("08:00", "12:00", "Inbound"), ("12:00", "12:30", "Lunch"), ("12:30", "16:30", "Chat desk")],
                 "N": [("22:00", "06:00", "Inbound")], "E4": [("13:15", "17:15", "Coaching")]}  # fmt: skip
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    header = ["EMPLOYEE ID", "EMPLOYEE NAME", "ORG JOB", "ROLL OUT", *(f"Day {number}" for number in range(1, 22))]
    order = draw.sample(range(4), 4) + list(range(4, 25))
    sheet.append([names.get(header[index], header[index]) for index in order])
    expected: list[Expected] = []
    for agent in range(40):
        codes = [draw.choice(["", "OFF", "D8", "N", "E4"]) for _ in range(21)]
        who = "" if agent % 13 == 5 else f"{agent:05}"
        counts = "No" if agent % 11 == 3 else "Yes"
        row = [who, "Somebody", "a/b", counts, *codes]
        sheet.append([row[index] for index in order])
        for number, code in enumerate(codes):
            for start, end, word in templates.get(code, []) if who and counts == "Yes" else []:
                day = first + timedelta(days=number)
                begins = datetime.combine(day, time.fromisoformat(start))
                ends = datetime.combine(day, time.fromisoformat(end))
                stretch = in_utc(begins, ends if ends > begins else ends + timedelta(days=1), zone)
                assert stretch is not None
                expected.append((who, *stretch, word))
    said = {code: [{"start": start, "end": end, "activity": word} for start, end, word in parts]
            for code, parts in templates.items()}  # fmt: skip
    return File(f"ukg_{first.isoformat()}.xlsx", _saved(book), expected, {"timeZone": zone_name, "templates": said})


def _saved(book: Workbook) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


# --------------------------------------------------------------------------------------------- iCalendar


def icalendar(seed: int, zone_name: str, names: Mapping[str, str]) -> File:
    """One agent's feed: his name stands in the file's."""
    draw, zone = _seeded(seed), ZoneInfo(zone_name)
    who = "mia.ojala@team.example"
    shifts = drawn_shifts(seed, zone_name)
    expected: list[Expected] = []
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"X-WR-TIMEZONE:{zone_name}"]
    summary = names.get("SUMMARY", "SUMMARY")
    for number, piece in enumerate(piece for shift in shifts for piece in shift.pieces):
        stretch = in_utc(piece.start, piece.end, zone)
        assert stretch is not None
        start, end = (f"{moment:%Y%m%dT%H%M%S}" for moment in (piece.start, piece.end))
        event = [f"UID:{number}@x", f"{summary}:{piece.word}"]
        kind = draw.randrange(5)
        if kind == 0:
            event += [f"DTSTART:{stretch[0]:%Y%m%dT%H%M%SZ}", f"DTEND:{stretch[1]:%Y%m%dT%H%M%SZ}"]
        elif kind == 1:
            minutes = (stretch[1] - stretch[0]) // timedelta(minutes=1)
            event += [f"DTSTART;TZID={zone_name}:{start}", f"DURATION:PT{minutes // 60}H{minutes % 60}M"]
        elif kind == 2:
            event += [f"DTSTART:{start}", f"DTEND:{end}"]
        else:
            event += [f"DTSTART;TZID={zone_name}:{start}", f"DTEND;TZID={zone_name}:{end}"]
        if draw.random() < 0.3:
            event += [
                "DESCRIPTION:a long text\\, folded in the middle of it",
                " and going on",
                f"SEQUENCE:{number % 3}",
            ]
        if draw.random() < 0.1:
            event.append("STATUS:CANCELLED")
        else:
            expected.append((who, *stretch, piece.word))
        # Lines may come in any order, but a folded one stays behind its beginning.
        folded = [[line] for line in event if not line.startswith(" ")]
        for place, line in enumerate(event):
            if line.startswith(" "):
                next(part for part in folded if part[0] == event[place - 1]).append(line)
        draw.shuffle(folded)
        lines += ["BEGIN:VEVENT", *(line for part in folded for line in part), "END:VEVENT"]
    ending = draw.choice(["\r\n", "\n"])
    return File(f"ical_{who}.ics", ending.join([*lines, "END:VCALENDAR", ""]).encode(), expected)


LAYOUTS: dict[str, Callable[[int, str, Mapping[str, str]], File]] = {
    "genesys-cloud": genesys_cloud,
    "blue-yonder": blue_yonder,
    "kronos": kronos,
    "ms-graph-shifts": ms_graph_shifts,
    "dayforce": dayforce,
    "amgtime-grid": amgtime_grid,
    "ukg-template": ukg_template,
    "icalendar": icalendar,
}
NAMES: dict[str, dict[str, str]] = {
    "genesys-cloud": {"startDate": "begin", "activityCodeId": "code", "agentSchedules": "people"},
    "blue-yonder": {"employeeId": "worker", "startTime": "from", "scheduledJobs": "jobs"},
    "kronos": {"PersonNumber": "EmpNo", "OrgJobPath": "Path", "StartTime": "From"},
    "ms-graph-shifts": {"sharedShift": "shift", "startDateTime": "from", "userId": "who"},
    "dayforce": {"EmployeeXRefCode": "Worker", "TimeStart": "From", "Type": "Kind"},
    "amgtime-grid": {"C": "B"},
    "ukg-template": {"EMPLOYEE ID": "Nummer", "ROLL OUT": "Aktiv", "ORG JOB": "Stelle"},
    "icalendar": {"SUMMARY": "X-ACTIVITY"},
}
"""What a site may call the documented names."""
