"""Several versions of one row: the highest counts, of equal ones the first in the file."""

import re
from collections.abc import Iterable

type VersionKey = tuple[tuple[int, int, str], ...]


def version_key(text: str) -> VersionKey:
    """How versions compare: their numbers as numbers, everything else as text; an empty one is the lowest."""
    return tuple(
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d{1,18})", text) if part
    )


def winners[T](rows: Iterable[tuple[tuple[str, ...], str, T]]) -> tuple[list[T], list[tuple[T, bool]]]:
    """Of (key, version, row) the rows that count, in order, and the others: True for one of an equal version.

    A row with an empty key has no other versions.
    """
    best: dict[tuple[str, ...], VersionKey] = {}
    listed = [(key, version_key(version), row) for key, version, row in rows]
    for key, version, _ in listed:
        if all(key):
            best[key] = max(version, best.get(key, version))
    counting, others = [], []
    taken: set[tuple[str, ...]] = set()
    for key, version, row in listed:
        if not all(key):
            counting.append(row)
        elif version == best[key] and key not in taken:
            taken.add(key)
            counting.append(row)
        else:
            others.append((row, version == best[key]))
    return counting, others
