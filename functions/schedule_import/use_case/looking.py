"""What Dynamics knows of a file: its users, the rows that bookings point at, the bookings that are there."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from functions.schedule_import import queries
from functions.schedule_import.decide.agents import agent_key, system_user_keys
from functions.schedule_import.decide.delta import KeyGroup, ids_to_look_for
from functions.schedule_import.decide.diff import Comparison
from functions.schedule_import.decide.facts import Booking, Guid, ReferenceFacts, Resource
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, named_agents
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.rules import PlanAgents
from functions.schedule_import.reading.agents_csv import AgentDirectory, AgentKey
from functions.schedule_import.reading.segments import Reading, Segment
from functions.schedule_import.use_case.worlds import Dynamics
from shared.dataverse.odata import Query
from shared.dataverse.tables import JsonRow
from shared.long_work import aside, taken_out

_ROWS_A_PAGE = 2_500
"""Bookings in a page, half of what Dataverse gives by itself: reading the JSON of one holds up everybody else, and
eight of them may be in memory."""


def keys_of(reading: Reading, profile: ScheduleProfile) -> set[AgentKey]:
    """Every agent that a file or its profile names, also in rows that could not be read."""
    named = {(segment.identity, segment.agent) for segment in chain(reading.segments, reading.removed)}
    named.update(named_agents(reading, profile))
    named.update((item.identity, item.agent) for item in reading.protected if item.agent is not None)
    return {agent_key(identity, value) for identity, value in named}


async def look_up_references(keys: Iterable[AgentKey], directory: AgentDirectory, dynamics: Dynamics) -> ReferenceFacts:
    """The first look: users by any identity, statuses, activity types, the setup metadata row."""
    users = await aside(lambda: queries.user_queries(system_user_keys(keys, directory)))
    asked = {
        "metadata": [queries.setup_metadata_query()],
        "statuses": [queries.status_query()],
        "activity_types": [queries.activity_type_query()],
        **{f"users {identity}": some for identity, some in users.items()},
    }
    answers = await _ask(asked, dynamics)
    return await aside(
        queries.reference_facts,
        metadata=answers["metadata"],
        statuses=answers["statuses"],
        activity_types=answers["activity_types"],
        users={identity: answers[f"users {identity}"] for identity in users},
    )


async def look_up_plan_members(profile: ScheduleProfile, dynamics: Dynamics) -> set[Guid]:
    """The users who have a booking of this profile in the plan that its scope names."""
    if not isinstance(profile.scope.agents, PlanAgents):
        return set()
    (found,) = await dynamics.query_many(queries.plan_queries([profile.scope.agents.plan]))
    members: set[Guid] = set()
    prefix = mark_prefix(profile.name)
    for plan in queries.shift_plans(found):
        async with aclosing(dynamics.pages([queries.plan_member_query(plan.id)])) as pages:
            async for page in pages:
                members |= await aside(_planned, page, prefix)
    users: set[Guid] = set()
    for rows in await dynamics.query_many(queries.resource_user_queries(sorted(members))):
        users.update(row["_userid_value"] for row in rows if row["_userid_value"])
    return users


def _planned(page: list[JsonRow], prefix: str) -> set[Guid]:
    """The resources of the bookings whose mark begins so."""
    return {
        row["_resource_value"]
        for row in taken_out(page)
        if row["_resource_value"] and (row["msdyn_externalbookingid"] or "").startswith(prefix)
    }


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Plans by name, and the bookable resources of the agents in scope."""

    references: ReferenceFacts
    resources: tuple[Resource, ...]


async def look_up_plans_and_resources(
    references: ReferenceFacts, plan_names: Iterable[str], users: Iterable[Guid], dynamics: Dynamics
) -> SecondLook:
    """The second look, which needs the answers of the first."""
    asked = {
        "plans": await aside(lambda: queries.plan_queries(sorted(plan_names))),
        "resources": await aside(lambda: queries.resource_queries(sorted(users))),
    }
    answers = await _ask(asked, dynamics)
    plans, resources = await aside(
        lambda: (queries.shift_plans(answers["plans"]), queries.resources(answers["resources"]))
    )
    return SecondLook(replace(references, plans=plans), resources)


async def compare_with_bookings(
    comparison: Comparison, scope: FileScope, resources: Iterable[Resource], dynamics: Dynamics
) -> None:
    """The third look: all bookings of the scope in pages, then those that the file's keys name and no page had.

    A supervisor may have moved a booking out of the scope, and a row with an id of its own may come from elsewhere.
    """
    if (reach := scope.reach) is not None:
        ids = await aside(lambda: sorted(resource.id for resource in resources if resource.user_id in scope.agents))
        await _take(comparison, queries.scope_queries(ids, reach), dynamics)
    while asked := await aside(comparison.ids_to_look_for):
        await _take(comparison, queries.booking_queries(asked), dynamics)


async def _take(comparison: Comparison, asked: Iterable[Query], dynamics: Dynamics) -> None:
    async with aclosing(dynamics.pages(asked, page_size=_ROWS_A_PAGE)) as pages:
        async for page in pages:
            await aside(comparison.take, map(queries.booking, taken_out(page)))


async def bookings_by_id(ids: Iterable[Guid], dynamics: Dynamics) -> dict[Guid, Booking]:
    """The bookings with these keys."""
    found: dict[Guid, Booking] = {}
    async with aclosing(dynamics.pages(queries.booking_queries(ids))) as pages:
        async for page in pages:
            rows = taken_out(page)
            await aside(found.update, ((row["bookableresourcebookingid"], queries.booking(row)) for row in rows))
    return found


async def bookings_of_plans(
    times: Iterable[tuple[Guid, datetime, datetime]], dynamics: Dynamics
) -> list[list[Booking]]:
    """The bookings of each plan that touch the time between two instants."""
    answers = await dynamics.query_many(await aside(lambda: [queries.plan_time_query(*one) for one in times]))
    return await aside(lambda: [[queries.booking(row) for row in rows] for rows in answers])


async def plan_names(ids: Iterable[Guid], dynamics: Dynamics) -> dict[Guid, str]:
    """The names of shift plans."""
    answers = await dynamics.query_many(queries.plan_name_queries(sorted(ids)))
    return {plan.id: plan.name for rows in answers for plan in queries.shift_plans(rows)}


async def user_names(ids: Iterable[Guid], dynamics: Dynamics) -> dict[Guid, str]:
    """The names of users, else their e-mail addresses."""
    answers = await dynamics.query_many(queries.user_name_queries(sorted(ids)))
    return {
        row["systemuserid"]: row["fullname"] or row["internalemailaddress"] or "" for rows in answers for row in rows
    }


async def _ask(asked: Mapping[str, list[Query]], dynamics: Dynamics) -> dict[str, list[JsonRow]]:
    """All answers to several questions, which together travel in as few requests as they fit in."""
    answers = iter(await dynamics.query_many([query for group in asked.values() for query in group]))
    return await aside(lambda: {name: [row for _ in group for row in next(answers)] for name, group in asked.items()})


async def occupied_numbers(
    groups: Mapping[KeyGroup, Sequence[Segment]], profile: str, dynamics: Dynamics
) -> dict[KeyGroup, dict[int, Booking | None]]:
    """The bookings under the keys of a file's rows, by number, until a free number is known for each row."""
    occupied: dict[KeyGroup, dict[int, Booking | None]] = {}
    while asked := await aside(list, ids_to_look_for(groups, occupied, profile)):
        found = await bookings_by_id((key for _, _, key in asked), dynamics)

        def note(asked: list[tuple[KeyGroup, int, Guid]], found: dict[Guid, Booking]) -> None:
            for group, number, key in asked:
                occupied.setdefault(group, {})[number] = found.get(key)

        await aside(note, asked, found)
        groups = {group: groups[group] for group, _, _ in asked}
    return occupied
