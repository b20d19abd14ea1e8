"""Sends one request until its answer can be used or the failure stands: token, lane, exchange, repeat."""

import asyncio
import contextvars
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from yarl import URL

from shared import retry
from shared.clock import utc_now
from shared.dataverse import odata
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import DataverseError, ThrottledError, UnavailableError
from shared.dataverse.flow import BreakerState
from shared.dataverse.meter import Meter, Wait, current_meters
from shared.dataverse.traffic import LONGEST_PAUSE, Kind, Lane, Traffic
from shared.dataverse.transport import (
    MAX_URGENT_REPLY_BYTES,
    AnswerTooLargeError,
    NotSentError,
    Reply,
    TimedOutError,
    Transport,
)
from shared.long_work import SHORT, bite_if

_LOG = logging.getLogger(__name__)

LONGEST_THROTTLING = 1200.0
"""Seconds that one request waits for throttling to end, all pauses together. It never counts as a failed attempt."""
_PROBE_SECONDS = 1.0
"""How long a probe waits for its token and its answer."""
_CLOCK_STEP = 0.001
"""Seconds by which a timer of the event loop may come early."""

ODATA_HEADERS: Mapping[str, str] = {
    # "Compose HTTP requests and handle errors": expected on every request; the last defeats cached expands.
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}


def require_odata(reply: Reply) -> None:
    """Raise the error that a refusal stands for, and UnavailableError for a success that is not OData's."""
    if 300 <= reply.status < 400:
        # To a sign-in page or another address: whoever says so, nothing was done.
        raise UnavailableError(f"Dataverse answered {reply.status}", status=reply.status)
    if reply.status < 400:
        content_type = reply.headers.get("content-type", "")
        if reply.body and not content_type.startswith(("application/json", "multipart/mixed")):
            raise UnavailableError(f"Dataverse answered with {content_type.split(';')[0]!r}")
        return
    try:
        body = odata.read_json(reply.body)
    except UnavailableError:
        body = None
    headers = {name.lower(): value for name, value in reply.headers.items()}
    error = odata.PartReply(reply.status, headers, body).error(utc_now())
    if error is not None:
        raise error


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request with all its headers but the token.

    `operation` names it in counts; `repeatable` says that sending it twice does no harm; `check` raises for an answer
    that is a refusal or none of this protocol.
    """

    operation: str
    method: str
    url: URL
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: ODATA_HEADERS)
    repeatable: bool = True
    records: int = 0
    check: Callable[[Reply], None] = require_odata


@dataclass(frozen=True, slots=True)
class CallersTime:
    """When a caller with a deadline began to wait and when it stops, by the event loop's clock."""

    began: float
    ends: float

    def was_enough(self, asked_at: float, now: float) -> bool:
        """Whether the time is over for no fault of ours: the other side had at least half of it to answer."""
        return now >= self.ends - _CLOCK_STEP and asked_at <= (self.began + self.ends) / 2


class Sender:
    """The one way to Dataverse for the process. It shares connections, the token and the traffic rules.

    `probe` is what it asks by itself while callers are refused because Dataverse does not answer.
    """

    def __init__(self, tokens: TokenCache, transport: Transport, traffic: Traffic, probe: HttpRequest) -> None:
        self.traffic = traffic
        self.meter = Meter()
        self._tokens = tokens
        self._transport = transport
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None

    async def send[T](
        self,
        request: HttpRequest,
        read: Callable[[Reply, float], T],
        *,
        deadline: float | None = None,
        kind: Kind = Kind.SINGLE,
        lane: Lane | None = None,
    ) -> T:
        """What `read` makes of the answer and of the seconds that it took.

        `read` raises UnavailableError for an answer that makes no sense; a long one it reads in another thread.
        `deadline` is a moment of the event loop's clock; with one, a call fails at once while Dataverse is known not
        to answer. `lane` is one that the caller holds already. Raises the error that the last answer stands for.
        """
        if deadline is None:
            return await self._until_answered(request, read, None, kind, lane)
        self._refuse_while_open()
        time = CallersTime(_now(), deadline)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._until_answered(request, read, time, Kind.URGENT, lane)
        except TimeoutError:
            raise TimedOutError("no answer from Dataverse before the caller's deadline") from None

    async def close(self) -> None:
        """No probe goes on. A later call that is refused begins with them again."""
        task, self._probing = self._probing, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])

    async def _until_answered[T](
        self,
        request: HttpRequest,
        read: Callable[[Reply, float], T],
        time: CallersTime | None,
        kind: Kind,
        lane: Lane | None,
    ) -> T:
        failed_attempts, throttled_for, renewed = 0, 0.0, False
        while True:
            token = await self._token(request, time, lane)
            while lane is None or self.traffic.pause_left > 0:
                if lane is not None:
                    self.traffic.leave(lane)  # taken before the pause began
                lane = await self._lane(request, kind, time)
            try:
                return await self._exchange(request, read, time, token, lane)
            except DataverseError as error:
                lane = None
                if error.status == 401 and not renewed:
                    renewed = True
                    self._tokens.discard(token)
                elif isinstance(error, ThrottledError):
                    self.count_retry(request.operation, error)
                    self.traffic.pause(error)
                    throttled_for += self.traffic.pause_left
                    if throttled_for > LONGEST_THROTTLING or kind is Kind.BULK:
                        raise  # of a bulk load: its rows go back to the others, to be shared out anew
                else:
                    failed_attempts += 1
                    await self._back_off(request, error, failed_attempts, time, kind)
                    self.count_retry(request.operation, error)

    async def _exchange[T](
        self,
        request: HttpRequest,
        read: Callable[[Reply, float], T],
        time: CallersTime | None,
        token: str,
        lane: Lane,
    ) -> T:
        """One exchange in this lane, and what it teaches about the traffic."""
        started = _now()
        try:
            self._count_request(request)
            limit = None if time is None else MAX_URGENT_REPLY_BYTES
            reply = await self._transport.exchange(
                request.method, request.url, request.body, _with_token(request, token), limit
            )
            seconds = _now() - started
            self._count_seconds(request, seconds)
            hint = reply.headers.get("x-ms-dop-hint", "")
            if hint.isdecimal() and len(hint) < 5:
                self.traffic.width.hinted(started, int(hint))
            request.check(reply)
            answer = await bite_if(time is None and len(reply.body) > SHORT, read, reply, seconds)
        except asyncio.CancelledError:
            self._count_lost_time(time, started)
            raise
        except DataverseError as error:
            if not isinstance(error, UnavailableError) or isinstance(error, ThrottledError):
                self._count_answer(started)
            elif time is not None or not isinstance(error, AnswerTooLargeError):  # many pages in one may be too large
                self._count_failure(started)
            raise
        finally:
            self.traffic.leave(lane)
        self._count_answer(started)
        self.traffic.measured(seconds)
        self._count_records(request)
        return answer

    async def _token(self, request: HttpRequest, time: CallersTime | None, lane: Lane | None) -> str:
        started = _now()
        try:
            token = await self._tokens.token()
        except BaseException as error:
            if lane is not None:
                self.traffic.leave(lane)
            if isinstance(error, UnavailableError):
                self._count_failure(started)
            elif isinstance(error, asyncio.CancelledError):
                self._count_lost_time(time, started)
            raise
        self.count_wait(request.operation, Wait.TOKEN, _now() - started)
        return token

    async def _lane(self, request: HttpRequest, kind: Kind, time: CallersTime | None) -> Lane:
        started, pause = _now(), self.traffic.pause_left
        if time is not None and started + pause > time.ends:
            raise ThrottledError("Dataverse asked for a pause that outlasts the caller's deadline", retry_after=pause)
        lane = await self.traffic.enter(kind)
        waited = _now() - started
        self.count_wait(request.operation, Wait.THROTTLED, min(pause, waited))
        self.count_wait(request.operation, Wait.LANE, waited - min(pause, waited))
        return lane

    async def _back_off(
        self, request: HttpRequest, error: DataverseError, failed_attempts: int, time: CallersTime | None, kind: Kind
    ) -> None:
        """Wait until the request may go again; or raise the error."""
        if not isinstance(error, UnavailableError) or isinstance(error, AnswerTooLargeError):
            raise error
        if isinstance(error, TimedOutError):
            self.traffic.width.timed_out(_now())
            if kind >= Kind.PAGES:
                raise error  # the same rows would take as long again: they go in smaller requests
        repeatable = request.repeatable or isinstance(error, NotSentError)
        match retry.after_failure(failed_attempts, repeatable=repeatable, jitter=random.random()):  # noqa: S311
            case retry.RetryIn(backoff):
                seconds = max(backoff, min(error.retry_after or 0.0, LONGEST_PAUSE))
                if time is not None and (_now() + seconds >= time.ends or not self.traffic.breaker.lets_through):
                    raise error  # waiting would only keep the caller from the answer that it gets in any case
                self.count_wait(request.operation, Wait.BACKOFF, seconds)
                await asyncio.sleep(seconds)
                if time is not None:
                    self._refuse_while_open()
            case retry.GiveUp():
                raise error

    # ----------------------------------------------------------------------------------------------- breaker

    def _refuse_while_open(self) -> None:
        if not self.traffic.breaker.lets_through:
            self._keep_probing()
            raise UnavailableError("Dataverse did not answer several times in a row and is left alone for a moment")

    def _count_answer(self, asked_at: float) -> None:
        was_open = not self.traffic.breaker.lets_through
        self.traffic.breaker.answered(_now(), asked_at)
        if was_open and self.traffic.breaker.lets_through:
            _log_return(_now() - self.traffic.breaker.opened_at)

    def _count_failure(self, asked_at: float) -> None:
        was_closed = self.traffic.breaker.lets_through
        self.traffic.breaker.failed(_now(), asked_at)
        if was_closed and not self.traffic.breaker.lets_through:
            _LOG.warning("Dataverse does not answer: callers who cannot wait are told so at once until it does")
            self._keep_probing()

    def _count_lost_time(self, time: CallersTime | None, asked_at: float) -> None:
        if time is not None and time.was_enough(asked_at, _now()):
            self._count_failure(asked_at)

    def _keep_probing(self) -> None:
        """A task probes until the breaker closes. One that belongs to an event loop that has ended is forgotten."""
        loop = asyncio.get_running_loop()
        if self._probing is None or self._probing.done() or self._probing.get_loop() is not loop:
            # In a context of its own: no caller's meter counts what the probes cost.
            self._probing = loop.create_task(self._probe_until_closed(), context=contextvars.Context())

    async def _probe_until_closed(self) -> None:
        breaker = self.traffic.breaker
        while not breaker.lets_through:
            await asyncio.sleep(max(breaker.probe_in(_now()), self.traffic.pause_left))
            if breaker.lets_through:
                return
            breaker.probe(_now())
            answered = False
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    answered = await self._probe_is_answered()
            except TimeoutError:
                pass
            except Exception as error:  # noqa: BLE001 - whatever it is, the next probe has to follow
                _LOG.error("A probe of Dataverse failed: %s", type(error).__name__)
            if answered and breaker.state is BreakerState.HALF_OPEN:
                breaker.probe_succeeded(_now())
                _log_return(_now() - breaker.opened_at)
            else:
                breaker.probe_failed(_now())

    async def _probe_is_answered(self) -> bool:
        """Outside of the lanes: they may all be taken by requests that wait for an answer just as in vain."""
        probe = self._probe
        try:
            headers = _with_token(probe, await self._tokens.token())
            self._count_request(probe)
            reply = await self._transport.exchange(probe.method, probe.url, probe.body, headers, MAX_URGENT_REPLY_BYTES)
            probe.check(reply)
        except ThrottledError as error:
            self.traffic.pause(error)
        except UnavailableError:
            return False
        except DataverseError:
            pass  # a refusal is an answer, and callers would get it as quickly
        return True

    # ---------------------------------------------------------------------------------------------- counting

    def _meters(self) -> tuple[Meter, ...]:
        return (self.meter, *current_meters())

    def _count_request(self, request: HttpRequest) -> None:
        for meter in self._meters():
            meter.of(request.operation).requests += 1

    def _count_seconds(self, request: HttpRequest, seconds: float) -> None:
        for meter in self._meters():
            meter.of(request.operation).seconds += seconds

    def _count_records(self, request: HttpRequest) -> None:
        if request.records:
            self.count_records(request.operation, request.records)

    def count_records(self, operation: str, records: int) -> None:
        """Rows that an answer brought or that a request wrote."""
        for meter in self._meters():
            meter.of(operation).records += records

    def count_retry(self, operation: str, error: DataverseError) -> None:
        """A request, or a part of a `$batch`, goes again because of this error."""
        for meter in self._meters():
            meter.of(operation).retries[type(error).__name__] += 1

    def count_wait(self, operation: str, reason: Wait, seconds: float) -> None:
        """Seconds that a request waited before it left."""
        if seconds > 0.001:
            for meter in self._meters():
                meter.of(operation).waits[reason] += seconds


def _with_token(request: HttpRequest, token: str) -> dict[str, str]:
    return {**request.headers, "Authorization": f"Bearer {token}"}


def _log_return(seconds: float) -> None:
    _LOG.warning("Dataverse answers again, after %.0f s", seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
