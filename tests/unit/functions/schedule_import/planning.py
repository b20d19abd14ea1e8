"""Planning in tests: people, rows as a file says them, bookings as Dynamics has them, and imports played on a dict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from functions.schedule_import.decide.agents import Matching, PlacedSegments, agent_key, match_agents, place_segments
from functions.schedule_import.decide.diff import Comparison, Difference
from functions.schedule_import.decide.edges import after_last_midnight, before_first_midnight, digests
from functions.schedule_import.decide.facts import (
    ActivityType,
    Booking,
    BookingStatus,
    Guid,
    ReferenceFacts,
    Resource,
    User,
    WantedBooking,
)
from functions.schedule_import.decide.precedence import ImportState, PastImport, spoken_for
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, file_scope, named_agents, protection
from functions.schedule_import.decide.undo import Touched, as_booking, journal
from functions.schedule_import.decide.wanted import Wanted, want_bookings
from functions.schedule_import.profile import ScheduleProfile, builtin_profile
from functions.schedule_import.reading.agents_csv import NO_DIRECTORY
from functions.schedule_import.reading.segments import AgentDay, ProtectedDay, Reading, Segment

CSV = builtin_profile("switchboard-csv")
HELSINKI = "Europe/Helsinki"
MONDAY = date(2027, 1, 11)


def guid(number: int) -> Guid:
    """A GUID as Dataverse writes it."""
    return f"00000000-0000-4000-8000-{number:012}"


def user(number: int, name: str = "Somebody", *, disabled: bool = False) -> User:
    """A Dynamics user."""
    return User(guid(number), name, disabled)


ASA, ANNA, BEN = user(1, "Åsa Lindqvist"), user(2, "Anna Virtanen"), user(3, "Ben Ito")
PEOPLE = {"asa": ASA, "anna": ANNA, "ben": BEN}

COMMITTED = BookingStatus(guid(20), "Committed", 2)
CANCELED = BookingStatus(guid(21), "Canceled", 3)
CHAT = ActivityType(guid(30), "Chat", assignable=True)
LUNCH = ActivityType(guid(31), "Lunch", assignable=False)
REFERENCES = ReferenceFacts(
    True, None, None,
    {agent_key("email", name): (someone,) for name, someone in PEOPLE.items()},
    (CHAT, LUNCH), (COMMITTED, CANCELED), (),
)  # fmt: skip


def resource_of(someone: User) -> Resource:
    """The bookable resource of a user, ready for shift-based routing."""
    return Resource(someone.id.replace("4000", "4001"), someone.id, shift_calendar=True, active=True)


RESOURCES = tuple(resource_of(someone) for someone in PEOPLE.values())


def at(clock: str, zone: str = "UTC") -> datetime:
    """The instant of a wall clock: `2027-01-11 22:00`."""
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def segment(
    start: str | datetime = "2027-01-11 08:00",
    hours: float = 8,
    agent: str = "asa",
    row: int = 2,
    activity: str = "Chat",
    zone: str = "UTC",
    shift_date: date | None = None,
    **more: str,
) -> Segment:
    """A row of a file; `start` on the wall clock of its zone."""
    begun = at(start, zone) if isinstance(start, str) else start
    return Segment(
        row, agent, "email", begun, begun + timedelta(hours=hours), activity, shift_date, zone, **more
    )  # fmt: skip


def booking(
    start: str | datetime = "2027-01-11 08:00",
    hours: float = 8,
    *,
    number: int = 900,
    of: User = ASA,
    mark: str = "sb:switchboard-csv:x",
    zone: str = "UTC",
    kind: ActivityType = CHAT,
    status: BookingStatus = COMMITTED,
    plan: Guid | None = None,
) -> Booking:
    """A booking as Dynamics has it, by default one of ours that no row of a file wants."""
    begun = at(start, zone) if isinstance(start, str) else start
    wanted = WantedBooking(
        0, guid(number), of.id, "", kind.name, begun, begun + timedelta(hours=hours), mark, resource_of(of).id,
        status.id, plan or guid(40), kind.id, kind.assignable, "",
    )  # fmt: skip
    return as_booking(wanted)


def placed(segments: Iterable[Segment], references: ReferenceFacts = REFERENCES) -> tuple[PlacedSegments, Matching]:
    """The rows by user."""
    rows = list(segments)
    keys = {agent_key(one.identity, one.agent) for one in rows}
    matching = match_agents(keys, references.users, NO_DIRECTORY)
    return place_segments(rows, matching, "agent", CSV), matching


def scope_of(
    segments: Iterable[Segment] = (),
    profile: ScheduleProfile = CSV,
    *,
    uploaded: datetime = datetime(2027, 1, 1, tzinfo=UTC),
    **reading: Any,
) -> FileScope:
    """What a file with these rows speaks for."""
    rows = list(segments)
    there, matching = placed(rows)
    said = Reading(segments=rows, **reading)
    matching.users |= {agent_key("email", name): someone for name, someone in PEOPLE.items()}
    return file_scope(said, there, matching, profile, uploaded=uploaded)


def wanted_of(
    segments: Iterable[Segment],
    profile: ScheduleProfile = CSV,
    references: ReferenceFacts = REFERENCES,
    resources: Sequence[Resource] = RESOURCES,
) -> Wanted:
    """The bookings that a file with these rows wants."""
    rows = list(segments)
    there, matching = placed(rows, references)
    scope = file_scope(Reading(segments=rows), there, matching, profile, uploaded=rows[0].start)
    return want_bookings(there, references, resources, scope, profile)


def in_profile(profile: ScheduleProfile = CSV, **parts: object) -> ScheduleProfile:
    """A profile that differs in some of its parts."""
    return ScheduleProfile.model_validate(profile.model_dump(exclude_unset=True) | {"name": profile.name} | parts)


@dataclass
class Imported:
    """What one import decided."""

    scope: FileScope
    wanted: Wanted
    difference: Difference
    touched: list[Touched]


@dataclass
class Calendar:
    """The bookings of Dynamics and the imports that made them, as an import sees and changes them."""

    bookings: dict[Guid, Booking] = field(default_factory=dict)
    past: list[PastImport] = field(default_factory=list)
    now: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    profile: ScheduleProfile = CSV
    remembers: bool = True
    """Whether the tables that imports are remembered in are there."""

    def put(self, *bookings: Booking) -> None:
        """Bookings that were there before."""
        self.bookings |= {one.id: one for one in bookings}

    def edit(self, row_id: Guid, **values: object) -> None:
        """What a supervisor changes by hand."""
        self.bookings[row_id] = self.bookings[row_id]._replace(**values)  # type: ignore[arg-type]

    def compare(
        self,
        segments: Iterable[Segment] = (),
        *,
        protected: Sequence[ProtectedDay] = (),
        off: Sequence[AgentDay] = (),
        window: tuple[date, date] | None = None,
        plan_agents: Iterable[Guid] = (),
    ) -> Imported:
        """The difference that a file with these rows makes; nothing is changed."""
        rows = list(segments)
        said = Reading(segments=rows, protected=list(protected), days_without_work=list(off), window=window)
        keys = {agent_key(one.identity, one.agent) for one in rows}
        keys |= {agent_key(one.identity, one.agent) for one in protected if one.agent}
        keys |= {agent_key(*named) for named in named_agents(said, self.profile)}
        matching = match_agents(keys, REFERENCES.users, NO_DIRECTORY)
        there = place_segments(rows, matching, "agent", self.profile)
        scope = file_scope(said, there, matching, self.profile, uploaded=self.now, plan_agents=plan_agents)
        wanted = want_bookings(there, REFERENCES, RESOURCES, scope, self.profile)
        comparison = Comparison(
            wanted.bookings,
            scope,
            self.profile.name,
            users={one.id: one.user_id for one in RESOURCES},
            canceled=REFERENCES.canceled_statuses(),
            assignable=REFERENCES.assignable_types(),
            now=self.now,
            cancels=self.profile.removal == "cancel",
            edges=spoken_for(self.past if self.remembers else ()),
        )
        comparison.take(self._in_reach(scope))
        while asked := comparison.ids_to_look_for():
            comparison.take([self.bookings[key] for key in asked if key in self.bookings])
        difference = comparison.result(protection(said, wanted.unwritten_days, matching))
        removed = CANCELED.id if self.profile.removal == "cancel" else None
        return Imported(scope, wanted, difference, list(journal(difference, removed)))

    def _in_reach(self, scope: FileScope) -> list[Booking]:
        if scope.reach is None:
            return []
        mine = {one.id for one in RESOURCES if one.user_id in scope.agents}
        start, end = scope.reach
        return [one for one in self.bookings.values() if one.resource in mine and one.start < end and one.end >= start]

    def deliver(self, segments: Iterable[Segment] = (), **said: object) -> Imported:
        """Import a file with these rows."""
        made = self.compare(segments, **said)  # type: ignore[arg-type]
        self.apply(made.difference)
        number = len(self.past) + 1
        self.past.append(
            PastImport(
                import_id=f"import {number}",
                state=ImportState.APPLIED,
                file="week.csv",
                sha256=str(number),
                sequence=number,
                window=made.scope.window,
                agents=digests(made.scope.agents),
                after=digests(
                    [
                        *after_last_midnight(made.wanted.bookings, made.scope),
                        *before_first_midnight(made.difference.foreign, made.scope, mark_prefix(self.profile.name)),
                    ]
                ),
                changed=True,
            )
        )
        return made

    def apply(self, difference: Difference) -> None:
        """Write a difference as Dynamics would."""
        for one in difference.creates:
            assert one.id not in self.bookings, "a booking to create is not there"
            self.bookings[one.id] = as_booking(one)
        for one, found in difference.updates:
            assert self.bookings[one.id] == found, "a booking to change is as it was read"
            self.bookings[one.id] = as_booking(one)
        for _, found, _ in difference.removals:
            if self.profile.removal == "cancel":
                self.bookings[found.id] = found._replace(status=CANCELED.id)
            else:
                del self.bookings[found.id]

    def live(self, *users: User) -> list[tuple[str, datetime, datetime, str]]:
        """Name, start, end and activity of what takes anybody's time, in order."""
        names = {resource_of(one).id: name for name, one in PEOPLE.items()}
        wanted = {resource_of(one).id for one in users or PEOPLE.values()}
        return sorted(
            (names[one.resource or ""], one.start, one.end, one.name or "")
            for one in self.bookings.values()
            if one.resource in wanted and one.status != CANCELED.id
        )


def said(segments: Iterable[Segment]) -> list[tuple[str, datetime, datetime, str]]:
    """What `Calendar.live` tells when it has exactly these rows."""
    return sorted((one.agent, one.start, one.end, one.activity) for one in segments)


def moved(segments: Iterable[Segment], days: int) -> list[Segment]:
    """The same rows some days later on the wall clock."""
    rows = []
    for one in segments:
        zone = ZoneInfo(one.time_zone)
        start, end = (
            (moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=zone).astimezone(UTC)
            for moment in (one.start, one.end)
        )
        rows.append(one._replace(start=start, end=end))
    return rows


def known(references: ReferenceFacts = REFERENCES, **parts: object) -> ReferenceFacts:
    """What Dynamics knows, with other parts."""
    return replace(references, **parts)  # type: ignore[arg-type]
