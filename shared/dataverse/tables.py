"""The Dataverse tables that Switchboard touches, with their columns, navigation properties and choices.

Of each table: `<Table>Column` may be written, `<Table>Read` may be selected and compared (a lookup as
`_<column>_value`), `<Table>Navigation` may be bound, its case as it stands (`Resource`, but `msdyn_shiftplan`). These
Literal types are the only list of names: `mypy` holds our code to them, and every query and row is held to them
again before it travels. Source: Microsoft's table reference and the Web API metadata.
"""

from typing import Any, Final, Literal, Never, get_args
from uuid import UUID

# What a table is stands beside the queries; who needs a table needs these too.
from shared.dataverse.odata.table import JsonRow as JsonRow
from shared.dataverse.odata.table import Lookup as Lookup
from shared.dataverse.odata.table import Reference as Reference
from shared.dataverse.odata.table import Table as Table
from shared.dataverse.odata.table import UnknownNameError as UnknownNameError
from shared.dataverse.odata.values import utc_moment as utc_moment
from shared.dataverse.odata.values import utc_text as utc_text

ACTIVE: Final = 0

# Choices of the import guide (Import integration with Dynamics 365 Customer Service, "Data model").
RESOURCE_TYPE_USER: Final = 3
BOOKING_TYPE_SOLID: Final = 1
BOOKING_METHOD_MANUAL: Final = 690970003
BOOKING_STATUS_COMMITTED: Final = 2
BOOKING_STATUS_CANCELED: Final = 3
ASSIGNMENT_AVAILABLE: Final = 192350000
ASSIGNMENT_NOT_AVAILABLE: Final = 192350001

# Choices of the phone call and its parties (table reference).
PHONE_CALL_OPEN: Final = 0
PHONE_CALL_COMPLETED: Final = 1
PHONE_CALL_CANCELED: Final = 2
PARTY_FROM: Final = 1
PARTY_TO: Final = 2

# Choices of the in-app notification ("Send in-app notifications within model-driven apps").
NOTIFICATION_INFO: Final = 100000000
NOTIFICATION_TIMED: Final = 200000000
NOTIFICATION_NORMAL: Final = 200000000

# "All imported records must reference this ID for the booking setup metadata field" (same guide). The package
# installation creates the row; an import never does.
SHIFT_BOOKING_SETUP_METADATA_ID: Final = UUID("4beb9fdb-48e9-453f-b008-5862ff902c5d")


def _names(literal: object) -> frozenset[Any]:
    return frozenset(get_args(literal))


# ---------------------------------------------------------------------------------------- people and shifts

SystemUserRead = Literal[
    "systemuserid", "fullname", "domainname", "employeeid", "internalemailaddress", "azureactivedirectoryobjectid",
    "isdisabled", "address1_telephone1", "mobilephone", "modifiedon",
]  # fmt: skip
SYSTEM_USER: Final = Table[SystemUserRead, Never, Never, Never](
    "systemuser", "systemusers", "systemuserid", _names(SystemUserRead), frozenset()
)

# Each business unit has its own copy of a role, under the same name.
RoleRead = Literal["roleid", "name"]
ROLE: Final = Table[RoleRead, Never, Never, Never]("role", "roles", "roleid", _names(RoleRead), frozenset())

# Who has which role directly; a role that comes with a team is not here.
SystemUserRoleRead = Literal["systemuserroleid", "systemuserid", "roleid"]
SYSTEM_USER_ROLE: Final = Table[SystemUserRoleRead, Never, Never, Never](
    "systemuserroles", "systemuserrolescollection", "systemuserroleid", _names(SystemUserRoleRead), frozenset()
)

# msdyn_generatecalendarfromshift opts the agent into shift-based routing; without it imported shifts are
# ignored (dynamics-365-customer-engagement, configure-routing-on-agent-calendar).
BookableResourceColumn = Literal["name", "resourcetype", "timezone", "msdyn_generatecalendarfromshift", "statecode"]
BookableResourceRead = Literal[BookableResourceColumn, "bookableresourceid", "_userid_value"]
BookableResourceNavigation = Literal["UserId"]
BOOKABLE_RESOURCE: Final = Table[BookableResourceRead, BookableResourceColumn, BookableResourceNavigation, Never](
    "bookableresource",
    "bookableresources",
    "bookableresourceid",
    _names(BookableResourceRead),
    _names(BookableResourceColumn),
    {"UserId": Lookup("userid", "systemusers")},
    bulk=True,
)

ShiftActivityTypeColumn = Literal["msdyn_name", "msdyn_shiftassignmentstatus", "statecode"]
ShiftActivityTypeRead = Literal[ShiftActivityTypeColumn, "msdyn_shiftactivitytypeid"]
SHIFT_ACTIVITY_TYPE: Final = Table[ShiftActivityTypeRead, ShiftActivityTypeColumn, Never, Never](
    "msdyn_shiftactivitytype",
    "msdyn_shiftactivitytypes",
    "msdyn_shiftactivitytypeid",
    _names(ShiftActivityTypeRead),
    _names(ShiftActivityTypeColumn),
    bulk=True,
)

BookingStatusColumn = Literal["name", "status", "statecode"]
BookingStatusRead = Literal[BookingStatusColumn, "bookingstatusid"]
BOOKING_STATUS: Final = Table[BookingStatusRead, BookingStatusColumn, Never, Never](
    "bookingstatus",
    "bookingstatuses",
    "bookingstatusid",
    _names(BookingStatusRead),
    _names(BookingStatusColumn),
    bulk=True,
)

ShiftPlanColumn = Literal["msdyn_name", "statecode"]
ShiftPlanRead = Literal[ShiftPlanColumn, "msdyn_shiftplanid"]
SHIFT_PLAN: Final = Table[ShiftPlanRead, ShiftPlanColumn, Never, Never](
    "msdyn_shiftplan",
    "msdyn_shiftplans",
    "msdyn_shiftplanid",
    _names(ShiftPlanRead),
    _names(ShiftPlanColumn),
    bulk=True,
)

BookingSetupMetadataRead = Literal[
    "msdyn_bookingsetupmetadataid",
    "msdyn_entitylogicalname",
    "statecode",
    "_msdyn_defaultbookingcommittedstatus_value",
    "_msdyn_defaultbookingcanceledstatus_value",
]
BookingSetupMetadataNavigation = Literal["msdyn_DefaultBookingCommittedStatus", "msdyn_DefaultBookingCanceledStatus"]
BOOKING_SETUP_METADATA: Final = Table[BookingSetupMetadataRead, Never, BookingSetupMetadataNavigation, Never](
    "msdyn_bookingsetupmetadata",
    "msdyn_bookingsetupmetadatas",
    "msdyn_bookingsetupmetadataid",
    _names(BookingSetupMetadataRead),
    frozenset(),
    {
        "msdyn_DefaultBookingCommittedStatus": Lookup("msdyn_defaultbookingcommittedstatus", "bookingstatuses"),
        "msdyn_DefaultBookingCanceledStatus": Lookup("msdyn_defaultbookingcanceledstatus", "bookingstatuses"),
    },
)

BookingColumn = Literal[
    "name", "starttime", "endtime", "duration", "bookingtype", "msdyn_bookingmethod", "msdyn_externalbookingid",
    "statecode",
]  # fmt: skip
BookingRead = Literal[
    BookingColumn, "bookableresourcebookingid", "_resource_value", "_bookingstatus_value", "_msdyn_shiftplan_value",
    "_msdyn_shiftactivitytype_value", "_msdyn_bookingsetupmetadataid_value", "_msdyn_resourcerequirement_value",
    "_msdyn_requirementgroupid_value",
]  # fmt: skip
BookingNavigation = Literal[
    "Resource", "BookingStatus", "msdyn_shiftplan", "msdyn_shiftactivitytype", "msdyn_BookingSetupMetadataId",
    "msdyn_ResourceRequirement", "msdyn_requirementgroupid",
]  # fmt: skip
BOOKING: Final = Table[BookingRead, BookingColumn, BookingNavigation, Never](
    "bookableresourcebooking",
    "bookableresourcebookings",
    "bookableresourcebookingid",
    _names(BookingRead),
    _names(BookingColumn),
    {
        "Resource": Lookup("resource", "bookableresources"),
        "BookingStatus": Lookup("bookingstatus", "bookingstatuses"),
        "msdyn_shiftplan": Lookup("msdyn_shiftplan", "msdyn_shiftplans"),
        "msdyn_shiftactivitytype": Lookup("msdyn_shiftactivitytype", "msdyn_shiftactivitytypes"),
        "msdyn_BookingSetupMetadataId": Lookup("msdyn_bookingsetupmetadataid", "msdyn_bookingsetupmetadatas"),
        "msdyn_ResourceRequirement": Lookup("msdyn_resourcerequirement", "msdyn_resourcerequirements"),
        "msdyn_requirementgroupid": Lookup("msdyn_requirementgroupid", "msdyn_requirementgroups"),
    },
    bulk=True,
)

ResourceRequirementColumn = Literal[
    "msdyn_name", "msdyn_fromdate", "msdyn_todate", "msdyn_duration", "msdyn_effort", "msdyn_timewindowstart",
    "msdyn_timewindowend", "msdyn_timezonefortimewindow", "msdyn_worklocation", "msdyn_isprimary", "statecode",
]  # fmt: skip
ResourceRequirementRead = Literal[
    ResourceRequirementColumn, "msdyn_resourcerequirementid", "_msdyn_requirementgroupid_value",
    "_msdyn_bookingsetupmetadataid_value",
]  # fmt: skip
ResourceRequirementNavigation = Literal["msdyn_requirementgroupid", "msdyn_BookingSetupMetadataId"]
RESOURCE_REQUIREMENT: Final = Table[
    ResourceRequirementRead, ResourceRequirementColumn, ResourceRequirementNavigation, Never
](
    "msdyn_resourcerequirement",
    "msdyn_resourcerequirements",
    "msdyn_resourcerequirementid",
    _names(ResourceRequirementRead),
    _names(ResourceRequirementColumn),
    {
        "msdyn_requirementgroupid": Lookup("msdyn_requirementgroupid", "msdyn_requirementgroups"),
        "msdyn_BookingSetupMetadataId": Lookup("msdyn_bookingsetupmetadataid", "msdyn_bookingsetupmetadatas"),
    },
)

RequirementGroupColumn = Literal["msdyn_name", "msdyn_istemplate", "statecode"]
RequirementGroupRead = Literal[
    RequirementGroupColumn, "msdyn_requirementgroupid", "_msdyn_requirementgrouptemplateid_value"
]
RequirementGroupNavigation = Literal["msdyn_requirementgrouptemplateid"]
REQUIREMENT_GROUP: Final = Table[RequirementGroupRead, RequirementGroupColumn, RequirementGroupNavigation, Never](
    "msdyn_requirementgroup",
    "msdyn_requirementgroups",
    "msdyn_requirementgroupid",
    _names(RequirementGroupRead),
    _names(RequirementGroupColumn),
    {"msdyn_requirementgrouptemplateid": Lookup("msdyn_requirementgrouptemplateid", "msdyn_requirementgroups")},
)

# ---------------------------------------------------------------------------------------------- customers

ContactColumn = Literal[
    "firstname", "lastname", "telephone1", "telephone2", "telephone3", "mobilephone", "home2", "business2",
    "emailaddress1", "donotphone", "statecode",
]  # fmt: skip
ContactRead = Literal[
    ContactColumn, "contactid", "fullname", "createdon", "_parentcustomerid_value", "_owninguser_value"
]
ContactNavigation = Literal["parentcustomerid_account", "parentcustomerid_contact", "owninguser"]
CONTACT: Final = Table[ContactRead, ContactColumn, ContactNavigation, Never](
    "contact",
    "contacts",
    "contactid",
    _names(ContactRead),
    _names(ContactColumn),
    {
        "parentcustomerid_account": Lookup("parentcustomerid", "accounts"),
        "parentcustomerid_contact": Lookup("parentcustomerid", "contacts"),
        "owninguser": Lookup("owninguser", "systemusers"),
    },
    bulk=True,
)

AccountColumn = Literal[
    "name", "accountnumber", "telephone1", "telephone2", "telephone3", "emailaddress1", "donotphone", "statecode"
]
AccountRead = Literal[
    AccountColumn, "accountid", "createdon", "_primarycontactid_value", "_parentaccountid_value", "_owninguser_value"
]
AccountNavigation = Literal["primarycontactid", "parentaccountid", "owninguser"]
ACCOUNT: Final = Table[AccountRead, AccountColumn, AccountNavigation, Never](
    "account",
    "accounts",
    "accountid",
    _names(AccountRead),
    _names(AccountColumn),
    {
        "primarycontactid": Lookup("primarycontactid", "contacts"),
        "parentaccountid": Lookup("parentaccountid", "accounts"),
        "owninguser": Lookup("owninguser", "systemusers"),
    },
    bulk=True,
)

LeadColumn = Literal[
    "subject", "firstname", "lastname", "companyname", "telephone1", "telephone2", "telephone3", "mobilephone",
    "emailaddress1", "donotphone", "statecode",
]  # fmt: skip
LeadRead = Literal[LeadColumn, "leadid", "fullname", "createdon", "_customerid_value"]
LeadNavigation = Literal["customerid_account", "customerid_contact"]
LEAD: Final = Table[LeadRead, LeadColumn, LeadNavigation, Never](
    "lead",
    "leads",
    "leadid",
    _names(LeadRead),
    _names(LeadColumn),
    {"customerid_account": Lookup("customerid", "accounts"), "customerid_contact": Lookup("customerid", "contacts")},
    bulk=True,
)

# ------------------------------------------------------------------------------------------ calls and cases

PhoneCallColumn = Literal[
    "subject", "description", "phonenumber", "directioncode", "scheduledstart", "scheduledend", "actualstart",
    "actualend", "actualdurationminutes", "prioritycode", "leftvoicemail", "category", "subcategory", "statecode",
    "statuscode",
]  # fmt: skip
PhoneCallRead = Literal[
    PhoneCallColumn, "activityid", "createdon", "modifiedon", "_regardingobjectid_value", "_ownerid_value",
    "_owninguser_value", "_createdby_value", "_modifiedby_value",
]  # fmt: skip
# The inherited `regardingobjectid_contact` exists too; the declared names are those with the suffix.
PhoneCallNavigation = Literal[
    "regardingobjectid_account_phonecall", "regardingobjectid_contact_phonecall", "regardingobjectid_lead_phonecall",
    "regardingobjectid_incident_phonecall", "ownerid",
]  # fmt: skip
PhoneCallNested = Literal["phonecall_activity_parties"]
PHONE_CALL: Final = Table[PhoneCallRead, PhoneCallColumn, PhoneCallNavigation, PhoneCallNested](
    "phonecall",
    "phonecalls",
    "activityid",
    _names(PhoneCallRead),
    _names(PhoneCallColumn),
    {
        "regardingobjectid_account_phonecall": Lookup("regardingobjectid", "accounts"),
        "regardingobjectid_contact_phonecall": Lookup("regardingobjectid", "contacts"),
        "regardingobjectid_lead_phonecall": Lookup("regardingobjectid", "leads"),
        "regardingobjectid_incident_phonecall": Lookup("regardingobjectid", "incidents"),
        "ownerid": Lookup("ownerid", "systemusers"),
    },
    # `from` and `to` are no Web API properties: both are written as parties, when the call is created.
    {"phonecall_activity_parties": "activityparties"},
)

# Every activity, whatever its kind; written as its kind.
ActivityPointerRead = Literal["activityid", "createdon", "statecode", "_regardingobjectid_value"]
ACTIVITY_POINTER: Final = Table[ActivityPointerRead, Never, Never, Never](
    "activitypointer", "activitypointers", "activityid", _names(ActivityPointerRead), frozenset()
)

ActivityPartyColumn = Literal["participationtypemask", "addressused"]
ActivityPartyRead = Literal[ActivityPartyColumn, "activitypartyid", "_partyid_value", "_activityid_value"]
ActivityPartyNavigation = Literal["partyid_account", "partyid_contact", "partyid_lead", "partyid_systemuser"]
ACTIVITY_PARTY: Final = Table[ActivityPartyRead, ActivityPartyColumn, ActivityPartyNavigation, Never](
    "activityparty",
    "activityparties",
    "activitypartyid",
    _names(ActivityPartyRead),
    _names(ActivityPartyColumn),
    {
        "partyid_account": Lookup("partyid", "accounts"),
        "partyid_contact": Lookup("partyid", "contacts"),
        "partyid_lead": Lookup("partyid", "leads"),
        "partyid_systemuser": Lookup("partyid", "systemusers"),
    },
)

IncidentColumn = Literal[
    "title", "description", "caseorigincode", "casetypecode", "prioritycode", "ticketnumber", "emailaddress",
    "routecase", "statecode", "statuscode",
]  # fmt: skip
IncidentRead = Literal[
    IncidentColumn, "incidentid", "createdon", "modifiedon", "_customerid_value", "_primarycontactid_value",
    "_subjectid_value", "_productid_value", "_parentcaseid_value", "_ownerid_value", "_owninguser_value",
    "_owningteam_value", "_createdby_value",
]  # fmt: skip
IncidentNavigation = Literal[
    "customerid_account", "customerid_contact", "primarycontactid", "subjectid", "productid", "parentcaseid", "ownerid"
]
INCIDENT: Final = Table[IncidentRead, IncidentColumn, IncidentNavigation, Never](
    "incident",
    "incidents",
    "incidentid",
    _names(IncidentRead),
    _names(IncidentColumn),
    {
        "customerid_account": Lookup("customerid", "accounts"),
        "customerid_contact": Lookup("customerid", "contacts"),
        "primarycontactid": Lookup("primarycontactid", "contacts"),
        "subjectid": Lookup("subjectid", "subjects"),
        "productid": Lookup("productid", "products"),
        "parentcaseid": Lookup("parentcaseid", "incidents"),
        "ownerid": Lookup("ownerid", "systemusers"),
    },
    bulk=True,
)

SubjectRead = Literal["subjectid", "title"]
SUBJECT: Final = Table[SubjectRead, Never, Never, Never](
    "subject", "subjects", "subjectid", _names(SubjectRead), frozenset()
)

ProductRead = Literal["productid", "name", "productnumber", "statecode"]
PRODUCT: Final = Table[ProductRead, Never, Never, Never](
    "product", "products", "productid", _names(ProductRead), frozenset()
)

AnnotationColumn = Literal["subject", "notetext", "isdocument", "filename", "mimetype", "documentbody"]
AnnotationRead = Literal[AnnotationColumn, "annotationid", "createdon", "_objectid_value", "_ownerid_value"]
AnnotationNavigation = Literal[
    "objectid_account", "objectid_contact", "objectid_lead", "objectid_incident", "objectid_phonecall", "ownerid"
]
ANNOTATION: Final = Table[AnnotationRead, AnnotationColumn, AnnotationNavigation, Never](
    "annotation",
    "annotations",
    "annotationid",
    _names(AnnotationRead),
    _names(AnnotationColumn),
    {
        "objectid_account": Lookup("objectid", "accounts"),
        "objectid_contact": Lookup("objectid", "contacts"),
        "objectid_lead": Lookup("objectid", "leads"),
        "objectid_incident": Lookup("objectid", "incidents"),
        "objectid_phonecall": Lookup("objectid", "phonecalls"),
        "ownerid": Lookup("ownerid", "systemusers"),
    },
)

QueueRead = Literal[
    "queueid", "name", "queueviewtype", "statecode", "_ownerid_value", "_owninguser_value", "_owningteam_value"
]
QUEUE: Final = Table[QueueRead, Never, Never, Never]("queue", "queues", "queueid", _names(QueueRead), frozenset())

# Made and moved by AddToQueue alone; `queueid` and `objectid` cannot be updated (table reference).
QueueItemColumn = Literal["priority", "statecode", "statuscode"]
QueueItemRead = Literal[
    QueueItemColumn, "queueitemid", "title", "objecttypecode", "enteredon", "_queueid_value", "_objectid_value",
    "_workerid_value",
]  # fmt: skip
QueueItemNavigation = Literal["queueid", "objectid_phonecall", "objectid_incident", "workerid_systemuser"]
QUEUE_ITEM: Final = Table[QueueItemRead, QueueItemColumn, QueueItemNavigation, Never](
    "queueitem",
    "queueitems",
    "queueitemid",
    _names(QueueItemRead),
    _names(QueueItemColumn),
    {
        "queueid": Lookup("queueid", "queues"),
        "objectid_phonecall": Lookup("objectid", "phonecalls"),
        "objectid_incident": Lookup("objectid", "incidents"),
        "workerid_systemuser": Lookup("workerid", "systemusers"),
    },
)

# What an agent sees in the app itself. A notification is for one user; a team as its owner is not supported ("Send
# in-app notifications within model-driven apps").
AppNotificationColumn = Literal["title", "body", "data", "icontype", "toasttype", "priority", "ttlinseconds"]
AppNotificationRead = Literal[AppNotificationColumn, "appnotificationid", "createdon", "_ownerid_value"]
AppNotificationNavigation = Literal["ownerid"]
APP_NOTIFICATION: Final = Table[AppNotificationRead, AppNotificationColumn, AppNotificationNavigation, Never](
    "appnotification",
    "appnotifications",
    "appnotificationid",
    _names(AppNotificationRead),
    _names(AppNotificationColumn),
    {"ownerid": Lookup("ownerid", "systemusers")},
)

TABLES: Final[tuple[Table, ...]] = (
    SYSTEM_USER,
    ROLE,
    SYSTEM_USER_ROLE,
    BOOKABLE_RESOURCE,
    SHIFT_ACTIVITY_TYPE,
    BOOKING_STATUS,
    SHIFT_PLAN,
    BOOKING_SETUP_METADATA,
    BOOKING,
    RESOURCE_REQUIREMENT,
    REQUIREMENT_GROUP,
    CONTACT,
    ACCOUNT,
    LEAD,
    PHONE_CALL,
    ACTIVITY_POINTER,
    ACTIVITY_PARTY,
    INCIDENT,
    SUBJECT,
    PRODUCT,
    ANNOTATION,
    QUEUE,
    QUEUE_ITEM,
    APP_NOTIFICATION,
)
