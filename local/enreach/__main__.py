"""`python -m local.enreach`: serves the simulator until it is told to stop."""

import argparse
import asyncio
import sys

from local.enreach.application import build_app, build_runner
from local.enreach.simulator import Simulator
from local.simulation.serving import serve, spare_the_collector


def read_arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.enreach", description="Simulates the Enreach Cloud API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7082)
    return parser.parse_args()


def main() -> int:
    """Returns the exit code: 0 when stopped, 2 when it could not start."""
    arguments = read_arguments()
    simulator = Simulator()
    spare_the_collector()
    try:
        asyncio.run(serve(build_runner(build_app(simulator)), "Enreach", arguments.host, [(arguments.port, None)]))
    except OSError as error:
        print(
            f"The Enreach simulator cannot listen on {arguments.host} port {arguments.port}: {error.strerror}.",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
