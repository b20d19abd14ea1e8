"""What one run of call sync did, and how it may end."""

from dataclasses import dataclass, field

from functions.call_sync.use_case.handling import Handling
from shared.sync_runs import SyncRun


@dataclass(slots=True)
class Run(SyncRun):
    """What a run did: counts and reasons, nothing personal."""

    outcomes: dict[str, int] = field(default_factory=dict)
    written: int = 0
    tickets: int = 0

    def add(self, handling: Handling) -> None:
        """What was done beside the run's own calls."""
        self.written += handling.rows_written
        self.tickets += handling.tickets

    def count(self, handling: Handling) -> None:
        """What became of the run's own calls."""
        self.outcomes = dict(handling.outcomes)
        self.add(handling)
