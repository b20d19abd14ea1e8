"""What follows from what was read back, and whom outgoing calls reached."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.callback_sync.decide.reached import reached_numbers, was_reached
from functions.callback_sync.decide.there import (
    DELETED,
    ENDED,
    NOT_QUEUED,
    NOT_READ_BACK,
    QUEUED,
    Follow,
    Said,
    There,
    Verdict,
    follow,
    said_of,
    there_of,
    verdict,
)
from shared.enreach.models import CallbackState, CallEvent, Direction, Privacy
from tests.unit.functions.callback_sync.examples import NOW

KEY = UUID(int=1)


def there(statecode: int | None = 0, *items: int) -> There:
    rows = [] if statecode is None else [{"activityid": str(KEY), "statecode": statecode}]
    return there_of(rows, [{"_objectid_value": str(KEY), "statecode": state} for state in items])


@pytest.mark.parametrize(
    ("found", "what", "was_there", "said"),
    [
        pytest.param(there(0, 0), Verdict.SAFE, False, QUEUED, id="open, in a queue"),
        pytest.param(there(0), Verdict.NOT_QUEUED, False, NOT_QUEUED, id="in no queue"),
        pytest.param(there(0, 1), Verdict.NOT_QUEUED, False, NOT_QUEUED, id="a queue item that is over"),
        pytest.param(there(1), Verdict.ENDED, False, ENDED, id="a user was quicker"),
        pytest.param(there(2, 0), Verdict.ENDED, True, ENDED, id="canceled"),
        pytest.param(there(None), Verdict.GONE, False, NOT_READ_BACK, id="written just now, and not there"),
        pytest.param(there(None, 0), Verdict.GONE, True, DELETED, id="deleted by a user"),
    ],
)
def test_how_safe_a_request_is(found: There, what: Verdict, was_there: bool, said: Said) -> None:
    assert verdict(KEY, found) is what
    assert said_of(what, was_there=was_there) == said
    assert said.done == (what is Verdict.SAFE or what is Verdict.ENDED or said is DELETED)


@pytest.mark.parametrize(
    ("state", "stays_open", "expire", "what"),
    [
        (CallbackState.CLOSED_SUCCESSFULLY, True, False, Follow.COMPLETE),
        (CallbackState.CLOSED_SUCCESSFULLY, False, True, Follow.NOTHING),
        (CallbackState.EXPIRED, True, True, Follow.CANCEL),
        (CallbackState.EXPIRED, False, True, Follow.CANCEL),
        (CallbackState.EXPIRED, True, False, Follow.NOTHING),
    ],
)
def test_what_follows_from_enreach(state: CallbackState, stays_open: bool, expire: bool, what: Follow) -> None:
    assert follow(state, stays_open=stays_open, expire=expire) is what


def event(**fields: Any) -> CallEvent:
    values: dict[str, Any] = {
        "call_id": "1", "user_id": None, "user_name": None, "caller": "", "called": "050 123 4567", "started": NOW,
        "duration_seconds": 10, "direction": Direction.OUT, "answered": True, "call_type": None, "queue_id": None,
        "queue_name": None, "privacy": Privacy.WORK, "modified_at": None, "recording_ids": (), "transcript_ids": (),
        "received": {},
    }  # fmt: skip
    return CallEvent(**(values | fields))


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"privacy": Privacy.UNDEFINED}, True),
        ({"privacy": Privacy.PRIVATE}, False),
        ({"direction": Direction.IN}, False),
        ({"answered": False}, False),
        ({"called": ""}, False),
        ({"called": "nobody"}, False),
    ],
)
def test_which_calls_reached_somebody(fields: dict[str, Any], counts: bool) -> None:
    assert reached_numbers([event(**fields)], "FI") == ({"+358501234567": NOW} if counts else {})


def test_the_last_call_counts() -> None:
    earlier = event(started=NOW - timedelta(hours=1))
    found = reached_numbers([event(), earlier], "FI")
    assert was_reached("0501234567", NOW - timedelta(minutes=1), found, "FI")
    assert not was_reached("+358501234567", NOW, found, "FI")
    assert not was_reached("+358501111111", NOW - timedelta(days=1), found, "FI")
    assert not was_reached("", NOW - timedelta(days=1), found, "FI")
