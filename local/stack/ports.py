"""Which part listens where, and which environment variable moves it."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Port:
    """`default` None: the part listens here only when the variable is set."""

    variable: str
    part: str
    default: int | None


FUNCTIONS = Port("FUNCTIONS_PORT", "functions host", 7071)
BLOB = Port("AZURITE_BLOB_PORT", "Azurite blob", 10000)
QUEUE = Port("AZURITE_QUEUE_PORT", "Azurite queue", 10001)
TABLE = Port("AZURITE_TABLE_PORT", "Azurite table", 10002)
DATAVERSE = Port("DATAVERSE_SIM_PORT", "Dataverse simulator", 7081)
DATAVERSE_TLS = Port("DATAVERSE_SIM_TLS_PORT", "Dataverse simulator (TLS)", None)
ENREACH = Port("ENREACH_SIM_PORT", "Enreach simulator", 7082)
PORTS = (FUNCTIONS, BLOB, QUEUE, TABLE, DATAVERSE, DATAVERSE_TLS, ENREACH)

Ports = Mapping[str, int]  # by variable; a part that does not listen is absent


def read_ports(environ: Mapping[str, str]) -> tuple[dict[str, int], list[str]]:
    """The ports by variable, and a sentence for each one that cannot be used as it is written."""
    ports: dict[str, int] = {}
    problems = []
    for port in PORTS:
        text = environ.get(port.variable, "").strip() or str(port.default or "")
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            problems.append(f"{port.variable}={text} is not a port number (1 to 65535).")
            continue
        same = [other.variable for other in PORTS if ports.get(other.variable) == int(text)]
        if same:
            problems.append(f"{port.variable} and {same[0]} are both {text}: give each part a port of its own.")
        ports[port.variable] = int(text)
    return ports, problems


def taken_ports(ports: Ports) -> list[str]:
    """A sentence for each port that something listens on already."""
    return [
        f"Port {ports[port.variable]} ({port.part}) is taken. Stop what uses it or set {port.variable} to a free port."
        for port in PORTS
        if port.variable in ports and _is_taken(ports[port.variable])
    ]


def _is_taken(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, number))
        except OSError:
            return True
    # macOS lets us bind 127.0.0.1 while another process listens on all addresses: ask as a client too.
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex((ADDRESS, number)) == 0


def free_ports(*, tls: bool = False) -> dict[str, int]:
    """A free port for every part, by variable; the TLS listener of the simulator only when asked for."""
    return {port.variable: free_port() for port in PORTS if port.default is not None or tls}


def free_port() -> int:
    """A port that nothing else is given before its part listens there, however many tests choose at once.

    One connection that the listening side closed first leaves the port in TIME_WAIT for a while (60 seconds on Linux,
    30 on macOS; RFC 9293, 3.6.1). Until then the system gives it to nobody who asks for any port, while a part that
    asks for this one gets it, as servers set SO_REUSEADDR.
    """
    with socket.create_server((ADDRESS, 0)) as server:
        number = int(server.getsockname()[1])
        with socket.create_connection((ADDRESS, number)):
            server.accept()[0].close()
    return number
