"""Reads the JSON object of a create or update into slots, lookups and nested rows, as strictly as the OData reader."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.dataverse.addressing import parse_reference, row_id_of
from local.dataverse.environment import Environment
from local.dataverse.errors import (
    DataverseError,
    invalid_argument,
    row_does_not_exist,
    undeclared_annotated_property,
    undeclared_property,
    unreadable_payload,
)
from local.dataverse.metadata import CollectionNavigation, Navigation
from local.dataverse.store import Store, Table
from local.dataverse.values import Reader, column_reader, typed_reader

BIND = "@odata.bind"
IGNORED = -1


@dataclass(slots=True)
class Change:
    """What a body asks for: values by slot, rows to make first, rows to make afterwards."""

    values: dict[int, Any] = field(default_factory=dict)
    parents: list[tuple[Navigation, dict[str, Any]]] = field(default_factory=list)
    children: list[tuple[CollectionNavigation, list[dict[str, Any]]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bind:
    """Where a `nav@odata.bind` puts the row id and the table that it points at."""

    navigation: Navigation
    slot: int
    type_slot: int | None
    writable: bool


class PayloadReader:
    """Reads bodies for one table. Rebuilt when the table gets new columns."""

    def __init__(self, table: Table, store: Store, environment: Environment) -> None:
        self.table = table
        self._store = store
        self._environment = environment
        self._clearing = False
        self._for_create = self._readers(creating=True)
        self._for_update = self._readers(creating=False)
        self._binds_for_create = self._binds(creating=True)
        self._binds_for_update = self._binds(creating=False)

    def _readers(self, *, creating: bool) -> dict[str, tuple[int, Reader]]:
        definition = self.table.definition
        readers: dict[str, tuple[int, Reader]] = {}
        for column in definition.columns.values():
            if column.is_lookup:
                continue
            writable = column.valid_for_create if creating else column.valid_for_update
            if writable:
                readers[column.name] = (self.table.slots[column.name], column_reader(definition, column))
            else:
                readers[column.name] = (IGNORED, typed_reader(definition, column))
        if definition.name in {"systemuser", "team"}:  # their key is inherited from principal
            readers["ownerid"] = (IGNORED, readers[definition.primary_id][1])
        return readers

    def _binds(self, *, creating: bool) -> dict[str, Bind]:
        binds = {}
        for navigation in self.table.definition.navigation.values():
            column = self.table.definition.columns[navigation.lookup]
            writable = column.valid_for_create if creating else column.valid_for_update
            binds[navigation.name + BIND] = Bind(
                navigation,
                self.table.slots[column.property],
                self.table.type_slots.get(column.name),
                writable and not navigation.read_only,
            )
        return binds

    def read(self, body: Any, references: Mapping[str, tuple[Table, str]], *, creating: bool) -> Change:
        """Returns what the body asks for, or refuses the body."""
        if not isinstance(body, dict):
            raise unreadable_payload(self.table.definition.entity_set, "A JSON object was expected.")
        readers = self._for_create if creating else self._for_update
        binds = self._binds_for_create if creating else self._binds_for_update
        change = Change()
        values = change.values
        for key, value in body.items():
            entry = readers.get(key)
            if entry is not None:
                slot, read = entry
                stored = read(value)
                if slot != IGNORED:
                    values[slot] = stored
                else:
                    self._ignore(key, creating=creating)
            elif (bind := binds.get(key)) is not None:
                self._read_bind(bind, value, references, values, creating=creating)
            else:
                self._read_other(key, value, change)
        return change

    @contextmanager
    def null_binds_accepted(self) -> Iterator[None]:
        """`DELETE .../$ref` clears a lookup whatever the switch for null binds says."""
        self._clearing = True
        try:
            yield
        finally:
            self._clearing = False

    def _ignore(self, key: str, *, creating: bool) -> None:
        """A read-only column in a body: the switch `readonly_columns` decides, statecode has its own."""
        if key == "statecode" and creating:
            if self._environment.create_statecode == "refuse":
                name = self.table.definition.name
                raise invalid_argument(f"The attribute 'statecode' of '{name}' is not valid for create.")
        elif self._environment.readonly_columns == "refuse" and key not in {
            self.table.definition.primary_id,
            "ownerid",
        }:
            raise invalid_argument(f"The attribute '{key}' of '{self.table.definition.name}' is read-only.")

    def _read_bind(
        self,
        bind: Bind,
        value: Any,
        references: Mapping[str, tuple[Table, str]],
        values: dict[int, Any],
        *,
        creating: bool,
    ) -> None:
        if value is None:
            if self._environment.null_bind == "refuse" and not self._clearing:
                raise undeclared_annotated_property(self.table.definition.entity_set, bind.navigation.name)
            target, row_id = None, None
        else:
            target, row_id = self.resolve(bind.navigation, value, references)
        if not bind.writable:
            self._ignore(bind.navigation.lookup, creating=creating)
            return
        values[bind.slot] = row_id
        if bind.type_slot is not None:
            values[bind.type_slot] = None if target is None else target.definition.name

    def resolve(
        self, navigation: Navigation, value: Any, references: Mapping[str, tuple[Table, str]]
    ) -> tuple[Table, str]:
        """Returns the row that a bind names; refuses one that is missing or of another table."""
        if not isinstance(value, str):
            raise unreadable_payload(
                self.table.definition.entity_set, f"The value of '{navigation.name}{BIND}' must be a string."
            )
        target, row_id = self._referenced(value, references)
        if target.definition.name not in navigation.targets:
            raise invalid_argument(
                f"A '{target.definition.name}' cannot be bound to '{navigation.name}' of "
                f"'{self.table.definition.name}'. It takes: {', '.join(navigation.targets)}."
            )
        if row_id not in target.rows:
            raise row_does_not_exist(target.definition.name, row_id, self._environment.missing_bind_status)
        return target, row_id

    def _referenced(self, value: str, references: Mapping[str, tuple[Table, str]]) -> tuple[Table, str]:
        if value.startswith("$"):
            if value in references:
                return references[value]
            raise DataverseError(
                400, "0x80060888", f"Content-ID Reference: '{value}' does not exist in the batch context."
            )
        entity_set, key = parse_reference(value)
        target = self._store.by_set.get(entity_set)
        if target is None:
            raise DataverseError(400, "0x80060888", f"Resource not found for the segment '{entity_set}'.")
        return target, row_id_of(target, key)

    def _read_other(self, key: str, value: Any, change: Change) -> None:
        definition = self.table.definition
        if "@" in key:
            self._read_annotation(key, value)
        elif key in definition.navigation:
            if not isinstance(value, dict):
                raise unreadable_payload(
                    definition.entity_set,
                    f"A value was found for the navigation property '{key}' where an entity, or '{key}{BIND}', was "
                    "expected.",
                )
            change.parents.append((definition.navigation[key], value))
        elif key in definition.collections:
            if not isinstance(value, list):
                raise unreadable_payload(definition.entity_set, f"An array was expected for '{key}'.")
            change.children.append((definition.collections[key], value))
        else:
            raise undeclared_property(definition.entity_set, definition.name, key)

    def _read_annotation(self, key: str, value: Any) -> None:
        definition = self.table.definition
        name, _, annotation = key.partition("@")
        if not name:
            if annotation == "odata.type" and str(value).lstrip("#") != f"Microsoft.Dynamics.CRM.{definition.name}":
                raise unreadable_payload(
                    definition.entity_set,
                    f"The type '{value}' is not compatible with 'Microsoft.Dynamics.CRM.{definition.name}'.",
                )
        elif annotation == "odata.bind" or not self._declares(name):
            raise undeclared_annotated_property(definition.entity_set, name)

    def _declares(self, name: str) -> bool:
        definition = self.table.definition
        return name in self.table.columns_by_property or name in definition.navigation or name in definition.collections
