"""The worlds outside of the app, named once and opened once a process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

from shared import http_library
from shared.callbacks.ledger import CallbackLedger
from shared.calls.ledger import CallLedger
from shared.config_documents import ConfigDocuments, json_document
from shared.dataverse.client import DataverseClient, open_client
from shared.enreach.client import EnreachClient
from shared.enreach.client import open_client as open_enreach
from shared.enreach.errors import UnavailableError
from shared.health.board import Health
from shared.number_index.index import NumberIndex, open_number_index
from shared.settings import Settings
from shared.storage.files import Files, open_files
from shared.storage.messages import Messages, open_messages
from shared.storage.tables import Tables, open_tables
from shared.tickets.ledger import TicketLedger
from shared.users.users import Users, open_users

if TYPE_CHECKING:
    from shared.enreach.document import EnreachDocument


@dataclass(frozen=True, slots=True)
class Gateways:
    """What a capability may reach. Only triggers see all of it; a use case gets what it needs."""

    settings: Settings
    dataverse: DataverseClient
    files: Files
    documents: ConfigDocuments
    tables: Tables
    messages: Messages
    number_index: NumberIndex
    enreach: EnreachClient | None = None
    """None without credentials; `shared.enreach.client.credentials_of` says why."""
    health: Health = field(default_factory=Health)
    """Each capability adds what it knows of itself."""
    users: Users = field(init=False)
    calls: CallLedger = field(init=False)
    callbacks: CallbackLedger = field(init=False)
    tickets: TicketLedger = field(init=False)

    def __post_init__(self) -> None:
        users = open_users(self.settings, self.tables, self.dataverse, self.enreach)
        object.__setattr__(self, "users", users)  # frozen
        object.__setattr__(self, "calls", CallLedger(self.tables))
        object.__setattr__(self, "callbacks", CallbackLedger(self.tables))
        object.__setattr__(self, "tickets", TicketLedger(self.tables))

    def load_ahead(self) -> None:
        """While the platform takes up the functions, set up what the first caller should not wait for."""
        http_library.load_ahead()
        self.files.load_ahead()
        if self.number_index.key is not None:
            self.tables.load_ahead()


def open_gateways(settings: Settings) -> Gateways:
    """The gateways of this process. No request is made yet. Raises SettingsError."""
    files, tables = open_files(settings), open_tables(settings)
    documents = ConfigDocuments(files, check_every=settings.config_check_seconds)
    return Gateways(
        settings=settings,
        dataverse=open_client(settings),
        files=files,
        documents=documents,
        tables=tables,
        messages=open_messages(settings),
        number_index=open_number_index(settings, tables),
        enreach=open_enreach(settings, partial(enreach_document, documents)),
    )


async def enreach_document(documents: ConfigDocuments) -> "EnreachDocument":
    """How this customer's Enreach names things. Raises UnavailableError where that cannot be known.

    Read by our assumptions a private call could then pass for another one.
    """
    name, parse, without = _enreach_document_parts()
    document = await documents.read(name, parse)
    if document.value is None and document.problem is not None:
        raise UnavailableError(f"{name} cannot be used: {document.problem}")
    return document.value or without


@cache
def _enreach_document_parts() -> "tuple[str, Callable[[bytes], EnreachDocument], EnreachDocument]":
    """Its name, its parser, and what counts where there is none. Loaded with the first question to Enreach."""
    from shared.enreach.document import DOCUMENT, EnreachDocument

    return DOCUMENT, json_document(EnreachDocument), EnreachDocument()
