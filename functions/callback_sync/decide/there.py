"""What was read back in Dynamics, and what follows from it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from shared.callbacks.records import CallbackOutcome
from shared.dataverse.tables import ACTIVE, PHONE_CALL_OPEN, JsonRow
from shared.enreach.models import CallbackState


@dataclass(frozen=True, slots=True)
class There:
    """Phone calls as they stand, and those that are in a queue."""

    rows: Mapping[UUID, JsonRow] = field(default_factory=dict)
    queued: frozenset[UUID] = frozenset()

    def row(self, key: UUID) -> JsonRow | None:
        """The phone call; None where it is not there."""
        return self.rows.get(key)


def there_of(rows: Collection[JsonRow], items: Collection[JsonRow]) -> There:
    """Of rows of `phonecall` and of `queueitem`. Any queue counts: who moved it to another one since wants it there."""
    return There(
        {UUID(str(row["activityid"])): row for row in rows},
        frozenset(UUID(str(item["_objectid_value"])) for item in items if item["statecode"] == ACTIVE),
    )


class Verdict(Enum):
    """What the reading back of a phone call says."""

    SAFE = "safe"
    """Open, and in a queue."""
    ENDED = "ended"
    """A user completed or canceled it already."""
    NOT_QUEUED = "not queued"
    GONE = "gone"


def verdict(key: UUID, there: There) -> Verdict:
    """How safe the phone call of a request is."""
    row = there.row(key)
    if row is None:
        return Verdict.GONE
    if row["statecode"] != PHONE_CALL_OPEN:
        return Verdict.ENDED
    return Verdict.SAFE if key in there.queued else Verdict.NOT_QUEUED


@dataclass(frozen=True, slots=True)
class Said:
    """What becomes of a request, and why."""

    outcome: CallbackOutcome
    reason: str
    done: bool = False


QUEUED = Said(CallbackOutcome.QUEUED, "its phone call is open in the queue", done=True)
MERGED = Said(CallbackOutcome.MERGED, "it was noted on the open phone call of the same number", done=True)
ENDED = Said(CallbackOutcome.COMPLETED, "its phone call was completed or canceled in Dynamics", done=True)
DELETED = Said(CallbackOutcome.DELETED_BY_USER, "its phone call was deleted in Dynamics", done=True)
NOT_QUEUED = Said(CallbackOutcome.WAITING, "its phone call is there and in no queue: the queue may have been deleted")
QUEUE_GONE = Said(CallbackOutcome.WAITING, "its queue is not in Dynamics any more")
NOT_READ_BACK = Said(CallbackOutcome.WAITING, "its phone call was written and not found again")
NOT_NOTED = Said(CallbackOutcome.WAITING, "the phone call that it repeats was not there, or not open any more")


def said_of(found: Verdict, *, was_there: bool) -> Said:
    """`was_there`: the phone call was read back in an earlier run, so that one that is missing was deleted."""
    match found:
        case Verdict.SAFE:
            return QUEUED
        case Verdict.ENDED:
            return ENDED
        case Verdict.NOT_QUEUED:
            return NOT_QUEUED
        case Verdict.GONE:
            return DELETED if was_there else NOT_READ_BACK


def refused(kind: str, code: str) -> Said:
    """Dataverse does not take the phone call. It is tried again in each run."""
    return Said(CallbackOutcome.FAILED, f"Dataverse refused its phone call: {kind} {code}".strip())


class Follow(Enum):
    """What follows for a phone call from what became of its request in Enreach."""

    NOTHING = "nothing"
    COMPLETE = "complete"
    CANCEL = "cancel"


def follow(state: CallbackState, *, stays_open: bool, expire: bool) -> Follow:
    """The phone call of a request that Enreach closed. One that expired there cancels it where the profile says
    `expire`; one that somebody closed there completes it where requests stay open in Enreach until then."""
    if state is CallbackState.EXPIRED:
        return Follow.CANCEL if expire else Follow.NOTHING
    return Follow.COMPLETE if stays_open else Follow.NOTHING
