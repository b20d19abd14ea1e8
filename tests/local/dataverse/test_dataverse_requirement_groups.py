"""Requirement groups by SOAP: proposals, pages, bookings. Facts: `urs.md` sections 3.1 and 3.2."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from local.dataverse.safe_xml import read_xml
from local.dataverse.scheduling.groups import assign
from local.dataverse.soap.typed_values import pairs
from tests.local.dataverse import soap_calls as soap
from tests.local.dataverse.test_dataverse_availability import DAY, booking, resource, status

SEARCH = "msdyn_SearchResourceAvailabilityForRequirementGroup"
BOOK = "msdyn_CreateRequirementGroupBookings"


def group_of(dataverse: Any, *minutes: int) -> tuple[str, list[str]]:
    """Creates a requirement group with a requirement of each duration."""
    group = dataverse.create("msdyn_requirementgroups", {"msdyn_name": "Two agents"})
    window = {"msdyn_fromdate": f"{DAY}T08:00:00Z", "msdyn_todate": f"{DAY}T10:00:00Z"}
    requirements = [
        dataverse.create(
            "msdyn_resourcerequirements",
            {
                **window,
                "msdyn_name": f"Part {number}",
                "msdyn_duration": duration,
                "msdyn_requirementgroupid@odata.bind": f"/msdyn_requirementgroups({group})",
            },
        )
        for number, duration in enumerate(minutes)
    ]
    return group, requirements


def propose(dataverse: Any, group: str, *settings: str, window: list[str] | None = None) -> soap.SoapAnswer:
    pairs = [soap.text("Version", "1"), soap.reference("RequirementGroup", "msdyn_requirementgroup", group)]
    if window:
        pairs.append(soap.bag("RequirementSpecification", window, "msdyn_resourcerequirement"))
    return soap.execute(dataverse, SEARCH, *pairs, soap.bag("Settings", list(settings)))


def proposals(answer: soap.SoapAnswer) -> list[tuple[str, dict[str, str]]]:
    return [
        (
            each["IntervalStart"][11:16],
            {part["RequirementId"]: part["ResourceId"] for part in each["ProposalResourceAssignments"]},
        )
        for each in answer.results["ProposalResourceAssignmentSets"]
    ]


def test_each_proposal_gives_every_requirement_a_free_resource_of_its_own(dataverse: Any) -> None:
    anna, bo = resource(dataverse, "Anna"), resource(dataverse, "Bo")
    booking(dataverse, bo, "08:30", "09:00")
    group, (first, second) = group_of(dataverse, 30, 60)
    answer = propose(dataverse, group)
    found = proposals(answer)
    assert [start for start, _ in found] == ["08:00", "09:00"]
    assert found[0][1] == {first: bo, second: anna}  # Bo has no full hour there
    assert set(found[1][1].values()) == {anna, bo}
    assert answer.results["PagingInfos"] == {"MoreResults": False}
    requirement = answer.results["Requirements"][0]
    assert requirement["Requirement"] == ("msdyn_resourcerequirement", first)
    assert [each["Resource"][1] for each in requirement["Resources"]] == [anna, bo]
    slot = answer.results["TimeSlots"][1]
    assert (slot["StartTime"], slot["EndTime"]) == (f"{DAY}T08:00:00Z", f"{DAY}T09:00:00Z")


def test_an_answer_keeps_to_the_schema_that_requests_are_held_to(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    group, _ = group_of(dataverse, 30)
    results = read_xml(propose(dataverse, group).response.content).find(f".//{soap.A}Results")
    read = pairs(results)
    assert set(read) == {"TimeSlots", "Requirements", "ProposalResourceAssignmentSets", "PagingInfos"}
    first = read["ProposalResourceAssignmentSets"][0].attributes
    assert first["IntervalStart"] == datetime.fromisoformat(f"{DAY}T08:00:00Z")
    assert isinstance(first["ProposalResourceAssignments"][0].attributes["ResourceId"], UUID)


def test_settings_and_the_specification_narrow_the_search(dataverse: Any) -> None:
    anna, bo = resource(dataverse, "Anna"), resource(dataverse, "Bo")
    group, (only,) = group_of(dataverse, 60)
    chosen = soap.collection("MustChooseFromResources", [soap.entity([soap.guid("value", bo)], "bookableresource")])
    required = soap.collection("RequiredResources", [soap.entity([soap.guid("value", anna)], "bookableresource")])
    window = [soap.moment("msdyn_fromdate", f"{DAY}T09:00:00Z"), soap.moment("msdyn_todate", f"{DAY}T11:00:00.000Z")]
    assert proposals(propose(dataverse, group, chosen))[0][1] == {only: bo}
    assert proposals(propose(dataverse, group, required))[0][1] == {only: anna}
    assert proposals(propose(dataverse, group, chosen, required)) == []
    starts = [start for start, _ in proposals(propose(dataverse, group, window=window))]
    assert starts == ["09:00", "09:30", "10:00"]
    quiet = propose(dataverse, group, soap.flag("IgnoreTimeSlots", value=True))
    assert (quiet.results["TimeSlots"], len(proposals(quiet))) == ([], 3)
    unit = dataverse.create("msdyn_organizationalunits", {"msdyn_name": "Oulu"})
    units = soap.collection(
        "OrganizationUnits",
        [soap.entity([soap.guid("msdyn_organizationalunitid", unit)], "msdyn_organizationalunit")],
    )
    assert proposals(propose(dataverse, group, units)) == []
    misspelt = propose(dataverse, group, soap.flag("ConsiderSlotsWithProposedBookings", value=True))
    assert "ConsiderSlotsWithProposedBookings" in misspelt.fault  # singular in this message


def test_pages_follow_each_other_by_the_cookie(dataverse: Any) -> None:
    resource(dataverse, "Anna")
    group, _ = group_of(dataverse, 30)
    size, seen, cookie = soap.number("PageSize", 3), [], ""
    for _ in range(5):
        cookies = [soap.text("PagingCookie", cookie.replace("<", "&lt;"))] if cookie else []
        answer = propose(dataverse, group, size, *cookies)
        seen += [start for start, _ in proposals(answer)]
        cookie = answer.results["PagingInfos"].get("PagingCookie", "")
        if not answer.results["PagingInfos"]["MoreResults"]:
            break
    assert seen == ["08:00", "08:30", "09:00", "09:30"]
    assert propose(dataverse, group, soap.text("PagingCookie", "2")).fault


def assignment(requirement: str, resource_id: str, *more: str) -> str:
    return soap.entity([soap.guid("RequirementId", requirement), soap.guid("ResourceId", resource_id), *more])


def book(dataverse: Any, group: str, *assignments: str, minutes: int = 60) -> soap.SoapAnswer:
    return soap.execute(
        dataverse,
        BOOK,
        soap.text("Version", "1"),
        soap.moment("Start", f"{DAY}T08:00:00Z"),
        soap.number("Duration", minutes),
        soap.collection("ResourceAssignments", list(assignments)),
        soap.reference("RequirementGroup", "msdyn_requirementgroup", group),
    )


def bookings(dataverse: Any, group: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = dataverse.rows(
        "bookableresourcebookings", filter=f"_msdyn_requirementgroupid_value eq {group}", orderby="name"
    )
    return rows


def test_a_proposal_becomes_bookings_of_the_group(dataverse: Any) -> None:
    anna, bo = resource(dataverse, "Anna"), resource(dataverse, "Bo")
    group, (first, second) = group_of(dataverse, 60, 60)
    committed = soap.guid("BookingStatusId", status(dataverse, "Committed"))
    answer = book(
        dataverse,
        group,
        assignment(first, anna, committed, soap.number("TravelTime", 15)),
        assignment(second, bo, committed),
    )
    assert answer.results == {"HandlerExecuted": True}
    rows = bookings(dataverse, group)
    assert [(row["_resource_value"], row["_msdyn_resourcerequirement_value"]) for row in rows] == [
        (anna, first),
        (bo, second),
    ]
    assert {(row["starttime"], row["endtime"], row["duration"]) for row in rows} == {
        (f"{DAY}T08:00:00Z", f"{DAY}T09:00:00Z", 60)
    }
    assert rows[0]["msdyn_estimatedtravelduration"] == 15
    assert proposals(propose(dataverse, group))[0][0] == "09:00"
    book(dataverse, group, assignment(first, anna, committed))
    assert len(bookings(dataverse, group)) == 3  # a repeated call books again
    dataverse.environment(groupBookingOverlap="refuse")
    assert "not free" in book(dataverse, group, assignment(first, anna, committed)).fault


def test_bookings_are_made_all_or_none(dataverse: Any) -> None:
    anna = resource(dataverse, "Anna")
    group, (first,) = group_of(dataverse, 60)
    _, (foreign,) = group_of(dataverse, 60)
    committed = soap.guid("BookingStatusId", status(dataverse, "Committed"))
    good = assignment(first, anna, committed)
    unknown = "11111111-1111-1111-1111-111111111111"
    for bad, told in (
        (assignment(unknown, anna, committed), unknown),
        (assignment(first, unknown, committed), unknown),
        (assignment(first, anna, soap.guid("BookingStatusId", unknown)), unknown),
        (assignment(foreign, anna, committed), "does not belong"),
        (assignment(first, anna), "BookingStatusId"),
        (assignment(first, anna, committed, soap.text("Effort", "1")), "Effort"),
        (assignment(first, anna, committed, soap.number("Efort", 1)), "Efort"),
    ):
        assert told in book(dataverse, group, good, bad).fault
    assert book(dataverse, group, minutes=60).fault
    assert book(dataverse, group, good, minutes=0).fault
    assert bookings(dataverse, group) == []
    dataverse.environment(bookingStatusId="optional")
    assert book(dataverse, group, assignment(first, anna)).results == {"HandlerExecuted": True}


@pytest.mark.parametrize(
    ("candidates", "possible"),
    [
        ({"a": ["x"], "b": ["x", "y"], "c": ["y", "z"]}, True),
        ({"a": ["x", "y"], "b": ["x"], "c": ["x", "y"]}, False),
        ({"a": []}, False),
        ({"a": ["x", "y"], "b": ["x"]}, True),
    ],
)
def test_requirements_share_no_resource(candidates: dict[str, list[str]], possible: bool) -> None:
    chosen = assign(candidates)
    assert (chosen is not None) is possible
    if chosen is not None:
        assert len(set(chosen.values())) == len(candidates)
        assert all(chosen[name] in options for name, options in candidates.items())
