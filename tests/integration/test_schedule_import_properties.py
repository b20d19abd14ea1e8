"""Whatever is planned, in whatever order it is delivered: Dynamics has exactly what the newest files say.

Judged by schedule_model.py, which shares no code with the app. SCHEDULE_EXAMPLES sets how many plans are played.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from itertools import permutations
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.schedule_import.containers import INBOX
from functions.schedule_import.report import ImportReport
from shared.dataverse.client import DataverseClient
from tests.integration import schedule_model
from tests.integration.schedule_model import NIGHTS, PROFILE, SETUP_METADATA, Dynamics, Expected, Line, Model, Planner
from tests.integration.site import Site

EXAMPLES = int(os.environ.get("SCHEDULE_EXAMPLES", "20"))
# A play takes about a second; one that fails is then made smaller for up to five minutes.
pytestmark = pytest.mark.timeout(300 + 5 * EXAMPLES)
EVERYONE = (
    "asa.lindqvist@nordic-care.example", "zoe.vanthoff@nordic-care.example", "paivi.makela@nordic-care.example",
    "jurgen.weiss@nordic-care.example", "siobhan.oneill@nordic-care.example", "lukasz.wojcik@nordic-care.example",
)  # fmt: skip
STRANGERS = ["nobody@nordic-care.example", "hoa.nguyen@nordic-care.example"]
FREE = {"maxRemovedShare": 1, "maxAgentsWithoutWorkTomorrow": 1000, "maxAssignableDropShare": 1}
FOREIGN_MARKS = ("", f"sb:{PROFILE}-2:E-1", f"x sb:{PROFILE}:E-1", f"sb:{PROFILE}")
WEEK = f"{PROFILE}/week.csv"


class Play:
    """A site, what the model says of it, and somebody who plans."""

    def __init__(self, site: Site, seed: int, agents: int, days: int, zones: list[str], **rules: Any) -> None:
        self.site = site
        self.random = Random(seed)  # noqa: S311 - what is drawn is to be drawn again
        self.agents = list(EVERYONE[:agents])
        self.planner = Planner(self.random, self.agents, STRANGERS, zones, days)
        self.model = Model(self.agents, days=rules.get("horizon"), cancels=rules.get("removal") == "cancel")
        self.site.now.value = datetime.combine(self.planner.first, time(), UTC) - timedelta(days=9)
        self.dynamics = Dynamics(site.get)
        self.document = {
            "extends": PROFILE,
            "hold": FREE,
            "removal": rules.get("removal", "delete"),
            "scope": {"days": rules["horizon"]} if rules.get("horizon") else {},
        }
        self.files: dict[str, list[Line]] = {}
        self.not_told: set[str] = set()
        """Files in the inbox whose event is yet to come."""
        self._foreign: dict[str, dict[str, Any]] = {}
        self._numbers = iter(range(1, 10_000))

    async def begin(self) -> None:
        await self.site.configure(f"schedule-profiles/{PROFILE}.json", self.document)
        self.plant_foreign()

    # ---------------------------------------------------------------------------------------------- what is done

    async def drop(self, path: str, lines: list[Line]) -> None:
        self.files[path] = lines
        await self.site.drop(path, schedule_model.text_of(lines))

    async def deliver(self) -> None:
        """A new export, told by its event, or told twice, or by the sweep alone."""
        lines = self.planner.export(self.model)
        await self.drop(WEEK, lines)
        expected = self.model.take(WEEK, lines, self.site.now())
        told = self.random.choice(("event", "event", "event twice", "at once", "sweep"))
        if told == "sweep":
            assert await self.site.sweep() == 1
        elif told == "at once":
            await asyncio.gather(*(self.site.take_up(WEEK) for _ in range(3)))
            await self.site.sweep()
        else:
            await self.site.take_up(WEEK)
        await self.judge(WEEK, expected)
        if told == "event twice":
            assert await self.site.take_up(WEEK) is None

    async def deliver_again(self) -> None:
        """The last export once more: nothing is written."""
        if WEEK not in self.files:
            return
        before = self.dynamics.look()
        lines = self.files[WEEK]
        await self.drop(WEEK, lines)
        expected = self.model.take(WEEK, lines, self.site.now())
        await self.site.take_up(WEEK)
        await self.judge(WEEK, expected)
        if not expected.writes:
            assert self.dynamics.look() == before

    async def deliver_late(self) -> None:
        """An export is overtaken by the next one."""
        old, older = f"{PROFILE}/old-{next(self._numbers)}.csv", self.planner.export(self.model)
        await self.drop(old, older)
        uploaded = self.site.now()
        self.planner.edit()
        self.not_told = {old}
        await self.deliver_only(WEEK)
        self.not_told = set()
        expected = self.model.take(old, older, uploaded)
        await self.site.take_up(old)
        await self.judge(old, expected)
        if expected.status == "held":
            await self.settle_held(old, older, uploaded)

    async def deliver_only(self, path: str) -> None:
        lines = self.planner.export(self.model)
        await self.drop(path, lines)
        expected = self.model.take(path, lines, self.site.now())
        await self.site.take_up(path)
        await self.judge(path, expected)

    async def settle_held(self, path: str, lines: list[Line], uploaded: datetime) -> None:
        if self.random.random() < 0.5 or not self.model.foresees(lines):
            assert (await self.site.command(f"{path}.reject")).status == "rejected"
            return
        expected = self.model.take(path, lines, uploaded, approved=True)
        await self.site.command(f"{path}.approve")
        await self.judge(path, expected)

    async def deliver_two(self) -> None:
        """Two files at once: one waits, in whatever order they come to it."""
        paths = [f"{PROFILE}/part-{next(self._numbers)}.csv" for _ in range(2)]
        uploaded = {}
        ahead = self.model.fork()
        for path in paths:
            await self.drop(path, self.planner.export(self.model, ahead))
            uploaded[path] = self.site.now()
            ahead.take(path, self.files[path], uploaded[path])
            self.planner.edit()
        self.random.shuffle(paths)
        await asyncio.gather(*(self.site.take_up(path) for path in paths))
        await self.site.sweep()
        await self.judge_any([[(path, uploaded[path]) for path in order] for order in permutations(paths)])
        for path in await self.site.names(INBOX):
            assert (await self.site.command(f"{path}.reject")).status == "rejected"

    async def overwrite(self) -> None:
        """The file is overwritten somewhere in the middle of its import."""
        old = self.planner.export(self.model)
        await self.drop(WEEK, old)
        uploaded = self.site.now()
        first = self.model.fork()
        first.take(WEEK, old, uploaded)
        self.planner.edit()
        new, step = self.planner.export(self.model, first), self.random.randint(1, 9)
        files = Interrupted(self.site.files, step, lambda: self.drop(WEEK, new))
        await self.site.take_up(WEEK, files=files)
        if not files.is_done:
            await self.drop(WEEK, new)
        self.files[WEEK] = old
        again = self.site.now()
        await self.site.sweep()
        if await self.site.names(INBOX):
            await self.site.sweep()
        report = await self.site.report(WEEK)
        options = [model for model in (first, self.model) if self._fits(model, new, again, report)]
        assert options, "neither one version after the other, nor the new one alone"
        self.model = options[0]
        self.files[WEEK] = new
        await self.judge(WEEK, None)

    def _fits(self, model: Model, lines: list[Line], uploaded: datetime, report: dict[str, Any]) -> bool:
        expected = model.take(WEEK, lines, uploaded)
        counts = [getattr(expected, name) for name in ("created", "updated", "removed")]
        told = [report[name] for name in ("created", "updated", "removed")]
        return counts == told and model.live() == Counter(self.dynamics.look()[0].values())

    async def lose_tables(self) -> None:
        self.site.tables.empty()
        self.model.forget()

    async def edit_by_hand(self) -> None:
        """Somebody edits, moves or deletes bookings in Dynamics."""
        mine, _ = self.dynamics.look()
        numbers = Counter(mine.values())
        for key, said in self.random.sample(sorted(mine.items()), min(2, len(mine))):
            if numbers[said] > 1 or not said.live:
                continue
            place = next(place for place, one in self.model.bookings.items() if one == said)
            path = f"bookableresourcebookings({key})"
            kind = self.random.choice(("delete", "rename", "move"))
            if kind == "delete":
                self.site.delete(path)
                del self.model.bookings[place]
            elif kind == "rename":
                self.site.patch(path, {"name": "Edited"})
                self.model.bookings[place] = said._replace(name="Edited")
            else:
                by = timedelta(hours=self.random.choice((-72, 1, 72)))
                times = {"starttime": said.start + by, "endtime": said.end + by}
                self.site.patch(path, {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in times.items()})
                self.model.bookings[place] = said._replace(start=said.start + by, end=said.end + by)

    async def force(self) -> None:
        if WEEK not in self.files:
            return
        expected = self.model.force(WEEK)
        report = await self.site.command(f"{WEEK}.force")
        self._compare(report, expected)
        await self.judge(WEEK, None)

    async def undo(self) -> None:
        expected = self.model.undo(WEEK)
        report = await self.site.command(f"{WEEK}.undo")
        self._compare(report, expected)
        await self.judge(WEEK, None)

    async def drop_header(self) -> None:
        """A header and no rows: held, and rejected by a person."""
        path = f"{PROFILE}/empty.csv"
        await self.drop(path, [])
        report = await self.site.take_up(path)
        self._compare(report, self.model.take(path, [], self.site.now()))
        assert (await self.site.command(f"{path}.reject")).status == "rejected"
        await self.judge(path, None)

    def plant_foreign(self) -> None:
        """Somebody else's bookings, some of them marked nearly like ours."""
        agent = self.random.choice(self.agents)
        user = self.dynamics.user_ids[agent]
        resources = self.site.get(f"bookableresources?$filter=_userid_value eq {user}")
        if resources:
            resource = resources[0]["bookableresourceid"]
        else:
            resource = f"7d7c7ba4-0000-4000-8000-{next(self._numbers):012}"
            row = {"bookableresourceid": resource, "name": "An agent", "resourcetype": 3, "timezone": 92,
                   "UserId@odata.bind": f"/systemusers({user})"}  # fmt: skip
            self.site.plant("bookableresources", [row])
        (status,) = self.site.get("bookingstatuses?$filter=name eq 'Committed'")
        for mark in FOREIGN_MARKS:
            start = datetime.combine(self.planner.first, time(self.random.randint(0, 20)), UTC) + timedelta(
                days=self.random.randint(-1, 6)
            )
            key = f"7d7c7ba4-0000-4000-9000-{next(self._numbers):012}"
            end = start + timedelta(hours=2)
            self.site.patch(f"bookableresourcebookings({key})", {
                "name": "Not ours", "starttime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "endtime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
                "duration": 120, "bookingtype": 1, "msdyn_externalbookingid": mark,
                "Resource@odata.bind": f"/bookableresources({resource})",
                "BookingStatus@odata.bind": f"/bookingstatuses({status['bookingstatusid']})",
                "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SETUP_METADATA})",
            })  # fmt: skip
        self._foreign = self.dynamics.look()[1]

    # ----------------------------------------------------------------------------------------------- the judge

    async def judge(self, path: str, expected: Expected | None) -> None:
        """Dynamics is as the model says, and so is the report; the inbox holds what is held, and nothing else."""
        if expected is not None:
            report = await self.site.report(path)
            self._compare_values(report, expected)
            held = {path} if expected.status == "held" else set()
            assert set(await self.site.names(INBOX)) == held | self.not_told
        mine, foreign = self.dynamics.look()
        found, wanted = Counter(mine.values()), self.model.live()
        assert found == wanted, f"too much: {list(found - wanted)}; missing: {list(wanted - found)}"
        assert foreign == self._foreign

    def _compare(self, report: ImportReport | None, expected: Expected) -> None:
        assert report is not None
        self._compare_values(
            {name: getattr(report, name)
             for name in ("status", "created", "updated", "removed", "unchanged", "protected", "reasons")},
            expected,
        )  # fmt: skip

    def _compare_values(self, report: dict[str, Any], expected: Expected) -> None:
        names = ["status", "created", "updated", "removed"]
        if expected.status not in {"held", "rejected"}:
            names.append("unchanged")
        if expected.status in {"imported", "unchanged"} and expected.writes:
            names.append("protected")
        found, wanted = (
            {name: of(name) for name in names} for of in (report.get, lambda name: getattr(expected, name))
        )
        assert found == wanted, f"{found} is not {wanted}: {report['reasons']}"
        assert not expected.reason or expected.reason in report["reasons"][-1] + report["reasons"][0]

    async def judge_any(self, orders: list[list[tuple[str, datetime]]]) -> None:
        """The files were imported in one of these orders; the model goes on with it."""
        reports = {path: await self.site.report(path) for path, _ in orders[0]}
        found = Counter(self.dynamics.look()[0].values())
        for order in orders:
            model = self.model.fork()
            told = {path: model.take(path, self.files[path], uploaded) for path, uploaded in order}
            if model.live() == found and all(told[path].status == reports[path]["status"] for path in told):
                self.model = model
                for path, expected in told.items():
                    self._compare_values(reports[path], expected)
                return
        raise AssertionError("no order of the two files ends in these bookings")


class Interrupted:
    """Files of which something happens at the n-th call."""

    def __init__(self, files: Any, step: int, event: Callable[[], Awaitable[None]]) -> None:
        self._files = files
        self._left = step
        self._event = event

    @property
    def is_done(self) -> bool:
        return self._left <= 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._files, name)
        if name == "list":
            return real

        async def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                await self._event()
            return await real(*arguments, **named)

        return call


STEPS = {
    "deliver": 6, "deliver_again": 1, "deliver_late": 1, "deliver_two": 1, "overwrite": 1, "lose_tables": 1,
    "edit_by_hand": 1, "force": 1, "undo": 1, "drop_header": 1,
}  # fmt: skip
step_names = st.sampled_from([name for name, weight in STEPS.items() for _ in range(weight)])
zones = st.lists(st.sampled_from(sorted(NIGHTS)), min_size=1, max_size=2, unique=True)
rules = st.fixed_dictionaries(
    {"removal": st.sampled_from(["delete", "cancel"]), "horizon": st.sampled_from([None, 16])}
)
plays = settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def new_site(dataverse: DataverseClient, simulator: str, control: httpx.Client) -> Site:
    assert control.post("reset").is_success
    return Site(dataverse, simulator, datetime(2027, 1, 1, tzinfo=UTC))


@plays
@given(
    seed=st.integers(0, 2**32), agents=st.integers(2, 6), days=st.integers(3, 7), zones=zones, rules=rules,
    steps=st.lists(step_names, min_size=2, max_size=8),
)  # fmt: skip
async def test_any_order_of_deliveries_ends_as_the_files_say(
    dataverse: DataverseClient, simulator: str, control: httpx.Client,
    seed: int, agents: int, days: int, zones: list[str], rules: dict[str, Any], steps: list[str],
) -> None:  # fmt: skip
    site = new_site(dataverse, simulator, control)
    try:
        play = Play(site, seed, agents, days, zones, **rules)
        await play.begin()
        await play.deliver()
        for step in steps:
            play.planner.edit()
            await getattr(play, step)()
        await play.deliver()
        await play.deliver_again()
        # The tables are a memory only: without them the same file again changes nothing.
        await play.lose_tables()
        await play.deliver_again()
    finally:
        site.close()


def planned(day: int, hour: int, activity: str, external_id: str = "") -> Line:
    """Two hours of one agent in November 2027."""
    start = datetime(2027, 11, day, hour)  # noqa: DTZ001 - a clock on the wall
    return Line(EVERYONE[0], start, start + timedelta(hours=2), activity, "Team A", "Europe/Helsinki", "", external_id)


SATURDAY = planned(6, 9, "Training", "E-7")
"""Of a source that uses its id on Monday too."""
MONDAY = [planned(8, 9, "Chat", "E-7"), planned(8, 20, "Work")]


@pytest.mark.parametrize("removal", ["delete", "cancel"])
@pytest.mark.parametrize(
    ("monday", "expected"),
    [
        pytest.param(MONDAY[:1], Expected("imported", removed=1, unchanged=1), id="as it is"),
        pytest.param(
            [planned(8, 12, "Chat", "E-7"), MONDAY[1]], Expected("imported", updated=1, unchanged=1), id="later"
        ),
        pytest.param(
            [MONDAY[0], planned(8, 12, "Chat", "E-7")],
            Expected("imported", created=1, updated=1, removed=1),
            id="one more",
        ),
    ],
)
async def test_an_older_days_file_leaves_other_days_alone_although_they_have_its_ids(
    dataverse: DataverseClient, simulator: str, control: httpx.Client,
    monday: list[Line], expected: Expected, removal: str,
) -> None:  # fmt: skip
    """Monday's file was made before the plan of all days and is approved after it. Within Monday's file the id counts
    from its first row, which in the plan is Saturday's: Saturday's booking stays all the same."""
    site = new_site(dataverse, simulator, control)
    try:
        play = Play(site, 0, 1, 3, ["Europe/Helsinki"], removal=removal)
        await play.begin()
        old = f"{PROFILE}/monday.csv"
        await play.drop(old, monday)
        uploaded = site.now()
        await play.drop(WEEK, [SATURDAY, *MONDAY])
        play.model.take(WEEK, play.files[WEEK], site.now())
        await site.take_up(WEEK)
        assert (await site.take_up(old) or Expected("")).status == "held"
        approved = await site.command(f"{old}.approve")
        play._compare(approved, expected)
        assert play.model.take(old, monday, uploaded, approved=True) == expected
        await play.judge(old, expected)
        live = {(said.start.day, said.name) for said in play.dynamics.look()[0].values() if said.live}
        assert live == {(line.start.day, line.activity) for line in [SATURDAY, *monday]}
    finally:
        site.close()


@settings(plays, max_examples=max(10, EXAMPLES // 4))
@given(seed=st.integers(0, 2**32), agents=st.integers(2, 4), days=st.integers(3, 5), zones=zones, rules=rules)
async def test_undo_restores_every_booking_under_its_key(
    dataverse: DataverseClient, simulator: str, control: httpx.Client,
    seed: int, agents: int, days: int, zones: list[str], rules: dict[str, Any],
) -> None:  # fmt: skip
    site = new_site(dataverse, simulator, control)
    try:
        play = Play(site, seed, agents, days, zones, **rules)
        await play.begin()
        await play.deliver()
        before = play.dynamics.look()
        play.planner.edit()
        await play.deliver()
        after = play.dynamics.look()
        report = await site.report(WEEK)
        writes = report["created"] + report["updated"] + report["removed"]
        undone = await site.command(f"{PROFILE}/{report['importId']}.undo")
        assert undone.status == ("undone" if writes else "rejected")
        assert undone.updated + undone.removed == writes
        assert play.dynamics.look() == before
        # The same file, dropped once more, is no repetition of what was undone.
        await site.drop(WEEK, schedule_model.text_of(play.files[WEEK]))
        await site.take_up(WEEK)
        assert play.dynamics.look() == after
    finally:
        site.close()
