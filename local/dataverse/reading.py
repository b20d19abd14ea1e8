"""Answers the GETs: one row, a page of a collection, one property, a count."""

import json
from dataclasses import dataclass
from typing import Any

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, bad_query, row_does_not_exist, unknown_segment
from local.dataverse.messages import Request, Response, json_response
from local.dataverse.paging import LARGEST_PAGE, Cursors, Listing, next_link, read_position, without_skip_token
from local.dataverse.query import Query, page_size, read_query
from local.dataverse.rendering import Annotations, Renderer, etag_of
from local.dataverse.store import ID_SLOT, Row, Store, Table
from local.dataverse.tracking import DELETED, Delta, changes, check_tracked, deleted_entry, known_version

COUNT_CAP = 5000
COUNT_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
TOTAL_COUNT = "Microsoft.Dynamics.CRM.totalrecordcount"


@dataclass(frozen=True)
class Scope:
    """The rows below one row: those that a collection-valued navigation property leads to, and its address."""

    ids: frozenset[str]
    address: str


class Reading:
    """Answers reads of the store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self.forget_rows()

    def forget_rows(self) -> None:
        """No further page is known of what was read."""
        self._cursors = Cursors()

    def collection(self, table: Table, request: Request, base: str, scope: Scope | None = None) -> Response:
        """Returns one page of the rows that the query chooses, or of what changed since a delta token."""
        query = self._query(table, request)
        size = page_size(request.preference("odata.maxpagesize"))
        tracked = query.delta_token is not None or request.preference("odata.track-changes") is not None
        position = read_position(query.skip_token)
        address = scope.address if scope is not None else f"{base}/{table.definition.entity_set}"
        known = f"{address}?{without_skip_token(request.query)}"
        listing = self._cursors.find(position, known)
        cursor = position.cursor if listing is not None else ""
        if listing is None and tracked and position.start:
            raise bad_query("The pages of these changes are no longer known. Begin anew.")
        if listing is None:
            listing = self._listing(query, scope, size, tracked=tracked)
        end = position.start + (size or LARGEST_PAGE)
        annotations = Annotations(request.preference("odata.include-annotations"))
        suffix = "" if query.delta_token is None else "/$delta"
        content: dict[str, Any] = {"@odata.context": f"{base}/$metadata#{_context(query)}{suffix}"}
        content.update(_counts(query, len(listing.ids), annotations))
        content["value"] = self._values(query, listing.ids[position.start : end], annotations, base)
        if end < len(listing.ids):
            cursor = cursor or self._cursors.keep(known, listing)
            content["@odata.nextLink"] = next_link(address, request.query, position, cursor, end, tracked=tracked)
        elif tracked:
            content["@odata.deltaLink"] = Delta(listing.version).link(address, request.query)
        headers = _applied(request, "odata.maxpagesize", "odata.include-annotations", "odata.track-changes")
        return json_response(content, headers=headers)

    def _query(self, table: Table, request: Request) -> Query:
        request.may_read(table)
        query = read_query(self._store, table, request.query, request.caller)
        _require_expansions(query, request)
        return query

    def _listing(self, query: Query, scope: Scope | None, size: int | None, *, tracked: bool) -> Listing:
        version = self._store.version
        if tracked:
            check_tracked(query)
            since = known_version(query.delta_token, self._store, self._environment)
            if since is not None:
                return Listing(changes(query.table, since), version)
        rows = query.choose()
        if scope is not None:
            rows = [row for row in rows if row[ID_SLOT] in scope.ids]
        if query.top is not None and size is None:  # with odata.maxpagesize, $top is ignored ("Page results")
            rows = rows[: query.top]
        return Listing([row[ID_SLOT] for row in rows], version)

    def _values(self, query: Query, ids: list[str], annotations: Annotations, base: str) -> list[dict[str, Any]]:
        if not ids:
            return []
        render = Renderer(self._store, annotations).compile(query)
        rows = query.table.rows
        return [
            render(row) if row is not None else deleted_entry(query.table, each.removeprefix(DELETED), base)
            for each in ids
            # A row may have gone since the first page.
            if (row := rows.get(each)) is not None or each.startswith(DELETED)
        ]

    def count(self, table: Table, request: Request) -> Response:
        """Returns the number of rows as plain text."""
        query = self._query(table, request)
        text = str(min(len(query.choose()), COUNT_CAP))
        return Response(200, {"Content-Type": "text/plain"}, text.encode())

    def row(self, table: Table, row_id: str, request: Request, base: str) -> Response:
        """Returns one row, 304 when the caller has this version, 404 when there is none."""
        row = self.existing(table, row_id)
        query = self._query(table, request)
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
        query = self._query(table, request)
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


def _require_expansions(query: Query, request: Request) -> None:
    for expansion in query.expand:
        request.may_read(expansion.target)
        _require_expansions(expansion.query, request)


def _counts(query: Query, total: int, annotations: Annotations) -> dict[str, Any]:
    if not query.count:
        return {}
    counts: dict[str, Any] = {"@odata.count": min(total, COUNT_CAP)}
    if COUNT_EXCEEDED in annotations:
        counts[f"@{TOTAL_COUNT}"] = min(total, COUNT_CAP)
        counts[f"@{COUNT_EXCEEDED}"] = total > COUNT_CAP
    return counts


def _context(query: Query) -> str:
    entity_set = query.table.definition.entity_set
    return entity_set if query.select is None else f"{entity_set}({','.join(query.select)})"


def _applied(request: Request, *names: str) -> dict[str, str]:
    """Names the preferences that were honoured."""
    applied = []
    for name in names:
        value = request.preference(name)
        if value is not None:
            applied.append(name if not value else f"{name}={value}" if value.isdigit() else f'{name}="{value}"')
    return {"Preference-Applied": ",".join(applied)} if applied else {}


def refuse_long_url(request: Request, length: int) -> None:
    """Refuses a URL over 32,768 characters, in `$batch` over 65,536 ("Compose HTTP requests")."""
    limit = 65_536 if request.in_batch else 32_768
    if length > limit:
        raise DataverseError(414, "0x8006088a", f"The request URL is longer than {limit} characters.")
