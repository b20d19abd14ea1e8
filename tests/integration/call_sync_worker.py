"""Call sync as processes that can be killed: `python -m tests.integration.call_sync_worker`.

One process has everything loaded and makes others of it, as a platform restarts an app, only faster. Its first line is
a Plan as JSON, then come orders: `start` forks a worker and answers its process id; `bury` waits for one that ended.
"""

import asyncio
import contextlib
import gc
import json
import mmap
import os
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from functions.call_sync.use_case.running import CallSyncRuns
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.search_keys import search_key
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from shared.number_index.keys import number_key
from shared.settings import Settings
from shared.storage.files import open_files
from shared.storage.messages import open_messages
from shared.storage.tables import open_tables
from shared.ticket_queue import send_ticket_requests
from tests.integration.calls_site import KEY
from tests.integration.enreach import enreach_client
from tests.integration.simulated_site import Documents, NoIndex
from tests.integration.struck import Fate, mortal
from tests.integration.tokens import Tokens

PHASES = (
    "nothing", "lease", "documents", "users read", "Enreach read", "ledger read", "Dataverse read", "Dataverse write",
    "tickets", "ledger write", "checkpoint",
)  # fmt: skip
_LOADED_LATE = (
    "aiohttp", "azure.data.tables.aio", "azure.storage.blob.aio", "azure.storage.queue.aio", "phonenumbers",
    "shared.enreach.document", "shared.enreach.reading",
)  # fmt: skip
"""What the app imports with the first use; here it is there before a worker begins."""
_BOARD = struct.Struct("<ddB")


@dataclass(frozen=True)
class Plan:
    """Where everything is."""

    dataverse: str
    enreach: str
    storage: str
    documents: Mapping[str, Any]
    board: str
    """A file for `Board`."""


class Board:
    """What a worker and who watches it write down for each other; it outlives both."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_BOARD.pack(0, 0, 0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _BOARD.size)

    @property
    def now(self) -> datetime:
        """What time it is."""
        return datetime.fromtimestamp(self._values[0], UTC)

    @now.setter
    def now(self, moment: datetime) -> None:
        struct.pack_into("<d", self._memory, 0, moment.timestamp())

    @property
    def done(self) -> datetime:
        """The time of the last run that came to its end."""
        return datetime.fromtimestamp(self._values[1], UTC)

    @done.setter
    def done(self, moment: datetime) -> None:
        struct.pack_into("<d", self._memory, 8, moment.timestamp())

    @property
    def phase(self) -> str:
        """What the worker does."""
        return PHASES[self._values[2]]

    @phase.setter
    def phase(self, phase: str) -> None:
        self._memory[16] = PHASES.index(phase)

    @property
    def _values(self) -> tuple[float, float, int]:
        first, second, third = _BOARD.unpack(self._memory[:])
        return first, second, third


class Marks(Fate):
    """Writes down what each step is for. It kills nobody: that comes from outside."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def begins(self, phase: str) -> bool:
        self._board.phase = phase
        return False


async def work(plan: Plan) -> None:
    """Run after run, as timers fire, for ever."""
    board = Board(Path(plan.board))
    settings = Settings(AzureWebJobsStorage=SecretStr(plan.storage), dataverse_url="https://contoso.crm4.dynamics.com")
    messages, files = open_messages(settings), open_files(settings)
    worlds = mortal(
        Marks(board),
        tables=open_tables(settings),
        dynamics=DataverseClient(plan.dataverse, TokenCache(Tokens().fetch)),
        enreach=enreach_client(plan.enreach),
        documents=Documents(**plan.documents),
        offer=partial(send_ticket_requests, messages, files),
    )
    runs = CallSyncRuns(
        CallSyncGateways(
            **worlds,
            number_index=NoIndex(),
            customer_key=number_key(KEY),
            search_key=search_key(KEY),
            site_id="test",
            now=lambda: board.now,
        )
    )
    while True:
        now = board.now
        outcomes = [(await runs.every_minute()).outcome]
        if now.time() >= time(22):
            outcomes.append((await runs.at_night()).outcome)
        board.phase = "nothing"
        if set(outcomes) <= {"done", "idle"}:
            board.done = now
        await asyncio.sleep(0.01)


def main() -> None:
    plan = Plan(**json.loads(sys.stdin.readline()))
    for name in _LOADED_LATE:
        import_module(name)
    gc.freeze()
    _say("ready")
    for line in sys.stdin:
        if line.strip() == "start":
            child = os.fork()
            if not child:
                with contextlib.suppress(KeyboardInterrupt):
                    asyncio.run(work(plan))
                os._exit(1)
            _say(child)
        else:
            _say(os.waitpid(-1, 0)[1])


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
