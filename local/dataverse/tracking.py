"""Change tracking ("Use change tracking to synchronize data"): delta tokens, and what changed since one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, bad_query
from local.dataverse.query import Query
from local.dataverse.store import VERSION_SLOT, Store, Table

TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)", re.ASCII)
MOMENT = "%m/%d/%Y %H:%M:%S"
DELETED = "!"  # before an id in a list of changes


@dataclass(frozen=True)
class Delta:
    """A state of the store that a caller knows."""

    version: int

    def link(self, address: str, query: str) -> str:
        """Returns the link that later tells what changed from here on."""
        kept = [part for part in query.split("&") if part and not _is_token(part)]
        token = f"{self.version}!{datetime.now(UTC).strftime(MOMENT)}"
        return f"{address}?{'&'.join([*kept, f'$deltatoken={quote(token, safe="")}'])}"


def _is_token(part: str) -> bool:
    return part.replace("%24", "$").startswith(("$deltatoken=", "$skiptoken="))


def check_tracked(query: Query) -> None:
    """Refuses query options that changes cannot be tracked with."""
    if query.filter is not None or query.order is not None or query.expand or query.top is not None:
        raise bad_query("Change tracking does not take $filter, $orderby, $expand and $top.")


def known_version(token: str | None, store: Store, environment: Environment) -> int | None:
    """Returns the version that the token stands for, None without a token; refuses one that is wrong or too old."""
    if token is None:
        return None
    match = TOKEN.fullmatch(token)
    if match is None or int(match[1]) > store.version:
        raise bad_query("The $deltatoken is not one that a query returned.")
    try:
        issued = datetime.strptime(match[2], MOMENT).replace(tzinfo=UTC)
    except ValueError as error:
        raise bad_query("The $deltatoken is not one that a query returned.") from error
    if datetime.now(UTC) - issued >= timedelta(days=environment.delta_token_days):
        raise DataverseError(
            environment.expired_delta_status,
            "0x80044352",
            "Version stamp associated with the client has expired. Please perform a full sync.",
        )
    return int(match[1])


def changes(table: Table, since: int) -> list[str]:
    """Returns the ids of the rows that changed after the version, then those of deleted rows, marked."""
    changed = [row_id for row_id, row in table.rows.items() if row[VERSION_SLOT] > since]
    gone = dict.fromkeys(row_id for version, row_id in table.deleted if version > since)
    return [*changed, *(DELETED + row_id for row_id in gone if row_id not in table.rows)]


def deleted_entry(table: Table, row_id: str, base: str) -> dict[str, Any]:
    """Returns what stands for a deleted row."""
    context = f"{base}/$metadata#{table.definition.entity_set}/$deletedEntity"
    return {"@odata.context": context, "id": row_id, "reason": "deleted"}
