"""The two functions: when the timer fires, and what the HTTP one answers, held to its OpenAPI description."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, cast

import azure.functions as func
import jsonschema_rs
import pytest

from functions.user_sync import use_case
from functions.user_sync.messages import LARGEST_BODY, BadRequestError, SyncOrder, read_order
from functions.user_sync.trigger import blueprint, report_json
from functions.user_sync.use_case import SHOWN_IDS, Report
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.enreach.client import EnreachClient
from shared.enreach.errors import EnreachError, UnreadableReplyError
from shared.gateways import Gateways
from shared.health import Status
from shared.number_index.index import open_number_index
from shared.settings import Settings
from shared.storage.files import Files
from shared.storage.leases import lease
from shared.storage.messages import open_messages
from shared.storage.tables import Tables
from shared.users.layout import LEASE_PARTITION, LEASE_ROW, TABLE
from tests.memory_storage import MemoryFiles, MemoryTables

PATH = Path(__file__).parents[4] / "docs/openapi/user-sync.yaml"
ANN = "11111111-1111-1111-1111-111111111111"


@cache
def description() -> Any:
    """The description, read when a test asks: schemathesis takes seconds to load."""
    import schemathesis

    return schemathesis.openapi.from_path(PATH)


def document() -> dict[str, Any]:
    raw: dict[str, Any] = description().raw_schema
    return raw


def operation() -> dict[str, Any]:
    post: dict[str, Any] = document()["paths"]["/api/users/sync"]["post"]
    return post


@dataclass(frozen=True)
class Listed:
    id: str
    user_name: str


@dataclass(frozen=True)
class Listing:
    items: Sequence[Listed]
    unreadable: Sequence[object] = ()


class OneUser:
    """Enreach and Dynamics with the same user, and a way to let Enreach fail."""

    def __init__(self, failure: EnreachError | None = None, count: int = 1) -> None:
        self.failure, self.count = failure, count
        self.asked = 0

    async def users(self) -> Listing:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Listing([Listed(ANN, "ann@x")] * self.count)

    async def query_many(self, queries: Sequence[Any], **_: Any) -> list[list[dict[str, Any]]]:
        rows = [{"systemuserid": ANN, "internalemailaddress": "ann@x"}]
        return [rows if query.table.logical_name == "systemuser" else [] for query in queries]


def gateways(world: OneUser | None, tables: MemoryTables | None = None, **values: object) -> Gateways:
    settings = Settings.model_validate(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "dataverse_url": "https://contoso.crm4.dynamics.com",
            **values,
        }
    )
    files, rows = MemoryFiles(), tables or MemoryTables()
    return Gateways(
        settings=settings,
        dataverse=cast(DataverseClient, world),
        files=cast(Files, files),
        documents=ConfigDocuments(files),
        tables=cast(Tables, rows),
        messages=open_messages(settings),
        number_index=open_number_index(settings, rows),
        enreach=cast("EnreachClient | None", world),
    )


def functions(worlds: Gateways) -> dict[str, func.Function]:
    app = func.FunctionApp()
    app.register_functions(blueprint(worlds))
    return {str(found.get_function_name()): found for found in app.get_functions()}


async def post(worlds: Gateways, order: bytes = b"") -> tuple[int, dict[str, Any]]:
    door = functions(worlds)["sync_users_now"].get_user_function()
    call = cast(Callable[[func.HttpRequest], Awaitable[func.HttpResponse]], door)
    answer = await call(func.HttpRequest("POST", "/api/users/sync", body=order))
    kind = "application/json" if answer.status_code == 200 else "application/problem+json"
    assert answer.mimetype == kind
    body: dict[str, Any] = json.loads(answer.get_body())
    schema(str(answer.status_code), kind).validate(body)
    return answer.status_code, body


def schema(status: str, kind: str) -> jsonschema_rs.Validator:
    """The schema of this answer, with the schemas that it refers to."""
    described = operation()["responses"][status]["content"][kind]["schema"]
    return jsonschema_rs.validator_for({**described, "components": document()["components"]})


@pytest.mark.parametrize(
    ("values", "schedule"), [({}, "0 * * * * *"), ({"user_sync_schedule": "30 */5 * * * *"}, "30 */5 * * * *")]
)
def test_the_timer_has_its_name_and_its_schedule(values: dict[str, object], schedule: str) -> None:
    found = functions(gateways(OneUser(), None, **values))
    assert found.keys() == {"sync_users", "sync_users_now"}
    trigger = found["sync_users"].get_trigger()
    assert trigger is not None
    assert trigger.get_dict_repr()["schedule"] == schedule


def test_the_route_takes_post_with_a_function_key() -> None:
    trigger = functions(gateways(OneUser()))["sync_users_now"].get_trigger()
    assert trigger is not None
    described = trigger.get_dict_repr()
    assert (described["route"], described["methods"]) == ("users/sync", [func.HttpMethod.POST])
    assert described["authLevel"] is func.AuthLevel.FUNCTION


async def test_without_enreach_nothing_is_done() -> None:
    worlds = gateways(None)
    tick = cast(Callable[[Any], Awaitable[None]], functions(worlds)["sync_users"].get_user_function())
    await tick(None)
    assert cast(MemoryTables, worlds.tables).requests == 0
    assert (await post(worlds))[0] == 503
    assert await worlds.health.findings() == []


async def test_all_users_are_matched_and_counted() -> None:
    world = OneUser()
    worlds = gateways(world)
    status, answer = await post(worlds)
    assert (status, answer["matched"], answer["updated"], answer["missing"], answer["ambiguous"]) == (200, 1, 1, 0, 0)
    assert [finding.status for finding in await worlds.health.findings()] == [Status.GREEN]
    tick = cast(Callable[[Any], Awaitable[None]], functions(worlds)["sync_users"].get_user_function())
    await tick(None)
    assert world.asked == 2


@pytest.mark.parametrize(
    ("world", "detail"),
    [
        (OneUser(UnreadableReplyError("Enreach answered with a web page")), "Enreach answered with a web page"),
        (OneUser(count=0), "Enreach lists no users: nothing was changed"),
    ],
    ids=["a web page", "empty"],
)
async def test_a_list_that_is_not_believed_is_a_bad_gateway(world: OneUser, detail: str) -> None:
    worlds = gateways(world)
    status, answer = await post(worlds)
    assert (status, answer["detail"]) == (502, detail)
    (finding,) = await worlds.health.findings()
    assert (finding.status, finding.reason) == (Status.AMBER, detail)


async def test_storage_that_is_down_is_a_bad_gateway_too() -> None:
    tables = MemoryTables()
    tables.down = True
    assert (await post(gateways(OneUser(), tables)))[0] == 502


async def test_who_waited_long_enough_for_another_run_gets_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.user_sync.trigger._WAIT_SECONDS", 0.05)
    tables = MemoryTables()
    async with lease(tables, TABLE, LEASE_PARTITION, LEASE_ROW, holder="another", seconds=60):
        assert (await post(gateways(OneUser(), tables)))[0] == 409


async def test_who_waits_for_another_run_comes_next() -> None:
    tables = MemoryTables()
    async with lease(tables, TABLE, LEASE_PARTITION, LEASE_ROW, holder="another", seconds=0.5):
        waiting = asyncio.create_task(post(gateways(OneUser(), tables)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert (await waiting)[0] == 200


BODIES: list[tuple[bytes, bool | None]] = [
    (b"", False), (b" \n", False), (b"{}", False), (b'{"acceptFewer": true}', True), (b'{"acceptFewer": "yes"}', None),
    (b'{"accept_fewer": true}', None), (b"[]", None), (b"{", None), (b"\xff", None), (b" " * (LARGEST_BODY + 1), None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "accepts"), BODIES)
async def test_a_body_is_read_strictly(body: bytes, accepts: bool | None) -> None:
    if accepts is None:
        with pytest.raises(BadRequestError):
            read_order(body)
        assert (await post(gateways(OneUser()), body))[0] == 400
    else:
        assert read_order(body).accept_fewer is accepts


# ------------------------------------------------------------------------------------------- the description


def test_the_description_is_openapi_and_names_the_limits() -> None:
    description().validate()
    assert operation()["requestBody"]["x-max-bytes"] == LARGEST_BODY
    assert document()["components"]["schemas"]["Side"]["properties"]["ids"]["maxItems"] == SHOWN_IDS
    assert list(document()["paths"]) == ["/api/users/sync"]


def test_every_example_fits() -> None:
    for status, response in operation()["responses"].items():
        for kind, content in response.get("content", {}).items():
            for example in content["examples"].values():
                schema(status, kind).validate(example["value"])
    for example in operation()["requestBody"]["content"]["application/json"]["examples"].values():
        SyncOrder.model_validate(example["value"])
    assert report_json(Report()).keys() == document()["components"]["schemas"]["SyncReport"]["properties"].keys()


def test_the_log_has_every_count_and_no_id() -> None:
    names = {field.name for field in fields(use_case.Report)}
    assert Report().counts().keys() == names - {"ids"}
