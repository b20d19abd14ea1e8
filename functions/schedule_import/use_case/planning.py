"""What an import would do: the file beside Dynamics, agent by agent and day by day. Nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice

from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.agents import Matching, PlacedSegments, match_agents, place_segments
from functions.schedule_import.decide.delta import bookings_to_remove, choose_numbers, key_groups
from functions.schedule_import.decide.diff import Comparison, Difference
from functions.schedule_import.decide.edges import after_last_midnight, before_first_midnight, digests
from functions.schedule_import.decide.facts import Booking, Guid, ReferenceFacts
from functions.schedule_import.decide.overlaps import count_overlaps, overlaps_in_file, overlaps_with_others
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, file_scope, protection, shift_days
from functions.schedule_import.decide.shift_days import local_date
from functions.schedule_import.decide.wanted import (
    Wanted,
    shift_plan_name,
    want_bookings,
)
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.agents_csv import AgentDirectory
from functions.schedule_import.reading.segments import Issue, Reading
from functions.schedule_import.report import MOST_LISTED, ImportReport
from functions.schedule_import.use_case import looking
from functions.schedule_import.use_case.prerequisites import NotReadyError
from functions.schedule_import.use_case.run import Run
from shared.dataverse.tables import SHIFT_BOOKING_SETUP_METADATA_ID
from shared.long_work import aside, emptied


@dataclass(frozen=True, slots=True)
class Plan:
    """What Dynamics shall have, beside what it has."""

    scope: FileScope
    references: ReferenceFacts
    wanted: Wanted
    difference: Difference
    resources: frozenset[Guid]
    """The bookable resources of the agents in scope."""


async def make_plan(run: Run, profile: ScheduleProfile, directory: AgentDirectory, reading: Reading) -> Plan:
    """The plan of a file, entered into the report. Raises NotReadyError where Dynamics lacks shift bookings."""
    report, dynamics = run.report, run.gateways.dynamics
    keys = await aside(looking.keys_of, reading, profile)
    references = await looking.look_up_references(keys, directory, dynamics)
    if not references.setup_metadata_present:
        raise NotReadyError(
            f"Dynamics has no booking setup metadata row {SHIFT_BOOKING_SETUP_METADATA_ID}: workforce engagement "
            "(shift bookings) is not installed in this environment; install it. The file is tried again by itself"
        )
    matching = await aside(match_agents, keys, references.users, directory)
    agent_column = profile.agent_columns(profile.sources[0].fields.agent)[0][0]
    placed = await aside(place_segments, reading.segments, matching, agent_column, profile)
    members = await looking.look_up_plan_members(profile, dynamics)
    scope = await aside(
        file_scope, reading, placed, matching, profile, uploaded=run.fetched.uploaded, plan_agents=members
    )
    await aside(emptied, reading.segments)  # they are in `placed`, which gives them up one agent at a time
    report.skipped += placed.skipped
    report.issues += placed.issues
    report.agents = len(scope.agents)
    report.window = scope.window or await aside(_span, placed)
    run.this = replace(run.this, window=report.window, agents=await aside(digests, scope.agents))
    return await _compared(run, profile, reading, placed, matching, scope, references)


def _span(placed: PlacedSegments) -> tuple[datetime, datetime] | None:
    """From the first start to the last end of the rows of a file that speaks for its rows only."""
    segments = [segment for mine in placed.by_user.values() for segment in mine]
    if not segments:
        return None
    return min(one.start for one in segments), max(one.end for one in segments)


async def _compared(
    run: Run,
    profile: ScheduleProfile,
    reading: Reading,
    placed: PlacedSegments,
    matching: Matching,
    scope: FileScope,
    references: ReferenceFacts,
) -> Plan:
    report, gateways = run.report, run.gateways
    names = await aside(_plan_names, placed, scope, profile)
    look = await looking.look_up_plans_and_resources(references, names, scope.agents, gateways.dynamics)
    speaks_for_rows = scope.days is None
    numbers, removals = None, []
    if speaks_for_rows:
        groups = await aside(key_groups, placed, reading.removed, matching)
        occupied = await looking.occupied_numbers(groups, profile.name, gateways.dynamics)
        numbers = await aside(
            lambda: {
                group: choose_numbers(segments, occupied.get(group, {}), profile, adding_only=reading.dropped_again)
                for group, segments in groups.items()
            }
        )
        if not reading.dropped_again:
            removals = await aside(list, bookings_to_remove(reading.removed, matching, occupied))
    wanted = await aside(want_bookings, placed, look.references, look.resources, scope, profile, numbers)
    report.skipped += wanted.skipped
    report.issues += wanted.issues
    users = {resource.id: resource.user_id for resource in look.resources}
    comparison = await aside(
        Comparison,
        wanted.bookings,
        scope,
        profile.name,
        users=users,
        canceled=references.canceled_statuses(),
        assignable=references.assignable_types(),
        now=gateways.now(),
        cancels=profile.removal == "cancel",
        edges=await aside(precedence.spoken_for, run.past),
    )
    await looking.compare_with_bookings(comparison, scope, look.resources, gateways.dynamics)
    guard = await aside(protection, reading, wanted.unwritten_days, matching)
    difference = await aside(comparison.result, guard)
    after = await aside(_nights, wanted, difference, scope, mark_prefix(profile.name))
    run.this = replace(run.this, after=after)
    cancels = profile.removal == "cancel"
    await aside(_remove_marked, difference, removals, wanted, references, scope, cancels=cancels)
    await aside(_tell_overlaps, report, wanted, difference)
    mine = {bookings[0].resource for bookings in wanted.bookings.values() if bookings}
    return Plan(scope, look.references, wanted, difference, frozenset(users.keys() | mine))


def _nights(wanted: Wanted, difference: Difference, scope: FileScope, prefix: str) -> bytes:
    return digests(
        (*after_last_midnight(wanted.bookings, scope), *before_first_midnight(difference.foreign, scope, prefix))
    )


def let_go(plan: Plan) -> None:
    """Give up the bookings one agent at a time: all at once would be one long step, in which nothing else runs."""
    emptied(plan.difference.creates, plan.wanted.bookings)


def _plan_names(placed: PlacedSegments, scope: FileScope, profile: ScheduleProfile) -> set[str]:
    said: set[tuple[str, str, str, date]] = set()
    for user, segments in placed.by_user.items():
        days = shift_days(segments, scope.zone_of(user), scope.margin)
        said.update((one.plan, one.team, one.site, day) for one, day in zip(segments, days, strict=True))
    return {shift_plan_name(*one, profile) for one in said}


def _remove_marked(
    difference: Difference,
    removals: Sequence[tuple[Guid, Booking, object]],
    wanted: Wanted,
    references: ReferenceFacts,
    scope: FileScope,
    *,
    cancels: bool,
) -> None:
    """Rows of a delta that say "deleted" take their booking away, unless another row of the file keeps it."""
    if not removals:
        return
    kept = {booking.id for bookings in wanted.bookings.values() for booking in bookings}
    canceled = references.canceled_statuses()
    for user, booking, _ in removals:
        if booking.id not in kept and not (cancels and booking.status in canceled):
            difference.removals.append((user, booking, local_date(booking.start, scope.zone_of(user))))
            kept.add(booking.id)


def _tell_overlaps(report: ImportReport, wanted: Wanted, difference: Difference) -> None:
    report.overlaps_found = count_overlaps(wanted.bookings)
    for overlap in islice(overlaps_in_file(wanted.bookings), MOST_LISTED):
        report.overlaps.append(overlap)
        later = max(overlap, key=lambda claim: claim.row or 0)
        other = min(overlap, key=lambda claim: claim.row or 0)
        report.issues.append(Issue("OVERLAP", later.row or 0, agent=later.agent, value=f"row {other.row}"))
    for overlap, booking, _ in overlaps_with_others(wanted.bookings, difference.foreign):
        report.overlaps_found += 1
        if len(report.overlaps) < MOST_LISTED:
            report.overlaps.append(overlap)
            report.issues.append(
                Issue("OVERLAP", booking.row, agent=booking.agent, value="a booking of another source")
            )
