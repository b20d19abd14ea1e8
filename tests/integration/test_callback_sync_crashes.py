"""A process that ends at any step of a run: the next one goes on, and each request has one phone call and one queue
item, or one note."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from shared.callbacks.ledger import CallbackLedger
from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CallbacksSite, callbacks_site, guid
from tests.integration.enreach import Enreach
from tests.integration.struck import Fate, Killed, Moment, Struck, dynamics_phase, tables_phase

PHASES = ("Enreach read", "Enreach close", "Dataverse read", "Dataverse write", "ledger read", "ledger write",
          "checkpoint", "lease", "documents")  # fmt: skip
LEASE_IS_OVER = 70
_MOST_STEPS = 40


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address) as site:
        yield site


def enreach_phase(name: str, _args: Sequence[Any]) -> str:
    return "Enreach close" if name == "close_callback" else "Enreach read"


def mortal(site: CallbacksSite, fate: Fate) -> dict[str, Any]:
    tables = Struck(site.tables, fate, tables_phase)
    return {
        "tables": tables,
        "ledger": CallbackLedger(tables),
        "dynamics": Struck(site.dataverse, fate, dynamics_phase),
        "enreach": Struck(site.enreach, fate, enreach_phase),
        "documents": Struck(site.documents, fate, lambda _name, _args: "documents"),
    }


async def killed(site: CallbacksSite, fate: Fate) -> bool:
    """Whether the process ended in this run."""
    runs = site.process(**mortal(site, fate))
    with contextlib.suppress(Killed):  # of a group too
        run = await runs.every_minute()
        assert not fate.is_dead, "a handler kept a dead process alive"
        assert run.outcome == "done", run.reason
        return False
    return True


@pytest.mark.parametrize("moment", ["before", "half", "after"])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_process_that_ends_at_any_step(site: CallbacksSite, phase: str, moment: Moment) -> None:
    site.profiles(
        site.profile(mergeRepeats=True),
        site.profile(name="service", callbackList="Service", queue="Day desk"),
    )
    requests: list[str] = []
    merged: list[str] = []
    for step in range(1, _MOST_STEPS):
        number = f"+35850{step:07}"
        withheld = {"Number": "", "ago": 30, "CallbackListId": guid("Service")}
        first, again, *others = site.requests_of([
            (f"{step} first", {"Number": number, "ago": 90}),
            (f"{step} again", {"Number": number, "ago": 60}),
            *((f"{step} withheld {n}", withheld) for n in range(2)),
        ])  # fmt: skip
        requests += [first, *others]
        merged.append(again)
        site.turn(minutes=1)
        if not await killed(site, Fate(phase, step, moment)):
            break
        site.turn(seconds=LEASE_IS_OVER)
        assert not await killed(site, Fate())
        await site.assert_each_once(requests, merged)
    else:
        pytest.fail("it was killed more often than it has steps")
    assert step > 1, "it never came to that step"
    await site.assert_each_once(requests, merged)


async def test_a_process_that_ends_while_phone_calls_are_completed(site: CallbacksSite) -> None:
    site.profiles(site.profile(closeInEnreach="whenCompleted", expire=True, expireAfterHours=1))
    for step in range(1, _MOST_STEPS):
        completed = site.request(f"{step} completed", Number="")
        expired = site.request(f"{step} expired", Number="", DueTime=site.item(completed)["Created"])
        await site.done()
        site.edit(completed, statecode=1, statuscode=2)
        site.turn(hours=2)
        phase = ("Dataverse write", "Enreach close", "ledger write", "Dataverse read")[step % 4]
        was_killed = await killed(site, Fate(phase, 1 + step // 4, "after"))
        site.turn(seconds=LEASE_IS_OVER)
        site.runs = site.process()
        await site.done()
        assert await site.outcome(completed) == ("completed", True)
        # Where the process ended right after the canceling, nobody knows any more who canceled it.
        assert await site.outcome(expired) in {("expired", True), ("completed", True)}
        assert site.row(expired)["statecode"] == 2
        assert {site.state(each) for each in (completed, expired)} == {"ClosedSuccessfully"}
        if not was_killed and step > 12:
            return
    pytest.fail("it was killed more often than it has steps")
