"""Processes that are killed (SIGKILL) at any moment, over real storage: in the end each call is there once.

CALLS_SIGKILLS=500 kills so many; without it 50 are killed.
"""

import asyncio
import base64
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient
from pydantic import SecretStr

from shared.dataverse.client import DataverseClient
from shared.settings import Settings
from shared.storage.checkpoints import TABLE
from shared.storage.tables import Tables, open_tables
from shared.ticket_queue import QUEUE
from shared.ticket_request import TicketRequest, read_message
from tests.azurite import ROOT, Azurite
from tests.integration.call_sync_worker import PHASES, Board, Plan
from tests.integration.enreach import Enreach
from tests.integration.generated_day import BEGIN, EVENING, NEXT_NOON, SWITCHES_ON, DaySite, day_site, steps

KILLS = int(os.environ.get("CALLS_SIGKILLS", "50"))
PATIENCE = 20
LAST_WRITE = 2.0
"""Seconds in which storage may still carry out what a killed worker sent last, such as taking the lease."""
SETTINGS = {**SWITCHES_ON, "UnmatchedCallers": "contact", "ExecutionInterval": 15}


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[DaySite]:
    async with day_site(dataverse, simulator, enreach.address) as site:
        yield site


class Keeper:
    """Starts workers, and kills them."""

    def __init__(self, process: "subprocess.Popen[str]", board: Board) -> None:
        self._process = process
        self.board = board
        self.pid = 0

    def start(self) -> None:
        self.pid = int(self._told("start"))

    def kill(self) -> str:
        """Returns what the worker did at that moment."""
        os.kill(self.pid, signal.SIGKILL)
        self.pid = 0
        assert int(self._told("bury")) == signal.SIGKILL
        return self.board.phase

    async def wait_for(self, moment: datetime, tables: Tables) -> None:
        """Until a run of this moment has come to its end."""
        now = time.monotonic()
        end, lease_ends = now + PATIENCE, now + LAST_WRITE
        while self.board.done < moment:
            now = time.monotonic()
            assert now < end, f"no run came to its end, it is at {self.board.phase}"
            if now > lease_ends:
                await end_lease(tables)
                lease_ends = now + LAST_WRITE
            await asyncio.sleep(0.005)

    async def wait_for_phase(self, phase: str, seconds: float) -> None:
        """Until the worker is at it, or for so long."""
        end = time.monotonic() + seconds
        while self.board.phase != phase and time.monotonic() < end:  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0)

    def _told(self, order: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def keeper(plan: Plan) -> Iterator[Keeper]:
    board = Board(Path(plan.board))
    command = [sys.executable, "-m", "tests.integration.call_sync_worker"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(dataclasses.asdict(plan)) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        workers = Keeper(process, board)
        try:
            yield workers
        finally:
            if workers.pid:  # of a test that failed: it would go on asking the simulators of the tests behind it
                os.kill(workers.pid, signal.SIGKILL)


async def end_lease(tables: Tables) -> None:
    """As if a minute had passed since the holder was killed."""
    held = await tables.get(TABLE, "lease", "calls")
    if held is not None:
        await tables.put(TABLE, "lease", "calls", {**held.values, "seconds": -60.0})


def requests(connection: str) -> list[TicketRequest]:
    with QueueServiceClient.from_connection_string(connection) as queues:
        found = queues.get_queue_client(QUEUE).receive_messages(messages_per_page=32, visibility_timeout=600)
        return [read_message(base64.b64decode(message.content)) for message in found]


@pytest.mark.long(25)
async def test_workers_that_are_killed_at_any_moment(site: DaySite, azurite: Azurite, tmp_path: Path) -> None:
    site.open(4, SETTINGS, calls_per_agent=30)
    connection = azurite.fresh_account()
    plan = Plan(
        dataverse=str(site.dynamics_http.base_url).removesuffix("/__sim/"),
        enreach=str(site.enreach_http.base_url).removesuffix("/__sim/"),
        storage=connection,
        documents={name: json.loads(text) for name, text in site.documents.texts.items()},
        board=str(tmp_path / "board"),
    )
    tables = open_tables(
        Settings(AzureWebJobsStorage=SecretStr(connection), dataverse_url="https://x.crm4.dynamics.com")
    )
    dice, kills, took = random.Random(5), Counter[str](), 0.3  # noqa: S311 - repeatable dice
    with keeper(plan) as workers:
        for number, moment in enumerate(steps(BEGIN, BEGIN + timedelta(hours=9), seconds=9 * 3600 / KILLS)):
            site.turn_to(moment)
            workers.board.now = moment
            began = time.monotonic()
            workers.start()
            if number % 10 == 0:
                await workers.wait_for(moment, tables)
                took = time.monotonic() - began
            elif number % 2:
                await workers.wait_for_phase(PHASES[1 + number // 2 % (len(PHASES) - 1)], took)
            else:
                await asyncio.sleep(dice.uniform(0.05 * took, took))
            kills[workers.kill()] += 1
            await site.assert_that_the_checkpoint_passed_nothing(tables, with_tickets=False)
            await end_lease(tables)
        workers.start()
        for later in (*steps(site.now(), EVENING, minutes=110), *steps(EVENING, NEXT_NOON, minutes=180)):
            site.turn_to(later)
            workers.board.now = later
            await workers.wait_for(later, tables)
        workers.kill()
    print(f"\n{kills.total()} killed", *(f"{what}: {count}" for what, count in kills.items()), sep="\n  ")  # noqa: T201
    await tables.close()
    assert kills.total() == KILLS
    assert len(kills) > len(PHASES) / 2
    site.tickets = requests(connection)
    site.assert_phone_calls()
    site.assert_tickets()
