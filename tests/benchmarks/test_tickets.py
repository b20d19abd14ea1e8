"""The ticket requests that are worked off: whose they are, what the app is told of them, and what the bench makes of
its figures."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks.tickets import Made, most_requests, rows_of, section_of
from benchmarks.tickets_of_a_day import (
    ADDED,
    CALLS_A_CUSTOMER,
    PLAIN,
    call_id,
    documents,
    is_unknown,
    messages,
    phone_calls,
    queue_id,
    queues,
)
from functions.ticket_creation.decide.conditions import configurations_of
from functions.ticket_creation.decide.sources import facts_of
from functions.ticket_creation.rules import DOCUMENT, TicketTriggers
from shared.calls.ids import phone_call_id
from shared.phone_numbers import e164
from shared.ticket_request import read_message

NOW = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)
COUNT = 1_000


def made(tickets: int, *, requests: int = 1, rows: int = 0, what: str = "") -> Made:
    return Made(what, tickets, requests, rows, 1.0, 1.0)


def test_no_two_requests_are_of_the_same_call_or_number() -> None:
    read = [read_message(message) for message in messages(range(COUNT), PLAIN, NOW)]
    assert len({request.call_id for request in read}) == len({request.caller_number for request in read}) == COUNT
    assert all(e164(request.caller_number or "", None) == request.caller_number for request in read)


def test_the_same_requests_are_the_same_messages() -> None:
    assert messages(range(COUNT), PLAIN, NOW) == messages(range(COUNT), PLAIN, NOW)


def test_further_calls_of_a_number_follow_each_other() -> None:
    read = [read_message(each) for each in messages(range(COUNT), ADDED, NOW, calls_a_customer=CALLS_A_CUSTOMER)]
    numbers = [request.caller_number for request in read]
    assert set(Counter(numbers).values()) == {CALLS_A_CUSTOMER}
    assert numbers[0] == numbers[1] != numbers[2]


def test_phone_calls_are_those_of_the_requests() -> None:
    assert [row["activityid"] for row in phone_calls(range(3))] == [
        str(phone_call_id(call_id(each))) for each in range(3)
    ]


@pytest.mark.parametrize("name", [PLAIN, ADDED])
def test_every_request_makes_a_ticket_in_a_queue_that_is_there(name: str) -> None:
    document = TicketTriggers.model_validate_json(documents()[DOCUMENT])
    assert document.configurations[name].queue == queue_id(name)
    assert {queue_id(each) for each in (PLAIN, ADDED)} == {queue["queueid"] for queue in queues()}
    for message in messages(range(20), name, NOW):
        facts = facts_of(read_message(message), document.sources, caller_match=None, open_hours=frozenset())
        assert [configuration for _, configuration in configurations_of(document, facts)] == [name]


def test_what_each_configuration_is_there_for() -> None:
    configurations = TicketTriggers.model_validate_json(documents()[DOCUMENT]).configurations
    assert [configurations[name].attach.policy for name in (PLAIN, ADDED)] == ["alwaysNew", "newestOpenCase"]
    assert configurations[PLAIN].notify_agent
    assert {each.unknown_caller for each in configurations.values()} == {"createContact"}


def test_six_of_ten_callers_are_known() -> None:
    assert Counter(map(is_unknown, range(COUNT))) == {False: 600, True: 400}
    assert json.loads(documents()["customer-matching.json"]) == {"defaultRegion": "FI"}


@pytest.mark.parametrize(
    ("requests", "calls_a_customer", "notified", "rows"),
    [
        (range(10), 1, False, 10 + 10 + 4 + 10),  # cases, queue items, contacts, phone calls
        (range(10), 1, True, 10 + 10 + 4 + 10 + 10),
        (range(20), 2, False, 10 + 10 + 4 + 20 + 10),  # and notes
        (range(10, 12), 2, False, 1 + 1 + 0 + 2 + 1),
        (range(0), 1, True, 0),
    ],
)
def test_rows_are_those_of_cases_and_notes(requests: range, calls_a_customer: int, notified: bool, rows: int) -> None:
    assert rows_of(requests, calls_a_customer, notified=notified) == rows


@pytest.mark.parametrize(("tickets", "most"), [(0, 20), (1_000, 60), (10_000, 420)])
def test_requests_may_grow_by_thousands_only(tickets: int, most: float) -> None:
    assert most_requests(tickets) == most


def test_every_demand_is_a_metric() -> None:
    news = [made(1, requests=20, what="new"), made(10_000, requests=421, what="new")]
    section = section_of(news, made(10_000, rows=1, what="again"), made(10_000, requests=420, what="2 of each"))
    assert [(metric.metric, metric.met) for metric in section.metrics] == [
        ("requests to Dynamics for 1 ticket requests: new", True),
        ("requests to Dynamics for 10,000 ticket requests: new", False),
        ("requests to Dynamics for 10,000 ticket requests: 2 of each", True),
        ("writes for 10,000 messages that come again, plus 1", False),
    ]
    assert [row[1] for row in section.tables[0].rows] == ["new", "new", "2 of each", "again"]
