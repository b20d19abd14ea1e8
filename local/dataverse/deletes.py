"""Deletes: what goes with a row, what forbids that it goes, and whose lookups are cleared."""

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, queue_with_items
from local.dataverse.metadata import Column
from local.dataverse.session import Session
from local.dataverse.store import Store, Table

# Rows that go with the row that they point at (table, lookup). A SystemRequired lookup that is not named here forbids
# the delete, any other is cleared.
CASCADING = {
    "phonecall": [("activityparty", "activityid"), ("annotation", "objectid"), ("queueitem", "objectid")],
    "incident": [("annotation", "objectid"), ("queueitem", "objectid")],
    "contact": [("annotation", "objectid")],
    "account": [("annotation", "objectid")],
    "lead": [("annotation", "objectid")],
    "bookableresourcebooking": [("annotation", "objectid")],
    "bookableresource": [("annotation", "objectid"), ("bookableresourcecharacteristic", "resource")],
    "queue": [("queueitem", "queueid")],
}


class Deletes:
    """Deletes rows. Call it inside a transaction of the store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._pointers: dict[str, list[tuple[Table, Column]]] = {}

    def forget(self) -> None:
        """Makes it read the table definitions anew."""
        self._pointers.clear()

    def delete(self, table: Table, row_id: str, session: Session) -> None:
        """Deletes the row and what belongs to it; lookups to it are cleared; 405 where a relation forbids it."""
        name = table.definition.name
        self._store.refuse_base(table, "Delete")
        session.require(table, "Delete")
        kept = name == "queue" and self._environment.delete_queue_with_items == "refuse"
        if kept and self._pointing("queueitem", "queueid", row_id):
            raise queue_with_items()
        for child_name, lookup in self._restricting(name):
            if next(iter(self._pointing(child_name, lookup, row_id)), None) is not None:
                raise DataverseError(
                    405,
                    "0x80040227",
                    "The record cannot be deleted because it is associated with another record: "
                    f"{child_name}.{lookup} points at {name} {row_id}.",
                )
        for child_name, lookup in self._cascading(name):
            child = self._store.by_name[child_name]
            for child_id in list(self._pointing(child_name, lookup, row_id)):
                self.delete(child, child_id, session)
        self._clear_lookups(name, row_id)
        self._store.delete(table, row_id)

    def _cascading(self, name: str) -> list[tuple[str, str]]:
        with_cases = name in {"account", "contact"} and self._environment.delete_customer_with_cases
        return [*CASCADING.get(name, ()), *([("incident", "customerid")] if with_cases else ())]

    def _restricting(self, name: str) -> list[tuple[str, str]]:
        cascading = self._cascading(name)
        pointers = [
            (child.definition.name, column.name) for child, column in self._lookups_to(name) if column.system_required
        ]
        return [pointer for pointer in pointers if pointer not in cascading]

    def _lookups_to(self, name: str) -> list[tuple[Table, Column]]:
        """Returns every lookup that can point at the table. Base tables follow the tables derived from them."""
        found = self._pointers.get(name)
        if found is None:
            found = self._pointers[name] = [
                (child, column)
                for child in self._store.by_name.values()
                if child.definition.name not in self._store.bases
                for column in child.definition.columns.values()
                if column.is_lookup and name in column.targets
            ]
        return found

    def _pointing(self, child_name: str, lookup: str, row_id: str) -> list[str]:
        child = self._store.by_name[child_name]
        slot = child.slots[child.definition.columns[lookup].property]
        return list(child.ids_where(slot, row_id))

    def _clear_lookups(self, name: str, row_id: str) -> None:
        for child, column in self._lookups_to(name):
            if child.rows and column.valid_for_update:
                self._clear_lookup(child, column.property, row_id)

    def _clear_lookup(self, child: Table, lookup_property: str, row_id: str) -> None:
        slot = child.slots[lookup_property]
        for child_id in list(child.ids_where(slot, row_id)):
            row = child.rows[child_id].copy()
            row[slot] = None
            self._store.replace(child, row)
