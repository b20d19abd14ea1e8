"""Leases on rows of Table Storage: one holder at a time, as far as that can be had, and a number that tells them apart.

Whose clock: whether a lease is over is judged by storage's own clock alone (when the row was written, and what time it
was there when it was read), so instances whose clocks differ by minutes agree. A holder measures its own time from
before it asked, so it stops before storage lets anybody else in. Still a holder may be frozen between `check()` and
its next write. Hence `fence`: a number that grows with every holder, to be written beside what the lease protects and
compared there; and `taken_over`: the one before may still be alive.

A holder that ends by an error gives the lease back. One that is cancelled or killed does not: what it sent last may
still arrive, so the lease has to run out and the next holder is told.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol
from uuid import uuid4

from shared.clock import utc_now
from shared.storage.entities import Entity, Value
from shared.storage.errors import AlreadyThereError, ChangedError, StorageError

_SKEW_SECONDS = 2.0
"""How far two machines of the storage service may differ: one dates the row, another the answer."""
_RENEWALS_A_LIFE = 3
_LONGEST_POLL_SECONDS = 2.0

_log = logging.getLogger(__name__)


class LeaseBusyError(StorageError):
    """Somebody else holds the lease; `seconds` until it is over, if it is not renewed."""

    def __init__(self, holder: str, seconds: float) -> None:
        super().__init__(f"the lease is held by {holder} for {math.ceil(seconds)} s")
        self.holder = holder
        self.seconds = seconds


class LeaseLostError(StorageError):
    """The lease is over or somebody else's. Nothing may be written any more."""


class LeaseRows(Protocol):
    """What a lease needs of Table Storage; `shared.storage.tables.Tables` has it."""

    async def get(self, table: str, partition: str, row: str) -> Entity | None: ...
    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity: ...
    async def replace(
        self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str
    ) -> Entity: ...


@dataclass(frozen=True, slots=True)
class _Place:
    tables: LeaseRows
    table: str
    partition: str
    row: str

    async def get(self) -> Entity | None:
        return await self.tables.get(self.table, self.partition, self.row)

    async def write(self, values: Mapping[str, Value], etag: str | None) -> Entity:
        if etag is None:
            return await self.tables.insert(self.table, self.partition, self.row, values)
        return await self.tables.replace(self.table, self.partition, self.row, values, etag=etag)


@dataclass(frozen=True, slots=True)
class _Term:
    """From when the holder counts, by two clocks: one of them goes on while the process or its machine is frozen."""

    wall: datetime
    loop: float
    seconds: float
    now: Callable[[], datetime]
    loop_now: Callable[[], float]

    @classmethod
    def starting(cls, seconds: float, now: Callable[[], datetime]) -> "_Term":
        loop_now = asyncio.get_running_loop().time
        return cls(now(), loop_now(), seconds, now, loop_now)

    def is_over(self) -> bool:
        by_loop = self.loop_now() - self.loop
        return by_loop >= self.seconds or self.now() - self.wall >= timedelta(seconds=self.seconds)


class Lease:
    """A lease that is held.

    `fence` is larger than that of every holder before. `taken_over` says that the last one did not give the lease
    back: its time ran out, and it may still be alive.
    """

    def __init__(self, place: _Place, entity: Entity, term: _Term, *, taken_over: bool) -> None:
        self._place = place
        self._values = entity.values
        self._etag = entity.etag
        self._term = term
        self._lost = False
        self.fence = int(str(entity.values["fence"]))
        self.taken_over = taken_over

    def check(self) -> None:
        """Raises LeaseLostError when the lease was taken over, or is over by our clock. Call it before every write,
        from whatever thread."""
        if self._lost or self._term.is_over():
            # Once over, over: work that was told to stop does not go on when a late renewal succeeds.
            self._lost = True
            raise LeaseLostError(f"the lease {self._place.row} is lost")

    async def keep(self) -> None:
        """Renew the lease until it is lost."""
        pause = self._term.seconds / _RENEWALS_A_LIFE
        while not self._lost:
            await asyncio.sleep(pause)
            term = _Term.starting(self._term.seconds, self._term.now)
            try:
                self.check()
                await self._rewrite(self._values)
            except LeaseLostError:
                self._lost = True
                _log.warning("Lease %s with fence %d is lost", self._place.row, self.fence)
            except StorageError as error:
                pause = self._term.seconds / _RENEWALS_A_LIFE / 4
                _log.warning("Lease %s could not be renewed: %s", self._place.row, error)
            else:
                self._term = term
                pause = term.seconds / _RENEWALS_A_LIFE

    async def release(self) -> None:
        """Give the lease back; the fence stays. Storage that does not answer lets it run out."""
        try:
            self.check()
            await self._rewrite({**self._values, "released": True})
        except LeaseLostError:
            return
        except StorageError as error:
            _log.warning("Lease %s could not be given back and runs out: %s", self._place.row, error)
        finally:
            self._lost = True

    async def _rewrite(self, values: Mapping[str, Value]) -> None:
        while True:
            try:
                self._etag = (await self._place.write(values, self._etag)).etag
            except ChangedError:
                # A renewal that was cut off may have arrived all the same.
                found = await self._place.get()
                if found is None or found.values.get("token") != self._values["token"]:
                    raise LeaseLostError(f"the lease {self._place.row} is lost") from None
                self._etag = found.etag
            else:
                return


class _Held(AbstractAsyncContextManager[Lease]):
    def __init__(self, place: _Place, holder: str, seconds: float, now: Callable[[], datetime], wait: float) -> None:
        self._place = place
        self._holder = holder
        self._seconds = seconds
        self._now = now
        self._wait = wait

    async def __aenter__(self) -> Lease:
        self._lease = await self._acquire_within()
        self._renewal = asyncio.create_task(self._lease.keep())
        return self._lease

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renewal.cancel()
        if error is None or isinstance(error, Exception):
            await asyncio.wait([self._renewal])
            await self._lease.release()

    async def _acquire_within(self) -> Lease:
        clock = asyncio.get_running_loop().time
        until = clock() + self._wait
        while True:
            try:
                return await self._acquire()
            except LeaseBusyError as busy:
                left = until - clock()
                if left <= 0:
                    raise
                pause = min(_LONGEST_POLL_SECONDS, max(busy.seconds, 0.1))
            await asyncio.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311 - spreads callers

    async def _acquire(self) -> Lease:
        """Raises LeaseBusyError."""
        found = await self._place.get()
        fence, released = 0, True
        if found is not None:
            fence, released = int(str(found.values["fence"])), found.values["released"] is True
            left = float(str(found.values["seconds"])) + _SKEW_SECONDS - found.age_seconds
            if not released and left > 0:
                raise LeaseBusyError(str(found.values["holder"]), left)
        term = _Term.starting(self._seconds, self._now)
        values: dict[str, Value] = {
            "holder": self._holder,
            "seconds": float(self._seconds),
            "fence": fence + 1,
            "released": False,
            "token": uuid4().hex,
        }
        try:
            entity = await self._place.write(values, found.etag if found else None)
        except (AlreadyThereError, ChangedError):
            raise LeaseBusyError("somebody who was faster", self._seconds) from None
        return Lease(self._place, entity, term, taken_over=not released)


def lease(
    tables: LeaseRows,
    table: str,
    partition: str,
    row: str,
    *,
    holder: str,
    seconds: float,
    now: Callable[[], datetime] = utc_now,
    wait: float = 0,
) -> AbstractAsyncContextManager[Lease]:
    """Hold the lease that this row stands for, renewed at each third of its life of `seconds`, until the block ends.

    Raises LeaseBusyError when somebody else holds it after `wait` seconds of asking again, StorageError when storage
    does not answer. `holder` is for people who read the row or the error: no personal data.
    """
    if seconds <= 0:
        raise ValueError("a lease needs a life")
    return _Held(_Place(tables, table, partition, row), holder, seconds, now, wait)
