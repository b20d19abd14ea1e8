"""The simulated service as a whole: what is built once and what a reset builds anew."""

from collections import Counter
from collections.abc import Collection
from heapq import heappop, heappush
from itertools import count, groupby
from typing import Any

from local.enreach.clock import Clock
from local.enreach.counters import Counters
from local.enreach.environment import Environment
from local.enreach.faults import Faults
from local.enreach.messages import ApiError, Request, Response
from local.enreach.organisation import ORGANISATION_ID, Organisation
from local.enreach.seed import seed_items
from local.enreach.service import Service
from local.enreach.traffic.day import Day, generate_day
from local.enreach.traffic.items import Arrival, arrivals, queue_items, user_items
from local.enreach.traffic.order import Order
from local.enreach.webhooks import Webhooks

ARRIVALS_AT_ONCE = 20_000
KEEPABLE = frozenset({"items", "stats", "faults", "clock", "subscription"})


class Simulator:
    """One Enreach organisation behind its API."""

    def __init__(self) -> None:
        self.environment = Environment()
        self.clock = Clock()
        self.faults = Faults()
        self.counters = Counters()
        self.webhooks = Webhooks(self.clock, ORGANISATION_ID)
        self._build()

    def _build(self) -> None:
        self.organisation = Organisation(self.clock, self.webhooks.tell)
        self.service = Service(self.organisation, self.environment)
        self.days: list[Day] = []
        self._awaited: list[tuple[float, int, Arrival]] = []
        self._numbers = count()
        for kind, items in seed_items().items():
            self.organisation.plant(kind, items)

    def reset(self, keep: frozenset[str]) -> None:
        """Returns to the seed; what `keep` names stays, and so does the environment."""
        if "clock" not in keep:
            self.clock.reset()
        if "items" not in keep:
            self._build()
        if "stats" not in keep:
            self.counters.forget()
        if "faults" not in keep:
            self.faults.clear()
        if "subscription" not in keep:
            self.webhooks.cancel()

    def answer(self, request: Request) -> Response:
        """Returns the answer to a request, a refusal too."""
        self.catch_up()
        try:
            return self.service.answer(request)
        except ApiError as error:
            return self.service.refusal(error)

    def play(self, order: Order) -> dict[str, Any]:
        """Generates a day of traffic and returns what it has; its events come as the clock reaches them."""
        day = generate_day(order)
        self.organisation.plant("users", user_items(day))
        self.organisation.plant("queues", queue_items(day))
        self.days.append(day)
        self._schedule(day)
        return {
            "day": order.day.isoformat(),
            "agents": len(day.agents),
            "queues": len(day.queues),
            "calls": len(day.stories),
            "shapes": dict(sorted(Counter(story.shape for story in day.stories).items())),
            "awaited": len(self._awaited),
        }

    def catch_up(self) -> None:
        """Lets arrive what is due. A later arrival of a call has all events of the earlier ones."""
        due: dict[str, Arrival] = {}
        now = self.clock.now()
        while self._awaited and self._awaited[0][0] <= now:
            arrival = heappop(self._awaited)[2]
            due[arrival.call_id] = arrival
        self._let_arrive(due.values())

    def _schedule(self, day: Day) -> None:
        """What is due arrives, a part at a time so that a long day needs no room twice; the rest is awaited."""
        now = self.clock.now()
        due: list[Arrival] = []
        for _, versions in groupby(arrivals(day), key=lambda arrival: arrival.call_id):
            told = list(versions)
            due += [arrival for arrival in told if arrival.moment <= now][-1:]
            for arrival in told:
                if arrival.moment > now:
                    heappush(self._awaited, (arrival.moment, next(self._numbers), arrival))
            if len(due) >= ARRIVALS_AT_ONCE:
                self._let_arrive(due)
                due = []
        self._let_arrive(due)

    def _let_arrive(self, due: Collection[Arrival]) -> None:
        if due:
            self.organisation.plant("calls", [item for arrival in due for item in arrival.calls])
            self.organisation.plant("servicecalls", [item for arrival in due for item in arrival.service_calls])

    def stats(self) -> dict[str, Any]:
        """Returns all counts."""
        return self.counters.as_json() | {"held": self.organisation.sizes(), "awaited": len(self._awaited)}
