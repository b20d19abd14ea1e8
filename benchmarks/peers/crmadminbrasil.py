"""`crmadminbrasil-dataverse-sdk`: `bulk_create` with its defaults, `$batch` requests of 100 parts, 5 at once."""

import asyncio
import logging

import structlog
from dataverse_sdk.batch import BatchProcessor
from dataverse_sdk.client import AsyncDataverseClient

from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKINGS


class StaticAuthenticator:
    """In the place of the SDK's own, which would ask a sign-in service on the internet."""

    async def get_token(self) -> str:
        return "benchmark"


async def _write(job: Job, meter: Meter) -> Result:
    # Its log lines would go to standard output, where the result belongs.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    rows = job_rows(job)
    async with AsyncDataverseClient(job["url"], StaticAuthenticator()) as client:
        with meter.measured():
            result = await BatchProcessor(client).bulk_create(BOOKINGS, rows)
    return {"written": result.successful, "failed": result.failed}


if __name__ == "__main__":
    serve({"write": lambda job, meter: asyncio.run(_write(job, meter))})
