"""`python -m local.host --app DIR --port 7071`: run a functions app until Ctrl-C."""

import argparse
import asyncio
import logging
import sys
import time
from pathlib import Path

from local.host.errors import StartError
from local.host.host import serve

_QUIET = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.functions",  # the worker's own two lines for each invocation
    "azure.storage",
    "asyncio",
    "httpx",
    "httpcore",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Runs an Azure Functions app locally.")
    parser.add_argument("--app", type=Path, default=Path(), help="folder with host.json and function_app.py")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json of the app, if there is one")
    parser.add_argument(
        "--stop-seconds", type=float, default=5.0, help="how long a stop waits for functions that run (default 5)"
    )
    given = parser.parse_args(arguments)
    _log_to_stderr()
    app_dir = given.app.resolve()
    default = app_dir / "local.settings.json"
    settings = given.settings.resolve() if given.settings else default if default.exists() else None
    try:
        return asyncio.run(serve(app_dir, given.host, given.port, settings, given.stop_seconds))
    except StartError as error:
        # The sentence comes last: it is what a reader, or a log that keeps the last lines, must not miss.
        print(f"{error.trace}The functions host cannot start. {error}", file=sys.stderr)
        return 2


def _log_to_stderr() -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="[%(asctime)s.%(msecs)03dZ] %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    raise SystemExit(main())
