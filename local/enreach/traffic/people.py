"""Who works in the invented contact centre. Agents and queues depend on the seed, not on the day."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from local.enreach.assumed import PERSONAL_WORK, SERVICE_QUEUE

NAMESPACE = UUID("5eed0000-0000-4000-8000-0000000e2ead")
FIRST = ("Aino", "Björn", "Elif", "Kateryna", "Mikko", "Nadia", "Oskar", "Saara", "Tomasz", "Ville", "Yrsa", "Zainab")
LAST = ("Ahmed", "Berg", "Halonen", "Ivanova", "Jensen", "Koskinen", "Lund", "Mäkinen", "Nowak", "Öberg", "Rantanen")
AGENTS_PER_QUEUE = 25


@dataclass(frozen=True, slots=True)
class Agent:
    """An Enreach user. The mobile number is empty where the agent has none."""

    number: int
    id: str
    user_name: str
    first: str
    last: str
    work: str
    mobile: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue; a personal one serves the work number of an agent and shows no name on its calls (facts 8.1)."""

    id: str
    name: str
    number: str
    type_id: int
    members: tuple[Agent, ...]

    @property
    def shown_name(self) -> str | None:
        """The name as calls have it."""
        return None if self.type_id == PERSONAL_WORK else self.name


def hire(count: int, seed: int) -> tuple[Agent, ...]:
    """Returns the agents. Logins differ in case here and there, as people type them."""
    return tuple(_agent(number, seed) for number in range(count))


def _agent(number: int, seed: int) -> Agent:
    login = f"agent{number:05d}.s{seed}@contact-centre.example"
    # The last seven digits tell seeds apart, so that two orders can play on one day.
    digits = f"{(seed * 20_011 + number) % 10_000_000:07d}"
    return Agent(
        number,
        str(uuid5(NAMESPACE, f"{seed}:agent:{number}")),
        login.title() if number % 10 == 3 else login,
        FIRST[number % len(FIRST)],
        LAST[number % len(LAST)],
        f"+35898{digits}",
        "" if number % 4 == 1 else f"+35845{digits}",
    )


def open_queues(agents: tuple[Agent, ...], seed: int) -> tuple[Queue, ...]:
    """Returns the service queues; the last of them takes the overflow of the others."""
    count = max(2, len(agents) // AGENTS_PER_QUEUE + 1)
    return tuple(
        Queue(
            str(uuid5(NAMESPACE, f"{seed}:queue:{number}")),
            "Overflow" if number == count - 1 else f"Service {number + 1}",
            f"+35810{seed % 1000:03d}{number:04d}",
            SERVICE_QUEUE,
            agents if number == count - 1 else agents[number :: count - 1],
        )
        for number in range(count)
    )


def personal_queue(agent: Agent, seed: int) -> Queue:
    """Returns the queue that serves an agent's work number."""
    queue_id = str(uuid5(NAMESPACE, f"{seed}:personal:{agent.number}"))
    return Queue(queue_id, f"{agent.first} {agent.last}", agent.work, PERSONAL_WORK, (agent,))
