"""Transactions of table storage: the bytes that the SDK would send, and what answers say."""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from azure.core.exceptions import HttpResponseError
from azure.data.tables import EdmType, EntityProperty
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.storage.entities import Value
from shared.storage.transactions import RefusedError, check_answer, remove_rows, write_rows

PARTITION = "pär't 1+%"
ROWS: list[tuple[str, dict[str, Value]]] = [
    (
        "r'ä+ %b&=;,@$",
        {
            "Text": 'xä\u2028"\n\\😀', "Empty": "", "Int": -1, "Edge": 2**31 - 1, "Large": 2**31, "Low": -(2**63),
            "Yes": True, "No": False, "Bytes": bytes(range(256)), "None": b"", "Day": datetime(2027, 1, 2, tzinfo=UTC),
            "Moment": datetime.fromisoformat("1999-12-31T23:59:59.000678+05:45"), "Half": 1.5, "Whole": 2.0,
            "Zero": -0.0, "Tiny": 5e-324, "Up": float("inf"), "Down": float("-inf"), "Nothing": float("nan"),
        },
    ),
    ("second", {"Text": "y"}),
    ("bare", {}),
]  # fmt: skip
OF_ITS_OWN = re.compile(
    rb"(batch_|changeset_)[0-9a-f-]{36}|(?<=ate: )\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", re.MULTILINE
)


@asynccontextmanager
async def listening(status: int = 202, answer: bytes = b"") -> AsyncIterator[tuple[TableClient, list[Any]]]:
    """The client of a table whose service only notes requests."""
    seen: list[Any] = []

    async def note(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        for own in ("x-ms-client-request-id", "date", "x-ms-date", "authorization"):
            assert headers.pop(own)
        headers["content-type"] = OF_ITS_OWN.sub(b"-", headers["content-type"].encode()).decode()
        seen.append((request.method, request.raw_path, headers, OF_ITS_OWN.sub(b"-", await request.read())))
        return web.Response(status=status, body=answer, headers={"Content-Type": "multipart/mixed; boundary=b"})

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    key = base64.b64encode(b"key").decode()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/account"
    connection = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={key};TableEndpoint={address};"
    async with TableServiceClient.from_connection_string(connection, retry_total=0) as service:
        yield service.get_table_client("Rows"), seen
    await runner.cleanup()


def typed(values: Mapping[str, Value]) -> dict[str, object]:
    """As the SDK wants to be told."""
    return {
        name: EntityProperty(value, EdmType.INT64) if value in (2**31, -(2**63)) else value
        for name, value in values.items()
    }


async def written_by_sdk(client: TableClient) -> None:
    keys = [{"PartitionKey": PARTITION, "RowKey": row, **typed(values)} for row, values in ROWS]
    await client.submit_transaction([("upsert", each, {"mode": "replace"}) for each in keys])


async def removed_by_sdk(client: TableClient) -> None:
    await client.submit_transaction([("delete", {"PartitionKey": PARTITION, "RowKey": row}) for row, _ in ROWS])


async def written(client: TableClient) -> None:
    await write_rows(client, PARTITION, ROWS)


async def removed(client: TableClient) -> None:
    await remove_rows(client, PARTITION, [row for row, _ in ROWS])


@pytest.mark.parametrize(
    ("ours", "of_sdk"), [(written, written_by_sdk), (removed, removed_by_sdk)], ids=["write", "remove"]
)
async def test_what_is_sent_is_what_the_sdk_would_send(
    ours: Callable[[TableClient], Awaitable[None]], of_sdk: Callable[[TableClient], Awaitable[None]]
) -> None:
    async with listening() as (client, seen):
        await ours(client)
        await of_sdk(client)
    assert seen[0] == seen[1]
    assert seen[0][3].count(b"HTTP/1.1\r\n") == len(ROWS)


def answer_of(*parts: bytes) -> bytes:
    framed = b"".join(
        b"--changesetresponse_c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + part
        for part in parts
    )
    head = b"--batchresponse_b\r\nContent-Type: multipart/mixed; boundary=changesetresponse_c\r\n\r\n"
    return head + framed + b"--changesetresponse_c--\r\n--batchresponse_b--\r\n"


DONE = b"HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\nDataServiceVersion: 1.0;\r\nETag: e\r\n\r\n\r\n"
MISSING = (
    b"HTTP/1.1 404 Not Found\r\nContent-ID: 2\r\nDataServiceVersion: 3.0;\r\n"
    b"Content-Type: application/json;odata=minimalmetadata;charset=utf-8\r\n\r\n"
    b'{"odata.error":{"code":"ResourceNotFound","message":{"lang":"en-US","value":"2:It is not there.\\nRequestId:1"}}}'
    b"\r\n"
)
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nx-ms-error-code: ServerBusy\r\n\r\n\r\n"
SILENT = b"HTTP/1.1 500 Internal Server Error\r\n\r\nnothing to read\r\n"


def test_an_answer_to_what_was_done_says_nothing_else() -> None:
    check_answer(answer_of(*[DONE] * 100))


@pytest.mark.parametrize(
    ("part", "status", "code"),
    [(MISSING, 404, "ResourceNotFound"), (BUSY, 503, "ServerBusy"), (SILENT, 500, "")],
    ids=["missing", "busy", "no word"],
)
def test_a_refused_row_says_why(part: bytes, status: int, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_answer(answer_of(part))
    assert (refused.value.status_code, refused.value.error_code) == (status, code)


async def test_a_request_that_is_refused_as_a_whole_is_an_error_of_the_sdk() -> None:
    async with listening(403, b'{"odata.error":{"code":"AuthenticationFailed"}}') as (client, _):
        with pytest.raises(HttpResponseError) as refused:
            await written(client)
    assert refused.value.status_code == 403
    assert refused.value.response is not None
    assert "AuthenticationFailed" in refused.value.response.text()
