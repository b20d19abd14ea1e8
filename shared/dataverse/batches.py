"""Many independent requests in one (`$batch`), each with an answer of its own; only the unanswered ones go again."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from yarl import URL

from shared import retry
from shared.clock import utc_now
from shared.dataverse import odata
from shared.dataverse.errors import DataverseError, ThrottledError, UnavailableError
from shared.dataverse.meter import Wait
from shared.dataverse.odata import ChangeSet, ChangeSetReply, Part, PartReply, Step
from shared.dataverse.sender import LONGEST_THROTTLING, ODATA_HEADERS, HttpRequest, Sender, require_odata
from shared.dataverse.traffic import Kind, Lane
from shared.dataverse.transport import Reply
from shared.long_work import FEW, bite_if


class Batches:
    """Sends `$batch` requests to one environment."""

    def __init__(self, sender: Sender, api_url: str) -> None:
        self._sender = sender
        self._url = URL(f"{api_url}$batch", encoded=True)

    async def send(
        self,
        operation: str,
        parts: Sequence[Part],
        *,
        deadline: float | None = None,
        kind: Kind = Kind.SINGLE,
        lane: Lane | None = None,
    ) -> tuple[list[PartReply], float]:
        """The answers in the order of the parts, and the seconds of the first exchange.

        The parts have to be repeatable. An answer is a success or a refusal that stands. Raises UnavailableError
        when parts stay without such an answer.
        """
        exchange = partial(self._exchange, operation, deadline=deadline)
        return await self._until_answered(operation, parts, exchange, deadline, kind, lane)

    async def write(self, operation: str, sets: Sequence[ChangeSet]) -> list[DataverseError | None]:
        """What became of each change set: None where it is written, else the refusal, for which nothing of it is.

        A set has to be repeatable: after an answer that got lost it goes again, and may be refused as done before.
        Raises UnavailableError when sets stay without an answer.
        """
        replies, _ = await self._until_answered(
            operation, sets, partial(self._exchange_sets, operation), None, Kind.REPEATED_BULK, None
        )
        return [_error_of(reply) for reply in replies]

    async def _until_answered[S: Step, R: (PartReply, ChangeSetReply)](
        self,
        operation: str,
        steps: Sequence[S],
        exchange: Callable[[Sequence[S], Kind, Lane | None], Awaitable[tuple[list[R], float]]],
        deadline: float | None,
        kind: Kind,
        lane: Lane | None,
    ) -> tuple[list[R], float]:
        replies: dict[int, R] = {}
        failed_attempts, first_seconds, throttled_for = 0, 0.0, 0.0
        while True:
            waiting = [number for number in range(len(steps)) if number not in replies]
            answers, seconds = await exchange([steps[number] for number in waiting], kind, lane)
            first_seconds, lane = first_seconds or seconds, None
            failed: UnavailableError | None = None
            throttled: ThrottledError | None = None
            for number, answer in zip(waiting, answers, strict=True):
                error = _error_of(answer)
                if isinstance(error, ThrottledError):
                    throttled = error
                elif isinstance(error, UnavailableError):
                    failed = error
                else:
                    replies[number] = answer
            kind = min(kind, Kind.REPEATED_BULK)  # some parts may be done: the others go again by themselves
            if throttled is not None:
                self._sender.count_retry(operation, throttled)
                self._sender.traffic.pause(throttled)
                throttled_for += self._sender.traffic.pause_left
                if throttled_for > LONGEST_THROTTLING:
                    raise throttled
            elif failed is not None:
                failed_attempts += 1
                match retry.after_failure(failed_attempts, repeatable=True, jitter=random.random()):  # noqa: S311
                    case retry.RetryIn(pause) if deadline is None or _now() + pause < deadline:
                        self._sender.count_retry(operation, failed)
                        self._sender.count_wait(operation, Wait.BACKOFF, pause)
                        await asyncio.sleep(pause)
                    case _:
                        raise failed
            else:
                return [replies[number] for number in range(len(steps))], first_seconds

    async def _exchange(
        self, operation: str, parts: Sequence[Part], kind: Kind, lane: Lane | None, *, deadline: float | None
    ) -> tuple[list[PartReply], float]:

        def read(reply: Reply, seconds: float) -> tuple[list[PartReply], float]:
            answers = odata.read_batch(reply.headers.get("content-type", ""), reply.body)
            if len(answers) != len(parts):
                raise UnavailableError(f"the $batch reply answers {len(answers)} of {len(parts)} requests")
            if deadline is not None and (failure := _failure_of_all(answers)) is not None:
                raise failure  # to a caller who cannot wait it is as if there were no answer
            return answers, seconds

        return await self._send(operation, parts, read, deadline, kind, lane)

    async def _exchange_sets(
        self, operation: str, sets: Sequence[ChangeSet], kind: Kind, lane: Lane | None
    ) -> tuple[list[ChangeSetReply], float]:
        def read(reply: Reply, seconds: float) -> tuple[list[ChangeSetReply], float]:
            answers = odata.read_steps(sets, reply.headers.get("content-type", ""), reply.body)
            written = [answer for answer in answers if isinstance(answer, ChangeSetReply)]
            if len(written) != len(sets):
                raise UnavailableError(f"the $batch reply answers {len(written)} of {len(sets)} change sets")
            return written, seconds

        return await self._send(operation, sets, read, None, kind, lane)

    async def _send[T](
        self,
        operation: str,
        steps: Sequence[Step],
        read: Callable[[Reply, float], T],
        deadline: float | None,
        kind: Kind,
        lane: Lane | None,
    ) -> T:
        boundary = f"batch_{uuid.uuid4()}"
        body = await bite_if(deadline is None and len(steps) > FEW, odata.batch_body, steps, boundary)
        request = HttpRequest(
            operation,
            "POST",
            self._url,
            body,
            {
                **ODATA_HEADERS,
                "Content-Type": f'multipart/mixed; boundary="{boundary}"',
                # Without it the first failing part would end the whole batch.
                "Prefer": "odata.continue-on-error",
            },
        )
        return await self._sender.send(request, read, deadline=deadline, kind=kind, lane=lane)


def _error_of(reply: PartReply | ChangeSetReply) -> DataverseError | None:
    if isinstance(reply, ChangeSetReply):
        return None if reply.failure is None else reply.failure.error(utc_now())
    return reply.error(utc_now()) if reply.status >= 400 else None


def probe(api_url: str) -> HttpRequest:
    """A cheap question through the door that callers use: where only `$batch` hangs, any other would be answered."""
    boundary = "probe"

    def check(reply: Reply) -> None:
        require_odata(reply)
        if (
            failure := _failure_of_all(odata.read_batch(reply.headers.get("content-type", ""), reply.body))
        ) is not None:
            raise failure

    return HttpRequest(
        "probe",
        "POST",
        URL(f"{api_url}$batch", encoded=True),
        odata.batch_body([Part("GET", "WhoAmI")], boundary),
        {**ODATA_HEADERS, "Content-Type": f'multipart/mixed; boundary="{boundary}"'},
        check=check,
    )


def _failure_of_all(answers: Sequence[PartReply]) -> UnavailableError | None:
    """What kept every part from an answer; None where one has one, be it a refusal."""
    errors = [answer.error(utc_now()) if answer.status >= 400 else None for answer in answers]
    failures = [
        error for error in errors if isinstance(error, UnavailableError) and not isinstance(error, ThrottledError)
    ]
    return failures[0] if failures and len(failures) == len(answers) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
