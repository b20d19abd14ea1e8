"""Which columns of a table the platform fills, and which it demands."""

from typing import Any

from local.dataverse.store import Table

# SystemRequired columns that need no value in the body, because the platform fills them.
FILLED_BY_PLATFORM = frozenset({"ownerid", "statecode", "statuscode", "businessunitid", "organizationid"})
# On these administrative tables the platform also fills every choice and number.
FILLED_THROUGHOUT = frozenset({"systemuser", "team", "queue", "organization", "queueitem"})
NAMED_PEOPLE = frozenset({"contact", "lead", "systemuser"})


class Stamps:
    """The slots of the platform's columns in one table, looked up once."""

    def __init__(self, table: Table) -> None:
        definition = table.definition
        slot = table.slots.get
        self.created = [s for s in (slot("createdon"), slot("modifiedon")) if s is not None]
        self.created_by = [s for s in (slot("_createdby_value"), slot("_modifiedby_value")) if s is not None]
        self.modified_on = slot("modifiedon")
        self.modified_by = slot("_modifiedby_value")
        owner = slot("_ownerid_value")
        self.owner = owner if owner is not None and definition.user_owned else None
        self.owner_type = table.type_slots.get("ownerid")
        self.owning_user = slot("_owninguser_value")
        self.owning_team = slot("_owningteam_value")
        self.business_unit = slot("_owningbusinessunit_value")
        self.own_business_unit = slot("_businessunitid_value")
        self.state = slot("statecode")
        self.status = slot("statuscode")
        self.first_name, self.last_name = slot("firstname"), slot("lastname")
        self.full_name = slot("fullname") if definition.name in NAMED_PEOPLE else None
        self.states = definition.columns["statuscode"].states if "statuscode" in definition.columns else {}
        self.default_status = {state: status for status, state in reversed(list(self.states.items()))}
        self.required = [
            (table.slots[column.property], column.name)
            for column in definition.columns.values()
            if column.system_required and column.name != definition.primary_id
        ]
        self.required_on_create = [
            (slot_, name)
            for slot_, name in self.required
            if not _filled(definition.name, name)
            and definition.columns[name].valid_for_create
            and definition.columns[name].default is None
        ]
        self.lookups = [(table.slots[c.property], c) for c in definition.columns.values() if c.is_lookup]
        self.fills = _fills(table) if definition.name in FILLED_THROUGHOUT else {}


def _filled(table: str, column: str) -> bool:
    return column in FILLED_BY_PLATFORM or (table in FILLED_THROUGHOUT and column not in {"domainname", "name"})


def _fills(table: Table) -> dict[int, Any]:
    """The first choice, or nought, for each SystemRequired choice or number without a default."""
    fills: dict[int, Any] = {}
    for column in table.definition.columns.values():
        if column.system_required and column.default is None and column.name not in {"statecode", "statuscode"}:
            if column.type == "Picklist" and column.options:
                fills[table.slots[column.name]] = min(column.options)
            elif column.type in {"Integer", "Picklist"}:
                fills[table.slots[column.name]] = 0
            elif column.type == "Boolean":
                fills[table.slots[column.name]] = False
    return fills
