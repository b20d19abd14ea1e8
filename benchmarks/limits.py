"""The least time that an environment allows, computed. Pure."""

from collections.abc import Sequence
from math import ceil, inf

LARGEST_CHUNK = 1000
"""Rows in one bulk request: Dataverse recommends 100 to 1,000 ("Use bulk operation messages")."""


def queueing_limit_s(records: int, record_ms: float, latency_ms: float, widths: Sequence[tuple[float, int]]) -> float:
    """Seconds for records over `width` server slots in front of which requests may queue.

    `widths` holds the second from which each number of slots counts, the first from 0. A queue hides every latency
    but the first, so only that one and the work itself remain.
    """
    work_s = records * record_ms / 1000
    elapsed = latency_ms / 1000
    ends = [start for start, _ in widths[1:]] + [inf]
    for (_, width), end in zip(widths, ends, strict=True):
        possible = max(0.0, end - elapsed) * width
        if work_s <= possible:
            return elapsed + work_s / width
        work_s -= possible
        elapsed = max(elapsed, end)
    raise AssertionError("the last width has no end")


def refusing_limit_s(records: int, record_ms: float, latency_ms: float, widths: Sequence[tuple[float, int]]) -> float:
    """Seconds where requests above `width` are refused: each place pays a latency for each of its requests."""
    wide = max(width for _, width in widths)
    rounds = ceil(records / (LARGEST_CHUNK * wide))
    return queueing_limit_s(records, record_ms, latency_ms, widths) + (rounds - 1) * latency_ms / 1000


def even_chunk(records: int, width: int, rounds: int = 1) -> int:
    """The chunk size that gives each of `width` places the same number of requests, and no request over the cap."""
    needed = max(rounds, ceil(records / (LARGEST_CHUNK * width)))
    return ceil(records / (width * needed))
