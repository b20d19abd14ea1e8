"""What the functions of tickets answer, held to their OpenAPI description."""

import asyncio
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import jsonschema_rs
import pytest

from functions.ticket_creation import trigger
from functions.ticket_creation.messages import BadRedriveError, read_redrive
from functions.ticket_creation.use_case.parking import RefusedMessage
from shared.calls.ids import canonical_call_id
from shared.config_documents import ConfigDocuments
from shared.gateways import Gateways
from shared.health import Status
from shared.health.board import Health
from shared.settings import Settings
from shared.ticket_queue import POISON_QUEUE, QUEUE
from shared.ticket_request import TicketRequest, as_message
from shared.tickets.ledger import TicketLedger
from tests.memory_storage import MemoryFiles, MemoryMessages, MemoryTables
from tests.unit.shared.tickets.tickets import call_id

PATH = Path(__file__).parents[4] / "docs/openapi/tickets.yaml"
CANARY = "+358401234567"


@cache
def document() -> dict[str, Any]:
    """The description, read when a test asks: schemathesis takes seconds to load."""
    import schemathesis

    raw: dict[str, Any] = schemathesis.openapi.from_path(PATH).raw_schema
    return raw


@cache
def schema(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**document()["components"]["schemas"][name], **_references()})


def _references() -> dict[str, Any]:
    return {"components": document()["components"]}


class App:
    """The functions over storage in memory."""

    def __init__(self) -> None:
        self.tables, self.messages, self.files = MemoryTables(), MemoryMessages(), MemoryFiles()
        settings = Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true", dataverse_url="https://c.crm4.dynamics.com"
        )
        self.health = Health()
        gateways = SimpleNamespace(
            settings=settings,
            dataverse=None,
            enreach=None,
            files=self.files,
            documents=ConfigDocuments(cast(Any, self.files)),
            tables=self.tables,
            messages=self.messages,
            number_index=None,
            calls=None,
            tickets=TicketLedger(self.tables),
            health=self.health,
        )
        app = func.FunctionApp()
        app.register_functions(trigger.blueprint(cast(Gateways, gateways)))
        self.functions = {each.get_function_name(): each for each in app.get_functions()}

    async def called(self, name: str, body: bytes = b"") -> func.HttpResponse:
        request = func.HttpRequest(method="POST", url="/api/tickets", body=body)
        answer: func.HttpResponse = await self.functions[name].get_user_function()(request)
        return answer

    async def got(self, body: bytes, dequeued: int = 1) -> None:
        message = SimpleNamespace(get_body=lambda: body, dequeue_count=dequeued)
        await self.functions["create_ticket"].get_user_function()(message)


@pytest.fixture
def app() -> App:
    return App()


def body_of(answer: func.HttpResponse, name: str) -> Any:
    body = json.loads(answer.get_body())
    schema(name).validate(body)
    assert answer.headers["Cache-Control"] == "no-store"
    return body


def test_the_description_has_the_routes_and_nothing_else() -> None:
    paths = {path: [*methods] for path, methods in document()["paths"].items()}
    assert paths == {"/api/tickets/parked": ["get"], "/api/tickets/redrive": ["post"]}


@pytest.mark.parametrize("path", ["/api/tickets/parked", "/api/tickets/redrive"])
def test_every_answer_of_the_description_fits_its_schema(path: str) -> None:
    (operation,) = document()["paths"][path].values()
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            for example in content["examples"].values():
                schema(name).validate(example["value"])


async def test_a_malformed_message_is_parked_and_told_without_its_content(app: App) -> None:
    assert body_of(await app.called("parked_tickets"), "ParkedTickets") == {"count": 0, "parked": []}
    await app.got(json.dumps({"version": 1, "callId": "x", "startTime": CANARY, "callerNumber": CANARY}).encode())
    told = body_of(await app.called("parked_tickets"), "ParkedTickets")
    assert told["count"] == 1
    (parked,) = told["parked"]
    assert (parked["callId"], parked["code"]) == (canonical_call_id("x"), "malformed")
    assert parked["reason"].startswith("startTime: must be a moment")
    assert CANARY not in json.dumps(told)
    assert len(app.messages.queued(POISON_QUEUE)) == 1


async def park(app: App, *numbers: int) -> None:
    from functions.ticket_creation.use_case.parking import Parking
    from shared.clock import utc_now

    parking = Parking(TicketLedger(app.tables), app.messages, utc_now)
    await parking.park(
        RefusedMessage(as_message(TicketRequest(version=1, call_id=call_id(number))), "rejected", "no")
        for number in numbers
    )


async def test_requests_are_sent_back(app: App) -> None:
    await park(app, 1, 2, 3)
    answer = await app.called("redrive_tickets", json.dumps({"callId": call_id(2).upper()}).encode())
    assert body_of(answer, "Redriven") == {"sent": 1, "left": 2}
    assert app.messages.queued(QUEUE) == [as_message(TicketRequest(version=1, call_id=call_id(2)))]


async def test_a_thousand_are_listed_and_all_are_counted(app: App) -> None:
    await park(app, *range(1_001))
    told = body_of(await app.called("parked_tickets"), "ParkedTickets")
    assert (told["count"], len(told["parked"])) == (1_001, 1_000)


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"callId": "x"}', b'{"callId": "' + b"x" * 200 + b'"}'])
def test_what_is_understood_is_described(body: bytes) -> None:
    assert read_redrive(body) == (canonical_call_id(json.loads(body)["callId"]) if b"callId" in body else None)
    schema("Redrive").validate(json.loads(body.strip() or b"{}"))


BAD = [
    b"[]",
    b"7",
    b"{",
    b"[" * 4_000,
    b'{"call": "x"}',
    b'{"callId": ""}',
    b'{"callId": " "}',
    b'{"callId": null}',
    b'{"callId": "' + b"x" * 201 + b'"}',
    b'{"callId": "x", "more": "' + CANARY.encode() + b'"}',
    b" " * 5_000 + b"7",
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body)[:30])
async def test_what_is_not_understood_is_refused_and_sends_nothing(app: App, body: bytes) -> None:
    await park(app, 1)
    with pytest.raises(BadRedriveError):
        read_redrive(body)
    answer = await app.called("redrive_tickets", body)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert CANARY not in body_of(answer, "Problem")["detail"]
    assert app.messages.queued(QUEUE) == []


@pytest.mark.parametrize("name", ["parked_tickets", "redrive_tickets"])
async def test_storage_that_is_down_is_503(app: App, name: str) -> None:
    app.tables.down = app.messages.down = True
    answer = await app.called(name)
    assert answer.status_code == 503
    assert body_of(answer, "Problem")["detail"] == "storage did not answer"


async def test_without_a_document_all_is_green(app: App) -> None:
    found = {each.name: each for each in await app.health.findings()}
    assert {each.status for each in found.values()} == {Status.GREEN}, found
    assert {"ticket-triggers.json", "parked tickets", "waiting tickets"} <= found.keys()
    await park(app, 1)
    await asyncio.sleep(2.1)
    found = {each.name: each for each in await app.health.findings()}
    assert found["parked tickets"].status is Status.AMBER


def test_the_http_functions_want_a_key() -> None:
    for name in ("parked_tickets", "redrive_tickets"):
        (binding,) = [each for each in App().functions[name].get_bindings() if each.type == "httpTrigger"]
        assert cast(Any, binding).auth_level is func.AuthLevel.FUNCTION
