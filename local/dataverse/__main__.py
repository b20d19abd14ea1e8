"""`python -m local.dataverse`: serves the simulator until it is told to stop."""

import argparse
import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from local.dataverse.application import build_app, build_runner
from local.dataverse.certificate import server_context
from local.dataverse.extensions import read_extension
from local.dataverse.simulator import Simulator


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


async def serve(arguments: argparse.Namespace, simulator: Simulator) -> None:
    """Serves until SIGINT or SIGTERM. Raises OSError when a port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    runner = build_runner(build_app(simulator))
    await runner.setup()
    try:
        await web.TCPSite(runner, arguments.host, arguments.port).start()
        if arguments.tls_port is not None:
            await web.TCPSite(runner, arguments.host, arguments.tls_port, ssl_context=server_context()).start()
            print(f"Dataverse simulator: https://{arguments.host}:{arguments.tls_port}", flush=True)
        print(f"Dataverse simulator: http://{arguments.host}:{arguments.port}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def spare_the_collector() -> None:
    """Rows are not cyclic: walking 400,000 of them again and again would stop the server for a third of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)


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
        asyncio.run(serve(arguments, simulator))
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
