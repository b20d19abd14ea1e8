"""What is asked: paths and queries by the document, and ids that are nothing but ids."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.config_documents import json_document
from shared.enreach import requests
from shared.enreach.document import EnreachDocument
from shared.enreach.windows import Window

API = "https://api.example.com/silo"
ID = "0c3f1a2b-0000-4000-8000-00000000abcd"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window.modified(NOON, NOON + timedelta(minutes=1))
DEFAULTS = EnreachDocument()
OTHER = json_document(EnreachDocument)(
    b'{"paths": {"callback": "/cb/{id}/state", "callbacks": "/cb"}, "callbackParameters": {"listIds": "Lists"},'
    b' "fields": {"callbacks": {"state": ["Handling", "State"], "note": ["Remark"]}},'
    b' "values": {"callbackStates": {"closedSuccessfully": ["Done"]}}}'
)
TIMES = "ModifiedAfter=2026-03-02+11:59:59&ModifiedBefore=2026-03-02+12:01:01"

ASKED = [
    (requests.users(DEFAULTS), "GET", "/users"),
    (requests.own_user(DEFAULTS), "GET", "/users/me"),
    (requests.queues(DEFAULTS, None), "GET", "/queues"),
    (requests.queues(DEFAULTS, ID.upper()), "GET", f"/queues?OnlyForUser={ID}"),
    (requests.calls_within(DEFAULTS, WINDOW, ()), "GET", f"/calls?{TIMES}"),
    (requests.calls_within(DEFAULTS, WINDOW, (ID, "17")), "GET", f"/calls?{TIMES}&UserIDs={ID},17"),
    (requests.calls_of(DEFAULTS, f"{{{ID}}}"), "GET", f"/calls?CallId={ID}"),
    (requests.service_calls_within(DEFAULTS, WINDOW), "GET", f"/servicecall?{TIMES}"),
    (requests.recording(DEFAULTS, ID), "GET", f"/calls/recordings/{ID}"),
    (requests.callback_lists(DEFAULTS), "GET", "/callbacks/lists"),
    (requests.callbacks(DEFAULTS, None, None), "GET", "/callbacks"),
    (requests.callbacks(DEFAULTS, WINDOW, [ID]), "GET", f"/callbacks?ListIds={ID}&{TIMES}"),
    (requests.callbacks(OTHER, None, [ID]), "GET", f"/cb?Lists={ID}"),
    (requests.close_callback(DEFAULTS, ID, None), "PUT", f"/callbacks/{ID}"),
    (requests.close_callback(OTHER, ID, None), "PUT", f"/cb/{ID}/state"),
]


@pytest.mark.parametrize(("ask", "method", "rest"), ASKED)
def test_where_a_request_goes(ask: requests.Ask, method: str, rest: str) -> None:
    assert ask.method == method
    assert str(ask.url(API)) == API + rest
    assert ID not in repr(ask)


def test_closing_writes_the_first_names_and_spellings() -> None:
    assert json.loads(requests.close_callback(DEFAULTS, ID, None).body or b"") == {"State": "ClosedSuccessfully"}
    assert json.loads(requests.close_callback(OTHER, ID, "x").body or b"") == {"Handling": "Done", "Remark": "x"}


@pytest.mark.parametrize("text", ["", "..", ".", "../users", "a/b", "a?b", "a b", "me\n1", "x" * 65])
def test_only_an_id_becomes_part_of_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="no Enreach id"):
        requests.recording(DEFAULTS, text)


def test_callbacks_are_not_found_by_their_start() -> None:
    with pytest.raises(ValueError, match="by their change"):
        requests.callbacks(DEFAULTS, Window.started(NOON, NOON), None)


@pytest.mark.parametrize(
    ("count", "at_once", "sizes"),
    [(0, 50, []), (1, 50, [1]), (101, 50, [50, 50, 1]), (3, 1, [1, 1, 1]), (60, 0, [50, 10])],
)
def test_user_ids_go_in_groups_none_twice(count: int, at_once: int, sizes: list[int]) -> None:
    ids = [f"u{number}" for number in range(count)]
    groups = requests.user_groups(ids + ids, at_once)
    assert [len(group) for group in groups] == sizes
    assert [each for group in groups for each in group] == ids
