"""The checks of a process, asked for together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from shared.health.findings import Finding, Status
from shared.recent import Recent

PATIENCE_SECONDS = 2.0
"""How long one check may take. What watches the app asks for its health every few seconds."""
GOOD_FOR_SECONDS = 2.0
"""How long findings are given again: anybody may ask, and asking costs requests."""

_log = logging.getLogger(__name__)


type Check = Callable[[], Awaitable[Iterable[Finding]]]


class Health:
    """The checks of this process. A check that raises or takes too long is a finding itself."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS, good_for: float = GOOD_FOR_SECONDS) -> None:
        self._patience = patience
        self._checks: dict[str, Check] = {}
        self._recent: Recent[None, list[Finding]] = Recent(good_for)

    def add(self, name: str, check: Check) -> None:
        """One more check; `name` is what is told of when it does not come to its end."""
        self._checks[name] = check

    async def findings(self) -> Sequence[Finding]:
        """What all checks found, side by side, in the order in which they were added. Never raises.

        Of one name counts what was found first: who uses a thing knows more of it than who looks at all of them.
        """
        return await self._recent.get(None, self._found)

    async def _found(self) -> list[Finding]:
        found = await asyncio.gather(*(self._of(name, check) for name, check in self._checks.items()))
        named: dict[str, Finding] = {}
        for finding in (finding for findings in found for finding in findings):
            named.setdefault(finding.name, finding)
        return list(named.values())

    async def _of(self, name: str, check: Check) -> list[Finding]:
        try:
            async with asyncio.timeout(self._patience):
                return list(await check())
        except TimeoutError:
            return [Finding(name, Status.RED, f"no answer within {self._patience:g} s")]
        except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
            # The type alone: texts of exceptions repeat values.
            _log.error("The health check of %s failed: %s", name, type(error).__name__)
            return [Finding(name, Status.RED, f"the check failed ({type(error).__name__})")]
