"""The calls that are synced: that each has a number and people of its own, and what the bench makes of its figures."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.calls import SHORT_CALLS, Synced, seconds_until_visible, section_of, site_of_an_early_night, straight
from benchmarks.calls_of_a_day import (
    AGENTS,
    MATCHED_OF_TEN,
    contacts,
    documents,
    enreach_users,
    events,
    least_requests,
    number_of,
    users,
)
from benchmarks.contact_centre import CUSTOMERS, caller
from functions.call_sync.decide.moments import Turn, nightly_turn
from functions.call_sync.rules import CallSync
from shared.phone_numbers import e164

NOW = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)
COUNT = 5_000
USER_EVENTS, SERVICE_CALLS = events(range(COUNT), NOW - timedelta(hours=1), timedelta(minutes=50), NOW)


def synced(calls: int, *, requests: int = 1, written: int = 0, seconds: float = 1.0) -> Synced:
    return Synced(calls, requests, written, seconds, 1.0)


def test_no_two_calls_have_the_same_number_and_a_share_of_them_a_customer_has() -> None:
    numbers = [number_of(call) for call in range(COUNT)]
    assert len(set(numbers)) == COUNT
    assert all(e164(number, None) == number for number in numbers)
    customers = {caller(customer) for customer in range(CUSTOMERS)}
    assert sum(number in customers for number in numbers) == COUNT * MATCHED_OF_TEN // 10


def test_with_fewer_customers_the_share_stays() -> None:
    few = {caller(customer) for customer in range(1_000)}
    assert sum(number_of(call, 1_000) in few for call in range(COUNT)) == COUNT * MATCHED_OF_TEN // 10


def test_every_customer_is_planted_once() -> None:
    rows = [row for some in contacts(7_000) for row in some]
    assert len({row["contactid"] for row in rows}) == 7_000


def test_agents_are_the_same_people_in_both_systems() -> None:
    assert [user["internalemailaddress"] for user in users()] == [user["UserName"] for user in enreach_users()]
    assert len({user["WorkNumber"] for user in enreach_users()}) == AGENTS


def test_every_call_is_told_of_and_none_goes_on() -> None:
    told = {event["CallId"] for event in (*USER_EVENTS, *SERVICE_CALLS)}
    assert len(told) == COUNT
    assert {call_id[0] for call_id in told} == set("0123456789abcdef")
    for event in USER_EVENTS:
        ended = datetime.fromisoformat(event["TimeStamp"]) + timedelta(seconds=event["Duration"])
        assert ended < NOW - timedelta(minutes=2)
    assert all(NOW - datetime.fromisoformat(event["ModifiedAt"]) > timedelta(seconds=59) for event in USER_EVENTS)


def test_every_kind_of_call_is_among_them() -> None:
    kinds = {(event["CallTypeString"], event["Direction"], event["EndResult"]) for event in USER_EVENTS}
    assert kinds == {
        ("DirectCall", 0, 0), ("DirectCall", 0, 1), ("DirectCall", 1, 0), ("DirectCall", 1, 1), ("ServiceCall", 0, 0),
    }  # fmt: skip
    assert {call["Result"] for call in SERVICE_CALLS} == {"Answered", "Unanswered"}


def test_the_site_has_all_switches_on() -> None:
    rules = CallSync.model_validate_json(documents()["call-sync.json"])
    assert rules.process_direct_calls
    assert rules.process_direct_calls_unanswered
    assert rules.process_service_calls
    assert rules.process_service_calls_unanswered
    assert rules.enable_audit
    assert rules.default_crm_assignee in {user["Id"] for user in enreach_users()}


@pytest.mark.parametrize(("calls", "least"), [(1, 3), (500, 3), (501, 4), (5_000, 12), (10_000, 22)])
def test_the_least_possible_is_the_writes_and_two_questions(calls: int, least: int) -> None:
    assert least_requests(calls) == least


@pytest.mark.parametrize("time", ["00:00:01", "09:30:00", "21:59:59", "22:00:06", "23:59:59"])
def test_the_nightly_pass_can_be_measured_at_any_hour(time: str) -> None:
    now = datetime.fromisoformat(f"2027-03-22T{time}Z")
    assert nightly_turn(now, site_of_an_early_night(now), None) is not Turn.WAIT


def test_what_was_not_run_is_said_to_be_extrapolated() -> None:
    assert straight((0, 10.0), (100, 20.0), 1_000) == 110.0
    nights = (synced(0, seconds=10.0), synced(SHORT_CALLS, seconds=60.0))
    section = section_of([synced(1), synced(5_000, requests=30)], synced(0), nights)
    night = section.metrics[-1]
    assert "extrapolated" in night.metric
    assert night.ours == pytest.approx(10 + 48 * 50, rel=1e-3)
    assert section.tables[1].rows[-1][-1] == "extrapolated"


def test_one_row_that_the_nightly_pass_writes_is_one_too_many() -> None:
    def is_met(written: int) -> bool:
        nights = (synced(0), synced(SHORT_CALLS, written=written, seconds=2.0))
        section = section_of([synced(1), synced(5_000, requests=60)], synced(0), nights)
        return section.metrics[3].met

    assert is_met(0)
    assert not is_met(1)


def test_the_demand_is_about_five_thousand_calls() -> None:
    nights = (synced(0), synced(SHORT_CALLS, seconds=2.0))
    section = section_of([synced(1), synced(5_000, requests=61), synced(10_000)], synced(0), nights)
    assert (section.metrics[0].metric, section.metrics[0].met) == ("requests for 5,000 new calls", False)


@pytest.mark.parametrize(
    ("seconds", "longest"),
    [
        pytest.param(5.0, 95.0, id="the timer's minute, the 30 s behind the clock, and the run"),
        pytest.param(59.0, 149.0, id="a run that is done as the next is due"),
        pytest.param(61.0, 211.0, id="each second tick finds a run at work"),
    ],
)
def test_calls_are_visible_when_the_run_that_took_them_is_done(seconds: float, longest: float) -> None:
    news = [synced(1, seconds=seconds), synced(1_000, seconds=seconds)]
    waits = seconds_until_visible(news, 100, minutes=10)
    assert len(waits) == 1_000
    assert max(waits) == pytest.approx(longest, abs=1)
    assert min(waits) >= 30 + seconds


def test_a_run_of_more_calls_than_were_measured_takes_as_much_longer() -> None:
    news = [synced(1, seconds=1.0), synced(11, seconds=2.0)]
    assert max(seconds_until_visible(news, 101, minutes=1)) > max(seconds_until_visible(news, 11, minutes=1)) + 4
