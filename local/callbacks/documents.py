"""Where the command finds `callback-profiles.json` and `enreach.json`: a folder, or the app's container `config`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from functions.callback_sync.rules import DOCUMENT, CallbackProfiles
from local.app_settings import UsageError
from shared.config_documents import BadDocumentError, ConfigDocuments, json_document
from shared.enreach.document import DOCUMENT as NAMES
from shared.enreach.document import EnreachDocument
from shared.settings import Settings
from shared.storage.files import open_files


class Documents(Protocol):
    """Gives a document; None where there is none. Raises UsageError for one that cannot be used."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> T | None: ...


class Folder:
    """The documents of a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError where there is no such folder."""
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}")
        self._folder = folder

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> T | None:
        """The document of this name, or None."""
        path = self._folder / name
        if not path.is_file():
            return None
        try:
            return parse(path.read_bytes())
        except BadDocumentError as error:
            raise UsageError(f"{path} cannot be used: {error}") from None


class Container:
    """The documents that the app reads."""

    def __init__(self, documents: ConfigDocuments) -> None:
        self._documents = documents

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> T | None:
        """The document of this name, or None."""
        document = await self._documents.read(name, parse)
        if document.problem is not None:
            raise UsageError(f"{name} of the container config cannot be used: {document.problem}")
        return document.value


@asynccontextmanager
async def open_documents(folder: Path | None, settings: Settings) -> AsyncIterator[Documents]:
    """The documents of the folder; without one, those in the storage of the settings."""
    if folder is not None:
        yield Folder(folder)
        return
    files = open_files(settings)
    try:
        yield Container(ConfigDocuments(files))
    finally:
        await files.close()


async def profiles(documents: Documents) -> CallbackProfiles | None:
    """The profiles, None where there is no document."""
    return await documents.read(DOCUMENT, json_document(CallbackProfiles))


async def names(documents: Documents) -> EnreachDocument:
    """How this customer's Enreach names things."""
    return await documents.read(NAMES, json_document(EnreachDocument)) or EnreachDocument()
