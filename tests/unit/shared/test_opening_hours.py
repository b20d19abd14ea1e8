"""When a service is open: examples as an administrator gives them, and years against a minute-by-minute oracle."""

import json
import timeit
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.config_documents import BadDocumentError, json_document
from shared.opening_hours import OpeningHours, is_open, next_change

OFFICE = {
    "timeZone": "Europe/Helsinki",
    "weekly": {"mon-fri": ["08:00-16:00"], "sat": ["10:00-14:00"]},
    "closed": ["2026-12-25"],
    "special": {"2026-12-24": ["08:00-12:00"]},
}
MICROSECOND, MINUTE, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1)


def hours(**keys: Any) -> OpeningHours:
    document = {"timeZone": "Europe/Helsinki", "weekly": {}, **keys}
    return json_document(OpeningHours)(json.dumps(document).encode())


def local(text: str, zone: str = "Europe/Helsinki", fold: int = 0) -> datetime:
    """The UTC moment at which a clock in this zone shows the text, the second time with fold 1."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


NIGHTS = {"weekly": {"mon-fri": ["22:00-06:00"]}}
FRIDAY_NIGHT = {"weekly": {"fri": ["22:00-06:00"]}}
# 2026-03-02 is a Monday.
EXAMPLES = [
    pytest.param(OFFICE, "2026-03-02 07:59:59.999999", False, id="before it opens"),
    pytest.param(OFFICE, "2026-03-02 08:00", True, id="the first moment"),
    pytest.param(OFFICE, "2026-03-02 15:59:59.999999", True, id="the last moment"),
    pytest.param(OFFICE, "2026-03-02 16:00", False, id="the end is not part of it"),
    pytest.param(OFFICE, "2026-03-06 12:00", True, id="the last day of a range"),
    pytest.param(OFFICE, "2026-03-07 12:00", True, id="a day of its own"),
    pytest.param(OFFICE, "2026-03-07 15:00", False, id="that day has its own hours"),
    pytest.param(OFFICE, "2026-03-08 12:00", False, id="a day that nobody names"),
    pytest.param(OFFICE, "2026-07-06 08:00", True, id="local time in summer"),
    pytest.param(OFFICE, "2026-12-25 12:00", False, id="a closed Friday"),
    pytest.param(OFFICE, "2026-12-24 11:59", True, id="a special Thursday"),
    pytest.param(OFFICE, "2026-12-24 12:00", False, id="special hours replace the weekly ones"),
    pytest.param({"special": {"2026-03-08": ["12:00-13:00"]}}, "2026-03-08 12:30", True, id="special hours alone"),
    pytest.param({"weekly": {"fri-mon": ["08:00-16:00"]}}, "2026-03-02 12:00", True, id="a range ends on Monday"),
    pytest.param({"weekly": {"fri-mon": ["08:00-16:00"]}}, "2026-03-08 12:00", True, id="a range holds Sunday"),
    pytest.param({"weekly": {"fri-mon": ["08:00-16:00"]}}, "2026-03-03 12:00", False, id="and not Tuesday"),
    pytest.param({"weekly": {"mon,wed,fri": ["08:00-16:00"]}}, "2026-03-04 12:00", True, id="a list"),
    pytest.param({"weekly": {"mon,wed,fri": ["08:00-16:00"]}}, "2026-03-03 12:00", False, id="what a list leaves out"),
    pytest.param({"weekly": {"MON - Tue, Sun": ["8:00 - 16:00"]}}, "2026-03-08 12:00", True, id="any case, spaces"),
    pytest.param({"weekly": {"mon": ["08:00-11:00", "12:00-16:00"]}}, "2026-03-02 11:30", False, id="a lunch break"),
    pytest.param({"weekly": {"mon": ["08:00-11:00", "12:00-16:00"]}}, "2026-03-02 12:00", True, id="after lunch"),
    pytest.param({"weekly": {"mon": ["08:00-12:00", "11:00-16:00"]}}, "2026-03-02 13:00", True, id="overlap, second"),
    pytest.param({"weekly": {"mon": ["08:00-16:00", "09:00-10:00"]}}, "2026-03-02 13:00", True, id="overlap, inside"),
    pytest.param({"weekly": {"mon": ["00:00-24:00"]}}, "2026-03-02 00:00", True, id="a whole day begins"),
    pytest.param({"weekly": {"mon": ["00:00-24:00"]}}, "2026-03-02 23:59:59", True, id="a whole day ends"),
    pytest.param({"weekly": {"mon": ["00:00-24:00"]}}, "2026-03-03 00:00", False, id="a whole day is over"),
    pytest.param({"weekly": {"mon": ["16:00-00:00"]}}, "2026-03-02 23:59", True, id="until midnight"),
    pytest.param({"weekly": {"mon": ["16:00-00:00"]}}, "2026-03-03 00:00", False, id="midnight is the end"),
    pytest.param({"weekly": {"mon": []}}, "2026-03-02 12:00", False, id="a day without a span"),
    pytest.param(NIGHTS, "2026-03-02 05:00", False, id="no night from Sunday"),
    pytest.param(NIGHTS, "2026-03-02 22:00", True, id="a night begins"),
    pytest.param(NIGHTS, "2026-03-07 05:59", True, id="Friday's night runs into Saturday"),
    pytest.param(NIGHTS, "2026-03-07 06:00", False, id="Friday's night ends"),
    pytest.param(NIGHTS, "2026-03-07 22:00", False, id="Saturday has none"),
    pytest.param({**NIGHTS, "closed": ["2026-03-03"]}, "2026-03-02 23:59", True, id="the evening before a closed day"),
    pytest.param({**NIGHTS, "closed": ["2026-03-03"]}, "2026-03-03 00:00", False, id="a closed day ends the night"),
    pytest.param({**NIGHTS, "closed": ["2026-03-03"]}, "2026-03-03 23:00", False, id="no night begins on a closed day"),
    pytest.param({**NIGHTS, "closed": ["2026-03-03"]}, "2026-03-04 05:00", False, id="nor runs out of it"),
    pytest.param({**NIGHTS, "special": {"2026-03-03": ["10:00-11:00"]}}, "2026-03-03 05:00", True,
                 id="a night runs into a special day"),
    pytest.param({**NIGHTS, "special": {"2026-03-03": ["10:00-11:00"]}}, "2026-03-04 05:00", False,
                 id="a special day replaces the night that begins on it"),
    pytest.param({**FRIDAY_NIGHT, "special": {"2026-03-03": ["22:00-06:00"]}}, "2026-03-04 05:00", True,
                 id="a special night runs into a day without hours"),
    pytest.param({**OFFICE, "closed": ["2026-07-06/2026-07-08"]}, "2026-07-05 12:00", False, id="the Sunday before"),
    pytest.param({**OFFICE, "closed": ["2026-07-06/2026-07-08"]}, "2026-07-06 12:00", False, id="first of a range"),
    pytest.param({**OFFICE, "closed": ["2026-07-06/2026-07-08"]}, "2026-07-08 12:00", False, id="last of a range"),
    pytest.param({**OFFICE, "closed": ["2026-07-06/2026-07-08"]}, "2026-07-09 12:00", True, id="after a range"),
    pytest.param({**OFFICE, "closed": ["2026-07-06/2026-07-06"]}, "2026-07-06 12:00", False, id="a range of a day"),
    pytest.param({**OFFICE, "closed": ["01-06"]}, "2026-01-06 12:00", False, id="every year, this one"),
    pytest.param({**OFFICE, "closed": ["01-06"]}, "2027-01-06 12:00", False, id="every year, the next one"),
    pytest.param({**OFFICE, "closed": ["01-06"]}, "2026-01-07 12:00", True, id="every year, the day after"),
    pytest.param({**OFFICE, "closed": ["02-29"]}, "2028-02-29 12:00", False, id="a leap day"),
    pytest.param({**OFFICE, "closed": ["02-29"]}, "2027-03-01 12:00", True, id="no leap day that year"),
    pytest.param({**OFFICE, "timeZone": "FLE Standard Time"}, "2026-03-02 08:00", True, id="a zone's Windows name"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "moment", "expected"), EXAMPLES)
def test_open(document: dict[str, Any], moment: str, expected: bool) -> None:
    assert is_open(hours(**document), local(moment)) is expected


# Helsinki: on 2026-03-29 03:00 is 04:00, on 2026-10-25 04:00 is 03:00 again. Both are Sundays.
CLOCK_CHANGES = [
    pytest.param("03:00-04:00", "2026-03-29T00:59Z", False, id="skipped, the minute before"),
    pytest.param("03:00-04:00", "2026-03-29T01:00Z", False, id="skipped, never comes"),
    pytest.param("02:30-03:30", "2026-03-29T00:59Z", True, id="ends inside the skipped hour, before the jump"),
    pytest.param("02:30-03:30", "2026-03-29T01:00Z", False, id="ends inside the skipped hour, after the jump"),
    pytest.param("03:30-05:00", "2026-03-29T01:00Z", True, id="starts inside the skipped hour"),
    pytest.param("03:00-04:00", "2026-10-25T00:00Z", True, id="the first 03:00"),
    pytest.param("03:00-04:00", "2026-10-25T01:59Z", True, id="the second 03:59"),
    pytest.param("03:00-04:00", "2026-10-25T02:00Z", False, id="after both"),
    pytest.param("03:00-03:30", "2026-10-25T00:45Z", False, id="between the first time and the second"),
    pytest.param("03:00-03:30", "2026-10-25T01:15Z", True, id="the second time"),
    pytest.param("00:00-24:00", "2026-10-24T21:00Z", True, id="a day of 25 hours begins"),
    pytest.param("00:00-24:00", "2026-10-25T21:59Z", True, id="a day of 25 hours ends"),
    pytest.param("00:00-24:00", "2026-03-29T20:59Z", True, id="a day of 23 hours ends"),
    pytest.param("00:00-24:00", "2026-03-29T21:00Z", False, id="a day of 23 hours is over"),
]


@pytest.mark.parametrize(("span", "moment", "expected"), CLOCK_CHANGES)
def test_the_wall_clock_decides_when_the_clocks_change(span: str, moment: str, expected: bool) -> None:
    assert is_open(hours(weekly={"sun": [span]}), datetime.fromisoformat(moment)) is expected


def test_now_may_be_told_in_any_zone_but_not_in_none() -> None:
    office = hours(**OFFICE)
    assert is_open(office, datetime.fromisoformat("2026-03-02T15:30+09:30"))
    with pytest.raises(ValueError, match="offset"):
        is_open(office, datetime(2026, 3, 2, 12))  # noqa: DTZ001 - the mistake itself
    with pytest.raises(ValueError, match="offset"):
        next_change(office, datetime(2026, 3, 2, 12))  # noqa: DTZ001


NEXT_CHANGES = [
    pytest.param(OFFICE, "2026-03-02 07:00", "2026-03-02 08:00", id="opens"),
    pytest.param(OFFICE, "2026-03-02 08:00", "2026-03-02 16:00", id="closes; now itself is no change"),
    pytest.param(OFFICE, "2026-03-02 12:00:30.5", "2026-03-02 16:00", id="in the middle of a second"),
    pytest.param(OFFICE, "2026-03-07 14:00", "2026-03-09 08:00", id="over a weekend"),
    pytest.param(OFFICE, "2026-12-24 12:00", "2026-12-26 10:00", id="over Christmas"),
    pytest.param({"weekly": {"mon-sun": ["00:00-24:00"]}}, "2026-03-02 12:00", None, id="always open"),
    pytest.param({}, "2026-03-02 12:00", None, id="never open"),
    pytest.param({"weekly": {"mon": ["08:00-12:00", "12:00-16:00"]}}, "2026-03-02 09:00", "2026-03-02 16:00",
                 id="spans that meet"),
    pytest.param({"weekly": {"mon-sun": ["00:00-24:00"]}, "closed": ["01-06"]}, "2026-01-07 00:00", "2027-01-06 00:00",
                 id="364 days away"),
    pytest.param({"special": {"2027-04-06": ["08:00-16:00"]}}, "2026-03-02 08:00", "2027-04-06 08:00",
                 id="400 days away, less an hour of summer time"),
    pytest.param({"special": {"2027-04-06": ["10:00-16:00"]}}, "2026-03-02 08:00", None, id="too far"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "moment", "expected"), NEXT_CHANGES)
def test_next_change(document: dict[str, Any], moment: str, expected: str | None) -> None:
    assert next_change(hours(**document), local(moment)) == (local(expected) if expected else None)


def test_next_change_when_the_clock_shows_the_day_before_again() -> None:
    """Sunday 00:01 was Saturday 23:01 once more, when Friday's long span still had half an hour to go."""
    zone = "America/Goose_Bay"
    service = hours(timeZone=zone, weekly={"fri": ["23:45-23:30"], "sat": ["23:50-00:30"]})
    assert next_change(service, local("2010-11-07 00:00:30", zone)) == local("2010-11-06 23:30", zone, fold=1)


REFUSED = [
    pytest.param({"timeZone": "Europe/Atlantis"}, "timeZone: ", "Europe/Helsinki", id="no such zone"),
    pytest.param({"timeZone": ""}, "timeZone: ", "Europe/Helsinki", id="no zone"),
    pytest.param({"timeZone": "Europe"}, "timeZone: ", "Europe/Helsinki", id="a folder of zones"),
    pytest.param({"timeZone": "../../etc/passwd"}, "timeZone: ", "Europe/Helsinki", id="a path"),
    pytest.param({"timeZone": "\0"}, "timeZone: ", "Europe/Helsinki", id="a zone of control characters"),
    pytest.param({"timeZone": None}, "timeZone: ", "string", id="a zone that is no text"),
    pytest.param({"weekly": {"monday": []}}, "weekly.monday", "mon-fri", id="a day's long name"),
    pytest.param({"weekly": {"": []}}, "weekly.", "mon-fri", id="no day"),
    pytest.param({"weekly": {"mon-": []}}, "weekly.mon-", "mon-fri", id="half a range"),
    pytest.param({"weekly": {"mon-wed-fri": []}}, "weekly.mon-wed-fri", "mon-fri", id="a range of three"),
    pytest.param({"weekly": {"mon,": []}}, "weekly.mon,", "mon-fri", id="a list that goes on"),
    pytest.param({"weekly": {"mon-mon": []}}, "weekly.mon-mon", "mon-sun", id="a range from a day to itself"),
    pytest.param({"weekly": {"mon-fri,wed": []}}, "weekly.mon-fri,wed", "twice", id="a day twice in a key"),
    pytest.param({"weekly": {"mon-fri": [], "WED": []}}, "weekly: ", "wed is named twice, by mon-fri and by WED",
                 id="a day in two keys"),
    pytest.param({"weekly": {"fri-mon": [], "sun": []}}, "weekly: ", "sun is named twice, by fri-mon and by sun",
                 id="a day in a range over the weekend and alone"),
    pytest.param({"weekly": {"mon": ["08:00"]}}, "weekly.mon.0", "08:00-16:00", id="no end"),
    pytest.param({"weekly": {"mon": ["09:00-10:00", "8-16"]}}, "weekly.mon.1", "08:00-16:00", id="no minutes"),
    pytest.param({"weekly": {"mon": ["08:00-16:00\n"]}}, "weekly.mon.0", "08:00-16:00", id="a line's end"),
    pytest.param({"weekly": {"mon": ["٠٨:٠٠-١٦:٠٠"]}}, "weekly.mon.0", "08:00-16:00", id="other digits"),
    pytest.param({"weekly": {"mon": ["08:60-16:00"]}}, "weekly.mon.0", "23:59", id="minute 60"),
    pytest.param({"weekly": {"mon": ["08:00-16:60"]}}, "weekly.mon.0", "23:59", id="minute 60 at the end"),
    pytest.param({"weekly": {"mon": ["24:00-06:00"]}}, "weekly.mon.0", "23:59", id="a start at 24:00"),
    pytest.param({"weekly": {"mon": ["08:00-24:01"]}}, "weekly.mon.0", "24:00", id="an end after 24:00"),
    pytest.param({"weekly": {"mon": ["08:00-08:00"]}}, "weekly.mon.0", "00:00-24:00", id="no time at all"),
    pytest.param({"weekly": {"mon": "08:00-16:00"}}, "weekly.mon", "array", id="a span that is not in a list"),
    pytest.param({"closed": ["2026-02-29"]}, "closed.0", "2026-12-24", id="a date that does not exist"),
    pytest.param({"closed": ["2026-12-25", "25.12.2026"]}, "closed.1", "2026-12-24", id="a date in another form"),
    pytest.param({"closed": ["20261225"]}, "closed.0", "2026-12-24", id="a date without dashes"),
    pytest.param({"closed": ["2026-12-25/"]}, "closed.0", "2026-12-24", id="a range without an end"),
    pytest.param({"closed": ["2026-12-26/2026-12-24"]}, "closed.0", "after", id="a range backwards"),
    pytest.param({"closed": ["2026-01-01/2027-01-02"]}, "closed.0", "366", id="a range of more than a year"),
    pytest.param({"closed": ["12-24/12-26"]}, "closed.0", "2026-12-24", id="a range of every year"),
    pytest.param({"closed": ["02-30"]}, "closed.0", "exists", id="a day that no year has"),
    pytest.param({"special": {"12-24": ["08:00-12:00"]}}, "special.12-24", "2026-12-24", id="special every year"),
    pytest.param({"special": {"2026-12-24": []}}, "special.2026-12-24", "closed", id="special without hours"),
    pytest.param({"special": {"2026-12-24": ["25:00-26:00"]}}, "special.2026-12-24.0", "23:59", id="special hour 25"),
    pytest.param({"closed": ["2026-12-24"], "special": {"2026-12-24": ["08:00-12:00"]}}, "document", "2026-12-24",
                 id="special and closed"),
    pytest.param({"closed": ["2026-12-23/2026-12-26"], "special": {"2026-12-24": ["08:00-12:00"]}}, "document",
                 "2026-12-24 cannot be both", id="special in a closed range"),
    pytest.param({"closed": ["12-24"], "special": {"2026-12-24": ["08:00-12:00"]}}, "document",
                 "2026-12-24 cannot be both", id="special and closed every year"),
    pytest.param({"timezone": "UTC"}, "timezone", "Extra", id="an unknown key"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "place", "advice"), REFUSED)
def test_a_document_that_makes_no_sense_is_refused_with_place_and_advice(
    document: dict[str, Any], place: str, advice: str
) -> None:
    with pytest.raises(BadDocumentError) as refusal:
        hours(**document)
    assert str(refusal.value).startswith(place)
    assert advice in str(refusal.value)


def test_time_zone_and_weekly_are_required() -> None:
    with pytest.raises(BadDocumentError, match=r"timeZone.*weekly"):
        json_document(OpeningHours)(b"{}")


def test_asking_does_not_change_the_document() -> None:
    asked, fresh = hours(**OFFICE), hours(**OFFICE)
    is_open(asked, local("2026-03-02 12:00"))
    assert asked == fresh
    assert json.loads(asked.model_dump_json(by_alias=True)) == OFFICE


def test_one_question_costs_less_than_20_microseconds() -> None:
    closed = [f"{month:02}-{day:02}" for month in range(1, 13) for day in (1, 11, 21)]
    service = hours(weekly={"mon-sun": ["00:00-06:00", "08:00-12:00", "13:00-16:00", "22:00-06:00"]}, closed=closed)
    now = local("2026-03-02 21:00")
    assert min(timeit.repeat(lambda: is_open(service, now), number=200, repeat=20)) / 200 < 20e-6


# ------------------------------------------------------------------------------------------- years against an oracle

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEARS = [
    pytest.param("Europe/Helsinki", 2026, id="Helsinki"),
    pytest.param("America/New_York", 2027, id="New York"),
    pytest.param("Australia/Lord_Howe", 2026, id="half an hour of summer time"),
    pytest.param("America/Santiago", 2026, id="clocks that change at midnight"),
    pytest.param("America/Goose_Bay", 2010, id="clocks that go back to the day before"),
    pytest.param("Pacific/Apia", 2011, id="a date that was left out"),
    pytest.param("Asia/Kathmandu", 2026, id="a quarter of an hour"),
]


type Span = tuple[int, int]
"""First minute of the day and how many minutes."""


def written(span: Span) -> str:
    start, end = span[0], (span[0] + span[1]) % 1440 or 1440
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


class MadeUpHours:
    """Hours for a year: the document, and what it means for each date."""

    def __init__(self, chance: Random, zone: str, year: int) -> None:
        self.chance, self.zone, self.year = chance, ZoneInfo(zone), year
        self.weekly: dict[int, list[Span]] = {}
        keys = self._draw_week()
        days = [date(year, 1, 1) + number * DAY for number in range(365)]
        single, yearly, (start,), special = (chance.sample(days, count) for count in (8, 8, 1, 20))
        self.closed = {*single, *(start + number * DAY for number in range(5))}
        self.yearly = {(day.month, day.day) for day in yearly}
        self.special = {day: self._draw_spans(at_least=1) for day in special if not self._is_closed(day)}
        self.document = hours(
            timeZone=zone,
            weekly=keys,
            closed=[*map(str, single), *(f"{day:%m-%d}" for day in yearly), f"{start}/{start + 4 * DAY}"],
            special={str(day): list(map(written, spans)) for day, spans in self.special.items()},
        )

    def _draw_week(self) -> dict[str, list[str]]:
        """Runs of days with the same hours, from any day on, written as ranges or lists."""
        keys: dict[str, list[str]] = {}
        day, left = self.chance.randrange(7), 7
        while left:
            length = self.chance.randint(1, min(3, left))
            run = [(day + number) % 7 for number in range(length)]
            spans = self._draw_spans(at_least=0)
            self.weekly.update(dict.fromkeys(run, spans))
            is_range = length > 1 and self.chance.random() < 0.5
            key = f"{NAMES[run[0]]}-{NAMES[run[-1]]}" if is_range else ",".join(NAMES[number] for number in run)
            keys[self.chance.choice([key, key.upper()])] = list(map(written, spans))
            day, left = (day + length) % 7, left - length
        return keys

    def _draw_spans(self, at_least: int) -> list[Span]:
        """Many start or end at night, when the clocks change; some run into the next day."""
        starts = [0, 30, 60, 90, 120, 135, 150, 180, 195, 210, 480, 720, 1320, 1380, 1410, self.chance.randrange(1440)]
        lengths = [15, 60, 75, 240, 480, 1439, self.chance.randint(1, 1439)]
        count = self.chance.randint(at_least, 3)
        return [(self.chance.choice(starts), self.chance.choice(lengths)) for _ in range(count)]

    def timeline(self) -> tuple[datetime, bytearray]:
        """From a first moment on, minute by minute for a year and two days: is it open?"""
        wall = self._open_on_the_wall()
        first = datetime(self.year - 1, 12, 31, tzinfo=UTC)
        zero = datetime(self.year - 1, 12, 25, tzinfo=UTC)
        minutes = bytearray()
        for number in range(367 * 24):
            hour = first + number * 60 * MINUTE
            offsets = [(hour + minute * MINUTE).astimezone(self.zone).utcoffset() for minute in (0, 59)]
            same = offsets[0] == offsets[1]
            for minute in (0,) if same else range(60):
                shown = (hour + minute * MINUTE).astimezone(self.zone).replace(tzinfo=UTC)
                place = (shown - zero) // MINUTE
                minutes += wall[place : place + (60 if same else 1)]
        return first, minutes

    def _open_on_the_wall(self) -> bytearray:
        """The minutes that a wall clock can show from 25 December on: is it open then?"""
        days = [date(self.year - 1, 12, 25) + number * DAY for number in range(380)]
        wall = bytearray((len(days) + 1) * 1440)
        for number, day in enumerate(days):
            if not self._is_closed(day):
                for start, length in self.special.get(day, self.weekly[day.weekday()]):
                    place = number * 1440 + start
                    wall[place : place + length] = b"\1" * length
        for number, day in enumerate(days):
            if self._is_closed(day):
                wall[number * 1440 : (number + 1) * 1440] = bytes(1440)
        return wall

    def _is_closed(self, day: date) -> bool:
        return day in self.closed or (day.month, day.day) in self.yearly


@pytest.mark.parametrize(("zone", "year"), YEARS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_made_up_hours_equals_the_oracle(zone: str, year: int, seed: int) -> None:
    made_up = MadeUpHours(Random(f"{zone} {seed}"), zone, year)  # noqa: S311 - a seed replays it
    first, minutes = made_up.timeline()
    changes = [first + place * MINUTE for place in range(1, len(minutes)) if minutes[place] != minutes[place - 1]]
    assert len(changes) > 100

    found: list[datetime] = []
    moment = first
    while len(found) < len(changes) and (after := next_change(made_up.document, moment)):
        found.append(moment := after)
    assert found == changes

    assert is_open(made_up.document, first) == minutes[0]
    for number, (change, after) in enumerate(pairwise([first, *changes])):
        between = change + made_up.chance.random() * (after - change - MICROSECOND)
        states = [is_open(made_up.document, moment) for moment in (change, between, after - MICROSECOND)]
        assert states == [minutes[(change - first) // MINUTE]] * 3, change
        assert number % 5 or next_change(made_up.document, between) == after
