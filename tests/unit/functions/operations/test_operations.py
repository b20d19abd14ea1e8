"""What the state of Dataverse and storage means, and what the two health routes tell of it."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import azure.functions as func
import pytest

from functions.operations.decide import dataverse_finding, storage_finding
from functions.operations.trigger import blueprint
from functions.operations.use_case import check_dataverse, check_storage
from shared.dataverse.errors import DataverseError, UnavailableError
from shared.gateways import Gateways
from shared.health import Finding, Status
from shared.health.board import Health
from shared.settings import Settings
from shared.storage.errors import StorageError
from shared.storage.files import FileMissingError

SETTINGS = Settings(AzureWebJobsStorage="UseDevelopmentStorage=true", dataverse_url="https://contoso.crm4.dynamics.com")
SINCE = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)

DATAVERSE = [
    ("closed", None, Status.GREEN),
    ("closed", "UnavailableError", Status.RED),
    ("half-open", None, Status.AMBER),
    ("open", None, Status.RED),
]


@pytest.mark.parametrize(("breaker", "failure", "status"), DATAVERSE)
def test_dataverse(breaker: str, failure: str | None, status: Status) -> None:
    finding = dataverse_finding(breaker, SINCE, failure)
    assert finding.status is status
    assert failure is None or failure in finding.reason


def test_storage() -> None:
    assert storage_finding(None).status is Status.GREEN
    assert storage_finding("StorageError").status is Status.RED


class Dynamics:
    def __init__(self, breaker: str = "closed", error: DataverseError | None = None) -> None:
        self.breaker_state = breaker
        self.breaker_since: datetime | None = SINCE
        self.error = error
        self.asked = 0

    async def keep_warm(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


class Files:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def version(self, container: str, name: str) -> str:
        if self.error is not None:
            raise self.error
        return "1"


async def test_dataverse_is_asked_while_it_is_thought_to_be_well_only() -> None:
    (well,) = await check_dataverse(Dynamics())
    assert well == Finding("Dataverse", Status.GREEN, "it answers", SINCE)
    (ill,) = await check_dataverse(Dynamics(error=UnavailableError("x")))
    assert (ill.status, "UnavailableError" in ill.reason) == (Status.RED, True)
    refused = Dynamics("open")
    (known,) = await check_dataverse(refused)
    assert (known.status, refused.asked) == (Status.RED, 0)


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, Status.GREEN), (FileMissingError("x"), Status.GREEN), (StorageError("x"), Status.RED)],
)
async def test_storage_without_the_document_is_well(error: Exception | None, status: Status) -> None:
    (finding,) = await check_storage(Files(error))
    assert finding.status is status


class Documents:
    def __init__(self) -> None:
        self.found = {"routing.json": "known by who uses it", "agents.csv": "row 2: no e-mail"}

    def problems(self) -> dict[str, str]:
        return self.found


class World:
    def __init__(self, dynamics: Dynamics, files: Files, *further: Finding) -> None:
        self.health = Health(good_for=0)
        self.dataverse, self.files, self.documents = dynamics, files, Documents()
        self.settings, self.enreach = SETTINGS, None

        async def others() -> tuple[Finding, ...]:
            return further

        self.health.add("others", others)


async def test_all_is_green_without_a_broken_document() -> None:
    world = World(Dynamics(), Files())
    world.documents.found = {}
    assert await answer(world, "health") == (200, {"status": "green"})


async def answer(world: World, name: str) -> tuple[int, Any]:
    app = func.FunctionApp()
    app.register_functions(blueprint(cast(Gateways, world)))
    functions = {each.get_function_name(): each for each in app.get_functions()}
    response = await functions[name].get_user_function()(func.HttpRequest("GET", "/api/health", body=b""))
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, json.loads(response.get_body())


AMBER = Finding("routing.json", Status.AMBER, "rules.0: wrong; the last good version runs")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (World(Dynamics(), Files()), (200, {"status": "amber"})),
        (World(Dynamics(), Files(), AMBER), (200, {"status": "amber"})),
        (World(Dynamics("open"), Files(), AMBER), (503, {"status": "red"})),
        (World(Dynamics(), Files(StorageError("x"))), (503, {"status": "red"})),
    ],
)
async def test_a_monitor_learns_the_worst_and_no_detail(world: World, expected: tuple[int, Any]) -> None:
    assert await answer(world, "health") == expected


async def test_details_tell_each_finding_with_its_reason() -> None:
    status, body = await answer(World(Dynamics("open"), Files(), AMBER), "health_details")
    assert (status, body["status"]) == (200, "red")
    assert body["checks"] == [
        {"name": "routing.json", "status": "amber", "reason": AMBER.reason},
        {"name": "storage", "status": "green", "reason": "it answers"},
        {"name": "agents.csv", "status": "amber", "reason": "row 2: no e-mail"},
        {
            "name": "Dataverse",
            "status": "red",
            "reason": "it does not answer: callers keep their default route",
            "since": "2027-03-22T09:30:00Z",
        },
        {
            "name": "Enreach",
            "status": "green",
            "reason": "ENREACH_USER is not set; ENREACH_SECRET_KEY is not set: Enreach is not asked anything",
        },
    ]
