"""Stretches inside others, such as breaks in a shift: each is a row of its own, and a hole in what is around it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from functions.schedule_import.reading.row.local_time import TimeChoice
from functions.schedule_import.reading.row.stretches import Stretch


class NamedStretch(NamedTuple):
    """A stretch and the activity that it is for; `activity` is empty where the file names none."""

    stretch: Stretch
    activity: str


def cut(kinds: Sequence[Sequence[NamedStretch]]) -> list[NamedStretch]:
    """What is left of each stretch when every later kind is cut out of all earlier ones; in start order."""
    left: list[NamedStretch] = []
    for number, kind in enumerate(kinds):
        holes = sorted((one.stretch.start, one.stretch.end) for later in kinds[number + 1 :] for one in later)
        left += (piece for one in kind for piece in _pieces(one, holes))
    return sorted(left, key=lambda one: (one.stretch.start, one.stretch.end))


def _pieces(one: NamedStretch, holes: Iterable[tuple[datetime, datetime]]) -> Iterable[NamedStretch]:
    stretch, position = one.stretch, one.stretch.start
    for start, end in holes:
        if end <= position or start >= stretch.end:
            continue
        if start > position:
            yield NamedStretch(_part(stretch, position, start), one.activity)
        position = end
    if position < stretch.end:
        yield NamedStretch(_part(stretch, position, stretch.end), one.activity)


def _part(whole: Stretch, start: datetime, end: datetime) -> Stretch:
    """A part keeps the choices of those of its ends that are the whole's."""

    def is_kept(choice: TimeChoice) -> bool:
        return start == whole.start if choice.field == "start" else end == whole.end

    if start == whole.start and end == whole.end:
        return whole
    return whole._replace(start=start, end=end, choices=tuple(filter(is_kept, whole.choices)))
