"""Gateways of call sync whose every step can be the last of the process, or wait, and which say what it was for."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Literal

from shared.calls.layout import TABLE as LEDGER
from shared.calls.ledger import CallLedger
from shared.storage.checkpoints import PARTITION as CHECKPOINT
from shared.users.queries import UserColumns
from shared.users.users import Users

type Moment = Literal["before", "half", "after"]
"""`half`: of a step that writes several things, some are written."""

_WRITES = frozenset({"write_sets", "create_many", "insert", "replace", "put", "delete", "write_many", "delete_many"})
_STREAMS = frozenset({"list", "pages"})
_OF_MANY = {"write_sets": 1, "create_many": 1, "write_many": 2, "delete_many": 2}
"""At which place such a step has what it writes."""


class Killed(BaseException):
    """The process ends here: no handler of the app may keep it alive."""


class Fate:
    """Counts the steps of a run by what they are for, and kills the process at one of them, if it comes to that one."""

    def __init__(self, phase: str = "", at: int = 0, moment: Moment = "before") -> None:
        """It dies at the `at`-th step of this phase, counted from 1."""
        self.steps: Counter[str] = Counter()
        self.is_dead = False
        self.phase, self.at, self.moment = phase, at, moment

    def begins(self, phase: str) -> bool:
        """Whether this step is the last one. Raises Killed before it, and always when the process is dead."""
        if self.is_dead:
            raise Killed
        self.steps[phase] += 1
        if (phase, self.steps[phase]) != (self.phase, self.at):
            return False
        self.is_dead = True
        if self.moment == "before":
            raise Killed
        return True

    async def pause(self, phase: str) -> None:
        """What happens before a step is sent."""


class Struck:
    """Passes calls on to a real gateway; each is a step, and so is each page of a stream."""

    def __init__(self, real: Any, fate: Fate, phase: Callable[[str, Sequence[Any]], str]) -> None:
        self._real, self._fate, self._phase = real, fate, phase

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name in _STREAMS:
            return lambda *args, **kwargs: self._stream(name, real, args, kwargs)

        async def call(*args: Any, **kwargs: Any) -> Any:
            is_last = self._fate.begins(phase := self._phase(name, args))
            await self._fate.pause(phase)
            if is_last and self._fate.moment == "half":
                await real(*_half(name, args), **kwargs)
                raise Killed
            answer = await real(*args, **kwargs)
            if self._fate.is_dead:
                raise Killed
            return answer

        return call

    async def _stream(self, name: str, real: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        is_last = self._fate.begins(self._phase(name, args))
        async for item in real(*args, **kwargs):
            if self._fate.is_dead:
                raise Killed
            yield item
        if is_last:
            raise Killed


def _half(name: str, args: Sequence[Any]) -> Iterator[Any]:
    for place, value in enumerate(args):
        if place != _OF_MANY.get(name):
            yield value
            continue
        every = list(value)
        yield every[: len(every) // 2]


def dynamics_phase(name: str, _args: Sequence[Any]) -> str:
    return "Dataverse write" if name in _WRITES else "Dataverse read"


def tables_phase(name: str, args: Sequence[Any]) -> str:
    table, partition = args[0], args[1]
    if table == LEDGER:
        return "ledger write" if name in _WRITES else "ledger read"
    if partition == CHECKPOINT:
        return "checkpoint"
    return "lease" if partition == "lease" else "users read"


def mortal(
    fate: Fate, *, tables: Any, dynamics: Any, enreach: Any, documents: Any, offer: Callable[[Sequence[Any]], Any]
) -> dict[str, Any]:
    """The worlds of a process with this fate, which knows nothing yet. `offer` is what sends tickets."""
    tables = Struck(tables, fate, tables_phase)
    dynamics = Struck(dynamics, fate, dynamics_phase)
    enreach = Struck(enreach, fate, lambda _name, _args: "Enreach read")

    async def offer_tickets(requests: Sequence[Any]) -> None:
        is_last = fate.begins("tickets")
        await fate.pause("tickets")
        # They go one after the other.
        await offer(requests[: len(requests) // 2] if is_last and fate.moment == "half" else requests)
        if fate.is_dead:
            raise Killed

    return {
        "tables": tables,
        "ledger": CallLedger(tables),
        "dynamics": dynamics,
        "enreach": enreach,
        "users": Users(tables, dynamics, enreach, UserColumns(), good_for=3600),
        "documents": Struck(documents, fate, lambda _name, _args: "documents"),
        "offer_tickets": offer_tickets,
    }
