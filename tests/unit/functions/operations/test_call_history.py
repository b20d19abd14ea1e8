"""What people are told of calls: by id, by number and by agent, held to the OpenAPI description."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import azure.functions as func
import jsonschema_rs
import pytest

from functions.operations import trigger
from functions.operations.decide import LONGEST_BACK, KnownCall, searched_stretch, told
from functions.operations.messages import LARGEST_BODY, BadRequestError, CallSearch, read_call_id, read_search
from functions.operations.use_case import MOST_CALLS
from shared.calls.ledger import CallLedger
from shared.calls.records import CallHistory, CaseLink, LinkedCase, Outcome
from shared.calls.search_keys import SearchKey
from shared.config_documents import CONTAINER, ConfigDocuments
from shared.gateways import Gateways
from shared.health.board import Health
from shared.settings import Settings
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import Ticket, TicketOutcome, TicketRecord
from tests.memory_storage import MemoryFiles, MemoryTables
from tests.unit.shared.calls.calls import AGENT, NUMBER, START, a_call, call_id

SECRET = "a key of customers that nobody ever rotates"
KEY = SearchKey(SECRET)
AGENT_ID = "66299c01-7d0b-4a0c-9a3f-0d7a3b6c1e11"
CASE = LinkedCase(UUID(int=5), "https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id=5")
NOW = START + timedelta(hours=1)


# ---------------------------------------------------------------------------------------- the description


@cache
def document() -> dict[str, Any]:
    """The description, read when a test asks: schemathesis takes seconds to load."""
    import schemathesis

    description = schemathesis.openapi.from_path(Path(__file__).parents[4] / "docs/openapi/calls.yaml")
    description.validate()
    raw: dict[str, Any] = description.raw_schema
    return raw


@cache
def operation(path: str) -> dict[str, Any]:
    (found,) = document()["paths"][path].values()
    assert isinstance(found, dict)
    return found


HISTORY, SEARCH = "/api/calls/{callId}", "/api/calls/search"


@cache
def schema(name: str) -> jsonschema_rs.Validator:
    components = document()["components"]
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": components})


def examples(content: dict[str, Any]) -> list[Any]:
    (media,) = content.values()
    return [each["value"] for each in media["examples"].values()]


def test_the_description_has_both_routes_and_their_limits() -> None:
    assert {path: [*methods] for path, methods in document()["paths"].items()} == {HISTORY: ["get"], SEARCH: ["post"]}
    body = operation(SEARCH)["requestBody"]
    assert (body["x-max-bytes"], f"{LARGEST_BODY:,} bytes" in body["description"]) == (LARGEST_BODY, True)
    answer = operation(SEARCH)["responses"]["200"]["content"]["application/json"]["schema"]
    assert (answer["maxItems"], f"at most {MOST_CALLS}" in operation(SEARCH)["description"]) == (MOST_CALLS, True)
    told_of = document()["components"]["schemas"]["CallSearch"]["properties"]["from"]["description"]
    assert f"{LONGEST_BACK.days} days ago" in told_of


def test_outcomes_of_the_description_are_those_of_the_ledger() -> None:
    described = document()["components"]["schemas"]["CallHistory"]["properties"]["outcome"]["enum"]
    assert described == [*(outcome.value for outcome in Outcome), None]
    of_tickets = document()["components"]["schemas"]["TicketOutcome"]["enum"]
    assert of_tickets == [outcome.value for outcome in TicketOutcome]
    page = (Path(__file__).parents[4] / "docs/operations.md").read_text(encoding="utf-8")
    of_calls, _, further = page.partition("| outcome of a ticket |")
    assert [outcome for outcome in described[:-1] if f"| `{outcome}` |" not in of_calls] == []
    assert [outcome for outcome in of_tickets if f"| `{outcome}` |" not in further.partition("## ")[0]] == []


def test_a_search_is_described_as_the_model_reads_it() -> None:
    described = document()["components"]["schemas"]["CallSearch"]["properties"]
    model = CallSearch.model_json_schema()
    for name, read in model["properties"].items():
        (text, null) = read["anyOf"]
        text = model["$defs"]["Moment"] if "$ref" in text else text
        bare = {key: value for key, value in described[name].items() if key != "description"}
        assert bare == {**text, "type": [text["type"], null["type"]], "default": read["default"]}
    assert described.keys() == model["properties"].keys()


def test_the_examples_are_what_the_description_says() -> None:
    for search in examples(operation(SEARCH)["requestBody"]["content"]):
        schema("CallSearch").validate(search)
        read_search(json.dumps(search).encode())
    (content,) = (operation(SEARCH)["responses"]["200"]["content"],)
    for calls in examples(content):
        for call in calls:
            schema("CallHistory").validate(call)
    for call in examples(operation(HISTORY)["responses"]["200"]["content"]):
        schema("CallHistory").validate(call)


# ------------------------------------------------------------------------------------------------ reading

VALUES: list[object] = ["x", "", " ", "\x1f", "\ufeff", 7, None, True, [], {}, "x" * 65, "x" * 321]
MOMENTS: list[object] = [
    "2027-03-22", "2027-03-22T09:30", "2027-03-22T09:30:00Z", "2027-03-22T09:30:00.5+02:00", "2027-3-22", "20270322",
    "2027-W12-1", "2027-03-22 09:30", "1742635800", "", "tomorrow", "2027-03-22T09:30:00z", "2027-03-22\n", 5, None,
]  # fmt: skip
SEARCHES: list[Any] = [{"number": value} for value in VALUES]
SEARCHES += [{"agent": value} for value in VALUES] + [{"number": None, "agent": value} for value in VALUES]
SEARCHES += [{"number": "1", "from": value} for value in MOMENTS]
SEARCHES += [{}, {"from": "2027-03-22"}, {"number": "1", "more": 1}, [], "x", None, {"number": "1", "since": None}]


@pytest.mark.parametrize("search", SEARCHES, ids=ascii)
def test_the_description_and_the_reader_agree(search: object) -> None:
    described = schema("CallSearch").is_valid(search)
    try:
        read_search(json.dumps(search).encode())
    except BadRequestError:
        assert not described
    else:
        assert described


READ_MOMENTS = [
    ("2027-03-22", datetime(2027, 3, 22, tzinfo=UTC)),
    ("2027-03-22T09:30", datetime(2027, 3, 22, 9, 30, tzinfo=UTC)),
    ("2027-03-22T09:30:05.5+02:00", datetime(2027, 3, 22, 7, 30, 5, 500_000, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "moment"), READ_MOMENTS)
def test_a_day_is_its_beginning_and_a_moment_without_a_zone_is_utc(text: str, moment: datetime) -> None:
    assert read_search(json.dumps({"agent": "a", "from": text}).encode()).since == moment


REFUSED = [
    (b"", "not JSON"),
    (b"\xff", "not JSON"),
    (b'{"number": "\\ud800"}', "not JSON"),
    (b"[" * 5000, "not JSON"),
    (b'{"number": NaN}', "number: Input should be a valid string"),
    (b'{"number": "' + b"1" * LARGEST_BODY + b'"}', "larger than 8192 bytes"),
    (b'{"agent": "a", "+358504545641": 1}', "Extra inputs"),
    (b'{"agent": "a", "from": "2027-02-30"}', "from: there is no such date"),
    (b'{"agent": "a", "from": "0001-01-01T00:00:00+14:00"}', "from: there is no such date"),
    (b'{"agent": "a", "from": "+358504545641"}', "from: must be a date such as"),
    (b"{}", "number or agent is needed"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_a_refusal_says_why_and_repeats_nothing(body: bytes, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason) as raised:
        read_search(body)
    assert "358504545641" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "search", call_id(0)[:-1], f"{{{call_id(0)}", "x" * 5000, call_id(0) + "/"])
def test_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        read_call_id(text)


STRETCHES = [
    (None, NOW - LONGEST_BACK),
    (NOW - timedelta(days=3), NOW - timedelta(days=3)),
    (NOW - timedelta(days=3000), NOW - LONGEST_BACK),
    (NOW + timedelta(days=3), NOW + timedelta(days=3)),
]


@pytest.mark.parametrize(("since", "earliest"), STRETCHES)
def test_a_search_goes_no_further_back_than_there_may_be_calls(since: datetime | None, earliest: datetime) -> None:
    assert searched_stretch(since, NOW) == (earliest, NOW + timedelta(days=1))


def test_a_call_is_told_in_utc_and_whole_seconds() -> None:
    updated = datetime(2027, 3, 22, 11, 30, 5, 999_999, timezone(timedelta(hours=2)))
    call = a_call(updated=updated, phone_call_id=None)
    assert told(KnownCall(call_id(0), CallHistory(call_id(0), call, (CASE,), START), None)) == {
        "callId": call_id(0),
        "outcome": "logged",
        "reason": "A phone call was written.",
        "phoneCallId": None,
        "cases": [{"id": str(CASE.id), "link": CASE.link}],
        "ticketRequest": None,
        "tickets": [],
        "updated": "2027-03-22T09:30:05Z",
    }


def test_a_call_that_ticket_creation_alone_knows_is_told_as_one_that_call_sync_has_not_seen() -> None:
    updated = datetime(2027, 3, 22, 11, 30, 5, 999_999, timezone(timedelta(hours=2)))
    asked = a_request(due=updated + timedelta(minutes=10), updated=updated)
    assert told(KnownCall(call_id(0), None, asked)) == {
        "callId": call_id(0),
        "outcome": None,
        "reason": "call sync has not seen the call",
        "phoneCallId": None,
        "cases": [{"id": str(CASE.id), "link": CASE.link}],
        "ticketRequest": {
            "outcome": "created",
            "reason": "Cases were made.",
            "due": "2027-03-22T09:40:05Z",
            "updated": "2027-03-22T09:30:05Z",
        },
        "tickets": [
            {"configuration": "Support", "outcome": "created", "reason": "A case was made.", "caseId": str(CASE.id),
             "link": CASE.link},
            {"configuration": "Missed", "outcome": "no-case", "reason": "Nobody knows the caller.", "caseId": None,
             "link": None},
        ],
        "updated": None,
    }  # fmt: skip


# --------------------------------------------------------------------------------------------- answering


class World:
    """The two functions over storage in memory."""

    def __init__(self, secret: str | None = SECRET, region: str | None = "FI") -> None:
        self.tables, files = MemoryTables(), MemoryFiles()
        files._store(CONTAINER, "customer-matching.json", json.dumps({"defaultRegion": region}).encode(), "")
        self.calls, self.tickets = CallLedger(self.tables), TicketLedger(self.tables)
        settings = Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true",
            dataverse_url="https://contoso.crm4.dynamics.com",
            customer_id_key=secret,
        )
        gateways = SimpleNamespace(
            settings=settings, calls=self.calls, tickets=self.tickets, documents=ConfigDocuments(files),
            health=Health(), files=files, dataverse=None, enreach=None,
        )  # fmt: skip
        app = func.FunctionApp()
        app.register_functions(trigger.blueprint(cast(Gateways, gateways)))
        self._functions = {each.get_function_name(): each for each in app.get_functions()}

    async def ask(self, name: str, request: func.HttpRequest, path: str) -> tuple[int, Any]:
        answer = await self._functions[name].get_user_function()(request)
        body = json.loads(answer.get_body())
        assert answer.headers["Cache-Control"] == "no-store"
        assert str(answer.status_code) in operation(path)["responses"]
        if answer.status_code == 200:
            assert answer.mimetype == "application/json"
            for call in body if isinstance(body, list) else [body]:
                schema("CallHistory").validate(call)
        else:
            assert answer.mimetype == "application/problem+json"
            schema("Problem").validate(body)
            assert body["status"] == answer.status_code
        return answer.status_code, body

    async def history(self, text: str) -> tuple[int, Any]:
        request = func.HttpRequest("GET", "/api/calls/x", route_params={"callId": text}, body=b"")
        return await self.ask("call_history", request, HISTORY)

    async def search(self, body: object = None, **search: object) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(search).encode()
        return await self.ask("search_calls", func.HttpRequest("POST", "/api/calls/search", body=data), SEARCH)

    async def found(self, **search: object) -> list[str]:
        status, calls = await self.search(**search)
        assert status == 200
        return [call["callId"] for call in calls]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(trigger, "utc_now", lambda: NOW)
    return World()


LINK = CaseLink(call_id(0), START, CASE, KEY.found_by([NUMBER], [AGENT]))


def a_request(number: int = 0, **changes: Any) -> TicketRecord:
    """A request that made a case by one configuration, and none by another one."""
    made = Ticket(
        configuration="Support", outcome=TicketOutcome.CREATED, reason="A case was made.", case_id=CASE.id,
        link=CASE.link, done=True,
    )  # fmt: skip
    none = Ticket(configuration="Missed", outcome=TicketOutcome.NO_CASE, reason="Nobody knows the caller.", done=True)
    record = TicketRecord(
        call_id=call_id(number), outcome=TicketOutcome.CREATED, reason="Cases were made.", first_seen=START,
        updated=START, started=START, done=True, tickets=(made, none),
    )  # fmt: skip
    return replace(record, **changes)


def found_by(numbers: list[str], agents: list[str]) -> dict[str, Any]:
    return {"found_by": KEY.found_by(numbers, agents)}


@pytest.mark.parametrize("spelling", [str.lower, str.upper, "{{{}}}".format, lambda text: text.replace("-", "")])
async def test_a_call_is_told_by_its_id_in_any_spelling(world: World, spelling: Any) -> None:
    call, asked = a_call(), a_request()
    await world.calls.write([call])
    await world.calls.link_cases([LINK])
    await world.tickets.write([asked])
    known = KnownCall(call_id(0), CallHistory(call_id(0), call, (CASE,), START), asked)
    assert await world.history(spelling(call_id(0))) == (200, told(known))


async def test_a_call_that_call_sync_never_saw_is_told_with_its_cases_and_tickets(world: World) -> None:
    asked = a_request()
    await world.tickets.write([asked])
    assert await world.history(call_id(0)) == (200, told(KnownCall(call_id(0), None, asked)))
    assert await world.found(number=NUMBER) == []
    await world.calls.link_cases([LINK])
    with_case = told(KnownCall(call_id(0), CallHistory(call_id(0), None, (CASE,), START), asked))
    assert with_case["cases"] == [{"id": str(CASE.id), "link": CASE.link}]
    assert await world.history(call_id(0)) == (200, with_case)
    assert await world.search(number=NUMBER) == await world.search(agent=AGENT) == (200, [with_case])


async def test_a_search_tells_what_became_of_the_requests_of_its_calls(world: World) -> None:
    await world.calls.write([a_call(each, minutes=each, **found_by([NUMBER], [])) for each in range(3)])
    await world.tickets.write(
        [a_request(1), a_request(2, outcome=TicketOutcome.NO_TRIGGER, reason="None holds.", tickets=())]
    )
    _, calls = await world.search(number=NUMBER)
    requests = [call["ticketRequest"] and call["ticketRequest"]["outcome"] for call in calls]
    assert requests == ["no-trigger", "created", None]
    assert [[ticket["configuration"] for ticket in call["tickets"]] for call in calls] == [
        [],
        ["Support", "Missed"],
        [],
    ]


async def test_a_call_that_nobody_knows_is_not_found_and_text_that_is_no_id_is_refused(world: World) -> None:
    status, problem = await world.history(call_id(0))
    assert (status, problem["detail"]) == (404, "nothing is known of this call")
    status, problem = await world.history("search")
    assert (status, problem["detail"]) == (400, "the call id is no GUID")


SPELLINGS = ["+358504545641", "0504545641", "050 454 5641", "00358 50 4545641", "358504545641", " (050) 454-5641 "]


@pytest.mark.parametrize("number", SPELLINGS)
async def test_calls_are_found_by_a_number_in_any_spelling(world: World, number: str) -> None:
    await world.calls.write([a_call(each, minutes=each, **found_by([NUMBER], [])) for each in range(3)])
    await world.calls.write([a_call(9, **found_by(["+358501231234"], []))])
    assert await world.found(number=number) == [call_id(2), call_id(1), call_id(0)]


async def test_calls_are_found_by_an_agents_address_or_id_and_by_both_number_and_agent(world: World) -> None:
    await world.calls.write(
        [
            a_call(1, minutes=1, **found_by([NUMBER], [AGENT, AGENT_ID])),
            a_call(2, minutes=2, **found_by([], [AGENT, AGENT_ID])),
            a_call(3, minutes=3, **found_by([NUMBER], [])),
        ]
    )
    assert await world.found(agent=AGENT.upper()) == await world.found(agent=f"{{{AGENT_ID.upper()}}}")
    assert await world.found(agent=AGENT_ID) == [call_id(2), call_id(1)]
    assert await world.found(number=NUMBER, agent=AGENT_ID) == [call_id(1)]
    assert await world.found(number=NUMBER, agent="nobody@nordic-care.example") == []


async def test_calls_are_found_since_a_moment(world: World) -> None:
    await world.calls.write([a_call(day, minutes=-day * 1440, **found_by([NUMBER], [])) for day in (0, 1, 40, 99, 101)])
    assert await world.found(number=NUMBER) == [call_id(day) for day in (0, 1, 40, 99)]
    assert await world.found(number=NUMBER, **{"from": "2027-03-22"}) == [call_id(0)]
    assert await world.found(number=NUMBER, **{"from": "2027-03-21T09:30:05Z"}) == [call_id(0), call_id(1)]
    assert await world.found(number=NUMBER, **{"from": "2027-03-21T09:30:06Z"}) == [call_id(0)]
    assert await world.found(number=NUMBER, **{"from": "2028-01-01"}) == []


async def test_a_search_gives_the_newest_500(world: World) -> None:
    await world.calls.write([a_call(each, minutes=-each, **found_by([NUMBER], [])) for each in range(501)])
    assert await world.found(number=NUMBER) == [call_id(each) for each in range(500)]


async def test_a_number_without_a_country_needs_the_default_region() -> None:
    status, problem = await World(region=None).search(number="0504545641")
    assert (status, "country code" in problem["detail"]) == (400, True)
    assert (await World().search(number="117"))[0] == 400


async def test_a_body_that_is_no_search_is_refused(world: World) -> None:
    assert (await world.search(b"x"))[0] == 400
    assert (await world.search())[1]["detail"] == "number or agent is needed"


KEYS = [(None, "is empty"), ("short", "is shorter than"), ("@Microsoft.KeyVault(SecretUri=https://x)", "unresolved")]


@pytest.mark.parametrize(("secret", "reason"), KEYS)
async def test_without_a_key_calls_are_told_by_id_alone(
    secret: str | None, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        world = World(secret)
    assert f"CUSTOMER_ID_KEY {reason}" in caplog.text or reason in caplog.text
    await world.calls.write([a_call()])
    assert (await world.history(call_id(0)))[0] == 200
    status, problem = await world.search(number=NUMBER)
    assert (status, reason in problem["detail"]) == (503, True)


async def test_storage_that_does_not_answer_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.tables.down = True
    for status, problem in (await world.history(call_id(0)), await world.search(number=NUMBER)):
        assert (status, problem["detail"]) == (503, "storage did not answer")
    assert NUMBER not in caplog.text


async def test_a_call_that_turned_private_is_told_by_its_id_and_found_by_nothing(world: World) -> None:
    before = a_call(**found_by([NUMBER], [AGENT]))
    await world.calls.write([before])
    private = replace(before, outcome=Outcome.REMOVED_PRIVATE, found_by=frozenset(), phone_call_id=None)
    await world.calls.write([private], before={before.call_id: before})
    assert (await world.history(call_id(0)))[1]["outcome"] == "removed-private"
    assert await world.found(number=NUMBER) == await world.found(agent=AGENT) == []
