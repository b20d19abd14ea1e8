"""`powerplatform-dataverse-client`, synchronous, as its README shows: a list given to `records.create`."""

import time
from itertools import batched

from azure.core.credentials import AccessToken, TokenCredential
from PowerPlatform.Dataverse.client import DataverseClient

from benchmarks.callers import queries_of, threaded_look_ups
from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING


class StaticCredential(TokenCredential):
    """A credential that costs nothing, so that the client alone is measured."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("benchmark", int(time.time()) + 3600)


def write(job: Job, meter: Meter) -> Result:
    rows = job_rows(job)
    written, error = 0, ""
    # It refuses plain http, so this client alone pays for TLS.
    with DataverseClient(job["tls_url"], StaticCredential()) as client, meter.measured():
        try:
            for chunk in batched(rows, job.get("chunk", len(rows)), strict=False):
                written += len(client.records.create(BOOKING, list(chunk)))
        except Exception as raised:  # noqa: BLE001 - reported as the finding
            error = type(raised).__name__
    return {"written": written, "error": error}


def look_up(job: Job, meter: Meter) -> Result:
    with DataverseClient(job["tls_url"], StaticCredential()) as client:

        def ask(number: int) -> int:
            return sum(
                len(
                    client.records.list(
                        query["table"],
                        filter=query["filter"],
                        select=query["select"],
                        orderby=query["orderby"],
                        top=query["top"],
                    ).records
                )
                for query in queries_of(job, number)
            )

        return threaded_look_ups(job, meter, ask)


if __name__ == "__main__":
    serve({"write": write, "look_up": look_up})
