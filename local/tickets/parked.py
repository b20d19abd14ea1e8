"""Requests that wait for a person, and the way back: over the app's own storage, also while no app runs."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.ticket_creation.use_case.parking import Parking
from local.app_settings import UsageError, app_settings
from shared.calls.ids import canonical_call_id
from shared.clock import utc_now
from shared.settings import Settings
from shared.storage.errors import StorageError
from shared.storage.messages import open_messages
from shared.storage.tables import open_tables
from shared.tickets.ledger import TicketLedger
from shared.tickets.records import ParkedMessage

MOST_SHOWN = 200


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of both commands."""
    parked = commands.add_parser("parked", help="requests that wait for a person, and why")
    parked.set_defaults(run=run_parked)
    redrive = commands.add_parser("redrive", help="send parked requests back to the queue")
    redrive.set_defaults(run=run_redrive)
    redrive.add_argument("--call-id", metavar="ID", help="only what is about this call; default: all")
    for parser in (parked, redrive):
        parser.add_argument(
            "--settings", type=Path, metavar="PATH",
            help="default: local.settings.json, else local.settings.example.json",
        )  # fmt: skip


def run_parked(arguments: argparse.Namespace, console: Console) -> int:
    """Show what is parked. Raises UsageError, SettingsError."""
    with app_settings(arguments.settings) as settings:
        return _carried_out(_show(settings, console))


def run_redrive(arguments: argparse.Namespace, console: Console) -> int:
    """Send back what is parked. Raises UsageError, SettingsError."""
    call_id = None
    if arguments.call_id is not None:
        try:
            call_id = canonical_call_id(arguments.call_id)
        except ValueError as error:
            raise UsageError(f"--call-id: {error}") from None
    with app_settings(arguments.settings) as settings:
        return _carried_out(_redrive(settings, call_id, console))


def _carried_out(command: Coroutine[Any, Any, None]) -> int:
    try:
        asyncio.run(command)
    except StorageError as error:
        print(f"Storage did not answer: {error}", file=sys.stderr)
        return 1
    return 0


async def _show(settings: Settings, console: Console) -> None:
    async with _open(settings) as parking:
        parked = await parking.parked()
    if not parked:
        console.print("No request is parked.")
        return
    console.print(shown(parked[:MOST_SHOWN]))
    if len(parked) > MOST_SHOWN:
        console.print(f"{len(parked) - MOST_SHOWN} older ones are not shown.")


async def _redrive(settings: Settings, call_id: str | None, console: Console) -> None:
    sent = 0
    async with _open(settings) as parking:
        # Each takes a limited number: what comes back in between is parked anew, and stays.
        to_send = sum(call_id in {None, each.call_id} for each in await parking.parked())
        while True:
            done = await parking.redrive(call_id)
            sent += done.sent
            if not done.sent or sent >= to_send:
                break
    console.print(f"{sent} sent back to the queue, {done.left} still parked.")


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Parking]:
    tables, messages = open_tables(settings), open_messages(settings)
    try:
        yield Parking(TicketLedger(tables), messages, utc_now)
    finally:
        await messages.close()
        await tables.close()


def shown(parked: Sequence[ParkedMessage]) -> Table:
    """A line for each."""
    table = Table()
    for name in ("call", "code", "reason", "parked at (UTC)", "attempts", "re-drives"):
        table.add_column(name, overflow="fold")
    for each in parked:
        table.add_row(
            each.call_id or "(not told)",
            each.code,
            escape(each.reason),
            f"{each.parked_at:%Y-%m-%d %H:%M}",
            str(each.attempts),
            str(each.redrives),
        )
    return table
