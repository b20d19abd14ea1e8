"""How often something may happen: limits by token buckets, and a tally for what is too frequent to be told each time.

Nothing here asks a clock: `now` is any clock's seconds that never go back.
"""

from collections.abc import Iterable

BURST_SECONDS = 2.0
"""So many seconds' worth may come at once after a rest: calls that waited while a process was held up come together."""
TOTAL_SHARE = 1.6
"""What all keys together may use, in shares of one key: who uses up one share leaves 0.6 of a share to the others."""


class TokenBucket:
    """So many a second on average, and at most `burst` at once."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether one more may happen. One that may not takes nothing."""
        elapsed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._left = min(self._burst, self._left + elapsed * self._per_second)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class KeyedLimit:
    """A bucket for each key and one for all keys together, so that one key in wrong hands cannot use up the others'."""

    def __init__(self, keys: Iterable[str], per_second: float) -> None:
        """`per_second` is what each key may do."""
        self._of = {key: _bucket(per_second) for key in keys}
        self._total = _bucket(per_second * TOTAL_SHARE)

    def allows(self, key: str, now: float) -> bool:
        """Whether one more may happen with this key, one of those that this limit was made for."""
        return self._of[key].take(now) and self._total.take(now)


class Tally:
    """Counts what may happen often, and says how often at the first time and then once in a while."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._count = 0
        self._told_at: float | None = None

    def add(self, now: float) -> int:
        """Count one more. Returns how many there were since it was last told, or 0 while that is too short ago."""
        self._count += 1
        if self._told_at is not None and now - self._told_at < self._every:
            return 0
        self._told_at = now
        count, self._count = self._count, 0
        return count


def _bucket(per_second: float) -> TokenBucket:
    return TokenBucket(per_second, max(1.0, per_second * BURST_SECONDS))
