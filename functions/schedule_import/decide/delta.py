"""Files that speak only for their own rows: which booking each row means, among those that are there.

Keys count equal ones (architecture, decision 1), and a file of some rows does not show the others. So a row takes the
booking that says the same already, else, where the row can have moved, one that is left over, else the first free
number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from functions.schedule_import.decide.activities import activity
from functions.schedule_import.decide.agents import Matching, PlacedSegments, agent_key
from functions.schedule_import.decide.facts import Booking, Guid
from functions.schedule_import.decide.record_ids import booking_id
from functions.schedule_import.decide.wanted import source_key
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Segment

_LONGEST_HOLE = 4
"""Numbers that are looked at beyond the last one in use: bookings that were removed leave holes in the count."""

type KeyGroup = tuple[Guid, str]
"""A user and a source key."""
type Numbers = Mapping[int, Booking | None]
"""What was found under the numbers of one key that were looked at; None for a number that is free."""
type Occupied = Mapping[KeyGroup, Numbers]


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
    """Numbers that have to be known yet: of each group until a free one is known for each row; and of an id that the
    source may share among rows, where a row takes a booking away, and where the key is in use, until none is in use
    for a while."""
    for (user, key), segments in groups.items():
        known = occupied.get((user, key), {})
        used = [number for number, found in known.items() if found is not None]
        is_one_of_a_kind = bool(segments) and not segments[0].external_id and not used
        until = 0 if is_one_of_a_kind else max(used, default=-1) + 1 + _LONGEST_HOLE
        until = max(until, len(used) + len(segments))
        for number in range(until):
            if number not in known:
                yield (user, key), number, booking_id(profile, user, key, number)


def choose_numbers(
    segments: Sequence[Segment], occupied: Numbers, profile: ScheduleProfile, *, adding_only: bool
) -> list[int]:
    """The number of each row among the bookings of its key.

    The same row again takes its own booking. Else a row takes a booking that it changes: the one that starts with it,
    or overlaps it, or is the only one where the file has one row of this id. What is left takes a free number.
    `adding_only`: a booking that says something else stays.
    """
    left = {number: found for number, found in sorted(occupied.items()) if found is not None}
    chosen: dict[int, int] = {}

    def take(fits: Callable[[Segment, Booking], bool]) -> None:
        for place, segment in enumerate(segments):
            if place not in chosen:
                number = next((number for number, found in left.items() if fits(segment, found)), None)
                if number is not None:
                    chosen[place] = number
                    del left[number]

    take(lambda row, found: _same_time(row, found) and _same_activity(row, found, profile))
    if not adding_only:
        is_alone = len(segments) == 1 and len(left) == 1 and not chosen
        take(_same_time)
        take(lambda row, found: row.start == found.start)
        take(lambda row, found: row.start < found.end and found.start < row.end)
        if is_alone:
            take(lambda row, found: True)
    free = (number for number in sorted(occupied) if occupied[number] is None)
    return [chosen[place] if place in chosen else next(free) for place in range(len(segments))]


def _same_time(row: Segment, found: Booking) -> bool:
    return row.start == found.start and row.end == found.end


def _same_activity(row: Segment, found: Booking, profile: ScheduleProfile) -> bool:
    return activity(row.activity, profile).name.casefold() == (found.name or "").casefold()


def bookings_to_remove(
    removed: Iterable[Segment], matching: Matching, occupied: Occupied
) -> Iterator[tuple[Guid, Booking, Segment]]:
    """The bookings that rows marked as deleted or cancelled mean: of their key, at their time; with an id of the
    source's own that nothing else has, wherever it is."""
    for segment in removed:
        user = matching.users.get(agent_key(segment.identity, segment.agent))
        if user is None:
            continue
        there = [one for one in occupied.get((user.id, source_key(segment)), {}).values() if one is not None]
        meant = (
            [one for one in there if _same_time(segment, one)]
            or [one for one in there if one.start == segment.start]
            or (there if segment.external_id and len(there) == 1 else [])
        )
        for booking in meant:
            yield user.id, booking, segment
