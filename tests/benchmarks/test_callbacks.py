"""The callback requests that are synced: whose they are, what the app is told of them, and what the bench makes of
its figures."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.callbacks import MOST_IDLE, Synced, most_requests, section_of
from benchmarks.callbacks_of_a_day import (
    HEARING,
    MERGING,
    NEW_LISTS,
    PLAIN,
    REPEATS,
    WAITING,
    callback_lists,
    documents,
    list_id,
    queue_id,
    queues,
    requests,
)
from functions.callback_sync.decide.profiles import resolved
from functions.callback_sync.rules import CallbackProfiles
from shared.calls.ids import canonical_guid
from shared.enreach.models import CallbackList
from shared.phone_numbers import e164

NOW = datetime(2027, 3, 22, 9, 30, tzinfo=UTC)
COUNT = 1_000


def synced(callbacks: int, *, what: str = "", dynamics: int = 1, enreach: int = 1) -> Synced:
    return Synced(what, callbacks, dynamics, enreach, 2 * callbacks, 1.0, 1.0)


def test_no_two_requests_have_the_same_number_or_id() -> None:
    items = requests(range(COUNT), NEW_LISTS, NOW)
    assert len({item["Number"] for item in items}) == len({canonical_guid(item["Id"]) for item in items}) == COUNT
    assert all(e164(item["Number"], None) == item["Number"] for item in items)
    assert set(Counter(item["CallbackListId"] for item in items).values()) == {COUNT // len(NEW_LISTS)}


def test_later_requests_are_others() -> None:
    first, later = (requests(range(start, start + COUNT), NEW_LISTS, NOW) for start in (0, COUNT))
    assert {item["Id"] for item in first}.isdisjoint(item["Id"] for item in later)


def test_repeats_of_a_number_are_on_one_list() -> None:
    items = requests(range(COUNT), (MERGING, PLAIN), NOW, repeats=REPEATS)
    lists: dict[str, list[Any]] = {}
    for item in items:
        lists.setdefault(item["Number"], []).append(item["CallbackListId"])
    assert all(len(each) == REPEATS and len(set(each)) == 1 for each in lists.values())


@pytest.mark.parametrize("names", [NEW_LISTS, (MERGING,), (WAITING,)], ids=str)
def test_every_profile_means_a_list_and_a_queue_that_are_there(names: tuple[str, ...]) -> None:
    document = CallbackProfiles.model_validate_json(documents(*names)["callback-profiles.json"])
    lists = [CallbackList(item["Id"], item["Name"]) for item in callback_lists()]
    found = resolved(document, lists, [{**queue, "statecode": 0} for queue in queues()])
    assert found.disabled == ()
    assert [(each.list_id, str(each.queue_id)) for each in found.targets] == [
        (list_id(name), queue_id(name)) for name in names
    ]


def test_what_each_profile_is_there_for() -> None:
    document = CallbackProfiles.model_validate_json(
        documents(PLAIN, HEARING, MERGING, WAITING)["callback-profiles.json"]
    )
    plain, hearing, merging, waiting = document.profiles
    assert (plain.hears, hearing.hears, hearing.polls) == (False, True, True)
    assert (plain.merge_repeats, merging.merge_repeats) == (False, True)
    assert (plain.stays_open, waiting.stays_open) == (False, True)


@pytest.mark.parametrize(("callbacks", "most"), [(0, 8), (1_000, 15), (10_000, 78)])
def test_requests_may_grow_by_thousands_only(callbacks: int, most: float) -> None:
    assert most_requests(callbacks) == most


def test_every_demand_is_a_metric() -> None:
    news = [synced(1, dynamics=8), synced(10_000, dynamics=79, enreach=10_003)]
    others = [synced(10_000, what="merged"), synced(0, what="10,000 are left open", dynamics=12)]
    section = section_of(news, synced(0, dynamics=MOST_IDLE), others)
    assert [(metric.metric, metric.met) for metric in section.metrics] == [
        ("requests to Dynamics for 1 new callback requests", True),
        ("requests to Dynamics for 10,000 new callback requests", False),
        ("requests to Enreach for 10,000 new callback requests", True),
        ("requests to Dynamics of a run without new callback requests", True),
        ("requests to Dynamics of a run: 10,000 are left open", False),
    ]
    assert [row[0] for row in section.tables[0].rows] == ["0", "1", "10,000", "10,000", "0"]
