"""What is remembered of a call."""

import hashlib
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class CaseLink:
    """That a case was made from a call, whether call sync saw the call or not."""

    call_id: str
    started: datetime
    """When the call started; the same whenever the same is said again."""
    case: LinkedCase
    found_by: frozenset[str] = frozenset()
    """By what a search finds the call (`SearchKey.found_by`)."""


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

    call_id: str
    record: CallRecord | None
    """None for a call that a ticket request alone told of."""
    cases: tuple[LinkedCase, ...]
    """In the order of their ids."""
    started: datetime
    found_by: frozenset[str] = frozenset()
    """By what a search finds it. Empty for a call that nobody may find by number."""


def history_of(call_id: str, record: CallRecord | None, links: Sequence[CaseLink]) -> CallHistory | None:
    """What both say of a call; None where neither says anything. What call sync may not know of a call any more, no
    case makes known either."""
    if record is None and not links:
        return None
    linked = frozenset(key for link in links for key in link.found_by)
    is_hidden = record is not None and not record.found_by
    return CallHistory(
        call_id,
        record,
        tuple(link.case for link in sorted(links, key=lambda link: str(link.case.id))),
        record.started if record is not None else min(link.started for link in links),
        frozenset() if is_hidden else linked if record is None else linked | record.found_by,
    )


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
