"""How the map Enreach id -> systemuserid is stored: table `usermap`, no e-mail, no number, no name. Pure.

Ids stand packed in sixteen rows, by the first digit of the Enreach id, beside the row with the state. All of them are
one partition, so a run's changes are one transaction, which lands whole or not at all, and a reader needs one request:
10,000 users have 320 kB. A row a user would need a request for each hundred, and could be read half changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

type Stored = str | int | datetime | bytes

TABLE = "usermap"
PARTITION = "map"
STATE_ROW = "state"
LEASE_PARTITION = "lease"
LEASE_ROW = "sync"
_USERS = "users"
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class MapState:
    """The row `state`: what the runs came to. Counts and reasons, nothing personal."""

    completed_at: datetime | None = None
    """When the map was last brought up to date; None while that never happened."""
    enreach_users: int = 0
    """How many users the last list had that was believed."""
    dynamics_users: int = 0
    ambiguous: int = 0
    missing_in_dynamics: int = 0
    problem: str = ""
    """What keeps the latest run from having done all; empty where it did."""
    problem_since: datetime | None = None

    def values(self) -> dict[str, Stored]:
        """The row as it is stored."""
        moments = {"completed_at": self.completed_at, "problem_since": self.problem_since}
        return {
            "enreach_users": self.enreach_users,
            "dynamics_users": self.dynamics_users,
            "ambiguous": self.ambiguous,
            "missing_in_dynamics": self.missing_in_dynamics,
            "problem": self.problem,
            **{name: moment for name, moment in moments.items() if moment is not None},
        }


def read_state(values: Mapping[str, object]) -> MapState:
    """The state in the values of a stored row."""
    return MapState(
        completed_at=_moment(values.get("completed_at")),
        enreach_users=int(str(values.get("enreach_users", 0))),
        dynamics_users=int(str(values.get("dynamics_users", 0))),
        ambiguous=int(str(values.get("ambiguous", 0))),
        missing_in_dynamics=int(str(values.get("missing_in_dynamics", 0))),
        problem=str(values.get("problem", "")),
        problem_since=_moment(values.get("problem_since")),
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


@dataclass(frozen=True, slots=True)
class StoredMap:
    """All of the partition."""

    ids: Mapping[str, str]
    """Enreach id -> systemuserid."""
    state: MapState


def read_map(rows: Mapping[str, Mapping[str, object]]) -> StoredMap:
    """The map in the values of the rows of the partition, by row key."""
    return StoredMap(ids_of(rows.values()), read_state(rows.get(STATE_ROW, {})))


def shards(ids: Mapping[str, str]) -> dict[str, dict[str, Stored]]:
    """The rows of the map, all sixteen of them, by row key."""
    packed: dict[str, bytearray] = {digit: bytearray() for digit in "0123456789abcdef"}
    for enreach_id, user_id in sorted(ids.items()):
        packed[enreach_id[0]] += UUID(enreach_id).bytes + UUID(user_id).bytes
    return {row: {_USERS: bytes(content)} for row, content in packed.items()}


def changed_shards(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, dict[str, Stored]]]:
    """The rows to write so that the map of before is that of after."""
    old = shards(before)
    return [(row, values) for row, values in shards(after).items() if values != old[row]]


def ids_of(rows: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Enreach id -> systemuserid, from the values of the rows; other rows hold none."""
    found: dict[str, str] = {}
    for values in rows:
        content = values.get(_USERS)
        if not isinstance(content, bytes):
            continue
        for start in range(0, len(content), 2 * _ID_BYTES):
            middle, end = start + _ID_BYTES, start + 2 * _ID_BYTES
            found[str(UUID(bytes=content[start:middle]))] = str(UUID(bytes=content[middle:end]))
    return found
