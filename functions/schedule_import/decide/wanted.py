"""What the file wants Dynamics to have: a booking for each segment, and the rows that bookings point at."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from functions.schedule_import.decide.activities import Activity, activity
from functions.schedule_import.decide.agents import PlacedSegments
from functions.schedule_import.decide.facts import (
    ActivityType,
    Guid,
    ReferenceFacts,
    Resource,
    User,
    WantedBooking,
)
from functions.schedule_import.decide.record_ids import (
    NS_BOOKING_STATUS,
    NS_SHIFT_ACTIVITY_TYPE,
    NS_SHIFT_PLAN,
    booking_id,
    booking_mark,
    named_id,
    resource_id,
)
from functions.schedule_import.decide.scope import FileScope, shift_days
from functions.schedule_import.decide.windows_time_zones import UTC_INDEX, time_zone_index
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Issue, Segment, Skip
from shared.dataverse.tables import (
    ASSIGNMENT_AVAILABLE,
    ASSIGNMENT_NOT_AVAILABLE,
    BOOKABLE_RESOURCE,
    BOOKING_STATUS,
    BOOKING_STATUS_CANCELED,
    BOOKING_STATUS_COMMITTED,
    RESOURCE_TYPE_USER,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_PLAN,
    JsonRow,
    utc_text,
)

LONGEST_ASSIGNABLE = timedelta(hours=25)
"""A whole local day on the night that has an hour twice. A longer stretch of work is a mistyped date."""
LONGEST = timedelta(days=31)
COMMITTED_NAME = "Committed"
CANCELED_NAME = "Canceled"
_NAME_LENGTH = 100
_PLACEHOLDER = re.compile(r"\{(profile|team|site|isoWeek)\}")


@dataclass(slots=True)
class References:
    """Rows that bookings point at and Dynamics lacks, by id, in the order in which they are written."""

    statuses: dict[Guid, JsonRow] = field(default_factory=dict)
    activity_types: dict[Guid, JsonRow] = field(default_factory=dict)
    plans: dict[Guid, JsonRow] = field(default_factory=dict)
    resources: dict[Guid, JsonRow] = field(default_factory=dict)


@dataclass(slots=True)
class Wanted:
    """What the file wants. Bookings stand by user, in order of start."""

    bookings: dict[Guid, list[WantedBooking]] = field(default_factory=dict)
    references: References = field(default_factory=References)
    plan_names: dict[Guid, str] = field(default_factory=dict)
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    unwritten_days: set[tuple[Guid, date]] = field(default_factory=set)
    """Agent-days of rows that cannot become a booking; nothing of them is removed."""


class _RowRefusedError(ValueError):
    """This row cannot become a booking; the others can."""

    def __init__(self, code: str, reason: str, column: str | None, value: str | None = None) -> None:
        super().__init__(reason)
        self.code, self.column, self.value = code, column, value


def want_bookings(
    placed: PlacedSegments,
    references: ReferenceFacts,
    resources: Sequence[Resource],
    scope: FileScope,
    profile: ScheduleProfile,
    numbers: Mapping[tuple[Guid, str], Sequence[int]] | None = None,
) -> Wanted:
    """A booking for every placed segment; those that cannot become one are skipped with a reason.

    `numbers`: by user and source key, the numbers of its segments in order of start (`decide.delta`); without them
    they count from 0.

    The segments are taken out of `placed` on the way: 400,000 of them need not be held twice.
    """
    wanted = Wanted()
    resolver = _Resolver(references, resources, profile, wanted)
    for user_id in list(placed.by_user):
        segments = placed.by_user.pop(user_id)
        days = shift_days(segments, scope.zone_of(user_id), scope.margin)
        keys = _Keys(profile.name, user_id, numbers or {})
        bookings = []
        for segment, day in zip(segments, days, strict=True):
            identity = keys.next_of(segment)
            try:
                if scope.days is not None and day > scope.days[1]:
                    raise _beyond(scope.days[1])
                bookings.append(resolver.booking(placed.users[user_id], segment, day, *identity))
            except _RowRefusedError as refused:
                wanted.skipped.append(Skip(segment.row, refused.code, str(refused), refused.column))
                wanted.issues.append(Issue(refused.code, segment.row, agent=segment.agent, value=refused.value))
                wanted.unwritten_days.add((user_id, day))
        wanted.bookings[user_id] = bookings
    wanted.issues += resolver.conflicts.values()
    return wanted


def _beyond(last: date) -> _RowRefusedError:
    return _RowRefusedError(
        "OUTSIDE_SCOPE",
        f"the profile's files speak for days up to {last} here (`scope.days`); the row is later and is not imported",
        None,
    )


class _Keys:
    """Keys of one agent's bookings, counted by start order among equal ones."""

    def __init__(self, profile: str, user_id: Guid, numbers: Mapping[tuple[Guid, str], Sequence[int]]) -> None:
        self._profile = profile
        self._user = user_id
        self._numbers = numbers
        self._counts: dict[str, int] = {}

    def next_of(self, segment: Segment) -> tuple[Guid, str]:
        """Id and mark of the next booking."""
        key = source_key(segment)
        position = self._counts.get(key, 0)
        self._counts[key] = position + 1
        if self._numbers and (given := self._numbers.get((self._user, key))) is not None:
            position = given[position]
        return keyed(self._profile, self._user, segment.external_id, key, position)


def source_key(segment: Segment) -> str:
    """The source's own key of a segment, else its start and activity."""
    return segment.external_id or f"{utc_text(segment.start)}|{segment.activity.casefold()}"


def keyed(profile: str, user_id: Guid, external_id: str, key: str, position: int) -> tuple[Guid, str]:
    """Id and mark of the booking at this position among equal source keys."""
    mark = booking_mark(profile, external_id, f"{user_id}|{key}|{position}")
    return booking_id(profile, user_id, key, position), mark


class _Named(Protocol):
    @property
    def id(self) -> Guid: ...
    @property
    def name(self) -> str: ...


def _by_name[N: _Named](rows: Iterable[N]) -> dict[str, N]:
    """One row a name, whatever its case. Of several the one with the lowest id, so that every run takes the same."""
    return {row.name.casefold(): row for row in sorted(rows, key=lambda row: row.id, reverse=True)}


class _Row(NamedTuple):
    """A row that bookings point at. `missing` is how it is made or mended, where that is needed."""

    id: Guid
    missing: JsonRow | None = None


class _Kind(NamedTuple):
    """What a word of the file comes to."""

    name: str
    type: _Row
    assignable: bool


class _Resolver:
    """Finds, or plans, the rows that a booking points at. A row that exists is used and never doubled.

    What it found for a word, a name or an agent is remembered: hundreds of thousands of bookings share them.
    """

    def __init__(
        self, references: ReferenceFacts, resources: Sequence[Resource], profile: ScheduleProfile, wanted: Wanted
    ) -> None:
        self._profile = profile
        self._fields = profile.sources[0].fields
        self._new = wanted.references
        self._plan_names = wanted.plan_names
        self._types = _by_name(kind for kind in references.activity_types if kind.active)
        usable = [status for status in references.statuses if status.active]
        self._committed = [row for row in usable if row.status == BOOKING_STATUS_COMMITTED]
        # Of one name both mapped to Committed and otherwise, the former is meant.
        self._statuses = _by_name(usable) | _by_name(self._committed)
        self._plans = _by_name(references.plans)
        self._default_status = references.default_committed_status
        self._resources: defaultdict[Guid, list[Resource]] = defaultdict(list)
        for resource in resources:
            self._resources[resource.user_id].append(resource)
        self._kinds: dict[str, _Kind] = {}
        self._status_rows: dict[str, _Row] = {}
        self._plan_rows: dict[tuple[str, str, str, date], _Row] = {}
        self._resource_rows: dict[Guid, _Row] = {}
        self.conflicts: dict[str, Issue] = {}

    def booking(self, user: User, segment: Segment, day: date, key: Guid, mark: str) -> WantedBooking:
        """The booking of a segment. Raises _RowRefusedError; then nothing is planned for its sake."""
        kind = self._kinds.get(segment.activity) or self._kind(segment)
        _check_length(segment, kind.assignable, self._fields.end)
        resource = self._resource_rows.get(user.id) or self._resource(user, segment)
        status = self._status_rows.get(segment.status) or self._status(segment)
        plan = self._plan_rows.get((segment.plan, segment.team, segment.site, day)) or self._shift_plan(segment, day)
        new = self._new
        for needed, rows in (
            (kind.type, new.activity_types), (resource, new.resources), (status, new.statuses), (plan, new.plans)
        ):  # fmt: skip
            if needed.missing is not None:
                rows.setdefault(needed.id, needed.missing)
        return WantedBooking(
            segment.row, key, user.id, segment.agent, kind.name, segment.start, segment.end, mark, resource.id,
            status.id, plan.id, kind.type.id, kind.assignable, segment.team,
        )  # fmt: skip

    def _kind(self, segment: Segment) -> _Kind:
        meaning = activity(segment.activity, self._profile)
        known = self._types.get(meaning.name.casefold())
        assignable = self._assignable(segment, meaning, known)
        row = self._new_type(meaning.name, assignable) if known is None else _Row(known.id)
        kind = self._kinds[segment.activity] = _Kind(meaning.name, row, assignable)
        return kind

    def _assignable(self, segment: Segment, meaning: Activity, known: ActivityType | None) -> bool:
        if known is None and meaning.assignable is None:
            raise _RowRefusedError(
                "UNKNOWN_ACTIVITY",
                f"nobody has said whether routing may assign work during {meaning.name!r}; add it to `activities` in "
                f"config/schedule-profiles/{self._profile.name}.json, or create the shift activity type in Dynamics",
                first_column(self._fields.activity),
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

    def _new_type(self, name: str, assignable: bool) -> _Row:
        key = named_id(NS_SHIFT_ACTIVITY_TYPE, name)
        status = ASSIGNMENT_AVAILABLE if assignable else ASSIGNMENT_NOT_AVAILABLE
        return _Row(key, SHIFT_ACTIVITY_TYPE.row(key, {"msdyn_name": name, "msdyn_shiftassignmentstatus": status}))

    def _status(self, segment: Segment) -> _Row:
        row = self._status_rows[segment.status] = self._status_row(segment.status or self._profile.default_status)
        return row

    def _status_row(self, name: str | None) -> _Row:
        if name is None:
            if self._committed:
                return _Row(self._default_committed())
            name = COMMITTED_NAME
        known = self._statuses.get(name.casefold())
        if known is None:
            key, row = new_status(name, BOOKING_STATUS_COMMITTED)
            return _Row(key, row())
        if known.status != BOOKING_STATUS_COMMITTED:
            raise _RowRefusedError(
                "STATUS_CONFLICT",
                f"the booking status {known.name!r} of Dynamics does not stand for Committed",
                self._fields.status,
                known.name,
            )
        return _Row(known.id)

    def _default_committed(self) -> Guid:
        """The status that the setup metadata row names for shift bookings, else one called Committed, else any."""
        return min(
            self._committed,
            key=lambda row: (row.id != self._default_status, row.name.casefold() != COMMITTED_NAME.casefold(), row.id),
        ).id

    def _shift_plan(self, segment: Segment, day: date) -> _Row:
        name = shift_plan_name(segment.plan, segment.team, segment.site, day, self._profile)
        known = self._plans.get(name.casefold())
        key = known.id if known is not None else named_id(NS_SHIFT_PLAN, name)
        self._plan_names.setdefault(key, name)
        row = _Row(key, None if known is not None else SHIFT_PLAN.row(key, {"msdyn_name": name}))
        self._plan_rows[segment.plan, segment.team, segment.site, day] = row
        return row

    def _resource(self, user: User, segment: Segment) -> _Row:
        row = self._resource_rows[user.id] = self._resource_row(user, segment)
        return row

    def _resource_row(self, user: User, segment: Segment) -> _Row:
        mine = sorted(self._resources[user.id], key=lambda resource: (not resource.shift_calendar, resource.id))
        active = next((resource for resource in mine if resource.active), None)
        if active is not None:
            opt_in = BOOKABLE_RESOURCE.row(active.id, {"msdyn_generatecalendarfromshift": True})
            return _Row(active.id, None if active.shift_calendar else opt_in)
        derived = resource_id(user.id)
        if any(resource.id == derived for resource in mine):
            raise _RowRefusedError(
                "INACTIVE_RESOURCE",
                "the agent's bookable resource is deactivated in Dynamics; activate it",
                self._profile.agent_columns(self._fields.agent)[0][0],
            )
        return _Row(derived, self._new_resource(derived, user, segment))

    def _new_resource(self, key: Guid, user: User, segment: Segment) -> JsonRow:
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


def new_status(name: str, status: int) -> tuple[Guid, Callable[[], JsonRow]]:
    """A booking status that stands for a built-in one: its id and how its row is made."""
    key = named_id(NS_BOOKING_STATUS, name)
    return key, lambda: BOOKING_STATUS.row(key, {"name": name, "status": status})


def canceled_status(references: ReferenceFacts) -> tuple[Guid, JsonRow | None]:
    """The status of bookings that are removed by cancelling, and its row where Dynamics has none.

    The one that the setup metadata row names for shift bookings, else one called Canceled, else any.
    """
    usable = [row for row in references.statuses if row.active and row.status == BOOKING_STATUS_CANCELED]
    if not usable:
        key, row = new_status(CANCELED_NAME, BOOKING_STATUS_CANCELED)
        return key, row()
    preferred = references.default_canceled_status
    return min(
        usable, key=lambda row: (row.id != preferred, row.name.casefold() != CANCELED_NAME.casefold(), row.id)
    ).id, None


def shift_plan_name(plan: str, team: str, site: str, day: date, profile: ScheduleProfile) -> str:
    """The plan that a row belongs to: the one that it names, else the one that its profile computes."""
    if plan:
        return _cut(plan, _NAME_LENGTH)
    year, week, _ = day.isocalendar()
    values = {"profile": profile.name, "team": team, "site": site, "isoWeek": f"{year}-W{week:02}"}
    name = _PLACEHOLDER.sub(lambda found: values[found[1]], profile.plan)
    return _cut(" ".join(name.split()) or profile.name, _NAME_LENGTH)


def first_column(columns: object) -> str | None:
    """The first of a field's columns, for a report."""
    if isinstance(columns, tuple):
        return getattr(columns[0], "column", columns[0]) if columns else None
    return columns if isinstance(columns, str) else None


def _check_length(segment: Segment, assignable: bool, column: str | None) -> None:
    limit = LONGEST_ASSIGNABLE if assignable else LONGEST
    if segment.end - segment.start > limit:
        hours = round(limit.total_seconds() / 3600)
        raise _RowRefusedError("TOO_LONG", f"the row is longer than {hours} hours; check its dates", column)


def _cut(text: str, utf16_units: int) -> str:
    """The text, shortened to what the column holds without cutting a character in two."""
    return text.encode("utf-16-le")[: 2 * utf16_units].decode("utf-16-le", errors="ignore")
