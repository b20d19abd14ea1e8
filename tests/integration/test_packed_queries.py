"""Thousands of small queries in few requests: packed by size, halved when too much, each with all of its pages."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from shared import retry
from shared.dataverse import packed, transport
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import DeniedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata import Query, eq, is_in
from shared.dataverse.tables import CONTACT, SHIFT_PLAN, JsonRow
from tests.integration.test_dataverse_client import fault, plan_id, plans, plant, requests_seen, server

ALL = Query(table=SHIFT_PLAN, select=("msdyn_name",))


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


def plan(number: int) -> Query:
    return Query(table=SHIFT_PLAN, select=("msdyn_name",), where=eq("msdyn_shiftplanid", plan_id(number)))


def peak_in_flight(control: httpx.Client) -> int:
    return int(control.get("stats").json()["peakInFlight"])


def names(answers: list[list[JsonRow]]) -> list[list[str]]:
    return [[row["msdyn_name"] for row in rows] for rows in answers]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (2500, 3)])
async def test_a_thousand_questions_share_a_request(
    dataverse: DataverseClient, control: httpx.Client, count: int, requests: int
) -> None:
    plant(control, plans(30))
    before = requests_seen(control)
    with count_requests() as meter:
        answers = await dataverse.query_packed([plan(number) for number in range(count)])
    assert names(answers) == [[f"Plan {number}"] if number < 30 else [] for number in range(count)]
    assert requests_seen(control) - before == requests
    assert (meter.requests, meter.records) == (requests, min(30, count))


async def test_a_request_is_filled_up_to_its_size(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(control, plans(3))
    long = Query(table=SHIFT_PLAN, select=("msdyn_name",), where=is_in("msdyn_name", ["x" * 100] * 400))
    questions = [plan(0), long, plan(1), long, long, plan(2)]
    size = len(long.path())
    # A long question and a short one fit, two long ones do not; one that is longer than all goes by itself.
    for most, requests in ((size + 1500, 3), (10 * size, 1), (100, 6)):
        monkeypatch.setattr(packed, "BATCH_BYTES", most)
        before = requests_seen(control)
        answers = await dataverse.query_packed(questions)
        assert names(answers) == [["Plan 0"], [], ["Plan 1"], [], [], ["Plan 2"]]
        assert requests_seen(control) - before == requests


async def test_every_question_is_read_to_its_last_page(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(5200))
    answers = await dataverse.query_packed([plan(1), ALL, plan(2), ALL])
    assert [len(rows) for rows in answers] == [1, 5200, 1, 5200]
    assert len({row["msdyn_shiftplanid"] for row in answers[3]}) == 5200


PAGE = {"value": [{"contactid": str(UUID(int=1))}]}


def batch_answer(parts: int) -> web.Response:
    """So many answers in one."""
    head = "--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    text = "".join(f"{head}{json.dumps(PAGE)}\r\n" for _ in range(parts)) + "--r--\r\n"
    return web.Response(text=text, headers={"Content-Type": "multipart/mixed; boundary=r"})


@pytest.mark.parametrize("problem", ["too large", "too slow"])
async def test_what_is_too_much_at_once_goes_in_halves(monkeypatch: pytest.MonkeyPatch, problem: str) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 2000)
    sizes: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        count = (await request.text()).count("GET /api")
        sizes.append(count)
        if problem == "too slow" and count > 10:
            return web.Response(status=504)
        return batch_answer(count)

    async with server(answer) as client:
        if problem == "too slow":
            slow = transport.Transport.exchange

            async def exchange(self: Any, *arguments: Any) -> transport.Reply:
                reply = await slow(self, *arguments)
                if reply.status == 504:
                    raise transport.TimedOutError("no answer in time")
                return reply

            monkeypatch.setattr(transport.Transport, "exchange", exchange)
        question = Query(table=CONTACT, select=("fullname",))
        answers = await client.query_packed([question] * 40)
    assert answers == [PAGE["value"]] * 40
    assert sizes[0] == 40
    assert max(sizes[-4:]) <= 20


async def test_one_question_that_is_too_much_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 50)

    async def answer(request: web.Request) -> web.StreamResponse:
        return batch_answer((await request.text()).count("GET /api"))

    async with server(answer) as client:
        with pytest.raises(UnavailableError):
            await client.query_packed([Query(table=CONTACT, select=("fullname",))] * 4)


async def test_a_failure_of_a_few_is_repeated_for_them_alone(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(100))
    fault(control, scope="part", match={"method": "GET"}, count=3, status=503)
    before = requests_seen(control)
    answers = await dataverse.query_packed([plan(number) for number in range(100)])
    assert names(answers) == [[f"Plan {number}"] for number in range(100)]
    assert requests_seen(control) - before == 2


async def test_the_first_refusal_ends_it(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "BATCH_BYTES", 3000)
    fault(control, scope="part", match={"method": "GET"}, count=1, status=403)
    before = requests_seen(control)
    with pytest.raises(DeniedError):
        await dataverse.query_packed([plan(number) for number in range(1000)])
    assert requests_seen(control) - before < 20


async def test_few_requests_are_under_way_at_a_time(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "BATCH_BYTES", 3000)
    fault(control, delayMs=20)
    await dataverse.query_packed([plan(number) for number in range(400)])
    assert peak_in_flight(control) == packed.BATCHES_AT_ONCE
