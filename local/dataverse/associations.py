"""Many-to-many relations: pairs of rows that are associated, disassociated and read from either end.

A pair is a row of the intersect table, which may be read and not written ("Associate and disassociate table rows using
the Web API"). Neither row of the pair changes: not even `modifiedon` (that a role which is given leaves the user as it
was is UNCONFIRMED, and the harder case for whoever looks for changes). UNCONFIRMED too: associating twice is refused
as a duplicate, disassociating what is not associated is done.
"""

from uuid import uuid4

from local.dataverse.errors import duplicate_record
from local.dataverse.metadata import Association
from local.dataverse.session import Session
from local.dataverse.store import ID_SLOT, Row, Store, Table


class Associations:
    """The pairs of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def other(self, association: Association) -> Table:
        """Returns the table at the other end."""
        return self._store.by_name[association.other]

    def associated(self, table: Table, row_id: str, association: Association) -> frozenset[str]:
        """Returns the ids of the rows at the other end."""
        slot = self._slot(association, self.other(association))
        return frozenset(row[slot] for row in self._pairs_of(table, row_id, association))

    def associate(self, table: Table, row_id: str, association: Association, other_id: str, session: Session) -> None:
        """Makes the pair."""
        other = self.other(association)
        session.require(table, "Append")
        session.require(other, "AppendTo")
        if other_id in self.associated(table, row_id, association):
            raise duplicate_record()
        pairs = self._store.by_name[association.intersect]
        row = pairs.template.copy()
        row[ID_SLOT] = str(uuid4())
        row[self._slot(association, table)] = row_id
        row[self._slot(association, other)] = other_id
        self._store.insert(pairs, row)

    def disassociate(
        self, table: Table, row_id: str, association: Association, other_id: str, session: Session
    ) -> None:
        """Takes the pair away."""
        other = self.other(association)
        session.require(table, "Append")
        session.require(other, "AppendTo")
        pairs, slot = self._store.by_name[association.intersect], self._slot(association, other)
        for row in list(self._pairs_of(table, row_id, association)):
            if row[slot] == other_id:
                self._store.delete(pairs, row[ID_SLOT])

    def _pairs_of(self, table: Table, row_id: str, association: Association) -> list[Row]:
        pairs = self._store.by_name[association.intersect]
        return [pairs.rows[pair] for pair in pairs.ids_where(self._slot(association, table), row_id)]

    def _slot(self, association: Association, end: Table) -> int:
        """The pair's column that holds the id of this end."""
        return self._store.by_name[association.intersect].slots[end.definition.primary_id]
