"""The warm-up trigger: once before the host says that it runs, and nothing that it does stops the start."""

import signal
from typing import Any

import pytest

from local.host.bindings import function_from_index
from local.host.errors import StartError

BINDING = '{"direction": "IN", "type": "warmupTrigger", "name": "instance"}'


def test_it_runs_once_before_the_host_is_running(host: Any) -> None:
    """The fixture waited for the state Running and no longer."""
    assert host.journal("warm-ups") == ["WarmUpContext"]
    assert "\twarmup: warmupTrigger\n" in host.log


def test_the_app_is_not_called_running_as_long_as_it_warms_up_and_by_hand_it_runs_again(
    start_host: Any, new_storage: Any, eventually: Any
) -> None:
    host = start_host("scratch_app", new_storage(), {"WARM_UP_SECONDS": "1.5"}, wait=False)
    eventually(host.is_ready)
    assert len(host.journal("warm")) == 1
    assert host.client.post(f"{host.url}/admin/functions/warmup", json={}).status_code == 202
    eventually(lambda: len(host.journal("warm")) == 2)


def test_a_failing_one_is_logged_and_the_app_runs(start_host: Any, new_storage: Any) -> None:
    host = start_host("scratch_app", new_storage(), {"WARM_UP_FAILS": "yes"})
    assert host.client.get(f"{host.url}/v1/default_route").status_code == 200
    assert "Executed Functions.warmup (Failed" in host.log


def test_a_stop_does_not_wait_for_ever(start_host: Any, new_storage: Any, eventually: Any) -> None:
    host = start_host("scratch_app", new_storage(), {"WARM_UP_SECONDS": "60"}, wait=False, stop_seconds=1)
    eventually(lambda: host.journal("warm-ups"))
    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(4) == 0


def test_a_name_that_nobody_would_call_is_refused() -> None:
    assert function_from_index("WarmUp", "id", [BINDING], {}).kind == "warmupTrigger"
    with pytest.raises(StartError, match="Function get_ready has a warm-up trigger, but"):
        function_from_index("get_ready", "id", [BINDING], {})
