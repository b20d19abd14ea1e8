"""Who is who, end to end: the app on its host with both simulators, its timer and its route."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack.ports import free_ports
from local.stack.running import RunningStack, running_stack
from tests.e2e.doors import wait_for

COLUMN = "new_enreachuserid"
WAIT_SECONDS = 20.0
COUNTS = ("matched", "updated", "missing", "ambiguous")


class Site:
    """Both systems, as their users see them."""

    def __init__(self, stack: RunningStack, dynamics: httpx.Client, enreach: httpx.Client) -> None:
        self.stack, self.dynamics, self.enreach = stack, dynamics, enreach
        columns = {"systemuser": {"attributes": {COLUMN: {"type": "String", "max_length": 100}}}}
        self.dynamics.post("/__sim/columns", json=columns).raise_for_status()

    def sync(self, order: dict[str, Any] | None = None) -> httpx.Response:
        content = None if order is None else json.dumps(order)
        return httpx.post(f"{self.stack.functions_url}/api/users/sync", content=content, timeout=30)

    def hire(self, email: str) -> str:
        body = {"firstname": "New", "lastname": "Agent", "internalemailaddress": email, "domainname": email}
        user_id = str(uuid.uuid4())
        self.dynamics.post("/__sim/rows", json={"systemusers": [{"systemuserid": user_id, **body}]}).raise_for_status()
        return user_id

    def id_of(self, user_id: str) -> str | None:
        row = self.dynamics.get(f"/api/data/v9.2/systemusers({user_id})?$select={COLUMN}").raise_for_status().json()
        held: str | None = row[COLUMN]
        return held

    def register(self, email: str, enreach_id: str) -> None:
        users = [{"Id": enreach_id, "UserName": email}]
        self.enreach.post("/__sim/users", json=users).raise_for_status()

    def health(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.stack.functions_url}/api/health/details").json()
        return next(check for check in answer["checks"] if check["name"] == "user sync")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    settings = {"ENREACH_USER_ID_COLUMN": COLUMN, "USER_SYNC_SCHEDULE": "*/2 * * * * *"}
    with (
        running_stack(free_ports(), environment=settings) as stack,
        httpx.Client(base_url=stack.dataverse_url, headers={"Authorization": "Bearer t"}) as dynamics,
        httpx.Client(base_url=stack.enreach_url) as enreach,
    ):
        yield Site(stack, dynamics, enreach)


def test_the_timer_gives_an_id_to_whoever_gets_an_e_mail_of_enreach(site: Site) -> None:
    enreach_id = str(uuid.uuid4())
    user_id = site.hire("new.agent@nordic-care.example")
    site.register("before@nordic-care.example", enreach_id)
    # Those of the seed have theirs, and this one still has none.
    wait_for(lambda: site.health()["reason"].startswith("Enreach users without"), "a run", WAIT_SECONDS)
    assert site.id_of(user_id) is None
    site.register("New.Agent@Nordic-Care.example", enreach_id)
    wait_for(lambda: site.id_of(user_id) == enreach_id, "the id on the user", WAIT_SECONDS)


def test_whoever_does_not_want_to_wait_gets_counts(site: Site) -> None:
    site.sync()
    answer = site.sync()
    assert answer.status_code == 200
    counts = {name: answer.json()[name] for name in COUNTS}
    assert counts["matched"] >= 8
    assert (counts["updated"], counts["ambiguous"]) == (0, 0)
    assert counts["missing"] >= 1, "the night desk"
    assert site.sync({"fewer": True}).status_code == 400


def test_half_a_list_of_users_is_told_of_and_changes_nothing(site: Site) -> None:
    site.sync()
    rule = [{"match": {"pathRegex": "^/users/?$"}, "action": {"half": True}}]
    site.enreach.post("/__sim/faults", json=rule).raise_for_status()
    answer = site.sync()
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "application/problem+json")
    assert "or fewer: nothing was changed" in answer.json()["detail"]
    # Findings are good for two seconds.
    wait_for(lambda: site.health()["status"] == "amber", "amber", WAIT_SECONDS)
    site.enreach.delete("/__sim/faults").raise_for_status()
    wait_for(lambda: site.health()["status"] == "green", "green again", WAIT_SECONDS)
