"""What is to be done with a request."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.callback_sync.decide.requests import (
    Look,
    closed_before,
    is_worth_a_look,
    look,
    placed,
    repeats_of,
    request_of,
)
from shared.callbacks.ids import callback_phone_call_id
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.enreach.models import CallbackState
from tests.unit.functions.callback_sync.examples import ID, LIST, NOW, QUEUE, item, record, request, target

DONE = record(done=True, phone_call_id=callback_phone_call_id(ID))
WAITING = record(outcome=CallbackOutcome.WAITING)
THERE = record(outcome=CallbackOutcome.WAITING, phone_call_id=callback_phone_call_id(ID))
CLOSED = record(done=True, closed=True)


@pytest.mark.parametrize(
    ("number", "read", "shown"),
    [
        ("+358501234567", "+358501234567", "+358501234567"),
        ("358501234567", "+358501234567", "+358501234567"),
        ("050 123 4567", "+358501234567", "+358501234567"),
        ("", None, ""),
        ("anonymous", None, ""),
        ("  ", None, ""),
        ("1234", None, "1234"),
    ],
)
def test_numbers(number: str, read: str | None, shown: str) -> None:
    found = request_of(item(number=number), target(), NOW, "FI")
    assert (found.number, found.shown) == (read, shown)


@pytest.mark.parametrize(
    ("fields", "created"),
    [
        ({}, NOW - timedelta(minutes=2)),
        ({"created": None}, NOW - timedelta(minutes=2)),
        ({"created": None, "modified_at": None}, NOW),
    ],
)
def test_when_a_request_was_made(fields: dict[str, Any], created: object) -> None:
    assert request_of(item(**fields), target(), NOW, None).created == created


def test_requests_come_to_the_profile_of_their_list() -> None:
    other = target(name="other", list_id="Other")
    ids = [str(UUID(int=number)) for number in range(20, 24)]
    items = [
        item(id=ids[0]), item(id=ids[1], list_id="OTHER"), item(id=ids[2], list_id="a third"),
        item(id=ids[3], list_id=None), item(id=f"{{{ids[0].upper()}}}"),
    ]  # fmt: skip
    found = placed(items, [target(list_id=f"{{{LIST.upper()}}}"), other], NOW, None)
    assert {each.id: each.target.profile.name for each in found.values()} == {ids[0]: "sales", ids[1]: "other"}
    assert set(placed(items, [other], NOW, None)) == {ids[1], ids[3]}, "Enreach may not say of which list it is"


@pytest.mark.parametrize("first", [0, 1])
def test_of_a_request_that_came_twice_the_later_counts(first: int) -> None:
    items = [item(), item(state=CallbackState.EXPIRED, modified_at=NOW)]
    (found,) = placed([items[first], items[1 - first]], [target()], NOW, None).values()
    assert found.state is CallbackState.EXPIRED


@pytest.mark.parametrize("state", list(CallbackState))
def test_at_first_sight(state: CallbackState) -> None:
    is_over = state in {CallbackState.CLOSED_SUCCESSFULLY, CallbackState.EXPIRED}
    assert look(request(state=state), None) is (Look.CLOSED_BEFORE if is_over else Look.MAKE)


@pytest.mark.parametrize(
    ("known", "state", "what"),
    [
        pytest.param(CLOSED, CallbackState.OPEN, Look.NOTHING, id="done, and seen open once more"),
        pytest.param(CLOSED, CallbackState.CLOSED_SUCCESSFULLY, Look.NOTHING, id="our own closing"),
        pytest.param(DONE, CallbackState.OPEN, Look.NOTHING, id="its closing failed, or it stays open"),
        pytest.param(DONE, CallbackState.CLOSED_SUCCESSFULLY, Look.FOLLOW, id="somebody closed it"),
        pytest.param(DONE, CallbackState.EXPIRED, Look.FOLLOW, id="it expired there"),
        pytest.param(WAITING, CallbackState.OPEN, Look.MAKE, id="not there yet"),
        pytest.param(THERE, CallbackState.BUSY, Look.MAKE, id="there, and in no queue"),
        pytest.param(WAITING, CallbackState.CLOSED_SUCCESSFULLY, Look.CLOSED_BEFORE, id="closed while it waited"),
        pytest.param(THERE, CallbackState.CLOSED_SUCCESSFULLY, Look.FOLLOW, id="closed, and in no queue"),
    ],
)
def test_what_is_known_already(known: CallbackRecord, state: CallbackState, what: Look) -> None:
    assert look(request(state=state), known) is what


@pytest.mark.parametrize(
    ("state", "minutes_ago", "worth"),
    [
        (CallbackState.OPEN, 60, True),
        (CallbackState.CLOSED_SUCCESSFULLY, 60, False),
        (CallbackState.CLOSED_SUCCESSFULLY, 6, True),
        (CallbackState.EXPIRED, 60, False),
        (CallbackState.CLOSED_SUCCESSFULLY, None, True),
    ],
)
def test_what_an_earlier_run_handled(state: CallbackState, minutes_ago: float | None, worth: bool) -> None:
    changed = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    found = request(state=state, modified_at=changed)
    assert is_worth_a_look(found, NOW - timedelta(minutes=2)) == worth
    assert is_worth_a_look(found, None)


def test_what_is_remembered_of_one_that_was_closed_before() -> None:
    found = closed_before(request(enreach_id=f"{{{ID.upper()}}}"), NOW)
    assert (found.outcome, found.done, found.closed, found.phone_call_id) == ("closed-before", True, True, None)
    assert (found.id_in_enreach, found.queue_id, found.list_id) == (f"{{{ID.upper()}}}", QUEUE, LIST)


# -------------------------------------------------------------------------------------------------------- repeats

A, B, C = (str(UUID(int=number)) for number in (31, 32, 33))
MERGING = target(mergeRepeats=True)


def asked(callback_id: str, minutes_ago: float, **fields: Any) -> Any:
    created = NOW - timedelta(minutes=minutes_ago)
    return request(**({"id": callback_id, "created": created, "target": MERGING} | fields))


KEY_A, OTHER_KEY, NUMBER = callback_phone_call_id(A), UUID(int=99), "+358501234567"


@pytest.mark.parametrize(
    ("requests", "open_calls", "heads", "merged"),
    [
        pytest.param([asked(B, 1), asked(A, 2)], {}, [A], {B: KEY_A}, id="the earliest of a run is the head"),
        pytest.param([asked(A, 2)], {(QUEUE, NUMBER): OTHER_KEY}, [], {A: OTHER_KEY}, id="one is open"),
        pytest.param([asked(A, 2), asked(B, 1)], {(QUEUE, NUMBER): KEY_A}, [A], {B: KEY_A}, id="its own is open"),
        pytest.param([asked(A, 2)], {(UUID(int=1), NUMBER): OTHER_KEY}, [A], {}, id="open in another queue"),
        pytest.param([asked(A, 2, number=None), asked(B, 1, number=None)], {}, [A, B], {}, id="withheld"),
        pytest.param([asked(A, 2), asked(B, 1, number="+358501111111")], {}, [A, B], {}, id="two callers"),
        pytest.param([asked(A, 2, target=target()), asked(B, 1, target=target())], {(QUEUE, NUMBER): OTHER_KEY},
                     [A, B], {}, id="the switch is off"),
        pytest.param([asked(A, 2), asked(B, 1, target=target(mergeRepeats=True, queue_id=UUID(int=5)))], {},
                     [A, B], {}, id="of two queues"),
        pytest.param([asked(C, 3), asked(A, 2), asked(B, 1)], {(QUEUE, NUMBER): KEY_A}, [A],
                     {C: KEY_A, B: KEY_A}, id="an earlier one that came later"),
    ],
)  # fmt: skip
def test_which_requests_repeat_another(
    requests: list[Any], open_calls: Any, heads: list[str], merged: dict[str, UUID]
) -> None:
    found = repeats_of(requests, open_calls)
    assert sorted(each.id for each in found.heads) == heads
    assert {each.id: key for each, key in found.merged} == merged
