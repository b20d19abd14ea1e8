"""Our client, opened as the app opens it and told nothing: no width, no chunk size, no limit."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp

from benchmarks.callers import look_ups
from benchmarks.contact_centre import POOL, caller, expected
from benchmarks.process import Job, Meter, Result, job_rows, peak_memory_mb, serve
from benchmarks.routing_questions import BATCH_TYPE, KnownDocuments, NoIndex, batch_of
from benchmarks.rows import bookings
from functions.smart_routing.decide.answers import Forward
from functions.smart_routing.messages import read_request
from functions.smart_routing.use_case import SmartRouting
from shared.customers import CustomerColumns, CustomerMatching, customer_questions, find_customer
from shared.dataverse.client import DataverseClient, open_client
from shared.dataverse.tables import BOOKING
from shared.gateways import Gateways, open_gateways
from shared.settings import DataverseAuth, Settings, read_settings


@asynccontextmanager
async def _opened(job: Job) -> AsyncIterator[DataverseClient]:
    client = open_client(
        Settings(
            dataverse_url=job["url"],
            dataverse_auth=DataverseAuth.DEVELOPMENT,
            AzureWebJobsStorage="UseDevelopmentStorage=true",
        )
    )
    try:
        yield client
    finally:
        await client.close()


async def _write(job: Job, meter: Meter) -> Result:
    rows = job_rows(job)
    async with _opened(job) as client:
        with meter.measured():
            outcome = await client.upsert_many(BOOKING, rows)
    return {"written": outcome.written, "failed": [failure.row_id for failure in outcome.failures]}


async def _stream(job: Job, meter: Meter) -> Result:
    """Writes rows that are made while they are written, in a process that has loaded the whole app."""
    gateways = _load_app(job["url"])
    loaded_mb = peak_memory_mb()
    with meter.measured():
        outcome = await gateways.dataverse.upsert_many(BOOKING, bookings(job["rows"]))
    await gateways.dataverse.close()
    return {"written": outcome.written, "failed": len(outcome.failures), "loaded_mb": loaded_mb}


def _load_app(url: str) -> Gateways:
    os.environ.update(
        DATAVERSE_URL=url,
        DATAVERSE_AUTH="development",
        AzureWebJobsStorage="UseDevelopmentStorage=true",
        ROUTING_KEY_CURRENT="benchmark-routing-key-current-0001",
    )
    import function_app

    assert function_app.app is not None
    return open_gateways(read_settings())


async def _look_up(job: Job, meter: Meter) -> Result:
    """The app's whole way from a number to its customer, or the client's part alone: finished questions, answers."""
    matching = CustomerMatching.model_validate({"defaultRegion": job["region"]})
    numbers = job["numbers"]
    questions = [list(customer_questions(number, matching, CustomerColumns()).values()) for number in numbers]
    async with _opened(job) as client:

        async def find(number: int) -> int:
            match = await find_customer(client, numbers[number % len(numbers)], matching, CustomerColumns())
            return int(match.row is not None)

        async def ask(number: int) -> int:
            return sum(map(len, await client.query_many(questions[number % len(questions)])))

        return await look_ups(job, meter, ask if job.get("mode") == "questions" else find)


async def _route(job: Job, meter: Meter) -> Result:
    """Decisions one after the other as the trigger makes them, each about another customer."""
    bodies = [json.dumps({"anum": caller(number), "bnum": POOL}).encode() for number in range(job["calls"])]
    async with _opened(job) as client:
        routing = SmartRouting(
            documents=KnownDocuments(),
            dynamics=client,
            numbers=NoIndex(),
            now=lambda: datetime.now(UTC),
            deadline_seconds=5,
            cache_seconds=0,
        )
        await routing.route(read_request(bodies[0]))
        wrong = 0
        with meter.measured():
            for number, body in enumerate(bodies):
                decision = await routing.route(read_request(body))
                wrong += (decision.target if isinstance(decision, Forward) else None) != expected(number)
    return {"wrong": wrong}


async def _send_alone(job: Job, meter: Meter) -> Result:
    """The requests of the same decisions, sent by aiohttp and read."""
    requests = [batch_of(number) for number in range(job["calls"])]
    url, headers = (
        f"{job['url']}/api/data/v9.2/$batch",
        {"Authorization": "Bearer benchmark", "Content-Type": BATCH_TYPE},
    )
    unanswered = 0
    async with aiohttp.ClientSession(headers=headers) as http:

        async def send(body: bytes, answers: int) -> bool:
            async with http.post(url, data=body) as answer:
                return (await answer.read()).count(b"HTTP/1.1 200") == answers

        await send(*requests[0])
        with meter.measured():
            for body, answers in requests:
                unanswered += not await send(body, answers)
    return {"wrong": unanswered}


if __name__ == "__main__":
    serve(
        {
            "write": lambda job, meter: asyncio.run(_write(job, meter)),
            "stream": lambda job, meter: asyncio.run(_stream(job, meter)),
            "look_up": lambda job, meter: asyncio.run(_look_up(job, meter)),
            "route": lambda job, meter: asyncio.run(_route(job, meter)),
            "send_alone": lambda job, meter: asyncio.run(_send_alone(job, meter)),
        }
    )
