"""Callback requests for tests, each with an id of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.callbacks.ids import callback_phone_call_id
from shared.callbacks.records import CallbackOutcome, CallbackRecord

START = datetime(2027, 3, 22, 9, 30, 5, tzinfo=UTC)
QUEUE = UUID("0f3c7a54-2a53-4d0e-9a73-5d2c1b7e9a01")
_NAMESPACE = UUID(int=7)


def callback_id(number: int) -> str:
    return str(uuid5(_NAMESPACE, f"callback {number}"))


def a_callback(number: int = 0, *, minutes: float = 0, **changes: Any) -> CallbackRecord:
    """A request whose phone call stands in its queue, and which is not closed."""
    created = START + timedelta(minutes=minutes)
    record = CallbackRecord(
        callback_id=callback_id(number),
        profile="Sales",
        list_id="7a1f2c3d-0000-4000-8000-000000000001",
        outcome=CallbackOutcome.QUEUED,
        reason="A phone call was queued.",
        phone_call_id=callback_phone_call_id(callback_id(number)),
        queue_id=QUEUE,
        created=created,
        updated=created + timedelta(seconds=90),
        done=True,
    )
    return replace(record, **changes)


def a_closed_callback(number: int = 0, **changes: Any) -> CallbackRecord:
    return a_callback(number, closed=True, **changes)
