"""Documents that cannot rot: what they name exists, and what exists is named."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from functions.schedule_import.decide.activities import ASSIGNABLE_BY_NAME
from functions.schedule_import.profile import builtin_names
from shared.settings import Settings
from tests.architecture.schemas import DOCUMENTS, FOLDER, schema_text

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLE = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
SETTINGS = [str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()]
# Names of Azure itself that one machine has no use for: there the connection string reaches storage.
IDENTITY_ONLY = {name for name in SETTINGS if name.startswith("AzureWebJobsStorage__")} | {"AZURE_CLIENT_ID"}


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented_and_has_an_example(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "settings.md").read_text(encoding="utf-8")
    assert name in EXAMPLE or name in IDENTITY_ONLY


def test_the_example_has_no_setting_that_nobody_reads() -> None:
    assert set(EXAMPLE) - set(SETTINGS) == {"FUNCTIONS_WORKER_RUNTIME"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schemas_are_those_of_the_models(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(DOCUMENTS[name]), "run `make schemas`"


def test_every_profile_activity_and_report_code_is_explained() -> None:
    text = (DOCS / "schedule-files.md").read_text(encoding="utf-8")
    for name in builtin_names():
        assert f"| `{name}` |" in text
    for name in ASSIGNABLE_BY_NAME:
        assert name in text
    code = re.compile(r'"([A-Z]+(?:_[A-Z]+)+)"')
    used = {
        found
        for path in tracked("functions/schedule_import/*.py")
        for found in code.findall(path.read_text(encoding="utf-8"))
    }
    assert {found for found in used if f"`{found}`" not in text} == set()
    assert len(used) > 12


@pytest.mark.parametrize("path", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_every_make_door_that_a_document_names_exists() -> None:
    doors = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in tracked("*.md"):
        for door in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8")):
            assert door in doors, f"{path.name}: make {door}"
