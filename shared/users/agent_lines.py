"""The numbers at which Enreach reaches the agents, in memory: a caller waits for whoever asks for one."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from shared.users.matching import UserMap

GOOD_FOR_SECONDS = 600.0


class Line(Protocol):
    """A user of Enreach with numbers; `shared.enreach.models.EnreachUser`."""

    @property
    def id(self) -> str: ...
    @property
    def mobile_number(self) -> str | None: ...
    @property
    def work_number(self) -> str | None: ...


class LineList(Protocol):
    """The users that Enreach listed; `shared.enreach.models.Reading` of them."""

    @property
    def items(self) -> Sequence[Line]: ...


class Enreach(Protocol):
    """What it needs of Enreach; `shared.enreach.client.EnreachClient` has it."""

    async def users(self) -> LineList: ...


class UserReader(Protocol):
    """What it needs of the users; `shared.users.users.Users` has it."""

    async def read_users(self, region: str | None) -> UserMap: ...


class AgentLines:
    """The number of each Dynamics user (systemuserid) who is an Enreach user too, ten minutes old as a rule.

    Reading it never waits: before the first `refresh`, and without Enreach, nobody has a number here.
    """

    def __init__(self, users: UserReader, enreach: Enreach | None) -> None:
        self._users = users
        self._enreach = enreach
        self._known: Mapping[str, str] = {}
        self._read_at = float("-inf")

    def __call__(self) -> Mapping[str, str]:
        """The numbers as they are known now."""
        return self._known

    async def refresh(self) -> None:
        """Read them anew, unless they are good still. Raises StorageError, DataverseError, EnreachError; then what was
        known stays."""
        now = asyncio.get_running_loop().time()
        if self._enreach is None or now - self._read_at < GOOD_FOR_SECONDS:
            return
        users, listed = await asyncio.gather(self._users.read_users(None), self._enreach.users())
        self._known = agent_lines(users, listed.items)
        self._read_at = now


def agent_lines(users: UserMap, listed: Iterable[Line]) -> dict[str, str]:
    """The work number of each user, else the mobile one, by systemuserid in lower case. Pure."""
    found: dict[str, str] = {}
    for line in listed:
        user = users.by_enreach_id(line.id)
        number = (line.work_number or "").strip() or (line.mobile_number or "").strip()
        if user is not None and number:
            found[user.user_id.lower()] = number
    return found
