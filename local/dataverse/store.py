"""The rows, in memory, with indexes and an undo journal.

A row is a list: one slot a column (a lookup that can point at several tables has a second slot for the table it points
at). A change replaces the whole row, so that a rolled-back change only has to put the old row back.
"""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from local.dataverse.errors import DataverseError, duplicate_record
from local.dataverse.indexes import Index, index_key
from local.dataverse.metadata import Column, TableDefinition
from local.dataverse.shapes import Shapes

type Row = list[Any]

ID_SLOT = 0
VERSION_SLOT = 1
FIRST_VERSION = 1_000_000
ORDINAL_SLOT = 2  # the row's place in the table, which no caller sees


def current_second() -> str:
    """Returns the time now as Dataverse stores it."""
    return f"{datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat()}Z"


class Table:
    """The rows of one table, reachable by primary key, by any indexed column and by declared alternate keys."""

    def __init__(self, definition: TableDefinition) -> None:
        self.rows: dict[str, Row] = {}
        self.slots: dict[str, int] = {}
        self.type_slots: dict[str, int] = {}
        self.columns_by_property: dict[str, Column] = {}
        self.template: Row = []
        self.deleted: list[tuple[int, str]] = []  # version and id, for change tracking
        self._indexes: dict[int, Index] = {}
        self._ordinals = count()
        self._keys: dict[str, tuple[tuple[int, ...], dict[tuple[Any, ...], str]]] = {}
        self.definition = definition
        self.redefine(definition)

    def redefine(self, definition: TableDefinition) -> None:
        """Gives the table its new columns; those that were there keep their slots and rows their values."""
        self.definition = definition
        order = [definition.primary_id, "versionnumber", *definition.columns]
        for name in order:
            column = definition.columns[name]
            self.columns_by_property[column.property] = column
            if column.property not in self.slots:
                self.slots[column.property] = self._add_slot(column.default)
                if len(self.template) == ORDINAL_SLOT:
                    self._add_slot(None)
            if len(column.targets) > 1 and name not in self.type_slots:
                self.type_slots[name] = self._add_slot(None)
        for key, columns in definition.keys.items():
            self._index_key(key, columns)

    def empty(self) -> None:
        """Takes all rows out, as if none had ever been there."""
        self.rows.clear()
        self.deleted.clear()
        self._indexes.clear()
        self._ordinals = count()
        for _, taken in self._keys.values():
            taken.clear()

    def _add_slot(self, default: Any) -> int:
        self.template.append(default)
        for row in self.rows.values():
            row.append(default)
        return len(self.template) - 1

    def _index_key(self, key: str, columns: tuple[str, ...]) -> None:
        slots = tuple(self.slots[self.definition.columns[name].property] for name in columns)
        taken: dict[tuple[Any, ...], str] = {}
        self._keys[key] = (slots, taken)
        for row in self.rows.values():
            value = _key_value(row, slots)
            if value is not None:
                taken[value] = row[ID_SLOT]

    def value(self, row: Row, name: str) -> Any:
        """Returns what the row holds in the property."""
        return row[self.slots[name]]

    def target_of(self, row: Row, lookup: str) -> str:
        """Returns the logical name of the table that the lookup points at."""
        slot = self.type_slots.get(lookup)
        if slot is not None and row[slot] is not None:
            return str(row[slot])
        targets = self.definition.columns[lookup].targets
        return targets[0] if targets else ""

    def ids_where(self, slot: int, key: Hashable) -> Iterable[str]:
        """Returns the ids of the rows that hold the key in the slot, without a scan after the first time."""
        if slot == ID_SLOT:
            return (str(key),) if key in self.rows else ()
        return self.index(slot).equal(key)

    def index(self, slot: int) -> Index:
        """Returns the index of the slot, which is built when it is first asked for and kept by every write."""
        index = self._indexes.get(slot)
        if index is None:
            index = self._indexes[slot] = Index()
            for row_id, row in self.rows.items():
                index.add(index_key(row[slot]), row_id)
        return index

    def id_by_key(self, key: str, values: tuple[Any, ...]) -> str | None:
        """Returns the id of the row that the alternate key identifies."""
        return self._keys[key][1].get(tuple(index_key(value) for value in values))

    def put(self, row: Row) -> Row | None:
        """Stores the row and returns the one that it replaces; refuses a second holder of an alternate key."""
        row_id: str = row[ID_SLOT]
        old = self.rows.get(row_id)
        if self._keys:
            self._claim_keys(row, row_id, old)
        row[ORDINAL_SLOT] = next(self._ordinals) if old is None else old[ORDINAL_SLOT]
        self.rows[row_id] = row
        for slot, index in self._indexes.items():
            key = index_key(row[slot])
            if old is not None:
                old_key = index_key(old[slot])
                if old_key == key:
                    continue
                index.drop(old_key, row_id)
            index.add(key, row_id)
        return old

    def _claim_keys(self, row: Row, row_id: str, old: Row | None) -> None:
        for name, (slots, taken) in self._keys.items():
            value = _key_value(row, slots)
            if value is not None and taken.get(value, row_id) != row_id:
                column = self.definition.keys[name][0]
                raise DataverseError(
                    412,
                    "0x80060892",
                    f"Entity Key {name} violated. A record with the same value for {column} already exists. A "
                    "duplicate record cannot be created. Select one or more unique values and try again.",
                )
        for slots, taken in self._keys.values():
            if old is not None:
                taken.pop(_key_value(old, slots) or (), None)
            value = _key_value(row, slots)
            if value is not None:
                taken[value] = row_id

    def remove(self, row_id: str) -> Row:
        """Takes the row out of the table and of every index."""
        row = self.rows.pop(row_id)
        for slot, index in self._indexes.items():
            index.drop(index_key(row[slot]), row_id)
        for slots, taken in self._keys.values():
            taken.pop(_key_value(row, slots) or (), None)
        return row


def _key_value(row: Row, slots: tuple[int, ...]) -> tuple[Any, ...] | None:
    """A row with a null in a key column is not bound by the key."""
    value = tuple(index_key(row[slot]) for slot in slots)
    return None if None in value else value


class Store:
    """All tables, one version counter and the journal of the transaction at work."""

    def __init__(self, definitions: Iterable[TableDefinition]) -> None:
        self.by_name: dict[str, Table] = {}
        self.by_set: dict[str, Table] = {}
        self._version = FIRST_VERSION
        self._journal: list[tuple[Table, Row | None, Row | None]] = []
        self._depth = 0
        self.written: dict[str, dict[str, int]] = {"created": {}, "updated": {}, "deleted": {}}
        # What was worked out for the queries of a table, so that one that comes again costs less: by whole text; by all
        # options but the filter; by the filter and by the FetchXML without their values.
        self.queries, self.frames, self.filters, self.fetches = (Shapes[Any]() for _ in range(4))
        self.bases: set[str] = set()  # tables whose rows mirror those of the tables derived from them
        self._shared_slots: dict[str, list[tuple[int, int]]] = {}
        for definition in definitions:
            self.define(definition)

    def define(self, definition: TableDefinition) -> None:
        """Adds the table, or gives it its new columns."""
        for known in (self.queries, self.frames, self.filters, self.fetches):
            known.clear()
        table = self.by_name.get(definition.name)
        if table is None:
            table = Table(definition)
        else:
            table.redefine(definition)
        self.by_name[definition.name] = table
        self.by_set[definition.entity_set] = table
        self._shared_slots.clear()
        if definition.base_type:
            self.bases.add(definition.base_type)

    def empty(self) -> None:
        """Takes all rows out of all tables. What was worked out for queries stays: it holds no value of a row."""
        for table in self.by_name.values():
            table.empty()
        self._version = FIRST_VERSION
        self.forget_counts()

    def refuse_base(self, table: Table, method: str) -> None:
        """Rows of a base table are written through the tables derived from it, pairs of two tables by associating."""
        if table.definition.name in self.bases or table.definition.is_intersect:
            raise DataverseError(
                400,
                "0x80040800",
                f"The '{method}' method does not support entities of type '{table.definition.name}'.",
            )

    def _mirror(self, table: Table, row_id: str, row: Row | None) -> None:
        """Shows an activity as an activitypointer, too: the columns that both have."""
        base = self.by_name.get(table.definition.base_type)
        if base is None:
            return
        if row is None:
            self._journal.append((base, base.remove(row_id), None))
            return
        copy = base.template.copy()
        for source, target in self._slots_shared_with(base, table):
            copy[target] = row[source]
        self._journal.append((base, base.put(copy), copy))

    def _slots_shared_with(self, base: Table, table: Table) -> list[tuple[int, int]]:
        shared = self._shared_slots.get(table.definition.name)
        if shared is None:
            shared = [(table.slots[name], slot) for name, slot in base.slots.items() if name in table.slots]
            shared += [(table.type_slots[name], s) for name, s in base.type_slots.items() if name in table.type_slots]
            self._shared_slots[table.definition.name] = shared
        return shared

    @property
    def version(self) -> int:
        """The newest version that a row has or had."""
        return self._version

    def next_version(self) -> int:
        """Returns a row version that no row has had."""
        self._version += 1
        return self._version

    def insert(self, table: Table, row: Row) -> None:
        """Adds a row whose id must be free."""
        if row[ID_SLOT] in table.rows:
            raise duplicate_record()
        row[VERSION_SLOT] = self.next_version()
        table.put(row)
        self._journal.append((table, None, row))
        if table.definition.base_type:
            self._mirror(table, row[ID_SLOT], row)

    def replace(self, table: Table, row: Row) -> None:
        """Puts a changed copy in the place of a row."""
        row[VERSION_SLOT] = self.next_version()
        old = table.put(row)
        self._journal.append((table, old, row))
        if table.definition.base_type:
            self._mirror(table, row[ID_SLOT], row)

    def delete(self, table: Table, row_id: str) -> None:
        """Takes a row away."""
        self._journal.append((table, table.remove(row_id), None))
        if table.definition.base_type:
            self._mirror(table, row_id, None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps all changes of the block, or none when it raises. Inner transactions join the outer one."""
        start = len(self._journal)
        self._depth += 1
        try:
            yield
        except BaseException:
            self._roll_back(start)
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._count_and_forget()

    def _roll_back(self, start: int) -> None:
        for table, old, new in reversed(self._journal[start:]):
            if old is None:
                assert new is not None
                table.remove(new[ID_SLOT])
            else:
                table.put(old)
        del self._journal[start:]

    def _count_and_forget(self) -> None:
        for table, old, new in self._journal:
            if new is None and old is not None:
                table.deleted.append((self.next_version(), old[ID_SLOT]))
            if table.definition.name in self.bases:
                continue
            kind = "created" if old is None else "deleted" if new is None else "updated"
            counts = self.written[kind]
            counts[table.definition.name] = counts.get(table.definition.name, 0) + 1
        self._journal.clear()

    def forget_counts(self) -> None:
        """Starts the count of written records at nothing."""
        self.written = {"created": {}, "updated": {}, "deleted": {}}
