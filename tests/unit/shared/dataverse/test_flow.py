"""Width, pace and breaker played without any wait: every method gets the time as an argument."""

import math

import pytest

from shared.dataverse.flow import WIDEST, Breaker, Load, Pace, Width, named_limit

ROUND_TRIP = 0.125
"""Seconds; a binary fraction, so that sums of it are exact."""


def steps(width: Width, start: float, seconds: float) -> list[tuple[float, int]]:
    """When the width became which one, from `start` on, while more lanes are wanted than there are."""
    seen = [(start, width.lanes)]
    width.used(start, ROUND_TRIP)
    for tick in range(int(seconds / ROUND_TRIP * 2) + 1):
        now = start + tick * ROUND_TRIP / 2
        width.grow(now, ROUND_TRIP)
        if width.lanes != seen[-1][1]:
            seen.append((now, width.lanes))
    return seen


def widths(width: Width, start: float = 0.0, seconds: float = 60.0) -> list[int]:
    return [lanes for _, lanes in steps(width, start, seconds)]


def proven() -> Width:
    """As after the first answer to a bulk request, but no wider for it."""
    width = Width()
    width.proven = True
    return width


def told(*hints: int) -> Width:
    width = proven()
    for hint in hints:
        width.hinted(0.0, hint)
    return width


def at_widest() -> Width:
    width = proven()
    assert widths(width)[-1] == WIDEST
    return width


# ------------------------------------------------------------------------------------------------------ width


def test_the_first_steps_take_a_refusal_time_each() -> None:
    assert steps(proven(), 0.0, 10.0) == [(0.0, 16), (ROUND_TRIP, 24), (2 * ROUND_TRIP, 40), (3 * ROUND_TRIP, 52)]


def test_without_a_recommendation_a_first_answer_is_waited_for() -> None:
    width = Width()
    assert widths(width, 0.0) == [16, Width.UNPROVEN]
    width.prove(60.0)
    assert steps(width, 60.0, 1.0)[:2] == [(60.0, Width.UNPROVEN), (60.0, WIDEST)]


def test_a_first_answer_widens_no_further_than_what_is_known() -> None:
    width = Width()
    widths(width, 0.0)
    width.refused(60.0, 10, None, 1.0)
    width.prove(60.5)
    assert steps(width, 61.0, 60.0)[1] == (61.0 + Width.PATIENCE, 11)


def test_a_quicker_refusal_brings_the_next_step_forward() -> None:
    width = proven()
    width.used(0.0, 1.0)
    width.hasten(1.0 - ROUND_TRIP)
    width.grow(ROUND_TRIP, ROUND_TRIP)
    assert width.lanes == 24


def test_nothing_widens_before_the_lanes_are_used() -> None:
    width = Width()
    width.grow(100.0, ROUND_TRIP)
    assert (width.lanes, width.grow_at) == (16, None)
    width.used(100.0, ROUND_TRIP)
    assert width.grow_at == 100.0 + ROUND_TRIP


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ((), [16, 24, 40, 52]),
        ((52,), [16, 24, 40, 52]),
        ((400,), [16, 24, 40, 52]),
        ((30,), [16, 24, 30, 31, 33, 37, 45, 52]),
        ((5,), [5, 6, 8, 12, 20, 36, 52]),
        ((1,), [1, 2, 4, 8, 16, 32, 52]),
        ((0,), [1, 2, 4, 8, 16, 32, 52]),
        ((16,), [16, 17, 19, 23, 31, 47, 52]),
        ((5, 30), [5, 13, 29, 30, 31, 33, 37, 45, 52]),
        ((30, 5), [5, 6, 8, 12, 20, 36, 52]),
        ((5, 5, 5), [5, 6, 8, 12, 20, 36, 52]),
    ],
    ids=str,
)
def test_a_hint_is_reached_fast_and_then_felt_beyond(hints: tuple[int, ...], expected: list[int]) -> None:
    assert widths(told(*hints)) == expected


@pytest.mark.parametrize("hint", [5, 30])
def test_a_reached_hint_holds_for_a_while(hint: int) -> None:
    seen = steps(told(hint), 0.0, 20.0)
    reached = next(now for now, lanes in seen if lanes == hint)
    beyond = next(now for now, lanes in seen if lanes > hint)
    assert beyond - reached == pytest.approx(Width.SETTLED, abs=ROUND_TRIP)


@pytest.mark.parametrize(("hints", "goal"), [((), 52), ((30,), 30), ((5,), 5), ((52,), 52), ((60,), 52)])
def test_the_goal_to_plan_for_is_the_hint(hints: tuple[int, ...], goal: int) -> None:
    assert told(*hints).goal == goal


def test_what_a_refusal_taught_outweighs_an_old_hint_but_not_a_new_one() -> None:
    width = told(30)
    widths(width, 0.0, 1.0)
    width.refused(1.0, 10, None, 1.0)
    width.hinted(1.1, 30)
    assert (width.lanes, width.goal) == (10, 10)
    width.hinted(1.2, 40)
    assert (width.lanes, width.goal) == (10, 40)
    # Not before the pause of the refusal is over.
    assert steps(width, 1.25, 1.0)[:2] == [(1.25, 10), (2.0, 18)]
    width.hinted(3.0, 4)
    assert (width.lanes, width.goal) == (4, 4)


@pytest.mark.parametrize(
    ("let_in", "limit", "expected"),
    [(10, None, 10), (10, 8, 8), (8, 10, 8), (0, None, 1), (0, 0, 1), (52, 52, 52), (99, 99, 52)],
)
def test_a_refusal_narrows_to_what_was_let_in(let_in: int, limit: int | None, expected: int) -> None:
    width = at_widest()
    width.refused(100.0, let_in, limit, 1.0)
    assert width.lanes == expected


def test_a_refusal_names_its_limit() -> None:
    assert named_limit("Number of concurrent requests exceeded the limit of 52.") == 52
    assert named_limit("Number of requests exceeded the limit of 6000 over time window of 300 seconds.") is None
    assert named_limit("") is None


@pytest.mark.parametrize(
    ("refusals", "patience"),
    [
        ([0.0], Width.PATIENCE),
        # The rest of a burst is no news, though its pause counts.
        ([0.0, 0.1, 0.2, 0.3], Width.PATIENCE),
        ([0.0, 6.0], 2 * Width.PATIENCE),
        ([0.0, 6.0, 14.0, 22.0], Width.LONGEST_PATIENCE),
        ([0.0, 100.0], Width.PATIENCE),
    ],
    ids=str,
)
def test_patience_before_the_next_attempt_doubles_with_each_one_refused(refusals: list[float], patience: float) -> None:
    width = at_widest()
    for moment in refusals:
        width.refused(100.0 + moment, 10, None, 1.0)
    pause_ends = 100.0 + refusals[-1] + 1.0
    seen = steps(width, pause_ends, 60.0)
    assert seen[1][0] - pause_ends == pytest.approx(patience, abs=ROUND_TRIP)
    assert [lanes for _, lanes in seen] == [10, 11, 13, 17, 25, 41, 52]
    assert seen[-1][0] - seen[1][0] == pytest.approx(5 * ROUND_TRIP, abs=ROUND_TRIP)


def test_calls_that_nobody_planned_may_use_all_until_a_refusal_teaches_less() -> None:
    width = told(5)
    assert (width.lanes, width.ceiling) == (5, WIDEST)
    width.refused(0.0, 3, None, 1.0)
    assert width.ceiling == 3
    widths(width, 1.0)
    assert width.ceiling == WIDEST


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        (52, [1, 2, 4, 8, 16, 26, 27, 29, 33, 41, 52]),
        (10, [1, 2, 4, 5, 6, 8, 12, 20, 36, 52]),
        (3, [1, 2, 3, 5, 9, 17, 33, 52]),
        (2, [1, 2, 3, 5, 9, 17, 33, 52]),
    ],
)
def test_a_spent_budget_lets_one_request_go_first_then_half_as_many(lanes: int, expected: list[int]) -> None:
    width = at_widest()
    width.refused(50.0, lanes, None, 0.0)
    for moment in (100.0, 100.1, 100.2):  # one episode, however many answers tell of it
        width.exhausted(moment, 3.0, ROUND_TRIP)
    assert (width.lanes, width.ceiling) == (1, 1)
    seen = steps(width, 103.25, 60.0)
    assert [lanes for _, lanes in seen] == expected
    assert seen[1][0] == pytest.approx(103.2 + ROUND_TRIP, abs=ROUND_TRIP)


def test_a_budget_that_is_still_spent_keeps_the_goal() -> None:
    width = at_widest()
    for moment in (100.0, 103.5, 107.0):
        width.exhausted(moment, 3.0, ROUND_TRIP)
        assert width.lanes == 1
    assert 26 in widths(width, 110.0)


@pytest.mark.parametrize(
    ("seconds", "expected", "lanes"),
    [(2.0, 1.0, 52), (2.5, 1.0, 52), (4.0, 1.0, 26), (20.0, 1.0, 5), (1000.0, 1.0, 2)],
)
def test_requests_that_queue_narrow_to_twice_what_is_served(seconds: float, expected: float, lanes: int) -> None:
    width = at_widest()
    width.queued(100.0, seconds, expected)
    assert width.lanes == lanes


def test_a_queue_is_judged_once_while_it_drains() -> None:
    width = at_widest()
    width.queued(100.0, 4.0, 1.0)
    for moment in (100.5, 103.9):
        width.queued(moment, 4.0, 1.0)
    assert width.lanes == 26
    width.queued(104.0, 4.0, 1.0)
    assert width.lanes == 13


def test_after_a_queue_the_way_up_is_cautious() -> None:
    width = at_widest()
    width.queued(100.0, 10.0, 1.0)
    (_, first), (second_at, second), *_ = steps(width, 100.0, 60.0)
    assert (first, second) == (10, 11)
    assert second_at == pytest.approx(100.0 + Width.CAUTIOUS, abs=ROUND_TRIP)


def test_timeouts_of_one_moment_halve_once_and_wait() -> None:
    width = at_widest()
    for _ in range(20):
        width.timed_out(100.0)
    assert width.lanes == 26
    assert steps(width, 100.0, 60.0)[1] == (100.0 + Width.LONGEST_PATIENCE, 27)
    for number in range(9):
        width.timed_out(200.0 + number * Width.LONGEST_PATIENCE)
    assert width.lanes == 1


def test_a_burst_ends_after_so_many_and_is_shorter_after_a_refusal() -> None:
    def burst(now: float) -> int:
        left = 0
        while width.burst_ends(now, ROUND_TRIP) is None:
            width.left()
            left += 1
        assert width.burst_ends(now, ROUND_TRIP) == now + ROUND_TRIP
        return left

    width = Width()
    assert burst(100.0) == Width.BURST
    assert burst(101.0) == Width.BURST
    width.refused(101.1, 10, None, 1.0)
    assert burst(102.1) == Width.BURST_AFTER_REFUSAL
    assert burst(103.0) == Width.BURST


# ------------------------------------------------------------------------------------------------------- pace


def load(
    lanes: int = 50, sent: int = 0, under_way: tuple[tuple[int, float], ...] = (), *, recommended: bool = False
) -> Load:
    return Load(lanes, recommended, sent, under_way)


def test_with_a_recommended_width_every_lane_takes_its_share_whole() -> None:
    """One round is the quickest where the number of lanes is sure."""
    pace, remaining = Pace(), 19_985
    pace.size(20_000, load(52), 0.1)  # the pilot
    sizes: list[int] = []
    while len(sizes) < 52:
        under_way = tuple((size, 0.01) for size in sizes)
        sizes.append(pace.size(remaining, load(52, len(sizes), under_way, recommended=True), 0.1))
        remaining -= sizes[-1]
    assert remaining <= 0
    assert min(sizes[:-1]) >= 0.97 * max(sizes)


def test_large_requests_are_of_several_sizes() -> None:
    """So that those that left together do not come back together."""
    sizes = [learned(0.001).size(None, load(sent=sent), 0.1) for sent in range(20)]
    assert len(set(sizes)) > 10
    assert min(sizes) >= (1 - Pace.SPREAD) * max(sizes)


def learned(row_seconds: float, rows: int = 500) -> Pace:
    """A pace that saw a few requests of this cost."""
    pace = Pace()
    for _ in range(5):
        pace.answered(rows, 0.1 + rows * row_seconds, 0.1)
    return pace


@pytest.mark.parametrize(
    ("rows", "lanes"), [(1600, 16), (3000, 10), (2923, 5), (4999, 50), (20_000, 52), (200_000, 52), (722, 4)]
)
def test_before_an_answer_the_first_take_their_share_and_the_others_a_part_of_theirs(rows: int, lanes: int) -> None:
    """So that work goes on in a pause, and yet lanes that turn out to be slow leave rows to the others."""
    pace, remaining = Pace(), rows
    if rows >= Pace.PILOT_FROM:
        remaining -= pace.size(remaining, load(lanes), 0.1)
    sizes: list[int] = []
    while len(sizes) < lanes and remaining > 0:
        sizes.append(pace.size(remaining, load(lanes, len(sizes), tuple((size, 0.01) for size in sizes)), 0.1))
        remaining -= sizes[-1]
    share = rows / lanes
    first, others = sizes[: Pace.FULL_FIRST], sizes[Pace.FULL_FIRST :]
    assert max(first) <= min(Pace.FIRST, max(share * 1.01 + 1, Pace.FEWEST))
    assert min(first) >= 0.99 * (1 - Pace.SPREAD) * max(first)
    if share < (1 - Pace.SPREAD) * Pace.FIRST:
        assert min(first) >= 0.9 * max(first)
    assert max(first) * math.ceil(share / max(first)) <= max(1.2 * share, Pace.FEWEST)
    assert all(size <= max(Pace.FEWEST, 1.1 * Pace.ROUND * max(first)) for size in others)


def test_a_small_load_is_not_cut_to_pieces() -> None:
    assert Pace().size(1, load(), 0.1) == Pace().size(1000, load(), 0.1) == Pace.FEWEST


def test_nobody_knows_how_many_rows_come() -> None:
    assert Pace().size(None, load(), 0.1) == Pace.FIRST
    assert learned(0.01).size(None, load(), 0.1) == pytest.approx(300, abs=1)


def test_only_a_large_load_has_a_pilot_and_only_the_first() -> None:
    pace = Pace()
    assert pace.size(Pace.PILOT_FROM - 1, load(), 0.1) > Pace.PILOT
    assert pace.size(Pace.PILOT_FROM, load(), 0.1) == Pace.PILOT
    assert pace.size(Pace.PILOT_FROM * 10, load(), 0.1) > Pace.PILOT
    assert learned(0.002).size(20_000, load(), 0.1) > Pace.PILOT


@pytest.mark.parametrize(
    ("remaining", "state"),
    [
        (20_000, load()),
        (10_000, load(sent=25, under_way=((400, 0.5),) * 25)),
        (3000, load(lanes=10, sent=9, under_way=((600, 1.0),) * 4)),
    ],
    ids=str,
)
def test_all_lanes_end_together_once_the_cost_is_known(remaining: int, state: Load) -> None:
    cost, round_trip = 0.002, 0.1
    rows = learned(cost).size(remaining, state, round_trip)
    work = remaining * cost + sum(rows * cost + round_trip - since for rows, since in state.under_way)
    together = work / state.lanes
    assert round_trip + rows * cost <= together * 1.35 + round_trip
    assert round_trip + rows * cost >= together * 0.65


def test_the_last_requests_may_be_smaller() -> None:
    first, last = load(sent=10), load(sent=WIDEST)
    assert learned(0.002).size(60, first, 0.1) == Pace.FEWEST
    assert learned(0.002).size(60, last, 0.1) == Pace.FEWEST_AT_THE_END


def test_the_size_grows_at_most_twofold_up_to_a_thousand() -> None:
    pace = Pace(first=100)
    sizes = []
    for _ in range(6):
        pace.answered(pace.rows, 0.1 + pace.rows * 0.0001, 0.1)
        sizes.append(pace.rows)
    assert sizes == [200, 400, 800, 1000, 1000, 1000]


@pytest.mark.parametrize(
    ("row_seconds", "rows"), [(0.0001, 1000), (0.003, 1000), (0.005, 600), (0.025, 120), (0.1, 100), (5.0, 100)]
)
def test_a_request_takes_a_few_seconds(row_seconds: float, rows: int) -> None:
    assert learned(row_seconds).rows == pytest.approx(rows, abs=1)


def test_the_quickest_answer_tells_the_cost_for_it_did_not_queue() -> None:
    pace = Pace()
    for seconds in (9.0, 1.1, 4.0):
        pace.answered(500, seconds, 0.1)
    assert pace.row_seconds == pytest.approx(0.002)
    assert pace.expected(100, 0.1) == pytest.approx(0.3)
    assert Pace().expected(100, 0.1) is None
    # An old answer does not count for ever: the environment may have become slower.
    for _ in range(Pace.MEMORY):
        pace.answered(500, 5.1, 0.1)
    assert pace.row_seconds == pytest.approx(0.01)


@pytest.mark.parametrize(("rows", "left"), [(500, 250), (100, 50), (1, 1), (2, 1), (1000, 250)])
def test_too_much_is_halved(rows: int, left: int) -> None:
    pace = Pace()
    pace.too_much(rows)
    assert pace.rows == left


def test_what_was_too_much_is_not_tried_again_for_long() -> None:
    pace = Pace()
    pace.too_much(120)
    sizes = []
    for _ in range(2 * Pace.MEMORY):
        pace.answered(pace.rows, 0.1 + pace.rows * 0.0001, 0.1)
        sizes.append(pace.rows)
    assert set(sizes[: Pace.MEMORY - 1]) == {60}
    assert sizes[Pace.MEMORY - 1] == 120
    assert sizes[-1] == 240


# ---------------------------------------------------------------------------------------------------- breaker


def told_of(events: str, now: float = 100.0) -> Breaker:
    """`f` a failure, `a` a quick answer, `.` a second passes, `p` a probe leaves, `-` it fails, `+` it succeeds."""
    breaker = Breaker()
    for event in events:
        match event:
            case "f":
                breaker.failed(now, now)
            case "a":
                breaker.answered(now, now)
            case "p":
                breaker.probe(now)
            case "-":
                breaker.probe_failed(now)
            case "+":
                breaker.probe_succeeded(now)
            case _:
                now += 1
    return breaker


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ("", "closed"),
        ("ffff", "closed"),
        ("fffff", "open"),
        # Within ten seconds.
        ("f.f.f.f......f", "open"),
        ("f.f.f.f.......f", "open"),
        ("f.f.f.f........f", "closed"),
        ("f.f.f.f........ffff", "open"),
        ("f...f...f...f...f...f...f", "closed"),
        # With no answer between them.
        ("ffffaffff", "closed"),
        ("affffa", "closed"),
        ("afffff", "open"),
        # A quick answer to somebody who waits without a deadline says as much as a probe's.
        ("fffff.a", "closed"),
        # Only the probe, or such an answer, closes it: time does not.
        ("fffff..........", "open"),
        ("fffff..p", "half-open"),
        ("fffff..pfffff", "half-open"),
        ("fffff..p-", "open"),
        ("fffff..p+", "closed"),
        ("fffff..p-..p+", "closed"),
        ("fffff..pa", "closed"),
        ("fffff..pa-", "closed"),
        # On trial after a probe, until somebody was answered.
        ("fffff..p+f", "open"),
        ("fffff..p+........f", "open"),
        ("fffff..p+f..p+f", "open"),
        ("fffff..p+affff", "closed"),
        ("fffff..p+afffff", "open"),
        ("fffff..a.ffff", "closed"),
    ],
)
def test_what_opens_and_closes_the_breaker(events: str, state: str) -> None:
    breaker = told_of(events)
    assert breaker.state == state
    assert breaker.lets_through is (state == "closed")


@pytest.mark.parametrize(
    ("asked_at", "now", "state"),
    [
        (109.0, 109.5, "closed"),
        (108.0, 109.0, "closed"),
        # Too slow for somebody who waits.
        (108.0, 109.5, "open"),
        # Asked before it opened.
        (99.5, 100.4, "open"),
    ],
)
def test_which_answers_prove_that_dataverse_is_back(asked_at: float, now: float, state: str) -> None:
    breaker = told_of("fffff")
    breaker.answered(now, asked_at)
    assert breaker.state == state


def test_a_slow_answer_neither_excuses_failures_nor_is_one() -> None:
    breaker = told_of("ffff")
    breaker.answered(103.0, 101.0)
    assert breaker.state == "closed"
    breaker.failed(103.0, 103.0)
    assert breaker.state == "open"


def test_a_failure_of_what_was_asked_during_the_outage_does_not_end_the_trial() -> None:
    breaker = told_of("fffff..p+")
    breaker.failed(103.0, 101.0)
    assert breaker.state == "closed"
    breaker.failed(103.0, 102.5)
    assert breaker.state == "open"


def test_probes_leave_every_two_seconds_and_the_outage_is_told_from_its_start() -> None:
    breaker = told_of("fffff")
    assert (breaker.probe_in(100.0), breaker.probe_in(101.5), breaker.probe_in(105.0)) == (2.0, 0.5, 0.0)
    breaker.probe(102.0)
    breaker.probe_failed(103.0)
    assert (breaker.probe_in(103.0), breaker.opened_at, breaker.since) == (1.0, 100.0, 103.0)
    breaker.probe(104.0)
    breaker.probe_succeeded(104.1)
    breaker.failed(105.0, 104.5)
    assert (breaker.state, breaker.opened_at, breaker.probe_in(105.0)) == ("open", 100.0, 2.0)
