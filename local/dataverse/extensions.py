"""Checks the tables that a file or `POST /__sim/columns` adds: a misspelt word is an error that names it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.dataverse.metadata import EDM_TYPES, LOOKUP_TYPES, extend_raw_tables

# Facets without a meaning here (sources, remarks) may stand in a file, so that the shipped metadata is a valid one.
REMARKS = frozenset(
    {"source", "confirmed", "note", "notes", "basis", "use", "deprecated", "added_by", "required_level_confirmed",
     "valid_for_create_confirmed", "max_length_cdm", "target_sets", "known_rows", "messages", "navigation_truncated",
     "partylist_attributes"}
)  # fmt: skip
TABLE = REMARKS | {
    "logical_name", "entity_set", "primary_id", "primary_name", "object_type_code", "ownership", "base_type",
    "attributes", "navigation", "collection_navigation", "keys",
}  # fmt: skip
COLUMN = REMARKS | {
    "type", "edm_type", "property", "targets", "max_length", "min", "max", "precision", "options", "default",
    "required_level", "valid_for_create", "valid_for_update", "valid_for_read", "datetime_behavior",
    "datetime_format",
}  # fmt: skip
OPTION = frozenset({"value", "label", "state", "default_status"})
NAVIGATION = REMARKS | {"lookup", "property", "targets", "read_only"}
COLLECTION = REMARKS | {"type", "partner"}
LEVELS = frozenset({"SystemRequired", "ApplicationRequired", "Recommended", "None", None})
OTHER_TYPES = frozenset({"PartyList", "Virtual"})


def read_extension(path: Path) -> dict[str, Any]:
    """Returns the tables of a columns file: `{"tables": {...}}` or the tables themselves."""
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no JSON object.")
    tables: dict[str, Any] = content.get("tables", content)
    return tables


def merge_extension(raw: dict[str, Any], extension: Mapping[str, Any]) -> None:
    """Adds the extension to the raw tables, or raises ValueError that names what is not understood.

    The raw tables are of no use after an error.
    """
    for name, addition in extension.items():
        _check_words(name, addition)
    extend_raw_tables(raw, extension)
    for name, addition in extension.items():
        _check_meaning(raw, name, addition)


def _check_words(table: str, addition: Any) -> None:
    _known(addition, TABLE, f"table {table}")
    parts = (("attributes", "column", COLUMN), ("navigation", "navigation property", NAVIGATION),
             ("collection_navigation", "collection", COLLECTION))  # fmt: skip
    for part, kind, known in parts:
        members = addition.get(part, {})
        if not isinstance(members, dict):
            raise ValueError(f"'{part}' of table {table} is no JSON object.")
        for name, facets in members.items():
            _known(facets, known, f"{kind} {table}.{name}")
    for name, column in addition.get("attributes", {}).items():
        for option in column.get("options", ()):
            _known(option, OPTION, f"choice of column {table}.{name}")
            if not isinstance(option.get("label"), str) or not isinstance(option.get("value"), int):
                raise ValueError(f"A choice of column {table}.{name} needs a whole number as value and a label.")


def _check_meaning(raw: Mapping[str, Any], table: str, addition: Mapping[str, Any]) -> None:
    for name in addition.get("attributes", {}):
        _check_column(raw, raw[table]["attributes"][name], f"column {table}.{name}")
    for name, facets in addition.get("navigation", {}).items():
        where = f"navigation property {table}.{name}"
        if facets.get("lookup") not in raw[table]["attributes"]:
            raise ValueError(f"The {where} names the unknown column {facets.get('lookup')}.")
        _check_tables(raw, facets.get("targets", ()), where)
    for name, facets in addition.get("collection_navigation", {}).items():
        where = f"collection {table}.{name}"
        _check_tables(raw, [facets.get("type")], where)
        if facets.get("partner") not in raw[facets["type"]]["navigation"]:
            raise ValueError(f"The {where} names the unknown navigation property {facets.get('partner')}.")


def _check_column(raw: Mapping[str, Any], column: Mapping[str, Any], where: str) -> None:
    if column.get("type") not in EDM_TYPES.keys() | OTHER_TYPES:
        raise ValueError(f"The {where} has the unknown type {column.get('type')}.")
    if column.get("required_level") not in LEVELS:
        raise ValueError(f"The {where} has the unknown required level {column.get('required_level')}.")
    if column["type"] in LOOKUP_TYPES:
        if not column.get("targets"):
            raise ValueError(f"The {where} names no targets.")
        if "source" not in column:  # a shipped column also points at tables that are not here
            _check_tables(raw, column["targets"], where)


def _known(given: Any, known: frozenset[str], where: str) -> None:
    if not isinstance(given, dict):
        raise ValueError(f"The {where} is no JSON object.")
    unknown = given.keys() - known
    if unknown:
        raise ValueError(f"The {where} has the unknown member {min(unknown)}.")


def _check_tables(raw: Mapping[str, Any], names: Iterable[Any], where: str) -> None:
    for name in names:
        if name not in raw:
            raise ValueError(f"The {where} names the unknown table {name}.")
