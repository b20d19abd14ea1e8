"""`python -m local.callbacks lists`: Enreach's callback lists, and which of them no profile uses.

Exit codes: 0 they are shown; 1 Enreach did not answer; 2 the command was called in a wrong way, or settings or
documents cannot be used.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from functions.callback_sync.rules import CallbackProfiles
from local.app_settings import CONFIG, UsageError, app_settings
from local.callbacks.documents import names, open_documents, profiles
from local.callbacks.lists import show, uses
from shared.enreach.client import credentials_of, open_client
from shared.enreach.credentials import Absence
from shared.enreach.document import EnreachDocument
from shared.enreach.errors import EnreachError
from shared.settings import Settings, SettingsError

_WIDTH_OF_A_PIPE = 160


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and say how it went by the exit code."""
    arguments = _parser().parse_args(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    try:
        with app_settings(arguments.settings) as settings:
            asyncio.run(_lists(None if arguments.uploaded else arguments.config, settings, console))
    except (UsageError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except EnreachError as error:
        print(f"Enreach did not answer: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.callbacks", description="Look at callback lists.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="lists")
    lists = commands.add_parser("lists", help="Enreach's callback lists, and which of them no profile uses")
    where = lists.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, default=CONFIG, metavar="DIR",
        help="folder with callback-profiles.json and enreach.json (default: local/config)",
    )  # fmt: skip
    where.add_argument(
        "--uploaded", action="store_true", help="read both from the container config of the app's storage"
    )
    lists.add_argument(
        "--settings", type=Path, metavar="PATH", help="default: local.settings.json, else local.settings.example.json"
    )
    return parser


async def _lists(folder: Path | None, settings: Settings, console: Console) -> None:
    async with open_documents(folder, settings) as documents:
        document, spellings = await profiles(documents), await names(documents)

    async def running_names() -> EnreachDocument:
        return spellings

    client = open_client(settings, running_names)
    if client is None:
        found = credentials_of(settings)
        raise UsageError(found.reason if isinstance(found, Absence) else "Enreach has no credentials")
    try:
        lists = await client.callback_lists()
    finally:
        await client.close()
    show(uses(document or CallbackProfiles(), lists.items, len(lists.unreadable)), document, console)


if __name__ == "__main__":
    sys.exit(main())
