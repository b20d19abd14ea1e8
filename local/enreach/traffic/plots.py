"""The shapes of calls: who rang, who answered, and for how long. Each plot tells one or two calls of an agent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from local.enreach.assumed import RESULT_ANSWERED, RESULT_OVERFLOW, RESULT_UNANSWERED
from local.enreach.traffic.people import Agent, Queue, personal_queue
from local.enreach.traffic.stories import Leg, Service, Story

GIVE_UP_AFTER = 8


@dataclass
class Desk:
    """The floor of the contact centre at one moment: dice, people, and until when each is on a call."""

    dice: Random
    seed: int
    agents: tuple[Agent, ...]
    queues: tuple[Queue, ...]
    customers: tuple[str, ...]
    busy_until: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.busy_until = [0.0] * len(self.agents)

    def call_id(self) -> str:
        """Returns the id of a new call."""
        return str(UUID(int=self.dice.getrandbits(128), version=4))

    def customer(self) -> str:
        """Returns a customer's number; a few customers call often."""
        return self.customers[int(len(self.customers) * self.dice.random() ** 1.5)]

    def ring_s(self) -> int:
        """Returns how long it rings until somebody answers."""
        return self.dice.randint(2, 25)

    def talk_s(self) -> int:
        """Returns how long people talk: mostly two or three minutes, now and then an hour."""
        return max(2, min(3600, int(self.dice.lognormvariate(4.8, 0.9))))

    def queue_of(self, agent: Agent) -> Queue:
        """Returns the service queue that an agent serves."""
        return self.queues[agent.number % (len(self.queues) - 1)]

    def colleague(self, at: float, among: tuple[Agent, ...], but: tuple[Agent, ...]) -> Agent | None:
        """Returns somebody who is on no call, or None when nobody is quickly found."""
        for _ in range(GIVE_UP_AFTER):
            agent = self.dice.choice(among)
            if agent not in but and self.busy_until[agent.number] <= at:
                return agent
        return None


type Plot = Callable[[Desk, str, Agent, float], list[Story]]


def _story(
    desk: Desk, shape: str, legs: list[Leg], *, customer: str | None = None, service: Service | None = None
) -> Story:
    arrived = min([leg.rang for leg in legs] + ([service.arrived] if service else []))
    ended = max(leg.ended for leg in legs)
    return Story(
        desk.call_id(), shape, desk.customer() if customer is None else customer, tuple(legs), arrived, ended, service
    )


def _direct_in(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    return [_story(desk, shape, [Leg(agent, at, desk.ring_s(), desk.talk_s())])]


def _direct_in_missed(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    return [_story(desk, shape, [Leg(agent, at, desk.ring_s() + 10)])]


def _direct_out(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    return [_story(desk, shape, [Leg(agent, at, desk.ring_s(), desk.talk_s(), outgoing=True)])]


def _direct_out_unanswered(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    return [_story(desk, shape, [Leg(agent, at, desk.ring_s() + 10, outgoing=True)])]


def _internal(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    other = desk.colleague(at, desk.agents, (agent,))
    if other is None:
        return _direct_in(desk, "direct-in", agent, at)
    ring_s, talk_s = desk.ring_s(), desk.talk_s()
    legs = [Leg(agent, at, ring_s, talk_s, outgoing=True), Leg(other, at, ring_s, talk_s)]
    return [_story(desk, shape, legs, customer="")]


def _mobile(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    if not agent.mobile:
        return _direct_in(desk, "direct-in", agent, at)
    leg = Leg(agent, at, desk.ring_s(), desk.talk_s(), outgoing=desk.dice.random() < 0.5)
    return [Story(desk.call_id(), shape, desk.customer(), (leg,), at, leg.ended, is_mobile=True)]


def _queued(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    leg = Leg(agent, at, desk.ring_s(), desk.talk_s())
    waited = desk.dice.randint(0, 90)
    service = Service(desk.queue_of(agent), at - waited, RESULT_ANSWERED, leg)
    return [_story(desk, shape, [leg], service=service)]


def _ring_all(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    """Several phones ring until the first answers."""
    leg = Leg(agent, at, desk.ring_s(), desk.talk_s())
    queue = desk.queue_of(agent)
    rung = [agent]
    for _ in range(desk.dice.randint(1, 4)):
        other = desk.colleague(at, queue.members, tuple(rung))
        rung += [other] if other else []
    legs = [*(Leg(other, at, leg.ring_s) for other in rung[1:]), leg]
    desk.dice.shuffle(legs)
    return [_story(desk, shape, legs, service=Service(queue, at, RESULT_ANSWERED, leg))]


def _abandoned(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    leg = Leg(agent, at, desk.ring_s())
    waited = desk.dice.randint(5, 120)
    return [_story(desk, shape, [leg], service=Service(desk.queue_of(agent), at - waited, RESULT_UNANSWERED))]


def _overflow(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    """The queue gives the call away; half of the time somebody of the overflow queue answers it."""
    legs = [Leg(agent, at, 20)]
    other = desk.colleague(at, desk.queues[-1].members, (agent,))
    if other and desk.dice.random() < 0.5:
        legs.append(Leg(other, at + 21, desk.ring_s(), desk.talk_s()))
    return [_story(desk, shape, legs, service=Service(desk.queue_of(agent), at, RESULT_OVERFLOW))]


def _transferred(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    legs = _transfer(desk, agent, at)
    return [_story(desk, shape if len(legs) > 1 else "direct-in", legs)]


def _queue_transferred(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    legs = _transfer(desk, agent, at)
    service = Service(desk.queue_of(agent), at, RESULT_ANSWERED, legs[0])
    return [_story(desk, shape if len(legs) > 1 else "queue", legs, service=service)]


def _transfer(desk: Desk, agent: Agent, at: float) -> list[Leg]:
    """Two agents one after the other, now and then three."""
    legs = [Leg(agent, at, desk.ring_s(), desk.talk_s())]
    for _ in range(desk.dice.choice((1, 1, 1, 2))):
        other = desk.colleague(at, desk.agents, tuple(leg.agent for leg in legs))
        if other:
            legs.append(Leg(other, legs[-1].ended, desk.ring_s(), desk.talk_s()))
    return legs


def _into_queue(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    """An agent sends a direct call on into a queue: it is in both feeds (facts 8.1)."""
    legs = _transfer(desk, agent, at)[:2]
    if len(legs) < 2:
        return [_story(desk, "direct-in", legs)]
    service = Service(desk.queue_of(legs[1].agent), legs[0].ended, RESULT_ANSWERED, legs[1])
    return [_story(desk, shape, legs, service=service)]


def _work_number(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    """A queue serves the agent's work number: the call is in both feeds, its queue without a name (facts 8.1)."""
    leg = Leg(agent, at, desk.ring_s(), desk.talk_s())
    service = Service(personal_queue(agent, desk.seed), at, RESULT_ANSWERED, leg)
    return [_story(desk, shape, [leg], service=service)]


def _redial(desk: Desk, shape: str, agent: Agent, at: float) -> list[Story]:
    """The customer hangs up and calls again within 20 s: two calls."""
    first = _story(desk, shape, [Leg(agent, at, desk.dice.randint(2, 12))])
    again = Leg(agent, first.ended + desk.dice.randint(1, 20), desk.ring_s(), desk.talk_s())
    return [first, _story(desk, shape, [again], customer=first.customer)]


# How often each shape comes, of 100 calls.
PLOTS: dict[str, tuple[int, Plot]] = {
    "direct-in": (14, _direct_in),
    "direct-in-missed": (6, _direct_in_missed),
    "direct-out": (18, _direct_out),
    "direct-out-unanswered": (5, _direct_out_unanswered),
    "internal": (5, _internal),
    "mobile": (4, _mobile),
    "queue": (21, _queued),
    "queue-ring-all": (6, _ring_all),
    "queue-abandoned": (6, _abandoned),
    "queue-overflow": (3, _overflow),
    "queue-transferred": (4, _queue_transferred),
    "direct-transferred": (2, _transferred),
    "direct-into-queue": (2, _into_queue),
    "work-number": (2, _work_number),
    "redial": (2, _redial),
}
