"""Pages of a collection: the `$skiptoken` cookie, and the cursors of collections that are half read."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus
from uuid import uuid4

from local.dataverse.errors import bad_query

LARGEST_PAGE = 5000
OPEN_CURSORS = 64
COOKIE = re.compile(
    r'<cookie pagenumber="(\d+)" pagingcookie="([0-9a-f-]+):(\d+)" istracking="(?:False|True)" />', re.ASCII
)


@dataclass(frozen=True)
class Listing:
    """All ids that a query chose when its first page was read, and the version of the store at that time."""

    ids: list[str]
    version: int


@dataclass(frozen=True)
class Position:
    """Where a page begins; `cursor` names the listing, which may have been forgotten."""

    number: int = 1
    start: int = 0
    cursor: str = ""


class Cursors:
    """The listings of the queries read last."""

    def __init__(self) -> None:
        self._listings: OrderedDict[str, tuple[str, Listing]] = OrderedDict()

    def find(self, position: Position, query: str) -> Listing | None:
        """Returns the listing, None when it is forgotten or belongs to another query."""
        kept = self._listings.get(position.cursor)
        return kept[1] if kept is not None and kept[0] == query else None

    def keep(self, query: str, listing: Listing) -> str:
        """Remembers a listing and returns its name."""
        cursor = str(uuid4())
        self._listings[cursor] = (query, listing)
        while len(self._listings) > OPEN_CURSORS:
            self._listings.popitem(last=False)
        return cursor


def read_position(token: str | None) -> Position:
    """Returns where a `$skiptoken` points, the beginning without one."""
    if token is None:
        return Position()
    match = COOKIE.fullmatch(unquote_plus(token))
    if match is None:
        raise bad_query("Malformed XML in the Paging Cookie of $skiptoken.")
    return Position(int(match[1]), int(match[3]), match[2])


def next_link(address: str, query: str, position: Position, cursor: str, end: int, *, tracked: bool) -> str:
    """Returns the link to the page after the position."""
    cookie = f'<cookie pagenumber="{position.number + 1}" pagingcookie="{cursor}:{end}" istracking="{tracked!s}" />'
    kept = without_skip_token(query)
    token = f"$skiptoken={quote(quote(cookie, safe=''), safe='')}"
    return f"{address}?{kept}&{token}" if kept else f"{address}?{token}"


def without_skip_token(query: str) -> str:
    """Returns the query string as it was before the first page."""
    kept = [part for part in query.split("&") if not part.startswith(("$skiptoken=", "%24skiptoken="))]
    return "&".join(kept)
