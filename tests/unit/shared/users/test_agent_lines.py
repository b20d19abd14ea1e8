"""The numbers of agents in Enreach: which, how old, and what an outage does to them."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import pytest

from shared.enreach.errors import UnavailableError
from shared.users import agent_lines as module
from shared.users.agent_lines import AgentLines, agent_lines
from shared.users.matching import User, UserMap


def guid(name: str) -> str:
    return str(uuid5(UUID(int=31), name))


@dataclass(frozen=True)
class Listed:
    id: str
    work_number: str | None = None
    mobile_number: str | None = None


ANN, BEN = guid("ann"), guid("ben")
USERS = UserMap({ANN: User("A" * 8), BEN: User("b" * 8)})

NUMBERS = [
    pytest.param(Listed(ANN, "+1", "+2"), {"a" * 8: "+1"}, id="the work number"),
    pytest.param(Listed(ANN, " ", "+2"), {"a" * 8: "+2"}, id="without one the mobile number"),
    pytest.param(Listed(ANN.upper(), "+1"), {"a" * 8: "+1"}, id="the id in capitals"),
    pytest.param(Listed(ANN), {}, id="no number"),
    pytest.param(Listed(guid("eve"), "+1"), {}, id="nobody in Dynamics"),
]


@pytest.mark.parametrize(("listed", "known"), NUMBERS)
def test_whose_number_it_is(listed: Listed, known: dict[str, str]) -> None:
    assert agent_lines(USERS, [listed]) == known


@dataclass
class Enreach:
    items: list[Listed] = field(default_factory=lambda: [Listed(ANN, "+1")])
    asked: int = 0
    is_down: bool = False

    async def users(self) -> "Enreach":
        self.asked += 1
        if self.is_down:
            raise UnavailableError("down")
        return self


class Users:
    async def read_users(self, region: str | None) -> UserMap:
        return USERS


async def test_they_are_read_by_a_refresh_and_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    enreach = Enreach()
    lines = AgentLines(Users(), enreach)
    assert lines() == {}
    await lines.refresh()
    await lines.refresh()
    assert (lines(), enreach.asked) == ({"a" * 8: "+1"}, 1)
    monkeypatch.setattr(module, "GOOD_FOR_SECONDS", 0.0)
    enreach.items = [Listed(BEN, "+3")]
    await asyncio.sleep(0.01)
    await lines.refresh()
    assert lines() == {"b" * 8: "+3"}


async def test_an_outage_leaves_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    enreach = Enreach()
    lines = AgentLines(Users(), enreach)
    await lines.refresh()
    monkeypatch.setattr(module, "GOOD_FOR_SECONDS", 0.0)
    enreach.is_down = True
    with pytest.raises(UnavailableError):
        await lines.refresh()
    assert lines() == {"a" * 8: "+1"}


async def test_without_enreach_nobody_has_one() -> None:
    lines = AgentLines(Users(), None)
    await lines.refresh()
    assert lines() == {}
