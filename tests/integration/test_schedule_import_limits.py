"""Hostile values of a file meet Dataverse's limits on the length of a request: they cost their own rows only."""

from collections.abc import AsyncIterator

import pytest
from azure.storage.blob.aio import BlobServiceClient

from functions.schedule_import.use_case import ImportGateways, import_schedule_file
from shared.clock import utc_now
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.storage.files import Files

HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
GOOD = "asa.lindqvist@nordic-care.example,2027-01-11T08:00Z,2027-01-11T12:00Z,Chat,Team A,,,"
TIMES = "2027-01-11T08:00Z,2027-01-11T12:00Z"


@pytest.fixture
async def files(storage: str) -> AsyncIterator[Files]:
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:
        yield Files(service)


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        pytest.param([f"{'ä' * 30_000},{TIMES},Chat,,,,"], {"UNKNOWN_AGENT"}, id="an agent of 30,000 characters"),
        pytest.param([f"{'😀' * 500}{n},{TIMES},Chat,,,," for n in range(300)], {"UNKNOWN_AGENT"}, id="long agents"),
        pytest.param(
            [f"x,{TIMES},{'語' * 95}{n},,,," for n in range(400)], {"UNKNOWN_AGENT"}, id="400 long activity names"
        ),
        pytest.param(
            [f"x,{TIMES},Chat,{'語' * 95}{n},{'語' * 95}{n},," for n in range(400)],
            {"UNKNOWN_AGENT"},
            id="400 long plans and statuses",
        ),
    ],
)
async def test_values_beyond_every_column_cost_their_own_rows_only(
    files: Files, dataverse: DataverseClient, rows: list[str], codes: set[str]
) -> None:
    await files.write("schedules", "switchboard-csv/long.csv", "\n".join([HEADER, *rows, GOOD]).encode(), "text/csv")
    report = await import_schedule_file(
        "switchboard-csv/long.csv",
        ImportGateways(files=files, dynamics=dataverse, documents=ConfigDocuments(files), now=utc_now, max_bytes=10**8),
    )
    assert report is not None
    assert (report.status, report.created, report.reasons) == ("imported", 1, [])
    assert {skip.code for skip in report.skipped} <= codes | {"DUPLICATE"}
    assert len(report.skipped) == len(rows)
