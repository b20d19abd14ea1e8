"""When a failed request is sent again, by ourselves and by what a `Retry-After` says. Pure."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 5

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Send the same request again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The failure stands."""


def after_failure(attempt: int, *, repeatable: bool, jitter: float) -> RetryIn | GiveUp:
    """What follows the `attempt`-th failure (from 1) that may pass by itself.

    Only a repeatable request is sent again: a read, or a write whose row ids are ours. `jitter` is a number from
    0 to 1 that spreads the callers ("full jitter" over the upper half of an exponential back-off).
    """
    if not repeatable or attempt >= MAX_ATTEMPTS:
        return GiveUp()
    backoff = min(_FIRST_BACKOFF * 2 ** (attempt - 1), _LONGEST_BACKOFF)
    return RetryIn(backoff * (0.5 + jitter / 2))


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or an HTTP date; None when it holds neither."""
    text = (header or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    # RFC 9110: an HTTP date is in GMT. The parser gives a naive one for "-0000".
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - now).total_seconds())
