"""Whether a plan waits for a person: what it would take away, weighed before anything is written.

No booking means no automatic work for an agent, so a careless file can stop a contact centre. A held plan is written
once a person has approved these very bytes and this very plan.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from functions.schedule_import.decide.diff import Difference, Tally
from functions.schedule_import.decide.facts import Guid
from functions.schedule_import.profile.rules import Hold

_PART_SHARE = 0.5
"""A single agent or plan may change more than the whole: it counts from half of its time on."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a plan is held: a code for programs, a text with the numbers for people."""

    code: str
    text: str


def weigh(
    difference: Difference, hold: Hold, *, agent_names: Mapping[Guid, str], plan_names: Mapping[Guid, str]
) -> list[Reason]:
    """Every threshold that the plan exceeds. Time that other bookings of the file cover is not taken away."""
    return [
        *_removed(difference, hold, agent_names, plan_names),
        *_less_assignable(difference, hold, plan_names),
        *_nothing_tomorrow(difference, hold, agent_names),
    ]


def _removed(
    difference: Difference, hold: Hold, agent_names: Mapping[Guid, str], plan_names: Mapping[Guid, str]
) -> Iterable[Reason]:
    limit = hold.max_removed_share
    total = difference.total
    if _share(total.lost, total.minutes) > limit + _ROUNDING:
        yield Reason(
            "REMOVED_SHARE",
            f"{_percent(total.lost, total.minutes)} of the booked time of this file's agents and days would go "
            f"({_hours(total.lost)} of {_hours(total.minutes)} h); the limit is {limit:.0%}",
        )
    part_limit = max(limit, _PART_SHARE)
    emptied = _exceeding(difference.by_plan, part_limit)
    if emptied and limit < 1:
        yield Reason("PLAN_EMPTIED", f"shift plans would lose most of their time: {_listed(emptied, plan_names)}")
    emptied = _exceeding(difference.by_agent, part_limit)
    if emptied and limit < 1:
        yield Reason("AGENT_EMPTIED", f"agents would lose most of their time: {_listed(emptied, agent_names)}")


def _less_assignable(difference: Difference, hold: Hold, plan_names: Mapping[Guid, str]) -> Iterable[Reason]:
    limit = hold.max_assignable_drop_share
    total = difference.total
    if _share(total.assignable_lost, total.assignable) > limit + _ROUNDING:
        yield Reason(
            "ASSIGNABLE_DROP",
            f"{_percent(total.assignable_lost, total.assignable)} of the time in which routing may assign work would "
            f"go ({_hours(total.assignable_lost)} of {_hours(total.assignable)} h); the limit is {limit:.0%}",
        )
    dropped = {
        plan: tally
        for plan, tally in difference.by_plan.items()
        if _share(tally.assignable_lost, tally.assignable) > limit + _ROUNDING
    }
    if dropped:
        yield Reason("PLAN_NOT_ASSIGNABLE", f"shift plans would lose assignable time: {_listed(dropped, plan_names)}")


def _nothing_tomorrow(difference: Difference, hold: Hold, agent_names: Mapping[Guid, str]) -> Iterable[Reason]:
    losers = difference.without_work_tomorrow
    if len(losers) > hold.max_agents_without_work_tomorrow:
        yield Reason(
            "NO_WORK_TOMORROW",
            f"{len(losers)} agents who have work tomorrow would have none (the limit is "
            f"{hold.max_agents_without_work_tomorrow}): {_listed(losers, agent_names)}",
        )


def _exceeding(tallies: Mapping[Guid, Tally], limit: float) -> dict[Guid, Tally]:
    return {key: tally for key, tally in tallies.items() if _share(tally.lost, tally.minutes) > limit + _ROUNDING}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _percent(part: float, whole: float) -> str:
    return f"{_share(part, whole):.0%}"


def _hours(minutes: float) -> str:
    return f"{minutes / 60:.1f}"


def _listed(keys: Iterable[Guid], names: Mapping[Guid, str]) -> str:
    known = sorted(names.get(key) or "(without a name)" for key in keys)
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return ", ".join(known[:10]) + more


def plan_digest(difference: Difference) -> str:
    """What an approval covers: the same digest for the same plan, whatever the order in which it was made."""
    lines = chain(
        (repr(("create", booking[1:])) for booking in difference.creates),
        (repr(("update", booking[1:], tuple(found))) for booking, found in difference.updates),
        (repr(("remove", tuple(booking))) for _, booking, _ in difference.removals),
    )
    # A sum does not depend on the order, and needs no list of 400,000 texts.
    total = sum(int.from_bytes(hashlib.sha256(line.encode()).digest()) for line in lines)
    return f"{total % 2**256:064x}"
