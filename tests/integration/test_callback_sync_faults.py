"""What goes wrong between Enreach, Dynamics and storage: nothing is lost or made twice, and the reasons are seen."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared.callbacks.ledger import CallbackLedger
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import UnavailableError
from shared.storage.errors import StorageError
from tests.integration.callbacks_site import CallbacksSite, callbacks_site, guid
from tests.integration.enreach import Enreach


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address, patience=0.2) as site:
        yield site


class Meddled:
    """Dynamics, in which something happens right after a step."""

    def __init__(self, real: Any, step: str, then: Callable[[], object]) -> None:
        self._real, self._step, self._then = real, step, then

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"write_sets", "query_packed"}:
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            answer = await real(*args, **kwargs)
            if self._step in (name, args[0]):
                self._then()
                self._step = ""
            return answer

        return call


def delete_queue(site: CallbacksSite) -> None:
    site.delete(guid("queue Callbacks"), "queues")


def open_queue_again(site: CallbacksSite) -> None:
    site.plant(queues=[{"queueid": guid("another queue"), "name": "Callbacks", "statecode": 0}])


# ------------------------------------------------------------------------------------------------------- the queue


async def test_a_queue_that_is_deleted_before_the_reading_back_leaves_the_request_open(site: CallbacksSite) -> None:
    request = site.request("one")
    site.turn(minutes=1)
    dynamics = Meddled(site.dataverse, "create callback", lambda: delete_queue(site))
    site.runs = site.process(dynamics=dynamics)
    run = await site.runs.every_minute()
    assert run.outcomes == {"waiting": 1}
    assert site.state(request) == "Open"
    record = await site.record(request)
    assert (record.outcome, record.closed, record.phone_call_id is not None) == ("waiting", False, True)
    assert "in no queue" in (await site.reasons())["callback requests of sales"]
    await site.tick()
    assert (site.state(request), site.queue_items(request)) == ("Open", [])
    assert (await site.reasons())["callback profile sales"] == "its queue is not in Dynamics"
    open_queue_again(site)
    await site.done()
    await site.assert_each_once([request])


async def test_a_queue_that_is_deleted_before_the_writing_leaves_nothing_behind(site: CallbacksSite) -> None:
    await site.done()
    delete_queue(site)
    request = site.request("one")
    await site.tick()
    assert (site.phone_calls(), site.state(request)) == ({}, "Open")
    assert "not in Dynamics" in (await site.record(request)).reason
    for _ in range(2):
        await site.tick(minutes=15)
    open_queue_again(site)
    await site.done()
    await site.assert_each_once([request])


async def test_a_phone_call_that_is_deleted_while_it_waits_is_not_revived(site: CallbacksSite) -> None:
    request = site.request("one")
    site.turn(minutes=1)
    site.runs = site.process(dynamics=Meddled(site.dataverse, "create callback", lambda: delete_queue(site)))
    await site.runs.every_minute()
    site.delete_phone_call(request)
    open_queue_again(site)
    await site.done()
    assert site.phone_calls() == {}
    assert (await site.outcome(request), site.state(request)) == (("deleted-by-user", True), "ClosedSuccessfully")


async def test_a_repeat_whose_phone_call_is_completed_in_between_gets_its_own(site: CallbacksSite) -> None:
    site.profiles(site.profile(mergeRepeats=True))
    first = site.request("one", ago=200)
    await site.done()
    second = site.request("two", ago=10)

    def complete() -> None:
        site.edit(first, statecode=1, statuscode=2)

    site.turn(minutes=1)
    site.runs = site.process(dynamics=Meddled(site.dataverse, "note repeat", complete))
    await site.runs.every_minute()
    assert (await site.outcome(second), site.state(second)) == (("waiting", False), "Open")
    await site.done()
    assert (await site.outcome(second), set(site.phone_calls())) == (("queued", True), {first, second})


async def test_a_queue_that_is_switched_off_turns_its_profile_off(site: CallbacksSite) -> None:
    await site.done()
    site.plant(queues=[{"queueid": guid("queue Callbacks"), "statecode": 1, "statuscode": 2}])
    site.refuse(match={"path": "AddToQueue"}, action={"status": 400, "code": "0x80040203"}, scope="part")
    request = site.request("one")
    await site.done()
    assert (await site.outcome(request), site.phone_calls()) == (("failed", False), {})
    await site.done()
    assert (await site.reasons())["callback profile sales"] == "its queue is not active in Dynamics"
    site.plant(queues=[{"queueid": guid("queue Callbacks"), "statecode": 0, "statuscode": 1}])
    site.forgive()
    await site.done()
    await site.assert_each_once([request])


@pytest.mark.parametrize("change", [{"statecode": 1, "statuscode": 4}, {"subject": "Calling now"}])
async def test_what_a_user_does_while_it_expires_is_kept(site: CallbacksSite, change: dict[str, Any]) -> None:
    site.profiles(site.profile(expire=True, expireAfterHours=1))
    request = site.request("one")
    await site.done()
    site.turn(hours=3)
    meddled = Meddled(site.dataverse, "query_packed", lambda: site.edit(request, **change))
    await site.process(dynamics=meddled).every_minute()
    row = site.row(request)
    assert {name: row[name] for name in change} == change
    assert await site.outcome(request) == ("queued", True)
    await site.done()
    assert site.row(request)["statecode"] == change.get("statecode", 2), "with the next run"


# --------------------------------------------------------------------------------------------------------- outages


@pytest.mark.parametrize("path", ["/callbacks", "/callbacks/lists"])
async def test_enreach_is_down(site: CallbacksSite, path: str) -> None:
    request = site.request("one")
    site.enreach_refuses(match={"path": path}, action={"status": 503})
    for _ in range(20):
        run = await site.tick()
        assert (run.outcome, run.reason.startswith("UnavailableError")) == ("failed", True)
    assert (site.phone_calls(), site.state(request)) == ({}, "Open")
    assert "callback sync" in await site.reasons()
    site.forgive()
    await site.done()
    assert site.phone_calls() == {}, "a site that never ran reads the age alone"


async def test_enreach_is_down_for_hours(site: CallbacksSite) -> None:
    await site.done()
    requests = [site.request("one", ago=5)]
    site.enreach_refuses(match={"path": "/callbacks"}, action={"status": 503})
    for _ in range(3):
        await site.tick(hours=1)
    requests.append(site.request("two", Number=""))
    assert "minutes behind" in (await site.reasons())["callback sync"]
    site.forgive()
    await site.done()
    await site.assert_each_once(requests)
    assert await site.reasons() == {}


async def test_enreach_does_not_close(site: CallbacksSite) -> None:
    requests = [site.request(n, Number="") for n in range(6)]
    site.enreach_refuses(match={"method": "PUT"}, action={"status": 503})
    run = await site.tick()
    assert "stay open in Enreach" in run.reason
    assert set(site.phone_calls()) == set(requests)
    assert set(site.states().values()) == {"Open"}
    assert "still open in Enreach" in (await site.reasons())["callback requests of sales"]
    site.delete_phone_call(requests[0])
    site.forgive()
    await site.done()
    assert set(site.states().values()) == {"ClosedSuccessfully"}
    assert set(site.phone_calls()) == set(requests[1:]), "what was read back once is the user's"
    assert await site.reasons() == {}


async def test_one_request_that_enreach_does_not_close_keeps_no_other(site: CallbacksSite) -> None:
    requests = [site.request(n, Number="") for n in range(3)]
    site.enreach_refuses(match={"method": "PUT", "path": requests[1]}, action={"status": 409})
    await site.tick()
    assert [site.state(each) for each in requests] == ["ClosedSuccessfully", "Open", "ClosedSuccessfully"]
    site.forgive()
    await site.done()
    await site.assert_each_once(requests)


async def test_a_request_that_is_gone_from_enreach_is_done(site: CallbacksSite) -> None:
    request = site.request("one")
    site.enreach_refuses(match={"method": "PUT"}, action={"status": 404})
    await site.done()
    assert await site.outcome(request) == ("queued", True)


async def test_dynamics_is_down(site: CallbacksSite) -> None:
    await site.done()
    request = site.request("one")
    site.runs = site.process(dynamics=Down())
    for _ in range(3):
        run = await site.tick(minutes=30)
        assert run.outcome == "failed"
    assert site.state(request) == "Open"
    site.runs = site.process()
    await site.done()
    await site.assert_each_once([request])


class Down:
    """Dataverse that does not answer."""

    def __getattr__(self, name: str) -> Any:
        async def call(*_: Any, **__: Any) -> Any:
            raise UnavailableError("no answer")

        return call


async def test_what_dataverse_refuses_costs_no_other_request(site: CallbacksSite) -> None:
    good, bad = site.request("good", Number=""), site.request("bad", Note="Refuse this one", Number="")
    site.refuse(match={"body": "Refuse this one"}, action={"status": 400, "code": "0x80040265"}, scope="part")
    await site.done()
    assert await site.outcome(good) == ("queued", True)
    assert (await site.outcome(bad), site.state(bad)) == (("failed", False), "Open")
    assert "refused its phone call: RejectedError 0x80040265" in (await site.reasons())["callback requests of sales"]
    await site.done(hours=30)
    site.forgive()
    site.turn_to(site.now().replace(minute=9))
    await site.done()
    await site.assert_each_once([good, bad])


async def test_where_customers_cannot_be_read_nobody_waits_for_them(site: CallbacksSite) -> None:
    site.contact("Elina")
    request = site.request("one")
    site.refuse(match={"path": "contacts"}, action={"status": 403, "code": "0x80040220"}, scope="part")
    site.refuse(match={"path": "contacts"}, action={"status": 403, "code": "0x80040220"})
    await site.done()
    assert site.row(request)["_regardingobjectid_value"] is None
    await site.assert_each_once([request])


# ----------------------------------------------------------------------------------------------- two at a time


async def test_two_runs_at_once_make_everything_once(site: CallbacksSite) -> None:
    requests = [site.request(n, Number="") for n in range(20)]
    site.turn(minutes=1)
    runs = await asyncio.gather(*(site.process().every_minute() for _ in range(3)))
    assert sorted(run.outcome for run in runs) == ["busy", "busy", "done"]
    await site.assert_each_once(requests)


@pytest.mark.parametrize("step", ["create callback", "query_packed"])
async def test_a_run_that_was_frozen_writes_nothing_over_its_successor(site: CallbacksSite, step: str) -> None:
    requests = [site.request(n, Number="") for n in range(5)]
    site.turn(minutes=1)

    class Frozen(Meddled):
        async def _succeeded(self) -> None:
            site.turn(seconds=70)
            assert (await site.process().every_minute()).outcome == "done"

        def __getattr__(self, name: str) -> Any:
            real = getattr(self._real, name)

            async def call(*args: Any, **kwargs: Any) -> Any:
                answer = await real(*args, **kwargs)
                if self._step in (name, args[0] if args else ""):
                    self._step = ""
                    await self._succeeded()
                return answer

            return call if name in {"write_sets", "query_packed"} else real

    run = await site.process(dynamics=Frozen(site.dataverse, step, lambda: None)).every_minute()
    assert (run.outcome, "lease" in run.reason) == ("failed", True)
    await site.assert_each_once(requests)


# ---------------------------------------------------------------------------------------------------------- faults


class Unsteady:
    """Storage that fails now and then, before or after it did what was asked."""

    def __init__(self, real: Any, dice: random.Random, chance: float = 0.02) -> None:
        self._real, self._dice, self._chance = real, dice, chance
        self.failures = 0
        self.is_steady = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "list":
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._fail()
            answer: Awaitable[Any] = await real(*args, **kwargs)
            self._fail()
            return answer

        return call

    def _fail(self) -> None:
        if not self.is_steady and self._dice.random() < self._chance:
            self.failures += 1
            raise StorageError("no answer")


async def test_an_hour_in_which_everything_fails_now_and_then(site: CallbacksSite) -> None:
    dice = random.Random(7)  # noqa: S311 - repeatable dice
    site.profiles(
        site.profile(mergeRepeats=True),
        site.profile(name="service", callbackList="Service", queue="Day desk"),
    )
    tables = Unsteady(site.tables, dice)
    site.runs = site.process(tables=tables, ledger=CallbackLedger(tables))
    of_dynamics: list[dict[str, Any]] = [
        {"status": 503}, {"status": 429, "retryAfter": 0}, {"drop": "before"}, {"drop": "after"},
    ]  # fmt: skip
    of_enreach: list[dict[str, Any]] = [{"status": 500}, {"drop": "before"}, {"drop": "after"}, {"garble": True}]
    for action in of_dynamics:
        site.refuse(match={"path": "/api/data"}, action=action, nth=sorted(dice.sample(range(3, 300), 12)))
    for action in of_enreach:
        site.enreach_refuses(match={"path": "/callbacks"}, action=action, nth=sorted(dice.sample(range(3, 300), 12)))
    requests, merged = [], []
    for minute in range(60):
        requests.append(site.request(f"a {minute}", ago=2, Number=f"+35850{minute:07}"))
        requests.append(site.request(f"b {minute}", ago=3, Number="", CallbackListId=guid("Service")))
        if minute % 5 == 4:
            merged.append(site.request(f"again {minute}", ago=1, Number=f"+35850{minute - 3:07}"))
        await site.tick()
    site.forgive()
    tables.is_steady = True
    for _ in range(3):
        await site.tick()
    assert tables.failures > 5
    await site.assert_each_once(requests, merged)


# ----------------------------------------------------------------------------------------------------------- time


async def test_what_a_run_has_no_time_for_is_done_by_the_next_ones(site: CallbacksSite) -> None:
    class Slow:
        """Enreach, of whom each closing takes a second."""

        def __getattr__(self, name: str) -> Any:
            return getattr(site.enreach, name)

        async def close_callback(self, callback_id: str) -> None:
            await site.enreach.close_callback(callback_id)
            site.now.turn(seconds=1)

    requests = [site.request(n, Number="", ago=5) for n in range(1_200)]
    site.runs = site.process(enreach=Slow())
    first = await site.done()
    assert (first.outcomes, first.closed) == ({"queued": 1_200}, 500)
    for _ in range(2):
        await site.done()
    await site.assert_each_once(requests)


async def test_a_request_that_never_came_and_is_gone_is_given_up(site: CallbacksSite) -> None:
    gone, kept = site.request("gone", Number=""), site.request("kept", Number="")
    site.refuse(match={"path": "phonecalls"}, action={"status": 400, "code": "0x80040265"}, scope="part")
    await site.done()
    item = site.item(kept)
    site.enreach_http.delete("callbacks").raise_for_status()
    site.enreach_http.post("callbacks", json=[item]).raise_for_status()
    site.turn(days=6)
    await site.done(minutes=10 - site.now().minute % 10)
    assert await site.outcome(gone) == ("failed", False)
    site.forgive()
    site.turn(days=2)
    await site.done(minutes=10 - site.now().minute % 10)
    assert await site.outcome(gone) == ("failed", True)
    await site.assert_each_once([kept])


async def test_logs_storage_and_health_hold_nothing_personal(
    site: CallbacksSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    site.profiles(site.profile(mergeRepeats=True))
    site.contact("Virtanen", "+358507654321")
    fields = {"Number": "+358507654321", "Note": "Kaisa wants to know"}
    site.request("one", ago=100, **fields)
    site.request("two", ago=50, **fields)
    bad = site.request("bad", Number="+358501111111", Note="Kaisa again")
    site.refuse(match={"body": "Kaisa again"}, action={"status": 400, "message": "Kaisa again"}, scope="part")
    site.enreach_refuses(match={"method": "PUT"}, action={"status": 409, "message": "+358507654321"})
    await site.done()
    assert str((await site.record(bad)).outcome) == "failed"
    held = [caplog.text, str(await site.runs.health())]
    held += [str(row) for rows in site.tables._partitions.values() for row in rows.items()]
    for secret in ("7654321", "1111111", "Kaisa", "Virtanen"):
        assert not [text for text in held if secret in text], secret
