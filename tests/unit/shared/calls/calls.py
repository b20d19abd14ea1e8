"""Calls for tests, each with an id, a number and an agent of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.calls.ids import phone_call_id
from shared.calls.records import CallRecord, Outcome
from shared.calls.search_keys import SearchKey

START = datetime(2027, 3, 22, 9, 30, 5, tzinfo=UTC)
KEY = SearchKey("0123456789abcdef0123456789abcdef")
NUMBER = "+358504545641"
AGENT = "Asa.Lindqvist@nordic-care.example"
_NAMESPACE = UUID(int=7)


def call_id(number: int) -> str:
    return str(uuid5(_NAMESPACE, str(number)))


def a_call(number: int = 0, *, minutes: float = 0, **changes: Any) -> CallRecord:
    started = START + timedelta(minutes=minutes)
    record = CallRecord(
        call_id=call_id(number),
        outcome=Outcome.LOGGED,
        reason="A phone call was written.",
        started=started,
        first_seen=started + timedelta(seconds=40),
        updated=started + timedelta(seconds=90),
        phone_call_id=phone_call_id(call_id(number)),
        done=True,
        ticket_offered=started + timedelta(seconds=41),
        legs=b'[{"user":"%d","from":"ringing","to":"answered"}]' % number * 8,
        written=b'{"subject":"%d"}' % number,
        found_by=KEY.found_by([NUMBER], [AGENT]),
    )
    return replace(record, **changes)
