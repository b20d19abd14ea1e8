"""What one run of call sync did, and how it may end."""

from dataclasses import dataclass, field
from datetime import timedelta

from functions.call_sync.use_case.handling import Handling

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
    slices: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    written: int = 0
    tickets: int = 0
    unreadable: int = 0
    requests: int = 0
    """To Dataverse."""
    milliseconds: int = 0

    def add(self, handling: Handling) -> None:
        """What was done beside the run's own calls."""
        self.written += handling.rows_written
        self.tickets += handling.tickets

    def count(self, handling: Handling) -> None:
        """What became of the run's own calls."""
        self.outcomes = dict(handling.outcomes)
        self.add(handling)
