"""How much may be under way at once, how large a bulk request is, when to stop asking: pure state machines.

Nothing here waits or sends. Every method gets `now`, seconds of any steady clock, so that a test can play a whole
import in microseconds. Sources: "Service protection API limits" (52 requests at once for one user and web server;
a refusal is immediate and names its limit), "Send parallel requests" (`x-ms-dop-hint`).
"""

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

WIDEST = 52
"""Requests at once that Dataverse allows one user on one web server."""

CONCURRENCY_CODE = "0x80072326"

_GOLDEN = 0.618
"""Its multiples spread evenly over 0 to 1, however many there are."""

_NAMED_LIMIT = re.compile(r"concurrent requests exceeded the limit of (\d{1,4})")


def named_limit(detail: str) -> int | None:
    """The width that a refusal for concurrency names in its text, None when it names none."""
    found = _NAMED_LIMIT.search(detail)
    return int(found.group(1)) if found else None


class Width:
    """How many requests may be under way: fast up while nothing is refused, down at once to what was let in (AIMD).

    A refusal for concurrency comes immediately, unlike the answer to a bulk request. So a round trip without one is
    proof enough to widen; nobody waits for a whole bulk request to end. Growth starts with steps that double
    (16, 24, 40, 52), up to `x-ms-dop-hint` where the environment gives one. From there, and after every refusal, it
    feels its way up from a single further lane, with steps that double again while nothing objects.
    """

    FIRST = 16
    FIRST_STEP = 8
    UNPROVEN = 24
    """The width until a first bulk request is answered, unless the environment recommends one: only then is known how
    large the others may be."""
    BURST = 20
    BURST_AFTER_REFUSAL = 8
    """Bulk requests that leave within the time of a refusal: each refusal of a burst makes the pause longer."""
    SETTLED = 2.0
    """Seconds at a reached goal before it is exceeded."""
    CAUTIOUS = 1.0
    """Seconds between two steps where requests were seen to queue: only an answer tells, and answers take longer."""
    PATIENCE = 4.0
    LONGEST_PATIENCE = 8.0
    """Seconds from a refusal to the next attempt to widen: each one that fails costs a pause of the process."""

    def __init__(self) -> None:
        self.lanes = self.FIRST
        self.proven = False
        self._hint: int | None = None
        self._goal = WIDEST
        self._ramping = True
        self._stride = self.FIRST_STEP
        self._grow_at: float | None = None
        self._patience = self.PATIENCE
        self._refused_until = 0.0
        self._calm_at = 0.0
        self._halved_until = 0.0
        self._narrowed = False
        self._queueing = False
        self._burst = self.BURST
        self._left_since = 0.0
        self._left = 0

    @property
    def ceiling(self) -> int:
        """The width for requests that nobody planned, such as a caller's look-up: all, unless refusals taught less."""
        return self.lanes if self._narrowed else WIDEST

    @property
    def recommended(self) -> bool:
        """Whether the width to plan for is what the environment recommends."""
        return self._hint is not None and self.goal == min(self._hint, WIDEST)

    @property
    def grow_at(self) -> float | None:
        """When `grow` may widen next; None when nothing is wider."""
        return None if self.lanes >= self._limit() else self._grow_at

    @property
    def goal(self) -> int:
        """The width to plan for: what the first steps will reach, or what is known to be let in."""
        return max(self.lanes, self._goal) if self._ramping else self.lanes

    def used(self, now: float, round_trip: float) -> None:
        """The lanes are taken from now on: the next step waits one round trip for a refusal."""
        if self._grow_at is None:
            self._grow_at = now + round_trip

    def prove(self, now: float) -> None:
        """A bulk request was answered: what a row costs is known, and so how large a share of a wider load may be."""
        if not self.proven:
            self.proven = True
            if self._ramping:
                self._stride = max(self._stride, self._goal - self.lanes)
                self._grow_at = now

    def hasten(self, seconds: float) -> None:
        """A refusal turns out to take so much less time than was thought when the next step was planned."""
        if self._grow_at is not None and self._ramping:
            self._grow_at -= seconds

    def grow(self, now: float, round_trip: float) -> None:
        """Widen by the next step if its time has come. Called only when more than `lanes` are wanted."""
        if self._grow_at is None or now < self._grow_at or self.lanes >= self._limit():
            return
        self.lanes = min(self._limit(), self.lanes + self._stride)
        if self._queueing:
            self._stride, self._grow_at = max(1, self.lanes // 4), now + self.CAUTIOUS
        else:
            self._stride, self._grow_at = self._stride * 2, now + round_trip
        self._narrowed = self._narrowed and self.lanes < WIDEST
        if self.lanes >= self._goal and self._goal < WIDEST:
            self._settle(now + self.SETTLED)

    def _limit(self) -> int:
        known = self.proven or self._hint is not None
        return self._goal if known else min(self._goal, self.UNPROVEN)

    def _settle(self, until: float) -> None:
        """Stay as wide as now until then; afterwards feel upwards, beyond any goal so far."""
        self._goal, self._stride, self._grow_at, self._ramping = WIDEST, 1, until, False

    def burst_ends(self, now: float, refusal_time: float) -> float | None:
        """When the next bulk request may leave because enough left just now; None when it may leave at once."""
        if now >= self._left_since + refusal_time:
            if self._left:
                self._burst = self.BURST
            self._left_since, self._left = now, 0
        return None if self._left < self._burst else self._left_since + refusal_time

    def left(self) -> None:
        """A bulk request leaves now."""
        self._left += 1

    def hinted(self, now: float, hint: int) -> None:
        """`x-ms-dop-hint` of an answer. Only a new value counts: what was learned since outweighs an old one."""
        if hint == self._hint:
            return
        self._hint = hint
        wished = max(1, min(hint, WIDEST))
        if self.lanes >= wished:
            self.lanes = wished
            if wished < WIDEST:
                self._settle(now + self.SETTLED)
        else:
            self._goal, self._stride, self._ramping = wished, max(self._stride, self.FIRST_STEP), True
            self._queueing = False
            if self._grow_at is not None:
                self._grow_at = min(self._grow_at, max(now, self._refused_until))

    def refused(self, now: float, let_in: int, limit: int | None, retry_after: float) -> None:
        """Too many at once: `let_in` of ours are still under way, `limit` is what the refusal names."""
        if now >= self._refused_until:
            # A new refusal, not the rest of a burst that was sent before the first one came back.
            repeated = now < self._calm_at
            self._patience = min(self._patience * 2, self.LONGEST_PATIENCE) if repeated else self.PATIENCE
        self._refused_until = max(self._refused_until, now + retry_after)
        self.lanes = max(1, min(self.lanes, let_in, limit or WIDEST))
        self._narrowed = True
        self._burst, self._left = self.BURST_AFTER_REFUSAL, 0
        self._settle(self._refused_until + self._patience)
        self._calm_at = self._refused_until + 2 * self.LONGEST_PATIENCE

    def exhausted(self, now: float, retry_after: float, round_trip: float) -> None:
        """The budget of requests or of execution time is spent: one request goes first when the pause is over."""
        if now >= self._refused_until:
            self._goal = max(2, self.lanes // 2) if self.lanes > 1 else self._goal
        self._refused_until = max(self._refused_until, now + retry_after)
        self.lanes, self._stride, self._narrowed, self._ramping = 1, 1, True, True
        self._grow_at = self._refused_until + round_trip

    def queued(self, now: float, seconds: float, expected: float) -> None:
        """A bulk request took `seconds` where its rows need `expected`: beyond some width requests only queue."""
        if seconds > 2.5 * expected and self.lanes > 2 and now >= self._calm_at:
            self.lanes = max(2, int(self.lanes * 2 * expected / seconds))
            self._queueing = True
            self._settle(now + self.CAUTIOUS)
            self._calm_at = now + seconds

    def timed_out(self, now: float) -> None:
        """An answer did not come in time: half as much at once, however many run out of time together."""
        if now < self._halved_until:
            return
        self._halved_until = now + self.LONGEST_PATIENCE
        self.lanes = max(1, self.lanes // 2)
        self._settle(now + self.LONGEST_PATIENCE)


@dataclass(frozen=True, slots=True)
class Load:
    """How far the writing of many rows has come: `lanes` to plan for, requests `sent` and those still `under_way`."""

    lanes: int
    recommended: bool
    sent: int
    under_way: Sequence[tuple[int, float]]
    """Rows of each, and the seconds since it was sent."""


class Pace:
    """How many rows one bulk request of one kind holds: as many as take a few seconds, 1,000 at most.

    Few large requests cost fewest round trips, but one that takes minutes meets a gateway's patience. So the size
    follows what a row was measured to cost, at most doubling from one answer to the next, and halves on a timeout.
    """

    FIRST = 500
    """Rows of a request until one is answered. 52 such requests end before a timeout even on 5 slots at 25 ms a row."""
    LARGEST = 1000
    SPREAD = 0.2
    """How much smaller some requests are than others. Of one size, those that left together would come back together,
    leave together again, and be refused together."""
    SECONDS = 3.0
    PILOT = 15
    """Rows of the first request of a large load. Its early answer tells what a row costs."""
    PILOT_FROM = 5000
    ROUND = 0.5
    """The part of its share that a lane takes at a time: what lanes turn out to be slower leave to the others."""
    LAST_ROUND = 12
    """Round trips. A share that takes no longer is taken whole: a further round would cost more than it evens out."""
    FULL_FIRST = 24
    """Requests that take their share whole from the start: they go on working when a refusal pauses the others."""
    MEMORY = 200
    """Answers. The quickest of them did not queue behind others, and so tells what a row costs by itself."""
    FEWEST = 100
    FEWEST_AT_THE_END = 25

    def __init__(self, first: int = FIRST) -> None:
        self.rows = first
        self.row_seconds: float | None = None
        self._usual_row_seconds = 0.0
        self._recent: deque[float] = deque(maxlen=self.MEMORY)
        self._piloted = False
        self._most = self.LARGEST
        self._calm = 0

    def size(self, remaining: int | None, load: "Load", round_trip: float) -> int:
        """Rows of the next request, such that all lanes end together.

        `remaining` rows are still to be sent, this request's included; None: nobody knows.
        """
        most = math.ceil(self.rows * (1 - self.SPREAD * (load.sent * _GOLDEN % 1)))
        if remaining is None:
            return most
        if self.row_seconds is None and not self._piloted and remaining >= self.PILOT_FROM:
            self._piloted = True
            return self.PILOT
        fewest = self.FEWEST if load.sent < WIDEST else self.FEWEST_AT_THE_END
        return min(most, max(fewest, math.ceil(self._share(remaining, load, round_trip))))

    def _share(self, remaining: int, load: "Load", round_trip: float) -> float:
        lanes = max(1, load.lanes)
        if self.row_seconds is None:
            share = (remaining + sum(rows for rows, _ in load.under_way)) / lanes
            # More than one request may hold goes in rounds of one size, not in full requests and a rest.
            share /= max(1, math.ceil(share / self.rows))
            return share if load.recommended or load.sent < self.FULL_FIRST else share * self.ROUND
        cost = self._usual_row_seconds
        under_way = [max(0.0, round_trip + rows * cost - since) for rows, since in load.under_way]
        # Lanes come back in groups, as they left: who is about to is as good as idle.
        idle = max(1, lanes - sum(left > round_trip / 2 for left in under_way))
        work = remaining * cost + sum(under_way)
        # A further request, and so a round trip, for the idle lanes, and for those that will be idle before the end.
        rest = (work + idle * round_trip) / lanes
        returning = sum(round_trip / 2 < left < rest - round_trip for left in under_way)
        rest = (work + (idle + returning) * round_trip) / lanes
        # Or do the idle ones finish it without the busy? Where none of these comes back before the end, a rest left to
        # them would begin only then.
        at_once = round_trip + remaining * cost / idle
        if at_once <= (rest if returning else rest + round_trip):
            return remaining / idle
        if rest > self.LAST_ROUND * round_trip:
            rest *= self.ROUND
        return (rest - round_trip) / cost

    def answered(self, rows: int, seconds: float, round_trip: float) -> None:
        """A request of so many rows took so long, of which `round_trip` is not the rows' doing."""
        self._recent.append(max(seconds - round_trip, 1e-5) / rows)
        self.row_seconds = min(self._recent)
        self._usual_row_seconds = median(self._recent)
        self._calm += 1
        if self._calm >= self.MEMORY:
            self._most, self._calm = min(self._most * 2, self.LARGEST), 0
        fitting = int(min(self._most, max(self.FEWEST, self.SECONDS / self.row_seconds)))
        self.rows = fitting if fitting < self.rows else min(fitting, max(self.rows * 2, self.FEWEST))

    def expected(self, rows: int, round_trip: float) -> float | None:
        """Seconds that a request of so many rows needs by itself; None before the first answer."""
        return None if self.row_seconds is None else round_trip + rows * self.row_seconds

    def too_much(self, rows: int) -> None:
        """A request of so many rows was too large or did not end in time; for long none is that large again."""
        self.rows = max(1, min(self.rows, rows) // 2)
        self._most, self._calm = self.rows, 0
        self._recent.clear()


class BreakerState(StrEnum):
    """What a caller who cannot wait meets."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Whether a caller who cannot wait should ask at all: while Dataverse does not answer, the answer is no at once.

    Five failures within ten seconds, with no answer between them, open it. From then on nobody's call finds out
    whether Dataverse is back: a probe of our own does every two seconds, and its success closes it. After that the
    breaker is on trial: one more failure before a caller was answered opens it again. Callers without a deadline ask
    in any case, and a quick answer to one of them closes it too.

    Whoever reports says when it asked. What was asked before the state changed last says nothing of the state now.
    """

    FAILURES = 5
    WINDOW = 10.0
    """Seconds within which the failures lie."""
    PROBE_EVERY = 2.0
    """Seconds from one probe to the next."""
    QUICK = 1.0
    """Seconds. An answer that took longer is no proof that somebody who waits would get one."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self.since: float | None = None
        """When it came to be open, half-open or closed as it is; None: closed since the start."""
        self.opened_at = 0.0
        """When it opened, of the outage that lasts or was last."""
        self._failed_at: deque[float] = deque(maxlen=self.FAILURES)
        self._on_trial = False
        self._probe_at = 0.0

    @property
    def lets_through(self) -> bool:
        """Whether a caller who cannot wait may ask now."""
        return self.state is BreakerState.CLOSED

    def probe_in(self, now: float) -> float:
        """Seconds until the next probe, while it is open."""
        return max(0.0, self._probe_at - now)

    def probe(self, now: float) -> None:
        """A probe leaves now."""
        self._enter(BreakerState.HALF_OPEN, now)
        self._probe_at = now + self.PROBE_EVERY

    def probe_failed(self, now: float) -> None:
        """The probe brought no answer."""
        if self.state is BreakerState.HALF_OPEN:
            self._enter(BreakerState.OPEN, now)

    def probe_succeeded(self, now: float) -> None:
        """The probe was answered, whatever the answer said."""
        if self.state is BreakerState.HALF_OPEN:
            self._on_trial = True
            self._enter(BreakerState.CLOSED, now)

    def answered(self, now: float, asked_at: float) -> None:
        """An answer came, whatever it said."""
        if now - asked_at > self.QUICK or not self._speaks_of_now(asked_at):
            return
        self._on_trial = False
        self._failed_at.clear()
        if self.state is not BreakerState.CLOSED:
            self._enter(BreakerState.CLOSED, now)

    def failed(self, now: float, asked_at: float) -> None:
        """No answer that can be used: an outage, a lost connection, a deadline that passed, no token."""
        if self.state is not BreakerState.CLOSED or not self._speaks_of_now(asked_at):
            return
        self._failed_at.append(now)
        enough = len(self._failed_at) == self.FAILURES and now - self._failed_at[0] <= self.WINDOW
        if enough or self._on_trial:
            if not self._on_trial:
                self.opened_at = now
            self._enter(BreakerState.OPEN, now)
            self._probe_at = now + self.PROBE_EVERY

    def _speaks_of_now(self, asked_at: float) -> bool:
        changed = self.opened_at if self.state is not BreakerState.CLOSED else self.since
        return changed is None or asked_at >= changed

    def _enter(self, state: BreakerState, now: float) -> None:
        self.state, self.since = state, now
        self._failed_at.clear()
