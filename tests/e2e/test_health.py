"""Whoever looks after the app asks how it is: a document that is not used, a Dynamics that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.doors import Stack, wait_for

WAIT_SECONDS = 20
POOL = "+35840675644"


def health(stack: Stack) -> tuple[int, str]:
    answer = stack.http.get(f"{stack.functions_url}/api/health")
    assert answer.json().keys() == {"status"}
    return answer.status_code, answer.json()["status"]


def details(stack: Stack) -> dict[str, dict[str, Any]]:
    answer = stack.http.get(f"{stack.functions_url}/api/health/details").json()
    return {check["name"]: check for check in answer["checks"]}


@contextmanager
def broken_rules(stack: Stack) -> Iterator[None]:
    before = stack.read_blob("config", "routing.json")
    assert before is not None
    stack.write_config("routing.json", {"rules": "broken"})
    try:
        yield
    finally:
        stack.blobs.get_blob_client("config", "routing.json").upload_blob(before, overwrite=True)


@pytest.fixture(autouse=True)
def all_is_synced(stack: Stack) -> None:
    """A sync that came to no end yet is amber, and this stack has just forgotten its runs. What health says is given
    again for two seconds."""
    syncs = ("call sync", "callback sync")

    def are(status: str) -> bool:
        found = details(stack)
        return all(found[name]["status"] == status for name in syncs)

    wait_for(lambda: are("amber"), "that the runs are forgotten", WAIT_SECONDS)
    stack.fire("sync_calls")
    stack.fire("sync_callbacks")
    wait_for(lambda: are("green"), "the end of both runs", WAIT_SECONDS)


def test_all_is_well_and_each_thing_is_named(stack: Stack) -> None:
    wait_for(lambda: health(stack) == (200, "green"), "health", WAIT_SECONDS)
    assert details(stack).keys() == {
        "routing.json", "customer-matching.json", "routing keys", "user sync", "storage", "Dataverse", "Enreach",
        "call-sync.json", "call sync", "callback-profiles.json", "callback sync", "ticket-triggers.json",
        "waiting tickets", "parked tickets",
    }  # fmt: skip


def test_rules_that_cannot_be_used_are_amber_with_their_place(stack: Stack) -> None:
    with broken_rules(stack):
        wait_for(lambda: health(stack) == (200, "amber"), "amber", WAIT_SECONDS)
        found = details(stack)["routing.json"]
        assert found["reason"].startswith("rules: ")
        assert found["reason"].endswith("the last good version runs")
    wait_for(lambda: health(stack) == (200, "green"), "green again", WAIT_SECONDS)


def test_a_dynamics_that_hangs_is_red(stack: Stack) -> None:
    stack.simulator("POST", "faults", [{"match": {"path": "$batch"}, "delayMs": 3_600_000}])

    def is_red() -> bool:
        stack.route(anum="+358501110001", bnum=POOL)
        return health(stack) == (503, "red")

    wait_for(is_red, "red", WAIT_SECONDS)
    wait_for(lambda: details(stack)["Dataverse"]["status"] == "red", "the reason", WAIT_SECONDS)
    stack.simulator("DELETE", "faults")
    wait_for(lambda: health(stack)[1] == "green", "green again", WAIT_SECONDS)
