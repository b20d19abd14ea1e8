"""`dynamics-client`: one POST a row, or the bulk action put together by hand, so many at once in a task group."""

import asyncio
import os
from itertools import batched
from typing import Any

from dynamics.client.aio import DynamicsClient

from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING, BOOKINGS

# The simulator's token endpoint speaks plain http.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def _payloads(job: Job) -> tuple[str, list[dict[str, Any]]]:
    rows = job_rows(job)
    if job["mode"] == "single":
        return "", rows
    kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{BOOKING}"}
    chunks = batched(rows, job["chunk"], strict=False)
    return "Microsoft.Dynamics.CRM.UpsertMultiple", [{"Targets": [{**kind, **row} for row in part]} for part in chunks]


async def _write(job: Job, meter: Meter) -> Result:
    action, payloads = _payloads(job)
    client = DynamicsClient(
        api_url=f"{job['url']}/api/data/v9.2",
        token_url=f"{job['url']}/tenant/oauth2/v2.0/token",
        client_id="benchmark",
        client_secret="benchmark",  # noqa: S106 - the simulator takes any
        scope=f"{job['url']}/.default",
        cache_token=False,
        connection_timeout=None,
    )
    client.table, client.action = BOOKINGS, action
    slots = asyncio.Semaphore(job["width"])
    query = client.current_query

    async def post(payload: dict[str, Any]) -> int:
        async with slots:
            await client.post(payload, query=query)
            return len(payload["Targets"]) if action else 1

    # Without a token in hand each of the first requests would fetch one of its own.
    await client.get(query=f"{job['url']}/api/data/v9.2/WhoAmI")
    with meter.measured():
        done = await asyncio.gather(*map(post, payloads), return_exceptions=True)
    errors = [type(outcome).__name__ for outcome in done if isinstance(outcome, BaseException)]
    return {"written": sum(n for n in done if isinstance(n, int)), "error": errors[0] if errors else ""}


if __name__ == "__main__":
    serve({"write": lambda job, meter: asyncio.run(_write(job, meter))})
