"""What a run writes, and which lists it does not believe. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.health.findings import Finding, Status
from shared.users.layout import MapState
from shared.users.matching import Assignment, DynamicsUser

FULL_EVERY = timedelta(hours=1)
OVERLAP = timedelta(minutes=5)
"""How far back it is asked what was changed: a row bears the moment at which its transaction began, by the clock of
Dataverse, and may be seen only when that ends."""
SILENT_FOR = timedelta(hours=2)
"""After this time without a complete run somebody should look, whatever the schedule is."""
CHECK = "user sync"


@dataclass(frozen=True, slots=True)
class ColumnWrites:
    """What is written to the id column of systemuser: first the ids that go, then those that come.

    In this order no id is ever on two users, wherever a run is cut off; the next one gives what is missing.
    """

    clear: frozenset[str]
    """Users whose id is somebody else's."""
    give: Mapping[str, str]
    """systemuserid -> Enreach id."""


def column_writes(users: Mapping[str, DynamicsUser], matched: Mapping[str, str]) -> ColumnWrites:
    """What makes the column equal to what the e-mails say (Enreach id -> systemuserid). Ids that no e-mail speaks of
    stay: a person typed them, or the Enreach user is gone and its calls are not."""
    stale = {
        user.user_id
        for user in users.values()
        if (owner := matched.get(user.enreach_id)) is not None and owner != user.user_id
    }
    give = {user_id: id_ for id_, user_id in matched.items() if users[user_id].enreach_id != id_}
    return ColumnWrites(frozenset(stale), give)


def that_can_be_given(
    writes: ColumnWrites, users: Mapping[str, DynamicsUser], not_cleared: Iterable[str]
) -> Mapping[str, str]:
    """The ids to give when these users could not be cleared: none that one of them still has."""
    still_taken = {users[user_id].enreach_id for user_id in not_cleared}
    return {user_id: id_ for user_id, id_ in writes.give.items() if id_ not in still_taken}


def updated_users(before: Mapping[str, str], after: Mapping[str, str], writes: ColumnWrites) -> frozenset[str]:
    """Whose id is another one than before, in the map (Enreach id -> systemuserid) or in the column."""
    changed = {user_id for id_, user_id in after.items() if before.get(id_) != user_id}
    gone = {user_id for id_, user_id in before.items() if after.get(id_) != user_id}
    return frozenset(changed | gone | writes.clear | writes.give.keys())


def list_problem(system: str, found: int, last: int) -> str | None:
    """Why a list of users is not believed; None where it is. `last` is the number of the last one that was."""
    if not found:
        return f"{system} lists no users: nothing was changed"
    if found * 2 <= last:
        return f"{system} lists {found} users, half of the last {last} or fewer: nothing was changed"
    return None


def next_state(
    before: MapState, assignment: Assignment, listed: tuple[int, int], problem: str, now: datetime
) -> MapState:
    """The state after a run; `listed` is the number of Enreach users and that of Dynamics users."""
    return MapState(
        completed_at=now,
        enreach_users=listed[0],
        dynamics_users=listed[1],
        ambiguous=assignment.ambiguities,
        missing_in_dynamics=len(assignment.missing_in_dynamics),
        problem=problem,
        problem_since=_since(before, problem, now),
    )


def failed_state(before: MapState, problem: str, now: datetime) -> MapState:
    """The state after a run that changed nothing."""
    return replace(before, problem=problem, problem_since=_since(before, problem, now))


def _since(before: MapState, problem: str, now: datetime) -> datetime | None:
    if not problem:
        return None
    return before.problem_since if before.problem and before.problem_since is not None else now


def finding(state: MapState, now: datetime) -> Finding:
    """How the sync is. A user whom Dynamics lacks is usual (a night desk); an ambiguous one waits for a person."""
    if state.problem:
        return Finding(CHECK, Status.AMBER, state.problem, state.problem_since)
    if state.completed_at is None:
        return Finding(CHECK, Status.GREEN, "it has not run yet: who is who is found by e-mail each time")
    if now - state.completed_at > SILENT_FOR:
        return Finding(CHECK, Status.AMBER, "the last complete run is long ago", state.completed_at)
    if state.ambiguous:
        reason = f"ambiguous e-mails or ids: {state.ambiguous}; the answer of /api/users/sync names their users"
        return Finding(CHECK, Status.AMBER, reason)
    return Finding(CHECK, Status.GREEN, f"Enreach users without a Dynamics user: {state.missing_in_dynamics}")
