"""Create, update and delete: the platform's own columns, required columns, states and what hangs on a row."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from local.dataverse.deletes import Deletes
from local.dataverse.environment import Environment
from local.dataverse.errors import (
    DataverseError,
    customer_missing,
    invalid_argument,
    invalid_state,
    required_column_missing,
    team_notified,
)
from local.dataverse.metadata import CollectionNavigation
from local.dataverse.payload import Change, PayloadReader
from local.dataverse.session import Session
from local.dataverse.stamps import Stamps
from local.dataverse.store import ID_SLOT, Row, Store, Table, current_second


class Writer:
    """Changes rows as the platform does. Call it inside a transaction of the store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._readers: dict[str, PayloadReader] = {}
        self._stamps: dict[str, Stamps] = {}
        self._deletes = Deletes(store, environment)
        self.forget_rows()

    def forget_rows(self) -> None:
        """Numbers cases from the first one on."""
        self._case_number = 1000

    def forget(self) -> None:
        """Makes the writer read the table definitions anew."""
        self._readers.clear()
        self._stamps.clear()
        self._deletes.forget()

    def reader(self, table: Table) -> PayloadReader:
        """Returns the reader of bodies for the table."""
        reader = self._readers.get(table.definition.name)
        if reader is None:
            reader = self._readers[table.definition.name] = PayloadReader(table, self._store, self._environment)
        return reader

    def stamps(self, table: Table) -> Stamps:
        """Returns the platform's columns of the table."""
        stamps = self._stamps.get(table.definition.name)
        if stamps is None:
            stamps = self._stamps[table.definition.name] = Stamps(table)
        return stamps

    def create(
        self,
        table: Table,
        body: Any,
        session: Session,
        *,
        row_id: str | None = None,
        preset: Mapping[int, Any] | None = None,
    ) -> str:
        """Creates a row, and the rows nested in the body, and returns its id."""
        self._store.refuse_base(table, "Create")
        session.require(table, "Create")
        change = self.reader(table).read(body, session.references, creating=True)
        if session.grants is not None:
            self._require_binds(table, change, session)
        if change.parents:
            self._create_parents(table, change, session)
        row = table.template.copy()
        for slot, value in change.values.items():
            if value is not None:
                row[slot] = value
        if preset:
            for slot, value in preset.items():
                row[slot] = value
        row[ID_SLOT] = row_id or row[ID_SLOT] or str(uuid4())
        resolved = table.definition.name == "activityparty" and self._environment.unresolved_parties == "refuse"
        if resolved and row[table.slots["_partyid_value"]] is None:
            raise invalid_argument("A party of an activity must be a row.")
        self._stamp_new(table, row, change, session)
        self._store.insert(table, row)
        for collection, bodies in change.children:
            self._create_children(table, row, collection, bodies, session)
        return str(row[ID_SLOT])

    def _require_binds(self, table: Table, change: Change, session: Session) -> None:
        """A lookup needs Append on its own table and AppendTo on the other; another owner needs Assign (UNCONFIRMED,
        so it is a switch)."""
        for slot, column in self.stamps(table).lookups:
            value = change.values.get(slot)
            if value is None:
                continue
            if column.type == "Owner":
                if value != session.caller and self._environment.owner_needs_assign:
                    session.require(table, "Assign")
                continue
            type_slot = table.type_slots.get(column.name)
            named = column.targets[0] if type_slot is None else change.values.get(type_slot)
            session.require(table, "Append")
            target = self._store.by_name.get(str(named))
            if target is not None:
                session.require(target, "AppendTo")

    def _stamp_new(self, table: Table, row: Row, change: Change, session: Session) -> None:
        self._stamp_columns(table, row, change.values, session)
        for slot, name in self.stamps(table).required_on_create:
            if row[slot] is None:
                raise _missing(table, name)

    def _stamp_columns(self, table: Table, row: Row, asked: Mapping[int, Any], session: Session) -> None:
        stamps = self.stamps(table)
        now = current_second()
        for slot in stamps.created:
            row[slot] = now
        for slot in stamps.created_by:
            row[slot] = session.caller
        if stamps.owner is not None:
            self._stamp_owner(table, stamps, row, session)
        for slot, value in stamps.fills.items():
            if row[slot] is None:
                row[slot] = value
        if stamps.own_business_unit is not None and row[stamps.own_business_unit] is None:
            row[stamps.own_business_unit] = session.business_unit
        if stamps.state is not None:
            self._settle_state(table, stamps, row, asked, current=None)
        self._fill_special(table, row)

    def fill_planted(self, table: Table, row: Row, session: Session) -> None:
        """Fills the platform's columns of a seeded row, whatever its state, without asking for required columns."""
        stamps = self.stamps(table)
        asked: dict[int, Any] = {}
        for slot in (stamps.state, stamps.status):
            if slot is not None and row[slot] is not None:
                asked[slot] = row[slot]
        self._stamp_columns(table, row, asked, session)

    def _stamp_owner(self, table: Table, stamps: Stamps, row: Row, session: Session) -> None:
        assert stamps.owner is not None
        if row[stamps.owner] is None:
            row[stamps.owner] = session.caller
            if stamps.owner_type is not None:
                row[stamps.owner_type] = "systemuser"
        is_team = stamps.owner_type is not None and row[stamps.owner_type] == "team"
        if is_team and table.definition.name == "appnotification":
            raise team_notified()
        if stamps.owning_user is not None:
            row[stamps.owning_user] = None if is_team else row[stamps.owner]
        if stamps.owning_team is not None:
            row[stamps.owning_team] = row[stamps.owner] if is_team else None
        if stamps.business_unit is not None:
            row[stamps.business_unit] = session.business_unit

    def _settle_state(
        self, table: Table, stamps: Stamps, row: Row, asked: Mapping[int, Any], *, current: int | None
    ) -> None:
        """Makes state and status fit: a status must belong to the state, a state alone takes its first status."""
        assert stamps.state is not None
        state = asked.get(stamps.state)
        if state is None:
            state = 0 if current is None else current
        row[stamps.state] = state
        if stamps.status is None:
            return
        status = asked.get(stamps.status)
        if status is None:
            if current is None or state != current:
                row[stamps.status] = stamps.default_status.get(state)
        elif stamps.states and stamps.states.get(status) != state:
            raise invalid_state(table.definition.name, status, state)

    def _fill_special(self, table: Table, row: Row) -> None:
        """Fills the columns that the platform computes from others."""
        stamps = self.stamps(table)
        if stamps.full_name is not None and stamps.first_name is not None and stamps.last_name is not None:
            names = (row[stamps.first_name], row[stamps.last_name])
            row[stamps.full_name] = " ".join(name for name in names if name) or None
        name = table.definition.name
        if name == "incident" and table.value(row, "ticketnumber") is None:
            self._case_number += 1
            row[table.slots["ticketnumber"]] = f"CAS-{self._case_number:05}-{row[ID_SLOT][:6].upper()}"
        elif name == "phonecall":
            self._fill_activity(table, row)
        elif name in {"annotation", "queueitem"} and table.value(row, "_objectid_value") is not None:
            target = table.target_of(row, "objectid")
            code = self._store.by_name[target].definition.object_type_code
            row[table.slots["objecttypecode"]] = target if name == "annotation" else code

    def _fill_activity(self, table: Table, row: Row) -> None:
        row[table.slots["activitytypecode"]] = "phonecall"
        if self._environment.activity_time_of_day == "drop":  # their format is DateOnly
            for name in ("actualstart", "actualend"):
                value = table.value(row, name)
                if value is not None:
                    row[table.slots[name]] = value[:10] + "T00:00:00Z"

    def _create_parents(self, table: Table, change: Change, session: Session) -> None:
        """Deep insert of single-valued navigation properties: the parent is made first."""
        for navigation, body in change.parents:
            target = self._store.by_name.get(navigation.targets[0])
            if target is None or len(navigation.targets) > 1:
                raise invalid_argument(f"'{navigation.name}' does not tell which table to create a row in.")
            column = table.definition.columns[navigation.lookup]
            change.values[table.slots[column.property]] = self.create(target, body, session)
            if column.name in table.type_slots:
                change.values[table.type_slots[column.name]] = target.definition.name

    def _create_children(
        self, table: Table, row: Row, collection: CollectionNavigation, bodies: list[Any], session: Session
    ) -> None:
        """Deep insert of a collection: each child points back at the row."""
        child = self._store.by_name[collection.child]
        partner = child.definition.navigation[collection.partner]
        column = child.definition.columns[partner.lookup]
        preset = {child.slots[column.property]: row[ID_SLOT]}
        if column.name in child.type_slots:
            preset[child.type_slots[column.name]] = table.definition.name
        for body in bodies:
            self.create(child, body, session, preset=preset)

    def update(
        self, table: Table, row_id: str, body: Any, session: Session, *, preset: Mapping[int, Any] | None = None
    ) -> None:
        """Changes the columns that the body names, and those of `preset`, and no other."""
        self._store.refuse_base(table, "Update")
        session.require(table, "Write")
        change = self.reader(table).read(body, session.references, creating=False)
        if session.grants is not None:
            self._require_binds(table, change, session)
        if change.parents:
            raise invalid_argument("A nested entity is not accepted in an update. Bind the row instead.")
        old = table.rows[row_id]
        row = old.copy()
        for slot, value in {**change.values, **(preset or {})}.items():
            row[slot] = value
        row[ID_SLOT] = row_id
        self._stamp_changed(table, row, old, change, session)
        self._store.replace(table, row)
        self.settle_queue_items(table, row, old)
        for collection, bodies in change.children:
            self._replace_children(table, row, collection, bodies, session)

    def _stamp_changed(self, table: Table, row: Row, old: Row, change: Change, session: Session) -> None:
        stamps = self.stamps(table)
        for slot, name in stamps.required:
            if row[slot] is None and slot in change.values:
                raise _missing(table, name)
        if stamps.modified_on is not None:
            row[stamps.modified_on] = current_second()
        if stamps.modified_by is not None:
            row[stamps.modified_by] = session.caller
        if stamps.owner is not None and stamps.owner in change.values:
            self._stamp_owner(table, stamps, row, session)
        if stamps.state is not None and (stamps.state in change.values or stamps.status in change.values):
            if table.definition.name == "incident" and self._environment.case_state_by_patch == "refuse":
                raise invalid_argument("The state of a case is changed by the CloseIncident action.")
            self._settle_state(table, stamps, row, change.values, current=old[stamps.state])
        self._fill_special(table, row)

    def settle_queue_items(self, table: Table, row: Row, old: Row) -> None:
        """A queue item is deactivated when the state of its row changes from active to another ("Queue tables")."""
        items = self._store.by_name["queueitem"]
        state = self.stamps(table).state
        if f"objectid_{table.definition.name}" not in items.definition.navigation or state is None:
            return
        if old[state] != 0 or row[state] == 0:
            return
        stamps = self.stamps(items)
        assert stamps.state is not None
        assert stamps.status is not None
        for item_id in list(items.ids_where(items.slots["_objectid_value"], row[ID_SLOT])):
            item = items.rows[item_id].copy()
            if item[stamps.state] == 0:
                item[stamps.state], item[stamps.status] = 1, stamps.default_status[1]
                self._store.replace(items, item)

    def _replace_children(
        self, table: Table, row: Row, collection: CollectionNavigation, bodies: list[Any], session: Session
    ) -> None:
        """Parties sent with an update stand for the whole list (UNCONFIRMED, so it is a switch)."""
        if collection.child != "activityparty" or self._environment.patch_parties == "refuse":
            raise invalid_argument(f"'{collection.name}' is not accepted in an update.")
        child = self._store.by_name[collection.child]
        for row_id in list(child.ids_where(child.slots["_activityid_value"], row[ID_SLOT])):
            self._store.delete(child, row_id)
        self._create_children(table, row, collection, bodies, session)

    def delete(self, table: Table, row_id: str, session: Session) -> None:
        """Deletes the row and what belongs to it; lookups to it are cleared; 405 where a relation forbids it."""
        self._deletes.delete(table, row_id, session)


def _missing(table: Table, column: str) -> DataverseError:
    name = table.definition.name
    return customer_missing() if (name, column) == ("incident", "customerid") else required_column_missing(name, column)
