"""What a run goes by: both documents, and which lists and queues the profiles mean."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.callback_sync.decide.profiles import Disabled, Resolved, Target, resolved
from functions.callback_sync.queries import queues_of
from functions.callback_sync.rules import DOCUMENT, CallbackProfile, CallbackProfiles
from functions.callback_sync.use_case.worlds import CallbackGateways
from shared.callbacks.records import CallbackRecord
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.dataverse.errors import DataverseError
from shared.enreach.errors import EnreachError
from shared.sync_runs import UnusableError

MATCHING = "customer-matching.json"
GOOD_FOR = timedelta(minutes=60)
"""How long lists and queues are remembered (guide 1.5.4: settings are cached for 60 minutes)."""

_GLANCE_EVERY_SECONDS = 60.0
_GLANCE_SECONDS = 1.0
"""A check of health that takes two seconds counts as one that does not answer."""

_read_rules = json_document(CallbackProfiles)
_read_matching = json_document(CustomerMatching)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Premises:
    """What a run goes by."""

    rules: CallbackProfiles
    matching: CustomerMatching
    resolved: Resolved

    def target_of(self, record: CallbackRecord) -> Target | None:
        """What the profile of a request means now: that of its name, else the one that has its list, since a profile
        may get another name. None where it is off."""
        by_list = (each for each in self.resolved.targets if each.list_key == record.list_id)
        return self.resolved.of_profile(record.profile) or next(by_list, None)

    def profile_of(self, record: CallbackRecord) -> CallbackProfile | None:
        """The active profile of a request, on or off; None where there is none any more."""
        by_name = (each for each in self.rules.active if each.name == record.profile)
        target = self.target_of(record)
        return next(by_name, None if target is None else target.profile)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was looked up, for which document, and when."""

    of: tuple[str | None, CallbackProfiles]
    at: datetime
    resolved: Resolved

    def is_good(self, of: tuple[str | None, CallbackProfiles], now: datetime) -> bool:
        if any(each.looked_up for each in self.resolved.disabled):
            return False  # whoever makes the queue or the list does not wait
        return self.of == of and timedelta() <= now - self.at < GOOD_FOR


class PremisesReader:
    """Reads them, and remembers for an hour what the profiles mean."""

    def __init__(self, worlds: CallbackGateways) -> None:
        self._worlds = worlds
        self._known: _Known | None = None
        self._glance_again_at = {False: float("-inf"), True: float("-inf")}
        self._told: frozenset[tuple[str, str]] = frozenset()

    async def documents(self) -> tuple[CallbackProfiles | None, CustomerMatching]:
        """Both documents; None where there are no profiles. Raises UnusableError where one is broken and never was
        good: phone calls are made once, so they would stay without the customer."""
        rules, matching, _ = await self._documents()
        return rules, matching

    async def read(self) -> Premises:
        """The premises now. Raises UnusableError, DataverseError, EnreachError. At most one request to each side, and
        none while nothing has changed for an hour."""
        rules, matching, etag = await self._documents()
        rules = rules or CallbackProfiles()
        of, now = (etag, rules), self._worlds.now()
        if self._known is None or not self._known.is_good(of, now):
            self._known = _Known(of, now, await self._looked_up(rules))
            self._tell(self._known.resolved)
        return Premises(rules, matching, self._known.resolved)

    async def glance(self, *, anew: bool = False) -> None:
        """Have `disabled` and `targets` say something in a process that runs nothing: the platform may answer for
        health on instances of their own. Asks at most once a minute, and waits a second. Raises UnusableError.

        `anew`: what is known may not be so any more.
        """
        now = asyncio.get_running_loop().time()
        if now < self._glance_again_at[anew]:
            return
        self._glance_again_at[anew] = now + _GLANCE_EVERY_SECONDS
        known = self._known
        if anew:
            self.forget()
        with contextlib.suppress(DataverseError, EnreachError, TimeoutError):
            async with asyncio.timeout(_GLANCE_SECONDS):
                await self.read()
        self._known = self._known or known

    @property
    def disabled(self) -> tuple[Disabled, ...]:
        """The profiles that were off when they were last looked at."""
        return () if self._known is None else self._known.resolved.disabled

    @property
    def targets(self) -> tuple[Target, ...]:
        """The profiles that were on then."""
        return () if self._known is None else self._known.resolved.targets

    def forget(self) -> None:
        """Look everything up anew with the next run: something is not as it was."""
        self._known = None

    async def _documents(self) -> tuple[CallbackProfiles | None, CustomerMatching, str | None]:
        rules, matching = await asyncio.gather(
            self._worlds.documents.read(DOCUMENT, _read_rules), self._worlds.documents.read(MATCHING, _read_matching)
        )
        for name, document in ((DOCUMENT, rules), (MATCHING, matching)):
            if document.value is None and document.problem is not None:
                raise UnusableError(f"{name} cannot be used: {document.problem}")
        return rules.value, matching.value or CustomerMatching(), rules.etag

    async def _looked_up(self, rules: CallbackProfiles) -> Resolved:
        if not rules.active:
            return Resolved()
        lists, queues = await asyncio.gather(
            self._worlds.enreach.callback_lists(), self._worlds.dynamics.query_many(queues_of(rules.active))
        )
        return resolved(rules, lists.items, (row for rows in queues for row in rows))

    def _tell(self, found: Resolved) -> None:
        """Each reason once."""
        now = frozenset((each.profile.name, each.reason) for each in found.disabled)
        for name, reason in sorted(now - self._told):
            _log.warning("Callback profile %s is off: %s", name, reason)
        self._told = now
