"""What is remembered of a callback request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class CallbackOutcome(StrEnum):
    """What became of a callback request."""

    QUEUED = "queued"
    """An open phone call of ours stands in the queue."""
    MERGED = "merged"
    """A repeat: noted on the phone call that was open for the same number."""
    CLOSED_BEFORE = "closed-before"
    """It was closed or expired in Enreach when it was first seen: nothing was made of it."""
    DELETED_BY_USER = "deleted-by-user"
    EXPIRED = "expired"
    """Nobody called back in time: the phone call was canceled."""
    REACHED = "reached"
    """Somebody reached the caller: the phone call was completed."""
    COMPLETED = "completed"
    """A user completed or canceled the phone call, or somebody closed the request in Enreach."""
    WAITING = "waiting"
    """It will be in its queue when what is missing is there."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRecord:
    """A callback request as callback sync holds it. All moments have a zone. No number, name or note."""

    callback_id: str
    """Canonical (`shared.callbacks.ids`)."""
    enreach_id: str | None = None
    """The id as Enreach spells it, where that is another spelling: by it the request is closed."""
    profile: str
    list_id: str | None = None
    outcome: CallbackOutcome
    reason: str
    """A sentence for people. No personal data."""
    phone_call_id: UUID | None = None
    """The phone call in Dynamics, where there is one: its own, or the one that it was merged into."""
    queue_id: UUID | None = None
    created: datetime
    """When the request was made in Enreach, else when it was first seen."""
    updated: datetime
    """When this record was last changed; the sweep goes by it."""
    done: bool = False
    """Its phone call or note, and the queue item, were read back: from then on a user's edits and deletion win
    (architecture, decision 2)."""
    closed: bool = False
    """Nothing is left to do: the request is closed in Enreach, or gone there. Until then it is unfinished."""

    @property
    def id_in_enreach(self) -> str:
        """The id to name the request by towards Enreach."""
        return self.callback_id if self.enreach_id is None else self.enreach_id


@dataclass(frozen=True, slots=True)
class Unfinished:
    """As much of the record of an unfinished request as tells what it waits for."""

    profile: str
    outcome: CallbackOutcome
    reason: str
    done: bool
