"""What the simulated organisation holds: users, queues, both feeds, callback lists and callbacks, recordings."""

import json
from collections.abc import Callable, Iterable, Iterator, Set
from copy import deepcopy
from sys import intern
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from local.enreach.accounts import Account, Accounts
from local.enreach.assumed import KINDS, Item, Kind, Known, canonical_id, filled, value_of
from local.enreach.clock import Clock
from local.enreach.feed import Event, Feed
from local.enreach.moments import read_moment
from local.enreach.rendering import encode
from local.enreach.webhooks import CREATED, UPDATED, Told

ORGANISATION_ID = str(uuid5(NAMESPACE_URL, "enreach.example/organisation"))
# Keys of planted items that the API never answers.
CREDENTIALS = ("SecretKey", "Password")
MEMBERS = "UserIds"


class Collection:
    """Items with an `Id`, in the order in which they came."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.by_id: dict[str, Item] = {}

    def plant(self, items: list[Item]) -> None:
        """Adds items; those of earlier calls with an id that comes again give way, doubles within this call stay."""
        ids = {canonical_id(item["Id"]) for item in items}
        if not ids.isdisjoint(self.by_id):
            self.items = [item for item in self.items if canonical_id(item["Id"]) not in ids]
        self.items += items
        # Of doubles the first is the one that its id leads to.
        self.by_id |= {canonical_id(item["Id"]): item for item in reversed(items)}

    def remove(self, ids: Set[str]) -> None:
        """Takes the items with these canonical ids away."""
        self.items = [item for item in self.items if canonical_id(item["Id"]) not in ids]
        self.by_id = {item_id: item for item_id, item in self.by_id.items() if item_id not in ids}


class Organisation:
    """One organisation."""

    def __init__(self, clock: Clock, told: Callable[[Told], None] = lambda _: None) -> None:
        self.clock = clock
        self.told = told  # what came of callback requests, or changed in them
        self.accounts = Accounts()
        self.collections: dict[Kind, Collection] = {
            kind: Collection() for kind in ("users", "queues", "callbacklists", "callbacks")
        }
        self.feeds: dict[Kind, Feed] = {}
        self.members: dict[str, frozenset[str]] = {}  # canonical user ids by canonical queue id
        self.recordings: set[str] = set()
        self.transcripts: set[str] = set()
        self.recording_tokens: dict[str, tuple[str, float]] = {}  # recording id and end of validity by token
        self.availabilities: dict[str, list[Item]] = {}  # by canonical user id
        self._empty_feeds()

    def _empty_feeds(self) -> None:
        self.feeds["calls"] = Feed(lambda event: (event.call_id, event.user_id, event.started))
        self.feeds["servicecalls"] = Feed(lambda event: event.call_id)

    @property
    def users(self) -> Collection:
        """The users."""
        return self.collections["users"]

    @property
    def queues(self) -> Collection:
        """The queues."""
        return self.collections["queues"]

    @property
    def callback_lists(self) -> Collection:
        """The callback lists."""
        return self.collections["callbacklists"]

    @property
    def callbacks(self) -> Collection:
        """The callback requests."""
        return self.collections["callbacks"]

    def plant(self, kind: Kind, raw: Any) -> list[str]:
        """Adds raw items as the API answers them, filled in where they lack a field, and returns their ids.

        Raises ValueError and adds nothing unless it is a list of objects whose ids are texts.
        """
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            raise ValueError("A JSON list of objects was expected.")
        known = self._known()
        items = [filled(kind, item, known) for item in raw]
        id_name = "CallId" if kind in self.feeds else "Id"
        ids = [value_of(item, id_name) for item in items]
        if not all(isinstance(item_id, str) and canonical_id(item_id) for item_id in ids):
            raise ValueError(f"'{id_name}' is a text that is not empty.")
        if kind == "users" and not all(isinstance(item["UserName"], str) for item in items):
            raise ValueError("'UserName' is a text.")
        if kind in self.feeds:
            self.feeds[kind].plant([self._event(kind, item, known.now) for item in items])
        else:
            self._collect(kind, items)
        return ids

    def clear(self, kind: Kind) -> None:
        """Takes every item of a kind away; accounts stay."""
        if kind in self.feeds:
            kept = {other: feed for other, feed in self.feeds.items() if other != kind}
            self._empty_feeds()
            self.feeds |= kept
        else:
            self.collections[kind] = Collection()

    def remove(self, kind: Kind, ids: Iterable[str]) -> None:
        """Takes some items away. Raises ValueError for a kind whose items have no id of their own."""
        if kind in self.feeds:
            raise ValueError(f"Single {kind} cannot be taken away.")
        self.collections[kind].remove({canonical_id(item_id) for item_id in ids})

    def items(self, kind: Kind) -> Iterator[Item]:
        """Yields all items of a kind as they are stored."""
        if kind in self.feeds:
            return (json.loads(event.body) for event in self.feeds[kind])
        return iter(deepcopy(self.collections[kind].items))

    def sizes(self) -> dict[str, int]:
        """Returns how many items of each kind there are."""
        listed = {kind: len(collection.items) for kind, collection in self.collections.items()}
        return {kind: listed[kind] if kind in listed else len(self.feeds[kind]) for kind in KINDS}

    def knows_login(self, user_name: str) -> bool:
        """Tells whether a user signs in with this e-mail."""
        name = user_name.lower()
        return self.accounts.knows(name) or any(user["UserName"].lower() == name for user in self.users.items)

    def _known(self) -> Known:
        lists = self.callback_lists.items
        first_list = lists[0]["Id"] if lists else None
        return Known(self.clock.now(), ORGANISATION_ID, self.users.by_id, self.queues.by_id, first_list)

    def _collect(self, kind: Kind, items: list[Item]) -> None:
        for item in items:
            if kind == "users":
                self._open_account(item)
            elif kind == "queues" and MEMBERS in item:
                self.members[canonical_id(item["Id"])] = frozenset(map(canonical_id, item.pop(MEMBERS)))
            elif kind == "callbacks":
                self.recordings |= set(_texts([item["RecordingId"]]))
        known = self.collections[kind].by_id.keys()
        told = [(UPDATED if canonical_id(item["Id"]) in known else CREATED, item) for item in items]
        self.collections[kind].plant(items)
        if kind == "callbacks":
            self.told(told)

    def _open_account(self, user: Item) -> None:
        secret_key, password = (user.pop(name, "") for name in CREDENTIALS)
        if secret_key or password:
            secret_key = secret_key or str(uuid4())
            self.accounts.put(Account(user["Id"], user["UserName"], secret_key, password))

    def _event(self, kind: Kind, item: Item, now: float) -> Event:
        """A moment that cannot be read is kept as it is, and found as if it were now."""
        self.recordings |= set(_texts(item.get("RecordingIds")))
        self.transcripts |= set(_texts(item.get("TranscriptIds")))
        started = read_moment(value_of(item, "TimeStamp" if kind == "calls" else "ArrivalTime"))
        modified = read_moment(item["ModifiedAt"])
        return Event(
            encode(item),
            # Interned: the same ids stand in many events.
            intern(canonical_id(value_of(item, "CallId"))),
            intern(canonical_id(item["UserId"])),
            now if started is None else started,
            now if modified is None else modified,
        )


def _texts(value: Any) -> Iterable[str]:
    return [canonical_id(text) for text in value if isinstance(text, str)] if isinstance(value, list) else []
