"""`python -m local.routing explain | replay | handover`: why a call goes where it goes.

Exit codes: 0 it is shown; 1 Dataverse did not answer (replay: not for each call), or the calls cannot be read; 2 the
command was called in a wrong way.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from rich.console import Console

from functions.smart_routing.messages import BadRequestError, RouteRequest, read_request
from local.app_settings import CONFIG, UsageError, app_settings
from local.routing import explain, handover, replay
from local.routing.past_calls import UnreadableCallsError, read_calls
from local.routing.site import FileDocuments, routing, warm_dataverse
from shared.dataverse.errors import DataverseError
from shared.settings import Settings, SettingsError

_WIDTH_OF_A_PIPE = 160


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and say how it went by the exit code."""
    arguments = _parser().parse_args(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    try:
        if arguments.command == "handover":
            handover.show(arguments.url, FileDocuments(arguments.config).rules, console)
            return 0
        with app_settings(arguments.settings) as settings:
            run = _explain if arguments.command == "explain" else _replay
            return asyncio.run(run(arguments, settings, console))
    except (UsageError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except UnreadableCallsError as error:
        print(f"The calls cannot be read: {error}.", file=sys.stderr)
        return 1
    except DataverseError as error:
        print(f"Dataverse did not answer: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.routing", description="Look at the rules of routing.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="explain | replay | handover")
    explaining = commands.add_parser("explain", help="why a call goes where it goes")
    explaining.add_argument("--anum", metavar="NUMBER", help="the caller's number; without it the number is withheld")
    explaining.add_argument("--bnum", required=True, metavar="NUMBER", help="the number called")
    explaining.add_argument("--targetid", metavar="ID")
    explaining.add_argument("--extradata", metavar="JSON", help="a JSON object, as Enreach sends it")
    replaying = commands.add_parser("replay", help="what edited rules would change for past calls")
    replaying.add_argument("file", type=Path, metavar="FILE", help="CSV (anum,bnum,...) or a request body a line")
    replaying.add_argument("--rules", type=Path, required=True, metavar="PATH", help="the edited routing.json")
    replaying.add_argument("--time-zone", metavar="ZONE", help="zone of times without an offset")
    replaying.add_argument("--all", action="store_true", help="print every changed call")
    handing = commands.add_parser("handover", help="what Enreach support needs; never the key")
    handing.add_argument("--url", required=True, metavar="URL", help="the app's address")
    for each in (explaining, replaying, handing):
        each.add_argument(
            "--config", type=Path, default=CONFIG, metavar="DIR",
            help="folder with routing.json and customer-matching.json (default: local/config)",
        )  # fmt: skip
    for each in (explaining, replaying):
        each.add_argument(
            "--settings", type=Path, metavar="PATH",
            help="default: local.settings.json, else local.settings.example.json",
        )  # fmt: skip
    return parser


async def _explain(arguments: argparse.Namespace, settings: Settings, console: Console) -> int:
    request, documents = _request(arguments), FileDocuments(arguments.config)
    async with warm_dataverse(settings) as dataverse:
        found = await explain.explained(routing(documents, dataverse, settings), request)
    explain.show(found, settings.routing_deadline_seconds, console)
    return 0


def _request(arguments: argparse.Namespace) -> RouteRequest:
    body = {"anum": arguments.anum, "bnum": arguments.bnum, "targetid": arguments.targetid}
    try:
        if arguments.extradata is not None:
            body["extradata"] = json.loads(arguments.extradata)
        return read_request(json.dumps(body).encode())
    except BadRequestError as error:
        raise UsageError(f"this is no call: {error}") from None
    except ValueError:
        raise UsageError("--extradata is not JSON") from None


async def _replay(arguments: argparse.Namespace, settings: Settings, console: Console) -> int:
    if not arguments.file.is_file():
        raise UsageError(f"there is no file {arguments.file}")
    if arguments.time_zone and arguments.time_zone not in available_timezones():
        raise UsageError(f"there is no time zone {arguments.time_zone!r}; write it as in Europe/Helsinki")
    running, edited = FileDocuments(arguments.config), FileDocuments(arguments.config, arguments.rules)
    calls = read_calls(arguments.file, ZoneInfo(arguments.time_zone) if arguments.time_zone else None)
    async with warm_dataverse(settings) as dataverse:
        found = await replay.replay(calls, routing(running, dataverse, settings), routing(edited, dataverse, settings))
    replay.show(found, settings.routing_deadline_seconds, console, everything=arguments.all)
    return 0 if all(each.is_complete for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
