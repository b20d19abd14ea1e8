"""Ticket records for tests, each of a call of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.tickets.ids import case_id
from shared.tickets.records import Slot, Ticket, TicketOutcome, TicketRecord

START = datetime(2027, 3, 22, 9, 30, 5, tzinfo=UTC)
_NAMESPACE = UUID(int=8)


def call_id(number: int) -> str:
    return str(uuid5(_NAMESPACE, f"call {number}"))


def a_ticket(number: int = 0, **changes: Any) -> Ticket:
    """A case that was opened for the call."""
    ticket = Ticket(
        configuration="Missed call",
        outcome=TicketOutcome.CREATED,
        reason="A case was opened.",
        case_id=case_id(call_id(number), "Missed call"),
        link="https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=incident",
        done=True,
    )
    return replace(ticket, **changes)


def a_record(number: int = 0, *, days: float = 0, **changes: Any) -> TicketRecord:
    """A request whose case is there."""
    updated = START + timedelta(days=days)
    record = TicketRecord(
        call_id=call_id(number),
        outcome=TicketOutcome.CREATED,
        reason="A case was opened.",
        first_seen=START,
        updated=updated,
        started=START - timedelta(minutes=3),
        done=True,
        tickets=(a_ticket(number),),
    )
    return replace(record, **changes)


def a_waiting_record(number: int = 0, *, minutes: float = 0, **changes: Any) -> TicketRecord:
    """A request that comes again."""
    seen = START + timedelta(minutes=minutes)
    record = TicketRecord(
        call_id=call_id(number),
        outcome=TicketOutcome.WAITING,
        reason="Dynamics did not answer.",
        first_seen=seen,
        updated=seen,
        attempts=1,
        token="t1",
        due=seen + timedelta(seconds=30),
    )
    return replace(record, **changes)


def a_slot(number: int = 0, *, days: float = 0, **changes: Any) -> Slot:
    """A slot whose case is not there yet."""
    slot = Slot(
        case_id=case_id(call_id(number), "Missed call"),
        call_id=call_id(number),
        opened=START,
        touched=START + timedelta(days=days),
        made=False,
    )
    return replace(slot, **changes)
