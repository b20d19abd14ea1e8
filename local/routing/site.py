"""What the app has around routing, as it stands on this machine: its settings, its documents, Dataverse."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from functions.smart_routing.rules import RoutingRules
from functions.smart_routing.use_case import SmartRouting
from shared.config_documents import BadDocumentError, Document, json_document
from shared.customers import CustomerMatching, MatchKind
from shared.dataverse.client import DataverseClient, open_client
from shared.settings import Settings, SettingsError, read_settings

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "local" / "config"
RULES, MATCHING = "routing.json", "customer-matching.json"
PATIENCE_SECONDS = 10.0
"""How long a look-up may take here; the app gives up at its own deadline, which the output compares with."""


class UsageError(Exception):
    """The command was given something that it cannot work with; the text says what to give instead."""


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


@contextmanager
def app_settings(path: Path | None) -> Iterator[Settings]:
    """The settings of the app, its environment filled as the local host does it. Raises UsageError."""
    file = path or next((each for each in _default_files() if each.is_file()), None)
    if file is None or not file.is_file():
        raise UsageError(f"there is no settings file {file or ROOT / 'local.settings.json'}")
    # A variable that is set already wins, as with Core Tools.
    added = {name: value for name, value in _values(file).items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield read_settings()
    except SettingsError as error:
        raise UsageError(f"{file}: {error}") from None
    finally:
        for name in added:
            os.environ.pop(name, None)


def _default_files() -> tuple[Path, ...]:
    return ROOT / "local.settings.json", ROOT / "local.settings.example.json"


def _values(path: Path) -> dict[str, str]:
    try:
        values = json.loads(path.read_bytes())["Values"]
    except (ValueError, KeyError, TypeError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise UsageError(f"{path} is no settings file: it needs Values, an object of texts")
    return values


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
