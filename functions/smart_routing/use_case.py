"""A call arrives: read the rules, ask what they need to know of the caller, decide, all before the deadline."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from functions.smart_routing.decide.answers import Decision, Default, decide
from functions.smart_routing.decide.call import Call, read_call
from functions.smart_routing.decide.facts import NOTHING_KNOWN, Facts
from functions.smart_routing.decide.plan import Needs, Plan, Shortlist, Skipped, compile_rules, needs_of, shortlist
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.queries import facts_of, questions
from functions.smart_routing.rules import RoutingRules
from shared.config_documents import Document, json_document
from shared.customers import CustomerMatching, MatchKind, RowReader, StoredSpellings, ask_of_caller
from shared.dataverse.errors import DataverseError
from shared.dataverse.meter import count_requests
from shared.health import Finding
from shared.health.documents import document_finding
from shared.recent import Recent

_log = logging.getLogger(__name__)
_NOT_ASKED = "not asked"
_LONGEST_TRAIL = 10
_MARGIN = 0.02
"""Seconds."""
_WITHOUT_DOCUMENT = CustomerMatching()
_record_text = json.JSONEncoder(ensure_ascii=False).encode


class DocumentReader(Protocol):
    """What this use case needs of the configuration; `shared.config_documents.ConfigDocuments` has it."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


class Dynamics(RowReader, Protocol):
    """What it needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    @property
    def breaker_state(self) -> str: ...


class NumberFinder(Protocol):
    """What it needs of the number index; `shared.number_index.index.NumberIndex` has it."""

    async def find(self, number: str, matching: CustomerMatching) -> Mapping[MatchKind, Sequence[str]] | None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision and all that led to it."""

    decision: Decision
    plan: Plan | None = None
    call: Call | None = None
    considered: Shortlist | None = None
    facts: Facts | None = None
    """None when nobody was asked."""

    @property
    def match(self) -> str:
        """What the caller turned out to be, as the log has it."""
        return _NOT_ASKED if self.facts is None else self.facts.caller.kind


class SmartRouting:
    """Answers routing questions. It remembers the compiled rules and, for seconds, what Dynamics said of a caller."""

    def __init__(
        self,
        *,
        documents: DocumentReader,
        dynamics: Dynamics,
        numbers: NumberFinder,
        now: Callable[[], datetime],
        deadline_seconds: float,
        cache_seconds: float,
        agent_lines: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`agent_lines` gives at once the numbers of agents in Enreach, by systemuserid."""
        self._agent_lines = agent_lines
        self._documents = documents
        self._dynamics = dynamics
        self._numbers = numbers
        self._now = now
        self._deadline = deadline_seconds
        self._compiled: tuple[RoutingRules, CustomerMatching, Plan] | None = None
        self._spellings = StoredSpellings()
        self._recent: Recent[tuple[str, Needs, int], Facts] = Recent(cache_seconds)

    async def route(self, request: RouteRequest) -> Decision:
        """The decision on this call, before the deadline: the default when it cannot be made in time.

        Leaves one log record without any number, name or target.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        with count_requests() as meter:
            try:
                async with asyncio.timeout(self._deadline):
                    outcome = await self.explain(request, within=self._deadline)
            except TimeoutError:
                outcome = Outcome(Default("the deadline was reached"))
            except DataverseError as error:
                outcome = Outcome(Default(f"Dataverse did not answer: {type(error).__name__}"))
        milliseconds = round((loop.time() - started) * 1000, 1)
        _log_outcome(outcome, milliseconds, meter.requests, self._dynamics.breaker_state)
        return outcome.decision

    async def warm_up(self) -> None:
        """Read the documents and compile the rules before a caller needs them."""
        rules, matching = await self._read()
        if rules.value is not None:
            self._plan(rules.value, matching.value or _WITHOUT_DOCUMENT)

    async def health(self) -> Sequence[Finding]:
        """How the documents are that decide about calls."""
        rules, matching = await self._read()
        missing = "there is none: every call keeps its default route"
        return (
            document_finding("routing.json", rules, when_missing=missing),
            document_finding("customer-matching.json", matching),
        )

    async def explain(self, request: RouteRequest, *, within: float) -> Outcome:
        """The decision with its facts. Raises DataverseError, in so many seconds at the latest."""
        started = asyncio.get_running_loop().time()
        rules, matching = await self._read()
        if rules.value is None:
            return Outcome(Default("there is no routing.json that can be used"))
        policy = matching.value or _WITHOUT_DOCUMENT
        plan = self._plan(rules.value, policy)
        call = read_call(request, self._now(), policy, plan.own_numbers)
        considered = shortlist(plan, call)
        facts = None
        if considered.need_caller:
            # The look-up ends just before our own deadline, so that the client learns that Dataverse did not answer.
            left = within - (asyncio.get_running_loop().time() - started) - _MARGIN
            facts = await self._facts(call, policy, plan, considered, max(0.0, left))
        decision = decide(considered.rules, facts or NOTHING_KNOWN, call, plan.region)
        return Outcome(decision, plan, call, considered, facts)

    async def _read(self) -> tuple[Document[RoutingRules], Document[CustomerMatching]]:
        # Side by side, since each may wait for storage for a while.
        return await asyncio.gather(
            self._documents.read("routing.json", json_document(RoutingRules)),
            self._documents.read("customer-matching.json", json_document(CustomerMatching)),
        )

    async def _facts(
        self, call: Call, matching: CustomerMatching, plan: Plan, considered: Shortlist, within: float
    ) -> Facts:
        number = call.customer_number
        if number is None:
            return NOTHING_KNOWN
        needs = needs_of(considered.rules, plan)

        async def ask() -> Facts:
            ids = await self._numbers.find(number, matching)
            answers = await ask_of_caller(
                self._dynamics,
                number,
                matching,
                lambda known, joined: questions(number, call.now, matching, needs, known, joined),
                self._spellings,
                ids,
                within=within,
            )
            return facts_of(number, call.now, matching, needs, answers, self._agent_lines())

        # What was asked under other documents is no answer to this: the plan is new with each of them.
        return await self._recent.get((number, needs, id(plan)), ask)

    def _plan(self, rules: RoutingRules, matching: CustomerMatching) -> Plan:
        known = self._compiled
        if known is None or known[0] is not rules or known[1] is not matching:
            known = (rules, matching, compile_rules(rules, matching.default_region))
            self._compiled = known
        return known[2]


def _log_outcome(outcome: Outcome, milliseconds: float, requests: int, breaker: str) -> None:
    decision = outcome.decision
    record = {
        "answer": type(decision).__name__.lower(),
        "rule": _without_numbers(decision.rule),
        "reason": decision.reason,
        "match": outcome.match,
        "milliseconds": milliseconds,
        "requests": requests,
        "breaker": breaker,
        "skipped": [_trail(each) for each in decision.skipped[:_LONGEST_TRAIL]],
    }
    _log.info("Routing decision %s", _record_text(record))


def _trail(skipped: Skipped) -> str:
    return f"{_without_numbers(skipped.rule)}: {skipped.reason}"


@lru_cache(maxsize=1024)
def _without_numbers(rule_name: str | None) -> str | None:
    """A rule's name as a log may have it: people write phone numbers into names."""
    return re.sub(r"[0-9][0-9 ()./-]{3,}[0-9]", "…", rule_name) if rule_name else rule_name
