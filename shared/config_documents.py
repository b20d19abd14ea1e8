"""Documents in the blob container `config`: what a contact-centre administrator changes without a deployment.

A document is validated whole before it replaces the running version. A broken one, or storage that does not
answer, keeps the last good version and leaves the reason in `problem` (architecture, decision 5).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from shared.storage.files import FileMissingError, FileTooLargeError, StorageError, StoredFile

CONTAINER = "config"
CHECK_EVERY_SECONDS = 5.0
MAX_DOCUMENT_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 0.5
"""How long a caller waits for a newer version while it has a good one."""

_log = logging.getLogger(__name__)


class BadDocumentError(ValueError):
    """The document cannot be used. Its text names each place and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Document[T]:
    """A configuration document as it stands: the running version (None: there is none) and what is wrong, if anything.

    `problem` beside a value means that a newer version could not be used and the last good one still runs.
    """

    value: T | None
    problem: str | None = None
    etag: str | None = None


class FileReader(Protocol):
    """What this module needs of blob storage; `shared.storage.files.Files` has it."""

    async def version(self, container: str, name: str) -> str: ...
    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile: ...


@dataclass(slots=True)
class _Entry:
    document: Document[Any]
    refused_etag: str | None
    checked_at: float


class ConfigDocuments:
    """The documents of one container, each looked at again by its ETag at most every five seconds."""

    def __init__(self, files: FileReader, *, check_every: float = CHECK_EVERY_SECONDS) -> None:
        self._files = files
        self._check_every = check_every
        self._entries: dict[str, _Entry] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]:
        """The running version of a document. `parse` raises BadDocumentError for content that cannot be used.

        Never raises: a missing document has no value and no problem.
        """
        entry = self._entries.get(name)
        if entry is None or self._now() - entry.checked_at >= self._check_every:
            async with self._locks.setdefault(name, asyncio.Lock()):
                entry = self._entries.get(name)
                if entry is None or self._now() - entry.checked_at >= self._check_every:
                    entry = await self._refreshed(name, parse, entry)
                    self._entries[name] = entry
        return entry.document

    async def _refreshed[T](self, name: str, parse: Callable[[bytes], T], old: _Entry | None) -> _Entry:
        last_good = old.document if old and old.document.value is not None else None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS if last_good else None):
                return await self._fetched(name, parse, old)
        except (StorageError, TimeoutError) as error:
            _log.warning("Configuration document %s could not be read: %s", name, error or type(error).__name__)
            running = last_good or Document[Any](None)
            document = replace(running, problem="storage did not give the document")
            return _Entry(document, old.refused_etag if old else None, self._now())

    async def _fetched[T](self, name: str, parse: Callable[[bytes], T], old: _Entry | None) -> _Entry:
        try:
            etag = await self._files.version(CONTAINER, name)
            if old and etag == old.refused_etag:
                return _Entry(old.document, etag, self._now())
            if old and etag == old.document.etag:
                return _Entry(replace(old.document, problem=None), None, self._now())
            stored = await self._files.read(CONTAINER, name, max_bytes=MAX_DOCUMENT_BYTES)
            document = Document(parse(stored.data), None, stored.etag)
        except FileMissingError:
            return _Entry(Document(None), None, self._now())
        except (BadDocumentError, FileTooLargeError) as error:
            _log.warning("Configuration document %s is not used: %s", name, error)
            running = old.document if old else Document[Any](None)
            return _Entry(Document(running.value, str(error), running.etag), etag, self._now())
        _log.info("Configuration document %s is read", name)
        return _Entry(document, None, self._now())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def json_document[M: BaseModel](model: type[M]) -> Callable[[bytes], M]:
    """A parser for JSON documents of this model. Its errors name place and reason, never a value of the document."""

    def parse(data: bytes) -> M:
        try:
            return model.model_validate_json(data)
        except ValidationError as error:
            places = [f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}" for item in error.errors()]
            raise BadDocumentError("; ".join(places)) from None

    return parse
