"""When a request that met with trouble comes again. Pure."""

from datetime import timedelta

FIRST = timedelta(seconds=30)
LONGEST = timedelta(seconds=2_700)
"""So that all is worked off within an hour of the end of an outage: a worker that is killed at that moment keeps its
message for ten minutes more (WebJobs, `QueueProcessor`)."""
_SPREAD = 0.2
"""By so much a wait may be shorter: what failed together does not come back together."""


def delay(attempts: int, chance: float, longest: timedelta | None = None) -> timedelta:
    """How long a request waits that was tried `attempts` times (1 at least): 30 s, and twice as long each time.

    `chance` is in [0, 1). `longest` is a limit of its own, where the trouble is known to pass soon. Nothing is ever
    given up for trouble that may pass.
    """
    doublings = min(max(attempts, 1) - 1, 16)
    wait = min(FIRST * (1 << doublings), LONGEST, *([] if longest is None else [longest]))
    return wait * (1 - _SPREAD * chance)
