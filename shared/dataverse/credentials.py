"""Who the app is towards Dataverse: one bearer token for the process, fetched when needed and shared."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from shared.clock import utc_now
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.settings import DataverseAuth, Settings, SettingsError

type FetchToken = Callable[[], Awaitable[tuple[str, datetime]]]
"""Gives a fresh token and the moment at which it ends. Raises DataverseError."""

_LOG = logging.getLogger(__name__)
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

_RENEW_AT = 0.8
"""Of a token's life. A fifth of an hour is left for Entra to come back."""
_SPARE = timedelta(seconds=30)
"""A token this close to its end is not sent any more: it could end on the way."""
_LEAST_USE = timedelta(seconds=10)
"""A token is used for so long even when it seems to have ended: with a wrong clock every call would fetch one."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
_PAUSE_WHEN_DENIED = timedelta(seconds=30)
_LONGEST_NAMED_PAUSE = timedelta(minutes=5)
_REFUSALS, _REFUSAL_WINDOW = 2, timedelta(minutes=1)
"""So many tokens that Dataverse did not take lead to a fetch; with more of them the token is not what is wrong."""


@dataclass(frozen=True, slots=True)
class _Held:
    value: str
    renew_at: datetime
    usable_until: datetime


class TokenCache:
    """The current token.

    However many ask at once, one fetch is under way; it goes on when those who wait for it give up. After 80 % of
    the token's life it is renewed in the background, and the old one is handed out for as long as it is valid.
    After a failed fetch there is a pause that grows, so that Entra is not asked by every request.
    """

    def __init__(self, fetch: FetchToken, clock: Callable[[], datetime] = utc_now) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: _Held | None = None
        self._fetching: asyncio.Task[str] | None = None
        self._failure: DataverseError | None = None
        self._failures = 0
        self._pause_ends = datetime.min.replace(tzinfo=UTC)
        self._refused: deque[datetime] = deque(maxlen=_REFUSALS)

    async def token(self) -> str:
        """A token to send now. Raises UnavailableError or DeniedError when there is none."""
        now = self._clock()
        held = self._held
        if held is not None and now < held.usable_until:
            if now >= held.renew_at and now >= self._pause_ends:
                self._renewal()
            return held.value
        if self._fetching is None and self._failure is not None and now < self._pause_ends:
            raise self._failure.with_traceback(None)
        # Shielded: the one who gives up waiting must not take the token away from the others.
        return await asyncio.shield(self._renewal())

    def discard(self, token: str) -> None:
        """Forget this token, which Dataverse did not take. A newer one stays.

        Kept all the same where the ones before it were refused within the last minute: another would be too.
        """
        if self._held is None or token != self._held.value:
            return
        now = self._clock()
        if len(self._refused) == _REFUSALS and now - self._refused[0] < _REFUSAL_WINDOW:
            return
        self._refused.append(now)
        self._held = None

    def _renewal(self) -> asyncio.Task[str]:
        """The fetch under way, begun now if there is none."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._renew())
            self._fetching.add_done_callback(self._renewed)
        return self._fetching

    async def _renew(self) -> str:
        value, ends = await self._fetch()
        now = self._clock()
        life = max(ends - now, timedelta(0))
        least = now + _LEAST_USE
        self._held = _Held(value, max(now + life * _RENEW_AT, least), max(ends - _SPARE, least))
        return value

    def _renewed(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._failures, self._failure = 0, None
        elif isinstance(error, DataverseError):
            self._failures, self._failure = self._failures + 1, error
            self._pause_ends = self._clock() + pause_after(error, self._failures)
            if self._held is not None:
                _LOG.warning("the token for Dataverse could not be renewed, the old one serves on: %s", error)


def pause_after(error: DataverseError, failures: int) -> timedelta:
    """How long no token is asked for after so many failures in a row (from 1)."""
    if isinstance(error, DeniedError):
        return _PAUSE_WHEN_DENIED
    if isinstance(error, UnavailableError) and error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), _LONGEST_NAMED_PAUSE)
    return min(_FIRST_PAUSE * (1 << min(failures - 1, 16)), _LONGEST_PAUSE)


def token_cache(settings: Settings) -> TokenCache:
    """The token source that DATAVERSE_AUTH names. Raises SettingsError when its settings cannot work."""
    if settings.dataverse_auth is DataverseAuth.DEVELOPMENT:
        return TokenCache(_development_token(settings.dataverse_url))
    from shared.dataverse.entra import entra_tokens

    return TokenCache(entra_tokens(settings))


def _development_token(url: str) -> FetchToken:
    """A fixed token that no real service takes, offered to a loopback address only."""
    if urlsplit(url).hostname not in _LOOPBACK_HOSTS:
        raise SettingsError(["DATAVERSE_AUTH=development works only with a DATAVERSE_URL on 127.0.0.1 or localhost"])

    async def fetch() -> tuple[str, datetime]:
        return "development", datetime.max.replace(tzinfo=UTC)

    return fetch
