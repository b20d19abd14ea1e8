"""Puts rows into the store as a seed does: read-only columns may be set and nothing is required."""

from typing import Any
from uuid import uuid4

from local.dataverse.addressing import parse_reference, row_id_of
from local.dataverse.errors import DataverseError
from local.dataverse.session import Session
from local.dataverse.store import ID_SLOT, Row, Store, Table, current_second
from local.dataverse.values import Reader, column_reader
from local.dataverse.writes import Writer

BIND = "@odata.bind"
LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"


class Planter:
    """Plants rows by entity set."""

    def __init__(self, store: Store, writer: Writer, session: Session) -> None:
        self._store = store
        self._writer = writer
        self._session = session

    def plant(self, rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
        """Inserts the rows, or changes those that are there, all or none, and returns their ids by entity set."""
        planted: dict[str, list[str]] = {}
        with self._store.transaction():
            for entity_set, bodies in rows.items():
                table = self._store.by_set.get(entity_set)
                if table is None:
                    raise ValueError(f"There is no entity set '{entity_set}'.")
                readers: dict[str, Reader] = {}
                planted[entity_set] = [self._plant_one(table, body, readers) for body in bodies]
        return planted

    def _plant_one(self, table: Table, body: dict[str, Any], readers: dict[str, Reader]) -> str:
        row_id = str(body.get(table.definition.primary_id) or uuid4()).lower()
        old = table.rows.get(row_id)
        row = table.template.copy() if old is None else old.copy()
        children: list[tuple[str, list[dict[str, Any]]]] = []
        for key, value in body.items():
            column = table.columns_by_property.get(key)
            if column is not None:
                if key not in readers:
                    readers[key] = column_reader(table.definition, column)
                row[table.slots[key]] = readers[key](value)
                self._set_lookup_table(table, row, key, body)
            elif key.endswith(BIND):
                self._bind(table, row, key.removesuffix(BIND), value)
            elif key in table.definition.collections:
                children.append((key, value))
            elif not key.endswith(LOOKUP_TABLE) and not key.startswith("@odata."):
                raise ValueError(f"'{table.definition.name}' has no '{key}'.")
        row[ID_SLOT] = row_id
        if old is None:
            self._fill(table, row, body)
            self._store.insert(table, row)
        else:
            self._store.replace(table, row)
        for name, bodies in children:
            self._plant_children(table, row_id, name, bodies)
        return row_id

    def _set_lookup_table(self, table: Table, row: Row, key: str, body: dict[str, Any]) -> None:
        column = table.columns_by_property[key]
        slot = table.type_slots.get(column.name)
        if slot is None or row[table.slots[key]] is None:
            return
        named = body.get(f"{key}{LOOKUP_TABLE}")
        if named is None:
            named = next(
                (
                    target
                    for target in column.targets
                    if target in self._store.by_name and row[table.slots[key]] in self._store.by_name[target].rows
                ),
                column.targets[0],
            )
        row[slot] = named

    def _bind(self, table: Table, row: Row, name: str, value: str | None) -> None:
        navigation = table.definition.navigation.get(name)
        if navigation is None:
            raise ValueError(f"'{table.definition.name}' has no navigation property '{name}'.")
        column = table.definition.columns[navigation.lookup]
        row[table.slots[column.property]] = None
        if value is None:
            return
        entity_set, key = parse_reference(value)
        target = self._store.by_set.get(entity_set)
        if target is None or target.definition.name not in navigation.targets:
            raise ValueError(f"'{value}' cannot be bound to '{name}' of '{table.definition.name}'.")
        row[table.slots[column.property]] = row_id_of(target, key)
        if column.name in table.type_slots:
            row[table.type_slots[column.name]] = target.definition.name

    def _fill(self, table: Table, row: Row, body: dict[str, Any]) -> None:
        """Fills the platform's columns that the row does not give."""
        given = row.copy()
        now = current_second()
        self._writer.fill_planted(table, row, self._session)
        for slot, value in enumerate(given):
            if value is not None and value != table.template[slot]:
                row[slot] = value
        for name in ("createdon", "modifiedon"):
            if name in table.slots and row[table.slots[name]] is None:
                row[table.slots[name]] = now

    def _plant_children(self, table: Table, row_id: str, name: str, bodies: list[dict[str, Any]]) -> None:
        collection = table.definition.collections[name]
        child = self._store.by_name[collection.child]
        bind = {f"{collection.partner}{BIND}": f"/{table.definition.entity_set}({row_id})"}
        self.plant({child.definition.entity_set: [{**body, **bind} for body in bodies]})


def planting_error(error: Exception) -> str:
    """Returns one sentence that tells why rows were not planted."""
    return error.message if isinstance(error, DataverseError) else str(error)
