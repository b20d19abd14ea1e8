"""The door that Enreach knocks on, with real HTTP requests and small worlds behind it."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import azure.functions as func
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.functions.warmup import WarmUpContext

from functions.smart_routing.trigger import blueprint
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import UnavailableError
from shared.dataverse.odata import Question
from shared.dataverse.tables import JsonRow
from shared.gateways import Gateways
from shared.number_index.index import open_number_index
from shared.settings import Settings
from shared.storage.files import FileMissingError, Files, StorageError, StoredFile
from shared.storage.messages import open_messages
from shared.storage.tables import open_tables

KEY = "a-routing-key-of-more-than-32-characters"
POOL, VIP, NIGHT, CALLER = "+35840675644", "+35853445657", "+358406756499", "+358504545641"
ROUTING = {
    "rules": [
        {
            "name": "VIP 040 675 644",
            "when": {"pool": [POOL], "match": ["contact"], "account": {"customertypecode": 3}},
            "then": {"target": VIP, "failTarget": "+358401112222", "extra": {"ExtraPriority": 5}},
        },
        {"name": "strangers", "when": {"targetid": ["STRANGERS"], "match": ["none"]}, "then": {"target": VIP}},
        {"name": "night", "when": {"pool": [NIGHT]}, "then": {"target": "DISCONNECT:"}},
    ]
}
MATCHING = {"defaultRegion": "FI"}
ELINA = {
    "contactid": "c1",
    "mobilephone": CALLER,
    "parentcustomerid_account": {"accountid": "a1", "customertypecode": 3},
}


class Blobs:
    """The container `config` in memory."""

    def __init__(self, **documents: object) -> None:
        self.documents = {f"{name.replace('_', '-')}.json": document for name, document in documents.items()}

    async def version(self, container: str, name: str) -> str:
        document = self.documents.get(name)
        if document is None:
            raise FileMissingError(name)
        if isinstance(document, Exception):
            raise document
        return json.dumps(document)

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        data = json.dumps(self.documents[name]).encode()
        return StoredFile(data, await self.version(container, name), datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Rows:
    """Dataverse that gives these contacts after a while, or fails."""

    contacts: list[JsonRow] = field(default_factory=list)
    failure: Exception | None = None
    seconds: float = 0
    breaker_state: str = "closed"
    asked: list[Sequence[Question]] = field(default_factory=list)
    kept_warm: int = 0

    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]:
        self.asked.append(queries)
        await asyncio.sleep(self.seconds)
        if self.failure:
            raise self.failure
        return [self.contacts if query.table.logical_name == "contact" else [] for query in queries]

    async def keep_warm(self) -> None:
        self.kept_warm += 1
        if self.failure:
            raise self.failure


type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]
type WarmUp = Callable[[WarmUpContext], Awaitable[None]]


def settings(**values: object) -> Settings:
    return Settings.model_validate(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "dataverse_url": "http://127.0.0.1:7081",
            "dataverse_auth": "development",
            "routing_key_current": KEY,
            "routing_basic_user": "enreach",
            **values,
        }
    )


def functions(
    rows: object, blobs: Blobs | None = None, *, check_every: float = 5, **values: object
) -> dict[str, func.Function]:
    """The functions of the blueprint by their names."""
    files = blobs or Blobs(routing=ROUTING, customer_matching=MATCHING)
    read = settings(**values)
    tables = open_tables(read)
    gateways = Gateways(
        settings=read,
        dataverse=cast(DataverseClient, rows),
        files=cast(Files, files),
        documents=ConfigDocuments(files, check_every=check_every),
        tables=tables,
        messages=open_messages(read),
        number_index=open_number_index(read, tables),
    )
    app = func.FunctionApp()
    app.register_functions(blueprint(gateways))
    return {str(function.get_function_name()): function for function in app.get_functions()}


def handler(rows: object, blobs: Blobs | None = None, **values: Any) -> Handler:
    return cast(Handler, functions(rows, blobs, **values)["smart_routing"].get_user_function())


def request(body: object = None, key: str | None = KEY, **headers: str) -> func.HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    if key is not None:
        headers["x-benemen-apikey"] = key
    return func.HttpRequest("POST", "/api/smart-routing", headers=headers, body=content)


def call(**keys: object) -> func.HttpRequest:
    return request({"bnum": POOL, "anum": CALLER, **keys})


def json_body(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


def triggers(name: str) -> dict[str, Any]:
    binding = functions(Rows())[name].get_trigger()
    assert binding is not None
    return cast(dict[str, Any], binding.get_dict_repr())


def test_the_route_has_its_name_and_method_and_is_open_to_the_platform() -> None:
    trigger = triggers("smart_routing")
    assert (trigger["route"], trigger["methods"], trigger["authLevel"]) == (
        "smart-routing", [func.HttpMethod.POST], func.AuthLevel.ANONYMOUS,
    )  # fmt: skip


def test_the_warm_up_has_the_name_that_azure_calls() -> None:
    assert triggers("warmup")["type"] == "warmupTrigger"


async def test_a_warm_up_makes_the_connection_and_the_rules_ready() -> None:
    rows, blobs = Rows([ELINA]), Blobs(routing=ROUTING, customer_matching=MATCHING)
    app = functions(rows, blobs, check_every=60)
    await cast(WarmUp, app["warmup"].get_user_function())(WarmUpContext())
    assert rows.kept_warm == 1
    blobs.documents.clear()  # who comes now finds nothing but what was read before
    response = await cast(Handler, app["smart_routing"].get_user_function())(call())
    assert json_body(response)["InitialTarget"] == VIP


async def test_a_warm_up_without_dataverse_and_storage_ends_well_and_the_app_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = Rows(failure=UnavailableError(f"contacts of {CALLER}"))
    app = functions(rows, Blobs(routing=StorageError("down")))
    await cast(WarmUp, app["warmup"].get_user_function())(WarmUpContext())
    assert "Keeping the connection to Dataverse warm met UnavailableError" in caplog.text
    assert CALLER not in caplog.text
    assert (await cast(Handler, app["smart_routing"].get_user_function())(call())).status_code == 204


async def test_a_vip_is_forwarded() -> None:
    rows = Rows([ELINA])
    response = await handler(rows)(call())
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert json_body(response) == {"InitialTarget": VIP, "FailTarget": "+358401112222", "ExtraPriority": 5}
    assert len(rows.asked) == 1


DEFAULTS = [
    pytest.param({"anum": "+358501110000"}, 1, id="a stranger"),
    pytest.param({"anum": ""}, 0, id="an empty caller"),
    pytest.param({"anum": None}, 0, id="a null caller"),
    pytest.param({"anum": "anonymous"}, 0, id="an anonymous caller"),
    pytest.param({"anum": "unknown"}, 0, id="an unknown caller"),
    pytest.param({"bnum": "+358409999999"}, 0, id="a pool without a rule"),
]


@pytest.mark.parametrize(("keys", "requests"), DEFAULTS)
async def test_the_default_is_204_without_a_body(keys: dict[str, Any], requests: int) -> None:
    rows = Rows([])
    response = await handler(rows)(call(**keys))
    assert (response.status_code, response.get_body()) == (204, b"")
    assert len(rows.asked) == requests


@pytest.mark.parametrize("caller", ["", "anonymous", "unknown", "withheld", "private", None, CALLER])
async def test_a_rule_without_a_caller_condition_applies_to_everybody_at_no_cost(caller: str | None) -> None:
    rows = Rows(failure=UnavailableError("down"))
    response = await handler(rows)(call(bnum=NIGHT, anum=caller))
    assert json_body(response) == {"InitialTarget": "DISCONNECT:"}
    assert rows.asked == []


@pytest.mark.parametrize("caller", ["", "anonymous", "unknown", "withheld", "private", None])
async def test_a_withheld_caller_matches_none(caller: str | None) -> None:
    response = await handler(Rows())(call(anum=caller, targetid="strangers", bnum="+358409999999"))
    assert json_body(response) == {"InitialTarget": VIP}


REFUSED = [
    pytest.param(request({"bnum": POOL}, key=None), id="no key"),
    pytest.param(request({"bnum": POOL}, key="wrong"), id="a wrong key"),
    pytest.param(request({"bnum": POOL}, key="k" * 10_240), id="10 kB"),
    pytest.param(request({"bnum": POOL}, key="kéy"), id="outside of ASCII"),
    pytest.param(request(b"{", key="wrong"), id="a wrong key and a broken body"),
    pytest.param(request({"bnum": POOL}, key=None, Authorization="Basic ???"), id="broken Basic"),
]


@pytest.mark.parametrize("req", REFUSED)
async def test_without_the_key_the_answer_is_401_and_empty(req: func.HttpRequest) -> None:
    rows = Rows([ELINA])
    response = await handler(rows)(req)
    assert (response.status_code, response.get_body()) == (401, b"")
    assert rows.asked == []


async def test_basic_is_enough() -> None:
    credentials = base64.b64encode(f"enreach:{KEY}".encode()).decode()
    response = await handler(Rows([ELINA]))(
        request({"bnum": POOL, "anum": CALLER}, key=None, Authorization=f"Basic {credentials}")
    )
    assert response.status_code == 200


async def test_without_a_valid_key_the_app_starts_refuses_everybody_and_names_the_settings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    route = handler(Rows(), routing_key_current="secret-but-short", routing_key_next="@Microsoft.KeyVault(x)")
    assert (await route(request({"bnum": POOL}, key="secret-but-short"))).status_code == 401
    warnings = " ".join(each.getMessage() for each in caplog.records if each.levelno == logging.WARNING)
    assert "ROUTING_KEY_CURRENT" in warnings
    assert "ROUTING_KEY_NEXT" in warnings
    assert "secret" not in warnings


async def test_a_bad_body_is_a_problem_that_names_the_field() -> None:
    response = await handler(Rows())(request({"bnum": 7}))
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    problem = json_body(response)
    assert problem == {
        "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "bnum: Input should be a valid string",
    }  # fmt: skip


async def test_calls_over_the_limit_keep_the_default_route_and_leave_one_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = Rows([ELINA])
    route = handler(rows, routing_calls_per_second=1, routing_cache_seconds=0)
    statuses = [(await route(call())).status_code for _ in range(50)]
    assert statuses[:2] == [200, 200]
    assert statuses.count(200) < 10
    assert set(statuses) == {200, 204}
    assert len(rows.asked) == statuses.count(200)
    (record,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert record == 'Routing limited {"calls": 1, "key": "current"}'


async def test_a_flood_with_one_key_leaves_calls_to_the_other() -> None:
    route = handler(Rows([ELINA]), routing_calls_per_second=1, routing_key_next=KEY[::-1])
    for _ in range(50):
        await route(call())
    assert (await route(request({"bnum": POOL, "anum": CALLER}, key=KEY[::-1]))).status_code == 200


async def test_a_flood_without_a_key_costs_the_callers_nothing_and_leaves_one_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    route = handler(Rows([ELINA]), routing_calls_per_second=1)
    for number in range(500):
        assert (await route(request({"bnum": POOL}, key=f"guess-{number}"))).status_code == 401
    assert [(await route(call())).status_code for _ in range(2)] == [200, 200]
    (record,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert record == 'Routing refused {"calls": 1, "reason": "no valid key"}'


WITHOUT_RULES = [
    pytest.param(Blobs(), id="no routing.json"),
    pytest.param(Blobs(routing={"rules": "none"}), id="a broken routing.json from the start"),
    pytest.param(Blobs(routing=StorageError("down")), id="storage down"),
    pytest.param(Blobs(routing=RuntimeError("a bug")), id="something unexpected"),
    pytest.param(Blobs(routing={"rules": []}), id="no rule"),
]


@pytest.mark.parametrize("blobs", WITHOUT_RULES)
async def test_without_rules_everybody_keeps_the_default(blobs: Blobs) -> None:
    response = await handler(Rows([ELINA]), blobs)(call())
    assert (response.status_code, response.get_body()) == (204, b"")


async def test_without_a_matching_document_international_numbers_match() -> None:
    route = handler(Rows([ELINA]), Blobs(routing=ROUTING))
    assert (await route(call())).status_code == 200
    local = handler(Rows([{**ELINA, "mobilephone": "050 4545641"}]), Blobs(routing=ROUTING))
    assert (await local(call())).status_code == 204


FAILURES = [
    pytest.param(UnavailableError(f"contacts of {CALLER}"), "UnavailableError", id="Dataverse down"),
    pytest.param(RuntimeError(f"contacts of {CALLER}"), "RuntimeError", id="something unexpected"),
]


@pytest.mark.parametrize(("failure", "named"), FAILURES)
async def test_a_failure_gives_the_default_and_is_logged_by_its_type(
    failure: Exception, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    response = await handler(Rows(failure=failure))(call())
    assert (response.status_code, response.get_body()) == (204, b"")
    assert named in caplog.text
    assert CALLER not in caplog.text


async def test_a_dataverse_that_hangs_costs_the_deadline_and_no_more() -> None:
    route = handler(Rows([ELINA], seconds=30), routing_deadline_seconds=0.05)
    started = time.monotonic()
    assert (await route(call())).status_code == 204
    assert time.monotonic() - started < 1


async def test_new_rules_take_over_and_broken_ones_do_not() -> None:
    blobs = Blobs(routing=ROUTING, customer_matching=MATCHING)
    route = handler(Rows([ELINA]), blobs, check_every=0)
    assert json_body(await route(call()))["InitialTarget"] == VIP
    blobs.documents["routing.json"] = {"rules": [{"name": "new", "then": {"target": "+358401112222"}}]}
    assert json_body(await route(call())) == {"InitialTarget": "+358401112222"}
    blobs.documents["routing.json"] = {"rules": [{"name": "new"}]}
    assert json_body(await route(call())) == {"InitialTarget": "+358401112222"}


async def test_each_decision_leaves_one_record_without_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await handler(Rows([{**ELINA, "fullname": "Elina Korhonen"}]))(call())
    (message,) = [each.getMessage() for each in caplog.records if each.getMessage().startswith("Routing decision")]
    record = json.loads(message.removeprefix("Routing decision "))
    assert record.pop("milliseconds") >= 0
    assert record == {
        "answer": "forward", "rule": "VIP …", "reason": "pool, match, account hold", "match": "contact",
        "requests": 0, "breaker": "closed", "skipped": [],
    }  # fmt: skip
    for secret in ("358", "040", "675", "454", "Elina", "Korhonen"):
        assert secret not in caplog.text


BATCH_REPLY = "\r\n".join(
    [
        *(
            line
            for rows in ([ELINA], [], [], [])
            for line in (
                "--reply", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
                "HTTP/1.1 200 OK", "Content-Type: application/json; odata.metadata=minimal", "",
                json.dumps({"value": rows}),
            )
        ),
        "--reply--",
        "",
    ]
)  # fmt: skip


async def test_a_look_up_is_one_batch_in_which_a_plus_stays_a_plus(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "functions")
    seen: list[tuple[str, str, str]] = []

    async def dataverse(sent: web.Request) -> web.Response:
        seen.append((sent.method, sent.path, await sent.text()))
        return web.Response(body=BATCH_REPLY, headers={"Content-Type": "multipart/mixed; boundary=reply"})

    async def token() -> tuple[str, datetime]:
        return "token", datetime.max.replace(tzinfo=UTC)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dataverse)
    async with TestServer(app) as server:
        client = DataverseClient(str(server.make_url("")).rstrip("/"), TokenCache(token))
        response = await handler(client)(call())
        await client.close()
    assert json_body(response)["InitialTarget"] == VIP
    ((method, path, body),) = seen
    assert (method, path) == ("POST", "/api/data/v9.2/$batch")
    queries = [line for line in body.split("\r\n") if line.startswith("GET ")]
    assert [line.split("?")[0] for line in queries] == [
        f"GET /api/data/v9.2/{table}" for table in ("contacts", "accounts", "leads", "accounts")
    ]
    assert all("%2B358504545641" in line and "+" not in line for line in queries)
    assert '"requests": 1' in caplog.text
