"""The difference between what the file wants and what Dynamics has: create, update, remove, leave.

Existing bookings come in pages and are compared as they come; only those that differ or that the file does not have
are kept.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.edges import NO_MEMORY, Edges
from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, Protection, booking_days
from functions.schedule_import.decide.shared_ids import Renumbering
from functions.schedule_import.decide.shift_days import Timed, local_date


@dataclass(slots=True)
class Tally:
    """Minutes of bookings in the scope: before, and of them what would no longer be there (not covered by any booking
    of the file), all of it and the part during which routing may assign work."""

    minutes: float = 0
    lost: float = 0
    assignable: float = 0
    assignable_lost: float = 0
    bookings: int = 0

    def add(self, other: "Tally") -> None:
        """Take in what another part of the scope has."""
        self.minutes += other.minutes
        self.lost += other.lost
        self.assignable += other.assignable
        self.assignable_lost += other.assignable_lost
        self.bookings += other.bookings


@dataclass(slots=True)
class Difference:
    """What has to be done so that the scope equals the file, and what it would cost."""

    creates: list[WantedBooking] = field(default_factory=list)
    updates: list[tuple[WantedBooking, Booking]] = field(default_factory=list)
    removals: list[tuple[Guid, Booking, date]] = field(default_factory=list)
    """User, booking as it is, its shift's day."""
    unchanged: int = 0
    protected: int = 0
    """Bookings that only bad rows keep."""
    stays_for_bad_rows: dict[Guid, list[Booking]] = field(default_factory=dict)
    foreign: dict[Guid, list[Booking]] = field(default_factory=dict)
    """Bookings of these agents that this file does not speak for, by user: of others, or of other days."""
    total: Tally = field(default_factory=Tally)
    by_agent: dict[Guid, Tally] = field(default_factory=dict)
    by_plan: dict[Guid, Tally] = field(default_factory=dict)
    without_work_tomorrow: set[Guid] = field(default_factory=set)

    @property
    def changes(self) -> int:
        return len(self.creates) + len(self.updates) + len(self.removals)


class Comparison:
    """Takes the existing bookings page by page, then says the difference."""

    def __init__(
        self,
        wanted: dict[Guid, list[WantedBooking]],
        scope: FileScope,
        profile: str,
        *,
        users: Mapping[Guid, Guid],
        canceled: frozenset[Guid],
        assignable: frozenset[Guid],
        now: datetime,
        cancels: bool,
        edges: Edges = NO_MEMORY,
    ) -> None:
        """`users`: the user behind each bookable resource. `cancels`: removal sets a Canceled status, and a booking
        that has one already is as good as removed. `edges`: what earlier imports remember.

        Wanted bookings whose number among equal ids is taken by another file get another one, in place.
        """
        self._wanted = wanted
        self._unseen = {booking.id: booking for bookings in wanted.values() for booking in bookings}
        self._scope = scope
        self._prefix = mark_prefix(profile)
        self._users = users
        self._canceled = canceled
        self._assignable = assignable
        self._now = now
        self._window = scope.window
        self._cancels = cancels
        self._edges = edges
        self._extra: defaultdict[Guid, list[Booking]] = defaultdict(list)
        self._renumbering = Renumbering(profile, wanted)
        self._difference = Difference()
        self._cover = {user: _Cover(bookings) for user, bookings in wanted.items()}
        self._tallies: dict[tuple[Guid, Guid | None], Tally] = {}
        self._asked = False
        self._undecided: list[tuple[WantedBooking, Booking]] = []
        """Bookings whose id another file may have, too."""
        self._left_alone: defaultdict[Guid, dict[Guid, Booking]] = defaultdict(dict)
        """By user and a row's key, the booking that another file has under it."""

    def take(self, page: Iterable[Booking]) -> None:
        """Compare some existing bookings, each of which is given once."""
        for booking in page:
            wanted = self._unseen.pop(booking.id, None)
            if wanted is not None:
                self._meet(wanted, booking)
                continue
            user = self._users.get(booking.resource or "")
            if user is None:
                continue
            if booking.mark.startswith(self._prefix):
                self._extra[user].append(booking)
            elif booking.status not in self._canceled:
                self._difference.foreign.setdefault(user, []).append(booking)

    def ids_to_look_for(self) -> list[Guid]:
        """Ids that no page of the scope has shown, to be looked up by themselves; empty once all is known.

        A supervisor may have moved a booking out of the scope; and an id that the source uses in several files may be
        another file's, which is left alone.
        """
        self._decide()
        if not self._asked:
            self._asked = True
            if self._unseen:
                return list(self._unseen)
        pending = self._renumbering.pending
        if pending:
            theirs = self._extra_of_scope({row.user for row in pending.values()})
            for wanted, found in self._renumbering.found_again(theirs):
                self._extra[wanted.user].remove(found)
                self._settle(wanted, found)
            self._bring_back()
        renumbered = self._renumbering.next_numbers(self._extra)
        self._unseen |= renumbered
        return list(renumbered)

    def _meet(self, wanted: WantedBooking, found: Booking) -> None:
        if not wanted.is_met_by(found) and self._may_be_another_files(wanted, found):
            self._undecided.append((wanted, found))
        else:
            self._settle(wanted, found)

    def _settle(self, wanted: WantedBooking, found: Booking) -> None:
        """A row has its booking."""
        if wanted.is_met_by(found):
            self._difference.unchanged += 1
            self._weigh(wanted.user, found, stays=True)
            return
        self._difference.updates.append((wanted, found))
        if found.status not in self._canceled:
            # It may have stood for another agent: whoever had it loses what the file does not give back.
            self._weigh(self._users.get(found.resource or "", wanted.user), found)

    # ------------------------------------------------------------------------------- ids that files share

    def _may_be_another_files(self, wanted: WantedBooking, found: Booking) -> bool:
        """Whether a booking may have this id because the source uses one id in several files: it is not for certain of
        the days of this one. After a midnight it may be the end of a night shift."""
        user = wanted.user
        if self._window is None or found.mark != wanted.mark or self._users.get(found.resource or "") != user:
            return False
        zone, margin = self._scope.zone_of(user), self._scope.margin
        days = [day] if (day := self._known_day(user, found)) else [
            local_date(moment, zone) for moment in (found.start, found.start - margin)
        ]  # fmt: skip
        return not all(self._scope.holds(user, day) for day in days) and self._renumbering.has_shared_id(wanted)

    def _known_day(self, user: Guid, booking: Booking) -> date | None:
        """The day of a booking's shift, where earlier imports tell it."""
        return self._edges.shift_day(user, booking, self._scope)

    def _decide(self) -> None:
        """Whose the undecided ones are. The pages of the scope were taken, so that neighbours tell the shift's day."""
        undecided: defaultdict[Guid, dict[Guid, tuple[WantedBooking, Booking]]] = defaultdict(dict)
        for wanted, found in self._undecided:
            undecided[wanted.user][found.id] = wanted, found
        self._undecided = []
        before = {wanted.id: found for wanted, found in self._difference.updates} if undecided else {}
        for user, mine in undecided.items():
            live = [one for one in self._extra.get(user, ()) if one.status not in self._canceled]
            neighbours = [*live, *self._neighbours(user, before, but=mine)]
            for found, day in list(self._days_among(user, [found for _, found in mine.values()], neighbours)):
                wanted, _ = mine[found.id]
                if self._scope.holds(user, self._known_day(user, found) or day):
                    self._settle(wanted, found)
                else:
                    self._renumbering.taken(wanted)
                    self._left_alone[user][wanted.id] = found

    def _extra_of_scope(self, users: Iterable[Guid]) -> dict[Guid, list[Booking]]:
        """Bookings of these agents that no row has and that are of the days for which the file speaks."""
        before = {wanted.id: found for wanted, found in self._difference.updates}
        return {
            user: [
                booking
                for booking, day in self._days(user, self._extra.get(user, []), before)
                if self._scope.holds(user, day)
            ]
            for user in users
        }

    def _bring_back(self) -> None:
        """Of the bookings that were left alone those that somebody has moved by hand: no import speaks for where they
        are, but one does for where they belong. Past ones stay: imports are forgotten some day."""
        for wanted in list(self._renumbering.pending.values()):
            found = self._left_alone[wanted.user][wanted.id]
            user = wanted.user
            there = found.end <= self._now or self._edges.speaks(user, found.start) or self._known_day(user, found)
            if not there and self._edges.speaks(user, wanted.start):
                self._renumbering.given_back(wanted)
                del self._left_alone[wanted.user][wanted.id]
                self._settle(wanted, found)

    def result(self, protection: Protection) -> Difference:
        """The difference, once every page was taken. Nothing of a protected agent-day is removed."""
        assert not self._renumbering.pending, "ids_to_look_for is asked until it is empty"
        difference = self._difference
        difference.creates = list(self._unseen.values())
        before = {wanted.id: found for wanted, found in difference.updates}
        for user, bookings in self._extra.items():
            for booking, day in self._days(user, bookings, before):
                self._judge(user, booking, day, protection)
        for user, left in self._left_alone.items():
            if live := [found for found in left.values() if found.status not in self._canceled]:
                difference.foreign.setdefault(user, []).extend(live)
        self._sum_up()
        self._tomorrow()
        return difference

    def _days(
        self, user: Guid, bookings: list[Booking], before: Mapping[Guid, Booking]
    ) -> Iterator[tuple[Booking, date]]:
        """The shift's day of each of these bookings. Neighbours tell where a shift began, as they were before: one that
        was cancelled and returns was no part of any."""
        neighbours = self._neighbours(user, before)
        live = [one for one in bookings if one.status not in self._canceled]
        yield from self._days_among(user, live, neighbours)
        if len(live) < len(bookings):
            gone = [one for one in bookings if one.status in self._canceled]
            yield from self._days_among(user, gone, [*neighbours, *live])

    def _neighbours(
        self, user: Guid, before: Mapping[Guid, Booking], but: Container[Guid] = ()
    ) -> list[WantedBooking | Booking]:
        """What is there of an agent's wanted bookings, as it was before, and what other files have of their ids."""
        absent = self._unseen, but, self._renumbering.pending
        there = [one for one in self._wanted.get(user, ()) if not any(one.id in some for some in absent)]
        found = [*(before.get(wanted.id, wanted) for wanted in there), *self._left_alone[user].values()]
        return [one for one in found if one.status not in self._canceled]

    def _days_among(
        self, user: Guid, bookings: list[Booking], neighbours: Iterable[WantedBooking | Booking]
    ) -> Iterator[tuple[Booking, date]]:
        mine = {booking.id: booking for booking in bookings}
        row = sorted([*bookings, *neighbours], key=lambda one: (one.start, one.end, one.id))
        for one, day in zip(row, booking_days(row, self._scope.zone_of(user), self._scope.margin), strict=True):
            if (booking := mine.get(one.id)) is not None:
                known = self._known_day(user, booking) if self._at_edge(booking) else None
                yield booking, known or day

    def _at_edge(self, booking: Booking) -> bool:
        """Whether a shift that this booking is part of may reach over an edge of the window."""
        if (window := self._window) is None:
            return False
        return booking.start < window[0] + self._scope.margin or booking.start >= window[1] - self._scope.margin

    def _judge(self, user: Guid, booking: Booking, day: date, protection: Protection) -> None:
        difference = self._difference
        live = booking.status not in self._canceled
        if not self._scope.holds(user, day):
            if live:
                difference.foreign.setdefault(user, []).append(booking)
        elif protection.covers(user, day) or protection.covers(
            user, local_date(booking.start, self._scope.zone_of(user))
        ):
            if live:
                difference.protected += 1
                difference.stays_for_bad_rows.setdefault(user, []).append(booking)
        elif live or not self._cancels:
            difference.removals.append((user, booking, day))
            if live:
                self._weigh(user, booking)

    # ------------------------------------------------------------------------------------------- weighing

    def _weigh(self, user: Guid, booking: Booking, *, stays: bool = False) -> None:
        key = user, booking.plan
        if (tally := self._tallies.get(key)) is None:
            tally = self._tallies[key] = Tally()
        minutes = (booking.end - booking.start).total_seconds() / 60
        assignable = booking.activity_type in self._assignable
        tally.bookings += 1
        tally.minutes += minutes
        if assignable:
            tally.assignable += minutes
        if stays:
            return
        cover = self._cover.get(user, _NOTHING)
        tally.lost += minutes - cover.minutes(booking.start, booking.end)
        if assignable:
            lost = minutes - cover.assignable_minutes(booking.start, booking.end)
            tally.assignable_lost += lost
            if lost and self._is_on(booking, *self._tomorrow_of(user)):
                self._difference.without_work_tomorrow.add(user)

    def _sum_up(self) -> None:
        difference = self._difference
        for (user, plan), tally in self._tallies.items():
            difference.total.add(tally)
            difference.by_agent.setdefault(user, Tally()).add(tally)
            difference.by_plan.setdefault(plan or "", Tally()).add(tally)

    def _tomorrow_of(self, user: Guid) -> tuple[date, ZoneInfo]:
        zone = self._scope.zone_of(user)
        return local_date(self._now, zone) + timedelta(days=1), zone

    @staticmethod
    def _is_on(booking: Timed, day: date, zone: ZoneInfo) -> bool:
        return local_date(booking.start, zone) <= day <= local_date(booking.end - timedelta(seconds=1), zone)

    def _tomorrow(self) -> None:
        """Of the agents who lose work tomorrow, those who will have none at all: not of the file, nor of others."""
        difference = self._difference
        for user in list(difference.without_work_tomorrow):
            tomorrow, zone = self._tomorrow_of(user)
            others = [*difference.foreign.get(user, ()), *difference.stays_for_bad_rows.get(user, ())]
            if any(one.assignable and self._is_on(one, tomorrow, zone) for one in self._wanted.get(user, ())) or any(
                one.activity_type in self._assignable and self._is_on(one, tomorrow, zone) for one in others
            ):
                difference.without_work_tomorrow.discard(user)


class _Cover:
    """The time that an agent's wanted bookings take, as merged stretches; made when first asked for."""

    def __init__(self, bookings: list[WantedBooking]) -> None:
        self._bookings = bookings
        self._all: list[tuple[datetime, datetime]] | None = None
        self._assignable: list[tuple[datetime, datetime]] | None = None

    def minutes(self, start: datetime, end: datetime) -> float:
        """How much of this stretch is covered by any booking."""
        if self._all is None:
            self._all = merged(self._bookings)
        return _covered(self._all, start, end)

    def assignable_minutes(self, start: datetime, end: datetime) -> float:
        """How much of this stretch is covered by bookings during which routing may assign work."""
        if self._assignable is None:
            self._assignable = merged(booking for booking in self._bookings if booking.assignable)
        return _covered(self._assignable, start, end)


_NOTHING = _Cover([])


def merged(bookings: Iterable[Timed]) -> list[tuple[datetime, datetime]]:
    """The time that bookings take, as stretches that neither touch nor overlap, in order."""
    stretches: list[tuple[datetime, datetime]] = []
    for booking in sorted(bookings, key=_start):
        if stretches and booking.start <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(stretches[-1][1], booking.end)
        else:
            stretches.append((booking.start, booking.end))
    return stretches


_start: Callable[[Timed], datetime] = lambda booking: booking.start  # noqa: E731 - a key, typed


def _covered(stretches: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> float:
    position = max(0, bisect_left(stretches, (start, start)) - 1)
    seconds = 0.0
    while position < len(stretches) and stretches[position][0] < end:
        first, last = stretches[position]
        seconds += max(0.0, (min(last, end) - max(first, start)).total_seconds())
        position += 1
    return seconds / 60
