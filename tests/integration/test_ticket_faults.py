"""What goes wrong while tickets are made, twice at once and with answers that get lost: nothing is lost or doubled."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.ticket_creation.use_case.results import DONE, Later
from functions.ticket_creation.use_case.working import TicketWork
from shared.calls.ledger import CallLedger
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import DataverseError
from shared.storage.errors import StorageError
from shared.ticket_request import TicketRequest
from shared.tickets.ledger import TicketLedger
from shared.tickets.slots import Slots
from tests.integration.enreach import Enreach
from tests.integration.test_callback_sync_faults import Unsteady
from tests.integration.tickets_site import TicketsSite, key_of, tickets_site

NUMBERS = 12
CALLS = 60


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[TicketsSite]:
    async with tickets_site(dataverse, simulator, enreach.address, patience=0.2) as site:
        yield site


async def delivered(work: TicketWork, waiting: list[TicketRequest]) -> list[TicketRequest]:
    """What comes again."""
    try:
        results = await work.take(waiting)
    except (DataverseError, StorageError):
        return waiting
    assert all(result == DONE or isinstance(result, Later) for result in results), "nothing of it is permanent"
    return [each for each, result in zip(waiting, results, strict=True) if result != DONE]


@pytest.mark.parametrize("seed", [0, 2])
async def test_requests_of_which_everything_fails_now_and_then(site: TicketsSite, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable dice
    configurations = {
        "case": {"queue": "Case desk", "notifyAgent": True},
        "newest": {"queue": "Case desk", "attach": {"policy": "newestOpenCase"}},
        "missed": {"queue": "Case desk", "attach": {"policy": "missedCallCase"}},
    }
    wanted = {"Sales": "case", "Service": "newest", "Night": "missed"}
    site.triggers(
        *({"name": name, "configuration": name, "all": [{"field": "queue", "operator": "equals", "value": queue}]}
          for queue, name in wanted.items()),
        configurations=configurations,
    )  # fmt: skip
    actions: list[dict[str, Any]] = [
        {"status": 503}, {"status": 429, "retryAfter": 0}, {"drop": "before"}, {"drop": "after"}, {"garble": True},
    ]  # fmt: skip
    for action in actions:
        site.refuse(match={"path": "/api/data"}, action=action, nth=sorted(dice.sample(range(3, 90), 6)))
    tables = Unsteady(site.tables, dice, 0.004)
    parts: dict[str, Any] = {"ledger": TicketLedger(tables), "slots": Slots(tables), "calls": CallLedger(tables)}
    workers = [site.process(**parts) for _ in range(2)]
    queues = dict(enumerate(wanted))
    # Of each policy other callers: what one opens, calls of the other would go onto.
    requests = [
        site.request(name, ago=CALLS - name, queue=queues[name % 3],
                     callerNumber=f"+35850{name % 3}{1_000 + name % NUMBERS:06}")
        for name in range(CALLS)
    ]  # fmt: skip
    for name in range(CALLS):
        site.phone_call(name)
    waiting = [requests, dice.sample(requests, CALLS)]
    for _ in range(40):
        # Both workers have all requests: each message was doubled.
        waiting = [*await asyncio.gather(*(map(delivered, workers, waiting)))]
        if not any(waiting):
            break
        site.turn(minutes=5)
    assert not any(waiting)
    site.forgive()
    tables.is_steady = True
    assert tables.failures > 0
    while await site.catch_up():
        site.turn(minutes=1)
    assert_exact(site)


def assert_exact(site: TicketsSite) -> None:
    """A case for each call of the first queue; of the others one case for each number, and a note for each call but
    the one that opened it. Each phone call is under the case of its call."""
    own = {str(key_of(name, "case")) for name in range(0, CALLS, 3)}
    opened = site.cases().keys() - site.seeded_cases - own
    numbers = {name % 3: {each % NUMBERS for each in range(name, CALLS, 3)} for name in range(3)}
    assert own <= site.cases().keys()
    assert len(opened) == len(numbers[1]) + len(numbers[2])
    site.assert_whole(own | opened, notes=CALLS - len(own) - len(opened))
    contacts = Counter(row["telephone1"] for row in site.rows("contacts"))
    assert {contacts[f"+35850{name % 3}{1_000 + name % NUMBERS:06}"] for name in range(CALLS)} == {1}
    assert len(site.rows("appnotifications")) == len(own)
    of_note = {row["annotationid"]: row["_objectid_value"] for row in site.rows("annotations")}
    for name in range(CALLS):
        configuration = ("case", "newest", "missed")[name % 3]
        note = site.note(name, configuration)
        case = str(key_of(name, configuration)) if note is None else of_note[note["annotationid"]]
        assert site.regarding(name) == case
        assert case in own | opened
