"""What one run of callback sync did, and how it may end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.callbacks.records import CallbackRecord
from shared.sync_runs import GOES_ON, SyncRun


@dataclass(slots=True)
class Run(SyncRun):
    """What a run did: counts and reasons, nothing personal."""

    profiles: int = 0
    """Profiles whose lists were read."""
    seen: int = 0
    """Requests that Enreach gave."""
    outcomes: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    """Requests that were closed in Enreach."""

    def ended(self) -> None:
        """With a reason it is not done, but for the one that says that the next tick goes on."""
        if self.reason in {"", GOES_ON}:
            self.outcome = "done"

    def count(self, records: Iterable[CallbackRecord]) -> None:
        """What became of requests."""
        self.outcomes.update(str(record.outcome) for record in records)
