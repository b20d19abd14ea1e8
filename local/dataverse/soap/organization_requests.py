"""The organization requests that Execute knows: WhoAmI and Universal Resource Scheduling."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from local.dataverse.bags import Bag, BagReader, Reference, utc_text
from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, invalid_argument, row_does_not_exist, unknown_attribute
from local.dataverse.scheduling.groups import GROUPS, REQUIREMENTS, Groups
from local.dataverse.scheduling.requests import check_version, read_settings, read_specification
from local.dataverse.scheduling.search import Search
from local.dataverse.session import Session
from local.dataverse.store import Store, Table
from local.dataverse.values import column_reader

type Parameters = Mapping[str, Any]
type Results = dict[str, Any]

# The vendor's C# sample spells the second message with a small c.
BOOK = ("msdyn_CreateRequirementGroupBookings", "msdyn_createRequirementGroupBookings")


class OrganizationRequests:
    """Carries out organization requests by name."""

    def __init__(self, store: Store, environment: Environment, search: Search, groups: Groups) -> None:
        self._store = store
        self._environment = environment
        self._search = search
        self._groups = groups
        self._messages: dict[str, Callable[[str, BagReader, Session], tuple[Results, int]]] = {
            "WhoAmI": self._who_am_i,
            "msdyn_SearchResourceAvailability": self._search_one,
            "msdyn_GetResourceAvailability": self._search_one,
            "msdyn_SearchResourceAvailabilityForRequirementGroup": self._search_group,
            **dict.fromkeys(BOOK, self._book),
        }

    def run(self, name: str, parameters: Parameters, session: Session) -> tuple[Results, int]:
        """Returns the results of the request and the number of rows that it wrote. The text of the refusal of an
        unknown name is UNCONFIRMED."""
        message = self._messages.get(name)
        if message is None:
            raise invalid_argument(f"The request '{name}' is not known.")
        reader = BagReader(Bag(parameters), name)
        return message(name, reader, session)

    def _who_am_i(self, _: str, reader: BagReader, session: Session) -> tuple[Results, int]:
        reader.refuse_others()
        organization = next(iter(self._store.by_name["organization"].rows))
        ids = {"UserId": session.caller, "BusinessUnitId": session.business_unit, "OrganizationId": organization}
        return {key: UUID(value) for key, value in ids.items()}, 0

    def _search_one(self, name: str, reader: BagReader, session: Session) -> tuple[Results, int]:
        session.require(self._search.resources.table, "Read")
        known = ("1.0.0",) if name == "msdyn_GetResourceAvailability" else ("1.0.0", "2.0.0")
        check_version(reader.text("Version"), known, name, required=True)
        for parameter in ("Requirement", "Settings"):
            reader.required(parameter)
        requirement, settings = reader.bag("Requirement"), reader.bag("Settings")
        specification = reader.bag("ResourceSpecification")
        reader.refuse_others()
        values = self._columns(requirement or Bag(), "Requirement", named=True)
        return self._search.run(
            values,
            read_settings(settings or Bag(), self._environment),
            read_specification(specification, self._environment),
        ), 0

    def _search_group(self, name: str, reader: BagReader, session: Session) -> tuple[Results, int]:
        session.require(self._search.resources.table, "Read")
        # Older pages require the version, newer ones do not; the switch is the same as that of the OData action.
        required = self._environment.search_version == "required"
        check_version(reader.text("Version"), ("1.0.0",), name, required=required)
        reader.required("RequirementGroup")
        group = reader.reference("RequirementGroup", GROUPS)
        asked = self._columns(reader.bag("RequirementSpecification") or Bag(), "RequirementSpecification", named=False)
        settings = reader.bag("Settings") or Bag()
        reader.refuse_others()
        return self._groups.propose(group.row_id if group else "", asked, settings), 0

    def _book(self, name: str, reader: BagReader, session: Session) -> tuple[Results, int]:
        check_version(reader.text("Version"), ("1.0.0",), name, required=True)
        for parameter in ("RequirementGroup", "Start", "Duration", "ResourceAssignments"):
            reader.required(parameter)
        group, start = reader.reference("RequirementGroup", GROUPS), reader.moment("Start")
        duration, assignments = reader.whole_number("Duration"), reader.bags("ResourceAssignments")
        reader.refuse_others()
        assert group is not None
        assert start is not None
        assert duration is not None
        written = self._groups.book(group.row_id, start, duration, assignments, session)
        return {"HandlerExecuted": True}, written

    def _columns(self, bag: Bag, where: str, *, named: bool) -> dict[str, Any]:
        """Returns the attributes of a requirement in their stored form, on top of the stored row that it names."""
        table = self._store.by_name[REQUIREMENTS]
        if bag.table != REQUIREMENTS and (named or bag.table):
            raise invalid_argument(f"'{where}' must be an entity '{REQUIREMENTS}', not '{bag.table}'.")
        stored: dict[str, Any] = {}
        if bag.row_id is not None:
            if bag.row_id not in table.rows:
                raise row_does_not_exist(REQUIREMENTS, bag.row_id)
            stored = {name: table.rows[bag.row_id][slot] for name, slot in table.slots.items()}
        return {**stored, **dict(self._column(table, name, value) for name, value in bag.attributes.items())}

    def _column(self, table: Table, name: str, value: Any) -> tuple[str, Any]:
        column = table.definition.columns.get(name)
        if column is None:
            raise unknown_attribute(REQUIREMENTS, name)
        if isinstance(value, Reference) and value.table not in column.targets:
            raise invalid_argument(f"'{name}' does not take a reference to '{value.table}'.")
        try:
            return column.property, column_reader(table.definition, column)(_as_json(value))
        except DataverseError as error:
            raise invalid_argument(f"The attribute '{name}' of '{REQUIREMENTS}' has a wrong value.") from error


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, UUID):
        return str(value)
    return value.row_id if isinstance(value, Reference) else value
