"""Reading who is who: ids from the map in storage, all else from Dataverse.

Mobile numbers and whether somebody is disabled are read with the users, in one query, and kept for some minutes in
this process alone. So no number is stored, not even as a digest, and a number or a user who was changed in Dynamics
counts within minutes, without a run of the sync.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Protocol

from shared.dataverse.odata import Query
from shared.dataverse.tables import JsonRow
from shared.long_work import FEW, bite_if
from shared.recent import Recent
from shared.settings import Settings
from shared.storage.entities import Entity
from shared.users.layout import PARTITION, TABLE, StoredMap, read_map
from shared.users.matching import DynamicsUser, EnreachUser, UserMap, assign, user_map
from shared.users.queries import UserColumns

GOOD_FOR_SECONDS = 120.0
"""How long a map is good: somebody who was matched counts for calls within two minutes."""


class MapRows(Protocol):
    """What reading the map needs of Table Storage; `shared.storage.tables.Tables` has it."""

    def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str = ""
    ) -> AsyncGenerator[Entity]: ...


class Dynamics(Protocol):
    """What it needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    async def query(self, query: Query, *, within: float | None = None) -> list[JsonRow]: ...


class UserList(Protocol):
    """The users that Enreach listed; `shared.enreach.models.Reading` of them."""

    @property
    def items(self) -> Sequence[EnreachUser]: ...
    @property
    def unreadable(self) -> Sequence[object]: ...


class Enreach(Protocol):
    """What it needs of Enreach; `shared.enreach.client.EnreachClient` has it."""

    async def users(self) -> UserList: ...


async def read_stored(tables: MapRows) -> StoredMap:
    """The map as it is stored, in one request. Raises StorageError."""
    return read_map({entity.row: entity.values async for entity in tables.list(TABLE, PARTITION)})


class Users:
    """The users as callers see them. One instance a process."""

    def __init__(
        self,
        tables: MapRows,
        dynamics: Dynamics,
        enreach: Enreach | None,
        columns: UserColumns,
        *,
        good_for: float = GOOD_FOR_SECONDS,
    ) -> None:
        self._tables = tables
        self._dynamics = dynamics
        self._enreach = enreach
        self._columns = columns
        self._good_for = good_for
        self._recent: Recent[str | None, UserMap] = Recent(good_for)

    async def read_users(self, region: str | None) -> UserMap:
        """The map, some minutes old at most. `region` reads mobile numbers without a country code (ISO 3166, as
        `DefaultRegion` of customer-matching.json).

        One request to storage and one to Dataverse for each 5,000 users; where `sync_users` never came to its end, one
        to Enreach besides (if the app has a user there), and the e-mails are matched here.
        Raises StorageError, DataverseError, EnreachError.
        """
        return await self._recent.get(region, lambda: self._read(region))

    def forget(self) -> None:
        """The next caller reads anew: the map has just been changed."""
        self._recent = Recent(self._good_for)

    async def _read(self, region: str | None) -> UserMap:
        stored = await read_stored(self._tables)
        never_ran = stored.state.completed_at is None
        rows = await self._dynamics.query(self._columns.query(emails=never_ran))
        listed = (await self._enreach.users()).items if never_ran and self._enreach is not None else ()
        return await bite_if(len(rows) > FEW, self._map, rows, stored, listed, region)

    def _map(
        self, rows: list[JsonRow], stored: StoredMap, listed: Sequence[EnreachUser], region: str | None
    ) -> UserMap:
        users: list[DynamicsUser] = [self._columns.read_user(row) for row in rows]
        ids = stored.ids
        if stored.state.completed_at is None:
            ids = assign(users, listed, None if self._columns.enreach_id else stored.ids).all
        return user_map(ids, users, region)


def columns_of(settings: Settings) -> UserColumns:
    """The columns that the settings name."""
    return UserColumns(settings.enreach_user_id_column, settings.enreach_user_email_column)


def open_users(settings: Settings, tables: MapRows, dynamics: Dynamics, enreach: Enreach | None) -> Users:
    """The users of this process. No request is made yet."""
    return Users(tables, dynamics, enreach, columns_of(settings))
