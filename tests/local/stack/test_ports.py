"""Ports of the stack: defaults, variables, and what is said about those that cannot be used."""

import socket

import pytest

from local.stack.ports import PORTS, free_port, free_ports, read_ports, taken_ports

DEFAULTS = {
    "FUNCTIONS_PORT": 7071,
    "AZURITE_BLOB_PORT": 10000,
    "AZURITE_QUEUE_PORT": 10001,
    "AZURITE_TABLE_PORT": 10002,
    "DATAVERSE_SIM_PORT": 7081,
    "ENREACH_SIM_PORT": 7082,
}


@pytest.mark.parametrize(
    ("environ", "changed"),
    [
        pytest.param({}, {}, id="defaults"),
        pytest.param({"FUNCTIONS_PORT": "8000"}, {"FUNCTIONS_PORT": 8000}, id="a variable moves a part"),
        pytest.param({"FUNCTIONS_PORT": ""}, {}, id="an empty variable counts as not set"),
        pytest.param(
            {"DATAVERSE_SIM_TLS_PORT": "7443"}, {"DATAVERSE_SIM_TLS_PORT": 7443}, id="TLS only when asked for"
        ),
    ],
)
def test_ports_by_variable(environ: dict[str, str], changed: dict[str, int]) -> None:
    assert read_ports(environ) == ({**DEFAULTS, **changed}, [])


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80.0", "٣"])
def test_a_malformed_port_is_named_with_its_variable(text: str) -> None:
    ports, problems = read_ports({"DATAVERSE_SIM_PORT": text})
    assert problems == [f"DATAVERSE_SIM_PORT={text} is not a port number (1 to 65535)."]
    assert "DATAVERSE_SIM_PORT" not in ports


def test_two_parts_on_one_port_are_named() -> None:
    _ports, problems = read_ports({"DATAVERSE_SIM_PORT": "10001"})
    assert problems == ["DATAVERSE_SIM_PORT and AZURITE_QUEUE_PORT are both 10001: give each part a port of its own."]


def test_every_taken_port_is_named_with_its_part_and_variable() -> None:
    ports = free_ports()
    blob, functions = ports["AZURITE_BLOB_PORT"], ports["FUNCTIONS_PORT"]
    with socket.create_server(("127.0.0.1", blob)), socket.create_server(("127.0.0.1", functions)):
        assert taken_ports(ports) == [
            f"Port {functions} (functions host) is taken. Stop what uses it or set FUNCTIONS_PORT to a free port.",
            f"Port {blob} (Azurite blob) is taken. Stop what uses it or set AZURITE_BLOB_PORT to a free port.",
        ]
    assert taken_ports(ports) == []


def test_free_ports_are_different_and_cover_every_part() -> None:
    ports = free_ports(tls=True)
    assert set(ports) == {port.variable for port in PORTS}
    assert len(set(ports.values())) == len(ports)
    assert set(free_ports()) == set(DEFAULTS)


def test_a_free_port_is_kept_for_its_part_until_it_listens() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as part:
        assert part.getsockname()[1] == port
