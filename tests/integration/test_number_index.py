"""The number index with the Dataverse simulator over HTTP: who calls, known from Table Storage alone."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any, cast
from uuid import UUID, uuid5

import httpx
import pytest
from azure.data.tables import TableServiceClient

from functions.number_index.use_case import IndexGateways, Refresh, refresh_index
from shared import retry
from shared.config_documents import ConfigDocuments
from shared.customers import (
    NOBODY,
    CustomerColumns,
    CustomerMatching,
    Match,
    MatchKind,
    StoredSpellings,
    ask_of_caller,
    customer_questions,
    matched,
)
from shared.customers.many import find_customers
from shared.dataverse.client import DataverseClient
from shared.dataverse.meter import count_requests
from shared.number_index import index as index_module
from shared.number_index.index import NumberIndex
from shared.number_index.keys import NumberKey
from shared.number_index.layout import LEASE_ROW, STATE_PARTITION, STATE_ROW, TABLE
from shared.number_index.state import read_state
from shared.settings import Settings
from shared.storage.errors import StorageError
from shared.storage.tables import Tables, open_tables
from tests.integration.site import Site, utc
from tests.memory_storage import MemoryTables

START = utc("2027-03-29T08:00:00+00:00")
KEY = NumberKey("a key of the number index for tests, long enough")
ENVIRONMENT = "https://contoso.crm4.dynamics.com"
MATCHING = {"defaultRegion": "FI"}
ELINA = "+358504545641"


class IndexSite(Site):
    """A site with a number index."""

    def __init__(self, dataverse: DataverseClient, simulator: str) -> None:
        super().__init__(dataverse, simulator, START)
        self.key = KEY
        self.matching = CustomerMatching.model_validate(MATCHING)
        self.index = self.reader()

    def reader(self, **other: Any) -> NumberIndex:
        arguments: dict[str, Any] = {"now": self.now, "patience": 5.0} | other
        return NumberIndex(self.tables, self.key, ENVIRONMENT, **arguments)

    async def settle(self, **matching: object) -> None:
        """The administrator writes customer-matching.json."""
        document = MATCHING | matching
        self.matching = CustomerMatching.model_validate_json(json.dumps(document))
        await self.configure("customer-matching.json", document)

    async def refresh(self, **other: Any) -> Refresh:
        worlds: dict[str, Any] = {
            "tables": self.tables,
            "dynamics": self.dataverse,
            "documents": ConfigDocuments(self.files, check_every=0),
            "key": self.key,
            "environment": ENVIRONMENT,
            "now": self.now,
        }
        return await refresh_index(IndexGateways(**(worlds | other)))

    async def tick(self, **other: Any) -> Refresh:
        """A minute later the timer fires, and readers look at the state again."""
        self.now.turn(minutes=1)
        done = await self.refresh(**other)
        self.index = self.reader()
        return done

    async def find(self, number: str) -> dict[MatchKind, list[str]] | None:
        found = await self.index.find(number, self.matching)
        return None if found is None else {kind: sorted(ids) for kind, ids in found.items()}

    async def owners(self, number: str) -> list[str]:
        """The ids of the contacts with the number; fails where the index is not believed."""
        found = await self.find(number)
        assert found is not None
        return found.get(MatchKind.CONTACT, [])

    def contact(self, number: int, **values: object) -> str:
        row_id = guid(number)
        self.plant("contacts", [{"contactid": row_id, "lastname": "Test", **values}])
        return row_id

    def environment(self, **switches: object) -> None:
        self._http.post("/__sim/environment", json=switches).raise_for_status()

    def reset(self) -> None:
        """Everything is as it was at first, and there is no index."""
        self._http.post("/__sim/reset").raise_for_status()
        self.tables.empty()

    async def state(self) -> Any:
        entity = await self.tables.get(TABLE, STATE_PARTITION, STATE_ROW)
        assert entity is not None
        return read_state(entity.values)

    def content(self) -> dict[tuple[str, str], dict[str, Any]]:
        """All rows of the index but the state and the lease, under the name of their generation's place."""
        return {place: dict(row) for place, row in self.tables.rows(TABLE).items() if place[0] != STATE_PARTITION}

    def plain_content(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The same without the number of the generation, of which there has to be one alone."""
        assert len({partition.split("-")[0] for partition, _ in self.content()}) <= 1
        return {(place.split("-")[1], row): values for (place, row), values in self.content().items()}


def guid(number: int) -> str:
    return str(uuid5(UUID(int=7), str(number)))


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
async def site(simulator: str, control: httpx.Client, dataverse: DataverseClient) -> AsyncIterator[IndexSite]:
    there = IndexSite(dataverse, simulator)
    await there.settle()
    yield there
    there.environment(deltaTokenDays=7, expiredDeltaStatus=400)
    there.close()


# ------------------------------------------------------------------------------------------- looking up


SPELLINGS = [
    "+358504545641", "+358 50 454 5641", "358504545641", "00358504545641", "050 4545641", "050-454 5641",
    "+358 (0)50 454 5641", "(050) 4545 641", "050 4545641 ext. 12", "tel:+358-50-4545-641", "050/454.56.41",
    "+358\u00a050\u00a0454\u00a05641",
]  # fmt: skip


@pytest.mark.parametrize("stored", SPELLINGS)
async def test_a_number_is_found_however_it_is_stored(site: IndexSite, stored: str) -> None:
    row_id = site.contact(1, mobilephone=None, telephone3=stored)
    assert (await site.refresh()).outcome == "built"
    assert row_id in await site.owners(ELINA)


async def test_a_stranger_is_known_to_be_one_without_a_request(site: IndexSite) -> None:
    site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    before = site.requests()["requests"]["total"]
    with count_requests() as meter:
        for last in range(200):
            assert await site.find(f"+3584020{last:05}") == {}
    assert (meter.requests, site.requests()["requests"]["total"]) == (0, before)


async def test_each_kind_is_found_in_its_columns(site: IndexSite) -> None:
    await site.settle(columns={"contact": ["mobilephone"], "account": ["telephone1", "fax"], "lead": ["telephone2"]})
    contact = site.contact(1, mobilephone="040 1111111", telephone1="040 2222222")
    site.plant("accounts", [{"accountid": guid(2), "name": "A", "fax": "040 1111111"}])
    site.plant("leads", [{"leadid": guid(3), "subject": "L", "telephone2": "040 1111111", "mobilephone": "0402222222"}])
    await site.refresh()
    assert await site.find("+358401111111") == {
        MatchKind.CONTACT: [contact], MatchKind.ACCOUNT: [guid(2)], MatchKind.LEAD: [guid(3)],
    }  # fmt: skip
    assert await site.find("+358402222222") == {}


async def test_several_customers_of_one_number_are_all_found(site: IndexSite) -> None:
    ids = [site.contact(number, mobilephone="040 1111111", telephone1="+358401111111") for number in range(5)]
    await site.refresh()
    assert await site.owners("+358401111111") == sorted(ids)


async def test_a_number_of_very_many_is_left_to_dataverse(site: IndexSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MOST_CUSTOMERS", 3)
    for number in range(4):
        site.contact(number, mobilephone="040 1111111", telephone1="040 2222222" if number else None)
    await site.refresh()
    assert await site.find("+358401111111") is None
    assert len(await site.owners("+358402222222")) == 3


async def test_neighbours_of_a_number_are_strangers(site: IndexSite) -> None:
    site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    for near in ("+358401111112", "+35840111111", "+3584011111111", "+46401111111", "+358411111111"):
        assert await site.find(near) == {}


# ---------------------------------------------------------------------------------------------- many at once


async def found_alone(index: NumberIndex, numbers: list[str], matching: CustomerMatching) -> dict[str, Any]:
    """What `find` says of each number, without those of which it says nothing."""
    said = {number: await index.find(number, matching) for number in numbers}
    return {number: ids for number, ids in said.items() if ids is not None}


async def test_many_numbers_have_the_customers_that_each_has_alone(
    site: IndexSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "MOST_CUSTOMERS", 3)
    numbers = [f"+358401{last:06}" for last in range(2000)]
    for position, number in enumerate(numbers[:60]):
        site.contact(position, mobilephone=number, telephone1=numbers[position // 5])
    await site.refresh()
    expected = await found_alone(site.index, numbers, site.matching)
    # The first numbers have too many, and are left to Dataverse; strangers are known to be some.
    assert {len(ids.get(MatchKind.CONTACT, ())) for ids in expected.values()} == {0, 1}
    assert len(expected) == len(numbers) - 12
    slow = Slow(site.tables)
    found = await NumberIndex(slow, KEY, ENVIRONMENT, now=site.now).find_many(numbers, site.matching)
    assert found == expected
    assert slow.calls < len(numbers) / 4


async def test_customers_of_many_numbers_are_read_by_the_ids_of_the_index(
    site: IndexSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "MOST_CUSTOMERS", 60)
    numbers = [f"+3584010{last:05}" for last in range(900)]
    odd = "0 {0} {1} {2}-{3}"  # a format that no query by text finds
    for position, number in enumerate(numbers[:40]):
        digits = number.removeprefix("+358")
        site.contact(position, mobilephone=odd.format(digits[:2], digits[2:5], digits[5:7], digits[7:]))
    site.plant("contacts", [{"contactid": guid(1000 + n), "telephone1": "040 1000050"} for n in range(55)])
    site.plant("contacts", [{"contactid": guid(2000 + n), "telephone1": "040 1000051"} for n in range(70)])
    site.plant("accounts", [{"accountid": guid(3000 + n), "telephone2": "040-1000052"} for n in range(2)])
    site.plant(
        "leads", [{"leadid": guid(4000), "telephone2": numbers[0]}, {"leadid": guid(4001), "telephone2": numbers[53]}]
    )
    await site.refresh()
    for policy in (site.matching, site.matching.model_copy(update={"multiple_matches_pick_first": True})):
        before = site.requests()["requests"]["total"]
        found = await find_customers(site.dataverse, numbers, policy, index=site.index)
        took = site.requests()["requests"]["total"] - before
        assert [len(found[number].candidates) for number in numbers[:55]] == [1] * 40 + [0] * 10 + [50, 50, 2, 1, 0]
        assert all(match is NOBODY for match in list(found.values())[54:])
        for number in (numbers[0], *numbers[49:55]):
            alone = await find_by_index(site, number, policy)
            assert customer(found[number]) == customer(alone), number
        # One for the rows by their keys, one for the number that the index leaves out; and what picks the first.
        assert took == (2 if policy is site.matching else 3)


def customer(match: Match) -> tuple[Any, ...]:
    row = match.row or {}
    key = row.get("contactid") or row.get("accountid") or row.get("leadid")
    return match.kind, key, match.candidate_kind, match.candidates


async def find_by_index(site: IndexSite, number: str, policy: CustomerMatching) -> Match:
    """Whose number it is, asked as routing asks."""
    ids = await site.index.find(number, policy)
    answers = await ask_of_caller(
        site.dataverse,
        number,
        policy,
        lambda known, joined: customer_questions(number, policy, CustomerColumns(), ids=known, joined=joined),
        StoredSpellings(),
        ids,
    )
    return matched(number, policy, answers)


async def test_many_numbers_are_left_to_dataverse_without_an_index_to_believe(site: IndexSite) -> None:
    site.contact(1, mobilephone=ELINA)
    assert await site.index.find_many([ELINA], site.matching) == {}
    await site.refresh()
    site.index = site.reader()
    assert set(await site.index.find_many([ELINA, ELINA], site.matching)) == {ELINA}
    cut = CustomerMatching.model_validate({"defaultRegion": "FI", "NumbersToCut": 4})
    assert await site.index.find_many([ELINA], cut) == {}
    assert await NumberIndex(site.tables, None, ENVIRONMENT, now=site.now).find_many([ELINA], site.matching) == {}


async def test_storage_that_fails_in_the_middle_leaves_the_rest_to_dataverse(site: IndexSite) -> None:
    row_id = site.contact(1, mobilephone=ELINA)
    await site.refresh()
    failing = FailsLater(site.tables, after=100)
    index = NumberIndex(failing, KEY, ENVIRONMENT, now=site.now)
    numbers = [ELINA, *(f"+358402{last:06}" for last in range(3000))]
    found = await index.find_many(numbers, site.matching)
    assert 90 < len(found) < len(numbers)
    assert all(
        row_id in ids.get(MatchKind.CONTACT, ()) if number == ELINA else not ids for number, ids in found.items()
    )
    calls = failing.calls
    assert await index.find_many(numbers, site.matching) == {}
    assert failing.calls == calls


# ------------------------------------------------------------------------------------------- what changed


async def test_a_number_that_moved_never_leads_to_its_old_owner_after_the_next_tick(site: IndexSite) -> None:
    old = site.contact(1, mobilephone="+358401111111")
    new = site.contact(2, mobilephone="+358402222222")
    await site.refresh()
    assert await site.owners("+358401111111") == [old]
    site.patch(f"contacts({old})", {"mobilephone": "+358403333333"})
    site.patch(f"contacts({new})", {"mobilephone": "040 1111111"})
    done = await site.tick()
    assert (done.outcome, done.changed, done.entries_added, done.entries_removed) == ("updated", 2, 2, 2)
    assert await site.owners("+358401111111") == [new]
    assert await site.owners("+358402222222") == []
    assert await site.owners("+358403333333") == [old]


async def test_deactivated_and_deleted_rows_lose_their_numbers(site: IndexSite) -> None:
    left = site.contact(1, mobilephone="+358401111111")
    gone = site.contact(2, mobilephone="+358401111111")
    stays = site.contact(3, mobilephone="+358401111111")
    await site.refresh()
    site.patch(f"contacts({left})", {"statecode": 1, "statuscode": 2})
    site.delete(f"contacts({gone})")
    await site.tick()
    assert await site.owners("+358401111111") == [stays]
    site.patch(f"contacts({left})", {"statecode": 0, "statuscode": 1})
    await site.tick()
    assert await site.owners("+358401111111") == sorted([left, stays])


async def test_rows_that_came_since_are_found_and_texts_that_are_no_number_are_not(site: IndexSite) -> None:
    await site.refresh()
    new = site.contact(1, mobilephone="040 1111111", telephone1="ask Elina", telephone2="12")
    done = await site.tick()
    assert done.entries_added == 1
    assert await site.owners("+358401111111") == [new]
    site.patch(f"contacts({new})", {"mobilephone": None})
    await site.tick()
    assert await site.find("+358401111111") == {}


async def test_a_change_that_touches_no_number_writes_no_row(site: IndexSite) -> None:
    row_id = site.contact(1, mobilephone="040 1111111")
    await site.refresh()
    before = site.content()
    site.patch(f"contacts({row_id})", {"lastname": "Other", "mobilephone": "+358 40 1111111"})
    done = await site.tick()
    assert (done.changed, done.entries_added, done.entries_removed, done.writes) == (1, 0, 0, 0)
    assert site.content() == before


async def test_a_tick_without_changes_costs_one_request_and_one_write(site: IndexSite) -> None:
    site.contact(1, mobilephone="040 1111111")
    await site.refresh()
    await site.tick()
    await site.tick()  # the one that clears up after the build
    writes = Writes(site.tables)
    done = await site.tick(tables=writes)
    assert (done.outcome, done.requests, done.changed) == ("updated", 1, 0)
    assert writes.steps == [f"replace {STATE_ROW}"]


async def test_many_changes_at_once_are_taken_up(site: IndexSite) -> None:
    await site.refresh()
    rows = [{"contactid": guid(number), "mobilephone": f"+35840{number:07}"} for number in range(6000)]
    site.plant("contacts", rows)
    assert (await site.tick()).entries_added == 6000
    moved = [{**row, "mobilephone": f"+35840{number + 1:07}"} for number, row in enumerate(rows)]
    for row in moved[:300]:
        site.patch(f"contacts({row['contactid']})", {"mobilephone": row["mobilephone"]})
    await site.tick()
    assert await site.owners("+358400000000") == []
    assert await site.owners("+358400000001") == [guid(0)]
    assert await site.owners("+358400000300") == sorted([guid(299), guid(300)])


# ------------------------------------------------------------------------------------------- built anew


@pytest.mark.parametrize("status", [400, 410])
async def test_an_expired_token_builds_the_index_anew(site: IndexSite, status: int) -> None:
    old = site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    site.environment(deltaTokenDays=0, expiredDeltaStatus=status)
    site.patch(f"contacts({old})", {"mobilephone": "+358402222222"})
    done = await site.tick()
    assert (done.outcome, done.reason) == ("built", "the delta link is no longer good (0x80044352)")
    site.environment(deltaTokenDays=7)
    assert await site.owners("+358401111111") == []
    assert await site.owners("+358402222222") == [old]
    assert (await site.tick()).outcome == "updated"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"defaultRegion": "SE"}, id="another region"),
        pytest.param({"columns": {"contact": ["mobilephone", "fax"]}}, id="other columns"),
    ],
)
async def test_other_settings_ask_dataverse_until_the_index_is_built_anew(
    site: IndexSite, change: dict[str, Any]
) -> None:
    row_id = site.contact(1, mobilephone="+358401111111", fax="+46701234567", telephone1="+358402222222")
    await site.refresh()
    assert await site.find("+358401111111") is not None
    await site.settle(**change)
    assert await site.find("+358401111111") is None
    done = await site.tick()
    assert (done.outcome, done.reason) == ("built", "the settings are other ones")
    assert await site.owners("+358401111111") == [row_id]
    assert (await site.owners("+46701234567") == [row_id]) == ("columns" in change)


async def test_another_key_builds_the_index_anew(site: IndexSite) -> None:
    row_id = site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    before = {row for _, row in site.content()}
    site.key = NumberKey("another key of the number index for tests")
    site.index = site.reader()
    assert await site.find("+358401111111") is None
    assert (await site.tick()).outcome == "built"
    assert await site.owners("+358401111111") == [row_id]
    await site.tick()
    await site.tick()
    entries = {row for _, row in site.content() if not row.startswith(("c-", "a-", "l-"))}
    assert entries.isdisjoint(before)


async def test_the_replaced_generation_is_read_until_readers_know_and_then_taken_away(site: IndexSite) -> None:
    row_id = site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    slow = site.index
    assert await slow.find("+358401111111", site.matching) == {MatchKind.CONTACT: (row_id,)}
    site.environment(deltaTokenDays=0)
    site.now.turn(seconds=2)
    assert (await site.refresh()).outcome == "built"
    site.environment(deltaTokenDays=7)
    # This reader still has the state of before.
    assert await slow.find("+358401111111", site.matching) == {MatchKind.CONTACT: (row_id,)}
    site.now.turn(seconds=30)
    assert (await site.refresh()).generations_removed == []
    assert (await site.tick()).generations_removed == [1]
    assert {partition.split("-")[0] for partition, _ in site.content()} == {"2"}
    assert (await site.state()).others == frozenset()


async def test_taking_a_generation_away_may_need_several_ticks(
    site: IndexSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.number_index import use_case

    site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    site.environment(deltaTokenDays=0)
    await site.tick()
    site.environment(deltaTokenDays=7)
    monkeypatch.setattr(use_case, "CLEANING_SECONDS", -1.0)
    assert (await site.tick()).generations_removed == []
    assert (await site.state()).others == {1}
    monkeypatch.setattr(use_case, "CLEANING_SECONDS", 20.0)
    assert (await site.tick()).generations_removed == [1]


# ------------------------------------------------------------------------------------------- believed or not


async def test_an_index_that_misses_three_ticks_is_not_believed(site: IndexSite) -> None:
    site.contact(1, mobilephone="+358401111111")
    await site.refresh()
    await site.tick()
    site.now.turn(minutes=2, seconds=59)
    assert await site.find("+358401111111") is not None
    site.now.turn(seconds=2)
    assert await site.find("+358401111111") is None
    await site.tick()
    assert await site.find("+358401111111") is not None


async def test_a_slow_schedule_is_believed_for_ten_minutes_at_most(site: IndexSite) -> None:
    await site.refresh()
    site.now.turn(minutes=15)
    await site.refresh()
    site.index = site.reader()
    site.now.turn(minutes=9, seconds=59)
    assert await site.find(ELINA) is not None
    site.now.turn(seconds=2)
    assert await site.find(ELINA) is None


async def test_a_tick_that_fails_does_not_make_the_index_younger(site: IndexSite) -> None:
    await site.refresh()
    await site.tick()
    site.break_down()
    for _ in range(4):
        assert (await site.tick()).outcome == "failed"
    assert await site.find(ELINA) is None
    site.recover()
    await site.tick()
    assert await site.find(ELINA) is not None


async def test_without_an_index_dataverse_is_asked(site: IndexSite) -> None:
    assert await site.find(ELINA) is None
    off = NumberIndex(site.tables, None, ENVIRONMENT, now=site.now)
    await site.refresh()
    assert await off.find(ELINA, site.matching) is None


async def test_numbers_to_cut_ask_dataverse_and_leave_the_index_alone(site: IndexSite) -> None:
    await site.refresh()
    await site.settle(NumbersToCut=4)
    assert await site.find(ELINA) is None
    assert (await site.tick()).outcome == "idle"
    await site.settle()
    assert (await site.tick()).outcome == "updated"
    assert await site.find(ELINA) is not None


async def test_while_the_document_cannot_be_read_nothing_is_built(site: IndexSite) -> None:
    await site.configure("customer-matching.json", b"{broken")
    done = await site.refresh()
    assert (done.outcome, done.requests, site.content()) == ("failed", 0, {})


class Slow:
    """Tables that take their time, or none of it, to answer."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables
        self.seconds = 0.0
        self.error: Exception | None = None
        self.calls = 0

    async def get(self, *arguments: Any) -> Any:
        await self._wait()
        return await self.tables.get(*arguments)

    async def list(self, *arguments: Any, **options: Any) -> AsyncGenerator[Any]:
        await self._wait()
        async for each in self.tables.list(*arguments, **options):
            yield each

    async def _wait(self) -> None:
        self.calls += 1
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error


class FailsLater(Slow):
    """A table service that goes down after so many requests."""

    def __init__(self, tables: MemoryTables, after: int) -> None:
        super().__init__(tables)
        self.after = after

    async def _wait(self) -> None:
        if self.calls == self.after:
            self.error = StorageError("down")
        await super()._wait()


@pytest.mark.parametrize("fault", ["slow", "down"])
async def test_storage_that_does_not_answer_at_once_is_left_alone_for_a_while(
    site: IndexSite, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    row_id = site.contact(1, mobilephone=ELINA)
    await site.refresh()
    monkeypatch.setattr(index_module, "REST_SECONDS", 0.4)
    slow = Slow(site.tables)
    index = NumberIndex(slow, KEY, ENVIRONMENT, now=site.now, patience=0.1)
    found = await index.find(ELINA, site.matching)
    assert found is not None
    assert row_id in found[MatchKind.CONTACT]
    slow.seconds, slow.error = (1.0, None) if fault == "slow" else (0.0, StorageError("down"))
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await index.find(ELINA, site.matching) is None
    assert loop.time() - started < 0.9
    slow.seconds, slow.error = 0.0, None
    calls = slow.calls
    assert await index.find(ELINA, site.matching) is None
    assert slow.calls == calls
    await asyncio.sleep(0.5)
    assert await index.find(ELINA, site.matching) is not None


async def test_a_first_answer_that_takes_longer_than_patience_is_not_thrown_away(
    site: IndexSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "REST_SECONDS", 0.05)
    await site.refresh()
    slow = Slow(site.tables)
    slow.seconds = 0.3
    index = NumberIndex(slow, KEY, ENVIRONMENT, now=site.now, patience=0.1)
    assert await index.find(ELINA, site.matching) is None
    await asyncio.sleep(0.4)
    slow.seconds = 0.0
    assert await index.find(ELINA, site.matching) is not None
    assert slow.calls == 2  # the state was read once


async def test_a_thousand_callers_share_the_reading_of_the_state(site: IndexSite) -> None:
    await site.refresh()
    before = site.tables.requests
    await asyncio.gather(*(site.find(f"+35840{number:07}") for number in range(1000)))
    assert site.tables.requests - before == 1001


async def test_warming_up_reads_the_state_ahead(site: IndexSite) -> None:
    await site.refresh()
    await site.index.warm_up()
    before = site.tables.requests
    assert await site.find(ELINA) is not None
    assert site.tables.requests - before == 1
    site.tables.down = True
    await site.reader().warm_up()


@pytest.fixture
async def table_service(storage: str) -> AsyncIterator[Tables]:
    tables = open_tables(Settings(AzureWebJobsStorage=storage, dataverse_url=ENVIRONMENT))
    yield tables
    await tables.close()


async def test_it_is_the_same_on_a_real_table_service(site: IndexSite, storage: str, table_service: Tables) -> None:
    site.tables = cast(MemoryTables, table_service)
    ids = [site.contact(number, mobilephone=f"+3584011111{number % 10:02}") for number in range(60)]
    assert (await site.tick()).outcome == "built"
    assert await site.owners("+358401111103") == sorted(ids[3::10])
    site.patch(f"contacts({ids[3]})", {"mobilephone": "+358402222222"})
    site.delete(f"contacts({ids[13]})")
    done = await site.tick()
    assert (done.entries_added, done.entries_removed) == (1, 2)
    assert await site.owners("+358401111103") == sorted(ids[23::10])
    assert await site.owners("+358402222222") == [ids[3]]
    assert await site.find("+358403333333") == {}
    numbers = [f"+3584011{last:05}" for last in range(1000, 1600)]
    assert await site.index.find_many(numbers, site.matching) == await found_alone(site.index, numbers, site.matching)
    site.environment(deltaTokenDays=0)
    assert (await site.tick()).outcome == "built"
    site.environment(deltaTokenDays=7)
    assert (await site.tick()).generations_removed == [1]
    assert await site.owners("+358401111103") == sorted(ids[23::10])
    with TableServiceClient.from_connection_string(storage) as service:
        generations = {row["PartitionKey"].split("-")[0] for row in service.get_table_client(TABLE).list_entities()}
    assert generations == {"2", STATE_PARTITION}


# ------------------------------------------------------------------------------------------- broken off


class Writes:
    """Tables that die for good when they are told to: from then on every call ends the process."""

    def __init__(self, tables: Any, die_at: int | None = None) -> None:
        self._tables = tables
        self._die_at = die_at
        self.steps: list[str] = []
        self.dead = False

    def _step(self, name: str) -> None:
        if self.dead:
            raise KilledError
        self.steps.append(name)

    def _then(self) -> None:
        if self._die_at is not None and len(self.steps) >= self._die_at:
            self.dead = True
            raise KilledError

    async def get(self, *arguments: Any) -> Any:
        if self.dead:
            raise KilledError
        return await self._tables.get(*arguments)

    async def list(self, *arguments: Any, **options: Any) -> AsyncGenerator[Any]:
        if self.dead:
            raise KilledError
        async for each in self._tables.list(*arguments, **options):
            yield each

    async def insert(self, table: str, partition: str, row: str, values: Any) -> Any:
        return await self._written(f"insert {row}", self._tables.insert, table, partition, row, values)

    async def replace(self, table: str, partition: str, row: str, values: Any, *, etag: str) -> Any:
        return await self._written(f"replace {row}", self._tables.replace, table, partition, row, values, etag=etag)

    async def write_many(self, table: str, partition: str, rows: Any) -> None:
        await self._written("write", self._tables.write_many, table, partition, rows)

    async def delete_many(self, table: str, partition: str, rows: Any) -> None:
        await self._written("delete", self._tables.delete_many, table, partition, rows)

    async def _written(self, name: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._step(name)
        answer = await call(*arguments, **options)
        self._then()
        return answer


class KilledError(BaseException):
    """The process is gone: nothing after this happens."""


async def killed_after(site: IndexSite, steps: int) -> bool:
    """Whether a refresh got that far."""
    try:
        await site.refresh(tables=Writes(site.tables, die_at=steps))
    except KilledError:
        return True
    return False


async def until_settled(site: IndexSite) -> None:
    """Ticks go on; the lease of whoever was killed runs out on the way. Five are enough for everything."""
    for _ in range(5):
        site.now.turn(minutes=1)
        if (await site.refresh()).outcome == "updated" and not (await site.state()).others:
            break
    else:
        pytest.fail("the index is not settled after five ticks")
    site.index = site.reader()


def changes(site: IndexSite, ids: list[str]) -> Iterator[Callable[[], None]]:
    """Stories that are killed, each followed by what happens before the next run: back again, or further on."""
    yield lambda: site.patch(f"contacts({ids[0]})", {"mobilephone": "+358409999999", "telephone1": "+358408888888"})
    yield lambda: site.patch(f"contacts({ids[1]})", {"statecode": 1, "statuscode": 2})
    yield lambda: site.delete(f"contacts({ids[2]})")
    yield lambda: site.patch(f"contacts({ids[3]})", {"mobilephone": "+358400000000"})


def expected(site: IndexSite) -> dict[str, set[str]]:
    """What Dynamics says: the numbers of the active contacts."""
    from shared.phone_numbers import e164

    numbers: dict[str, set[str]] = {}
    for row in site.get("contacts"):
        for column in ("mobilephone", "telephone1", "telephone2", "telephone3"):
            number = e164(row.get(column) or "", "FI")
            if row["statecode"] == 0 and number:
                numbers.setdefault(number, set()).add(row["contactid"])
    return numbers


async def assert_equal_to_dynamics(
    site: IndexSite, strangers: list[str], truth: dict[str, set[str]] | None = None
) -> None:
    truth = expected(site) if truth is None else truth
    for number, ids in truth.items():
        assert set(await site.owners(number)) == ids
    for number in strangers:
        assert set(await site.owners(number)) == truth.get(number, set())


NUMBERS = [f"+35840000000{number}" for number in range(5)] + ["+358409999999", "+358408888888"]


@pytest.mark.parametrize("back", [False, True], ids=["further on", "back again"])
async def test_an_update_killed_after_any_write_ends_as_if_it_had_not_been(site: IndexSite, back: bool) -> None:
    for steps in range(1, 100):
        site.reset()
        ids = [site.contact(number, mobilephone=f"+35840000000{number}") for number in range(5)]
        await site.refresh()
        for change in changes(site, ids):
            change()
        site.now.turn(minutes=1)
        if not await killed_after(site, steps):
            break
        if back:
            site.patch(f"contacts({ids[0]})", {"mobilephone": "+358400000000", "telephone1": None})
            site.patch(f"contacts({ids[1]})", {"statecode": 0, "statuscode": 1})
            site.patch(f"contacts({ids[3]})", {"mobilephone": "+358400000004"})
        await until_settled(site)
        await assert_equal_to_dynamics(site, NUMBERS)
        content = site.plain_content()
        # The same rows as an index has that is built from nothing.
        site.tables.empty()
        await site.refresh()
        assert site.plain_content() == content
    assert 8 < steps < 99


async def test_a_build_killed_after_any_write_ends_as_if_it_had_not_been(site: IndexSite) -> None:
    for number in range(5):
        site.contact(number, mobilephone=f"+35840000000{number}")
    await site.refresh()
    whole, truth = site.plain_content(), expected(site)
    reached = 0
    for steps in range(1, 200):
        site.tables.empty()
        if not await killed_after(site, steps):
            break
        reached += 1
        site.index = site.reader()
        # Only the very last write lets anybody read.
        assert (await site.find(ELINA) is None) == (steps < 2 or not (await site.state()).generation)
        await until_settled(site)
        assert site.plain_content() == whole
        assert (await site.state()).others == frozenset()
        await assert_equal_to_dynamics(site, NUMBERS, truth)
    assert 50 < reached < 199


async def test_taking_a_generation_away_may_be_killed_too(site: IndexSite) -> None:
    site.contact(1, mobilephone=ELINA)
    await site.refresh()
    for steps in range(1, 60, 5):
        site.environment(deltaTokenDays=0)
        await site.tick()
        site.environment(deltaTokenDays=7)
        site.now.turn(minutes=1)
        await killed_after(site, steps)
        await until_settled(site)
        site.plain_content()
        assert (await site.state()).others == frozenset()


async def test_of_two_refreshes_at_once_one_works(site: IndexSite) -> None:
    for number in range(50):
        site.contact(number, mobilephone=f"+3584000000{number:02}")
    done = await asyncio.gather(site.refresh(), site.refresh())
    assert sorted(each.outcome for each in done) == ["built", "busy"]
    site.patch(f"contacts({guid(1)})", {"mobilephone": "+358409999999"})
    site.now.turn(minutes=1)
    done = await asyncio.gather(site.refresh(), site.refresh())
    assert sorted(each.outcome for each in done) == ["busy", "updated"]
    await until_settled(site)
    await assert_equal_to_dynamics(site, NUMBERS)


async def test_a_refresh_that_lost_its_lease_writes_nothing_more(site: IndexSite) -> None:
    for number in range(50):
        site.contact(number, mobilephone=f"+3584000000{number:02}")
    late = Writes(site.tables)
    original = late.write_many

    async def frozen(*arguments: Any) -> None:
        await original(*arguments)
        site.now.turn(minutes=2)

    late.write_many = frozen  # type: ignore[method-assign, assignment]
    done = await site.refresh(tables=late)
    assert (done.outcome, done.reason) == ("failed", f"LeaseLostError: the lease {LEASE_ROW} is lost")
    await until_settled(site)
    await assert_equal_to_dynamics(site, NUMBERS)


# ------------------------------------------------------------------------------------------- privacy


async def test_no_number_stands_in_the_table_or_in_the_log(site: IndexSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    site.contact(1, mobilephone="+358401234567", lastname="Korhonen")
    await site.refresh()
    site.patch(f"contacts({guid(1)})", {"mobilephone": "+358407654321"})
    await site.tick()
    await site.find("+358407654321")
    table = json.dumps([[*place, values] for place, values in site.content().items()], default=str)
    state = str((await site.state()).values())
    for secret in ("401234567", "407654321", "Korhonen"):
        assert secret not in table + state + caplog.text
    record = next(each for each in caplog.records if each.name == "functions.number_index.use_case")
    assert json.loads(record.getMessage().removeprefix("Number index "))["entries_added"] > 0
