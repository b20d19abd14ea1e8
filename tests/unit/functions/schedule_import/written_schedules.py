"""Schedule files written by the layouts' descriptions, and what they say in UTC.

Nothing of the app is used here: local times become UTC by the zones' published changes, written down below.
"""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Zone:
    """Offsets in minutes from moments in UTC on, between summer 2026 and winter 2027."""

    name: str
    city: str
    first: int
    changes: tuple[tuple[datetime, int], ...]
    nights: tuple[date, ...]
    """Local dates on which the clock changes."""

    @cached_property
    def _offsets(self) -> list[tuple[datetime, datetime, int]]:
        starts = [_at("2000-01-01"), *(moment for moment, _ in self.changes)]
        ends = [*(moment for moment, _ in self.changes), _at("2100-01-01")]
        return list(zip(starts, ends, [self.first, *(offset for _, offset in self.changes)], strict=True))

    def instants(self, local: datetime) -> list[datetime]:
        """What a wall clock may mean, the preferred one first: of two the earlier, of a gap the one moved forward."""
        found = [
            local - offset * MINUTE for start, end, offset in self._offsets if start <= local - offset * MINUTE < end
        ]
        if found:
            return sorted(found)
        for (_, before), (moment, after) in zip(((None, self.first), *self.changes), self.changes, strict=False):
            if moment + before * MINUTE <= local < moment + after * MINUTE:
                return [local - before * MINUTE, local - after * MINUTE]
        raise AssertionError(local)

    def span(self, start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
        """Two wall clocks in UTC; None where the end comes first, however it is read."""
        first = self.instants(start)[0]
        ends = self.instants(end)
        last = ends[0] if ends[0] > first else max(ends)
        return (first, last) if last > first else None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


ZONES = {
    zone.name: zone
    for zone in (
        Zone("Europe/Helsinki", "Helsinki", 180,
             ((_at("2026-10-25T01:00"), 120), (_at("2027-03-28T01:00"), 180), (_at("2027-10-31T01:00"), 120)),
             (date(2026, 10, 25), date(2027, 3, 28))),
        Zone("America/New_York", "New York", -240,
             ((_at("2026-11-01T06:00"), -300), (_at("2027-03-14T07:00"), -240), (_at("2027-11-07T06:00"), -300)),
             (date(2026, 11, 1), date(2027, 3, 14))),
        Zone("Australia/Lord_Howe", "Lord Howe", 630,
             ((_at("2026-10-03T15:30"), 660), (_at("2027-04-03T15:00"), 630), (_at("2027-10-02T15:30"), 660)),
             (date(2026, 10, 4), date(2027, 4, 4))),
        Zone("America/Santiago", "Santiago", -240,
             ((_at("2026-09-06T04:00"), -180), (_at("2027-04-04T03:00"), -240), (_at("2027-09-05T04:00"), -180)),
             (date(2026, 9, 6), date(2027, 4, 3))),
    )
}  # fmt: skip


@dataclass
class Shift:
    """What one row is to say, by the wall clock. An end at the start or before it is on the next day."""

    agent: str
    day: date
    start: int
    end: int
    activity: str

    @property
    def starts(self) -> datetime:
        return datetime.combine(self.day, datetime.min.time()) + self.start * MINUTE

    @property
    def ends(self) -> datetime:
        end = datetime.combine(self.day, datetime.min.time()) + self.end * MINUTE
        return end if end > self.starts else end + DAY


type Said = tuple[str, datetime, datetime, str]
"""Agent, start and end in UTC without offset, activity as the file has it."""


@dataclass
class Written:
    """A file, and what its rows say, by line; `bad` are the lines whose end comes before their start."""

    data: bytes = b""
    said: dict[int, list[Said]] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    off: int = 0
    """Rows that say that there is no work."""
    companion: bytes = b""


class Writer:
    """Writes files of one zone; the same seed writes the same file."""

    def __init__(self, seed: int, zone: Zone, renamed: dict[str, str], activities: list[str]) -> None:
        self.random, self.zone, self.renamed, self.activities = random.Random(seed), zone, renamed, activities  # noqa: S311 - the same files every time

    def shifts(self, count: int, *, overnight: bool = True) -> list[Shift]:
        """Shifts of many agents on many days, every third around a night on which the clock changes."""
        rng = self.random
        agents = [f"{rng.randrange(10**5):05}" for _ in range(60)]
        found = []
        for _ in range(count):
            near = rng.choice(self.zone.nights) + rng.randrange(-1, 2) * DAY
            day = near if rng.random() < 0.4 else date(2026, 10, 1) + rng.randrange(300) * DAY
            start = rng.choice([rng.randrange(0, 24 * 4) * 15, rng.randrange(0, 16) * 15, rng.randrange(24 * 60)])
            end = (start + rng.randrange(1, 48) * 15) % (24 * 60)
            if not overnight and end <= start:
                start, end = (end, start) if start != end else (0, 60)
            found.append(Shift(rng.choice(agents), day, start, end, rng.choice(self.activities)))
        return found

    def write(
        self,
        shifts: list[Shift],
        columns: dict[str, Callable[[Shift], str]],
        optional: dict[str, Callable[[Shift], str]],
        *,
        delimiter: str = ",",
        encoding: str = "utf-8",
        line_end: str = "\n",
        prefix: str = "",
    ) -> bytes:
        """A table of these shifts: columns in any order, each optional one there or not."""
        taken = dict(columns) | {name: cell for name, cell in optional.items() if self.random.random() < 0.6}
        names = list(taken)
        self.random.shuffle(names)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
        writer.writerow([self.renamed.get(name, name) for name in names])
        writer.writerows([taken[name](shift) for name in names] for shift in shifts)
        return (prefix + text.getvalue()).encode(encoding)

    def said(self, shifts: list[Shift], agent: Callable[[Shift], str], activity: Callable[[Shift], str]) -> Written:
        """What the rows of a table say, one shift a row."""
        written = Written()
        for line, shift in enumerate(shifts, 2):
            span = self.zone.span(shift.starts, shift.ends)
            if span is None:
                written.bad.add(line)
            else:
                written.said[line] = [(agent(shift), *span, activity(shift))]
        return written


# ------------------------------------------------------------------------------------------------------ cells


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def unpadded(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d} {moment.hour}:{moment:%M:%S}"


def american(moment: datetime) -> str:
    return f"{moment:%m/%d/%Y %H:%M:%S}"


def email(shift: Shift) -> str:
    return f"{shift.agent}@contoso.example"


def name(shift: Shift) -> str:
    return f'Zoë "{shift.agent}" O\'Neill, Jr.'


def code(shift: Shift) -> str:
    return shift.agent


def activity(shift: Shift) -> str:
    return shift.activity


def work(shift: Shift) -> str:
    return "Work"


def text(value: str) -> Callable[[Shift], str]:
    return lambda shift: value


# ---------------------------------------------------------------------------------------------------- layouts


def switchboard_csv(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, email, activity)
    written.data = writer.write(
        shifts,
        {"agent": email, "start": lambda s: iso(s.starts), "end": lambda s: iso(s.ends), "activity": activity},
        {"plan": text("Plan, A"), "status": text("Booked"), "external_id": lambda s: f"E-{s.agent}-{s.start}",
         "time_zone": text(writer.zone.name), "team": text("T"), "note": name},
        delimiter=writer.random.choice(",;\t|"), line_end="\r\n",
    )  # fmt: skip
    return written


def without_quotes(shifts: list[Shift]) -> list[Shift]:
    """NICE IEX quotes nothing."""
    for shift in shifts:
        shift.activity = shift.activity.replace('"', "")
    return shifts


def nice_iex(writer: Writer, count: int) -> Written:
    shifts = without_quotes(writer.shifts(count))
    written = writer.said(shifts, code, activity)

    def stop(shift: Shift) -> str:
        return "24:00" if shift.end == 0 else clock(shift.end)

    written.data = writer.write(
        shifts,
        {"tvID": code, "excdate": lambda s: f"{s.day:%m%d%Y}", "start": lambda s: clock(s.start), "stop": stop,
         "exc": activity},
        {"schedDate": lambda s: f"{s.day:%m%d%Y}", "TZ": text(writer.zone.name), "custID": text("1"),
         "muID": text("12"), "logonID": text(""), "agent": text("Smith, Jr., Mary-Kate")},
        delimiter="|", prefix=writer.random.choice(["", "#fields:"]),
    )  # fmt: skip
    return written


def nice_iex_other(writer: Writer, count: int) -> Written:
    shifts = without_quotes(writer.shifts(count))
    written = writer.said(shifts, code, activity)
    written.data = writer.write(
        shifts,
        {"AgentID": code, "StartDateTime": lambda s: iso(s.starts), "EndDateTime": lambda s: iso(s.ends),
         "ActivityDescription": activity},
        {"EmployeeID": code, "AgentName": text("A"), "MUId": text("1"), "MUName": text("M"), "SAGroupID": text("2"),
         "ActivityCode": text("77")},
        delimiter="|",
    )  # fmt: skip
    return written


def talkdesk(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, code, activity)
    written.data = writer.write(
        shifts,
        {"Agent Id": code, "Event Type Name": activity, "Event Start Time": lambda s: unpadded(s.starts),
         "Event End Time": lambda s: unpadded(s.ends)},
        {"Agent Name": name, "Agent Queues": text("support,vip"), "Agent Team": text("Nordic - Helsinki"),
         "Event Duration (min)": text("120"), "Event Pay Status": text("PAID"), "Event Id": lambda s: f"ev{s.start}",
         "Event Type Usage": text("SHIFT"), "Updated At": text("2027-03-20 14:05:36")},
        encoding="utf-8-sig", line_end="\r\n",
    )  # fmt: skip
    return written


def talkdesk_legacy(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, email, activity)
    written.data = writer.write(
        shifts,
        {"Agent Email": email, "Scheduled Event Name": activity, "Account Time Zone": text(writer.zone.city),
         "Adherence Event Start Time": lambda s: unpadded(s.starts),
         "Adherence Event End Time": lambda s: unpadded(s.ends)},
        {"Agent Name": name, "Agent Ring Groups": text('["a","b"]'), "Team Name": text("T"),
         "Reference Date": lambda s: f"{s.day:%Y-%m-%d}", "Adherence Event Duration": text("7200"),
         "Adherence Status": text("x"), "Shift Status": text("PUBLISHED"), "Scheduled Event Pay Status": text("PAID")},
    )  # fmt: skip
    return written


def hrnest(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, email, work)
    written.data = writer.write(
        shifts,
        {"Login": email, "TimeFrom": lambda s: iso(s.starts), "TimeTo": lambda s: iso(s.ends)},
        {"UserId": code, "IdNumber": code, "BreakMinutes": text("30"), "Comment": name, "CommentOnly": text("false")},
        line_end="\r\n",
    )
    return written


def insightful(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, name, work)
    written.data = writer.write(
        shifts,
        {"Employee_Name": name, "Start_Date_Time": lambda s: american(s.starts),
         "End_Date_Time": lambda s: american(s.ends)},
        {"Employee_Time_Zone": text(writer.zone.name), "Type": text("Full")},
        line_end="\r\n",
    )  # fmt: skip
    return written


def amgtime_csv(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    written = writer.said(shifts, code, work)
    is_german = writer.random.random() < 0.5
    free = {line for line in range(2, count + 2) if writer.random.random() < 0.1}
    free_shifts = {id(shifts[line - 2]) for line in free}
    for line in free:
        written.said.pop(line, None)
    written.bad -= free
    written.off = len(free)
    written.data = writer.write(
        shifts,
        {"Code": code, "Date": lambda s: f"{s.day:%d.%m.%Y}" if is_german else f"{s.day:%m/%d/%Y}",
         "Start": lambda s: "" if id(s) in free_shifts else clock(s.start),
         "Stop": lambda s: "" if id(s) in free_shifts else clock(s.end),
         "Work": lambda s: "No" if id(s) in free_shifts else "Yes"},
        {"Name": name, "Lunch Elapsed Time": text("4,5" if is_german else "4.5"), "Lunch Duration": text("0:30"),
         "Break Elapsed Time": text(""), "Break Duration": text("")},
        delimiter=";" if is_german else ",", encoding="cp1252" if is_german else "utf-8",
    )  # fmt: skip
    return written


def traqnext(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count, overnight=False)
    written = Written()
    weeks = {}
    for line, shift in enumerate(shifts, 2):
        length, days = writer.random.choice([0, 6, 13, 20]), sorted(writer.random.sample(range(7), 3))
        weeks[id(shift)] = (length, days)
        dates = [shift.day + number * DAY for number in range(length + 1)]
        wanted = [day for day in dates if not length or day.weekday() in days]
        repeated = [Shift(shift.agent, day, shift.start, shift.end, "Work") for day in wanted]
        spans = [writer.zone.span(each.starts, each.ends) for each in repeated]
        if None in spans:
            written.bad.add(line)
        else:
            written.said[line] = [(email(shift), *span, "Work") for span in spans if span]

    def days_of(shift: Shift) -> str:
        length, days = weeks[id(shift)]
        return ",".join(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day] for day in days) if length else ""

    written.data = writer.write(
        shifts,
        {"Email": email, "Date_from": lambda s: f"{s.day:%Y-%m-%d}",
         "Date_to": lambda s: f"{s.day + weeks[id(s)][0] * DAY:%Y-%m-%d}", "Start_time": lambda s: clock(s.start),
         "End_time": lambda s: clock(s.end), "Shift_repeat_days": days_of},
        {"Name": name, "Min_hours": text("8"), "Time zone": text(writer.zone.name)},
    )  # fmt: skip
    return written


def openschichtplaner5_absences(writer: Writer, count: int) -> Written:
    shifts = writer.shifts(count)
    for shift in shifts:
        shift.start, shift.end = 0, 24 * 60
    written = writer.said(shifts, code, activity)
    written.data = writer.write(
        shifts,
        {"Personalnummer": code, "Datum": lambda s: f"{s.day:%Y-%m-%d}", "Abwesenheitsart": activity},
        {"Bemerkung": name}, delimiter=";",
    )  # fmt: skip
    return written


def playvox(writer: Writer, count: int) -> Written:
    """Every second shift has a task in its middle: an hour in, for half an hour; by the clock of the site's zone."""
    shifts = [shift for shift in writer.shifts(2 * count) if shift.ends - shift.starts >= 3 * 60 * MINUTE][:count]
    written = writer.said(shifts, code, work)
    tasks = []
    for line, shift in enumerate(shifts, 2):
        start, end = shift.starts + 60 * MINUTE, shift.starts + 90 * MINUTE
        span = writer.zone.span(start, end)
        if line % 2 and line in written.said and span:
            ((agent, first, last, _),) = written.said[line]
            if first < span[0] < span[1] < last:
                tasks.append((shift, start, end, line))
                written.said[line] = [(agent, first, span[0], "Work"), (agent, *span, shift.activity),
                                      (agent, span[1], last, "Work")]  # fmt: skip
    numbers = {id(shift): f"s{line}" for line, shift in enumerate(shifts, 2)}
    names = ["shift_uid", "task_type_id", "start_time", "end_time"]
    lines = [[numbers[id(shift)], shift.activity, unpadded(start), unpadded(end)] for shift, start, end, _ in tasks]
    table = io.StringIO()
    csv.writer(table).writerows([[writer.renamed.get(each, each) for each in names], *lines])
    written.companion = table.getvalue().encode()
    written.data = writer.write(
        shifts,
        {"uid": lambda s: numbers[id(s)], "user_id": code, "is_published": text("true"),
         "start_time": lambda s: f"{s.starts:%Y-%m-%d %H:%M:%S}", "end_time": lambda s: f"{s.ends:%Y-%m-%d %H:%M:%S}"},
        {"is_working_version": text("false"), "version": text("1"), "_fivetran_synced": text("x")},
    )  # fmt: skip
    return written


LAYOUTS: dict[str, tuple[str, Callable[[Writer, int], Written], tuple[str, str, str]]] = {
    "switchboard-csv": ("switchboard-csv", switchboard_csv, ("agent", "start", "activity")),
    "nice-iex": ("nice-iex", nice_iex, ("tvID", "exc", "muID")),
    "nice-iex, other names": ("nice-iex", nice_iex_other, ("AgentID", "EndDateTime", "SAGroupID")),
    "talkdesk": ("talkdesk", talkdesk, ("Agent Id", "Event Start Time", "Agent Queues")),
    "talkdesk-legacy": ("talkdesk-legacy", talkdesk_legacy, ("Agent Email", "Account Time Zone", "Shift Status")),
    "hrnest": ("hrnest", hrnest, ("Login", "TimeFrom", "TimeTo")),
    "insightful": ("insightful", insightful, ("Employee_Name", "Employee_Time_Zone", "Type")),
    "amgtime-csv": ("amgtime-csv", amgtime_csv, ("Code", "Work", "Lunch Duration")),
    "traqnext": ("traqnext", traqnext, ("Email", "Date_to", "Shift_repeat_days")),
    "openschichtplaner5-absences": (
        "openschichtplaner5-absences", openschichtplaner5_absences, ("Personalnummer", "Datum", "Abwesenheitsart"),
    ),
    "playvox": ("playvox", playvox, ("user_id", "shift_uid", "start_time")),
}  # fmt: skip
"""Name of the case: built-in profile, writer, three columns that a site renames."""
