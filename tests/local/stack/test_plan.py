"""Everything that stands in the way of a start is named at once, before anything starts."""

import os
import socket
import sys
from pathlib import Path

import pytest

from local.stack.plan import make_plan
from local.stack.ports import free_ports

SCRATCH_APP = Path(__file__).resolve().parents[1] / "host" / "scratch_app"


def _environ(**changes: str) -> dict[str, str]:
    return {**{name: str(port) for name, port in free_ports().items()}, "PATH": os.environ["PATH"], **changes}


def test_without_problems_there_are_parts_in_the_order_of_their_start(tmp_path: Path) -> None:
    plan = make_plan(SCRATCH_APP, _environ(GREETING="from the environment"), azurite=SCRATCH_APP)
    assert plan.problems == []
    assert [part.name for part in plan.parts] == [
        "storage emulator (Azurite)",
        "Dataverse simulator",
        "Enreach simulator",
        "functions host",
    ]
    assert plan.settings["GREETING"] == "from the environment"


def test_all_problems_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text("{")
    environ = _environ(PATH=str(tmp_path), AZURITE_TABLE_PORT="table")
    with socket.create_server(("127.0.0.1", int(environ["FUNCTIONS_PORT"]))):
        problems = make_plan(tmp_path, environ, azurite=tmp_path / "azurite").problems
    beginnings = (
        "AZURITE_TABLE_PORT=table is not a port number",
        f"Port {environ['FUNCTIONS_PORT']} (functions host) is taken",
        "Node.js was not found on PATH",
        f"{tmp_path / 'azurite'} is missing. `make run` installs it",
        f"{tmp_path / 'local.settings.example.json'} is missing",
        f"{tmp_path / 'local.settings.json'} cannot be read",
    )
    assert len(problems) == len(beginnings)
    for problem, beginning in zip(problems, beginnings, strict=True):
        assert problem.startswith(beginning)


@pytest.mark.parametrize("installed", [True, False])
def test_the_real_func_is_used_where_it_is_installed(tmp_path: Path, installed: bool) -> None:
    for tool in ("node", "func") if installed else ("node",):
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    environ = _environ(PATH=str(tmp_path))
    host = make_plan(SCRATCH_APP, environ, azurite=tmp_path).parts[-1]
    if installed:
        assert host.command == (str(tmp_path / "func"), "start", "--port", environ["FUNCTIONS_PORT"])
        assert host.cwd == SCRATCH_APP
        assert host.environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    else:
        assert host.command[:3] == (sys.executable, "-m", "local.host")
    assert host.environment["WORK_QUEUE"] == "work"


def test_the_tls_listener_of_the_simulator_is_started_only_when_asked_for() -> None:
    without, with_tls = _environ(), _environ(DATAVERSE_SIM_TLS_PORT=str(free_ports(tls=True)["DATAVERSE_SIM_TLS_PORT"]))
    assert "--tls-port" not in make_plan(SCRATCH_APP, without, azurite=SCRATCH_APP).parts[1].command
    simulator = make_plan(SCRATCH_APP, with_tls, azurite=SCRATCH_APP).parts[1]
    assert simulator.command[-2:] == ("--tls-port", with_tls["DATAVERSE_SIM_TLS_PORT"])
    assert simulator.urls[1][1] == f"https://127.0.0.1:{with_tls['DATAVERSE_SIM_TLS_PORT']}"


def test_storage_is_in_memory_unless_a_folder_is_named(tmp_path: Path) -> None:
    assert "--inMemoryPersistence" in make_plan(SCRATCH_APP, _environ(), azurite=SCRATCH_APP).parts[0].command
    kept = make_plan(SCRATCH_APP, _environ(AZURITE_LOCATION=str(tmp_path)), azurite=SCRATCH_APP).parts[0].command
    assert kept[1:3] == ("--location", str(tmp_path))
