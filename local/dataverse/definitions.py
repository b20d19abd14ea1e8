"""`EntityDefinitions`, as far as the official SDK for Python and `dataverse-api` ask for it."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, uuid5

from local.dataverse.addressing import Segment
from local.dataverse.errors import DataverseError, not_built, unknown_segment
from local.dataverse.messages import Request, Response, json_response
from local.dataverse.metadata import Column
from local.dataverse.store import Store, Table

BY_NAME = re.compile(r"\s*LogicalName\s*(?:eq|=)\s*'((?:[^']|'')*)'\s*", re.ASCII)
CAST = re.compile(r"Microsoft\.Dynamics\.CRM\.(\w+)AttributeMetadata", re.ASCII)
# The derived types that a list of columns can be cast to, with the types of their columns.
DERIVED = {
    **{name: (name,) for name in ("String", "Memo", "DateTime", "Integer", "BigInt", "Decimal", "Double", "Money")},
    **{name: (name,) for name in ("Boolean", "Picklist", "State", "Status", "MultiSelectPicklist")},
    "Lookup": ("Lookup", "Customer", "Owner"),
}
CHOICES = frozenset({"Boolean", "Picklist", "State", "Status", "MultiSelectPicklist"})


def definitions(store: Store, steps: Sequence[Segment], request: Request, base: str) -> Response:
    """Returns the definition of one table, of all, or of the columns of one, all of them or those of a kind."""
    first = steps[0]
    if first.key is None:
        return json_response(
            {"@odata.context": f"{base}/$metadata#EntityDefinitions", "value": _chosen(store, request)}
        )
    table = _named(store, first.key)
    if len(steps) == 1:
        return json_response({"@odata.context": f"{base}/$metadata#EntityDefinitions/$entity", **_table(table)})
    facets = {"Keys": _keys, "OneToManyRelationships": _one_to_many, "ManyToOneRelationships": _many_to_one}
    if len(steps) == 2 and steps[1].name in facets:
        return json_response({"value": facets[steps[1].name](table)})
    if steps[1].name != "Attributes":
        raise unknown_segment(steps[1].name)
    columns = list(table.definition.columns.values())
    if len(steps) == 2:
        return json_response({"value": [_attribute(table, column) for column in columns]})
    kind = CAST.fullmatch(steps[2].name)
    if len(steps) > 3 or kind is None or kind[1] not in DERIVED:
        raise not_built(f"EntityDefinitions/Attributes/{'/'.join(step.name for step in steps[2:])}")
    cast = [_cast(table, column) for column in columns if column.type in DERIVED[kind[1]]]
    return json_response({"value": cast})


def _chosen(store: Store, request: Request) -> list[dict[str, Any]]:
    options = parse_qs(request.query)
    if "$filter" not in options:
        return [_table(table) for table in store.by_name.values()]
    match = BY_NAME.fullmatch(options["$filter"][0])
    if match is None:
        raise not_built("this $filter on EntityDefinitions")
    table = store.by_name.get(match[1])
    return [] if table is None else [_table(table)]


def _named(store: Store, key: str) -> Table:
    match = BY_NAME.fullmatch(key)
    table = None if match is None else store.by_name.get(match[1])
    if table is None:
        raise DataverseError(404, "0x80060888", f"Could not find an entity with the key {key}.")
    return table


def _table(table: Table) -> dict[str, Any]:
    definition = table.definition
    return {
        "MetadataId": str(uuid5(NAMESPACE_URL, f"table:{definition.name}")),
        "LogicalName": definition.name,
        "SchemaName": definition.name,
        "EntitySetName": definition.entity_set,
        "PrimaryIdAttribute": definition.primary_id,
        "PrimaryNameAttribute": definition.primary_name,
        "ObjectTypeCode": definition.object_type_code,
        "IsOptimisticConcurrencyEnabled": True,
    }


def _attribute(table: Table, column: Column) -> dict[str, Any]:
    return {
        "MetadataId": str(uuid5(NAMESPACE_URL, f"column:{table.definition.name}.{column.name}")),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "AttributeType": "Virtual" if column.type == "MultiSelectPicklist" else column.type,
        "AttributeTypeName": {"Value": f"{column.type}Type"},
        "IsValidForCreate": column.valid_for_create,
        "IsValidForUpdate": column.valid_for_update,
    }


def _cast(table: Table, column: Column) -> dict[str, Any]:
    """A column with what its kind has besides; an option set that is shared by name is not simulated."""
    facets: dict[str, Any] = {}
    if column.type in {"String", "Memo"}:
        facets = {"MaxLength": column.max_length}
    elif column.type == "DateTime":
        behaviour = "DateOnly" if column.edm_type == "Edm.Date" else "UserLocal"
        facets = {"DateTimeBehavior": {"Value": behaviour}}
    elif column.is_lookup:
        facets = {"Targets": list(column.targets)}
    elif column.type in CHOICES:
        facets = {
            "OptionSet": _flags(column) if column.type == "Boolean" else _options(column),
            "GlobalOptionSet": None,
        }
    return {**_attribute(table, column), **facets}


def _keys(table: Table) -> list[dict[str, Any]]:
    return [
        {"SchemaName": name, "LogicalName": name, "KeyAttributes": list(columns), "EntityKeyIndexStatus": "Active"}
        for name, columns in table.definition.keys.items()
    ]


def _one_to_many(table: Table) -> list[dict[str, Any]]:
    return [
        {
            "ReferencedEntity": table.definition.name,
            "ReferencedEntityNavigationPropertyName": collection.name,
            "ReferencingEntity": collection.child,
            "ReferencingEntityNavigationPropertyName": collection.partner,
        }
        for collection in table.definition.collections.values()
    ]


def _many_to_one(table: Table) -> list[dict[str, Any]]:
    return [
        {
            "ReferencedEntity": target,
            "ReferencingEntity": table.definition.name,
            "ReferencingAttribute": navigation.lookup,
            "ReferencingEntityNavigationPropertyName": navigation.name,
        }
        for navigation in table.definition.navigation.values()
        for target in navigation.targets
    ]


def _options(column: Column) -> dict[str, Any]:
    """Each status reason names the state that it belongs to."""
    return {
        "Options": [
            {"Value": value, "Label": _label(label), **({"State": column.states[value]} if column.states else {})}
            for value, label in column.options.items()
        ]
    }


def _flags(column: Column) -> dict[str, Any]:
    texts = {True: "Yes", False: "No", **column.options}
    return {f"{value}Option": {"Value": int(value), "Label": _label(texts[value])} for value in (True, False)}


def _label(text: str) -> dict[str, Any]:
    """The official SDK reads the list, other clients the user's own label."""
    label = {"Label": text, "LanguageCode": 1033}
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}
