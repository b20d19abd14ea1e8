"""msdyn_SearchResourceAvailability: strict bags in, time slots out of real rows. Facts: `urs.md` section 2."""

from typing import Any

import pytest

from tests.local.dataverse import soap_calls as soap

MESSAGE = "msdyn_SearchResourceAvailability"
EXPANDO = {"@odata.type": "Microsoft.Dynamics.CRM.expando"}
MANY = "Collection(Microsoft.Dynamics.CRM.expando)"
REQUIREMENT = {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_resourcerequirement"}
DAY = "2026-12-01"  # a Tuesday; working hours are 08 to 16 UTC
PLAN = {"msdyn_name": "Week 49"}


def body(start: str = "07:00", end: str = "18:00", minutes: int = 60, **members: Any) -> dict[str, Any]:
    requirement = {
        **REQUIREMENT,
        "msdyn_fromdate": f"{DAY}T{start}:00Z",
        "msdyn_todate": f"{DAY}T{end}:00Z",
        "msdyn_duration": minutes,
    }
    return {"Version": "3", "IsWebApi": True, "Requirement": requirement, "Settings": {**EXPANDO}, **members}


def settings(**members: Any) -> dict[str, Any]:
    return {**EXPANDO, **members}


def items(name: str, *values: Any) -> dict[str, Any]:
    return {f"{name}@odata.type": MANY, name: [{**EXPANDO, "value": value} for value in values]}


def resource(dataverse: Any, name: str, kind: int = 3, **columns: Any) -> str:
    return str(dataverse.create("bookableresources", {"name": name, "resourcetype": kind, "timezone": 92, **columns}))


def status(dataverse: Any, name: str) -> str:
    return str(dataverse.rows("bookingstatuses", filter=f"name eq '{name}'")[0]["bookingstatusid"])


def booking(dataverse: Any, resource_id: str, start: str, end: str, kind: str = "Committed", **columns: Any) -> str:
    row = {
        "starttime": f"{DAY}T{start}:00Z",
        "endtime": f"{DAY}T{end}:00Z",
        "duration": 60,
        "bookingtype": 1,
        "Resource@odata.bind": f"/bookableresources({resource_id})",
        "BookingStatus@odata.bind": f"/bookingstatuses({status(dataverse, kind)})",
        **columns,
    }
    return str(dataverse.create("bookableresourcebookings", row))


def search(dataverse: Any, **members: Any) -> dict[str, Any]:
    response = dataverse.send("POST", MESSAGE, body(**members))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def slots(answer: dict[str, Any], kind: int = 0) -> list[tuple[str, str, bool]]:
    return [
        (slot["StartTime"][11:16], slot["EndTime"][11:16], slot["Potential"])
        for slot in answer["TimeSlots"]
        if slot["Type"] == kind
    ]


def names(answer: dict[str, Any]) -> list[str]:
    return [each["BookableResource"]["name"] for each in answer["Resources"]]


def test_free_time_is_working_time_without_bookings(dataverse: Any) -> None:
    anna = resource(dataverse, "Anna")
    booking(dataverse, anna, "09:00", "10:00")
    booking(dataverse, anna, "10:30", "12:00")
    booking(dataverse, anna, "13:00", "14:00", "Canceled")
    answer = search(dataverse)
    assert slots(answer) == [("08:00", "09:00", True), ("10:00", "10:30", False), ("12:00", "16:00", True)]
    assert slots(answer, 1) == [("09:00", "10:00", False), ("10:30", "12:00", False)]
    assert slots(answer, 2) == [("07:00", "08:00", False), ("16:00", "18:00", False)]
    assert answer["Resources"][0]["TotalAvailableTime"] == 330
    assert names(answer) == ["Anna"]


def test_the_answer_is_framed_as_expando_bags_without_null_members(dataverse: Any) -> None:
    anna = resource(dataverse, "Anna", msdyn_primaryemail="anna@nordic-care.example")
    resource(dataverse, "Bo")
    answer = search(dataverse)
    assert answer["@odata.context"].endswith(f"$metadata#Microsoft.Dynamics.CRM.{MESSAGE}Response")
    assert answer["Related"] == {
        "@odata.type": "#Microsoft.Dynamics.CRM.expando",
        "TimeSlots@odata.type": f"#{MANY}",
        "TimeSlots": [],
        "Resources@odata.type": f"#{MANY}",
        "Resources": [],
    }
    assert "Exceptions" not in answer
    first, other = (
        next(slot for slot in answer["TimeSlots"] if slot["Resource"]["Resource"]["name"] == name)
        for name in ("Anna", "Bo")
    )
    assert first["@odata.type"] == "#Microsoft.Dynamics.CRM.expando"
    assert first["StartTime@odata.type"] == "#DateTimeOffset"
    assert first["Id@odata.type"] == "#Guid"
    assert (first["Resource"]["ResourceType"], first["Resource"]["Email"]) == (3, "anna@nordic-care.example")
    assert first["Resource"]["Resource"]["bookableresourceid"] == anna
    assert "Email" not in other["Resource"]
    dataverse.environment(expandoNumbers="text")
    assert search(dataverse)["TimeSlots"][0]["Type"] == "2"


@pytest.mark.parametrize(
    ("setting", "free"),
    [
        ("ConsiderSlotsWithProposedBookings", [("08:00", "10:00", True), ("11:00", "16:00", True)]),
        ("ConsiderSlotsWithOverlappingBooking", [("08:00", "16:00", True)]),
        (
            "ConsiderSlotsWithLessThanRequiredDuration",
            [("08:00", "09:00", True), ("11:00", "12:00", True), ("12:30", "16:00", True)],
        ),
        ("", [("08:00", "09:00", False), ("11:00", "12:00", False), ("12:30", "16:00", True)]),
    ],
)
def test_settings_decide_what_counts(dataverse: Any, setting: str, free: list[tuple[str, str, bool]]) -> None:
    anna = resource(dataverse, "Anna")
    booking(dataverse, anna, "09:00", "10:00", "Proposed")
    booking(dataverse, anna, "10:00", "11:00")
    booking(dataverse, anna, "12:00", "12:30", "Proposed")
    answer = search(dataverse, minutes=90, Settings=settings(**({setting: True} if setting else {})))
    assert slots(answer) == free


def test_only_resources_that_qualify_are_searched(dataverse: Any) -> None:
    unit = dataverse.create("msdyn_organizationalunits", {"msdyn_name": "Oulu"})
    skill = dataverse.create("characteristics", {"name": "Sami", "characteristictype": 1})
    in_oulu: dict[str, Any] = {"msdyn_OrganizationalUnit@odata.bind": f"/msdyn_organizationalunits({unit})"}
    anna = resource(dataverse, "Anna", **in_oulu)
    bo, crew = resource(dataverse, "Bo", 1), resource(dataverse, "Crew", 6)
    dataverse.create(
        "bookableresourcecharacteristics",
        {
            "Resource@odata.bind": f"/bookableresources({bo})",
            "Characteristic@odata.bind": f"/characteristics({skill})",
        },
    )
    gone = resource(dataverse, "Gone")
    dataverse.send("PATCH", f"bookableresources({gone})", {"statecode": 1, "statuscode": 2})

    def found(**specification: Any) -> list[str]:
        return names(search(dataverse, ResourceSpecification=settings(**specification)))

    characteristic = {**EXPANDO, "characteristic": {**EXPANDO, "value": skill}}
    units = {**EXPANDO, "organizationalunit": {**EXPANDO, "value": unit}}
    assert found() == ["Anna", "Bo"]
    assert found(**items("ResourceTypes", "1", 6)) == ["Bo", "Crew"]
    assert found(**items("PreferredResources", bo)) == ["Bo", "Anna"]
    assert found(**items("RestrictedResources", anna)) == ["Bo"]
    assert found(**items("MustChooseFromResources", anna, crew)) == ["Anna"]
    one = {"Characteristics@odata.type": MANY, "Characteristics": [characteristic]}
    assert found(Constraints=settings(**one)) == ["Bo"]
    in_unit = {"OrganizationalUnits@odata.type": MANY, "OrganizationalUnits": [units]}
    assert found(Constraints=settings(**in_unit)) == ["Anna"]
    answer = search(dataverse, Settings=settings(MaxNumberOfResourcesToEvaluate=1))
    assert names(answer) == ["Anna"]
    assert answer["Exceptions"]["ResourcesTruncatedAt"] == 1


def test_an_onsite_requirement_reaches_nobody_without_a_radius(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    onsite = {**body()["Requirement"], "msdyn_worklocation": 690970000}
    assert search(dataverse, Requirement=onsite)["TimeSlots"] == []
    radius = settings(MaxResourceTravelRadius=settings(Value=20.5, Unit=192350000))
    assert names(search(dataverse, Requirement=onsite, Settings=radius)) == ["Anna"]


def test_a_stored_requirement_is_searched_by_its_id(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    resource(dataverse, "Bo", 1)
    columns = {name: value for name, value in body(minutes=240)["Requirement"].items() if "@" not in name}
    stored = dataverse.create("msdyn_resourcerequirements", {**columns, "msdyn_resourcetype": "3"})
    answer = search(dataverse, Requirement={**REQUIREMENT, "msdyn_resourcerequirementid": stored})
    assert names(answer) == ["Anna"]
    assert answer["TimeSlots"][0]["ResourceRequirement"]["msdyn_resourcerequirementid"] == stored
    longer = {**REQUIREMENT, "msdyn_resourcerequirementid": stored, "msdyn_remainingduration": 600}
    assert slots(search(dataverse, Requirement=longer)) == [("08:00", "16:00", False)]
    unknown = {**REQUIREMENT, "msdyn_resourcerequirementid": "11111111-1111-1111-1111-111111111111"}
    assert dataverse.send("POST", MESSAGE, body(Requirement=unknown)).status_code == 404


def test_shifts_are_the_working_time_of_those_whose_calendar_comes_from_shifts(dataverse: Any) -> None:
    anna = resource(dataverse, "Anna", msdyn_generatecalendarfromshift=True)
    plan = dataverse.create("msdyn_shiftplans", PLAN)
    types = {
        name: dataverse.create(
            "msdyn_shiftactivitytypes", {"msdyn_name": name, "msdyn_shiftassignmentstatus": available}
        )
        for name, available in {"Calls": 192350000, "Lunch": 192350001}.items()
    }
    for name, start, end in (("Calls", "10:00", "18:00"), ("Lunch", "12:00", "12:30")):
        binds = {
            "msdyn_shiftplan@odata.bind": f"/msdyn_shiftplans({plan})",
            "msdyn_shiftactivitytype@odata.bind": f"/msdyn_shiftactivitytypes({types[name]})",
        }
        booking(dataverse, anna, start, end, **binds)
    booking(dataverse, anna, "14:00", "15:00")
    free = [("10:00", "12:00", True), ("12:30", "14:00", True), ("15:00", "18:00", True)]
    assert slots(search(dataverse)) == free
    dataverse.environment(shiftCalendar="ignore")
    assert slots(search(dataverse)) == [("08:00", "10:00", True)]


def test_working_hours_and_weekends_are_switches(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    saturday = {
        **REQUIREMENT,
        "msdyn_fromdate": "2026-12-05T00:00:00Z",
        "msdyn_todate": "2026-12-06T00:00:00Z",
        "msdyn_duration": 60,
    }
    assert slots(search(dataverse, Requirement=saturday)) == []
    dataverse.environment(workingWeekend=True, workingStartHour=6.5, workingEndHour=10)
    assert slots(search(dataverse, Requirement=saturday)) == [("06:30", "10:00", True)]


def test_a_start_in_the_past_can_be_moved_to_now(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    past = {
        **REQUIREMENT,
        "msdyn_fromdate": "2020-01-01T00:00:00Z",
        "msdyn_todate": "2020-01-02T00:00:00Z",
        "msdyn_duration": 60,
    }
    assert slots(search(dataverse, Requirement=past)) == [("08:00", "16:00", True)]
    moved = dataverse.send(
        "POST", MESSAGE, body(Requirement=past, Settings=settings(MovePastStartDateToCurrentDate=True))
    )
    assert moved.status_code == 400


def changed(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in {**body(), **members}.items() if value is not ...}


def specified(**members: Any) -> dict[str, Any]:
    return changed(ResourceSpecification=settings(**members))


LIST = [{**EXPANDO, "value": "3"}]


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(changed(IsWebApi=...), id="not marked as Web API"),
        pytest.param(changed(IsWebApi=False), id="Web API false"),
        pytest.param(changed(Version="2"), id="version of the SOAP endpoint"),
        pytest.param(changed(Version="3.1"), id="unknown minor version"),
        pytest.param(changed(Version=3), id="version as a number"),
        pytest.param(changed(Requirement=...), id="no requirement"),
        pytest.param(changed(Settings=...), id="no settings"),
        pytest.param(changed(Settings={}), id="settings without a type"),
        pytest.param(changed(Settings={"@odata.type": "Microsoft.Dynamics.CRM.organization"}), id="settings of a type"),
        pytest.param(changed(Settings=settings(ConsiderTravelTime="false")), id="flag as text"),
        pytest.param(changed(Settings=settings(ConsiderSlotsWithProposedBooking=True)), id="misspelt setting"),
        pytest.param(changed(Extra=1), id="unknown parameter"),
        pytest.param(changed(Requirement={"msdyn_duration": 60}), id="requirement without a type"),
        pytest.param(changed(Requirement={**REQUIREMENT, "msdyn_duration": 60}), id="no window"),
        pytest.param(changed(Requirement={**body("18:00", "07:00")["Requirement"]}), id="ends before it starts"),
        pytest.param(changed(Requirement={**body()["Requirement"], "msdyn_start": 1}), id="unknown column"),
        pytest.param(changed(Requirement={**body()["Requirement"], "msdyn_duration": "60"}), id="duration as text"),
        pytest.param(specified(ResourceTypes=LIST), id="collection without a type"),
        pytest.param(specified(**{"ResourceTypes@odata.type": MANY}, ResourceTypes=[{"value": "3"}]), id="bare item"),
        pytest.param(specified(**items("ResourceTypes", "9")), id="unknown resource type"),
        pytest.param(specified(**items("PreferredResources", "x")), id="no guid"),
    ],
)  # fmt: skip
def test_what_the_documents_do_not_allow_is_refused(dataverse: Any, refused: dict[str, Any]) -> None:
    assert dataverse.send("POST", MESSAGE, body()).status_code == 200
    response = dataverse.send("POST", MESSAGE, refused)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_unconfirmed_rules_are_switches(dataverse: Any) -> None:
    late = changed(Settings={"ConsiderTravelTime": False, **EXPANDO})
    unversioned = changed(Version=...)
    misspelt = changed(Settings=settings(ConsiderSlotsWithProposedBooking=True))
    answers = [dataverse.send("POST", MESSAGE, each).status_code for each in (late, unversioned, misspelt)]
    assert answers == [200, 200, 400]
    dataverse.environment(annotationOrder="before", searchVersion="required", unknownSettings="ignore")
    answers = [dataverse.send("POST", MESSAGE, each).status_code for each in (late, unversioned, misspelt)]
    assert answers == [400, 400, 200]


def test_the_group_messages_are_not_there_as_actions(dataverse: Any) -> None:
    for name in ("msdyn_SearchResourceAvailabilityForRequirementGroup", "msdyn_CreateRequirementGroupBookings"):
        assert dataverse.send("POST", name, {"Version": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("message", "version"), [("msdyn_SearchResourceAvailability", "2"), ("msdyn_GetResourceAvailability", "1")]
)
def test_older_versions_answer_the_same_slots_by_soap(dataverse: Any, message: str, version: str) -> None:
    anna = resource(dataverse, "Anna")
    resource(dataverse, "Bo", 1)
    booking(dataverse, anna, "09:00", "10:00")
    requirement = [
        soap.moment("msdyn_fromdate", f"{DAY}T07:00:00Z"),
        soap.moment("msdyn_todate", f"{DAY}T18:00:00Z"),
        soap.number("msdyn_duration", 60),
        soap.number("msdyn_remainingduration", 60),
    ]
    types = soap.collection("ResourceTypes", [soap.entity([soap.number("value", 3)])])
    answer = soap.execute(
        dataverse,
        message,
        soap.text("Version", version),
        soap.bag("Requirement", requirement, "msdyn_resourcerequirement"),
        soap.bag("Settings", [soap.flag("ConsiderTravelTime", value=False)]),
        soap.bag("ResourceSpecification", [types]),
    )
    assert slots(answer.results) == [("08:00", "09:00", True), ("10:00", "16:00", True)]
    assert answer.results["TimeSlots"][0]["Resource"]["Resource"] == ("bookableresource", anna)
    without_settings = soap.execute(dataverse, message, soap.text("Version", version), soap.bag("Requirement", []))
    assert "Settings" in without_settings.fault
