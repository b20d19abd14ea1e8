"""Change sets of which some are not allowed."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from shared.dataverse.denied_sets import MOST_DENIED, SetSender
from shared.dataverse.errors import DataverseError, DeniedError
from shared.dataverse.odata import ChangeSet, delete_part
from shared.dataverse.tables import PHONE_CALL


class Dynamics:
    """Does not allow some sets, by their number."""

    def __init__(self, denied: set[int]) -> None:
        self.denied = denied
        self.requests = 0

    async def write_sets(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]:
        self.requests += 1
        if any(UUID(each.parts[0].path[-37:-1]).int in self.denied for each in sets):
            raise DeniedError("not allowed")
        return [None] * len(sets)


def sets(count: int) -> list[ChangeSet]:
    return [ChangeSet((delete_part(PHONE_CALL, UUID(int=number)),)) for number in range(count)]


@pytest.mark.parametrize(("denied", "requests"), [(set(), 1), ({0}, 9), ({15}, 9), ({3, 12}, 15)])
async def test_what_is_not_allowed_is_found_by_halves(denied: set[int], requests: int) -> None:
    dynamics = Dynamics(denied)
    errors = await SetSender(dynamics, "write").send(sets(16))
    assert {number for number, error in enumerate(errors) if isinstance(error, DeniedError)} == denied
    assert dynamics.requests == requests


async def test_where_nothing_is_allowed_that_is_raised() -> None:
    dynamics = Dynamics(set(range(1_000)))
    with pytest.raises(DeniedError):
        await SetSender(dynamics, "write").send(sets(1_000))
    assert dynamics.requests < 10 + 3 * MOST_DENIED


async def test_nothing_to_send() -> None:
    dynamics = Dynamics(set())
    assert await SetSender(dynamics, "write").send([]) == []
    assert dynamics.requests == 0
