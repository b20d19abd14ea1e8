"""One run of the user sync: who is who by e-mail, the ids onto the Dynamics users, and the map for those who ask."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from functions.user_sync.decide import (
    FULL_EVERY,
    OVERLAP,
    ColumnWrites,
    column_writes,
    failed_state,
    finding,
    list_problem,
    next_state,
    that_can_be_given,
    updated_users,
)
from functions.user_sync.queries import changed_users, copies_of_role, members_of, users_of
from shared.dataverse.bulk import Progress, WriteOutcome
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata import Question
from shared.dataverse.row_source import Rows
from shared.dataverse.tables import JsonRow, Table
from shared.enreach.errors import EnreachError
from shared.health import Finding
from shared.long_work import FEW, bite_if
from shared.storage.entities import Row
from shared.storage.errors import StorageError
from shared.storage.leases import Lease, LeaseBusyError, LeaseRows, lease
from shared.users.layout import (
    LEASE_PARTITION,
    LEASE_ROW,
    PARTITION,
    STATE_ROW,
    TABLE,
    MapState,
    StoredMap,
    changed_shards,
)
from shared.users.matching import Assignment, DynamicsUser, assign
from shared.users.queries import UserColumns
from shared.users.users import Enreach, MapRows, UserList, read_stored

LEASE_SECONDS = 60.0
SHOWN_IDS = 100
"""Ids of each kind in a report. The counts are of all."""

_log = logging.getLogger(__name__)


class Tables(MapRows, LeaseRows, Protocol):
    """What a run needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None: ...


class Dynamics(Protocol):
    """What a run needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]: ...
    async def update_many(
        self, table: Table, rows: Rows, *, within: float | None = None, progress: Progress | None = None
    ) -> WriteOutcome: ...


class Outcome(StrEnum):
    """What a run came to."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    """The map is up to date; Dataverse refused some ids, or to tell who has the role."""
    REFUSED = "refused"
    """A list of users is not believed: nothing was changed."""
    FAILED = "failed"
    BUSY = "busy"


@dataclass(slots=True)
class Report:
    """What a run did: counts and ids, no name and no e-mail."""

    outcome: Outcome = Outcome.FAILED
    reason: str = ""
    matched: int = 0
    """Enreach users with a Dynamics user, by e-mail."""
    updated: int = 0
    """Dynamics users who have another Enreach id than before, or none any more."""
    missing: int = 0
    """Enreach users without a Dynamics user, and Dynamics users who ought to have an Enreach user and have none."""
    ambiguous: int = 0
    """E-mails and ids that several users share, on either side."""
    missing_in_dynamics: int = 0
    missing_in_enreach: int = 0
    ambiguous_in_dynamics: int = 0
    ambiguous_in_enreach: int = 0
    refused: int = 0
    """Users whose id Dataverse did not take."""
    enreach_users: int = 0
    unreadable_enreach_users: int = 0
    dynamics_users: int = 0
    everything: bool = False
    """Whether all users of Dynamics were read, and not only what changed."""
    requests: int = 0
    """To Dataverse."""
    milliseconds: int = 0
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Who is missing, ambiguous or refused: the first of each kind. Not for the log."""

    def counts(self) -> dict[str, Any]:
        """Everything but the ids."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "ids"}


class _DisbelievedError(Exception):
    """A list of users that cannot be right; the text says why."""


@dataclass(frozen=True, slots=True)
class _Role:
    """The copies of the role, and who has one of them."""

    ids: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    problem: str = ""
    """Why that is not known."""


@dataclass(slots=True)
class _Snapshot:
    """The users of Dynamics as this process has read them."""

    users: dict[str, DynamicsUser]
    role: _Role
    read_at: datetime
    all_read_at: datetime
    is_sure: bool = True


class UserSync:
    """The runs of this process. Between them it keeps the users of Dynamics in memory: an e-mail can only be told to be
    nobody else's by who has all of them, and they are stored nowhere."""

    def __init__(
        self,
        *,
        tables: Tables,
        dynamics: Dynamics,
        enreach: Enreach,
        columns: UserColumns,
        role: str,
        now: Callable[[], datetime],
        map_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._tables = tables
        self._dynamics = dynamics
        self._enreach = enreach
        self._columns = columns
        self._role = role
        self._now = now
        self._map_changed = map_changed
        self._snapshot: _Snapshot | None = None

    async def run(self, *, everything: bool = False, accept_fewer: bool = False, wait: float = 0.0) -> Report:
        """Bring ids and map up to date. Leaves one log record. `wait` is how long to wait for another run, in seconds.

        `accept_fewer` believes a list of half as many users as last time, or fewer; none at all is never believed.
        """
        clock = asyncio.get_running_loop().time
        started = clock()
        report = Report()
        with count_requests() as meter:
            try:
                await self._run_alone(report, everything, accept_fewer, wait)
            except LeaseBusyError:
                report.outcome, report.reason = Outcome.BUSY, "another run is at work"
            except StorageError as error:
                report.outcome, report.reason = Outcome.FAILED, str(error)
            finally:
                report.requests = meter.requests
                report.milliseconds = round((clock() - started) * 1000)
                fine = report.outcome in {Outcome.DONE, Outcome.BUSY}
                _log.log(logging.INFO if fine else logging.WARNING, "User sync %s", json.dumps(report.counts()))
        return report

    async def health(self) -> Sequence[Finding]:
        """How the latest runs went, whichever instance they ran on."""
        return (finding((await read_stored(self._tables)).state, self._now()),)

    async def _run_alone(self, report: Report, everything: bool, accept_fewer: bool, wait: float) -> None:
        holding = lease(
            self._tables, TABLE, LEASE_PARTITION, LEASE_ROW,
            holder="sync_users", seconds=LEASE_SECONDS, now=self._now, wait=wait,
        )  # fmt: skip
        async with holding as held:
            stored = await read_stored(self._tables)
            try:
                listed = await self._enreach.users()
                self._believe("Enreach", len(listed.items), stored.state.enreach_users, accept_fewer)
                # Whatever ends a run early leaves it open what was written: the next one reads everything.
                snapshot, self._snapshot = self._snapshot, None
                snapshot = await self._read_users(snapshot, everything, report)
                self._believe("Dynamics", len(snapshot.users), stored.state.dynamics_users, accept_fewer)
                await self._apply(held, stored, listed, snapshot, report)
                self._snapshot = snapshot if snapshot.is_sure else None
            except (_DisbelievedError, EnreachError, DataverseError) as error:
                refused = isinstance(error, _DisbelievedError)
                report.outcome = Outcome.REFUSED if refused else Outcome.FAILED
                report.reason = str(error)
                # An outage of Dataverse is told of by who watches Dataverse, and the next tick makes up for it.
                if not isinstance(error, UnavailableError):
                    await self._write_map(held, [], failed_state(stored.state, report.reason, self._now()))

    def _believe(self, system: str, found: int, last: int, accept_fewer: bool) -> None:
        """Raises _DisbelievedError."""
        if (problem := list_problem(system, found, 0 if accept_fewer else last)) is not None:
            raise _DisbelievedError(problem)

    # ---------------------------------------------------------------------------------------- what Dynamics has

    async def _read_users(self, snapshot: _Snapshot | None, everything: bool, report: Report) -> _Snapshot:
        now = self._now()
        if snapshot is None or everything or now - snapshot.all_read_at >= FULL_EVERY:
            report.everything = True
            return await self._read_all(snapshot.role.ids if snapshot is not None else (), now)
        return await self._read_changes(snapshot, now)

    async def _read_all(self, role_ids: tuple[str, ...], now: datetime) -> _Snapshot:
        rows, role = await self._read_with_role(self._columns.query(), _Role(role_ids))
        return _Snapshot(await self._users_of(rows), role, now, now)

    async def _read_changes(self, before: _Snapshot, now: datetime) -> _Snapshot:
        question = changed_users(self._columns, before.read_at - OVERLAP)
        rows, role = await self._read_with_role(question, before.role)
        users = before.users | await self._users_of(rows)
        # One to whom the role was given looks as before to whoever asks for changes.
        if new := role.members - before.role.members - {str(row["systemuserid"]).lower() for row in rows}:
            for again in await self._dynamics.query_many(users_of(self._columns, new)):
                users |= await self._users_of(again)
        return _Snapshot(users, role, now, before.all_read_at)

    async def _read_with_role(self, question: Question, before: _Role) -> tuple[list[JsonRow], _Role]:
        """The rows of the question and who has the role: in one request, unless there is another copy of the role
        than there was. Who may not read roles does without them."""
        try:
            rows, copies, *of_known = await self._dynamics.query_many(
                [question, copies_of_role(self._role), *members_of(before.ids)]
            )
            found = tuple(sorted(str(row["roleid"]).lower() for row in copies))
            if found != before.ids:
                of_known = await self._dynamics.query_many(members_of(found)) if found else []
        except DeniedError as error:
            (rows,) = await self._dynamics.query_many([question])
            return rows, _Role(problem=f"who has the role of voice users could not be read: {error}")
        return rows, _Role(found, frozenset(str(row["systemuserid"]).lower() for of in of_known for row in of))

    async def _users_of(self, rows: list[JsonRow]) -> dict[str, DynamicsUser]:
        def read() -> dict[str, DynamicsUser]:
            return {user.user_id: user for user in map(self._columns.read_user, rows)}

        return await bite_if(len(rows) > FEW, read)

    # ---------------------------------------------------------------------------------------------- what is written

    async def _apply(
        self, held: Lease, stored: StoredMap, listed: UserList, snapshot: _Snapshot, report: Report
    ) -> None:
        assignment, writes = await bite_if(
            len(snapshot.users) > FEW, self._decided, snapshot, listed, stored
        )  # fmt: skip
        problems = (await self._write_column(held, writes, snapshot, report), snapshot.role.problem)
        problem = "; ".join(filter(None, problems))
        state = next_state(
            stored.state, assignment, (len(listed.items), len(snapshot.users)), problem, self._now()
        )  # fmt: skip
        await self._write_map(held, changed_shards(stored.ids, assignment.all), state)
        if assignment.all != stored.ids:
            self._map_changed()
        _tell(report, assignment, listed, snapshot)
        report.updated = len(updated_users(stored.ids, assignment.all, writes))
        report.outcome, report.reason = (Outcome.INCOMPLETE, problem) if problem else (Outcome.DONE, "")

    def _decided(self, snapshot: _Snapshot, listed: UserList, stored: StoredMap) -> tuple[Assignment, ColumnWrites]:
        known = None if self._columns.enreach_id else stored.ids
        assignment = assign(snapshot.users.values(), listed.items, known, snapshot.role.members)
        if self._columns.enreach_id is None:
            return assignment, ColumnWrites(frozenset(), {})
        return assignment, column_writes(snapshot.users, assignment.matched)

    async def _write_column(self, held: Lease, writes: ColumnWrites, snapshot: _Snapshot, report: Report) -> str:
        """What went wrong, empty where nothing did: the map is worth writing all the same."""
        try:
            not_cleared = await self._update(held, dict.fromkeys(writes.clear, ""), snapshot)
            give = that_can_be_given(writes, snapshot.users, not_cleared)
            refusals = not_cleared | await self._update(held, give, snapshot)
        except DataverseError as error:
            # Some may have landed: the next run has to see which.
            snapshot.is_sure = False
            return f"the ids could not be written to Dynamics: {error}"
        refused = refusals.keys() | (writes.give.keys() - give.keys())
        report.refused, report.ids["refused"] = len(refused), sorted(refused)[:SHOWN_IDS]
        if not refused:
            return ""
        return f"Dynamics did not take the id of {len(refused)} users ({next(iter(refusals.values()))})"

    async def _update(self, held: Lease, ids: Mapping[str, str], snapshot: _Snapshot) -> dict[str, str]:
        """Write these ids (systemuserid -> Enreach id, empty for none). Returns whose was refused, and why."""
        column, table = self._columns.enreach_id, self._columns.table
        if not ids or column is None:
            return {}
        held.check()
        rows = [table.row(user_id, {column: id_ or None}) for user_id, id_ in ids.items()]
        outcome = await self._dynamics.update_many(table, rows, progress=lambda _: held.check())
        failed = {failure.row_id.lower(): str(failure.error) for failure in outcome.failures}
        for user_id in ids.keys() - failed.keys():
            snapshot.users[user_id] = replace(snapshot.users[user_id], enreach_id=ids[user_id])
        return failed

    async def _write_map(self, held: Lease, rows: Sequence[Row], state: MapState) -> None:
        held.check()
        await self._tables.write_many(TABLE, PARTITION, [*rows, (STATE_ROW, state.values())])


def _tell(report: Report, assignment: Assignment, listed: UserList, snapshot: _Snapshot) -> None:
    report.matched = len(assignment.matched)
    report.missing_in_dynamics = len(assignment.missing_in_dynamics)
    report.missing_in_enreach = len(assignment.missing_in_enreach)
    report.missing = report.missing_in_dynamics + report.missing_in_enreach
    report.ambiguous = assignment.ambiguities
    report.ambiguous_in_dynamics = len(assignment.ambiguous_in_dynamics)
    report.ambiguous_in_enreach = len(assignment.ambiguous_in_enreach)
    report.enreach_users = len(listed.items)
    report.unreadable_enreach_users = len(listed.unreadable)
    report.dynamics_users = len(snapshot.users)
    kinds = ("missing_in_dynamics", "missing_in_enreach", "ambiguous_in_dynamics", "ambiguous_in_enreach")
    report.ids |= {kind: sorted(getattr(assignment, kind))[:SHOWN_IDS] for kind in kinds}
