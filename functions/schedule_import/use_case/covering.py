"""What the coming days lack once a file is imported, as its report tells it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from functions.schedule_import.decide import coverage
from functions.schedule_import.decide.coverage import Blocked, Gap
from functions.schedule_import.decide.facts import Booking, Guid
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.use_case import looking
from functions.schedule_import.use_case.planning import Plan
from functions.schedule_import.use_case.run import Run
from functions.schedule_import.use_case.worlds import Dynamics
from shared.dataverse.errors import DataverseError
from shared.long_work import aside

_log = logging.getLogger(__name__)

_MOST_ASKED = 100
"""Gaps of plans for which Dynamics is asked whether somebody of another file is there; five requests."""


async def coverage_of(plan: Plan, run: Run) -> list[Gap | Blocked]:
    """Hours without anybody assignable, then agents whom a leftover blocks. The plan is written."""
    found, blocked = await aside(_found, plan, run, run.gateways.now())
    names, elsewhere = await _looked_up(plan, [gap for gap in found if gap.kind == "plan"], run.gateways.dynamics)
    left = await aside(_left, plan, found, elsewhere)
    named = [gap._replace(name=names.get(gap.key, "") if gap.kind == "plan" else gap.key) for gap in left]
    return [*sorted(named, key=lambda gap: (gap.kind, gap.name, gap.start)), *blocked]


async def _looked_up(
    plan: Plan, of_plans: Sequence[Gap], dynamics: Dynamics
) -> tuple[Mapping[Guid, str], Mapping[Gap, Sequence[Booking]]]:
    """The names of plans, and the bookings that stand in their gaps. As far as they can be had: the file is written,
    and a report that tells a gap too many is better than none."""
    names: dict[Guid, str] = plan.wanted.plan_names
    asked = sorted(of_plans, key=lambda gap: (gap.start, gap.end, gap.key))[:_MOST_ASKED]
    try:
        if missing := {gap.key for gap in of_plans} - names.keys():
            names = names | await looking.plan_names(missing, dynamics)
        answers = await looking.bookings_of_plans(((gap.key, gap.start, gap.end) for gap in asked), dynamics)
    except DataverseError as error:
        _log.warning("Whether others fill the gaps of shift plans cannot be told: %s", error)
        return names, {}
    return names, dict(zip(asked, answers, strict=True))


def _found(plan: Plan, run: Run, now: datetime) -> tuple[list[Gap], list[Blocked]]:
    difference, wanted = plan.difference, plan.wanted.bookings
    assignable = plan.references.assignable_types()
    users = difference.foreign.keys() | difference.stays_for_bad_rows.keys()
    others = {
        user: _that_count(plan, chain(difference.foreign.get(user, ()), difference.stays_for_bad_rows.get(user, ())))
        for user in users
    }
    gone = chain(
        (one for _, one, _ in difference.removals), (found for _, found in difference.updates), run.changed_before
    )
    found = coverage.gaps(wanted, others, _that_count(plan, gone), assignable, now)
    prefix = mark_prefix(run.inbox.profile)
    return found, list(coverage.blocked(wanted, others, assignable, prefix, now))


def _that_count(plan: Plan, bookings: Iterable[Booking]) -> list[Booking]:
    """Those at which routing looks."""
    committed = plan.references.committed_statuses()
    return [one for one in bookings if one.active and one.status in committed]


def _left(plan: Plan, found: Iterable[Gap], answers: Mapping[Gap, Sequence[Booking]]) -> list[Gap]:
    """The gaps that nobody else fills. What agents do for whom the file speaks is known already, and what keeps them
    from it."""
    assignable = plan.references.assignable_types()
    known: frozenset[Guid] = plan.resources if plan.scope.days is not None else frozenset()
    left: list[Gap] = []
    for gap in found:
        elsewhere = [
            one for one in _that_count(plan, answers.get(gap, ()))
            if one.activity_type in assignable and one.resource not in known
        ]  # fmt: skip
        left += coverage.filled(gap, elsewhere)
    return left
