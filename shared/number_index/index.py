"""Looking a number up. It takes a request to Table Storage, and another one each five seconds."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import batched
from typing import Protocol

from shared.clock import utc_now
from shared.customers import CustomerMatching, MatchKind
from shared.health import Finding, Status
from shared.long_work import aside
from shared.number_index.keys import NumberKey, key_problem, number_key
from shared.number_index.layout import (
    STATE_PARTITION,
    STATE_ROW,
    TABLE,
    customer_of,
    number_partition,
    number_prefix,
)
from shared.number_index.state import IndexState, read_state, settings_digest
from shared.settings import Settings
from shared.storage.entities import Entity
from shared.storage.errors import StorageError

PATIENCE_SECONDS = 0.15
REST_SECONDS = 5.0
"""How long the index is left alone after a failure."""
STATE_SECONDS = 5.0
"""How long the state that was read is good. A generation that was replaced is kept longer than this."""
LOOK_UPS_AT_ONCE = 16
"""Requests under way of one look-up of many numbers."""
LOOKED_UP_TOGETHER = 7
"""Numbers of one partition in one request: as many as `Tables.list` takes prefixes. The storage library needs two
milliseconds of processor time for a request, so thousands of single ones would need ten seconds."""
MOST_CUSTOMERS = 200
"""Customers of one number. With more, Dataverse is asked, which gives the first ones."""

_log = logging.getLogger(__name__)


class IndexTables(Protocol):
    """What a look-up needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str | tuple[str, ...] = ""
    ) -> AsyncGenerator[Entity]: ...


class NumberIndex:
    """The number index as a reader sees it. One instance a process; without a key it is off."""

    def __init__(
        self,
        tables: IndexTables,
        key: NumberKey | None,
        environment: str,
        *,
        now: Callable[[], datetime] = utc_now,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._tables = tables
        self.key = key
        """None while the index is off."""
        self._environment = environment
        self._now = now
        self._patience = patience
        self._state = IndexState()
        self._read_at = float("-inf")
        self._rests_until = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._settings: tuple[CustomerMatching, str] | None = None

    async def find(self, number: str, matching: CustomerMatching) -> Mapping[MatchKind, tuple[str, ...]] | None:
        """The ids of the active rows with this E.164 number, by kind; empty for a stranger, who is known to be one.

        None when the index cannot be believed, and Dataverse has to be asked: it is off or being built, too old,
        made with other settings than `matching`, or storage did not answer at once; or numbers are to be found by a
        part of them (`NumbersToCut`), which an index of whole numbers cannot do. Never raises.
        """
        key = self.key
        if key is None or matching.numbers_to_cut or _loop_time() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(self._patience):
                state = await self._current_state()
                if not state.is_trusted(self._digest(key, matching), self._now()):
                    return None
                return await self._customers(state.generation, key.digest(number))
        except (StorageError, TimeoutError) as error:
            self._rest(error)
            return None

    async def find_many(
        self, numbers: Iterable[str], matching: CustomerMatching
    ) -> dict[str, Mapping[MatchKind, tuple[str, ...]]]:
        """What `find` says of many E.164 numbers, for nobody who waits; the numbers of which it knows nothing are left
        out. Never raises: after a failure it gives what it has found by then."""
        key = self.key
        found: dict[str, Mapping[MatchKind, tuple[str, ...]]] = {}
        if key is None or matching.numbers_to_cut or _loop_time() < self._rests_until:
            return found
        state = await self._current_state()
        if not state.is_trusted(self._digest(key, matching), self._now()):
            return found
        waiting = await aside(_grouped, key, state.generation, frozenset(numbers))

        async def look_up() -> None:
            while waiting and _loop_time() >= self._rests_until:
                partition, by_prefix = waiting.pop()
                try:
                    customers = await self._customers_of(partition, tuple(by_prefix))
                except StorageError as error:
                    self._rest(error)
                    return
                found.update({number: customers[prefix] for prefix, number in by_prefix.items() if prefix in customers})

        await asyncio.gather(*[look_up() for _ in range(LOOK_UPS_AT_ONCE)])
        return found

    async def warm_up(self) -> None:
        """Open the connection and read the state, without haste. Never raises."""
        if self.key is not None:
            await self._reading_task()

    async def health(self, matching: CustomerMatching) -> Sequence[Finding]:
        """Whether callers are found by it; nothing while it is off."""
        if self.key is None:
            return ()
        state = await self._current_state()
        return (_finding(state, state.is_trusted(self._digest(self.key, matching), self._now()), matching),)

    async def _current_state(self) -> IndexState:
        if _loop_time() - self._read_at >= STATE_SECONDS:
            # A caller whose patience ends leaves the reading alone: the first one opens a connection and fetches a
            # token, and would never come to its end otherwise.
            await asyncio.shield(self._reading_task())
        return self._state

    def _reading_task(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_state())
        return self._reading

    async def _read_state(self) -> None:
        try:
            entity = await self._tables.get(TABLE, STATE_PARTITION, STATE_ROW)
        except StorageError as error:
            self._state = IndexState()
            self._rest(error)
        else:
            self._state = IndexState() if entity is None else read_state(entity.values)
        self._read_at = _loop_time()

    async def _customers(self, generation: int, digest: str) -> Mapping[MatchKind, tuple[str, ...]] | None:
        prefix = number_prefix(digest)
        return (await self._customers_of(number_partition(generation, digest), (prefix,))).get(prefix)

    async def _customers_of(
        self, partition: str, prefixes: tuple[str, ...]
    ) -> dict[str, Mapping[MatchKind, tuple[str, ...]]]:
        """The customers of some numbers of a partition; nothing about a number that has too many."""
        found: dict[str, dict[MatchKind, list[str]]] = {prefix: {} for prefix in prefixes}
        counts = Counter[str]()
        async with aclosing(self._tables.list(TABLE, partition, (), prefix=prefixes)) as entries:
            async for each in entries:
                prefix = each.row[: len(prefixes[0])]
                counts[prefix] += 1
                if counts[prefix] <= MOST_CUSTOMERS:
                    customer = customer_of(each.row)
                    found[prefix].setdefault(customer.kind, []).append(customer.row_id)
                elif len(prefixes) == 1:
                    break
        return {
            prefix: {kind: tuple(ids) for kind, ids in kinds.items()}
            for prefix, kinds in found.items()
            if counts[prefix] <= MOST_CUSTOMERS
        }

    def _digest(self, key: NumberKey, matching: CustomerMatching) -> str:
        if self._settings is None or self._settings[0] is not matching:
            self._settings = matching, settings_digest(matching, key, self._environment)
        return self._settings[1]

    def _rest(self, error: Exception) -> None:
        if _loop_time() >= self._rests_until:
            _log.warning("The number index did not answer and is left alone for a while: %s", type(error).__name__)
        self._rests_until = _loop_time() + REST_SECONDS


def _finding(state: IndexState, is_trusted: bool, matching: CustomerMatching) -> Finding:
    if matching.numbers_to_cut:
        return Finding(_NAME, Status.AMBER, "not used: NumbersToCut asks for parts of numbers, and it has whole ones")
    if is_trusted:
        return Finding(_NAME, Status.GREEN, "fresh", state.refreshed_at)
    if not state.generation:
        return Finding(_NAME, Status.AMBER, "being built, or storage does not answer: Dataverse is asked instead")
    return Finding(_NAME, Status.AMBER, "stale: Dataverse is asked instead", state.refreshed_at)


def _grouped(key: NumberKey, generation: int, numbers: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """The numbers by their prefix in a partition, as many of a partition together as one request looks up."""
    partitions: dict[str, dict[str, str]] = {}
    for number in numbers:
        digest = key.digest(number)
        partitions.setdefault(number_partition(generation, digest), {})[number_prefix(digest)] = number
    return [
        (partition, dict(some))
        for partition, by_prefix in partitions.items()
        for some in batched(by_prefix.items(), LOOKED_UP_TOGETHER, strict=False)
    ]


_NAME = "number index"


def open_number_index(settings: Settings, tables: IndexTables) -> NumberIndex:
    """The index of this process. A key that cannot be one is named in the log, and the index is off."""
    key = None
    if settings.number_index_enabled:
        key = number_key(settings.number_index_key)
        if key is None:
            problem = key_problem(settings.number_index_key)
            _log.warning("NUMBER_INDEX_KEY %s and counts as absent: the number index is off", problem)
    return NumberIndex(tables, key, settings.dataverse_url)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
