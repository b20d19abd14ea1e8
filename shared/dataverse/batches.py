"""Many independent requests in one (`$batch`), each with an answer of its own; only the unanswered ones go again."""

import asyncio
import random
import uuid
from collections.abc import Sequence

from yarl import URL

from shared import retry
from shared.clock import utc_now
from shared.dataverse import odata
from shared.dataverse.errors import ThrottledError, UnavailableError
from shared.dataverse.meter import Wait
from shared.dataverse.odata import Part, PartReply
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
        replies: dict[int, PartReply] = {}
        failed_attempts, first_seconds, throttled_for = 0, 0.0, 0.0
        while True:
            waiting = [number for number in range(len(parts)) if number not in replies]
            answers, seconds = await self._exchange(
                operation, [parts[number] for number in waiting], deadline, kind, lane
            )
            first_seconds, lane = first_seconds or seconds, None
            failed: UnavailableError | None = None
            throttled: ThrottledError | None = None
            for number, answer in zip(waiting, answers, strict=True):
                error = answer.error(utc_now()) if answer.status >= 400 else None
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
                return [replies[number] for number in range(len(parts))], first_seconds

    async def _exchange(
        self, operation: str, parts: Sequence[Part], deadline: float | None, kind: Kind, lane: Lane | None
    ) -> tuple[list[PartReply], float]:
        boundary = f"batch_{uuid.uuid4()}"
        body = await bite_if(deadline is None and len(parts) > FEW, odata.batch_body, parts, boundary)

        def read(reply: Reply, seconds: float) -> tuple[list[PartReply], float]:
            answers = odata.read_batch(reply.headers.get("content-type", ""), reply.body)
            if len(answers) != len(parts):
                raise UnavailableError(f"the $batch reply answers {len(answers)} of {len(parts)} requests")
            if deadline is not None and (failure := _failure_of_all(answers)) is not None:
                raise failure  # to a caller who cannot wait it is as if there were no answer
            return answers, seconds

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
