"""Rows whose id the source uses in other files too (a meeting, a weekly event): each file keeps its own bookings.

Keys count equal ids from 0 within a file (architecture, decision 1). Where another file of the profile counted the same
way before, its bookings have these numbers. They are left alone: the rows here take the bookings of that id that this
file placed before, else numbers that are free.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.record_ids import booking_id, mark_prefix


class Renumbering:
    """Gives wanted bookings whose number another file has another one, in the lists where they stand."""

    def __init__(self, profile: str, wanted: dict[Guid, list[WantedBooking]]) -> None:
        self._profile = profile
        self._wanted = wanted
        self._taken: dict[Guid, WantedBooking] = {}
        self._tried: dict[tuple[Guid, str], int] = {}

    def has_shared_id(self, wanted: WantedBooking) -> bool:
        """Whether a booking's key counts rows of one external id, which other files may have too."""
        return self._external_id(wanted) is not None

    def _external_id(self, wanted: WantedBooking) -> str | None:
        """The id that the source gave: the mark has it, and the key proves it."""
        external_id = wanted.mark.removeprefix(mark_prefix(self._profile))
        number_to_id = partial(booking_id, self._profile, wanted.user, external_id)
        most = max(len(self._of_same_id(wanted)), self._tried.get((wanted.user, wanted.mark), 0))
        return external_id if any(number_to_id(number) == wanted.id for number in range(most)) else None

    def _of_same_id(self, wanted: WantedBooking) -> list[int]:
        """Places of the rows of one external id in the agent's list."""
        return [place for place, one in enumerate(self._wanted[wanted.user]) if one.mark == wanted.mark]

    def taken(self, wanted: WantedBooking) -> None:
        """The booking of this key is another file's."""
        self._taken[wanted.id] = wanted

    @property
    def pending(self) -> Mapping[Guid, WantedBooking]:
        """Rows that have no number yet, by the key that another file has."""
        return self._taken

    def given_back(self, wanted: WantedBooking) -> None:
        """The booking of this key is this file's after all."""
        del self._taken[wanted.id]

    def found_again(self, extra: Mapping[Guid, list[Booking]]) -> Iterator[tuple[WantedBooking, Booking]]:
        """Rows that have a booking of their id among those of this file's days that no row has, `extra`.

        First those at the same time, then whatever is left, in order of start.
        """
        for exactly in (True, False):
            for row in sorted(self._taken.values(), key=lambda one: (one.start, one.end, one.id)):
                mine = [
                    one for one in extra.get(row.user, ())
                    if one.mark == row.mark and (not exactly or (one.start, one.end) == (row.start, row.end))
                ]  # fmt: skip
                if mine:
                    found = min(mine, key=lambda one: (one.start, one.end, one.id))
                    extra[row.user].remove(found)
                    yield self._renamed(row, found.id), found

    def next_numbers(self, extra: Mapping[Guid, list[Booking]]) -> dict[Guid, WantedBooking]:
        """The rows left, under further numbers of their id that were not tried yet; every round tries twice as far."""
        renumbered: dict[Guid, WantedBooking] = {}
        for row in sorted(self._taken.values(), key=lambda one: (one.start, one.end, one.id)):
            external_id = self._external_id(row)
            assert external_id is not None
            known = {one.id for one in (*self._wanted[row.user], *extra.get(row.user, ())) if one.mark == row.mark}
            group = row.user, row.mark
            number = self._tried.get(group) or 2 * len(self._of_same_id(row))
            while (key := booking_id(self._profile, row.user, external_id, number)) in known:
                number += 1
            self._tried[group] = number + 1
            renumbered[key] = self._renamed(row, key)
        self._tried = {group: 2 * tried for group, tried in self._tried.items()}
        return renumbered

    def _renamed(self, row: WantedBooking, key: Guid) -> WantedBooking:
        del self._taken[row.id]
        mine = self._wanted[row.user]
        renamed = row._replace(id=key)
        mine[mine.index(row)] = renamed
        return renamed
