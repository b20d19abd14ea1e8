"""Enreach asks where a call should go; the answer comes from Dynamics (Voice for Dynamics 365 guide, 1.6)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.doors import ROOT, Stack, wait_for

POOL = "+35840675644"
VIP_CALLER = "+358504545641"
VIP_QUEUE = "+35853445657"
STRANGER = "+358501110000"


def test_a_vip_reaches_the_vip_queue(stack: Stack) -> None:
    answer = stack.route(anum=VIP_CALLER, bnum=POOL)
    assert (answer.status_code, answer.json()["InitialTarget"]) == (200, VIP_QUEUE)
    assert answer.headers["content-type"].startswith("application/json")


def test_the_number_may_stand_in_dynamics_as_people_type_it(stack: Stack) -> None:
    (account,) = stack.rows("accounts", "customertypecode eq 3 and name eq 'Aurinko Energia Oy'")
    stack.insert(contacts=[{"lastname": "Salo", "telephone1": "050 765 4321",
                            "parentcustomerid_account@odata.bind": f"/accounts({account['accountid']})"}])  # fmt: skip
    assert stack.route(anum="+358507654321", bnum=POOL).status_code == 200


def test_a_stranger_keeps_the_default_route(stack: Stack) -> None:
    answer = stack.route(anum=STRANGER, bnum=POOL)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("key", [None, "wrong", "local-development-routing-key-current-000", "ключ"])
def test_a_wrong_key_is_refused_with_an_empty_body(stack: Stack, key: str | None) -> None:
    headers = {} if key is None else {"X-Benemen-APIKey": key.encode()}
    answer = stack.http.post(f"{stack.functions_url}/api/smart-routing", json={"bnum": POOL}, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.content) == (401, b"")


def test_the_next_key_is_taken_too(stack: Stack) -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    assert stack.route(key=example["ROUTING_KEY_NEXT"], anum=VIP_CALLER, bnum=POOL).status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"anum": "+358501231234"}', b'{"bnum": 7}', b'{"bnum": ""}', b"\xff\xfe",
     b'{"bnum": "' + b"1" * 9000 + b'"}', b'{"bnum": "\\ud800"}', b"[" * 5000],
)  # fmt: skip
def test_a_body_that_is_no_request_is_a_problem(stack: Stack, content: bytes) -> None:
    answer = stack.route(content=content)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("body", [{}, {"anum": ""}, {"anum": None}, {"anum": "anonymous"}])
def test_a_withheld_caller_is_no_error(stack: Stack, body: dict[str, Any]) -> None:
    assert stack.route(bnum=POOL, **body).status_code == 204


@contextmanager
def rules_before(stack: Stack, *rules: dict[str, Any]) -> Iterator[None]:
    """These rules stand before the others; each names a pool that nobody else calls.

    So nothing waits for the old document to be in force again.
    """
    before = stack.read_blob("config", "routing.json")
    assert before is not None
    stack.write_config("routing.json", {**json.loads(before), "rules": [*rules, *json.loads(before)["rules"]]})
    try:
        yield
    finally:
        stack.blobs.get_blob_client("config", "routing.json").upload_blob(before, overwrite=True)


def until_in_force(stack: Stack, **call: Any) -> None:
    """The new rules give this call a target, as soon as the setting says (give or take a busy machine)."""
    wait_for(lambda: stack.route(**call).status_code == 200, "the new rules", stack.config_check_seconds + 4)


def test_the_called_number_is_never_the_answer_and_rules_without_a_caller_apply_to_everybody(stack: Stack) -> None:
    own, pool = "+358406750001", "+358406750002"
    loop = {"name": "loop", "when": {"pool": [own]}, "then": {"target": "+358 40 675 0001"}}
    everybody = {"name": "everybody", "when": {"pool": [pool]}, "then": {"target": VIP_QUEUE}}
    with rules_before(stack, loop, everybody):
        until_in_force(stack, bnum=pool, anum="anonymous")
        assert stack.route(bnum=pool, anum="anonymous").json() == {"InitialTarget": VIP_QUEUE}
        assert stack.route(bnum=pool).json() == {"InitialTarget": VIP_QUEUE}
        assert stack.route(bnum=own, anum=VIP_CALLER).status_code == 204
        stack.write_config("routing.json", {"rules": "broken"})
        time.sleep(stack.config_check_seconds + 0.5)  # nothing shows that a document was looked at again
        assert stack.route(bnum=pool).json() == {"InitialTarget": VIP_QUEUE}


def _schedule(*segments: tuple[int, int, str]) -> bytes:
    """Segments of one agent, each from and to so many minutes from now, as a file."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        f"asa.lindqvist@nordic-care.example,{now + timedelta(minutes=start):%Y-%m-%dT%H:%M:%SZ},"
        f"{now + timedelta(minutes=end):%Y-%m-%dT%H:%M:%SZ},{activity}"
        for start, end, activity in segments
    ]
    return "\n".join(["agent,start,end,activity", *rows, ""]).encode()


def test_shifts_that_were_imported_decide_who_gets_the_call(stack: Stack) -> None:
    """The case owner takes the call while the imported schedule says so, and else the next rule."""
    stack.simulator("POST", "reset")
    (agent,) = stack.rows("systemusers", "internalemailaddress eq 'asa.lindqvist@nordic-care.example'")
    (customer,) = stack.rows("contacts", f"mobilephone eq '{VIP_CALLER}'")
    stack.insert(incidents=[{"title": "Outage", "customerid_contact@odata.bind": f"/contacts({customer['contactid']})",
                             "ownerid@odata.bind": f"/systemusers({agent['systemuserid']})"}])  # fmt: skip
    number = agent["address1_telephone1"]
    pool = "+358406750003"
    owner = {"name": "owner", "when": {"pool": [pool], "openCase": True},
             "then": {"agent": "caseOwner", "onShift": {"minutes": 5}}}  # fmt: skip
    nobody = {"name": "else", "when": {"pool": [pool]}, "then": {"target": VIP_QUEUE}}
    stack.write_config("schedule-profiles/switchboard-csv.json", {
        "extends": "switchboard-csv", "hold": {"maxRemovedShare": 1, "maxAssignableDropShare": 1},
        "activities": {"Support": {"name": "Support", "assignable": True},
                       "Break": {"name": "Break", "assignable": False}},
    })  # fmt: skip

    def target() -> str:
        return str(stack.route(bnum=pool, anum=VIP_CALLER).json()["InitialTarget"])

    with rules_before(stack, owner, nobody):
        until_in_force(stack, bnum=pool, anum=STRANGER)
        assert target() == VIP_QUEUE
        report = stack.drop("switchboard-csv", _schedule((-60, 180, "Support")))
        assert (report["status"], report["created"]) == ("imported", 1)
        wait_for(lambda: target() == number, "the agent on shift", 10)
        # The next file has a break that begins in two minutes.
        with_break = _schedule((-60, 2, "Support"), (2, 30, "Break"), (30, 180, "Support"))
        assert stack.drop("switchboard-csv", with_break)["status"] == "imported"
        wait_for(lambda: target() == VIP_QUEUE, "nobody else before a break", 10)


def test_a_dynamics_that_hangs_costs_the_caller_no_more_than_the_deadline(stack: Stack) -> None:
    stack.simulator("POST", "faults", [{"match": {"path": "$batch"}, "delayMs": 10_000}])
    started = time.monotonic()
    answer = stack.route(anum=VIP_CALLER, bnum=POOL)
    assert answer.status_code == 204
    assert time.monotonic() - started < 1.5


def test_a_wrong_method_is_not_found(stack: Stack) -> None:
    assert stack.http.get(f"{stack.functions_url}/api/smart-routing").status_code == 404
