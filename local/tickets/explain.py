"""One call that may never have been: which triggers it matches, why the others not, and what its case would hold."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.ticket_creation.decide.conditions import asks_for_match, configurations_of, holds, matches
from functions.ticket_creation.decide.sources import CallFacts, facts_of, unfilled
from functions.ticket_creation.decide.templates import render, values_of
from functions.ticket_creation.rules import DOCUMENT, Condition, TicketTriggers, Trigger
from functions.ticket_creation.use_case.premises import HOURS, NamedHours
from local.app_settings import CONFIG, UsageError, app_settings
from local.callbacks.documents import Documents, Folder, open_documents
from shared.config_documents import json_document
from shared.customers import MatchKind
from shared.opening_hours import is_open
from shared.ticket_request import BadTicketRequestError, TicketRequest, read_message

CALL_ID = "00000000-0000-0000-0000-000000000000"
"""Stands for the id of the call."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trigger says to the call: the conditions that do not hold, none where it matches."""

    trigger: Trigger
    matches: bool
    counts: bool
    """Whether its configuration makes a case."""
    failed: tuple[Condition, ...] = ()
    """Of `all`, those that do not hold; of `any`, every one where none holds."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a configuration would make of the call."""

    trigger: str
    configuration: str
    title: str
    description: str
    columns: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """All that there is to say."""

    facts: CallFacts
    verdicts: tuple[Verdict, ...]
    tickets: tuple[Ticket, ...]
    unfilled: tuple[str, ...]
    """What health would say of the document."""
    lacks_match: bool
    """Whether a trigger asks what the caller is, and nobody said it."""


def explained(document: TicketTriggers, hours: NamedHours, request: TicketRequest, match: str | None) -> Explained:
    """The call's way through the document. `match`: what the caller is in Dynamics. Raises ValueError for a request
    without a start."""
    if request.start_time is None:
        raise ValueError("the request has to say when the call began")
    moment = request.start_time
    open_now = frozenset(name for name, each in hours.opening_hours.items() if is_open(each, moment))
    facts = facts_of(request, document.sources, caller_match=match, open_hours=open_now)
    counting = configurations_of(document, facts)
    return Explained(
        facts,
        tuple(_verdict(trigger, facts, {name for name, _ in counting}) for trigger in document.triggers),
        tuple(_ticket(document, request, *each) for each in counting),
        tuple(unfilled(document, hours.opening_hours.keys())),
        match is None and asks_for_match(document),
    )


def _verdict(trigger: Trigger, facts: CallFacts, counting: set[str]) -> Verdict:
    failed = [each for each in trigger.all_of if not holds(each, facts)]
    if not any(holds(each, facts) for each in trigger.any_of):
        failed += trigger.any_of
    return Verdict(trigger, matches(trigger, facts), trigger.name in counting, tuple(failed))


def _ticket(document: TicketTriggers, request: TicketRequest, trigger: str, name: str) -> Ticket:
    configuration = document.configurations[name]
    values = values_of(request, document.zone, {"trigger": trigger, "configuration": name})
    title, description = render(configuration.title, values), render(configuration.description, values)
    columns = {column: render(str(raw), values) for column, raw in configuration.columns.items()}
    missing = dict.fromkeys(each for filled in (title, description, *columns.values()) for each in filled.missing)
    return Ticket(
        trigger,
        name,
        " ".join(title.text.split()),
        description.text.strip(),
        # As in Dynamics: a column is left empty rather than filled with the name of what is missing.
        tuple((column, "" if filled.missing else filled.text) for column, filled in columns.items()),
        tuple(missing),
    )


# ------------------------------------------------------------------------------------------------- the command


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of this command."""
    parser = commands.add_parser("explain", help="which triggers a call matches, and what its case would hold")
    parser.set_defaults(run=run)
    call = parser.add_argument_group("the call; what is left out is not known")
    call.add_argument("--queue", metavar="NAME")
    call.add_argument("--status", metavar="WORD", help="answered, unanswered, overflow or another word")
    call.add_argument("--direction", choices=("incoming", "outgoing"))
    call.add_argument("--route", metavar="NAME", help="by which an outgoing call left")
    call.add_argument("--duration", type=int, metavar="SECONDS", help="of talk")
    call.add_argument("--agent", metavar="EMAIL")
    call.add_argument("--caller", metavar="NUMBER")
    call.add_argument("--called", metavar="NUMBER")
    call.add_argument("--at", metavar="MOMENT", help="when it began, such as 2027-03-01T08:15; default: now")
    call.add_argument("--match", choices=[kind.value for kind in MatchKind], help="what the caller is in Dynamics")
    call.add_argument(
        "--variable", action="append", default=[], metavar="NAME=VALUE",
        help="a variable, such as call.EndResult=Voicemail or customerName=Elina",
    )  # fmt: skip
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, default=CONFIG, metavar="DIR",
        help="folder with ticket-triggers.json and routing.json (default: local/config)",
    )  # fmt: skip
    where.add_argument(
        "--uploaded", action="store_true", help="read both from the container config of the app's storage"
    )
    parser.add_argument(
        "--settings", type=Path, metavar="PATH",
        help="for --uploaded; default: local.settings.json, else local.settings.example.json",
    )  # fmt: skip


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Explain the call of the arguments. Raises UsageError."""
    document, hours = asyncio.run(_documents(arguments))
    request = _request(arguments, document.zone)
    show(explained(document, hours, request, arguments.match), request, document, console)
    return 0


async def _documents(arguments: argparse.Namespace) -> tuple[TicketTriggers, NamedHours]:
    if not arguments.uploaded:
        return await _read(Folder(arguments.config), str(arguments.config))
    with app_settings(arguments.settings) as settings:
        async with open_documents(None, settings) as documents:
            return await _read(documents, "the container config")


async def _read(documents: Documents, where: str) -> tuple[TicketTriggers, NamedHours]:
    document = await documents.read(DOCUMENT, json_document(TicketTriggers))
    if document is None:
        raise UsageError(f"there is no {DOCUMENT} in {where}: no call makes a case")
    return document, await documents.read(HOURS, json_document(NamedHours)) or NamedHours()


def _request(arguments: argparse.Namespace, zone: ZoneInfo) -> TicketRequest:
    given: dict[str, Any] = {
        "version": 1,
        "callId": CALL_ID,
        "direction": arguments.direction,
        "queue": arguments.queue,
        "callStatus": arguments.status,
        "agentEmail": arguments.agent,
        "callerNumber": arguments.caller,
        "calledNumber": arguments.called,
        "startTime": _moment(arguments.at, zone).isoformat(),
        "durationSeconds": arguments.duration,
        "outboundRoute": arguments.route,
        "variables": dict(map(_variable, arguments.variable)),
    }
    try:
        return read_message(json.dumps(given).encode())
    except BadTicketRequestError as error:
        raise UsageError(f"this is no call: {error}") from None


def _moment(text: str | None, zone: ZoneInfo) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--at takes a moment such as 2027-03-01T08:15 or 2027-03-01T08:15Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError("--variable takes NAME=VALUE")
    return name.strip(), value


# ------------------------------------------------------------------------------------------------------ output


def show(found: Explained, request: TicketRequest, document: TicketTriggers, console: Console) -> None:
    """Print what is known of the call, what each trigger says to it, and what its cases would hold."""
    console.print(_facts(found.facts, request, document))
    triggers = Table("trigger", "verdict", "configuration", "why not", title="What each trigger says", **_LEFT)
    for each in found.verdicts:
        why = "\n".join(escape(line) for line in _why_not(each, found.facts))
        name, configuration = escape(each.trigger.name), escape(each.trigger.configuration)
        triggers.add_row(name, _word(each), configuration, why, style="bold" if each.counts else None)
    console.print(triggers)
    for ticket in found.tickets:
        console.print(_texts(ticket))
    if not found.tickets:
        console.print("No trigger matches: the call makes no case.")
    elif any(name in ("customerName", "agentName") for ticket in found.tickets for name in ticket.missing):
        console.print("customerName and agentName are asked of Dynamics; --variable customerName=... stands in here.")
    if found.lacks_match:
        console.print("A trigger asks for callerMatch, which is not known here: say it with --match.")
    for sentence in found.unfilled:
        console.print(f"Health warns: {sentence}.", markup=False, soft_wrap=True)


_LEFT: Any = {"title_justify": "left"}


def _facts(facts: CallFacts, request: TicketRequest, document: TicketTriggers) -> Table:
    table = Table(title="What triggers know of the call", show_header=False, **_LEFT)
    for name in ("queue", "callStatus", "direction", "outboundRoute", "agent", "duration", "callerMatch"):
        table.add_row(name, escape(_known(name, facts)))
    assert request.start_time is not None
    began = f"{request.start_time.astimezone(document.zone):%a %Y-%m-%d %H:%M} {document.time_zone}"
    table.add_row("openingHours", escape(f"{_known('openingHours', facts)} ({began})"))
    return table


def _word(verdict: Verdict) -> str:
    if verdict.counts:
        return "makes a case"
    return "matches, an earlier one counts" if verdict.matches else "no"


def _why_not(verdict: Verdict, facts: CallFacts) -> Iterator[str]:
    if verdict.matches:
        return
    for each in verdict.failed:
        group = "all" if any(each is one for one in verdict.trigger.all_of) else "any"
        value = json.dumps(each.value, ensure_ascii=False)
        yield f"{group}: {each.field} {each.operator} {value}; the call has {_known(each.field, facts)}"


def _known(name: str, facts: CallFacts) -> str:
    if name == "openingHours":
        return f"{', '.join(sorted(facts.open_hours))} open" if facts.open_hours else "none open"
    values = {
        "queue": facts.queue,
        "callStatus": facts.call_status,
        "direction": facts.direction,
        "outboundRoute": facts.outbound_route,
        "agent": facts.agent,
        "duration": facts.duration,
        "callerMatch": facts.caller_match,
    }
    value = values[name]
    return "(not known)" if value is None else json.dumps(value, ensure_ascii=False)


def _texts(ticket: Ticket) -> Table:
    heading = f"Configuration {ticket.configuration}, by trigger {ticket.trigger}"
    table = Table(title=escape(heading), show_header=False, **_LEFT)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("title", escape(ticket.title))
    table.add_row("description", escape(ticket.description) or "(empty)")
    for name, text in ticket.columns:
        table.add_row(escape(name), escape(text) or "(left empty)")
    table.add_row("missing variables", escape(", ".join(ticket.missing)) or "none")
    return table
