"""`python -m local.callbacks lists` against the Enreach simulator: which lists are used, and by whom."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from functions.callback_sync.rules import CallbackProfiles
from local.callbacks.__main__ import main
from local.callbacks.lists import uses
from local.dataverse.seed import DATA
from local.enreach.seed import CALLBACK_LISTS, item_id
from local.stack.ports import ENREACH, free_port, free_ports
from shared.config_documents import json_document
from shared.enreach.models import CallbackList
from tests.azurite import Azurite

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "local" / "config" / "callback-profiles.json"

type Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    port = free_ports()[ENREACH.variable]
    process = subprocess.Popen([sys.executable, "-m", "local.enreach", "--port", str(port)], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def enreach(simulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """The control surface of a fresh simulator, to which the settings lead."""
    monkeypatch.setenv("ENREACH_DISCOVERY_URL", simulator)
    with httpx.Client(base_url=f"{simulator}/__sim/", trust_env=False) as control:
        control.post("reset").raise_for_status()
        control.post("environment", json={"paths": {}}).raise_for_status()
        yield control


def profile(name: str, callback_list: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "callbackList": callback_list, "queue": "Support", **settings}


def write(folder: Path, *profiles: dict[str, Any]) -> list[str]:
    """The document in a folder, and the options that lead to it."""
    (folder / "callback-profiles.json").write_text(json.dumps({"profiles": profiles}))
    return ["lists", "--config", str(folder)]


def row(text: str, name: str) -> list[str]:
    """The cells of the table's row that begins with this name."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"│ {name} ")]
    return [cell.strip() for cell in line.strip("│").split("│")]


@pytest.mark.usefixtures("enreach")
def test_every_list_is_shown_and_those_that_no_profile_uses_are_marked(tmp_path: Path, capsys: Capture) -> None:
    by_name = profile("missed", "missed CALLS")
    by_id = profile("vip", item_id("list", "VIP call-backs").upper(), queue="VIP", syncMethod="webhook")
    assert main(write(tmp_path, by_name, by_id)) == 0
    out = capsys.readouterr().out
    missed_id, vip_id, campaign_id = (item_id("list", name) for name in CALLBACK_LISTS)
    assert row(out, "Missed calls") == ["Missed calls", missed_id, "missed", "polling", "Support"]
    assert row(out, "VIP call-backs") == ["VIP call-backs", vip_id, "vip", "webhook", "VIP"]
    assert row(out, "Winter campaign") == ["Winter campaign", campaign_id, "no profile uses it", "-", "-"]
    assert "3 lists, 1 that no profile uses." in out
    assert "is off" not in out


@pytest.mark.usefixtures("enreach")
def test_profiles_without_a_list_are_named_with_the_reason(tmp_path: Path, capsys: Capture) -> None:
    first, second = profile("first", "Missed calls"), profile("second", "Missed calls")
    assert main(write(tmp_path, first, second, profile("lost", "Mised calls"))) == 0
    out = capsys.readouterr().out
    assert "Profile lost is off: its callback list is not in Enreach (Mised calls)." in out
    assert "Profile second is off: another profile before it has its callback list (Missed calls)." in out
    assert row(out, "Missed calls")[2] == "first"


@pytest.mark.usefixtures("enreach")
def test_a_profile_that_is_not_active_uses_nothing_and_is_named(tmp_path: Path, capsys: Capture) -> None:
    assert main(write(tmp_path, profile("paused", "Missed calls", active=False))) == 0
    out = capsys.readouterr().out
    assert row(out, "Missed calls")[2] == "no profile uses it (not active: paused)"
    assert "No profile of callback-profiles.json is active: nothing is synced." in out
    assert "3 lists, 3 that no profile uses." in out


def test_lists_of_one_name_are_told_apart_by_their_ids(enreach: httpx.Client, tmp_path: Path, capsys: Capture) -> None:
    enreach.post("callbacklists", json=[{"Id": "other", "Name": "Missed calls"}]).raise_for_status()
    assert main(write(tmp_path, profile("named", "Missed calls"), profile("exact", "other"))) == 0
    out = capsys.readouterr().out
    assert "Profile named is off: several callback lists in Enreach have its name: write the id" in out
    rows = [line for line in out.splitlines() if line.startswith("│ Missed calls ")]
    assert [("exact" in line, "no profile uses it" in line) for line in rows] == [(False, True), (True, False)]


@pytest.mark.usefixtures("enreach")
def test_without_a_document_nothing_is_synced(tmp_path: Path, capsys: Capture) -> None:
    assert main(["lists", "--config", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "There is no callback-profiles.json: nothing is synced." in out
    assert "3 lists, 3 that no profile uses." in out


def test_an_organisation_without_lists_is_told_so(enreach: httpx.Client, tmp_path: Path, capsys: Capture) -> None:
    enreach.delete("callbacklists").raise_for_status()
    assert main(write(tmp_path, profile("missed", "Missed calls"))) == 0
    out = capsys.readouterr().out
    assert "Enreach names no callback list to this API user." in out
    assert "Profile missed is off" in out


def test_the_names_of_this_customers_enreach_are_used(enreach: httpx.Client, tmp_path: Path, capsys: Capture) -> None:
    enreach.post("environment", json={"paths": {"/callbacks/lists": "/cases/lists"}}).raise_for_status()
    options = write(tmp_path, profile("missed", "Missed calls"))
    assert main(options) == 1
    assert capsys.readouterr().err.startswith("Enreach did not answer: NotFoundError")
    (tmp_path / "enreach.json").write_text(json.dumps({"paths": {"callbackLists": "/cases/lists"}}))
    assert main(options) == 0
    assert row(capsys.readouterr().out, "Missed calls")[2] == "missed"


@pytest.mark.usefixtures("enreach")
def test_the_uploaded_profiles_are_those_of_the_apps_storage(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    storage = azurite.fresh_account()
    monkeypatch.setenv("AzureWebJobsStorage", storage)
    uploaded = json.dumps({"profiles": [profile("uploaded", "Winter campaign")]})
    with BlobServiceClient.from_connection_string(storage) as blobs:
        container = blobs.create_container("config")
        assert main(["lists", "--uploaded"]) == 0
        assert "There is no callback-profiles.json" in capsys.readouterr().out
        container.upload_blob("callback-profiles.json", uploaded)
        assert main(["lists", "--uploaded"]) == 0
        assert row(capsys.readouterr().out, "Winter campaign")[2] == "uploaded"
        container.upload_blob("callback-profiles.json", "{", overwrite=True)
        assert main(["lists", "--uploaded"]) == 2
        assert "callback-profiles.json of the container config cannot be used" in capsys.readouterr().err
        container.close()


@pytest.mark.parametrize(
    ("document", "word"),
    [("{", "cannot be used"), ('{"profiles": [{"name": "x"}]}', "callbackList"), ('{"profile": []}', "profile")],
)
def test_a_document_that_cannot_be_used_is_named(
    enreach: httpx.Client, tmp_path: Path, capsys: Capture, document: str, word: str
) -> None:
    (tmp_path / "callback-profiles.json").write_text(document)
    assert main(["lists", "--config", str(tmp_path)]) == 2
    assert word in capsys.readouterr().err


def test_what_cannot_be_asked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    options = write(tmp_path)
    monkeypatch.setenv("ENREACH_API_URL", f"http://127.0.0.1:{free_port()}")
    assert main(options) == 1
    assert "Enreach did not answer: NotSentError" in capsys.readouterr().err
    monkeypatch.setenv("ENREACH_SECRET_KEY", "")
    assert main(options) == 2
    assert "ENREACH_SECRET_KEY" in capsys.readouterr().err
    assert main(["lists", "--config", str(tmp_path / "nowhere")]) == 2
    assert main([*options, "--settings", str(tmp_path / "nowhere.json")]) == 2


def test_the_sample_fits_both_simulators() -> None:
    document = json_document(CallbackProfiles)(SAMPLE.read_bytes())
    found = uses(document, [CallbackList(item_id("list", name), name) for name in CALLBACK_LISTS])
    assert [use.profile and use.profile.name for use in found.lists] == ["Missed calls", "VIP call-backs", None]
    assert found.without == ()
    queues = {queue["name"] for queue in DATA["queues"]}
    assert {profile.queue for profile in document.profiles} <= queues
