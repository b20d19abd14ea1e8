"""What all requests go by: the documents, what the configurations name in Dynamics, and which numbers are ours."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.ticket_creation.decide.sources import unfilled
from functions.ticket_creation.decide.targets import Off, Resolved, resolved
from functions.ticket_creation.queries import references
from functions.ticket_creation.rules import DOCUMENT, TicketTriggers
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.dataverse.errors import DataverseError
from shared.dataverse.tables import INCIDENT
from shared.enreach.errors import EnreachError
from shared.enreach.own_numbers import read_own_numbers
from shared.health import Finding, Status
from shared.opening_hours import OpeningHours, is_open
from shared.phone_numbers import e164
from shared.recent import Recent
from shared.sync_runs import UnusableError

MATCHING = "customer-matching.json"
HOURS = "routing.json"
GOOD_FOR = timedelta(minutes=60)
"""How long what the configurations name is remembered; what is missing is looked for anew with every group."""
SELDOM_SECONDS = 3600.0

_NAME = "ticket creation"
_GLANCE_SECONDS = 1.0
"""A check of health that takes two seconds counts as one that does not answer."""
_GLANCE_EVERY_SECONDS = 60.0
_log = logging.getLogger(__name__)


class NamedHours(BaseModel):
    """`openingHours` of routing.json; the rest of the document is others'."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    opening_hours: dict[Annotated[str, StringConstraints(min_length=1)], OpeningHours] = Field(
        default_factory=dict, alias="openingHours"
    )


_read_rules = json_document(TicketTriggers)
_read_matching = json_document(CustomerMatching)
_read_hours = json_document(NamedHours)


@dataclass(frozen=True, slots=True)
class Premises:
    """What a group of requests goes by."""

    rules: TicketTriggers
    matching: CustomerMatching
    hours: Mapping[str, OpeningHours]
    resolved: Resolved
    own_numbers: frozenset[str] | None
    """Lines of our users and queues (E.164), beside those of the document; None while Enreach does not tell."""

    def open_hours(self, moment: datetime) -> frozenset[str]:
        """The names of the opening hours that hold this moment."""
        return frozenset(name for name, hours in self.hours.items() if is_open(hours, moment))


@dataclass(frozen=True, slots=True)
class _Documents:
    rules: TicketTriggers | None
    matching: CustomerMatching
    hours: Mapping[str, OpeningHours]
    etag: str | None


@dataclass(frozen=True, slots=True)
class _Known:
    of: tuple[str | None, TicketTriggers]
    at: datetime
    resolved: Resolved


class PremisesReader:
    """Reads them, and remembers for an hour what the configurations name."""

    def __init__(self, worlds: TicketGateways) -> None:
        self._worlds = worlds
        self._known: _Known | None = None
        self._own_numbers: Recent[str | None, frozenset[str]] = Recent(SELDOM_SECONDS)
        self._told: frozenset[tuple[str, str]] = frozenset()
        self._glance_again_at = float("-inf")

    async def read(self) -> Premises | None:
        """The premises now; None where there are no triggers. Raises UnusableError, DataverseError. No request while
        nothing has changed for an hour."""
        documents = await self._documents()
        if documents.rules is None or not documents.rules.triggers:
            return None
        known = await self._resolved(documents)
        own = await self._read_own_numbers(documents.matching.default_region)
        return Premises(documents.rules, documents.matching, documents.hours, known, own)

    def forget(self) -> None:
        """Look everything up anew with the next group: something is not as it was."""
        self._known = None

    async def health(self) -> list[Finding]:
        """Triggers that never hold since nothing fills what they ask for, and configurations that are off."""
        try:
            documents = await self._documents()
        except UnusableError as error:
            return [Finding(_NAME, Status.RED, f"no ticket is made: {error}")]
        if documents.rules is None:
            return []
        found = [
            Finding(_NAME, Status.AMBER, sentence) for sentence in unfilled(documents.rules, documents.hours.keys())
        ]
        await self._glance()
        if self._known is not None:
            found += [
                Finding(f"ticket configuration {each.name}", Status.AMBER, f"{each.reason}; its requests wait")
                for each in self._known.resolved.values()
                if isinstance(each, Off)
            ]
        return found

    async def _glance(self) -> None:
        """Have configurations known in a process that handles nothing. Asks at most once a minute, and waits a
        second."""
        now = asyncio.get_running_loop().time()
        if now < self._glance_again_at:
            return
        self._glance_again_at = now + _GLANCE_EVERY_SECONDS
        with contextlib.suppress(DataverseError, TimeoutError, UnusableError):
            async with asyncio.timeout(_GLANCE_SECONDS):
                await self.read()

    async def _documents(self) -> _Documents:
        read = self._worlds.documents.read
        rules, matching, hours = await asyncio.gather(
            read(DOCUMENT, _read_rules), read(MATCHING, _read_matching), read(HOURS, _read_hours)
        )
        for name, document in ((DOCUMENT, rules), (MATCHING, matching)):
            if document.value is None and document.problem is not None:
                raise UnusableError(f"{name} cannot be used: {document.problem}")
        if hours.value is None and hours.problem is not None and rules.value is not None and _asks_hours(rules.value):
            raise UnusableError(f"{HOURS} cannot be used, and a trigger asks for opening hours: {hours.problem}")
        named = hours.value or NamedHours()
        return _Documents(rules.value, matching.value or CustomerMatching(), named.opening_hours, rules.etag)

    async def _resolved(self, documents: _Documents) -> Resolved:
        assert documents.rules is not None
        of, now, known = (documents.etag, documents.rules), self._worlds.now(), self._known
        is_whole = known is not None and not any(isinstance(each, Off) for each in known.resolved.values())
        if known is not None and is_whole and known.of == of and timedelta() <= now - known.at < GOOD_FOR:
            return known.resolved
        asked = references(documents.rules)
        dynamics = self._worlds.dynamics
        answers, columns = await asyncio.gather(dynamics.query_packed(asked.queries), dynamics.columns(INCIDENT))
        found = resolved(documents.rules, asked.found(answers), columns)
        self._known = _Known(of, now, found)
        self._tell(found)
        return found

    async def _read_own_numbers(self, region: str | None) -> frozenset[str] | None:
        enreach = self._worlds.enreach
        if enreach is None:
            return frozenset()

        async def ask() -> frozenset[str]:
            texts = await read_own_numbers(enreach)
            return frozenset(number for text in texts if (number := e164(text, region)) is not None)

        try:
            return await self._own_numbers.get(region, ask)
        except EnreachError:
            return None

    def _tell(self, found: Resolved) -> None:
        """Each reason once."""
        now = frozenset((each.name, each.reason) for each in found.values() if isinstance(each, Off))
        for name, reason in sorted(now - self._told):
            _log.warning("Ticket configuration %s is off: %s", name, reason)
        self._told = now


def _asks_hours(rules: TicketTriggers) -> bool:
    return any(
        condition.field == "openingHours"
        for trigger in rules.triggers
        for condition in (*trigger.all_of, *trigger.any_of)
    )
