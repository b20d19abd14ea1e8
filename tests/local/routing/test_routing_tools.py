"""`python -m local.routing` against the Dataverse simulator: facts, verdicts, changes and the hand-over sheet."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.app_settings import UsageError
from local.routing.__main__ import main
from local.routing.handover import endpoint, routed
from local.routing.replay import percentile
from local.routing.site import FileDocuments
from local.stack.ports import DATAVERSE, free_ports
from tests.plain_http import PLAIN

ROOT = Path(__file__).parents[3]
POOL, CALLER, AT_HOME, VIP_QUEUE = "+35840675644", "+358409990001", "+358981110001", "+35853445657"
SETUP = "4beb9fdb-48e9-453f-b008-5862ff902c5d"

type Capture = pytest.CaptureFixture[str]
type Json = dict[str, Any]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    port = free_ports()[DATAVERSE.variable]
    process = subprocess.Popen([sys.executable, "-m", "local.dataverse", "--port", str(port)], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        plant(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def plant(url: str) -> None:
    """A contact of a VIP account with an open case, whose owner is on shift until an hour from now."""
    user, resource, contact, account, kind, status = (str(uuid.uuid4()) for _ in range(6))
    now = datetime.now(UTC)
    tables: dict[str, Json] = {
        "systemusers": {"systemuserid": user, "fullname": "Agent", "address1_telephone1": AT_HOME, "isdisabled": False},
        "bookableresources": {"bookableresourceid": resource, "name": "Agent", "resourcetype": 3,
                              "UserId@odata.bind": f"/systemusers({user})"},
        "msdyn_shiftactivitytypes": {"msdyn_shiftactivitytypeid": kind, "msdyn_name": "Work",
                                     "msdyn_shiftassignmentstatus": 192350000},
        "bookingstatuses": {"bookingstatusid": status, "name": "Status", "status": 2},
        "bookableresourcebookings": {
            "bookableresourcebookingid": str(uuid.uuid4()), "name": "Shift", "bookingtype": 1, "duration": 120,
            "starttime": moment(now - timedelta(hours=1)), "endtime": moment(now + timedelta(hours=1)),
            "Resource@odata.bind": f"/bookableresources({resource})",
            "BookingStatus@odata.bind": f"/bookingstatuses({status})",
            "msdyn_shiftactivitytype@odata.bind": f"/msdyn_shiftactivitytypes({kind})",
            "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SETUP})",
        },
        "accounts": {"accountid": account, "name": "VIP", "customertypecode": 3},
        "contacts": {"contactid": contact, "lastname": "Caller", "mobilephone": CALLER,
                     "parentcustomerid_account@odata.bind": f"/accounts({account})"},
        "incidents": {"incidentid": str(uuid.uuid4()), "title": "Outage",
                      "customerid_contact@odata.bind": f"/contacts({contact})",
                      "ownerid@odata.bind": f"/systemusers({user})"},
    }  # fmt: skip
    with httpx.Client(base_url=f"{url}/__sim/", trust_env=False, verify=PLAIN) as control:
        for table, row in tables.items():
            control.post("rows", json={table: [row]}).raise_for_status()


def moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def config(simulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAVERSE_URL", simulator)
    (tmp_path / "customer-matching.json").write_text(json.dumps({"defaultRegion": "FI"}))
    return tmp_path


def write(path: Path, *rules: Json, **document: Any) -> Path:
    path.write_text(json.dumps({"rules": rules, **document}))
    return path


OTHER_POOL = {"name": "other", "when": {"pool": "+358401112222"}, "then": {"target": VIP_QUEUE}}
NO_LEAD = {"name": "leads", "when": {"match": "lead"}, "then": {"target": VIP_QUEUE}}
OWNER = {"name": "owner", "when": {"openCase": True, "account": {"customertypecode": 3}},
         "then": {"agent": "caseOwner", "onShift": {"minutes": 5}}}  # fmt: skip
LAST = {"name": "last", "then": {"target": VIP_QUEUE}}
BEHIND = {"name": "behind", "then": {"target": "+358401112222"}}


def lines(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


def test_explain_shows_the_facts_the_winner_and_why_each_other_did_not(config: Path, capsys: Capture) -> None:
    write(config / "routing.json", OTHER_POOL, NO_LEAD, OWNER, LAST, BEHIND)
    assert main(["explain", "--anum", "040 999 0001", "--bnum", POOL, "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "contact" in lines(out, " match ")[0]
    assert "customertypecode = 3" in lines(out, "related account")[0]
    assert " 1 " in lines(out, "open cases")[0]
    agent = lines(out, "caseOwner  ")[0]
    assert "enabled, with number, work until" in agent
    assert ", on shift now" in agent
    for name, verdict, why in (
        ("other", "no, by the call", "pool differs"),
        ("leads", "no, by the caller", "match is contact"),
        ("owner", "wins", "the caseOwner is on shift"),
        ("last", "not reached", "an earlier rule answers"),
        ("behind", "not reached", "an earlier rule answers"),
    ):
        row = lines(out, f"│ {name} ")[0]
        assert verdict in row
        assert why in row
    assert "requests to Dataverse: 1" in out
    assert AT_HOME not in out
    assert CALLER not in out


def test_explain_asks_nobody_where_no_rule_needs_the_caller(config: Path, capsys: Capture) -> None:
    write(config / "routing.json", LAST)
    assert main(["explain", "--bnum", POOL, "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "nobody was asked" in out
    assert f"Answer: {VIP_QUEUE} (last: it has no conditions)" in out
    assert "requests to Dataverse: 0" in out


def test_replay_shows_what_edited_rules_would_change(config: Path, capsys: Capture) -> None:
    write(config / "routing.json", OWNER, LAST)
    edited = write(config / "edited.json", {**OWNER, "then": {"target": "+358401112222"}}, {**LAST, "name": "renamed"})
    calls = config / "calls.csv"
    calls.write_text(f"anum;bnum\n{CALLER};{POOL}\n+358409990002;{POOL}\n040 999 0001;{POOL}\n")
    assert main(["replay", str(calls), "--rules", str(edited), "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "3 calls, 2 would be answered otherwise" in out
    count = lines(out, "the caseOwner")[0]
    assert count.startswith("│ 2 ")
    assert "+358401112222 (owner)" in count
    assert "1 get the same answer by another rule" in out
    assert out.count("p99") == 2
    assert not lines(out, AT_HOME)
    assert not lines(out, CALLER)


def test_replay_takes_the_time_of_the_call(config: Path, capsys: Capture) -> None:
    hours = {"office": {"timeZone": "Europe/Helsinki", "weekly": {"mon-fri": ["08:00-16:00"]}}}
    write(config / "routing.json")
    edited = write(
        config / "edited.json", {"name": "day", "when": {"open": "office"}, "then": {"target": VIP_QUEUE}},
        openingHours=hours,
    )  # fmt: skip
    calls = config / "calls.jsonl"
    body = {"anum": CALLER, "bnum": POOL}
    times = ("2027-03-22T09:00:00+02:00", "2027-03-22T17:00:00+02:00", "2027-03-22T08:30:00")
    calls.write_text("".join(json.dumps({**body, "time": time}) + "\n" for time in times))
    command = ["replay", str(calls), "--rules", str(edited), "--config", str(config)]
    assert main(command) == 1
    assert "line 3: time has no offset" in capsys.readouterr().err
    assert main([*command, "--time-zone", "Europe/Helsinki"]) == 0
    out = capsys.readouterr().out
    assert "3 calls, 2 would be answered otherwise" in out
    assert [line.split("│")[1].strip() for line in lines(out, "2027-03-22")] == ["1", "3"]


def test_without_dataverse_it_says_so(config: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAVERSE_URL", f"http://127.0.0.1:{free_ports()[DATAVERSE.variable]}")
    write(config / "routing.json", LAST)
    assert main(["explain", "--bnum", POOL, "--config", str(config)]) == 1
    assert "Dataverse did not answer" in capsys.readouterr().err


WRONG = [
    pytest.param(["explain", "--bnum", " "], "this is no call", id="blank"),
    pytest.param(["explain", "--bnum", POOL, "--extradata", "{"], "--extradata is not JSON", id="extradata"),
    pytest.param(["explain", "--bnum", POOL, "--settings", "absent.json"], "no settings file", id="settings"),
    pytest.param(["replay", "absent.csv", "--rules", "x.json"], "there is no file", id="calls"),
    pytest.param(["handover", "--url", "http://app.example"], "--url is", id="plain http"),
]


@pytest.mark.parametrize(("command", "said"), WRONG)
def test_wrong_use_is_told(command: list[str], said: str, tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "routing.json", LAST)
    assert main([*command, "--config", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_rules_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rules"):
        FileDocuments(tmp_path)
    write(tmp_path / "routing.json", {"name": "x"})
    with pytest.raises(UsageError, match=r"rules\.0\.then"):
        FileDocuments(tmp_path)


def test_the_hand_over_names_all_that_enreach_needs_and_no_key(tmp_path: Path, capsys: Capture) -> None:
    both = {"name": "both", "when": {"pool": [POOL, "queue-7"], "targetid": "gold"}, "then": {"target": VIP_QUEUE}}
    write(tmp_path / "routing.json", OTHER_POOL, both, LAST)
    assert main(["handover", "--url", "https://app.example/", "--config", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for part in ("https://app.example/api/smart-routing", "X-Benemen-APIKey", "ROUTING_KEY_CURRENT", "5 s",
                 "80.88.186.0/24, 80.88.187.0/24", "queue-7"):  # fmt: skip
        assert part in out
    assert "local-development-routing-key" not in out
    assert routed(FileDocuments(tmp_path).rules) == {
        ("+358401112222", "(any)"): ["other"],
        (POOL, "gold"): ["both"],
        ("queue-7", "gold"): ["both"],
        ("(any)", "(any)"): ["last"],
    }


@pytest.mark.parametrize("url", ["app.example", "https://u:p@app.example", "https://app.example/x", "https://a?code=1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        endpoint(url)


@pytest.mark.parametrize(
    ("values", "share", "expected"), [([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0], 0.99, 1.0), ([*range(1, 101)], 0.99, 99)]
)
def test_percentiles_are_of_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
