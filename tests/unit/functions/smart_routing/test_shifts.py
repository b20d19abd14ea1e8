"""Who is on shift: examples, and random bookings against an oracle that looks at every moment that matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest

from functions.smart_routing.decide.shifts import ShiftBooking, is_on_shift

DAY = "2027-01-11"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def at(text: str) -> datetime:
    """A time of the day of these examples, or a full date and time."""
    return datetime.fromisoformat(text if "-" in text else f"{DAY} {text}").replace(tzinfo=UTC)


def shift(start: str, end: str) -> ShiftBooking:
    return ShiftBooking(at(start), at(end), is_active=True, is_committed=True, is_shift=True, is_assignable=True)


def pause(start: str, end: str) -> ShiftBooking:
    return replace(shift(start, end), is_assignable=False)


WORK = shift("08:00", "16:00")
EXAMPLES = [
    pytest.param([], "12:00", 0, False, id="no booking"),
    pytest.param([WORK], "07:59:59", 0, False, id="a second early"),
    pytest.param([WORK], "08:00", 0, True, id="the first second"),
    pytest.param([WORK], "15:59:59", 0, True, id="the last second"),
    pytest.param([WORK], "16:00", 0, False, id="the end"),
    pytest.param([WORK], "07:55", 10, False, id="begins within the minutes"),
    pytest.param([WORK], "15:50", 10, True, id="lasts for the minutes exactly"),
    pytest.param([WORK], "15:50:01", 10, False, id="a second too short"),
    pytest.param([shift("08:00", "12:00"), shift("12:00", "16:00")], "11:55", 10, True, id="adjacent bookings bridge"),
    pytest.param([shift("08:00", "12:00"), shift("12:00", "16:00")], "12:00", 0, True, id="now is where they meet"),
    pytest.param([shift("08:00", "12:00"), shift("12:00:01", "16:00")], "11:55", 10, False, id="a gap of a second"),
    pytest.param([shift("08:00", "12:00"), shift("12:05", "16:00")], "11:55", 10, False, id="a gap"),
    pytest.param([shift("08:00", "12:00"), shift("12:05", "16:00")], "11:55", 5, True, id="a gap after the minutes"),
    pytest.param([shift("08:00", "12:00"), shift("10:00", "11:00")], "10:30", 60, True, id="one inside another"),
    pytest.param([shift("08:00", "10:00"), shift("08:00", "16:00")], "09:55", 10, True, id="equal starts"),
    pytest.param([shift("08:00", "11:58"), shift("11:58", "12:01"), shift("12:01", "16:00")], "11:57", 10, True,
                 id="three in a row"),
    pytest.param([WORK, pause("12:00", "12:30")], "11:50", 10, True, id="a break at the end of the minutes"),
    pytest.param([WORK, pause("11:59:59", "12:30")], "11:50", 10, False, id="a break a second before that"),
    pytest.param([WORK, pause("12:00", "12:30")], "11:55", 10, False, id="a break within the minutes"),
    pytest.param([WORK, pause("11:56", "11:57")], "11:55", 10, False, id="a short break within the minutes"),
    pytest.param([WORK, pause("12:00", "12:30")], "11:59:59", 0, True, id="the second before a break"),
    pytest.param([WORK, pause("12:00", "12:30")], "12:00", 0, False, id="a break begins"),
    pytest.param([WORK, pause("12:00", "12:30")], "12:29:59", 0, False, id="the last second of a break"),
    pytest.param([WORK, pause("12:00", "12:30")], "12:30", 10, True, id="a break is over"),
    pytest.param([pause("08:00", "16:00")], "12:00", 0, False, id="nothing but a break"),
    pytest.param([WORK, pause("12:00", "12:00")], "12:00", 0, True, id="a break of no length"),
    pytest.param([WORK, pause("12:00", "12:00")], "11:55", 10, True, id="a break of no length within the minutes"),
    pytest.param([shift("12:00", "12:00")], "12:00", 0, False, id="a shift of no length"),
    pytest.param([shift("08:00", "12:00"), shift("12:00", "12:00")], "11:55", 10, False, id="no length, no bridge"),
    pytest.param([WORK, pause("12:30", "11:30")], "12:00", 0, True, id="a break that ends before it starts"),
    pytest.param([shift("2027-01-10 22:00", "2027-01-11 06:00")], "2027-01-10 23:55", 10, True, id="over midnight"),
    pytest.param([shift("2027-01-10 16:00", "2027-01-11 00:00"), shift("2027-01-11 00:00", "2027-01-11 08:00")],
                 "2027-01-10 23:55", 10, True, id="a booking ends and one begins at midnight"),
    pytest.param([shift("2027-01-10 22:00", "2027-01-11 06:00"), pause("2027-01-11 00:00", "2027-01-11 00:30")],
                 "2027-01-10 23:55", 10, False, id="a break at midnight"),
    pytest.param([WORK], "08:00", 480, True, id="a whole shift"),
    pytest.param([WORK], "08:00", 481, False, id="more than a shift"),
]  # fmt: skip


@pytest.mark.parametrize(("bookings", "now", "minutes", "expected"), EXAMPLES)
def test_on_shift_whatever_the_order_of_the_bookings(
    bookings: list[ShiftBooking], now: str, minutes: int, expected: bool
) -> None:
    for order in permutations(bookings):
        assert is_on_shift(order, at(now), minutes) is expected


@pytest.mark.parametrize("flag", ["is_active", "is_committed", "is_shift"])
def test_inactive_uncommitted_and_other_bookings_speak_neither_for_nor_against(flag: str) -> None:
    without: dict[str, Any] = {flag: False}
    assert not is_on_shift([replace(WORK, **without)], at("12:00"), 0)
    assert is_on_shift([WORK, replace(pause("11:00", "13:00"), **without)], at("12:00"), 10)


def test_times_without_an_offset_and_negative_minutes_are_refused() -> None:
    naive = datetime(2027, 1, 11, 12)  # noqa: DTZ001 - the mistake itself
    with pytest.raises(ValueError, match="offset"):
        is_on_shift([WORK], naive, 0)
    with pytest.raises(ValueError, match="offset"):
        replace(WORK, start=naive)
    with pytest.raises(ValueError, match="offset"):
        replace(WORK, end=naive)
    with pytest.raises(ValueError, match="negative"):
        is_on_shift([WORK], at("12:00"), -1)


def oracle(bookings: list[ShiftBooking], now: datetime, minutes: int) -> bool:
    """Looks at now, at each booking's first and last second and at those beside them, one after the other."""
    end = now + minutes * MINUTE
    edges = [edge + step * SECOND for each in bookings for edge in (each.start, each.end) for step in (-1, 0, 1)]
    for moment in [now, *(edge for edge in edges if now < edge < end)]:
        there = [each for each in bookings if each.start <= moment < each.end]
        meant = [each for each in there if each.is_active and each.is_committed and each.is_shift]
        if not meant or not all(each.is_assignable for each in meant):
            return False
    return True


MIDNIGHT = at("2027-01-12 00:00")


def made_up(chance: Random) -> tuple[list[ShiftBooking], datetime, int]:
    """Up to eight bookings around midnight on a coarse grid, so that many meet, with a few a second beside it."""

    def moment() -> datetime:
        beside = chance.choice((-1, 1)) if chance.random() < 0.05 else 0
        return MIDNIGHT + chance.randint(-12, 12) * 5 * MINUTE + beside * SECOND

    bookings: list[ShiftBooking] = []
    for _ in range(chance.randrange(9)):
        start = bookings[-1].end if bookings and chance.random() < 0.5 else moment()
        length = chance.choice((0, 5, 10, 15, 30, 60, 120)) * MINUTE
        flags = [chance.random() < 0.9 for _ in range(4)]
        bookings.append(ShiftBooking(start, start + length, *flags))
    chance.shuffle(bookings)
    now = moment() + chance.choice((0, 0, 250, 999)) * timedelta(milliseconds=1)
    return bookings, now, chance.choice((0, 1, 5, 10, 15, 30, 60))


def test_10_000_random_sets_of_bookings_equal_the_oracle() -> None:
    chance = Random(5)  # noqa: S311 - the same sets every time
    on_shift = 0
    for number in range(10_000):
        bookings, now, minutes = made_up(chance)
        expected = oracle(bookings, now, minutes)
        assert is_on_shift(bookings, now, minutes) is expected, (number, bookings, now, minutes)
        on_shift += expected
    assert 2_000 < on_shift < 8_000
