"""One request until its answer can be used: its token, what counts as an answer, what is repeated, what it teaches."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from yarl import URL

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
from shared.dataverse.meter import Wait
from shared.dataverse.odata import read_json
from shared.dataverse.sender import HttpRequest, Sender, require_odata
from shared.dataverse.traffic import Kind, Traffic
from shared.dataverse.transport import AnswerTooLargeError, NotSentError, Reply, TimedOutError, Transport
from tests.unit.shared.dataverse.virtual_time import EXECUTION_TIME, error_reply, play, refusal

FOUND = Reply(200, {"content-type": "application/json; odata.metadata=minimal"}, b'{"value": []}')
HTML = Reply(200, {"content-type": "text/html"}, b"<html>")
URL_WITH_A_NUMBER = URL("https://org.example/api/data/v9.2/contacts?$filter=mobilephone eq '+358504545641'")

type Answer = Reply | Exception


class Scripted:
    """A sender whose exchanges give the answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer, token: Callable[[], Awaitable[str]] | None = None) -> None:
        self.sent: list[dict[str, str]] = []
        self.tokens = 0
        scripted = self

        async def fetch() -> tuple[str, datetime]:
            scripted.tokens += 1
            value = f"token-{scripted.tokens}" if token is None else await token()
            return value, datetime.max.replace(tzinfo=UTC)

        class _Scripted(Transport):
            async def exchange(self, method: str, url: URL, body: bytes | None, headers: Any) -> Reply:
                answer = answers[min(len(scripted.sent), len(answers) - 1)]
                scripted.sent.append(dict(headers))
                await asyncio.sleep(0.06)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        self.traffic = Traffic()
        self.sender = Sender(TokenCache(fetch), _Scripted(52, self.traffic.connected), self.traffic)

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


def test_no_error_repeats_what_was_asked() -> None:
    for answer in (UnavailableError("lost"), error_reply(400, "x", "no +358504545641"), HTML, error_reply(503, "")):
        error = outcome(Scripted(answer))
        assert "358" not in f"{error} {error!r} {error.__cause__!r}"
