"""Which list and which queue a profile means."""

from typing import Any
from uuid import UUID

import pytest

from functions.callback_sync.decide.profiles import age_warning, resolved
from functions.callback_sync.rules import CallbackProfiles
from shared.dataverse.owners import Owner
from shared.enreach.models import CallbackList
from tests.unit.functions.callback_sync.examples import profile

ONE, TWO, TEAM = (str(UUID(int=number)) for number in (1, 2, 3))
LISTS = [CallbackList(ONE, "Sales"), CallbackList(TWO, "Twice"), CallbackList("list 3", "twice")]


def queue(key: str, name: str, **columns: Any) -> dict[str, Any]:
    return {"queueid": key, "name": name, "statecode": 0, "_ownerid_value": TWO, "_owninguser_value": TWO,
            "_owningteam_value": None, **columns}  # fmt: skip


QUEUES = [
    queue(ONE, "Calls"),
    queue(ONE, "Calls"),  # by its name and by its id
    queue(TWO, "Asleep", statecode=1),
    queue(TEAM, "Shared", _owninguser_value=None, _owningteam_value=TEAM, _ownerid_value=TEAM),
    queue(str(UUID(int=4)), "Twice"),
    queue(str(UUID(int=5)), "twice"),
    queue(str(UUID(int=6)), "half"),
    queue(str(UUID(int=7)), "Half", statecode=1),
]


def means(**settings: Any) -> str:
    found = resolved(CallbackProfiles(profiles=(profile(**settings),)), LISTS, QUEUES)
    return found.disabled[0].reason if found.disabled else f"{found.targets[0].list_id} {found.targets[0].queue_id}"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        pytest.param({}, f"{ONE} {ONE}", id="names"),
        pytest.param({"callbackList": "SALES", "queue": "calls"}, f"{ONE} {ONE}", id="names in any case"),
        pytest.param({"callbackList": f"{{{ONE}}}", "queue": ONE.upper()}, f"{ONE} {ONE}", id="ids in any spelling"),
        pytest.param({"callbackList": "LIST 3"}, f"list 3 {ONE}", id="an id that is no GUID"),
        pytest.param({"callbackList": "No"}, "its callback list is not in Enreach", id="no list"),
        pytest.param({"callbackList": "Twice"}, "several callback lists in Enreach have its name: write the id",
                     id="two lists"),
        pytest.param({"queue": "No"}, "its queue is not in Dynamics", id="no queue"),
        pytest.param({"queue": "Asleep"}, "its queue is not active in Dynamics", id="a queue that is off"),
        pytest.param({"queue": "Twice"}, "several queues in Dynamics have its name: write the id", id="two queues"),
        pytest.param({"queue": "Half"}, f"{ONE} {UUID(int=6)}", id="one of two is active"),
    ],
)  # fmt: skip
def test_what_a_profile_means(settings: dict[str, str], what: str) -> None:
    assert means(**settings) == what


@pytest.mark.parametrize(
    ("settings", "owner"),
    [
        ({}, None),
        ({"ownershipRule": "OwnerOfQueue"}, Owner("user", UUID(TWO))),
        ({"ownershipRule": "OwnerOfQueue", "queue": "Shared"}, Owner("team", UUID(TEAM))),
    ],
)
def test_who_owns_the_phone_call(settings: dict[str, str], owner: Owner | None) -> None:
    (found,) = resolved(CallbackProfiles(profiles=(profile(**settings),)), LISTS, QUEUES).targets
    assert found.owner == owner


def test_the_first_profile_has_the_list() -> None:
    profiles = (
        profile(name="off", active=False),
        profile(name="first", queue="Asleep"),
        profile(name="second"),
        profile(name="third", callbackList="list 3"),
    )
    found = resolved(CallbackProfiles(profiles=profiles), LISTS, QUEUES)
    assert [each.profile.name for each in found.targets] == ["third"]
    assert [(each.profile.name, each.looked_up) for each in found.disabled] == [("first", True), ("second", False)]
    assert found.of_profile("third") is found.targets[0]
    assert found.of_profile("second") is None


@pytest.mark.parametrize(
    ("settings", "warns"),
    [({}, False), ({"callbackAge": 11}, True), ({"ageTimeUnit": "Hours", "callbackAge": 1}, True)],
)
def test_ages_that_health_names(settings: dict[str, Any], warns: bool) -> None:
    assert (age_warning(profile(**settings)) is not None) == warns
