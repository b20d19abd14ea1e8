"""An import may be killed anywhere, run again, or run twice at once: the end is the same, nothing lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from azure.storage.blob.aio import BlobServiceClient

from functions.schedule_import.containers import ARCHIVE, INBOX, REPORTS
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import ImportGateways, import_schedule_file
from shared.clock import utc_now
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.storage.files import Files

HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
AGENTS = ("asa.lindqvist@nordic-care.example", "zoe.vanthoff@nordic-care.example")
ROWS = [
    f"{agent},2027-01-{day}T08:00,2027-01-{day}T12:00,{activity},Team A,Booked,,Europe/Helsinki"
    for agent in AGENTS
    for day, activity in ((11, "Chat"), (12, "Work"), (13, "Training"))
]
PATH = "switchboard-csv/week.csv"
TABLES = (
    "bookableresourcebookings",
    "bookableresources",
    "msdyn_shiftactivitytypes",
    "msdyn_shiftplans",
    "bookingstatuses",
)
_VOLATILE = {"@odata.etag", "versionnumber", "createdon", "modifiedon"}


class Killed(BaseException):
    """The process ends here; no handler of the app may keep it alive."""


class Doomed:
    """Passes calls on to a real gateway and ends the process before or after the n-th call of them all."""

    calls = 0
    fatal: int | None = None
    after = False

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            Doomed.calls += 1
            fatal = Doomed.calls == Doomed.fatal
            if fatal and not Doomed.after:
                raise Killed
            answer = await getattr(self._real, name)(*args, **kwargs)
            if fatal:
                raise Killed
            return answer

        return call


@pytest.fixture
async def files(storage: str) -> AsyncIterator[Files]:
    async with BlobServiceClient.from_connection_string(storage, retry_total=0) as service:
        yield Files(service)


async def drop(files: Files) -> None:
    await files.write(INBOX, PATH, "\n".join([HEADER, *ROWS]).encode(), "text/csv")


async def run(files: Files, dataverse: DataverseClient) -> ImportReport | None:
    gateways = ImportGateways(
        files=Doomed(files),
        dynamics=Doomed(dataverse),
        documents=ConfigDocuments(files),
        now=utc_now,
        max_bytes=10**6,
    )
    return await import_schedule_file(PATH, gateways)


async def dynamics(simulator: str) -> dict[str, list[dict[str, Any]]]:
    """Every row that an import can write, without what differs from write to write."""
    async with httpx.AsyncClient(base_url=f"{simulator}/api/data/v9.2/", trust_env=False) as http:
        answers = {table: await http.get(table, headers={"Authorization": "Bearer t"}) for table in TABLES}
    return {
        table: [{key: value for key, value in row.items() if key not in _VOLATILE} for row in answer.json()["value"]]
        for table, answer in answers.items()
    }


async def names(files: Files, container: str) -> list[str]:
    return [name async for name in files.names(container, "switchboard-csv/")]


@pytest.fixture(autouse=True)
def alive() -> None:
    Doomed.calls, Doomed.fatal = 0, None


async def test_killed_before_or_after_any_step_and_run_again_it_ends_alike(
    files: Files, dataverse: DataverseClient, simulator: str, control: httpx.Client
) -> None:
    await drop(files)
    report = await run(files, dataverse)
    assert report is not None
    assert (report.status, report.created) == ("imported", len(ROWS))
    steps, expected = Doomed.calls, await dynamics(simulator)
    assert steps >= 10
    for fatal in range(1, steps + 1):
        for after in (False, True):
            await asyncio.to_thread(control.post, "reset")
            await drop(files)
            Doomed.calls, Doomed.fatal, Doomed.after = 0, fatal, after
            with pytest.raises(Killed):
                await run(files, dataverse)
            Doomed.fatal = None
            await run(files, dataverse)
            assert await dynamics(simulator) == expected, f"killed {'after' if after else 'before'} step {fatal}"
            assert await names(files, INBOX) == []
            assert await names(files, REPORTS) == [f"{PATH}.report.json"]


async def test_two_deliveries_at_once_end_as_one(
    files: Files, dataverse: DataverseClient, simulator: str, control: httpx.Client
) -> None:
    await drop(files)
    await run(files, dataverse)
    expected = await dynamics(simulator)
    for _ in range(5):
        await asyncio.to_thread(control.post, "reset")
        await drop(files)
        await asyncio.gather(*(run(files, dataverse) for _ in range(3)))
        assert await dynamics(simulator) == expected


async def test_a_file_overwritten_during_its_import_stays_in_the_inbox(
    files: Files, dataverse: DataverseClient
) -> None:
    class Overtaken(Files):
        """A newer version arrives just before the report is written."""

        async def write(self, container: str, name: str, data: bytes, content_type: str) -> None:
            if container == REPORTS:
                await files.write(INBOX, PATH, b"newer", "text/csv")
            await files.write(container, name, data, content_type)

    await drop(files)
    report = await run(Overtaken(files._service), dataverse)
    assert report is not None
    assert (await files.read(INBOX, PATH, max_bytes=99)).data == b"newer"
    assert f"switchboard-csv/{report.import_id}/week.csv" in await names(files, ARCHIVE)
