"""`python -m local.enreach`: serves the simulator until it is told to stop."""

import argparse
import asyncio
import gc
import signal
import sys

from aiohttp import web

from local.enreach.application import build_app, build_runner
from local.enreach.simulator import Simulator


def read_arguments() -> argparse.Namespace:
    """Returns the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.enreach", description="Simulates the Enreach Cloud API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7082)
    return parser.parse_args()


async def serve(arguments: argparse.Namespace, simulator: Simulator) -> None:
    """Serves until SIGINT or SIGTERM. Raises OSError when the port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    runner = build_runner(build_app(simulator))
    await runner.setup()
    try:
        await web.TCPSite(runner, arguments.host, arguments.port).start()
        print(f"Enreach simulator: http://{arguments.host}:{arguments.port}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def spare_the_collector() -> None:
    """Events are not cyclic: walking 100,000 of them again and again would stop the server."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)


def main() -> int:
    """Returns the exit code: 0 when stopped, 2 when it could not start."""
    arguments = read_arguments()
    simulator = Simulator()
    spare_the_collector()
    try:
        asyncio.run(serve(arguments, simulator))
    except OSError as error:
        print(
            f"The Enreach simulator cannot listen on {arguments.host} port {arguments.port}: {error.strerror}.",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
