"""The rows of calls in the table `idempotency`.

    call-<first hex>                    <call id>                       the record: what `CallRecord` says
                                        <call id>-case-<case id>        a case that was made from it: `CaseLink`
    calls-started-<yyyymmdd>-<0 to 3>   <hhmmss>-<call id>              a glance at the record, in the order of time
                                        <hhmmss>-<call id>-case-<id>    that there is such a case, for the sweep
    calls-of-number-<yyyymm>-<hex>      <hmac>-<countdown>-<call id>    who searches by number; no values
    calls-of-agent-<yyyymm>-<hex>       <hmac>-<countdown>-<call id>    who searches by agent; no values
    calls-waiting                       <yyyymmddhhmmss>-<call id>      calls that wait; no values

Few partitions of each sort, so that the calls of a minute fill transactions of 100 rows, and yet several are written
at once. The countdown falls with time: the newest call of a number stands first. Table Storage has no order but that of
the keys, and a filter by several keys reads the whole partition ("Table design patterns", Microsoft Learn): hence the
rows in the order of time, which give a thousand calls a request where points would give one.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from shared.calls.records import CallRecord, CaseLink, Glance, LinkedCase, Outcome, digest_of
from shared.calls.search_keys import AGENT, NUMBER

TABLE = "idempotency"
WAITING_PARTITION = "calls-waiting"
GLANCE_SHARDS = 4

type Stored = str | int | bool | datetime | bytes | float
type Values = Mapping[str, Stored]

_KINDS = {NUMBER: "number", AGENT: "agent"}
_LATEST_STAMP = 99999999999999
_PACKED = "Deflated"
"""What the name of a compressed value ends with."""
_DEFLATED_FROM = 200
"""Bytes below which compressing saves next to nothing."""
_CASE = "-case-"
_TEN_MINUTES = timedelta(minutes=10)


class Place(NamedTuple):
    """Where a row of the table stands."""

    partition: str
    row: str


# ------------------------------------------------------------------------------------------------ where


def call_place(call_id: str) -> Place:
    """Where the record of this canonical id stands."""
    return Place(f"call-{call_id[0]}", call_id)


def glance_place(call_id: str, started: datetime) -> Place:
    """Where the glance at a call stands."""
    moment = started.astimezone(UTC)
    return Place(f"calls-started-{moment:%Y%m%d}-{int(call_id[0], 16) % GLANCE_SHARDS}", f"{moment:%H%M%S}-{call_id}")


def case_place(call_id: str, case_id: UUID) -> Place:
    """Where it stands that a case was made from this call."""
    return Place(call_place(call_id).partition, f"{call_id}{_CASE}{case_id}")


def case_glance_place(call_id: str, started: datetime, case_id: UUID) -> Place:
    """Where the sweep finds that there is a row of this case."""
    partition, row = glance_place(call_id, started)
    return Place(partition, f"{row}{_CASE}{case_id}")


def search_places(call: CallRecord | Glance | CaseLink) -> set[Place]:
    """Where the rows stand by which a search finds a call."""
    return {_search_place(key, call.started, call.call_id) for key in call.found_by}


def index_places(call: CallRecord | Glance) -> set[Place]:
    """Where the rows stand by which a call is found."""
    places = search_places(call)
    if call.outcome is Outcome.WAITING:
        places.add(Place(WAITING_PARTITION, f"{_stamp(call.started)}-{call.call_id}"))
    return places


def case_of(row: str) -> UUID | None:
    """The case that a row is about; None for a record or a glance."""
    _, sign, case_id = row.partition(_CASE)
    return UUID(case_id) if sign else None


def started_of(place: Place) -> datetime:
    """When the call of a glance or of its case started, in whole seconds, by where that stands."""
    day, time = place.partition.split("-")[2], place.row
    return datetime(
        int(day[:4]), int(day[4:6]), int(day[6:]), int(time[:2]), int(time[2:4]), int(time[4:6]), tzinfo=UTC
    )


def search_range(key: str, month: datetime) -> Place:
    """The partition of what was found by this key in a month, and how the keys of its rows begin."""
    digest = key[1:]
    return Place(f"calls-of-{_KINDS[key[0]]}-{month:%Y%m}-{digest[0]}", f"{digest}-")


def found_call(row: str) -> tuple[str, str]:
    """Countdown and call id of a row of the search: in this order two searches are compared."""
    _, stamp, call_id = row.split("-", 2)
    return stamp, call_id


def countdown(moment: datetime) -> str:
    """14 digits that fall with time."""
    return f"{_LATEST_STAMP - int(_stamp(moment)):014}"


def waiting_call(row: str) -> str:
    """The call id of a row of those that wait."""
    return row.split("-", 1)[1]


def months_back(since: datetime, until: datetime) -> Iterator[datetime]:
    """The months from the one of `until` back to the one of `since`."""
    month = until.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    first = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month >= first:
        yield month
        month = (month - timedelta(days=1)).replace(day=1)


def glance_ranges(start: datetime, end: datetime) -> Iterator[Place]:
    """Partitions, and how keys begin there, that hold whatever started in `[start, end)`, and at most ten minutes more
    on either side."""
    moment = start.astimezone(UTC)
    moment = moment.replace(minute=moment.minute // 10 * 10, second=0, microsecond=0)
    while moment < end:
        for shard in range(GLANCE_SHARDS):
            yield Place(f"calls-started-{moment:%Y%m%d}-{shard}", f"{moment:%H%M}"[:3])
        moment += _TEN_MINUTES


def day_partitions(day: datetime) -> list[str]:
    """The partitions of all that started on the UTC day of this moment."""
    return [f"calls-started-{day.astimezone(UTC):%Y%m%d}-{shard}" for shard in range(GLANCE_SHARDS)]


def _search_place(key: str, started: datetime, call_id: str) -> Place:
    partition, prefix = search_range(key, started.astimezone(UTC))
    return Place(partition, f"{prefix}{countdown(started)}-{call_id}")


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}"


# ------------------------------------------------------------------------------------------------ what


def record_values(call: CallRecord) -> dict[str, Stored]:
    """The row of a record. What is not there has no value."""
    values: dict[str, Stored] = {
        "outcome": call.outcome.value,
        "reason": call.reason,
        "done": call.done,
        "started": call.started,
        "firstSeen": call.first_seen,
        "updated": call.updated,
        "foundBy": _keys(call.found_by),
        **_packed("legs", call.legs),
        **_packed("written", call.written),
    }
    if call.phone_call_id is not None:
        values["phoneCallId"] = str(call.phone_call_id)
    if call.ticket_offered is not None:
        values["ticketOffered"] = call.ticket_offered
    return values


def read_record(call_id: str, values: Values) -> CallRecord:
    """The record in a stored row."""
    phone_call_id, ticket_offered = values.get("phoneCallId"), values.get("ticketOffered")
    return CallRecord(
        call_id=call_id,
        outcome=_outcome(values),
        reason=str(values["reason"]),
        done=values["done"] is True,
        started=_moment(values["started"]),
        first_seen=_moment(values["firstSeen"]),
        updated=_moment(values["updated"]),
        phone_call_id=None if phone_call_id is None else UUID(str(phone_call_id)),
        ticket_offered=None if ticket_offered is None else _moment(ticket_offered),
        legs=_unpacked("legs", values),
        written=_unpacked("written", values),
        found_by=_read_keys(values),
    )


GLANCE_VALUES = ("outcome", "done", "ticketOffered", "updated", "legsDigest", "foundBy")


def glance_values(call: CallRecord) -> dict[str, Stored]:
    """The row of a glance."""
    return {
        "outcome": call.outcome.value,
        "done": call.done,
        "ticketOffered": call.ticket_offered is not None,
        "updated": call.updated,
        "legsDigest": digest_of(call.legs),
        "foundBy": _keys(call.found_by),
    }


def read_glance(place: Place, values: Values) -> Glance:
    """The glance in a stored row."""
    return Glance(
        call_id=place.row.split("-", 1)[1],
        outcome=_outcome(values),
        done=values["done"] is True,
        ticket_offered=values["ticketOffered"] is True,
        started=started_of(place),
        updated=_moment(values["updated"]),
        legs_digest=str(values["legsDigest"]),
        found_by=_read_keys(values),
    )


def read_case(call_id: str, case_id: UUID, values: Values) -> CaseLink:
    """What a stored row of a case says."""
    case = LinkedCase(case_id, str(values["link"]))
    return CaseLink(call_id, _moment(values["started"]), case, _read_keys(values))


def read_case_glance(place: Place, values: Values) -> CaseLink:
    """What a stored row says that tells the sweep of a case: all but the link."""
    call_id, _, case_id = place.row.split("-", 1)[1].partition(_CASE)
    return CaseLink(call_id, started_of(place), LinkedCase(UUID(case_id), ""), _read_keys(values))


def _keys(found_by: frozenset[str]) -> str:
    return " ".join(sorted(found_by))


def _read_keys(values: Values) -> frozenset[str]:
    return frozenset(str(values["foundBy"]).split())


def _outcome(values: Values) -> Outcome:
    # A row of a later version, after a return to this one: whoever reads it looks at the call again.
    text = str(values["outcome"])
    return Outcome(text) if text in Outcome else Outcome.FAILED


def _moment(value: Stored) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"a stored moment is a {type(value).__name__}")
    return value


def _packed(name: str, data: bytes) -> dict[str, Stored]:
    if not data:
        return {}
    if len(data) >= _DEFLATED_FROM:
        packed = zlib.compress(data, 6)
        if len(packed) < len(data):
            return {name + _PACKED: packed}
    return {name: data}


def _unpacked(name: str, values: Values) -> bytes:
    packed, plain = values.get(name + _PACKED), values.get(name, b"")
    if isinstance(packed, bytes):
        return zlib.decompress(packed)
    if not isinstance(plain, bytes):
        raise TypeError(f"stored {name} are a {type(plain).__name__}")
    return plain


# ---------------------------------------------------------------------------------------------- by partition

type Rows = Mapping[str, Mapping[str, Values]]
"""Values by partition and row."""


@dataclass(frozen=True, slots=True)
class RowsToWrite:
    """What a write does, by partition, in this order."""

    removed: Mapping[str, Collection[str]]
    index: Rows
    records: Rows
    glances: Rows


def rows_to_write(records: Iterable[CallRecord], before: Mapping[str, CallRecord]) -> RowsToWrite:
    """The rows of these records; what those before had and these have not is removed."""
    index, wanted, gone = set[Place](), set[Place](), set[Place]()
    values: list[tuple[Place, Values]] = []
    glances: list[tuple[Place, Values]] = []
    for record in records:
        found = index_places(record)
        glance = glance_place(record.call_id, record.started)
        index |= found
        wanted |= found | {glance}
        values.append((call_place(record.call_id), record_values(record)))
        glances.append((glance, glance_values(record)))
        if (old := before.get(record.call_id)) is not None:
            gone |= index_places(old) | {glance_place(old.call_id, old.started)}
    return RowsToWrite(
        by_partition(gone - wanted), _grouped((place, {}) for place in index), _grouped(values), _grouped(glances)
    )


@dataclass(frozen=True, slots=True)
class LinksToWrite:
    """What linking cases writes, by partition, in this order: what tells the sweep of the rest is there first."""

    glances: Rows
    cases: Rows
    index: Rows


def links_to_write(links: Iterable[CaseLink]) -> LinksToWrite:
    """The rows of these links."""
    glances: list[tuple[Place, Values]] = []
    cases: list[tuple[Place, Values]] = []
    index = set[Place]()
    for link in links:
        keys = _keys(link.found_by)
        values: Values = {"link": link.case.link, "started": link.started, "foundBy": keys}
        glances.append((case_glance_place(link.call_id, link.started, link.case.id), {"foundBy": keys}))
        cases.append((case_place(link.call_id, link.case.id), values))
        index |= search_places(link)
    return LinksToWrite(_grouped(glances), _grouped(cases), _grouped((place, {}) for place in index))


def by_partition(places: Iterable[Place]) -> Mapping[str, Collection[str]]:
    """The rows of each partition."""
    return {partition: [*rows] for partition, rows in _grouped((place, {}) for place in places).items()}


def _grouped(rows: Iterable[tuple[Place, Values]]) -> Rows:
    grouped: dict[str, dict[str, Values]] = defaultdict(dict)
    for place, values in rows:
        grouped[place.partition][place.row] = values
    return grouped
