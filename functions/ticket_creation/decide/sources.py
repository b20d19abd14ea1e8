"""What triggers know of a call, and which triggers ask for what nobody tells them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from functions.ticket_creation.rules import DOCUMENT, Condition, SourcedField, Sources, TicketTriggers
from shared.enreach.values import seconds
from shared.ticket_request import CallDirection, CallStatus, TicketRequest

_REQUEST: Final = "request"
_VARIABLE: Final = "variables."
# The usual spellings of Enreach (docs/enreach-client.md) and those of requests.
_DIRECTIONS: Mapping[str, CallDirection] = {
    **dict.fromkeys(("0", "false", "in", "inbound", "incoming"), CallDirection.INCOMING),
    **dict.fromkeys(("1", "true", "out", "outbound", "outgoing"), CallDirection.OUTGOING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What the conditions of triggers look at; None is not known."""

    queue: str | None = field(default=None, repr=False)
    call_status: str | None = None
    direction: str | None = None
    outbound_route: str | None = None
    agent: str | None = field(default=None, repr=False)
    duration: int | None = None
    """Seconds of talk."""
    caller_match: str | None = None
    """A value of `MatchKind`."""
    open_hours: frozenset[str] = frozenset()
    """Names of the opening hours that were open when the call began."""


def facts_of(
    request: TicketRequest, sources: Sources, *, caller_match: str | None, open_hours: frozenset[str]
) -> CallFacts:
    """The facts of this call: for each field the first of its sources that has a value which makes sense there."""
    return CallFacts(
        queue=_first(request, sources, "queue"),
        call_status=_status(request, sources),
        direction=_direction(request, sources),
        outbound_route=_first(request, sources, "outboundRoute"),
        agent=_first(request, sources, "agent"),
        duration=_duration(request, sources),
        caller_match=caller_match,
        open_hours=open_hours,
    )


def _status(request: TicketRequest, sources: Sources) -> str | None:
    """The first of the site's own statuses that a source means, else what the sources of the field say, else the first
    of the usual statuses that a word of Enreach means."""
    return (
        _meant(request, sources.statuses)
        or _first(request, sources, "callStatus")
        or _meant(request, sources.default_statuses)
    )


def _meant(request: TicketRequest, statuses: Mapping[str, tuple[str, ...]]) -> str | None:
    for status, words in statuses.items():
        for source, _, word in (each.partition("=") for each in words):
            said = _said(request, "callStatus", source)
            if said is not None and said.casefold() == word.strip().casefold():
                return status
    return None


def _direction(request: TicketRequest, sources: Sources) -> str | None:
    said = (_DIRECTIONS.get(text.casefold()) for text in _texts(request, sources, "direction"))
    return next((direction.value for direction in said if direction is not None), None)


def _duration(request: TicketRequest, sources: Sources) -> int | None:
    said = (seconds(text) for text in _texts(request, sources, "duration"))
    return next((duration for duration in said if duration is not None), None)


def _first(request: TicketRequest, sources: Sources, name: SourcedField) -> str | None:
    return next(_texts(request, sources, name), None)


def _texts(request: TicketRequest, sources: Sources, name: SourcedField) -> Iterator[str]:
    for source in sources.read_from(name):
        text = _said(request, name, source)
        if text is not None:
            yield text


def _said(request: TicketRequest, name: SourcedField, source: str) -> str | None:
    """What a source says; blank counts as nothing."""
    text = _own(request, name) if source == _REQUEST else _variable(request, source.removeprefix(_VARIABLE))
    return (text.strip() or None) if text is not None else None


def _own(request: TicketRequest, name: SourcedField) -> str | None:
    match name:
        case "queue":
            return request.queue
        case "callStatus":
            return request.call_status
        case "direction":
            return request.direction
        case "outboundRoute":
            return request.outbound_route
        case "agent":
            return request.agent_email
        case "duration":
            return None if request.duration_seconds is None else str(request.duration_seconds)


def _variable(request: TicketRequest, name: str) -> str | None:
    """The variable of this name, else the first whose name differs in case alone: Enreach's fields do so by version."""
    found = request.variables.get(name)
    if found is not None:
        return found
    folded = name.casefold()
    return next((text for each, text in request.variables.items() if each.casefold() == folded), None)


# ------------------------------------------------------------------------------------- what nobody tells them


def unfilled(document: TicketTriggers, hours_names: Collection[str]) -> list[str]:
    """A sentence for each trigger that asks for something that no source fills. `hours_names`: the opening hours of
    routing.json."""
    hours = frozenset(name.casefold() for name in hours_names)
    found: list[str] = []
    for trigger in document.triggers:
        for condition in trigger.conditions:
            problems = _problems(condition, document.sources, hours)
            found += (f'trigger "{trigger.name}" of {DOCUMENT} asks for {problem}' for problem in problems)
    return list(dict.fromkeys(found))


def _problems(condition: Condition, sources: Sources, hours: frozenset[str]) -> Iterable[str]:
    match condition.field:
        case "callerMatch":
            return ()
        case "openingHours":
            unknown = [name for name in condition.values if str(name).casefold() not in hours]
            return (f'the opening hours "{name}", which routing.json does not have' for name in unknown)
        case "callStatus" if not _says_any_word(sources):
            known = _known_statuses(sources)
            unknown = [word for word in condition.values if str(word).casefold() not in known]
            return (f'the callStatus "{word}", which no source gives: name one in sources.statuses' for word in unknown)
        case name if not sources.of(name):
            return (f"{name}, which no source fills: name one in sources.fields",)
    return ()


def _says_any_word(sources: Sources) -> bool:
    """Whether the status is filled by something of which nobody knows the words."""
    return any(source != _REQUEST for source in sources.of("callStatus"))


def _known_statuses(sources: Sources) -> frozenset[str]:
    mapped = {**sources.default_statuses, **sources.statuses}
    given = {status.casefold() for status, words in mapped.items() if words}
    return frozenset(given | set(CallStatus) if _REQUEST in sources.of("callStatus") else given)
