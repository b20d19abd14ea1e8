"""What a run writes, in which order, and which lists it does not believe."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from functions.user_sync.decide import (
    SILENT_FOR,
    column_writes,
    failed_state,
    finding,
    list_problem,
    next_state,
    that_can_be_given,
    updated_users,
)
from shared.health import Status
from shared.users.layout import MapState
from shared.users.matching import Assignment, DynamicsUser

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def people(text: str) -> dict[str, DynamicsUser]:
    """`ann=1 bob` are Ann, who holds the id 1, and Bob, who holds none."""
    pairs = (part.partition("=") for part in text.split())
    return {name: DynamicsUser(name, enreach_id=held) for name, _, held in pairs}


def pairs(text: str) -> dict[str, str]:
    """`1>ann` as an id and its user."""
    return dict(part.split(">") for part in text.split())


WRITES = [
    pytest.param("ann", "1>ann", "", {"ann": "1"}, id="a new id"),
    pytest.param("ann=1", "1>ann", "", {}, id="nothing to do"),
    pytest.param("ann=2", "1>ann", "", {"ann": "1"}, id="another id"),
    pytest.param("ann=2", "", "", {}, id="an id that no e-mail speaks of stays"),
    pytest.param("ann bob=1", "1>ann", "bob", {"ann": "1"}, id="an id on somebody who is not matched"),
    pytest.param("ann=1 bob=1", "1>ann", "bob", {}, id="an id on two users already"),
    pytest.param("ann=2 bob=1", "1>ann 2>bob", "ann bob", {"ann": "1", "bob": "2"}, id="two swap their ids"),
    pytest.param("ann=2 bob=3 cat=1", "1>ann 2>bob 3>cat", "ann bob cat", {"ann": "1", "bob": "2", "cat": "3"},
                 id="three in a ring"),
    pytest.param("ann bob=1 cat=2", "1>ann 2>bob", "bob cat", {"ann": "1", "bob": "2"}, id="a chain"),
]  # fmt: skip


@pytest.mark.parametrize(("held", "matched", "clear", "give"), WRITES)
def test_the_column_becomes_what_the_e_mails_say(held: str, matched: str, clear: str, give: dict[str, str]) -> None:
    writes = column_writes(people(held), pairs(matched))
    assert writes.clear == set(clear.split())
    assert writes.give == give


@pytest.mark.parametrize(("held", "matched", "clear", "give"), WRITES)
def test_an_id_is_never_on_two_users_wherever_a_run_is_cut_off(
    held: str, matched: str, clear: str, give: dict[str, str]
) -> None:
    """Any of the ids that go may be gone; once all are, any of those that come may be there."""
    users = people(held)
    writes = column_writes(users, pairs(matched))
    before = {name: user.enreach_id for name, user in users.items()}
    doubled_before = doubled(before)
    for gone in subsets(writes.clear):
        assert doubled({**before, **dict.fromkeys(gone, "")}) <= doubled_before
    cleared = {**before, **dict.fromkeys(writes.clear, "")}
    for given in subsets(writes.give):
        assert not doubled({**cleared, **{name: writes.give[name] for name in given}})


def subsets(items: "Mapping[str, str] | frozenset[str]") -> list[tuple[str, ...]]:
    return [chosen for count in range(len(items) + 1) for chosen in combinations(sorted(items), count)]


def doubled(held: Mapping[str, str]) -> set[str]:
    found = [id_ for id_ in held.values() if id_]
    return {id_ for id_ in found if found.count(id_) > 1}


@pytest.mark.parametrize(
    ("not_cleared", "given"),
    [("", {"ann": "1", "bob": "2"}), ("bob", {"bob": "2"}), ("ann", {"ann": "1"}), ("ann bob", {})],
)
def test_an_id_that_could_not_be_cleared_is_given_to_nobody(not_cleared: str, given: dict[str, str]) -> None:
    users = people("ann=2 bob=1")
    writes = column_writes(users, pairs("1>ann 2>bob"))
    assert that_can_be_given(writes, users, not_cleared.split()) == given


@pytest.mark.parametrize(
    ("before", "after", "held", "updated"),
    [
        pytest.param("1>ann", "1>ann", "ann=1", "", id="nothing"),
        pytest.param("", "1>ann", "ann=1", "ann", id="new in the map"),
        pytest.param("1>ann", "1>ann", "ann", "ann", id="new in the column"),
        pytest.param("1>ann", "1>bob", "ann=1 bob", "ann bob", id="from one to another"),
        pytest.param("1>ann", "", "ann", "ann", id="gone"),
    ],
)
def test_a_user_with_another_id_than_before_is_updated(before: str, after: str, held: str, updated: str) -> None:
    writes = column_writes(people(held), pairs(after))
    assert updated_users(pairs(before), pairs(after), writes) == set(updated.split())


@pytest.mark.parametrize(
    ("found", "last", "believed"),
    [(0, 0, False), (0, 9, False), (1, 0, True), (1, 2, False), (2, 3, True), (50, 100, False), (51, 100, True)],
)
def test_an_empty_or_halved_list_is_not_believed(found: int, last: int, believed: bool) -> None:
    problem = list_problem("Enreach", found, last)
    assert (problem is None) == believed
    if problem is not None and found:
        assert f"{found} users" in problem
        assert str(last) in problem


NOTHING = Assignment({}, {}, frozenset(), frozenset(), 0, frozenset(), frozenset())
RAN = MapState(NOW, 10, 20)


def test_the_state_tells_since_when_there_is_a_problem() -> None:
    failed = failed_state(RAN, "no answer", NOW)
    again = failed_state(failed, "still no answer", NOW + timedelta(minutes=1))
    assert (again.completed_at, again.enreach_users) == (NOW, 10), "what is known of the last complete run stays"
    assert (again.problem, again.problem_since) == ("still no answer", NOW)
    well = next_state(again, NOTHING, (11, 21), "", NOW + timedelta(minutes=2))
    assert well == MapState(NOW + timedelta(minutes=2), 11, 21)
    partly = next_state(well, replace(NOTHING, ambiguities=3), (11, 21), "2 refused", NOW + timedelta(minutes=3))
    assert (partly.ambiguous, partly.problem_since) == (3, NOW + timedelta(minutes=3))


FINDINGS = [
    pytest.param(RAN, Status.GREEN, "without a Dynamics user: 0", id="well"),
    pytest.param(
        replace(RAN, missing_in_dynamics=3), Status.GREEN, "without a Dynamics user: 3", id="missing is usual"
    ),
    pytest.param(replace(RAN, ambiguous=2), Status.AMBER, "ambiguous e-mails or ids: 2", id="ambiguous"),
    pytest.param(failed_state(RAN, "no answer", NOW), Status.AMBER, "no answer", id="a problem"),
    pytest.param(MapState(), Status.GREEN, "not run yet", id="not run yet"),
    pytest.param(replace(RAN, completed_at=NOW - SILENT_FOR * 2), Status.AMBER, "long ago", id="silent"),
]


@pytest.mark.parametrize(("state", "status", "reason"), FINDINGS)
def test_health_tells_how_the_sync_is(state: MapState, status: Status, reason: str) -> None:
    found = finding(state, NOW)
    assert found.status is status
    assert reason in found.reason
