"""`EntityDefinitions`, as the official SDK asks for them (facts: section 11)."""

from tests.contract.cases import ABSENT, PRESENT, Case, get, post
from tests.contract.sources import S11, S14, S18, S23

BOOKING = {"LogicalName": "bookableresourcebooking", "EntitySetName": "bookableresourcebookings",
           "PrimaryIdAttribute": "bookableresourcebookingid"}  # fmt: skip
CHOICES = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
SITE = {"new_site": {"attributes": {"name": {"type": "String", "max_length": 50}, "new_kind": {
    "type": "Picklist", "options": [{"value": 1, "label": "Office"}, {"value": 2, "label": "Ward"}]}}}}  # fmt: skip

COLUMNS = "EntityDefinitions(LogicalName='new_site')/Attributes"
OFFICES = [{"value": 1, "label": "Office"}, {"value": 2, "label": "Ward"}]
KINDS = {"new_site": {"attributes": {
    "name": {"type": "String", "max_length": 50}, "new_open": {"type": "Boolean"},
    "new_notes": {"type": "Memo", "max_length": 900, "valid_for_create": False},
    "new_opened": {"type": "DateTime", "datetime_behavior": "DateOnly"}, "new_seen": {"type": "DateTime"},
    "new_kinds": {"type": "MultiSelectPicklist", "options": OFFICES},
    "new_owner": {"type": "Customer", "targets": ["account", "contact"]}}}}  # fmt: skip

CASES = [
    Case(fact="a definition is found by a filter on the logical name", source=S14, status=200,
         call=get("EntityDefinitions?%24select=LogicalName%2CEntitySetName%2CPrimaryIdAttribute&"
                  "%24filter=LogicalName+eq+%27bookableresourcebooking%27"), body={"value": [BOOKING]}),
    Case(fact="a definition of no table is an empty list", source=S14, status=200, body={"value": []},
         call=get("EntityDefinitions?$select=LogicalName&$filter=LogicalName eq 'new_nosuch'")),
    Case(fact="a definition is read by the logical name", source=S14, status=200, body=BOOKING,
         call=get("EntityDefinitions(LogicalName='bookableresourcebooking')")),
    Case(fact="a definition of no table is not found", source=S14, status=404,
         call=get("EntityDefinitions(LogicalName='new_nosuch')")),
    Case(fact="a table that inherits its key names it", source=S18, status=200,
         call=get("EntityDefinitions(LogicalName='phonecall')"),
         body={"EntitySetName": "phonecalls", "PrimaryIdAttribute": "activityid", "PrimaryNameAttribute": "subject"}),
    Case(fact="the set of a table is no plural by rule", source=S18, status=200,
         call=get("EntityDefinitions(LogicalName='bookingstatus')"), body={"EntitySetName": "bookingstatuses"}),
    Case(fact="the choice columns of a table list their values with labels", source=S14, status=200, tables=SITE,
         call=get(f"EntityDefinitions(LogicalName='new_site')/{CHOICES}?$select=LogicalName&"
                  "$expand=OptionSet($select=Options)"),
         body={"value": [{"LogicalName": "new_kind", "OptionSet": {"Options": [
             {"Value": value, "Label": {"LocalizedLabels": [{"Label": label, "LanguageCode": 1033}],
                                        "UserLocalizedLabel": {"Label": label, "LanguageCode": 1033}}}
             for value, label in ((1, "Office"), (2, "Ward"))]}}]}),
    *(
        Case(fact=f"the columns of a table are listed by kind: {kind}", source=S23, status=200, tables=KINDS,
             call=get(f"{COLUMNS}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$select=LogicalName{more}"),
             body={"value": found})
        for kind, more, found in (
            ("String", ",MaxLength", [{"LogicalName": "name", "MaxLength": 50, "AttributeType": "String"}]),
            ("Memo", ",MaxLength", [{"LogicalName": "new_notes", "MaxLength": 900, "IsValidForCreate": False}]),
            ("DateTime", ",DateTimeBehavior", [
                {"LogicalName": "new_opened", "DateTimeBehavior": {"Value": "DateOnly"}},
                {"LogicalName": "new_seen", "DateTimeBehavior": {"Value": "UserLocal"}}]),
            ("MultiSelectPicklist", "&$expand=OptionSet,GlobalOptionSet", [
                {"LogicalName": "new_kinds", "AttributeType": "Virtual", "GlobalOptionSet": None,
                 "AttributeTypeName": {"Value": "MultiSelectPicklistType"},
                 "OptionSet": {"Options": [{"Value": 1}, {"Value": 2}]}}]),
            ("Boolean", "&$expand=OptionSet", [
                {"LogicalName": "new_open", "OptionSet": {"TrueOption": {"Value": 1}, "FalseOption": {"Value": 0}}}]),
            ("Lookup", ",Targets", [{"LogicalName": "new_owner", "AttributeType": "Customer",
                                     "Targets": ["account", "contact"]}]),
            ("Picklist", "&$expand=OptionSet", []),
        )
    ),
    Case(fact="the list of all columns has what all of them have", source=S23, status=200, tables=SITE,
         call=get(f"{COLUMNS}?$select=LogicalName,AttributeType,AttributeTypeName,IsValidForCreate"),
         body={"value": [
             {"LogicalName": "name", "AttributeType": "String", "AttributeTypeName": {"Value": "StringType"},
              "IsValidForCreate": True, "MaxLength": ABSENT, "OptionSet": ABSENT},
             {"LogicalName": "new_kind", "AttributeType": "Picklist", "OptionSet": ABSENT},
             {"LogicalName": "new_siteid", "AttributeType": "Uniqueidentifier"},
             {"LogicalName": "versionnumber", "AttributeType": "BigInt", "IsValidForCreate": False}]}),
    Case(fact="a day without a time is written as a day", source=S11, status=400, code="0x80048d19", tables=KINDS,
         call=post("new_sites", {"name": "Oulu", "new_opened": "2027-03-01T10:00:00Z"}), added={"new_sites": 0}),
    Case(fact="a table of the customer's own is read and written as any other", source=S18, status=204, tables=SITE,
         call=post("new_sites", {"name": "Oulu", "new_kind": 2}), added={"new_sites": 1}),
    Case(fact="a table of the customer's own is as strict as the rest", source=S18, status=400, code="0x8004431a",
         tables=SITE, call=post("new_sites", {"name": "Oulu", "new_kind": 3}), added={"new_sites": 0}),
    Case(fact="the collections of the service are listed at its root", source=S18, call=get(""), status=200,
         body={"value": PRESENT, "@odata.context": PRESENT}),
]  # fmt: skip
