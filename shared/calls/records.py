"""What is remembered of a call."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Outcome(StrEnum):
    """What became of a call."""

    LOGGED = "logged"
    """A phone call of ours was written."""
    ADOPTED = "adopted"
    """A phone call that the agent's own client had made was completed."""
    MERGED = "merged"
    """Ours and one of the agent's client, which came later, became one."""
    SKIPPED_PRIVATE = "skipped-private"
    NEVER_LOG = "never-log"
    TOO_SHORT = "too-short"
    SWITCHED_OFF = "switched-off"
    NO_MATCH = "no-match"
    SEVERAL_MATCHES = "several-matches"
    WAITING = "waiting"
    """It will be written when what is missing is there; `CallLedger.waiting` lists these."""
    DELETED_BY_USER = "deleted-by-user"
    REMOVED_PRIVATE = "removed-private"
    """It was written, and turned private later."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """A case that was made from a call; `link` opens it in Dynamics."""

    id: UUID
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A call as call sync holds it. All moments have a zone. Its cases have rows of their own, which others write."""

    call_id: str
    """Canonical (`shared.calls.ids`)."""
    outcome: Outcome
    reason: str
    """A sentence for people. No personal data."""
    started: datetime
    first_seen: datetime
    updated: datetime
    """When this record was last changed; the sweep goes by it."""
    phone_call_id: UUID | None = None
    """The phone call in Dynamics, where there is one: ours, or the adopted one."""
    done: bool = False
    """Dataverse confirmed a complete write: from then on a user's edits and deletion win (architecture, decision 2)."""
    ticket_offered: datetime | None = None
    """When the call was offered to the ticket triggers."""
    legs: bytes = b""
    """What both feeds said of the call, in the writer's own form. Empty for a call of which nothing may be kept."""
    written: bytes = b""
    """What was last written to the phone call, in the writer's own form: what differs today was changed by a user."""
    found_by: frozenset[str] = frozenset()
    """By what a search finds it (`SearchKey.found_by`). Empty for a call that nobody may find by number."""


@dataclass(frozen=True, slots=True)
class CallHistory:
    """All that is known of a call."""

    record: CallRecord
    cases: tuple[LinkedCase, ...] = ()
    """In the order of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """As much of a record as tells whether anything about its call is new. Moments are in UTC, `started` in seconds."""

    call_id: str
    outcome: Outcome
    done: bool
    ticket_offered: bool
    started: datetime
    updated: datetime
    legs_digest: str
    """`digest_of(legs)`."""
    found_by: frozenset[str]


def digest_of(legs: bytes) -> str:
    """Tells two forms of `legs` apart: 128 bits of their SHA-256, in hex."""
    return hashlib.sha256(legs).hexdigest()[:32]
