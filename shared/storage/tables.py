"""Table Storage: what was imported when, how far a sync got, who holds a lease. A memory, never the authority.

`azure.data.tables` is loaded with the first call. Tables come into being with the first write to them.
"""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError

from shared.settings import Settings
from shared.storage.connecting import Connecting
from shared.storage.entities import (
    MAX_BATCH_ROWS,
    Entity,
    Row,
    Value,
    batches,
    check_keys,
    check_prefixes,
    selected_properties,
    to_properties,
    to_values,
)
from shared.storage.errors import AlreadyThereError, ChangedError, StorageError
from shared.storage.transactions import remove_rows, write_rows
from shared.storage.tries import tried

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient

_PATIENCE_SECONDS = 15.0
_LARGE_BODY_BYTES = 512 * 1024
_WRITE_ID = "WriteId"

_log = logging.getLogger(__name__)


class _NoSuchTableError(StorageError):
    """The table does not exist yet."""


class _NoSuchRowError(ChangedError):
    """The row does not exist (any more)."""


class Tables:
    """The tables of one storage account.

    Every call raises StorageError when storage does not answer or refuses; a write may then have happened or not.
    A write whose answer was lost is repeated, and knows its own row again: it never takes itself for somebody else.
    """

    def __init__(self, connect: "Callable[[], TableServiceClient]") -> None:
        self._service = Connecting("table storage", connect)
        self._clients: dict[str, TableClient] = {}

    async def get(self, table: str, partition: str, row: str) -> Entity | None:
        """The row, or None."""
        check_keys(partition, row)
        date = _ServerDate()

        async def ask(client: "TableClient") -> Mapping[str, Any]:
            return await client.get_entity(partition, row, raw_response_hook=date.note)

        try:
            return _entity(partition, await self._run(table, ask), date)
        except (_NoSuchTableError, _NoSuchRowError):
            return None

    async def insert(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        """Write a new row. Raises AlreadyThereError."""
        body = _body(partition, row, values)

        async def create(client: "TableClient") -> str:
            # Without the preference the answer repeats the whole row.
            return str((await client.create_entity(body, response_preference="return-no-content"))["etag"])

        try:
            return Entity(partition, row, dict(values), await self._write(table, create))
        except AlreadyThereError:
            if (etag := await self._etag_of(table, body)) is None:
                raise
            return Entity(partition, row, dict(values), etag)

    async def replace(self, table: str, partition: str, row: str, values: Mapping[str, Value], *, etag: str) -> Entity:
        """Write all values of the row anew, if it still is this version. Raises ChangedError, also when it is gone."""
        body = _body(partition, row, values)

        async def update(client: "TableClient") -> str:
            written = await client.update_entity(
                body, "replace", etag=etag, match_condition=MatchConditions.IfNotModified
            )
            return str(written["etag"])

        try:
            return Entity(partition, row, dict(values), await self._write(table, update))
        except ChangedError:
            if (own := await self._etag_of(table, body)) is None:
                raise
            return Entity(partition, row, dict(values), own)

    async def put(self, table: str, partition: str, row: str, values: Mapping[str, Value]) -> Entity:
        """Write the row, over whatever was there before."""
        etag = await self._put(table, partition, row, to_properties(partition, row, values))
        return Entity(partition, row, dict(values), etag)

    async def delete(self, table: str, partition: str, row: str, *, etag: str | None = None) -> bool:
        """Remove the row, or only this version of it. False when it is gone already or a newer one is there.

        False tells nothing about who removed it: it may have been a first try of this very call.
        """
        check_keys(partition, row)
        statuses: list[int] = []

        async def remove(client: "TableClient") -> None:
            condition = MatchConditions.Unconditionally if etag is None else MatchConditions.IfNotModified
            await client.delete_entity(
                partition,
                row,
                etag=etag,
                match_condition=condition,
                raw_response_hook=lambda response: statuses.append(response.http_response.status_code),
            )

        try:
            await self._run(table, remove)
        except (ChangedError, _NoSuchTableError):
            return False
        return statuses[-1] < 300  # the SDK takes a 404 for success

    async def write_many(self, table: str, partition: str, rows: Iterable[Row]) -> None:
        """Write rows `(row key, values)` over whatever was there before, in order, up to 100 a request.

        A batch is written whole or not at all, the batches one after the other: repeat it all after a StorageError.
        """
        for batch in batches(partition, rows):
            if len(batch) == 1:
                await self._put(table, partition, *batch[0])
                continue
            await self._write(table, partial(write_rows, partition=partition, rows=batch))

    async def delete_many(self, table: str, partition: str, rows: Iterable[str]) -> None:
        """Remove the rows of these keys, up to 100 a request; one that is gone already is done.

        A batch is removed whole or not at all, the batches one after the other: repeat it all after a StorageError.
        """
        for batch in batched(dict.fromkeys(rows), MAX_BATCH_ROWS, strict=False):
            for row in batch:
                check_keys(partition, row)
            try:
                await self._run(table, partial(remove_rows, partition=partition, rows=batch))
            except _NoSuchTableError:
                return
            except _NoSuchRowError:
                # One row that is missing keeps all others of its batch.
                for row in batch:
                    await self.delete(table, partition, row)

    async def list(
        self, table: str, partition: str, select: Iterable[str] | None = None, *, prefix: str | tuple[str, ...] = ""
    ) -> AsyncGenerator[Entity]:
        """The rows of a partition in the order of their keys, in pages; only the values named in `select`, if given.

        With `prefix`, those whose keys begin with it: a range of the partition, not a scan. With several, up to seven,
        those that begin with one of them: one request for many keys, for which the service scans the partition.
        """
        prefixes = check_prefixes(partition, prefix)
        date = _ServerDate()
        names = None if select is None else ["PartitionKey", "RowKey", "Timestamp", *selected_properties(select)]
        pages = (
            (await self._client(table))
            .query_entities(_range(partition, prefixes), select=names, raw_response_hook=date.note)
            .by_page()
        )

        async def next_page(_client: "TableClient") -> Sequence[Mapping[str, Any]] | None:
            try:
                return [item async for item in await anext(pages)]
            except StopAsyncIteration:
                return None

        try:
            while (page := await self._run(table, next_page)) is not None:
                for item in page:
                    yield _entity(partition, item, date)
        except _NoSuchTableError:
            return

    def load_ahead(self) -> None:
        """In a moment, import and set up what the first call needs, on a thread. No request is made."""
        self._service.load_ahead()

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._service.value is not None:
            await self._service.value.close()

    async def _put(self, table: str, partition: str, row: str, properties: Mapping[str, Value]) -> str:
        body = {"PartitionKey": partition, "RowKey": row, **_typed(properties)}

        async def upsert(client: "TableClient") -> str:
            return str((await client.upsert_entity(body, "replace"))["etag"])

        return await self._write(table, upsert)

    async def _etag_of(self, table: str, body: Mapping[str, Any]) -> str | None:
        """The ETag in storage if what is there was written by this very call, whose first answer got lost."""

        async def ask(client: "TableClient") -> Any:
            return await client.get_entity(body["PartitionKey"], body["RowKey"], select=[_WRITE_ID])

        try:
            found = await self._run(table, ask)
        except (_NoSuchTableError, _NoSuchRowError):
            return None
        return str(found.metadata["etag"]) if found.get(_WRITE_ID) == body[_WRITE_ID] else None

    async def _client(self, table: str) -> "TableClient":
        # Making one takes as long as half a look-up; it holds no connection of its own.
        client = self._clients.get(table)
        if client is None:
            client = self._clients[table] = (await self._service.get()).get_table_client(table)
        return client

    async def _write[T](self, table: str, operation: "Callable[[TableClient], Awaitable[T]]") -> T:
        try:
            return await self._run(table, operation)
        except _NoSuchTableError:
            await self._create(table)
            return await self._run(table, operation)

    async def _create(self, table: str) -> None:
        async def create(client: "TableClient") -> None:
            await client.create_table()

        try:
            await self._run(table, create)
        except AlreadyThereError:
            return
        _log.info("Table %s is created", table)

    async def _run[T](self, table: str, operation: "Callable[[TableClient], Awaitable[T]]") -> T:
        client = await self._client(table)
        return await tried("table storage", partial(operation, client), _translated, patience=_PATIENCE_SECONDS)


class _ServerDate:
    """The `Date` of the latest answer: the storage's own clock."""

    def __init__(self) -> None:
        self.value: datetime | None = None

    def note(self, response: Any) -> None:
        date = response.http_response.headers.get("Date")
        self.value = parsedate_to_datetime(date).astimezone(UTC) if date else None

    def seconds_since(self, moment: datetime | None) -> float:
        if self.value is None or moment is None:
            return 0.0
        return max(0.0, (self.value - moment).total_seconds())


def _range(partition: str, prefixes: Sequence[str]) -> str:
    """The filter for the rows of a partition whose keys begin so. Keys are compared by their UTF-16 units."""
    of_partition = f"PartitionKey eq {_quoted(partition)}"
    ranges = [
        f"RowKey ge {_quoted(prefix)} and RowKey lt {_quoted(prefix[:-1] + chr(ord(prefix[-1]) + 1))}"
        for prefix in prefixes
        if prefix
    ]
    match ranges:
        case []:
            return of_partition
        case [only]:
            return f"{of_partition} and {only}"
        case _:
            return f"{of_partition} and ({' or '.join(f'({each})' for each in ranges)})"


def _quoted(key: str) -> str:
    return "'" + key.replace("'", "''") + "'"


def _body(partition: str, row: str, values: Mapping[str, Value]) -> dict[str, Any]:
    properties = _typed(to_properties(partition, row, values))
    return {"PartitionKey": partition, "RowKey": row, _WRITE_ID: uuid4().hex, **properties}


def _typed(properties: Mapping[str, Value]) -> dict[str, Any]:
    """Numbers above 32 bits say so; the SDK takes the rest as it is."""
    from azure.data.tables import EdmType, EntityProperty

    return {
        name: EntityProperty(value, EdmType.INT64)
        if isinstance(value, int) and not -(2**31) <= value < 2**31
        else value
        for name, value in properties.items()
    }


def _entity(partition: str, item: Any, date: _ServerDate) -> Entity:
    metadata = item.metadata
    return Entity(
        partition=partition,
        row=item["RowKey"],
        values=to_values(item),
        etag=metadata["etag"],
        age_seconds=date.seconds_since(metadata["timestamp"]),
    )


def _stream_large_body(request: Any) -> None:
    # Sent in one piece it would keep everybody else of the event loop waiting, of which aiohttp warns.
    body = request.http_request.data
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes) and len(body) > _LARGE_BODY_BYTES:
        request.http_request.data = BytesIO(body)


def _translated(error: AzureError) -> StorageError:
    if not isinstance(error, HttpResponseError):
        return StorageError(f"table storage failed: {type(error).__name__}")
    code = _code(error)
    match error.status_code, code:
        case 404, "TableNotFound":
            return _NoSuchTableError("no such table")
        case 404, _:
            return _NoSuchRowError("the row is gone")
        case 409, "EntityAlreadyExists" | "TableAlreadyExists":
            return AlreadyThereError("it is there already")
        case 412, _:
            return ChangedError("the row was changed meanwhile")
        case status, _:
            return StorageError(f"table storage failed: {status} {code or type(error).__name__}")


def _code(error: HttpResponseError) -> str:
    if code := getattr(error, "error_code", None):
        return str(getattr(code, "value", code))
    try:
        # The SDK leaves the error of an insert as it came.
        return str(json.loads(error.response.text())["odata.error"]["code"]) if error.response else ""
    except (ValueError, LookupError, TypeError):
        return ""


def open_tables(settings: Settings) -> Tables:
    """The tables of the account that AzureWebJobsStorage names. No request is made yet."""

    def connect() -> "TableServiceClient":
        from azure.data.tables.aio import TableServiceClient

        # The SDK repeats nothing: a repeated conditional write would take its own first try for somebody else's.
        options: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": 3,
            "read_timeout": 10,
            "raw_request_hook": _stream_large_body,
            # It would look for ~/.netrc and for proxies with each request, which takes nearly as long as all the rest.
            # The client of Dataverse does not look either.
            "use_env_settings": False,
        }
        if settings.storage_connection_string is not None:
            connection = settings.storage_connection_string.get_secret_value()
            return TableServiceClient.from_connection_string(connection, **options)
        from azure.identity.aio import ManagedIdentityCredential

        client_id = settings.storage_client_id or settings.managed_identity_client_id
        credential = ManagedIdentityCredential(client_id=client_id)
        return TableServiceClient(settings.table_service_url or "", credential=credential, **options)

    return Tables(connect)
