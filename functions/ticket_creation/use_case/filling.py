"""Compact requests, which hold a call id alone: the rest is asked of Enreach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.lookup import GOES_ON, Answer, NotOurs, requests_of_calls
from shared.calls.privacy import DOCUMENT, CallPrivacy, privacy_rules
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.enreach.errors import EnreachError
from shared.sync_runs import UnusableError
from shared.ticket_request import TicketRequest

PATIENCE = timedelta(hours=1)
"""How long Enreach may not know a call. It lists calls some minutes after their end at the latest (reliability 3.5)."""
_SOON = timedelta(minutes=5)

_read_privacy = json_document(CallPrivacy)


@dataclass(frozen=True, slots=True)
class Filled:
    """A request with all that is known, or what becomes of it without."""

    call_id: str
    request: TicketRequest | None = None
    result: Result = DONE
    reason: str = ""


class Filler:
    """Asks Enreach for what compact requests leave out."""

    def __init__(self, worlds: TicketGateways) -> None:
        self._worlds = worlds

    async def filled(
        self, requests: Sequence[TicketRequest], matching: CustomerMatching, now: datetime
    ) -> list[Filled]:
        """These requests, in their order. Enreach that does not answer has compact ones alone wait. Raises
        UnusableError where it is not known which calls may be known."""
        compact = [each for each in requests if each.is_compact]
        if not compact:
            return [Filled(each.call_id, each) for each in requests]
        privacy = await self._worlds.documents.read(DOCUMENT, _read_privacy)
        if privacy.value is None and privacy.problem is not None:
            raise UnusableError(f"{DOCUMENT} cannot be used: {privacy.problem}")
        found = await self._asked(compact, privacy.value or CallPrivacy(), matching.default_region, now)
        return [found.get(each.call_id) or Filled(each.call_id, each) for each in requests]

    async def _asked(
        self, compact: Sequence[TicketRequest], privacy: CallPrivacy, region: str | None, now: datetime
    ) -> dict[str, Filled]:
        if self._worlds.enreach is None:
            return _all_later(compact, "the app has no credentials for Enreach, which knows the call")
        asked = {each.call_id: _first_tried(each, now) for each in compact}
        try:
            answers = await requests_of_calls(self._worlds.enreach, asked, privacy_rules(privacy, region), now)
        except EnreachError as error:
            return _all_later(compact, f"Enreach could not be asked about the call: {type(error).__name__}")
        return {call_id: _filled(call_id, answer, now - asked[call_id]) for call_id, answer in answers.items()}


def _first_tried(request: TicketRequest, now: datetime) -> datetime:
    return now if request.delivery is None else request.delivery.since


def _all_later(requests: Sequence[TicketRequest], reason: str) -> dict[str, Filled]:
    return {each.call_id: Filled(each.call_id, None, Later(reason), reason) for each in requests}


def _filled(call_id: str, answer: Answer, waited: timedelta) -> Filled:
    match answer:
        case TicketRequest():
            return Filled(call_id, answer)
        case NotOurs(reason):
            return Filled(call_id, None, DONE, f"nothing of the call may be kept: {reason}")
    if answer.reason == GOES_ON or waited < PATIENCE:
        return Filled(call_id, None, Later(answer.reason, _SOON), answer.reason)
    return Filled(call_id, None, Refused("call-unknown", f"{answer.reason}, after an hour"), answer.reason)
