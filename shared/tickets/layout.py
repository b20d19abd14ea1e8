"""The rows of tickets in the table `idempotency`.

    ticket-<first hex>        <call id>      the record: what `TicketRecord` says
    tickets-waiting           <call id>      requests that come again: since when, and when
    tickets-pending           <call id>      requests with a ticket that waits for its phone call
    tickets-day-<yyyymmdd>    <call id>      requests whose record was last changed that day (UTC), for the sweep
    tickets-parked            <SHA-256>      messages of the poison queue: what `ParkedMessage` says
    ticket-slot-<first hex>   <key>          slots: what `Slot` says

Few partitions, so that the requests of a group fill transactions of 100 rows.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from shared.tickets.records import ParkedMessage, Slot, Ticket, TicketOutcome, TicketRecord

TABLE = "idempotency"
WAITING_PARTITION = "tickets-waiting"
PENDING_PARTITION = "tickets-pending"
PARKED_PARTITION = "tickets-parked"
SLOT_PARTITIONS = tuple(f"ticket-slot-{digit:x}" for digit in range(16))

type Stored = str | int | bool | datetime | bytes | float
type Values = Mapping[str, Stored]
type Rows = Mapping[str, Mapping[str, Values]]
"""Values by partition and row."""


class Place(NamedTuple):
    """Where a row of the table stands."""

    partition: str
    row: str


def ticket_place(call_id: str) -> Place:
    """Where the record of this canonical call id stands."""
    return Place(f"ticket-{call_id[0]}", call_id)


def slot_place(key: str) -> Place:
    """Where the slot of this key (64 hex digits) stands."""
    return Place(f"ticket-slot-{key[0]}", key)


def day_partition(moment: datetime) -> str:
    """The partition of records that were last changed on the UTC day of this moment."""
    return f"tickets-day-{moment.astimezone(UTC):%Y%m%d}"


def days_until(before: datetime, days: int) -> list[str]:
    """The partitions of the day of this moment and of as many days before it."""
    return [day_partition(before - timedelta(days=back)) for back in range(days + 1)]


def index_places(record: TicketRecord) -> set[Place]:
    """The rows by which a record is found."""
    places = {Place(day_partition(record.updated), record.call_id)}
    if record.outcome is TicketOutcome.WAITING:
        places.add(Place(WAITING_PARTITION, record.call_id))
    if record.is_pending:
        places.add(Place(PENDING_PARTITION, record.call_id))
    return places


@dataclass(frozen=True, slots=True)
class RowsToWrite:
    """What a write does, by partition, in this order."""

    removed: Mapping[str, Collection[str]]
    index: Rows
    records: Rows


def rows_to_write(records: Iterable[TicketRecord], before: Mapping[str, TicketRecord]) -> RowsToWrite:
    """The rows of these records; what those before had and these have not is removed."""
    wanted, gone = set[Place](), set[Place]()
    index: list[tuple[Place, Values]] = []
    rows: list[tuple[Place, Values]] = []
    for record in records:
        places = index_places(record)
        wanted |= places
        index += [(place, _index_values(place.partition, record)) for place in places]
        rows.append((ticket_place(record.call_id), record_values(record)))
        if (old := before.get(record.call_id)) is not None:
            gone |= index_places(old)
    return RowsToWrite(by_partition(gone - wanted), _grouped(index), _grouped(rows))


def by_partition(places: Iterable[Place]) -> Mapping[str, Collection[str]]:
    """The rows of each partition, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for partition, row in sorted(places):
        found[partition].append(row)
    return found


def _grouped(rows: Iterable[tuple[Place, Values]]) -> Rows:
    grouped: dict[str, dict[str, Values]] = defaultdict(dict)
    for place, values in rows:
        grouped[place.partition][place.row] = values
    return grouped


# ------------------------------------------------------------------------------------------------ what


def record_values(record: TicketRecord) -> dict[str, Stored]:
    """The row of a record. What is not there has no value."""
    return {
        "outcome": record.outcome.value,
        "reason": record.reason,
        "firstSeen": record.first_seen,
        "updated": record.updated,
        "attempts": record.attempts,
        "done": record.done,
        **_given(started=record.started, token=record.token, due=record.due),
        **({"tickets": json.dumps([*map(_ticket_values, record.tickets)]).encode()} if record.tickets else {}),
    }


def read_record(call_id: str, values: Values) -> TicketRecord:
    """The record in a stored row."""
    tickets, token = values.get("tickets", b"[]"), values.get("token")
    if not isinstance(tickets, bytes):
        raise TypeError(f"stored tickets are a {type(tickets).__name__}")
    return TicketRecord(
        call_id=call_id,
        outcome=_outcome(values["outcome"]),
        reason=str(values["reason"]),
        first_seen=_moment(values["firstSeen"]),
        updated=_moment(values["updated"]),
        started=_moment_or_none(values, "started"),
        attempts=int(str(values["attempts"])),
        token=None if token is None else str(token),
        due=_moment_or_none(values, "due"),
        done=values["done"] is True,
        tickets=tuple(map(_read_ticket, json.loads(tickets))),
    )


def _ticket_values(ticket: Ticket) -> dict[str, object]:
    return {
        "configuration": ticket.configuration,
        "outcome": ticket.outcome.value,
        "reason": ticket.reason,
        "caseId": None if ticket.case_id is None else str(ticket.case_id),
        "link": ticket.link,
        "done": ticket.done,
        "phoneCallPending": ticket.phone_call_pending,
    }


def _read_ticket(values: Mapping[str, Any]) -> Ticket:
    return Ticket(
        configuration=values["configuration"],
        outcome=_outcome(values["outcome"]),
        reason=values["reason"],
        case_id=None if values["caseId"] is None else UUID(values["caseId"]),
        link=values["link"],
        done=values["done"] is True,
        phone_call_pending=values["phoneCallPending"] is True,
    )


def _index_values(partition: str, record: TicketRecord) -> dict[str, Stored]:
    """A day's row tells which of the others there are: who sweeps does not read the record."""
    if partition == WAITING_PARTITION:
        return {"firstSeen": record.first_seen, **_given(due=record.due)}
    if partition == PENDING_PARTITION:
        return {}
    return {"waiting": record.outcome is TicketOutcome.WAITING, "pending": record.is_pending}


def read_waiting(values: Values) -> tuple[datetime, datetime | None]:
    """Since when a request waits, and when it comes again."""
    return _moment(values["firstSeen"]), _moment_or_none(values, "due")


def places_of_day(partition: str, call_id: str, values: Values) -> list[Place]:
    """Where the rows of a record stand that a day's row tells of: the record's own first, the day's own last."""
    return [
        ticket_place(call_id),
        *([Place(WAITING_PARTITION, call_id)] if values["waiting"] is True else []),
        *([Place(PENDING_PARTITION, call_id)] if values["pending"] is True else []),
        Place(partition, call_id),
    ]


def parked_values(parked: ParkedMessage) -> dict[str, Stored]:
    """The row of a parked message."""
    return {
        "code": parked.code,
        "reason": parked.reason,
        "parkedAt": parked.parked_at,
        "attempts": parked.attempts,
        "redrives": parked.redrives,
        **_given(callId=parked.call_id, redrivenAt=parked.redriven_at),
    }


def read_parked(digest: str, values: Values) -> ParkedMessage:
    """The parked message in a stored row."""
    call_id = values.get("callId")
    return ParkedMessage(
        digest=digest,
        code=str(values["code"]),
        reason=str(values["reason"]),
        call_id=None if call_id is None else str(call_id),
        parked_at=_moment(values["parkedAt"]),
        attempts=int(str(values["attempts"])),
        redrives=int(str(values["redrives"])),
        redriven_at=_moment_or_none(values, "redrivenAt"),
    )


def slot_values(slot: Slot) -> dict[str, Stored]:
    """The row of a slot."""
    return {
        "caseId": str(slot.case_id),
        "callId": slot.call_id,
        "opened": slot.opened,
        "touched": slot.touched,
        "made": slot.made,
    }


def read_slot(values: Values, etag: str) -> Slot:
    """The slot in a stored row."""
    return Slot(
        case_id=UUID(str(values["caseId"])),
        call_id=str(values["callId"]),
        opened=_moment(values["opened"]),
        touched=_moment(values["touched"]),
        made=values["made"] is True,
        etag=etag,
    )


def _given(**values: Stored | None) -> dict[str, Stored]:
    return {name: value for name, value in values.items() if value is not None}


def _outcome(value: object) -> TicketOutcome:
    # A row of a later version, after a return to this one: whoever reads it looks at the call again.
    return TicketOutcome(value) if isinstance(value, str) and value in TicketOutcome else TicketOutcome.WAITING


def _moment(value: Stored) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"a stored moment is a {type(value).__name__}")
    return value


def _moment_or_none(values: Values, name: str) -> datetime | None:
    value = values.get(name)
    return None if value is None else _moment(value)
