"""The contact centre that is routed for: that its customers can be told apart, and what the bench says of its calls."""

from collections import Counter
from datetime import UTC, datetime

from benchmarks.contact_centre import (
    AGENTS,
    SPELLINGS,
    caller,
    expected,
    number_of,
    on_shift,
    owner,
    rows,
    stored,
)
from benchmarks.routing_questions import batch_of
from benchmarks.smart_routing import Answer, Load
from shared.phone_numbers import e164

CUSTOMERS = 2_000
NOW = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)


def test_every_stored_number_is_its_customers_own() -> None:
    assert len({caller(customer) for customer in range(CUSTOMERS)}) == CUSTOMERS
    assert [stored(customer) for customer in range(CUSTOMERS) if e164(stored(customer), "FI") != caller(customer)] == []


def test_the_formats_are_mixed() -> None:
    assert len(set(SPELLINGS)) >= 15
    assert max(Counter(SPELLINGS).values()) <= 2


def test_a_share_of_the_callers_is_routed_to_an_agent_and_the_others_are_not() -> None:
    targets = [expected(customer) for customer in range(CUSTOMERS)]
    assert 0.3 < sum(target is not None for target in targets) / CUSTOMERS < 0.45
    assert {target for target in targets if target} == {number_of(agent) for agent in range(AGENTS) if on_shift(agent)}


def test_rows_name_each_other() -> None:
    planted = dict(rows(NOW, CUSTOMERS))
    assert len(planted["contacts"]) == CUSTOMERS
    assert len(planted["incidents"]) == sum(owner(customer) is not None for customer in range(CUSTOMERS))
    users = {row["systemuserid"] for row in planted["systemusers"]}
    assert {row["UserId@odata.bind"][len("/systemusers(") : -1] for row in planted["bookableresources"]} == users


def test_the_bare_round_trip_asks_what_a_call_asks() -> None:
    body, answers = batch_of(7)
    assert body.count(b"GET /api/data/v9.2/") == answers == 8


def test_a_load_counts_what_is_not_right_and_what_was_not_asked_for() -> None:
    answers = [Answer(0, 0.0, 90.0, 200, True), Answer(1, 0.1, 95.0, 204, True), Answer(2, 0.2, 80.0, 500, False)]
    assert Load(tuple(answers), 3, 0.01, 1.0).wrong == 1
    assert Load(tuple(answers), 3, 0.01, 1.0).cached == 0
    assert Load(tuple(answers * 2), 3, 0.01, 1.0).cached == 0.5
