"""Change sets of which Dataverse may not allow some: the others are written all the same."""

from collections.abc import Sequence
from typing import Protocol

from shared.dataverse.errors import DataverseError, DeniedError
from shared.dataverse.odata import ChangeSet

MOST_DENIED = 10
"""Sets that are denied, and none allowed, until it is said that the app may not write."""


class SetWriter(Protocol):
    """`shared.dataverse.client.DataverseClient` has it."""

    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]: ...


class SetSender:
    """Sends change sets. What Dataverse does not allow may be one row alone, such as one whose owner has no role there:
    that is found by halves. Where nothing at all is allowed it is the app that may not write, and that is raised."""

    def __init__(self, dynamics: SetWriter, operation: str) -> None:
        self._dynamics = dynamics
        self._operation = operation
        self._denied = 0
        self._is_any_done = False

    async def send(self, sets: Sequence[ChangeSet]) -> list[DataverseError | None]:
        """What became of each. Raises as `write_sets`."""
        if not sets:
            return []
        try:
            errors = await self._dynamics.write_sets(self._operation, sets)
        except DeniedError as error:
            if len(sets) > 1:
                middle = len(sets) // 2
                return [*await self.send(sets[:middle]), *await self.send(sets[middle:])]
            self._denied += 1
            if self._denied >= MOST_DENIED and not self._is_any_done:
                raise
            return [error]
        self._is_any_done = True
        return errors
