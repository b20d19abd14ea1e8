"""Callback lists and callback requests. Every path, field and state of theirs is assumed (facts 7)."""

from collections.abc import Callable, Mapping
from operator import itemgetter

from local.enreach.assumed import CALLBACK_CHANGEABLE, CALLBACK_STATES, CLOSED_STATES, Item, canonical_id
from local.enreach.context import Call
from local.enreach.messages import ApiError, Response
from local.enreach.moments import iso_z, read_moment
from local.enreach.rendering import Style
from local.enreach.selectors import Window, read_selector
from local.enreach.webhooks import CLOSED, UPDATED

WINDOW = ("ModifiedAfter", "ModifiedBefore")
BELONGS: Mapping[str, Callable[[float, Window], bool]] = {
    "closed": lambda moment, window: window.start <= moment <= window.end,
    "half-open": lambda moment, window: window.start <= moment < window.end,
    "open": lambda moment, window: window.start < moment < window.end,
}


def callback_lists(call: Call) -> Response:
    """Lists the callback lists."""
    return call.listed("callbacklists", call.organisation.callback_lists.items)


def callbacks(call: Call) -> Response:
    """Lists the requests of some lists, all of them where `ListIds` is absent, that changed within a window."""
    items = call.organisation.callbacks.items
    if "ListIds" in call.query:
        wanted = {canonical_id(part.strip()) for part in call.query["ListIds"].split(",")}
        items = [item for item in items if canonical_id(item["CallbackListId"]) in wanted]
    bounds = {name: call.query[name] for name in WINDOW if name in call.query}
    if bounds:
        window = read_selector(bounds, call.environment, call.organisation.clock.now(), by_call=False)
        assert isinstance(window, Window)
        belongs = BELONGS[call.environment.window_bounds]
        found = [(read_moment(item["ModifiedAt"]), item) for item in items]
        # A moment that cannot be read is found by every window.
        kept = [(moment or 0.0, item) for moment, item in found if moment is None or belongs(moment, window)]
        items = [item for _, item in sorted(kept, key=itemgetter(0))]
    if call.environment.order == "descending":
        items = items[::-1]
    return call.listed("callbacks", items)


def callback(call: Call) -> Response:
    """Answers one request."""
    return call.single("callbacks", _named(call))


def change_callback(call: Call) -> Response:
    """Changes state, assignee or note. Closing twice is harmless; what else a closed request ignores is a switch."""
    item = _named(call)
    style = Style.of(call.environment, call.request)
    shown = style.applied("callbacks", item)
    # A client may send back the whole of what it read.
    sent = {name: value for name, value in call.request.json().items() if name not in shown or shown[name] != value}
    changes = style.understood("callbacks", sent)
    if set(changes) - CALLBACK_CHANGEABLE:
        raise ApiError(400, f"These cannot be changed: {', '.join(sorted(set(changes) - CALLBACK_CHANGEABLE))}.")
    if changes.get("State", item["State"]) not in CALLBACK_STATES:
        raise ApiError(400, f"State is one of {', '.join(sorted(CALLBACK_STATES))}.")
    if item["State"] in CLOSED_STATES and changes:
        if call.environment.closed_callback_change == "refuse" and changes.get("State") not in CLOSED_STATES:
            raise ApiError(409, "The callback request is closed.")
    elif changes:
        item |= changes | {"ModifiedAt": iso_z(call.organisation.clock.now())}
        call.organisation.told([(CLOSED if item["State"] in CLOSED_STATES else UPDATED, item)])
    return call.single("callbacks", item)


def _named(call: Call) -> Item:
    item = call.organisation.callbacks.by_id.get(canonical_id(call.names["id"]))
    if item is None:
        raise ApiError(404, "There is no such callback request.")
    return item
