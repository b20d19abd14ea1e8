"""Requests of calls of which the id alone is known, over an Enreach that counts what it is asked."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from shared.calls.lookup import (
    GOES_ON,
    LONGEST_WAIT,
    SOON,
    UNKNOWN,
    UNREADABLE,
    Answer,
    NotOurs,
    NotYet,
    requests_of_calls,
    stretches,
)
from shared.calls.privacy import CallPrivacy, PrivacyRules, privacy_rules
from shared.enreach.errors import UnavailableError
from shared.enreach.models import CallEvent, Privacy, Reading, ServiceCall, Unreadable
from shared.enreach.windows import Window
from shared.ticket_request import TicketRequest
from tests.unit.shared.calls.feeds import AINO, BERT, CALL, CUSTOMER, LATER, START, at, leg, service

RULES = privacy_rules(CallPrivacy(), "FI")
SEEN = START + timedelta(minutes=10)
HOUR = timedelta(hours=1)


class FakeEnreach:
    """Gives legs by call id and service calls by arrival, as Enreach does."""

    def __init__(
        self, events: Iterable[CallEvent] = (), services: Iterable[ServiceCall] = (), unreadable: bool = False
    ) -> None:
        self.events, self.services = [*events], [*services]
        self.unreadable = (Unreadable(0, "no start"),) if unreadable else ()
        self.legs_asked: list[str] = []
        self.windows: list[Window] = []
        self.addresses_asked = 0

    async def calls_of(self, call_id: str) -> Reading[CallEvent]:
        self.legs_asked.append(call_id)
        return Reading(tuple(each for each in self.events if each.call_id == call_id), self.unreadable)

    async def service_calls(self, window: Window) -> Reading[ServiceCall]:
        self.windows.append(window)
        return Reading(tuple(each for each in self.services if window.start <= each.arrived < window.end))

    async def recordings_address(self) -> str:
        self.addresses_asked += 1
        return "https://enreach.example/recordings/"


async def answer(enreach: FakeEnreach, rules: PrivacyRules = RULES, now: datetime = LATER) -> Answer:
    found = await requests_of_calls(enreach, {CALL: SEEN}, rules, now)
    assert found.keys() == {CALL}
    return found[CALL]


FOUND: list[Any] = [
    pytest.param([leg()], [], None, "answered", id="a direct call"),
    pytest.param([leg(after=5)], [service()], "Support", "answered", id="of a queue"),
    pytest.param([leg(after=3_500)], [service(3_500, 3_595)], "Support", "answered", id="that waited for an hour"),
    pytest.param([leg(talk=30)], [service(arrived=at(31))], "Support", "answered", id="passed on into a queue"),
    pytest.param([leg(talk=7_200)], [service(arrived=at(7_230))], "Support", "answered", id="after a long talk"),
    pytest.param([], [service(None, 30)], "Support", "unanswered", id="the queue alone"),
    pytest.param([], [service(None, 30, arrived=SEEN - timedelta(hours=3))], "Support", "unanswered",
                 id="the queue alone, told hours later"),
    pytest.param([leg()], [service(call_id=str(UUID(int=5)))], None, "answered", id="beside another one's queue"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "services", "queue", "status"), FOUND)
async def test_a_call_that_has_ended_is_told_whole(
    events: list[CallEvent], services: list[ServiceCall], queue: str | None, status: str
) -> None:
    found = await answer(FakeEnreach(events, services))
    assert isinstance(found, TicketRequest)
    assert (found.call_id, found.queue, found.call_status) == (CALL, queue, status)
    assert found.caller_number == CUSTOMER
    assert not found.is_compact


async def test_a_call_that_enreach_does_not_know_or_that_goes_on_is_none_yet() -> None:
    assert await answer(FakeEnreach()) == NotYet(UNKNOWN)
    assert await answer(FakeEnreach([leg(talk=None)]), now=at(5)) == NotYet(GOES_ON)
    assert await answer(FakeEnreach([leg(talk=0)]), now=at(60)) == NotYet(GOES_ON)
    old = service(None, 30, arrived=SEEN - timedelta(hours=5))
    assert await answer(FakeEnreach([], [old])) == NotYet(UNKNOWN)


async def test_what_cannot_be_read_may_be_what_keeps_a_call_out() -> None:
    assert await answer(FakeEnreach([leg()], unreadable=True)) == NotYet(UNREADABLE)


async def test_calls_that_may_not_be_known_are_told_apart() -> None:
    for kept_out in (Privacy.PRIVATE, Privacy.UNDEFINED):
        found = await answer(FakeEnreach([leg(), leg(BERT, privacy=kept_out)], [service()]))
        assert found == NotOurs(f"classed {kept_out}: not in PrivacyClasses")
    listed = privacy_rules(CallPrivacy(NeverLogNumbers=("050 4545641",)), "FI")
    found = await answer(FakeEnreach([leg()]), listed)
    assert found == NotOurs("one of its numbers is in NeverLogNumbers")
    assert CUSTOMER[1:] not in repr(found)


async def test_the_address_of_recordings_is_asked_once_and_only_for_calls_that_have_one() -> None:
    without = FakeEnreach([leg()])
    await answer(without)
    assert without.addresses_asked == 0
    ids = [str(uuid5(UUID(int=3), str(number))) for number in range(3)]
    enreach = FakeEnreach([leg(call_id=each, recording_ids=("r1",)) for each in ids])
    found = await requests_of_calls(enreach, dict.fromkeys(ids, SEEN), RULES, LATER)
    links = {each.recording_url for each in found.values() if isinstance(each, TicketRequest)}
    assert links == {"https://enreach.example/recordings/r1"}
    assert enreach.addresses_asked == 1


async def test_calls_of_the_same_time_share_what_is_asked_about_queues() -> None:
    ids = [str(uuid5(UUID(int=3), str(number))) for number in range(200)]
    events = [leg(AINO, after=number, call_id=each) for number, each in enumerate(ids)]
    services = [service(call_id=each, arrived=at(number)) for number, each in enumerate(ids)]
    enreach = FakeEnreach(events, services)
    found = await requests_of_calls(enreach, dict.fromkeys(ids, SEEN), RULES, LATER)
    assert {each.queue for each in found.values() if isinstance(each, TicketRequest)} == {"Support"}
    assert len(found) == 200
    assert sorted(enreach.legs_asked) == sorted(ids)
    assert len(enreach.windows) == 2
    assert (enreach.windows[0].start, enreach.windows[-1].end) == (START - LONGEST_WAIT, at(199 + 95) + SOON)
    assert await requests_of_calls(enreach, {}, RULES, LATER) == {}


async def test_an_enreach_that_does_not_answer_is_an_error() -> None:
    class Down(FakeEnreach):
        async def service_calls(self, window: Window) -> Reading[ServiceCall]:
            raise UnavailableError("Enreach did not answer")

    with pytest.raises(UnavailableError):
        await answer(Down([leg()]))


def test_time_is_asked_once_in_parts_of_an_hour_at_most() -> None:
    spans = [(START + 9 * HOUR, START + 10 * HOUR), (START, START + HOUR), (START + HOUR / 2, START + 2.5 * HOUR)]
    parts = [*stretches(spans)]
    assert parts[-1] == (START + 9 * HOUR, START + 10 * HOUR)
    assert [start for start, _ in parts[:3]] == [START + 2.5 * HOUR * part / 3 for part in range(3)]
    assert [end for _, end in parts[:3]] == [start for start, _ in parts[1:3]] + [START + 2.5 * HOUR]
    assert [*stretches([])] == []
