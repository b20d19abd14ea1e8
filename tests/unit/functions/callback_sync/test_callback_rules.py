"""callback-profiles.json: what it takes, and what it says of what it does not take."""

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.callback_sync.rules import CallbackProfiles
from shared.config_documents import BadDocumentError, json_document
from tests.unit.functions.callback_sync.examples import profile

SALES: dict[str, Any] = {"name": "sales", "callbackList": "Sales", "queue": "Calls"}


def read(document: object) -> CallbackProfiles:
    return json_document(CallbackProfiles)(json.dumps(document).encode())


def test_what_counts_where_nothing_is_said() -> None:
    (found,) = read({"profiles": [SALES]}).profiles
    assert found.age == timedelta(minutes=10)
    assert (found.ownership_rule, found.active, found.sync_method) == ("ApiUser", True, "polling")
    assert (found.close_in_enreach, found.stays_open) == ("whenInDynamics", False)
    assert (found.merge_repeats, found.expire, found.complete_when_reached) == (False, False, False)
    assert found.expire_after_hours == 72
    assert read({}).profiles == ()


@pytest.mark.parametrize(
    ("unit", "age", "span"),
    [("Days", 3, timedelta(days=3)), ("Hours", 2, timedelta(hours=2)), ("Minutes", 5, timedelta(minutes=5)),
     ("Days", 366, timedelta(days=366))],
)  # fmt: skip
def test_ages(unit: str, age: int, span: timedelta) -> None:
    assert profile(ageTimeUnit=unit, callbackAge=age).age == span


@pytest.mark.parametrize(
    ("settings", "of_all", "subject"),
    [
        ({"phoneCallSubject": "Mine"}, {"CallbackRequestDefaultSubject": "All"}, "Mine"),
        ({"phoneCallSubject": None}, {"CallbackRequestDefaultSubject": "All"}, "All"),
        ({}, {}, "Callback request"),
    ],
)
def test_subjects(settings: dict[str, Any], of_all: dict[str, str], subject: str) -> None:
    document = read({"profiles": [SALES | settings], **of_all})
    assert document.subject_of(document.profiles[0]) == subject


@pytest.mark.parametrize(
    ("method", "polls", "hears"),
    [("polling", True, False), ("webhook", False, True), ("webhookWithPolling", True, True)],
)
def test_sync_methods(method: str, polls: bool, hears: bool) -> None:
    found = profile(syncMethod=method)
    assert (found.polls, found.hears) == (polls, hears)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param({"profiles": [{"name": "x"}]}, "profiles.0.callbackList", id="no list"),
        pytest.param({"profiles": [SALES | {"callbackAge": 0}]}, "profiles.0.callbackAge", id="no age"),
        pytest.param({"profiles": [SALES | {"callbackAge": "10"}]}, "profiles.0.callbackAge", id="a text"),
        pytest.param({"profiles": [SALES | {"callbackAge": 1.5}]}, "profiles.0.callbackAge", id="a part"),
        pytest.param({"profiles": [SALES | {"ageTimeUnit": "Days", "callbackAge": 367}]}, "366 days", id="too far"),
        pytest.param({"profiles": [SALES | {"ageTimeUnit": "Weeks"}]}, "profiles.0.ageTimeUnit", id="a unit"),
        pytest.param({"profiles": [SALES | {"ownershipRule": "Nobody"}]}, "profiles.0.ownershipRule", id="a rule"),
        pytest.param({"profiles": [SALES | {"syncMethod": "push"}]}, "profiles.0.syncMethod", id="a method"),
        pytest.param({"profiles": [SALES | {"active": "yes"}]}, "profiles.0.active", id="no boolean"),
        pytest.param({"profiles": [SALES | {"queu": "x"}]}, "profiles.0.queu", id="an unknown key"),
        pytest.param({"profiles": [SALES | {"queue": " Calls"}]}, "profiles.0.queue", id="a space"),
        pytest.param({"profiles": [SALES | {"phoneCallSubject": ""}]}, "profiles.0.phoneCallSubject", id="empty"),
        pytest.param({"profiles": [SALES, SALES | {"name": "SALES"}]}, "same name", id="equal names"),
        pytest.param({"profiles": {}}, "profiles", id="no list of profiles"),
        pytest.param({"profile": []}, "profile", id="an unknown key at the top"),
        pytest.param({"profiles": [SALES | {"expireAfterHours": 0}]}, "profiles.0.expireAfterHours", id="at once"),
    ],
)
def test_what_it_does_not_take(document: object, place: str) -> None:
    with pytest.raises(BadDocumentError, match=place.replace(".", r"\.")):
        read(document)
