"""What is planned, carried out in few requests. Each step may be repeated: it lands on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from functions.call_sync.decide.news import Seen, found_in_dynamics
from functions.call_sync.decide.outcome import NewCustomer
from functions.call_sync.decide.plans import Plan, deleted_by_user
from functions.call_sync.decide.rows import customer_row
from functions.call_sync.use_case.worlds import Dynamics
from shared.calls.records import Outcome
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.errors import (
    AlreadyExistsError,
    ChangedError,
    DataverseError,
    NotFoundError,
    RejectedError,
)
from shared.dataverse.odata import ChangeSet, create_part


@dataclass(frozen=True, slots=True)
class Written:
    """What became of plans."""

    done: list[Plan]
    """As they turned out."""
    again: list[Seen]
    """What has to be planned anew: somebody was at work on the rows just then, or a phone call was there already."""
    sets: int
    """Change sets that were written."""


async def write(dynamics: Dynamics, plans: Sequence[Plan], now: datetime) -> Written:
    """Carry out these plans.

    Raises UnavailableError or DeniedError where Dataverse does not go on; then some of it is done. What Dataverse
    refuses of one call costs none of the others.
    """
    await _make_customers(dynamics, dict(each.new_customer for each in plans if each.new_customer is not None))
    waiting = [each for each in plans if each.writes is not None]
    errors = dict(zip(map(_id, waiting), await _sent(dynamics, waiting), strict=True))
    # Parties are the only part of it that a Dataverse may not take at all.
    again = [
        replace(each, writes=each.without_parties, without_parties=None)
        for each in waiting
        if isinstance(errors[_id(each)], RejectedError) and each.without_parties is not None
    ]
    errors |= dict(zip(map(_id, again), await _sent(dynamics, again), strict=True))
    turned = [_turned_out(each, errors.get(_id(each)), now) for each in plans]
    done = [each for each in turned if isinstance(each, Plan)]
    anew = [each for each in turned if isinstance(each, Seen)]
    return Written(done, anew, sum(error is None for error in errors.values()))


async def _sent(dynamics: Dynamics, plans: Sequence[Plan]) -> list[DataverseError | None]:
    sets = [each.writes for each in plans if each.writes is not None]
    return await SetSender(dynamics, "write phonecall").send(sets)


def _id(each: Plan) -> str:
    return each.seen.call.id


def _turned_out(each: Plan, error: DataverseError | None, now: datetime) -> Plan | Seen:
    seen = each.seen
    match error:
        case None:
            return each
        case AlreadyExistsError() if seen.written_before is None:
            # With an id of ours it was written by a run that was cut off; the call may have gone on since.
            return replace(seen, before=found_in_dynamics(seen.call, now, seen.before))
        case ChangedError():
            return seen
        case NotFoundError() if each.joins_rows or seen.written_before is None:
            return seen  # one of the two rows has just gone, or the customer
        case NotFoundError() if seen.written_before is not None and each.key is None:
            return each  # it was to go, and is gone
        case NotFoundError() if seen.written_before is not None:
            gone = deleted_by_user()
            return replace(each, outcome=gone.outcome, reason=gone.reason)
        case _:
            return failed(each, f"Dataverse refused its phone call: {type(error).__name__} {error.code}".strip())


def failed(each: Plan, reason: str) -> Plan:
    """The plan of a call that cannot be written now. A phone call that must go is tried again in each run."""
    before, key = each.seen.before, each.seen.written_before
    written = before.written if before is not None and key is not None else b""
    outcome = Outcome.WAITING if each.seen.must_go else Outcome.FAILED
    return replace(each, outcome=outcome, reason=reason, key=key, written=written)


async def _make_customers(dynamics: Dynamics, customers: Mapping[UUID, NewCustomer]) -> None:
    """One row for each number, however many calls it made. One that Dataverse refuses fails its calls; one that is
    there already was made of an earlier call."""
    sets = [ChangeSet((create_part(*customer_row(key, new)),)) for key, new in customers.items()]
    if sets:
        await dynamics.write_sets("create customers", sets)
