"""The plan of an import: which rows Dynamics lacks or has otherwise. Nothing is ever removed here."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Protocol
from uuid import UUID

from functions.schedule_import.decide.activities import Activity, activity
from functions.schedule_import.decide.agents import PlacedSegment
from functions.schedule_import.decide.facts import ActivityType, Booking, BookingFacts, ReferenceFacts, Resource, User
from functions.schedule_import.decide.record_ids import (
    NS_BOOKING_STATUS,
    NS_SHIFT_ACTIVITY_TYPE,
    NS_SHIFT_PLAN,
    named_id,
    resource_id,
)
from functions.schedule_import.decide.windows_time_zones import UTC_INDEX, time_zone_index
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Issue, Segment, Skip
from shared.dataverse.tables import (
    ASSIGNMENT_AVAILABLE,
    ASSIGNMENT_NOT_AVAILABLE,
    BOOKABLE_RESOURCE,
    BOOKING_STATUS,
    BOOKING_STATUS_COMMITTED,
    RESOURCE_TYPE_USER,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_PLAN,
    JsonRow,
)

LONGEST_ASSIGNABLE = timedelta(hours=25)
"""A whole local day on the night that has an hour twice. A longer stretch of work is a mistyped date."""
LONGEST = timedelta(days=31)
_NAME_LENGTH = 100
COMMITTED_NAME = "Committed"


@dataclass(frozen=True, slots=True)
class PlannedBooking:
    """A booking to write, with the line it comes from and the reference rows that must exist first."""

    row: int
    booking_id: UUID
    body: JsonRow
    is_new: bool
    needs: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rows of the file that claim the same time of one agent. Both are written as given."""

    rows: tuple[int, int]
    segments: tuple[Segment, Segment]


@dataclass(slots=True)
class ImportPlan:
    """All that an import will write, in the order of its fields, and all that it has to say."""

    statuses: dict[UUID, JsonRow] = field(default_factory=dict)
    activity_types: dict[UUID, JsonRow] = field(default_factory=dict)
    plans: dict[UUID, JsonRow] = field(default_factory=dict)
    resources: dict[UUID, JsonRow] = field(default_factory=dict)
    bookings: list[PlannedBooking] = field(default_factory=list)
    unchanged: int = 0
    written_users: set[UUID] = field(default_factory=set)
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)


class _RowRefusedError(ValueError):
    """This row cannot become a booking; the others can."""

    def __init__(self, code: str, reason: str, column: str | None, value: str | None = None) -> None:
        super().__init__(reason)
        self.code, self.column, self.value = code, column, value


def plan_import(
    placed: Sequence[PlacedSegment], references: ReferenceFacts, existing: BookingFacts, profile: ScheduleProfile
) -> ImportPlan:
    """What has to be written so that Dynamics has every placed segment, and no more than that."""
    plan = ImportPlan()
    resolver = _Resolver(references, existing, profile, plan)
    accepted: list[PlacedSegment] = []
    for item in placed:
        try:
            booking = resolver.booking(item)
        except _RowRefusedError as refused:
            plan.skipped.append(Skip(item.segment.row, refused.code, str(refused), refused.column))
            plan.issues.append(Issue(refused.code, item.segment.row, agent=item.segment.agent, value=refused.value))
            continue
        accepted.append(item)
        plan.written_users.add(item.user.id)
        _compare(item, booking, existing.bookings.get(item.booking_id), plan)
    plan.issues += resolver.conflicts.values()
    plan.overlaps = _overlaps(accepted)
    plan.issues += [
        Issue("OVERLAP", overlap.rows[1], agent=overlap.segments[1].agent, value=f"row {overlap.rows[0]}")
        for overlap in plan.overlaps
    ]
    return plan


def _compare(item: PlacedSegment, wanted: Booking, found: Booking | None, plan: ImportPlan) -> None:
    if found == wanted:
        plan.unchanged += 1
        return
    needs = frozenset(key for key in (wanted.resource, wanted.status, wanted.plan, wanted.activity_type) if key)
    body = wanted.row(item.booking_id, reactivate=found is not None and not found.active)
    plan.bookings.append(PlannedBooking(item.segment.row, item.booking_id, body, found is None, needs))


def _overlaps(placed: Iterable[PlacedSegment]) -> list[Overlap]:
    """Every pair of segments of one agent that share time."""
    by_user: defaultdict[UUID, list[Segment]] = defaultdict(list)
    for item in placed:
        by_user[item.user.id].append(item.segment)
    found = []
    for segments in by_user.values():
        segments.sort(key=lambda segment: (segment.start, segment.end, segment.row))
        for position, first in enumerate(segments):
            later = takewhile(lambda other, end=first.end: other.start < end, segments[position + 1 :])  # type: ignore[misc]
            found += [Overlap((first.row, other.row), (first, other)) for other in later]
    return found


class _Named(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


def _by_name[N: _Named](rows: Iterable[N]) -> dict[str, N]:
    """One row a name, whatever its case. Of several the one with the lowest id, so that every run takes the same."""
    return {row.name.casefold(): row for row in sorted(rows, key=lambda row: row.id, reverse=True)}


class _Resolver:
    """Finds, or plans, the rows that a booking points at. A row that exists is used and never doubled."""

    def __init__(
        self, references: ReferenceFacts, existing: BookingFacts, profile: ScheduleProfile, plan: ImportPlan
    ) -> None:
        self._profile = profile
        self._plan = plan
        self._types = _by_name(references.activity_types)
        self._statuses = _by_name(references.statuses)
        self._plans = _by_name(references.plans)
        self._committed = [row for row in references.statuses if row.status == BOOKING_STATUS_COMMITTED]
        self._default_status = references.default_committed_status
        self._resources: dict[UUID, list[Resource]] = defaultdict(list)
        for resource in existing.resources:
            self._resources[resource.user_id].append(resource)
        self._needed: list[tuple[dict[UUID, JsonRow], UUID, JsonRow]] = []
        self.conflicts: dict[str, Issue] = {}

    def booking(self, item: PlacedSegment) -> Booking:
        """The booking of a segment. Raises _RowRefusedError; then nothing is planned for its sake."""
        self._needed.clear()
        segment = item.segment
        meaning = activity(segment.activity, self._profile)
        known_type = self._types.get(meaning.name.casefold())
        assignable = self._assignable(segment, meaning, known_type)
        _check_length(segment, assignable, self._profile.fields.end)
        status = self._status(segment)
        resource = self._resource(item.user, segment)
        booking = Booking(
            name=meaning.name,
            start=segment.start,
            end=segment.end,
            minutes=round((segment.end - segment.start).total_seconds() / 60),
            external_booking_id=item.external_booking_id,
            resource=resource,
            status=status,
            plan=self._shift_plan(segment),
            activity_type=known_type.id if known_type else self._new_type(meaning.name, assignable),
        )
        for rows, key, row in self._needed:
            rows.setdefault(key, row)
        return booking

    def _assignable(self, segment: Segment, meaning: Activity, known: ActivityType | None) -> bool:
        if known is None and meaning.assignable is None:
            raise _RowRefusedError(
                "UNKNOWN_ACTIVITY",
                f"nobody has said whether routing may assign work during {meaning.name!r}; add it to `activities` in "
                f"config/schedule-profiles/{self._profile.name}.json, or create the shift activity type in Dynamics",
                self._profile.fields.activity,
                segment.activity,
            )
        if known is None:
            return bool(meaning.assignable)
        if meaning.assignable is not None and meaning.assignable != known.assignable:
            # Supervisors own the assignment status of a type that exists: it is never changed, only reported.
            self.conflicts.setdefault(
                meaning.name.casefold(), Issue("ASSIGNABILITY_CONFLICT", segment.row, value=known.name)
            )
        return known.assignable

    def _new_type(self, name: str, assignable: bool) -> UUID:
        status = ASSIGNMENT_AVAILABLE if assignable else ASSIGNMENT_NOT_AVAILABLE
        key = named_id(NS_SHIFT_ACTIVITY_TYPE, name)
        return self._need(
            self._plan.activity_types,
            key,
            lambda: SHIFT_ACTIVITY_TYPE.row(key, {"msdyn_name": name, "msdyn_shiftassignmentstatus": status}),
        )

    def _status(self, segment: Segment) -> UUID:
        name = segment.status or self._profile.default_status
        if name is None:
            default = self._default_committed()
            if default is not None:
                return default
            name = COMMITTED_NAME
        known = self._statuses.get(name.casefold())
        if known is None:
            key = named_id(NS_BOOKING_STATUS, name)
            return self._need(
                self._plan.statuses,
                key,
                lambda: BOOKING_STATUS.row(key, {"name": name, "status": BOOKING_STATUS_COMMITTED}),
            )
        if known.status != BOOKING_STATUS_COMMITTED:
            raise _RowRefusedError(
                "STATUS_CONFLICT",
                f"the booking status {known.name!r} of Dynamics does not stand for Committed",
                self._profile.fields.status,
                known.name,
            )
        return known.id

    def _default_committed(self) -> UUID | None:
        """The status that the setup metadata row names for shift bookings, else one called Committed, else any."""
        by_preference = sorted(
            self._committed,
            key=lambda row: (row.id != self._default_status, row.name.casefold() != COMMITTED_NAME.casefold(), row.id),
        )
        return by_preference[0].id if by_preference else None

    def _shift_plan(self, segment: Segment) -> UUID:
        name = shift_plan_name(segment, self._profile)
        known = self._plans.get(name.casefold())
        if known is not None:
            return known.id
        key = named_id(NS_SHIFT_PLAN, name)
        return self._need(self._plan.plans, key, lambda: SHIFT_PLAN.row(key, {"msdyn_name": name}))

    def _resource(self, user: User, segment: Segment) -> UUID:
        mine = sorted(self._resources[user.id], key=lambda resource: (not resource.shift_calendar, resource.id))
        active = next((resource for resource in mine if resource.active), None)
        derived = resource_id(user.id)
        if active is not None:
            if not active.shift_calendar:
                key = active.id
                self._need(
                    self._plan.resources,
                    key,
                    lambda: BOOKABLE_RESOURCE.row(key, {"msdyn_generatecalendarfromshift": True}),
                )
            return active.id
        if any(resource.id == derived for resource in mine):
            raise _RowRefusedError(
                "INACTIVE_RESOURCE",
                "the agent's bookable resource is deactivated in Dynamics; activate it",
                self._profile.fields.agent,
            )
        return self._need(self._plan.resources, derived, lambda: self._new_resource(derived, user, segment))

    def _new_resource(self, key: UUID, user: User, segment: Segment) -> JsonRow:
        zone = self._profile.time_zone or segment.time_zone
        return BOOKABLE_RESOURCE.row(
            key,
            {
                "name": _cut(user.full_name or segment.agent, _NAME_LENGTH),
                "resourcetype": RESOURCE_TYPE_USER,
                "timezone": time_zone_index(zone) if zone else UTC_INDEX,
                "msdyn_generatecalendarfromshift": True,
            },
            {"UserId": user.id},
        )

    def _need(self, rows: dict[UUID, JsonRow], key: UUID, row: Callable[[], JsonRow]) -> UUID:
        """Note a row that the booking at hand needs; it is planned only once the whole booking stands."""
        if key not in rows:
            self._needed.append((rows, key, row()))
        return key


def shift_plan_name(segment: Segment, profile: ScheduleProfile) -> str:
    """The plan that a row belongs to: the one that it names, else the one that its profile computes."""
    year, week, _ = segment.shift_date.isocalendar()
    computed = profile.plan.replace("{profile}", profile.name).replace("{isoWeek}", f"{year}-W{week:02}")
    return segment.plan or computed


def _check_length(segment: Segment, assignable: bool, column: str) -> None:
    limit = LONGEST_ASSIGNABLE if assignable else LONGEST
    if segment.end - segment.start > limit:
        hours = round(limit.total_seconds() / 3600)
        raise _RowRefusedError("TOO_LONG", f"the row is longer than {hours} hours; check its dates", column)


def _cut(text: str, utf16_units: int) -> str:
    """The text, shortened to what the column holds without cutting a character in two."""
    return text.encode("utf-16-le")[: 2 * utf16_units].decode("utf-16-le", errors="ignore")
