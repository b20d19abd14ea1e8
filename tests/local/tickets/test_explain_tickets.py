"""`python -m local.tickets explain`: what each trigger says to a call, without Dynamics."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from local.tickets.__main__ import main
from tests.azurite import Azurite

ROOT = Path(__file__).parents[3]

type Capture = pytest.CaptureFixture[str]


def asks(field: str, operator: str, value: object) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


DOCUMENT: dict[str, Any] = {
    "timeZone": "Europe/Helsinki",
    "triggers": [
        {"name": "Sales", "all": [asks("queue", "equals", "Sales"), asks("direction", "equals", "incoming")],
         "configuration": "Sales case"},
        {"name": "Night", "any": [asks("openingHours", "notEquals", "Office"), asks("duration", "greater", 100)],
         "configuration": "Late case"},
        {"name": "Leads", "all": [asks("callerMatch", "equals", "lead")], "configuration": "Sales case"},
        {"name": "Routes", "all": [asks("outboundRoute", "equals", "North")], "configuration": "Late case"},
    ],
    "configurations": {
        "Sales case": {"title": "Sales: ${customerName} [bold]", "description": "${order|no order}\n${startTime}",
                       "columns": {"new_order": "${order}", "new_rank": 3}},
        "Late case": {"title": "Late call from ${customerNumber|somebody}"},
    },
}  # fmt: skip
HOURS = {"timeZone": "Europe/Helsinki", "weekly": {"mon-fri": ["08:00-16:00"]}}
MONDAY = ["--at", "2027-03-01T08:15"]


@pytest.fixture
def site(tmp_path: Path) -> list[str]:
    write(tmp_path, DOCUMENT)
    (tmp_path / "routing.json").write_text(json.dumps({"openingHours": {"Office": HOURS}, "rules": []}))
    return ["explain", "--config", str(tmp_path)]


def write(folder: Path, document: object) -> None:
    (folder / "ticket-triggers.json").write_text(json.dumps(document))


def cells(output: str, first: str) -> list[str]:
    """The row of a table that begins with this text, and the lines that continue it."""
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines() if line[:1] == "│"]
    start = next(number for number, line in enumerate(lines) if line[0] == first)
    found = lines[start]
    for line in lines[start + 1 :]:
        if line[0]:
            break
        found = [f"{above}\n{below}".strip() for above, below in zip(found, line, strict=True)]
    return found


def test_the_first_trigger_that_matches_counts_and_the_others_say_why_not(site: list[str], capsys: Capture) -> None:
    assert main([*site, *MONDAY, "--queue", "Support", "--direction", "incoming", "--duration", "12",
                 "--match", "lead"]) == 0  # fmt: skip
    output = capsys.readouterr().out
    assert cells(output, "queue")[1] == '"Support"'
    assert cells(output, "openingHours")[1] == "Office open (Mon 2027-03-01 08:15 Europe/Helsinki)"
    assert cells(output, "Sales")[1:] == ["no", "Sales case", 'all: queue equals "Sales"; the call has "Support"']
    assert cells(output, "Night")[1:] == [
        "no", "Late case",
        'any: openingHours notEquals "Office"; the call has Office open\n'
        "any: duration greater 100; the call has 12",
    ]  # fmt: skip
    assert cells(output, "Leads")[1:] == ["makes a case", "Sales case", ""]
    assert cells(output, "Routes")[1] == "no"
    assert "the call has (not known)" in cells(output, "Routes")[3]
    assert cells(output, "title")[1] == "Sales: (no customerName) [bold]"
    assert cells(output, "description")[1] == "no order\n2027-03-01 08:15"
    assert cells(output, "new_order")[1] == "(left empty)"
    assert cells(output, "new_rank")[1] == "3"
    assert cells(output, "missing variables")[1] == "customerName, order"
    assert "--variable customerName=..." in output
    assert 'Health warns: trigger "Routes" of ticket-triggers.json asks for outboundRoute' in output
    assert "--match" not in output


def test_a_later_trigger_that_matches_too_is_marked(site: list[str], capsys: Capture) -> None:
    assert main([*site, "--at", "2027-03-01T16:00", "--match", "lead", "--caller", "+358401234567"]) == 0
    output = capsys.readouterr().out
    assert cells(output, "openingHours")[1].startswith("none open")
    assert cells(output, "Night")[1] == "makes a case"
    assert cells(output, "Leads")[1] == "matches, an earlier one counts"
    assert cells(output, "title")[1] == "Late call from +358401234567"
    assert "Sales: " not in output


def test_with_all_each_configuration_is_shown_once(site: list[str], tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path, DOCUMENT | {"match": "all"})
    call = ["--queue", "sales", "--direction", "incoming", "--match", "lead", "--variable", "customerName=Elina"]
    assert main([*site, "--at", "2027-03-06T12:00Z", *call, "--variable", "order=4711"]) == 0
    output = capsys.readouterr().out
    assert [cells(output, name)[1] for name in ("Sales", "Night", "Leads")] == [
        "makes a case", "makes a case", "matches, an earlier one counts",
    ]  # fmt: skip
    assert output.count("Configuration ") == 2
    assert cells(output, "title")[1] == "Sales: Elina [bold]"
    assert cells(output, "new_order")[1] == "4711"
    assert cells(output, "missing variables")[1] == "none"


def test_a_call_that_makes_no_case(site: list[str], capsys: Capture) -> None:
    assert main([*site, *MONDAY]) == 0
    output = capsys.readouterr().out
    assert "No trigger matches: the call makes no case." in output
    assert "say it with --match" in output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--at", "yesterday"], "--at takes a moment such as 2027-03-01T08:15"),
        (["--variable", "order"], "--variable takes NAME=VALUE"),
        (["--duration", "-1"], "this is no call: durationSeconds"),
        (["--queue", "x" * 2000], "this is no call: queue"),
    ],
)
def test_what_is_no_call(site: list[str], capsys: Capture, options: list[str], reason: str) -> None:
    assert main([*site, *options]) == 2
    assert reason in capsys.readouterr().err


def test_documents_that_cannot_be_used(tmp_path: Path, capsys: Capture) -> None:
    site = ["explain", "--config", str(tmp_path)]
    assert main(site) == 2
    assert "there is no ticket-triggers.json" in capsys.readouterr().err
    write(tmp_path, {"triggers": [{"name": "x", "configuration": "y"}]})
    assert main(site) == 2
    assert 'trigger 0 (counted from 0) "x" names a configuration' in capsys.readouterr().err
    assert main(["explain", "--config", str(tmp_path / "nowhere")]) == 2
    assert main(["explain", "--uploaded", "--settings", str(tmp_path / "nowhere.json")]) == 2
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "--match", "friend"])
    assert stopped.value.code == 2


def test_the_uploaded_triggers_are_those_of_the_apps_storage(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    storage = azurite.fresh_account()
    monkeypatch.setenv("AzureWebJobsStorage", storage)
    with BlobServiceClient.from_connection_string(storage) as blobs:
        container = blobs.create_container("config")
        container.upload_blob("ticket-triggers.json", json.dumps(DOCUMENT))
        assert main(["explain", "--uploaded", *MONDAY, "--queue", "Sales", "--direction", "incoming"]) == 0
        output = capsys.readouterr().out
        assert cells(output, "Sales")[1] == "makes a case"
        assert 'Health warns: trigger "Night" of ticket-triggers.json asks for the opening hours "Office"' in output
        container.upload_blob("ticket-triggers.json", "{", overwrite=True)
        assert main(["explain", "--uploaded"]) == 2
        assert "ticket-triggers.json of the container config cannot be used" in capsys.readouterr().err
        container.close()


def test_the_example_of_the_documentation_works() -> None:
    """As it is typed, with the documents of this machine."""
    text = (ROOT / "docs" / "ticket-creation.md").read_text("utf-8")
    typed = [part for part in text.replace("\\\n", " ").splitlines() if "-m local.tickets explain" in part][-1].split()
    done = subprocess.run([sys.executable, *typed[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout, "Missed calls of queues")[1] == "makes a case"
