"""One request until its answer can be used: its token, what counts as an answer, what is repeated, what it teaches."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from yarl import URL

from shared.dataverse.batches import probe
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import (
    DataverseError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from shared.dataverse.flow import Breaker
from shared.dataverse.meter import Wait, count_requests
from shared.dataverse.odata import read_json
from shared.dataverse.sender import HttpRequest, Sender, require_odata
from shared.dataverse.traffic import Kind, Traffic
from shared.dataverse.transport import (
    MAX_URGENT_REPLY_BYTES,
    AnswerTooLargeError,
    NotSentError,
    Reply,
    TimedOutError,
    Transport,
)
from tests.unit.shared.dataverse.virtual_time import API, EXECUTION_TIME, WELL, error_reply, play, refusal

FOUND = Reply(200, {"content-type": "application/json; odata.metadata=minimal"}, b'{"value": []}')
HTML = Reply(200, {"content-type": "text/html"}, b"<html>")
URL_WITH_A_NUMBER = URL("https://org.example/api/data/v9.2/contacts?$filter=mobilephone eq '+358504545641'")

type Answer = Reply | Exception


class Scripted:
    """A sender whose exchanges give the answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer, token: Callable[[], Awaitable[str]] | None = None) -> None:
        self.sent: list[dict[str, str]] = []
        self.probes: list[float] = []
        self.probe_answer: Answer = WELL
        self.probe_seconds = 0.06
        self.longest_answer: list[int | None] = []
        self.tokens = 0
        scripted = self

        async def fetch() -> tuple[str, datetime]:
            scripted.tokens += 1
            value = f"token-{scripted.tokens}" if token is None else await token()
            return value, datetime.max.replace(tzinfo=UTC)

        class _Scripted(Transport):
            async def exchange(
                self, method: str, url: URL, body: bytes | None, headers: Any, max_bytes: int | None = None
            ) -> Reply:
                if method == "POST":
                    return await scripted.probed()
                scripted.longest_answer.append(max_bytes)
                answer = answers[min(len(scripted.sent), len(answers) - 1)]
                scripted.sent.append(dict(headers))
                await asyncio.sleep(0.06)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        self.traffic = Traffic()
        self.sender = Sender(TokenCache(fetch), _Scripted(52, self.traffic.connected), self.traffic, probe(API))

    async def probed(self) -> Reply:
        self.probes.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.probe_seconds)
        if isinstance(self.probe_answer, Exception):
            raise self.probe_answer
        return self.probe_answer

    async def ask(
        self, *, repeatable: bool = True, within: float | None = None, kind: Kind = Kind.SINGLE, held: bool = False
    ) -> Any:
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        request = HttpRequest("ask", "GET", URL_WITH_A_NUMBER, repeatable=repeatable, records=3)
        lane = await self.traffic.enter(kind) if held else None
        try:
            return await self.sender.send(
                request, lambda reply, seconds: read_json(reply.body), deadline=deadline, kind=kind, lane=lane
            )
        finally:
            assert self.traffic.under_way == self.traffic.bulk_under_way == 0


def outcome(scripted: Scripted, **how: Any) -> Any:
    """What the request returns or raises."""

    async def story() -> Any:
        try:
            return await scripted.ask(**how)
        except DataverseError as error:
            return error

    return play(story())


# ------------------------------------------------------------------------------------------- what is an answer


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (FOUND, None),
        (Reply(204, {}, b""), None),
        (Reply(200, {"content-type": "multipart/mixed; boundary=r"}, b"--r--"), None),
        (HTML, UnavailableError),
        (Reply(200, {}, b"{}"), UnavailableError),
        (Reply(302, {"location": "https://login.example"}, b""), UnavailableError),
        (Reply(304, {}, b""), UnavailableError),
        (error_reply(400, "0x80044331"), RejectedError),
        (error_reply(404, "0x80040217"), NotFoundError),
        (error_reply(413, ""), PayloadTooLargeError),
        (error_reply(429, "0x80072326"), ThrottledError),
        (error_reply(503, ""), UnavailableError),
        (Reply(500, {"content-type": "text/html"}, b"<html>"), UnavailableError),
        (Reply(403, {"content-type": "text/html"}, b"<html>"), DeniedError),
    ],
    ids=lambda item: f"{item.status}" if isinstance(item, Reply) else "",
)
def test_an_answer_is_a_success_of_this_protocol_or_an_error(reply: Reply, kind: type[DataverseError] | None) -> None:
    if kind is None:
        require_odata(reply)
        return
    with pytest.raises(DataverseError) as raised:
        require_odata(reply)
    assert type(raised.value) is kind


# ------------------------------------------------------------------------------------------- what is repeated


@pytest.mark.parametrize(
    ("first", "repeatable", "kind", "requests", "ends"),
    [
        (error_reply(503, ""), True, Kind.SINGLE, 2, None),
        (error_reply(503, ""), False, Kind.SINGLE, 1, UnavailableError),
        (UnavailableError("lost"), True, Kind.SINGLE, 2, None),
        (UnavailableError("lost"), False, Kind.SINGLE, 1, UnavailableError),
        (NotSentError("no connection"), False, Kind.SINGLE, 2, None),
        (HTML, True, Kind.SINGLE, 2, None),
        (HTML, False, Kind.SINGLE, 1, UnavailableError),
        (Reply(200, FOUND.headers, b"{"), True, Kind.SINGLE, 2, None),
        (refusal(EXECUTION_TIME, 0, 1, {}), False, Kind.SINGLE, 2, None),
        (refusal(EXECUTION_TIME, 0, 1, {}), True, Kind.REPEATED_BULK, 2, None),
        # Its rows are shared out anew among the lanes that are left.
        (refusal(EXECUTION_TIME, 0, 1, {}), True, Kind.BULK, 1, ThrottledError),
        (TimedOutError("slow"), True, Kind.SINGLE, 2, None),
        # The same rows would take as long again.
        (TimedOutError("slow"), True, Kind.BULK, 1, TimedOutError),
        (TimedOutError("slow"), True, Kind.REPEATED_BULK, 1, TimedOutError),
        (TimedOutError("slow"), True, Kind.PAGES, 1, TimedOutError),
        (error_reply(503, ""), True, Kind.PAGES, 2, None),
        # The same question would be answered so again.
        (AnswerTooLargeError("large"), True, Kind.SINGLE, 1, AnswerTooLargeError),
        (error_reply(400, "0x80044331"), True, Kind.SINGLE, 1, RejectedError),
        (error_reply(404, "0x80040217"), True, Kind.SINGLE, 1, NotFoundError),
        (error_reply(401, ""), False, Kind.SINGLE, 2, None),
        (error_reply(403, "0x80040220"), True, Kind.SINGLE, 1, DeniedError),
    ],
)
@pytest.mark.parametrize("held", [False, True], ids=["", "lane-held"])
def test_what_is_safe_and_sensible_to_repeat_is_repeated(
    first: Answer, repeatable: bool, kind: Kind, requests: int, ends: type[Exception] | None, *, held: bool
) -> None:
    scripted = Scripted(first, FOUND)
    said = outcome(scripted, repeatable=repeatable, kind=kind, held=held)
    assert len(scripted.sent) == requests
    assert said == {"value": []} if ends is None else type(said) is ends


@pytest.mark.parametrize("answer", [error_reply(503, ""), UnavailableError("lost"), HTML], ids=["503", "lost", "html"])
def test_a_failure_that_stays_is_raised_after_five_attempts(answer: Answer) -> None:
    scripted = Scripted(answer)
    assert isinstance(outcome(scripted), UnavailableError)
    assert len(scripted.sent) == 5
    meter = scripted.sender.meter
    assert (meter.requests, meter.records, meter.retries.total()) == (5, 0, 4)


def test_a_busy_server_is_left_alone_for_as_long_as_it_says() -> None:
    scripted = Scripted(error_reply(503, "", headers={"Retry-After": "40"}), FOUND)
    assert outcome(scripted) == {"value": []}
    assert scripted.sender.meter.waits[Wait.BACKOFF] == pytest.approx(40.0)
    scripted = Scripted(error_reply(503, "", headers={"Retry-After": "86400"}), FOUND)
    assert outcome(scripted) == {"value": []}
    assert scripted.sender.meter.waits[Wait.BACKOFF] == pytest.approx(300.0)


@pytest.mark.parametrize(("named", "waited"), [("7", 7.0), ("86400", 300.0), ("soon", 5.0), ("0", 0.0)])
def test_a_pause_is_what_the_refusal_names_within_reason(named: str, waited: float) -> None:
    scripted = Scripted(error_reply(429, EXECUTION_TIME, headers={"Retry-After": named}), FOUND)
    assert outcome(scripted) == {"value": []}
    assert scripted.sender.meter.waits.get(Wait.THROTTLED, 0.0) == pytest.approx(waited, abs=0.01)


# --------------------------------------------------------------------------------------------------- the token


def test_the_token_travels_and_a_refused_one_is_renewed_once() -> None:
    scripted = Scripted(error_reply(401, ""), FOUND)
    assert outcome(scripted) == {"value": []}
    assert [sent["Authorization"] for sent in scripted.sent] == ["Bearer token-1", "Bearer token-2"]
    always = Scripted(error_reply(401, ""))
    assert isinstance(outcome(always), DeniedError)
    assert (len(always.sent), always.tokens) == (2, 2)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("error", [UnavailableError("Entra is away"), DeniedError("unknown app")])
def test_without_a_token_nothing_is_sent_and_no_lane_stays_taken(error: DataverseError, *, held: bool) -> None:
    async def none() -> str:
        raise error

    scripted = Scripted(FOUND, token=none)
    assert outcome(scripted, held=held) is error
    assert scripted.sent == []


def test_a_deadline_holds_while_the_token_is_awaited() -> None:
    async def never() -> str:
        await asyncio.sleep(3600)
        return ""

    scripted = Scripted(FOUND, token=never)
    assert isinstance(outcome(scripted, within=2.0), TimedOutError)
    assert scripted.sent == []


# ------------------------------------------------------------------------------------------------ what is learned


def test_what_an_answer_teaches() -> None:
    hinted = Reply(200, {**FOUND.headers, "x-ms-dop-hint": "7"}, FOUND.body)
    scripted = Scripted(hinted)
    assert outcome(scripted) == {"value": []}
    assert scripted.traffic.width.lanes == 7
    assert scripted.traffic.round_trip == pytest.approx(0.06)
    assert (scripted.sender.meter.requests, scripted.sender.meter.records) == (1, 3)


@pytest.mark.parametrize("hint", ["", "many", "-1", "٣", "9" * 30, "0"])
def test_a_strange_recommendation_does_no_harm(hint: str) -> None:
    scripted = Scripted(Reply(200, {**FOUND.headers, "x-ms-dop-hint": hint}, FOUND.body))
    assert outcome(scripted) == {"value": []}
    assert 1 <= scripted.traffic.width.lanes <= 52


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (error_reply(503, ""), True),
        (UnavailableError("lost"), True),
        (HTML, True),
        (error_reply(404, "0x80040217"), False),
        (error_reply(400, "0x80044331"), False),
    ],
    ids=["503", "lost", "html", "404", "400"],
)
def test_only_an_answer_that_cannot_be_used_keeps_callers_from_asking(answer: Answer, *, failures: bool) -> None:
    scripted = Scripted(answer)

    async def story() -> bool:
        for _ in range(Breaker.FAILURES + 1):
            with pytest.raises(DataverseError):
                await scripted.ask(repeatable=False)
        asked = len(scripted.sent)
        with pytest.raises(DataverseError):
            await scripted.ask(within=0.5, repeatable=False)
        return len(scripted.sent) == asked

    assert play(story()) is failures


# -------------------------------------------------------------------------------------------------- the breaker


def hang() -> Awaitable[str]:
    return asyncio.sleep(3600, "")


def state_of(scripted: Scripted) -> str:
    return scripted.traffic.breaker.state.value


async def until_open(scripted: Scripted, **how: Any) -> None:
    for _ in range(Breaker.FAILURES):
        with pytest.raises(UnavailableError):
            await scripted.ask(**{"within": 1.0, "repeatable": False, **how})
    assert not scripted.traffic.breaker.lets_through


@pytest.mark.parametrize(
    "answer",
    [error_reply(503, ""), UnavailableError("lost"), NotSentError("refused"), TimedOutError("slow"), HTML,
     AnswerTooLargeError("large"), Reply(200, FOUND.headers, b"{"), Reply(302, {}, b"")],
    ids=["503", "lost", "refused", "slow", "html", "large", "cut", "redirect"],
)  # fmt: skip
def test_every_kind_of_no_answer_opens_the_breaker(answer: Answer) -> None:
    play(until_open(Scripted(answer)))


@pytest.mark.parametrize(
    "token", [hang, lambda: _fails(UnavailableError("Entra is away"))], ids=["Entra hangs", "Entra is down"]
)
def test_without_a_token_the_breaker_opens_too(token: Callable[[], Awaitable[str]]) -> None:
    async def story() -> None:
        scripted = Scripted(FOUND, token=token)
        clock = asyncio.get_running_loop().time
        while scripted.traffic.breaker.lets_through and clock() < 1015:
            with pytest.raises(UnavailableError):
                await scripted.ask(within=0.5)
            await asyncio.sleep(0.5)
        assert not scripted.traffic.breaker.lets_through
        assert scripted.sent == []

    play(story())


async def _fails(error: Exception) -> str:
    raise error


def test_a_refused_identity_opens_nothing() -> None:
    async def story() -> bool:
        scripted = Scripted(FOUND, token=lambda: _fails(DeniedError("unknown app")))
        for _ in range(Breaker.FAILURES + 1):
            with pytest.raises(DeniedError):
                await scripted.ask(within=1.0)
        return scripted.traffic.breaker.lets_through

    assert play(story())


@pytest.mark.parametrize(
    "answer", [error_reply(429, EXECUTION_TIME, headers={"Retry-After": "9"}), error_reply(404, ""), FOUND]
)
def test_whatever_dataverse_says_it_is_there(answer: Answer) -> None:
    async def story() -> bool:
        scripted = Scripted(answer)
        for _ in range(Breaker.FAILURES + 1):
            with contextlib.suppress(DataverseError):
                await scripted.ask(within=1.0)
        return scripted.traffic.breaker.lets_through

    assert play(story())


def test_who_is_refused_asks_nothing_and_waits_for_nothing() -> None:
    async def story() -> None:
        scripted = Scripted(UnavailableError("lost"))
        await until_open(scripted)
        clock = asyncio.get_running_loop().time
        asked, since = len(scripted.sent), clock()
        for _ in range(1000):
            with pytest.raises(UnavailableError, match="left alone"):
                await scripted.ask(within=1.0)
        assert (len(scripted.sent), scripted.probes, clock()) == (asked, [], since)

    play(story())


def test_a_probe_every_two_seconds_finds_out_that_dataverse_is_back_and_no_caller_does() -> None:
    async def story() -> None:
        scripted = Scripted(UnavailableError("lost"))
        scripted.probe_answer = UnavailableError("lost")
        await until_open(scripted)
        clock = asyncio.get_running_loop().time
        opened, asked = clock(), len(scripted.sent)
        with count_requests() as callers:
            while clock() < opened + 7:
                with pytest.raises(UnavailableError):
                    await scripted.ask(within=1.0)
                await asyncio.sleep(0.1)
        assert [round(probe - opened) for probe in scripted.probes] == [2, 4, 6]
        assert (len(scripted.sent), callers.requests) == (asked, 0)
        assert scripted.sender.meter.of("probe").requests == 3
        scripted.probe_answer = WELL
        await asyncio.sleep(1.2)
        assert scripted.traffic.breaker.lets_through
        assert len(scripted.probes) == 4
        await asyncio.sleep(60)
        assert len(scripted.probes) == 4

    play(story())


@pytest.mark.parametrize(
    ("answer", "closes"),
    [
        (WELL, True),
        (error_reply(429, EXECUTION_TIME, headers={"Retry-After": "1"}), True),
        (error_reply(401, ""), True),
        (error_reply(403, "0x80040220"), True),
        (error_reply(503, ""), False),
        (HTML, False),
        (Reply(200, WELL.headers, WELL.body.replace(b"200 OK", b"503 No")), False),
        (Reply(200, WELL.headers, b""), False),
        (AnswerTooLargeError("large"), False),
        (RuntimeError("a fault of our own"), False),
    ],
    ids=["well", "429", "401", "403", "503", "html", "503 inside", "no parts", "large", "bug"],
)
def test_a_probe_succeeds_with_any_answer_of_dataverse(answer: Answer, *, closes: bool) -> None:
    async def story() -> None:
        scripted = Scripted(UnavailableError("lost"))
        scripted.probe_answer = answer
        await until_open(scripted)
        await asyncio.sleep(2.5)
        assert scripted.traffic.breaker.lets_through is closes
        await asyncio.sleep(2)
        assert len(scripted.probes) == (1 if closes else 2)

    play(story())


def test_a_probe_does_not_wait_longer_than_a_second_nor_for_a_lane() -> None:
    async def story() -> None:
        scripted = Scripted(UnavailableError("lost"))
        await until_open(scripted)
        for _ in range(52):
            await scripted.traffic.enter(Kind.SINGLE)
        scripted.probe_seconds = 3600
        await asyncio.sleep(2.5)
        assert state_of(scripted) == "half-open"
        await asyncio.sleep(0.6)
        assert state_of(scripted) == "open"
        scripted.probe_seconds = 0.06
        await asyncio.sleep(1.0)
        assert state_of(scripted) == "closed"

    play(story())


def test_a_probe_keeps_to_the_pause_after_a_429() -> None:
    async def story() -> None:
        scripted = Scripted(UnavailableError("lost"))
        await until_open(scripted)
        opened = asyncio.get_running_loop().time()
        scripted.traffic.pause(ThrottledError("no", retry_after=5))
        await asyncio.sleep(10)
        assert [round(probe - opened) for probe in scripted.probes] == [5]

    play(story())


def test_no_probe_outlives_the_client_or_its_event_loop() -> None:
    async def story(scripted: Scripted, *, closed: bool) -> set[asyncio.Task[Any]]:
        scripted.probe_answer = UnavailableError("lost")
        if scripted.traffic.breaker.lets_through:
            await until_open(scripted)
        with pytest.raises(UnavailableError):
            await scripted.ask(within=1.0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert len(others) == 1
        if closed:
            await scripted.sender.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            with pytest.raises(UnavailableError):
                await scripted.ask(within=1.0)
            assert len(asyncio.all_tasks()) == 2, "who is refused after that starts the probes again"
        return others

    scripted = Scripted(UnavailableError("lost"))
    for closed in (False, True, False):
        (task,) = play(story(scripted, closed=closed))
        assert task.cancelled()


def test_who_waits_to_repeat_gives_up_when_the_breaker_opens_or_the_deadline_comes_first() -> None:
    async def story() -> None:
        scripted = Scripted(error_reply(503, "", headers={"Retry-After": "30"}))
        clock = asyncio.get_running_loop().time
        started = clock()
        with pytest.raises(UnavailableError) as raised:
            await scripted.ask(within=1.2)
        assert raised.value.status == 503
        assert clock() - started < 0.1, "the answer would come after the deadline"
        several = [asyncio.create_task(scripted.ask(within=3.0)) for _ in range(Breaker.FAILURES)]
        await asyncio.wait(several)
        assert clock() - started < 0.3

    play(story())


def test_the_answer_to_a_caller_who_cannot_wait_is_small() -> None:
    scripted = Scripted(FOUND)
    outcome(scripted)
    outcome(scripted, within=1.0)
    assert scripted.longest_answer == [None, MAX_URGENT_REPLY_BYTES]


def test_no_error_repeats_what_was_asked() -> None:
    for answer in (UnavailableError("lost"), error_reply(400, "x", "no +358504545641"), HTML, error_reply(503, "")):
        error = outcome(Scripted(answer))
        assert "358" not in f"{error} {error!r} {error.__cause__!r}"
