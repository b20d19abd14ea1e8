"""Answers a GET with `fetchXml`: joins, order, pages and the paging cookie ("Page results using FetchXml")."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, invalid_argument
from local.dataverse.fetch_planning import root_rows
from local.dataverse.fetch_plans import Fetch, Joined, Link, Source
from local.dataverse.fetchxml import ROOT, read_fetch
from local.dataverse.indexes import index_key
from local.dataverse.messages import Request, Response, json_response
from local.dataverse.metadata import Column
from local.dataverse.query import Query
from local.dataverse.rendering import FORMATTED, Annotations, Renderer
from local.dataverse.safe_xml import NotWellFormedError, read_plain_xml
from local.dataverse.store import ID_SLOT, Row, Store, Table

CRM = "Microsoft.Dynamics.CRM."
COUNT_CAP = 5000
LEGACY_CAP = 50_000


def fetch_rows(
    store: Store, environment: Environment, table: Table, text: str, request: Request, base: str
) -> Response:
    """Returns one page of the rows that the query chooses."""
    fetch = read_fetch(store, environment, table, text, request)
    rows = chosen_rows(fetch, root_rows(fetch))
    start = _start(fetch)
    limit = fetch.top or fetch.count
    page = rows[start : start + limit]
    more = fetch.top is None and start + limit < len(rows)
    annotations = Annotations(request.preference("odata.include-annotations"))
    content: dict[str, Any] = {"@odata.context": f"{base}/$metadata#{table.definition.entity_set}"}
    if fetch.total and f"{CRM}totalrecordcount" in annotations:
        content[f"@{CRM}totalrecordcount"] = min(len(rows), COUNT_CAP)
        content[f"@{CRM}totalrecordcountlimitexceeded"] = len(rows) > COUNT_CAP
    if more and f"{CRM}fetchxmlpagingcookie" in annotations and not _by_link(fetch):
        content[f"@{CRM}fetchxmlpagingcookie"] = _cookie(fetch, page)
    if more and f"{CRM}morerecords" in annotations:
        content[f"@{CRM}morerecords"] = True
    render = _renderer(store, fetch, annotations) if page else None
    content["value"] = [] if render is None else [render(joined) for joined in page]
    applied = request.preference("odata.include-annotations")
    headers = {} if applied is None else {"Preference-Applied": f'odata.include-annotations="{applied}"'}
    return json_response(content, headers=headers)


def chosen_rows(fetch: Fetch, rows: Iterable[Row]) -> list[Joined]:
    """Returns what the query makes of these rows of its table, up to one more than the page at hand needs."""
    if _by_link(fetch):
        joined = list(_passing(fetch, rows))
        for alias, slot, descending in reversed(fetch.orders):
            joined.sort(key=_sort_key(alias, slot), reverse=descending)
        return _distinct(fetch, joined) if fetch.distinct else joined
    ordered = rows
    for _, slot, descending in reversed(fetch.orders):
        ordered = sorted(ordered, key=_slot_key(slot), reverse=descending)
    if fetch.distinct:
        return _distinct(fetch, list(_passing(fetch, ordered)))
    most = None if fetch.total else _start(fetch) + (fetch.top or fetch.count) + 1
    return list(islice(_passing(fetch, ordered), most))


def _passing(fetch: Fetch, rows: Iterable[Row]) -> Iterator[Joined]:
    tests = fetch.root.tests
    for row in rows:
        for joined in _joined({ROOT: row}, fetch.root.links):
            if all(test(joined) for test in tests):
                yield joined


def _joined(joined: Joined, links: list[Link]) -> Iterator[Joined]:
    """Yields the row once for each combination of its linked rows."""
    if not links:
        yield joined
        return
    link, rest = links[0], links[1:]
    for alias_rows in _matches(joined, link):
        yield from _joined({**joined, **alias_rows}, rest)


def _matches(joined: Joined, link: Link) -> Iterator[Joined]:
    parent = joined[_parent_alias(joined)]
    value = None if parent is None else parent[link.to_slot]
    source, found = link.source, False
    if value is not None:
        for row_id in source.table.ids_where(link.from_slot, index_key(value)):
            for inner in _nested({source.alias: source.table.rows[row_id]}, source):
                found = True
                yield inner
    if not found and link.outer:
        yield dict.fromkeys(_aliases(source))


def _nested(own: Joined, source: Source) -> Iterator[Joined]:
    """Yields the linked row with its own links, where the link's filters hold."""
    for inner in _joined(own, source.links):
        if all(test(inner) for test in source.tests):
            yield inner


def _parent_alias(joined: Joined) -> str:
    """The first alias of a partial join is the one that the links at hand hang on."""
    return next(iter(joined))


def _aliases(source: Source) -> list[str]:
    return [source.alias, *(alias for link in source.links for alias in _aliases(link.source))]


def _sort_key(alias: str, slot: int) -> Callable[[Joined], Any]:
    return lambda joined: _rank(None if (row := joined[alias]) is None else row[slot])


def _slot_key(slot: int) -> Callable[[Row], Any]:
    return lambda row: _rank(row[slot])


def _rank(value: Any) -> Any:
    """Null sorts before every value, as in SQL."""
    return (False, 0) if value is None else (True, index_key(value))


def _distinct(fetch: Fetch, rows: list[Joined]) -> list[Joined]:
    seen: dict[Any, Joined] = {}
    for joined in rows:
        key = tuple(
            None if (row := joined[source.alias]) is None else index_key(row[source.table.slots[column.property]])
            for source in _sources(fetch.root)
            for column, _ in source.attributes
        )
        seen.setdefault(key, joined)
    return list(seen.values())


def _sources(source: Source) -> list[Source]:
    return [source, *(each for link in source.links for each in _sources(link.source))]


def _by_link(fetch: Fetch) -> bool:
    """An order by a linked table has no cookie: such queries are paged by number."""
    return any(alias != ROOT for alias, _, _ in fetch.orders)


def _cookie(fetch: Fetch, page: list[Joined]) -> str:
    """Returns the annotation: XML whose attribute `pagingcookie` is the inner cookie, URL-encoded twice."""
    first, last = (_row(joined)[ID_SLOT].upper() for joined in (page[0], page[-1]))
    key = fetch.root.table.definition.primary_id
    inner = f'<cookie page="{fetch.page}"><{key} last="{{{last}}}" first="{{{first}}}" /></cookie>'
    encoded = quote(quote(inner, safe=""), safe="")
    return f'<cookie pagenumber="{fetch.page + 1}" pagingcookie={quoteattr(encoded)} istracking="False" />'


def _row(joined: Joined) -> Row:
    row = joined[ROOT]
    assert row is not None
    return row


def _start(fetch: Fetch) -> int:
    """Returns the index of the first row of the page. A cookie must be the one of the page before."""
    start = (fetch.page - 1) * fetch.count
    if fetch.cookie is None:
        if start >= LEGACY_CAP:
            raise invalid_argument(f"Without a paging cookie only the first {LEGACY_CAP:,} rows can be read.")
        return start
    cookie = _read_cookie(fetch.cookie)
    keys = [child.tag for child in cookie]
    if cookie.get("page") != str(fetch.page - 1) or keys != [fetch.root.table.definition.primary_id]:
        raise _bad_cookie()
    return start


def _read_cookie(text: str) -> Element:
    try:
        cookie = read_plain_xml(text)
    except NotWellFormedError as error:
        raise _bad_cookie() from error
    if cookie.tag != "cookie":
        raise _bad_cookie()
    return cookie


def _bad_cookie() -> DataverseError:
    return invalid_argument("Malformed XML in the Paging Cookie.")


def _renderer(store: Store, fetch: Fetch, annotations: Annotations) -> Callable[[Joined], dict[str, Any]]:
    root = fetch.root
    names = tuple(column.property for column, alias in root.attributes if not alias)
    chosen = names or (root.table.definition.primary_id,)
    render_root = Renderer(store, annotations).compile(Query(root.table, select=chosen))
    aliased = [(root, column, alias) for column, alias in root.attributes if alias]
    linked = [
        (source, column, alias or f"{source.alias}.{column.name}")
        for source in _sources(root)[1:]
        for column, alias in source.attributes
    ]

    def render(joined: Joined) -> dict[str, Any]:
        rendered = render_root(_row(joined))
        for source, column, name in (*aliased, *linked):
            row = joined[source.alias]
            value = None if row is None else row[source.table.slots[column.property]]
            if value is not None:  # a linked column without a value is absent
                rendered[name] = value
                rendered.update(_formatted(column, name, value, annotations))
        return rendered

    return render


def _formatted(column: Column, name: str, value: Any, annotations: Annotations) -> dict[str, Any]:
    if FORMATTED in annotations and not isinstance(value, str) and value in column.options:
        return {f"{name}@{FORMATTED}": column.options[value]}
    return {}
