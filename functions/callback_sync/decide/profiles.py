"""Which callback list and which queue each profile means; a profile that means none is off, with the reason."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.callback_sync.rules import USUAL_AGE, CallbackProfile, CallbackProfiles
from shared.calls.ids import canonical_guid
from shared.dataverse.owners import Owner, owner_of_queue
from shared.dataverse.tables import ACTIVE, JsonRow
from shared.enreach.models import CallbackList


@dataclass(frozen=True, slots=True)
class Target:
    """A profile whose list and queue are there."""

    profile: CallbackProfile
    list_id: str
    """As Enreach spells it."""
    list_name: str | None
    queue_id: UUID
    owner: Owner | None
    """None: the app's own user."""
    subject: str

    @property
    def list_key(self) -> str:
        """The list's id in one spelling."""
        return list_key(self.list_id)


@dataclass(frozen=True, slots=True)
class Disabled:
    """A profile that is active and cannot be carried out."""

    profile: CallbackProfile
    reason: str
    list_key: str | None = None
    """Its list in one spelling; None where that is not known, or another profile's."""
    looked_up: bool = True
    """Whether another look at Enreach or Dynamics may mend it."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The active profiles, in their order."""

    targets: tuple[Target, ...] = ()
    disabled: tuple[Disabled, ...] = ()

    def of_profile(self, name: str) -> Target | None:
        """The target of the profile of this name."""
        return next((each for each in self.targets if each.profile.name == name), None)


def list_key(text: str) -> str:
    """The id of a callback list in one spelling."""
    return canonical_guid(text) or text.strip().casefold()


def resolved(document: CallbackProfiles, lists: Iterable[CallbackList], queues: Iterable[JsonRow]) -> Resolved:
    """What the active profiles mean among these lists of Enreach and rows of `queue`. Of two profiles with one list the
    first one has it."""
    lists, queues = tuple(lists), tuple(queues)
    targets: list[Target] = []
    disabled: list[Disabled] = []
    taken: set[str] = set()
    for profile in document.active:
        found = _list_of(profile.callback_list, lists)
        if not isinstance(found, CallbackList):
            disabled.append(Disabled(profile, found))
            continue
        if list_key(found.id) in taken:
            disabled.append(Disabled(profile, "another profile before it has its callback list", looked_up=False))
            continue
        taken.add(list_key(found.id))
        queue = _queue_of(profile.queue, queues)
        if isinstance(queue, str):
            disabled.append(Disabled(profile, queue, list_key(found.id)))
            continue
        owner = owner_of_queue(queue) if profile.ownership_rule == "OwnerOfQueue" else None
        queue_id = UUID(str(queue["queueid"]))
        subject = document.subject_of(profile)
        targets.append(Target(profile, found.id, found.name, queue_id, owner, subject))
    return Resolved(tuple(targets), tuple(disabled))


def age_warning(profile: CallbackProfile) -> str | None:
    """What health says of an age that is longer than the guide has it in production."""
    if profile.age <= USUAL_AGE:
        return None
    return "its callbackAge is over 10 minutes: every run reads all of that time again"


def _list_of(text: str, lists: Sequence[CallbackList]) -> CallbackList | str:
    found = _named(text, lists, lambda each: each.id, lambda each: each.name)
    if not found:
        return "its callback list is not in Enreach"
    return found[0] if len(found) == 1 else "several callback lists in Enreach have its name: write the id"


def _queue_of(text: str, queues: Sequence[JsonRow]) -> JsonRow | str:
    found = _named(text, queues, lambda row: str(row["queueid"]), lambda row: row.get("name"))
    active = [row for row in found if row.get("statecode") == ACTIVE]
    if not found:
        return "its queue is not in Dynamics"
    if not active:
        return "its queue is not active in Dynamics"
    return active[0] if len(active) == 1 else "several queues in Dynamics have its name: write the id"


def _named[T](
    text: str, items: Collection[T], id_of: Callable[[T], str], name_of: Callable[[T], str | None]
) -> list[T]:
    """Those with this id, else those with this name; each once."""
    by_id = {list_key(id_of(each)): each for each in items}
    if (found := by_id.get(list_key(text))) is not None:
        return [found]
    return [each for each in by_id.values() if (name_of(each) or "").strip().casefold() == text.casefold()]
