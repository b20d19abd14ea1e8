"""Items of Enreach's answers into models, by the names of a document. Pure.

An item that cannot be read costs only itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from shared.enreach import values
from shared.enreach.document import EnreachDocument
from shared.enreach.models import (
    CallbackList,
    CallbackRequest,
    CallbackState,
    CallEvent,
    Direction,
    EnreachQueue,
    EnreachUser,
    Privacy,
    Reading,
    ServiceCall,
    ServiceResult,
    Unreadable,
)
from shared.enreach.naming import Finder


class _NotReadableError(Exception):
    """Why an item cannot be read, in words of ours."""


class Reader:
    """Reads the items of every kind as one document says."""

    def __init__(self, document: EnreachDocument) -> None:
        fields, known = document.fields_, document.values
        self._users = Finder(fields.users.names())
        self._queues = Finder(fields.queues.names())
        self._calls = Finder(fields.calls.names())
        self._service_calls = Finder(fields.service_calls.names())
        self._callback_lists = Finder(fields.callback_lists.names())
        self._callbacks = Finder(fields.callbacks.names())
        self._privacy = _members(known.privacy.by_spelling(), Privacy)
        self._directions = known.directions.by_spelling()
        self._answered = frozenset(known.end_results.by_spelling())
        self._results = _members(known.service_results.by_spelling(), ServiceResult)
        self._states = _members(known.callback_states.by_spelling(), CallbackState)

    def users(self, items: Iterable[Any]) -> Reading[EnreachUser]:
        """Users. One without id or login e-mail cannot be read."""
        return _read(items, self._user)

    def queues(self, items: Iterable[Any]) -> Reading[EnreachQueue]:
        """Queues. One without id cannot be read."""
        return _read(items, self._queue)

    def calls(self, items: Iterable[Any]) -> Reading[CallEvent]:
        """Call events. One without call id or start, or with a direction that nobody knows, cannot be read."""
        return _read(items, self._call)

    def service_calls(self, items: Iterable[Any]) -> Reading[ServiceCall]:
        """Service calls. One without call id or arrival cannot be read."""
        return _read(items, self._service_call)

    def callback_lists(self, items: Iterable[Any]) -> Reading[CallbackList]:
        """Lists of callback requests. One without id cannot be read."""
        return _read(items, self._callback_list)

    def callbacks(self, items: Iterable[Any]) -> Reading[CallbackRequest]:
        """Callback requests. One without id cannot be read."""
        return _read(items, self._callback)

    def _user(self, item: Mapping[str, Any]) -> EnreachUser:
        found = self._users.found(item)
        return EnreachUser(
            id=_required(values.identifier(found["id"]), "no id"),
            user_name=_required(values.text(found["user_name"]), "no user name"),
            first_name=values.text(found["first_name"]),
            last_name=values.text(found["last_name"]),
            mobile_number=values.text(found["mobile_number"]),
            work_number=values.text(found["work_number"]),
        )

    def _queue(self, item: Mapping[str, Any]) -> EnreachQueue:
        found = self._queues.found(item)
        return EnreachQueue(
            id=_required(values.identifier(found["id"]), "no id"),
            name=values.text(found["name"]),
            type_id=values.number(found["type_id"]),
            numbers=values.texts(found["numbers"]),
        )

    def _call(self, item: Mapping[str, Any]) -> CallEvent:
        found = self._calls.found(item)
        duration = values.seconds(found["duration_seconds"])
        return CallEvent(
            call_id=_required(values.guid(found["call_id"]), "no call id that is a GUID"),
            user_id=values.identifier(found["user_id"]),
            user_name=values.text(found["user_name"]),
            caller=values.text(found["caller"]) or "",
            called=values.text(found["called"]) or "",
            started=_required(values.moment(found["started"]), "no start"),
            duration_seconds=duration or 0,
            direction=self._direction(found["direction"]),
            answered=self._is_answered(found["end_result"], duration),
            call_type=values.text(found["call_type"]),
            queue_id=values.identifier(found["queue_id"]),
            queue_name=values.text(found["queue_name"]),
            privacy=self._privacy.get(values.spelt(found["privacy"]) or "", Privacy.UNDEFINED),
            modified_at=values.moment(found["modified_at"]),
            recording_ids=values.identifiers(found["recording_ids"]),
            transcript_ids=values.identifiers(found["transcript_ids"]),
            received=self._calls.with_shared_keys(item),
        )

    def _service_call(self, item: Mapping[str, Any]) -> ServiceCall:
        found = self._service_calls.found(item)
        answered_at = values.moment(found["answered_at"])
        return ServiceCall(
            call_id=_required(values.guid(found["call_id"]), "no call id that is a GUID"),
            caller=values.text(found["caller"]) or "",
            queue_id=values.identifier(found["queue_id"]),
            queue_name=values.text(found["queue_name"]),
            queue_number=values.text(found["queue_number"]),
            arrived=_required(values.moment(found["arrived"]), "no arrival"),
            answered_at=answered_at,
            ended=values.moment(found["ended"]),
            user_id=values.identifier(found["user_id"]),
            result=self._results.get(
                values.spelt(found["result"]) or "",
                ServiceResult.ANSWERED if answered_at else ServiceResult.UNKNOWN,
            ),
            modified_at=values.moment(found["modified_at"]),
            received=self._service_calls.with_shared_keys(item),
        )

    def _callback_list(self, item: Mapping[str, Any]) -> CallbackList:
        found = self._callback_lists.found(item)
        return CallbackList(id=_required(values.identifier(found["id"]), "no id"), name=values.text(found["name"]))

    def _callback(self, item: Mapping[str, Any]) -> CallbackRequest:
        found = self._callbacks.found(item)
        return CallbackRequest(
            id=_required(values.identifier(found["id"]), "no id"),
            list_id=values.identifier(found["list_id"]),
            number=values.text(found["number"]) or "",
            created=values.moment(found["created"]),
            due=values.moment(found["due"]),
            state=self._states.get(values.spelt(found["state"]) or "", CallbackState.UNKNOWN),
            assignee_id=values.identifier(found["assignee_id"]),
            note=values.text(found["note"]),
            recording_id=values.identifier(found["recording_id"]),
            modified_at=values.moment(found["modified_at"]),
            received=self._callbacks.with_shared_keys(item),
        )

    def _direction(self, value: Any) -> Direction:
        """Nothing is incoming and any other number outgoing, as the public clients read it."""
        spelt = values.spelt(value)
        if spelt is None:
            return Direction.IN
        known = self._directions.get(spelt)
        if known is not None:
            return Direction.IN if known == "incoming" else Direction.OUT
        if isinstance(value, str):
            raise _NotReadableError("a direction that nobody knows")
        return Direction.OUT if value else Direction.IN

    def _is_answered(self, end_result: Any, duration: int | None) -> bool:
        spelt = values.spelt(end_result)
        return bool(duration) if spelt is None else spelt in self._answered


def joined[T](readings: Sequence[Reading[T]]) -> Reading[T]:
    """The items of several answers, in their order. Places of unreadable ones are those in their own answer."""
    if len(readings) == 1:
        return readings[0]
    items: list[T] = []
    unreadable: list[Unreadable] = []
    for reading in readings:
        items += reading.items
        unreadable += reading.unreadable
    return Reading(tuple(items), tuple(unreadable))


def _members[E: (Privacy, ServiceResult, CallbackState)](by_spelling: Mapping[str, str], kind: type[E]) -> dict[str, E]:
    return {spelling: kind[own.upper()] for spelling, own in by_spelling.items()}


def _required[T](value: T | None, reason: str) -> T:
    if value is None:
        raise _NotReadableError(reason)
    return value


def _read[T](items: Iterable[Any], read: Callable[[Mapping[str, Any]], T]) -> Reading[T]:
    good: list[T] = []
    bad: list[Unreadable] = []
    for index, item in enumerate(items):
        try:
            if not isinstance(item, dict):
                raise _NotReadableError("no object")
            good.append(read(item))
        except _NotReadableError as error:
            bad.append(Unreadable(index, str(error)))
    return Reading(tuple(good), tuple(bad))
