"""Rows that come into being in two writes, of which either both happen or none: a change set for each row.

For what Dataverse takes at no creation, such as the state of a phone call ("State and status reason": a row is created
active, and its state is changed by an update). Half a row would be seen by people, and could be changed by them, in
between.
"""

import asyncio
from collections.abc import Sequence
from itertools import batched

from shared.dataverse import odata
from shared.dataverse.batches import Batches
from shared.dataverse.bulk import Progress, RowFailure, WriteOutcome, first_error
from shared.dataverse.errors import AlreadyExistsError, DeniedError, PayloadTooLargeError
from shared.dataverse.odata import ChangeSet
from shared.dataverse.tables import JsonRow, Table
from shared.dataverse.transport import TimedOutError

ROWS_A_BATCH = 200
"""400 writes: some five seconds of the service's time at 12 ms a write (facts on performance), far below its limit of
1,000 requests a `$batch`. More rows would make fewer requests, of which one that fails would cost more."""

type NewRow = tuple[JsonRow, JsonRow | None]
"""A row with its own id, and the columns of the update that follows at once (None: none)."""


async def create_and_update(
    batches: Batches, table: Table, rows: Sequence[NewRow], progress: Progress | None
) -> WriteOutcome:
    """As `DataverseClient.create_and_update`."""
    outcome = WriteOutcome()
    operation = f"create {table.logical_name}"

    async def write(chunk: Sequence[NewRow]) -> None:
        try:
            errors = await batches.write(operation, [_change_set(table, row) for row in chunk])
        except (TimedOutError, PayloadTooLargeError):
            if len(chunk) == 1:
                raise
            middle = len(chunk) // 2
            await write(chunk[:middle])
            await write(chunk[middle:])
            return
        for (row, _), error in zip(chunk, errors, strict=True):
            if error is None:
                outcome.written += 1
            elif isinstance(error, AlreadyExistsError):
                outcome.done_before.append(odata.row_id(row, table))
            elif isinstance(error, DeniedError):
                raise error
            else:
                outcome.failures.append(RowFailure(odata.row_id(row, table), error.with_traceback(None)))
        if progress is not None:
            progress(outcome.settled)

    try:
        async with asyncio.TaskGroup() as group:
            for chunk in batched(rows, ROWS_A_BATCH, strict=False):
                group.create_task(write(chunk))
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    return outcome


def _change_set(table: Table, row: NewRow) -> ChangeSet:
    created, update = row
    parts = [odata.create_part(table, created)]
    if update is not None:
        parts.append(odata.update_part(table, {**update, table.primary_id: created[table.primary_id]}))
    return ChangeSet(tuple(parts))
