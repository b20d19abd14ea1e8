"""SOAP Execute against the simulator, which reads and writes its envelopes with code of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.dataverse import soap
from shared.dataverse.errors import (
    DataverseError,
    NotFoundError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from shared.dataverse.soap import Entity, EntityCollection, EntityReference, SoapValue
from tests.plain_http import PLAIN

SEARCH = "msdyn_SearchResourceAvailabilityForRequirementGroup"
BOOK = "msdyn_CreateRequirementGroupBookings"
TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
HOURS = {"msdyn_fromdate": "2026-12-01T10:00:00Z", "msdyn_todate": "2026-12-01T12:00:00Z"}


@pytest.fixture
def service(simulator: str, control: httpx.Client) -> Iterator[httpx.Client]:
    """The environment as at its start; `control` puts it back."""
    headers = {"Authorization": "Bearer test"}
    with httpx.Client(base_url=simulator, headers=headers, trust_env=False, verify=PLAIN) as http:
        yield http


def execute(service: httpx.Client, name: str, parameters: dict[str, SoapValue]) -> dict[str, SoapValue]:
    answer = service.post(soap.PATH, content=soap.execute_body(name, parameters), headers=soap.HEADERS)
    return soap.read_reply(
        answer.content, status=answer.status_code, request_id=answer.headers.get("x-ms-service-request-id", "")
    )


def failure(service: httpx.Client, name: str, parameters: dict[str, SoapValue]) -> DataverseError:
    with pytest.raises(DataverseError) as caught:
        execute(service, name, parameters)
    return caught.value


def create(service: httpx.Client, entity_set: str, row: dict[str, Any]) -> UUID:
    answer = service.post(f"/api/data/v9.2/{entity_set}", json=row)
    assert answer.status_code == 204, answer.text
    return UUID(answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")"))


def group_of_two(service: httpx.Client) -> tuple[EntityReference, dict[UUID, str]]:
    group = create(service, "msdyn_requirementgroups", {"msdyn_name": "Two agents"})
    bound = {"msdyn_requirementgroupid@odata.bind": f"/msdyn_requirementgroups({group})"}
    for number in range(2):
        row = {"msdyn_name": f"Part {number}", "msdyn_duration": 60, **HOURS, **bound}
        create(service, "msdyn_resourcerequirements", row)
    agents = {
        create(service, "bookableresources", {"name": name, "resourcetype": 3, "timezone": 92}): name
        for name in ("Änna <&> Öhman", "Bo")
    }
    return EntityReference("msdyn_requirementgroup", group), agents


def bag(value: SoapValue) -> Entity:
    assert isinstance(value, Entity)
    return value


def bags(value: SoapValue) -> tuple[Entity, ...]:
    assert isinstance(value, EntityCollection)
    return value.entities


def test_a_proposal_is_found_and_booked(service: httpx.Client) -> None:
    group, agents = group_of_two(service)
    found = execute(
        service,
        SEARCH,
        {
            "Version": "1",
            "RequirementGroup": group,
            "Settings": Entity("organization", {"PageSize": 20, "ConsiderSlotsWithProposedBooking": False}),
        },
    )
    proposal = bags(found["ProposalResourceAssignmentSets"])[0]
    assert proposal.attributes["IntervalStart"] == TEN
    assignments = bags(proposal.attributes["ProposalResourceAssignments"])
    assert {each.attributes["ResourceId"] for each in assignments} == set(agents)
    assert bag(found["PagingInfos"]).attributes["MoreResults"] is False

    status = service.get("/api/data/v9.2/bookingstatuses?$filter=name eq 'Committed'").json()["value"][0]
    chosen = {"BookingStatusId": UUID(status["bookingstatusid"])}
    booked = execute(
        service,
        BOOK,
        {
            "Version": "1",
            "Start": TEN,
            "Duration": 60,
            "ResourceAssignments": EntityCollection(
                tuple(Entity("organization", {**each.attributes, **chosen}) for each in assignments)
            ),
            "RequirementGroup": group,
        },
    )
    assert booked == {"HandlerExecuted": True}
    rows = service.get(
        f"/api/data/v9.2/bookableresourcebookings?$filter=_msdyn_requirementgroupid_value eq {group.id}"
    ).json()["value"]
    assert {row["starttime"] for row in rows} == {"2026-12-01T10:00:00Z"}
    assert {UUID(row["_resource_value"]) for row in rows} == set(agents)


def test_a_message_without_parameters(service: httpx.Client) -> None:
    answer = execute(service, "WhoAmI", {})
    assert set(answer) == {"UserId", "BusinessUnitId", "OrganizationId"}
    assert all(isinstance(value, UUID) for value in answer.values())


def test_a_fault_is_the_error_of_its_code(service: httpx.Client) -> None:
    nobody = EntityReference("msdyn_requirementgroup", UUID(int=7))
    error = failure(service, SEARCH, {"Version": "1", "RequirementGroup": nobody})
    assert type(error) is NotFoundError
    assert error.code == "0x80040217"
    assert error.request_id
    assert str(UUID(int=7)) in error.detail
    assert type(failure(service, "msdyn_NoSuchRequest", {})) is RejectedError
    assert type(failure(service, SEARCH, {"Version": 1, "RequirementGroup": nobody})) is RejectedError


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"status": 429, "code": "0x80072322", "message": "limit", "retryAfter": 9}, ThrottledError),
        ({"status": 503, "message": "busy"}, UnavailableError),
        ({"garble": True}, UnavailableError),
        ({"html": True}, UnavailableError),
    ],
    ids=lambda item: "-".join(map(str, item)) if isinstance(item, dict) else "",
)
def test_what_stands_between_is_no_answer(
    service: httpx.Client, rule: dict[str, object], kind: type[DataverseError]
) -> None:
    assert service.post("/__sim/faults", json=[{"match": {"method": "POST"}, "count": 1, **rule}]).is_success
    assert type(failure(service, "WhoAmI", {})) is kind
    assert execute(service, "WhoAmI", {})["UserId"]
