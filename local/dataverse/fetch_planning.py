"""Chooses where a FetchXML query begins: at the rows that indexes offer, of its own table or of one it is joined to.

The rows that come back are a superset of those that pass; whoever joins them tests each. So a plan can cost time but
never an answer.
"""

from collections.abc import Iterable

from local.dataverse.candidates import SCAN_SHARE, in_order_of_table, offered_ids
from local.dataverse.fetch_plans import Fetch, Link, Source
from local.dataverse.indexes import index_key
from local.dataverse.store import Row, Table

# So few rows are joined sooner than another way to them is looked for.
FEW = 20


def root_rows(fetch: Fetch, scan_share: int = SCAN_SHARE) -> Iterable[Row]:
    """Returns the rows of the queried table that may pass, in the order of the table.

    A way that leads to more than one in `scan_share` rows of a table on it is not taken.
    """
    table = fetch.root.table
    ids = _reached(fetch.root, scan_share)
    return table.rows.values() if ids is None else in_order_of_table(table, ids)


def _reached(source: Source, scan_share: int) -> dict[str, None] | None:
    """Returns the ids of the rows that may pass, by the shortest way found, None when a scan is as good."""
    most = len(source.table.rows) // scan_share
    reached: dict[str, None] | None = None
    if source.offer is not None:
        reached = offered_ids(source.table, source.offer, most)
    for link in source.links:
        if reached is not None and len(reached) <= FEW:
            break
        if link.outer:  # a row without a linked one passes, too
            continue
        by_link = _reached_by(link, source.table, scan_share, most if reached is None else len(reached))
        reached = reached if by_link is None else by_link
    return reached


def _reached_by(link: Link, parent: Table, scan_share: int, most: int) -> dict[str, None] | None:
    """Returns the ids of the parent's rows that hang on rows of the link, None when there are more than `most`."""
    linked = _reached(link.source, scan_share)
    if linked is None:
        return None
    ids: dict[str, None] = {}
    rows = link.source.table.rows
    for row_id in linked:
        value = rows[row_id][link.from_slot]
        if value is not None:
            ids.update(dict.fromkeys(parent.ids_where(link.to_slot, index_key(value))))
            if len(ids) > most:
                return None
    return ids
