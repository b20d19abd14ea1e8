"""What holds for all calls of a run: the documents, whose numbers are ours, and what columns take here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from functions.call_sync.decide.fields import Texts
from functions.call_sync.decide.outcome import PHONE_CALL_STATES, Site, site_of
from functions.call_sync.rules import DOCUMENT, CallSync
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.dataverse.tables import PHONE_CALL
from shared.enreach.own_numbers import read_own_numbers
from shared.recent import Recent
from shared.sync_runs import UnusableError

MATCHING = "customer-matching.json"
SELDOM_SECONDS = 3600.0
"""How long numbers of our own and what tables are like are good."""

_read_rules = json_document(CallSync)
_read_matching = json_document(CustomerMatching)


@dataclass(frozen=True, slots=True)
class Premises:
    """What a run goes by."""

    site: Site
    matching: CustomerMatching
    texts: Texts

    @property
    def rules(self) -> CallSync:
        return self.site.rules


class PremisesReader:
    """Reads them; remembers for an hour what seldom changes."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds
        self._own_numbers: Recent[None, frozenset[str]] = Recent(SELDOM_SECONDS)
        self._states: Recent[None, Mapping[int, int]] = Recent(SELDOM_SECONDS)
        self._lengths: Recent[None, Mapping[str, int]] = Recent(SELDOM_SECONDS)

    async def read(self) -> Premises:
        """The premises now. Raises UnusableError, DataverseError, EnreachError."""
        rules, matching = await self.documents()
        return Premises(await self.site(rules, matching), matching, await self._texts(rules))

    async def documents(self) -> tuple[CallSync, CustomerMatching]:
        """Both documents. Raises UnusableError where one is broken and never was good: by the defaults calls could be
        logged that the site wants out of Dynamics, or with customers who did not call."""
        rules, matching = await asyncio.gather(
            self._worlds.documents.read(DOCUMENT, _read_rules), self._worlds.documents.read(MATCHING, _read_matching)
        )
        for name, document in ((DOCUMENT, rules), (MATCHING, matching)):
            if document.value is None and document.problem is not None:
                raise UnusableError(f"{name} cannot be used: {document.problem}")
        return rules.value or CallSync(), matching.value or CustomerMatching()

    async def site(self, rules: CallSync, matching: CustomerMatching) -> Site:
        """Both documents made ready. Raises DataverseError, EnreachError."""
        states: Mapping[int, int] = PHONE_CALL_STATES
        if rules.multiple_match_phone_call_status not in states:
            # Somebody may have added the status reason that the rules name.
            states = await self._states.get(None, lambda: self._worlds.dynamics.status_reasons(PHONE_CALL))
        return site_of(
            rules, matching, await self._own_numbers.get(None, lambda: read_own_numbers(self._worlds.enreach)), states
        )

    async def _texts(self, rules: CallSync) -> Texts:
        address = await self._worlds.enreach.recordings_address()
        column = rules.own_audit_column
        if column is None:
            return Texts(recording_url=address)
        lengths = await self._lengths.get(None, lambda: self._worlds.dynamics.text_lengths(PHONE_CALL))
        if column not in lengths:
            raise UnusableError(f"AuditColumn names {column}, and the phone call has no such text column")
        return Texts(recording_url=address, audit_length=lengths[column])
