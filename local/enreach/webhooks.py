"""The webhook that Enreach support set up for a customer: events of callback requests as they come and change.

That there are such events is known of the vendor's own product ("sync method"), their names of its WebSocket API; the
properties of a body are assumed (facts 7.3, 11). Nothing is known of a retry: an event that is not taken is lost.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from local.enreach.assumed import Item
from local.enreach.clock import Clock
from local.enreach.moments import iso_z
from local.enreach.outbound import read_delivery, send_webhooks

CREATED, UPDATED, CLOSED = "CallbackCreated", "CallbackUpdated", "CallbackClosed"
KEYS = frozenset({"url", "token", "times", "order", "delayMs", "loseEvery"})
REMEMBERED = 10_000

type Told = Iterable[tuple[str, Item]]


class Webhooks:
    """Delivers events to the endpoint that is subscribed, one after the other, in a task of its own."""

    def __init__(self, clock: Clock, organisation_id: str) -> None:
        self._clock = clock
        self._organisation_id = organisation_id
        self._order: dict[str, Any] | None = None
        self._waiting: deque[list[Item]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._sent: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._count = 0

    def subscribe(self, order: Any) -> None:
        """Sends every event from now on: `{"url", "token", "times"?, "order"?, "delayMs"?, "loseEvery"?}`.

        `times` and `order` as for events that are sent by hand; `delayMs` is how late they are, `loseEvery` n lets each
        n-th never leave. Raises ValueError and changes nothing when it is not understood.
        """
        if not isinstance(order, dict) or not order.keys() <= KEYS:
            raise ValueError(f"A subscription takes {', '.join(sorted(KEYS))}.")
        delay, every = order.get("delayMs", 0), order.get("loseEvery", 0)
        if not isinstance(delay, int | float) or delay < 0 or not isinstance(every, int) or every < 0:
            raise ValueError("'delayMs' and 'loseEvery' are numbers of at least 0.")
        read_delivery({**_delivery(order), "events": []})
        self._order = order

    def cancel(self) -> None:
        """Sends no more, and forgets what was sent."""
        self._order = None
        self._waiting.clear()
        self._sent.clear()
        self._count = 0
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def tell(self, told: Told) -> None:
        """Lets the events of some requests that came or changed together go out."""
        if self._order is None:
            return
        events = []
        for event_type, item in told:
            self._count += 1
            every = self._order.get("loseEvery", 0)
            if not every or self._count % every:
                events.append(self._event(event_type, item))
        if events:
            self._waiting.append(events)
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    def as_json(self) -> dict[str, Any]:
        """Returns who is subscribed, how many bunches of events wait, and what was answered to the last 10,000."""
        url = None if self._order is None else self._order["url"]
        under_way = len(self._waiting) + (self._task is not None)
        return {"url": url, "waiting": under_way, "sent": list(self._sent)}

    async def close(self) -> None:
        """Ends what is under way."""
        task = self._task
        self.cancel()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def _event(self, event_type: str, item: Item) -> Item:
        return {
            "Id": str(uuid4()),
            "Timestamp": iso_z(self._clock.now()),
            "RootEntityType": "Organization",
            "RootEntityId": self._organisation_id,
            "EntityType": "CallbackList",
            "EntityId": item["CallbackListId"],
            "EventType": event_type,
            "CallbackListItemId": item["Id"],
        }

    async def _deliver(self) -> None:
        while self._waiting and self._order is not None:
            await asyncio.sleep(self._order.get("delayMs", 0) / 1000)
            events = self._waiting.popleft()
            await send_webhooks({**_delivery(self._order), "events": events}, self._remember)
        self._task = None

    def _remember(self, event: Item, answer: int | str) -> None:
        self._sent.append({"event": event["EventType"], "id": event["CallbackListItemId"], "answer": answer})


def _delivery(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in {"delayMs", "loseEvery"}}
