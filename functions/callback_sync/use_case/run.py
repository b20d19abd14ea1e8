"""What one run of callback sync did, and how it may end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.callbacks.records import CallbackRecord

BUDGET = timedelta(minutes=4)
"""How long a run takes on new slices: the next tick goes on where it stopped (reliability, A13)."""


class NotNowError(Exception):
    """The run has nothing to do now; `str` says why."""


@dataclass(slots=True)
class Run:
    """What a run did: counts and reasons, nothing personal."""

    kind: str
    outcome: str = "failed"
    reason: str = ""
    profiles: int = 0
    """Profiles whose lists were read."""
    slices: int = 0
    seen: int = 0
    """Requests that Enreach gave."""
    outcomes: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    """Requests that were closed in Enreach."""
    unreadable: int = 0
    requests: int = 0
    """To Dataverse."""
    milliseconds: int = 0

    def count(self, records: Iterable[CallbackRecord]) -> None:
        """What became of requests."""
        self.outcomes.update(str(record.outcome) for record in records)
