"""Writes that belong together, for many rows at once: a change set for each row, hundreds of them in a request.

For what takes two writes of which either both happen or none: a row is created active and its state is changed by an
update ("State and status reason"), and half of it would be seen by people, who could change it in between.
"""

import asyncio
from collections.abc import Sequence

from shared.dataverse.batches import Batches
from shared.dataverse.bulk import first_error
from shared.dataverse.errors import DataverseError, DeniedError, PayloadTooLargeError
from shared.dataverse.odata import ChangeSet
from shared.dataverse.transport import TimedOutError

SETS_A_BATCH = 200
"""With two writes each some five seconds of the service's time at 12 ms a write (facts on performance), far below its
limit of 1,000 requests a `$batch`. More would make fewer requests, of which one that fails would cost more."""


async def write_sets(batches: Batches, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]:
    """What became of each set, as `DataverseClient.write_sets`."""
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

    try:
        async with asyncio.TaskGroup() as group:
            for first in range(0, len(sets), SETS_A_BATCH):
                group.create_task(write(first, sets[first : first + SETS_A_BATCH]))
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    return results
