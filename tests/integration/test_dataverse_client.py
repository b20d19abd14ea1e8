"""The Dataverse client over HTTP: against the simulator, which shares no code with it, and against hostile servers."""

import asyncio
import gzip
import json
import logging
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from local.stack.ports import DATAVERSE, free_ports
from shared import retry
from shared.clock import utc_now
from shared.dataverse import flow, transport
from shared.dataverse.bulk import WriteOutcome
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from shared.dataverse.definitions import Column, read_status_reasons, read_text_lengths
from shared.dataverse.errors import DeniedError, NotFoundError, RejectedError, UnavailableError
from shared.dataverse.meter import Wait, count_requests
from shared.dataverse.odata import Query, eq, in_chunks, is_in
from shared.dataverse.soap import EntityReference
from shared.dataverse.tables import CONTACT, INCIDENT, PHONE_CALL, SHIFT_PLAN, JsonRow, Table
from shared.http_exchange import Patience
from tests.integration.tokens import Tokens

PHONE = "+358504545641"
NAME = "Elina Korhonen"
PLANS = Query(table=SHIFT_PLAN, select=("msdyn_name",))
CALLER = Query(table=CONTACT, select=("fullname",), where=eq("mobilephone", PHONE))
FEW = 60


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a failure is waited for has tests of its own."""
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


def fault(control: httpx.Client, **rule: object) -> None:
    assert control.post("faults", json=[rule]).is_success


def calm(control: httpx.Client) -> None:
    assert control.delete("faults").is_success


def plant(control: httpx.Client, rows: list[JsonRow]) -> None:
    assert control.post("rows", json={SHIFT_PLAN.entity_set: rows}).is_success


def parts_seen(control: httpx.Client) -> int:
    return int(control.get("stats").json()["parts"]["total"])


def requests_seen(control: httpx.Client) -> int:
    return int(control.get("stats").json()["requests"]["total"])


def plan_id(number: int) -> UUID:
    return uuid5(UUID(int=0), str(number))


def plans(count: int, name: str = "Plan") -> list[JsonRow]:
    return [SHIFT_PLAN.row(plan_id(number), {"msdyn_name": f"{name} {number}"}) for number in range(count)]


def landed(control: httpx.Client, table: Table) -> list[JsonRow]:
    rows: list[JsonRow] = control.get("rows", params={"table": table.entity_set}).json()
    return rows


def stored(control: httpx.Client) -> dict[str, str]:
    """The names of the plans that landed, by their id."""
    return {row["msdyn_shiftplanid"]: row["msdyn_name"] for row in landed(control, SHIFT_PLAN)}


def names(count: int, name: str = "Plan") -> dict[str, str]:
    return {str(plan_id(number)): f"{name} {number}" for number in range(count)}


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[DataverseClient]:
    client = DataverseClient(url, TokenCache(Tokens().fetch))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def server(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[DataverseClient]:
    """A client of a server that answers whatever it likes."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", answer)
    # By its name: a cookie of an address made of numbers is dropped in any case.
    async with TestServer(app, host="localhost") as running, client_of(str(running.make_url("")).rstrip("/")) as client:
        yield client


def batch_of(page: object) -> web.Response:
    head = "--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    return web.Response(
        text=f"{head}{json.dumps(page)}\r\n--r--\r\n", headers={"Content-Type": "multipart/mixed; boundary=r"}
    )


# --------------------------------------------------------------------------------------------------- reading


async def test_many_questions_cost_one_request(dataverse: DataverseClient) -> None:
    question = Query(table=CONTACT, select=("fullname",), where=is_in("mobilephone", [PHONE]))
    with count_requests() as meter:
        answers = await dataverse.query_many([question] * 3)
    assert [[row["fullname"] for row in rows] for rows in answers] == [[NAME]] * 3
    assert (meter.requests, meter.records) == (1, 3)
    with count_requests() as meter:
        assert len(await dataverse.query_many([question] * 41)) == 41
    assert meter.requests == 3


async def test_all_pages_are_read(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(5001))
    with count_requests() as meter:
        assert len(await dataverse.query(PLANS)) == 5001
    assert (meter.requests, meter.records) == (2, 5001)


async def test_rows_come_page_by_page(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(95))
    with count_requests() as meter:
        rows = dataverse.rows(PLANS, page_size=20)
        seen = [(await anext(rows))["msdyn_name"]]
        assert meter.requests == 1
        seen += [row["msdyn_name"] async for row in rows]
    assert sorted(seen) == sorted(names(95).values())
    assert (meter.requests, meter.records) == (5, 95)


async def test_a_question_too_long_for_a_url_goes_inside_a_batch(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    await dataverse.upsert_many(SHIFT_PLAN, plans(30))
    many = [plan_id(number) for number in range(900)]
    question = Query(table=SHIFT_PLAN, select=("msdyn_name",), where=is_in("msdyn_shiftplanid", many))
    before = parts_seen(control)
    rows = [row async for row in dataverse.rows(question, page_size=10)]
    assert len(rows) == 30
    assert parts_seen(control) > before


def plan_queries(count: int, a_query: int) -> Iterator[Query]:
    """Questions for so many plans, with so many ids in each."""
    for condition in in_chunks("msdyn_shiftplanid", map(plan_id, range(count)), most_values=a_query):
        yield Query(table=SHIFT_PLAN, select=("msdyn_name",), where=condition)


async def test_the_pages_of_many_queries_share_requests(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(1600))
    requests, parts = requests_seen(control), parts_seen(control)
    with count_requests() as meter:
        found = [row async for page in dataverse.pages(plan_queries(1600, 100), page_size=20) for row in page]
    assert sorted(row["msdyn_name"] for row in found) == sorted(names(1600).values())
    assert parts_seen(control) - parts == 80
    assert requests_seen(control) - requests == meter.requests <= 22
    assert meter.records == 1600


async def test_pages_are_as_large_as_dataverse_makes_them(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(5001))
    sizes = [len(page) async for page in dataverse.pages([PLANS])]
    assert sizes == [5000, 1]


async def test_500_ids_fit_into_each_part_of_a_batch(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(2000))
    with count_requests() as meter:
        pages = [len(page) async for page in dataverse.pages(plan_queries(2000, 500), page_size=300)]
    assert sum(pages) == 2000
    assert meter.requests == 2


async def test_pages_may_be_left_early(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, plans(1600))
    async with aclosing(dataverse.pages(plan_queries(1600, 100), page_size=20)) as pages:
        assert len(await anext(pages)) == 20
    requests = requests_seen(control)
    assert len(asyncio.all_tasks()) == 1
    # The connections whose requests were given up are gone; the next call opens its own.
    assert len(await dataverse.query(PLANS)) == 1600
    assert requests_seen(control) == requests + 1 <= 5


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/data/v9.2/msdyn_shiftplans?$skiptoken=1",
        "http://evil.example/api/data/v9.2/msdyn_shiftplans?$skiptoken=1",
        "{origin}@evil.example/api/data/v9.2/msdyn_shiftplans",
        "{origin}.evil.example/api/data/v9.2/msdyn_shiftplans",
        "{origin}/elsewhere/msdyn_shiftplans",
        "//evil.example/api/data/v9.2/msdyn_shiftplans",
        "/api/data/v9.2/msdyn_shiftplans?$skiptoken=1",
        7,
    ],
)
async def test_a_next_page_elsewhere_is_not_followed(link: object) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        own = str(request.url.origin())
        return batch_of(
            {"value": [], "@odata.nextLink": link.replace("{origin}", own) if isinstance(link, str) else link}
        )

    async with server(answer) as client:
        with pytest.raises(UnavailableError):
            await client.query(PLANS)
    assert asked == ["/api/data/v9.2/$batch"]


async def test_a_next_link_is_followed_byte_for_byte() -> None:
    asked: list[str] = []
    link = "/api/data/v9.2/msdyn_shiftplans?$select=msdyn_name&$skiptoken=%3Ccookie%20page='2'+%2B%253d/%3E&a=b%7E"

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        if len(asked) == 1:
            return batch_of({"value": [{"n": 1}], "@odata.nextLink": f"{request.url.origin()}{link}"})
        return web.json_response({"value": [{"n": 2}]})

    async with server(answer) as client:
        assert await client.query(PLANS) == [{"n": 1}, {"n": 2}]
    assert asked[1] == link


async def test_pages_in_a_circle_are_noticed() -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        page = {"value": [{}], "@odata.nextLink": f"{request.url.origin()}/api/data/v9.2/plans?$skiptoken={asked % 3}"}
        return batch_of(page) if request.method == "POST" else web.json_response(page)

    async with server(answer) as client:
        with pytest.raises(UnavailableError, match="circle"):
            await client.query(PLANS)
    assert asked <= 5


# ------------------------------------------------------------------------------------------- answers that are none


def _page(body: bytes, content_type: str = "application/json", encoding: str = "identity") -> web.Response:
    return web.Response(body=body, headers={"Content-Type": content_type, "Content-Encoding": encoding})


@pytest.mark.parametrize(
    "reply",
    [
        lambda: _page(b"<html>Sign in</html>", "text/html"),
        lambda: _page(b'{"value": [', "application/json"),
        lambda: _page(b"\xff\xfe", "application/json"),
        lambda: _page(b'{"value": {}}'),
        lambda: _page(b"[]"),
        lambda: _page(b""),
        lambda: _page(b"--r\r\n", "multipart/mixed; boundary=r"),
        lambda: web.Response(status=302, headers={"Location": "https://login.example/"}),
        lambda: _page(b"not gzip", encoding="gzip"),
        lambda: _page(gzip.compress(b'{"value": [' + b" " * 2**21 + b"]}"), encoding="gzip"),
    ],
    ids=["html", "cut", "binary", "no-rows", "a-list", "nothing", "no-parts", "redirect", "no-gzip", "bomb"],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(
    reply: Callable[[], web.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 2**20)

    async def answer(request: web.Request) -> web.Response:
        return reply()

    async with server(answer) as client:
        with pytest.raises(UnavailableError):
            await client.query(PLANS)
        with pytest.raises(UnavailableError):
            [row async for row in client.rows(PLANS)]


async def test_a_redirect_has_written_nothing_and_is_not_followed() -> None:
    asked: set[str] = set()

    async def answer(request: web.Request) -> web.Response:
        asked.add(request.path)
        if request.path == "/sign-in":
            return web.Response(status=204)
        return web.Response(status=302, headers={"Location": "/sign-in"})

    async with server(answer) as client:
        with pytest.raises(UnavailableError):
            await client.upsert_many(SHIFT_PLAN, plans(3))
    assert len(asked) == 1
    assert "/sign-in" not in asked


async def test_cookies_are_not_sent_back() -> None:
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        response = web.json_response({"value": []})
        response.set_cookie("ARRAffinity", "one-web-server")
        return response

    async with server(answer) as client:
        for _ in range(3):
            assert [row async for row in client.rows(PLANS)] == []
    assert cookies == [None] * 3


# --------------------------------------------------------------------------------------------------- writing


async def test_a_thousand_rows_need_few_requests_and_may_be_written_again(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    with count_requests() as meter:
        outcome = await dataverse.upsert_many(SHIFT_PLAN, plans(1000))
    assert outcome == WriteOutcome(written=1000)
    assert (meter.requests <= 10, meter.records) == (True, 1000)
    await dataverse.upsert_many(SHIFT_PLAN, plans(1000, "Again"))
    assert stored(control) == names(1000, "Again")


async def test_bad_rows_stand_alone_and_cost_no_good_one(dataverse: DataverseClient, control: httpx.Client) -> None:
    rows = plans(300)
    bad = [7, 255]
    for number in bad:
        rows[number]["msdyn_name"] = "x" * 101
    outcome = await dataverse.upsert_many(SHIFT_PLAN, rows)
    assert sorted(failure.row_id for failure in outcome.failures) == sorted(str(plan_id(number)) for number in bad)
    assert all(isinstance(failure.error, RejectedError) for failure in outcome.failures)
    assert outcome.written == len(stored(control)) == 298


async def test_a_column_that_does_not_exist_fails_every_row_in_few_requests(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    rows = [{**row, "msdyn_nosuch": 1} for row in plans(1000)]
    with count_requests() as meter:
        outcome = await dataverse.upsert_many(SHIFT_PLAN, rows)
    assert (outcome.written, len(outcome.failures), stored(control)) == (0, 1000, {})
    assert meter.requests <= 50


async def test_a_table_without_bulk_messages_is_written_in_batches(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    calls = [PHONE_CALL.row(plan_id(number), {"subject": f"Call {number}"}) for number in range(150)]
    outcome = await dataverse.upsert_many(PHONE_CALL, calls)
    assert outcome == WriteOutcome(written=150)
    assert {row["subject"] for row in landed(control, PHONE_CALL)} == {f"Call {number}" for number in range(150)}
    assert parts_seen(control) == 150


async def test_creating_keeps_what_a_user_edited(dataverse: DataverseClient, control: httpx.Client) -> None:
    await dataverse.create_many(SHIFT_PLAN, plans(5))
    await dataverse.update_many(SHIFT_PLAN, [SHIFT_PLAN.row(plan_id(2), {"msdyn_name": "Edited"})])
    outcome = await dataverse.create_many(SHIFT_PLAN, plans(FEW))
    assert (outcome.written, outcome.failures) == (FEW - 5, [])
    assert sorted(outcome.done_before) == sorted(str(plan_id(number)) for number in range(5))
    assert stored(control) == {**names(FEW), str(plan_id(2)): "Edited"}


async def test_updating_brings_nothing_back(dataverse: DataverseClient, control: httpx.Client) -> None:
    await dataverse.upsert_many(SHIFT_PLAN, plans(FEW))
    deleted = await dataverse.delete_many(SHIFT_PLAN, [plan_id(3)])
    assert deleted == WriteOutcome(written=1)
    outcome = await dataverse.update_many(SHIFT_PLAN, plans(FEW, "New"))
    assert (outcome.written, [failure.row_id for failure in outcome.failures]) == (FEW - 1, [str(plan_id(3))])
    assert isinstance(outcome.failures[0].error, NotFoundError)
    expected = names(FEW, "New")
    del expected[str(plan_id(3))]
    assert stored(control) == expected


async def test_deleting_what_is_gone_is_done(dataverse: DataverseClient, control: httpx.Client) -> None:
    await dataverse.upsert_many(SHIFT_PLAN, plans(3))
    outcome = await dataverse.delete_many(SHIFT_PLAN, [plan_id(number) for number in range(5)])
    assert (outcome.written, outcome.failures, stored(control)) == (3, [], {})
    assert sorted(outcome.done_before) == sorted(str(plan_id(number)) for number in (3, 4))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["iterator", "async-iterator"])
async def test_rows_to_delete_may_come_as_they_are_read(
    dataverse: DataverseClient, control: httpx.Client, *, asynchronous: bool
) -> None:
    plant(control, plans(1000))

    async def read() -> AsyncIterator[UUID]:
        async for page in dataverse.pages(plan_queries(800, 200), page_size=50):
            for row in page:
                yield UUID(row["msdyn_shiftplanid"])

    told: list[int] = []
    ids = read() if asynchronous else (plan_id(number) for number in range(800))
    assert await dataverse.delete_many(SHIFT_PLAN, ids, progress=told.append) == WriteOutcome(written=800)
    assert told == sorted(told)
    assert told[-1] == 800
    assert len(stored(control)) == 200


async def test_a_bind_to_a_missing_row_is_not_found(dataverse: DataverseClient) -> None:
    contact = CONTACT.row(UUID(int=9), {}, {"parentcustomerid_account": UUID(int=8)})
    (failure,) = (await dataverse.upsert_many(CONTACT, [contact])).failures
    assert isinstance(failure.error, NotFoundError)


# ------------------------------------------------------------------------------------------------ passing failures

WHOLE = [
    {"status": 429, "code": "0x80072322", "message": "limit", "retryAfter": 1},
    {"status": 503, "message": "busy"},
    {"status": 500, "code": "0x80044151", "message": "SQL timeout"},
    {"drop": "before"},
    {"drop": "after"},
    {"garble": True},
    {"html": True},
]
PARTS = [
    {"status": 429, "code": "0x80072321", "message": "limit", "retryAfter": 1},
    {"status": 503, "message": "busy"},
    {"status": 500, "code": "0x80044151", "message": "SQL timeout"},
]


def rule_name(rule: object) -> str:
    return (
        "-".join(f"{key}-{value}" for key, value in rule.items() if key != "message") if isinstance(rule, dict) else ""
    )


@pytest.mark.parametrize("rule", WHOLE, ids=rule_name)
@pytest.mark.parametrize("write", ["upsert_many", "create_many"])
async def test_a_passing_failure_is_repeated_until_it_has_passed(
    dataverse: DataverseClient, control: httpx.Client, write: str, rule: dict[str, object]
) -> None:
    times = 1 if rule.get("status") == 429 else 2
    fault(control, match={"method": "POST"}, count=times, **rule)
    with count_requests() as meter:
        outcome = await getattr(dataverse, write)(SHIFT_PLAN, plans(FEW))
    assert stored(control) == names(FEW)
    # Who lost an answer cannot know which rows it told of; nothing else is vague.
    vague = write == "create_many" and ("drop" in rule or "garble" in rule)
    assert (outcome.written + len(outcome.done_before), outcome.failures) == (FEW, [])
    assert vague or outcome.done_before == []
    if "garble" in rule and write == "upsert_many":
        times = 0  # its answer has no body that could be garbled
    assert (meter.requests, meter.retries.total()) == (1 + times, times)


@pytest.mark.parametrize("rule", PARTS, ids=rule_name)
@pytest.mark.parametrize("write", ["create_many", "delete_many"])
async def test_a_part_that_fails_is_repeated_alone(
    dataverse: DataverseClient, control: httpx.Client, write: str, rule: dict[str, object]
) -> None:
    if write == "delete_many":
        await dataverse.upsert_many(SHIFT_PLAN, plans(FEW))
    fault(control, scope="part", count=7, **rule)
    rows = [plan_id(number) for number in range(FEW)] if write == "delete_many" else plans(FEW)
    outcome = await getattr(dataverse, write)(SHIFT_PLAN, rows)
    assert outcome == WriteOutcome(written=FEW)
    assert stored(control) == ({} if write == "delete_many" else names(FEW))


@pytest.mark.parametrize("rule", [*WHOLE, *[{"scope": "part", **rule} for rule in PARTS]], ids=rule_name)
async def test_no_row_is_lost_or_read_twice_when_pages_are_asked_for_again(
    dataverse: DataverseClient, control: httpx.Client, rule: dict[str, object]
) -> None:
    plant(control, plans(400))
    fault(control, **({} if "scope" in rule else {"match": {"method": "POST"}}), count=2, **rule)
    with count_requests() as meter:
        found = [row async for page in dataverse.pages(plan_queries(400, 50), page_size=10) for row in page]
    assert sorted(row["msdyn_name"] for row in found) == sorted(names(400).values())
    assert 10 < meter.requests <= 14
    assert meter.records == 400


async def test_pages_too_large_for_one_answer_come_one_by_one(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 2**15)
    plant(control, plans(800))
    with count_requests() as meter:
        found = [row async for page in dataverse.pages(plan_queries(800, 100), page_size=100) for row in page]
    assert sorted(row["msdyn_name"] for row in found) == sorted(names(800).values())
    # Each page by itself, and before that one or two requests for several, as many as leave before the first answer.
    assert 8 < meter.requests <= 10


async def test_a_lasting_failure_is_raised_without_what_was_asked(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, match={"method": "POST"}, drop="before")
    with pytest.raises(UnavailableError) as raised, count_requests() as meter:
        await dataverse.query(CALLER)
    assert meter.requests == retry.MAX_ATTEMPTS
    assert "358" not in repr(raised.value)


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 400, "code": "0x80040203", "message": f"no caller {PHONE}, {NAME}"},
        {"status": 403, "code": "0x80040220", "message": f"{NAME} may not"},
        {"status": 503, "message": f"{PHONE} is busy"},
        {"html": True},
        {"garble": True},
        {"drop": "before"},
    ],
    ids=rule_name,
)
async def test_no_number_and_no_name_reaches_a_log_or_an_error(
    dataverse: DataverseClient, control: httpx.Client, caplog: pytest.LogCaptureFixture, rule: dict[str, object]
) -> None:
    caplog.set_level(logging.DEBUG)
    rows = [CONTACT.row(UUID(int=number), {"mobilephone": PHONE, "lastname": NAME}) for number in range(3)]
    await dataverse.upsert_many(CONTACT, rows)
    [row async for row in dataverse.rows(CALLER)]
    fault(control, **rule)
    texts = []
    for work in (dataverse.query(CALLER), anext(dataverse.rows(CALLER)), dataverse.upsert_many(CONTACT, rows)):
        try:
            outcome = await work
        except (UnavailableError, DeniedError, RejectedError) as error:
            texts += [str(error), repr(error), repr(error.__cause__)]
        else:
            assert isinstance(outcome, WriteOutcome)
            texts += [str(failure.error) for failure in outcome.failures]
    assert texts
    own = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    for text in [*texts, *(f"{record.getMessage()} {record.__dict__}" for record in own)]:
        assert "4545641" not in text
        assert "Korhonen" not in text


# ---------------------------------------------------------------------------------------------- token and traffic


async def test_one_throttled_request_slows_all_of_the_process(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, match={"method": "POST"}, count=1, status=429, code="0x80072322", message="6000", retryAfter=1)
    started = time.perf_counter()
    await asyncio.gather(dataverse.query(PLANS), _later(0.2, dataverse.query(PLANS)))
    assert 1 <= time.perf_counter() - started < 2
    assert requests_seen(control) == 3
    meter = dataverse.meter
    assert meter.retries == {"ThrottledError": 1}
    assert meter.waits[Wait.THROTTLED] == pytest.approx(1.8, abs=0.3)


async def _later[T](seconds: float, work: Awaitable[T]) -> T:
    await asyncio.sleep(seconds)
    return await work


async def test_fifty_callers_share_one_token(dataverse: DataverseClient, tokens: Tokens) -> None:
    await asyncio.gather(*(dataverse.query(PLANS) for _ in range(50)))
    assert tokens.fetched == 1


async def test_a_refused_token_is_renewed_once(
    dataverse: DataverseClient, control: httpx.Client, tokens: Tokens
) -> None:
    fault(control, match={"method": "POST"}, count=1, status=401, message="expired")
    await dataverse.query(PLANS)
    assert tokens.fetched == 2
    fault(control, match={"method": "POST"}, status=401, message="unknown user")
    with pytest.raises(DeniedError):
        await dataverse.query(PLANS)
    assert tokens.fetched == 3


async def test_a_token_refused_to_a_whole_import_is_renewed_once(
    dataverse: DataverseClient, control: httpx.Client, tokens: Tokens
) -> None:
    await dataverse.query(PLANS)
    # Late enough that four requests are under way with the old token, however slow the machine.
    fault(control, match={"method": "POST"}, count=4, status=401, message="expired", delayMs=400)
    assert await dataverse.upsert_many(SHIFT_PLAN, plans(400)) == WriteOutcome(written=400)
    assert stored(control) == names(400)
    assert tokens.fetched == 2


async def test_counts_may_be_nested(dataverse: DataverseClient) -> None:
    with count_requests() as outer:
        await dataverse.query(PLANS)
        with count_requests() as inner:
            await dataverse.upsert_many(SHIFT_PLAN, plans(3))
        await asyncio.create_task(_later(0, dataverse.query(PLANS)))
    assert (outer.requests, inner.requests, inner.records) == (3, 1, 3)
    assert dataverse.meter.requests == 3
    assert set(outer.operations) == {"query msdyn_shiftplan", "upsert msdyn_shiftplan"}


# ------------------------------------------------------------------------------------------------------ messages


async def test_an_action_with_a_lost_answer_is_not_sent_twice(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, match={"method": "POST"}, drop="after")
    with pytest.raises(UnavailableError):
        await dataverse.act("AddToQueue", {}, bound_to=(CONTACT, UUID(int=1)))
    assert requests_seen(control) == 1
    with pytest.raises(UnavailableError):
        await dataverse.act("AddToQueue", {}, bound_to=(CONTACT, UUID(int=1)), repeatable=True)
    assert requests_seen(control) == 1 + retry.MAX_ATTEMPTS


async def test_an_action_that_was_throttled_is_sent_again(dataverse: DataverseClient, control: httpx.Client) -> None:
    fault(control, count=1, status=429, code="0x80072322", message="6000", retryAfter=1)
    with pytest.raises(RejectedError):
        await dataverse.act("NoSuchAction", {})
    assert requests_seen(control) == 2


async def test_an_action_goes_again_where_no_connection_came_about() -> None:
    port = free_ports()[DATAVERSE.variable]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnavailableError, match="no connection"), count_requests() as meter:
            await client.act("AddToQueue", {})
        assert meter.requests == retry.MAX_ATTEMPTS


async def test_an_organization_request_answers_typed_values(dataverse: DataverseClient, control: httpx.Client) -> None:
    fault(control, count=2, status=503, message="busy")
    answer = await dataverse.execute("WhoAmI", {}, repeatable=True)
    assert isinstance(answer["UserId"], UUID)
    assert dataverse.meter.operations["execute WhoAmI"].requests == 3


async def test_the_fault_of_an_organization_request_is_the_same_error(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    group = EntityReference("msdyn_requirementgroup", UUID(int=7))
    search = "msdyn_SearchResourceAvailabilityForRequirementGroup"
    with pytest.raises(NotFoundError) as raised:
        await dataverse.execute(search, {"Version": "1", "RequirementGroup": group})
    assert (raised.value.code, requests_seen(control)) == ("0x80040217", 1)
    fault(control, count=1, status=429, code="0x80072322", message="limit", retryAfter=1)
    assert (await dataverse.execute("WhoAmI", {}))["UserId"]


async def test_an_organization_request_with_a_lost_answer_is_not_sent_twice(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, drop="after")
    with pytest.raises(UnavailableError):
        await dataverse.execute("WhoAmI", {})
    assert requests_seen(control) == 1


# ----------------------------------------------------------------------------------------------------- deadlines


async def test_who_cannot_wait_hears_in_time_and_then_is_not_kept_waiting(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, delayMs=4000)
    for _ in range(flow.Breaker.FAILURES):
        started = time.perf_counter()
        with pytest.raises(UnavailableError):
            await dataverse.query(CALLER, within=0.1)
        assert 0.1 <= time.perf_counter() - started < 1.0
    asked = requests_seen(control)
    started = time.perf_counter()
    with pytest.raises(UnavailableError):
        await dataverse.query(CALLER, within=3.0)
    assert time.perf_counter() - started < 0.5
    assert requests_seen(control) == asked
    calm(control)
    # Who can wait asks all the same, and its answer opens the door for everybody.
    assert await dataverse.query(CALLER)
    assert await dataverse.query(CALLER, within=1.0)


async def test_probes_tell_when_dataverse_is_back(dataverse: DataverseClient, control: httpx.Client) -> None:
    assert (dataverse.breaker_state, dataverse.breaker_since) == ("closed", None)
    fault(control, match={"path": "$batch"}, status=503)
    before = utc_now()
    for _ in range(flow.Breaker.FAILURES):
        with pytest.raises(UnavailableError):
            await dataverse.query(CALLER, within=0.2)
    assert dataverse.breaker_state == "open"
    assert dataverse.breaker_since is not None
    assert before <= dataverse.breaker_since <= utc_now()
    asked = requests_seen(control)
    await asyncio.sleep(2.5)
    assert dataverse.breaker_state == "open"
    assert requests_seen(control) == asked + 1
    calm(control)
    await asyncio.sleep(2)
    assert dataverse.breaker_state == "closed"
    assert dataverse.breaker_since is not None
    assert dataverse.breaker_since > before + timedelta(seconds=3)
    assert requests_seen(control) == asked + 2
    assert await dataverse.query(CALLER, within=1.0)


@pytest.mark.parametrize("how", ["drips", "is too large", "says how large it is", "is too large when unpacked"])
async def test_an_answer_without_end_costs_neither_time_nor_memory_and_its_connection_is_given_up(how: str) -> None:
    lost = asyncio.Event()
    connections: set[object] = set()
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        connections.add(request.transport)
        if len(connections) > 1:
            return batch_of({"value": []})
        response = web.StreamResponse(headers={"Content-Type": "multipart/mixed; boundary=r"})
        if how == "says how large it is":
            response.content_length = 50 * 2**20
        if how == "is too large when unpacked":
            response.enable_compression()
        await response.prepare(request)
        try:
            while sent < 50 * 2**20:
                await response.write(b"-" if how == "drips" else b"-" * 2**16)
                sent += 1 if how == "drips" else 2**16
                await asyncio.sleep(0.05 if how == "drips" else 0)
        except (ConnectionError, asyncio.CancelledError):
            lost.set()
            raise
        return response

    async with server(answer) as client:
        started = time.perf_counter()
        tracemalloc.start()
        try:
            with pytest.raises(UnavailableError):
                await client.query(CALLER, within=1.0)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.perf_counter() - started < 1.4
        assert most < 3 * transport.MAX_URGENT_REPLY_BYTES
        if how != "is too large when unpacked":  # all of it is on its way by then
            assert sent < 50 * 2**20
            async with asyncio.timeout(5):
                await lost.wait()
        assert await client.query(CALLER, within=1.0) == []
        assert len(connections) == 2


async def test_an_answer_that_drips_ends_for_who_can_wait_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_PATIENCE", Patience(connect=5, silent=5, whole=0.3))
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 1)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with server(answer) as client:
        with pytest.raises(transport.TimedOutError):
            await client.act("WhoAmI")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.query_many([CALLER, PLANS], within=0.2),
        lambda client: client.act("AddToQueue", {}, within=0.2),
        lambda client: client.execute("WhoAmI", {}, within=0.2),
        lambda client: client.upsert_many(SHIFT_PLAN, plans(3), within=0.2),
        lambda client: anext(client.rows(PLANS, within=0.2)),
    ],
    ids=["query", "act", "execute", "upsert", "rows"],
)
async def test_a_deadline_holds_for_every_call(
    dataverse: DataverseClient, control: httpx.Client, call: Callable[[DataverseClient], Awaitable[Any]]
) -> None:
    fault(control, delayMs=1500)
    started = time.perf_counter()
    with pytest.raises(UnavailableError):
        await call(dataverse)
    assert time.perf_counter() - started < 1.2


async def test_status_reasons_are_told_with_their_states(dataverse: DataverseClient, control: httpx.Client) -> None:
    assert await dataverse.status_reasons(PHONE_CALL) == {1: 0, 2: 1, 4: 1, 3: 2}


async def test_text_columns_are_told_with_their_lengths(dataverse: DataverseClient, control: httpx.Client) -> None:
    lengths = await dataverse.text_lengths(PHONE_CALL)
    assert {"subject": 200, "description": 2000}.items() <= lengths.items()
    assert "directioncode" not in lengths


def add_columns(control: httpx.Client, table: str, columns: dict[str, dict[str, Any]]) -> None:
    assert control.post("columns", json={table: {"attributes": columns}}).is_success


async def test_columns_are_told_with_what_they_hold(dataverse: DataverseClient, control: httpx.Client) -> None:
    options = [{"value": value, "label": str(value)} for value in (1, 7)]
    custom: dict[str, dict[str, Any]] = {
        "new_region": {"type": "Picklist", "options": options},
        "new_topics": {"type": "MultiSelectPicklist", "options": options},
        "new_due": {"type": "DateTime", "datetime_behavior": "DateOnly"},
        "new_code": {"type": "String", "max_length": 12, "valid_for_create": False},
        "new_site": {"type": "Lookup", "targets": ["account"]},
        "new_cost": {"type": "Money"},
    }
    add_columns(control, "incident", custom)
    before = dataverse.meter.requests
    columns = await dataverse.columns(INCIDENT)
    assert dataverse.meter.requests == before + 1
    assert {name: columns[name] for name in custom} == {
        "new_region": Column("new_region", "choice", None, frozenset({1, 7}), True),
        "new_topics": Column("new_topics", "choices", None, frozenset({1, 7}), True),
        "new_due": Column("new_due", "date", None, None, True),
        "new_code": Column("new_code", "text", 12, None, False),
        "new_site": Column("new_site", "lookup", None, None, True),
        "new_cost": Column("new_cost", "money", None, None, True),
    }
    assert columns["title"] == Column("title", "text", 200, None, True)
    assert columns["description"] == Column("description", "memo", 2000, None, True)
    assert columns["prioritycode"] == Column("prioritycode", "choice", None, frozenset({1, 2, 3}), True)
    assert columns["statecode"] == Column("statecode", "choice", None, frozenset({0, 1, 2}), False)
    assert columns["createdon"] == Column("createdon", "moment", None, None, False)
    assert {columns[name].kind for name in ("customerid", "ownerid", "subjectid")} == {"lookup"}
    assert (columns["routecase"].kind, columns["incidentid"].kind) == ("boolean", "guid")


@pytest.mark.parametrize("answer", [None, {"value": [{"LogicalName": "subject", "MaxLength": "long"}]}, {"value": [1]}])
def test_an_answer_about_text_columns_that_is_none_is_no_answer(answer: object) -> None:
    with pytest.raises(UnavailableError):
        read_text_lengths(answer)


@pytest.mark.parametrize("answer", [None, [], {"value": [{}]}, {"value": [{"OptionSet": {"Options": [{"Value": 1}]}}]}])
def test_an_answer_about_status_reasons_that_is_none_is_no_answer(answer: object) -> None:
    with pytest.raises(UnavailableError):
        read_status_reasons(answer)
