"""What is planned, carried out in few requests. Each step may be repeated: it lands on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from functions.call_sync.decide.outcome import NewCustomer
from functions.call_sync.decide.plans import Plan, deleted_by_user
from functions.call_sync.decide.rows import customer_row
from functions.call_sync.use_case.worlds import Dynamics
from shared.calls.records import Outcome
from shared.dataverse.errors import AlreadyExistsError, ChangedError, DataverseError, NotFoundError, RejectedError
from shared.dataverse.tables import JsonRow, Table


async def write(dynamics: Dynamics, plans: Sequence[Plan]) -> tuple[list[Plan], int]:
    """The plans as they turned out, and how many change sets were written. Plans that have to be made anew, since
    somebody was at work on the rows just then, are left out.

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
    done = [turned for each in plans if (turned := _turned_out(each, errors.get(_id(each)))) is not None]
    return done, sum(error is None for error in errors.values())


async def _sent(dynamics: Dynamics, plans: Sequence[Plan]) -> list[DataverseError | None]:
    sets = [each.writes for each in plans if each.writes is not None]
    return await dynamics.write_sets("write phonecall", sets) if sets else []


def _id(each: Plan) -> str:
    return each.seen.call.id


def _turned_out(each: Plan, error: DataverseError | None) -> Plan | None:
    match error:
        case None | AlreadyExistsError():
            # With an id of ours it was written by a run that was cut off.
            return each
        case ChangedError():
            return None
        case NotFoundError() if each.seen.written_before is not None and each.key is None:
            return each  # it was to go, and is gone
        case NotFoundError() if each.seen.written_before is not None:
            gone = deleted_by_user()
            return replace(each, outcome=gone.outcome, reason=gone.reason)
        case _:
            why = f"Dataverse refused its phone call: {type(error).__name__} {error.code}".strip()
            before = each.seen.before
            key = each.seen.written_before
            written = before.written if before is not None and key is not None else b""
            return replace(each, outcome=Outcome.FAILED, reason=why, key=key, written=written)


async def _make_customers(dynamics: Dynamics, customers: Mapping[UUID, NewCustomer]) -> None:
    """One row for each number, however many calls it made. One that Dataverse refuses fails its calls."""
    by_table: dict[str, tuple[Table, list[JsonRow]]] = {}
    for key, new in customers.items():
        table, row = customer_row(key, new)
        by_table.setdefault(table.logical_name, (table, []))[1].append(row)
    for table, rows in by_table.values():
        await dynamics.create_many(table, rows)
