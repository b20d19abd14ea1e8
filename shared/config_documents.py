"""Documents in the blob container `config`: what a contact-centre administrator changes without a deployment.

A document is validated whole before it replaces the running version. A broken one, or storage that does not
answer, keeps the last good version and leaves the reason in `problem` (architecture, decision 5).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from shared.storage.files import FileMissingError, FileTooLargeError, StorageError, StoredFile

CONTAINER = "config"
CHECK_EVERY_SECONDS = 5.0
MAX_DOCUMENT_BYTES = 1024 * 1024
PATIENCE_SECONDS = 0.15
"""How long a check has callers wait who know what there was."""
CHECK_ENDS_SECONDS = 10.0
"""How long a check lasts at most, before another one is tried."""
RETRY_SECONDS = 1.0
"""How long a failure is remembered before storage has ever answered."""
_CLOCK_STEP = 0.001
"""Seconds by which a timer of the event loop may come early."""
_NO_ANSWER = "storage did not give the document"

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


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a check found, and when the next one is due.

    `known` says that storage answered at some time, be it that there is no such document.
    """

    document: Document[Any]
    refused_etag: str | None
    due_at: float
    known: bool = True


@dataclass(slots=True)
class _State:
    entry: _Entry | None = None
    check: asyncio.Task[None] | None = None
    check_began: float = 0.0
    stuck: bool = False
    """Whether the last check had to be ended: nobody waits for the next one."""


class ConfigDocuments:
    """The documents of one container, each looked at again by its ETag at most every `check_every` seconds.

    A check goes on when the callers that began it have left, one at a time for each document. Once storage has told
    what there is, callers wait a moment for news, measured from the start of the check; before, until the check ends.
    """

    def __init__(
        self, files: FileReader, *, check_every: float = CHECK_EVERY_SECONDS, check_ends: float = CHECK_ENDS_SECONDS
    ) -> None:
        self._files = files
        self._check_every = check_every
        self._check_ends = check_ends
        # Each reader of a document has its own state: two may take different parts of it.
        self._states: dict[tuple[str, Hashable], _State] = {}

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]:
        """The running version of a document. `parse` raises BadDocumentError for content that cannot be used; it is a
        function of a module or what `json_document` gives, so that the same one comes again.

        Never raises: a missing document has no value and no problem. A caller of whom little time is left leaves by
        its own deadline; the check goes on for those who come after it.
        """
        state = self._states.setdefault((name, parse), _State())
        check = self._check(name, parse, state)
        if check is not None:
            if state.entry is None or not state.entry.known:
                await asyncio.shield(check)
            elif not self._is_overdue(state):
                await asyncio.wait([check], timeout=self._patience(state))
        assert state.entry is not None
        if self._is_overdue(state):
            return replace(state.entry.document, problem=state.entry.document.problem or _NO_ANSWER)
        return state.entry.document

    def problems(self) -> dict[str, str]:
        """What is wrong, by the name of the document; those that are well, or missing without need, do not stand here.

        Of a document with a good version that version still runs.
        """
        found = {}
        for (name, _), state in self._states.items():
            problem = None if state.entry is None else state.entry.document.problem
            if problem is None and self._is_overdue(state):
                problem = _NO_ANSWER
            if problem is not None:
                found[name] = problem
        return found

    def _check[T](self, name: str, parse: Callable[[bytes], T], state: _State) -> asyncio.Task[None] | None:
        """The check under way, begun now if one is due."""
        loop = asyncio.get_running_loop()
        if state.check is not None and state.check.get_loop() is not loop:
            state.check = None  # its event loop has ended, and it with it
        if state.check is None and (state.entry is None or self._now() >= state.entry.due_at):
            state.check_began = self._now()
            state.check = loop.create_task(self._checked(name, parse, state))
        return state.check

    def _patience(self, state: _State) -> float:
        return 0.0 if state.stuck else state.check_began + PATIENCE_SECONDS - self._now()

    def _is_overdue(self, state: _State) -> bool:
        return state.check is not None and self._patience(state) < _CLOCK_STEP

    async def _checked[T](self, name: str, parse: Callable[[bytes], T], state: _State) -> None:
        old = state.entry
        try:
            async with asyncio.timeout(self._check_ends):
                state.entry = await self._fetched(name, parse, old)
            state.stuck = False
        except Exception as error:  # noqa: BLE001 - nobody may wait for this task who could take the exception
            state.stuck = isinstance(error, TimeoutError)
            kept = old.document if old is not None else Document[Any](None)
            problem = _NO_ANSWER if isinstance(error, StorageError | TimeoutError) else _no_reader(error)
            _log.warning("Configuration document %s could not be read: %s", name, problem)
            known = old is not None and old.known
            due_at = self._now() + (self._check_every if known else min(self._check_every, RETRY_SECONDS))
            refused = None if old is None else old.refused_etag
            state.entry = _Entry(replace(kept, problem=problem), refused, due_at, known)
        finally:
            state.check = None

    async def _fetched[T](self, name: str, parse: Callable[[bytes], T], old: _Entry | None) -> _Entry:
        try:
            etag = await self._files.version(CONTAINER, name)
            if old and etag == old.refused_etag:
                return self._entry(old.document, etag)
            if old and etag == old.document.etag:
                return self._entry(replace(old.document, problem=None))
            stored = await self._files.read(CONTAINER, name, max_bytes=MAX_DOCUMENT_BYTES)
            document = Document(parse(stored.data), None, stored.etag)
        except FileMissingError:
            return self._entry(Document(None))
        except (BadDocumentError, FileTooLargeError) as error:
            _log.warning("Configuration document %s is not used: %s", name, error)
            running = old.document if old else Document[Any](None)
            return self._entry(Document(running.value, str(error), running.etag), etag)
        _log.info("Configuration document %s is read", name)
        return self._entry(document)

    def _entry(self, document: Document[Any], refused_etag: str | None = None) -> _Entry:
        return _Entry(document, refused_etag, self._now() + self._check_every)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _no_reader(error: Exception) -> str:
    return f"the document could not be read ({type(error).__name__})"


@dataclass(frozen=True, slots=True)
class _JsonReader[M: BaseModel]:
    """Equal for the same model."""

    model: type[M]

    def __call__(self, data: bytes) -> M:
        try:
            value = self.model.model_validate_json(data)
        except ValidationError as error:
            places = [f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}" for item in error.errors()]
            raise BadDocumentError("; ".join(places)) from None
        json.loads(data, object_pairs_hook=_refuse_equal_keys)
        return value


def _refuse_equal_keys(pairs: list[tuple[str, object]]) -> None:
    """JSON takes the last of two equal keys (RFC 8259, section 4): somebody's rule would be gone without a word."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise BadDocumentError(f'the key "{key}" stands twice in one object: rename or remove one')
        seen.add(key)


def json_document[M: BaseModel](model: type[M]) -> Callable[[bytes], M]:
    """A parser for JSON documents of this model. Its errors name place and reason, never a value of the document."""
    return _JsonReader(model)
