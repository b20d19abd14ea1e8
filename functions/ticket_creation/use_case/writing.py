"""Tickets written, in few requests. Each write may be repeated: its rows have keys of their own."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.ticket_creation.decide.cases import (
    Case,
    PhoneCall,
    Texts,
    appending,
    contact_creation,
    creation,
    notification,
)
from functions.ticket_creation.decide.customers import NewContact
from functions.ticket_creation.decide.targets import Target
from functions.ticket_creation.use_case.results import Later, Refused
from functions.ticket_creation.use_case.worlds import Dynamics
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.errors import (
    AlreadyExistsError,
    ChangedError,
    DataverseError,
    DeniedError,
    NotFoundError,
    RejectedError,
)
from shared.dataverse.odata import ChangeSet

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """The ticket is in Dynamics."""

    pending: bool
    """Whether its phone call is still to come under the case."""
    for_agent: bool = True
    """Whether the agent could be its owner."""


@dataclass(frozen=True, slots=True)
class WasThere:
    """Somebody else wrote it just then."""


type Outcome = Written | WasThere | Later | Refused


@dataclass(frozen=True, slots=True)
class Creation:
    """A case to be made, and the phone call that comes under it."""

    case: Case
    phone_call: PhoneCall | None
    is_pending: bool
    """Whether the phone call is not there yet."""


@dataclass(frozen=True, slots=True)
class Appending:
    """A note to be made on a case."""

    note_id: UUID
    case_id: UUID
    texts: Texts
    phone_call: PhoneCall | None
    is_pending: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """How a ticket may be written."""

    regarding: bool
    for_agent: bool = True


_CREATION_WAYS = (_Way(regarding=True), _Way(regarding=False), _Way(regarding=False, for_agent=False))
"""All of it; without the phone call, which somebody may have just changed; and without the agent as owner, whom
Dynamics may not let own cases."""
_APPENDING_WAYS = (_Way(regarding=True), _Way(regarding=False))


async def make_contacts(
    dynamics: Dynamics, contacts: Mapping[UUID, tuple[NewContact, Target, Mapping[str, str]]]
) -> dict[UUID, Later | Refused]:
    """One row for each unknown caller, however many calls. Returns those that Dataverse refuses. Raises
    UnavailableError, DeniedError."""
    sets = [contact_creation(*each) for each in contacts.values()]
    errors = await SetSender(dynamics, "create contact").send(sets)
    return {
        key: _failure("contact", error)
        for key, error in zip(contacts, errors, strict=True)
        if error is not None and not isinstance(error, AlreadyExistsError)
    }


async def create_cases(dynamics: Dynamics, creations: Sequence[Creation]) -> list[Outcome]:
    """Make these cases. Raises UnavailableError, DeniedError; what was written by then stays."""

    def change_set(each: Creation, way: _Way) -> ChangeSet:
        return creation(each.case, each.phone_call if way.regarding else None, for_agent=way.for_agent)

    def is_another(each: Creation, way: _Way) -> bool:
        return (each.phone_call is not None and way.for_agent) or (each.case.agent is not None and not way.for_agent)

    return await _written(dynamics, "create case", "case", creations, _CREATION_WAYS, change_set, is_another)


async def append_notes(dynamics: Dynamics, appendings: Sequence[Appending]) -> list[Outcome]:
    """Make these notes. Raises as `create_cases`."""

    def change_set(each: Appending, way: _Way) -> ChangeSet:
        return appending(each.note_id, each.case_id, each.texts, each.phone_call if way.regarding else None)

    def is_another(each: Appending, way: _Way) -> bool:
        return each.phone_call is not None

    return await _written(dynamics, "append to case", "note", appendings, _APPENDING_WAYS, change_set, is_another)


async def notify(dynamics: Dynamics, notifications: Sequence[tuple[UUID, UUID, Texts, str]]) -> None:
    """Tell agents of their cases: notification id, systemuserid, texts, link. What Dataverse refuses is logged: a
    ticket does not wait for it. Raises UnavailableError."""
    if not notifications:
        return
    sets = [notification(*each) for each in notifications]
    try:
        errors = await SetSender(dynamics, "notify agent").send(sets)
    except DeniedError as error:
        _log.warning("Agents are not notified of their tickets: %s", error)
        return
    refused = [error for error in errors if error is not None and not isinstance(error, AlreadyExistsError)]
    if refused:
        _log.warning("%d agents were not notified of their tickets: %s", len(refused), refused[0])


async def _written[T: (Creation, Appending)](
    dynamics: Dynamics,
    operation: str,
    what: str,
    items: Sequence[T],
    ways: Sequence[_Way],
    change_set: Callable[[T, _Way], ChangeSet],
    is_another: Callable[[T, _Way], bool],
) -> list[Outcome]:
    """What becomes of each, in the first way that Dataverse takes."""
    outcomes: dict[int, Outcome] = {}
    trying = [*range(len(items))]
    for number, way in enumerate(ways):
        trying = [each for each in trying if number == 0 or is_another(items[each], way)]
        if not trying:
            break
        sender = SetSender(dynamics, operation)
        errors = await sender.send([change_set(items[each], way) for each in trying])
        again = []
        for each, error in zip(trying, errors, strict=True):
            outcomes[each] = _outcome(what, error, items[each], way)
            if isinstance(error, RejectedError | NotFoundError | ChangedError | DeniedError):
                again.append(each)
        trying = again
    return [outcomes[each] for each in range(len(items))]


def _outcome(what: str, error: DataverseError | None, item: Creation | Appending, way: _Way) -> Outcome:
    match error:
        case None:
            is_left_out = item.phone_call is not None and not way.regarding
            return Written(item.is_pending or is_left_out, way.for_agent)
        case AlreadyExistsError():
            return WasThere()
        case _:
            return _failure(what, error)


def _failure(what: str, error: DataverseError) -> Later | Refused:
    said = f"{type(error).__name__} {error.code}".strip()
    match error:
        case NotFoundError():
            return Later(f"a row that its {what} names is not in Dynamics any more")
        case DeniedError():
            # Rights are the app's as a rule: whoever gives them helps all requests that wait.
            return Later(f"Dataverse does not allow its {what}: {said}")
        case ChangedError():
            return Later(f"a row that its {what} changes was changed just then")
        case _:
            return Refused("rejected", f"Dataverse refuses its {what}: {said}")
