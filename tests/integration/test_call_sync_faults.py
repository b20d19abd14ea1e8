"""Everything fails now and then, for a whole day: in the end each call is in Dynamics once, as it was.

CALLS_SEED=7 lets other requests fail.
"""

import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.user_sync.use_case import Outcome, UserSync
from shared.calls.ledger import CallLedger
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import DataverseError
from shared.storage.errors import StorageError
from shared.users.queries import UserColumns
from shared.users.users import Users
from tests.integration.enreach import Enreach, enreach_client
from tests.integration.generated_day import BEGIN, DAY, EVENING, NEXT_NOON, SWITCHES_ON, DaySite, day_site, steps
from tests.integration.site import utc

SEED = int(os.environ.get("CALLS_SEED", "4"))
SETTINGS = {**SWITCHES_ON, "UnmatchedCallers": "contact"}
MENDED = utc(f"{DAY}T15:00:00+00:00")
HONEST: list[dict[str, Any]] = [
    {"status": 500}, {"status": 502}, {"status": 503, "retryAfter": 1}, {"status": 429, "retryAfter": 1},
    {"status": 429}, {"status": 401}, {"status": 403}, {"status": 404}, {"html": True}, {"garble": True},
    {"drop": "before"}, {"drop": "after"}, {"drip": 300}, {"delayMs": 700}, {"bodyMb": 3},
]  # fmt: skip
"""Faults of Enreach that can be told from an answer."""
LYING: list[dict[str, Any]] = [{"empty": True}, {"half": True}]
"""Those that cannot."""
OF_DATAVERSE: list[dict[str, Any]] = [
    {"status": 500}, {"status": 503}, {"status": 429, "retryAfter": 0}, {"status": 401}, {"status": 403},
    {"html": True}, {"garble": True}, {"drop": "before"}, {"drop": "after"}, {"delayMs": 100},
    {"status": 412, "code": "0x80060882"}, {"status": 400, "code": "0x80040203"},
]  # fmt: skip
OF_PARTS: list[dict[str, Any]] = [{"status": 429, "retryAfter": 0}, {"status": 503}, {"status": 412}]


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[DaySite]:
    async with day_site(dataverse, simulator, enreach.address) as site:
        yield site


_MANY = 5_000
"""More requests than there are."""


class Unsteady:
    """Storage that fails now and then, before or after it did what was asked."""

    def __init__(self, real: Any, dice: random.Random) -> None:
        self._real, self._dice = real, dice
        self.failures = 0
        self.is_steady = False

    def fail(self) -> None:
        if not self.is_steady and self._dice.random() < 0.004:
            self.failures += 1
            raise StorageError("no answer")

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "list":
            return lambda *args, **kwargs: self._rows(real(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.fail()
            answer = await real(*args, **kwargs)
            self.fail()
            return answer

        return call

    async def _rows(self, rows: AsyncIterator[Any]) -> AsyncIterator[Any]:
        self.fail()
        async for row in rows:
            yield row


def rules(actions: list[dict[str, Any]], share: float, **more: Any) -> list[dict[str, Any]]:
    """Rules that let this share of the requests fail, each kind at random and one time early on."""
    dice = random.Random(SEED)  # noqa: S311 - repeatable dice
    count = round(_MANY * share / len(actions))
    return [
        {"action": action, "nth": [5 + 9 * at, *dice.sample(range(_MANY), count)], **more}
        for at, action in enumerate(actions)
    ]


def hits(control: Any) -> Counter[str]:
    """How often each kind of fault struck."""
    return Counter({str(rule["action"]): rule["hits"] for rule in control.get("faults").raise_for_status().json()})


async def know_the_users(site: DaySite) -> None:
    """Half a list of users changes nothing then."""
    sync = UserSync(
        tables=site.tables,
        dynamics=site.dataverse,
        enreach=site.enreach,
        columns=UserColumns(),
        role="Voice User",
        now=site.now,
    )
    assert (await sync.run()).outcome is Outcome.DONE


@pytest.mark.long(10)
@pytest.mark.parametrize("lies", [False, True], ids=["faults that show", "answers with calls missing too"])
async def test_a_day_on_which_everything_fails(site: DaySite, monkeypatch: pytest.MonkeyPatch, lies: bool) -> None:
    monkeypatch.setattr("shared.retry._FIRST_BACKOFF", 0.001)
    site.open(14, SETTINGS, calls_per_agent=12)
    dice = random.Random(SEED)  # noqa: S311 - repeatable dice
    await know_the_users(site)
    of_enreach = rules(HONEST, 0.05, match={"pathRegex": "^/(calls|servicecall|queues|users|api)"})
    if lies:
        of_enreach += rules(LYING, 0.08, match={"pathRegex": "^/(calls|servicecall)"})
    of_dataverse = rules(OF_DATAVERSE, 0.07, match={"path": "/api/data/"}) + rules(OF_PARTS, 0.03, scope="part")
    site.enreach_http.post("faults", json=of_enreach).raise_for_status()
    site.dynamics_http.post("faults", json=of_dataverse).raise_for_status()
    tables = Unsteady(site.tables, dice)

    async def offer(requests: Any) -> None:
        tables.fail()
        await site.offer(requests[: len(requests) // 2])
        tables.fail()
        await site.offer(requests[len(requests) // 2 :])
        tables.fail()

    address = str(site.enreach_http.base_url).removesuffix("/__sim/")
    impatient = enreach_client(address, silent=0.3, whole=0.5)
    users = Users(tables, site.dataverse, impatient, UserColumns(), good_for=3600)
    worlds = {"enreach": impatient, "tables": tables, "users": users, "offer_tickets": offer}
    runs = site.process(**worlds, ledger=CallLedger(tables))
    outcomes: Counter[str] = Counter()
    for number, moment in enumerate(steps(BEGIN, MENDED, minutes=8)):
        site.turn_to(moment)
        site.tables.down = number % 20 == 19
        outcome = "failed"
        with contextlib.suppress(DataverseError):
            outcome = (await runs.every_minute()).outcome
        outcomes[outcome] += 1
        if number % 15 == 14:
            runs = site.process(**worlds, ledger=CallLedger(tables))
    struck = hits(site.enreach_http), hits(site.dynamics_http)
    print(f"\n{outcomes}; of storage {tables.failures}; {struck}")  # noqa: T201 - for who asks (-s)
    assert all(struck[0].values())
    assert min(outcomes["done"], outcomes["failed"], tables.failures, struck[1].total()) > 10
    site.tables.down, tables.is_steady = False, True
    site.enreach_http.delete("faults").raise_for_status()
    site.dynamics_http.delete("faults").raise_for_status()
    site.runs = runs
    await site.walk(steps(MENDED, EVENING, minutes=55))
    assert (await runs.at_night()).outcome == "done"
    await site.walk(steps(EVENING, NEXT_NOON, minutes=55))
    await impatient.close()
    site.assert_phone_calls()
    if lies:
        assert site.offered().keys() == site.expected_tickets().keys()
    else:
        site.assert_tickets()
