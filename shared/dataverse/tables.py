"""The Dataverse tables that Switchboard touches, with their columns, navigation properties and choices.

A lookup column is read as `_<column>_value` and written only through its navigation property, whose name is case
sensitive (`Resource`, but `msdyn_shiftplan`). So the names that exist are listed here, and every query and row is
checked against them before anything travels. Source: Microsoft's table reference and the Web API metadata.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

type JsonRow = dict[str, Any]

_LOGICAL_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class UnknownNameError(LookupError):
    """A column or navigation property that the table does not have: a mistake of ours or of a configuration."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a navigation property points: `column` is read as `_<column>_value`, `target_set` is bound to."""

    column: str
    target_set: str

    @property
    def value_property(self) -> str:
        return f"_{self.column}_value"


@dataclass(frozen=True, slots=True)
class Table:
    """Names of one table. `bulk` says that it takes CreateMultiple, UpdateMultiple and UpsertMultiple."""

    logical_name: str
    entity_set: str
    primary_id: str
    columns: frozenset[str]
    navigation: Mapping[str, Lookup] = field(default_factory=dict)
    bulk: bool = False

    def with_columns(self, names: Iterable[str]) -> "Table":
        """The same table with further columns, which an administrator's configuration names (custom ones too).

        Raises UnknownNameError for text that cannot be a logical name, so that no configuration reaches a URL raw.
        """
        extra = frozenset(names)
        for name in extra:
            if not _LOGICAL_NAME.fullmatch(name):
                raise UnknownNameError(f"{name!r} cannot be the logical name of a column of {self.logical_name}")
        return replace(self, columns=self.columns | extra)

    def require_readable(self, names: Iterable[str]) -> None:
        """Raise UnknownNameError for the first name that cannot be selected, filtered or ordered by."""
        lookups = {lookup.value_property for lookup in self.navigation.values()}
        for name in names:
            if name not in self.columns and name not in lookups and name != self.primary_id:
                raise UnknownNameError(f"{self.logical_name} has no readable column {name!r}")

    def lookup(self, navigation: str) -> Lookup:
        """Where this navigation property points. Raises UnknownNameError; the case of the name counts."""
        try:
            return self.navigation[navigation]
        except KeyError:
            raise UnknownNameError(f"{self.logical_name} has no navigation property {navigation!r}") from None

    def row(self, row_id: UUID, columns: Mapping[str, Any], binds: Mapping[str, UUID] | None = None) -> JsonRow:
        """One row as Dataverse takes it: primary key, columns, and `<navigation>@odata.bind` for each lookup."""
        for name in columns:
            if name not in self.columns:
                raise UnknownNameError(f"{self.logical_name} has no column {name!r}")
        body: JsonRow = {self.primary_id: str(row_id)}
        body.update((name, _json_value(value)) for name, value in columns.items())
        for navigation, target in (binds or {}).items():
            body[f"{navigation}@odata.bind"] = f"/{self.lookup(navigation).target_set}({target})"
        return body


def _json_value(value: object) -> object:
    return utc_text(value) if isinstance(value, datetime) else value


def utc_text(moment: datetime) -> str:
    """A moment as Dataverse writes it: `2026-11-21T08:00:00Z`. Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot go to Dataverse")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_moment(text: str) -> datetime:
    """The moment that Dataverse wrote, in UTC. A value without an offset is UTC (Web API date behaviour)."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


ACTIVE: Final = 0

# Choices of the import guide (Import integration with Dynamics 365 Customer Service, "Data model").
RESOURCE_TYPE_USER: Final = 3
BOOKING_TYPE_SOLID: Final = 1
BOOKING_METHOD_MANUAL: Final = 690970003
BOOKING_STATUS_COMMITTED: Final = 2
ASSIGNMENT_AVAILABLE: Final = 192350000
ASSIGNMENT_NOT_AVAILABLE: Final = 192350001

# "All imported records must reference this ID for the booking setup metadata field" (same guide). The package
# installation creates the row; an import never does.
SHIFT_BOOKING_SETUP_METADATA_ID: Final = UUID("4beb9fdb-48e9-453f-b008-5862ff902c5d")

SYSTEM_USER: Final = Table(
    "systemuser",
    "systemusers",
    "systemuserid",
    frozenset(
        {
            "fullname",
            "domainname",
            "employeeid",
            "internalemailaddress",
            "azureactivedirectoryobjectid",
            "isdisabled",
        }
    ),
)

BOOKABLE_RESOURCE: Final = Table(
    "bookableresource",
    "bookableresources",
    "bookableresourceid",
    # msdyn_generatecalendarfromshift opts the agent into shift-based routing; without it imported shifts are
    # ignored (dynamics-365-customer-engagement, configure-routing-on-agent-calendar).
    frozenset({"name", "resourcetype", "timezone", "msdyn_generatecalendarfromshift", "statecode"}),
    {"UserId": Lookup("userid", "systemusers")},
    bulk=True,
)

SHIFT_ACTIVITY_TYPE: Final = Table(
    "msdyn_shiftactivitytype",
    "msdyn_shiftactivitytypes",
    "msdyn_shiftactivitytypeid",
    frozenset({"msdyn_name", "msdyn_shiftassignmentstatus", "statecode"}),
    bulk=True,
)

BOOKING_STATUS: Final = Table(
    "bookingstatus",
    "bookingstatuses",
    "bookingstatusid",
    frozenset({"name", "status", "statecode"}),
    bulk=True,
)

SHIFT_PLAN: Final = Table(
    "msdyn_shiftplan",
    "msdyn_shiftplans",
    "msdyn_shiftplanid",
    frozenset({"msdyn_name", "statecode"}),
    bulk=True,
)

BOOKING_SETUP_METADATA: Final = Table(
    "msdyn_bookingsetupmetadata",
    "msdyn_bookingsetupmetadatas",
    "msdyn_bookingsetupmetadataid",
    frozenset({"msdyn_entitylogicalname", "statecode"}),
    {"msdyn_DefaultBookingCommittedStatus": Lookup("msdyn_defaultbookingcommittedstatus", "bookingstatuses")},
)

BOOKING: Final = Table(
    "bookableresourcebooking",
    "bookableresourcebookings",
    "bookableresourcebookingid",
    frozenset(
        {
            "name",
            "starttime",
            "endtime",
            "duration",
            "bookingtype",
            "msdyn_bookingmethod",
            "msdyn_externalbookingid",
            "statecode",
        }
    ),
    {
        "Resource": Lookup("resource", "bookableresources"),
        "BookingStatus": Lookup("bookingstatus", "bookingstatuses"),
        "msdyn_shiftplan": Lookup("msdyn_shiftplan", "msdyn_shiftplans"),
        "msdyn_shiftactivitytype": Lookup("msdyn_shiftactivitytype", "msdyn_shiftactivitytypes"),
        "msdyn_BookingSetupMetadataId": Lookup("msdyn_bookingsetupmetadataid", "msdyn_bookingsetupmetadatas"),
    },
    bulk=True,
)

CONTACT: Final = Table(
    "contact",
    "contacts",
    "contactid",
    frozenset({"fullname", "telephone1", "telephone2", "telephone3", "mobilephone", "home2", "business2", "statecode"}),
    {
        "parentcustomerid_account": Lookup("parentcustomerid", "accounts"),
        "parentcustomerid_contact": Lookup("parentcustomerid", "contacts"),
    },
    bulk=True,
)

ACCOUNT: Final = Table(
    "account",
    "accounts",
    "accountid",
    frozenset({"name", "telephone1", "telephone2", "telephone3", "statecode"}),
    {
        "primarycontactid": Lookup("primarycontactid", "contacts"),
        "parentaccountid": Lookup("parentaccountid", "accounts"),
    },
    bulk=True,
)

LEAD: Final = Table(
    "lead",
    "leads",
    "leadid",
    frozenset({"fullname", "subject", "telephone1", "telephone2", "telephone3", "mobilephone", "statecode"}),
    {"customerid_account": Lookup("customerid", "accounts"), "customerid_contact": Lookup("customerid", "contacts")},
    bulk=True,
)

TABLES: Final = (
    SYSTEM_USER,
    BOOKABLE_RESOURCE,
    SHIFT_ACTIVITY_TYPE,
    BOOKING_STATUS,
    SHIFT_PLAN,
    BOOKING_SETUP_METADATA,
    BOOKING,
    CONTACT,
    ACCOUNT,
    LEAD,
)
