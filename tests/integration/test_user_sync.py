"""The user sync with both simulators over HTTP: who gets which Enreach id, and what it costs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid5

import httpx
import pytest

from functions.user_sync.use_case import Outcome, Report, UserSync
from shared import retry
from shared.dataverse.bulk import WriteOutcome
from shared.dataverse.client import DataverseClient
from shared.dataverse.tables import Table
from shared.enreach.client import EnreachClient
from shared.health import Status
from shared.settings import Settings
from shared.storage.leases import lease
from shared.storage.tables import open_tables
from shared.users.layout import LEASE_PARTITION, LEASE_ROW, PARTITION, TABLE
from shared.users.matching import UserMap
from shared.users.queries import UserColumns
from shared.users.users import Users, read_stored
from tests.azurite import Azurite
from tests.integration.enreach import Enreach, enreach_client
from tests.integration.site import Clock, utc
from tests.memory_storage import MemoryTables
from tests.plain_http import PLAIN

ID_COLUMN, EMAIL_COLUMN = "new_enreachuserid", "new_enreachemail"
COLUMNS = UserColumns(ID_COLUMN, EMAIL_COLUMN)
ROLE = "Voice User"
APPLICATION = "switchboard@nordic-care.example"
"""Who the simulator takes for the caller."""
LONG_AGO = "2020-01-01T00:00:00Z"
"""When rows were changed that are no news."""


def guid(name: object) -> str:
    return str(uuid5(UUID(int=11), str(name)))


class UserSite:
    """A contact centre whose users a test writes down: nobody is there at first."""

    def __init__(self, dataverse: DataverseClient, enreach: EnreachClient, simulator: str, enreach_url: str) -> None:
        self.dataverse, self.enreach = dataverse, enreach
        self.now = Clock(utc("2027-03-01T12:00:00+00:00"))
        self.tables = MemoryTables(self.now)
        arguments: dict[str, Any] = {"trust_env": False, "verify": PLAIN, "headers": {"Authorization": "Bearer t"}}
        self.dynamics_http = httpx.Client(base_url=simulator, **arguments)
        self.enreach_http = httpx.Client(base_url=enreach_url, **arguments)
        self.sync = self.process()

    def process(self, **other: Any) -> UserSync:
        """What a process has that has just begun."""
        worlds: dict[str, Any] = {
            "tables": self.tables,
            "dynamics": self.dataverse,
            "enreach": self.enreach,
            "columns": COLUMNS,
            "role": ROLE,
            "now": self.now,
        }
        return UserSync(**(worlds | other))

    async def tick(self) -> Report:
        """The timer fires, a minute later than before."""
        self.now.turn(minutes=1)
        return await self.sync.run()

    async def users(self, columns: UserColumns = COLUMNS, region: str | None = "FI") -> UserMap:
        return await Users(self.tables, self.dataverse, self.enreach, columns).read_users(region)

    # ------------------------------------------------------------------------------------------- Enreach

    def listed(self, *logins: str, **ids: str) -> None:
        """Enreach lists these users and nobody else. `ann` has the id guid('ann') and the login ann@x.example."""
        self.enreach_http.delete("/__sim/users").raise_for_status()
        items = [{"Id": guid(login), "UserName": f"{login}@x.example"} for login in logins]
        items += [{"Id": id_, "UserName": f"{login}@x.example"} for login, id_ in ids.items()]
        self.enreach_http.post("/__sim/users", json=items).raise_for_status()

    def fault(self, **action: object) -> None:
        rule = [{"match": {"pathRegex": "^/users/?$"}, "action": action}]
        self.enreach_http.post("/__sim/faults", json=rule).raise_for_status()

    # ------------------------------------------------------------------------------------------ Dynamics

    def person(self, name: str, **values: object) -> str:
        """A user of Dynamics, unchanged for years: `ann` has the e-mail Ann@x.example."""
        row = {"systemuserid": guid(("user", name)), "nickname": name,
               "internalemailaddress": f"{name.title()}@x.example", "modifiedon": LONG_AGO, **values}  # fmt: skip
        self.plant("systemusers", [row])
        return str(row["systemuserid"])

    def plant(self, table: str, rows: list[dict[str, Any]]) -> None:
        self.dynamics_http.post("/__sim/rows", json={table: rows}).raise_for_status()

    def edit(self, name: str, **values: object) -> None:
        """Somebody edits the user in Dynamics."""
        path = f"/api/data/v9.2/systemusers({guid(('user', name))})"
        self.dynamics_http.patch(path, json=values).raise_for_status()

    def give_role(self, name: str, role_id: str) -> None:
        """The user gets the role, which touches nothing of the user's own row."""
        path = f"/api/data/v9.2/systemusers({guid(('user', name))})/systemuserroles_association/$ref"
        role = {"@odata.id": f"{self.dynamics_http.base_url}/api/data/v9.2/roles({role_id})"}
        self.dynamics_http.post(path, json=role).raise_for_status()

    def column(self) -> dict[str, str]:
        """Who has which id in Dynamics, by their names."""
        path = f"/api/data/v9.2/systemusers?$select=nickname,{ID_COLUMN}&$filter={ID_COLUMN} ne null"
        rows = self.dynamics_http.get(path).raise_for_status().json()["value"]
        return {row["nickname"]: row[ID_COLUMN] for row in rows}

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.dynamics_http.get("/__sim/stats").json()
        return answer

    def close(self) -> None:
        self.dynamics_http.close()
        self.enreach_http.close()


def ids(*names: str) -> dict[str, str]:
    return {name: guid(name) for name in names}


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
async def site(
    simulator: str, control: httpx.Client, dataverse: DataverseClient, enreach: Enreach
) -> AsyncIterator[UserSite]:
    client = enreach_client(enreach.address)
    there = UserSite(dataverse, client, simulator, enreach.address)
    texts = {name: {"type": "String", "max_length": 100} for name in (ID_COLUMN, EMAIL_COLUMN)}
    columns = {"systemuser": {"attributes": texts}}
    there.dynamics_http.post("/__sim/columns", json=columns).raise_for_status()
    # The simulator stamps rows by the real clock.
    there.now.value = utc("2020-01-02T00:00:00+00:00")
    yield there
    await client.close()
    there.close()


# ------------------------------------------------------------------------------------------- who gets which id


async def test_ids_come_by_e_mail_whatever_the_kind_of_user(site: UserSite) -> None:
    site.person("ann")
    site.person("bot", applicationid=guid("app"), accessmode=4)
    site.person("gone", isdisabled=True)
    site.person("crm", **{EMAIL_COLUMN: " VOICE@x.example"})
    site.person("other", internalemailaddress=None)
    site.listed("ann", "bot", "gone", "voice", "nightdesk")
    report = await site.tick()
    assert site.column() == {**ids("ann", "bot", "gone"), "crm": guid("voice")}
    assert (report.outcome, report.matched, report.updated) == (Outcome.DONE, 4, 4)
    assert (report.missing, report.ambiguous) == (1, 0)
    assert report.ids["missing_in_dynamics"] == [guid("nightdesk")]
    users = await site.users()
    found = users.by_enreach_id(guid("gone").upper())
    assert found is not None
    assert (found.user_id, found.is_disabled) == (guid(("user", "gone")), True)
    again = await site.tick()
    assert (again.matched, again.updated) == (4, 0)


async def test_what_is_ambiguous_stays_as_it_is(site: UserSite) -> None:
    site.person("ann", **{ID_COLUMN: guid("ann")})
    site.person("eve", **{ID_COLUMN: guid("eve 1")})
    site.person("bob")
    site.listed("ann", "bob")
    site.enreach_http.post(
        "/__sim/users", json=[{"Id": guid(f"eve {n}"), "UserName": "eve@x.example"} for n in (1, 2)]
    ).raise_for_status()
    await site.tick()
    before = {**ids("ann", "bob"), "eve": guid("eve 1")}
    assert site.column() == before
    site.person("ann2", internalemailaddress="ANN@x.example")
    report = await site.sync.run(everything=True)
    assert site.column() == before
    assert (report.ambiguous, report.ambiguous_in_dynamics, report.ambiguous_in_enreach) == (2, 3, 2)
    assert (report.matched, report.updated) == (1, 0)
    (health,) = await site.sync.health()
    assert (health.status, "ambiguous e-mails or ids: 2" in health.reason) == (Status.AMBER, True)


async def test_ids_that_no_e_mail_speaks_of_are_kept_and_told_of(site: UserSite) -> None:
    site.person("ann", **{ID_COLUMN: "typed by hand"})
    site.person("bob", **{ID_COLUMN: "{" + guid("bob's old one").upper() + "}"})
    site.listed("eve")
    report = await site.tick()
    assert site.column() == {"ann": "typed by hand", "bob": "{" + guid("bob's old one").upper() + "}"}
    assert report.ids["missing_in_enreach"] == [guid(("user", "bob"))]
    assert report.updated == 1, "the map knows Bob now"
    users = await site.users()
    assert users.by_enreach_id(guid("bob's old one")) is not None
    site.edit("bob", **{ID_COLUMN: None})
    await site.tick()
    assert (await site.users()).by_enreach_id(guid("bob's old one")) is None


async def test_an_id_moves_with_its_e_mail_and_never_stays_behind(site: UserSite) -> None:
    for name in ("ann", "bob"):
        site.person(name)
    site.listed("ann", "bob")
    await site.tick()
    site.edit("ann", internalemailaddress="bob@x.example")
    site.edit("bob", internalemailaddress="ann@x.example")
    report = await site.tick()
    assert site.column() == {"ann": guid("bob"), "bob": guid("ann")}
    assert (report.everything, report.updated) == (False, 2)
    users = await site.users()
    assert {name: getattr(users.by_enreach_id(guid(name)), "user_id", "") for name in ("ann", "bob")} == {
        "ann": guid(("user", "bob")),
        "bob": guid(("user", "ann")),
    }


class KilledError(BaseException):
    """The process ends."""


class DyingDynamics:
    """Dataverse for a process that ends in its nth writing request, of which so many rows have landed."""

    def __init__(self, dataverse: DataverseClient, nth: int, landed: int) -> None:
        self._dataverse, self._left, self._landed = dataverse, nth, landed
        self.query_many = dataverse.query_many

    async def update_many(self, table: Table, rows: list[dict[str, Any]], **options: Any) -> WriteOutcome:
        self._left -= 1
        if self._left:
            return await self._dataverse.update_many(table, rows, **options)
        await self._dataverse.update_many(table, rows[: self._landed], **options)
        raise KilledError


@pytest.mark.parametrize("nth", [1, 2], ids=["while ids go", "while ids come"])
@pytest.mark.parametrize("landed", [0, 1, 3, 5, 6])
async def test_a_run_that_is_killed_leaves_no_id_on_two_users(site: UserSite, nth: int, landed: int) -> None:
    """Six users hold each other's ids in a ring."""
    ring = ["a", "b", "c", "d", "e", "f"]
    for name, held in zip(ring, [*ring[1:], ring[0]], strict=True):
        site.person(name, **{ID_COLUMN: guid(held)})
    site.listed(*ring)
    with pytest.raises(KilledError):
        await site.process(dynamics=DyingDynamics(site.dataverse, nth, landed)).run()
    held_now = list(site.column().values())
    assert len(held_now) == len(set(held_now)) == (6 - landed if nth == 1 else landed)
    assert (await site.process().run()).outcome is Outcome.BUSY, "nobody gave its lease back"
    site.now.turn(minutes=3)
    assert (await site.process().run()).outcome is Outcome.DONE
    assert site.column() == ids(*ring)


# ------------------------------------------------------------------------------------------- what changed


async def test_a_changed_login_counts_with_the_next_tick(site: UserSite) -> None:
    site.person("ann")
    site.listed(before=guid("1"))
    assert (await site.tick()).matched == 0
    site.listed(ann=guid("1"))
    report = await site.tick()
    assert (report.everything, report.matched, site.column()) == (False, 1, {"ann": guid("1")})


async def test_a_new_role_counts_with_the_next_tick(site: UserSite) -> None:
    """The user was there before, unseen: its row tells of no change."""
    role, in_other_unit = guid("role"), guid("role of another business unit")
    site.plant("roles", [{"roleid": role, "name": "VOICE user"}])
    site.person("old")
    site.give_role("old", role)
    site.listed("ann", "bob", "old")
    assert (await site.tick()).matched == 1
    site.person("ann")
    assert (await site.tick()).matched == 1, "nothing tells of it yet"
    site.give_role("ann", role)
    report = await site.tick()
    assert (report.everything, report.matched) == (False, 2)
    # A copy of the role in another business unit.
    site.person("bob")
    site.plant("roles", [{"roleid": in_other_unit, "name": ROLE}])
    site.give_role("bob", in_other_unit)
    assert (await site.tick()).matched == 3
    assert site.column() == ids("ann", "bob", "old")


async def test_a_voice_user_whom_enreach_lacks_is_told_of(site: UserSite) -> None:
    site.plant("roles", [{"roleid": guid("role"), "name": ROLE}])
    site.person("ann")
    site.person("bob")
    site.give_role("bob", guid("role"))
    site.listed("eve")
    report = await site.tick()
    assert (report.missing, report.missing_in_dynamics, report.missing_in_enreach) == (2, 1, 1)
    assert report.ids["missing_in_enreach"] == [guid(("user", "bob"))]


async def test_everything_is_read_once_an_hour(site: UserSite) -> None:
    site.listed("ann")
    assert [(await site.tick()).everything for _ in range(3)] == [True, False, False]
    site.person("ann")
    site.now.turn(minutes=58)
    report = await site.tick()
    assert (report.everything, report.matched) == (True, 1)


# ------------------------------------------------------------------------------------------- lists not believed

BAD_LISTS = [
    pytest.param({"html": True}, Outcome.FAILED, "", id="a web page"),
    pytest.param({"garble": True}, Outcome.FAILED, "", id="garbled"),
    pytest.param({"half": True}, Outcome.REFUSED, "1 users, half of the last 2", id="half of it"),
    pytest.param({"empty": True}, Outcome.REFUSED, "no users", id="empty"),
    pytest.param({"status": 503}, Outcome.FAILED, "503", id="down"),
    pytest.param({"status": 401}, Outcome.FAILED, "", id="the key has ended"),
]


@pytest.mark.parametrize(("fault", "outcome", "reason"), BAD_LISTS)
async def test_a_list_that_cannot_be_read_changes_nothing(
    site: UserSite, fault: dict[str, object], outcome: Outcome, reason: str
) -> None:
    for name in ("ann", "bob", "cat"):
        site.person(name)
    site.listed("ann", "bob")
    await site.tick()
    site.listed("cat", "ann")
    site.fault(**fault)
    report = await site.tick()
    assert (report.outcome, site.column()) == (outcome, ids("ann", "bob"))
    assert reason in report.reason
    (health,) = await site.sync.health()
    assert (health.status, health.reason, health.since) == (Status.AMBER, report.reason, site.now())
    site.enreach_http.delete("/__sim/faults").raise_for_status()
    assert (await site.tick()).outcome is Outcome.DONE
    assert site.column() == ids("ann", "bob", "cat")
    (health,) = await site.sync.health()
    assert health.status is Status.GREEN


async def test_an_empty_or_halved_list_changes_nothing(site: UserSite) -> None:
    names = ["ann", "bob", "cat", "dan", "eve"]
    for name in names:
        site.person(name)
    site.listed(*names)
    await site.tick()
    site.listed("ann", dan=guid("bob"))
    for process in (site.sync, site.process()):
        site.sync = process
        report = await site.tick()
        assert (report.outcome, site.column()) == (Outcome.REFUSED, ids(*names))
        assert "2 users, half of the last 5 or fewer" in report.reason
    site.enreach_http.delete("/__sim/users")
    report = await site.sync.run(everything=True, accept_fewer=True)
    assert (report.outcome, report.reason) == (Outcome.REFUSED, "Enreach lists no users: nothing was changed")
    (health,) = await site.sync.health()
    assert health.status is Status.AMBER
    # An operator who knows that it is true.
    site.listed("ann", dan=guid("bob"))
    report = await site.sync.run(everything=True, accept_fewer=True)
    assert (report.outcome, report.matched) == (Outcome.DONE, 2)
    assert site.column() == {**ids("ann", "cat", "eve"), "dan": guid("bob")}, "of those who are gone the ids stay"
    assert (await site.tick()).outcome is Outcome.DONE


@pytest.mark.parametrize(("status", "health"), [(403, Status.AMBER), (503, Status.GREEN)])
async def test_a_dynamics_that_does_not_answer_is_told_of(site: UserSite, status: int, health: Status) -> None:
    """An outage by the check of Dataverse itself, a privilege that is missing by this one."""
    site.person("ann")
    site.listed("ann")
    await site.tick()
    site.person("bob")
    site.listed("ann", "bob")
    site.dynamics_http.post("/__sim/faults", json=[{"match": {"path": "/api/"}, "action": {"status": status}}])
    report = await site.process().run()
    assert report.outcome is Outcome.FAILED
    assert str(status) in report.reason
    assert [finding.status for finding in await site.sync.health()] == [health]
    site.dynamics_http.delete("/__sim/faults")
    assert (await site.process().run()).matched == 2


async def test_ids_that_dynamics_refuses_are_in_the_map_all_the_same(site: UserSite) -> None:
    """Whoever asks for users needs no column; and the next run tries again."""
    site.person("ann")
    site.listed("ann")
    missing = UserColumns("new_nosuchcolumn")
    assert (await site.process(columns=missing).run()).outcome is Outcome.FAILED, "it cannot even be read"
    site.dynamics_http.post(
        "/__sim/faults", json=[{"match": {"path": "/api/", "body": "PATCH"}, "action": {"status": 403}}]
    )
    report = await site.tick()
    assert (report.outcome, report.matched, site.column()) == (Outcome.INCOMPLETE, 1, {})
    assert "could not be written" in report.reason
    assert (await site.users()).by_enreach_id(guid("ann")) is not None
    site.dynamics_http.delete("/__sim/faults")
    assert (await site.tick()).outcome is Outcome.DONE
    assert site.column() == ids("ann")


async def test_one_user_whom_dynamics_refuses_costs_nobody_else(site: UserSite) -> None:
    """Nor is an id given to anybody as long as it cannot be taken from another."""
    for name, held in (("ann", "bob"), ("bob", "ann"), ("cat", "")):
        site.person(name, **{ID_COLUMN: guid(held) if held else None})
    site.listed("ann", "bob", "cat")
    path = f"systemusers({guid(('user', 'ann'))})"
    rule = {"match": {"path": path}, "scope": "part", "action": {"status": 400}}
    site.dynamics_http.post("/__sim/faults", json=[rule]).raise_for_status()
    report = await site.tick()
    assert (report.outcome, report.refused) == (Outcome.INCOMPLETE, 2)
    assert report.ids["refused"] == sorted(guid(("user", name)) for name in ("ann", "bob"))
    assert "did not take the id of 2 users (Dataverse answered 400" in report.reason
    assert site.column() == {"ann": guid("bob"), "cat": guid("cat")}
    site.dynamics_http.delete("/__sim/faults")
    assert (await site.tick()).outcome is Outcome.DONE
    assert site.column() == ids("ann", "bob", "cat")


async def test_who_may_not_read_roles_does_without_them(site: UserSite) -> None:
    site.person("ann")
    site.listed("ann")
    rights = {"roles": {"Sync": {"systemuser": ["Read", "Write"]}}, "assignments": {APPLICATION: ["Sync"]}}
    site.dynamics_http.post("/__sim/roles", json=rights).raise_for_status()
    try:
        for _ in range(2):
            report = await site.tick()
            assert (report.outcome, report.matched) == (Outcome.INCOMPLETE, 1)
            assert report.reason.startswith("who has the role of voice users could not be read: Dataverse answered 403")
    finally:
        site.dynamics_http.post("/__sim/roles", json=None).raise_for_status()
    assert site.column() == ids("ann")
    assert (await site.tick()).outcome is Outcome.DONE


async def test_of_two_runs_at_once_one_waits(site: UserSite) -> None:
    site.person("ann")
    site.listed("ann")
    reports = await asyncio.gather(*(site.process().run(wait=wait) for wait in (0.0, 5.0)))
    assert sorted(report.outcome for report in reports) in ([Outcome.BUSY, Outcome.DONE], [Outcome.DONE] * 2)
    holding = lease(site.tables, TABLE, LEASE_PARTITION, LEASE_ROW, holder="another", seconds=60, now=site.now)
    async with holding:
        assert (await site.sync.run()).outcome is Outcome.BUSY
    assert (await site.tick()).outcome is Outcome.DONE
    assert site.column() == ids("ann")


# ------------------------------------------------------------------------------------------- the map for callers

NO_COLUMNS = UserColumns()


async def test_without_a_column_the_map_alone_knows(site: UserSite) -> None:
    site.person("ann")
    site.listed("ann")
    site.sync = site.process(columns=NO_COLUMNS)
    report = await site.tick()
    assert (report.matched, report.updated, site.column()) == (1, 1, {})
    assert "systemuser" not in site.stats()["recordsWritten"]["updated"]
    site.listed("eve")
    assert (await site.tick()).ids["missing_in_enreach"] == [guid(("user", "ann"))]
    found = (await site.users(NO_COLUMNS)).by_enreach_id(guid("ann"))
    assert found is not None, "the calls of somebody who left are still to be written"
    assert found.user_id == guid(("user", "ann"))
    assert (await site.tick()).updated == 0


@pytest.mark.parametrize("columns", [COLUMNS, NO_COLUMNS], ids=["columns", "no columns"])
async def test_before_the_first_run_e_mails_are_matched_on_the_spot(site: UserSite, columns: UserColumns) -> None:
    site.person("ann", mobilephone="050 5550099")
    site.person("crm", **{EMAIL_COLUMN: "voice@x.example"})
    site.listed("ann", "voice")
    users = await site.users(columns)
    ann = users.by_enreach_id(guid("ann"))
    assert ann is not None
    assert ann == users.by_mobile_number("+358505550099")
    assert (users.by_enreach_id(guid("voice")) is not None) == (columns is COLUMNS)


async def test_a_map_is_read_once_for_many_and_anew_when_it_changed(site: UserSite) -> None:
    site.person("ann", mobilephone="+358505550098")
    site.listed("ann")
    reader = Users(site.tables, site.dataverse, site.enreach, COLUMNS)
    sync = site.process(map_changed=reader.forget)
    await sync.run()
    asked = site.stats()["requests"]["total"]
    first = await asyncio.gather(*(reader.read_users("FI") for _ in range(20)))
    assert all(users is first[0] for users in first)
    assert site.stats()["requests"]["total"] == asked + 1
    site.listed("ann", "bob")
    site.person("bob")
    await sync.run(everything=True)
    assert (await reader.read_users("FI")).by_enreach_id(guid("bob")) is not None


async def test_nothing_personal_is_stored_or_logged(site: UserSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.person("ann", mobilephone="+358505550097", **{EMAIL_COLUMN: "secret@x.example"})
    site.listed("secret", "eve")
    await site.tick()
    await site.users()
    stored = repr({name: site.tables.rows(name) for name in site.tables.names()}).casefold()
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("functions", "shared"))
    )
    assert "User sync" in logged
    for text in ("x.example", "505550097", "secret"):
        assert text not in stored
        assert text not in logged.casefold()


# ------------------------------------------------------------------------------------------- what it costs


def many(site: UserSite, count: int) -> None:
    """So many voice users in both systems."""
    names = [f"agent{number}" for number in range(count)]
    rows = [{"systemuserid": guid(("user", name)), "nickname": name, "internalemailaddress": f"{name}@x.example",
             "modifiedon": LONG_AGO} for name in names]  # fmt: skip
    members = [{"systemuserid": row["systemuserid"], "roleid": guid("role")} for row in rows]
    site.plant("systemusers", rows)
    site.plant("roles", [{"roleid": guid("role"), "name": ROLE}])
    site.plant("systemuserrolescollection", members)
    site.listed(*names)


async def test_requests_grow_with_thousands_of_users(site: UserSite) -> None:
    """Pages have 5,000 rows: of users, and of those who have the role."""
    many(site, 6000)
    site.sync = site.process(columns=NO_COLUMNS)
    before = site.tables.requests
    report = await site.tick()
    assert (report.everything, report.matched, report.requests) == (True, 6000, 4)
    assert site.tables.requests - before == 5
    report = await site.tick()
    assert (report.everything, report.updated, report.requests) == (False, 0, 2)
    before = site.stats()["requests"]["total"]
    assert len((await site.users(NO_COLUMNS)).enreach_ids) == 6000
    assert site.stats()["requests"]["total"] - before == 2


async def test_two_thousand_users_take_few_requests(site: UserSite, azurite: Azurite) -> None:
    many(site, 2000)
    as_slow_as_real = {"latency_ms": 60, "single_write_ms": 12, "read_part_ms": 4}
    site.dynamics_http.post("/__sim/environment", json=as_slow_as_real).raise_for_status()
    tables = open_tables(
        Settings.model_validate(
            {
                "AzureWebJobsStorage": azurite.fresh_account(),
                "dataverse_url": "https://contoso.crm4.dynamics.com",
            }
        )
    )
    try:
        site.tables = cast(MemoryTables, tables)
        site.sync = site.process()
        before = site.enreach.requests["users"]
        report = await site.sync.run(everything=True)
        assert (report.outcome, report.matched, report.updated) == (Outcome.DONE, 2000, 2000)
        assert report.milliseconds < 10_000
        # Two to read (the second since the role was not known), the rest are $batch requests of up to a hundred writes.
        assert report.requests <= 2 + 2000 / 50
        again = await site.sync.run(everything=True)
        assert (again.updated, again.requests) == (0, 1)
        quiet = await site.sync.run()
        assert (quiet.updated, quiet.requests, quiet.everything) == (0, 1, False)
        assert site.enreach.requests["users"] - before == 3
        assert len((await read_stored(tables)).ids) == 2000
        rows_stored = [entity.row async for entity in tables.list(TABLE, PARTITION)]
        assert len(rows_stored) == 17
        assert len((await site.users()).enreach_ids) == 2000
    finally:
        await tables.close()
