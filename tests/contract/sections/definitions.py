"""`EntityDefinitions`, as the official SDK asks for them (facts: section 11)."""

from tests.contract.cases import PRESENT, Case, get, post
from tests.contract.sources import S14, S18

BOOKING = {"LogicalName": "bookableresourcebooking", "EntitySetName": "bookableresourcebookings",
           "PrimaryIdAttribute": "bookableresourcebookingid"}  # fmt: skip
CHOICES = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
SITE = {"new_site": {"attributes": {"name": {"type": "String", "max_length": 50}, "new_kind": {
    "type": "Picklist", "options": [{"value": 1, "label": "Office"}, {"value": 2, "label": "Ward"}]}}}}  # fmt: skip

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
    Case(fact="a table of the customer's own is read and written as any other", source=S18, status=204, tables=SITE,
         call=post("new_sites", {"name": "Oulu", "new_kind": 2}), added={"new_sites": 1}),
    Case(fact="a table of the customer's own is as strict as the rest", source=S18, status=400, code="0x8004431a",
         tables=SITE, call=post("new_sites", {"name": "Oulu", "new_kind": 3}), added={"new_sites": 0}),
    Case(fact="the collections of the service are listed at its root", source=S18, call=get(""), status=200,
         body={"value": PRESENT, "@odata.context": PRESENT}),
]  # fmt: skip
