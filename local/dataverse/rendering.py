"""Turns rows into the JSON objects of an answer, with the annotations that were asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from local.dataverse.metadata import Column
from local.dataverse.query import Expansion, Query
from local.dataverse.store import ID_SLOT, VERSION_SLOT, Row, Store, Table

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
LOOKUP_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"

type Render = Callable[[Row], dict[str, Any]]


class Annotations:
    """Which annotations the Prefer header asks for."""

    def __init__(self, preference: str | None) -> None:
        self._patterns = [part.strip() for part in (preference or "").split(",") if part.strip()]

    def __contains__(self, name: str) -> bool:
        return any(
            pattern in {"*", name} or (pattern.endswith("*") and name.startswith(pattern[:-1]))
            for pattern in self._patterns
        )

    def __bool__(self) -> bool:
        return bool(self._patterns)


def etag_of(row: Row) -> str:
    """Returns the ETag: the row version in the weak form."""
    return f'W/"{row[VERSION_SLOT]}"'


class Renderer:
    """Renders the rows of one query."""

    def __init__(self, store: Store, annotations: Annotations) -> None:
        self._store = store
        self._annotations = annotations

    def compile(self, query: Query) -> Render:
        """Returns the function that renders one row of the query."""
        table = query.table
        names = query.select or tuple(table.columns_by_property)
        if table.definition.primary_id not in names:
            names = (*names, table.definition.primary_id)
        slots = [(name, table.slots[name]) for name in names]
        decorations = self._decorations(table, names) if self._annotations else []
        expansions = [(expansion, self.compile(expansion.query)) for expansion in query.expand]

        def render(row: Row) -> dict[str, Any]:
            rendered: dict[str, Any] = {"@odata.etag": f'W/"{row[VERSION_SLOT]}"'}
            for name, slot in slots:
                rendered[name] = row[slot]
            for decorate in decorations:
                rendered.update(decorate(row))
            for expansion, render_other in expansions:
                rendered[expansion.name] = self._expanded(table, row, expansion, render_other)
            return rendered

        return render

    def _decorations(self, table: Table, names: tuple[str, ...]) -> list[Render]:
        decorations: list[Render] = []
        for name in names:
            column = table.columns_by_property[name]
            if column.is_lookup:
                decorations.append(self._lookup_decoration(table, column))
            elif column.options and FORMATTED in self._annotations:
                decorations.append(_choice_decoration(table, column))
        return decorations

    def _lookup_decoration(self, table: Table, column: Column) -> Render:
        slot, name = table.slots[column.property], column.property
        navigation = {
            target: navigation.name
            for navigation in table.definition.navigation.values()
            if navigation.lookup == column.name
            for target in navigation.targets
        }

        def decorate(row: Row) -> dict[str, Any]:
            row_id = row[slot]
            if row_id is None:
                return {}
            target = table.target_of(row, column.name)
            notes: dict[str, Any] = {
                FORMATTED: self._name_of(target, row_id),
                LOOKUP_TABLE: target,
                LOOKUP_NAVIGATION: navigation.get(target),
            }
            return {
                f"{name}@{note}": value
                for note, value in notes.items()
                if value is not None and note in self._annotations
            }

        return decorate

    def _name_of(self, target: str, row_id: str) -> str | None:
        table = self._store.by_name.get(target)
        row = None if table is None else table.rows.get(row_id)
        if table is None or row is None or table.definition.primary_name not in table.slots:
            return None
        name = row[table.slots[table.definition.primary_name]]
        return None if name is None else str(name)

    def _expanded(self, table: Table, row: Row, expansion: Expansion, render: Render) -> Any:
        if expansion.navigation is not None:
            column = table.definition.columns[expansion.navigation.lookup]
            row_id = row[table.slots[column.property]]
            if row_id is None:
                return None
            target = table.target_of(row, column.name)
            if target not in expansion.navigation.targets or target not in self._store.by_name:
                return None
            other = self._store.by_name[target].rows.get(row_id)
            if target != expansion.target.definition.name:  # a team behind `ownerid`: its own columns
                return None if other is None else self.compile(Query(self._store.by_name[target]))(other)
            return None if other is None else render(other)
        assert expansion.collection is not None
        child, query = expansion.target, expansion.query
        partner = child.definition.navigation[expansion.collection.partner]
        slot = child.slots[child.definition.columns[partner.lookup].property]
        rows = [child.rows[row_id] for row_id in child.ids_where(slot, row[ID_SLOT])]
        if query.filter is not None:
            rows = [each for each in rows if query.filter.test(each)]
        if query.order is not None:
            rows = query.order(rows)
        return [render(each) for each in rows[: query.top]]


def _choice_decoration(table: Table, column: Column) -> Render:
    slot, key, labels = table.slots[column.property], f"{column.property}@{FORMATTED}", _labels(column.options)

    def decorate(row: Row) -> dict[str, Any]:
        value = row[slot]
        if value is None:
            return {}
        if isinstance(value, str):
            return {key: "; ".join(labels.get(int(part), part) for part in value.split(","))}
        return {key: labels[value]} if value in labels else {}

    return decorate


def _labels(options: Mapping[Any, str]) -> dict[Any, str]:
    return dict(options)
