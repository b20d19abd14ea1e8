"""What changed in a table, as Dataverse tells it ("Use change tracking to synchronize data with external systems")."""

import re
from dataclasses import dataclass
from typing import Any

from shared.dataverse.errors import UnavailableError
from shared.dataverse.odata.queries import Query
from shared.dataverse.odata.table import JsonRow, Table

PAGE_ROWS = 5000
TRACKED_HEADERS = (("Prefer", f"odata.track-changes,odata.maxpagesize={PAGE_ROWS}"),)

_DELETED = "/$deletedEntity"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeltaLink:
    """Where the changes of a table begin that its reader does not know yet. Columns as in the query that began it.

    The address is some hundred characters long and is followed byte for byte.
    """

    table: Table
    url: str


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of what changed: rows as they are now, and the ids (lower case) of those that are gone.

    `then` stands on the last page of its table alone: what changes from here on.
    """

    table: Table
    rows: list[JsonRow]
    deleted: list[str]
    then: DeltaLink | None


def tracked_path(query: Query) -> str:
    """The path that begins to track. Raises ValueError for a query with more than a `$select`, which none can do."""
    if query.where is not None or query.order_by or query.expand or query.top is not None:
        raise ValueError(f"changes of {query.table.logical_name} can be tracked by columns alone")
    return query.path()


def read_changes(table: Table, page: Any) -> Changes:
    """What a page tells. Raises UnavailableError for one that tells nothing, or not how to go on."""
    entries = page.get("value") if isinstance(page, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnavailableError("Dataverse's answer to a query has no rows")
    url = page.get("@odata.deltaLink")
    if "@odata.nextLink" not in page and not isinstance(url, str):
        raise UnavailableError("Dataverse's answer does not say where further changes begin")
    return Changes(
        table,
        rows=[entry for entry in entries if not _is_deletion(entry)],
        deleted=[_deleted_id(entry) for entry in entries if _is_deletion(entry)],
        then=DeltaLink(table, url) if isinstance(url, str) and "@odata.nextLink" not in page else None,
    )


def _is_deletion(entry: JsonRow) -> bool:
    return str(entry.get("@odata.context", "")).endswith(_DELETED)


def _deleted_id(entry: JsonRow) -> str:
    # OData 4.0 allows the row's address here; Dataverse shows its id.
    found = _GUID.findall(str(entry.get("id", "")))
    if not found:
        raise UnavailableError("Dataverse's answer does not say which row is gone")
    return str(found[-1]).lower()
