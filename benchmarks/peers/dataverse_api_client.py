"""`dataverse-api`: `create` by CreateMultiple or `upsert` by `$batch`, with its own threads, as its README shows."""

import logging

from dataverse_api import DataverseClient
from requests import Session

from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING

logging.disable(logging.ERROR)


def write(job: Job, meter: Meter) -> Result:
    rows = job_rows(job)
    session = Session()
    session.trust_env = False
    session.headers["Authorization"] = "Bearer benchmark"
    with meter.measured():
        entity = DataverseClient(session=session, environment_url=job["url"]).entity(logical_name=BOOKING)
        if job["mode"] == "batch":
            answers = entity.upsert(rows, mode="batch", batch_size=job["chunk"], threading=True)
        else:
            answers = entity.create(rows, mode="multiple", batch_size=job["chunk"], threading=True)
    refused = sum(answer.status_code >= 400 for answer in answers)
    return {"written": max(0, job["rows"] - refused * job["chunk"]), "refused_calls": refused}


if __name__ == "__main__":
    serve({"write": write})
