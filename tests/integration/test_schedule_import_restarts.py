"""Whatever happens at whatever step of an import, and whoever goes on with it: the end is the same, nothing is lost or
doubled, and one report says what was done.

SCHEDULE_EVERY_FAULT=1 plays every fault at every step; without it kills are played at every step and the other faults
at every third.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from functions.schedule_import.containers import ARCHIVE, INBOX, REPORTS
from functions.schedule_import.report import ImportReport
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import UnavailableError
from shared.storage.errors import StorageError
from tests.integration.site import Site, utc

EVERY_FAULT = bool(os.environ.get("SCHEDULE_EVERY_FAULT"))
AGENTS = ("asa.lindqvist@nordic-care.example", "zoe.vanthoff@nordic-care.example")
HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
WEEK = "switchboard-csv/week.csv"
PROFILE = "schedule-profiles/switchboard-csv.json"
FREE = {"maxRemovedShare": 1, "maxAgentsWithoutWorkTomorrow": 1000, "maxAssignableDropShare": 1}
TABLES = (
    "bookableresourcebookings", "bookableresources", "msdyn_shiftactivitytypes", "msdyn_shiftplans", "bookingstatuses",
)  # fmt: skip
_VOLATILE = {"@odata.etag", "versionnumber", "createdon", "modifiedon"}


def line(agent: str, day: int, start: int, activity: str = "Chat", key: str = "", hours: int = 4) -> str:
    times = f"2027-01-{day}T{start:02}:00,2027-01-{day}T{start + hours:02}:00"
    return f"{agent},{times},{activity},Team A,,{key},Europe/Helsinki"


def csv(*lines: str) -> str:
    return "".join(f"{one}\n" for one in (HEADER, *lines))


FIRST = [line(agent, day, 8, key=f"E-{agent[:3]}{day}") for agent in AGENTS for day in (11, 12, 13)]
FIRST += [line(agent, day, 12, "Work") for agent in AGENTS for day in (11, 12, 13)]
CHANGED = [*FIRST[1:3], *FIRST[4:-1], line(AGENTS[0], 11, 9, key="E-asa11"), line(AGENTS[1], 13, 17, "Training")]
"""Two rows gone, one moved under its id, one new; the others as they were."""


# ------------------------------------------------------------------------------------------------------- faults


class Killed(BaseException):
    """The process ends here; no handler of the app may keep it alive."""


class Fate:
    """Counts the steps of a run, and strikes at one of them.

    `kill`: the process ends once the step is done (before the first one: at step 0). `refused`: the step fails and
    does nothing. `answer lost`: the step fails though it was done. `cancelled`: the platform cancels the work.
    """

    def __init__(self, step: int = -1, kind: str = "") -> None:
        self.steps = 0
        self.struck = False
        self._step, self._kind = step, kind

    async def before(self, error: Exception) -> None:
        if self.struck and self._kind == "kill":
            raise Killed
        self.steps += 1
        if self._is_now(0) and self._kind == "refused":
            self.struck = True
            raise error
        if self._step == 0 and self._kind == "kill":
            self.struck = True
            raise Killed

    async def after(self, error: Exception) -> None:
        if not self._is_now(0) or self.struck or self._kind == "refused":
            return
        self.struck = True
        if self._kind == "kill":
            raise Killed
        if self._kind == "answer lost":
            raise error
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    def _is_now(self, offset: int) -> bool:
        return self.steps == self._step + offset


class Fated:
    """Passes calls on to a real gateway; each is a step, and so is each page or entry of a generator."""

    def __init__(self, real: Any, fate: Fate, error: Callable[[], Exception]) -> None:
        self._real, self._fate, self._error = real, fate, error

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name in {"list", "names", "pages"}:
            return lambda *args, **kwargs: self._items(real(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._fate.before(self._error())
            answer = await real(*args, **kwargs)
            await self._fate.after(self._error())
            return answer

        return call

    async def _items(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await self._fate.before(self._error())
        async for item in items:
            await self._fate.after(self._error())
            yield item
            await self._fate.before(self._error())
        await self._fate.after(self._error())


def fated(site: Site, fate: Fate) -> dict[str, Any]:
    return {
        "files": Fated(site.files, fate, lambda: StorageError("no answer")),
        "tables": Fated(site.tables, fate, lambda: StorageError("no answer")),
        "dynamics": Fated(site.dataverse, fate, lambda: UnavailableError("no answer")),
    }


# ---------------------------------------------------------------------------------------------------- scenarios


@dataclass(frozen=True)
class Scenario:
    """What was before, what arrives, and what its report must say."""

    prepare: Callable[[Site], Awaitable[None]]
    arrives: str
    report: str
    says: dict[str, Any]


async def first_import(site: Site) -> None:
    await site.drop(WEEK, csv(*FIRST))


async def changed_file(site: Site) -> None:
    await site.configure(PROFILE, {"extends": "switchboard-csv", "hold": FREE})
    await site.deliver(WEEK, csv(*FIRST))
    await site.drop(WEEK, csv(*CHANGED))


async def changed_file_that_cancels(site: Site) -> None:
    await site.configure(PROFILE, {"extends": "switchboard-csv", "hold": FREE, "removal": "cancel"})
    await site.deliver(WEEK, csv(*FIRST))
    await site.drop(WEEK, csv(*CHANGED))


async def approval(site: Site) -> None:
    await site.configure(PROFILE, {"extends": "switchboard-csv", "scope": {"days": 3}, "hold": {"maxRemovedShare": 0}})
    await site.deliver(WEEK, csv(*FIRST))
    held = await site.deliver(WEEK, csv(*CHANGED))
    assert held.status == "held"
    await site.drop(f"{WEEK}.approve", "")


async def undoing(site: Site) -> None:
    await site.configure(PROFILE, {"extends": "switchboard-csv", "hold": FREE})
    await site.deliver(WEEK, csv(*FIRST))
    await site.deliver(WEEK, csv(*CHANGED))
    await site.drop(f"{WEEK}.undo", "")


async def forcing(site: Site) -> None:
    await site.deliver(WEEK, csv(*FIRST))
    one, other, third = site.bookings()[:3]
    site.patch(f"bookableresourcebookings({one['bookableresourcebookingid']})", {"name": "Edited"})
    site.patch(f"bookableresourcebookings({other['bookableresourcebookingid']})", {"name": "Edited"})
    site.delete(f"bookableresourcebookings({third['bookableresourcebookingid']})")
    await site.drop(f"{WEEK}.force", "")


async def rejection_of_the_unreadable(site: Site) -> None:
    await site.deliver(WEEK, csv(*FIRST))
    await site.drop(WEEK, "name;from;to\nasa;8;12\n")


async def rejection_by_hand(site: Site) -> None:
    await site.deliver(WEEK, csv(*FIRST))
    assert (await site.deliver(WEEK, csv())).status == "held"
    await site.drop(f"{WEEK}.reject", "")


async def the_unchanged(site: Site) -> None:
    await site.deliver(WEEK, csv(*FIRST))
    await site.drop(WEEK, csv(*FIRST))


COUNTS_OF_CHANGE = {"status": "imported", "created": 1, "updated": 1, "removed": 2, "unchanged": 9}
SCENARIOS = [
    Scenario(first_import, WEEK, WEEK, {"status": "imported", "created": 12, "updated": 0, "removed": 0}),
    Scenario(changed_file, WEEK, WEEK, COUNTS_OF_CHANGE),
    Scenario(changed_file_that_cancels, WEEK, WEEK, COUNTS_OF_CHANGE),
    Scenario(approval, f"{WEEK}.approve", f"{WEEK}.approve", COUNTS_OF_CHANGE),
    Scenario(undoing, f"{WEEK}.undo", f"{WEEK}.undo", {"status": "undone", "updated": 3, "removed": 1}),
    Scenario(forcing, f"{WEEK}.force", f"{WEEK}.force", {"status": "imported", "created": 1, "updated": 2}),
    Scenario(rejection_of_the_unreadable, WEEK, WEEK, {"status": "rejected", "created": 0}),
    Scenario(rejection_by_hand, f"{WEEK}.reject", f"{WEEK}.reject", {"status": "rejected"}),
    Scenario(the_unchanged, WEEK, WEEK, {"status": "unchanged", "unchanged": 12}),
]


@dataclass(frozen=True)
class End:
    """All that can be seen afterwards."""

    dynamics: dict[str, list[dict[str, Any]]]
    inbox: list[str]
    archive: list[str]
    reports: dict[str, dict[str, Any]]


async def seen(site: Site) -> End:
    reports = [name.removesuffix(".report.json") for name in await site.names(REPORTS)]
    return End(
        {table: [_without(row, _VOLATILE) for row in site.get(table)] for table in TABLES},
        await site.names(INBOX),
        # A journal tells what one attempt was about to do.
        [name for name in await site.names(ARCHIVE) if ".changes." not in name],
        {name: _without(await site.report(name), {"seconds", "dataverseRequests", "reasons"}) for name in reports},
    )


def _without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


@pytest.fixture
def new_site(dataverse: DataverseClient, simulator: str, control: httpx.Client) -> Iterator[Callable[[], Site]]:
    sites: list[Site] = []

    def made() -> Site:
        while sites:
            sites.pop().close()
        assert control.post("reset").is_success
        sites.append(Site(dataverse, simulator, utc("2027-01-10T12:00:00Z")))
        return sites[0]

    yield made
    while sites:
        sites.pop().close()


async def run(site: Site, path: str, fate: Fate) -> ImportReport | None:
    return await asyncio.create_task(site.take_up(path, **fated(site, fate)))


async def go_on(site: Site, scenario: Scenario, *, by_event: bool) -> None:
    """The lease of the broken run is over; the event comes again, or the sweep finds the file."""
    site.now.turn(minutes=5)
    if by_event:
        await site.take_up(scenario.arrives)
    else:
        await site.sweep()


# -------------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.prepare.__name__)
async def test_broken_off_at_any_step_it_ends_alike(new_site: Callable[[], Site], scenario: Scenario) -> None:
    site, fate = new_site(), Fate()
    await scenario.prepare(site)
    prepared = site.kept(TABLES)
    await run(site, scenario.arrives, fate)
    expected = await seen(site)
    said = await site.report(scenario.report)
    assert {name: said[name] for name in scenario.says} == scenario.says
    assert expected.inbox == []
    wrong = []
    for step in range(fate.steps + 1):
        kinds = ["kill", "refused", "answer lost", "cancelled"] if EVERY_FAULT else ["kill", _OTHERS[step % 3]]
        for kind in kinds:
            if step == 0 and kind != "kill":
                continue
            site = new_site()
            site.begin_with(prepared)
            end = await broken(site, scenario, Fate(step, kind), by_event=step % 2 == 0)
            if (problem := difference(end, expected)) is not None:
                wrong.append(f"{kind} at step {step} of {fate.steps}: {problem}")
    assert not wrong, "\n".join(wrong)


_OTHERS = ("refused", "answer lost", "cancelled")


async def broken(site: Site, scenario: Scenario, fate: Fate, *, by_event: bool) -> End:
    with contextlib.suppress(Killed, StorageError, UnavailableError, asyncio.CancelledError):
        await run(site, scenario.arrives, fate)
    await go_on(site, scenario, by_event=by_event)
    return await seen(site)


def difference(end: End, expected: End) -> str | None:
    for name in ("dynamics", "inbox", "archive", "reports"):
        found, wanted = getattr(end, name), getattr(expected, name)
        if found != wanted:
            if isinstance(found, dict):
                both = {key: (found.get(key), wanted.get(key)) for key in found.keys() | wanted.keys()}
                text = str({key: _parts(*pair) for key, pair in both.items() if pair[0] != pair[1]})
            else:
                text = f"{found} is not {wanted}"
            return f"{name}: {text[:600]}"
    return None


def _parts(found: Any, wanted: Any) -> Any:
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {key: (found.get(key), wanted.get(key)) for key in found | wanted if found.get(key) != wanted.get(key)}
    return found, wanted


# ------------------------------------------------------------------------------------- frozen, overtaken, at once


class Frozen:
    """A gateway whose n-th call waits, before it is sent, until somebody lets it go on."""

    def __init__(self, real: Any, step: int, frozen: asyncio.Event, thaw: asyncio.Event) -> None:
        self._real, self._left, self._frozen, self._thaw = real, step, frozen, thaw

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"upsert_many", "update_many", "delete_many"}:
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._frozen.set()
                await self._thaw.wait()
            return await real(*args, **kwargs)

        return call


NEWEST = [line(agent, day, 10, "Training", hours=3) for agent in AGENTS for day in (11, 12, 13)]


@pytest.mark.parametrize("removal", ["delete", "cancel"])
@pytest.mark.parametrize("minutes", [2, 30], ids=["frozen for 2 minutes", "frozen beyond the first recheck"])
@pytest.mark.parametrize("write", [1, 2, 3, 4], ids=lambda number: f"before write {number}")
async def test_a_frozen_worker_cannot_undo_a_newer_file(
    new_site: Callable[[], Site], write: int, minutes: int, removal: str
) -> None:
    site = new_site()
    await site.configure(PROFILE, {"extends": "switchboard-csv", "hold": FREE, "removal": removal})
    await site.deliver(WEEK, csv(*FIRST))
    frozen, thaw = asyncio.Event(), asyncio.Event()
    await site.drop("switchboard-csv/old.csv", csv(*CHANGED, line(AGENTS[0], 12, 20, "Voice Queue")))
    slow = Frozen(site.dataverse, write, frozen, thaw)
    worker = asyncio.create_task(site.take_up("switchboard-csv/old.csv", dynamics=slow))
    await asyncio.wait([worker, asyncio.create_task(frozen.wait())], return_when=asyncio.FIRST_COMPLETED)
    site.now.turn(seconds=90)
    newest = await site.deliver(WEEK, csv(*NEWEST))
    assert newest.status == "imported"
    expected = shown(site)
    if minutes > 10:
        site.now.turn(minutes=minutes / 2)
        await site.sweep()
    site.now.turn(minutes=minutes / 2)
    thaw.set()
    await asyncio.wait([worker])
    if frozen.is_set():
        assert isinstance(worker.exception(), StorageError)
    for _ in range(2):
        site.now.turn(minutes=10)
        await site.sweep()
    assert shown(site) == expected
    assert (await site.report("switchboard-csv/old.csv"))["status"] in ({"held"} if frozen.is_set() else {"imported"})


def shown(site: Site) -> list[tuple[str, str, str]]:
    """Bookings that take somebody's time."""
    (canceled,) = site.get("bookingstatuses?$filter=name eq 'Canceled'")
    return sorted(
        (one["_resource_value"], one["starttime"], one["name"])
        for one in site.bookings()
        if one["_bookingstatus_value"] != canceled["bookingstatusid"]
    )


async def test_a_file_overwritten_at_any_step_ends_as_the_newer_one(new_site: Callable[[], Site]) -> None:
    site, fate = new_site(), Fate()
    await changed_file(site)
    prepared = site.kept(TABLES)
    await run(site, WEEK, fate)
    await site.deliver(WEEK, csv(*NEWEST))
    expected = shown(site)
    for step in range(1, fate.steps + 1):
        site = new_site()
        site.begin_with(prepared)

        class Overwriting(Fate):
            async def before(self, error: Exception, *, at: int = step, site: Site = site) -> None:
                await super().before(error)
                if self.steps == at:
                    await site.drop(WEEK, csv(*NEWEST))

        await run(site, WEEK, Overwriting())
        site.now.turn(minutes=5)
        await site.sweep()
        assert (shown(site), await site.names(INBOX)) == (expected, []), f"overwritten before step {step}"
        # Whatever was imported lies in the archive, whole.
        for path in await site.names(ARCHIVE):
            if path.endswith(".csv"):
                stored = await site.files.read(ARCHIVE, path, max_bytes=10**6)
                assert stored.data.decode() in {csv(*FIRST), csv(*CHANGED), csv(*NEWEST)}


async def test_many_deliveries_at_once_are_one(new_site: Callable[[], Site], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.leases._LONGEST_POLL_SECONDS", 0.05)
    for _ in range(2):
        site = new_site()
        await changed_file(site)
        reports = await asyncio.gather(*(site.take_up(WEEK, lease_wait=5.0) for _ in range(4)))
        assert [report is not None for report in reports].count(True) == 1
        said = await site.report(WEEK)
        assert {name: said[name] for name in COUNTS_OF_CHANGE} == COUNTS_OF_CHANGE
        assert len(site.bookings()) == 11
        assert await site.names(INBOX) == []
