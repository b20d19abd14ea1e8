"""The Dataverse client over HTTP against the simulator, a process of its own that shares no code with it."""

import asyncio
import json
from uuid import UUID, uuid5

import httpx
import pytest

from shared import retry
from shared.dataverse.client import DataverseClient, count_requests
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import DeniedError, NotFoundError, RejectedError, UnavailableError
from shared.dataverse.odata import Query, eq, is_in
from shared.dataverse.tables import CONTACT, SHIFT_PLAN, JsonRow
from tests.integration.tokens import Tokens

PLANS = Query(table=SHIFT_PLAN, select=("msdyn_name",))


def fault(control: httpx.Client, **rule: object) -> None:
    assert control.post("faults", json=[rule]).is_success


def plans(count: int) -> list[JsonRow]:
    ids = [uuid5(UUID(int=0), str(number)) for number in range(count)]
    return [SHIFT_PLAN.row(key, {"msdyn_name": f"Plan {number}"}) for number, key in enumerate(ids)]


async def names(dataverse: DataverseClient) -> list[str]:
    return sorted(row["msdyn_name"] for row in await dataverse.query(PLANS))


async def test_many_questions_cost_one_request(dataverse: DataverseClient) -> None:
    question = Query(table=CONTACT, select=("fullname",), where=is_in("mobilephone", ["+358504545641"]))
    with count_requests() as meter:
        answers = await dataverse.query_many([question] * 3)
    assert [[row["fullname"] for row in rows] for rows in answers] == [["Elina Korhonen"]] * 3
    assert meter.requests == 1


async def test_all_pages_are_read(dataverse: DataverseClient) -> None:
    await dataverse.upsert_many(SHIFT_PLAN, plans(5001))
    with count_requests() as meter:
        assert len(await dataverse.query(PLANS)) == 5001
    assert meter.requests == 2


async def test_thousand_rows_need_four_requests_and_may_be_written_again(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    with count_requests() as meter:
        outcome = await dataverse.upsert_many(SHIFT_PLAN, plans(1000))
    assert (outcome.written, outcome.failures, meter.requests) == (1000, [], 4)
    await dataverse.upsert_many(SHIFT_PLAN, plans(1000))
    assert len(await names(dataverse)) == 1000


async def test_bad_rows_stand_alone_and_cost_no_good_one(dataverse: DataverseClient) -> None:
    rows = plans(300)
    for number in (7, 255):
        rows[number]["msdyn_name"] = "x" * 101
    outcome = await dataverse.upsert_many(SHIFT_PLAN, rows)
    assert sorted(failure.row_id for failure in outcome.failures) == sorted(
        rows[number]["msdyn_shiftplanid"] for number in (7, 255)
    )
    assert all(isinstance(failure.error, RejectedError) for failure in outcome.failures)
    assert (outcome.written, len(await names(dataverse))) == (298, 298)


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 429, "code": "0x80072322", "message": "limit", "retryAfter": 1},
        {"status": 503, "message": "busy"},
        {"status": 500, "code": "0x80044151", "message": "SQL timeout"},
        {"drop": "before"},
        {"drop": "after"},
        {"garble": True},
        {"html": True},
    ],
    ids=lambda rule: "-".join(map(str, rule.items())),
)
async def test_a_passing_failure_is_repeated_until_it_has_passed(
    dataverse: DataverseClient, control: httpx.Client, rule: dict[str, object]
) -> None:
    fault(control, match={"method": "POST"}, count=2, **rule)
    outcome = await dataverse.upsert_many(SHIFT_PLAN, plans(3))
    assert (outcome.written, outcome.failures) == (3, [])
    assert await names(dataverse) == ["Plan 0", "Plan 1", "Plan 2"]


async def test_a_lasting_failure_is_raised_without_the_url(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.001)
    fault(control, match={"method": "POST"}, drop="before")
    with pytest.raises(UnavailableError) as raised, count_requests() as meter:
        await dataverse.query(Query(table=CONTACT, select=("fullname",), where=eq("mobilephone", "+358504545641")))
    assert meter.requests == retry.MAX_ATTEMPTS
    assert "358" not in str(raised.value)


async def test_one_throttled_request_slows_all_of_the_process(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    fault(control, match={"method": "POST"}, count=1, status=429, code="0x80072326", message="52", retryAfter=1)
    started = asyncio.get_running_loop().time()
    with count_requests() as meter:
        await dataverse.query(PLANS)
    assert asyncio.get_running_loop().time() - started >= 1
    assert meter.requests == 2


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


async def test_a_bind_to_a_missing_row_is_not_found(dataverse: DataverseClient) -> None:
    contact = CONTACT.row(UUID(int=9), {}, {"parentcustomerid_account": UUID(int=8)})
    (failure,) = (await dataverse.upsert_many(CONTACT, [contact])).failures
    assert isinstance(failure.error, NotFoundError)


async def test_a_next_page_elsewhere_is_not_followed(tokens: Tokens) -> None:
    page = {"value": [], "@odata.nextLink": "https://evil.example/api/data/v9.2/contacts?$skiptoken=1"}
    head = "--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    body = f"{head}{json.dumps(page)}\r\n--r--\r\n"

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "org.example"
        return httpx.Response(200, content=body, headers={"Content-Type": "multipart/mixed; boundary=r"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        client = DataverseClient("https://org.example", TokenCache(tokens.fetch), http)
        with pytest.raises(UnavailableError, match="outside"):
            await client.query(PLANS)
