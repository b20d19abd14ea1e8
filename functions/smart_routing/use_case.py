"""A call arrives: read the rules, find out who calls if a rule needs it, decide, all before the deadline."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Protocol

from functions.smart_routing.decide import Decision, Default, Plan, caller_columns, compile_rules, decide, shortlist
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.rules import RoutingRules
from shared.config_documents import Document, json_document
from shared.customers import NOBODY, CustomerMatching, RowReader, find_customer
from shared.dataverse.errors import DataverseError
from shared.dataverse.meter import count_requests

_log = logging.getLogger(__name__)
_NOT_ASKED = "not asked"
_LONGEST_TRAIL = 10
_MARGIN = 0.02
"""Seconds."""


class DocumentReader(Protocol):
    """What this use case needs of the configuration; `shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


class SmartRouting:
    """Answers routing questions. It remembers the compiled rules, nothing about calls."""

    def __init__(self, *, documents: DocumentReader, rows: RowReader, deadline_seconds: float) -> None:
        self._documents = documents
        self._rows = rows
        self._deadline = deadline_seconds
        self._compiled: tuple[RoutingRules, CustomerMatching, Plan] | None = None

    async def route(self, request: RouteRequest) -> Decision:
        """The decision on this call, before the deadline: the default when it cannot be made in time.

        Leaves one log record without any number, name or target.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        kind = _NOT_ASKED
        with count_requests() as meter:
            try:
                async with asyncio.timeout(self._deadline):
                    decision, kind = await self._decided(request, started + self._deadline)
            except TimeoutError:
                decision = Default("the deadline was reached")
            except DataverseError as error:
                decision = Default(f"Dataverse did not answer: {type(error).__name__}")
        _log_decision(decision, kind, round((loop.time() - started) * 1000, 1), meter.requests)
        return decision

    async def _decided(self, request: RouteRequest, deadline: float) -> tuple[Decision, str]:
        # Side by side, since each may wait for storage for a while.
        rules, matching = await asyncio.gather(
            self._documents.read("routing.json", json_document(RoutingRules)),
            self._documents.read("customer-matching.json", json_document(CustomerMatching)),
        )
        if rules.value is None:
            return Default("there is no routing.json that can be used"), _NOT_ASKED
        policy = matching.value or _WITHOUT_DOCUMENT
        plan = self._plan(rules.value, policy)
        candidates = shortlist(plan, request)
        wanted = caller_columns(candidates)
        if wanted is None:
            return decide(candidates, NOBODY, request, plan.region), _NOT_ASKED
        # The look-up ends just before our own deadline, so that the client learns that Dataverse did not answer.
        within = max(0.0, deadline - asyncio.get_running_loop().time() - _MARGIN)
        caller = await find_customer(self._rows, request.anum or "", policy, wanted, within=within)
        return decide(candidates, caller, request, plan.region), caller.kind

    def _plan(self, rules: RoutingRules, matching: CustomerMatching) -> Plan:
        known = self._compiled
        if known is None or known[0] is not rules or known[1] is not matching:
            known = (rules, matching, compile_rules(rules, matching.default_region))
            self._compiled = known
        return known[2]


_WITHOUT_DOCUMENT = CustomerMatching()


def _log_decision(decision: Decision, kind: str, milliseconds: float, requests: int) -> None:
    record = {
        "answer": type(decision).__name__.lower(),
        "rule": _without_numbers(decision.rule),
        "reason": decision.reason,
        "match": kind,
        "milliseconds": milliseconds,
        "requests": requests,
        "skipped": [f"{_without_numbers(each.rule)}: {each.reason}" for each in decision.skipped[:_LONGEST_TRAIL]],
    }
    _log.info("Routing decision %s", json.dumps(record, ensure_ascii=False))


def _without_numbers(rule_name: str | None) -> str | None:
    """A rule's name as a log may have it: people write phone numbers into names."""
    return re.sub(r"[0-9][0-9 ()./-]{3,}[0-9]", "…", rule_name) if rule_name else rule_name
