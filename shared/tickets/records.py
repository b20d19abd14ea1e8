"""What is remembered of ticket requests. No row holds a number, a name or an e-mail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TicketOutcome(StrEnum):
    """What became of a ticket request, or of one configuration that it called for."""

    CREATED = "created"
    """A case of its own."""
    APPENDED = "appended"
    """A note on a case that was there."""
    NO_TRIGGER = "no-trigger"
    """No trigger holds for the call."""
    NO_CASE = "no-case"
    """The configuration wants none for such a customer."""
    WAITING = "waiting"
    """It comes again by itself."""
    PARKED = "parked"
    """It will never succeed as it is: a person has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What one ticket configuration made of a call."""

    configuration: str
    outcome: TicketOutcome
    reason: str
    """A sentence for people. No personal data."""
    case_id: UUID | None = None
    link: str | None = None
    """Opens the case in Dynamics."""
    done: bool = False
    """Dataverse confirmed all of it: from then on a user's edits and deletion win (architecture, decision 2)."""
    phone_call_pending: bool = False
    """The phone call of the call was not there yet: its regarding is to be set when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRecord:
    """A ticket request as ticket creation holds it. All moments have a zone."""

    call_id: str
    """Canonical (`shared.calls.ids`)."""
    outcome: TicketOutcome
    reason: str
    """A sentence for people. No personal data."""
    first_seen: datetime
    updated: datetime
    """When this record was last changed; the sweep goes by it."""
    started: datetime | None = None
    """When the call started, where that is known."""
    attempts: int = 0
    token: str | None = None
    """Which messages of the call may go on; ticket creation's delivery alone writes it. Others keep what they read."""
    due: datetime | None = None
    """When a waiting request comes again."""
    done: bool = False
    """Nothing is left to do."""
    tickets: tuple[Ticket, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Whether a ticket waits for the phone call of its call."""
        return any(ticket.phone_call_pending for ticket in self.tickets)


@dataclass(frozen=True, slots=True)
class WaitingTickets:
    """How many requests wait, and since when the oldest does."""

    count: int
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """A message of the queue `tickets-poison`, or one that came from there."""

    digest: str
    """SHA-256 of the message, in hex."""
    code: str
    """A word for machines, such as `malformed`."""
    reason: str
    """A sentence for people. No personal data."""
    call_id: str | None = None
    """Canonical; None where the message does not tell."""
    parked_at: datetime
    """When it was parked last."""
    attempts: int = 0
    """How often it had been tried."""
    redrives: int = 0
    """How often it was sent back to the queue `tickets`."""
    redriven_at: datetime | None = None
    """Since when it is back there. None while it stands in the poison queue."""

    @property
    def is_parked(self) -> bool:
        """Whether it stands in the poison queue."""
        return self.redriven_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Whose case is the one that a customer's calls go onto, for one ticket configuration."""

    case_id: UUID
    call_id: str
    """The call whose case it is."""
    opened: datetime
    touched: datetime
    """When it was last claimed; the sweep goes by it."""
    made: bool
    """Whether the case is in Dynamics. Until then others wait for it."""
    etag: str = ""
    """Of the row that it was read from."""
