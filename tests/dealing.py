"""Which tests each worker of `pytest -n` begins with and ends with, so that all of them end together.

pytest-xdist gives each worker as many tests, in their order, and whoever has none left takes from the end of another's
(`--dist=worksteal`). So a hand begins with what takes long and ends with small tests: the end of the run is then dealt
in small pieces, and nobody waits for a worker that took a long one last.
"""

from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path

import pytest

_SMALL = "unit"
"""The folder of tests that start nothing and wait for nothing."""


def dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """All items, in the order of the workers' hands.

    The files of long tests come first, each whole, as its tests share what it starts. Then what is left of the folders
    that start processes, in one piece for each worker; then small tests.
    """
    files = [list(file) for _, file in groupby(items, key=lambda item: item.path)]
    begin = sorted((file for file in files if _seconds(file)), key=_seconds, reverse=True)
    rest = [file for file in files if not _seconds(file)]
    heavy = [item for file in rest if not _is_small(file[0].path) for item in file]
    small = [item for file in rest if _is_small(file[0].path) for item in file]
    hands: list[list[pytest.Item]] = [[] for _ in range(workers)]
    taken = [0.0] * workers
    for file in begin:
        worker = taken.index(min(taken))
        taken[worker] += _seconds(file)
        hands[worker] += sorted(file, key=lambda item: not _seconds([item]))
    for hand, more in zip(hands, _in_pieces(heavy, workers), strict=True):
        hand += more
    sizes = [len(piece) for piece in _in_pieces(items, workers)]
    for hand, size in zip(hands, sizes, strict=True):
        missing = max(0, size - len(hand))
        hand += small[:missing]
        del small[:missing]
    return [*chain.from_iterable(hands), *small]


def _seconds(file: Sequence[pytest.Item]) -> float:
    """Of the tests of a file that say so."""
    return float(sum(mark.args[0] for item in file for mark in item.iter_markers("long")))


def _is_small(path: Path) -> bool:
    return _SMALL in path.parts


def _in_pieces(items: Sequence[pytest.Item], count: int) -> list[Sequence[pytest.Item]]:
    """As xdist's `WorkStealingScheduling.check_schedule` cuts them."""
    pieces = []
    for left in range(count, 0, -1):
        size = len(items) // left
        pieces.append(items[:size])
        items = items[size:]
    return pieces
