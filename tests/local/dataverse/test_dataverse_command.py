"""The command line: start, stop, a taken port, TLS, extra columns."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.stack.ports import free_port

REPOSITORY = Path(__file__).parents[3]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.dataverse", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    return process.returncode, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_each_address_serves_both_and_stops_cleanly(number: int) -> None:
    port, tls_port = free_port(), free_port()
    process = start("--port", str(port), "--tls-port", str(tls_port))
    assert process.stdout is not None
    lines = {process.stdout.readline().strip() for _ in range(2)}
    assert lines == {
        f"Dataverse simulator: http://127.0.0.1:{port}",
        f"Dataverse simulator: https://127.0.0.1:{tls_port}",
    }
    assert httpx.get(f"http://127.0.0.1:{port}/__sim/health").json() == {"status": "healthy"}
    with httpx.Client(verify=False, headers={"Authorization": "Bearer t"}) as client:  # noqa: S501 - self-signed
        body = client.get(f"https://127.0.0.1:{tls_port}/api/data/v9.2/WhoAmI").json()
    assert body["@odata.context"].startswith(f"https://127.0.0.1:{tls_port}/")
    assert stop(process, number) == (0, "")


def test_a_taken_port_ends_it_with_code_2_and_one_sentence() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = start("--port", str(port))
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert len(errors.strip().splitlines()) == 1
    assert str(port) in errors


def test_extra_columns_come_from_a_file(tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text('{"tables": {"contact": {"attributes": {"new_x": {"type": "Integer"}}}}}')
    port = free_port()
    process = start("--port", str(port), "--columns", str(columns))
    assert process.stdout is not None
    process.stdout.readline()
    url = f"http://127.0.0.1:{port}/api/data/v9.2/contacts?$select=new_x"
    assert httpx.get(url, headers={"Authorization": "Bearer t"}).status_code == 200
    assert stop(process, signal.SIGTERM)[0] == 0


def test_a_bad_columns_file_ends_it_with_code_2(tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text("not json")
    process = start("--port", str(free_port()), "--columns", str(columns))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors.startswith("The columns file cannot be used")


@pytest.mark.parametrize(
    ("text", "named"), [('{"contact": {"attributes": {"new_x": {"type": "Intger"}}}}', "Intger"), ("[]", "JSON object")]
)
def test_a_misspelt_columns_file_is_told_by_name(tmp_path: Path, text: str, named: str) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text(text)
    process = start("--port", str(free_port()), "--columns", str(columns))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert named in errors


def test_roles_come_from_a_file(tmp_path: Path) -> None:
    roles = tmp_path / "roles.json"
    roles.write_text('{"roles": {"R": {"lead": ["Read"]}}, "assignments": {"switchboard@nordic-care.example": ["R"]}}')
    port = free_port()
    process = start("--port", str(port), "--roles", str(roles))
    assert process.stdout is not None
    process.stdout.readline()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer t"}) as client:
        client.post("/__sim/reset")
        statuses = [client.get(f"/api/data/v9.2/{name}").status_code for name in ("leads", "contacts")]
    assert statuses == [200, 403]
    assert stop(process, signal.SIGTERM)[0] == 0


def test_a_roles_file_with_an_unknown_user_ends_it_with_code_2(tmp_path: Path) -> None:
    roles = tmp_path / "roles.json"
    roles.write_text('{"roles": {"R": {}}, "assignments": {"nobody@example.com": ["R"]}}')
    process = start("--port", str(free_port()), "--roles", str(roles))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors.startswith("The roles file cannot be used")
    assert "nobody@example.com" in errors
