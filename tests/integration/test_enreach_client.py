"""The Enreach client over HTTP: every switch and every fault of the simulator that concerns a reader."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest

from local.enreach.seed import API_PASSWORD, API_SECRET_KEY, API_USER, item_id
from local.stack.ports import free_port
from shared.enreach.client import EnreachClient
from shared.enreach.credentials import Credentials
from shared.enreach.errors import (
    CredentialsError,
    DeniedError,
    EndpointError,
    EnreachError,
    NotFoundError,
    RejectedError,
    ReplyTooLargeError,
    ThrottledError,
    UnavailableError,
    UnreadableReplyError,
)
from shared.enreach.models import CallbackState, CallEvent, Direction, Privacy, ServiceResult
from shared.enreach.windows import Window
from shared.health import Status
from shared.retry import MAX_ATTEMPTS
from tests.integration.enreach import API_CREDENTIALS, Enreach, Pauses, enreach_client
from tests.plain_http import PLAIN

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
AGENT = item_id("user", "asa.lindqvist")
HOUR = Window.started(NOON, NOON + 60 * MINUTE)
REFUSED = "a-wrong-key-that-nobody-gave"


def call_id(name: object) -> str:
    return str(uuid5(UUID(int=6), str(name)))


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(name: object, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
    return {
        "CallId": call_id(name), "UserId": AGENT, "ANum": "+358504545641", "BNum": "+35898550017", "Direction": 0,
        "Duration": 95, "EndResult": 0, "TimeStamp": iso(at), "ModifiedAt": iso(at), "RecordingIds": [call_id("rec")],
    } | fields  # fmt: skip


def service_call(name: object, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
    return {"CallId": call_id(name), "ANum": "+358504545641", "ArrivalTime": iso(at), "ModifiedAt": iso(at)} | fields


def without_audit(events: tuple[CallEvent, ...]) -> list[tuple[Any, ...]]:
    return [(e.call_id, e.user_id, e.started, e.modified_at, e.direction, e.answered, e.privacy) for e in events]


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client(enreach: Enreach, pauses: Pauses) -> AsyncIterator[EnreachClient]:
    client = enreach_client(enreach.address, sleep=pauses)
    yield client
    await client.close()


@pytest.fixture
async def opened(enreach: Enreach) -> AsyncIterator[Callable[..., EnreachClient]]:
    """Opens clients with other arguments."""
    clients: list[EnreachClient] = []

    def open_one(address: str | None = None, **arguments: Any) -> EnreachClient:
        clients.append(enreach_client(address or enreach.address, **arguments))
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


# What is read.


async def test_a_call_event_is_read_whole(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", event("a", Direction=1, Privacy="Private", TranscriptIds=[call_id("t")]))
    reading = await client.calls(HOUR)
    (found,) = reading.items
    assert reading.unreadable == ()
    assert (found.call_id, found.user_id, found.started) == (call_id("a"), AGENT, NOON)
    assert (found.caller, found.called, found.duration_seconds) == ("+358504545641", "+35898550017", 95)
    assert (found.direction, found.answered, found.privacy) == (Direction.OUT, True, Privacy.PRIVATE)
    assert (found.user_name, found.call_type) == ("Asa.Lindqvist@nordic-care.example", "DirectCall")
    assert (found.recording_ids, found.transcript_ids) == ((call_id("rec"),), (call_id("t"),))
    assert dict(found.received) == enreach.items("calls")[0]


async def test_a_service_call_is_read_whole(enreach: Enreach, client: EnreachClient) -> None:
    queue = item_id("queue", "Support")
    enreach.plant(
        "servicecalls",
        service_call("a", QueueId=queue, UserId=AGENT, AnswerTime=iso(NOON + SECOND), EndTime=iso(NOON + MINUTE)),
        service_call("b", NOON + SECOND, Result="Overflow"),
    )
    first, second = (await client.service_calls(HOUR)).items
    assert (first.call_id, first.queue_id, first.queue_name) == (call_id("a"), queue, "Support")
    assert (first.queue_number, first.user_id) == ("+358406750003", AGENT)
    assert (first.arrived, first.answered_at, first.ended) == (NOON, NOON + SECOND, NOON + MINUTE)
    assert (first.result, second.result, second.queue_name) == (ServiceResult.ANSWERED, ServiceResult.OVERFLOW, None)


async def test_users_queues_and_oneself(enreach: Enreach, client: EnreachClient) -> None:
    users, queues = (await client.users()).items, (await client.queues()).items
    assert {user.user_name for user in users} == {user["UserName"] for user in enreach.items("users")}
    assert {(user.id, user.mobile_number) for user in users} >= {(AGENT, "+358505550017")}
    assert [(queue.name, queue.numbers) for queue in queues][:2] == [
        ("VIP support", ("+35840675644",)),
        ("Support", ("+358406750003",)),
    ]
    enreach.plant("queues", {"Name": "Closed", "UserIds": [AGENT]})
    assert len((await client.queues(AGENT)).items) == len(queues) + 1
    assert len((await client.queues(users[0].id)).items) == len(queues)
    assert (await client.own_user()).user_name == API_USER


async def test_a_recordings_address_is_whole_and_opens_it(enreach: Enreach, client: EnreachClient) -> None:
    enreach.switch(silo="silo7")
    enreach.plant("calls", event("a"))
    recording = await client.recording(call_id("rec").upper())
    assert recording.url.startswith(f"{enreach.address}/silo7/calls/recordings/{call_id('rec')}/content?token=")
    async with httpx.AsyncClient(trust_env=False, verify=PLAIN) as http:
        assert (await http.get(recording.url)).headers["content-type"] == "audio/mpeg"
    assert "token" not in repr(recording)
    with pytest.raises(NotFoundError):
        await client.recording(call_id("none"))


async def test_all_events_of_one_call(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", event("a"), event("a", UserId=item_id("user", "anna.virtanen")), event("b"))
    reading = await client.calls_of(call_id("a").upper())
    assert [found.call_id for found in reading.items] == [call_id("a")] * 2
    assert (await client.calls_of(call_id("none"))).items == ()


async def test_a_mobile_call_has_no_user(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", event("a", UserId=None))
    assert (await client.calls(HOUR)).items[0].user_id is None


async def test_callback_requests_are_listed_and_closed_twice_without_harm(
    enreach: Enreach, client: EnreachClient
) -> None:
    wanted, *_ = (await client.callback_lists()).items
    other = enreach.plant("callbacklists", {"Name": "Other"})[0]
    enreach.plant(
        "callbacks",
        {"Id": call_id("a"), "Number": "+358504545641", "DueTime": iso(NOON), "ModifiedAt": iso(NOON)},
        {"Id": call_id("b"), "CallbackListId": other, "ModifiedAt": iso(NOON + DAY)},
    )
    assert [r.id for r in (await client.callbacks()).items] == [call_id("a"), call_id("b")]
    assert [r.id for r in (await client.callbacks(list_ids=[other])).items] == [call_id("b")]
    window = Window.modified(NOON, NOON + 45 * DAY)
    assert [r.id for r in (await client.callbacks(window, [wanted.id])).items] == [call_id("a")]
    for _ in range(2):
        await client.close_callback(call_id("a"), "done")
    request = (await client.callbacks(list_ids=[wanted.id])).items[0]
    assert (request.state, request.note, request.due) == (CallbackState.CLOSED_SUCCESSFULLY, "done", NOON)
    with pytest.raises(NotFoundError):
        await client.close_callback(call_id("none"))


async def test_an_item_that_cannot_be_read_costs_only_itself(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", event("a"), event("b", TimeStamp="soon"), event("c", NOON + SECOND))
    reading = await client.calls(Window.modified(NOON, NOON + MINUTE))
    assert [found.call_id for found in reading.items] == [call_id("a"), call_id("c")]
    assert [bad.reason for bad in reading.unreadable] == ["no start"]


# How it may be written.

STYLES: list[dict[str, Any]] = [
    {"date_style": "iso-z"},
    {"date_style": "iso"},
    {"date_style": "ms-date"},
    {"date_style": "by-header"},
    {"id_style": "upper"},
    {"id_style": "braces"},
    {"call_id_name": "CallID"},
    {"call_id_name": "CallId"},
    {"start_name": "StartTime"},
    {"start_name": "TimeStamp"},
    {"direction_style": "bool"},
    {"direction_style": "number"},
    {"endpoint_slash": False},
    {"silo": "silo2"},
    {"date_style": "ms-date", "id_style": "braces", "call_id_name": "CallID", "start_name": "StartTime",
     "direction_style": "bool", "silo": "a/b"},
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES, ids=str)
async def test_whatever_the_style_the_same_is_read(
    enreach: Enreach, client: EnreachClient, style: dict[str, Any]
) -> None:
    enreach.plant("calls", *(event(n, NOON + n * SECOND / 4, Direction=n % 2, EndResult=n % 3) for n in range(8)))
    enreach.plant("servicecalls", *(service_call(n, NOON + n * SECOND) for n in range(8)))
    plain = await client.calls(HOUR)
    plain_service = [(call.call_id, call.arrived, call.ended) for call in (await client.service_calls(HOUR)).items]
    assert len(plain.items) == len(plain_service) == 8
    enreach.switch(**style)
    assert without_audit((await client.calls(HOUR)).items) == without_audit(plain.items)
    assert [
        (call.call_id, call.arrived, call.ended) for call in (await client.service_calls(HOUR)).items
    ] == plain_service


async def test_the_newer_serializer_is_asked_for(enreach: Enreach, client: EnreachClient) -> None:
    enreach.switch(date_style="by-header")
    enreach.plant("calls", event("a"))
    assert (await client.calls(HOUR)).items[0].received["TimeStamp"] == iso(NOON)


async def test_numbers_without_a_plus_stay_as_they_are(enreach: Enreach, client: EnreachClient) -> None:
    enreach.switch(plus_sign="dropped")
    enreach.plant("calls", event("a"))
    assert (await client.calls(HOUR)).items[0].caller == "358504545641"


async def test_items_in_another_order_are_the_same_items(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", *(event(n, NOON + n * MINUTE) for n in range(5)))
    ascending = (await client.calls(HOUR)).items
    enreach.switch(order="descending")
    assert (await client.calls(HOUR)).items == ascending[::-1]


RENAMED = {
    "calls": {"Privacy": "PrivacyClass", "ANum": "From", "UserId": "AgentGuid", "ModifiedAt": "Changed"},
    "servicecalls": {"Result": "Outcome", "ArrivalTime": "In"},
    "users": {"UserName": "Login", "MobileNumber": "Gsm"},
    "callbacks": {"State": "Handling"},
}
REVALUED = {
    "calls": {"Privacy": {"Work": 1, "Private": 2}, "Direction": {"0": "received", "1": "made"}},
    "servicecalls": {"Result": {"Answered": "ok", "Unanswered": "lost", "Overflow": "moved"}},
    "callbacks": {"State": {"ClosedSuccessfully": "Done", "Open": "New"}},
}
DOCUMENT = json.dumps({
    "paths": {"callbacks": "/cases", "callback": "/cases/{id}"},
    "fields": {
        "calls": {"privacy": ["PrivacyClass"], "caller": ["From"], "userId": ["AgentGuid"], "modifiedAt": ["Changed"]},
        "serviceCalls": {"result": ["Outcome"], "arrived": ["In"]},
        "users": {"userName": ["Login"], "mobileNumber": ["Gsm"]},
        "callbacks": {"state": ["Handling"]},
    },
    "values": {
        "privacy": {"work": ["1"], "private": ["2"]},
        "directions": {"in": ["received"], "out": ["made"]},
        "serviceResults": {"answered": ["ok"], "unanswered": ["lost"], "overflow": ["moved"]},
        "callbackStates": {"open": ["New"], "closedSuccessfully": ["Done"]},
    },
})  # fmt: skip


async def test_names_values_and_paths_of_a_customers_own(
    enreach: Enreach, opened: Callable[..., EnreachClient]
) -> None:
    enreach.plant("calls", event("a", Direction=1, Privacy="Private"))
    enreach.plant("servicecalls", service_call("a", Result="Unanswered"))
    enreach.plant("callbacks", {"Id": call_id("a")})
    enreach.switch(field_names=RENAMED, field_values=REVALUED, paths={"/callbacks": "/cases"})
    client = opened(document=DOCUMENT)
    (call,) = (await client.calls(Window.modified(NOON, NOON + MINUTE))).items
    assert (call.privacy, call.caller, call.user_id, call.modified_at, call.direction) == (
        Privacy.PRIVATE, "+358504545641", AGENT, NOON, Direction.OUT,
    )  # fmt: skip
    (service,) = (await client.service_calls(HOUR)).items
    assert (service.result, service.arrived) == (ServiceResult.UNANSWERED, NOON)
    assert {user.user_name for user in (await client.users()).items} >= {API_USER}
    await client.close_callback(call_id("a"))
    (request,) = (await client.callbacks()).items
    assert request.state is CallbackState.CLOSED_SUCCESSFULLY
    assert enreach.items("callbacks")[0]["State"] == "ClosedSuccessfully"


async def test_without_the_document_renamed_fields_are_missing_but_never_guessed(
    enreach: Enreach, client: EnreachClient
) -> None:
    enreach.plant("calls", event("a"))
    enreach.switch(field_names=RENAMED)
    (call,) = (await client.calls(HOUR)).items
    assert (call.privacy, call.caller, call.user_id, call.modified_at) == (Privacy.UNDEFINED, "", None, None)


# Windows.


@pytest.mark.parametrize("bounds", ["closed", "half-open", "open"])
@pytest.mark.parametrize("by", ["started", "modified"])
async def test_slices_that_meet_give_every_event_once_whatever_belongs_to_a_window(
    enreach: Enreach, client: EnreachClient, bounds: str, by: str
) -> None:
    moments = [NOON + offset * SECOND / 2 for offset in range(-6, 7)]
    enreach.plant("calls", *(event(n, at) for n, at in enumerate(moments)))
    enreach.plant("servicecalls", *(service_call(n, at) for n, at in enumerate(moments)))
    enreach.switch(window_bounds=bounds)
    window = getattr(Window, by)
    for seam in (NOON, NOON + 0.25 * SECOND, NOON + 0.5 * SECOND):
        slices = [window(NOON - 10 * SECOND, seam), window(seam, NOON + 10 * SECOND)]
        found = [each.call_id for part in slices for each in (await client.calls(part)).items]
        served = [each.call_id for part in slices for each in (await client.service_calls(part)).items]
        assert found == served == [call_id(n) for n in range(len(moments))]


@pytest.mark.parametrize("bounds", ["closed", "half-open", "open"])
async def test_45_days_are_two_requests_of_each_feed(enreach: Enreach, client: EnreachClient, bounds: str) -> None:
    seam = NOON + 22.5 * DAY
    moments = [NOON, NOON + DAY, seam - SECOND, seam, seam + SECOND, NOON + 45 * DAY - SECOND]
    enreach.plant("calls", *(event(n, at) for n, at in enumerate(moments)), event("after", NOON + 45 * DAY))
    enreach.plant("servicecalls", *(service_call(n, at) for n, at in enumerate(moments)))
    enreach.switch(window_bounds=bounds)
    window = Window.started(NOON, NOON + 45 * DAY)
    assert [e.call_id for e in (await client.calls(window)).items] == [call_id(n) for n in range(len(moments))]
    assert len((await client.service_calls(window)).items) == len(moments)
    assert len(enreach.requests("/calls")) == len(enreach.requests("/servicecall")) == 2
    assert client.requests == {"discovery": 1, "calls": 2, "service calls": 2}
    assert {request["status"] for request in enreach.requests()} == {200}


async def test_a_window_without_time_asks_nothing(client: EnreachClient) -> None:
    assert (await client.calls(Window.started(NOON, NOON))).items == ()
    assert client.requests.total() == 0


# Whose calls.


async def test_calls_of_some_users(enreach: Enreach, client: EnreachClient) -> None:
    others = [item_id("user", name) for name in ("anna.virtanen", "paivi.makela")]
    enreach.plant("calls", *(event(n, UserId=user) for n, user in enumerate([AGENT, *others])))
    assert [e.user_id for e in (await client.calls(HOUR, others)).items] == others
    assert (await client.calls(HOUR, [])).items == ()
    assert len(enreach.requests("/calls")) == 1


@pytest.mark.parametrize(("at_once", "style", "requests"), [(4, "comma-list", 3), (1, "single", 10)])
async def test_where_only_ones_own_calls_are_given_all_users_are_named(
    enreach: Enreach, opened: Callable[..., EnreachClient], at_once: int, style: str, requests: int
) -> None:
    users = [user["Id"] for user in enreach.items("users")]
    enreach.plant("calls", *(event(n, UserId=user) for n, user in enumerate(users)))
    enreach.switch(calls_without_user_ids="own", user_ids=style)
    assert len((await opened().calls(HOUR)).items) == 1
    client = opened(document=f'{{"userIdsPerRequest": {at_once}}}')
    for _ in range(2):
        assert {e.user_id for e in (await client.calls(HOUR)).items} == set(users)
    assert client.requests == {"discovery": 1, "users": 1, "calls": 2 * requests}


# Where the API is.


async def test_the_address_is_discovered_once(enreach: Enreach, client: EnreachClient) -> None:
    for _ in range(3):
        await client.users()
    assert [request["parameters"] for request in enreach.requests("/api/user")] == [{"user": API_USER}]


async def test_an_address_in_the_settings_needs_no_discovery(
    enreach: Enreach, opened: Callable[..., EnreachClient]
) -> None:
    enreach.switch(silo="fixed")
    client = opened("http://127.0.0.1:9", api_url=f"{enreach.address}/fixed/")
    assert len((await client.users()).items) > 5
    enreach.switch(silo="moved")
    with pytest.raises(NotFoundError):
        await client.users()
    assert enreach.requests("/api/user") == []


async def test_an_api_that_moved_is_found_again_within_the_same_call(enreach: Enreach, client: EnreachClient) -> None:
    await client.users()
    enreach.switch(silo="silo2")
    assert len((await client.users()).items) > 5
    assert client.requests["discovery"] == 2


async def test_a_path_that_is_not_there_leads_to_one_discovery_a_minute(
    enreach: Enreach, opened: Callable[..., EnreachClient]
) -> None:
    client = opened(document='{"paths": {"queues": "/elsewhere"}}')
    for _ in range(5):
        with pytest.raises(NotFoundError):
            await client.queues()
    assert client.requests == {"discovery": 2, "queues": 5}


async def test_single_things_that_are_gone_lead_to_discovery_when_they_are_many(
    enreach: Enreach, client: EnreachClient
) -> None:
    enreach.plant("calls", event("a"))
    for name in ("x", "y"):
        with pytest.raises(NotFoundError):
            await client.recording(call_id(name))
    assert client.requests["discovery"] == 1
    enreach.switch(silo="silo2")
    assert (await client.recording(call_id("rec"))).url.startswith(f"{enreach.address}/silo2/")
    assert client.requests["discovery"] == 2


async def test_single_things_that_are_gone_now_and_then_lead_nowhere(enreach: Enreach, client: EnreachClient) -> None:
    for name in range(6):
        with pytest.raises(NotFoundError):
            await client.recording(call_id(name))
        assert (await client.health())[0].status is Status.GREEN
        await client.queues()
    assert client.requests["discovery"] == 1


async def test_a_host_that_is_gone_is_discovered_anew(enreach: Enreach, client: EnreachClient, pauses: Pauses) -> None:
    enreach.switch(api_endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError):
        await client.users()
    assert client.requests == {"discovery": MAX_ATTEMPTS, "users": MAX_ATTEMPTS}
    enreach.switch(api_endpoint="")
    assert len((await client.users()).items) > 5


async def test_while_discovery_is_down_the_last_address_serves_on(enreach: Enreach, client: EnreachClient) -> None:
    await client.users()
    enreach.fault(match={"path": "/api/user"}, status=500)
    enreach.fault(match={"path": "/users"}, drop="before", count=2)
    assert len((await client.users()).items) > 5
    assert client.requests == {"discovery": 2, "users": 3}


async def test_the_key_is_not_sent_where_discovery_must_not_send_it(enreach: Enreach, client: EnreachClient) -> None:
    enreach.switch(api_endpoint="http://api-x.enreachvoice.example/")
    with pytest.raises(EndpointError, match="must be https"):
        await client.users()
    assert client.requests == {"discovery": 1}


async def test_a_user_whom_discovery_does_not_know(enreach: Enreach, opened: Callable[..., EnreachClient]) -> None:
    client = opened(credentials=Credentials("nobody@nordic-care.example", API_SECRET_KEY))
    with pytest.raises(EndpointError, match="ENREACH_USER") as raised:
        await client.users()
    assert "nobody" not in str(raised.value)
    (finding,) = await client.health()
    assert finding.status is Status.RED


# Credentials.


@pytest.mark.parametrize("key", [REFUSED, API_PASSWORD])
async def test_a_refused_key_is_told_apart_and_not_tried_again(
    enreach: Enreach, opened: Callable[..., EnreachClient], key: str
) -> None:
    client = opened(credentials=Credentials(API_USER, key))
    with pytest.raises(CredentialsError) as raised:
        await client.users()
    assert len(enreach.requests("/users")) == 1
    assert "ENREACH_SECRET_KEY" in str(raised.value)
    (finding,) = await client.health()
    assert (finding.status, finding.reason) == (Status.RED, str(raised.value))


async def test_a_user_who_may_not_is_denied_once(enreach: Enreach, client: EnreachClient) -> None:
    enreach.fault(match={"path": "/users"}, status=403)
    with pytest.raises(DeniedError):
        await client.users()
    assert len(enreach.requests("/users")) == 1


# Faults: each passes by itself after a while, or stands with an error that says what to do.

PASSING: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 502},
    {"status": 503, "retryAfter": 1},
    {"status": 302},
    # What loses its connection goes out once more by itself (aiohttp): 4 broken connections are 2 failures.
    {"drop": "before", "count": 4},
    {"drop": "after", "count": 4},
    {"html": True},
    {"garble": True},
    {"delayMs": 60_000},
    {"drip": 1},
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_what_passes_by_itself_is_tried_again(
    enreach: Enreach, opened: Callable[..., EnreachClient], fault: dict[str, Any], pauses: Pauses
) -> None:
    client = opened(silent=0.4, whole=0.8, sleep=pauses)
    enreach.plant("calls", *(event(n, NOON + n * SECOND) for n in range(20)))
    enreach.fault(**{"match": {"path": "/calls"}, "count": 2} | fault)
    assert [e.call_id for e in (await client.calls(HOUR)).items] == [call_id(n) for n in range(20)]
    assert client.requests["calls"] == 3
    assert len(pauses.seconds) == 2
    assert pauses.seconds[0] < pauses.seconds[1] <= 1.0


STANDING: list[tuple[dict[str, Any], type[EnreachError], int]] = [
    ({"status": 500}, UnavailableError, MAX_ATTEMPTS),
    ({"drop": "before"}, UnavailableError, MAX_ATTEMPTS),
    ({"html": True}, UnreadableReplyError, MAX_ATTEMPTS),
    ({"garble": True}, UnreadableReplyError, MAX_ATTEMPTS),
    ({"delayMs": 60_000}, UnavailableError, MAX_ATTEMPTS),
    ({"status": 400}, RejectedError, 1),
    ({"status": 405}, RejectedError, 1),
    ({"status": 410}, NotFoundError, 1),
]


@pytest.mark.parametrize(("fault", "kind", "requests"), STANDING, ids=str)
async def test_what_stands_is_an_error_after_a_few_tries(
    enreach: Enreach,
    opened: Callable[..., EnreachClient],
    fault: dict[str, Any],
    kind: type[EnreachError],
    requests: int,
) -> None:
    client = opened(silent=0.2, whole=0.4)
    enreach.plant("calls", *(event(n) for n in range(3)))
    enreach.fault(match={"path": "/calls"}, message="+358504545641", **fault)
    with pytest.raises(kind) as raised:
        await client.calls(HOUR)
    assert type(raised.value) is kind
    assert client.requests["calls"] == requests
    assert "358" not in str(raised.value)
    (finding,) = await client.health()
    assert finding.status is not Status.GREEN
    enreach.mend()
    assert len((await client.calls(HOUR)).items) == 3
    assert (await client.health())[0].status is Status.GREEN


@pytest.mark.parametrize(("fault", "count"), [({"empty": True}, 0), ({"half": True}, 2)])
async def test_a_well_formed_part_of_a_list_is_a_list(
    enreach: Enreach, client: EnreachClient, fault: dict[str, Any], count: int
) -> None:
    """Nothing tells it from the whole: who would take something away for it has to weigh it first."""
    enreach.plant("calls", *(event(n, NOON + n * SECOND) for n in range(4)))
    enreach.fault(match={"path": "/calls"}, **fault)
    assert len((await client.calls(HOUR)).items) == count


@pytest.mark.parametrize("body", ["json", "text", "empty"])
async def test_the_body_of_a_refusal_does_not_matter(enreach: Enreach, client: EnreachClient, body: str) -> None:
    enreach.switch(error_body=body)
    enreach.fault(match={"path": "/users"}, status=400)
    with pytest.raises(RejectedError):
        await client.users()


async def test_an_object_is_no_list_and_a_list_no_object(
    enreach: Enreach, opened: Callable[..., EnreachClient]
) -> None:
    client = opened(document='{"paths": {"users": "/users/me", "ownUser": "/users"}}')
    with pytest.raises(UnreadableReplyError, match="an object"):
        await client.users()
    with pytest.raises(UnreadableReplyError, match="a list"):
        await client.own_user()


async def test_an_answer_over_the_limit_is_refused(enreach: Enreach, client: EnreachClient) -> None:
    enreach.fault(match={"path": "/users"}, bodyMb=33)
    with pytest.raises(ReplyTooLargeError):
        await client.users()
    assert len(enreach.requests("/users")) == 1


async def test_a_window_with_too_large_an_answer_is_halved(enreach: Enreach, client: EnreachClient) -> None:
    enreach.plant("calls", *(event(n, NOON + n * MINUTE) for n in range(60)))
    enreach.fault(match={"path": "/calls"}, bodyMb=33, count=2)
    assert [e.call_id for e in (await client.calls(HOUR)).items] == [call_id(n) for n in range(60)]
    assert client.requests["calls"] == 5
    enreach.fault(match={"path": "/calls"}, bodyMb=33)
    with pytest.raises(ReplyTooLargeError):
        await client.calls(Window.started(NOON, NOON + 2 * MINUTE))


async def test_429_with_a_time_is_waited_for(enreach: Enreach, client: EnreachClient, pauses: Pauses) -> None:
    enreach.fault(match={"path": "/users"}, status=429, retryAfter=7, count=2)
    await client.users()
    assert [round(pause) for pause in pauses.seconds] == [7, 7]


async def test_429_with_a_date_is_waited_for(enreach: Enreach, client: EnreachClient, pauses: Pauses) -> None:
    date = format_datetime(datetime.now(UTC).replace(microsecond=0) + 40 * SECOND, usegmt=True)
    enreach.fault(match={"path": "/users"}, status=429, retryAfter=date, count=1)
    await client.users()
    assert 35 < pauses.seconds[0] <= 40


async def test_429_without_a_time_is_waited_for_longer_and_longer(
    enreach: Enreach, client: EnreachClient, pauses: Pauses
) -> None:
    enreach.fault(match={"path": "/users"}, status=429)
    with pytest.raises(ThrottledError) as raised:
        await client.users()
    assert [round(pause) for pause in pauses.seconds] == [5, 10, 20, 40, 60]
    assert raised.value.retry_after == 60
    assert sum(pauses.seconds) < 180


async def test_a_429_that_lasts_longer_than_our_patience_is_told_at_once(
    enreach: Enreach, client: EnreachClient, pauses: Pauses
) -> None:
    enreach.fault(match={"path": "/users"}, status=429, retryAfter=3600, count=1)
    with pytest.raises(ThrottledError) as raised:
        await client.users()
    assert raised.value.retry_after == 3600
    with pytest.raises(ThrottledError):
        await client.queues()
    assert client.requests == {"discovery": 1, "users": 1}, "nobody asks while all would be refused"
    assert pauses.seconds == []


async def test_a_real_limit_is_kept_to(enreach: Enreach, opened: Callable[..., EnreachClient]) -> None:
    """With the real sleep: the third request meets the limit and waits for as long as it is told."""
    client = opened(sleep=asyncio.sleep)
    await client.users()
    enreach.fault(match={"path": "/users"}, status=429, retryAfter=1, count=1)
    began = time.monotonic()
    await client.users()
    assert 0.9 < time.monotonic() - began < 3


async def test_repeats_end_with_our_patience(enreach: Enreach, opened: Callable[..., EnreachClient]) -> None:
    client = opened(silent=0.3, patience=1.0)
    enreach.fault(match={"path": "/users"}, delayMs=60_000)
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        await client.users()
    assert time.monotonic() - began < 2
    assert 1 < client.requests["users"] < MAX_ATTEMPTS


async def test_health_says_nothing_before_anything_was_asked(client: EnreachClient) -> None:
    (finding,) = await client.health()
    assert (finding.status, finding.since) == (Status.GREEN, None)


# What must not be seen.

SECRETS = (API_SECRET_KEY, API_USER, "nordic-care", "358504545641", "token=", API_CREDENTIALS.authorization)


async def test_logs_and_errors_hold_no_secret_number_or_address(
    enreach: Enreach, opened: Callable[..., EnreachClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    enreach.plant("calls", event("a"), event("b", TimeStamp="+358504545641"))
    client = opened(silent=0.2, whole=0.4)
    await client.users()
    faults: list[dict[str, Any]] = [
        {"status": 401}, {"status": 404}, {"status": 429, "retryAfter": 900}, {"status": 500}, {"html": True},
        {"garble": True}, {"drop": "before"}, {"bodyMb": 33}, {"delayMs": 60_000},
    ]  # fmt: skip
    asks: list[Callable[[EnreachClient], Coroutine[Any, Any, object]]] = [
        lambda client: client.calls(HOUR),
        lambda client: client.recording(call_id("rec")),
        lambda client: client.users(),
    ]
    texts = []
    for fault in faults:
        enreach.fault(match={"pathRegex": "calls|users"}, message=f"{API_USER} +358504545641", **fault)
        for ask in asks:
            with pytest.raises(EnreachError) as raised:
                await ask(opened(silent=0.2, whole=0.4))
            texts += [str(raised.value), repr(raised.value), repr(raised.value.__cause__)]
        enreach.mend()
    texts += [record.getMessage() for record in caplog.records]
    assert len(texts) >= 3 * len(faults) * len(asks)
    for text in texts:
        assert not any(secret in text for secret in SECRETS), text


async def test_the_address_of_recordings_stands_before_their_ids(enreach: Enreach) -> None:
    client = enreach_client(enreach.address, document='{"paths": {"recording": "/rec/{id}"}}')
    assert await client.recordings_address() == f"{enreach.address}/rec/"
    await client.close()
