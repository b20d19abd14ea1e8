"""Sends one request until its answer can be used or the failure stands: token, lane, exchange, repeat."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from yarl import URL

from shared import retry
from shared.clock import utc_now
from shared.dataverse import odata
from shared.dataverse.credentials import TokenCache
from shared.dataverse.errors import DataverseError, ThrottledError, UnavailableError
from shared.dataverse.meter import Meter, Wait, current_meters
from shared.dataverse.traffic import LONGEST_PAUSE, Kind, Lane, Traffic
from shared.dataverse.transport import AnswerTooLargeError, NotSentError, Reply, TimedOutError, Transport

LONGEST_THROTTLING = 1200.0
"""Seconds that one request waits for throttling to end, all pauses together. It never counts as a failed attempt."""

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


class Sender:
    """The one way to Dataverse for the process. It shares connections, the token and the traffic rules."""

    def __init__(self, tokens: TokenCache, transport: Transport, traffic: Traffic) -> None:
        self.traffic = traffic
        self.meter = Meter()
        self._tokens = tokens
        self._transport = transport

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

        `read` raises UnavailableError for an answer that makes no sense. `deadline` is a moment of the event loop's
        clock; with one, a call fails at once while Dataverse is known not to answer. `lane` is one that the caller
        holds already. Raises the error that the last answer stands for.
        """
        if deadline is None:
            return await self._until_answered(request, read, None, kind, lane)
        breaker = self.traffic.breaker
        if not breaker.lets_through(asyncio.get_running_loop().time()):
            raise UnavailableError("Dataverse did not answer several times in a row and is left alone for a moment")
        try:
            async with asyncio.timeout_at(deadline):
                return await self._until_answered(request, read, deadline, Kind.URGENT, lane)
        except TimeoutError:
            raise TimedOutError("no answer from Dataverse before the caller's deadline") from None

    async def _until_answered[T](
        self,
        request: HttpRequest,
        read: Callable[[Reply, float], T],
        deadline: float | None,
        kind: Kind,
        lane: Lane | None,
    ) -> T:
        failed_attempts, throttled_for, renewed = 0, 0.0, False
        while True:
            token = await self._token(request, lane)
            while lane is None or self.traffic.pause_left > 0:
                if lane is not None:
                    self.traffic.leave(lane)  # taken before the pause began
                lane = await self._lane(request, kind, deadline)
            try:
                return await self._exchange(request, read, token, lane)
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
                    await self._back_off(request, error, failed_attempts, kind)
                    self.count_retry(request.operation, error)

    async def _exchange[T](self, request: HttpRequest, read: Callable[[Reply, float], T], token: str, lane: Lane) -> T:
        """One exchange in this lane, and what it teaches about the traffic."""
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            self._count_request(request)
            headers = {**request.headers, "Authorization": f"Bearer {token}"}
            reply = await self._transport.exchange(request.method, request.url, request.body, headers)
            seconds = clock() - started
        except asyncio.CancelledError:
            if lane.kind is Kind.URGENT:  # its deadline passed, and Dataverse was asked in time
                self.traffic.breaker.failed(clock())
            raise
        finally:
            self.traffic.leave(lane)
        self._count_seconds(request, seconds)
        hint = reply.headers.get("x-ms-dop-hint", "")
        if hint.isdecimal() and len(hint) < 5:
            self.traffic.width.hinted(started, int(hint))
        request.check(reply)
        answer = read(reply, seconds)
        self.traffic.breaker.succeeded()
        self.traffic.measured(seconds)
        self._count_records(request)
        return answer

    async def _token(self, request: HttpRequest, lane: Lane | None) -> str:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            token = await self._tokens.token()
        except BaseException:
            if lane is not None:
                self.traffic.leave(lane)
            raise
        self.count_wait(request.operation, Wait.TOKEN, clock() - started)
        return token

    async def _lane(self, request: HttpRequest, kind: Kind, deadline: float | None) -> Lane:
        clock = asyncio.get_running_loop().time
        started, pause = clock(), self.traffic.pause_left
        if deadline is not None and started + pause > deadline:
            raise ThrottledError("Dataverse asked for a pause that outlasts the caller's deadline", retry_after=pause)
        lane = await self.traffic.enter(kind)
        waited = clock() - started
        self.count_wait(request.operation, Wait.THROTTLED, min(pause, waited))
        self.count_wait(request.operation, Wait.LANE, waited - min(pause, waited))
        return lane

    async def _back_off(self, request: HttpRequest, error: DataverseError, failed_attempts: int, kind: Kind) -> None:
        """Wait until the request may go again; or raise the error."""
        if not isinstance(error, UnavailableError) or isinstance(error, AnswerTooLargeError):
            self.traffic.breaker.succeeded()
            raise error
        now = asyncio.get_running_loop().time()
        self.traffic.breaker.failed(now)
        if isinstance(error, TimedOutError):
            self.traffic.width.timed_out(now)
            if kind >= Kind.PAGES:
                raise error  # the same rows would take as long again: they go in smaller requests
        repeatable = request.repeatable or isinstance(error, NotSentError)
        match retry.after_failure(failed_attempts, repeatable=repeatable, jitter=random.random()):  # noqa: S311
            case retry.RetryIn(backoff):
                seconds = max(backoff, min(error.retry_after or 0.0, LONGEST_PAUSE))
                self.count_wait(request.operation, Wait.BACKOFF, seconds)
                await asyncio.sleep(seconds)
            case retry.GiveUp():
                raise error

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
