"""The difference between what the file wants and what Dynamics has: create, update, remove, leave.

Existing bookings come in pages and are compared as they come; only those that differ, lie at the window's edges or
belong to somebody else are kept.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, Protection, booking_days
from functions.schedule_import.decide.shift_days import local_date


@dataclass(slots=True)
class Tally:
    """Minutes of bookings in the scope: before, and of them what would no longer be there (not covered by any booking
    of the file), all of it and the part during which routing may assign work."""

    minutes: float = 0
    lost: float = 0
    assignable: float = 0
    assignable_lost: float = 0
    bookings: int = 0


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
        wanted: Mapping[Guid, list[WantedBooking]],
        scope: FileScope,
        profile: str,
        *,
        users: Mapping[Guid, Guid],
        canceled: frozenset[Guid],
        assignable: frozenset[Guid],
        now: datetime,
        cancels: bool,
    ) -> None:
        """`users`: the user behind each bookable resource. `cancels`: removal sets a Canceled status, and a booking
        that has one already is as good as removed."""
        self._wanted = wanted
        self._unseen = {booking.id: booking for bookings in wanted.values() for booking in bookings}
        self._scope = scope
        self._prefix = mark_prefix(profile).casefold()
        self._users = users
        self._canceled = canceled
        self._assignable = assignable
        self._now = now
        self._window = scope.window
        self._cancels = cancels
        self._extra: defaultdict[Guid, list[Booking]] = defaultdict(list)
        self._kept_at_edge: defaultdict[Guid, list[Booking]] = defaultdict(list)
        self._difference = Difference()
        self._cover = {user: _Cover(bookings) for user, bookings in wanted.items()}

    @property
    def unseen(self) -> Iterable[Guid]:
        """Ids of wanted bookings that no page has shown so far."""
        return self._unseen.keys()

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
            if booking.mark.casefold().startswith(self._prefix):
                self._extra[user].append(booking)
            elif booking.status not in self._canceled:
                self._difference.foreign.setdefault(user, []).append(booking)

    def _meet(self, wanted: WantedBooking, found: Booking) -> None:
        difference = self._difference
        live = found.status not in self._canceled
        if wanted.is_met_by(found):
            difference.unchanged += 1
            self._weigh(wanted.user, found, stays=True)
        else:
            difference.updates.append((wanted, found))
            if live:
                # It may have stood for another agent: whoever had it loses what the file does not give back.
                self._weigh(self._users.get(found.resource or "", wanted.user), found)
        if self._at_edge(found):
            self._kept_at_edge[wanted.user].append(found)

    def _at_edge(self, booking: Booking) -> bool:
        """Whether a shift that this booking is part of may reach over an edge of the window."""
        if (window := self._window) is None:
            return False
        margin = self._scope.margin
        return booking.start < window[0] + margin or booking.start >= window[1] - margin

    def result(self, protection: Protection) -> Difference:
        """The difference, once every page was taken. Nothing of a protected agent-day is removed."""
        difference = self._difference
        difference.creates = list(self._unseen.values())
        for user, bookings in self._extra.items():
            for booking, day in self._days(user, bookings):
                self._judge(user, booking, day, protection)
        self._tomorrow()
        return difference

    def _days(self, user: Guid, bookings: list[Booking]) -> Iterator[tuple[Booking, date]]:
        """The shift's day of each of these bookings; neighbours that stay tell where a shift began."""
        mine = {booking.id for booking in bookings}
        row = sorted([*bookings, *self._kept_at_edge.get(user, ())], key=lambda one: (one.start, one.end, one.id))
        days = booking_days(row, self._scope.zone_of(user), self._scope.margin)
        return ((booking, day) for booking, day in zip(row, days, strict=True) if booking.id in mine)

    def _judge(self, user: Guid, booking: Booking, day: date, protection: Protection) -> None:
        difference = self._difference
        live = booking.status not in self._canceled
        if not self._scope.holds(user, day):
            if live:
                difference.foreign.setdefault(user, []).append(booking)
        elif protection.covers(user, day):
            difference.protected += 1
        elif live or not self._cancels:
            difference.removals.append((user, booking, day))
            if live:
                self._weigh(user, booking)

    # ------------------------------------------------------------------------------------------- weighing

    def _weigh(self, user: Guid, booking: Booking, *, stays: bool = False) -> None:
        minutes = (booking.end - booking.start).total_seconds() / 60
        assignable = booking.activity_type in self._assignable
        lost = assignable_lost = 0.0
        if not stays:
            cover = self._cover.get(user, _NOTHING)
            lost = minutes - cover.minutes(booking.start, booking.end)
            assignable_lost = minutes - cover.assignable_minutes(booking.start, booking.end) if assignable else 0.0
        difference = self._difference
        for tally in (
            difference.total,
            difference.by_agent.setdefault(user, Tally()),
            difference.by_plan.setdefault(booking.plan or "", Tally()),
        ):
            tally.bookings += 1
            tally.minutes += minutes
            tally.lost += lost
            if assignable:
                tally.assignable += minutes
                tally.assignable_lost += assignable_lost
        if assignable and assignable_lost and self._touches_tomorrow(user, booking):
            difference.without_work_tomorrow.add(user)

    def _touches_tomorrow(self, user: Guid, booking: Booking) -> bool:
        zone = self._scope.zone_of(user)
        tomorrow = local_date(self._now, zone) + timedelta(days=1)
        return local_date(booking.start, zone) <= tomorrow <= local_date(booking.end - timedelta(seconds=1), zone)

    def _tomorrow(self) -> None:
        """Of the agents who lose work tomorrow, those whom the file gives none at all."""
        losers = self._difference.without_work_tomorrow
        for user in list(losers):
            zone = self._scope.zone_of(user)
            day = local_date(self._now, zone) + timedelta(days=1)
            if any(_works_on(booking, day, zone) for booking in self._wanted.get(user, ())):
                losers.discard(user)


def _works_on(booking: WantedBooking, day: date, zone: ZoneInfo) -> bool:
    return booking.assignable and local_date(booking.start, zone) <= day <= local_date(
        booking.end - timedelta(seconds=1), zone
    )


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


def merged(bookings: Iterable[WantedBooking]) -> list[tuple[datetime, datetime]]:
    """The time that bookings take, as stretches that neither touch nor overlap, in order."""
    stretches: list[tuple[datetime, datetime]] = []
    for booking in sorted(bookings, key=_start):
        if stretches and booking.start <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(stretches[-1][1], booking.end)
        else:
            stretches.append((booking.start, booking.end))
    return stretches


_start: Callable[[WantedBooking], datetime] = lambda booking: booking.start  # noqa: E731 - a key, typed


def _covered(stretches: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> float:
    position = max(0, bisect_left(stretches, (start, start)) - 1)
    seconds = 0.0
    while position < len(stretches) and stretches[position][0] < end:
        first, last = stretches[position]
        seconds += max(0.0, (min(last, end) - max(first, start)).total_seconds())
        position += 1
    return seconds / 60
