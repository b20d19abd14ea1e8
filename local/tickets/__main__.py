"""`python -m local.tickets explain | parked | redrive`: tickets, as an administrator looks at them.

Exit codes: 0 it is shown or done; 1 storage did not answer; 2 the command was called in a wrong way, or settings or
documents cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from local.app_settings import UsageError
from local.tickets import explain, parked
from shared.settings import SettingsError

_COMMANDS = (explain, parked)
"""Each adds its parsers, which name what runs them."""
_WIDTH_OF_A_PIPE = 160


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and say how it went by the exit code."""
    arguments = _parser().parse_args(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    try:
        code: int = arguments.run(arguments, console)
    except (UsageError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.tickets", description="Look at tickets.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
