"""The rows of callback requests in the table `idempotency`.

    callback-<first hex>   <callback id>                    the record: what `CallbackRecord` says
    callbacks-open         <yyyymmddhhmmss>-<callback id>   requests that are not closed, oldest first: `Unfinished`
    callbacks-fence        fence                            the largest fence under which anybody wrote

Few partitions, so that the requests of a run fill transactions of 100 rows, and yet several are written at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from shared.callbacks.records import CallbackOutcome, CallbackRecord, Unfinished

TABLE = "idempotency"
PARTITIONS = tuple(f"callback-{digit:x}" for digit in range(16))
OPEN_PARTITION = "callbacks-open"

type Stored = str | int | bool | datetime | bytes | float
type Values = Mapping[str, Stored]


class Place(NamedTuple):
    """Where a row of the table stands."""

    partition: str
    row: str


FENCE_PLACE = Place("callbacks-fence", "fence")


def callback_place(callback_id: str) -> Place:
    """Where the record of this canonical id stands."""
    return Place(f"callback-{callback_id[0]}", callback_id)


def open_row(record: CallbackRecord) -> str:
    """The key of the row that says that this request is not closed."""
    return f"{record.created.astimezone(UTC):%Y%m%d%H%M%S}-{record.callback_id}"


def open_callback(row: str) -> str:
    """The id in such a key."""
    return row.split("-", 1)[1]


def by_partition(callback_ids: Iterable[str]) -> Mapping[str, list[str]]:
    """The rows of the records of these ids, in the order of their keys."""
    found: dict[str, list[str]] = defaultdict(list)
    for callback_id in sorted(callback_ids):
        partition, row = callback_place(callback_id)
        found[partition].append(row)
    return found


def record_values(record: CallbackRecord) -> dict[str, Stored]:
    """The row of a record. What is not there has no value."""
    optional = {
        "enreachId": record.enreach_id,
        "listId": record.list_id,
        "phoneCallId": record.phone_call_id,
        "queueId": record.queue_id,
    }
    return {
        "profile": record.profile,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "created": record.created,
        "updated": record.updated,
        "done": record.done,
        "closed": record.closed,
        **{name: str(value) for name, value in optional.items() if value is not None},
    }


def open_values(record: CallbackRecord) -> dict[str, Stored]:
    """The row that says that a request is not closed."""
    return {
        "profile": record.profile,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "done": record.done,
    }


def read_unfinished(values: Values) -> Unfinished:
    """What such a row says."""
    return Unfinished(str(values["profile"]), _outcome(values), str(values["reason"]), values["done"] is True)


def read_record(callback_id: str, values: Values) -> CallbackRecord:
    """The record in a stored row."""
    return CallbackRecord(
        callback_id=callback_id,
        enreach_id=_text(values, "enreachId"),
        profile=str(values["profile"]),
        list_id=_text(values, "listId"),
        outcome=_outcome(values),
        reason=str(values["reason"]),
        phone_call_id=_guid(values, "phoneCallId"),
        queue_id=_guid(values, "queueId"),
        created=moment(values["created"]),
        updated=moment(values["updated"]),
        done=values["done"] is True,
        closed=values["closed"] is True,
    )


def moment(value: Stored) -> datetime:
    """A stored moment."""
    if not isinstance(value, datetime):
        raise TypeError(f"a stored moment is a {type(value).__name__}")
    return value


def _outcome(values: Values) -> CallbackOutcome:
    # A row of a later version, after a return to this one: whoever reads it looks at the request again.
    text = str(values["outcome"])
    return CallbackOutcome(text) if text in CallbackOutcome else CallbackOutcome.FAILED


def _text(values: Values, name: str) -> str | None:
    value = values.get(name)
    return None if value is None else str(value)


def _guid(values: Values, name: str) -> UUID | None:
    value = values.get(name)
    return None if value is None else UUID(str(value))
