"""A new instance is made ready before its first caller: the app on its host, on a stack that nobody has called yet."""

from pathlib import Path

import httpx

from local.stack.ports import free_ports
from local.stack.running import RunningStack, running_stack

CALL = {"anum": "+358504545641", "bnum": "+35840675644"}
NO_TIMER = dict.fromkeys(("USER_SYNC_SCHEDULE", "CALL_SYNC_SCHEDULE", "CALLBACK_SYNC_SCHEDULE"), "0 0 0 29 2 *")
"""It would ask Dataverse beside the callers."""


def call(stack: RunningStack) -> httpx.Response:
    return httpx.post(
        f"{stack.functions_url}/api/smart-routing", json=CALL, headers={"X-Benemen-APIKey": stack.routing_key}
    )


def traffic(stack: RunningStack) -> dict[str, int]:
    """What came to Dataverse since the start."""
    stats = httpx.get(f"{stack.dataverse_url}/__sim/stats").json()
    return {"requests": stats["requests"]["total"], "connections": stats["connections"]}


def test_the_first_caller_finds_the_connection_open_and_the_rules_read(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    with running_stack(free_ports(), log_file=log, environment=NO_TIMER) as stack:
        warm = traffic(stack)
        assert warm["requests"] == 2  # a probe, and who is an agent
        assert warm["connections"] in {1, 2}
        before = log.read_text()
        assert call(stack).status_code == 200
        assert traffic(stack) == {"requests": 3, "connections": warm["connections"]}
        during = log.read_text().removeprefix(before)
    for name in ("routing.json", "customer-matching.json"):
        assert f"Configuration document {name} is read" in before
        assert f"Configuration document {name} is read" not in during


def test_the_first_caller_after_a_restart_which_nobody_warms_up_is_answered_in_time_too() -> None:
    with running_stack(free_ports(), environment={"AzureWebJobs.warmup.Disabled": "true", **NO_TIMER}) as stack:
        assert traffic(stack) == {"requests": 0, "connections": 0}
        answer = call(stack)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 1.5
