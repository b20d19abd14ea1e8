"""Which bookable resources qualify for a requirement."""

from local.dataverse.scheduling.requests import CREW, EVERY_TYPE, Requirement, Settings, Specification
from local.dataverse.store import ID_SLOT, Row, Store


class Resources:
    """Finds bookable resources."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.table = store.by_name["bookableresource"]

    def qualified(self, requirement: Requirement, specification: Specification, settings: Settings) -> list[Row]:
        """Returns the resources in order: the preferred ones first, then by name."""
        if requirement.onsite and settings.radius <= 0:
            return []  # the default radius of 0 km reaches nobody ("Settings entity")
        types = specification.types or requirement.types or EVERY_TYPE - {CREW}
        rows = [
            row
            for row in self.table.rows.values()
            if self._value(row, "resourcetype") in types and self._allowed(row, specification)
        ]
        rank = {row_id: number for number, row_id in enumerate(specification.preferred)}
        return sorted(rows, key=lambda row: (rank.get(row[ID_SLOT], len(rank)), self._value(row, "name") or ""))

    def _allowed(self, row: Row, specification: Specification) -> bool:
        row_id: str = row[ID_SLOT]
        return (
            self._value(row, "statecode") == 0
            and self._value(row, "msdyn_displayonscheduleassistant") is not False
            and row_id not in specification.restricted
            and _among(row_id, specification.must_choose)
            and _among(self._value(row, "_msdyn_organizationalunit_value"), specification.organizational_units)
            and _among(self._business_unit(row), specification.business_units)
            and specification.characteristics <= self._characteristics(row_id)
        )

    def _business_unit(self, row: Row) -> str | None:
        users = self._store.by_name["systemuser"]
        user = users.rows.get(self.table.value(row, "_userid_value"))
        return None if user is None else str(users.value(user, "_businessunitid_value"))

    def _characteristics(self, row_id: str) -> set[str]:
        held = self._store.by_name["bookableresourcecharacteristic"]
        return {
            held.value(held.rows[each], "_characteristic_value")
            for each in held.ids_where(held.slots["_resource_value"], row_id)
            if held.value(held.rows[each], "statecode") == 0
        }

    def _value(self, row: Row, name: str) -> object:
        return self.table.value(row, name)


def _among(value: object, allowed: frozenset[str] | None) -> bool:
    return allowed is None or value in allowed
