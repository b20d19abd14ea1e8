"""Writes that belong together, for many rows at once: a change set for each row, hundreds of them in a request.

For what takes two writes of which either both happen or none: a row is created active and its state is changed by an
update ("State and status reason"), and half of it would be seen by people, who could change it in between.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from shared.dataverse import odata
from shared.dataverse.batches import Batches
from shared.dataverse.bulk import Progress, RowFailure, WriteOutcome, first_error
from shared.dataverse.errors import AlreadyExistsError, DataverseError, DeniedError, PayloadTooLargeError
from shared.dataverse.odata import ChangeSet
from shared.dataverse.tables import JsonRow, Table
from shared.dataverse.transport import TimedOutError

SETS_A_BATCH = 200
"""With two writes each some five seconds of the service's time at 12 ms a write (facts on performance), far below its
limit of 1,000 requests a `$batch`. More would make fewer requests, of which one that fails would cost more."""

type NewRow = tuple[JsonRow, JsonRow | None]
"""A row with its own id, and the columns of the update that follows at once (None: none)."""
type _Settled = Callable[[int], None]


async def write_sets(
    batches: Batches, operation: str, sets: Sequence[ChangeSet], settled: _Settled | None = None
) -> list[DataverseError | None]:
    """What became of each set, as `DataverseClient.write_sets`. `settled` is told how many more are."""
    results: list[DataverseError | None] = [None] * len(sets)

    async def write(first: int, chunk: Sequence[ChangeSet]) -> None:
        try:
            errors = await batches.write(operation, chunk)
        except (TimedOutError, PayloadTooLargeError):
            if len(chunk) == 1:
                raise
            middle = len(chunk) // 2
            await write(first, chunk[:middle])
            await write(first + middle, chunk[middle:])
            return
        for position, error in enumerate(errors, first):
            if isinstance(error, DeniedError):
                raise error
            # Its traceback would keep the request with all its rows.
            results[position] = None if error is None else error.with_traceback(None)
        if settled is not None:
            settled(len(chunk))

    try:
        async with asyncio.TaskGroup() as group:
            for first in range(0, len(sets), SETS_A_BATCH):
                group.create_task(write(first, sets[first : first + SETS_A_BATCH]))
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    return results


async def create_and_update(
    batches: Batches, table: Table, rows: Sequence[NewRow], progress: Progress | None
) -> WriteOutcome:
    """As `DataverseClient.create_and_update`."""
    settled = 0

    def count(more: int) -> None:
        nonlocal settled
        settled += more
        if progress is not None:
            progress(settled)

    sets = list(map(partial(_change_set, table), rows))
    outcome = WriteOutcome()
    for (row, _), error in zip(
        rows, await write_sets(batches, f"create {table.logical_name}", sets, count), strict=True
    ):
        if error is None:
            outcome.written += 1
        elif isinstance(error, AlreadyExistsError):
            outcome.done_before.append(odata.row_id(row, table))
        else:
            outcome.failures.append(RowFailure(odata.row_id(row, table), error))
    return outcome


def _change_set(table: Table, row: NewRow) -> ChangeSet:
    created, update = row
    parts = [odata.create_part(table, created)]
    if update is not None:
        parts.append(odata.update_part(table, {**update, table.primary_id: created[table.primary_id]}))
    return ChangeSet(tuple(parts))
