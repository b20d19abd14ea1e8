"""Before anything starts: what would be started, and everything that stands in its way, named at once."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.stack.parts import AZURITE, Part, parts
from local.stack.ports import read_ports, taken_ports
from local.stack.settings import SettingsError, functions_settings, read_values, stack_addresses


@dataclass(frozen=True)
class Plan:
    """Either problems, or the parts to start and the settings of the functions host."""

    problems: list[str]
    parts: list[Part] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)


def make_plan(app_dir: Path, environ: Mapping[str, str], azurite: Path = AZURITE) -> Plan:
    """Nothing is started or changed; the problems are sentences for the person who wants to start."""
    ports, problems = read_ports(environ)
    problems += taken_ports(ports)
    problems += _missing_tools(environ, azurite)
    files = [app_dir / "local.settings.example.json", app_dir / "local.settings.json"]
    values: list[dict[str, str]] = []
    for file in files:
        try:
            values.append(read_values(file) if file == files[0] or file.exists() else {})
        except SettingsError as error:
            problems.append(str(error))
    if problems:
        return Plan(problems)
    addresses = stack_addresses(ports)
    settings = functions_settings(values[0], values[1], addresses, environ)
    return Plan([], parts(ports, settings, addresses["AzureWebJobsStorage"], app_dir, environ), settings)


def _missing_tools(environ: Mapping[str, str], azurite: Path) -> list[str]:
    problems = []
    if shutil.which("node", path=environ.get("PATH")) is None:
        problems.append("Node.js was not found on PATH. Install Node.js 20 or newer (https://nodejs.org).")
    if not azurite.exists():
        problems.append(f"{azurite} is missing. `make run` installs it; by hand: `npm ci`.")
    return problems
