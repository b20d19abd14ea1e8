"""What people are told of a callback request by its id, held to the OpenAPI description."""

import json
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import jsonschema_rs
import pytest

from functions.operations import trigger
from functions.operations.decide import told_callback
from functions.operations.messages import BadRequestError, read_callback_id
from shared.callbacks.ids import canonical_callback_id
from shared.callbacks.ledger import CallbackLedger
from shared.callbacks.records import CallbackOutcome
from shared.gateways import Gateways
from shared.health.board import Health
from shared.settings import Settings
from tests.memory_storage import MemoryTables
from tests.unit.shared.callbacks.callbacks import QUEUE, a_callback, a_closed_callback, callback_id

ROOT = Path(__file__).parents[4]
PATH = "/api/callbacks/{callbackId}"


@cache
def document() -> dict[str, Any]:
    """The description, read when a test asks: schemathesis takes seconds to load."""
    import schemathesis

    description = schemathesis.openapi.from_path(ROOT / "docs/openapi/callbacks.yaml")
    description.validate()
    raw: dict[str, Any] = description.raw_schema
    return raw


def responses() -> dict[str, Any]:
    found: dict[str, Any] = document()["paths"][PATH]["get"]["responses"]
    return found


@cache
def schema(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(document()["components"]["schemas"][name])


# ---------------------------------------------------------------------------------------- the description


def test_the_description_has_the_route_and_nothing_else() -> None:
    assert {path: [*methods] for path, methods in document()["paths"].items()} == {PATH: ["get"]}


def test_outcomes_of_the_description_are_those_of_the_ledger() -> None:
    described = document()["components"]["schemas"]["CallbackHistory"]["properties"]["outcome"]["enum"]
    assert described == [outcome.value for outcome in CallbackOutcome]
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (section,) = [part for part in page.split("\n## ") if part.startswith("What became of a callback request?")]
    assert [outcome for outcome in described if f"\n| `{outcome}` |" not in section] == []


def test_the_examples_are_what_the_description_says() -> None:
    for status, name in (("200", "CallbackHistory"), ("400", "Problem"), ("404", "Problem"), ("503", "Problem")):
        (media,) = responses()[status]["content"].values()
        for example in media["examples"].values():
            schema(name).validate(example["value"])


# --------------------------------------------------------------------------------------------- answering


def test_a_request_is_told_in_utc_and_whole_seconds() -> None:
    updated = datetime(2027, 3, 22, 11, 30, 5, 999_999, timezone(timedelta(hours=2)))
    assert told_callback(a_callback(updated=updated, phone_call_id=None)) == {
        "callbackId": callback_id(0),
        "profile": "Sales",
        "outcome": "queued",
        "reason": "A phone call was queued.",
        "phoneCallId": None,
        "queueId": str(QUEUE),
        "closed": False,
        "updated": "2027-03-22T09:30:05Z",
    }


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_a_blank_id_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match="blank"):
        read_callback_id(text)


class World:
    """The function over storage in memory."""

    def __init__(self) -> None:
        self.tables = MemoryTables()
        self.callbacks = CallbackLedger(self.tables)
        settings = Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true", dataverse_url="https://contoso.crm4.dynamics.com"
        )
        gateways = SimpleNamespace(
            settings=settings, callbacks=self.callbacks, calls=None, documents=None, health=Health(), files=None,
            dataverse=None, enreach=None,
        )  # fmt: skip
        app = func.FunctionApp()
        app.register_functions(trigger.blueprint(cast(Gateways, gateways)))
        functions = {each.get_function_name(): each for each in app.get_functions()}
        self.function = functions["callback_history"]

    async def history(self, text: str) -> tuple[int, Any]:
        request = func.HttpRequest("GET", "/api/callbacks/x", route_params={"callbackId": text}, body=b"")
        answer = await self.function.get_user_function()(request)
        body = json.loads(answer.get_body())
        assert answer.headers["Cache-Control"] == "no-store"
        assert str(answer.status_code) in responses()
        if answer.status_code == 200:
            assert answer.mimetype == "application/json"
            schema("CallbackHistory").validate(body)
        else:
            assert answer.mimetype == "application/problem+json"
            schema("Problem").validate(body)
            assert body["status"] == answer.status_code
        return answer.status_code, body


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("spelling", [str.lower, str.upper, "{{{}}}".format, lambda text: text.replace("-", "")])
async def test_a_request_is_told_by_its_id_in_any_spelling(world: World, spelling: Any) -> None:
    await world.callbacks.write([a_callback(), a_closed_callback(1)])
    assert await world.history(spelling(callback_id(0))) == (200, told_callback(a_callback()))
    assert await world.history(spelling(callback_id(1))) == (200, told_callback(a_closed_callback(1)))


async def test_a_request_whose_id_is_no_guid_is_told_by_enreachs_own_id(world: World) -> None:
    foreign = a_callback(callback_id=canonical_callback_id("CB-4711"), enreach_id="CB-4711")
    await world.callbacks.write([foreign])
    assert await world.history("cb-4711") == await world.history(foreign.callback_id) == (200, told_callback(foreign))


@pytest.mark.parametrize("outcome", CallbackOutcome)
async def test_every_outcome_is_told(world: World, outcome: CallbackOutcome) -> None:
    await world.callbacks.write([a_callback(outcome=outcome, queue_id=None, phone_call_id=None)])
    assert (await world.history(callback_id(0)))[1]["outcome"] == outcome


async def test_what_nobody_knows_is_not_found_and_a_blank_id_is_refused(world: World) -> None:
    status, problem = await world.history(callback_id(0))
    assert (status, problem["detail"]) == (404, "nothing is known of this callback request")
    assert (await world.history(" "))[0] == 400


async def test_storage_that_does_not_answer_is_told(world: World) -> None:
    world.tables.down = True
    status, problem = await world.history(callback_id(0))
    assert (status, problem["detail"]) == (503, "storage did not answer")


def test_it_needs_a_key(world: World) -> None:
    assert '"authLevel": "FUNCTION"' in str(world.function)
