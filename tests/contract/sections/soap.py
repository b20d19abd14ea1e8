"""SOAP Execute, and the requests that only it offers (facts: urs.md section 3)."""

from typing import Any

from tests.contract.cases import GUID, Call, Case, Row, get, text
from tests.contract.seeded import A_RESOURCE, CALLER, COMMITTED, MISSING, NEW, NEW_2, RESOURCE
from tests.contract.sources import S9, U2, U3, U4, U5, U6, Source

URL = "/XRMServices/2011/Organization.svc/web"
SERVICES = "http://schemas.microsoft.com/xrm/2011/Contracts/Services"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept": "application/xml, text/xml, */*",
           "SOAPAction": f"{SERVICES}/IOrganizationService/Execute"}  # fmt: skip
OPENING = f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:d="{SERVICES}"
 xmlns:a="http://schemas.microsoft.com/xrm/2011/Contracts"
 xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic"
 xmlns:c="http://www.w3.org/2001/XMLSchema" xmlns:e="http://schemas.microsoft.com/2003/10/Serialization/"
 xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><s:Header><a:SdkClientVersion>9.2</a:SdkClientVersion></s:Header>"""
SEARCH, BOOK = "msdyn_SearchResourceAvailabilityForRequirementGroup", "msdyn_CreateRequirementGroupBookings"
GROUP, REQUIREMENT = NEW, NEW_2
GIVEN: dict[str, list[Row]] = {
    "bookableresources": A_RESOURCE,
    "msdyn_requirementgroups": [{"msdyn_requirementgroupid": GROUP, "msdyn_name": "Pair"}],
    "msdyn_resourcerequirements": [
        {"msdyn_resourcerequirementid": REQUIREMENT, "msdyn_name": "Part", "msdyn_duration": 60,
         "msdyn_fromdate": "2026-12-01T08:00:00Z", "msdyn_todate": "2026-12-01T09:00:00Z",
         "_msdyn_requirementgroupid_value": GROUP}
    ],
}  # fmt: skip
BOOKED: list[Row] = [{"name": "B", "_resource_value": RESOURCE, "_bookingstatus_value": COMMITTED, "duration": 60,
                      "starttime": "2026-12-01T08:00:00Z", "endtime": "2026-12-01T09:00:00Z"}]  # fmt: skip


def pair(key: str, kind: str, content: str) -> str:
    """One key with a typed value."""
    value = f'<b:value i:type="{kind}">{content}</b:value>'
    return f"<a:KeyValuePairOfstringanyType><b:key>{key}</b:key>{value}</a:KeyValuePairOfstringanyType>"


def entity(*pairs: str, name: str = "organization") -> str:
    """The inside of an entity, its elements in the order of the schema."""
    return (f'<a:Attributes>{"".join(pairs)}</a:Attributes><a:EntityState i:nil="true"/><a:FormattedValues/>'
            f"<a:Id>00000000-0000-0000-0000-000000000000</a:Id><a:LogicalName>{name}</a:LogicalName>"
            "<a:RelatedEntities/>")  # fmt: skip


def entities(key: str, *items: str, total: str = "<a:TotalRecordCount>-1</a:TotalRecordCount>") -> str:
    """A collection of entities."""
    content = "".join(f"<a:Entity>{item}</a:Entity>" for item in items)
    return pair(key, "a:EntityCollection",
                f'<a:Entities>{content}</a:Entities><a:EntityName i:nil="true"/><a:MinActiveRowVersion i:nil="true"/>'
                f'<a:MoreRecords>false</a:MoreRecords><a:PagingCookie i:nil="true"/>{total}'
                "<a:TotalRecordCountLimitExceeded>false</a:TotalRecordCountLimitExceeded>")  # fmt: skip


def group(row_id: str = GROUP) -> str:
    """The reference to a requirement group."""
    return pair(
        "RequirementGroup",
        "a:EntityReference",
        f'<a:Id>{row_id}</a:Id><a:LogicalName>msdyn_requirementgroup</a:LogicalName><a:Name i:nil="true"/>',
    )


def execute(name: str, *pairs: str, **headers: str) -> Call:
    """A request by name."""
    request = (f'<a:Parameters>{"".join(pairs)}</a:Parameters><a:RequestId i:nil="true"/>'
               f"<a:RequestName>{name}</a:RequestName>")  # fmt: skip
    return envelope(f"<d:Execute><d:request>{request}</d:request></d:Execute>", **headers)


def envelope(body: str, before: str = "", **headers: str) -> Call:
    """A message with this body."""
    content = f"{before}{OPENING}<s:Body>{body}</s:Body></s:Envelope>"
    return Call("POST", URL, content.encode(), headers={**HEADERS, **headers})


VERSION = pair("Version", "c:string", "1")


def search(*settings: str, of: str = GROUP) -> Call:
    """The search for a requirement group."""
    return execute(SEARCH, VERSION, group(of), pair("Settings", "a:Entity", entity(*settings)))


def book(*, status: bool = True) -> Call:
    """The booking of a requirement group."""
    parts = [pair("RequirementId", "e:guid", REQUIREMENT), pair("ResourceId", "e:guid", RESOURCE)]
    parts += [pair("BookingStatusId", "e:guid", COMMITTED)] if status else []
    return execute(BOOK, VERSION, pair("Start", "c:dateTime", "2026-12-01T08:00:00Z"), pair("Duration", "c:int", "60"),
                   entities("ResourceAssignments", entity(*parts)), group())  # fmt: skip


def older(message: str, version: str) -> Call:
    """The search of a requirement in its older versions."""
    window = entity(pair("msdyn_fromdate", "c:dateTime", "2026-12-01T08:00:00Z"),
                    pair("msdyn_todate", "c:dateTime", "2026-12-01T16:00:00.000Z"),
                    pair("msdyn_duration", "c:int", "60"), name="msdyn_resourcerequirement")  # fmt: skip
    return execute(message, pair("Version", "c:string", version), pair("Requirement", "a:Entity", window),
                   pair("Settings", "a:Entity", entity()))  # fmt: skip


def fault(fact: str, source: Source, call: Call, *words: str, status: int = 500, **more: Any) -> Case:
    """A refusal in the form of the service."""
    return Case(fact=fact, source=source, call=call, status=status, body=text("Fault>", "faultstring", *words), **more)


CASES = [
    Case(fact="a request by name is carried out with typed results", source=U5, call=execute("WhoAmI"), status=200,
         headers={"Content-Type": text("text/xml")},
         body=text("ExecuteResponse", "ResponseName>WhoAmI<", "key>UserId<", ":guid", CALLER)),
    Case(fact="a resource that is free is proposed for each requirement of a group", source=U2, given=GIVEN, status=200,
         call=search(), body=text("ProposalResourceAssignmentSets", "IntervalStart", "2026-12-01T08:00:00Z",
                                  "RequirementId", REQUIREMENT, "ResourceId", RESOURCE)),
    Case(fact="the search tells whether there are more proposals", source=U4, given=GIVEN, status=200, call=search(),
         body=text("PagingInfos", "MoreResults", "false")),
    Case(fact="a resource that is booked is not proposed", source=U2, status=200, call=search(),
         given={**GIVEN, "bookableresourcebookings": BOOKED},
         body=text("ProposalResourceAssignmentSets", "Entities/>")),
    Case(fact="a group is booked and answered with one word", source=U2, given=GIVEN, call=book(), status=200,
         body=text("Results", "key>HandlerExecuted<", ":boolean", ">true<"), added={"bookableresourcebookings": 1}),
    Case(fact="what was booked is read by the group", source=U2, given=GIVEN, first=[book()], status=200,
         call=get("bookableresourcebookings?$select=starttime,duration,_resource_value,_bookingstatus_value&"
                  f"$filter=_msdyn_requirementgroupid_value eq {GROUP}"),
         body={"value": [{"starttime": "2026-12-01T08:00:00Z", "duration": 60, "_resource_value": RESOURCE,
                          "_bookingstatus_value": COMMITTED, "bookableresourcebookingid": GUID}]}),
    Case(fact="the older search of one requirement is a SOAP request", source=U3, given=GIVEN, status=200,
         call=older("msdyn_GetResourceAvailability", "1"), body=text("TimeSlots", RESOURCE)),
    Case(fact="the second version of the search is a SOAP request", source=U3, given=GIVEN, status=200,
         call=older("msdyn_SearchResourceAvailability", "2"), body=text("TimeSlots", RESOURCE)),
    Case(fact="the samples of the vendor leave the record count nil", source=U4, given=GIVEN, status=200,
         call=search(entities("MustChooseFromResources", entity(pair("value", "e:guid", RESOURCE),
                                                                name="bookableresource"),
                              total='<a:TotalRecordCount i:nil="true"/>')),
         body=text("ProposalResourceAssignmentSets", RESOURCE)),
    Case(fact="a prefix may be declared on the value", source=U6, given=GIVEN, status=200,
         call=execute(SEARCH, pair("Version", 'x:string" xmlns:x="http://www.w3.org/2001/XMLSchema', "1"), group(),
                      pair("Settings", "a:Entity", entity())), body=text("ProposalResourceAssignmentSets")),
    fault("a group that is missing is a fault with the platform's code", U5, search(of=MISSING),
          f"msdyn_requirementgroup With Id = {MISSING} Does Not Exist", "ErrorCode>-2147220969<", "Message>",
          confirmed=False),
    fault("a request that nobody knows is a fault", U5, execute("msdyn_NoSuch"), "msdyn_NoSuch"),
    fault("a parameter that is missing is a fault", U2, execute(SEARCH, VERSION), "RequirementGroup"),
    fault("a version that nobody knows is a fault", U2,
          execute(SEARCH, pair("Version", "c:string", "9"), group()), "9", given=GIVEN),
    fault("elements out of the order of the schema are a fault", U5, envelope(
        '<d:Execute><d:request><a:RequestName>WhoAmI</a:RequestName><a:Parameters/><a:RequestId i:nil="true"/>'
        "</d:request></d:Execute>")),
    fault("a value without its type is a fault", U5,
          execute("WhoAmI", pair("X", "c:string", "1").replace(' i:type="c:string"', ""))),
    Case(fact="a message with a document type is not read", source=U5, confirmed=False, status=400,
         call=envelope("<d:Execute/>", before='<!DOCTYPE x [<!ENTITY a "b">]>')),
    Case(fact="the same token opens the service", source=U4, confirmed=False, status=401,
         call=execute("WhoAmI", Authorization="(none)"), headers={"WWW-Authenticate": text("Bearer")}),
    *(
        fault(f"a spent limit is a fault with {status}", S9, execute("WhoAmI"), "ErrorCode>-2147015902<",
              "key>Retry-After<", ":duration", ">PT", confirmed=False, status=status, first=[get("WhoAmI")],
              settings={"request_limit": 1, "soap_throttle_status": status}, headers={"Retry-After": text()})
        for status in (429, 500)
    ),
    fault("a booking needs a status", U2, book(status=False), "BookingStatusId", given=GIVEN, confirmed=False,
          settings={"booking_status_id": "required"}, added={"bookableresourcebookings": 0}),
    Case(fact="a booking needs no status", source=U4, confirmed=False, settings={"booking_status_id": "optional"},
         given=GIVEN, call=book(status=False), status=200, added={"bookableresourcebookings": 1}),
    Case(fact="a booking over another is made", source=U2, confirmed=False, call=book(), status=200,
         settings={"group_booking_overlap": "accept"}, given={**GIVEN, "bookableresourcebookings": BOOKED},
         added={"bookableresourcebookings": 1}),
    fault("a booking over another is refused", U2, book(), confirmed=False, added={"bookableresourcebookings": 0},
          settings={"group_booking_overlap": "refuse"}, given={**GIVEN, "bookableresourcebookings": BOOKED}),
]  # fmt: skip
