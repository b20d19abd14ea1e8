"""Writes as values: each builder gives one `Part`, usable alone or inside a `$batch`, and each is safe to repeat.

A row carries its own primary key (decision 1), so a repeated create is refused as a duplicate and a repeated
upsert lands on the same row. Sources: "Create a table row", "Update and delete table rows", "Perform conditional
operations", "Use Web API actions" and "Use bulk operation messages" of the Dataverse developer documentation.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from shared.dataverse.odata.json_text import json_bytes
from shared.dataverse.odata.parts import Part
from shared.dataverse.odata.table import JsonRow, Table
from shared.dataverse.odata.values import guid_text

_CRM = "Microsoft.Dynamics.CRM."
_ANY_VERSION = "*"
_ETAG = re.compile(r'(W/)?"[!#-~]*"')
_ACTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def row_id(row: Mapping[str, Any], table: Table) -> str:
    """The primary key of a row in canonical form (lower case, no braces). Raises ValueError without a GUID there."""
    return guid_text(row.get(table.primary_id), table.primary_id)


def row_path(table: Table, key: UUID | str) -> str:
    """The path of one row: `contacts(<guid>)`."""
    return f"{table.entity_set}({guid_text(key, table.primary_id)})"


def create_part(table: Table, row: JsonRow) -> Part:
    """Create the row under its own key, nested rows with it. One that exists answers as a duplicate (412)."""
    return Part("POST", table.entity_set, {**row, table.primary_id: row_id(row, table)})


def create_only_part(table: Table, row: JsonRow) -> Part:
    """Create the row, or leave the one that exists untouched (412).

    A PATCH that may only create; a row with nested ones is POSTed, since deep insert is documented for POST alone.
    """
    return create_part(table, row) if _nested(row) else _patch(table, row, ("If-None-Match", _ANY_VERSION))


def upsert_part(table: Table, row: JsonRow) -> Part:
    """Create the row or update the columns that it names. Raises ValueError for nested rows."""
    return _patch(table, row)


def update_part(table: Table, row: JsonRow, etag: str = _ANY_VERSION) -> Part:
    """Update the columns that the row names; a missing row answers 404 and is never created.

    With an `@odata.etag` a row that changed meanwhile answers 412. Raises ValueError for nested rows.
    """
    return _patch(table, row, _if_match(etag))


def update_with_parties_part(table: Table, row: JsonRow, etag: str = _ANY_VERSION) -> Part:
    """As `update_part`, for an activity with nested parties, which stand for the whole list then.

    That an update takes them is shown by what people build with it, and by no documentation: it may be refused.
    """
    nested = {name: value for name, value in row.items() if name in table.nested}
    part = update_part(table, {name: value for name, value in row.items() if name not in nested}, etag)
    return Part(part.method, part.path, {**(part.body or {}), **nested}, part.headers)


def delete_part(table: Table, key: UUID | str, etag: str | None = None) -> Part:
    """Delete the row. A missing one answers 404, with an `@odata.etag` a changed one 412."""
    return Part("DELETE", row_path(table, key), headers=() if etag is None else (_if_match(etag),))


def clear_part(table: Table, key: UUID | str, navigation: str) -> Part:
    """Empty a lookup of the row ("Update and delete table rows": a `$ref` is deleted, not a property)."""
    table.lookup(navigation)
    return Part("DELETE", f"{row_path(table, key)}/{navigation}/$ref")


def action_part(name: str, body: JsonRow, bound_to: tuple[Table, UUID | str] | None = None) -> Part:
    """Call an action, unbound or bound to one row. Parameters that are rows come from `entity_parameter`."""
    if not _ACTION_NAME.fullmatch(name):
        raise ValueError("the name of an action holds a sign that no action has")
    path = name if bound_to is None else f"{row_path(*bound_to)}/{_CRM}{name}"
    return Part("POST", path, body)


def entity_parameter(table: Table, row: JsonRow) -> JsonRow:
    """A row as an action or a bulk message takes it: with its type, which a base type in the signature hides."""
    return {"@odata.type": _CRM + table.logical_name, **row}


def multiple_path(table: Table, message: str) -> str:
    """Where CreateMultiple, UpdateMultiple or UpsertMultiple of a table goes; whether it takes them is not asked."""
    return f"{table.entity_set}/{_CRM}{message}"


def multiple_body(table: Table, rows: Iterable[JsonRow]) -> bytes:
    """The body of Create-, Update- or UpsertMultiple ("Use bulk operation messages")."""
    kind = _CRM + table.logical_name
    # Row by row: one step of some megabytes would hold up whoever shares the process.
    return b'{"Targets":[%b]}' % b",".join([json_bytes({"@odata.type": kind, **row}) for row in rows])


def _patch(table: Table, row: JsonRow, *headers: tuple[str, str]) -> Part:
    if _nested(row):
        raise ValueError(f"nested rows of {table.logical_name} can be created only, and only with a POST")
    body = {name: value for name, value in row.items() if name != table.primary_id}
    return Part("PATCH", row_path(table, row_id(row, table)), body, headers)


def _nested(row: JsonRow) -> bool:
    return any(isinstance(value, list | dict) for value in row.values())


def _if_match(etag: str) -> tuple[str, str]:
    if etag != _ANY_VERSION and not _ETAG.fullmatch(etag):
        raise ValueError("If-Match takes * or the @odata.etag of a row")
    return "If-Match", etag
