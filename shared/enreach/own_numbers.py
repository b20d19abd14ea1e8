"""Which numbers are ours: those of users and of queues."""

import asyncio
from typing import Protocol

from shared.enreach.models import EnreachQueue, EnreachUser, Reading


class Enreach(Protocol):
    """What it needs of Enreach; `shared.enreach.client.EnreachClient` has it. Each method raises EnreachError."""

    async def users(self) -> Reading[EnreachUser]: ...
    async def queues(self) -> Reading[EnreachQueue]: ...


async def read_own_numbers(enreach: Enreach) -> frozenset[str]:
    """The numbers of our users and queues, as Enreach writes them. Raises EnreachError."""
    users, queues = await asyncio.gather(enreach.users(), enreach.queues())
    of_users = (number for user in users.items for number in (user.mobile_number, user.work_number))
    of_queues = (number for queue in queues.items for number in queue.numbers)
    return frozenset(number for number in (*of_users, *of_queues) if number)
