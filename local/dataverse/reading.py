"""Answers the GETs: one row, a page of a collection, one property, a count."""

import json
import re
from collections import OrderedDict
from typing import Any
from urllib.parse import quote, unquote_plus
from uuid import uuid4

from local.dataverse.errors import DataverseError, bad_query, row_does_not_exist, unknown_segment
from local.dataverse.messages import Request, Response, json_response
from local.dataverse.query import Query, page_size, read_query
from local.dataverse.rendering import Annotations, Renderer, etag_of
from local.dataverse.store import ID_SLOT, Row, Store, Table

LARGEST_PAGE = 5000
COUNT_CAP = 5000
OPEN_CURSORS = 64
COUNT_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
TOTAL_COUNT = "Microsoft.Dynamics.CRM.totalrecordcount"
COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([0-9a-f-]+):(\d+)" istracking="False" />')


class Reading:
    """Answers reads of the store and keeps the cursors of half-read collections."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cursors: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()

    def collection(self, table: Table, request: Request, base: str) -> Response:
        """Returns one page of the rows that the query chooses."""
        query = read_query(self._store, table, request.query, request.caller)
        size = page_size(request.preference("odata.maxpagesize"))
        annotations = Annotations(request.preference("odata.include-annotations"))
        rows, following, total = self._page(query, request, size)
        render = Renderer(self._store, annotations).compile(query)
        content: dict[str, Any] = {"@odata.context": f"{base}/$metadata#{_context(query)}"}
        if query.count:
            content["@odata.count"] = min(total, COUNT_CAP)
            if COUNT_EXCEEDED in annotations:
                content[f"@{TOTAL_COUNT}"] = min(total, COUNT_CAP)
                content[f"@{COUNT_EXCEEDED}"] = total > COUNT_CAP
        content["value"] = [render(row) for row in rows]
        if following is not None:
            content["@odata.nextLink"] = _next_link(base, table, request.query, following)
        return json_response(content, headers=_applied(request, "odata.maxpagesize", "odata.include-annotations"))

    def _page(self, query: Query, request: Request, size: int | None) -> tuple[list[Row], str | None, int]:
        """Returns the rows of the page, the cookie of the next one, and how many rows there are in all."""
        limit = size or LARGEST_PAGE
        without_token = _without_skip_token(request.query)
        cursor, number, start = str(uuid4()), 1, 0
        ids: list[str] | None = None
        if query.skip_token is not None:
            match = COOKIE.fullmatch(unquote_plus(query.skip_token))
            if match is None:
                raise bad_query("Malformed XML in the Paging Cookie of $skiptoken.")
            number, start = int(match[1]), int(match[3])
            kept = self._cursors.get(match[2])
            if kept is not None and kept[0] == without_token:
                cursor, ids = match[2], kept[1]
        if ids is None:
            rows = query.choose()
            if query.top is not None and size is None:  # with odata.maxpagesize, $top is ignored ("Page results")
                rows = rows[: query.top]
            if len(rows) <= limit and start == 0:
                return rows, None, len(rows)
            ids = [row[ID_SLOT] for row in rows]
            self._keep(cursor, without_token, ids)
        chosen = [row for row_id in ids[start : start + limit] if (row := query.table.rows.get(row_id)) is not None]
        end = start + limit
        more = f'<cookie pagenumber="{number + 1}" pagingcookie="{cursor}:{end}" istracking="False" />'
        return chosen, more if end < len(ids) else None, len(ids)

    def _keep(self, cursor: str, query: str, ids: list[str]) -> None:
        self._cursors[cursor] = (query, ids)
        while len(self._cursors) > OPEN_CURSORS:
            self._cursors.popitem(last=False)

    def count(self, table: Table, request: Request) -> Response:
        """Returns the number of rows as plain text."""
        query = read_query(self._store, table, request.query, request.caller)
        text = str(min(len(query.choose()), COUNT_CAP))
        return Response(200, {"Content-Type": "text/plain"}, text.encode())

    def row(self, table: Table, row_id: str, request: Request, base: str) -> Response:
        """Returns one row, 304 when the caller has this version, 404 when there is none."""
        row = self.existing(table, row_id)
        query = read_query(self._store, table, request.query, request.caller)
        annotations = Annotations(request.preference("odata.include-annotations"))
        known = request.header("if-none-match")
        if known not in {"", "null"} and not query.expand and not annotations and known == etag_of(row):
            return Response(304, {"ETag": etag_of(row)})
        return self.rendered(query, row, annotations, base, headers=_applied(request, "odata.include-annotations"))

    def rendered(
        self,
        query: Query,
        row: Row,
        annotations: Annotations,
        base: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Returns the row as an answer with its ETag."""
        content = {"@odata.context": f"{base}/$metadata#{_context(query)}/$entity"}
        content.update(Renderer(self._store, annotations).compile(query)(row))
        return json_response(content, status, {"ETag": etag_of(row), **(headers or {})})

    def written_row(self, table: Table, row_id: str, request: Request, base: str, status: int) -> Response:
        """Returns the row that a write left behind, for `Prefer: return=representation`."""
        query = read_query(self._store, table, request.query, request.caller)
        if request.method == "PATCH":
            query.expand = []  # ignored on PATCH ("Update and delete rows")
        annotations = Annotations(request.preference("odata.include-annotations"))
        applied = {"Preference-Applied": "return=representation"}
        return self.rendered(query, table.rows[row_id], annotations, base, status=status, headers=applied)

    def single_property(self, table: Table, row_id: str, name: str, base: str, *, raw: bool = False) -> Response:
        """Returns one property of a row, 204 when it is null."""
        row = self.existing(table, row_id)
        if name not in table.slots:
            raise unknown_segment(name)
        value = table.value(row, name)
        if value is None:
            return Response(204)
        if raw:
            text = value if isinstance(value, str) else json.dumps(value)
            return Response(200, {"Content-Type": "text/plain"}, text.encode())
        context = f"{base}/$metadata#{table.definition.entity_set}({row_id})/{name}"
        return json_response({"@odata.context": context, "value": value})

    def existing(self, table: Table, row_id: str) -> Row:
        """Returns the row, or refuses with 404."""
        row = table.rows.get(row_id)
        if row is None:
            raise row_does_not_exist(table.definition.name, row_id)
        return row


def _context(query: Query) -> str:
    entity_set = query.table.definition.entity_set
    return entity_set if query.select is None else f"{entity_set}({','.join(query.select)})"


def _applied(request: Request, *names: str) -> dict[str, str]:
    """Names the preferences that were honoured."""
    applied = []
    for name in names:
        value = request.preference(name)
        if value is not None:
            applied.append(f"{name}={value}" if value.isdigit() else f'{name}="{value}"')
    return {"Preference-Applied": ",".join(applied)} if applied else {}


def _without_skip_token(query: str) -> str:
    kept = [part for part in query.split("&") if not part.startswith(("$skiptoken=", "%24skiptoken="))]
    return "&".join(kept)


def _next_link(base: str, table: Table, query: str, cookie: str) -> str:
    kept = _without_skip_token(query)
    token = f"$skiptoken={quote(quote(cookie, safe=''), safe='')}"
    options = f"{kept}&{token}" if kept else token
    return f"{base}/{table.definition.entity_set}?{options}"


def refuse_long_url(request: Request, length: int) -> None:
    """Refuses a URL over 32,768 characters, in `$batch` over 65,536 ("Compose HTTP requests")."""
    limit = 65_536 if request.in_batch else 32_768
    if length > limit:
        raise DataverseError(414, "0x8006088a", f"The request URL is longer than {limit} characters.")
