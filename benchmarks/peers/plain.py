"""httpx and aiohttp without any Dataverse library on top: what a programmer writes by hand. References, no peers."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import batched
from typing import Any

import aiohttp
import httpx

from benchmarks.callers import look_ups
from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING, BOOKINGS

HEADERS = {"Authorization": "Bearer benchmark", "Accept": "application/json"}
JSON = {"Content-Type": "application/json"}

type Send = Callable[[str, str, bytes | None, dict[str, str]], Awaitable[tuple[int, bytes]]]
"""Method, URL, body and further headers of one request; the status and the body of its answer."""


async def _sender(library: str, job: Job, stack: AsyncExitStack) -> Send:
    if library == "aiohttp":
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=HEADERS))

        async def by_aiohttp(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
            async with session.request(method, url, data=body, headers=headers) as answer:
                return answer.status, await answer.read()

        return by_aiohttp
    # Its default limits; only the time that a request may wait for a connection is lifted.
    timeout = httpx.Timeout(150.0, pool=None)
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=timeout, headers=HEADERS, trust_env=False))

    async def by_httpx(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        answer = await client.request(method, url, content=body, headers=headers)
        return answer.status_code, answer.content

    return by_httpx


async def _write(job: Job, meter: Meter) -> Result:
    kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{BOOKING}"}
    chunks = list(batched(job_rows(job), job["chunk"], strict=False))
    url = f"{job['url']}/api/data/v9.2/{BOOKINGS}/Microsoft.Dynamics.CRM.UpsertMultiple"
    slots = asyncio.Semaphore(job["width"])
    async with AsyncExitStack() as stack:
        send = await _sender(job["library"], job, stack)

        async def upsert(chunk: tuple[dict[str, Any], ...]) -> int:
            async with slots:
                body = json.dumps({"Targets": [{**kind, **row} for row in chunk]}).encode()
                status, _ = await send("POST", url, body, JSON)
                return len(chunk) if status == 204 else 0

        if job.get("warm"):
            await asyncio.gather(*(send("GET", f"{job['url']}/api/data/v9.2/WhoAmI", None, {}) for _ in chunks))
        with meter.measured():
            done = await asyncio.gather(*map(upsert, chunks))
    return {"written": sum(done)}


async def _look_up(job: Job, meter: Meter) -> Result:
    api = f"{job['url']}/api/data/v9.2/"
    paths = [[query["path"] for query in queries] for queries in job["look_ups"]]
    async with AsyncExitStack() as stack:
        send = await _sender(job["library"], job, stack)

        async def ask_each(number: int) -> int:
            answers = await asyncio.gather(*(send("GET", api + path, None, {}) for path in paths[number % len(paths)]))
            return sum(len(json.loads(content)["value"]) for _, content in answers)

        async def ask_at_once(number: int) -> int:
            boundary = f"batch_{uuid.uuid4()}"
            head = f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            gets = [f"GET /api/data/v9.2/{path} HTTP/1.1\r\n\r\n\r\n" for path in paths[number % len(paths)]]
            body: bytes = (head + head.join(gets) + f"--{boundary}--\r\n").encode()
            kind = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
            _, reply = await send("POST", f"{api}$batch", body, kind)
            found = [line for line in reply.split(b"\r\n") if line.startswith(b"{")]
            return sum(len(json.loads(line)["value"]) for line in found)

        async def ask_bare(_: int) -> int:
            answer = await send("GET", f"{api}WhoAmI", None, {})
            return int(answer[0] == 200)

        ways = {"each": ask_each, "batch": ask_at_once, "bare": ask_bare}
        return await look_ups(job, meter, ways[job["mode"]])


if __name__ == "__main__":
    serve(
        {
            "write": lambda job, meter: asyncio.run(_write(job, meter)),
            "look_up": lambda job, meter: asyncio.run(_look_up(job, meter)),
        }
    )
