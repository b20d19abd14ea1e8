"""`python -m local.demo`: starts a stack of its own on free ports, tells the story, stops everything.

DEMO_FILE and PROFILE tell it of another schedule file. Exit codes: 0 told to its end, 1 it ended otherwise than it
should, 2 it could not begin.
"""

import os
import sys
from pathlib import Path

from rich.console import Console

from local.demo.doors import DemoError, Doors
from local.demo.story import Story
from local.stack.parts import ROOT
from local.stack.running import StackError, running_stack

SAMPLE = ROOT / "local" / "samples" / "wfm" / "nice_iex_agentScheduleDetail_110226_0615.txt"
SAMPLE_PROFILE = "nice-iex"
BUILD = ROOT / "build" / "demo"


def main() -> int:
    """Tell the story and say how it went by the exit code."""
    # A pipe has no width of its own; 100 columns keep every table in one line a row.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    given = os.environ.get("DEMO_FILE", "").strip()
    file, profile = Path(given or SAMPLE), os.environ.get("PROFILE", "").strip()
    if given and not profile:
        print("DEMO_FILE needs PROFILE, the schedule profile to read it with (for example nice-iex).", file=sys.stderr)
        return 2
    if not file.is_file():
        print(f"There is no file {file}.", file=sys.stderr)
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    log_file = BUILD / "stack.log"
    log_file.unlink(missing_ok=True)
    console.print("Starting Azurite, the simulators and the functions host...")
    try:
        with running_stack(log_file=log_file) as stack:
            console.print(f"Switchboard runs at {stack.functions_url}, Dynamics (simulated) at {stack.dataverse_url}")
            doors = Doors(
                stack.functions_url,
                stack.dataverse_url,
                stack.enreach_url,
                stack.storage_connection_string,
                stack.routing_key,
            )
            code = tell(console, doors, file, profile or SAMPLE_PROFILE)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    if code:
        print(f"The stack's log: {log_file}", file=sys.stderr)
        return code
    console.print()
    console.print("Everything is stopped. `make run` starts it to stay.")
    return 0


def tell(console: Console, doors: Doors, file: Path, profile: str) -> int:
    """Tell the story on a running stack, close its doors, and say how it went by the exit code."""
    try:
        Story(console, doors, BUILD).tell(file, profile)
    except DemoError as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    finally:
        doors.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
