"""The tables, columns and navigation properties that the simulator knows, read from metadata.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOOKUP_TYPES = frozenset({"Lookup", "Customer", "Owner"})
EDM_TYPES = {
    "String": "Edm.String",
    "Memo": "Edm.String",
    "EntityName": "Edm.String",
    "MultiSelectPicklist": "Edm.String",
    "Integer": "Edm.Int32",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Boolean": "Edm.Boolean",
    "Decimal": "Edm.Decimal",
    "Money": "Edm.Decimal",
    "Double": "Edm.Double",
    "DateTime": "Edm.DateTimeOffset",
    "Uniqueidentifier": "Edm.Guid",
    "Lookup": "Edm.Guid",
    "Customer": "Edm.Guid",
    "Owner": "Edm.Guid",
}
# What an extension adds to, beside the columns.
PARTS = ("navigation", "collection_navigation", "associations", "keys")
# Text columns that store anything as long as no source states a length (their type is inferred).
UNSTATED_LENGTH = {"String": 4000, "Memo": 1_048_576}


@dataclass(frozen=True)
class Column:
    """One column; `property` is its name in JSON (`_x_value` for a lookup)."""

    name: str
    type: str
    edm_type: str | None
    property: str
    targets: tuple[str, ...]
    max_length: int | None
    min: float | None
    max: float | None
    precision: int | None
    options: Mapping[Any, str]
    states: Mapping[int, int]
    default: Any
    system_required: bool
    valid_for_create: bool
    valid_for_update: bool
    is_lookup: bool


@dataclass(frozen=True)
class Navigation:
    """One single-valued navigation property. Its name is case sensitive."""

    name: str
    lookup: str
    targets: tuple[str, ...]
    read_only: bool


@dataclass(frozen=True)
class CollectionNavigation:
    """One collection-valued navigation property and the navigation property of the child that points back."""

    name: str
    child: str
    partner: str


@dataclass(frozen=True)
class Association:
    """One end of a many-to-many relation: its name, the other table, and the table that holds the pairs."""

    name: str
    other: str
    intersect: str


@dataclass
class TableDefinition:
    """One table as the metadata describes it."""

    name: str
    entity_set: str
    primary_id: str
    primary_name: str
    object_type_code: int
    columns: dict[str, Column] = field(default_factory=dict)
    navigation: dict[str, Navigation] = field(default_factory=dict)
    collections: dict[str, CollectionNavigation] = field(default_factory=dict)
    associations: dict[str, Association] = field(default_factory=dict)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    user_owned: bool = False
    base_type: str = ""
    is_intersect: bool = False


def read_schema_files(*paths: Path) -> dict[str, Any]:
    """Returns the raw tables of all files, later files extending earlier ones."""
    raw: dict[str, Any] = {}
    for path in paths:
        extend_raw_tables(raw, json.loads(path.read_text("utf-8"))["tables"])
    return raw


def shipped_schema() -> dict[str, Any]:
    """Returns the raw tables that the simulator always has."""
    return read_schema_files(HERE / "metadata.json", HERE / "platform_tables.json")


def extend_raw_tables(raw: dict[str, Any], extension: Mapping[str, Any]) -> None:
    """Adds tables, columns, choice values, navigation properties and alternate keys to the raw tables."""
    for name, addition in extension.items():
        table = raw.setdefault(name, _empty_raw_table(name))
        for key, value in addition.items():
            if key not in {"attributes", *PARTS}:
                table[key] = value
        for column, attributes in addition.get("attributes", {}).items():
            _extend_raw_column(table["attributes"].setdefault(column, {}), attributes)
        for part in PARTS:
            table.setdefault(part, {}).update(addition.get(part, {}))


def _empty_raw_table(name: str) -> dict[str, Any]:
    return {
        "logical_name": name,
        "entity_set": f"{name}s",
        "primary_id": f"{name}id",
        "primary_name": "name",
        "attributes": {},
        "navigation": {},
    }


def _extend_raw_column(column: dict[str, Any], addition: Mapping[str, Any]) -> None:
    """Choice values are added to those that are there; every other facet is replaced."""
    known = {option["value"]: option for option in column.get("options", [])}
    known.update({option["value"]: option for option in addition.get("options", [])})
    column.update(addition)
    if known:
        column["options"] = list(known.values())


def define_table(raw: Mapping[str, Any]) -> TableDefinition:
    """Returns the table that the raw description stands for; refuses one that contradicts itself."""
    table = TableDefinition(
        raw["logical_name"],
        raw["entity_set"],
        raw["primary_id"],
        raw["primary_name"],
        raw.get("object_type_code", 10000),
        user_owned=raw.get("ownership") == "UserOwned",
        base_type=raw.get("base_type") or "",
        is_intersect=raw.get("is_intersect", False),
    )
    attributes = dict(raw["attributes"])
    attributes.setdefault(table.primary_id, {"type": "Uniqueidentifier", "valid_for_update": False})
    attributes.setdefault("versionnumber", {"type": "BigInt", "valid_for_create": False, "valid_for_update": False})
    for name, attribute in attributes.items():
        column = define_column(name, attribute)
        if column.edm_type is not None:  # party lists and virtual columns are no properties of the entity type
            table.columns[name] = column
    _define_navigation(table, raw)
    for name, columns in raw.get("keys", {}).items():
        table.keys[name] = tuple(columns)
        for column_name in columns:
            if column_name not in table.columns:
                raise ValueError(f"Key {name} of {table.name} names the unknown column {column_name}.")
    return table


def _define_navigation(table: TableDefinition, raw: Mapping[str, Any]) -> None:
    for name, navigation in raw["navigation"].items():
        targets = tuple(navigation["targets"])
        table.navigation[name] = Navigation(name, navigation["lookup"], targets, navigation.get("read_only", False))
    reached = {navigation.lookup for navigation in table.navigation.values()}
    for column in table.columns.values():
        if column.is_lookup and column.name not in reached:
            read_only = not (column.valid_for_create or column.valid_for_update)
            table.navigation[column.name] = Navigation(column.name, column.name, column.targets, read_only)
    for name, collection in raw.get("collection_navigation", {}).items():
        table.collections[name] = CollectionNavigation(name, collection["type"], collection["partner"])
    for name, association in raw.get("associations", {}).items():
        table.associations[name] = Association(name, association["type"], association["intersect"])


def define_column(name: str, raw: Mapping[str, Any]) -> Column:
    """Returns the column that the raw description stands for."""
    kind = raw["type"]
    if kind not in EDM_TYPES and raw.get("edm_type") is not None:
        raise ValueError(f"Column {name} has the unknown type {kind}.")
    options = raw.get("options", [])
    is_lookup = kind in LOOKUP_TYPES
    return Column(
        name=name,
        type=kind,
        edm_type=raw.get("edm_type", _edm_type(kind, raw)),
        property=raw.get("property", f"_{name}_value" if is_lookup else name),
        targets=tuple(raw.get("targets", ())),
        max_length=raw.get("max_length", UNSTATED_LENGTH.get(kind)),
        min=raw.get("min"),
        max=raw.get("max"),
        precision=raw.get("precision"),
        options={option["value"]: option["label"] for option in options},
        states=_states(options) if kind == "Status" else {},
        default=raw.get("default"),
        system_required=raw.get("required_level") == "SystemRequired",
        valid_for_create=raw.get("valid_for_create", True),
        valid_for_update=raw.get("valid_for_update", True),
        is_lookup=is_lookup,
    )


def _edm_type(kind: str, raw: Mapping[str, Any]) -> str | None:
    """A day without a time has a type of its own ("Behavior and format of the date and time column")."""
    return "Edm.Date" if raw.get("datetime_behavior") == "DateOnly" else EDM_TYPES.get(kind)


def _states(options: list[dict[str, Any]]) -> dict[int, int]:
    """Where the metadata leaves the state open, status 1 is the active state and every other the inactive one."""
    unstated = {option["value"]: 0 if option["value"] == 1 else 1 for option in options}
    return {
        option["value"]: unstated[option["value"]] if option.get("state") is None else option["state"]
        for option in options
    }
