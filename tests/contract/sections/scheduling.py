"""The search for free resources as an OData action (facts: urs.md sections 1 and 2)."""

from typing import Any

from tests.contract.cases import GUID, Call, Case, Row, post, text
from tests.contract.seeded import A_RESOURCE, COMMITTED, NEW, NEW_2, RESOURCE
from tests.contract.sources import U1, U2, U4, Source

MESSAGE = "msdyn_SearchResourceAvailability"
BAG = {"@odata.type": "Microsoft.Dynamics.CRM.expando"}
MANY = "Collection(Microsoft.Dynamics.CRM.expando)"
WINDOW = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_resourcerequirement", "msdyn_fromdate": "2026-12-01T08:00:00Z",
          "msdyn_todate": "2026-12-01T16:00:00Z", "msdyn_duration": 60, "msdyn_remainingduration": 60}  # fmt: skip
TO_TEN = {"starttime": "2026-12-01T08:00:00Z", "endtime": "2026-12-01T10:00:00Z", "duration": 120, "bookingtype": 1}
BOOKED = [{"name": "B", "_resource_value": RESOURCE, "_bookingstatus_value": COMMITTED, **TO_TEN}]
ALONE: dict[str, list[Row]] = {"bookableresources": A_RESOURCE}
BUSY: dict[str, list[Row]] = {**ALONE, "bookableresourcebookings": BOOKED}
FREE = {"Type": 0, "Potential": True}


def search(**members: Any) -> Call:
    """The documented request; a member that is None is left out."""
    body = {"Version": "3", "IsWebApi": True, "Requirement": WINDOW, "Settings": BAG, **members}
    return post(MESSAGE, {name: value for name, value in body.items() if value is not None})


def bag(**members: Any) -> dict[str, Any]:
    """A bag of values without a type of its own."""
    return {**BAG, **members}


def switch(fact: str, name: str, position: object, call: Call, status: int, source: Source = U1, **more: Any) -> Case:
    """A rule that no source states."""
    return Case(fact=fact, source=source, confirmed=False, given=ALONE, settings={name: position}, call=call,
                status=status, **more)  # fmt: skip


MISSPELT = search(Settings=bag(ConsiderSlotsWithProposedBooking=True))
TYPE_LAST = search(Settings={"ConsiderTravelTime": False, **BAG})

# An agent whose calendar comes from shifts, with one from 08:00 to 10:00.
SHIFTS: dict[str, list[Row]] = {
    "bookableresources": [{**A_RESOURCE[0], "msdyn_generatecalendarfromshift": True}],
    "msdyn_shiftplans": [{"msdyn_shiftplanid": NEW, "msdyn_name": "Week 49"}],
    "msdyn_shiftactivitytypes": [
        {"msdyn_shiftactivitytypeid": NEW_2, "msdyn_name": "Calls", "msdyn_shiftassignmentstatus": 192350000}],
    "bookableresourcebookings": [
        {**BOOKED[0], "_msdyn_shiftplan_value": NEW, "_msdyn_shiftactivitytype_value": NEW_2}],
}  # fmt: skip

CASES = [
    Case(fact="an available shift is the working time of a calendar from shifts", source=U4, confirmed=False,
         given=SHIFTS, settings={"shift_calendar": "generate"}, call=search(), status=200,
         body={"TimeSlots": [{**FREE, "StartTime": "2026-12-01T08:00:00Z", "EndTime": "2026-12-01T10:00:00Z"},
                             {"Type": 2}]}),
    Case(fact="a shift is a booking as any other", source=U4, confirmed=False, given=SHIFTS, status=200,
         settings={"shift_calendar": "ignore"}, call=search(),
         body={"TimeSlots": [{"Type": 1, "EndTime": "2026-12-01T10:00:00Z"},
                             {**FREE, "StartTime": "2026-12-01T10:00:00Z", "EndTime": "2026-12-01T16:00:00Z"}]}),
    Case(fact="a free resource is found for its working time", source=U1, given=ALONE, call=search(), status=200,
         body={"@odata.context": text(f"$metadata#Microsoft.Dynamics.CRM.{MESSAGE}Response"),
               "TimeSlots": [{**FREE, "StartTime": "2026-12-01T08:00:00Z", "EndTime": "2026-12-01T16:00:00Z",
                              "@odata.type": "#Microsoft.Dynamics.CRM.expando", "Id": GUID,
                              "Resource": {"ResourceType": 3, "Resource": {"bookableresourceid": RESOURCE}}}],
               "Resources": [{"BookableResource": {"bookableresourceid": RESOURCE}}],
               "Related": {"TimeSlots": [], "Resources": []}}),
    Case(fact="a booked time is no free time", source=U1, given=BUSY, call=search(), status=200,
         body={"TimeSlots": [{"Type": 1, "Potential": False, "EndTime": "2026-12-01T10:00:00Z"},
                             {**FREE, "StartTime": "2026-12-01T10:00:00Z"}]}),
    Case(fact="resources of another type are not searched", source=U1, given=ALONE, status=200,
         call=search(ResourceSpecification=bag(**{
             "ResourceTypes@odata.type": MANY, "ResourceTypes": [bag(value="4")]})), body={"TimeSlots": []}),
    Case(fact="resources are chosen by id", source=U1, given=ALONE, status=200, body={"TimeSlots": [FREE]},
         call=search(ResourceSpecification=bag(**{
             "ResourceTypes@odata.type": MANY, "ResourceTypes": [bag(value="3")],
             "MustChooseFromResources@odata.type": MANY, "MustChooseFromResources": [bag(value=RESOURCE)]}))),
    Case(fact="a collection of bags needs its type beside it", source=U1, status=400,
         call=search(ResourceSpecification=bag(ResourceTypes=[bag(value="3")]))),
    Case(fact="a bag needs its type", source=U1, call=search(Settings={"ConsiderTravelTime": False}), status=400),
    Case(fact="the search is marked as one of the Web API", source=U1, call=search(IsWebApi=None), status=400),
    Case(fact="the first two versions are not of the Web API", source=U1, call=search(Version="2"), status=400),
    Case(fact="a version that is unknown is an error", source=U1, call=search(Version="9"), status=400),
    Case(fact="the search for a requirement group is no OData action", source=U2, status=404,
         call=post("msdyn_SearchResourceAvailabilityForRequirementGroup", {"Version": "1"})),
    Case(fact="the booking of a requirement group is no OData action", source=U2, status=404,
         call=post("msdyn_CreateRequirementGroupBookings", {"Version": "1"})),
    switch("a version may be left out", "search_version", "optional", search(Version=None), 200),
    switch("a version may not be left out", "search_version", "required", search(Version=None), 400),
    switch("a type may follow its members", "annotation_order", "any", TYPE_LAST, 200),
    switch("a type must precede its members", "annotation_order", "before", TYPE_LAST, 400),
    switch("an unknown setting is refused", "unknown_settings", "refuse", MISSPELT, 400),
    switch("an unknown setting is ignored", "unknown_settings", "ignore", MISSPELT, 200),
    switch("numbers in a bag are numbers", "expando_numbers", "number", search(), 200,
           body={"TimeSlots": [{"Type": 0}]}),
    switch("numbers in a bag are text", "expando_numbers", "text", search(), 200, body={"TimeSlots": [{"Type": "0"}]}),
    switch("nobody works at the weekend", "working_weekend", False, search(Requirement={
        **WINDOW, "msdyn_fromdate": "2026-12-05T08:00:00Z", "msdyn_todate": "2026-12-05T16:00:00Z"}), 200, U4,
           body={"TimeSlots": [{"Type": 2, "Potential": False}]}),
    switch("somebody works at the weekend", "working_weekend", True, search(Requirement={
        **WINDOW, "msdyn_fromdate": "2026-12-05T08:00:00Z", "msdyn_todate": "2026-12-05T16:00:00Z"}), 200, U4,
           body={"TimeSlots": [FREE]}),
]  # fmt: skip
