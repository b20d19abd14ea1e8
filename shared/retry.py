"""When a failed request is sent again: a pure table of decisions."""

from dataclasses import dataclass

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
