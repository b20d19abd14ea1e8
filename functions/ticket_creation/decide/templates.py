"""Texts of a case with the values of its call. What a template may hold: `rules.TextTemplate`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from functions.ticket_creation.rules import TextTemplate
from shared.ticket_request import CallDirection, TicketRequest

# All of them but tab and line feed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A filled template, and the names in it that have no value and no text in its place, each once."""

    text: str = field(repr=False)
    missing: tuple[str, ...] = ()


class _Values(Mapping[str, str]):
    """What stands behind a name: its value, else the text that the template has for it, else that it is missing."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.missing: dict[str, None] = {}

    def __getitem__(self, key: str) -> str:
        name, bar, instead = key.partition("|")
        name = name.strip()
        value = self._values.get(name) or self._in_another_case(name)
        if value:
            return value
        if bar:
            return instead
        self.missing[name] = None
        return f"(no {name})"

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _in_another_case(self, name: str) -> str | None:
        folded = name.casefold()
        return next((text for each, text in self._values.items() if text and each.casefold() == folded), None)


def render(template: str, values: Mapping[str, str]) -> Rendered:
    """The template filled. Values are taken as they are: what looks like a variable in one is text."""
    known = _Values(values)
    text = TextTemplate(template).substitute(known)
    return Rendered(text, tuple(known.missing))


def values_of(request: TicketRequest, zone: ZoneInfo, extra: Mapping[str, str | None]) -> dict[str, str]:
    """What templates may name, as text, without what is not known.

    `extra` goes before the keys of the request, these before its variables, which are also there as
    `variables.<name>`. Moments are local (`2027-03-01 10:15`); with `Utc` behind their names they are ISO 8601.
    Tabs and line feeds stay, other control characters become spaces.
    """
    variables = _cleaned(request.variables)
    named = {f"variables.{name}": text for name, text in variables.items()}
    return {**named, **variables, **_keys(request, zone), **_cleaned(extra)}


def _cleaned(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {name: clean for name, text in texts.items() if text and (clean := _clean(text))}


def _keys(request: TicketRequest, zone: ZoneInfo) -> dict[str, str]:
    is_outgoing = request.direction is CallDirection.OUTGOING
    seconds = request.duration_seconds
    found = {
        "callId": request.call_id,
        "direction": request.direction,
        "queue": request.queue,
        "callStatus": request.call_status,
        "agentEmail": request.agent_email,
        "callerNumber": request.caller_number,
        "calledNumber": request.called_number,
        "customerNumber": request.called_number if is_outgoing else request.caller_number,
        "durationSeconds": None if seconds is None else str(seconds),
        "duration": None if seconds is None else _clock(seconds),
        "outboundRoute": request.outbound_route,
        "recordingUrl": request.recording_url,
    }
    moments = {
        "startTime": request.start_time,
        "answerTime": request.answer_time,
        "endTime": request.end_time,
    }
    for name, moment in moments.items():
        if moment is not None:
            found |= _moment(name, moment, zone)
    return _cleaned(found)


def _moment(name: str, moment: datetime, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    yield name, f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
    yield f"{name}Utc", f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _clock(seconds: int) -> str:
    """`4:18`, from an hour on `1:04:18`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _clean(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub(" ", _LINE_END.sub("\n", text)).strip()
