"""A day of a contact centre: each agent works through the day, one call at a time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from random import Random
from uuid import UUID

from local.enreach.assumed import PRIVATE, UNDEFINED, WORK
from local.enreach.traffic.order import Order
from local.enreach.traffic.people import Agent, Queue, hire, open_queues
from local.enreach.traffic.plots import PLOTS, Desk
from local.enreach.traffic.stories import Marks, Story

HOUR_S, DAY_S = 3600, 86_400
SHIFT_START_S, SHIFT_S = 6 * HOUR_S, 8 * HOUR_S
CALL_S = 195  # about what a call costs an agent
# How much longer than on average an agent waits for the next call, by the hour of the shift: mornings are busy, noon
# is not.
WAIT_BY_HOUR = (1.3, 0.86, 0.65, 0.86, 1.5, 1.6, 0.97, 0.97)
# Privacy at first and in the end, of 1000 direct calls (the change comes within 14 days: facts 8.5).
PRIVACY = (
    (890, WORK, WORK),
    (50, PRIVATE, PRIVATE),
    (25, UNDEFINED, UNDEFINED),
    (15, PRIVATE, WORK),
    (10, UNDEFINED, WORK),
    (10, WORK, PRIVATE),
)


@dataclass(frozen=True)
class Day:
    """Who worked, and what happened, by the moment at which it began."""

    order: Order
    agents: tuple[Agent, ...]
    queues: tuple[Queue, ...]
    stories: tuple[Story, ...]


def generate_day(order: Order) -> Day:
    """Returns the day of an order, the same for the same order."""
    dice = Random(f"{order.seed}|{order.day}|{order.agents}|{order.calls_per_agent}")  # noqa: S311 - repeatable dice
    agents = hire(order.agents, order.seed)
    queues = open_queues(agents, order.seed)
    desk = Desk(dice, order.seed, agents, queues, order.numbers or _invented_numbers(dice, order.agents))
    stories = [replace(story, marks=_marks(dice, story)) for story in _told(desk, order)]
    return Day(order, agents, queues, tuple(sorted(stories, key=lambda story: (story.arrived, story.call_id))))


def _told(desk: Desk, order: Order) -> list[Story]:
    """Lets the agent whose next call is the earliest have it, until all shifts are over."""
    midnight = datetime.combine(order.day, datetime.min.time(), UTC).timestamp()
    start = midnight + SHIFT_START_S
    names, weights = list(PLOTS), [weight for weight, _ in PLOTS.values()]
    pause = max(5.0, SHIFT_S / order.calls_per_agent - CALL_S)
    upcoming = [(start + int(desk.dice.uniform(0, 2 * pause)), agent.number) for agent in desk.agents]
    heapify(upcoming)
    stories: list[Story] = []
    while upcoming:
        at, number = heappop(upcoming)
        if at >= start + SHIFT_S:
            continue
        if desk.busy_until[number] <= at:
            shape = desk.dice.choices(names, weights)[0]
            told = PLOTS[shape][1](desk, shape, desk.agents[number], at)
            stories += told
            for leg in (leg for story in told for leg in story.legs):
                desk.busy_until[leg.agent.number] = max(desk.busy_until[leg.agent.number], leg.ended)
        hour = int((at - start) // HOUR_S)
        wait = 1 + int(desk.dice.expovariate(1 / (pause * WAIT_BY_HOUR[hour])))
        heappush(upcoming, (max(at, desk.busy_until[number]) + wait, number))
    return stories


def _invented_numbers(dice: Random, agents: int) -> tuple[str, ...]:
    """Returns numbers of customers in three countries, ten for each agent and no two the same."""
    forms = (("+35850", 7), ("+35840", 7), ("+46701", 6), ("+47401", 5))
    numbers: dict[str, None] = {}
    while len(numbers) < max(40, 10 * agents):
        prefix, digits = dice.choices(forms, (6, 6, 2, 1))[0]
        numbers[f"{prefix}{dice.randrange(10**digits):0{digits}d}"] = None
    return tuple(numbers)


def _marks(dice: Random, story: Story) -> Marks:
    first, last = _privacy(dice, story)
    is_late = dice.random() < 0.02
    answered = [leg for leg in story.legs if leg.talk_s]
    share = 0.6 if story.service else 0.1
    ids = tuple(_recording_id(dice) for _ in answered) if dice.random() < share else ()
    return Marks(
        withheld=_withheld(dice) if story.is_incoming and dice.random() < 0.03 else None,
        has_plus=dice.random() >= 0.04,
        privacy=last,
        first_privacy=first,
        reclassified_s=_reclassified_s(dice, first, last),
        late_s=dice.randint(HOUR_S, 20 * HOUR_S) if is_late else 0,
        ringing_first=bool(answered) and not is_late and dice.random() < 0.08,
        doubled=dice.random() < 0.02,
        recordings=ids,
        recorded_s=dice.randint(300, HOUR_S) if ids and dice.random() < 0.3 else 0,
    )


def _privacy(dice: Random, story: Story) -> tuple[str, str]:
    """Only personal history has a privacy class: calls through a queue are work (facts 8.5)."""
    if story.service is not None:
        return WORK, WORK
    _, first, last = dice.choices(PRIVACY, [weight for weight, _, _ in PRIVACY])[0]
    return first, last


def _reclassified_s(dice: Random, first: str, last: str) -> int:
    if first == last:
        return 0
    return dice.randint(2 * HOUR_S, 13 * DAY_S) if first != UNDEFINED else dice.randint(2 * HOUR_S, 12 * HOUR_S)


def _withheld(dice: Random) -> str:
    return dice.choice(("", "anonymous", "Anonymous"))


def _recording_id(dice: Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))
