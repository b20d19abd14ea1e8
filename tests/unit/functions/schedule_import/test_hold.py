"""Holds: what a person looks at before it is written."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from functions.schedule_import.decide.diff import Difference, Tally
from functions.schedule_import.decide.hold import plan_digest, weigh
from functions.schedule_import.profile.rules import Hold
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import (
    ANNA,
    ASA,
    CHAT,
    MONDAY,
    Calendar,
    at,
    booking,
    guid,
    in_profile,
    moved,
    segment,
)

NAMES = {ASA.id: "asa", ANNA.id: "anna"}
DAYS = [segment(f"2027-01-{day} 08:00", 10, row=day, plan="January") for day in range(11, 21)]
TWO = [*DAYS, *(one._replace(agent="anna", row=50 + one.row) for one in DAYS)]


def codes(difference: Difference, **hold: Any) -> list[str]:
    reasons = weigh(difference, Hold(**hold), agent_names=NAMES, plan_names={"north": "North"})
    return [reason.code for reason in reasons]


def edited(rows: list[Segment], before: list[Segment] = TWO, **how: Any) -> Difference:
    """What a file changes of what another one has made, both from the 11th to the 20th."""
    calendar = Calendar(profile=in_profile(scope={"agents": ["asa", "anna"], "days": 10}), **how)
    calendar.deliver(before)
    return calendar.compare(rows).difference


def tally(**values: float) -> Tally:
    return Tally(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lost", "limit", "held"),
    [
        pytest.param(30, 0.3, False, id="exactly the limit"),
        pytest.param(30.1, 0.3, True, id="a little more"),
        pytest.param(100, 1, False, id="a share of 1 is never exceeded"),
        pytest.param(0.1, 0, True, id="nothing at all may go"),
        pytest.param(0, 0, False, id="nothing goes"),
    ],
)
def test_the_share_that_goes(lost: float, limit: float, held: bool) -> None:
    found = Difference(total=tally(minutes=100, lost=lost))
    assert codes(found, max_removed_share=limit) == (["REMOVED_SHARE"] if held else [])


@pytest.mark.parametrize("minutes", [3 * 7, 7 * 11 * 13, 100_003])
def test_the_limit_is_exact_for_shares_that_are_no_binary_fractions(minutes: int) -> None:
    found = Difference(total=tally(minutes=minutes * 10, lost=minutes * 3))
    assert codes(found, max_removed_share=0.3) == []


@pytest.mark.parametrize("part", ["by_agent", "by_plan"])
@pytest.mark.parametrize(
    ("lost", "limit", "held"),
    [
        pytest.param(50, 0.3, False, id="half of it"),
        pytest.param(51, 0.3, True, id="more than half"),
        pytest.param(75, 0.8, False, id="less than a limit that is higher"),
        pytest.param(81, 0.8, True, id="more than a limit that is higher"),
        pytest.param(100, 1, False, id="a share of 1 is never exceeded"),
    ],
)
def test_what_one_plan_or_agent_loses(part: str, lost: float, limit: float, held: bool) -> None:
    key = "north" if part == "by_plan" else ASA.id
    found = Difference(total=tally(minutes=10_000, lost=lost))
    setattr(found, part, {key: tally(minutes=100, lost=lost), "": tally(minutes=9_900)})
    code = "PLAN_EMPTIED" if part == "by_plan" else "AGENT_EMPTIED"
    assert codes(found, max_removed_share=limit) == ([code] if held else [])


@pytest.mark.parametrize(
    ("lost", "limit", "expected"),
    [
        pytest.param(50, 0.5, [], id="exactly the limit"),
        pytest.param(51, 0.5, ["ASSIGNABLE_DROP", "PLAN_NOT_ASSIGNABLE"], id="more"),
        pytest.param(100, 1, [], id="a share of 1 is never exceeded"),
    ],
)
def test_assignable_time_that_goes(lost: float, limit: float, expected: list[str]) -> None:
    part = tally(minutes=1000, assignable=100, assignable_lost=lost)
    found = Difference(total=part, by_plan={"north": part})
    assert codes(found, max_assignable_drop_share=limit) == expected


@pytest.mark.parametrize(("losers", "limit", "held"), [(0, 0, False), (1, 0, True), (2, 2, False), (3, 2, True)])
def test_agents_without_work_tomorrow(losers: int, limit: int, held: bool) -> None:
    found = Difference(without_work_tomorrow={guid(number) for number in range(losers)})
    assert codes(found, max_agents_without_work_tomorrow=limit) == (["NO_WORK_TOMORROW"] if held else [])


def test_a_reason_names_at_most_ten() -> None:
    found = Difference(without_work_tomorrow={guid(number) for number in range(25)})
    (reason,) = weigh(found, Hold(), agent_names={guid(number): f"a{number:02}" for number in range(25)}, plan_names={})
    assert "25 agents" in reason.text
    assert reason.text.endswith("a00, a01, a02, a03, a04, a05, a06, a07, a08, a09 and 15 more")


# -------------------------------------------------------------------------------------------- plans as they come


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(TWO, [], id="the same"),
        pytest.param(DAYS[:8] + TWO[10:18], [], id="a fifth of it goes"),
        pytest.param(DAYS[:6] + TWO[10:16], ["REMOVED_SHARE"], id="two fifths go"),
        pytest.param(DAYS + TWO[10:14], ["AGENT_EMPTIED"], id="one agent loses more than half"),
        pytest.param(DAYS, ["REMOVED_SHARE", "AGENT_EMPTIED"], id="one agent loses all"),
        pytest.param([one._replace(activity="Lunch") for one in TWO], ["ASSIGNABLE_DROP", "PLAN_NOT_ASSIGNABLE"],
                     id="nothing is assignable any more"),
        pytest.param([one._replace(plan="renamed") for one in TWO], [], id="plans are renamed"),
        pytest.param([one._replace(external_id=f"E{one.row}") for one in TWO], [], id="every key changes"),
        pytest.param([part for one in TWO for part in (
            one._replace(end=one.start + timedelta(hours=5)), one._replace(start=one.start + timedelta(hours=5)))], [],
            id="every row is cut in two"),
    ],
)  # fmt: skip
def test_what_a_file_is_held_for(rows: list[Segment], expected: list[str]) -> None:
    found = codes(edited(rows), max_removed_share=0.3)
    assert [code for code in found if code in expected] == expected
    assert bool(found) is bool(expected)


def test_a_file_that_keeps_95_per_cent_but_empties_a_plan_is_held() -> None:
    rows = [
        segment(f"2027-01-{day} {hour:02}:00", 1, agent=agent, row=day * 100 + hour, plan="big")
        for agent in ("asa", "anna") for day in range(11, 21) for hour in range(8, 18)
    ]  # fmt: skip
    small = [one._replace(plan="small") for one in rows[:10]]
    found = edited([*rows[10:], segment("2027-01-11 08:00", 1)], [*small, *rows[10:]])
    assert codes(found) == ["PLAN_EMPTIED", "PLAN_NOT_ASSIGNABLE"]


def test_the_first_file_is_never_held() -> None:
    difference = Calendar(now=at("2027-01-11 12:00")).compare(TWO).difference
    assert codes(difference, max_removed_share=0, max_assignable_drop_share=0) == []


def test_a_file_of_another_week_is_not_weighed_against_this_one() -> None:
    calendar = Calendar()
    calendar.deliver(TWO)
    assert codes(calendar.compare(moved(DAYS[:1], 14)).difference) == []


def test_bookings_of_others_weigh_nothing() -> None:
    calendar = Calendar()
    calendar.put(*(booking(f"2027-01-{day} 08:00", number=900 + day, mark="sb:other:x") for day in range(11, 17)))
    difference = calendar.compare(DAYS[:6]).difference
    assert difference.total.minutes == 0


# ------------------------------------------------------------------------------------------------------- digest


def plans(calendar: Calendar, rows: list[Segment]) -> Difference:
    return calendar.compare(one._replace(row=row) for row, one in enumerate(rows, 2)).difference


def test_an_approval_covers_a_plan_whatever_the_order_of_its_rows() -> None:
    calendar = Calendar()
    calendar.deliver(TWO)
    rows = [*DAYS[:8], *(one._replace(activity="Lunch", end=one.end + timedelta(hours=1)) for one in TWO[10:15])]
    shuffled = random.Random(5).sample(rows, len(rows))  # noqa: S311
    digest = plan_digest(plans(calendar, rows))
    assert digest == plan_digest(plans(calendar, shuffled))
    backwards = Calendar(bookings=dict(reversed(calendar.bookings.items())), past=calendar.past)
    assert digest == plan_digest(plans(backwards, rows))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: rows[:-1], id="a row less"),
        pytest.param(lambda rows: [rows[0]._replace(end=rows[0].end + timedelta(minutes=1)), *rows[1:]], id="longer"),
        pytest.param(lambda rows: [rows[0]._replace(activity="Break"), *rows[1:]], id="another activity"),
        pytest.param(lambda rows: [rows[0]._replace(plan="other"), *rows[1:]], id="another plan"),
        pytest.param(lambda rows: [rows[0]._replace(agent="anna"), *rows[1:]], id="another agent"),
    ],
)
def test_an_approval_does_not_cover_another_plan(change: Any) -> None:
    calendar = Calendar()
    calendar.deliver(DAYS)
    rows = [one._replace(activity="Lunch") for one in DAYS[:9]]
    assert plan_digest(plans(calendar, rows)) != plan_digest(plans(calendar, change(rows)))


def test_an_approval_does_not_cover_what_somebody_has_changed_in_between() -> None:
    calendar = Calendar()
    calendar.deliver(DAYS)
    before = plan_digest(plans(calendar, DAYS[:5]))
    calendar.put(booking("2027-01-13 20:00", 1, kind=CHAT))
    assert plan_digest(plans(calendar, DAYS[:5])) != before


def test_a_digest_is_of_fixed_length_and_the_empty_plan_has_one() -> None:
    assert plan_digest(Difference()) == "0" * 64
    one = Difference(removals=[(ASA.id, booking(), MONDAY)])
    twice = Difference(removals=[(ASA.id, booking(), date(2027, 1, 12))])
    assert len(plan_digest(one)) == 64
    assert plan_digest(one) == plan_digest(twice), "the day is a consequence, not a part of the plan"
