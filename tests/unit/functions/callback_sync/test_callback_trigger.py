"""What health says of the token of events."""

import pytest

from functions.callback_sync.rules import CallbackProfiles
from functions.callback_sync.trigger import _token_findings
from tests.unit.functions.callback_sync.examples import profile


@pytest.mark.parametrize(
    ("methods", "status"),
    [
        ([], None),
        (["polling"], None),
        (["polling", "webhookWithPolling"], "amber"),
        (["webhook", "webhookWithPolling"], "red"),
    ],
)
def test_a_token_is_missed_where_a_profile_listens(methods: list[str], status: str | None) -> None:
    profiles = tuple(profile(name=str(n), syncMethod=method) for n, method in enumerate(methods))
    off = profile(name="off", syncMethod="webhook", active=False)
    found = _token_findings(CallbackProfiles(profiles=(*profiles, off)), "is empty")
    assert [str(each.status) for each in found] == ([] if status is None else [status])
    assert all(each.reason == "CALLBACK_EVENTS_TOKEN is empty: every event gets 401" for each in found)
