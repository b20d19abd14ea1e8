"""What earlier imports tell of bookings at a file's first and last midnight."""

from datetime import date, timedelta
from typing import Any

import pytest

from functions.schedule_import.decide.edges import (
    NO_MEMORY,
    Edges,
    Spoken,
    after_last_midnight,
    digests,
    have_one_in_common,
)
from functions.schedule_import.decide.shift_days import day_bounds
from tests.unit.functions.schedule_import.planning import (
    ANNA,
    ASA,
    CSV,
    HELSINKI,
    Calendar,
    at,
    booking,
    guid,
    in_profile,
    scope_of,
    segment,
)

WEEK_1 = at("2027-01-11 00:00"), at("2027-01-18 00:00")
WEEK_2 = at("2027-01-18 00:00"), at("2027-01-25 00:00")
BOTH = WEEK_1[0], WEEK_2[1]
SCOPE = scope_of([segment("2027-01-11 08:00"), segment("2027-01-17 08:00")])
EARLY = booking("2027-01-18 02:00", 4)
SUNDAY, MONDAY = date(2027, 1, 17), date(2027, 1, 18)


def spoken(window: tuple[Any, Any], *after: str, agents: tuple[str, ...] = (ASA.id,)) -> Spoken:
    return Spoken(window, digests(agents), digests(after))


@pytest.mark.parametrize(
    ("past", "day"),
    [
        pytest.param([], None, id="nobody tells"),
        pytest.param([spoken(WEEK_1, EARLY.id)], SUNDAY, id="the first week placed it after its last midnight"),
        pytest.param([spoken(WEEK_1, EARLY.id), spoken(WEEK_2)], SUNDAY, id="although the second speaks for Monday"),
        pytest.param([spoken(WEEK_2)], MONDAY, id="only the second can have placed it"),
        pytest.param([spoken(WEEK_1), spoken(WEEK_2)], MONDAY, id="the first has not, before"),
        pytest.param([spoken(WEEK_2), spoken(WEEK_1)], MONDAY, id="the first has not, after"),
        pytest.param([spoken(WEEK_2), spoken(WEEK_1, EARLY.id)], SUNDAY, id="the second, later, left it alone"),
        pytest.param([spoken(WEEK_2), spoken(WEEK_1), spoken(WEEK_1, EARLY.id)], MONDAY, id="the first no longer has"),
        pytest.param(
            [spoken(BOTH), spoken(WEEK_1, EARLY.id)], None, id="a later file with both days may have moved it"
        ),
        pytest.param([spoken(WEEK_1, EARLY.id), spoken(BOTH)], SUNDAY, id="an earlier one has not"),
        pytest.param([spoken(WEEK_1)], None, id="the first does not speak for Monday"),
        pytest.param([spoken(BOTH)], None, id="a file with both days may have placed it as Sunday's"),
        pytest.param([spoken(WEEK_2), spoken(BOTH)], None, id="either of two"),
        pytest.param([spoken(WEEK_2, agents=(ANNA.id,))], None, id="of other agents"),
        pytest.param([spoken(WEEK_1, guid(7))], None, id="another booking"),
    ],
)
def test_the_day_of_a_booking_after_midnight(past: list[Spoken], day: date | None) -> None:
    assert Edges(past).shift_day(ASA.id, EARLY, SCOPE) == day


def test_whoever_speaks_for_an_agent_at_a_moment() -> None:
    edges = Edges([spoken(WEEK_1), spoken(WEEK_2, agents=(ANNA.id, ASA.id))])
    assert edges.speaks(ASA.id, WEEK_1[0])
    assert edges.speaks(ANNA.id, WEEK_1[1])
    assert not edges.speaks(ANNA.id, WEEK_1[1] - timedelta(seconds=1))
    assert not edges.speaks(ASA.id, WEEK_2[1])
    assert not edges.speaks(guid(99), WEEK_1[0])
    assert not NO_MEMORY.speaks(ASA.id, WEEK_1[0])


def test_agents_of_many_are_found() -> None:
    everybody = [guid(number) for number in range(5_000)]
    edges = Edges([Spoken(WEEK_1, digests(everybody[::2]), b"")])
    assert [edges.speaks(one, WEEK_1[0]) for one in everybody] == [True, False] * 2_500


def test_digests_do_not_depend_on_order_and_tell_what_they_share() -> None:
    assert digests([ASA.id, ANNA.id]) == digests([ANNA.id, ASA.id])
    assert have_one_in_common(digests([ASA.id, guid(7)]), digests([guid(8), ASA.id]))
    assert not have_one_in_common(digests([ASA.id]), digests([ANNA.id]))
    assert not have_one_in_common(b"", digests([ANNA.id]))


@pytest.mark.parametrize("zone", ["UTC", HELSINKI, "America/New_York"])
def test_bookings_after_the_last_midnight_are_those_of_the_last_night(zone: str) -> None:
    rows = [
        segment("2027-01-16 22:00", 4, row=2, zone=zone),
        segment("2027-01-17 22:00", 2, row=3, zone=zone),
        segment("2027-01-18 00:00", 2, row=4, zone=zone),
        segment("2027-01-18 02:00", 4, row=5, zone=zone),
    ]
    made = Calendar().compare(rows)
    found = set(after_last_midnight(made.wanted.bookings, made.scope))
    assert {one.row for one in made.wanted.bookings[ASA.id] if one.id in found} == {4, 5}


def test_a_file_that_speaks_for_its_rows_has_no_last_midnight() -> None:
    calendar = Calendar(profile=in_profile(CSV, scope={"mode": "delta"}))
    made = calendar.compare([segment("2027-01-17 22:00", 8)])
    assert list(after_last_midnight(made.wanted.bookings, made.scope)) == []


def test_the_day_is_found_in_the_zone_of_the_agent() -> None:
    """02:00 on Monday in New York, 07:00 UTC; the window reaches over all zones."""
    rows = [
        segment("2027-01-17 08:00", zone="America/New_York"),
        *(segment("2027-01-17 08:00", agent=agent, zone=HELSINKI) for agent in ("anna", "ben")),
    ]
    scope = scope_of(rows)
    assert scope.window == (at("2027-01-16 22:00"), at("2027-01-18 05:00"))
    late = booking("2027-01-18 02:00", 4, zone="America/New_York")
    window = day_bounds([SUNDAY], scope.zone_of(ANNA.id))[0], day_bounds([SUNDAY], scope.zone_of(ASA.id))[1]
    assert Edges([spoken(window, late.id)]).shift_day(ASA.id, late, scope) == SUNDAY
