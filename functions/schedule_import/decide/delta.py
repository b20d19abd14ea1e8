"""Files that speak only for their own rows: which booking each row means, among those that are there.

Keys count equal ones (architecture, decision 1), and a file of some rows does not show the others. So a row takes the
booking that says the same already, else, where the row can have moved, one that is left over, else the first free
number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from functions.schedule_import.decide.agents import Matching, PlacedSegments, agent_key
from functions.schedule_import.decide.facts import Booking, Guid
from functions.schedule_import.decide.record_ids import booking_id
from functions.schedule_import.decide.wanted import source_key
from functions.schedule_import.reading.segments import Segment

type KeyGroup = tuple[Guid, str]
"""A user and a source key."""
type Occupied = Mapping[KeyGroup, Mapping[int, Booking]]
"""The bookings that are there, by their number among equal keys."""


def key_groups(placed: PlacedSegments, removed: Iterable[Segment], matching: Matching) -> dict[KeyGroup, list[Segment]]:
    """The rows of a file by key, in order of start; rows that take a booking away are among those to be looked for."""
    groups: defaultdict[KeyGroup, list[Segment]] = defaultdict(list)
    for user, segments in placed.by_user.items():
        for segment in segments:
            groups[user, source_key(segment)].append(segment)
    for segment in removed:
        if found := matching.users.get(agent_key(segment.identity, segment.agent)):
            groups.setdefault((found.id, source_key(segment)), [])
    return dict(groups)


def ids_to_look_for(
    groups: Mapping[KeyGroup, Sequence[Segment]], occupied: Occupied, profile: str
) -> Iterator[tuple[KeyGroup, int, Guid]]:
    """Numbers that have to be known yet: of each group until one more than its rows is free."""
    for (user, key), segments in groups.items():
        known = occupied.get((user, key))
        if known is None:
            wanted = range(len(segments) + 1)
        elif len(known) > len(segments):
            wanted = range(len(known), 2 * len(known) + 1)
        else:
            continue
        for number in wanted:
            yield (user, key), number, booking_id(profile, user, key, number)


def choose_numbers(segments: Sequence[Segment], occupied: Mapping[int, Booking], *, adding_only: bool) -> list[int]:
    """The number of each row among the bookings of its key. `adding_only`: a booking that says something else stays."""
    free = dict(occupied)
    chosen: list[int | None] = []
    for segment in segments:
        same = next((n for n, one in free.items() if (one.start, one.end) == (segment.start, segment.end)), None)
        if same is not None:
            del free[same]
        chosen.append(same)
    left = iter(() if adding_only else sorted(free))
    unused = (number for number in range(len(segments) + len(occupied) + 1) if number not in occupied)
    return [number if number is not None else _first(left, unused) for number in chosen]


def _first(left: Iterator[int], unused: Iterator[int]) -> int:
    number = next(left, None)
    return next(unused) if number is None else number


def bookings_to_remove(
    removed: Iterable[Segment], matching: Matching, occupied: Occupied
) -> Iterator[tuple[Guid, Booking, Segment]]:
    """The bookings that rows marked as deleted or cancelled mean: of their key, at their time; with an id of the
    source's own, wherever it is."""
    for segment in removed:
        user = matching.users.get(agent_key(segment.identity, segment.agent))
        if user is None:
            continue
        there = occupied.get((user.id, source_key(segment)), {})
        meant = [one for one in there.values() if one.start == segment.start]
        if not meant and segment.external_id and len(there) == 1:
            meant = list(there.values())
        for booking in meant:
            yield user.id, booking, segment
