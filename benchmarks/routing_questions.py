"""What the app asks Dynamics about a customer of the contact centre, as finished requests and as configuration."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import cast

from benchmarks.contact_centre import MATCHING, RULES, caller
from functions.smart_routing.decide.plan import Needs, compile_rules, needs_of
from functions.smart_routing.queries import questions
from functions.smart_routing.rules import RoutingRules
from shared.config_documents import Document
from shared.customers import CustomerMatching, MatchKind
from shared.dataverse.odata import Part, batch_body

BATCH_TYPE = "multipart/mixed; boundary=bare"


@cache
def _configured() -> tuple[RoutingRules, CustomerMatching, Needs]:
    matching = CustomerMatching.model_validate(MATCHING, strict=False)
    rules = RoutingRules.model_validate(RULES, strict=False)
    plan = compile_rules(rules, matching.default_region)
    # The rule behind them needs extradata that no caller of the bench has, so the app does not ask for it either.
    return rules, matching, needs_of(plan.rules[:3], plan)


def batch_of(customer: int) -> tuple[bytes, int]:
    """The `$batch` that a call of this customer costs, and how many answers it has."""
    _, matching, needs = _configured()
    asked = questions(caller(customer), datetime.now(UTC), matching, needs)
    return batch_body([Part("GET", question.path()) for question in asked.values()], "bare"), len(asked)


class KnownDocuments:
    """The configuration, read before."""

    def __init__(self) -> None:
        rules, matching, _ = _configured()
        self._documents: dict[str, object] = {
            "routing.json": Document(rules),
            "customer-matching.json": Document(matching),
        }

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]:
        """The document of this name."""
        return cast(Document[T], self._documents[name])


class NoIndex:
    """The number index is off."""

    async def find(self, number: str, matching: CustomerMatching) -> Mapping[MatchKind, Sequence[str]] | None:
        """Nothing, so that Dynamics is asked."""
        return None
