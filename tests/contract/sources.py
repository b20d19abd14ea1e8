"""Where each fact of the contract is documented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A tag, the repository or package, and the document in it."""

    tag: str
    origin: str
    document: str


DOCS = "MicrosoftDocs/powerapps-docs powerapps-docs/developer/data-platform/"
TABLE_PAGES = f"{DOCS}reference/entities/ and MicrosoftDocs/dynamics-365-customer-engagement ce/developer/reference/"

S1 = Source("S1", DOCS, "webapi/compose-http-requests-handle-errors.md")
S2 = Source("S2", DOCS, "webapi/create-entity-web-api.md")
S3 = Source("S3", DOCS, "webapi/update-delete-entities-using-web-api.md")
S4 = Source("S4", DOCS, "use-upsert-insert-update-record.md")
S5 = Source("S5", DOCS, "webapi/perform-conditional-operations-using-web-api.md")
S6 = Source("S6", DOCS, "use-alternate-key-reference-record.md")
S6_KEYS = Source("S6", DOCS, "define-alternate-keys-entity.md")
S7 = Source("S7", DOCS, "webapi/execute-batch-operations-using-web-api.md")
S8 = Source("S8", DOCS, "bulk-operations.md")
S9 = Source("S9", DOCS, "api-limits.md")
S9_SPEED = Source("S9", DOCS, "optimize-performance-create-update.md")
S10 = Source("S10", DOCS, "webapi/query/filter-rows.md")
S10_PAGES = Source("S10", DOCS, "webapi/query/page-results.md")
S11 = Source("S11", DOCS, "behavior-format-date-time-attribute.md")
S12 = Source("S12", DOCS, "webapi/use-web-api-actions.md")
S13 = Source("S13", DOCS, "use-single-tenant-server-server-authentication.md")
S14 = Source("S14", "microsoft/PowerPlatform-DataverseClient-Python", "CHANGELOG, data/_odata.py, data/_batch.py")
S15 = Source("S15", "microsoft/PowerApps-Samples", "dataverse/webapi/CSharp-NETx")
S16 = Source("S16", "rnwood/Fake4Dataverse", "Fake4Dataverse.Abstractions/Enums/ErrorCodes.cs")
S17 = Source("S17", "public client code", "exact strings of answers seen live")
S18 = Source("S18", "table reference pages and generated code", "columns, choices, navigation properties of each table")
S19 = Source("S19", "AleksandrRogov/DynamicsWebApi", "observed behaviour of dynamics-web-api 2.5.0")
S20 = Source("S20", TABLE_PAGES, "the message list and the columns of each table")
S21 = Source("S21", DOCS, "queue-entities.md")
S22 = Source("S22", "MicrosoftDocs/powerapps-docs powerapps-docs/",
             "developer/model-driven-apps/clientapi/send-in-app-notifications.md")  # fmt: skip
S23 = Source("S23", DOCS, "webapi/query-metadata-web-api.md")
U1 = Source("U1", "MicrosoftDocs/dynamics-365-customer-engagement",
            "ce/field-service/search-resource-availability-api.md")  # fmt: skip
U2 = Source("U2", "Microsoft", "requirement groups: search and booking")
U3 = Source("U3", "Microsoft", "msdyn_GetResourceAvailability version 1")
U4 = Source("U4", "microsoft/Dynamics365-Apps-Samples",
            "customer-service/service-scheduling/search-resource-availability-create-bookings")  # fmt: skip
U5 = Source("U5", "EwanT-21/dataverse-emulator", "the WSDL and XSDs of the organization service")
U6 = Source("U6", "delegateas/XrmMockup", "LeadMetadata.xml: real DataContract output")

SOURCES = (S1, S2, S3, S4, S5, S6, S6_KEYS, S7, S8, S9, S9_SPEED, S10, S10_PAGES, S11, S12, S13, S14, S15, S16, S17,
           S18, S19, S20, S21, S22, S23, U1, U2, U3, U4, U5, U6)  # fmt: skip
