"""`powerplatform-dataverse-client`, asynchronous: chunks of a size given to `records.create`, so many at once."""

import asyncio
import time
from itertools import batched
from urllib.parse import quote

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from PowerPlatform.Dataverse.aio.async_client import AsyncDataverseClient

from benchmarks.callers import look_ups, queries_of
from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING, Row


class StaticCredential(AsyncTokenCredential):
    """A credential that costs nothing, so that the client alone is measured."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("benchmark", int(time.time()) + 3600)

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


async def _write(job: Job, meter: Meter) -> Result:
    chunks = list(batched(job_rows(job), job["chunk"], strict=False))
    slots = asyncio.Semaphore(job["width"])
    async with AsyncDataverseClient(job["url"], StaticCredential()) as client:

        async def create(chunk: tuple[Row, ...]) -> int:
            async with slots:
                return len(await client.records.create(BOOKING, list(chunk)))

        with meter.measured():
            done = await asyncio.gather(*(create(chunk) for chunk in chunks), return_exceptions=True)
    errors = [type(outcome).__name__ for outcome in done if isinstance(outcome, BaseException)]
    return {"written": sum(n for n in done if isinstance(n, int)), "error": errors[0] if errors else ""}


async def _look_up(job: Job, meter: Meter) -> Result:
    async with AsyncDataverseClient(job["url"], StaticCredential()) as client:

        async def ask(number: int) -> int:
            batch = client.batch.new()
            for query in queries_of(job, number):
                batch.records.list(
                    query["table"],
                    # It puts the filter into the batch as it is given, so a space would end the request line.
                    filter=quote(query["filter"]),
                    select=query["select"],
                    orderby=query["orderby"],
                    top=query["top"],
                )
            result = await batch.execute()
            return sum(len(response.data["value"]) if response.data else 0 for response in result.responses)

        return await look_ups(job, meter, ask)


if __name__ == "__main__":
    serve(
        {
            "write": lambda job, meter: asyncio.run(_write(job, meter)),
            "look_up": lambda job, meter: asyncio.run(_look_up(job, meter)),
        }
    )
