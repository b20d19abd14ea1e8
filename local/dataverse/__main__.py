"""`python -m local.dataverse`: serves the simulator until it is told to stop."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from local.dataverse.application import build_app, build_runner
from local.dataverse.certificate import server_context
from local.dataverse.extensions import read_extension
from local.dataverse.simulator import Simulator
from local.simulation.serving import Place, serve, spare_the_collector


def read_arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.dataverse", description="Simulates the Dataverse Web API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7081)
    parser.add_argument("--tls-port", type=int, help="serve https there too, with a self-signed certificate")
    parser.add_argument(
        "--columns", type=Path, action="append", default=[], metavar="FILE", help="JSON file of extra columns"
    )
    parser.add_argument("--roles", type=Path, metavar="FILE", help="JSON file of roles, rights and assignments")
    return parser.parse_args()


def main() -> int:
    """Returns the exit code: 0 when stopped, 2 when it could not start."""
    arguments = read_arguments()
    try:
        simulator = Simulator([read_extension(path) for path in arguments.columns])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"The columns file cannot be used: {error}", file=sys.stderr)
        return 2
    try:
        if arguments.roles is not None:
            simulator.start_with_roles(json.loads(arguments.roles.read_text("utf-8")))
    except (OSError, ValueError) as error:
        print(f"The roles file cannot be used: {error}", file=sys.stderr)
        return 2
    spare_the_collector()
    try:
        runner = build_runner(build_app(simulator))
        places: list[Place] = [(arguments.port, None)]
        if arguments.tls_port is not None:
            places.insert(0, (arguments.tls_port, server_context()))
        asyncio.run(serve(runner, "Dataverse", arguments.host, places))
    except OSError as error:
        ports = " or ".join(str(port) for port in (arguments.port, arguments.tls_port) if port is not None)
        print(
            f"The Dataverse simulator cannot listen on {arguments.host} port {ports}: {error.strerror}.",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
