"""An entity group transaction of Table Storage: the request for many rows of one partition, and what its answer says.

The bytes are those of `TableClient.submit_transaction` (azure-data-tables 12.7). The SDK writes and reads them with the
standard library's `email`, which keeps the event loop for 30 ms where a hundred rows take one.
Source: "Performing entity group transactions" (Microsoft Learn). Why not the SDK: docs/decisions/0023.
"""

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.clock import utc_now
from shared.storage.entities import Value

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_ACCEPTED = 202
"""The status of the answer to a transaction, of one that was refused too: its only part says so then."""
_VERSION = "2019-02-02"
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_ERROR_HEADER = re.compile(rb"^x-ms-error-code: *([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_ERROR = re.compile(rb"^\{.*\}", re.MULTILINE | re.DOTALL)


class RefusedError(HttpResponseError):
    """A row was refused, and so none is written; `status_code` and `error_code` are those of that row."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"a transaction was refused: {status} {code}")
        self.status_code = status
        self.error_code = code


async def write_rows(client: "TableClient", partition: str, rows: Iterable[tuple[str, Mapping[str, Value]]]) -> None:
    """Write these properties over whatever was there. Raises HttpResponseError when none is written."""
    await _submit(client, _Steps(_table_address(client), partition).writing(rows, utc_now()))


async def remove_rows(client: "TableClient", partition: str, rows: Iterable[str]) -> None:
    """Remove these, whichever version is there. Raises HttpResponseError when none is removed."""
    await _submit(client, _Steps(_table_address(client), partition).removing(rows, utc_now()))


async def _submit(client: "TableClient", steps: Iterable[bytes]) -> None:
    boundary = str(uuid4())
    request = HttpRequest(
        "POST",
        f"{_account_address(client)}/$batch",
        headers={
            "x-ms-version": _VERSION,
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
            "Content-Type": f"multipart/mixed; boundary=batch_{boundary}",
            "Accept": "application/json",
        },
        content=_body(steps, boundary),
    )
    # The pipeline signs the request and reads the answer. With `stream` it leaves the body alone, which is no JSON.
    response = await client._client.send_request(request, stream=True)
    answer = await response.read()
    if response.status_code != _ACCEPTED:
        raise HttpResponseError(response=response)
    check_answer(answer)


def _account_address(client: "TableClient") -> str:
    return client.url.partition("?")[0].rstrip("/")


def _table_address(client: "TableClient") -> str:
    return f"{_account_address(client)}/{client.table_name}"


@dataclass(frozen=True)
class _Steps:
    """The steps of a transaction: all are done, or none."""

    table_address: str
    """As `http://127.0.0.1:10002/account/Table`."""
    partition: str

    def writing(self, rows: Iterable[tuple[str, Mapping[str, Value]]], now: datetime) -> list[bytes]:
        head = f"x-ms-version: {_VERSION}\r\nDataServiceVersion: 3.0\r\nAccept: application/json\r\n{_dates(now)}\r\n"
        steps = []
        for row, properties in rows:
            body = json.dumps(_typed({"PartitionKey": self.partition, "RowKey": row, **properties}))
            length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            steps.append(f"PUT {self._address(row)} HTTP/1.1\r\n{length}{head}{body}".encode())
        return steps

    def removing(self, rows: Iterable[str], now: datetime) -> list[bytes]:
        head = (
            f"x-ms-version: {_VERSION}\r\nDataServiceVersion: 3.0\r\nAccept: application/json;odata=minimalmetadata\r\n"
            f"If-Match: *\r\n{_dates(now)}\r\n"
        )
        return [f"DELETE {self._address(row)} HTTP/1.1\r\n{head}".encode() for row in rows]

    def _address(self, row: str) -> str:
        return f"{self.table_address}(PartitionKey='{_quoted(self.partition)}',RowKey='{_quoted(row)}')"


def _body(steps: Iterable[bytes], boundary: str) -> bytes:
    """The steps as one change set."""
    batch, changes = f"--batch_{boundary}".encode(), f"--changeset_{boundary}".encode()
    framed = [batch, b"\r\nContent-Type: multipart/mixed; boundary=", changes[2:], b"\r\n\r\n"]
    for number, step in enumerate(steps):
        framed += [
            changes,
            b"\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: ",
            str(number).encode(), b"\r\n\r\n", step, b"\r\n",
        ]  # fmt: skip
    framed += [changes, b"--\r\n\r\n", batch, b"--\r\n"]
    return b"".join(framed)


def check_answer(answer: bytes) -> None:
    """Raises RefusedError, if a part of the answer is an error."""
    for found in _STATUS.finditer(answer):
        if not 200 <= (status := int(found[1])) < 300:
            raise RefusedError(status, _code(answer[found.end() :]))


def _code(part: bytes) -> str:
    if header := _ERROR_HEADER.search(part):
        return header[1].decode().strip()
    try:
        return str(json.loads(_ERROR.search(part)[0])["odata.error"]["code"])  # type: ignore[index]
    except (ValueError, LookupError, TypeError):
        return ""


def _quoted(key: str) -> str:
    return quote(key.replace("'", "''"), safe="")


def _dates(now: datetime) -> str:
    date = format_datetime(now, usegmt=True)
    return f"x-ms-date: {date}\r\nDate: {date}\r\n"


def _typed(properties: Mapping[str, Value]) -> dict[str, object]:
    """The properties in JSON, with their types where JSON has no such type."""
    typed: dict[str, object] = {}
    for name, value in properties.items():
        written, edm_type = _written(value)
        typed[name] = written
        if edm_type:
            typed[f"{name}@odata.type"] = edm_type
    return typed


def _written(value: Value) -> tuple[object, str]:
    match value:
        case str():
            return value, "Edm.String"
        case bool():
            return value, ""
        case int():
            return (value, "") if -(2**31) <= value < 2**31 else (str(value), "Edm.Int64")
        case float() if math.isfinite(value):
            return value, "Edm.Double"
        case float():
            return ("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"), "Edm.Double"
        case datetime():
            moment = value.astimezone(UTC)
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}Z", "Edm.DateTime"
        case bytes():
            return base64.b64encode(value).decode(), "Edm.Binary"
