"""The Dataverse Web API on the wire, as pure functions: queries, `$batch` and `*Multiple` bodies, answers.

Nothing here does I/O. Every literal passes through `literal` and every query string through `Query.path`, so a
`+` (which a server reads as a space), a quote or an ampersand cannot change what is asked.
Source: Dataverse developer documentation, "Use the Microsoft Dataverse Web API".
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from shared.dataverse.errors import DataverseError, UnavailableError, error_for
from shared.dataverse.tables import JsonRow, Table, utc_text

API_PATH = "/api/data/v9.2/"
BATCH_LIMIT = 1000
"""Requests in one `$batch` (Execute batch operations)."""

type Scalar = str | int | bool | Decimal | UUID | datetime | None


# ---------------------------------------------------------------------------------------------------- filters


def literal(value: Scalar) -> str:
    """One value as an OData literal, not yet URL-encoded. Raises ValueError for a datetime without a zone."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return utc_text(value)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class _Alias:
    """A value that travels as a parameter alias (`@p1=...`), as the query functions of Dataverse want it."""

    text: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a row, with the names of the columns that it reads."""

    parts: tuple[str | _Alias, ...]
    columns: frozenset[str]

    def render(self) -> tuple[str, list[str]]:
        """The text of `$filter` and the texts of its aliases `@p1`, `@p2`, ..., none of them URL-encoded."""
        aliases: list[str] = []
        text = []
        for part in self.parts:
            if isinstance(part, _Alias):
                aliases.append(part.text)
                text.append(f"@p{len(aliases)}")
            else:
                text.append(part)
        return "".join(text), aliases


def _comparison(operator: str, column: str, value: Scalar) -> Filter:
    return Filter((f"{column} {operator} {literal(value)}",), frozenset({column}))


def eq(column: str, value: Scalar) -> Filter:
    """Rows whose column equals the value (text: whatever the case)."""
    return _comparison("eq", column, value)


def ge(column: str, value: Scalar) -> Filter:
    """Rows whose column is at least the value."""
    return _comparison("ge", column, value)


def lt(column: str, value: Scalar) -> Filter:
    """Rows whose column is below the value."""
    return _comparison("lt", column, value)


def is_in(column: str, values: Iterable[str | UUID]) -> Filter:
    """Rows whose column is one of the values: Dataverse's own `In`, which takes texts whatever the column's type.

    A lookup is named as everywhere (`_userid_value`) and travels as `userid`: query functions know attributes only.
    """
    attribute = column.removeprefix("_").removesuffix("_value") if column.startswith("_") else column
    name, array = literal(attribute), json.dumps([str(value) for value in values], ensure_ascii=False)
    parts = ("Microsoft.Dynamics.CRM.In(PropertyName=", _Alias(name), ",PropertyValues=", _Alias(array), ")")
    return Filter(parts, frozenset({column}))


def all_of(*conditions: Filter) -> Filter:
    """Rows that meet every condition."""
    return _joined(" and ", conditions)


def any_of(*conditions: Filter) -> Filter:
    """Rows that meet at least one condition."""
    return _joined(" or ", conditions)


def _joined(word: str, conditions: Sequence[Filter]) -> Filter:
    if not conditions:
        raise ValueError("a combined filter needs at least one condition")
    parts: list[str | _Alias] = []
    for position, condition in enumerate(conditions):
        parts += [word if position else "", "(", *condition.parts, ")"]
    return Filter(tuple(parts), frozenset().union(*(condition.columns for condition in conditions)))


# ---------------------------------------------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Expand:
    """The row behind a single-valued navigation property, with its own columns and further rows behind it."""

    navigation: str
    table: Table
    select: tuple[str, ...]
    expand: tuple["Expand", ...] = ()

    def render(self) -> str:
        self.table.require_readable(self.select)
        options = f"$select={','.join(self.select)}"
        return f"{self.navigation}({options}{_expand_option(';', self.table, self.expand)})"


def _expand_option(separator: str, table: Table, expand: Sequence[Expand]) -> str:
    if not expand:
        return ""
    for inner in expand:
        table.lookup(inner.navigation)
    return f"{separator}$expand={','.join(inner.render() for inner in expand)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One read of one table. Column and navigation names are checked against the table when the path is made."""

    table: Table
    select: tuple[str, ...]
    where: Filter | None = None
    order_by: tuple[str, ...] = ()
    top: int | None = None
    expand: tuple[Expand, ...] = ()

    def path(self) -> str:
        """The URL below `/api/data/v9.2/`, encoded. Raises UnknownNameError for a name that the table lacks."""
        self.table.require_readable(self.select)
        options = [f"$select={','.join(self.select)}"]
        if self.where is not None:
            self.table.require_readable(self.where.columns)
            condition, aliases = self.where.render()
            options.append(f"$filter={_encoded(condition)}")
            options += [f"@p{number}={_encoded(text)}" for number, text in enumerate(aliases, 1)]
        if self.order_by:
            self.table.require_readable(term.split()[0] for term in self.order_by)
            options.append(f"$orderby={_encoded(','.join(self.order_by))}")
        if self.top is not None:
            options.append(f"$top={self.top}")
        return f"{self.table.entity_set}?{'&'.join(options)}{_expand_option('&', self.table, self.expand)}"


def _encoded(text: str) -> str:
    # Everything outside RFC 3986's unreserved set is percent-encoded, but for signs that only help reading.
    return quote(text, safe="~()',:@$/")


# ----------------------------------------------------------------------------------------------------- bodies


def multiple_body(table: Table, rows: Sequence[JsonRow]) -> bytes:
    """The body of Create-, Update- or UpsertMultiple ("Use bulk operation messages")."""
    kind = f"Microsoft.Dynamics.CRM.{table.logical_name}"
    return _json_bytes({"Targets": [{"@odata.type": kind, **row} for row in rows]})


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside a `$batch`. `path` is below `/api/data/v9.2/` and already encoded."""

    method: str
    path: str
    body: JsonRow | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PartReply:
    """An answer, alone or inside a `$batch`: HTTP status, headers in lower case, decoded JSON (None without any)."""

    status: int
    headers: dict[str, str]
    body: Any

    def error(self, now: datetime) -> DataverseError | None:
        """The failure that this answer stands for, None for a success. `now` reads a Retry-After date."""
        if self.status < 400:
            return None
        code, detail = error_fields(self.body)
        retry_after = retry_after_seconds(self.headers.get("retry-after"), now)
        return error_for(self.status, code, detail, self.headers.get("x-ms-service-request-id", ""), retry_after)


def batch_body(parts: Sequence[Part], boundary: str) -> bytes:
    """A `$batch` of independent requests ("Execute batch operations using the Web API": CRLF, blank lines).

    Raises ValueError above 1,000 parts.
    """
    if len(parts) > BATCH_LIMIT:
        raise ValueError(f"a $batch takes at most {BATCH_LIMIT} requests, not {len(parts)}")
    lines: list[bytes] = []
    for part in parts:
        head = [
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            f"{part.method} {API_PATH}{part.path} HTTP/1.1",
            "Accept: application/json",
            *(f"{name}: {value}" for name, value in part.headers),
            *(["Content-Type: application/json; type=entry"] if part.body is not None else []),
            "",
        ]
        lines += [line.encode() for line in head]
        lines.append(_json_bytes(part.body) if part.body is not None else b"")
    lines += [f"--{boundary}--".encode(), b""]
    return b"\r\n".join(lines)


_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")


def read_batch(content_type: str, body: bytes) -> list[PartReply]:
    """The answers inside a `$batch` reply, in order; those of a change set stand flat among the others.

    Raises UnavailableError when the reply is not the multipart message that was asked for.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/mixed") or found is None:
        raise UnavailableError(f"the $batch reply has the content type {content_type.split(';')[0]!r}")
    replies: list[PartReply] = []
    sections = (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode())
    if not sections[-1].startswith(b"--"):
        raise UnavailableError("the $batch reply ends in the middle")
    for section in sections[1:-1]:
        head, _, rest = section.lstrip(b"\r\n").partition(b"\r\n\r\n")
        inner_type = _headers(head.split(b"\r\n")).get("content-type", "")
        if inner_type.lower().startswith("multipart/mixed"):
            replies += read_batch(inner_type, rest)
        else:
            replies.append(_part_reply(rest))
    return replies


def _part_reply(message: bytes) -> PartReply:
    head, _, body = message.partition(b"\r\n\r\n")
    status_line, *header_lines = head.lstrip(b"\r\n").split(b"\r\n")
    status = _STATUS_LINE.match(status_line)
    if status is None:
        raise UnavailableError("a part of the $batch reply has no status line")
    return PartReply(int(status.group(1)), _headers(header_lines), read_json(body) if body.strip() else None)


def _headers(lines: Iterable[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines if b":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


# ---------------------------------------------------------------------------------------------------- answers


def read_json(body: bytes) -> Any:
    """The JSON in an answer. Raises UnavailableError for anything else, such as the HTML page of a gateway."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UnavailableError("Dataverse's answer is not JSON") from None


def error_fields(body: object) -> tuple[str, str]:
    """Code and text of an error answer `{"error": {"code", "message"}}`, empty where absent."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), str(error.get("message") or "")


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or an HTTP date; None when it holds neither."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - now).total_seconds())
