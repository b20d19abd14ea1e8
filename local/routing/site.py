"""What the app has around routing, as it stands on this machine: its settings, its documents, Dataverse."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from functions.smart_routing.rules import RoutingRules
from functions.smart_routing.use_case import SmartRouting
from local.app_settings import UsageError
from shared.config_documents import BadDocumentError, Document, json_document
from shared.customers import CustomerMatching, MatchKind
from shared.dataverse.client import DataverseClient, open_client
from shared.settings import Settings

RULES, MATCHING = "routing.json", "customer-matching.json"
PATIENCE_SECONDS = 10.0
"""How long a look-up may take here; the app gives up at its own deadline, which the output compares with."""


class FileDocuments:
    """The documents of a folder, each read once. `rules` stands in for its routing.json. Raises UsageError."""

    def __init__(self, folder: Path, rules: Path | None = None) -> None:
        self._paths = {RULES: rules or folder / RULES, MATCHING: folder / MATCHING}
        self._known: dict[str, Document[Any]] = {
            RULES: self._parsed(RULES, json_document(RoutingRules)),
            MATCHING: self._parsed(MATCHING, json_document(CustomerMatching)),
        }
        if self._known[RULES].value is None:
            raise UsageError(f"there are no rules {self._paths[RULES]}")

    @property
    def rules(self) -> RoutingRules:
        """The rules that run."""
        rules = self._known[RULES].value
        assert isinstance(rules, RoutingRules)
        return rules

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]:
        """The document as it was when this object was made."""
        return self._known[name]

    def _parsed(self, name: str, parse: Callable[[bytes], object]) -> Document[Any]:
        path = self._paths[name]
        if not path.is_file():
            return Document(None)
        try:
            return Document(parse(path.read_bytes()))
        except BadDocumentError as error:
            raise UsageError(f"{path} cannot be used: {error}") from None


class NoNumberIndex:
    """Dataverse itself is searched by number: what the index would give, without its table."""

    async def find(self, number: str, matching: CustomerMatching) -> Mapping[MatchKind, Sequence[str]] | None:
        """Nothing is known without asking."""
        return None


call_time: ContextVar[datetime | None] = ContextVar("call_time", default=None)
"""The moment of the call that is being routed; None is now."""


def routing(documents: FileDocuments, dataverse: DataverseClient, settings: Settings) -> SmartRouting:
    """The app's routing on these documents, by the clock of `call_time`. It remembers no caller."""
    return SmartRouting(
        documents=documents,
        dynamics=dataverse,
        numbers=NoNumberIndex(),
        now=lambda: call_time.get() or datetime.now(UTC),
        deadline_seconds=settings.routing_deadline_seconds,
        cache_seconds=0,
    )


@asynccontextmanager
async def warm_dataverse(settings: Settings) -> AsyncIterator[DataverseClient]:
    """A client with a connection and a token, as the running app has. Raises DataverseError, SettingsError."""
    client = open_client(settings)
    try:
        await client.keep_warm()
        yield client
    finally:
        await client.close()


def masked(number: str | None) -> str:
    """A number as output may have it, which people send on."""
    if not number:
        return "-"
    return f"{number[:4]}…{number[-2:]}" if len(number) > 8 else "…"
